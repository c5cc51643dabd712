"use strict";
// Addresses, keys, dark and light.
{
  const {h, load} = atlas;

  const view = document.getElementById("view"),
    front = document.getElementById("front"),
    query = document.getElementById("query");
  const scrolled = new Map();

  let turn = 0,
    shownHash = null;

  // "#conv5/12" is a map, "#conv5" its layer, "#/class/3", "#/part/eye", "#/image/7" and "#/compare/conv5" the other pages.
  async function show() {
    const hash = location.hash.slice(1);
    if (hash === "main" && !atlas.front.layers.some((one) => one.name === "main")) return;
    if (shownHash !== null) scrolled.set(shownHash, scrollY);
    shownHash = hash;
    const mine = ++turn,
      words = hash.split("/").map((word) => {
        try {
          return decodeURIComponent(word);
        } catch {
          return word;
        }
      });
    const page = h("div", {class: "page"});
    atlas.current = null;
    let title = "";
    try {
      if (!hash) await atlas.pages.front();
      else if (words[0] === "" && words[1] === "compare") {
        title = "Compared";
        await atlas.pages.compare(page, words[2], words[3] === undefined ? undefined : Number(words[3]));
      } else if (words[0] === "" && ["class", "image", "part"].includes(words[1])) {
        title = words[1] === "class" ? atlas.className(Number(words[2])) : words.slice(1).join(" ");
        await atlas.pages[words[1]](page, words[1] === "part" ? words[2] : Number(words[2]));
      } else {
        const layer = atlas.front.layers.findIndex((one) => one.name === words[0]),
          map = words[1] === undefined ? null : Number(words[1]);
        if (layer < 0) throw new Error(`there is no layer ${words[0]}`);
        if (map !== null && !(Number.isInteger(map) && map >= 0 && map < atlas.front.layers[layer].maps))
          throw new Error(`${words[0]} has maps 0 to ${atlas.front.layers[layer].maps - 1}`);
        title = map === null ? words[0] : `${words[0]}/${map}`;
        if (map === null) await atlas.pages.layer(page, layer);
        else await atlas.pages.map(page, layer, map);
      }
    } catch (error) {
      page.replaceChildren(
        h("h1", {}, "Not here"),
        h("p", {}, `${error.message}.`),
        h("p", {}, h("a", {href: "#"}, "To the front page")),
      );
      title = "Not here";
    }
    if (mine !== turn) return;
    view.replaceChildren(page);
    view.hidden = !hash;
    front.hidden = !!hash;
    document.title = title ? `${title} – atlas of ${atlas.front.title}` : `Atlas of ${atlas.front.title}`;
    document.getElementById("layers").value = atlas.current ? atlas.current.layer : "";
    scrollTo(0, scrolled.get(hash) || 0);
    atlas.say(title || "Front page");
    document.body.dataset.shown = hash || "front";
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea") || document.getElementById("keys").open) return;
    if (event.key === "/") {
      event.preventDefault();
      query.focus();
    } else if (event.key === "?") document.getElementById("keys").showModal();
    else if (event.key === "t") theme();
    else if (event.key === "p" && atlas.current && atlas.current.play) atlas.current.play();
    else if (event.key.startsWith("Arrow")) arrow(event);
  }

  function arrow(event) {
    const tiles = [...document.querySelectorAll("#grid .tile")],
      at = tiles.indexOf(document.activeElement);
    if (tiles.length && (at >= 0 || ["ArrowRight", "ArrowDown"].includes(event.key))) {
      const top = tiles[0].getBoundingClientRect().top,
        across = Math.max(
          1,
          tiles.findIndex((one) => one.getBoundingClientRect().top > top + 4),
        );
      const to = at < 0 ? 0 : at + {ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across}[event.key];
      if (tiles[to]) {
        event.preventDefault();
        return tiles[to].focus();
      }
    }
    const one = document.querySelector(
      {ArrowLeft: "nav.steps a:first-child", ArrowRight: "nav.steps a:last-child", ArrowUp: "nav.steps a:nth-child(2)"}[
        event.key
      ],
    );
    if (one && view.contains(one)) {
      event.preventDefault();
      location.hash = one.getAttribute("href");
    } else if (event.key === "ArrowUp" && tiles.length && scrollY === 0) location.hash = "";
  }

  function theme() {
    const root = document.documentElement,
      dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem("atlas-theme", root.dataset.theme);
    } catch {
      /* a file may not remember */
    }
  }

  try {
    const kept = localStorage.getItem("atlas-theme");
    if (kept) document.documentElement.dataset.theme = kept;
  } catch {
    /* as above */
  }

  load("front").then((told) => {
    atlas.front = told;
    const layers = document.getElementById("layers"),
      middle = told.layers[Math.floor(told.layers.length / 2)];
    query.placeholder = `Search: ${middle.name}/${Math.min(12, middle.maps - 1)}${told.classes.length > 1 ? `, ${atlas.first(told.classes[0])}` : ""} …`;
    layers.append(...told.layers.map((about, layer) => h("option", {value: layer}, about.name)));
    layers.addEventListener("change", () => {
      location.hash = layers.value === "" ? "" : atlas.layerHash(Number(layers.value));
    });
    document.getElementById("theme").addEventListener("click", theme);
    document.getElementById("help").addEventListener("click", () => document.getElementById("keys").showModal());
    addEventListener("hashchange", show);
    addEventListener("keydown", keys);
    history.scrollRestoration = "manual";
    show();
  });
}

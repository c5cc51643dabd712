"use strict";
// The search over layers, maps, classes and parts: a list that opens under the field.
{
  const {h, load} = atlas;
  const query = document.getElementById("query"),
    results = document.getElementById("results");

  // What holds the text: [address, name, what it is, order], the best first.
  async function search(text) {
    const words = text.trim().toLowerCase(),
      found = [];
    if (!words) return found;
    const [, layerPart, mapPart] = words.match(/^(.*?)(?:[\/ ]?(\d+))?$/) || [],
      holds = (name) => name.toLowerCase().includes(words);
    atlas.front.layers.forEach((about, layer) => {
      const name = about.name.toLowerCase();
      if (mapPart !== undefined && Number(mapPart) < about.maps && (layerPart === "" || name.includes(layerPart)))
        found.push([
          atlas.mapHash(layer, Number(mapPart)),
          atlas.mapName(layer, Number(mapPart)),
          "map",
          name === layerPart ? 0 : 2,
        ]);
      if (name.includes(words))
        found.push([atlas.layerHash(layer), about.name, `layer, ${about.maps} maps`, name === words ? 0 : 1]);
    });
    const {classes, firsts, parts} = await load("search");
    for (const [name, maps] of Object.entries(parts))
      if (holds(name)) {
        found.push([`#/part/${encodeURIComponent(name)}`, name, `part, ${maps.length} maps lie on it`, 1]);
        for (const [layer, map, share] of maps.slice(0, 5))
          found.push([
            atlas.mapHash(layer, map),
            atlas.mapName(layer, map),
            `${name}: ${atlas.percent(share)} of its places`,
            2,
          ]);
      }
    atlas.front.classes.forEach((name, label) => {
      if (!holds(name)) return;
      found.push([`#/class/${label}`, atlas.first(name), "class", 1]);
      for (const [layer, map, precision] of (classes[label] || firsts[label] || []).slice(0, 3))
        found.push([
          atlas.mapHash(layer, map),
          atlas.mapName(layer, map),
          `${atlas.first(name)}${precision === null ? "" : `: AP ${atlas.digits(precision, 2)}`}`,
          2,
        ]);
    });
    return found.sort((a, b) => a[3] - b[3]).slice(0, 40);
  }

  let marked = -1;

  const options = () => [...results.querySelectorAll("li")];

  function mark(at) {
    marked = at;
    options().forEach((one, position) => one.setAttribute("aria-selected", position === at));
    query.setAttribute("aria-activedescendant", at >= 0 ? `r${at}` : "");
    if (at >= 0) options()[at].scrollIntoView({block: "nearest"});
  }

  function close() {
    results.hidden = true;
    query.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  const go = (hash) => {
    close();
    query.value = "";
    query.blur();
    location.hash = hash;
  };

  query.addEventListener("input", async () => {
    const asked = query.value,
      found = await search(asked);
    if (asked !== query.value) return;
    results.replaceChildren(
      ...found.map(([hash, name, what], at) =>
        h(
          "li",
          {
            role: "option",
            id: `r${at}`,
            "aria-selected": "false",
            "data-hash": hash,
            onmousedown: (event) => {
              event.preventDefault();
              go(hash);
            },
          },
          h("b", {}, name),
          " ",
          h("small", {}, what),
        ),
      ),
    );
    if (!found.length && asked.trim())
      results.append(h("li", {role: "option", "aria-selected": "false"}, "nothing found"));
    results.hidden = !asked.trim();
    query.setAttribute("aria-expanded", String(!results.hidden));
    mark(found.length ? 0 : -1);
  });

  query.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      query.blur();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const count = options().length;
      if (count) mark((marked + (event.key === "ArrowDown" ? 1 : count - 1)) % count);
    }
  });

  query.addEventListener("blur", () =>
    setTimeout(() => {
      if (document.activeElement !== query) close();
    }, 150),
  );

  document.getElementById("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const option = options()[marked];
    if (option && option.dataset.hash) go(option.dataset.hash);
  });
}

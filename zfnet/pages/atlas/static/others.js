"use strict";
// The front page's live parts, and the pages of classes, parts, images and the comparison.
{
  const {h, svg, put, load, number, digits, percent, className, link} = atlas;

  atlas.pages.front = async () => {
    const front = document.getElementById("front");
    if (front.dataset.live) return;
    front.dataset.live = "yes";
    const chips = document.getElementById("classes");
    if (chips) chips.append(...atlas.front.classes.slice(0, 1000).map((name, label) => h("li", {}, h("a", {href: `#/class/${label}`}, atlas.first(name)))));
    const shown = document.getElementById("shown");
    if (shown) shown.append(...atlas.front.shown.map((image) => h("a", {href: `#/image/${image}`, "aria-label": `image ${image}`},
      atlas.front.photographs ? h("img", {src: atlas.imageAt(image, false), alt: "", width: 88, height: 88, loading: "lazy"}) : h("span", {class: "cell nothing"}), h("small", {}, String(image)))));
    for (const strip of front.querySelectorAll(".strip")) watch(strip);
    if (atlas.front.example) example(document.getElementById("example"), ...atlas.front.example);
    const {parts} = await load("search"), names = Object.entries(parts).sort((a, b) => b[1].length - a[1].length);
    if (names.length) {
      const list = document.getElementById("parts");
      list.hidden = false;
      list.querySelector("ul").append(...names.map(([name, maps]) => h("li", {}, h("a", {href: `#/part/${encodeURIComponent(name)}`}, `${name} (${maps.length})`))));
    }
  };

  const strips = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { strips.unobserve(entry.target); fill(entry.target); }
  }, {rootMargin: "200px"});
  const watch = (strip) => strips.observe(strip);
  async function fill(strip) {
    const layer = Number(strip.dataset.layer), data = await load(`layer-${number(layer)}`), dead = new Set(data.dead);
    const worth = (map) => (data.precision[map][0] || [0, 0])[1] + 1e-6 * data.value[map][0], met = new Map();
    const sorted = [...Array(atlas.front.layers[layer].maps).keys()].filter((map) => !dead.has(map)).sort((a, b) => worth(b) - worth(a));
    const turns = new Map(sorted.map((map) => { const key = data.precision[map][0] ? data.precision[map][0][0] : `image ${data.image[map][0]}`; met.set(key, (met.get(key) || 0) + 1); return [map, met.get(key)]; }));
    const maps = sorted.sort((a, b) => turns.get(a) - turns.get(b) || worth(b) - worth(a)).slice(0, 8);  // each class, or image, once, then again
    strip.querySelector(".tiles").append(...maps.map((map) => link(layer, map, [atlas.caption(data, map, "")], {both: true, image: data.image[map][0], within: true})),
      h("a", {class: "more", href: atlas.layerHash(layer)}, "all →"));
  }

  async function example(place, layer, map) {
    const data = await load(`layer-${number(layer)}`), about = atlas.front.layers[layer], best = data.precision[map][0], count = Math.min(about.places, data.value[map].length);
    const cells = [...Array(count).keys()].map((rank) => h("span", {class: "place"}, atlas.large(layer, map, "projection", rank, 84, `projection ${rank + 1}`),
      about.rows.includes("patch") ? atlas.large(layer, map, "patch", rank, 84, `patch ${rank + 1}`) : null));
    place.append(h("p", {}, h("b", {}, "An example: "), h("a", {href: atlas.mapHash(layer, map)}, atlas.mapName(layer, map)),
      best ? `, which is a detector of ${className(best[0])} (average precision ${digits(best[1], 2)}). Above its projections, below them the patches. What shapes come back in most projections? Those make it answer; what differs from one to the next does not matter to it.` : ". Above its projections, below them the patches: what comes back in most projections makes it answer; what differs does not matter to it."),
      h("div", {class: "places"}, cells));
  }

  atlas.pages.class = async (view, label) => {
    const {classes, firsts} = await load("search"), judged = classes[label] || [], maps = judged.length ? judged : firsts[label] || [], images = atlas.front.class_images[label], total = atlas.front.class_images.reduce((a, b) => a + b, 0) || 1;
    put(view, h("h1", {}, atlas.front.classes[label] || "no class"),
      h("p", {class: "lead"}, `${images} images, ${percent(images / total)} of all. ${judged.length ? "The maps whose answers tell this class best from all others, by average precision:" : maps.length ? "Too few images, or no map's best class, so that no map is called its detector. The maps whose strongest image is one of it:" : ""}`),
      maps.length ? h("div", {class: "tiles"}, maps.map(([layer, map, precision]) => link(layer, map, [precision === null ? "" : `AP ${digits(precision, 2)}`], {both: true, width: 96}))) : h("p", {class: "note"}, "No map has it among its best classes, or as its strongest image."));
  };

  atlas.pages.part = async (view, name) => {
    const {parts} = await load("search"), maps = parts[name] || [];
    put(view, h("h1", {}, name), h("p", {class: "lead"}, "Maps with the middle of their projections on this part in at least a third of their strongest places, those first where it is most often so:"),
      h("div", {class: "tiles"}, maps.slice(0, 240).map(([layer, map, share]) => link(layer, map, [`${percent(share)} of places`], {both: true, width: 96}))));
  };

  atlas.pages.image = async (view, image) => {
    const [data, images] = await Promise.all([load(`image-${String(image).padStart(6, "0")}`), load("images")]), size = atlas.front.size;
    const [label, path] = images[image] || [-1, ""], heat = data.heat, at = `pictures/s-${String(image).padStart(6, "0")}.${atlas.front.image_ending}`;
    const boxes = svg("svg", {viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true"});
    const order = atlas.front.shown, here = order.indexOf(image);
    const step = (to, word) => (to === undefined ? h("span", {}, word) : h("a", {href: `#/image/${to}`}, word));
    const picture = (extra, alt) => h("div", {class: "frame"}, atlas.front.photographs ? h("img", {src: atlas.imageAt(image, true), alt, width: 224, height: 224}) : h("div", {class: "blank"}), extra);
    put(view, h("nav", {class: "steps", "aria-label": "Images"}, step(order[here - 1], "← before"), h("a", {href: "#"}, "front page"), step(order[here + 1], "next →")),
      h("h1", {}, `Image ${image}`, h("small", {}, ` ${className(label)}`)), h("p", {class: "lead"}, path),
      h("div", {class: "tiles top"}, h("figure", {}, picture(boxes, `image ${image}, ${className(label)}`), h("figcaption", {}, "as the network sees it")),
        heat ? h("figure", {}, picture(h("img", {class: "heat", src: `pictures/h-${String(image).padStart(6, "0")}.${atlas.front.heat_ending}`, alt: `Probability of ${heat.target} with each place hidden: from ${digits(heat.least, 2)}`}), ""),
          h("figcaption", {}, `probability of ${atlas.first(heat.target)} with a ${heat.size} px square hidden there: ${digits(heat.clean, 2)} untouched, at least ${digits(heat.least, 2)}, dark where it is low`)) : null,
        data.prediction.length ? h("table", {class: "meters"}, h("caption", {}, "Prediction"), h("tbody", {}, data.prediction.map(([name, p]) => h("tr", {}, h("th", {scope: "row"}, atlas.first(name)), h("td", {class: "bar-cell"}, h("span", {class: "meter", style: {width: `${100 * p}%`}})), h("td", {}, percent(p)))))) : null),
      h("p", {class: "note"}, "Of each layer the maps that answer most here, compared with the most that they answer to any image; point at one to see where."),
      h("div", {class: "strips"}, data.layers.map(({layer, maps}, row) => h("section", {class: "strip"}, h("h3", {}, h("a", {href: atlas.layerHash(layer)}, atlas.front.layers[layer].name)),
        h("div", {class: "tiles"}, maps.map(([map, value, share, top, left], column) => {
          const about = atlas.front.layers[layer], field = about.field || [size, size];
          const mark = () => boxes.replaceChildren(svg("rect", {x: left, y: top, width: field[1], height: field[0], class: "box"}));
          return h("a", {class: "maplink", href: atlas.mapHash(layer, map), onmouseenter: mark, onfocus: mark, "aria-label": `${atlas.mapName(layer, map)}, ${percent(share)} of its most`},
            atlas.cell(at, `projection of ${atlas.mapName(layer, map)}`, {columns: data.columns, rows: data.layers.length, column, row, width: 84, height: 84}), h("b", {}, String(map)), h("small", {}, `${percent(share)} of its most`));
        }))))));
  };

  atlas.pages.compare = async (view, name, map) => {
    const compared = await load("compared"), found = compared.pairs.find((pair) => atlas.front.layers[pair.here].name === name) || compared.pairs[compared.pairs.length - 1];
    const other = await elsewhere(compared.at), here = atlas.front.layers[found.here], there = other.layers[found.there];
    atlas.current = {layer: found.here, about: here};
    const order = [...found.partner.keys()].filter((one) => found.partner[one] >= 0).sort((a, b) => found.alike[b] - found.alike[a]);
    const chosen = map === undefined ? order : [map, ...order.filter((one) => one !== map)];
    const rows = h("div", {class: "pairs"});
    put(view, h("h1", {}, "Compared"), h("p", {class: "lead"}, `Left ${compared.title}, right ${compared.other}. Each map beside the one of the other network whose strongest answers to the same images correlate with its own, one to one, so that the sum of correlations is largest; those most alike first.`),
      h("form", {class: "controls"}, h("label", {}, "Layer ", h("select", {id: "pair", onchange: (event) => { location.hash = `#/compare/${encodeURIComponent(event.target.value)}`; }},
        compared.pairs.map((pair) => h("option", {value: atlas.front.layers[pair.here].name, selected: pair === found}, `${atlas.front.layers[pair.here].name} – ${other.layers[pair.there].name}`)))),
        h("span", {class: "note"}, `median r ${digits(median(order.map((one) => found.alike[one])), 2)} of ${order.length} pairs`)), rows);
    const three = (layer, one, about, base) => [...Array(Math.min(3, about.places)).keys()].map((rank) => h("span", {class: "place"}, atlas.large(layer, one, "projection", rank, 76, `projection ${rank + 1}`, base, about),
      about.rows.includes("patch") ? atlas.large(layer, one, "patch", rank, 76, `patch ${rank + 1}`, base, about) : null));
    let drawn = 0;
    const more = h("button", {type: "button", onclick: () => draw()}, "more");
    const draw = () => {
      rows.append(...chosen.slice(drawn, drawn + 40).map((one) => h("div", {class: `two ${one === map ? "chosen" : ""}`},
        h("a", {href: atlas.mapHash(found.here, one), class: "half"}, h("b", {}, `${here.name}/${one}`), h("span", {class: "places"}, three(found.here, one, here, ""))),
        h("span", {class: "r"}, "r ", digits(found.alike[one], 2)),
        h("a", {href: `${compared.at}index.html#${encodeURIComponent(there.name)}/${found.partner[one]}`, class: "half"}, h("b", {}, `${there.name}/${found.partner[one]}`), h("span", {class: "places"}, three(found.there, found.partner[one], there, compared.at))))));
      drawn += 40;
      more.hidden = drawn >= chosen.length;
    };
    draw();
    put(view, more);
  };

  const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  // The other atlas's front: its script calls atlas.take("front", ...) too.
  function elsewhere(at) {
    const own = atlas.front;
    return new Promise((resolve, reject) => {
      const script = h("script", {src: `${at}data/front.js`});
      const take = atlas.take;
      atlas.take = (key, value) => (key === "front" ? resolve(value) : take(key, value));
      script.onload = () => { atlas.take = take; atlas.front = own; };
      script.onerror = () => { atlas.take = take; reject(new Error(`${at} is missing`)); };
      document.head.append(script);
    });
  }
}

"use strict";
// A layer: every map as a tile, sorted and filtered.
{
  const {h, put, load, number, digits, percent, className} = atlas;
  const sorts = {
    number: ["number", (data, map) => map],
    strength: ["strength", (data, map) => -data.value[map][0]],
    precision: ["how well it tells its best class", (data, map) => -(data.precision[map][0] || [0, -1])[1]],
    selectivity: ["class selectivity", (data, map) => -(data.selectivity[map] ?? -1)],
    answered: ["share of images it answers to", (data, map) => -data.answered[map]],
    likeness: ["likeness", (data, map) => data.likeness[map]],
  };
  const said = {
    strength: ". Below each its strongest answer",
    answered: ". Below each the share of images with an answer above 0",
    selectivity: ". Below each the class it prefers, and its selectivity",
    class: ". Below each its best class and average precision, where that is above 0.25",
  };
  const ROWS = 8, // of a shelf
    GAP_PX = 8,
    CAPTION_PX = 46; // of a tile below its picture
  atlas.chosen = {sort: "number", kind: "projection", filter: "", dead: false};

  // The maps of a layer in the chosen order, less those that the filter leaves out.
  atlas.ordered = (data, about, chosen = atlas.chosen) => {
    const dead = new Set(data.dead),
      words = chosen.filter.trim().toLowerCase();
    let maps = [...Array(about.maps).keys()].filter((map) => chosen.dead || !dead.has(map));
    const key = words ? (d, map) => -match(d, map, words) : sorts[chosen.sort][1];
    if (words) maps = maps.filter((map) => match(data, map, words) > 0);
    const keys = new Map(maps.map((map) => [map, key(data, map)]));
    return maps.sort((a, b) => keys.get(a) - keys.get(b) || a - b);
  };

  // How many tiles stand side by side, of the width that the page has.
  function tilesAcross() {
    const main = document.getElementById("main"),
      {paddingLeft, paddingRight} = getComputedStyle(main),
      wide = matchMedia("(max-width: 480px)").matches ? 80 : 82;
    const room = main.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    return Math.max(1, Math.floor((room + GAP_PX) / (wide + GAP_PX)));
  }
  addEventListener("resize", () => atlas.current && atlas.current.fit && atlas.current.fit());

  // How well a map answers to the classes or parts whose names hold the words: 0 where it does not.
  function match(data, map, words) {
    const holds = (name) => name.toLowerCase().includes(words);
    let best = 0;
    const total = atlas.front.class_images.reduce((a, b) => a + b, 0) || 1;
    for (const [label, precision] of data.precision[map]) {
      const base = atlas.front.class_images[label] / total;
      if (precision > 2 * base && holds(atlas.front.classes[label])) best = Math.max(best, precision);
    }
    for (const [part, count] of data.parts[map])
      if (count >= 2 && holds(data.part_names[part])) best = Math.max(best, count / atlas.current.about.places);
    if (!data.precision[map].length && holds(className(data.label[map]))) best = Math.max(best, 0.5);
    if (data.name.length && holds(data.name[map])) best = Math.max(best, 1);
    return best;
  }

  // What a tile says of its map, beside its number.
  atlas.caption = (data, map, sort) => {
    const best = data.precision[map][0];
    if (data.name[map]) return atlas.first(data.name[map]);
    if (sort === "strength") return digits(data.value[map][0]);
    if (sort === "answered") return percent(data.answered[map]);
    if (sort === "selectivity") return `${digits(data.selectivity[map], 2)} ${className(data.favourite[map])}`; // long names are cut
    if (best && best[1] > 0.25) return `${digits(best[1], 2)} ${className(best[0])}`;
    const part = data.parts[map][0];
    if (part && part[1] >= 3) return data.part_names[part[0]];
    return best ? "" : className(data.label[map]); // where no class can be judged: that of its strongest image
  };

  atlas.pages.layer = async (view, layer) => {
    const about = atlas.front.layers[layer],
      data = await load(`layer-${number(layer)}`);
    atlas.current = {layer, data, about};
    const chosen = atlas.chosen,
      tiles = h("div", {class: "tiles grid", id: "grid"}),
      count = h("p", {class: "note", role: "status"});
    const classes = [...new Set(data.precision.flat().map(([label]) => className(label)))].sort();
    const names = [
      ...new Set([
        ...classes,
        ...(classes.length ? [] : data.label.map(className).filter(Boolean)),
        ...data.part_names.filter(Boolean),
        ...data.name,
      ]),
    ];
    const select = (label, name, options) =>
      h(
        "label",
        {},
        `${label} `,
        h(
          "select",
          {
            name,
            onchange: (event) => {
              chosen[name] = event.target.value;
              draw();
            },
          },
          options.map(([value, word]) => h("option", {value, selected: chosen[name] === value}, word)),
        ),
      );
    const filter = h("input", {
      type: "search",
      id: "filter",
      value: chosen.filter,
      list: "filters",
      placeholder: "class or part",
      autocomplete: "off",
      oninput: (event) => {
        chosen.filter = event.target.value;
        draw();
      },
    });
    const field = about.field
      ? `each place sees ${about.field.join(" × ")} px, a step is ${about.step[0]} px`
      : "every unit sees the whole image";
    put(
      view,
      h("h1", {}, about.name),
      h(
        "p",
        {class: "lead"},
        `${about.kind}, ${about.shape.join(" × ")}, ${about.parameters.toLocaleString("en")} parameters; ${field}.`,
      ),
      h(
        "form",
        {class: "controls", onsubmit: (event) => event.preventDefault()},
        select(
          "Sort by",
          "sort",
          Object.entries(sorts).map(([key, [word]]) => [key, word]),
        ),
        select(
          "Show",
          "kind",
          [
            ["projection", "strongest projection"],
            ["mean", `mean of ${about.places}`],
            ["patch", "strongest patch"],
          ].filter(([kind]) => about.kinds.includes(kind)),
        ),
        h("label", {}, "What answers to ", filter),
        h(
          "datalist",
          {id: "filters"},
          names.slice(0, 500).map((name) => h("option", {value: name})),
        ),
        data.dead.length
          ? h(
              "label",
              {},
              h("input", {
                type: "checkbox",
                id: "dead",
                checked: chosen.dead,
                onchange: (event) => {
                  chosen.dead = event.target.checked;
                  draw();
                },
              }),
              ` show ${data.dead.length} dead maps`,
            )
          : null,
        h(
          "a",
          {href: `#/compare/${encodeURIComponent(about.name)}`, class: "right", hidden: !atlas.front.compared},
          "compare",
        ),
      ),
      count,
      tiles,
    );
    let across = tilesAcross();
    const tall = (72 * about.small[0]) / about.small[1] + CAPTION_PX;
    draw();
    atlas.current.fit = fit;

    function draw() {
      const maps = atlas.ordered(data, about);
      count.textContent =
        `${maps.length} of ${about.maps} maps` +
        (data.dead.length && !chosen.dead ? `; ${data.dead.length} dead ones, never above 0, are folded away` : "") +
        (chosen.filter.trim() ? "; those first that tell it best" : "") +
        (said[chosen.sort] ||
          (data.precision.some((one) => one.length) ? said.class : ". Below each the class of its strongest image"));
      const of = across * ROWS;
      tiles.replaceChildren(
        ...Array.from({length: Math.ceil(maps.length / of)}, (_, at) => {
          const own = maps.slice(at * of, (at + 1) * of);
          return atlas.shelf(own.map(tile), across, Math.ceil(own.length / across) * (tall + GAP_PX) - GAP_PX);
        }),
      );
    }
    function fit() {
      if (across === tilesAcross()) return;
      across = tilesAcross();
      draw();
    }
    function tile(map) {
      const text = atlas.caption(data, map, chosen.sort);
      return h(
        "a",
        {class: "tile", href: atlas.mapHash(layer, map), "aria-label": `map ${map}${text ? `, ${text}` : ""}`},
        atlas.small(layer, map, chosen.kind, 72, "", about, {decorative: true, watched: false}),
        h("b", {}, String(map)),
        text ? h("small", {}, text) : null,
      );
    }
  };
}

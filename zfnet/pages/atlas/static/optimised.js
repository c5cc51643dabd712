"use strict";
// The image that gradient ascent made for a map.
{
  const {h, put, load, number, digits} = atlas;

  atlas.optimised = async (place, layer, map) => {
    const about = atlas.front.layers[layer],
      made = await load(`optimised-${number(layer)}`),
      at = made.maps.indexOf(map);
    if (at < 0) return;
    const width = 140,
      file = `pictures/o-${number(layer)}-${String(map).padStart(4, "0")}.${about.ending}`;
    const picture = atlas.cell(file, `image made for ${atlas.mapName(layer, map)}`, {
      columns: 1,
      rows: 1,
      column: 0,
      row: 0,
      width,
      height: (width * about.tile[0]) / about.tile[1],
      pixelated: about.pixelated,
      kind: "optimised",
    });
    put(
      place,
      h(
        "section",
        {"aria-labelledby": "h-optimised"},
        h("h2", {id: "h-optimised"}, "An image made for it"),
        h(
          "p",
          {class: "note"},
          "By gradient ascent from noise, held to be smooth: it shows what the map prefers and what the priors add; no image of the data looks like it.",
        ),
        h(
          "figure",
          {class: "rule"},
          picture,
          h(
            "figcaption",
            {},
            `answers ${digits(made.value[at])} before its ReLU, where the noise gave ${digits(made.start[at])}`,
          ),
        ),
      ),
    );
  };
}

"use strict";
// The page of an image: what the strongest maps of each layer see in it, and what hiding a place does.
{
  const {h, svg, put, load, digits, percent, className} = atlas;

  // A part of the image, [top, left, height, width] in its pixels, where it lies in the frame.
  function placed([top, left, height, width], size) {
    const share = (value) => `${(100 * value) / size}%`;
    return {inset: "auto", top: share(top), left: share(left), height: share(height), width: share(width)};
  }

  atlas.pages.image = async (view, image) => {
    const [data, images] = await Promise.all([load(`image-${String(image).padStart(6, "0")}`), load("images")]),
      size = atlas.front.size;
    const [label, path] = images[image] || [-1, ""],
      heat = data.heat,
      at = `pictures/s-${String(image).padStart(6, "0")}.${atlas.front.image_ending}`;
    const boxes = svg("svg", {viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true"});
    const order = atlas.front.shown,
      here = order.indexOf(image);
    const step = (to, word) => (to === undefined ? h("span", {}, word) : h("a", {href: `#/image/${to}`}, word));
    const picture = (extra, alt) =>
      h(
        "div",
        {class: "frame"},
        atlas.front.photographs
          ? h("img", {src: atlas.imageAt(image, true), alt, width: 224, height: 224})
          : h("div", {class: "blank"}),
        extra,
      );
    put(
      view,
      h(
        "nav",
        {class: "steps", "aria-label": "Images"},
        step(order[here - 1], "← before"),
        h("a", {href: "#"}, "front page"),
        step(order[here + 1], "next →"),
      ),
      h("h1", {}, `Image ${image}`, h("small", {}, ` ${className(label)}`)),
      h("p", {class: "lead"}, path),
      h(
        "div",
        {class: "tiles top"},
        h(
          "figure",
          {},
          picture(boxes, `image ${image}, ${className(label)}`),
          h("figcaption", {}, "as the network sees it"),
        ),
        heat
          ? h(
              "figure",
              {},
              picture(
                h("img", {
                  class: "heat",
                  style: placed(heat.box, size),
                  src: `pictures/h-${String(image).padStart(6, "0")}.${atlas.front.heat_ending}`,
                  alt: `Probability of ${heat.target} with each place hidden: from ${digits(heat.least, 2)}`,
                }),
                "",
              ),
              h(
                "figcaption",
                {},
                `probability of ${atlas.first(heat.target)} with a ${heat.size} px square hidden there: ${digits(heat.clean, 2)} untouched, at least ${digits(heat.least, 2)}, dark where it is low`,
              ),
            )
          : null,
        data.prediction.length
          ? h(
              "table",
              {class: "meters"},
              h("caption", {}, "Prediction"),
              h(
                "tbody",
                {},
                data.prediction.map(([name, p]) =>
                  h(
                    "tr",
                    {},
                    h("th", {scope: "row"}, atlas.first(name)),
                    h("td", {class: "bar-cell"}, h("span", {class: "meter", style: {width: `${100 * p}%`}})),
                    h("td", {}, percent(p)),
                  ),
                ),
              ),
            )
          : null,
      ),
      h(
        "p",
        {class: "note"},
        "Of each layer the maps that answer most here, compared with the most that they answer to any image; point at one to see where.",
      ),
      h(
        "div",
        {class: "strips"},
        data.layers.map(({layer, maps}, row) =>
          h(
            "section",
            {class: "strip"},
            h("h2", {}, h("a", {href: atlas.layerHash(layer)}, atlas.front.layers[layer].name)),
            h(
              "div",
              {class: "tiles"},
              maps.map(([map, value, share, top, left], column) => {
                const about = atlas.front.layers[layer],
                  field = about.field || [size, size];
                const mark = () =>
                  boxes.replaceChildren(
                    svg("rect", {x: left, y: top, width: field[1], height: field[0], class: "box"}),
                  );
                return h(
                  "a",
                  {
                    class: "maplink",
                    href: atlas.mapHash(layer, map),
                    onmouseenter: mark,
                    onfocus: mark,
                    "aria-label": `${atlas.mapName(layer, map)}, ${percent(share)} of its most`,
                  },
                  atlas.cell(at, `projection of ${atlas.mapName(layer, map)}`, {
                    columns: data.columns,
                    rows: data.layers.length,
                    column,
                    row,
                    width: 84,
                    height: 84,
                  }),
                  h("b", {}, String(map)),
                  h("small", {}, `${percent(share)} of its most`),
                );
              }),
            ),
          ),
        ),
      ),
    );
  };
}

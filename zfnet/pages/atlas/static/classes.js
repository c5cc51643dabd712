"use strict";
// The pages of a class and of a part.
{
  const {h, put, load, digits, percent, link} = atlas;

  atlas.pages.class = async (view, label) => {
    const {classes, firsts} = await load("search"),
      judged = classes[label] || [],
      maps = judged.length ? judged : firsts[label] || [],
      images = atlas.front.class_images[label],
      total = atlas.front.class_images.reduce((a, b) => a + b, 0) || 1;
    put(
      view,
      h("h1", {}, atlas.front.classes[label] || "no class"),
      h(
        "p",
        {class: "lead"},
        `${images} images, ${percent(images / total)} of all. ${judged.length ? "The maps whose answers tell this class best from all others, by average precision:" : maps.length ? "Too few images, or no map's best class, so that no map is called its detector. The maps whose strongest image is one of it:" : ""}`,
      ),
      maps.length
        ? h(
            "div",
            {class: "tiles"},
            maps.map(([layer, map, precision]) =>
              link(layer, map, [precision === null ? "" : `AP ${digits(precision, 2)}`], {both: true, width: 96}),
            ),
          )
        : h("p", {class: "note"}, "No map has it among its best classes, or as its strongest image."),
    );
  };

  atlas.pages.part = async (view, name) => {
    const {parts} = await load("search"),
      maps = parts[name] || [];
    put(
      view,
      h("h1", {}, name),
      h(
        "p",
        {class: "lead"},
        "Maps with the middle of their projections on this part in at least a third of their strongest places, those first where it is most often so:",
      ),
      h(
        "div",
        {class: "tiles"},
        maps
          .slice(0, 240)
          .map(([layer, map, share]) => link(layer, map, [`${percent(share)} of places`], {both: true, width: 96})),
      ),
    );
  };
}

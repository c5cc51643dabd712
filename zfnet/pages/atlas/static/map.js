"use strict";
// A map's page: its strongest places, rules and neighbours; what else is on it stands in the files before.
{
  const {h, svg, put, load, number, digits, percent, className, link} = atlas,
    {answers, classes, wires} = atlas.sections;

  atlas.pages.map = async (view, layer, map) => {
    const about = atlas.front.layers[layer];
    const [data, images] = await Promise.all([load(`layer-${number(layer)}`), load("images")]);
    atlas.current = {layer, map, data, about};
    const order = atlas.ordered(data, about),
      at = order.indexOf(map);
    const before = order[at - 1] ?? (at < 0 && map > 0 ? map - 1 : undefined),
      after = order[at + 1] ?? (at < 0 && map + 1 < about.maps ? map + 1 : undefined);
    const step = (to, word) =>
      to === undefined
        ? h("span", {}, word)
        : h("a", {href: atlas.mapHash(layer, to), rel: word.includes("→") ? "next" : "prev"}, word);
    const time = h("div", {id: "time"}),
      optimised = h("div");
    put(
      view,
      h(
        "nav",
        {class: "steps", "aria-label": "Maps"},
        step(before, "← before"),
        h("a", {href: atlas.layerHash(layer)}, `all of ${about.name}`),
        step(after, "next →"),
      ),
      h(
        "h1",
        {},
        h("a", {href: atlas.layerHash(layer)}, about.name),
        ` / ${map}`,
        data.name.length ? h("small", {}, ` ${data.name[map]}`) : null,
      ),
      h("p", {class: "lead"}, summary(data, map, about)),
      data.value[map].length && !data.dead.includes(map)
        ? places(layer, map, data, about, images)
        : h("p", {class: "note"}, "Dead: never above 0 on these images."),
      about.rules.length ? rules(layer, map, about) : null,
      optimised,
      h("div", {class: "columns"}, answers(data, map, about), classes(data, map)),
      time,
      wires(layer, map, data, about),
      neighbours(layer, map, data),
      compared(layer, map, about),
    );
    if (about.optimised) await atlas.optimised(optimised, layer, map);
    if (about.time) await atlas.time(time, layer, map);
  };

  function summary(data, map, about) {
    const parts = data.parts[map].filter(([, count]) => count >= Math.max(2, about.places / 3));
    const best = data.precision[map][0];
    return [
      `Its strongest answer is ${digits(data.value[map][0])}; it is above 0 somewhere in ${percent(data.answered[map])} of the images.`,
      best ? ` Best detector of ${className(best[0])}: average precision ${digits(best[1])}.` : "",
      parts.length
        ? ` Its projections lie on: ${parts.map(([part, count]) => `${data.part_names[part]} (${count} of ${about.places})`).join(", ")}.`
        : "",
    ].join("");
  }

  function places(layer, map, data, about, images) {
    const field = about.field || [atlas.front.size, atlas.front.size];
    const whole = h("div", {class: "whole", "aria-live": "polite"});
    const show = (rank) => {
      const image = data.image[map][rank],
        [label, path] = images[image] || [-1, ""],
        size = atlas.front.size;
      const [top, left] = data.corner[map][rank],
        focus = data.focus[map][rank];
      const boxed = {x: left, y: top, width: field[1], height: field[0], class: "box"};
      const hasPage = atlas.front.shown.includes(image);
      whole.replaceChildren(
        h(
          "div",
          {class: "frame"},
          atlas.front.photographs
            ? h("img", {
                src: atlas.imageAt(image, false),
                alt: `image ${image}, ${className(label)}`,
                width: 224,
                height: 224,
              })
            : h("div", {class: "blank"}),
          svg(
            "svg",
            {viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true"},
            about.field ? svg("rect", boxed) : null,
            focus ? svg("circle", {cx: focus[1], cy: focus[0], r: size / 60, class: "focus"}) : null,
          ),
        ),
        h(
          "p",
          {},
          h("b", {}, `place ${rank + 1}: ${digits(data.value[map][rank])}`),
          ` ${className(label)} `,
          h("small", {}, path),
          " ",
          hasPage ? h("a", {href: `#/image/${image}`}, "page of this image") : null,
        ),
      );
    };
    const cells = data.image[map].map((image, rank) => {
      const [label] = images[image] || [-1],
        drawn = rank < about.places;
      const patch = about.rows.includes("patch");
      return h(
        "button",
        {
          class: "place",
          type: "button",
          "aria-label": `place ${rank + 1}, ${digits(data.value[map][rank])}, ${className(label)}`,
          onmouseenter: () => show(rank),
          onfocus: () => show(rank),
          onclick: () => show(rank),
        },
        drawn
          ? atlas.large(layer, map, "projection", rank, 104, "projection")
          : atlas.front.photographs
            ? null
            : h("span", {class: "cell nothing"}),
        patch
          ? atlas.large(layer, map, "patch", rank, 104, "patch")
          : atlas.front.photographs
            ? h("img", {src: atlas.imageAt(image, false), alt: "", width: 104, height: 104, loading: "lazy"})
            : null,
        h("small", {}, `${digits(data.value[map][rank])} ${className(label)}`),
      );
    });
    show(0);
    const note =
      about.places < cells.length
        ? ` In fully connected layers the first ${about.places === 1 ? "one is" : `${about.places} are`} projected.`
        : "";
    return h(
      "section",
      {"aria-labelledby": "h-places"},
      h("h2", {id: "h-places"}, "Strongest places"),
      h(
        "p",
        {class: "note"},
        `One place an image, strongest first: the projection${atlas.front.photographs ? ", and the patch that it comes from" : ""}. Point at one, or tap it, to see where it lies.${note}`,
      ),
      h("div", {class: "placed"}, whole, h("div", {class: "places"}, cells)),
    );
  }

  function rules(layer, map, about) {
    return h(
      "section",
      {"aria-labelledby": "h-rules"},
      h("h2", {id: "h-rules"}, "The strongest place under three rules"),
      h(
        "div",
        {class: "tiles"},
        h(
          "figure",
          {class: "rule"},
          atlas.large(layer, map, "projection", 0, 140, `${atlas.front.rule} projection`),
          h("figcaption", {}, atlas.front.rule),
        ),
        about.rules.map((rule, at) =>
          h(
            "figure",
            {class: "rule"},
            atlas.large(layer, map, "rules", at, 140, `${rule} projection`),
            h("figcaption", {}, rule),
          ),
        ),
        about.rows.includes("patch")
          ? h(
              "figure",
              {class: "rule"},
              atlas.large(layer, map, "patch", 0, 140, "patch"),
              h("figcaption", {}, "patch"),
            )
          : null,
      ),
    );
  }

  function neighbours(layer, map, data) {
    const near = data.neighbours[map];
    return h(
      "section",
      {"aria-labelledby": "h-near"},
      h("h2", {id: "h-near"}, "Maps that answer alike"),
      near.length
        ? h(
            "div",
            {class: "tiles"},
            near.map(([one, alike]) => link(layer, one, [`r ${digits(alike, 2)}`], {within: true})),
          )
        : h("p", {class: "note"}, "None."),
      h("p", {class: "note"}, "Correlation of the strongest answers over all images."),
    );
  }

  function compared(layer, map, about) {
    if (!atlas.front.compared) return null;
    return h(
      "p",
      {},
      h(
        "a",
        {href: `#/compare/${encodeURIComponent(about.name)}/${map}`},
        `Its counterpart in ${atlas.front.compared}`,
      ),
    );
  }
}

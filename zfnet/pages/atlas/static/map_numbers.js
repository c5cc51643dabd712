"use strict";
// What a map's page says in numbers: its answers, its classes, its wires.
{
  const {h, svg, digits, percent, className, link} = atlas;

  function answers(data, map, about) {
    const bins = data.histogram[map],
      most = Math.max(...bins),
      width = 300,
      tall = 90;
    const bars = bins.map((count, at) => {
      const size = count ? Math.max(2, (tall * Math.log1p(count)) / Math.log1p(most)) : 0;
      return svg("rect", {x: (at * width) / bins.length, y: tall - size, width: width / bins.length - 1, height: size});
    });
    return h(
      "section",
      {"aria-labelledby": "h-answers"},
      h("h2", {id: "h-answers"}, "Its answers to all images"),
      svg(
        "svg",
        {
          class: "histogram",
          viewBox: `0 0 ${width} ${tall + 16}`,
          role: "img",
          "aria-label": `Histogram of the strongest answer to each image, from ${digits(data.low[map])} to ${digits(data.high[map])}`,
        },
        bars,
        svg("text", {x: 0, y: tall + 13}, digits(data.low[map])),
        svg("text", {x: width, y: tall + 13, "text-anchor": "end"}, digits(data.high[map])),
      ),
      h(
        "p",
        {class: "note"},
        `Its strongest answer to each of ${atlas.front.images.toLocaleString("en")} images; heights are logarithms of counts.`,
        data.selectivity[map] === null
          ? ""
          : ` Class selectivity ${digits(data.selectivity[map], 2)} for ${className(data.favourite[map])}.`,
      ),
    );
  }

  function classes(data, map) {
    const total = atlas.front.class_images.reduce((a, b) => a + b, 0) || 1,
      shares = data.share[map];
    const base = (label) => atlas.front.class_images[label] / total;
    if (!data.precision[map].length)
      return h(
        "section",
        {"aria-labelledby": "h-classes2"},
        h("h2", {id: "h-classes2"}, "Classes"),
        h("p", {class: "note"}, "No class has the five images that it takes to judge by."),
      );
    const line = (label, value, word) =>
      h(
        "tr",
        {},
        h("th", {scope: "row"}, h("a", {href: `#/class/${label}`}, className(label))),
        h(
          "td",
          {class: "bar-cell"},
          h("span", {class: "meter", style: {width: `${100 * value}%`}}),
          h("span", {class: "tick", style: {left: `${100 * base(label)}%`}}),
        ),
        h("td", {}, word),
      );
    return h(
      "section",
      {"aria-labelledby": "h-classes2"},
      h("h2", {id: "h-classes2"}, "Classes"),
      h(
        "table",
        {class: "meters"},
        h("caption", {}, `Among its ${data.strongest} strongest images (the tick: among all)`),
        h(
          "tbody",
          {},
          shares.map(([label, share]) => line(label, share, `${percent(share)}, all ${percent(base(label))}`)),
        ),
      ),
      h(
        "table",
        {class: "meters"},
        h("caption", {}, "As a detector: average precision (the tick: by chance)"),
        h(
          "tbody",
          {},
          data.precision[map].map(([label, precision]) => line(label, precision, digits(precision))),
        ),
      ),
    );
  }

  function wires(layer, map, data, about) {
    const below = data.below[map],
      above = data.above[map];
    const drive = below.filter(([, , given]) => given > 0),
      hold = below.filter(([, , given]) => given < 0);
    const shown = ([below, one, given, part]) =>
      link(below, one, [`${given > 0 ? "+" : ""}${digits(given)}`, percent(part)]);
    const why = about.wires ? `What drives it is left out: ${about.wires}.` : "";
    return h(
      "section",
      {"aria-labelledby": "h-wires", class: "wires"},
      h("h2", {id: "h-wires"}, "Wiring"),
      below.length
        ? h(
            "p",
            {class: "note"},
            `Which maps below drive it at its ${Math.min(about.places, data.value[map].length)} drawn places: the signal that one step of the projection sends down, times the activation that it meets, summed over the window and averaged over the places. For one step this is exact: all contributions sum to ${digits(data.total[map], 4)}, the answer before its ReLU less the bias of ${digits(data.bias[map], 3)}. Per cent: of the sum of all |contributions|.`,
          )
        : h("p", {class: "note"}, why || "Nothing below drives it at its places."),
      drive.length
        ? h("div", {class: "tiles", role: "group", "aria-label": "Maps below that drive it"}, drive.map(shown))
        : null,
      hold.length ? [h("h3", {}, "and which hold it back"), h("div", {class: "tiles"}, hold.map(shown))] : null,
      above.length
        ? [
            h("h3", {}, "Above, it has the largest part in"),
            h(
              "div",
              {class: "tiles"},
              above.map(([up, one, part]) => link(up, one, [percent(part)])),
            ),
          ]
        : null,
    );
  }

  atlas.sections = {answers, classes, wires};
}

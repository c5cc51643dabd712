"use strict";
// Two networks side by side.
{
  const {h, put, load, digits} = atlas;

  atlas.pages.compare = async (view, name, map) => {
    const compared = await load("compared"),
      found =
        compared.pairs.find((pair) => atlas.front.layers[pair.here].name === name) ||
        compared.pairs[compared.pairs.length - 1];
    const other = await elsewhere(compared.at),
      here = atlas.front.layers[found.here],
      there = other.layers[found.there];
    atlas.current = {layer: found.here, about: here};
    const order = [...found.partner.keys()]
      .filter((one) => found.partner[one] >= 0)
      .sort((a, b) => found.alike[b] - found.alike[a]);
    const chosen = order.includes(map) ? [map, ...order.filter((one) => one !== map)] : order;
    const alone = map !== undefined && !order.includes(map);
    const rows = h("div", {class: "pairs"});
    put(
      view,
      h("h1", {}, "Compared"),
      h(
        "p",
        {class: "lead"},
        `Left ${compared.title}, right ${compared.other}. Each map beside the one of the other network whose strongest answers to the same images correlate with its own, one to one, so that the sum of correlations is largest; those most alike first.`,
      ),
      h(
        "form",
        {class: "controls"},
        h(
          "label",
          {},
          "Layer ",
          h(
            "select",
            {
              id: "pair",
              onchange: (event) => {
                location.hash = `#/compare/${encodeURIComponent(event.target.value)}`;
              },
            },
            compared.pairs.map((pair) =>
              h(
                "option",
                {value: atlas.front.layers[pair.here].name, selected: pair === found},
                `${atlas.front.layers[pair.here].name} – ${other.layers[pair.there].name}`,
              ),
            ),
          ),
        ),
        h(
          "span",
          {class: "note"},
          `median r ${digits(median(order.map((one) => found.alike[one])), 2)} of ${order.length} pairs`,
        ),
      ),
      alone
        ? h("p", {class: "note"}, `${here.name}/${map} has no counterpart: ${there.name} has ${there.maps} maps.`)
        : null,
      rows,
    );
    const three = (layer, one, about, base) =>
      [...Array(Math.min(3, about.places)).keys()].map((rank) =>
        h(
          "span",
          {class: "place"},
          atlas.large(layer, one, "projection", rank, 76, `projection ${rank + 1}`, base, about),
          about.rows.includes("patch")
            ? atlas.large(layer, one, "patch", rank, 76, `patch ${rank + 1}`, base, about)
            : null,
        ),
      );
    let drawn = 0;
    const more = h("button", {type: "button", onclick: () => draw()}, "more");
    const draw = () => {
      rows.append(
        ...chosen
          .slice(drawn, drawn + 40)
          .map((one) =>
            h(
              "div",
              {class: `two ${one === map ? "chosen" : ""}`},
              h(
                "a",
                {href: atlas.mapHash(found.here, one), class: "half"},
                h("b", {}, `${here.name}/${one}`),
                h("span", {class: "places"}, three(found.here, one, here, "")),
              ),
              h("span", {class: "r"}, "r ", digits(found.alike[one], 2)),
              h(
                "a",
                {
                  href: `${compared.at}index.html#${encodeURIComponent(there.name)}/${found.partner[one]}`,
                  class: "half",
                },
                h("b", {}, `${there.name}/${found.partner[one]}`),
                h("span", {class: "places"}, three(found.there, found.partner[one], there, compared.at)),
              ),
            ),
          ),
      );
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
      script.onload = () => {
        atlas.take = take;
        atlas.front = own;
      };
      script.onerror = () => {
        atlas.take = take;
        reject(new Error(`${at} is missing`));
      };
      document.head.append(script);
    });
  }
}

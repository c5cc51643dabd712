"use strict";
// The front page's live parts: strips of maps, the worked example, parts, classes and images.
{
  const {h, load, number, digits, className, link} = atlas;

  atlas.pages.front = async () => {
    const front = document.getElementById("front");
    if (front.dataset.live) return;
    front.dataset.live = "yes";
    const chips = document.getElementById("classes");
    if (chips)
      chips.append(
        ...atlas.front.classes
          .slice(0, 1000)
          .map((name, label) => h("li", {}, h("a", {href: `#/class/${label}`}, atlas.first(name)))),
      );
    const shown = document.getElementById("shown");
    if (shown)
      shown.append(
        ...atlas.front.shown.map((image) =>
          h(
            "a",
            {href: `#/image/${image}`, "aria-label": `image ${image}`},
            atlas.front.photographs
              ? h("img", {src: atlas.imageAt(image, false), alt: "", width: 88, height: 88, loading: "lazy"})
              : h("span", {class: "cell nothing"}),
            h("small", {}, String(image)),
          ),
        ),
      );
    for (const strip of front.querySelectorAll(".strip")) watch(strip);
    if (atlas.front.example) example(document.getElementById("example"), ...atlas.front.example);
    const {parts} = await load("search"),
      names = Object.entries(parts).sort((a, b) => b[1].length - a[1].length);
    if (names.length) {
      const list = document.getElementById("parts");
      list.hidden = false;
      list
        .querySelector("ul")
        .append(
          ...names.map(([name, maps]) =>
            h("li", {}, h("a", {href: `#/part/${encodeURIComponent(name)}`}, `${name} (${maps.length})`)),
          ),
        );
    }
  };

  const strips = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          strips.unobserve(entry.target);
          fill(entry.target);
        }
    },
    {rootMargin: "200px"},
  );

  const watch = (strip) => strips.observe(strip);

  async function fill(strip) {
    const layer = Number(strip.dataset.layer),
      data = await load(`layer-${number(layer)}`),
      dead = new Set(data.dead);
    const worth = (map) => (data.precision[map][0] || [0, 0])[1] + 1e-6 * data.value[map][0],
      met = new Map();
    const sorted = [...Array(atlas.front.layers[layer].maps).keys()]
      .filter((map) => !dead.has(map))
      .sort((a, b) => worth(b) - worth(a));
    const turns = new Map(
      sorted.map((map) => {
        const key = data.precision[map][0] ? data.precision[map][0][0] : `image ${data.image[map][0]}`;
        met.set(key, (met.get(key) || 0) + 1);
        return [map, met.get(key)];
      }),
    );
    const maps = sorted.sort((a, b) => turns.get(a) - turns.get(b) || worth(b) - worth(a)).slice(0, 8); // each class, or image, once, then again
    strip
      .querySelector(".tiles")
      .append(
        ...maps.map((map) =>
          link(layer, map, [atlas.caption(data, map, "")], {both: true, image: data.image[map][0], within: true}),
        ),
        h("a", {class: "more", href: atlas.layerHash(layer)}, "all →"),
      );
  }

  async function example(place, layer, map) {
    const data = await load(`layer-${number(layer)}`),
      about = atlas.front.layers[layer],
      best = data.precision[map][0],
      count = Math.min(about.places, data.value[map].length);
    const cells = [...Array(count).keys()].map((rank) =>
      h(
        "span",
        {class: "place"},
        atlas.large(layer, map, "projection", rank, 84, `projection ${rank + 1}`),
        about.rows.includes("patch") ? atlas.large(layer, map, "patch", rank, 84, `patch ${rank + 1}`) : null,
      ),
    );
    place.append(
      h(
        "p",
        {},
        h("b", {}, "An example: "),
        h("a", {href: atlas.mapHash(layer, map)}, atlas.mapName(layer, map)),
        best
          ? `, which is a detector of ${className(best[0])} (average precision ${digits(best[1], 2)}). Above its projections, below them the patches. What shapes come back in most projections? Those make it answer; what differs from one to the next does not matter to it.`
          : ". Above its projections, below them the patches: what comes back in most projections makes it answer; what differs does not matter to it.",
      ),
      h("div", {class: "places"}, cells),
    );
  }
}

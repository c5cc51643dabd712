"use strict";
// The front page's live parts: strips of maps, the worked example, parts, classes and images.
{
  const {h, load, digits, className, link} = atlas;

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
    for (const strip of front.querySelectorAll(".strip")) strips.observe(strip);
    const told = await load("strips");
    if (told.example) example(document.getElementById("example"), told.example);
    if (told.parts.length) {
      const list = document.getElementById("parts");
      list.hidden = false;
      list
        .querySelector("ul")
        .append(
          ...told.parts.map(([name, count]) =>
            h("li", {}, h("a", {href: `#/part/${encodeURIComponent(name)}`}, `${name} (${count})`)),
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

  async function fill(strip) {
    const layer = Number(strip.dataset.layer),
      data = (await load("strips")).layers[layer];
    strip
      .querySelector(".tiles")
      .append(
        ...data.maps.map((map) =>
          link(layer, map, [atlas.caption(data, map, "")], {both: true, image: data.image[map], within: true}),
        ),
        h("a", {class: "more", href: atlas.layerHash(layer)}, "all →"),
      );
  }

  function example(place, {layer, map, best, places}) {
    const about = atlas.front.layers[layer];
    const cells = [...Array(places).keys()].map((rank) =>
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

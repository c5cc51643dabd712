"use strict";
// Pictures: parts of sprites as backgrounds, which are loaded when they come into view.
{
  const {h, number} = atlas;
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        watcher.unobserve(entry.target);
        const cells = entry.target.dataset.at ? [entry.target] : entry.target.querySelectorAll(".cell[data-at]");
        for (const cell of cells) cell.style.backgroundImage = `url("${cell.dataset.at}")`;
      }
    },
    {rootMargin: "300px"},
  );

  // Some rows of tiles that are watched, and laid out, together: thousands of watched tiles take 100 ms a frame.
  atlas.shelf = (tiles, across, height) => {
    const shelf = h("div", {class: "shelf"}, tiles);
    shelf.style.setProperty("--across", across);
    shelf.style.containIntrinsicSize = `auto 1px auto ${height}px`;
    watcher.observe(shelf);
    return shelf;
  };

  // A cell of a sprite of so many columns and rows, width_px wide.
  atlas.cell = (at, label, {columns, rows, column, row, width, height, pixelated, kind, watched}) => {
    const picture = h("span", {
      class: `cell ${pixelated ? "pixelated" : ""} ${kind || ""}`,
      role: "img",
      "aria-label": label,
      "data-at": at,
    });
    Object.assign(picture.style, {
      width: `${width}px`,
      height: `${height}px`,
      backgroundSize: `${100 * columns}% ${100 * rows}%`,
      backgroundPosition: `${columns > 1 ? (100 * column) / (columns - 1) : 0}% ${rows > 1 ? (100 * row) / (rows - 1) : 0}%`,
    });
    if (watched !== false) watcher.observe(picture);
    return picture;
  };

  // A map as a small tile: its strongest projection, the mean of all, or its strongest patch.
  atlas.small = (layer, map, kind, width = 72, base = "", about = atlas.front.layers[layer], {decorative, watched} = {}) => {
    const shown = about.kinds.includes(kind) ? kind : "projection";
    const block = Math.floor(map / about.sheet),
      at = map % about.sheet;
    const inBlock = Math.min(about.sheet, about.maps - block * about.sheet);
    const label = decorative ? "" : `${words[shown]} of ${about.name}/${map}`;
    const [tall, wide] = about.small;
    const picture = atlas.cell(
      `${base}pictures/t-${number(layer)}-${number(block)}-${shown}.${about.sheet_ending}`,
      label,
      {
        columns: about.sheet_columns,
        rows: Math.ceil(inBlock / about.sheet_columns),
        column: at % about.sheet_columns,
        row: Math.floor(at / about.sheet_columns),
        width,
        height: (width * tall) / wide,
        pixelated: about.pixelated && wide < width,
        kind: shown,
        watched,
      },
    );
    if (decorative) {
      picture.removeAttribute("role");
      picture.removeAttribute("aria-label");
      picture.setAttribute("aria-hidden", "true");
    }
    return picture;
  };
  const words = {projection: "strongest projection", mean: "mean projection", patch: "strongest patch"};

  // One of the pictures of a map's own sprite. what: "projection" or "patch" at a place, or "rules" at a rule.
  atlas.large = (layer, map, what, place, width, label, base = "", about = atlas.front.layers[layer]) => {
    const at = `${base}pictures/m-${number(layer)}-${String(map).padStart(4, "0")}.${about.ending}`;
    const [tall, wide] = about.tile;
    return atlas.cell(at, label, {
      columns: about.columns,
      rows: about.rows.length,
      column: place,
      row: about.rows.indexOf(what),
      width,
      height: (width * tall) / wide,
      pixelated: about.pixelated,
      kind: what,
    });
  };

  // A map's name for a narrow place: a long layer's on a line of its own, by its end.
  atlas.named = (layer, map) => {
    const {name} = atlas.front.layers[layer];
    return name.length <= 7
      ? h("b", {}, `${name}/${map}`)
      : [
          h("small", {class: "of", title: name}, name.length > 11 ? `…${name.slice(-10)}` : name),
          h("b", {}, String(map)),
        ];
  };

  atlas.imageAt = (image, large) =>
    `images/${large ? "l" : "i"}-${String(image).padStart(6, "0")}.${atlas.front.image_ending}`;

  // A link to a map with its picture and a line of text. within: among others of its layer, by its number alone.
  atlas.link = (layer, map, lines, {kind = "projection", width = 72, both = false, image, within = false} = {}) => {
    const about = atlas.front.layers[layer],
      pair = both && about.kinds.includes("patch"),
      whole = both && !pair && image !== undefined && atlas.front.photographs;
    const said = [atlas.mapName(layer, map), ...[lines].flat()].filter(Boolean).join(", ");
    const room = pair || whole ? 2 * width + 12 : Math.max(width + 10, 84);
    return h(
      "a",
      {class: "maplink", href: atlas.mapHash(layer, map), "aria-label": said, style: {width: `${room}px`}},
      h(
        "span",
        {class: "pair"},
        pair ? atlas.small(layer, map, "patch", width, "", about, {decorative: true}) : null,
        whole ? h("img", {src: atlas.imageAt(image, false), alt: "", width, height: width, loading: "lazy"}) : null,
        atlas.small(layer, map, kind, width, "", about, {decorative: true}),
      ),
      within ? h("b", {}, String(map)) : atlas.named(layer, map),
      [lines]
        .flat()
        .filter(Boolean)
        .map((line) => h("small", {}, line)),
    );
  };
}

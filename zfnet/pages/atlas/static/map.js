"use strict";
// A map: its strongest places, rules, numbers, epochs, wires and neighbours.
{
  const {h, svg, put, load, number, digits, percent, className, link} = atlas;

  atlas.pages.map = async (view, layer, map) => {
    const about = atlas.front.layers[layer];
    const [data, images] = await Promise.all([load(`layer-${number(layer)}`), load("images")]);
    atlas.current = {layer, map, data, about};
    const order = atlas.ordered(data, about), at = order.indexOf(map);
    const before = order[at - 1] ?? (at < 0 && map > 0 ? map - 1 : undefined), after = order[at + 1] ?? (at < 0 && map + 1 < about.maps ? map + 1 : undefined);
    const step = (to, word) => (to === undefined ? h("span", {}, word) : h("a", {href: atlas.mapHash(layer, to), rel: word.includes("→") ? "next" : "prev"}, word));
    const time = h("div", {id: "time"});
    put(view,
      h("nav", {class: "steps", "aria-label": "Maps"}, step(before, "← before"), h("a", {href: atlas.layerHash(layer)}, `all of ${about.name}`), step(after, "next →")),
      h("h1", {}, h("a", {href: atlas.layerHash(layer)}, about.name), ` / ${map}`, data.name.length ? h("small", {}, ` ${data.name[map]}`) : null),
      h("p", {class: "lead"}, summary(data, map, about)),
      data.value[map].length && !data.dead.includes(map) ? places(layer, map, data, about, images) : h("p", {class: "note"}, "Dead: never above 0 on these images."),
      about.rules.length ? rules(layer, map, about) : null,
      h("div", {class: "columns"}, answers(data, map, about), classes(data, map)),
      time, wires(layer, map, data, about), neighbours(layer, map, data),
      compared(layer, map, about));
    if (atlas.front.epochs.length) await atlas.time(time, layer, map);
  };

  function summary(data, map, about) {
    const parts = data.parts[map].filter(([, count]) => count >= Math.max(2, about.places / 3));
    const best = data.precision[map][0];
    return [
      `Its strongest answer is ${digits(data.value[map][0])}; it is above 0 somewhere in ${percent(data.answered[map])} of the images.`,
      best ? ` Best detector of ${className(best[0])}: average precision ${digits(best[1])}.` : "",
      parts.length ? ` Its projections lie on: ${parts.map(([part, count]) => `${data.part_names[part]} (${count} of ${about.places})`).join(", ")}.` : "",
    ].join("");
  }

  function places(layer, map, data, about, images) {
    const field = about.field || [atlas.front.size, atlas.front.size];
    const whole = h("div", {class: "whole", "aria-live": "polite"});
    const show = (rank) => {
      const image = data.image[map][rank], [label, path] = images[image] || [-1, ""], size = atlas.front.size;
      const [top, left] = data.corner[map][rank], focus = data.focus[map][rank];
      const boxed = {x: left, y: top, width: field[1], height: field[0], class: "box"};
      const hasPage = atlas.front.shown.includes(image);
      whole.replaceChildren(
        h("div", {class: "frame"}, atlas.front.photographs ? h("img", {src: atlas.imageAt(image, false), alt: `image ${image}, ${className(label)}`, width: 224, height: 224}) : h("div", {class: "blank"}),
          svg("svg", {viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true"}, about.field ? svg("rect", boxed) : null,
            focus ? svg("circle", {cx: focus[1], cy: focus[0], r: size / 60, class: "focus"}) : null)),
        h("p", {}, h("b", {}, `place ${rank + 1}: ${digits(data.value[map][rank])}`), ` ${className(label)} `, h("small", {}, path), " ",
          hasPage ? h("a", {href: `#/image/${image}`}, "page of this image") : null));
    };
    const cells = data.image[map].map((image, rank) => {
      const [label] = images[image] || [-1], drawn = rank < about.places;
      const patch = about.rows.includes("patch");
      return h("button", {class: "place", type: "button", "aria-label": `place ${rank + 1}, ${digits(data.value[map][rank])}, ${className(label)}`,
        onmouseenter: () => show(rank), onfocus: () => show(rank), onclick: () => show(rank)},
        drawn ? atlas.large(layer, map, "projection", rank, 104, "projection") : h("span", {class: "cell nothing"}),
        patch ? atlas.large(layer, map, "patch", rank, 104, "patch")
          : atlas.front.photographs ? h("img", {src: atlas.imageAt(image, false), alt: "", width: 104, height: 104, loading: "lazy"}) : null,
        h("small", {}, `${digits(data.value[map][rank])} ${className(label)}`));
    });
    show(0);
    const note = about.places < cells.length ? ` In fully connected layers the first ${about.places === 1 ? "one is" : `${about.places} are`} projected.` : "";
    return h("section", {"aria-labelledby": "h-places"}, h("h2", {id: "h-places"}, "Strongest places"),
      h("p", {class: "note"}, `One place an image, strongest first: the projection${atlas.front.photographs ? ", and the patch that it comes from" : ""}. Point at one, or tap it, to see where it lies.${note}`),
      h("div", {class: "placed"}, whole, h("div", {class: "places"}, cells)));
  }

  function rules(layer, map, about) {
    return h("section", {"aria-labelledby": "h-rules"}, h("h2", {id: "h-rules"}, "The strongest place under three rules"),
      h("div", {class: "tiles"},
        h("figure", {class: "rule"}, atlas.large(layer, map, "projection", 0, 140, `${atlas.front.rule} projection`), h("figcaption", {}, atlas.front.rule)),
        about.rules.map((rule, at) => h("figure", {class: "rule"}, atlas.large(layer, map, "rules", at, 140, `${rule} projection`), h("figcaption", {}, rule))),
        about.rows.includes("patch") ? h("figure", {class: "rule"}, atlas.large(layer, map, "patch", 0, 140, "patch"), h("figcaption", {}, "patch")) : null));
  }

  function answers(data, map, about) {
    const bins = data.histogram[map], most = Math.max(...bins), width = 300, tall = 90;
    const bars = bins.map((count, at) => {
      const size = count ? Math.max(2, (tall * Math.log1p(count)) / Math.log1p(most)) : 0;
      return svg("rect", {x: (at * width) / bins.length, y: tall - size, width: width / bins.length - 1, height: size});
    });
    return h("section", {"aria-labelledby": "h-answers"}, h("h2", {id: "h-answers"}, "Its answers to all images"),
      svg("svg", {class: "histogram", viewBox: `0 0 ${width} ${tall + 16}`, role: "img", "aria-label": `Histogram of the strongest answer to each image, from ${digits(data.low[map])} to ${digits(data.high[map])}`}, bars,
        svg("text", {x: 0, y: tall + 13}, digits(data.low[map])), svg("text", {x: width, y: tall + 13, "text-anchor": "end"}, digits(data.high[map]))),
      h("p", {class: "note"}, `Its strongest answer to each of ${atlas.front.images.toLocaleString("en")} images; heights are logarithms of counts.`,
        data.selectivity[map] === null ? "" : ` Class selectivity ${digits(data.selectivity[map], 2)} for ${className(data.favourite[map])}.`));
  }

  function classes(data, map) {
    const total = atlas.front.class_images.reduce((a, b) => a + b, 0) || 1, shares = data.share[map];
    const base = (label) => atlas.front.class_images[label] / total;
    if (!data.precision[map].length)
      return h("section", {"aria-labelledby": "h-classes2"}, h("h2", {id: "h-classes2"}, "Classes"), h("p", {class: "note"}, "No class has the five images that it takes to judge by."));
    const line = (label, value, word) => h("tr", {}, h("th", {scope: "row"}, h("a", {href: `#/class/${label}`}, className(label))),
      h("td", {class: "bar-cell"}, h("span", {class: "meter", style: {width: `${100 * value}%`}}), h("span", {class: "tick", style: {left: `${100 * base(label)}%`}})), h("td", {}, word));
    return h("section", {"aria-labelledby": "h-classes2"}, h("h2", {id: "h-classes2"}, "Classes"),
      h("table", {class: "meters"}, h("caption", {}, `Among its ${data.strongest} strongest images (the tick: among all)`),
        h("tbody", {}, shares.map(([label, share]) => line(label, share, `${percent(share)}, all ${percent(base(label))}`)))),
      h("table", {class: "meters"}, h("caption", {}, "As a detector: average precision (the tick: by chance)"),
        h("tbody", {}, data.precision[map].map(([label, precision]) => line(label, precision, digits(precision))))));
  }

  function wires(layer, map, data, about) {
    const below = data.below[map], above = data.above[map];
    const drive = below.filter(([, , given]) => given > 0), hold = below.filter(([, , given]) => given < 0);
    const shown = ([below, one, given, part]) => link(below, one, [`${given > 0 ? "+" : ""}${digits(given)}`, percent(part)]);
    const why = about.wires ? `What drives it is left out: ${about.wires}.` : "";
    return h("section", {"aria-labelledby": "h-wires", class: "wires"}, h("h2", {id: "h-wires"}, "Wiring"),
      below.length ? h("p", {class: "note"}, `Which maps below drive it at its ${Math.min(about.places, data.value[map].length)} drawn places: the signal that one step of the projection sends down, times the activation that it meets, summed over the window and averaged over the places. For one step this is exact: all contributions sum to ${digits(data.total[map], 4)}, the answer before its ReLU less the bias of ${digits(data.bias[map], 3)}. Per cent: of the sum of all |contributions|.`) : h("p", {class: "note"}, why || "Nothing below drives it at its places."),
      drive.length ? h("div", {class: "tiles", role: "group", "aria-label": "Maps below that drive it"}, drive.map(shown)) : null,
      hold.length ? [h("h3", {}, "and which hold it back"), h("div", {class: "tiles"}, hold.map(shown))] : null,
      above.length ? [h("h3", {}, "Above, it has the largest part in"), h("div", {class: "tiles"}, above.map(([up, one, part]) => link(up, one, [percent(part)])))] : null);
  }

  function neighbours(layer, map, data) {
    const near = data.neighbours[map];
    return h("section", {"aria-labelledby": "h-near"}, h("h2", {id: "h-near"}, "Maps that answer alike"),
      near.length ? h("div", {class: "tiles"}, near.map(([one, alike]) => link(layer, one, [`r ${digits(alike, 2)}`], {within: true}))) : h("p", {class: "note"}, "None."),
      h("p", {class: "note"}, "Correlation of the strongest answers over all images."));
  }

  function compared(layer, map, about) {
    if (!atlas.front.compared) return null;
    return h("p", {}, h("a", {href: `#/compare/${encodeURIComponent(about.name)}/${map}`}, `Its counterpart in ${atlas.front.compared}`));
  }

  // The slider over epochs.
  atlas.time = async (place, layer, map) => {
    const about = atlas.front.layers[layer];
    let time;
    try { time = await load(`time-${number(layer)}`); } catch { return; }
    const at = time.maps.indexOf(map), width = 140;
    if (at < 0) return void place.append(h("section", {}, h("h2", {}, "Time"), h("p", {class: "note"}, `Followed through the training were the maps ${time.maps.join(", ")} of this layer.`)));
    const sprite = `pictures/e-${number(layer)}-${String(map).padStart(4, "0")}.${about.ending}`;
    const count = time.epochs.length, frame = h("div", {class: "tiles", id: "frame"}), told = h("output", {id: "epoch"});
    const cell = (epoch, row, label) => atlas.cell(sprite, label, {columns: count, rows: time.rows, column: epoch, row, width, height: (width * about.tile[0]) / about.tile[1], pixelated: about.pixelated, kind: "epoch"});
    const slider = h("input", {type: "range", id: "slider", min: 0, max: count - 1, value: count - 1, "aria-label": "Epoch", oninput: () => draw()});
    const play = h("button", {type: "button", id: "play", onclick: () => toggle()}, "▶ play");
    let timer = null;
    const toggle = () => {
      if (timer) { clearInterval(timer); timer = null; play.textContent = "▶ play"; return; }
      play.textContent = "❚❚ stop";
      timer = setInterval(() => { if (!slider.isConnected) return clearInterval(timer); slider.value = (Number(slider.value) + 1) % count; draw(); }, 700);
    };
    atlas.current.play = toggle;
    const subject = time.alike ? time.alike[at].findIndex((_, epoch) => time.alike[at].slice(epoch).every((r) => r >= 0.7)) : -1;
    const draw = () => {
      const epoch = Number(slider.value), label = time.label[at][epoch];
      frame.replaceChildren(time.rows ? cell(epoch, 0, `projection after epoch ${time.epochs[epoch]}`) : "", time.rows > 1 ? cell(epoch, 1, `patch after epoch ${time.epochs[epoch]}`) : "");
      told.textContent = `epoch ${time.epochs[epoch]}: ${digits(time.value[at][epoch])} ${className(label)}` + (time.alike ? `, r ${digits(time.alike[at][epoch], 2)}` : "");
      slider.setAttribute("aria-valuetext", told.textContent);
    };
    place.append(h("section", {"aria-labelledby": "h-time"}, h("h2", {id: "h-time"}, "Time"),
      h("p", {class: "note"}, `Its strongest place after epochs ${time.epochs.join(", ")}.` + (time.alike ? ` r: how its answers to all images correlate with those it gives now. ${subject >= 0 ? `From epoch ${time.epochs[subject]} on r stays at 0.7 or above: there it had found its subject.` : ""}` : "")),
      h("div", {class: "slide"}, play, slider, told), frame));
    draw();
  };
}

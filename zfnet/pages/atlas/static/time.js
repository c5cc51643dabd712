"use strict";
// A map's slider over the epochs of the training.
{
  const {h, load, number, digits, className} = atlas;

  atlas.time = async (place, layer, map) => {
    const about = atlas.front.layers[layer];
    const time = await load(`time-${number(layer)}`);
    const at = time.maps.indexOf(map),
      width = 140;
    if (at < 0)
      return void place.append(
        h(
          "section",
          {},
          h("h2", {}, "Time"),
          h("p", {class: "note"}, `Followed through the training were the maps ${time.maps.join(", ")} of this layer.`),
        ),
      );
    const sprite = `pictures/e-${number(layer)}-${String(map).padStart(4, "0")}.${about.ending}`;
    const count = time.epochs.length,
      frame = h("div", {class: "tiles", id: "frame"}),
      told = h("output", {id: "epoch"});
    const cell = (epoch, row, label) =>
      atlas.cell(sprite, label, {
        columns: count,
        rows: time.rows,
        column: epoch,
        row,
        width,
        height: (width * about.tile[0]) / about.tile[1],
        pixelated: about.pixelated,
        kind: "epoch",
      });
    const slider = h("input", {
      type: "range",
      id: "slider",
      min: 0,
      max: count - 1,
      value: count - 1,
      "aria-label": "Epoch",
      oninput: () => draw(),
    });
    const play = h("button", {type: "button", id: "play", onclick: () => toggle()}, "▶ play");
    let timer = null;
    const toggle = () => {
      if (timer) {
        clearInterval(timer);
        timer = null;
        play.textContent = "▶ play";
        return;
      }
      play.textContent = "❚❚ stop";
      timer = setInterval(() => {
        if (!slider.isConnected) return clearInterval(timer);
        slider.value = (Number(slider.value) + 1) % count;
        draw();
      }, 700);
    };
    atlas.current.play = toggle;
    const subject = time.alike
      ? time.alike[at].findIndex((_, epoch) => time.alike[at].slice(epoch).every((r) => r >= 0.7))
      : -1;
    const draw = () => {
      const epoch = Number(slider.value),
        label = time.label[at][epoch];
      frame.replaceChildren(
        time.rows ? cell(epoch, 0, `projection after epoch ${time.epochs[epoch]}`) : "",
        time.rows > 1 ? cell(epoch, 1, `patch after epoch ${time.epochs[epoch]}`) : "",
      );
      told.textContent =
        `epoch ${time.epochs[epoch]}: ${digits(time.value[at][epoch])} ${className(label)}` +
        (time.alike ? `, r ${digits(time.alike[at][epoch], 2)}` : "");
      slider.setAttribute("aria-valuetext", told.textContent);
    };
    place.append(
      h(
        "section",
        {"aria-labelledby": "h-time"},
        h("h2", {id: "h-time"}, "Time"),
        h(
          "p",
          {class: "note"},
          `Its strongest place after epochs ${time.epochs.join(", ")}.` +
            (time.alike
              ? ` r: how its answers to all images correlate with those it gives now. ${subject >= 0 ? `From epoch ${time.epochs[subject]} on r stays at 0.7 or above: there it had found its subject.` : ""}`
              : ""),
        ),
        h("div", {class: "slide"}, play, slider, told),
        frame,
      ),
    );
    draw();
  };
}

// The mouse on the picture: a click asks what looks there, a move hides a square; and the whole occlusion map.
import {$, h, svg, ask, trouble, bytes, paint, percent, digits, first, done, throttled, download} from "./base.js";
import {state, tell, on, looked, size} from "./state.js";
import {bars, guessAgain} from "./guess.js";
import {again, saves} from "./unit.js";

const UNFINISHED = "the occlusion map was not finished: is the server still running?";
let square = 0, heat = null, stop = null;
let pinned = false, last = null;  // whether the square stays where it was put; what was answered of it

function pixel(event) {
  const box = $("shown").getBoundingClientRect(), at = (value, of) => Math.min(size() - 1, Math.max(0, Math.floor((value / of) * size())));
  return {y: at(event.clientY - box.top, box.height), x: at(event.clientX - box.left, box.width)};
}

const hide = throttled(async (top, left) => {
  const at = state.picture, map = state.unit ? state.unit.map : state.maps.maps[0], name = state.layer[state.network];
  const told = await ask("ask/hide", looked({map, hidden: [top, left, square]}), true);
  if (!told || at !== state.picture || told.picture !== at.picture || name !== state.layer[state.network] || state.mode !== "hide" || !$("over").querySelector(".square")) return;
  last = {map, hidden: told.hidden, units: [[map, told.map.row, told.map.column]]};
  bars(told.guesses);
  const tile = $("tiles").querySelector(`[data-map="${map}"]`);
  if (tile) {
    if (!tile.classList.contains("hiding")) restore();
    paint(tile.querySelector("canvas"), bytes(told.map.pixels), told.map.height, told.map.width);
    tile.querySelector("small").textContent = digits(told.map.value);
    tile.classList.add("hiding");
  }
  const {maps, value} = state.maps, was = value[maps.indexOf(map)];
  $("hidden-note").textContent = `map ${map}: ${digits(told.map.value)}${was === undefined ? "" : `, ${digits(was)} without the square`}. ${pinned ? "The square stays: click to move it on." : "A click keeps the square there."}`;
  $("hidden").hidden = false;
  done("hiding");
});

// The maps as they are without the square.
function restore() {
  for (const tile of document.querySelectorAll(".tile.hiding")) {
    const {maps, value, pixels, height, width} = state.maps, rank = maps.indexOf(Number(tile.dataset.map));
    paint(tile.querySelector("canvas"), bytes(pixels).subarray(rank * height * width, (rank + 1) * height * width), height, width);
    tile.querySelector("small").textContent = digits(value[rank]);
    tile.classList.remove("hiding");
  }
}

function lift() {
  $("over").querySelector(".square")?.remove();
  $("hidden").hidden = true;
  pinned = false;
  last = null;
}

function uncover() {
  if (!$("over").querySelector(".square")) return;
  lift();
  restore();
  guessAgain();
}

function cover(event) {
  if (state.mode !== "hide" || !state.picture || !state.maps) return;
  const {y, x} = pixel(event);
  lay(y, x);
}
// The square with its middle there.
function lay(y, x) {
  const top = Math.round(y - square / 2), left = Math.round(x - square / 2);
  $("over").querySelector(".square")?.remove();
  if (heat) { $("see-heat").checked = false; $("heat").hidden = true; }  // or the square would lie on colours
  $("over").append(svg("rect", {class: "square", x: left, y: top, width: square, height: square}));
  hide(top, left);
}
function clicked(at) {
  $("over").querySelector(".clicked")?.remove();
  if (at) $("over").append(svg("circle", {class: "clicked", cx: at.x + 0.5, cy: at.y + 0.5, r: size() / 80}));
}
const frame = $("frame");
const hovers = (event) => event.pointerType === "mouse" && !pinned;
frame.addEventListener("pointermove", (event) => { if (hovers(event) || (event.pointerType !== "mouse" && event.buttons)) cover(event); });
frame.addEventListener("pointerdown", (event) => { if (state.mode === "hide" && event.pointerType !== "mouse") cover(event); });
frame.addEventListener("pointerleave", (event) => { if (hovers(event)) uncover(); });
frame.addEventListener("click", (event) => {
  if (state.mode === "look" && state.picture) { const at = pixel(event); clicked(at); tell("place", at); } else if (state.mode === "hide") {
    pinned = !pinned || ["touch", "pen"].includes(event.pointerType);
    cover(event);
  }
});

for (const one of document.querySelectorAll("[name=mode]")) one.addEventListener("change", () => {
  state.mode = one.value;
  $("sized").hidden = state.mode !== "hide";
  frame.classList.toggle("hides", state.mode === "hide");
  uncover();
});
function sized() { square = Math.round(($("size").value / 224) * size()); $("size-px").textContent = `${square} px`; }
$("size").addEventListener("input", () => {
  sized();
  if (last) lay(last.hidden[0] + last.hidden[2] / 2, last.hidden[1] + last.hidden[2] / 2);
});
on("network", () => { sized(); clear(); });
on("picture", () => { lift(); clicked(null); clear(); });
on("layer", lift);
on("choose", () => { clicked(null); if (last) hide(...last.hidden); });
saves("-hidden", () => "hidden-square", () => last && looked({units: last.units, hidden: last.hidden}));

function clear() {
  stop?.abort();
  heat = null;
  for (const name of ["heat", "see", "save-heat", "words-heat"]) $(name).hidden = true;
  $("heat-note").textContent = "";
}

async function occlude() {
  if (!state.picture || !$("target").value) return;
  clear();
  const at = state.picture, target = Number($("target").value), name = $("target").selectedOptions[0].textContent;
  const stride = Math.max(1, Math.ceil(size() / 40), Math.round(size() / $("stride").value));
  stop = new AbortController();
  let unfinished = true;  // a server that is closed ends its answer early, in good order
  $("stop").hidden = $("progress").hidden = false;
  $("occlude").disabled = true;
  $("progress").removeAttribute("value");
  try {
    const response = await fetch("ask/occlusion", {method: "POST", signal: stop.signal, body: JSON.stringify(looked({target, size: square, stride}))});
    if (!response.ok) return trouble((await response.json()).error);
    for await (const told of lines(response.body)) {
      if (at !== state.picture) break;
      if (told.error) trouble(told.error);
      if (told.total) { $("progress").max = told.total; $("progress").value = told.done; }
      if (told.heat || told.error) unfinished = false;
      if (told.heat) shown(told, name);
    }
    if (unfinished && at === state.picture) trouble(UNFINISHED);
  } catch (error) {
    if (error.name !== "AbortError") trouble(UNFINISHED);
  } finally {
    $("stop").hidden = $("progress").hidden = true;
    $("occlude").disabled = false;
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (rest + part.value).split("\n");
    rest = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}

// Which place each pixel from start on shows: they end half-way between neighbouring middles, as in the figure.
function cells(places, middle) {
  const middles = places.map((one) => one + middle), last = middles.length - 1;
  const between = middles.slice(1).map((one, at) => (one + middles[at]) / 2);
  const half = last ? [between[0] - middles[0], middles[last] - between[last - 1]] : [middle, middle];
  const start = Math.round(middles[0] - half[0]), count = Math.round(middles[last] + half[1]) - start;
  return {start, of: [...Array(count).keys()].map((at) => between.filter((edge) => edge < start + at + 0.5).length)};
}

function shown(told, name) {
  heat = told;
  const {rows, columns, probability, highest, least, clean, layer, map} = told.heat, middle = told.heat.size / 2, side = size();
  const down = cells(rows, middle), across = cells(columns, middle), share = (value) => `${(100 * value) / side}%`;
  paint($("heat"), down.of.flatMap((row) => across.of.map((column) => probability[row][column])), down.of.length, across.of.length, 190);
  Object.assign($("heat").style, {top: share(down.start), left: share(across.start), height: share(down.of.length), width: share(across.of.length)});
  for (const one of ["heat", "see", "save-heat", "words-heat"]) $(one).hidden = false;
  $("see-heat").checked = true;
  $("heat-note").textContent = `${name}: ${percent(clean)} without a square; with its middle at each place ${percent(least)} (dark) to ${percent(highest)} (light). The square is ${told.heat.size} px; the figure also has map ${map}, whose sum is ${layer}'s largest.`;
  done("hiding");
}
$("occlude").addEventListener("click", occlude);
$("stop").addEventListener("click", () => stop?.abort());
$("see-heat").addEventListener("change", (event) => ($("heat").hidden = !event.target.checked));
$("save-heat").addEventListener("click", () => download(new Blob([bytes(heat.figure)], {type: "image/png"}), "occlusion.png"));
$("words-heat").addEventListener("click", () => again(heat));

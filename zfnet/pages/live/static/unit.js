// One unit: what it sees and what it answered to; and all the units that look at a place.
import {$, h, put, svg, ask, bytes, paint, digits, first, done, download, trouble} from "./base.js";
import {state, tell, on, looked, looking, layer, size} from "./state.js";
import {mark} from "./maps.js";

let seen = null;  // the unit that is shown
const NOTHING = "nothing is left of it on the way down: another rule, or a lower layer, shows more";

on("choose", (map, row, column) => {
  state.unit = {map, ...(row === undefined ? {} : {row, column})};
  mark();
  return show();
});
on("layer", () => { $("unit").hidden = $("place").hidden = true; outline(null); });
on("picture", () => {
  $("place").hidden = true;
  if (!state.unit) return outline(null);
  delete state.unit.row; delete state.unit.column;
  return show();
});

// The picture, or grey, with a box where the unit looks, or with what it answered to there.
export function framed(place, unit, kind) {
  const side = size(), box = `${unit.left} ${unit.top} ${unit.width} ${unit.height}`.split(" ");
  const at = {x: box[0], y: box[1], width: box[2], height: box[3]};
  put(place, svg("svg", {viewBox: kind === "zoom" ? box.join(" ") : `0 0 ${side} ${side}`, role: "img", "aria-label": kind === "pixels" ? "what the unit answered to" : "what the unit sees"},
    kind === "pixels" ? svg("image", {href: unit.picture, ...at}) : svg("image", {href: state.picture.pixels[state.network], x: 0, y: 0, width: side, height: side}),
    kind === "zoom" ? null : svg("rect", {class: "outline", ...at})));
}

export function outline(unit) {
  $("over").querySelector(".outline")?.remove();
  if (unit) $("over").prepend(svg("rect", {class: "outline", x: unit.left, y: unit.top, width: unit.width, height: unit.height}));
}

async function show() {
  const at = state.picture, asked = state.unit, then = looking();
  const told = await ask("ask/unit", looked(asked));
  if (!told || at !== state.picture || told.picture !== at.picture || asked !== state.unit || then !== looking()) return;
  const [unit] = told.units;
  seen = unit;
  Object.assign(state.unit, {row: unit.row, column: unit.column});
  $("unit").hidden = false;
  const place = layer().shape.length > 1 ? ` at (${unit.row}, ${unit.column})` : "";
  $("unit-name").textContent = `${unit.map}${unit.name ? ` (${first(unit.name)})` : ""}${place}: ${digits(unit.value)}`;
  framed($("unit-patch"), unit, "patch");
  framed($("unit-pixels"), unit, "pixels");
  $("unit-note").textContent = unit.nothing ? NOTHING : "what in it the unit answered to";
  outline(unit);
  thumbnail(unit);
  done("unit");
  patches(unit.map);
}

// The unit's map, large, with the place marked; of the maps before there is none to show.
function thumbnail(unit) {
  const own = state.maps?.picture === state.picture.picture && state.maps.network === state.network && state.maps.layer === layer().name;
  const {maps, pixels, height, width} = own ? state.maps : {maps: []}, rank = maps.indexOf(unit.map), canvas = $("unit-map");
  canvas.parentElement.hidden = rank < 0 || layer().shape.length < 2;
  if (canvas.parentElement.hidden) return;
  const values = bytes(pixels).slice(rank * height * width, (rank + 1) * height * width);
  paint(canvas, values, height, width);
  const [, rows, columns] = layer().shape, context = canvas.getContext("2d");
  context.fillStyle = "#22d3ee";
  context.fillRect(Math.floor((unit.column / columns) * width), Math.floor((unit.row / rows) * height), 1, 1);
}
on("maps", () => { if (state.unit && seen?.map === state.unit.map && !$("unit").hidden) thumbnail(seen); });
$("unit-map").addEventListener("click", (event) => {
  const box = event.target.getBoundingClientRect(), [, rows, columns] = layer().shape;
  const at = (value, of, count) => Math.min(count - 1, Math.max(0, Math.floor((value / of) * count)));
  const row = at(event.clientY - box.top, box.height, rows), column = at(event.clientX - box.left, box.width, columns);
  tell("choose", state.unit.map, row, column);
  tell("place", {row, column});
});

async function patches(map) {
  $("patches").hidden = true;
  if (!state.about.patches) return;
  const told = await ask("ask/patches", looked({map}), true);
  if (!told || !state.unit || state.unit.map !== map) return;
  const {sprite, images = [], page} = told.atlas || {};
  const cells = [...told.patches, ...(told.patches.length ? [] : images)].map((at, rank) => h("img", {src: at, alt: `training patch ${rank + 1}`, width: 88, height: 88}));
  if (!cells.length && sprite) cells.push(...[...Array(sprite.places).keys()].map((rank) => cell(sprite, rank)));
  if (page) $("atlas").href = page;
  $("atlas").hidden = !page;
  put($("patch-tiles"), cells);
  $("patches").hidden = !cells.length && !page;
  done("patches");
}

// One of a sprite's pictures.
function cell({sprite, tile: [tall, wide], row, columns, rows}, rank) {
  const made = h("span", {class: "cell", role: "img", "aria-label": `training patch ${rank + 1}`});
  Object.assign(made.style, {height: `${(88 * tall) / wide}px`, backgroundImage: `url("${sprite}")`, backgroundSize: `${100 * columns}% ${100 * rows}%`,
    backgroundPosition: `${columns > 1 ? (100 * rank) / (columns - 1) : 0}% ${rows > 1 ? (100 * row) / (rows - 1) : 0}%`});
  return made;
}

let places = 0;  // asked for so far: the last one is shown
on("place", async (where) => {
  const at = state.picture, name = state.layer[state.network], then = looking(), turn = ++places;
  const told = await ask("ask/place", looked(where));
  if (!told || at !== state.picture || told.picture !== at.picture || turn !== places || then !== looking()) return;
  state.place = told;
  $("place").hidden = false;
  $("place-note").textContent = told.units.length ? `${name}${layer().shape.length > 1 ? `, row ${told.row}, column ${told.column}` : ""}: the units that answer most, and to what` : `no unit of ${name} answers here`;
  put($("place-tiles"), told.units.map((unit) => unitTile(unit, () => tell("choose", unit.map, told.row, told.column))));
  if (told.units.length) outline(told.units[0]);
  done("place");
});

export function unitTile(unit, chosen) {
  const label = unit.name ? first(unit.name) : String(unit.map);
  return h("button", {type: "button", class: "tile wide", "data-map": unit.map, "aria-label": `map ${label}, ${digits(unit.value)}`, onclick: chosen},
    h("img", {src: unit.picture, alt: "", width: 96, height: 96}), h("b", {}, label), h("small", {}, digits(unit.value)));
}

$("strongest").addEventListener("click", () => tell("choose", state.unit.map));
$("rule").addEventListener("change", (event) => {
  state.rule = event.target.value;
  if (state.unit) show();
  if (state.place && !$("place").hidden) tell("place", {row: state.place.row, column: state.place.column});
});

const chosen = () => [[state.unit.map, state.unit.row, state.unit.column]];
const placed = () => state.place.units.map((unit) => [unit.map, state.place.row, state.place.column]);
// Two buttons: what is seen as a PNG file, and how to make it again. seen: gives the question, or null without anything.
export function saves(kind, name, seen) {
  const asked = (work) => async (event) => {
    const said = seen();
    if (!said) return trouble("there is nothing to save yet");
    event.target.disabled = true;
    await work(said);
    event.target.disabled = false;
    done(event.target.id);
  };
  $(`save${kind}`).addEventListener("click", asked(async (said) => { const figure = await ask("ask/figure", said); if (figure) download(figure, `${name()}.png`); }));
  $(`words${kind}`).addEventListener("click", asked(async (said) => again(await ask("ask/words", said))));
}
saves("", () => state.layer[state.network], () => state.unit && looked({units: chosen()}));
saves("-place", () => `${state.layer[state.network]}-place`, () => state.place && state.place.units.length && looked({units: placed()}));

export function again(words) {
  if (!words) return;
  put($("again-files"), words.files.flatMap(({name, address}, at) => [at ? " and " : "", h("a", {href: address, download: name}, name)]));
  $("again-command").textContent = words.command;
  $("again-python").textContent = words.python;
  for (const button of document.querySelectorAll("[data-copy]")) button.textContent = "Copy";
  $("again").showModal();
}
for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
  await navigator.clipboard.writeText($(button.dataset.copy).textContent);
  button.textContent = "Copied";
});
if (!navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = true;  // neither loopback nor https

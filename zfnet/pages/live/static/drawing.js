// A drawn object: parts that are chosen, then moved, recoloured or taken away. It is compared with the whole one.
import {$, h, put, ask, throttled} from "./base.js";
import {state, on, net} from "./state.js";
import {take} from "./picture.js";

const object = {kind: 3, seed: 7, changes: {}, parts: []}, chosen = new Set();  // the owl
const SLIDERS = ["right", "down", "hue"];

const ask_for = throttled(async (fresh) => {
  const asked = {class: object.kind, seed: object.seed, changes: object.changes};
  const told = await ask("ask/draw", asked);
  if (!told) return;
  const watch = net().drawings[object.kind] ?? undefined;  // its class is shown however little is left of it
  if (fresh) { object.parts = told.parts; chips(); }
  const whole = object.whole, changed = Object.keys(object.changes).length > 0;
  if (!changed) object.whole = told;
  await (changed && whole ? take(told, whole, watch) : take(told, state.picture, watch));  // with the whole object, not the step before
});
export const draw = (fresh = true) => ask_for(fresh);

// left_eye and right_eye are chosen together as eyes, or each alone.
function chips() {
  const pairs = object.parts.filter((part) => part.startsWith("left_") && object.parts.includes(part.replace("left_", "right_")));
  const both = pairs.map((part) => [`both: ${part.slice(5).replaceAll("_", " ")}`, [part, part.replace("left_", "right_")]]);
  const each = object.parts.map((part) => [part.replaceAll("_", " "), [part]]);
  put($("parts"), [...both, ...each].map(([name, parts]) => h("button", {type: "button", "data-parts": parts.join(" "), onclick: () => {
    const on = parts.every((part) => chosen.has(part));
    for (const part of parts) if (on) chosen.delete(part); else chosen.add(part);
    reflect();
  }}, name)));
  reflect();
}

// Chips and sliders as the chosen parts are now.
function reflect() {
  for (const chip of $("parts").children) {
    const parts = chip.dataset.parts.split(" ");
    chip.setAttribute("aria-pressed", parts.every((part) => chosen.has(part)));
    chip.classList.toggle("changed", parts.some((part) => object.changes[part]));
  }
  const [one] = chosen, change = (one && object.changes[one]) || {};
  $("gone").checked = chosen.size > 0 && [...chosen].every((part) => object.changes[part]?.gone);
  $("right").value = 100 * (change.right || 0);
  $("down").value = 100 * (change.down || 0);
  $("hue").value = change.hue === undefined ? -1 : 100 * change.hue;
  for (const name of ["gone", ...SLIDERS]) $(name).disabled = !chosen.size;
}

function changed() {
  const hue = Number($("hue").value);
  for (const part of chosen) {
    const change = {right: $("right").value / 100, down: $("down").value / 100, ...(hue < 0 ? {} : {hue: hue / 100}), ...($("gone").checked ? {gone: true} : {})};
    if (change.right || change.down || hue >= 0 || change.gone) object.changes[part] = change; else delete object.changes[part];
  }
  reflect();
  draw(false);
}
$("gone").addEventListener("change", changed);
for (const name of SLIDERS) $(name).addEventListener("input", changed);

function begin() { object.changes = {}; chosen.clear(); return draw(); }
$("kind").addEventListener("change", (event) => { object.kind = Number(event.target.value); begin(); });
$("another").addEventListener("click", () => { object.seed = Math.floor(Math.random() * 10000); begin(); });
$("whole").addEventListener("click", () => { object.changes = {}; chosen.clear(); reflect(); draw(false); });
$("drawing").addEventListener("toggle", () => { if ($("drawing").open && !object.parts.length && state.picture) draw(); });
on("ready", () => {
  put($("kind"), state.about.drawings.map((name, number) => h("option", {value: number}, name)));
  $("kind").value = object.kind;
});

// What the network takes the picture for.
import {$, h, put, svg, ask, percent, first, done} from "./base.js";
import {state, on, looked, past} from "./state.js";

let picked = null, asked = null, watched;  // the class chosen for hiding places; of which picture, or drawn class

on("layer", guessAgain);
on("picture", guessAgain);
on("network", () => { picked = null; });  // whose classes are others
$("target").addEventListener("change", (event) => { picked = event.target.value; });

export async function guessAgain() {
  const at = state.picture, network = state.network;
  const told = await ask("ask/guess", looked({...past(), ...(state.watch === undefined ? {} : {watch: state.watch})}));
  if (!told || at !== state.picture || told.picture !== at.picture || network !== state.network) return;
  bars(told.guesses);
  if (state.watch === undefined ? at !== asked : state.watch !== watched) picked = null;  // of another picture, or drawn class
  asked = at; watched = state.watch;
  put($("target"), told.guesses.map((one) => h("option", {value: one.label}, first(one.name))));
  const offered = (label) => told.guesses.some((one) => String(one.label) === String(label));
  const wanted = [picked, state.watch].find(offered);  // without either, the most probable
  if (wanted !== undefined) $("target").value = wanted;
}

// Bars of probabilities; a line in each where it was before.
export function bars(guesses) {
  put($("bars"), guesses.map((one) => {
    const bar = svg("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"},
      svg("rect", {class: "share", x: 0, y: 0, width: 100 * one.probability, height: 10}),
      one.before === null ? null : svg("rect", {class: "was", x: Math.min(98, Math.max(0, 100 * one.before - 1)), y: 0, width: 2, height: 10}));
    const changed = one.before === null || Math.abs(one.before - one.probability) < 0.001 ? "" : ` (was ${percent(one.before)})`;
    return h("div", {class: "bar-row", "data-label": one.label}, h("span", {class: "class", title: one.name}, first(one.name)), bar, h("span", {class: "number"}, percent(one.probability), h("small", {}, changed)));
  }));
  $("ghost").hidden = guesses.every((one) => one.before === null);
  $("status").textContent = guesses.length ? `It says ${first(guesses[0].name)}, ${percent(guesses[0].probability)}` : "";
  const drawn = guesses.slice(1).find((one) => one.label === state.watch);
  $("drawn-says").textContent = $("status").textContent + (drawn ? `; ${first(drawn.name)} ${percent(drawn.probability)}` : "");
  done("guess");
}

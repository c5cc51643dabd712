// What the network takes the picture for.
import {$, h, put, svg, ask, percent, first, done} from "./base.js";
import {state, on, looked, past} from "./state.js";

on("layer", guessAgain);
on("picture", guessAgain);

export async function guessAgain() {
  const at = state.picture, network = state.network;
  const told = await ask("ask/guess", looked({...past(), ...(state.watch === undefined ? {} : {watch: state.watch})}));
  if (!told || at !== state.picture || told.picture !== at.picture || network !== state.network) return;
  bars(told.guesses);
  const kept = $("target").value;
  put($("target"), told.guesses.map((one) => h("option", {value: one.label}, first(one.name))));
  if (state.watch !== undefined) $("target").value = told.guesses.some((one) => String(one.label) === kept) ? kept : state.watch;
}

// Bars of probabilities; a line in each where it was before.
export function bars(guesses) {
  put($("bars"), guesses.map((one) => {
    const bar = svg("svg", {viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true"},
      svg("rect", {class: "share", x: 0, y: 0, width: 100 * one.probability, height: 10}),
      one.before === null ? null : svg("rect", {class: "was", x: Math.min(99, 100 * one.before), y: 0, width: 1, height: 10}));
    const changed = one.before === null || Math.abs(one.before - one.probability) < 0.001 ? "" : ` (was ${percent(one.before)})`;
    return h("div", {class: "bar-row", "data-label": one.label}, h("span", {class: "class", title: one.name}, first(one.name)), bar, h("span", {class: "number"}, percent(one.probability), h("small", {}, changed)));
  }));
  $("ghost").hidden = guesses.every((one) => one.before === null);
  $("status").textContent = guesses.length ? `It says ${first(guesses[0].name)}, ${percent(guesses[0].probability)}` : "";
  const watched = guesses.slice(1).find((one) => one.label === state.watch);
  $("drawn-says").textContent = $("status").textContent + (watched ? `; ${first(watched.name)} ${percent(watched.probability)}` : "");
  done("guess");
}

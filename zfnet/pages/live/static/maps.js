// The maps of a layer as tiles, strongest first.
import {$, h, put, ask, bytes, paint, digits, first, done} from "./base.js";
import {state, tell, on, looked, past, layer} from "./state.js";

on("layer", show);
on("picture", show);

async function show() {
  const at = state.picture, name = state.layer[state.network], network = state.network;
  const told = await ask("ask/maps", looked({...past(), count: state.count}));
  if (!told || at !== state.picture || told.picture !== at.picture || network !== state.network || name !== state.layer[network]) return;
  state.maps = {...told, network};
  const values = bytes(told.pixels), area = told.height * told.width, changed = new Set(told.changed);
  put($("tiles"), told.maps.map((map, rank) => {
    const canvas = paint(h("canvas", {"aria-hidden": "true"}), values.subarray(rank * area, (rank + 1) * area), told.height, told.width);
    const label = told.names[rank] ? first(told.names[rank]) : String(map);
    const marked = changed.has(map), dead = told.value[rank] <= 0;
    return h("button", {type: "button", class: `tile${marked ? " marked" : ""}${dead ? " dead" : ""}`, "data-map": map, title: `map ${map}${told.names[rank] ? `, ${told.names[rank]}` : ""}`, "aria-label": `map ${label}, ${digits(told.value[rank])}${marked ? ", changed most" : ""}`, onclick: () => tell("choose", map)},
      canvas, h("b", {}, label), h("small", {}, digits(told.value[rank])));
  }));
  $("maps-note").textContent = `${told.count} of ${told.total}${changed.size ? "; framed: changed most since the picture before" : ""}`;
  $("more").hidden = told.count >= told.total;
  mark();
  tell("maps");
  done("maps");
}

export function mark() {
  for (const tile of $("tiles").children) tile.classList.toggle("chosen", state.unit !== null && Number(tile.dataset.map) === state.unit.map);
}

$("more").addEventListener("click", () => { state.count = Math.min(512, state.count * 2); show(); });

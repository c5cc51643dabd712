// Side by side: two pictures, layers or networks, or three rules; each column says what it is of.
import {$, h, put, ask, digits, percent, first, done, trouble} from "./base.js";
import {state, on, looked, net} from "./state.js";
import {unitTile, saves} from "./unit.js";

let shown = null, saved = null, turn = 0;  // of comparisons asked for the last is shown

function title(column, at) {
  if (shown === "pictures") return `${at ? "this picture" : "compared with"}: ${column.picture.name}`;
  const names = state.about.networks.length > 1 ? `${state.about.networks[column.network].title}, ` : "";
  return `${names}${column.layer}, ${column.rule}`;
}

async function show(kind) {
  const here = {picture: state.picture, network: state.network, layer: state.layer[state.network], rule: state.rule};
  const columns = {
    pictures: () => [{...here, picture: state.before}, here],
    layers: () => { const names = net().layers.map((one) => one.name), at = names.indexOf(here.layer); return at ? [{...here, layer: names[at - 1]}, here] : [here, {...here, layer: names[1] || names[0]}]; },
    networks: () => [0, 1].map((network) => ({...here, network, layer: state.layer[network] || lastMaps(network)})),
    rules: () => state.about.rules.map((rule) => ({...here, rule})),
  }[kind]();
  if (columns.some((one) => !one.picture)) return trouble("there is no picture before this one: open another");
  shown = kind;
  await draw(columns);
}
const lastMaps = (network) => { const {layers, classes} = state.about.networks[network], maps = layers.filter((one) => one.shape.length > 1 && one.shape[0] !== classes); return (maps[maps.length - 1] || layers[0]).name; };

async function draw(columns) {
  const mine = ++turn, unit = state.unit, one = shown === "rules" && unit;  // the chosen unit under each rule, else the strongest
  const found = await Promise.all(columns.map((column) => {
    return one ? ask("ask/unit", {...asked(column), ...unit}) : ask("ask/strongest", asked(column));
  }));
  if (mine !== turn || found.some((told, at) => !told || told.picture !== columns[at].picture.picture)) return;
  put($("columns"), columns.map((column, at) => h("div", {class: "column"},
    h("h3", {}, title(column, at)), chooser(columns, at),
    h("img", {class: "small", src: column.picture.pixels[column.network], alt: column.picture.name, width: 96, height: 96}),
    h("p", {class: "faint"}, (found[at].guesses || []).map((guess) => `${first(guess.name)} ${percent(guess.probability)}`).join(", ")),
    h("div", {class: `tiles${one ? " single" : ""}`}, found[at].units.map((told) => unitTile(told, () => {})), found[at].units.length ? null : h("p", {class: "faint"}, "no map answers")))));
  const units = found.map((told) => told.units.map((one) => [one.map, one.row, one.column]));
  saved = columns.map((column, at) => ({...asked(column), units: units[at]})).filter((one) => one.units.length);
  $("compared").hidden = !saved.length;
  done("compare");
}
const asked = (column) => ({network: column.network, picture: column.picture.picture, layer: column.layer, rule: column.rule});
saves("-compare", () => `two-${shown}`.replace("two-rules", "three-rules"), () => saved && {columns: saved});

function chooser(columns, at) {
  const column = columns[at], change = (given) => draw(columns.map((one, other) => (other === at ? {...one, ...given} : one)));
  const options = (names, chosen) => names.map((name) => h("option", {value: name, ...(name === chosen ? {selected: ""} : {})}, name));
  const layers = state.about.networks[column.network].layers.map((one) => one.name);
  return h("div", {class: "row"},
    shown === "rules" ? null : h("select", {"aria-label": `layer of column ${at + 1}`, onchange: (event) => change({layer: event.target.value})}, options(layers, column.layer)),
    shown === "rules" ? null : h("select", {"aria-label": `rule of column ${at + 1}`, onchange: (event) => change({rule: event.target.value})}, options(state.about.rules, column.rule)));
}

for (const button of document.querySelectorAll("[data-compare]")) button.addEventListener("click", () => state.picture && show(button.dataset.compare));

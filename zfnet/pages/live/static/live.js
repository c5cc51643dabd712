// Begins the page: what there is to look at, the choice of layer and network, dark or light.
import {$, h, put} from "./base.js";
import {state, tell, net, layer} from "./state.js";
import "./guess.js";
import "./maps.js";
import "./unit.js";
import "./hiding.js";
import "./compare.js";
import {draw} from "./drawing.js";
import {begin} from "./picture.js";

function choose(name) {
  state.layer[state.network] = name;
  state.unit = state.place = null;
  state.count = 48;
  for (const block of document.querySelectorAll(".layer")) {
    const chosen = block.dataset.layer === name && Number(block.closest(".network").dataset.network) === state.network;
    block.classList.toggle("chosen", chosen);
    block.setAttribute("aria-pressed", chosen);
  }
  const {shape, field} = layer();
  const sees = field ? `each unit sees ${field.size[0]} × ${field.size[1]} px` : "each unit sees the whole picture";
  $("layer-name").textContent = `${name}: ${shape[0]} ${shape.length > 1 ? `maps of ${shape[1]} × ${shape[2]}` : "units"}, ${sees}`;
  return state.picture ? tell("layer") : null;
}

function show(network) {
  state.network = network;
  for (const one of document.querySelectorAll(".network")) one.hidden = Number(one.dataset.network) !== network;
  const last = net().layers.filter((one) => one.shape.length > 1 && one.shape[0] !== net().classes);
  const name = state.layer[network] || (last[last.length - 1] || net().layers[0]).name;
  const block = document.querySelector(`.network[data-network="${network}"] .layer[data-layer="${CSS.escape(name)}"]`);
  block.closest(".scroll").scrollLeft = block.getBBox().x - 200;
  state.before = null;
  state.watch = undefined;
  tell("network");
  choose(name);
}

for (const block of document.querySelectorAll(".layer")) {
  block.addEventListener("click", () => choose(block.dataset.layer));
  block.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(block.dataset.layer); }
    const step = {ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling"}[event.key];
    if (step && block[step] && block[step].matches(".layer")) { event.preventDefault(); block[step].focus(); }
  });
}
$("network")?.addEventListener("change", (event) => show(Number(event.target.value)));
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
$("trouble").lastElementChild.addEventListener("click", () => ($("trouble").hidden = true));

state.about = await (await fetch("about")).json();
put($("rule"), state.about.rules.map((rule) => h("option", {}, rule)));
show(0);
await tell("ready");
if (state.about.drawn) { $("drawing").open = true; await draw(); } else await begin();
document.body.dataset.ready = "yes";

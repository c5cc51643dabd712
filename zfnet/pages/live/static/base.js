// Elements from plain values, questions to the server, and maps as pictures. Texts are never read as HTML.
export const $ = (id) => document.getElementById(id);

export function h(tag, given = {}, ...children) {
  return filled(document.createElement(tag), given, children);
}
export function svg(tag, given = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), given, children);
}
function filled(element, given, children) {
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const put = (place, ...children) => place.replaceChildren(...children.flat());
export const digits = (value) => (Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : Number(value).toPrecision(3));
export const percent = (share) => (share > 0.9995 && share < 1 ? ">99.9 %" : share > 0 && share < 0.0005 ? "<0.1 %" : `${(100 * share).toFixed(1)} %`);
export const first = (name) => name.split(",")[0];

export function trouble(words) {
  $("trouble").hidden = !words;
  $("trouble").firstElementChild.textContent = words || "";
}

// The answer to a question, or null after a line on the page that says why there is none.
export async function ask(path, body, quiet = false) {
  document.body.dataset.busy = Number(document.body.dataset.busy || 0) + 1;
  try {
    const given = body instanceof Blob ? body : JSON.stringify(body);
    const response = await fetch(path, {method: "POST", body: given});
    if (response.ok) return response.headers.get("content-type").startsWith("image/") ? await response.blob() : await response.json();
    const told = await response.json().catch(() => ({error: `the server answered ${response.status}`}));
    if (!quiet) trouble(told.error);
  } catch (error) {
    if (!quiet) trouble("the server does not answer: is it still running?");
  } finally {
    document.body.dataset.busy = Number(document.body.dataset.busy) - 1;
  }
  return null;
}

// Runs at most one call at a time; of those that come meanwhile only the last.
export function throttled(work) {
  let running = false, waiting = null;
  return async function run(...given) {
    if (running) { waiting = given; return; }
    running = true;
    try { await work(...given); } finally {
      running = false;
      if (waiting) { const next = waiting; waiting = null; run(...next); }
    }
  };
}

const STOPS = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];  // magma
const COLOURS = [...Array(256).keys()].map((value) => {
  const at = Math.min(3.9999, (value / 255) * 4), low = Math.floor(at);
  return STOPS[low].map((one, channel) => one + (STOPS[low + 1][channel] - one) * (at - low));
});
export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// A map of so many values in 0..255 on a canvas, a pixel a value.
export function paint(canvas, values, height, width, alpha = 255) {
  canvas.width = width; canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let at = 0; at < values.length; at++) image.data.set([...COLOURS[values[at]], alpha], 4 * at);
  context.putImageData(image, 0, 0);
  return canvas;
}

export function download(blob, name) {
  const link = h("a", {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

let drawn = 0;
// Says that a part of the page shows its new answer, for those who wait for it.
export function done(part) { $(part).dataset.done = ++drawn; }

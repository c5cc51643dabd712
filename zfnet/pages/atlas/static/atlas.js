"use strict";
// The data come as scripts that call atlas.take(key, value): a page opened from a file may not fetch.
const atlas = (() => {
  const held = new Map(),
    waiting = new Map();

  function take(key, value) {
    held.set(key, value);
    for (const done of waiting.get(key) || []) done(value);
    waiting.delete(key);
  }

  function load(key) {
    if (held.has(key)) return Promise.resolve(held.get(key));
    return new Promise((resolve, reject) => {
      if (waiting.has(key)) return void waiting.get(key).push(resolve);
      waiting.set(key, [resolve]);
      const script = document.createElement("script");
      script.src = `data/${key}.js`;
      script.onerror = () => {
        waiting.delete(key);
        reject(new Error(`data/${key}.js is missing`));
      };
      document.head.append(script);
    });
  }

  // Elements from plain values: texts are never read as HTML.
  function h(tag, given, ...children) {
    const element = document.createElement(tag);
    fill(element, given || {}, children);
    return element;
  }
  function svg(tag, given, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    fill(element, given || {}, children);
    return element;
  }
  function fill(element, given, children) {
    for (const [name, value] of Object.entries(given)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(element.style, value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(3).filter((one) => one !== null && one !== undefined && one !== false));
  }

  const put = (element, ...children) => fill(element, {}, children);
  const number = (layer) => String(layer).padStart(3, "0");
  const digits = (value, count = 3) =>
    value === null || value === undefined
      ? "–"
      : value !== 0 && Math.abs(value) < 1e-4
        ? value.toExponential(1)
        : Number(value.toPrecision(count)).toLocaleString("en", {maximumSignificantDigits: count});
  const percent = (share) =>
    share > 0 && share < 1e-4 ? "< 0.01 %" : `${digits(100 * share, share > 0.995 ? 3 : 2)} %`;
  const first = (name) => (name || "").split(",")[0];
  const mapHash = (layer, map) => `#${encodeURIComponent(atlas.front.layers[layer].name)}/${map}`;
  const layerHash = (layer) => `#${encodeURIComponent(atlas.front.layers[layer].name)}`;
  const mapName = (layer, map) => `${atlas.front.layers[layer].name}/${map}`;
  const className = (label) => (label >= 0 && first(atlas.front.classes[label])) || "";
  const say = (text) => {
    document.getElementById("status").textContent = text;
  };

  return {
    take,
    load,
    h,
    svg,
    put,
    number,
    digits,
    percent,
    first,
    mapHash,
    layerHash,
    mapName,
    className,
    say,
    pages: {},
  };
})();

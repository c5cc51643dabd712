"""How soon the live page answers, measured in a browser; and what eight sessions at once do to it: scripts/bench live.

Each interaction is done twenty times; the time is from the event to the frame after the page shows its answer.
"""

from __future__ import annotations

import argparse
import base64
import shutil
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import hardware, table
from live_server import LAYERS, ROUNDS, load, page_of, processor, served
from playwright.sync_api import sync_playwright

from zfnet.data import photograph_paths

TIMED = """async ([part, act]) => {
  const element = document.getElementById(part), begun = performance.now();
  const shown = new Promise((done) => {
    const watch = new MutationObserver(() => { watch.disconnect(); requestAnimationFrame(() => done(performance.now() - begun)); });
    watch.observe(element, {attributes: true, attributeFilter: ["data-done"]});
  });
  window.acts[act[0]](...act.slice(1));
  return shown;
}"""  # noqa: E501
ACTS = """(photographs) => {
  const files = photographs.map(([name, text]) => new File([Uint8Array.from(atob(text), (one) => one.charCodeAt(0))], name));
  const at = (name, x, y, kind) => {
    const box = document.getElementById("shown").getBoundingClientRect(), event = kind || MouseEvent;
    document.getElementById("frame").dispatchEvent(new event(name, {clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true, pointerType: "mouse"}));
  };
  window.acts = {
    upload: (round) => { const given = new DataTransfer(); given.items.add(files[round % files.length]); dispatchEvent(new DragEvent("drop", {dataTransfer: given})); },
    layer: (name) => document.querySelector(`.layer[data-layer="${name}"]`).dispatchEvent(new MouseEvent("click", {bubbles: true})),
    map: (rank) => document.getElementById("tiles").children[rank].click(),
    place: (x, y) => at("click", x, y),
    hide: (x, y) => at("pointermove", x, y, PointerEvent),
    mode: (mode) => document.querySelector(`[name=mode][value=${mode}]`).click(),
    compare: (kind) => document.querySelector(`[data-compare=${kind}]`).click(),
    save: () => document.getElementById("save").click(),
    open: () => { document.getElementById("drawing").open = true; },
    part: () => document.querySelector("#parts button[data-parts^=left_eye]").click(),
    move: (value) => { const slider = document.getElementById("right"); slider.value = value; slider.dispatchEvent(new Event("input")); },
  };
}"""  # noqa: E501


def latencies(
    browser: Any, address: str, layer: str, photographs: Sequence[tuple[str, str]], halves: Sequence[int]
) -> dict[str, list[float]]:  # fmt: skip
    """Milliseconds of each interaction, ROUNDS of it. halves: which of looking (1), and of hiding and saving (2)."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(address)
    tab.wait_for_selector("body[data-ready]")
    tab.evaluate(ACTS, photographs)
    other = "conv3" if layer == "conv5" else layer.replace(".2", ".1").replace("12", "11").replace("conv2", "conv1")
    others = [layer, other if tab.locator(f'.layer[data-layer="{other}"]').count() else "features.9.expand3x3"]
    timed = lambda part, *act: float(tab.evaluate(TIMED, [part, list(act)]))  # noqa: E731
    places = np.random.default_rng(0).uniform(0.1, 0.9, (ROUNDS, 2)).tolist()
    found: dict[str, list[float]] = {}
    if 1 in halves:
        found["picture: prediction"] = [timed("guess", "upload", number) for number in range(ROUNDS)]
        tab.wait_for_timeout(500)
        found["picture: maps"] = [timed("maps", "upload", number) for number in range(ROUNDS)]
        tab.wait_for_timeout(500)
        found["layer: its maps"] = [timed("maps", "layer", others[(1 + number) % 2]) for number in range(ROUNDS)]
    timed("maps", "upload", 1)
    timed("maps", "layer", others[1])
    timed("maps", "layer", layer)
    tab.wait_for_timeout(500)
    if 1 in halves:
        found["map: its projection"] = [timed("unit", "map", number) for number in range(ROUNDS)]
        found["place: eight projections"] = [timed("place", "place", x, y) for x, y in places]
    if 2 in halves:
        found |= hidden_and_saved(tab, timed, places)
    tab.close()
    return found


def hidden_and_saved(
    tab: Any, timed: Callable[..., float], places: Sequence[Sequence[float]]
) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    timed("unit", "map", 0)
    tab.evaluate("window.acts.mode('hide')")
    found["square: bars and map"] = [timed("hiding", "hide", x, y) for x, y in places]
    tab.evaluate("window.acts.mode('look')")
    tab.wait_for_timeout(500)
    found["three rules side by side"] = [timed("compare", "compare", "rules") for _ in range(ROUNDS)]
    found["two pictures side by side"] = [timed("compare", "compare", "pictures") for _ in range(ROUNDS)]
    found["save as PNG"] = [timed("save", "save") for _ in range(ROUNDS)]
    found["a part of a drawn object moved: prediction"] = moved(tab, timed)
    return found


def moved(tab: Any, timed: Callable[..., float]) -> list[float]:
    """An owl's eye, to and fro."""
    timed("guess", "open")
    tab.wait_for_timeout(1000)
    tab.evaluate("window.acts.part()")
    found = []
    for number in range(ROUNDS):
        found.append(timed("guess", "move", 5 + number))
        tab.wait_for_timeout(300)  # its maps come after the prediction
    return found


def measure(weights: str | None, only: str | None, halves: Sequence[int]) -> None:
    photographs = [(Path(path).name, base64.b64encode(Path(path).read_bytes()).decode()) for path in photograph_paths()]
    columns, chosen = {}, {name: layer for name, layer in LAYERS.items() if only in (None, name)}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        for name, layer in chosen.items():
            with served(page_of(name, weights if "squeezenet" in name else None)) as address:
                columns[name] = latencies(browser, address, layer, photographs, halves)
        browser.close()
    rows = [
        [row, *(f"{statistics.median(one[row]):.0f} ({max(one[row]):.0f})" for one in columns.values())]
        for row in next(iter(columns.values()))
    ]
    head = [f"ms, median of {ROUNDS} (slowest)", *(f"{name}, {layer}" for name, layer in chosen.items())]
    print(table(head, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="of SqueezeNet: a state_dict file; without, random ones")
    parser.add_argument("--only", choices=list(LAYERS), help="one of the networks; without, all of them in turn")
    parser.add_argument(
        "--load", type=float, default=0, help="seconds of eight sessions at once, in place of latencies"
    )
    parser.add_argument("--halves", type=int, nargs="+", default=[1, 2], help="1: looking; 2: hiding and saving")
    parser.add_argument("--processor", action="store_true", help="processor time of each question, without a browser")
    given = parser.parse_args()
    print(hardware())
    if given.load:
        load(given.load, given.weights)
    elif given.processor:
        processor(given.weights, given.only)
    else:
        measure(given.weights, given.only, given.halves)


if __name__ == "__main__":
    main()

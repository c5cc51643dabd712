"""Hiding a square of a picture: one place under the mouse, or all of them."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import with_square
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.data import SeenImages
from zfnet.forward import named_layers, run_watched
from zfnet.live.lens import TURN, Lens, softmax
from zfnet.live.pictures import Picture
from zfnet.models import undisturbed

log = logging.getLogger(__name__)
RUNNING: dict[threading.Thread, threading.Event] = {}  # what makes occlusion maps, and what cancels it
GREY = 0.0  # the paper's: what the network's mean becomes
Square = tuple[int, int, int]  # top, left, side, in pixels


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """With the square there: probability (classes,), and the layer's map (h, w)."""

    probability: Tensor
    map: Tensor


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


def covered(lens: Lens, picture: Picture, square: Square) -> Picture:
    """The picture with a square hidden from this network."""
    number = lens.number
    pixels = torch.from_numpy(picture.pixels[number]).permute(2, 0, 1)[None]
    seen = with_square(SeenImages(picture.inputs[number], pixels), square, lens.network.frame.grey, GREY)
    inputs, shown = list(picture.inputs), list(picture.pixels)
    inputs[number], shown[number] = seen.inputs, seen.pixels[0].permute(1, 2, 0).contiguous().numpy()
    key = f"{picture.key} {number} {square}"  # under which its record is kept: no page may ask for it by that
    return replace(picture, key=key, inputs=tuple(inputs), pixels=tuple(shown))


def hide_square(lens: Lens, picture: Picture, square: Square, *, layer: str, number: int) -> Hidden:
    """One forward pass of the picture with a square hidden, which may reach beyond the border."""
    inputs, seen = covered(lens, picture, square).inputs[lens.number], list[Tensor]()
    module = named_layers(lens.model).module_of(layer)
    with TURN, undisturbed(lens.model):
        answer = run_watched(lens.model, inputs, {layer: module}, lambda _, maps: seen.append(maps[0].clone()))
        turned = layer in lens.record(picture).turned
    maps = (seen[0].permute(2, 0, 1) if turned else seen[0]).float().cpu()  # (C, h, w) or (C,)
    return Hidden(probability=softmax(answer), map=(maps if maps.ndim == 3 else maps[:, None, None])[number])


def hide_everywhere(
    lens: Lens, picture: Picture, *, layer: str, target: int, size_px: int, stride_px: int,
    told: Callable[[int, int], None], cancelled: threading.Event,
) -> Occlusion:  # fmt: skip
    """The occlusion map of a class. told: how many of how many places are done. Others may ask in between.

    Raises Cancelled soon after that is set.
    """

    def between(count: int, total: int | None) -> None:
        told(count, total or 0)
        if cancelled.is_set():
            raise Cancelled
        TURN.release()
        try:
            time.sleep(0.002)  # or this thread would have the turn again before another wakes up
        finally:
            TURN.acquire()

    with TURN:
        return occlude(
            lens.model, picture.inputs[lens.number][0], target, size_px, stride_px, fill=GREY,
            layer=None if not lens.layer(layer).shape[1:] else layer, progress=between,
        )  # fmt: skip


def rest(most_s: float) -> None:
    """Cancel all that runs, and wait until nothing computes: Python may not end in the middle of torch's work.

    Whoever asks from now on waits for ever.
    """
    for thread, cancelled in list(RUNNING.items()):
        cancelled.set()
        thread.join(most_s)
    TURN.acquire(timeout=most_s)


Told = Callable[[dict[str, Any]], None]


def lines_of(work: Callable[[Told, threading.Event], None]) -> Iterator[str]:
    """Lines of JSON that some work tells of while it runs in a thread, until it ends; without a reader it is cancelled.

    work: called with what tells a line, and with what is set when nobody reads any more.
    """
    waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
    cancelled = threading.Event()

    def run() -> None:
        try:
            work(waiting.put, cancelled)
        except Cancelled:
            pass
        except ValueError as error:
            waiting.put({"error": " ".join(str(error).split())})
        except Exception:  # a bug: the traceback goes to the log
            log.exception("an occlusion map had no end")
            waiting.put({"error": "this went wrong here: the log of the run says how"})
        finally:
            waiting.put(None)
            RUNNING.pop(thread)

    thread = threading.Thread(target=run, daemon=True)
    RUNNING[thread] = cancelled
    thread.start()
    try:
        while (answer := waiting.get()) is not None:
            yield json.dumps(answer) + "\n"
    finally:
        cancelled.set()  # also where the browser has gone


def heat_of(heat: Occlusion) -> dict[str, Any]:
    """What a page draws of it: probabilities and activities (R, C) in 0..255 beside what they were."""
    return {
        "rows": heat.rows.tolist(), "columns": heat.columns.tolist(), "size": heat.size_px,
        "target": int(heat.target), "clean": float(heat.clean_probability), "layer": heat.layer, "map": int(heat.map),
        "probability": scaled(heat.probability), "highest": float(heat.probability.max()),
        "least": float(heat.probability.min()), "activity": scaled(heat.activity),
    }  # fmt: skip


def scaled(values: Tensor) -> list[list[int]]:
    """(R, C) from their least, 0, to their largest, 255."""
    low, high = values.min(), values.max()
    drawn: NDArray[np.uint8] = (255 * (values - low) / (high - low).clamp(min=1e-12)).round().to(torch.uint8).numpy()
    rows: list[list[int]] = drawn.tolist()
    return rows

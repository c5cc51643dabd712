"""Hiding a square of a picture: one place under the mouse, or all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import canvas_of, hide
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.forward import named_layers, run_watched
from zfnet.live.lens import TURN, Lens, softmax
from zfnet.live.pictures import Picture
from zfnet.models import undisturbed

GREY = 0.0  # the paper's: what the network's mean becomes


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """With the square there: probability (classes,), and the layer's map (h, w)."""

    probability: Tensor
    map: Tensor


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


def hide_square(
    lens: Lens, picture: Picture, *, layer: str, number: int, top: int, left: int, size_px: int
) -> Hidden:  # fmt: skip
    """One forward pass of the picture with a square hidden at top, left, which may reach beyond the border."""
    inputs = picture.inputs[lens.number]
    box = np.array([[max(left, 0), max(top, 0), left + size_px, top + size_px]])
    covered = hide(inputs[0], box, canvas_of(inputs, GREY, size_px, None)[0])  # (1, C, H, W)
    seen: list[Tensor] = []
    module = named_layers(lens.model).module_of(layer)
    with TURN, undisturbed(lens.model):
        answer = run_watched(lens.model, covered, {layer: module}, lambda _, maps: seen.append(maps[0].clone()))
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

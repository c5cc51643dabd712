"""Whether a picture lies where the truth is: energy in boxes, the pointing game, and the parts world as a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.audit.findings import Finding, findings
from zfnet.analysis.audit.methods import Pictures
from zfnet.analysis.audit.targets import Targets

Box = tuple[int, int, int, int]
SIZES = {"boxes under 10 %": (0.0, 0.1), "boxes of 10 to 30 %": (0.1, 0.3), "boxes over 30 %": (0.3, 1.01)}
CHANCE, CENTRE = "chance", "centre"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Where the truth of an image lies: the object's box, and the boxes of the parts that decide its class."""

    object: Box
    deciding: tuple[Box, ...]


def localisation(
    targets: Targets, pictures: dict[str, Pictures], truths: Sequence[Truth], size_px: tuple[int, int]
) -> list[Finding]:
    """Energy and pointing of pictures (B, C, H, W) of the classes, at two difficulties, beside chance and the centre.

    Conditions: "object" (easy: find the object in the clutter; all pixels compete), also by the object's share of the
    image; "deciding parts" (hard: within the object; only the object's pixels compete, images without such a part are
    not measured). Measures: "energy", the share of the importance that lies in the boxes; "pointing", whether the most
    important pixel does. A blank picture has neither: 0 and 0. Zhang et al. 2018, arXiv:1608.00507; Wang et al. 2020,
    arXiv:1910.01279.
    """
    objects = [_mask(size_px, [truth.object]) for truth in truths]
    parts = [_mask(size_px, truth.deciding) & whole for truth, whole in zip(truths, objects, strict=True)]
    everywhere = [np.ones(size_px, bool)] * len(truths)
    shares = np.array([mask.mean() for mask in objects])
    tasks = {"object": (objects, everywhere, np.ones(len(truths), bool))}
    tasks |= {name: (objects, everywhere, (shares >= low) & (shares < high)) for name, (low, high) in SIZES.items()}
    tasks["deciding parts"] = (parts, objects, np.array([mask.any() for mask in parts]))
    found: list[Finding] = []
    for condition, (masks, within, asked) in tasks.items():
        for name, scores in _scores(pictures, masks, within, size_px).items():
            measures = {measure: np.where(asked, values, np.nan) for measure, values in scores.items()}
            found += findings("localisation", targets, name, condition, measures, pictures=pictures.get(name))
    return found


def score_on_parts(
    importance: NDArray[np.floating], truths: Sequence[Truth]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Any method on the parts world: importance (B, H, W), not below zero, of each image's own class.

    Returns difficulty ("object", "deciding parts") -> measure ("energy", "pointing") -> (B,), nan where the image has
    no such box. What `localisation` tells of methods by name.
    """
    if importance.shape[:1] != (len(truths),) or importance.ndim != 3:
        raise ValueError(f"importance is {importance.shape}, expected ({len(truths)}, H, W): a picture for each truth")
    size = (importance.shape[1], importance.shape[2])
    objects = [_mask(size, [truth.object]) for truth in truths]
    scored: dict[str, list[tuple[float, float]]] = {"object": [], "deciding parts": []}
    for picture, truth, whole in zip(importance, truths, objects, strict=True):
        scored["object"].append(energy_and_pointing(picture, whole))
        parts = _mask(size, truth.deciding) & whole
        inner = energy_and_pointing(np.where(whole, picture, 0), parts) if parts.any() else (np.nan, np.nan)
        scored["deciding parts"].append(inner)
    return {
        name: {measure: np.array(values)[:, at] for at, measure in enumerate(("energy", "pointing"))}
        for name, values in scored.items()
    }


def energy_and_pointing(importance: NDArray[np.floating], mask: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of the importance (H, W) in a mask (H, W), and whether its largest is there; (0, 0) of a blank one.

    Of several largest ones the share that lies in the mask.
    """
    importance = np.nan_to_num(importance, nan=0.0, posinf=0.0, neginf=0.0)
    total = float(importance.sum())
    if total <= 0:
        return 0.0, 0.0
    return float(importance[mask].sum() / total), float(mask[importance == importance.max()].mean())


def _scores(
    pictures: dict[str, Pictures], masks: Sequence[NDArray[np.bool_]], within: Sequence[NDArray[np.bool_]],
    size_px: tuple[int, int],
) -> dict[str, dict[str, NDArray[np.float64]]]:  # fmt: skip
    found = {}
    for name, picture in pictures.items():
        importance = picture.importance().numpy()
        pairs = [
            energy_and_pointing(np.where(inner, one, 0), mask)
            for one, mask, inner in zip(importance, masks, within, strict=True)
        ]
        found[name] = _as_measures(pairs)
    chance = [mask[inner].mean() for mask, inner in zip(masks, within, strict=True)]
    found[CHANCE] = _as_measures([(one, one) for one in chance])
    found[CENTRE] = _as_measures(
        [energy_and_pointing(np.where(inner, _bump(size_px, inner), 0), mask)
         for mask, inner in zip(masks, within, strict=True)]
    )  # fmt: skip
    return found


def _as_measures(pairs: Sequence[tuple[float, float]]) -> dict[str, NDArray[np.float64]]:
    values = np.array(pairs, np.float64).reshape(-1, 2)
    return {"energy": values[:, 0], "pointing": values[:, 1]}


def _bump(size_px: tuple[int, int], within: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A picture that knows nothing but the middle of what may be pointed at: normal, an eighth of its sides wide."""
    rows, columns = within.nonzero()
    middles = [(axis.min() + axis.max()) / 2 for axis in (rows, columns)]
    widths = [max((np.ptp(axis) + 1) / 8, 1.0) for axis in (rows, columns)]
    down, right = np.mgrid[: size_px[0], : size_px[1]]
    bump: NDArray[np.float64] = np.exp(
        -(((down - middles[0]) / widths[0]) ** 2 + ((right - middles[1]) / widths[1]) ** 2) / 2
    )
    return bump


def _mask(size_px: tuple[int, int], boxes: Sequence[Box]) -> NDArray[np.bool_]:
    mask = np.zeros(size_px, bool)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask

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
Masks = list[NDArray[np.bool_]]
Task = tuple[Masks, Masks, NDArray[np.bool_]]
SIZES = {"boxes under 10 %": (0.0, 0.1), "boxes of 10 to 30 %": (0.1, 0.3), "boxes over 30 %": (0.3, 1.01)}
CHANCE, CENTRE = "chance", "centre"
OBJECT, DECIDING, AMONG_DECOYS = "object", "deciding parts", "among decoys"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Where the truth of an image lies: the object's box, and the boxes of the parts that decide its class.

    decoys: boxes of parts that decide other classes and lie beside the object (the hard parts world).
    """

    object: Box
    deciding: tuple[Box, ...]
    decoys: tuple[Box, ...] = ()


def localisation(
    targets: Targets, pictures: dict[str, Pictures], truths: Sequence[Truth], size_px: tuple[int, int]
) -> list[Finding]:
    """Energy and pointing of pictures (B, C, H, W) of the classes, by three questions, beside chance and the centre.

    Conditions: "object" (find the object in the clutter; all pixels compete), also by the object's share of the
    image; "deciding parts" (within the object: only its pixels compete); "among decoys" (the deciding parts against
    those of other classes that lie about: only the pixels of both compete; asked where any image has decoys).
    Images without such parts are not measured. Measures: "energy", the share of the importance that lies in the
    boxes; "pointing", whether the most important pixel does. A blank picture has neither: 0 and 0. Zhang et al.
    2018, arXiv:1608.00507; Wang et al. 2020, arXiv:1910.01279.
    """
    tasks = _tasks(truths, size_px)
    objects, everywhere, _ = tasks[OBJECT]
    shares = np.array([mask.mean() for mask in objects])
    sizes = {name: (objects, everywhere, (shares >= low) & (shares < high)) for name, (low, high) in SIZES.items()}
    found: list[Finding] = []
    for condition, (masks, within, asked) in {OBJECT: tasks.pop(OBJECT), **sizes, **tasks}.items():
        for name, scores in _scores(pictures, masks, within, size_px).items():
            measures = {measure: np.where(asked, values, np.nan) for measure, values in scores.items()}
            found += findings("localisation", targets, name, condition, measures, pictures=pictures.get(name))
    return found


def score_on_parts(
    importance: NDArray[np.floating], truths: Sequence[Truth]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Any method on the parts world: importance (B, H, W), not below zero, of each image's own class.

    Returns question ("object", "deciding parts" and, on the hard world, "among decoys") -> measure ("energy",
    "pointing") -> (B,), nan where the image has no such box. What `localisation` tells of methods by name. Raises
    ValueError for another number of pictures, and for values below zero.
    """
    if importance.shape[:1] != (len(truths),) or importance.ndim != 3:
        raise ValueError(f"importance is {importance.shape}, expected ({len(truths)}, H, W): a picture for each truth")
    if (importance < 0).any():  # energy would be no share
        raise ValueError(
            f"importance goes down to {np.nanmin(importance):.3g}, expected none below zero: give its |values| or, "
            "where what is below zero speaks against the class, those above zero alone"
        )
    scored = {}
    for question, (masks, within, asked) in _tasks(truths, (importance.shape[1], importance.shape[2])).items():
        measures = _as_measures(_pairs(importance, masks, within))
        scored[question] = {measure: np.where(asked, values, np.nan) for measure, values in measures.items()}
    return scored


def _tasks(truths: Sequence[Truth], size_px: tuple[int, int]) -> dict[str, Task]:
    """By question, of each image: where the truth lies, which pixels compete; and whether it can be asked."""
    objects = [_mask(size_px, [truth.object]) for truth in truths]
    parts = [_mask(size_px, truth.deciding) & whole for truth, whole in zip(truths, objects, strict=True)]
    has_parts = np.array([mask.any() for mask in parts], bool)
    tasks = {
        OBJECT: (objects, [np.ones(size_px, bool)] * len(truths), np.ones(len(truths), bool)),
        DECIDING: (parts, objects, has_parts),
    }
    if any(truth.decoys for truth in truths):
        loose = [_mask(size_px, truth.decoys) for truth in truths]
        both = [own | others for own, others in zip(parts, loose, strict=True)]
        tasks[AMONG_DECOYS] = (parts, both, has_parts & np.array([mask.any() for mask in loose], bool))
    return tasks


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
        found[name] = _as_measures(_pairs(picture.importance().numpy(), masks, within))
    chance = [mask[inner].mean() if inner.any() else np.nan for mask, inner in zip(masks, within, strict=True)]
    found[CHANCE] = _as_measures([(one, one) for one in chance])
    bumps = np.stack([_bump(size_px, inner) if inner.any() else np.zeros(size_px) for inner in within])
    found[CENTRE] = _as_measures(_pairs(bumps, masks, within))
    return found


def _pairs(
    importance: NDArray[np.floating], masks: Sequence[NDArray[np.bool_]], within: Sequence[NDArray[np.bool_]]
) -> list[tuple[float, float]]:
    """Energy and pointing of pictures (B, H, W) at masks, where only the pixels `within` compete."""
    trios = zip(importance, masks, within, strict=True)
    return [energy_and_pointing(np.where(inner, one, 0), mask) for one, mask, inner in trios]


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
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True  # a box may begin before the image
    return mask

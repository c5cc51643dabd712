"""Whether the pixels that a picture calls important are: they are taken away, or put back, and the value is watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zfnet.analysis import canvas_of
from zfnet.analysis.audit.findings import Finding, findings
from zfnet.analysis.audit.imputation import impute
from zfnet.analysis.audit.methods import Pictures
from zfnet.analysis.audit.targets import Targets, measure_of
from zfnet.deconv import Deconvnet

WAYS = ("deletion", "ROAD", "insertion")
PLAIN_ORDERS = ("random", "centre")  # of pixels, by no picture: the floors
FRACTIONS = (0.05, 0.1, 0.2, 0.4, 0.7)  # of the pixels
AT_ONCE = 32
BLUR_PX = 32  # the square whose `blur` insertion begins with
Box = tuple[int, int, int, int]


def faithfulness(
    model: nn.Module, images: Tensor, targets: Targets, pictures: dict[str, Pictures], *, seed: int,
    ways: Sequence[str] = WAYS, floors: Sequence[str] = PLAIN_ORDERS,
) -> list[Finding]:  # fmt: skip
    """How the value falls, or comes back, with the pixels that each picture calls most important; and in other orders.

    Measures: by "deletion" pixels become grey (zero), by "ROAD" what their neighbours say, by "insertion" they appear
    in a blurred image. The value is the class's probability or the unit's activation, as a share of that of the clean
    image, and its mean over FRACTIONS of the pixels is told (and the value at each): a faithful
    picture has a low one for the first two and a high one for the last. Of a unit only the pixels that it sees count.
    floors: the orders beside those of the pictures, "random" and "centre", from the middle outwards. A blank picture
    orders nothing: its pixels go at random.
    """
    generator = np.random.default_rng(seed)
    boxes = targets.boxes(*images.shape[2:])
    orders = {name: (picture, picture.importance().numpy()) for name, picture in pictures.items()}
    nothing = Pictures(values=torch.ones(len(images), 1, 1, 1), signed=False)
    if "random" in floors:
        orders["random"] = nothing, generator.random((len(images), *images.shape[2:]))
    if "centre" in floors:
        orders["centre"] = nothing, np.stack([_nearness(tuple(images.shape[2:]), box) for box in boxes])
    found: list[Finding] = []
    for name, (picture, importance) in orders.items():
        for way in ways:
            values = curves(model, images, targets, importance, way=way, generator=generator)  # (B, F)
            measures = {way: values.mean(1)}
            measures |= {f"{way} at {part}": values[:, at] for at, part in enumerate(FRACTIONS)}
            found += findings("faithfulness", targets, name, "importance", measures, pictures=picture)
    return found


def curves(
    model: nn.Module, images: Tensor, targets: Targets, importance: NDArray[np.floating], *, way: str,
    generator: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """The value with each of FRACTIONS of the pixels gone, or back, over the clean one: (B, F); nan where that is 0.

    importance: (B, H, W); the largest go first, equal ones in an order drawn at random.
    """
    if way not in WAYS:
        raise ValueError(f"way {way!r} is not one of {', '.join(WAYS)}")
    change = _change_of(way, images, generator)
    boxes, changed = targets.boxes(*images.shape[2:]), list[Tensor]()
    for number, box in enumerate(boxes):
        order = ranked(importance[number], box, generator)
        for fraction in FRACTIONS:
            chosen = np.zeros(importance.shape[1:], bool)
            chosen.flat[order[: round(fraction * len(order))]] = True
            changed.append(change(number, chosen, _inside(chosen.shape, box)))
    owners = torch.arange(len(images)).repeat_interleave(len(FRACTIONS))
    deconvnet = Deconvnet(model)
    values = _measured(deconvnet, torch.stack(changed), targets, owners).reshape(len(images), -1)
    clean = _measured(deconvnet, images, targets, torch.arange(len(images)))
    share: NDArray[np.float64] = np.divide(
        values, clean[:, None], out=np.full_like(values, np.nan), where=clean[:, None] > 0
    )
    return share


def ranked(importance: NDArray[np.floating], box: Box, generator: np.random.Generator) -> NDArray[np.int64]:
    """Flat numbers of the pixels of a box in a picture (H, W), most important first, equal ones in random order."""
    within = _inside(importance.shape, box).ravel().nonzero()[0]
    within = generator.permutation(within)
    finite = np.nan_to_num(importance.ravel()[within], nan=0.0, posinf=0.0, neginf=0.0)
    order: NDArray[np.int64] = within[np.argsort(-finite, kind="stable")]
    return order


def _change_of(
    way: str, images: Tensor, generator: np.random.Generator
) -> Callable[[int, NDArray[np.bool_], NDArray[np.bool_]], Tensor]:
    """How an image is changed: its number, the chosen pixels (H, W), those of its box (H, W) -> (3, H, W)."""
    if way == "insertion":
        blurred = canvas_of(images, "blur", min(BLUR_PX, min(images.shape[2:]) // 2), None)
        return lambda number, chosen, box: torch.where(torch.from_numpy(box & ~chosen), blurred[number], images[number])
    if way == "deletion":
        return lambda number, chosen, box: images[number] * torch.from_numpy(~chosen)
    noise = 0.01 * float(images.std())  # the authors' 0.01 is of images of unit variance
    return lambda number, chosen, box: torch.from_numpy(
        impute(images[number].numpy(), chosen, generator=generator, noise=noise)
    ).to(images)


def _measured(deconvnet: Deconvnet, images: Tensor, targets: Targets, owners: Tensor) -> NDArray[np.float64]:
    parts = zip(images.split(AT_ONCE), owners.split(AT_ONCE), strict=True)
    values = torch.cat([measure_of(deconvnet, some, targets, owner) for some, owner in parts])
    measured: NDArray[np.float64] = values.double().cpu().numpy()
    return measured


def _nearness(size: tuple[int, ...], box: Box) -> NDArray[np.float64]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    left, top, right, bottom = box
    near: NDArray[np.float64] = -np.hypot(rows - (top + bottom - 1) / 2, columns - (left + right - 1) / 2)
    return near


def _inside(size: tuple[int, ...], box: Box) -> NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask

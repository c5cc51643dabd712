"""What a page saves: a figure with its settings in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.analysis.occlusion import Occlusion
from zfnet.figures.drawing import style
from zfnet.figures.unit_sheet import UnitSheet, draw_sheet
from zfnet.forward import cut_windows
from zfnet.live.answers import guesses
from zfnet.live.lens import Lens
from zfnet.live.pictures import Picture
from zfnet.live.wire import GAIN, png
from zfnet.live.words import Seen, Words, heat_words, words_of, words_of_all
from zfnet.plotting import plot

GUESSES = 3
DPI = 150


def units_figure(columns: Sequence[Seen]) -> bytes:
    """Units beside their picture, for each of what stands side by side one sheet below the other, as PNG."""
    drawn = [style.pixels(unit_figure(seen), DPI) for seen in columns]  # of one width
    return _written(np.concatenate(drawn), words_of_all(columns), [seen.picture for seen in columns])


def unit_figure(seen: Seen) -> Any:
    """Units (map, row, column) beside the picture, with the settings under it."""
    lens, picture, layer = seen.lens, seen.shown, seen.layer
    found = lens.project(picture, layer, seen.units, seen.rule)
    sheet = sheet_of(lens, picture, layer, found.units.numpy(), found.values.numpy(), found.pixels, found.corners)
    hidden = "" if seen.hidden is None else ", a square hidden"
    title = f"{layer} of {lens.title}, {seen.rule} rule: what was chosen on this image{hidden}"
    return draw_sheet(sheet, gain=GAIN, title=title, footer=settings_lines(seen.picture, words_of(seen)))


def sheet_of(
    lens: Lens, picture: Picture, layer: str, units: NDArray[np.int64], values: NDArray[np.floating],
    projection: torch.Tensor, corners: torch.Tensor,
) -> UnitSheet:  # fmt: skip
    """What a sheet draws of units (n, 4)."""
    pixels = torch.from_numpy(picture.pixels[lens.number]).permute(2, 0, 1)[None].to(torch.int16)
    grey = torch.tensor(lens.network.frame.grey, dtype=torch.int16)[:, None, None]
    owners, size = torch.zeros(len(units), dtype=torch.int64), (projection.shape[2], projection.shape[3])
    patches = cut_windows(pixels - grey, owners, corners, size) + grey  # (n, 3, h, w)
    first = guesses(lens, picture)[:GUESSES]
    numbers, rows, columns = (units[:, axis] for axis in (1, 2, 3))
    return UnitSheet(
        picture=picture.pixels[lens.number], layer=np.array(layer), map=numbers, row=rows, column=columns,
        value=values, map_name=np.array([lens.class_of(layer, one) for one in numbers.tolist()], np.str_),
        projection=projection.numpy(), patch=patches.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy(),
        corner=corners.numpy(), classes=np.array([one.name for one in first], np.str_),
        probability=np.array([one.probability for one in first]),
    )  # fmt: skip


def heat_figure(lens: Lens, picture: Picture, heat: Occlusion, stride_px: int) -> bytes:
    """An occlusion map's panels, as PNG, with the settings under them and in it."""
    image, words = picture.inputs[lens.number][0].cpu(), heat_words(lens, picture, heat, stride_px)
    figure = plot(heat, image, frame=lens.network.frame, names=lens.network.names)
    drawn = style.pixels(figure, DPI)
    under = style.pixels(style.lines(settings_lines(picture, words), width_in=drawn.shape[1] / DPI), DPI)
    return _written(np.concatenate([drawn, under]), words, [picture])


def settings_lines(picture: Picture, words: Words) -> list[str]:
    """What stands under a figure."""
    return [words.command, *([f"drawn: {picture.recipe}"] if picture.recipe else [])]


def _written(drawn: NDArray[np.uint8], words: Words, pictures: Sequence[Picture]) -> bytes:
    names, recipes = (
        "\n".join(dict.fromkeys(one)) for one in zip(*((p.name, p.recipe) for p in pictures), strict=True)
    )
    about = {"command": words.command, "python": words.python, "image": names, "recipe": recipes}
    return png(drawn, {key: text for key, text in about.items() if text})

"""What a page saves: a figure with its settings in it, and the command and the lines that make it again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
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
from zfnet.plotting import plot

GUESSES = 3
DPI = 150


@dataclass(frozen=True, kw_only=True)
class Words:
    """How to make it again: a line for the shell, and a few of Python. file: what the picture is saved as."""

    file: str
    command: str
    python: str


def words_of(lens: Lens, picture: Picture, layer: str, units: Sequence[Sequence[int]], rule: str) -> Words:
    """For units (map, row, column) of a layer. The picture is the square that the page saves as `file`."""
    file = file_of(picture)
    listed = "[" + ",".join("[" + ",".join(map(str, unit)) + "]" for unit in units) + "]"
    command = ["zfnet", "project", f"image={file}", *network_words(lens), f"layer={layer}", f"units={listed}"]
    places = [[0, *unit] for unit in units]
    python = (
        "from zfnet import Deconvnet, open_network, plot\n"
        "from zfnet.data import read_photographs\n"
        f"network = {opened(lens)}\n"
        f"images = read_photographs([{file!r}], network.frame).inputs\n"
        f"deconvnet = Deconvnet(network.model, {rule!r})\n"
        f"plot(deconvnet.project(deconvnet.record(images, [{layer!r}]), {layer!r}, {places})).savefig('projection.png')"
    )
    return Words(file=file, command=shlex.join([*command, f"rule={rule}"]), python=python)


def heat_words(lens: Lens, picture: Picture, heat: Occlusion, stride_px: int) -> Words:
    """For an occlusion map."""
    file, target = file_of(picture), int(heat.target)
    command = [
        "zfnet", "fig7", f"pictures={file}", *network_words(lens), f"layer={heat.layer}", f"targets=[{target}]",
        f"square_px={heat.size_px}", f"stride_px={stride_px}",
    ]  # fmt: skip
    python = (
        "from zfnet import occlude, open_network, plot\n"
        "from zfnet.data import read_photographs\n"
        f"network = {opened(lens)}\n"
        f"image = read_photographs([{file!r}], network.frame).inputs[0]\n"
        f"heat = occlude(network.model, image, {target}, {heat.size_px}, {stride_px}, layer={heat.layer!r})\n"
        "plot(heat, image, frame=network.frame, names=network.names).savefig('occlusion.png')"
    )
    return Words(file=file, command=shlex.join(command), python=python)


def file_of(picture: Picture) -> str:
    """What the saved square of a picture is called: its own name, and the first letters of its key."""
    stem = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in picture.name.rpartition(".")[0]
    )
    key = "".join(letter for letter in picture.key if letter.isalnum())
    return f"{stem.strip('-')[:40] or 'picture'}-{key[:6]}.png"


def network_words(lens: Lens) -> list[str]:
    return [f"checkpoint={lens.source}", *([f"weights={lens.weights}"] if lens.weights else [])]


def opened(lens: Lens) -> str:
    return f"open_network({lens.source!r}{f', {lens.weights!r}' if lens.weights else ''})"


def unit_figure(lens: Lens, picture: Picture, layer: str, units: Sequence[Sequence[int]], rule: str) -> bytes:
    """Units (map, row, column) beside the picture, as PNG, with the settings under it and in it."""
    words, found = words_of(lens, picture, layer, units, rule), lens.project(picture, layer, units, rule)
    pixels = torch.from_numpy(picture.pixels[lens.number]).permute(2, 0, 1)[None].to(torch.int16)
    grey = torch.tensor(lens.network.frame.grey, dtype=torch.int16)[:, None, None]
    owners, size = torch.zeros(len(units), dtype=torch.int64), (found.pixels.shape[2], found.pixels.shape[3])
    patches = cut_windows(pixels - grey, owners, found.corners, size) + grey  # (n, 3, h, w)
    first = guesses(lens, picture)[:GUESSES]
    numbers, rows, columns = (found.units[:, axis].numpy() for axis in (1, 2, 3))
    sheet = UnitSheet(
        picture=picture.pixels[lens.number], layer=np.array(layer), map=numbers, row=rows, column=columns,
        value=found.values.numpy(), map_name=np.array([lens.class_of(layer, one) for one in numbers.tolist()], np.str_),
        projection=found.pixels.numpy(), patch=patches.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy(),
        corner=found.corners.numpy(), classes=np.array([one.name for one in first], np.str_),
        probability=np.array([one.probability for one in first]),
    )  # fmt: skip
    title = f"{layer} of {lens.title}, {rule} rule: what was chosen on this image"
    figure = draw_sheet(sheet, gain=GAIN, title=title, footer=settings_lines(picture, words))
    return _written(figure, words, picture)


def heat_figure(lens: Lens, picture: Picture, heat: Occlusion, stride_px: int) -> bytes:
    """An occlusion map's panels, as PNG, with the settings in it."""
    image = picture.inputs[lens.number][0].cpu()
    figure = plot(heat, image, frame=lens.network.frame, names=lens.network.names)
    return _written(figure, heat_words(lens, picture, heat, stride_px), picture)


def settings_lines(picture: Picture, words: Words) -> list[str]:
    """What stands under a figure."""
    return [words.command, *([f"drawn: {picture.recipe}"] if picture.recipe else [])]


def _written(figure: Any, words: Words, picture: Picture) -> bytes:
    drawn: NDArray[np.uint8] = style.pixels(figure, DPI)
    about = {"command": words.command, "python": words.python, "image": picture.name, "recipe": picture.recipe}
    return png(drawn, {key: text for key, text in about.items() if text})

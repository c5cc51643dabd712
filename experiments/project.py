"""What a layer sees in one image: python experiments/project.py image=... layer=... checkpoint=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.project:project")

from dataclasses import dataclass

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from experiments.common.config import check_least, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import picture_units, with_square
from zfnet.data import read_photographs
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.unit_sheet import UnitSheet, draw_sheet, load_sheet, save_sheet
from zfnet.network import Network

GUESSES = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/project.yaml says of the image, the layer and the rule."""

    image: str | None
    layer: str | None
    top: int
    units: list[list[int]] | None
    hide: list[int] | None
    rule: str
    gain: str

    def __post_init__(self) -> None:
        check_least(self, top=1)
        if self.units == []:
            raise ValueError("units=[], expected [map,row,column] of one or more, as [[5,3,4]], or null: the strongest")


def project(config: DictConfig, run: Run) -> None:
    """Project, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if not run.world.first:
        return
    if config.redraw is None:
        sheet = compute(pick(NetworkChoice, config), settings, run)
        save_sheet(run.folder / "project.npz", sheet)
    else:
        sheet = load_sheet(config.redraw)
    publish({"project": draw_sheet(sheet, gain=settings.gain)}, run.folder)


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> UnitSheet:
    """The arrays of the figure. Raises ValueError where the image, the network or the layer is not there."""
    if settings.image is None or choice.checkpoint is None:
        raise ValueError("give image=FILE and checkpoint=FILE or torchvision:NAME, or redraw=FILE.npz")
    network = open_chosen(choice, run, relayout=False)
    deconvnet = Deconvnet(network.model, settings.rule)
    layer = last_convolution(deconvnet) if settings.layer is None else settings.layer
    seen = read_photographs([settings.image], network.frame)
    if settings.hide is not None:
        seen = with_square(seen, square_of(settings.hide), network.frame.grey)
    if settings.units is None:
        units, values, scores = strongest_units(deconvnet, layer, seen.inputs, settings.top)
    else:
        units, values, scores = named_units(deconvnet, layer, seen.inputs, settings.units)
    pictures = picture_units(deconvnet, layer, units, lambda numbers: seen, network.frame.grey)
    probability, classes = guesses(network, seen.inputs)
    run.note(checkpoint=choice.source, image=settings.image, layer=layer)
    maps, rows, columns = (units[:, column].numpy() for column in (1, 2, 3))
    names = np.array([network.names[number] if scores else "" for number in maps], np.str_)
    return UnitSheet(
        picture=seen.pixels[0].permute(1, 2, 0).numpy(), layer=np.array(layer), map=maps, row=rows, column=columns,
        value=values.numpy(), map_name=names, projection=pictures.projection, patch=pictures.patch,
        corner=pictures.corner, classes=classes, probability=probability,
    )  # fmt: skip


def square_of(given: list[int]) -> tuple[int, int, int]:
    """top, left and side of the square that hides a part. Raises ValueError for what is none."""
    if len(given) != 3:
        raise ValueError(f"hide={given}: expected [top,left,side] in pixels")
    top, left, side = given
    return top, left, side


def last_convolution(deconvnet: Deconvnet) -> str:
    modules = dict(deconvnet.model.named_modules(remove_duplicate=False))
    return [layer for layer in deconvnet.layers if isinstance(modules[layer], nn.Conv2d)][-1]


def strongest_units(deconvnet: Deconvnet, layer: str, images: Tensor, top: int) -> tuple[Tensor, Tensor, bool]:
    """The strongest place of each of the strongest maps on the first image: units (n, 4), values (n,), n <= top.

    Also whether they are class scores; of others only those above zero are taken. Raises ValueError if none is.
    """
    record = deconvnet.record(images, [layer])
    maps, scores = record.maps[layer][0].float().cpu(), layer in record.scores
    peaks, place = maps.reshape(len(maps), -1).max(1)
    order = peaks.argsort(descending=True, stable=True)[:top]
    if not scores:
        order = order[peaks[order] > 0]
    if len(order) == 0:
        raise ValueError(f"no map of layer {layer!r} answers to this image: try a lower layer")
    width = maps.shape[2] if maps.ndim == 3 else 1
    row, column = place[order] // width, place[order] % width
    return torch.stack([torch.zeros_like(order), order, row, column], dim=1), peaks[order], scores


def named_units(
    deconvnet: Deconvnet, layer: str, images: Tensor, named: list[list[int]]
) -> tuple[Tensor, Tensor, bool]:  # fmt: skip
    """Units that were named by map, row and column, as `strongest_units` gives them.

    Raises ValueError for what is no unit of the layer.
    """
    record = deconvnet.record(images, [layer])
    maps, scores = record.maps[layer][0].float().cpu(), layer in record.scores
    shape = (*maps.shape, 1, 1)[:3]
    for unit in named:
        if len(unit) != 3 or not all(0 <= at < most for at, most in zip(unit, shape, strict=True)):
            raise ValueError(
                f"units={unit} is not map, row and column of a unit of {layer}: its maps, rows and columns are {shape}"
            )
    units = torch.tensor([[0, *unit] for unit in named])  # (n, 4)
    return units, maps.reshape(shape)[units[:, 1], units[:, 2], units[:, 3]], scores


def guesses(network: Network, images: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities and names of the most probable classes."""
    with torch.no_grad():
        probability = network.model(images).float().softmax(1)[0].cpu()
    shares, numbers = probability.topk(min(GUESSES, len(probability)))
    return shares.numpy(), np.array([network.names[number] for number in numbers.tolist()], np.str_)

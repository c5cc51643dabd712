"""What is asked about on each image: the score of a class, or one unit of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from zfnet.deconv import Deconvnet
from zfnet.forward import Field, named_layers
from zfnet.forward.graph import trace
from zfnet.models import like_parameters, undisturbed

CLASS, UNIT = "class", "unit"
LAYER = "layer"  # all of it is the seed


@dataclass(frozen=True, kw_only=True)
class Targets:
    """One unit of a layer on each of B images; a class is a unit of the layer of the scores.

    kind: CLASS or UNIT. units: (B, 4) image, map, row, column. field: the layer's receptive field, None for the whole
    image. cam_layer: where Grad-CAM looks.
    """

    kind: str
    layer: str
    units: Tensor
    field: Field | None
    cam_layer: str

    def __len__(self) -> int:
        return len(self.units)

    def part(self, which: slice) -> Targets:
        """Those of some of the images, counted from 0."""
        units = self.units[which].clone()
        units[:, 0] = torch.arange(len(units))
        return replace(self, units=units)

    def with_maps(self, maps: Tensor | Sequence[int]) -> Targets:
        """Other maps or classes (B,) at the same places."""
        units = self.units.clone()
        units[:, 1] = torch.as_tensor(maps)
        return replace(self, units=units)

    def boxes(self, height_px: int, width_px: int) -> list[tuple[int, int, int, int]]:
        """What each unit sees of the image: left, top, right, bottom in pixels."""
        if self.field is None:
            return [(0, 0, width_px, height_px)] * len(self)
        corners = self.field.corners(self.units[:, 2:])
        return [
            (max(left, 0), max(top, 0), min(left + self.field.size_px[1], width_px),
             min(top + self.field.size_px[0], height_px))
            for top, left in corners.tolist()
        ]  # fmt: skip


def scores_layer(model: nn.Module, images: Tensor) -> str:
    """The name of the layer whose output is the class scores. Raises ValueError where no module gives them."""
    names = named_layers(model)
    with undisturbed(model):
        graph = trace(model, like_parameters(model, images[:1]))
    scores = set(graph.scores())
    for layer, module in names.modules.items():
        if [node for node in graph.outputs.get(module, []) if node in scores]:
            return layer
    raise ValueError(
        f"no module of {type(model).__name__} gives the class scores: there is no layer to project them of"
    )


def class_targets(model: nn.Module, images: Tensor, cam_layer: str, classes: Sequence[int] | None = None) -> Targets:
    """The scores of classes (B,), by default of the most probable one of each image (B, 3, H, W)."""
    if classes is None:
        with undisturbed(model):
            found = model(like_parameters(model, images)).argmax(1).cpu()
    else:
        found = torch.as_tensor(classes)
    units = torch.zeros((len(images), 4), dtype=torch.int64)
    units[:, 0], units[:, 1] = torch.arange(len(images)), found
    return Targets(kind=CLASS, layer=scores_layer(model, images), units=units, field=None, cam_layer=cam_layer)


def strongest_units(model: nn.Module, images: Tensor, layer: str) -> Targets:
    """The strongest unit of a layer on each image (B, 3, H, W). Raises ValueError for an unknown layer."""
    deconvnet = Deconvnet(model)
    maps = deconvnet.activations(images, [layer])[layer].cpu()  # (B, C, h, w) or (B, C)
    maps = maps if maps.ndim == 4 else maps[:, :, None, None]
    best = maps.flatten(1).argmax(1)
    places = torch.stack([best // maps[0, 0].numel(), best % maps[0, 0].numel()], 1)
    units = torch.stack(
        [torch.arange(len(maps)), places[:, 0], places[:, 1] // maps.shape[3], places[:, 1] % maps.shape[3]], 1
    )
    return Targets(kind=UNIT, layer=layer, units=units, field=deconvnet.field(layer), cam_layer=layer)


def other_maps(model: nn.Module, images: Tensor, targets: Targets) -> Targets:
    """Of each image the second strongest map at the same place; of classes the second most probable."""
    maps = Deconvnet(model).activations(images, [targets.layer])[targets.layer].cpu()
    maps = maps if maps.ndim == 4 else maps[:, :, None, None]
    image, own, row, column = targets.units.unbind(1)
    at_place = maps[image, :, row, column].clone()  # (B, C)
    at_place[image, own] = -torch.inf
    return targets.with_maps(at_place.argmax(1))


def values_of(deconvnet: Deconvnet, images: Tensor, targets: Targets, owner: Tensor) -> Tensor:
    """The value of target number owner (n,) on each of images (n, 3, H, W): a class's score, a unit's activation."""
    maps = _maps_of(deconvnet, images, targets.layer)
    maps = maps if maps.ndim == 4 else maps[:, :, None, None]
    _, number, row, column = targets.units[owner].unbind(1)
    return maps[torch.arange(len(images)), number, row, column]


def measure_of(deconvnet: Deconvnet, images: Tensor, targets: Targets, owner: Tensor) -> Tensor:
    """The same, but of classes the probability: what is measured when pixels are taken away."""
    if targets.kind == UNIT:
        return values_of(deconvnet, images, targets, owner)
    scores = _maps_of(deconvnet, images, targets.layer).flatten(1)
    return scores.softmax(1)[torch.arange(len(images)), targets.units[owner, 1]]


def _maps_of(deconvnet: Deconvnet, images: Tensor, layer: str) -> Tensor:
    """Of many copies of an image, in channels last: SqueezeNet convolves them 1.5 times as fast on one CPU thread."""
    return deconvnet.activations(images.contiguous(memory_format=torch.channels_last), [layer])[layer]


def map_count(model: nn.Module, images: Tensor, targets: Targets) -> int:
    """How many maps the layer has, or how many classes there are."""
    return Deconvnet(model).activations(images[:1], [targets.layer])[targets.layer].shape[1]

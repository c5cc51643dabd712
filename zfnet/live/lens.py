"""A network in memory once, and what it answers about a picture: one question at a time, with what is recorded kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from zfnet.analysis import project_fields, smaller
from zfnet.deconv import Deconvnet
from zfnet.forward import Field, Record
from zfnet.live.pictures import Picture
from zfnet.models import undisturbed
from zfnet.network import Network

RULES = ("deconvnet", "guided", "gradient")
RECORD_BYTES = 512 * 2**20  # of all records that are kept
TURN = threading.RLock()  # one question at a time, whatever the network: more would share the same cores


@dataclass(frozen=True, kw_only=True)
class LiveLayer:
    """A layer that can be looked at. shape: (maps, h, w) or (units,); field None: its units see the whole image.

    scores: whether its values are the class scores.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    field: Field | None
    scores: bool


@dataclass(frozen=True, kw_only=True)
class Projected:
    """Units (n, 4) of a picture: values (n,), pixels (n, 3, h, w) and the corner (n, 2) of each in the picture."""

    units: Tensor
    values: Tensor
    pixels: Tensor
    corners: Tensor


class Lens:
    """A network and its deconvnets. number: its place among the networks of a page, 0 or 1.

    source, weights, crop_px: what the command line and `open_network` call it, and the size that was asked for.
    seed: of random weights, None where it has others. Raises ValueError where it has no layer.
    """

    def __init__(
        self, network: Network, *, number: int, source: str, weights: str | None, title: str,
        crop_px: int | None = None, seed: int | None = None,
    ) -> None:  # fmt: skip
        self.network, self.number, self.title = network, number, title
        self.source, self.weights, self.crop_px, self.seed = source, weights, crop_px, seed
        self.size_px = network.frame.size_px
        self._deconvnets = {rule: Deconvnet(network.model, rule) for rule in RULES}
        self._records: OrderedDict[tuple[str, str], Record] = OrderedDict()
        if not self.layers:
            raise ValueError(f"{title} has no convolution or linear layer that runs: there is nothing to look at")

    @cached_property
    def layers(self) -> dict[str, LiveLayer]:
        """From the pixels up, as a grey image meets them."""
        frame, model = self.network.frame, self.network.model
        grey = torch.zeros(1, frame.channels, frame.size_px, frame.size_px, device=frame.mean.device)
        deconvnet = self._deconvnets["deconvnet"]
        record = deconvnet.record(grey)
        found = {}
        for name in record.maps:
            module = model.get_submodule(name)
            found[name] = LiveLayer(
                name=name, kind=type(module).__name__, shape=tuple(record.sizes[name]),
                parameters=sum(parameter.numel() for parameter in module.parameters(recurse=False)),
                field=smaller(deconvnet.field(name, record), grey), scores=name in record.scores,
            )  # fmt: skip
        return found

    def class_of(self, layer: str, number: int) -> str:
        """What a unit or map stands for, where the layer's are the classes; else nothing."""
        live, names = self.layer(layer), self.network.names
        last = layer == next(reversed(self.layers))  # SqueezeNet's are averaged, which makes them the scores
        return names[number] if (live.scores or last) and len(names) == live.shape[0] else ""

    def layer(self, name: str) -> LiveLayer:
        """Raises ValueError for one that is not there."""
        if name not in self.layers:
            raise ValueError(f"{self.title} has no layer {name[:60]!r}")
        return self.layers[name]

    def record(self, picture: Picture, rule: str = "deconvnet") -> Record:
        """What a pass of the picture left behind; kept, so that the next click needs no pass."""
        key = picture.key, rule
        if key not in self._records:
            self._records[key] = self._deconvnets[rule].record(picture.inputs[self.number], self.layers)
            while len(self._records) > 1 and sum(map(record_bytes, self._records.values())) > RECORD_BYTES // 2:
                self._records.popitem(last=False)
        self._records.move_to_end(key)
        return self._records[key]

    def maps(self, picture: Picture, layer: str) -> Tensor:
        """The layer's maps (C, h, w) on the CPU; (C, 1, 1) of units."""
        with TURN:
            maps = self.record(picture).maps[self.layer(layer).name][0].float().cpu()
        return maps if maps.ndim == 3 else maps[:, None, None]

    def probabilities(self, picture: Picture) -> Tensor:
        """(classes,) of the picture, on the CPU."""
        with TURN:
            record = self.record(picture)
            for name in record.scores:
                if record.maps[name].ndim == 2:
                    return softmax(record.maps[name])
            with undisturbed(self.network.model):
                return softmax(self.network.model(picture.inputs[self.number]))

    def project(self, picture: Picture, layer: str, units: Sequence[Sequence[int]], rule: str) -> Projected:
        """Units, each (map, row, column), down to the pixels that they see. Raises ValueError for what is not there."""
        live = self.layer(layer)
        places = torch.tensor([(0, *unit) for unit in units], dtype=torch.int64).reshape(-1, 4)
        with TURN:
            record = self.record(picture, rule)
            pixels = project_fields(self._deconvnets[rule], record, layer, places, live.field).float().cpu()
            maps = record.maps[layer][0].float().cpu()
        maps = maps if maps.ndim == 3 else maps[:, None, None]
        corners = places.new_zeros((len(places), 2)) if live.field is None else live.field.corners(places[:, 2:])
        values = maps[places[:, 1], places[:, 2], places[:, 3]]  # (n,)
        return Projected(units=places, values=values, pixels=pixels, corners=corners)

    @property
    def model(self) -> nn.Module:
        return self.network.model

    def deconvnet(self, rule: str = "deconvnet") -> Deconvnet:
        return self._deconvnets[rule]


def record_bytes(record: Record) -> int:
    """About how much memory a record holds."""
    maps = sum(one.numel() * one.element_size() for one in record.maps.values())
    return maps + sum(one.numel() * one.element_size() for one in record.switches.values())


def softmax(scores: Tensor) -> Tensor:
    """Probabilities (classes,) of scores (1, classes), on the CPU."""
    return scores.float().softmax(1)[0].cpu()

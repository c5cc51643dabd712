"""The deconvnet of a network: record a forward pass, then show what any unit in it answered to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from zfnet.deconv.chain import chain_of
from zfnet.deconv.geometry import Field
from zfnet.deconv.project import reverse
from zfnet.deconv.record import Record, walk
from zfnet.deconv.units import check_layer, check_maps, check_units, kept, seed_values
from zfnet.deconv.windows import has_windows, reverse_windows
from zfnet.models.modes import evaluating


class Deconvnet:
    """Projects units of a network down to the pixels, as Zeiler & Fergus did (2013, section 2.1).

    deconvnet = Deconvnet(model)
    record = deconvnet.record(images)                     # images (B, 3, H, W), normalised
    pixels = deconvnet.project(record, "conv5", units)    # units (N, 4): image, map, row, column

    The network runs in eval mode, and is left as it was found.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._chain = chain_of(model)
        self._fields = self._chain.fields()
        kinds = (nn.Conv2d, nn.Linear)
        self.layers = [name for name, m in model.named_modules(remove_duplicate=False) if isinstance(m, kinds)]

    def field(self, layer: str) -> Field | None:
        """The layer's receptive field; None where every unit sees the whole image."""
        check_layer(layer, self._chain.taps)
        return self._fields[self._chain.taps[layer]]

    @torch.no_grad()
    def activations(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The maps of the layers, as `record` keeps them, and nothing else: the pass ends at the deepest of them."""
        for layer in layers:
            check_layer(layer, self._chain.taps)
        with self._undisturbed():
            deepest = max((self._chain.taps[layer] for layer in layers), default=-1)
            return walk(self._chain, self._fit(images), layers, deepest, with_switches=False).maps

    def record(
        self, images: Tensor, layers: Collection[str] | None = None, keep: Collection[str] | None = None
    ) -> Record:
        """Run the network on images (B, 3, H, W) and keep what the reverse pass needs.

        layers: those that will be projected, all by default: the pass ends at the deepest of them.
        keep: those of them whose maps are kept, all by default. Without its maps a layer's units can still be
        projected with a scale; switches and sizes take an eighth of the room.
        """
        layers = self.layers if layers is None else layers
        for layer in layers:
            check_layer(layer, self._chain.taps)
        images = self._fit(images)
        with self._undisturbed():
            deepest = max((self._chain.taps[layer] for layer in layers), default=-1)
            trace = walk(self._chain, images, layers if keep is None else keep, deepest, with_switches=True)
        sizes = dict(trace.sizes)
        names = [step.name for step in self._chain.steps]
        sizes.update({tap: sizes[names[at]] for tap, at in self._chain.taps.items() if at <= deepest})
        scores = frozenset(tap for tap, at in self._chain.taps.items() if self._chain.gives_scores(at))
        return Record(trace.maps, trace.switches, sizes, tuple(images.shape[1:]), len(images), None, scores)

    def project(self, record: Record, layer: str, units: Tensor, scale: float | Tensor | None = None) -> Tensor:
        """What each unit (N, 4: image, map, row, column) answered to, as pixels (N, 3, H, W)."""
        check_layer(layer, self._chain.taps)
        units = check_units(record, layer, units)
        values = seed_values(record, layer, units, scale, rectified=layer not in record.scores)
        size = record.sizes[layer]

        def seeds(part: slice) -> Tensor:
            signal = values.new_zeros((len(units[part]), *size))
            rows = torch.arange(len(signal))
            places = (rows, *units[part, 1:].T) if len(size) == 3 else (rows, units[part, 1])
            signal[places] = values[part]
            return signal

        return self._dense(record, layer, units[:, 0], seeds)

    def project_maps(self, record: Record, layer: str, chosen: Tensor) -> Tensor:
        """What whole maps (N, 2: image, map) answered to, every place of a map at once, as pixels (N, 3, H, W)."""
        check_layer(layer, self._chain.taps)
        chosen = check_maps(record, layer, chosen)
        maps = kept(record, layer)

        def seeds(part: slice) -> Tensor:
            images, numbers = chosen[part].T
            signal = maps.new_zeros((len(images), *maps.shape[1:]))
            rows = torch.arange(len(images))
            signal[rows, numbers] = maps[images, numbers]
            return signal if layer in record.scores else signal.clamp_(min=0)

        return self._dense(record, layer, chosen[:, 0], seeds)

    def project_windows(
        self, record: Record, layer: str, units: Tensor, scale: float | Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The same as `project`, on the receptive fields alone: crops (N, 3, h, w) and their corners (N, 2).

        Corners are in pixels, row and column, and may be negative; beyond the image's border crops are zero.
        """
        check_layer(layer, self._chain.taps)
        position, field = self._chain.taps[layer], self.field(layer)
        if field is None or not has_windows(self._chain, position):
            return self.project(record, layer, units, scale), torch.zeros((len(units), 2), dtype=torch.int64)
        units = check_units(record, layer, units)
        values = seed_values(record, layer, units, scale, rectified=layer not in record.scores)
        with self._undisturbed():
            return reverse_windows(self._chain, record, position, units, values)

    def _dense(self, record: Record, layer: str, images: Tensor, seeds: Callable[[slice], Tensor]) -> Tensor:
        with self._undisturbed():
            parts = [slice(start, start + 16) for start in range(0, len(images), 16)]
            position = self._chain.taps[layer]
            pixels = [reverse(self._chain, record, position, images[part], seeds(part)) for part in parts]
        return torch.cat(pixels)

    def _fit(self, images: Tensor) -> Tensor:
        weight = next(self.model.parameters())
        return images.detach().to(weight.device, weight.dtype)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        with torch.inference_mode(False), torch.no_grad(), evaluating(self.model):
            yield

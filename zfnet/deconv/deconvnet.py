"""The deconvnet of a network: record a forward pass, then show what any unit in it answered to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor, nn

from zfnet.deconv.by_autograd import reverse_by_autograd
from zfnet.deconv.reverse import reverse
from zfnet.deconv.rules import RULES
from zfnet.deconv.units import check_maps, check_units, kept, unit_values
from zfnet.deconv.windows import is_worth_windows, reverse_windows
from zfnet.forward import (
    Field,
    Record,
    check_images,
    check_plain,
    cut_windows,
    forward_outputs,
    named_layers,
    record_chain,
    slices_that_fit,
    walk,
)
from zfnet.models import like_parameters, undisturbed


class Deconvnet:
    """Projects units of a network down to the pixels, as Zeiler & Fergus did (2013, section 2.1).

    deconvnet = Deconvnet(model)
    record = deconvnet.record(images)                     # images (B, 3, H, W), normalised
    pixels = deconvnet.project(record, "conv5", units)    # units (N, 4): image, map, row, column

    rule: "deconvnet"; or, to compare, "guided" (Springenberg et al. 2015) or "gradient" (Simonyan et al. 2014).
    Chains of layers go down explicitly under the first rule, everything else by autograd. The network runs in eval
    mode, and is left as it was found.

    Raises ValueError for an unknown rule, and for compiled or scripted networks, whose relus cannot be seen.
    """

    def __init__(self, model: nn.Module, rule: str = "deconvnet") -> None:
        if rule not in RULES:
            raise ValueError(f"rule {rule!r} is not one of {', '.join(RULES)}")
        check_plain(model)
        self.model, self.rule = model, rule
        self._names = named_layers(model)
        self._explicit = self._names.chain if rule == "deconvnet" else None
        self.layers = list(self._names.filters)

    def field(self, layer: str) -> Field | None:
        """The layer's receptive field; None where every unit sees the whole image.

        Raises NotAChain, a ValueError, for networks that are not a chain of layers.
        """
        self._names.check(layer)
        chain = self._names.as_chain()
        return chain.fields()[chain.taps[layer]]

    def activations(
        self, images: Tensor, layers: Collection[str], dtype: torch.dtype | None = None
    ) -> dict[str, Tensor]:
        """The maps of the layers on images (B, 3, H, W), as `record` keeps them: layer -> (B, C, H, W) or (B, C).

        Nothing else is kept; in a chain the pass ends at the deepest layer. dtype: torch.bfloat16 or torch.float16
        computes in mixed precision, by autocast. Raises ValueError as `record` does.
        """
        images = self._prepared(images, layers)
        with undisturbed(self.model, dtype):
            if self._names.chain is not None:
                return walk(self._names.chain, images, layers, layers)
            return dict(forward_outputs(self.model, images, self._modules_of(layers), keep=layers, strict=True).maps)

    def record(
        self, images: Tensor, layers: Collection[str] | None = None, keep: Collection[str] | None = None
    ) -> Record:
        """Run the network on images (B, 3, H, W) and keep what the reverse pass needs.

        layers: those that will be projected, `self.layers` by default; in a chain the pass ends at the deepest.
        keep: those of them whose maps are kept, all by default. Units of the others can still be projected with a
        scale; for ZFNet the maps are 400 MB of 64 images' 450, conv1 alone 300.

        Raises ValueError for unknown layers, and for named ones that run more than once or not at all.
        """
        recorded = list(dict.fromkeys([*(self.layers if layers is None else layers), *(keep or ())]))
        keep = recorded if keep is None else keep
        images = self._prepared(images, recorded)
        with undisturbed(self.model):
            if self._explicit is not None:
                return record_chain(self._explicit, images, recorded, keep)
            strict = layers is not None  # a layer that nobody named may well not run
            return forward_outputs(self.model, images, self._modules_of(recorded), keep=keep, strict=strict)

    def project(self, record: Record, layer: str, units: Tensor, scale: float | Tensor | None = None) -> Tensor:
        """What each unit (N, 4: image, map, row, column) answered to, as pixels (N, 3, H, W).

        scale: the seed of every unit (or one each, (N,)) in place of its recorded activation. Negative seeds are
        rectified to nothing, but for class scores and plain gradients.

        Raises ValueError for layers and units that are not in the record, and NoReverseRule, a ValueError, which
        names it, for an operation that the rule has no answer to.
        """
        self._check(record, layer)
        units = check_units(record, layer, units)
        values, size = self._values(record, layer, units, scale), record.sizes[layer]

        def seeds(part: slice) -> Tensor:
            signal = values.new_zeros((len(units[part]), *size))  # (n, C, h, w) or (n, C)
            _, maps, rows, columns = units[part].unbind(1)  # (n,) each
            order = torch.arange(len(signal))
            signal[(order, maps, rows, columns)[: 1 + len(size)]] = values[part]
            return signal

        return self._dense(record, layer, units[:, 0], seeds, values)

    def project_maps(self, record: Record, layer: str, chosen: Tensor | Sequence[Sequence[int]]) -> Tensor:
        """What whole maps (N, 2: image, map) answered to, every place of a map at once, as pixels (N, 3, H, W).

        Raises what `project` raises, for maps in place of units.
        """
        self._check(record, layer)
        chosen, maps = check_maps(record, layer, chosen), kept(record, layer)

        def seeds(part: slice) -> Tensor:
            images, numbers = chosen[part].unbind(1)
            order = torch.arange(len(images))
            signal = maps.new_zeros((len(images), *maps.shape[1:]))  # (n, C, h, w) or (n, C)
            signal[order, numbers] = self._rectified(record, layer, maps[images, numbers])
            return signal

        return self._dense(record, layer, chosen[:, 0], seeds, maps)

    def project_windows(
        self,
        record: Record,
        layer: str,
        units: Tensor,
        scale: float | Tensor | None = None,
        dtype: torch.dtype | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The same as `project`, on the receptive fields alone: crops (N, 3, h, w) and their corners (N, 2).

        Corners are in pixels, row and column, and may be negative; beyond the image's border crops are zero. Layers
        whose units see the whole image give it, with corner (0, 0). dtype: a type to calculate in, such as bfloat16,
        on windows; the pixels come in the network's own.

        Raises what `project` raises, and NotAChain, a ValueError, for networks that are not a chain of layers.
        """
        self._check(record, layer)
        chain, field = self._names.as_chain(), self.field(layer)
        units = check_units(record, layer, units)
        if field is not None and self._explicit is not None and is_worth_windows(chain, chain.taps[layer], record):
            values = self._values(record, layer, units, scale)
            with undisturbed(self.model):
                return reverse_windows(
                    chain, record, chain.taps[layer], units=units, values=values, dtype=dtype or values.dtype
                )
        pixels = self.project(record, layer, units, scale)
        if field is None:
            return pixels, torch.zeros((len(units), 2), dtype=torch.int64)
        corners = field.corners(units[:, 2:])
        return cut_windows(pixels, torch.arange(len(units)), corners, field.size_px), corners

    def _dense(
        self, record: Record, layer: str, images: Tensor, seeds: Callable[[slice], Tensor], like: Tensor
    ) -> Tensor:
        """Pixels (N, 3, H, W), in the type and on the device of `like`, of N seeds at the layer's output.

        images (N,): whose record each seed follows; seeds: slice of them -> (n, C, h, w) or (n, C).
        """
        with undisturbed(self.model):
            pixels = like.new_zeros((len(images), *record.image_size))
            for part in slices_that_fit(len(images), record.unit_bytes, pixels.device):
                if self._explicit is not None:
                    position = self._explicit.taps[layer]
                    pixels[part] = reverse(self._explicit, record, position, images[part], seeds(part))
                else:
                    assert record.images is not None
                    inputs = record.images[images[part]]  # (n, 3, H, W)
                    pixels[part] = reverse_by_autograd(
                        self.model, self._names.module_of(layer), inputs, seeds(part), self.rule
                    )
        return pixels

    def _values(self, record: Record, layer: str, units: Tensor, scale: float | Tensor | None) -> Tensor:
        """The seed (N,) of each unit (N, 4)."""
        if scale is None:
            return self._rectified(record, layer, unit_values(record, layer, units))
        values = like_parameters(self.model, torch.as_tensor(scale))
        if values.ndim and values.shape != units.shape[:1]:
            raise ValueError(
                f"scale is {tuple(values.shape)}, expected one number or one for each of {len(units)} units"
            )
        return self._rectified(record, layer, values.expand(len(units)))

    def _rectified(self, record: Record, layer: str, values: Tensor) -> Tensor:
        return values if layer in record.scores or self.rule == "gradient" else values.clamp(min=0)

    def _check(self, record: Record, layer: str) -> None:
        self._names.check(layer)
        if (record.images is None) != (self._explicit is not None):
            raise ValueError(
                f"the record was made by a deconvnet with another rule or network than this one ({self.rule}, "
                f"{type(self.model).__name__}): record again with this one"
            )

    def _prepared(self, images: Tensor, layers: Collection[str]) -> Tensor:
        self._names.check(*layers)
        check_images(images)
        return like_parameters(self.model, images.detach())

    def _modules_of(self, layers: Collection[str]) -> dict[str, str]:
        return {layer: self._names.module_of(layer) for layer in layers}

"""The deconvnet of a network: record a forward pass, then show what any unit in it answered to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.deconv.by_autograd import reverse_by_autograd
from zfnet.deconv.explicit import ExplicitReverse, Seeds
from zfnet.deconv.networks import TracedNetwork
from zfnet.deconv.rules import RULES
from zfnet.deconv.units import check_maps, check_seeds, check_units, kept, seeds_of_maps, seeds_of_units, unit_values
from zfnet.forward import (
    Field,
    Record,
    check_images,
    check_weights,
    cut_windows,
    fault_of,
    layer_outputs,
    paste_windows,
    record_layers,
)
from zfnet.models import like_parameters, undisturbed


class Deconvnet:
    """Projects units of a network down to the pixels, as Zeiler & Fergus did (2013, section 2.1).

    deconvnet = Deconvnet(model)
    record = deconvnet.record(images)                     # images (B, 3, H, W), normalised
    pixels = deconvnet.project(record, "conv5", units)    # units (N, 4): image, map, row, column

    rule: "deconvnet"; or, to compare, "guided" (Springenberg et al. 2015) or "gradient" (Simonyan et al. 2014).
    Under the first rule layers below which every operation is known go down explicitly, on windows where they pay;
    everything else goes by autograd, and `explain` tells. The network runs in eval mode, and is left as it was found.

    Raises ValueError for an unknown rule, and for compiled or scripted networks, whose relus cannot be seen.
    """

    def __init__(self, model: nn.Module, rule: str = "deconvnet") -> None:
        if rule not in RULES:
            raise ValueError(f"rule {rule!r} is not one of {', '.join(RULES)}")
        self._network = TracedNetwork(model)
        self.model, self.rule = model, rule
        self._explicit = ExplicitReverse()

    @property
    def layers(self) -> list[str]:
        """Every Conv2d and Linear that gives maps (B, C, H, W) or units (B, C), from the pixels up."""
        return self._network.layers()

    def field(self, layer: str, record: Record | None = None) -> Field | None:
        """The layer's receptive field; None where every unit sees the whole image, or might.

        On images of the record's size, or else of the last that ran: padding may depend on it.
        """
        graph, node = self._network.node(layer) if record is None else (record.graph, record.nodes.get(layer))
        return None if node is None else graph.windows(node)[0]

    def explain(self, layer: str) -> str:
        """Which way the layer's units go down, "windows", "explicit" or "autograd", and why, in one line."""
        graph, node = self._network.node(layer)
        if self.rule != "deconvnet":
            return f"autograd: the rule is {self.rule!r}"
        return self._explicit.explain(graph, node)

    def activations(self, images: Tensor, layers: Iterable[str], dtype: torch.dtype | None = None) -> dict[str, Tensor]:
        """The maps of the layers on images (B, 3, H, W), as `record` keeps them: layer -> (B, C, H, W) or (B, C).

        Nothing else is kept; the pass ends at the last of the layers. dtype: torch.bfloat16 or torch.float16 computes
        in mixed precision, by autocast. Raises ValueError as `record` does.
        """
        self._network.look_again()
        layers, images = self._network.names.listed(layers), self._prepared(images)
        graph = self._network.graph(images)
        with undisturbed(self.model, dtype):
            return layer_outputs(self.model, images, self._network.modules(layers), graph=graph)

    def record(self, images: Tensor, layers: Iterable[str] | None = None, keep: Iterable[str] | None = None) -> Record:
        """Run the network on images (B, 3, H, W) and keep what the reverse pass needs.

        layers: those that will be projected, `self.layers` by default; the pass ends at the last of them.
        keep: those of them whose maps are kept, all by default. Units of the others can still be projected with a
        scale; for ZFNet the maps are 400 MB of 64 images' 450, conv1 alone 300.

        Raises ValueError for unknown layers, and for named ones that run more than once or not at all.
        """
        self._network.look_again()
        names, images = self._network.names, self._prepared(images)
        layers, keep = (None if given is None else names.listed(given) for given in (layers, keep))
        graph = self._network.graph(images)
        if layers is None:  # a layer that nobody named may well not run
            layers = [name for name in self.layers if not fault_of(graph, names.modules[name])]
        recorded = list(dict.fromkeys([*layers, *(keep or ())]))
        keep, modules = recorded if keep is None else keep, self._network.modules(recorded)
        nodes = {layer: runs[0] for layer, module in modules.items() if (runs := graph.outputs.get(module))}
        wanted = self.rule == "deconvnet" and bool(graph.without_fault(nodes))
        with undisturbed(self.model):
            record = record_layers(self.model, images, modules, keep=keep, graph=graph, switches=wanted)
        explicit = graph.without_fault(nodes) & record.graph.without_fault(record.nodes) if wanted else frozenset()
        images_kept = None if explicit == set(recorded) else images.clone()
        return replace(record, rule=self.rule, explicit=explicit, images=images_kept)

    def project(self, record: Record, layer: str, units: Any, scale: float | Tensor | None = None) -> Tensor:
        """What each unit (N, 4: image, map, row, column) answered to, as pixels (N, 3, H, W).

        units: a tensor, an array or a list. scale: the seed of every unit (or one each, (N,)) in place of its recorded
        activation. Negative seeds are rectified to nothing, but for class scores and plain gradients.

        Raises ValueError for layers and units that are not in the record and for weights that changed since, and
        NoReverseRule, a ValueError, which names it, for an operation that the rule has no answer to.
        """
        self._check(record, layer)
        units = check_units(record, layer, units)
        values, size = self._values(record, layer, units, scale), record.sizes[layer]
        if layer in record.explicit:
            with undisturbed(self.model):
                pixels, plan = self._explicit.units(record, layer, units, values, dtype=values.dtype)
            crop = plan.windows.get(0)
            return pixels if crop is None else paste_windows(pixels, crop.corners(units[:, 2:]), record.image_size[1:])

        return self._by_autograd(record, layer, units[:, 0], seeds_of_units(values, units, size))

    def project_maps(self, record: Record, layer: str, chosen: Any = None, *, seeds: Tensor | None = None) -> Tensor:
        """What whole maps (N, 2: image, map) answered to, every place of a map at once, as pixels (N, 3, H, W).

        seeds: in place of chosen maps, what the whole layer is seeded with, (B, C, h, w) or (B, C), a signal for each
        image of the record: record.maps[layer] is all that the layer said. Negative ones are rectified as in `project`.

        Raises what `project` raises, for maps in place of units, and ValueError for seeds of another shape.
        """
        self._check(record, layer)
        if (chosen is None) == (seeds is None):
            raise ValueError("give either chosen=(N, 2), image and map, or seeds=(B, C, h, w) for the whole layer")
        if seeds is None:
            chosen, maps = check_maps(record, layer, chosen), kept(record, layer)
            owners, signals = chosen[:, 0], seeds_of_maps(maps, chosen)
        else:
            maps = check_seeds(record, layer, like_parameters(self.model, seeds))
            owners, signals = torch.arange(record.batch), maps.__getitem__

        def rectified(part: slice | Tensor) -> Tensor:
            return self._rectified(record, layer, signals(part))

        if layer in record.explicit:
            with undisturbed(self.model):
                return self._explicit.signals(record, layer, owners, rectified, like=maps)
        return self._by_autograd(record, layer, owners, rectified)

    def project_windows(
        self, record: Record, layer: str, units: Any, scale: float | Tensor | None = None,
        dtype: torch.dtype | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The same as `project`, on the receptive fields alone: crops (N, 3, h, w) and their corners (N, 2).

        Corners are in pixels, row and column, and may be negative; beyond the image's border crops are zero. Layers
        whose units see the whole image give it, with corner (0, 0). dtype: a type to calculate in, such as bfloat16,
        where the way down is explicit; the pixels come in the network's own.

        Raises what `project` raises.
        """
        self._check(record, layer)
        units = check_units(record, layer, units)
        if layer in record.explicit:
            values = self._values(record, layer, units, scale)
            with undisturbed(self.model):
                pixels, plan = self._explicit.units(record, layer, units, values, dtype=dtype or values.dtype)
            field, cut = plan.field, 0 in plan.windows
        else:
            pixels, field, cut = self.project(record, layer, units, scale), self.field(layer, record), False
        if field is None:
            return pixels, torch.zeros((len(units), 2), dtype=torch.int64)
        corners = field.corners(units[:, 2:])
        return pixels if cut else cut_windows(pixels, torch.arange(len(units)), corners, field.size_px), corners

    def _by_autograd(self, record: Record, layer: str, owners: Tensor, seeds: Seeds) -> Tensor:
        """Pixels (N, 3, H, W) of N seeds at the layer's output, of images number (N,)."""
        if record.exchanged:
            raise ValueError(
                f"layer {layer!r} goes down by autograd, which runs the network anew and takes its own switches: the "
                "record's, which are another image's, are not used"
            )
        maps = record.maps.get(layer)

        def as_given(maps: Tensor) -> Tensor:
            return maps.permute(0, 2, 3, 1) if layer in record.turned else maps

        with undisturbed(self.model):
            return reverse_by_autograd(
                self.model, self._network.names.module_of(layer), record, owners=owners,
                seeds=lambda part: as_given(seeds(part)), rule=self.rule,
                recorded=None if maps is None else as_given(maps),
            )  # fmt: skip

    def _values(self, record: Record, layer: str, units: Tensor, scale: float | Tensor | None) -> Tensor:
        """The seed (N,) of each unit (N, 4)."""
        if scale is None:
            return self._rectified(record, layer, unit_values(record, layer, units))
        given = scale if isinstance(scale, Tensor) else torch.as_tensor(scale, dtype=torch.float64)
        if given.is_complex():
            raise ValueError(f"scale is {given.dtype}, expected real numbers")
        values = like_parameters(self.model, given)
        if values.ndim and values.shape != units.shape[:1]:
            raise ValueError(
                f"scale is {tuple(values.shape)}, expected one number or one for each of {len(units)} units"
            )
        return self._rectified(record, layer, values.expand(len(units)))

    def _rectified(self, record: Record, layer: str, values: Tensor) -> Tensor:
        return values if layer in record.scores or self.rule == "gradient" else values.clamp(min=0)

    def _check(self, record: Record, layer: str) -> None:
        self._network.names.check(layer)
        if record.rule != self.rule:
            raise ValueError(
                f"the record was made by a deconvnet with another rule or network than this one ({record.rule}, not "
                f"{self.rule}): record again with this one"
            )
        check_weights(record, self.model)

    def _prepared(self, images: Tensor) -> Tensor:
        check_images(images)
        return like_parameters(self.model, images.detach())

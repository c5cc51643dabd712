"""Receptive fields of any network, from the operations of a pass."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from zfnet.forward.checks import check_plain
from zfnet.forward.geometry import Field
from zfnet.forward.graph import own_graph
from zfnet.forward.layers import named_layers


def receptive_field(model: nn.Module, layer: str, image_px: int | None = None) -> Field | None:
    """Which pixels a layer's units see, in any network; None where every unit sees the whole image, or might.

    Of a layer that runs several times it is the last run's. image_px: the side of square images; given, a field that
    reaches over the whole of such an image for every unit of the layer is None too.

    The network runs once, on an image of image_px, or of its own size. Whatever is met there that is neither a
    convolution, a pool nor known to look at one place counts as looking everywhere.
    Raises ValueError for an unknown layer, and where the network does not run on such an image.
    """
    return receptive_fields(model, [layer], image_px)[layer][-1]


def receptive_fields(
    model: nn.Module, layers: Collection[str], image_px: int | None = None
) -> dict[str, list[Field | None]]:
    """The receptive fields of several layers, as `receptive_field` gives them: one for each time that a layer runs.

    Raises ValueError as `receptive_field` does.
    """
    check_plain(model)
    names = named_layers(model)
    names.check(*layers)
    graph = own_graph(model, image_px)
    found: dict[str, list[Field | None]] = {}
    for layer in layers:
        runs = graph.outputs.get(names.modules[layer]) or [None]
        fields = [None if node is None else graph.windows(node)[0] for node in runs]
        if image_px is not None:
            shapes = [() if node is None else graph.nodes[node].shape for node in runs]
            fields = [
                None if field is None or _sees_all(field, shape, image_px) else field
                for field, shape in zip(fields, shapes, strict=True)
            ]
        found[layer] = fields
    return found


def fields_of(model: nn.Module, layers: Collection[str]) -> dict[str, Field | None]:
    """What `receptive_field` says of each of several layers, from one pass of the network."""
    return {layer: runs[-1] for layer, runs in receptive_fields(model, layers).items()}


def _sees_all(field: Field, shape: tuple[int, ...], image_px: int) -> bool:
    """Whether every unit of maps (C, H, W) = shape sees all of an image of image_px x image_px."""
    return all(
        field.offset_px[axis] + (shape[1 + axis] - 1) * field.step_px[axis] <= 0
        and field.offset_px[axis] + field.size_px[axis] >= image_px
        for axis in (0, 1)
    )

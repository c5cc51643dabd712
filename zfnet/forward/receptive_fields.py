"""Receptive fields of any network: of a chain by its layers, of others by the operations that torch.fx records."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import fx, nn
from torchvision.ops import StochasticDepth

from zfnet.forward.chain import sliding
from zfnet.forward.geometry import Field, Sliding
from zfnet.forward.hooks import forward_outputs
from zfnet.forward.layers import named_layers
from zfnet.models import channels_of, evaluating, like_parameters, undisturbed

POINTWISE = (
    nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.Sigmoid, nn.GELU, nn.ELU, nn.LeakyReLU,
    nn.BatchNorm2d, nn.LocalResponseNorm, nn.Dropout, nn.Dropout2d, nn.Identity, StochasticDepth,
)  # fmt: skip
JOINING = (  # functions and methods that look at the same place of each of their inputs
    "relu", "relu_", "relu6", "hardtanh", "sigmoid", "silu", "hardswish", "clamp", "add", "iadd", "add_", "mul", "imul",
    "sub", "contiguous", "dropout", "batch_norm", "local_response_norm", "stochastic_depth",
)  # fmt: skip


def receptive_field(model: nn.Module, layer: str, image_px: int | None = None) -> Field | None:
    """Which pixels a layer's units see, in any network; None where every unit sees the whole image, or might.

    Of a layer that runs several times it is the last run's. image_px: the side of square images; given, a field that
    reaches over the whole of such an image for every unit of the layer is None too (one forward pass tells how many
    units there are).

    Chains of layers are asked for theirs. Others are traced by torch.fx; whatever is met there that is neither a
    convolution, a pool nor known to look at one place counts as looking everywhere.
    Raises ValueError for an unknown layer.
    """
    field = receptive_fields(model, [layer])[layer][-1]
    if field is None or image_px is None:
        return field
    return None if _sees_all(model, layer, field, image_px) else field


def receptive_fields(model: nn.Module, layers: Collection[str]) -> dict[str, list[Field | None]]:
    """The receptive fields of several layers, as `receptive_field` gives them: one for each time that a layer runs.

    Raises ValueError for an unknown layer.
    """
    names = named_layers(model)
    names.check(*layers)
    if names.chain is not None:
        fields = names.chain.fields()
        return {layer: [fields[names.chain.taps[layer]]] for layer in layers}
    traced = _traced(model)
    return {layer: traced.get(layer, [None]) for layer in layers}


def _sees_all(model: nn.Module, layer: str, field: Field, image_px: int) -> bool:
    """Whether every unit of the layer sees all of an image of image_px x image_px."""
    images = like_parameters(model, torch.zeros(1, channels_of(model), image_px, image_px))
    modules = {layer: named_layers(model).module_of(layer)}
    with undisturbed(model):
        units = forward_outputs(model, images, modules, keep=(), strict=True).sizes[layer][1:]
    return all(
        field.offset_px[axis] + (units[axis] - 1) * field.step_px[axis] <= 0
        and field.offset_px[axis] + field.size_px[axis] >= image_px
        for axis in (0, 1)
    )


def _traced(model: nn.Module) -> dict[str, list[Field | None]]:
    """The fields of every module's output that torch.fx comes by, in the order of its runs; of a block the last's."""
    with evaluating(model):
        try:
            graph = fx.Tracer().trace(model)
        except Exception:  # the network's own code runs on placeholders, and may do anything with them
            return {}
    fields: dict[fx.Node, Field | None] = {}
    found: dict[str, list[Field | None]] = {}
    for node in graph.nodes:
        sources = [fields[source] for source in node.all_input_nodes if source in fields]
        if node.op == "placeholder":
            fields[node] = Field()
        elif sources and node.op != "output":
            fields[node] = _through(model, node, sources)
        for path in _inside(node) if node in fields else ():
            before = found.get(path, []) if path == node.target else []
            found[path] = [*before, fields[node]]  # the last operation inside a block gives its output
    return found


def _inside(node: fx.Node) -> list[str]:
    """The dotted names of the modules in which an operation lies."""
    return [path for path, _ in node.meta.get("nn_module_stack", {}).values()]


def _through(model: nn.Module, node: fx.Node, sources: list[Field | None]) -> Field | None:
    joined = _joined(sources)
    if joined is None:
        return None
    if node.op == "call_module":
        module = model.get_submodule(str(node.target))
        if isinstance(module, POINTWISE):
            return joined
        windows = None if getattr(module, "padding_mode", "zeros") == "circular" else sliding(module)
    else:
        name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
        if name in JOINING or (name in ("cat", "concat") and node.kwargs.get("dim", (*node.args, 0)[1]) in (1, -3)):
            return joined
        windows = _pool(*node.args[1:], **node.kwargs) if name in ("max_pool2d", "avg_pool2d") else None
    return None if windows is None else joined.through(windows)


def _pool(kernel_size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **options: Any) -> Sliding | None:
    """The windows of F.max_pool2d or F.avg_pool2d as they were called."""
    if options.get("dilation", rest[0] if rest else 1) not in (1, False):  # the fourth is dilation or ceil_mode
        return None
    return sliding(nn.AvgPool2d(kernel_size, stride or kernel_size, padding))


def _joined(fields: list[Field | None]) -> Field | None:
    """The smallest field that holds all of them; None where one is unknown or their steps differ."""
    known = [field for field in fields if field is not None]
    if len(known) < len(fields) or len({field.step_px for field in known}) != 1:
        return None
    starts = [min(field.offset_px[axis] for field in known) for axis in (0, 1)]
    ends = [max(field.offset_px[axis] + field.size_px[axis] for field in known) for axis in (0, 1)]
    return Field((ends[0] - starts[0], ends[1] - starts[1]), known[0].step_px, (starts[0], starts[1]))

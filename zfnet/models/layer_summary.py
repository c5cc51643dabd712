"""Any network as a table: its layers in the order they run, their output shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torchinfo
from torch import nn

from zfnet.models.modes import evaluating

SIDE_PX = 224  # of images for networks that do not say what they take
COUNTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
NOTE = (
    "Multiply-adds: of the convolution and linear modules that run, for one image; biases are not counted, nor the\n"
    "products that functions take, as in attention."
)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A module that runs: its dotted name, its kind, the shape of what it returns for one image.

    parameters: its own ones, each counted where it is first met. multiply_adds: of COUNTED modules, how often each
    weight is multiplied in one image; 0 of others. Zeros of padding count as numbers.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def layers_of(model: nn.Module, input_px: int | None = None) -> list[Layer]:
    """The modules without children, and those with parameters of their own, in the order they run on one image.

    input_px: the side of the image; by default the model's own where it has one, else 224. A last line holds the
    parameters of modules that do not run as such, if there are any.
    """
    channels, size_px = channels_of(model), own_side(model, input_px)
    with evaluating(model):
        ran = torchinfo.summary(model, [1, channels, size_px, size_px], depth=99, verbose=0).summary_list
    names = {id(module): name for name, module in model.named_modules()}
    modules = dict(model.named_modules())
    layers: list[Layer] = []
    met: set[int] = set()
    for info in ran:
        module = modules[names[info.layer_id]]
        sizes = {id(parameter): parameter.numel() for parameter in module.parameters(recurse=False)}
        if not (info.is_leaf_layer or sizes):
            continue
        new = sum(size for key, size in sizes.items() if key not in met)
        met.update(sizes)
        layers.append(
            Layer(
                name=names[info.layer_id],
                kind=type(module).__name__,
                shape=tuple(info.output_size[1:]),
                parameters=new,
                multiply_adds=_multiply_adds(module, info.output_size),
            )
        )
    rest = sum(parameter.numel() for parameter in model.parameters() if id(parameter) not in met)
    if not rest:
        return layers
    unused = Layer(name="(in modules that do not run)", kind="", shape=(), parameters=rest, multiply_adds=0)
    return [*layers, unused]


def channels_of(model: nn.Module) -> int:
    """The channels of a network's images: those that its first convolution takes."""
    return next((module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)), 3)


def own_side(model: nn.Module, input_px: int | None = None) -> int:
    """The side of a network's images: input_px, or the one that it says it takes (`input_px`), or 224.

    Raises ValueError for an input_px of less than a pixel.
    """
    if input_px is not None and input_px < 1:
        raise ValueError(f"images of {input_px} x {input_px} px were asked for, expected a side of 1 px or more")
    return int(getattr(model, "input_px", SIDE_PX)) if input_px is None else input_px


def _multiply_adds(module: nn.Module, output: Sequence[int]) -> int:
    """How many products with its weights a module takes for output (1, ...)."""
    if not isinstance(module, COUNTED):
        return 0
    places = math.prod(output[1:-1]) if isinstance(module, nn.Linear) else math.prod(output[2:])
    return places * module.weight.numel()


def summary(model: nn.Module, input_px: int | None = None) -> str:
    """The table of `layers_of` as text, with totals."""
    layers = layers_of(model, input_px)
    rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
    for layer in layers:
        counts = _counts(layer.parameters, layer.multiply_adds)
        rows.append((layer.name, layer.kind, shape_text(layer.shape), *counts))
    totals = sum(layer.parameters for layer in layers), sum(layer.multiply_adds for layer in layers)
    rows.append(("total", "", "", *_counts(*totals)))
    size_px = own_side(model, input_px)
    return (
        f"{type(model).__name__}, one image of {channels_of(model)} x {size_px} x {size_px}\n{table_text(rows)}\n{NOTE}"
    )


def shape_text(shape: Sequence[int]) -> str:
    """A shape as text: "96 x 55 x 55"."""
    return " x ".join(map(str, shape))


def _counts(parameters: int, multiply_adds: int) -> tuple[str, str]:
    return f"{parameters:,}" if parameters else "", f"{multiply_adds:,}" if multiply_adds else ""


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Lines of columns, words to the left and numbers to the right, with rules under the first and over the last."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            word.ljust(width) if at < 3 else word.rjust(width)
            for at, (word, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def arithmetic(model: nn.Module, layer: str) -> str:
    """How a layer's parameters come about: "256 filters x (96 channels x 5 x 5) + 256 biases = 614,656".

    Raises ValueError for a layer without parameters of its own, with those that have some.
    """
    modules = {
        name: module for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))
    }
    if layer not in modules:
        raise ValueError(f"layer {layer!r} has no parameters of its own; those that do are {', '.join(modules)}")
    module = modules[layer]
    total = sum(parameter.numel() for parameter in module.parameters(recurse=False))
    if isinstance(module, nn.Conv2d):
        channels, height, width = module.weight.shape[1:]
        groups = f" of each of {module.groups} groups" if module.groups > 1 else ""
        words = f"{module.out_channels} filters x ({channels} channels{groups} x {height} x {width})"
    elif isinstance(module, nn.Linear):
        words = f"{module.out_features} units x {module.in_features} inputs"
    else:
        parts = [f"{name} {shape_text(parameter.shape)}" for name, parameter in module.named_parameters(recurse=False)]
        return f"{layer}: {' + '.join(parts)} = {total:,}"
    biases = "" if module.bias is None else f" + {module.bias.numel()} biases"
    return f"{layer}: {words}{biases} = {total:,}"

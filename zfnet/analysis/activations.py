"""What the layers of any network answer to images, before or after the ReLU that follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zfnet.forward import check_images, fault_of, named_layers, receptive_field, run_watched
from zfnet.forward.graph import LAST, Graph, trace
from zfnet.models import evaluating, like_parameters, naming_sizes, undisturbed

RELU = ("auto", "before", "after")
AFTER, BEFORE, PLAIN = "after the ReLU", "before the ReLU", "as the layer returns it"


@dataclass(frozen=True, kw_only=True)
class Maps:
    """A layer's answer to B images: values (B, C, h, w), (B, C, 1, 1) of a fully connected layer.

    stage: AFTER, BEFORE or PLAIN. first_px, step_px (2,): where the centre of the first unit's receptive field lies
    and how far on the next one's, rows and columns in pixels; nan where units see the whole image, or might.
    """

    layer: str
    values: NDArray[np.float32]
    stage: str
    first_px: NDArray[np.float64]
    step_px: NDArray[np.float64]


def read_maps(
    model: nn.Module, images: Tensor, layers: Sequence[str] | None = None, relu: str = "auto"
) -> dict[str, Maps]:
    """The maps of some layers on normalised images (B, 3, H, W), in one pass, in eval mode.

    layers: names of modules; by default the first, the middle and the last convolution that run. relu: "before" gives
    what the module itself returns, "after" what the ReLU makes of it that follows directly (after a batch
    normalisation, if there is one), "auto" the latter where there is one. ReLUs in place are no matter, nor
    functional ones.

    Raises ValueError for an unknown layer (with the choices), one that runs more than once or whose channels cannot be
    told from its rows, and "after" without a ReLU.
    """
    if layers is None:
        order = convolutions(model, images[:1])
        layers = list(dict.fromkeys(order[at] for at in (0, len(order) // 2, -1)))
    if not layers:
        raise ValueError("no layer was given: name at least one, or give none at all for the first, middle and last")
    found, watched = {}, _watched(model, images, layers, relu, Tensor.clone)
    with undisturbed(model):
        graph, names = trace(model, like_parameters(model, images[:1])), named_layers(model)
    for layer, (values, stage) in watched.items():
        values = _channels_first(graph, layer, names.module_of(layer), values)
        field = receptive_field(model, layer)
        first, step = np.full((2, 2), np.nan)
        if field is not None:
            first = np.add(field.offset_px, np.subtract(field.size_px, 1) / 2)
            step = np.array(field.step_px, np.float64)
        arrays = values.float().cpu().numpy().reshape(*values.shape, *(1,) * (4 - values.ndim))  # (B, C, h, w)
        found[layer] = Maps(layer=layer, values=arrays, stage=stage, first_px=first, step_px=step)
    return found


def _channels_first(graph: Graph, layer: str, module: str, values: Tensor) -> Tensor:
    """A layer's answer as maps (B, C, h, w) or units (B, C). Raises ValueError for what is neither."""
    if values.ndim not in (2, 4):
        raise ValueError(
            f"layer {layer!r} gives {tuple(values.shape[1:])} an image; expected (channels, rows, columns) or (units,)"
        )
    if fault := fault_of(graph, module):
        raise ValueError(f"layer {layer!r} {fault}")
    (node,) = graph.outputs[module]
    last = node is not None and graph.layout(node) == LAST  # (B, h, w, C), as ConvNeXt and Swin hold them
    return values.permute(0, 3, 1, 2) if last else values


def channel_means(model: nn.Module, images: Tensor, relu: str = "auto") -> dict[str, NDArray[np.float32]]:
    """The mean over channels, (B, h, w), of every convolution in the order they run, on images (B, 3, H, W).

    relu: as in `read_maps`. Raises ValueError for a network without a convolution that runs.
    """
    order = convolutions(model, images[:1])
    means = _watched(model, images, order, relu, lambda maps: maps.mean(1))  # (B, C, h, w) to (B, h, w)
    return {layer: values.float().cpu().numpy() for layer, (values, _) in means.items()}


def convolutions(model: nn.Module, images: Tensor) -> list[str]:
    """The names of the convolutions that run on images (B, 3, H, W), in that order; none that runs more than once.

    Raises ValueError where no convolution runs.
    """
    ran: list[str] = []
    _pass(model, images, _convolutions(model), lambda name, output: ran.append(name))
    if not ran:
        raise ValueError(f"{type(model).__name__} runs no convolution")
    return [name for name in ran if ran.count(name) == 1]


def _convolutions(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]


def _watched(
    model: nn.Module, images: Tensor, layers: Sequence[str], relu: str, keep: Callable[[Tensor], Tensor]
) -> dict[str, tuple[Tensor, str]]:
    """For each layer what `keep` makes of its maps (B, C, h, w), before anything changes them; and their stage."""
    if relu not in RELU:
        raise ValueError(f"relu {relu!r} is not one of {', '.join(RELU)}")
    named_layers(model).check(*layers)
    follow, seen = _Follow(keep), dict.fromkeys(layers, 0)
    plain: dict[str, Tensor] = {}

    def arrive(layer: str, output: Any) -> None:
        seen[layer] += 1
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {layer!r} returns {type(output).__name__}, not one tensor")
        plain[layer] = keep(output)
        if isinstance(model.get_submodule(layer), nn.ReLU | nn.ReLU6):
            follow.found[layer] = plain[layer]
        else:
            follow.waiting[id(output)] = (output, layer)

    with follow:
        _pass(model, images, layers, arrive)
    odd = [
        f"layer {layer!r} runs {count} times in a pass, expected once" for layer, count in seen.items() if count != 1
    ]
    if odd:
        raise ValueError("; ".join(odd))
    lacking = [layer for layer in layers if layer not in follow.found]
    if relu == "after" and lacking:
        raise ValueError(
            f"no ReLU directly follows layer {', '.join(map(repr, lacking))}: give relu=before or relu=auto"
        )
    return {
        layer: (plain[layer], PLAIN) if layer in lacking
        else (plain[layer], BEFORE) if relu == "before"
        else (follow.found[layer], AFTER)
        for layer in seen
    }  # fmt: skip


class _Follow(TorchFunctionMode):
    """Notes what rectifiers make of the tensors that wait for one, however they are called."""

    RECTIFIERS = ("relu", "relu6", "hardtanh")
    BETWEEN = ("batch_norm", "dropout", "dropout2d")

    def __init__(self, keep: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.keep = keep
        self.waiting: dict[int, tuple[Tensor, str]] = {}  # by id; holding the tensor keeps the id its own
        self.found: dict[str, Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name, source = str(getattr(func, "__name__", "")).strip("_"), args[0] if args else kwargs.get("input")
        rectifies = name in self.RECTIFIERS and (name != "hardtanh" or _lowest(args, kwargs) == 0)
        changed = result is source or name == "setitem"  # in place, by something else, as a sum
        if rectifies or name in self.BETWEEN or changed:
            _, layer = self.waiting.pop(id(source), (None, None))
            if layer is not None and rectifies:
                self.found[layer] = self.keep(result)
            elif layer is not None and name in self.BETWEEN:
                self.waiting[id(result)] = (result, layer)
        return result


def _lowest(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)


def _pass(model: nn.Module, images: Tensor, layers: Sequence[str], arrive: Callable[[str, Any], None]) -> None:
    """Run the network once, in eval mode; `arrive` gets what each of the layers' own modules returns."""
    check_images(images)
    with torch.no_grad(), evaluating(model), naming_sizes(model, images):
        run_watched(model, like_parameters(model, images), {layer: layer for layer in layers}, arrive)

"""timm's classifiers: architectures (resnet50) and published weights by their tags (resnet50.a1_in1k)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from zfnet.models import OtherClasses, fit, read_file, state_dict_of
from zfnet.models.zoos.zoo import (
    HubConfig,
    Zoo,
    building,
    check_classes,
    class_names,
    full_name,
    not_downloaded,
    required,
)

PACKAGE = "timm"


def names() -> list[str]:
    """Architectures, and what timm publishes weights of."""
    timm = required(PACKAGE)
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def config(name: str) -> HubConfig:
    """By timm's own rules: `resolve_data_config`, and the square as `transforms_imagenet_eval` takes it."""
    published = _published(name)
    shown = required("timm.data").resolve_data_config(pretrained_cfg=published.to_dict(remove_source=False))
    channels, height, width = shown["input_size"]
    side_px, mode = math.floor(height / shown["crop_pct"]), shown["crop_mode"]
    odd = ""
    if channels != 3 or height != width:
        odd = f"it takes {channels} x {height} x {width}, no square of 3 channels"
    elif mode != "center":
        odd = f"timm does not cut a centre square for it (crop_mode {mode!r})"
    elif side_px < height:
        odd = f"its crop of {height} px is larger than the square of {side_px} px (crop_pct {shown['crop_pct']})"
    return HubConfig(
        size_px=height, side_px=side_px, mean=tuple(shown["mean"]), std=tuple(shown["std"]),
        interpolation=shown["interpolation"], names=class_names(published.num_classes), odd=odd,
    )  # fmt: skip


def build(name: str, num_classes: int, weights: str | None, input_px: int | None) -> nn.Module:
    """A classifier; networks that are built for a size are built for input_px."""
    published = _published(name)
    options: dict[str, Any] = {"num_classes": num_classes}
    if published.fixed_input_size and input_px not in (None, published.input_size[-1]):
        options["img_size"] = input_px
    if weights == "DEFAULT":
        check_classes(full_name(PACKAGE, name), published.num_classes, num_classes)
        return _downloaded(name, published, options)
    timm = required(PACKAGE)
    with building(full_name(PACKAGE, name), num_classes, input_px):
        model: nn.Module = timm.create_model(name, pretrained=False, **options)
    if weights is None:
        return model
    return _with_weights(model, name, state_dict_of(read_file(weights), weights), weights, options)


def _published(name: str) -> Any:
    return required("timm.models").get_pretrained_cfg(name, allow_unregistered=False)


def _with_weights(
    model: nn.Module, name: str, state: dict[str, Tensor], source: str, options: dict[str, Any]
) -> nn.Module:
    """Weights in the network's own layout, or in one that timm knows how to bring to it, as files of its hub may be.

    Raises ValueError, telling what does not fit the network, where neither holds.
    """
    try:
        fit(model, state, source)
    except OtherClasses:
        raise
    except ValueError:
        overlay = {"state_dict": dict(state), "num_classes": options["num_classes"]}
        try:
            brought = required(PACKAGE).create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
        except Exception:  # a layout it does not know makes it raise whatever it trips over: the first error tells more
            brought = None
        if brought is None:
            raise
        fit(model, brought.state_dict(), source)  # not-finite numbers have come along
    return model


def _downloaded(name: str, published: Any, options: dict[str, Any]) -> nn.Module:
    if not published.has_weights:
        raise ValueError(f"nobody publishes weights for {full_name(PACKAGE, name)!r}: give weights=FILE (a state_dict)")
    try:
        model: nn.Module = required(PACKAGE).create_model(name, pretrained=True, **options)
    except Exception as error:  # the hub's client, its HTTP library and torch each have their own
        address = f"the Hugging Face hub, {published.hf_hub_id}" if published.hf_hub_id else published.url
        way_out = "fetch its model.safetensors elsewhere and give weights=FILE"
        raise not_downloaded(full_name(PACKAGE, name), address, error, way_out) from error
    return model


TIMM_ZOO: Zoo = Zoo(package=PACKAGE, names=names, build=build, config=config)

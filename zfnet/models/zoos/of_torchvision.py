"""Every torchvision classifier."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from zfnet.models import fit, read_file, state_dict_of
from zfnet.models.zoos.zoo import HubConfig, Zoo, building, check_classes, full_name, not_downloaded

PACKAGE = "torchvision"


def names() -> list[str]:
    """The classifiers; torchvision's other networks find boxes or label pixels."""
    return torchvision.models.list_models(module=torchvision.models)


def config(name: str) -> HubConfig:
    """What goes with the weights that torchvision calls DEFAULT."""
    published = torchvision.models.get_model_weights(name)["DEFAULT"]
    shown = published.transforms()
    return HubConfig(
        size_px=shown.crop_size[0], side_px=shown.resize_size[0], mean=tuple(shown.mean), std=tuple(shown.std),
        interpolation=shown.interpolation.value, names=tuple(published.meta["categories"]),
        odd="" if len(shown.crop_size) == len(shown.resize_size) == 1 else "its crop is not square",
    )  # fmt: skip


def build(name: str, num_classes: int, weights: str | None, input_px: int | None) -> nn.Module:
    """A classifier that returns plain scores."""
    if weights == "DEFAULT":
        own = config(name)
        check_classes(full_name(PACKAGE, name), len(own.names), num_classes)
        if name.startswith("vit_") and input_px not in (None, own.size_px):
            raise ValueError(
                f"torchvision's weights of {name} are for {own.size_px} px, not {input_px}: its positions are learnt"
            )
        return _plain_scores(_downloaded(name))
    content = None if weights is None else read_file(weights)
    state = None if weights is None else state_dict_of(content, weights)
    with building(full_name(PACKAGE, name), num_classes, input_px):
        options = _options(name, content, state, input_px)
        model = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **options)
    if state is not None:
        assert weights is not None
        fit(model, state, weights)
    return _plain_scores(model)


def _downloaded(name: str) -> nn.Module:
    """With the weights that torchvision publishes, from its cache or the network."""
    try:
        return torchvision.models.get_model(name, weights="DEFAULT")
    except (OSError, RuntimeError, HTTPException) as error:
        url = torchvision.models.get_model_weights(name)["DEFAULT"].url
        way_out = "fetch that file elsewhere and give weights=FILE (a state_dict)"
        raise not_downloaded(full_name(PACKAGE, name), url, error, way_out) from error


def _options(name: str, content: Any, state: dict[str, Tensor] | None, input_px: int | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):  # the published weights have the auxiliary heads, many copies have not
        options["aux_logits"] = state is not None and any("aux" in key.lower() for key in state)
        options["init_weights"] = state is None  # slow, and about to be overwritten
        options["transform_input"] = _transformed(content, state)
    if name.startswith("vit_") and input_px is not None:
        options["image_size"] = input_px
    return options


def _transformed(content: Any, state: dict[str, Tensor] | None) -> bool:
    """Whether the network brings its input to another normalisation, as torchvision's weights want it.

    A checkpoint of ours says so itself: one that was trained from nothing may have as many classes.
    """
    described = content.get("network") if isinstance(content, Mapping) else None
    if isinstance(described, Mapping) and "transform_input" in described:
        return bool(described["transform_input"])
    return state is not None and state.get("fc.bias", torch.empty(0)).shape == (1000,)


def _plain_scores(model: nn.Module) -> nn.Module:
    """Without the auxiliary heads, which only matter in training and turn the output into a tuple."""
    if getattr(model, "aux_logits", False):
        model.aux_logits = False  # type: ignore[assignment]  # a plain attribute
        for head in ("aux1", "aux2", "AuxLogits"):
            if hasattr(model, head):
                setattr(model, head, None)
    return model


TORCHVISION_ZOO: Zoo = Zoo(package=PACKAGE, names=names, build=build, config=config)

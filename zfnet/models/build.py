"""Networks by name: ours from the layer tables, and every torchvision classifier."""

from __future__ import annotations

import difflib
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from zfnet.models.convnet import ConvNet
from zfnet.models.table import TABLES, widened
from zfnet.models.weights import fit, read_file, state_dict_of

TORCHVISION = "torchvision:"


def model_names() -> list[str]:
    """Every name that `build_model` takes."""
    return [*TABLES, *(TORCHVISION + name for name in torchvision.models.list_models(module=torchvision.models))]


def build_model(
    name: str,
    num_classes: int = 1000,
    weights: str | Path | None = None,
    width: float = 1.0,
    input_px: int = 224,
    channels: int = 3,
) -> nn.Module:
    """A classifier from normalised images (B, channels, input_px, input_px) to scores (B, num_classes).

    name: a row of Table 3 ("zfnet", "alexnet", "alexnet_no_34" ...), "mnist_convnet" (made for 28 px and one channel),
        "cats_dogs_convnet" (for 150 px), or "torchvision:" and one of its classifiers.
    weights: None for random ones, a state_dict file, a checkpoint of ours, or "DEFAULT" for torchvision's download.
    width, input_px: factor on all maps and units, and image size, of our own networks (torchvision's adapt by
        themselves; its vision transformers are built for input_px). channels: 1 for grey images, ours alone.

    Raises ValueError for an unknown name or weights that do not fit or cannot be downloaded, FileNotFoundError for a
    missing file.
    """
    if name in TABLES:
        if weights == "DEFAULT":
            raise ValueError(
                f"nobody publishes weights for {name!r}: train it, or give a state_dict file or a checkpoint"
            )
        model: nn.Module = ConvNet(widened(TABLES[name], width), num_classes, input_px, channels)
        if weights is not None:
            fit(model, state_dict_of(read_file(weights), weights), weights)
        return model
    check_name(name)
    if width != 1.0 or channels != 3:
        raise ValueError(
            f"width={width} and channels={channels} were asked of {name!r}; only our own networks "
            f"({', '.join(TABLES)}) have another width than 1 or take other images than of 3 channels"
        )
    return _torchvision(name.removeprefix(TORCHVISION), num_classes, weights, input_px)


def check_name(name: str) -> None:
    """Raise ValueError, with the names that are written much like it, unless `build_model` knows the network."""
    known = model_names()
    if name not in known:
        alike = (difflib.get_close_matches(prefix + name, known, n=3) for prefix in ("", TORCHVISION))
        close = next((names for names in alike if names), list(TABLES))
        raise ValueError(f"model {name!r} is not known; close to it: {', '.join(close)}")


def _torchvision(name: str, num_classes: int, weights: str | Path | None, input_px: int) -> nn.Module:
    if weights == "DEFAULT":
        if num_classes != 1000:
            raise ValueError(f"torchvision's weights of {name} tell 1000 classes apart, num_classes is {num_classes}")
        return _plain_scores(_downloaded(name))
    state = None if weights is None else state_dict_of(read_file(weights), weights)
    model = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **_options(name, state, input_px))
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
        raise ValueError(
            f"weights=DEFAULT: the weights of {TORCHVISION}{name} could not be downloaded from {url} "
            f"({' '.join(str(error).split())}): fetch that file elsewhere and give weights=FILE (a state_dict)"
        ) from error


def _options(name: str, state: dict[str, Tensor] | None, input_px: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):  # the published weights have the auxiliary heads, many copies have not
        options["aux_logits"] = state is not None and any("aux" in key.lower() for key in state)
        options["init_weights"] = state is None  # slow, and about to be overwritten
        options["transform_input"] = _published(state)  # as torchvision does for its weights
    if name.startswith("vit_") and input_px != 224:
        options["image_size"] = input_px
    return options


def _published(state: dict[str, Tensor] | None) -> bool:
    return state is not None and state.get("fc.bias", torch.empty(0)).shape == (1000,)


def _plain_scores(model: nn.Module) -> nn.Module:
    """Without the auxiliary heads, which only matter in training and turn the output into a tuple."""
    if getattr(model, "aux_logits", False):
        model.aux_logits = False  # type: ignore[assignment]  # a plain attribute
        for head in ("aux1", "aux2", "AuxLogits"):
            if hasattr(model, head):
                setattr(model, head, None)
    return model

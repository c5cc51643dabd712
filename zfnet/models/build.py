"""Networks by name: ours from the layer tables, and those of other zoos."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from zfnet.models.convnet import ConvNet, check_counts
from zfnet.models.table import TABLES, widened
from zfnet.models.weights import OtherClasses, fit, read_file, state_dict_of
from zfnet.models.zoos import SERVED, ZOOS, HubConfig, downloaded_zfnet, in_our_layout, served_config, zoo_of

OWN_PX = 224  # of our own networks, where no size is given


def model_names() -> list[str]:
    """Every name that `build_model` takes; of timm and pytorchcv where they are installed."""
    return [*TABLES, *(name for zoo in ZOOS if zoo.installed for name in zoo.full_names())]


def build_model(
    name: str,
    num_classes: int = 1000,
    weights: str | Path | None = None,
    width: float = 1.0,
    input_px: int | None = None,
    channels: int = 3,
) -> nn.Module:
    """A classifier from normalised images (B, channels, input_px, input_px) to scores (B, num_classes).

    name: a row of Table 3 ("zfnet", "alexnet", "alexnet_no_34" ...), "mnist_convnet" (made for 28 px and one channel),
        "cats_dogs_convnet" (for 150 px), "zfnet_norm_first" (normalised before pooling, with weaker normalisation, as
        pytorchcv trained it), or "torchvision:", "timm:" or "pytorchcv:" and one of their classifiers.
    weights: None for random ones, a state_dict file (.pt or .safetensors), a checkpoint of ours, or "DEFAULT" for the
        zoo's own download.
    width, input_px: factor on all maps and units, and image size, of our own networks (None: 224). Of a zoo's only
        those that are built for a size, as vision transformers are, look at input_px (None: the hub's own size).
    channels: 1 for grey images, ours alone.

    Raises ValueError for an unknown name, a zoo that is not installed, numbers that no network has, or weights that do
    not fit or cannot be downloaded, FileNotFoundError for a missing file.
    """
    check_name(name)
    own_px = OWN_PX if input_px is None else input_px
    check_counts(num_classes=num_classes, input_px=own_px, channels=channels)
    if name in TABLES:
        if weights == "DEFAULT":
            raise ValueError(
                f"nobody publishes weights for {name!r}: train it, or give a state_dict file or a checkpoint"
            )
        return _of_table(name, num_classes, weights, width, own_px, channels)
    if width != 1.0 or channels != 3:
        raise ValueError(
            f"width={width} and channels={channels} were asked of {name!r}; only our own networks "
            f"({', '.join(TABLES)}) have another width than 1 or take other images than of 3 channels"
        )
    if name in SERVED:
        return _of_table(name, num_classes, weights, 1.0, own_px, 3)
    zoo = zoo_of(name)
    assert zoo is not None
    return zoo.build(name.removeprefix(zoo.prefix), num_classes, None if weights is None else str(weights), input_px)


def build_for_file(
    name: str, names: tuple[str, ...], weights: str | Path | None, input_px: int
) -> tuple[nn.Module, tuple[str, ...]]:
    """`build_model` for the classes of these names, or for as many as the weights of a file tell apart, counted.

    A network that was trained further on one's own data has another last layer, and who trained it knows the names.
    """
    try:
        return build_model(name, len(names), weights, input_px=input_px), names
    except OtherClasses as found:
        counted = tuple(f"class {number}" for number in range(found.count))
    return build_model(name, len(counted), weights, input_px=input_px), counted


def _of_table(
    name: str, num_classes: int, weights: str | Path | None, width: float, input_px: int, channels: int
) -> nn.Module:
    row = SERVED.get(name, name)
    model = ConvNet(widened(TABLES[row], width), num_classes, input_px, channels)
    if weights == "DEFAULT":
        fit(model, downloaded_zfnet(name, num_classes), name)
    elif weights is not None:
        content = read_file(weights)
        state = state_dict_of(content, weights)
        fit(model, in_our_layout(state) if row in SERVED.values() else state, weights)
        _check_row(content, row, weights)
    return model


def _check_row(content: Any, row: str, source: str | Path) -> None:
    """Weights that fit may be of a row that computes something else with them; a checkpoint of ours says which.

    Raises ValueError where it is another: zfnet and zfnet_norm_first have the same shapes.
    """
    described = content.get("network") if isinstance(content, Mapping) else None
    arguments = described.get("arguments") if isinstance(described, Mapping) else None
    name = str(arguments.get("name")) if isinstance(arguments, Mapping) else row
    held = SERVED.get(name, name)
    if held in TABLES and TABLES[held] != TABLES[row]:
        raise ValueError(
            f"{source} holds a {held}, whose weights fit {row} but were trained for other layers: give {held}, or keep "
            "only its weights: torch.save(content['model'], new_path)"
        )


def check_source(source: object) -> None:
    """Raise ValueError for what is neither a name nor a path, such as a network that is open already."""
    if not isinstance(source, str | Path):
        way = "; its .model is one" if isinstance(getattr(source, "model", None), nn.Module) else ""
        raise ValueError(
            f"source is a {type(source).__name__}, expected a name, a file or a network (torch.nn.Module){way}"
        )


def check_name(name: str) -> None:
    """Raise ValueError, with the names that are written much like it, unless `build_model` knows the network.

    Raises ValueError too for a zoo that is not installed, with the command that installs it.
    """
    if not isinstance(name, str):
        raise ValueError(
            f"model is a {type(name).__name__}, expected a name, such as 'zfnet' or 'torchvision:squeezenet1_0'"
        )
    zoo = zoo_of(name)
    if name in TABLES or name in SERVED:
        return
    known = list(TABLES) if zoo is None else zoo.full_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3) or (_in_zoos(name) if zoo is None else [])
        raise ValueError(f"model {name!r} is not known; close to it: {', '.join(close or list(TABLES))}")


def _in_zoos(name: str) -> list[str]:
    """Names of the zoos: that very name first, then those that are written much like it."""
    bare = name.rpartition(":")[2]
    names = {zoo.prefix + bare: zoo.full_names() for zoo in ZOOS if zoo.installed}
    same = [asked for asked, known in names.items() if asked in known]
    close = [one for asked, known in names.items() for one in difflib.get_close_matches(asked, known, n=3)]
    return list(dict.fromkeys([*same, *close]))[:6]


def hub_config(name: str) -> HubConfig:
    """How the hub of a zoo's network shows pictures to it. Raises ValueError as `check_name` does, and for ours."""
    check_name(name)
    if name in SERVED:
        return served_config()
    zoo = zoo_of(name)
    if zoo is None:
        raise ValueError(f"{name!r} is of no zoo: expected a name that begins with {', '.join(z.prefix for z in ZOOS)}")
    return zoo.config(name.removeprefix(zoo.prefix))

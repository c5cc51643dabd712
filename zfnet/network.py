"""A network as others use it: the model, the frame it sees, the classes it tells apart; and one door to open any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zfnet.data import IMAGENET_MEAN, InputFrame, hub_frame
from zfnet.models import (
    OWN_PX,
    TABLES,
    build_for_file,
    build_model,
    channels_of,
    check_numbers,
    check_source,
    fit,
    hub_config,
    like_parameters,
    naming_sizes,
    read_file,
    state_dict_of,
    undisturbed,
    zoo_of,
    zoos_name_of,
)

FORMAT = "zfnet-checkpoint-1"
ARGUMENTS = tuple(name for name in signature(build_model).parameters if name != "weights")
SQUARE = 8 / 7  # of ours, the square that is cut, over the crop the network sees: 256 over 224


@dataclass(frozen=True)
class Network:
    """A classifier with its input frame and, by class index, its classes' folder names and readable names.

    wnids is empty where only the names are known.
    """

    model: nn.Module
    frame: InputFrame
    wnids: tuple[str, ...]
    names: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)  # build_model's, but the weights; of others none

    def to(self, device: torch.device | str, memory_format: torch.memory_format | None = None) -> Network:
        """The network on a device, its frame too; the model itself moves."""
        model = self.model.to(device)
        if memory_format is not None:
            model = model.to(memory_format=memory_format)
        return replace(self, model=model, frame=self.frame.to(device))

    def state(self) -> dict[str, Any]:
        """What rebuilds it, but the weights: tensors and plain types."""
        return {
            "arguments": dict(self.arguments),
            "frame": self.frame.state(),
            "wnids": list(self.wnids),
            "names": list(self.names),
            "transform_input": bool(getattr(self.model, "transform_input", False)),  # GoogLeNet's and Inception's
        }


def open_network(
    source: str | Path | nn.Module,
    weights: str | Path | None = None,
    size_px: int | None = None,
    *,
    frame: InputFrame | None = None,
    names: Sequence[str] = (),
    wnids: Sequence[str] = (),
    num_classes: int = 1000,
    width: float = 1.0,
    channels: int = 3,
) -> Network:
    """Any network with its frame and its classes, in eval mode.

    source: a checkpoint of ours; "torchvision:NAME", "timm:NAME" or "pytorchcv:NAME"; a name of our own tables
    ("zfnet", "alexnet_no_34" ...); or a module of your own, which stays where it is, with its frame.
    weights: of the last three a state_dict file (.pt or .safetensors), of a zoo's "DEFAULT" too; None for random ones.
    size_px: of the crops that it sees. A zoo's network sees those of its hub, by default as large and from squares as
    large as there, with its normalisation and filter and, of 1000 classes, ImageNet's names in the standard order;
    another size_px brings the square along in proportion; a file of another number of classes says how many there are.
    Ours see 224 px of squares 8/7 as large, less ImageNet's mean colour.
    frame, names, wnids: of your own module; without names its classes are counted ("class 0" ...).
    num_classes, width, channels: of our own tables, as `build_model` takes them.

    Raises ValueError for what is none of these, a zoo that is not installed, a module without its frame, weights or
    size_px of a checkpoint, and weights that do not fit, which it names; FileNotFoundError for a missing file.
    """
    if isinstance(source, nn.Module):
        return _of_module(source, weights, frame, tuple(names), tuple(wnids))
    check_source(source)
    if frame is not None or names or wnids:
        raise ValueError(f"frame, names and wnids are of a module of your own; {source} has its own")
    if zoo_of(str(source)) is not None:
        return _of_zoo(str(source), weights, size_px)
    if is_name(source):
        own_px = OWN_PX if size_px is None else size_px
        arguments = {"name": str(source), "num_classes": num_classes, "width": width, "input_px": own_px}
        return _of_table(arguments if channels == 3 else {**arguments, "channels": channels}, weights)
    if not Path(source).exists() and (meant := zoos_name_of(str(source))):
        raise FileNotFoundError(f"no weight file at {source}: did you mean {meant}?")
    content = read_file(source)
    if not isinstance(content, dict) or "network" not in content:
        raise ValueError(
            f"{source} is not a checkpoint of ours: for a bare state_dict name its network too, in a command "
            f"checkpoint=torchvision:NAME weights={source}, in Python build_model(name, weights={str(source)!r})"
        )
    if weights is not None or size_px is not None:
        raise ValueError(f"{source} has weights and a size: weights={weights}, size_px={size_px} go with a name alone")
    return network_of(content, source)


def is_name(source: str | Path) -> bool:
    """Whether a network is meant by its name, a zoo's or one of our own tables', and not a checkpoint."""
    text = str(source)  # a folder of that name is none either: a checkout of ours has a "zfnet"
    return zoo_of(text) is not None or (text in TABLES and not Path(text).is_file())


def check_version(content: Mapping[str, Any], source: str | Path) -> None:
    """Raise ValueError for a checkpoint of ours in a format that came after this program."""
    written = str(content.get("format"))
    kind, _, version = written.rpartition("-")
    own_kind, _, own_version = FORMAT.rpartition("-")
    if kind == own_kind and version.isdecimal() and int(version) > int(own_version):
        raise ValueError(f"{source} is of format {written}, newer than {FORMAT}, which this zfnet reads: update it")


def network_of(content: Mapping[str, Any], source: str | Path) -> Network:
    """The network that a checkpoint of ours holds. Raises ValueError, naming it, where it is not described as it must.

    Of build_model's arguments only those that say what the network is are taken: no path and no download.
    """
    check_version(content, source)
    try:
        described, state = content["network"], content["model"]
        arguments, frame = dict(described["arguments"]), InputFrame.from_state(described["frame"])
        wnids, names = (tuple(map(str, described[name])) for name in ("wnids", "names"))
        odd = sorted(map(str, set(arguments) - set(ARGUMENTS)))
        if odd:
            raise ValueError(f"unknown arguments {', '.join(odd[:5])}, expected {', '.join(ARGUMENTS)}")
        model = build_model(**arguments)
    except KeyError as error:
        raise ValueError(f"{source} lacks {error}, expected a checkpoint of ours; was it made by hand?") from error
    except (TypeError, ValueError, AttributeError, RuntimeError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"{source} describes no network that this version can build ({reason})") from error
    fit(model, state_dict_of(state, source), source)
    if hasattr(model, "transform_input"):
        setattr(model, "transform_input", bool(described.get("transform_input", False)))  # noqa: B010
    return Network(model=model.eval(), frame=frame, wnids=wnids, names=names, arguments=arguments)


def with_random_weights(network: Network, seed: int) -> Network:
    """The same network with new weights, drawn by the seed, on the same device.

    Raises ValueError for a module of one's own, which nobody here can build again.
    """
    if not network.arguments:
        raise ValueError(f"{type(network.model).__name__} cannot be built again with random weights: only networks can "
                         "that were opened by their name or from a checkpoint")  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model(**network.arguments).eval()
    return replace(network, model=model.to(network.frame.mean.device))


def _of_module(
    model: nn.Module, weights: str | Path | None, frame: InputFrame | None, names: tuple[str, ...],
    wnids: tuple[str, ...],
) -> Network:  # fmt: skip
    if frame is None:
        raise ValueError(
            f"{type(model).__name__} came without its frame, which says how pixels are cut and normalised for it: give "
            "frame=torchvision_frame(size_px=224, side_px=256), or an InputFrame of your own"
        )
    check_numbers(model)
    if weights is not None:
        fit(model, state_dict_of(read_file(weights), weights), weights)
    images = like_parameters(model, torch.zeros(1, frame.channels, frame.size_px, frame.size_px))
    if not names:
        with undisturbed(model), naming_sizes(model, images):
            scores = model(images.clone())  # (1, classes); a copy that may be changed, also in inference mode
        count = scores.shape[1] if isinstance(scores, torch.Tensor) and scores.ndim == 2 else 0
        names = tuple(f"class {number}" for number in range(count))
    return Network(model=model.eval(), frame=frame.to(images.device), wnids=wnids, names=names)


def _of_zoo(name: str, weights: str | Path | None, size_px: int | None) -> Network:
    frame, names = _hub_frame(name, size_px)
    if not names:
        raise ValueError(f"{name} has no classifier and so no classes: build_model({name!r}, num_classes=N) adds one")
    model, names = build_for_file(name, names, weights, frame.size_px)
    arguments: dict[str, Any] = {"name": name, "num_classes": len(names), "input_px": frame.size_px}
    return Network(model=model.eval(), frame=frame, wnids=(), names=names, arguments=arguments)


def _hub_frame(name: str, size_px: int | None) -> tuple[InputFrame, tuple[str, ...]]:
    """How its hub shows pictures to a network, and its classes' names. Raises ValueError where that is not known."""
    hub = hub_config(name)
    if hub.unknown or (hub.odd and size_px is None):
        centre = "" if hub.unknown else "give size_px, and it sees centre squares all the same; or "
        raise ValueError(
            f"{name}: {hub.unknown or hub.odd}: {centre}say yourself how it is to see pictures, by "
            f"open_network(build_model({name!r}, weights=...), frame=InputFrame(...))"
        )
    size = hub.size_px if size_px is None else size_px
    side_px = max(size, round(size * hub.side_px / hub.size_px))
    return hub_frame(size, side_px, mean=hub.mean, std=hub.std, interpolation=hub.interpolation), hub.names


def _of_table(arguments: dict[str, Any], weights: str | Path | None) -> Network:
    model = build_model(**arguments, weights=weights)
    channels, size_px = channels_of(model), arguments["input_px"]
    mean = 255 * torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1)
    if channels == 1:
        mean = mean.mean(0, keepdim=True)
    side_px, scale = round(size_px * SQUARE), torch.ones(channels, 1, 1)
    frame = InputFrame(side_px=side_px, size_px=size_px, mean=mean, scale=scale)
    names = tuple(f"class {number}" for number in range(arguments["num_classes"]))
    return Network(model=model.eval(), frame=frame, wnids=(), names=names, arguments=arguments)

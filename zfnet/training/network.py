"""A network as others use it: the model, the frame it sees, and the classes it tells apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import torchvision
from torch import nn

from zfnet.data.views import InputFrame, torchvision_frame
from zfnet.models import build_model
from zfnet.models.build import TORCHVISION, check_name, model_names
from zfnet.models.weights import fit, read_file, state_dict_of

FORMAT = "zfnet-checkpoint-1"
ARGUMENTS = tuple(name for name in signature(build_model).parameters if name != "weights")


@dataclass(frozen=True)
class Network:
    """A classifier with its input frame and, by class index, its classes' folder names and readable names.

    wnids is empty where only the names are known.
    """

    model: nn.Module
    frame: InputFrame
    wnids: tuple[str, ...]
    names: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)  # build_model's, but the weights

    def state(self) -> dict[str, Any]:
        """What rebuilds it, but the weights: tensors and plain types."""
        return {
            "arguments": dict(self.arguments),
            "frame": self.frame.state(),
            "wnids": list(self.wnids),
            "names": list(self.names),
            "transform_input": bool(getattr(self.model, "transform_input", False)),  # GoogLeNet's and Inception's
        }


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
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"{source} describes no network that this version can build ({told})") from error
    fit(model, state_dict_of(state, source), source)
    if hasattr(model, "transform_input"):
        setattr(model, "transform_input", bool(described.get("transform_input", False)))  # noqa: B010
    return Network(model.eval(), frame, wnids, names, arguments)


def open_network(source: str | Path, weights: str | Path | None = None, size_px: int = 224) -> Network:
    """A trained network: a checkpoint of ours, or "torchvision:NAME" with weights (a state_dict file or "DEFAULT").

    Torchvision networks see size_px crops of squares 8/7 as large, with torchvision's normalisation and ImageNet's
    class names in the standard order.
    """
    if not str(source).startswith(TORCHVISION):
        if not Path(source).exists() and TORCHVISION + str(source) in model_names():
            raise FileNotFoundError(f"no weight file at {source}: did you mean {TORCHVISION}{source}?")
        content = read_file(source)
        if not isinstance(content, dict) or "network" not in content:
            raise ValueError(
                f"{source} is not a checkpoint of ours: for a bare state_dict use "
                f"build_model(name, weights={str(source)!r})"
            )
        return network_of(content, source)
    check_name(str(source))
    published = torchvision.models.get_model_weights(str(source).removeprefix(TORCHVISION))
    names = tuple(next(iter(published)).meta["categories"])
    arguments: dict[str, Any] = {"name": str(source), "num_classes": len(names), "input_px": size_px}
    model = build_model(**arguments, weights=weights)
    return Network(model.eval(), torchvision_frame(size_px, round(size_px * 8 / 7)), (), names, arguments)

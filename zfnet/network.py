"""A network as others use it: the model, the frame it sees, and the classes it tells apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torchvision
from torch import nn

from zfnet.data import InputFrame, torchvision_frame
from zfnet.models import TORCHVISION, build_model, check_name, fit, model_names, read_file


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


def network_of(content: dict[str, Any], source: str | Path) -> Network:
    """The network that a checkpoint of ours holds."""
    described = content["network"]
    model = build_model(**described["arguments"])
    fit(model, content["model"], source)
    if hasattr(model, "transform_input"):
        setattr(model, "transform_input", described.get("transform_input", False))  # noqa: B010
    frame = InputFrame.from_state(described["frame"])
    return Network(
        model.eval(), frame, tuple(described["wnids"]), tuple(described["names"]), dict(described["arguments"])
    )


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

"""A network as a folder that others can read without running code: weights, frame and a description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from zfnet.files import naming, write_text
from zfnet.network import FORMAT, Network, network_of

WEIGHTS, FRAME, CONFIG, CARD = "model.safetensors", "frame.safetensors", "config.json", "README.md"


def save_released(network: Network, folder: str | Path, card: str = "") -> Path:
    """Write model.safetensors, frame.safetensors, config.json and a card, if any, as README.md; returns the folder.

    The weights' names are those of the model's state_dict. Raises ValueError for a module of one's own, which nobody
    could build again.
    """
    if not network.arguments:
        raise ValueError(
            f"{type(network.model).__name__} cannot be released: only networks can that build_model builds"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = network.state()
    frame = state.pop("frame")
    tensors = {name: frame.pop(name).contiguous() for name in ("mean", "scale")}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.model.state_dict().items()}
    for name, content in ((WEIGHTS, weights), (FRAME, tensors)):
        with naming(folder / name):
            save_file(content, folder / name, metadata={"format": "pt"})
            (folder / name).chmod(0o644)  # it writes for its owner alone
    about = {"library_name": "zfnet", "format": FORMAT, **state, "frame": frame}
    write_text(folder / CONFIG, json.dumps(about, indent=1) + "\n")
    if card:
        write_text(folder / CARD, card)
    return folder


def load_released(folder: str | Path) -> Network:
    """What `save_released` wrote. Raises FileNotFoundError for a folder that lacks a part, ValueError for one that does
    not fit, naming it.
    """
    folder = Path(folder)
    missing = [name for name in (CONFIG, WEIGHTS, FRAME) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} has no {', '.join(missing)}: expected a folder that save_released wrote")
    try:
        about = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        frame: dict[str, Any] = {**about.pop("frame"), **load_file(folder / FRAME)}
        weights = load_file(folder / WEIGHTS)
    except Exception as error:  # safetensors has its own kind
        if isinstance(error, OSError):
            raise
        raise ValueError(f"{folder} is no released network ({type(error).__name__}: {error})") from error
    return network_of({"format": about.get("format"), "network": {**about, "frame": frame}, "model": weights}, folder)

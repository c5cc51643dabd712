"""ZFNet and the tools that look inside it: Zeiler & Fergus, Visualizing and Understanding Convolutional Networks."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zfnet.analysis import occlude
    from zfnet.deconv import Deconvnet, mine_top
    from zfnet.models import build_model

__all__ = ["Deconvnet", "build_model", "mine_top", "occlude"]

_HOMES = {
    "Deconvnet": "zfnet.deconv",
    "build_model": "zfnet.models",
    "mine_top": "zfnet.deconv",
    "occlude": "zfnet.analysis",
}


def __getattr__(name: str) -> object:
    """Import on first use: drawing and packing images need no torch, which takes seconds and 600 MB a process."""
    if name not in _HOMES:
        raise AttributeError(f"module 'zfnet' has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)

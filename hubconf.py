"""torch.hub's door: torch.hub.load("OWNER/zfnet", "zfnet"), or "pretrained" with a file or a URL."""

dependencies = ["torch", "torchvision", "numpy", "PIL", "lazy_loader"]

import os as _os
from hashlib import sha256 as _sha256
from typing import Any as _Any
from urllib.parse import urlparse as _urlparse

import torch as _torch

from zfnet import Network as _Network, build_model as _build_model, open_network as _open_network


def zfnet(num_classes: int = 1000, weights: str | None = None, **options: _Any) -> _torch.nn.Module:
    """ZFNet (Fig. 3): images (B, 3, 224, 224) to scores (B, num_classes). options: width, input_px, channels.

    weights: a state_dict file or a checkpoint of ours; nobody publishes weights for it.
    """
    return _build_model("zfnet", num_classes=num_classes, weights=weights, **options)


def alexnet(num_classes: int = 1000, weights: str | None = None, **options: _Any) -> _torch.nn.Module:
    """AlexNet as the paper trained it (not torchvision's, which has fewer maps)."""
    return _build_model("alexnet", num_classes=num_classes, weights=weights, **options)


def pretrained(source: str) -> _Network:
    """A trained network with its frame and classes: .model, .frame, .names.

    source: a checkpoint of ours, or the URL of one, which is kept in torch.hub's folder. Nothing in it is run.
    """
    if "://" in source:
        folder = _os.path.join(_torch.hub.get_dir(), "checkpoints")
        _os.makedirs(folder, exist_ok=True)
        stem, ending = _os.path.splitext(_os.path.basename(_urlparse(source).path))
        of = _sha256(source.encode()).hexdigest()[:12]  # every run has a best.pt
        path = _os.path.join(folder, f"{stem}-{of}{ending}")
        if not _os.path.exists(path):
            _torch.hub.download_url_to_file(source, path)
        source = path
    return _open_network(source)

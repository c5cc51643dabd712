"""What the pages look into: the network that scripts/docs trained on drawn objects, and its validation images."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from zfnet import Network, open_network
from zfnet.data import FolderImages, list_any_folder
from zfnet.mining import CentreViews

HOME = Path(os.environ.get("ZFNET_DEMO", Path(__file__).parents[1] / "_build" / "demo"))
RUN = HOME / "run"


def network() -> Network:
    """The slim ZFNet of `zfnet train experiment=demo`."""
    return open_network(RUN / "checkpoints" / "best.pt")


def validation(network: Network, every: int = 2) -> Tensor:
    """Every so-manieth of its 500 validation images, as the network sees them: (N, 3, 112, 112), class by class."""
    source = FolderImages(list_any_folder(HOME / "data" / "parts_world" / "val"), network.frame.side_px)
    images = torch.cat([batch.images for batch in CentreViews(source, network.frame, 64)])
    return images[::every]

"""A checkpoint of a small network for tests of jobs that look into one."""

from pathlib import Path

import torch

from zfnet import build_model
from zfnet.data.frame import InputFrame
from zfnet.network import Network
from zfnet.training.checkpoint import save_checkpoint

SIDE_PX, INPUT_PX = 72, 64
WNIDS = ("n00000000", "n00000001", "n00000002")
NAMES = ("red", "green", "blue")


def small_network(path: Path, name: str = "zfnet", seed: int = 0) -> Path:
    """Random weights that see 64 px crops of 72 px squares, with the paper's scale and a mean of (110, 120, 130)."""
    arguments = {"name": name, "num_classes": 3, "width": 0.05, "input_px": INPUT_PX}
    torch.manual_seed(seed)
    model = build_model(**arguments)
    frame = InputFrame(SIDE_PX, INPUT_PX, torch.tensor([110.0, 120, 130]).reshape(3, 1, 1), torch.ones(3, 1, 1))
    network = Network(model, frame, WNIDS, NAMES, arguments)
    save_checkpoint(path, {"network": network.state(), "model": model.state_dict(), "trainer": {}})
    return path

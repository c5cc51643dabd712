"""The network that a job looks into: a trained one, or one of conf/model with or without weights."""

from __future__ import annotations

from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import nn

from experiments.common.job import Run
from zfnet.data import IMAGENET_MEAN, InputFrame
from zfnet.models import TORCHVISION, build_model
from zfnet.network import Network, open_network

UNTRAINED = ", untrained"
FRAME = 8 / 7  # the square that is cut, over the crop the network sees: 256 over 224


def chosen_network(config: DictConfig, quiet: bool = False) -> Network:
    """The network of config.checkpoint, or else of config.model, with config.weights, seeing config.size_px crops.

    One without weights is drawn from config.seed, and unless quiet a line on the console says so. A network of ours
    without a checkpoint sees pixels less ImageNet's mean colour.
    """
    source = config.checkpoint or config.model.name
    if not quiet:
        tell_untrained(config)
    torch.manual_seed(config.seed)
    if config.checkpoint is not None or str(source).startswith(TORCHVISION):
        return open_network(source, config.weights, config.size_px)
    asked, channels = config.model, config.model.channels
    arguments = {"name": source, "num_classes": asked.num_classes, "width": asked.width, "input_px": config.size_px}
    if channels != 3:
        arguments["channels"] = channels
    model = build_model(**arguments, weights=config.weights)
    mean = 255 * torch.tensor(IMAGENET_MEAN).reshape(3, 1, 1)
    if channels == 1:
        mean = mean.mean(0, keepdim=True)
    frame = InputFrame(round(config.size_px * FRAME), config.size_px, mean, torch.ones(channels, 1, 1))
    return Network(model.eval(), frame, (), (), arguments)


def opened(config: DictConfig, run: Run) -> Network:
    """The network of config.checkpoint with config.weights; for one without weights a line on the console says so."""
    if run.world.first:
        tell_untrained(config)
    return open_network(config.checkpoint, config.weights, config.size_px)


def tell_untrained(config: DictConfig) -> None:
    """Warn on the console where the network has no weights but random ones."""
    if described(config).endswith(UNTRAINED):
        source = config.checkpoint or config.model.name
        print(f"warning: {source} without weights: what you see is what random filters answer; give weights=FILE, "
              "weights=DEFAULT (torchvision's download) or checkpoint=FILE for a trained one")  # fmt: skip


def with_random_weights(network: Network, seed: int) -> nn.Module:
    """The same network with new weights, drawn by the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(**network.arguments)


def described(config: DictConfig) -> str:
    """The network of `chosen_network` in a word or two, for a title."""
    if config.checkpoint is not None and not str(config.checkpoint).startswith(TORCHVISION):
        return "/".join(Path(config.checkpoint).parts[-3:])
    return f"{config.checkpoint or config.model.name}{'' if config.weights else UNTRAINED}"

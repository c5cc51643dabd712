"""Occlusion as one would write it on a blackboard: every place by itself, the whole network each time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zfnet.models import ConvNet
from zfnet.models.table import Conv, Full, Norm, Pool, Table

# as ZFNet is, small: ceil-mode pools, norms, steps and borders; 16 maps are enough for filters to go on tiles
SMALL: Table = (
    Conv("conv1", 16, 5, stride=2, padding=1),
    Pool("pool1", ceil=True),
    Norm("norm1"),
    Conv("conv2", 18, 5, stride=2),
    Pool("pool2", ceil=True),
    Norm("norm2"),
    Conv("conv3", 16, 3, padding=1),
    Full("fc4", 16),
    Full("fc5"),
)


def network(table: Table = SMALL, input_px: int = 61, classes: int = 5, seed: int = 0) -> ConvNet:
    """A network in float64 whose answers depend on the image."""
    torch.manual_seed(seed)
    model = ConvNet(table, classes, input_px).double().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            nn.init.normal_(module.bias, std=0.2)
    return model


def images(count: int, height: int, width: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def starts(length: int, size: int, stride: int) -> list[int]:
    found = [first for first in range(0, length, stride) if first + size <= length]
    return found if length - size in found else [*found, length - size]


def by_hand(
    model: nn.Module, maps: Callable[[Tensor], Tensor], image: Tensor, canvas: Tensor, target: int, size: int, step: int
) -> tuple[Tensor, Tensor, Tensor, int]:
    """Probability, label and activity at each place, and the strongest map; `maps` gives the layer (1, K, ...)."""
    rows, columns = (starts(length, size, step) for length in image.shape[1:])
    probability, activity = (torch.zeros(len(rows), len(columns), dtype=torch.float64) for _ in range(2))
    label = torch.zeros(len(rows), len(columns), dtype=torch.int64)
    with torch.no_grad():
        strongest = int(maps(image[None])[0].flatten(1).sum(1).argmax())
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                mask = torch.zeros_like(image)
                mask[:, row : row + size, column : column + size] = 1
                hidden = (image * (1 - mask) + canvas * mask)[None]
                scores = model(hidden)[0]
                probability[i, j] = scores.exp()[target] / scores.exp().sum()
                label[i, j] = int(scores.argmax())
                activity[i, j] = maps(hidden)[0, strongest].sum()
    return probability, label, activity, strongest

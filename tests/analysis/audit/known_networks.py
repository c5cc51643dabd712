"""Networks of which the truth is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zfnet.analysis.audit import Targets

SIDE_PX = 16


class LinearScores(nn.Module):
    """Three class scores, each a weighted sum of the pixels: the gradient is the weight, whatever the image."""

    def __init__(self, seed: int = 0, *, positive: bool = False) -> None:
        super().__init__()
        self.scores = nn.Linear(3 * SIDE_PX * SIDE_PX, 3, bias=False)
        weight = torch.randn(self.scores.weight.shape, generator=torch.Generator().manual_seed(seed))
        self.scores.weight.data = weight.abs() if positive else weight

    def forward(self, images: Tensor) -> Tensor:
        return self.scores(images.flatten(1))

    def truth(self, number: int) -> Tensor:
        """The weights of a class as a picture (3, H, W)."""
        return self.scores.weight[number].detach().reshape(3, SIDE_PX, SIDE_PX)


class Small(nn.Module):
    """Two convolutions, a pool and a classifier."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.first = nn.Conv2d(3, 6, 3, padding=1)
            self.pool = nn.MaxPool2d(2)
            self.second = nn.Conv2d(6, 8, 3, padding=1)
            self.scores = nn.Linear(8 * 8 * 8, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.pool(torch.relu(self.first(images)))
        return self.scores(torch.relu(self.second(maps)).flatten(1))


def some_images(count: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(seed))


def of_class(numbers: list[int], layer: str = "scores") -> Targets:
    units = torch.tensor([[image, number, 0, 0] for image, number in enumerate(numbers)])
    return Targets(kind="class", layer=layer, units=units, field=None, cam_layer="second")

"""Small differences are taken in float32 with all its bits, whatever torch is set to, and the settings come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zfnet import Deconvnet, occlude
from zfnet.analysis.correspondence.sign_changes import correspondence

IMAGES = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))
BOXES = {"all": np.array([[[3, 2, 6, 5]], [[4, 4, 7, 7]]])}


def settings() -> list[str]:
    return [torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision]


class Asked(nn.Module):
    """Keeps what torch is set to while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[str]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.found.append(settings())
        return images.mean((2, 3))


def square(model: nn.Module) -> None:
    occlude(model, IMAGES[0], 0, 6, 6, layer="0", progress=False)


def parts(model: nn.Module) -> None:
    correspondence(Deconvnet(model), IMAGES, BOXES, ["0"], np.random.default_rng(0), progress=False)


@pytest.fixture(params=[True, False])
def allowed(request: pytest.FixtureRequest) -> Iterator[bool]:
    """What the user has set."""
    places = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = request.param
    yield request.param
    for place, value in zip(places, before, strict=True):
        place.allow_tf32 = value


@pytest.mark.parametrize("job", [square, parts])
def test_tensor_floats_are_off_inside_and_as_before_outside(job: Callable[[nn.Module], None], allowed: bool) -> None:
    model, before = nn.Sequential(Asked()), settings()
    job(model)
    assert len(model[0].found) > 1
    assert all(found == ["ieee", "ieee"] for found in model[0].found)
    assert settings() == before
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (allowed, allowed)

"""Small things that many tests need."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from array_source import ArraySource

torch.set_num_threads(1)  # tests run two at a time


@pytest.fixture
def array_source() -> Callable[..., ArraySource]:
    def make(count: int = 48, classes: int = 4, side_px: int = 72, seed: int = 0) -> ArraySource:
        return ArraySource(count, classes, side_px, seed)

    return make

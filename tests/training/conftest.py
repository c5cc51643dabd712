"""Training and validation images in memory."""

from __future__ import annotations

import pytest


@pytest.fixture
def data(array_source):
    """44 training images, which is five batches of 8 and some, and 10 others."""
    return array_source(44, seed=0), array_source(10, seed=1)

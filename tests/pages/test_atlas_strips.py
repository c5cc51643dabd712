"""Strips of tiles of an atlas under way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from zfnet.pages.atlas import Site


def test_a_strip_has_the_epochs_that_there_are_by_now(tmp_path: Path):
    """A killed atlas of a training that goes on has drawn fewer."""
    site, tiles = Site(tmp_path / "atlas"), np.zeros((3, 4, 4, 3), np.uint8)
    for epochs in (2, 3):
        site.strip("e-000-0000", [tiles[:epochs]], lossless=True)
        (path,) = (site.partial / "pictures").iterdir()
        assert Image.open(path).width == 4 * epochs

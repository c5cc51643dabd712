"""The gallery's pictures: every matplotlib Figure that an example left behind under a name, once."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

DPI = 120
_shown: set[int] = set()
_kept: list[Figure] = []  # a figure that is gone could leave its number to the next


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save what is new among an example's figures, which pyplot does not know, and return how to show it."""
    paths = []
    for value in block_vars["example_globals"].values():
        if isinstance(value, Figure) and id(value) not in _shown:
            _shown.add(id(value))
            _kept.append(value)
            path = next(block_vars["image_path_iterator"])
            value.savefig(path, dpi=DPI, facecolor="white")
            paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])

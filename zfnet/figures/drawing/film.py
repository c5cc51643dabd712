"""Figures one after another as an animation that browsers, notebooks and slides play."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from zfnet.figures.drawing import style
from zfnet.files import whole_file

KINDS = {"webp": "WEBP", "gif": "GIF"}
DPI, EACH_MS, LAST_MS = 110, 700, 2500


def check_kind(kind: str) -> None:
    """Raise ValueError for a kind of file that is none of KINDS."""
    if kind not in KINDS:
        raise ValueError(f"film={kind} is not one of {', '.join(KINDS)}")


def save_film(figures: Iterable[Figure], path: Path) -> Path:
    """Write figures of one size as an animation without end, the last one shown longest; returns the path.

    Raises ValueError for an ending that is neither .webp nor .gif, and for no figures.
    """
    check_kind(path.suffix[1:])
    frames = [Image.fromarray(style.pixels(figure, DPI)) for figure in figures]
    if not frames:
        raise ValueError(f"no figures for {path}, expected at least one")
    times_ms = [*([EACH_MS] * (len(frames) - 1)), LAST_MS]
    with whole_file(path) as file:
        frames[0].save(
            file, KINDS[path.suffix[1:]], save_all=True, append_images=frames[1:], duration=times_ms, loop=0, quality=85
        )
    return path

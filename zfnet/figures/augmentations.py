"""A sheet of what augmentation makes of one image, the image itself first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import frame, grid, place
from zfnet.files import load_arrays, save_arrays

KIND = "augmentations"
MARGIN_IN, TITLE_IN, NOTE_IN, GAP_SHARE = 0.2, 0.3, 0.35, 0.03


@dataclass(frozen=True, kw_only=True)
class Variants:
    """pictures (1 + N, h, w, 3) uint8: an image as it is, then N views of it; path; told: how they were drawn."""

    pictures: NDArray[np.uint8]
    path: NDArray[np.str_]
    told: NDArray[np.str_]


def save_variants(path: Path, variants: Variants) -> None:
    """Write the arrays from which `load_variants` and `draw_variants` draw it again."""
    save_arrays(path, KIND, asdict(variants))


def load_variants(path: str | Path) -> Variants:
    """What `save_variants` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return Variants(**{field.name: arrays[field.name] for field in fields(Variants)})


def draw_variants(variants: Variants, columns: int = 6) -> Figure:
    """Rows of tiles, the first, framed, the image as it is. Raises ValueError for less than one column."""
    if columns < 1:
        raise ValueError(f"columns={columns}, expected 1 or more")
    size_px = variants.pictures.shape[1]
    gap_px = max(1, round(GAP_SHARE * size_px))
    sheet = grid(variants.pictures, gap_px, columns)
    height, width = sheet.shape[:2]
    sheet_in = style.WIDTH_IN - 2 * MARGIN_IN, (style.WIDTH_IN - 2 * MARGIN_IN) * height / width
    top_in = MARGIN_IN + TITLE_IN
    figure = Figure(figsize=(style.WIDTH_IN, top_in + sheet_in[1] + NOTE_IN))
    name = Path(str(variants.path)).name
    style.text(figure, MARGIN_IN, MARGIN_IN, f"{name} as it is (framed), and as training sees it epoch after epoch")
    axes = style.bare(figure, MARGIN_IN, top_in, *sheet_in)
    frame(axes, width, height)
    place(axes, sheet, 0, 0, width, height)
    axes.add_patch(Rectangle((0, 0), size_px, size_px, fill=False, edgecolor="black", linewidth=2.5, clip_on=False))
    note = f"{variants.told}; {size_px} px. Beyond the image: its border's pixels."
    style.text(figure, MARGIN_IN, top_in + sheet_in[1] + 0.08, note, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure

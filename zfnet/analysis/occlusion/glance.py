"""What an occlusion shows of itself in a notebook."""

from __future__ import annotations

import torch
from torch import Tensor

from zfnet.display import html_heat, html_table

MOST = 6  # images whose heat is shown


class OcclusionGlance:
    """What became of each image's target, as a table over small pictures of its probability; an Occlusion is one."""

    probability: Tensor
    label: Tensor
    map: Tensor
    rows: Tensor
    columns: Tensor
    clean_probability: Tensor
    target: Tensor
    layer: str
    size_px: int

    def _repr_html_(self) -> str:
        several = self.probability.ndim == 3
        parts = [
            values if several else values[None]
            for values in (self.probability, self.label, self.map, self.clean_probability, self.target)
        ]
        table, pictures = [], []
        for number, (probability, label, map_, clean, target) in enumerate(zip(*parts, strict=True)):
            row, column = divmod(int(probability.argmin()), probability.shape[1])
            kept = (label == target).to(torch.float32).mean()
            table.append((
                number, int(target), f"{float(clean):.3f}",
                f"{float(probability.min()):.3f} at {int(self.rows[row])}, {int(self.columns[column])}",
                f"{float(kept):.0%}", int(map_),
            ))  # fmt: skip
            if number < MOST:
                high = max(float(probability.max()), float(clean))
                words = f"probability of class {int(target)} with the square at each place, white: {high:.2g}"
                pictures.append(html_heat(probability.numpy(), high=high, words=words))
        places = f"{len(self.rows)} x {len(self.columns)} places"
        columns = ("image", "target", "probability", "least, with the square at row, column", "label stays", "map")
        title = f"Occlusion: a square of {self.size_px} px at {places}; strongest map of {self.layer}"
        return html_table(title, columns, table, " ".join(pictures))

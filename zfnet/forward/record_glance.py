"""What a record shows of itself in a notebook."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from zfnet.display import html_table, mebibytes

NOTHING = "–"  # of no images


class RecordGlance:
    """The layers of a record, their maps and what they take, as a table; a Record is one."""

    maps: Mapping[str, Tensor]
    image_size: tuple[int, ...]
    batch: int

    def _repr_html_(self) -> str:
        rows = [
            (
                layer,
                " x ".join(map(str, values.shape[1:])),
                f"{float((values > 0).float().mean()):.0%}" if len(values) else NOTHING,
                f"{float(values.max()):.4g}" if len(values) else NOTHING,
                mebibytes(values.nbytes),
            )
            for layer, values in self.maps.items()
        ]
        size = " x ".join(map(str, self.image_size))
        kept = mebibytes(sum(one.nbytes for one in self.maps.values()))
        title = f"Record of {self.batch} images of {size}: {len(self.maps)} layers, {kept} of maps"
        return html_table(title, ("layer", "maps", "above 0", "largest", "memory"), rows)

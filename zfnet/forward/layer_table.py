"""A network as a table with the receptive fields of its layers."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

from torch import nn

from zfnet.forward.geometry import Pair
from zfnet.forward.receptive_fields import receptive_fields
from zfnet.models import NOTE, layers_of, shape_text, table_text

WHOLE = "image"
FIELD_NOTE = (
    "Receptive field, step and start in pixels (rows x columns where they differ): unit (r, c) sees `field` pixels\n"
    f"from start + step * (r, c), which may lie outside the image; {WHOLE!r}: all of it, or not known."
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A layer as `zfnet.models.layer_summary.Layer` has it, and its field in pixels (rows, columns).

    The last three are None where a unit sees the whole image, or might.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    field_px: Pair | None
    step_px: Pair | None
    start_px: Pair | None


def network_table(model: nn.Module, input_px: int | None = None) -> list[Row]:
    """The layers of any network in the order they run on one image of input_px, the model's own size or 224."""
    layers = layers_of(model, input_px)
    fields = receptive_fields(model, [layer.name for layer in layers if layer.kind])
    rows, runs = [], Counter[str]()
    for layer in layers:
        of_runs = fields.get(layer.name, [None])
        field = of_runs[min(runs[layer.name], len(of_runs) - 1)]
        runs[layer.name] += 1
        size, step, start = (None, None, None) if field is None else (field.size_px, field.step_px, field.offset_px)
        rows.append(Row(**asdict(layer), field_px=size, step_px=step, start_px=start))
    return rows


def network_text(rows: list[Row]) -> str:
    """The table as text, with totals and notes."""
    head = ("layer", "kind", "output", "parameters", "multiply-adds", "field", "step", "start")
    lines = [head]
    for row in rows:
        fields = (_pair(pair) for pair in (row.field_px, row.step_px, row.start_px)) if row.kind else ("", "", "")
        parameters, multiply_adds = (f"{count:,}" if count else "" for count in (row.parameters, row.multiply_adds))
        lines.append((row.name, row.kind, shape_text(row.shape), parameters, multiply_adds, *fields))
    totals = [f"{sum(getattr(row, name) for row in rows):,}" for name in ("parameters", "multiply_adds")]
    lines.append(("total", "", "", totals[0], totals[1], "", "", ""))
    return f"{table_text(lines)}\n{NOTE}\n{FIELD_NOTE}"


def _pair(pair: Pair | None) -> str:
    if pair is None:
        return WHOLE
    return str(pair[0]) if pair[0] == pair[1] else shape_text(pair)

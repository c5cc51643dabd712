"""What an audit measured, image by image, and its mean with a 95 % interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis import mean_interval
from zfnet.analysis.audit.methods import Pictures
from zfnet.analysis.audit.targets import Targets


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One measure of one method under one condition, on n images.

    question: "cascade", "switches", "sensitivity", "faithfulness", "localisation" or "training"; kind: of the target,
    "class", "unit" or "layer". values (n,): nan where there was nothing to measure. blank: the numbers of those of the
    n pictures that held nothing; they count in the mean, and `row` tells the mean without them too. refused: why there
    is no picture at all.
    """

    question: str
    kind: str
    method: str
    condition: str
    measure: str
    values: Sequence[float]
    blank: Sequence[int] = ()
    refused: str = ""

    def row(self) -> dict[str, Any]:
        """A row of a table: mean, the interval's edges, images, of how many the value is no number, blank ones.

        None: nothing to tell. A mean without the blank ones is told only where there are some.
        """
        values = np.asarray(self.values, np.float64)
        there = values[np.isfinite(values)]
        low, high = mean_interval(there)
        seen = np.delete(values, np.asarray(self.blank, np.int64))
        seen = seen[np.isfinite(seen)] if self.blank else seen[:0]
        return {
            "question": self.question, "target": self.kind, "method": self.method, "condition": self.condition,
            "measure": self.measure, "mean": float(there.mean()) if len(there) else None,
            "low": None if np.isnan(low) else low, "high": None if np.isnan(high) else high, "images": len(there),
            "not_measured": len(values) - len(there), "blank": len(self.blank),
            "mean_without_blank": float(seen.mean()) if len(seen) else None, "refused": self.refused,
        }  # fmt: skip

    def followed_by(self, other: Finding) -> Finding:
        """The same of these images and then the other's."""
        blank = [*self.blank, *(len(self.values) + number for number in other.blank)]
        return replace(self, values=[*self.values, *other.values], blank=blank, refused=self.refused or other.refused)

    def plain(self) -> dict[str, Any]:
        """For a JSON file."""
        values = [float(one) if np.isfinite(one) else None for one in self.values]
        return asdict(self) | {"values": values}


def from_plain(rows: Iterable[dict[str, Any]]) -> list[Finding]:
    """What `Finding.plain` gave, read again."""
    return [
        Finding(**{**row, "values": [float("nan") if one is None else one for one in row["values"]]}) for row in rows
    ]


def pooled(parts: Sequence[Sequence[Finding]]) -> list[Finding]:
    """The findings of several audits, of other images each, as one: values of the same kind one after the other."""
    found: dict[tuple[str, ...], Finding] = {}
    for part in parts:
        for one in part:
            key = (one.question, one.kind, one.method, one.condition, one.measure)
            before = found.get(key)
            found[key] = one if before is None else before.followed_by(one)
    return list(found.values())


def findings(
    question: str, targets: Targets, method: str, condition: str, measures: dict[str, NDArray[Any]],
    *, pictures: Pictures | None = None,
) -> list[Finding]:  # fmt: skip
    """A finding for each measure (n,); a refused method has none of n images and its reason."""
    refused = "" if pictures is None else pictures.refused
    blank = [] if pictures is None or refused else pictures.blank.nonzero()[:, 0].tolist()
    return [
        Finding(
            question=question,
            kind=targets.kind,
            method=method,
            condition=condition,
            measure=measure,
            values=[float("nan")] * len(values) if refused else values.tolist(),
            blank=blank,
            refused=refused,
        )
        for measure, values in measures.items()
    ]

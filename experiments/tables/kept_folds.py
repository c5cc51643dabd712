"""Finished folds in files, so that a job that runs again does only what is missing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.probing import mean_class_accuracy
from zfnet.files import load_arrays, save_arrays

KIND = "fold"


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """What a method made of a fold: the test images (m,), their true and predicted classes (m,), and a few facts."""

    test: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    facts: dict[str, float]

    @property
    def accuracy(self) -> float:
        """Mean over classes, 0..1."""
        return mean_class_accuracy(self.truth, self.predicted)


def fold_path(folder: Path, name: str, settings: Mapping[str, Any]) -> Path:
    """Where the result of these settings lies: other settings, another file."""
    text = json.dumps(dict(settings), sort_keys=True, default=str)
    return folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.npz"


def load_fold(path: Path) -> FoldResult | None:
    """The result that was saved there; None where there is none. Raises ValueError for a damaged file."""
    if not path.is_file():
        return None
    arrays = load_arrays(path, KIND)
    facts = json.loads(str(arrays["facts"]))
    return FoldResult(test=arrays["test"], truth=arrays["truth"], predicted=arrays["predicted"], facts=facts)


def save_fold(path: Path, result: FoldResult) -> None:
    """Write what `load_fold` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"test": result.test, "truth": result.truth, "predicted": result.predicted}
    save_arrays(path, KIND, {**arrays, "facts": np.array(json.dumps(result.facts))})

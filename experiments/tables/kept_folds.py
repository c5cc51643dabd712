"""Finished folds in files, so that a job that runs again does only what is missing."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.probing import mean_class_accuracy
from zfnet.files import load_arrays, save_arrays

KIND = "fold"
log = logging.getLogger(__name__)


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
    """The result that was saved there; None where there is none, or a damaged one, which is set aside."""
    if not path.is_file():
        return None
    try:
        arrays = load_arrays(path, KIND)
        test, truth, predicted = (arrays[name] for name in ("test", "truth", "predicted"))
        if not (test.shape == truth.shape == predicted.shape and test.ndim == 1):
            raise ValueError(f"{path} holds {len(test)} images with {len(truth)} classes, {len(predicted)} predicted")
        facts = dict(json.loads(str(arrays["facts"])))
        return FoldResult(test=test, truth=truth, predicted=predicted, facts=facts)
    except (ValueError, TypeError) as error:
        aside = path.with_name(f"set-aside-{path.name}")
        log.warning("%s; it is set aside as %s, and the fold is done again", error, aside.name)
        path.replace(aside)
        return None


def save_fold(path: Path, result: FoldResult) -> None:
    """Write what `load_fold` reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"test": result.test, "truth": result.truth, "predicted": result.predicted}
    save_arrays(path, KIND, {**arrays, "facts": np.array(json.dumps(result.facts))})

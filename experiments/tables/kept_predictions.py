"""What trained networks say of a set of images: kept beside each network, scored, and averaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from experiments.common.images import reading_processes
from experiments.common.job import Run
from experiments.tables.runs import TableRun
from zfnet.data import UNREADABLE, ImageSource, same_data
from zfnet.files import read_arrays, whole_file, write_text
from zfnet.models import weights_fingerprint
from zfnet.network import Network
from zfnet.progress import Progress
from zfnet.training import Predictions, Scores, evaluate

LABELS_ARE = "as read"  # in files of before, images on which the network answered NaN passed for unreadable ones


def predictions(
    row: TableRun, network: Network, val: ImageSource, run: Run, *, views: int, batch_size: int
) -> Predictions:
    """A row's predictions on the validation images: from its folder if of these weights, images and precision.

    network: on the run's device.
    """
    path, weights = row.folder / f"predictions-{_how(views, run)}.npz", weights_fingerprint(network.model)
    kept = _kept(path, val)
    if kept is not None and (kept.weights, kept.wnids) == (weights, val.wnids) and same_data(val, kept.data):
        return replace(kept, data=val.fingerprint)
    logs = np.full((len(val), len(val.wnids)), np.nan, np.float32)
    label = np.full(len(val), UNREADABLE, np.int64)

    def keep(indices: Tensor, labels: Tensor, log_probabilities: Tensor) -> None:
        logs[indices.numpy()], label[indices.numpy()] = log_probabilities.float().cpu().numpy(), labels.numpy()

    _evaluate(row, network, val, run, views=views, batch_size=batch_size, keep=keep)
    made = Predictions(log_probability=logs, label=label, wnids=val.wnids, data=val.fingerprint, weights=weights)
    with whole_file(path) as file:
        np.savez(file, labels_are=np.array(LABELS_ARE), **asdict(made))
    return made


def training_scores(
    row: TableRun, network: Network, images: ImageSource, run: Run, *, views: int, batch_size: int
) -> Scores:
    """A row's scores on training images, in eval mode: kept in its folder too, but not each image's probabilities.

    network: on the run's device.
    """
    path, weights = row.folder / f"training_scores-{_how(views, run)}.json", weights_fingerprint(network.model)
    if path.is_file():
        with suppress(ValueError, KeyError, TypeError):  # damaged: made again
            kept = json.loads(path.read_text())
            if kept["weights"] == weights and same_data(images, kept["data"]):
                return Scores(**kept["scores"])
    scores = _evaluate(row, network, images, run, views=views, batch_size=batch_size)
    content = {"weights": weights, "data": images.fingerprint, "scores": asdict(scores)}
    write_text(path, json.dumps(content, indent=2) + "\n")
    return scores


def _how(views: int, run: Run) -> str:
    """What a file's name says of its numbers: half precision gives others."""
    dtype = run.hardware.dtype(run.world.device)
    return f"{views}views" + ("" if dtype is None else f"-{str(dtype).removeprefix('torch.')}")


def _evaluate(
    row: TableRun, network: Network, source: ImageSource, run: Run, *, views: int, batch_size: int,
    keep: Callable[[Tensor, Tensor, Tensor], None] = lambda indices, labels, log_probabilities: None,
) -> Scores:  # fmt: skip
    """Scores over a source, batch by batch shown and given to `keep`, as `evaluate` gives them."""
    with Progress(f"{row.name}: {views} view(s)", len(source), "image") as progress:

        def on_batch(indices: Tensor, labels: Tensor, log_probabilities: Tensor) -> None:
            keep(indices, labels, log_probabilities)
            progress.advance(len(indices))

        return evaluate(
            (network.model, network.frame), source,
            views=views, batch_size=batch_size, world=run.world, workers=reading_processes(source, run),
            autocast=run.hardware.autocast(run.world.device), on_batch=on_batch,
        )  # fmt: skip


def _kept(path: Path, val: ImageSource) -> Predictions | None:
    """What was saved there; None where there is nothing, or nothing that can be relied on."""
    if not path.is_file():
        return None
    try:
        arrays = read_arrays(path)
        logs, label, wnids = arrays["log_probability"], arrays["label"], tuple(arrays["wnids"].tolist())
        data, weights = str(arrays["data"]), str(arrays["weights"])
        if "labels_are" not in arrays and (label == UNREADABLE).any():
            return None
    except (ValueError, TypeError):
        return None  # made again
    whole = logs.shape == (len(val), len(val.wnids)) and label.shape == (len(val),)
    if not whole:
        return None
    return Predictions(log_probability=logs, label=label, wnids=wnids, data=data, weights=weights)

"""What trained networks say of a set of images: kept beside each network, scored, and averaged."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.job import Run
from experiments.tables.runs import TableRun
from zfnet.data import UNREADABLE, FolderImages, ImageSource, same_data
from zfnet.files import read_arrays, whole_file, write_text
from zfnet.models import weights_fingerprint
from zfnet.network import Network
from zfnet.progress import Progress
from zfnet.training import Predictions, Scores, evaluate


def predictions(
    row: TableRun, network: Network, val: ImageSource, views: int, batch_size: int, run: Run
) -> Predictions:
    """A row's predictions on the validation images: from its folder if of these weights, images and precision."""
    path, weights = row.folder / f"predictions-{_how(views, run)}.npz", weights_fingerprint(network.model)
    kept = _kept(path, val)
    if kept is not None and (kept.weights, kept.wnids) == (weights, val.wnids) and same_data(val, kept.data):
        return replace(kept, data=val.fingerprint)
    logs = np.full((len(val), len(val.wnids)), np.nan, np.float32)
    _evaluate(row, network, val, views, batch_size, run, logs)
    label = np.where(np.isnan(logs).any(1), UNREADABLE, val.labels)
    made = Predictions(logs, label, val.wnids, val.fingerprint, weights)
    with whole_file(path) as file:
        np.savez(file, **asdict(made))
    return made


def training_scores(
    row: TableRun, network: Network, images: ImageSource, views: int, batch_size: int, run: Run
) -> Scores:
    """A row's scores on training images, in eval mode: kept in its folder too, but not each image's probabilities."""
    path, weights = row.folder / f"training_scores-{_how(views, run)}.json", weights_fingerprint(network.model)
    if path.is_file():
        with suppress(ValueError, KeyError, TypeError):  # damaged: made again
            kept = json.loads(path.read_text())
            if kept["weights"] == weights and same_data(images, kept["data"]):
                return Scores(**kept["scores"])
    scores = _evaluate(row, network, images, views, batch_size, run)
    content = {"weights": weights, "data": images.fingerprint, "scores": asdict(scores)}
    write_text(path, json.dumps(content, indent=2) + "\n")
    return scores


def _how(views: int, run: Run) -> str:
    """What a file's name says of its numbers: half precision gives others."""
    dtype = run.hardware.dtype(run.world.device)
    return f"{views}views" + ("" if dtype is None else f"-{str(dtype).removeprefix('torch.')}")


def _evaluate(
    row: TableRun, network: Network, source: ImageSource, views: int, batch_size: int, run: Run,
    logs: NDArray[np.float32] | None = None,
) -> Scores:  # fmt: skip
    """Scores over a source; fills in the log-probabilities."""
    member = network.model.to(run.world.device).to(memory_format=run.hardware.memory_format()), network.frame
    workers = run.hardware.reading_processes(isinstance(source, FolderImages))
    with Progress(f"{row.name}: {views} view(s)", len(source), "image") as progress:

        def keep(indices: torch.Tensor, log_probabilities: torch.Tensor) -> None:
            if logs is not None:
                logs[indices.numpy()] = log_probabilities.float().cpu().numpy()
            progress.advance(len(indices))

        autocast = run.hardware.autocast(run.world.device)
        return evaluate(
            member, source, views=views, batch_size=batch_size, world=run.world, workers=workers, autocast=autocast,
            on_batch=keep,
        )  # fmt: skip


def _kept(path: Path, val: ImageSource) -> Predictions | None:
    if not path.is_file():
        return None
    try:
        arrays = read_arrays(path)
        logs, label, wnids = arrays["log_probability"], arrays["label"], tuple(arrays["wnids"].tolist())
        told = str(arrays["data"]), str(arrays["weights"])
    except (ValueError, TypeError):
        return None  # made again
    whole = logs.shape == (len(val), len(val.wnids)) and label.shape == (len(val),)
    return Predictions(logs, label, wnids, *told) if whole else None

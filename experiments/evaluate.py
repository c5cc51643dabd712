"""Errors of a checkpoint, or of several averaged: python experiments/evaluate.py data=... checkpoint=..."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from experiments.common.job import Run, build, start
from experiments.common.values import several
from zfnet.data.folder import FolderImages
from zfnet.data.loader import unreadable
from zfnet.data.opening import ImageData
from zfnet.data.source import UNREADABLE, ImageSource
from zfnet.files import shown, whole_file
from zfnet.runs import write_csv
from zfnet.training import Network, Scores, evaluate, open_network


def report(config: DictConfig, run: Run) -> None:
    """Print and save the errors for each number of views, the probabilities, and the error of each class."""
    data = build(ImageData, config.data)
    if run.world.first:
        data.prepare()
    run.world.wait()
    source = data.open(config.split)
    given = several(config.checkpoint)
    networks = [open_network(path, config.weights, config.size_px) for path in given]
    for path, network in zip(given, networks, strict=True):
        check_fit(network, source, path)
    format_ = run.hardware.memory_format()
    members = [(network.model.to(run.world.device).to(memory_format=format_), network.frame) for network in networks]
    rows = []
    for views in several(config.views):
        logs = torch.zeros(len(source), len(source.wnids))

        def keep(indices: Tensor, log_probabilities: Tensor, logs: Tensor = logs) -> None:
            logs[indices] = log_probabilities.float().cpu()

        workers = run.hardware.reading_processes(isinstance(source, FolderImages), run.world.size)
        autocast = run.hardware.autocast(run.world.device)
        scores = evaluate(members, source, views, config.batch_size, run.world, workers, autocast, keep)
        rows.append(_row(scores, views, len(networks), run.world.first))
        logs = run.world.sum(logs.to(run.world.device)).cpu()  # each process filled in its own images
        labels = np.where(logs.isnan().any(1).numpy(), UNREADABLE, source.labels)
        if run.world.first:
            arrays = run.folder / f"{config.split}_{views}views.npz"
            with whole_file(arrays) as file:
                np.savez(file, probability=logs.exp().numpy(), label=labels)
            _per_class(run, config.split, views, logs, labels, source)
    skipped = sorted({path for of_process in run.world.gather(unreadable(source)) for path in of_process})
    if run.world.first:
        write_csv(run.folder / "errors.csv", rows)
        run.note(errors=rows, checkpoints=[str(path) for path in given], data=source.fingerprint)
        if skipped:
            print(
                f"{len(skipped)} images could not be read and are not counted: {', '.join(map(shown, skipped[:5]))} ..."
            )
        print(f"arrays and tables: {run.folder}")


def check_fit(network: Network, source: ImageSource, path: object) -> None:
    """The images must have the network's classes, in its order, and the size of its frame."""
    if network.wnids != source.wnids and (network.wnids or len(network.names) != len(source.wnids)):
        have, given = network.wnids or network.names, source.wnids
        raise ValueError(
            f"{path} tells {len(have)} classes apart ({', '.join(have[:3])} ...), the images have {len(given)} "
            f"({', '.join(given[:3])} ...): evaluate on the classes it was trained on"
        )
    if network.frame.side_px != source.side_px:
        raise ValueError(
            f"{path} sees crops of {network.frame.side_px} px squares, the images are {source.side_px} px: "
            f"give data.side={network.frame.side_px}, or pack the images at that side"
        )


def _row(scores: Scores, views: int, networks: int, told: bool) -> dict[str, object]:
    if told:
        print(
            f"{networks} network(s), {views:2d} view(s), {scores.count} images: loss {scores.loss:.4f}, "
            f"top-1 error {scores.top1_error:.2%}, top-5 error {scores.top5_error:.2%}"
        )
    errors = {"top1_error": scores.top1_error, "top5_error": scores.top5_error}
    return {"networks": networks, "views": views, "images": scores.count, "loss": scores.loss, **errors}


def _per_class(run: Run, split: str, views: int, logs: Tensor, labels: NDArray[np.int64], source: ImageSource) -> None:
    wrong = logs.argmax(1).numpy() != labels
    rows: Sequence[dict[str, object]] = [
        {"wnid": wnid, "name": source.names[index], "images": int(own.sum()), "error": float(wrong[own].mean())}
        for index, wnid in enumerate(source.wnids)
        if (own := labels == index).any()
    ]  # fmt: skip
    write_csv(run.folder / f"{split}_{views}views_per_class.csv", rows)


if __name__ == "__main__":
    start(report, "evaluate")

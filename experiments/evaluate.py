"""Errors of a checkpoint, or of several averaged: python experiments/evaluate.py data=... checkpoint=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.evaluate:report")

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from experiments.common.config import as_list, check_least, pick
from experiments.common.images import check_one_label, note_interpolation, open_split, reading_processes
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.run_folder import PIECES
from zfnet.analysis import share_interval
from zfnet.data import ImageData, ImageSource, unreadable
from zfnet.files import shown
from zfnet.network import Network, is_name
from zfnet.runs import write_csv
from zfnet.training import Probabilities, Scores, class_counts, evaluate, places_of

Rows = list[dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/evaluate.yaml says of the images and the networks, one or several."""

    data: ImageData
    split: str
    checkpoint: str | list[str]
    weights: str | None
    size_px: int | None
    views: int | list[int]
    batch_size: int

    def __post_init__(self) -> None:
        check_least(self, views=1, batch_size=1)
        check_one_label(self.data)
        if not self.checkpoint:
            raise ValueError(f"checkpoint={self.checkpoint}, expected one or several: FILE, torchvision:NAME or a list")


@dataclass(frozen=True)
class Answers:
    """What networks say of N images: scores of those that could be read, label (N,), and by class how many images could
    be read, and how many of these were taken for another (2, C).
    """

    scores: Scores
    label: NDArray[np.int64]
    by_class: NDArray[np.int64]


def choices_of(settings: Settings) -> list[NetworkChoice]:
    """The networks; weights and a size go with a zoo's names, where there is one among them."""
    paths = as_list(settings.checkpoint)
    named = NetworkChoice(weights=settings.weights, size_px=settings.size_px)
    if not any(map(is_name, paths)):
        return [replace(named, checkpoint=path) for path in paths]
    return [named.other(path, settings.weights if is_name(path) else None) for path in paths]


def report(config: DictConfig, run: Run) -> None:
    """Print and save the errors for each number of views, the probabilities, and the error of each class."""
    settings = pick(Settings, config)
    source = open_split(settings.data, run, settings.split)
    choices = choices_of(settings)
    networks = [open_chosen(choice, run) for choice in choices]
    for choice, network in zip(choices, networks, strict=True):
        check_fit(network, source, choice.source)
        if run.world.first:
            note_interpolation(source, network.frame)
    rows: Rows = []
    for views in as_list(settings.views):
        name = f"{settings.split}_{views}views"
        rowed = Probabilities(run.folder / PIECES / f"{name}.raw", len(source), len(source.wnids))
        answers = answers_of(networks, source, run, rowed, views=views, batch_size=settings.batch_size)
        if run.world.first:
            rows.append(row_of(answers.scores, views=views, networks=len(networks)))
            rowed.save(run.folder / f"{name}.npz", answers.label)
            write_csv(run.folder / f"{name}_per_class.csv", class_rows(answers, source))
    skipped = sorted({path for of_process in run.world.gather(unreadable(source)) for path in of_process})
    if run.world.first:
        write_csv(run.folder / "errors.csv", rows)
        run.note(errors=rows, checkpoints=[choice.source for choice in choices], data=source.fingerprint)
        if skipped:
            print(
                f"{len(skipped)} images could not be read and are not counted: {', '.join(map(shown, skipped[:5]))} ..."
            )
        print(f"arrays and tables: {run.folder}")


def check_fit(network: Network, source: ImageSource, path: str) -> None:
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


def answers_of(
    networks: Sequence[Network], source: ImageSource, run: Run, rowed: Probabilities, *, views: int, batch_size: int
) -> Answers:
    """What all processes count, with the networks' mean probabilities in a file: memory holds a batch of those."""
    world, classes = run.world, len(source.wnids)
    label, counts = np.zeros(len(source), np.int64), np.zeros((2, classes), np.int64)  # of this process's images
    if world.first:
        rowed.create()
    world.wait()

    def keep(indices: Tensor, labels: Tensor, log_probabilities: Tensor) -> None:
        rowed.put(indices, log_probabilities)
        label[indices.numpy()] = labels.numpy()
        wrong = places_of(log_probabilities.cpu(), labels) >= 1
        counts[:] += class_counts(labels.numpy(), wrong.numpy(), classes)

    scores = evaluate(
        [(network.model, network.frame) for network in networks], source,
        views=views, batch_size=batch_size, world=world, workers=reading_processes(source, run),
        autocast=run.hardware.autocast(world.device), on_batch=keep,
    )  # fmt: skip
    summed = (world.sum(torch.from_numpy(own).to(world.device)).cpu().numpy() for own in (label, counts))
    return Answers(scores, *summed)


def row_of(scores: Scores, *, views: int, networks: int) -> dict[str, object]:
    """A row of errors.csv, printed too."""
    errors: dict[str, object] = {"top1_error": scores.top1_error, "top5_error": scores.top5_error}
    line = f"{networks} network(s), {views:2d} view(s), {scores.count} images: loss {scores.loss:.4f}"
    for name, error in (("top-1", scores.top1_error), ("top-5", scores.top5_error)):
        low, high = share_interval(error, scores.count)
        line += f", {name} error {error:.2%} [{low:.2%}, {high:.2%}]"
        errors |= {f"{name.replace('-', '')}_low": low, f"{name.replace('-', '')}_high": high}
    print(f"{line} (95 % intervals)")
    return {"networks": networks, "views": views, "images": scores.count, "loss": scores.loss, **errors}


def class_rows(answers: Answers, source: ImageSource) -> Rows:
    """How many images of each class could be read, and the error on them; none of a class without any."""
    there, wrong = answers.by_class.tolist()
    return [
        {"wnid": wnid, "name": name, "images": count, "error": missed / count}
        for wnid, name, count, missed in zip(source.wnids, source.names, there, wrong, strict=True) if count
    ]  # fmt: skip

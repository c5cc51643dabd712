"""The networks behind a table: one folder of training runs, what each must be, and which of them are finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.common.config import check_least
from experiments.common.images import check_one_label
from experiments.common.job import Run
from experiments.common.network import ModelChoice, NetworkChoice, open_chosen
from zfnet.data import ImageData, ImageSource
from zfnet.network import Network
from zfnet.runs import read_manifest
from zfnet.training import Recipe, first_difference, newest_checkpoint, settings_of, shortened


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """What Tables 2 and 3 are both asked for: their rows, how those are trained, and how they are evaluated."""

    data: ImageData
    model: ModelChoice
    training: Recipe
    rows: str
    seeds: int | list[int]
    train_missing: bool
    processes: int
    views: int
    batch_size: int

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)
        check_one_label(self.data)


@dataclass(frozen=True, kw_only=True)
class TableRun:
    """A network of a table: the run of experiments/train.py in `folder`."""

    model: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """What lies in a row's folder: the last checkpoint of a finished run, or why there is none."""

    row: TableRun
    checkpoint: Path | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class TableRuns:
    """What all rows of a table share: the images and what the networks were trained as."""

    folder: Path
    train: ImageSource
    val: ImageSource
    arguments: dict[str, Any]  # build_model's, but the name
    settings: dict[str, Any]  # Trainer's, but the seed

    def row(self, model: str, seed: int) -> TableRun:
        """Where that network's run lies."""
        return TableRun(model=model, seed=seed, folder=self.folder / f"{model}-seed{seed}")

    def find(self, row: TableRun) -> FoundRun:
        """What there is of a row. Raises ValueError where it was trained as something else than the table asks for."""
        try:
            newest = newest_checkpoint(row.folder / "checkpoints")
        except ValueError as error:  # all damaged
            return FoundRun(row=row, checkpoint=None, why=str(error))
        outcome = _outcome(row.folder)
        if newest is None:
            why = "missing" if outcome is None else f"no checkpoint, {outcome}"
            return FoundRun(row=row, checkpoint=None, why=why)
        path, content = newest
        self._check(row, content)
        epoch, epochs = content["trainer"]["position"]["epoch"], self.settings["epochs"]
        if epoch == epochs:
            return FoundRun(row=row, checkpoint=path)
        why = f"{epoch} of {epochs} epochs{'' if outcome is None else f', {outcome}'}"
        return FoundRun(row=row, checkpoint=None, why=why)

    def _check(self, row: TableRun, content: dict[str, Any]) -> None:
        asked = {"name": row.model, **self.arguments, "seed": row.seed, **self.settings}
        of_row = {**content["network"]["arguments"], **content["trainer"]["settings"]}
        difference = first_difference(of_row, asked, train=self.train, val=self.val)
        if difference is not None:
            name, held, value = difference
            raise ValueError(
                f"{row.folder} was trained with {name}={shortened(held)}, this table asks for {shortened(value)}: "
                "give the same settings, or another folder (rows=...)"
            )


def open_table(settings: TableSettings, run: Run) -> TableRuns:
    """The runs that a table is made of. Raises ValueError where they could not be trained as it asks."""
    if run.world.size > 1:
        raise ValueError("a table is put together by one process: give processes=... instead of torchrun")
    model = settings.model
    if model.weights is not None:
        raise ValueError(f"model.weights={model.weights}: the rows of a table are trained from scratch")
    settings.data.prepare()
    train, val = settings.data.open("train"), settings.data.open("val")
    run.note(data={"train": train.fingerprint, "val": val.fingerprint, "images": len(train), "val_images": len(val)})
    return TableRuns(
        folder=Path(settings.rows), train=train, val=val,
        arguments={"num_classes": len(train.wnids), "width": model.width, "input_px": model.size_px},
        settings=settings_of(settings.training, train, val),
    )  # fmt: skip


def open_row(checkpoint: Path, run: Run) -> Network:
    """The network of a finished row, on the run's device."""
    return open_chosen(NetworkChoice(checkpoint=str(checkpoint)), run)


def _outcome(folder: Path) -> str | None:
    """How the last try ended, from its manifest: None where there was none."""
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    outcome: str | None = read_manifest(path).get("outcome")
    if outcome is None:
        return "still runs or was killed"
    return outcome if outcome in ("stopped", "finished") else f"failed: {outcome}"

"""The networks behind a table: one folder of training runs, what each must be, and which of them are finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.common.config import build
from experiments.common.job import Run
from zfnet.data import ImageData, ImageSource
from zfnet.runs import read_manifest
from zfnet.training import Recipe, first_difference, newest_checkpoint, settings_of, shortened


@dataclass(frozen=True)
class TableRun:
    """A network of a table: the run of experiments/train.py in `folder`."""

    model: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class FoundRun:
    """What lies in a row's folder: the last checkpoint of a finished run, or why there is none."""

    row: TableRun
    checkpoint: Path | None
    why: str = ""


@dataclass(frozen=True)
class TableRuns:
    """What all rows of a table share: the images and what the networks were trained as."""

    folder: Path
    train: ImageSource
    val: ImageSource
    arguments: dict[str, Any]  # build_model's, but the name
    settings: dict[str, Any]  # Trainer's, but the seed

    def row(self, model: str, seed: int) -> TableRun:
        return TableRun(model, seed, self.folder / f"{model}-seed{seed}")

    def find(self, row: TableRun) -> FoundRun:
        """What there is of a row. Raises ValueError where it was trained as something else than the table asks for."""
        try:
            newest = newest_checkpoint(row.folder / "checkpoints")
        except ValueError as error:  # all damaged
            return FoundRun(row, None, str(error))
        outcome = _outcome(row.folder)
        if newest is None:
            return FoundRun(row, None, "missing" if outcome is None else f"no checkpoint, {outcome}")
        path, content = newest
        self._check(row, content)
        epoch, epochs = content["trainer"]["position"]["epoch"], self.settings["epochs"]
        if epoch == epochs:
            return FoundRun(row, path)
        return FoundRun(row, None, f"{epoch} of {epochs} epochs{'' if outcome is None else f', {outcome}'}")

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


def open_sweep(config: DictConfig, run: Run) -> TableRuns:
    """The sweep that a table's configuration describes: conf/train.yaml's keys, and `rows`."""
    if run.world.size > 1:
        raise ValueError("a table is put together by one process: give processes=... instead of torchrun")
    if config.model.weights is not None:
        raise ValueError(f"model.weights={config.model.weights}: the rows of a table are trained from scratch")
    recipe, data = build(Recipe, config.training), build(ImageData, config.data)
    data.prepare()
    train, val = data.open("train"), data.open("val")
    run.note(data={"train": train.fingerprint, "val": val.fingerprint, "images": len(train), "val_images": len(val)})
    arguments = {"num_classes": len(train.wnids), "width": config.model.width, "input_px": config.model.input_px}
    return TableRuns(Path(config.rows), train, val, arguments, settings_of(recipe, train, val))


def _outcome(folder: Path) -> str | None:
    """How the last try ended, from its manifest: None where there was none."""
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    outcome: str | None = read_manifest(path).get("outcome")
    if outcome is None:
        return "still runs or was killed"
    return outcome if outcome in ("stopped", "finished") else f"failed: {outcome}"

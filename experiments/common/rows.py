"""The networks behind a table: one folder of training runs, what each must be, and which of them are finished."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.common.job import Run, build
from zfnet.data.opening import ImageData
from zfnet.data.source import ImageSource
from zfnet.runs import read_manifest
from zfnet.training import Recipe, newest_checkpoint


@dataclass(frozen=True)
class Row:
    """A network of a table: the run of experiments/train.py in `folder`."""

    model: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class Found:
    """What lies in a row's folder: the last checkpoint of a finished run, or why there is none."""

    row: Row
    checkpoint: Path | None
    why: str = ""


@dataclass(frozen=True)
class Sweep:
    """What all rows of a table share: the images and what the networks were trained as."""

    folder: Path
    train: ImageSource
    val: ImageSource
    arguments: dict[str, Any]  # build_model's, but the name
    settings: dict[str, Any]  # Trainer's, but the seed

    def row(self, model: str, seed: int) -> Row:
        return Row(model, seed, self.folder / f"{model}-seed{seed}")

    def find(self, row: Row) -> Found:
        """What there is of a row. Raises ValueError where it was trained as something else than the table asks for."""
        try:
            newest = newest_checkpoint(row.folder / "checkpoints")
        except ValueError as error:  # all damaged
            return Found(row, None, str(error))
        outcome = _outcome(row.folder)
        if newest is None:
            return Found(row, None, "missing" if outcome is None else f"no checkpoint, {outcome}")
        path, content = newest
        self._check(row, content)
        epoch, epochs = content["trainer"]["position"]["epoch"], self.settings["epochs"]
        if epoch == epochs:
            return Found(row, path)
        return Found(row, None, f"{epoch} of {epochs} epochs{'' if outcome is None else f', {outcome}'}")

    def _check(self, row: Row, content: dict[str, Any]) -> None:
        asked = {"name": row.model, **self.arguments, "seed": row.seed, **self.settings}
        settings = {**asdict(Recipe()), **content["trainer"]["settings"]}  # older ones do not name the newest settings
        held = {**content["network"]["arguments"], **settings}
        for name, value in asked.items():
            if held.get(name) != value:
                raise ValueError(
                    f"{row.folder} was trained with {name}={_short(held.get(name))}, this table asks for "
                    f"{_short(value)}: give the same settings, or another folder (rows=...)"
                )


def open_sweep(config: DictConfig, run: Run) -> Sweep:
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
    settings = {**asdict(recipe), "data": train.fingerprint, "classes": list(train.wnids)}
    return Sweep(Path(config.rows), train, val, arguments, settings)


def _outcome(folder: Path) -> str | None:
    """How the last try ended, from its manifest: None where there was none."""
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    outcome: str | None = read_manifest(path).get("outcome")
    if outcome is None:
        return "still runs or was killed"
    return outcome if outcome in ("stopped", "finished") else f"failed: {outcome}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""The evolution of features in a run's folder: evolution/epoch-0005.npz, and TensorBoard, where the slider plays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from zfnet.analysis.cka import linear_cka, settling_epoch
from zfnet.analysis.evolution_moment import LayerMoment, Moment
from zfnet.figures.montage import around_grey, grid
from zfnet.files import load_arrays, save_arrays

KIND, FOLDER = "evolution", "evolution"
ARRAYS = [field.name for field in fields(LayerMoment)]
KINDS = ("activations", "projections")
SETTLED = 0.9
TILE_PX = 64
COLUMNS = 8  # of the sheets in TensorBoard


def save_moment(folder: Path, moment: Moment) -> None:
    """Write epoch-0005.npz; a crash leaves the old file or the new one."""
    arrays: dict[str, object] = {
        "epoch": np.array(moment.epoch),
        "watched": np.array(list(moment.activations), np.str_),
    }
    for kind in KINDS:
        arrays |= {f"{layer}/{kind}": gram for layer, gram in getattr(moment, kind).items()}
    for layer, one in moment.layers.items():
        arrays |= {f"{layer}/{name}": getattr(one, name) for name in ARRAYS if getattr(one, name) is not None}
    arrays |= {f"{layer}/changed": np.array(share) for layer, share in moment.changed.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_arrays(folder / f"epoch-{moment.epoch:04d}.npz", KIND, arrays)


def load_moment(path: Path) -> Moment:
    """What `save_moment` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    watched = arrays["watched"].tolist()
    activations, projections = ({layer: arrays[f"{layer}/{kind}"] for layer in watched} for kind in KINDS)
    layers = {
        layer: LayerMoment(**{name: arrays[f"{layer}/{name}"] for name in ARRAYS if f"{layer}/{name}" in arrays})
        for layer in watched
        if f"{layer}/maps" in arrays
    }
    changed = {layer: float(arrays[f"{layer}/changed"]) for layer in watched if f"{layer}/changed" in arrays}
    return Moment(int(arrays["epoch"]), activations, projections, layers, changed)


def load_moments(folder: Path) -> list[Moment]:
    """Every moment of a folder, by epoch."""
    return [load_moment(path) for path in sorted(folder.glob("epoch-*.npz"))]


def similarities(moments: Sequence[Moment]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """kind -> layer -> debiased linear CKA (epochs,) of each moment's numbers with the last one's."""
    last = moments[-1]
    return {
        kind: {
            layer: np.array([linear_cka(getattr(moment, kind)[layer], gram, debiased=True) for moment in moments])
            for layer, gram in getattr(last, kind).items()
        }
        for kind in KINDS
    }


def settling(moments: Sequence[Moment], threshold: float = SETTLED) -> dict[str, dict[str, int]]:
    """kind -> layer -> the first epoch from which on its similarity to the last one stays at the threshold or above."""
    epochs = [moment.epoch for moment in moments]
    return {
        kind: {layer: settling_epoch(epochs, values.tolist(), threshold) for layer, values in layers.items()}
        for kind, layers in similarities(moments).items()
    }


class EvolutionFolder:
    """The Keeper of a run: its arrays in `evolution`, its pictures and curves in TensorBoard.

    TensorBoard reads one growing file a folder, so that these events lie in a folder of their own.
    """

    def __init__(self, run_folder: Path) -> None:
        self.folder, self._events = run_folder / FOLDER, run_folder / "tensorboard" / "evolution"
        self._writer: SummaryWriter | None = None

    def begin(self, epoch: int) -> None:
        for path in self.folder.glob("epoch-*.npz"):
            number = path.stem.removeprefix("epoch-")
            if number.isdecimal() and int(number) > epoch:
                path.rename(path.with_name(f"set-aside-{path.name}"))
        self._writer = SummaryWriter(str(self._events), purge_step=epoch + 1)

    def keep(self, moment: Moment) -> None:
        save_moment(self.folder, moment)
        assert self._writer is not None
        for layer, one in moment.layers.items():
            self._writer.add_image(f"evolution/{layer}", sheet(one), moment.epoch, dataformats="HWC")
        for layer, share in moment.changed.items():
            self._writer.add_scalar(f"evolution_strongest_image_changed/{layer}", share, moment.epoch)
        self._writer.flush()

    def end(self, finished: bool) -> None:
        assert self._writer is not None
        if finished:
            self._similarities(load_moments(self.folder))
        self._writer.close()

    def _similarities(self, moments: Sequence[Moment]) -> None:
        assert self._writer is not None
        last = moments[-1].epoch
        for kind, layers in similarities(moments).items():
            for layer, values in layers.items():
                for moment, value in zip(moments, values.tolist(), strict=True):
                    tag = f"evolution_{kind}_similarity_to_epoch_{last}/{layer}"
                    self._writer.add_scalar(tag, value, moment.epoch)
        for kind, settled in settling(moments).items():
            for layer, epoch in settled.items():
                self._writer.add_scalar(f"evolution_{kind}_settled_at_epoch/{layer}", epoch, last)


def sheet(one: LayerMoment) -> NDArray[np.uint8]:
    """A layer's maps, eight in a row, which fits TensorBoard's cards: each projection above the patch it comes from."""
    projections = (around_grey(one.projection) * 255).round().astype(np.uint8)
    larger = max(1, round(TILE_PX / one.patch.shape[1]))
    above, below = (pictures.repeat(larger, 1).repeat(larger, 2) for pictures in (projections, one.patch))
    between = np.full_like(above[:, :larger], 255)
    columns = min(COLUMNS, len(one.maps))
    return np.asarray(grid(np.concatenate([above, between, below], axis=1), 4 * larger, columns), np.uint8)


def told(settled: Mapping[str, Mapping[str, int]]) -> str:
    """One line: layer, epoch from which its activations and its projections stay like the last ones."""
    layers = settled[KINDS[0]]
    return ", ".join(f"{layer} {layers[layer]} ({settled[KINDS[1]][layer]})" for layer in layers)

"""The evolution of features in a run's folder: evolution/epoch-0005.npz, and TensorBoard, where the slider plays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.utils.tensorboard import SummaryWriter

from experiments.common.events import events_folder
from zfnet.analysis.evolution import (
    FOLDER,
    KINDS,
    LayerMoment,
    Moment,
    load_moments,
    save_moment,
    settling,
    similarities,
)
from zfnet.figures.drawing.montage import around_grey, grid

TILE_PX = 64
COLUMNS = 8  # of the sheets in TensorBoard
CAPTION_PX = 16


class EvolutionFolder:
    """The Keeper of a run: its arrays in `evolution`, its pictures and curves in TensorBoard.

    TensorBoard reads one growing file a folder, so that these events lie in a folder of their own.
    """

    def __init__(self, run_folder: Path) -> None:
        self.folder, self._events = run_folder / FOLDER, events_folder(run_folder, FOLDER)
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
    """A layer's maps, eight in a row, which fits TensorBoard's cards: number, projection, patch that it comes from."""
    projections = (around_grey(one.projection) * 255).round().astype(np.uint8)
    larger = max(1, round(TILE_PX / one.patch.shape[1]))
    above, below = (pictures.repeat(larger, 1).repeat(larger, 2) for pictures in (projections, one.patch))
    between = np.full_like(above[:, :larger], 255)
    columns, numbers = min(COLUMNS, len(one.maps)), captions(one.maps.tolist(), above.shape[2])
    return np.asarray(grid(np.concatenate([numbers, above, between, below], axis=1), 4 * larger, columns), np.uint8)


def captions(numbers: Sequence[int], width_px: int) -> NDArray[np.uint8]:
    """Numbers in black on white, each at the left of its band (N, CAPTION_PX, width, 3)."""
    bands = []
    for number in numbers:
        band = Image.new("RGB", (width_px, CAPTION_PX), "white")
        ImageDraw.Draw(band).text((0, 0), str(number), fill="black", font=ImageFont.load_default(CAPTION_PX - 4))
        bands.append(np.asarray(band))
    return np.stack(bands)


def settling_line(settled: Mapping[str, Mapping[str, int]]) -> str:
    """One line: layer, epoch from which its activations and its projections stay like the last ones."""
    layers = settled[KINDS[0]]
    return ", ".join(f"{layer} {layers[layer]} ({settled[KINDS[1]][layer]})" for layer in layers)

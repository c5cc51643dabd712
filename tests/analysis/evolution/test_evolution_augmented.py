"""Evolution under augmentation, and of grey images: the warped view is kept, and its pixels are those seen."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from array_source import ArraySource
from evolution_oracle import RECIPE, Kept, Slow, assert_strongest, same_moment, trainer_on
from scipy.ndimage import map_coordinates

from zfnet.analysis.evolution.observer import Evolution, Plan
from zfnet.data.views import crop_views, training_views
from zfnet.deconv import Deconvnet

MOVED = replace(RECIPE, epochs=2, rotation_deg=40.0, shift=0.2, shear=0.2, zoom=0.2)
PLAN = Plan(epochs=(1,), layers=("conv2", "conv4"), maps=4, probe_images=6, probe_projections=5)


class Grey(ArraySource):
    """Its first channel alone."""

    def read(self, indices):
        images, labels = super().read(indices)
        return images[:, :1], labels

    def mean(self):
        return super().mean()[:1]


def followed(kind: type[ArraySource], slow: Slow | None = None):
    kept = Kept()
    observers = [Evolution(PLAN, kept), *([slow] if slow else [])]
    return trainer_on(kind(44, 4, 72, 0), kind(10, 4, 72, 1), MOVED, observers=observers), kept.moments


def by_scipy(square: np.ndarray, row: int, column: int, flip: bool, warp: np.ndarray) -> np.ndarray:
    """The view (64, 64, C) of a square (72, 72, C): every pixel asks where it comes from (Augmentation.draw)."""
    steps = np.arange(64) - 31.5
    down, right = np.meshgrid(steps, -steps if flip else steps, indexing="ij")
    places = np.einsum("ij,jhw->ihw", warp[:, :2].astype(float), np.stack([down, right]))
    places += (np.array([row, column]) + 31.5 + warp[:, 2])[:, None, None]
    channels = [map_coordinates(square[..., c].astype(float), places, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=2)


@pytest.mark.parametrize("kind", [ArraySource, Grey])
def test_the_strongest_warped_view_is_found_kept_and_cut_again(kind: type[ArraySource]):
    slow = Slow()
    trainer, moments = followed(kind, slow)
    assert trainer.fit()
    assert assert_strongest(moments[1], slow) + assert_strongest(moments[2], slow) > 8
    deconvnet, alive = Deconvnet(trainer.model), 0
    table = training_views("anywhere", 44, 72, 64, trainer.seed, 1, MOVED.augmentation)  # of the second epoch
    for layer, one in moments[2].layers.items():
        for at, number in enumerate(one.image.tolist()):
            np.testing.assert_array_equal(one.warp[at], table.warps[number].numpy())
            crop = crop_views(trainer.train.read([number])[0], table[torch.tensor([number])], trainer.frame)
            unit = torch.tensor([[0, one.maps[at], one.row[at], one.column[at]]])
            record = deconvnet.record(crop, [layer])
            assert one.value_now[at] == pytest.approx(float(record.maps[layer][tuple(unit[0])]), rel=1e-5, abs=1e-7)
            alive += one.value_now[at] > 0
            if layer == "conv4":  # sees more than the image: all of it
                dense = deconvnet.project(record, layer, unit)[0].numpy()
                np.testing.assert_allclose(one.projection[at], dense, atol=1e-6 * np.abs(dense).max())
                square = trainer.train.read([number])[0][0].expand(3, -1, -1).permute(1, 2, 0).numpy()
                expected = by_scipy(square, *one.view[at].tolist(), one.warp[at])
                assert one.patch[at].shape == (64, 64, 3)
                assert np.abs(one.patch[at] - expected).max() < 0.51
    assert alive


def test_warped_views_survive_a_resume():
    whole, expected = followed(ArraySource)
    whole.fit()
    first, before = followed(ArraySource)
    first._stop = lambda: first.position.step == 3
    first.fit()
    state = copy.deepcopy(first.state())
    second, after = followed(ArraySource)
    second.load_state(state)
    assert second.fit()
    for epoch, moment in expected.items():
        same_moment(moment, (before | after)[epoch])

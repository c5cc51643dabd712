"""Labels that mean nothing: dealt out anew, the same with every reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from array_source import ArraySource
from packing import make_images

from zfnet.data import FolderImages, ShuffledLabels, Subset, training_batches
from zfnet.data.pack import write_pack


def test_the_images_stay_and_as_many_of_each_class(array_source: Callable[..., ArraySource]):
    source = array_source()
    shuffled = ShuffledLabels(source, seed=0)
    assert np.bincount(shuffled.labels).tolist() == np.bincount(source.labels).tolist()
    assert (shuffled.labels != source.labels).mean() > 0.5
    images, labels = shuffled.read([5, 40, 5])
    assert images.equal(source.read([5, 40, 5])[0])
    assert labels.tolist() == shuffled.labels[[5, 40, 5]].tolist()


def test_a_seed_deals_the_same_labels_and_shows_in_the_fingerprint(array_source: Callable[..., ArraySource]):
    source = array_source()
    first, again, other = (ShuffledLabels(source, seed) for seed in (0, 0, 1))
    assert first.labels.tolist() == again.labels.tolist() != other.labels.tolist()
    assert first.fingerprint == again.fingerprint
    assert len({source.fingerprint, first.fingerprint, other.fingerprint}) == 3


def test_what_cannot_be_read_stays_so(array_source: Callable[..., ArraySource]):
    source = array_source()
    read = source.read
    source.read = lambda indices: (read(indices)[0], read(indices)[1] * 0 - 100)  # type: ignore[method-assign]
    assert ShuffledLabels(source, seed=0).read([1, 2])[1].tolist() == [-100, -100]


@pytest.mark.parametrize("workers", [0, 1])  # none: threads read the pack ahead
def test_a_pack_is_trained_on_with_the_labels_dealt_out(tmp_path: Path, workers: int) -> None:
    pack = write_pack(make_images(tmp_path), tmp_path / "pack", side_px=8, workers=1)
    half = Subset(ShuffledLabels(pack, seed=0), np.arange(0, len(pack), 2))
    assert (half.labels != pack.labels[::2]).any()
    for batch in training_batches(half, 32, seed=0, epoch=0, workers=workers):
        assert batch.labels.tolist() == half.labels[batch.indices].tolist()


def test_the_mean_is_the_sources_which_reads_a_sample_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ImageNet's folder would be decoded whole, an hour of it, before a first step."""
    monkeypatch.setattr("zfnet.data.folder.MEAN_IMAGES", 3)
    source = FolderImages(make_images(tmp_path), side_px=8)
    assert np.array_equal(ShuffledLabels(source, seed=0).mean(), source.mean())

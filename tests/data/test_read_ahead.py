"""A pack read ahead: the same batches in the same order, a few of them early, and no thread left behind."""

import gc
import os
import threading
import time

import numpy as np
import pytest
import torch
from packing import CLASSES, SIDE_PX, make_images, squares

from zfnet.data import Subset, ordered_batches, training_batches
from zfnet.data.pack import AHEAD, PackImages, open_pack, read_ahead, write_pack

BATCH = 24  # three threads' worth of rows


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def pack(images, tmp_path_factory):
    out = tmp_path_factory.mktemp("packs") / "pack"
    return write_pack(images, out, side_px=SIDE_PX, workers=1)


@pytest.fixture
def parts(pack):
    order = np.random.default_rng(0).permutation(len(pack))
    return [order[first : first + BATCH] for first in range(0, len(order), BATCH)]


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


@pytest.mark.parametrize("count", [None, 1, 3])
def test_batches_are_those_of_the_files_in_order(pack, images, parts, count):
    truth = squares(images)
    for batch, part in zip(read_ahead(pack, parts, threads=count), parts, strict=True):
        assert batch.shape == (len(part), 3, SIDE_PX, SIDE_PX)
        assert np.array_equal(batch.permute(0, 2, 3, 1).numpy(), truth[part])
    assert not threads()


def test_slow_threads_change_no_order(pack, images, parts, monkeypatch):
    plain, generator = PackImages.read_into, np.random.default_rng(1)
    waits = generator.random(200).tolist()

    def slow(self, indices, rows):
        time.sleep(waits.pop() / 200)
        plain(self, indices, rows)

    monkeypatch.setattr(PackImages, "read_into", slow)
    truth = squares(images)
    for batch, part in zip(read_ahead(pack, parts[:12], threads=3), parts, strict=False):
        assert np.array_equal(batch.permute(0, 2, 3, 1).numpy(), truth[part])


def test_the_next_batches_are_read_while_one_is_used(pack, parts, monkeypatch):
    plain, begun = PackImages.read_into, list[int]()

    def counted(self, indices, rows):
        begun.append(len(indices))
        plain(self, indices, rows)

    monkeypatch.setattr(PackImages, "read_into", counted)
    batches = read_ahead(pack, parts, threads=3)
    next(batches)
    until = time.monotonic() + 5
    while sum(begun) < (AHEAD + 1) * BATCH and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)  # were there more to come, they would begin now
    assert sum(begun) == (AHEAD + 1) * BATCH
    batches.close()


def test_stopped_early_it_leaves_no_thread(pack):
    for batch in training_batches(pack, BATCH, seed=0, epoch=0):
        assert len(batch) == BATCH
        assert threads()
        break
    gc.collect()
    assert not threads()


def test_a_file_that_ends_early_is_named_and_ends_the_threads(images, tmp_path):
    cut = write_pack(images, tmp_path / "cut", side_px=SIDE_PX, workers=1)
    os.truncate(tmp_path / "cut" / "pixels.npy", os.path.getsize(tmp_path / "cut" / "pixels.npy") // 2)
    with pytest.raises(OSError, match=r"cut.pixels\.npy: row \d+ ends early"):
        for _ in ordered_batches(cut, BATCH):
            pass
    gc.collect()
    assert not threads()


def test_sources_of_a_pack_give_what_reading_gives(pack):
    chosen = np.random.default_rng(2).permutation(len(pack))[:100]
    subset = Subset(Subset(pack, chosen), np.arange(99, 0, -2))
    for source in (pack, subset):
        seen = 0
        for ahead in ordered_batches(source, BATCH):
            inline = source.read(ahead.indices.tolist())
            assert torch.equal(ahead.images, inline[0])
            assert torch.equal(ahead.labels, inline[1])
            seen += len(ahead)
        assert seen == len(source)
    assert set(pack.labels.tolist()) == set(range(CLASSES))


def test_processes_read_the_same(pack):
    ahead, others = (training_batches(pack, BATCH, seed=1, epoch=3, start=2, workers=count) for count in (0, 2))
    for one, other in zip(ahead, others, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.indices, other.indices)


def test_threads_may_share_one_file(pack, images):
    again = open_pack(pack.folder)
    truth, results = squares(images), dict[int, bool]()

    def read(number):
        own = np.random.default_rng(number).permutation(len(again))
        rows = np.empty((len(own), SIDE_PX, SIDE_PX, 3), np.uint8)
        again.read_into(own.tolist(), rows)
        results[number] = np.array_equal(rows, truth[own])

    readers = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert results == dict.fromkeys(range(4), True)

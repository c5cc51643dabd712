"""Batches: every image where it belongs, whatever the number of workers and processes."""

import logging
import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch
from array_source import ArraySource

from zfnet.data.datasets.imagenet import ImageList
from zfnet.data.folder import FolderImages
from zfnet.data.loader import (
    ordered_batches,
    read_left_out,
    remember_unreadable,
    training_batches,
    training_order,
    unreadable,
    unreadable_images,
)
from zfnet.data.source import UNREADABLE


def test_an_epoch_is_a_permutation_in_whole_batches(array_source):
    source = array_source(50)
    seen = [batch.indices.tolist() for batch in training_batches(source, 8, seed=3, epoch=2)]
    assert [len(indices) for indices in seen] == [8] * 6
    assert [index for indices in seen for index in indices] == training_order(50, 3, 2)[:48].tolist()
    assert sorted(training_order(50, 3, 2)) == list(range(50))
    assert training_order(50, 3, 2).tolist() != training_order(50, 3, 3).tolist()


def test_batches_hold_the_images_they_name(array_source):
    source = array_source(20)
    for batch in training_batches(source, 4, seed=0, epoch=0):
        assert np.array_equal(batch.images.permute(0, 2, 3, 1).numpy(), source.images[batch.indices.numpy()])
        assert np.array_equal(batch.labels.numpy(), source.labels[batch.indices.numpy()])


def test_workers_and_a_start_in_the_middle_change_nothing(array_source):
    source = array_source(40)
    plain = [(b.indices, b.images) for b in training_batches(source, 8, seed=1, epoch=0)]
    for others, skipped in (
        (training_batches(source, 8, seed=1, epoch=0, workers=2), 0),
        (training_batches(source, 8, seed=1, epoch=0, start=2), 2),
    ):
        found = [(b.indices, b.images) for b in others]
        assert len(found) == len(plain) - skipped
        for (i, x), (j, y) in zip(found, plain[skipped:], strict=True):
            assert torch.equal(i, j)
            assert torch.equal(x, y)


def test_processes_share_each_global_batch(array_source):
    source = array_source(40)
    whole = [b.indices.tolist() for b in training_batches(source, 8, seed=1, epoch=0)]
    parts = [
        [b.indices.tolist() for b in training_batches(source, 8, seed=1, epoch=0, rank=rank, world_size=2)]
        for rank in range(2)
    ]
    assert [a + b for a, b in zip(*parts, strict=True)] == whole


@pytest.mark.parametrize(("count", "world"), [(13, 1), (13, 2), (13, 4), (3, 4)])
def test_validation_sees_every_image_once(array_source, count: int, world: int):
    source = array_source(count)
    seen = [
        index
        for rank in range(world)
        for batch in ordered_batches(source, 4, rank, world)
        for index in batch.indices.tolist()
    ]
    assert sorted(seen) == list(range(count))


def test_starting_an_iterator_leaves_the_global_random_state_alone(array_source):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    list(training_batches(array_source(8), 4, seed=0, epoch=0))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_uneven_share_is_refused(array_source):
    with pytest.raises(ValueError, match="batch_size 9 does not divide among 2 processes"):
        training_batches(array_source(), 9, seed=0, epoch=0, world_size=2)


def test_an_unreadable_image_is_named_once_and_reported(array_source, caplog):
    source = array_source(8)
    source.labels[5] = UNREADABLE
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            list(ordered_batches(source, 4))
    assert [record.getMessage() for record in caplog.records] == ["skipped an image that cannot be read: image 5"]
    assert unreadable(source) == ["image 5"]


def start_of(source):
    """The batches of an epoch and the process that reads them, once it has read the first."""
    batches = training_batches(source, 2, seed=1, epoch=0, workers=1)
    next(batches)
    (worker,) = multiprocessing.active_children()
    return batches, worker


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_every_process_of_a_job_leaves_the_readers_to_the_one_that_trains(array_source, number: int):
    batches, worker = start_of(array_source(40))
    os.kill(worker.pid, number)
    assert len(list(batches)) == 19
    assert not worker.is_alive()


class Deadly(ArraySource):
    """Kills the worker that reads one of its images."""

    def read(self, indices):
        if 7 in indices and multiprocessing.parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(indices)


def test_a_reader_that_dies_is_an_error_unless_the_job_is_to_stop():
    source = Deadly(40, 4, 8, 0)
    with pytest.raises(RuntimeError, match="DataLoader worker"):
        list(training_batches(source, 2, seed=1, epoch=0, workers=1))
    alone = [batch.indices.tolist() for batch in training_batches(source, 2, seed=1, epoch=0)]
    stopping = training_batches(source, 2, seed=1, epoch=0, workers=1, read_on=lambda: True)
    assert [batch.indices.tolist() for batch in stopping] == alone
    ordered = ordered_batches(source, 2, workers=1, read_on=lambda: True)
    assert [index for batch in ordered for index in batch.indices.tolist()] == list(range(40))


def test_an_unreadable_file_is_named_on_one_line_with_the_reason(tmp_path, caplog):
    (tmp_path / "a\nb.png").write_bytes(b"GIF8")
    source = FolderImages(ImageList([f"{tmp_path}/a\nb.png"], np.array([0]), ("n",), ("n",)), 8)
    list(ordered_batches(source, 4))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"skipped an image that cannot be read: {tmp_path}/a\\nb.png: not an image of")
    assert unreadable(source) == [f"{tmp_path}/a\nb.png"]


def test_what_an_earlier_part_of_the_run_named_is_not_named_again(array_source, caplog):
    source = array_source(8)
    source.labels[[3, 5]] = UNREADABLE
    remember_unreadable(source, [5, 7])
    list(ordered_batches(source, 4))
    assert caplog.messages == ["skipped an image that cannot be read: image 3"]
    assert unreadable_images(source) == [3, 5, 7]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_images_of_dropped_batches_are_read_in_the_end(array_source, epochs: int):
    source, reads = array_source(11), []
    unreadable_ones = {0, 4, 9}
    source.labels[list(unreadable_ones)] = UNREADABLE
    for epoch in range(epochs):
        reads += [i for batch in training_batches(source, 4, seed=5, epoch=epoch) for i in batch.indices.tolist()]
    before = set(unreadable_images(source))
    read_left_out(source, 4, seed=5, epochs=epochs)
    assert before == unreadable_ones & set(reads)
    assert set(unreadable_images(source)) == unreadable_ones
    assert (before != unreadable_ones) == (epochs < 3)  # this seed leaves some out of two epochs


def test_reading_what_was_left_out_names_images_of_a_strict_source_too(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    source = FolderImages(ImageList([f"{tmp_path}/a.png"] * 3, np.zeros(3, int), ("n",), ("n",)), 8, strict=True)
    read_left_out(source, 4, seed=0, epochs=1)
    assert unreadable_images(source) == [0, 1, 2]

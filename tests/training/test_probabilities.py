"""Probabilities in a file: what np.savez would have written of all, and memory for a batch."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from zfnet.training import Probabilities, class_counts, places_of
from zfnet.training.scoring import probabilities


def test_rows_of_several_processes_are_those_of_an_array(tmp_path: Path):
    generator = torch.Generator().manual_seed(0)
    logs = torch.randn(23, 7, generator=generator).log_softmax(1)
    logs[4] = torch.nan  # could not be read
    label = np.arange(23) % 7
    made = [Probabilities(tmp_path / "part" / "rows", 23, 7) for _ in range(2)]
    made[0].create()
    for number, indices in enumerate(torch.arange(23).split(5)):
        made[number % 2].put(indices, logs[indices])
    made[1].put(torch.tensor([3, 4, 9, 0]), logs[[3, 4, 9, 0]])  # again, and not side by side
    made[0].save(tmp_path / "found.npz", label)
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_array_equal(found["probability"], logs.exp().numpy())
        np.testing.assert_array_equal(found["label"], label)
    assert not (tmp_path / "part" / "rows").exists()


def test_memory_does_not_grow_with_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(probabilities, "COPY_BYTES", 2**20)
    rows, label = Probabilities(tmp_path / "rows", 20_000, 500), np.zeros(20_000, np.int64)  # 40 MB
    logs = torch.zeros(200, 500)
    tracemalloc.start()
    rows.create()
    for indices in torch.arange(20_000).split(200):
        rows.put(indices, logs)
    rows.save(tmp_path / "found.npz", label)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "found.npz").stat().st_size > 40e6
    assert peak < 6e6


def test_classes_are_counted_where_images_could_be_read():
    labels = torch.tensor([0, 2, 2, -100, 1, 2])
    logs = torch.eye(3)[[0, 2, 1, 0, 2, 0]].double()
    wrong = places_of(logs, labels) >= 1
    assert class_counts(labels.numpy(), wrong.numpy(), 4).tolist() == [[1, 1, 3, 0], [0, 1, 2, 0]]

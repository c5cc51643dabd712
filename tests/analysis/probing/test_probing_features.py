"""Features in files: against the network run by hand; what is stale, cut or half-written is never taken; memory."""

from __future__ import annotations

import logging
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from array_source import ArraySource

from zfnet import build_model
from zfnet.analysis.probing import Extraction, extract, gram, gram_matrix, gram_of, store
from zfnet.analysis.probing.gram_matrix import gram_while_kept, is_kept, owner_of
from zfnet.analysis.probing.store import Writer, check_room, claimed, found, planned
from zfnet.data.frame import InputFrame
from zfnet.data.source import UNREADABLE
from zfnet.network import Network
from zfnet.training import World

CHOSEN = np.array([5, 40, 2, 17, 30, 9, 11])


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=4, width=0.05, input_px=64).eval()
    frame = InputFrame(72, 64, torch.full((3, 72, 72), 110.0), torch.full((3, 1, 1), 60.0))
    return Network(model, frame, ("a", "b", "c", "d"), ("a", "b", "c", "d"))


@pytest.fixture
def asked(network: Network, array_source: Callable[..., ArraySource]) -> Extraction:
    return Extraction(network, array_source(), CHOSEN, batch_size=3, progress=False)


@torch.no_grad()
def by_hand(network: Network, source: ArraySource, last: str, rows=slice(4, 68), columns=slice(4, 68), flip=False):
    """(n, d): the images cut and normalised in numpy, then the network's children one after the other."""
    pixels = source.images[CHOSEN][:, rows, columns].astype(np.float32)
    pixels = (pixels[:, :, ::-1] if flip else pixels) - 110
    x = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))) / 60
    for name, module in network.model.named_children():
        x = module(x)
        if name == last:
            return x.flatten(1).numpy()
    raise AssertionError(last)


@pytest.mark.parametrize(("layer", "last"), [(1, "norm1"), (3, "relu3"), (5, "pool5"), ("fc6", "relu6")])
def test_features_are_what_the_network_gives(asked: Extraction, tmp_path: Path, layer: int | str, last: str):
    own = extract(asked, [layer], tmp_path)[layer]
    expected = by_hand(asked.network, asked.source, last)  # type: ignore[arg-type]
    assert (own.images, own.numbers, own.dtype) == (*expected.shape, np.float32)
    np.testing.assert_allclose(own.array(), expected, rtol=1e-4, atol=1e-5)


def test_ten_views_are_averaged(asked: Extraction, tmp_path: Path):
    corners = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    every = [
        by_hand(asked.network, asked.source, "relu7", slice(r, r + 64), slice(c, c + 64), flip)  # type: ignore[arg-type]
        for r, c in corners
        for flip in (False, True)
    ]
    own = extract(replace(asked, views=10), [7], tmp_path)[7].array()
    np.testing.assert_allclose(own, np.mean(every, axis=0), rtol=1e-4, atol=1e-5)


def test_all_layers_come_from_one_pass_and_only_missing_ones_are_computed(
    asked: Extraction, tmp_path: Path, monkeypatch
):
    read: list[int] = []
    whole = asked.source.read
    monkeypatch.setattr(asked.source, "read", lambda indices: (read.append(len(indices)), whole(indices))[1])
    first = extract(asked, [1, 5], tmp_path)[5].array()
    assert sum(read) == len(CHOSEN)
    again = extract(asked, [1, 5], tmp_path)
    assert sum(read) == len(CHOSEN)
    np.testing.assert_array_equal(again[5].array(), first)
    extract(asked, [1, 5, 7], tmp_path)
    assert sum(read) == 2 * len(CHOSEN)


def test_mixed_precision_is_close_and_kept_apart(asked: Extraction, tmp_path: Path):
    full = extract(asked, [3], tmp_path)[3].array()
    for dtype, kept in ((torch.bfloat16, np.float32), (torch.float16, np.float16)):
        half = extract(replace(asked, dtype=dtype), [3], tmp_path)[3]
        assert half.dtype == kept
        apart = np.abs(half.array() - full).max() / full.max()
        assert 0 < apart < 0.05
    np.testing.assert_array_equal(extract(asked, [3], tmp_path)[3].array(), full)


def test_an_unreadable_image_is_nan_and_leaves_the_others(asked: Extraction, tmp_path: Path, monkeypatch):
    whole = extract(asked, [5], tmp_path / "whole")[5].array()
    source, read = asked.source, asked.source.read

    def read_but_one(indices):
        images, labels = read(indices)
        labels[np.asarray(indices) == 17] = UNREADABLE
        return images, labels

    monkeypatch.setattr(source, "read", read_but_one)
    holed = extract(asked, [5], tmp_path)[5]
    rows = holed.array()
    np.testing.assert_array_equal(np.isnan(rows), np.repeat(CHOSEN[:, None] == 17, rows.shape[1], axis=1))
    np.testing.assert_allclose(rows[CHOSEN != 17], whole[CHOSEN != 17], rtol=1e-5)
    matrix = gram_of(holed)
    clear = np.flatnonzero(CHOSEN != 17)
    assert np.isnan(matrix[3]).all()
    assert np.isnan(matrix[:, 3]).all()
    np.testing.assert_allclose(matrix[np.ix_(clear, clear)], whole[clear] @ whole[clear].T, rtol=1e-5)


def test_features_that_are_no_numbers_are_an_error_and_leave_nothing(asked: Extraction, tmp_path: Path):
    frame = replace(asked.network.frame, scale=torch.full((3, 1, 1), 1e-38))
    with pytest.raises(ValueError, match="layer 1 of image 5: features are not finite in full precision"):
        extract(replace(asked, network=replace(asked.network, frame=frame)), [1], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_network_frame_order_or_data_has_other_features(asked: Extraction, tmp_path: Path, monkeypatch):
    others = [
        replace(asked, network=replace(asked.network, frame=replace(asked.network.frame, mean=torch.zeros(3, 1, 1)))),
        replace(asked, indices=CHOSEN[::-1].copy()),
    ]
    torch.manual_seed(1)
    fresh = build_model("zfnet", num_classes=4, width=0.05, input_px=64).eval()
    others.append(replace(asked, network=replace(asked.network, model=fresh)))
    paths = {one.path(tmp_path, "features", 5) for one in [asked, *others]}
    assert len(paths) == 4
    monkeypatch.setattr(ArraySource, "fingerprint", "others")
    assert replace(asked).path(tmp_path, "features", 5) not in paths


def test_matrices_of_modules_with_dots_in_their_names_lie_in_files_of_their_own(asked: Extraction, tmp_path: Path):
    frame = replace(asked.network.frame, size_px=64)
    squeezenet = Network(build_model("torchvision:squeezenet1_0", 4).eval(), frame, (), ())
    other = replace(asked, network=squeezenet)
    names = {other.kept(tmp_path, "gram", layer, ".npz")[0].name for layer in ("features.3", "features.5")}
    assert len(names) == 2
    assert all(name.startswith("gram-features.") and name.endswith(".npz") for name in names)


def test_a_stale_or_cut_file_is_computed_again(asked: Extraction, tmp_path: Path, caplog):
    own = extract(asked, [5], tmp_path)[5]
    right = own.array()
    whole = own.path.read_bytes()
    stale = whole.replace(b'"views": 1', b'"views": 9', 1)
    for damaged in (whole[:-4], whole[:3000], b"", stale, b"\0" * len(whole)):
        own.path.write_bytes(damaged)
        with caplog.at_level(logging.WARNING):
            np.testing.assert_array_equal(extract(asked, [5], tmp_path)[5].array(), right)
        assert "computed again" in caplog.text
        caplog.clear()


def test_a_pass_that_is_stopped_leaves_nothing_and_what_a_killed_one_left_is_not_taken(
    asked: Extraction, tmp_path: Path, monkeypatch
):
    right = extract(asked, [5], tmp_path / "right")[5]
    read = asked.source.read

    def stop(indices):
        if 30 in indices:
            raise KeyboardInterrupt
        return read(indices)

    monkeypatch.setattr(asked.source, "read", stop)
    with pytest.raises(KeyboardInterrupt):
        extract(asked, [5], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["right"]
    monkeypatch.undo()
    partial = tmp_path / (right.path.name + ".partial")
    partial.write_bytes(right.path.read_bytes()[:-100] + b"x" * 9000)  # as a kill -9 would leave it
    np.testing.assert_array_equal(extract(asked, [5], tmp_path)[5].array(), right.array())
    assert not partial.exists()


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path):
    with claimed(tmp_path / "a") as file:
        file.write(b"first")
        with pytest.raises(ValueError, match="being written by another process"), claimed(tmp_path / "a"):
            pass
    assert (tmp_path / "a").read_bytes() == b"first"


def test_panels_are_the_columns(tmp_path: Path):
    features = planned(tmp_path / "f", 7, 23, np.dtype(np.float32), panel_bytes=7 * 4 * 5)
    rows = np.random.default_rng(0).normal(size=(7, 23)).astype(np.float32)
    with claimed(features.path) as file:
        writer = Writer(file, features, {"of": "these"})
        writer.write(rows[:3])
        writer.write(rows[3:])
    assert found(features.path, {"of": "others"}) is None
    read = found(features.path, {"of": "these"})
    assert read == features
    assert [panel.shape[1] for panel in read.panels()] == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(np.concatenate(list(read.panels()), axis=1), rows)
    np.testing.assert_array_equal(read.array(), rows)


def stored(path: Path, rows: np.ndarray, panel_bytes: int) -> store.Features:
    features = planned(path, *rows.shape, rows.dtype, panel_bytes)
    with claimed(path) as file:
        Writer(file, features, {}).write(rows)
    return features


@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-13), (np.float32, 1e-6), (np.float16, 1e-6)])
def test_the_gram_matrix_is_all_products(tmp_path: Path, monkeypatch, dtype, within: float):
    """Blocks of 3 rows and 5 columns that divide neither 11 nor 23; the reference in float64."""
    monkeypatch.setattr("zfnet.analysis.probing.gram_matrix.PRODUCT_BYTES", 3 * 8 * 11)
    rows = np.random.default_rng(0).normal(size=(11, 23)).astype(dtype)
    exact = rows.astype(np.float64) @ rows.astype(np.float64).T
    matrix = gram_of(stored(tmp_path / "f", rows, 11 * rows.itemsize * 5), progress=False)
    assert matrix.dtype == np.float64
    assert np.abs(matrix - exact).max() <= within * np.abs(exact).max()


class InThreads(World):
    """One of several processes, as threads that meet."""

    meeting = threading.Barrier(3, timeout=60)
    given: ClassVar[dict[int, torch.Tensor]] = {}

    def from_rank(self, rank: int, values: torch.Tensor) -> torch.Tensor:
        self.given[self.rank] = values.clone()
        self.meeting.wait()
        theirs = self.given[rank]
        self.meeting.wait()
        assert theirs.shape == values.shape
        return theirs


def test_the_gram_matrix_of_several_processes_is_that_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Seven stripes among three: each multiplies its own alone, an unreadable image in one of them."""
    monkeypatch.setattr("zfnet.analysis.probing.gram_matrix.PRODUCT_BYTES", 2 * 8 * 13)
    rows = np.random.default_rng(0).normal(size=(13, 40)).astype(np.float32)
    rows[4] = np.nan
    features = stored(tmp_path / "f", rows, 13 * 4 * 7)
    alone = gram_of(features, progress=False)
    shares = [[number for number in range(7) if owner_of(number, 3) == rank] for rank in range(3)]
    assert shares == [[0, 5, 6], [1, 4], [2, 3]]
    with ThreadPoolExecutor(3) as threads:
        made = threads.map(lambda rank: gram_of(features, "cpu", False, InThreads(rank=rank, size=3)), range(3))
        for matrix in made:
            np.testing.assert_array_equal(matrix, alone, strict=True)
    assert np.isnan(alone[4]).all()


def test_the_gram_matrix_is_written_while_it_is_worked_with(asked: Extraction, tmp_path: Path, monkeypatch):
    used, write = threading.Event(), gram_matrix._write

    def when_used(*given: Any) -> None:
        assert used.wait(60)
        write(*given)

    monkeypatch.setattr(gram_matrix, "_write", when_used)
    with gram_while_kept(asked, 5, tmp_path) as matrix:
        assert not list(tmp_path.glob("gram-*.npz"))
        used.set()
    (path,) = tmp_path.glob("gram-*.npz")
    np.testing.assert_array_equal(np.load(path)["lower"], matrix[np.tril_indices(len(matrix))])
    path.unlink()
    with claimed(path), pytest.raises(ValueError, match="being written by another process"):
        gram(asked, 5, tmp_path)


def test_the_features_go_as_soon_as_the_matrix_is_there(asked: Extraction, tmp_path: Path):
    """A job that is killed in its folds, hours later, would leave them for good."""
    with gram_while_kept(asked, 5, tmp_path, delete_features=True):
        until_s = time.monotonic() + 60
        while list(tmp_path.glob("features-*")) and time.monotonic() < until_s:
            time.sleep(0.01)
        assert not list(tmp_path.glob("features-*"))
        assert is_kept(asked, 5, tmp_path)


def test_an_error_leaves_the_writing(asked: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write, told = gram_matrix._write, list[bool]()

    def once_left(*given: Any) -> None:
        told.append(given[4].wait(10))
        write(*given)

    monkeypatch.setattr(gram_matrix, "_write", once_left)
    with pytest.raises(ZeroDivisionError), gram_while_kept(asked, 5, tmp_path, delete_features=True):
        raise ZeroDivisionError
    assert told == [True]
    assert not list(tmp_path.glob("gram-*"))
    assert list(tmp_path.glob("features-*"))


def test_what_earlier_versions_kept_of_the_gram_matrix_is_read(asked: Extraction, tmp_path: Path, monkeypatch):
    """All of it, under another name."""
    first = gram(asked, 5, tmp_path)
    (path,) = tmp_path.glob("gram-*.npz")
    np.savez(path, of=np.load(path)["of"], gram=first + 1)
    monkeypatch.setattr(gram_matrix, "extract", None)
    np.testing.assert_array_equal(gram(asked, 5, tmp_path), first + 1)


def test_a_matrix_read_from_its_triangle_is_the_one_that_was_made(asked: Extraction, tmp_path: Path, monkeypatch):
    """To the last bit, also where what was multiplied is not quite symmetric, and in several blocks."""
    monkeypatch.setattr(gram_matrix, "MIRRORED", 3)
    whole = gram_matrix._mirrored(np.random.default_rng(0).normal(size=(8, 8)))
    whole[4] = whole[:, 4] = np.nan
    np.testing.assert_array_equal(whole, whole.T)
    np.savez(tmp_path / "lower.npz", lower=whole[np.tril_indices(8)])
    np.testing.assert_array_equal(gram_matrix._read_lower(tmp_path / "lower.npz", 8), whole)
    with pytest.raises(ValueError, match="it holds"):
        gram_matrix._read_lower(tmp_path / "lower.npz", 9)
    first = gram(asked, 5, tmp_path)
    np.testing.assert_array_equal(first, first.T)
    np.testing.assert_array_equal(gram(asked, 5, tmp_path), first)


def test_the_gram_matrix_is_kept_and_a_cut_one_is_not_taken(asked: Extraction, tmp_path: Path):
    first = gram(asked, 5, tmp_path)
    (path,) = tmp_path.glob("gram-*")
    for features in tmp_path.glob("features-*"):
        features.unlink()
    np.testing.assert_array_equal(gram(asked, 5, tmp_path), first)
    assert not list(tmp_path.glob("features-*"))
    assert is_kept(asked, 5, tmp_path)
    assert not is_kept(replace(asked, views=10), 5, tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    assert not is_kept(asked, 5, tmp_path)
    np.testing.assert_array_equal(gram(asked, 5, tmp_path), first)
    numbers = path.read_bytes().index(first[-1].tobytes()[:-8])
    damaged = bytearray(path.read_bytes())
    damaged[numbers] ^= 1
    path.write_bytes(damaged)
    assert is_kept(asked, 5, tmp_path)  # only reading all of it can tell
    np.testing.assert_array_equal(gram(asked, 5, tmp_path), first)


def test_memory_is_the_images_squared_and_blocks_whatever_the_features(tmp_path: Path, monkeypatch):
    """60 images of 8,000 and of 32,000 numbers, blocks of 64 KiB: numpy holds the matrix and blocks."""
    monkeypatch.setattr("zfnet.analysis.probing.gram_matrix.PRODUCT_BYTES", 2**16)
    for numbers in (8_000, 32_000):
        features = stored(tmp_path / str(numbers), np.ones((60, numbers), np.float32), 2**16)
        assert max(panel.nbytes for panel in features.panels()) <= 2**16
        tracemalloc.start()
        gram_of(features, progress=False)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * 60**2 + 4 * 2**16 < 60 * numbers * 4 / 6


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path):
    with pytest.raises(ValueError, match=r"ten features take 1048576.0 GiB on disk"):
        check_room(tmp_path, 2**50, "ten features")


def test_images_of_another_side_and_odd_views_are_refused(asked: Extraction, array_source):
    with pytest.raises(ValueError, match="crops of 72 px squares, the images are 80 px"):
        replace(asked, source=array_source(side_px=80))
    with pytest.raises(ValueError, match="views=3, expected 1"):
        replace(asked, views=3)
    with pytest.raises(ValueError, match="batch_size=0, expected 1 or more"):
        replace(asked, batch_size=0)

"""Images a second on one core: torchvision's ImageFolder, our folder loader, and the pack.

scripts/bench load                         photographs made from two that ship with scikit-learn
scripts/bench load --root /data/imagenet   yours: root/train/<wnid>/*.JPEG

Everything ends as a batch in memory: a random 224-pixel crop of a 256-pixel image, flipped or not, normalised in
float32, or (last row) the same crop as the uint8 that a device would receive. Warm: the files are in the page cache.
Cold: they are dropped from it before each pass (the disk or a host below may still cache them). A second table is of
reading ahead: whole squares of the pack into batches in memory, on all cores; SPDL's row where it is installed.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import compare, hardware, table
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from zfnet.data import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    FolderImages,
    ImageSource,
    crop_views,
    torchvision_frame,
    training_views,
)
from zfnet.data.datasets import ImageList, list_folder
from zfnet.data.pack import AHEAD, MOST_THREADS, PackImages, open_pack, read_ahead, write_pack

SIDE_PX, SIZE_PX, BATCH = 256, 224, 64
LARGE_BATCH, PASSES = 256, 8
BUFFERS = [torch.ones(LARGE_BATCH, SIDE_PX, SIDE_PX, 3, dtype=torch.uint8) for _ in range(MOST_THREADS + AHEAD + 2)]


def photographs(root: Path, count: int) -> None:
    """`count` JPEGs of 500 x 375 under root/train/<class>: random pieces of two photographs, some of them mirrored."""
    generator = np.random.default_rng(0)
    for label, photograph in enumerate(load_sample_images().images):
        folder = root / "train" / f"class{label}"
        folder.mkdir(parents=True)
        for index in range(count // 2):
            top, left = generator.integers(photograph.shape[0] - 375), generator.integers(photograph.shape[1] - 500)
            piece = photograph[top : top + 375, left : left + 500]
            if generator.random() < 0.5:
                piece = piece[:, ::-1]
            Image.fromarray(np.ascontiguousarray(piece)).save(folder / f"{index:05d}.JPEG", quality=95)


def some(images: ImageList, count: int) -> ImageList:
    """`count` of the images, evenly spaced."""
    chosen = np.linspace(0, len(images) - 1, min(count, len(images))).astype(np.int64)
    return ImageList([images.paths[index] for index in chosen], images.labels[chosen], images.wnids, images.names)


def batches(count: int) -> Iterator[list[int]]:
    order = np.random.default_rng(1).permutation(count).tolist()
    return (order[first : first + BATCH] for first in range(0, count, BATCH))


def imagefolder(root: Path, paths: list[str]) -> Subset[tuple[torch.Tensor, int]]:
    """torchvision's way, over the same files."""
    steps = transforms.Compose([
        transforms.Resize(SIDE_PX),
        transforms.CenterCrop(SIDE_PX),
        transforms.RandomCrop(SIZE_PX),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
    ])  # fmt: skip
    everything = datasets.ImageFolder(root / "train", steps)
    place = {path: index for index, (path, _) in enumerate(everything.samples)}
    return Subset(everything, [place[path] for path in paths])


def read_imagefolder(dataset: Subset[tuple[torch.Tensor, int]]) -> None:
    for images, _ in DataLoader(dataset, BATCH, shuffle=True):
        assert images.dtype == torch.float32


def read_floats(source: ImageSource) -> None:
    """Ours: squares from the source, then views.py as training uses it."""
    frame = torchvision_frame(SIZE_PX, source.side_px)
    views = training_views("anywhere", len(source), source.side_px, SIZE_PX, seed=0, epoch=0)
    for indices in batches(len(source)):
        images, _ = source.read(indices)
        assert crop_views(images, views[torch.tensor(indices)], frame).dtype == torch.float32


def read_bytes(source: ImageSource) -> None:
    """Crops in uint8, cut out of the squares."""
    views = training_views("anywhere", len(source), source.side_px, SIZE_PX, seed=0, epoch=0)
    for indices in batches(len(source)):
        images, _ = source.read(indices)
        crops = torch.empty(len(indices), SIZE_PX, SIZE_PX, 3, dtype=torch.uint8)
        chosen = views[torch.tensor(indices)]
        for crop, image, row, column in zip(
            crops, images.permute(0, 2, 3, 1), chosen.rows.tolist(), chosen.columns.tolist(), strict=True
        ):
            crop.copy_(image[row : row + SIZE_PX, column : column + SIZE_PX])


def drop_from_cache(paths: list[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)  # pages that are still to be written cannot be dropped
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def measure(root: Path, work: Path, count: int, rounds: int) -> str:
    images = some(list_folder(root, "train"), count)
    write_pack(images, work / "pack", SIDE_PX)
    folder, pack = FolderImages(images, SIDE_PX), open_pack(work / "pack")
    jobs: dict[str, Callable[[], object]] = {
        "torchvision ImageFolder, PIL, to float32": partial(read_imagefolder, imagefolder(root, images.paths)),
        "our folder loader, to float32": partial(read_floats, folder),
        "the pack, to float32": partial(read_floats, pack),
        "the pack, to uint8": partial(read_bytes, pack),
    }
    files = [*images.paths, str(work / "pack" / "pixels.npy")]
    warm = compare(jobs, rounds)
    cold = compare(jobs, rounds, before=partial(drop_from_cache, files))
    rows = [
        [a.name, f"{len(images) / a.median_s:,.0f}", f"{a.times_the_first:.1f}",
         f"{len(images) / b.median_s:,.0f}", f"{b.times_the_first:.1f}"]
        for a, b in zip(warm, cold, strict=True)
    ]  # fmt: skip
    return table(["images/s on one core", "warm", "times ImageFolder", "cold", "times ImageFolder"], rows)


def read_inline(pack: PackImages, parts: list[NDArray[np.int64]]) -> None:
    for part, rows in zip(parts, ring_of_buffers(), strict=False):
        pack.read_into(part.tolist(), rows.numpy()[: len(part)])


def read_by_spdl(pack: PackImages, parts: list[NDArray[np.int64]], threads: int) -> None:
    """The same rows by SPDL's pipeline of threads: a whole batch a thread, in order."""

    def read(job: tuple[NDArray[np.int64], Tensor]) -> Tensor:
        part, rows = job
        pack.read_into(part.tolist(), rows.numpy()[: len(part)])
        return rows

    built = spdl_pipeline().PipelineBuilder().add_source(zip(parts, ring_of_buffers(), strict=False))

    built = built.pipe(read, concurrency=threads, output_order="input").add_sink(1).build(num_threads=threads)
    with built.auto_stop():
        for rows in built:
            assert rows.dtype == torch.uint8


def read_ahead_by(pack: PackImages, parts: list[NDArray[np.int64]], threads: int) -> None:
    buffers = ring_of_buffers()
    for images in read_ahead(pack, parts, threads, lambda shape: next(buffers)[: shape[0]]):
        assert images.dtype == torch.uint8


def spdl_pipeline() -> Any:
    """Its module where it is installed; no dependency, `pip install spdl` brings its rows."""
    try:
        return importlib.import_module("spdl.pipeline")
    except ImportError:
        return None


def ring_of_buffers() -> Iterator[Tensor]:
    """A few blocks in turn, as torch's allocator of pinned memory hands them out on a GPU's machine."""
    return itertools.cycle(BUFFERS)


def measure_ahead(pack: PackImages, rounds: int) -> str:
    """Images a second of whole squares, from the page cache, eight passes over the pack a round."""
    order = np.concatenate([np.random.default_rng(epoch).permutation(len(pack)) for epoch in range(PASSES)])
    parts = [order[first : first + LARGE_BATCH] for first in range(0, len(order), LARGE_BATCH)]
    jobs: dict[str, Callable[[], object]] = {"read inline": partial(read_inline, pack, parts)}
    for threads in (1, 2, MOST_THREADS):
        jobs[f"read ahead, {threads} threads"] = partial(read_ahead_by, pack, parts, threads)
    if spdl_pipeline() is not None:
        for threads in (2, MOST_THREADS):
            jobs[f"SPDL {version('spdl')}, {threads} threads"] = partial(read_by_spdl, pack, parts, threads)
    rows = [
        [one.name, f"{len(order) / one.median_s:,.0f}", f"{one.times_the_first:.2f}"] for one in compare(jobs, rounds)
    ]
    return table([f"images/s of {SIDE_PX} px, batches of {LARGE_BATCH}", "warm", "times inline"], rows)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, help="photographs in ImageNet format (default: made here)")
    parser.add_argument("--images", type=int, default=400, help="how many of them a pass reads (default 400)")
    parser.add_argument("--rounds", type=int, default=7, help="passes of each job that are counted (default 7)")
    parser.add_argument("--work", type=Path, help="an existing folder for the pack, on the disk to be measured")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="bench_load_", dir=given.work) as work:
        root = given.root or Path(work) / "photographs"
        if given.root is None:
            photographs(root, given.images)
        text = measure(root, Path(work), given.images, given.rounds)
        ahead = measure_ahead(open_pack(Path(work) / "pack"), given.rounds)
    print(f"{hardware()}\n\n{text}\n\n{ahead}")


if __name__ == "__main__":
    main()

"""Jobs timed side by side in one process, in turn, so that whatever else the machine does weighs on all of them."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from zfnet.data.pack import layout
from zfnet.training import keep_freed_memory


@dataclass(frozen=True)
class Timing:
    """One job's median, and the median over the rounds of how many times as fast as the first job it was."""

    name: str
    median_s: float
    times_the_first: float


def compare(
    jobs: dict[str, Callable[[], object]], rounds: int, before: Callable[[], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timing]:  # fmt: skip
    """Run every job once a round, in turn (A B C A B C ...), after one round that is not counted.

    before: run ahead of every job and not timed. Ratios are taken within a round, where both saw the same machine.
    clock: time.process_time for jobs of this process alone that take long, which a busy machine disturbs less.
    """
    keep_freed_memory()  # for all jobs alike; without it the system's share of the time is large and uneven
    if rounds < 1:
        raise ValueError(f"{rounds} rounds, expected at least 1")
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, job in jobs.items():
            if before is not None:
                before()
            started_s = clock()
            job()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(clock() - started_s)
    counted = {name: values[1:] for name, values in seconds.items()}
    first = next(iter(counted.values()))
    return [
        Timing(name, statistics.median(values), statistics.median(a / b for a, b in zip(first, values, strict=True)))
        for name, values in counted.items()
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def hardware() -> str:
    """One line that says what the numbers were measured on."""
    cpu = f"{_cpu_model()}, {torch.get_num_threads()} of {os.cpu_count()} cores"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{cpu}{gpu}; torch {torch.__version__}, Python {platform.python_version()}"


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def black_pack(folder: Path, count: int, side_px: int, classes: int) -> None:
    """A pack of `count` black images: a sparse file, which takes no room; the labels are drawn."""
    folder.mkdir()
    with open(folder / layout.PIXELS, "wb") as file:
        file.write(layout.npy_header(count, side_px))
        file.truncate(layout.pixels_bytes(count, side_px))
    np.save(folder / layout.LABELS, np.random.default_rng(0).integers(0, classes, count))
    np.save(folder / layout.PATHS, np.array([f"n/{number:08d}.JPEG".encode() for number in range(count)]))
    np.save(folder / layout.MEAN, np.zeros((3, side_px, side_px), np.float32))
    wnids = [f"n{number:08d}" for number in range(classes)]
    summary = layout.Summary(
        count=count, side_px=side_px, wnids=wnids, names=wnids, fingerprint="drawn", source="drawn", skipped=[]
    )
    (folder / layout.SUMMARY).write_text(summary.text())


def noise_pack(folder: Path, count: int, side_px: int, classes: int) -> None:
    """A pack of random pixels and labels, in the page cache once it is written."""
    black_pack(folder, count, side_px, classes)
    pixels, rng = np.load(folder / layout.PIXELS, mmap_mode="r+"), np.random.default_rng(0)
    for row in pixels:
        row[...] = rng.integers(0, 256, row.shape, np.uint8)

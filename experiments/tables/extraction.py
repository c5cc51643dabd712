"""The features of images, as the jobs of Tables 4 to 7 are asked for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.images import reading_processes
from experiments.common.job import Run
from zfnet.analysis.probing import Extraction, Features, extract
from zfnet.data import ImageSource
from zfnet.network import Network
from zfnet.runs import peak_memory_mib
from zfnet.training import World


def extraction_of(
    network: Network,
    source: ImageSource,
    run: Run,
    *,
    views: int,
    batch_size: int,
    images: NDArray[np.int64] | None = None,
    world: World | None = None,
) -> Extraction:
    """Of the numbered images (n,) of a source, or of all, on the run's hardware; world: the processes that share it."""
    return Extraction(
        network=network, source=source, indices=np.arange(len(source)) if images is None else images, views=views,
        dtype=run.hardware.dtype(run.world.device), batch_size=batch_size, workers=reading_processes(source, run),
        world=world or World(),
    )  # fmt: skip


def stored_features(extraction: Extraction, layer: int | str, folder: Path) -> Features:
    """A layer's features, extracted into the folder where they are not there yet; prints the peak of memory."""
    features = extract(extraction, [layer], folder)[layer]
    if extraction.world.first:
        print(f"layer {layer}: {features.numbers:,} features of {features.images:,} images; {peak_memory()}")
    return features


def peak_memory() -> str:
    """What this process has taken at most so far, in words."""
    on_gpu = gpu_peak_mib()
    return f"peak memory so far {peak_memory_mib():,} MiB" + ("" if on_gpu is None else f", {on_gpu:,} MiB on the GPU")


def gpu_peak_mib() -> int | None:
    """The same of the GPU, in MiB; None where none is used."""
    return round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_initialized() else None

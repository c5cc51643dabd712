"""A network, images and the features of one for the others, as the jobs of Tables 4 to 7 are asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.job import Run, build
from zfnet.analysis.probing import Extraction, extract
from zfnet.data.duplicates import without
from zfnet.data.folder import FolderImages
from zfnet.data.opening import ImageData
from zfnet.data.source import ImageSource
from zfnet.data.subset import Subset
from zfnet.files import path_of
from zfnet.models.build import TORCHVISION
from zfnet.runs import peak_memory_mib
from zfnet.training import Network, open_network


def open_trained(config: DictConfig, run: Run) -> Network:
    """The network of config.checkpoint, on the run's device. Raises ValueError for one without weights."""
    if config.checkpoint is None:
        raise ValueError("no value for checkpoint: give it as checkpoint=...")
    if str(config.checkpoint).startswith(TORCHVISION) and config.weights is None:
        raise ValueError(
            f"checkpoint={config.checkpoint} without weights is an untrained network: give weights=DEFAULT "
            "(torchvision's download) or weights=FILE"
        )
    network = open_network(config.checkpoint, config.weights, config.size_px)
    network.model.to(run.world.device).to(memory_format=run.hardware.memory_format())
    return network


def open_images(data: DictConfig, split: str | None, exclude: str | None) -> ImageSource:
    """The images of a split without those listed in the file `exclude`.

    split: None is all of a data set that has no splits, and train of others.
    """
    given = build(ImageData, data)
    given.prepare()
    source = given.open(split or given.splits[0])
    if exclude is None:
        return source
    if not Path(exclude).is_file():
        raise ValueError(
            f"exclude={exclude}: no such file; expected one path a line, as experiments/duplicates.py writes"
        )
    lines = Path(exclude).read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    listed = [path_of(line.rstrip("\r")) for line in lines if line.strip()]
    print(f"{len(listed)} images are left out, as {exclude} says")
    return without(source, listed)


def reading_processes(source: ImageSource, run: Run) -> int:
    """Workers that read a source, or the source that it is a part of: none where nothing is decoded from files."""
    whole = source
    while isinstance(whole, Subset):
        whole = whole.source
    return run.hardware.reading_processes(isinstance(whole, FolderImages))


def extraction_of(
    config: DictConfig, run: Run, network: Network, source: ImageSource, images: NDArray[np.int64] | None = None
) -> Extraction:
    """Of the numbered images of a source, or all, with the job's views, batch_size and hardware."""
    chosen = np.arange(len(source)) if images is None else images
    dtype = run.hardware.dtype(run.world.device)
    return Extraction(
        network, source, chosen, config.views, dtype, config.batch_size, reading_processes(source, run)
    )  # fmt: skip


def features_of(extraction: Extraction, layer: int | str, folder: Path) -> NDArray[Any]:
    """A layer's features (n, d), extracted into the folder where they are not there yet; tells the peak of memory."""
    features = extract(extraction, [layer], folder)[layer]
    print(f"layer {layer}: {features.numbers:,} features of {features.images:,} images; {peak_memory()}")
    return features.array()


def peak_memory() -> str:
    """What this process has taken at most so far, in words."""
    on_gpu = gpu_peak_mib()
    return f"peak memory so far {peak_memory_mib():,} MiB" + ("" if on_gpu is None else f", {on_gpu:,} MiB on the GPU")


def gpu_peak_mib() -> int | None:
    return round(torch.cuda.max_memory_allocated() / 2**20) if torch.cuda.is_initialized() else None

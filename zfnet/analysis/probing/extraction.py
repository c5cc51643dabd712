"""Feature vectors of many images: one forward pass for all layers that are wanted, kept in files for the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import feature_vectors
from zfnet.analysis.probing.store import Features, Writer, check_room, claimed, found, joined, planned
from zfnet.data import (
    ImageSource,
    InputFrame,
    Subset,
    centre_views,
    crop_views,
    fingerprints,
    ordered_batches,
    ten_views,
)
from zfnet.deconv import Deconvnet
from zfnet.forward import Layer, output_of
from zfnet.models import weights_fingerprint
from zfnet.network import Network
from zfnet.progress import Progress
from zfnet.training import ALONE, World


@dataclass(frozen=True, eq=False)
class Extraction:
    """Whose features of what, and how they are computed; on the device where the network's parameters are.

    indices: which images of the source, in the order of the features' rows.
    views: 1, the central crop, or 10, the mean of the features of the paper's ten.
    dtype: torch.bfloat16 or torch.float16 computes in mixed precision; float16 also keeps the features so, everything
        else in float32 (in float64 where the network is).
    batch_size: images in the network at once, which bounds the memory: 32 of ZFNet at 224 take some 300 MiB.
    world: the processes that share the batches, and must all ask for the same. What they write is what one would.

    Raises ValueError where the images are not as large as the network's frame, views is neither 1 nor 10, or
    batch_size is less than 1.
    """

    network: Network
    source: ImageSource
    indices: NDArray[np.int64]
    views: int = 1
    dtype: torch.dtype | None = None
    batch_size: int = 32
    workers: int = 0
    progress: bool = True
    world: World = ALONE

    def __post_init__(self) -> None:
        if self.views not in (1, 10):
            raise ValueError(
                f"views={self.views}, expected 1 (the centre crop) or 10 (corners, centre and their flips)"
            )
        if self.batch_size < 1:
            raise ValueError(f"batch_size={self.batch_size}, expected 1 or more images")
        if self.network.frame.side_px != self.source.side_px:
            raise ValueError(
                f"the network sees crops of {self.network.frame.side_px} px squares, the images are "
                f"{self.source.side_px} px: give data.side={self.network.frame.side_px}, or pack them at that side"
            )

    @property
    def device(self) -> torch.device:
        """Where the network's parameters are, and the features are computed."""
        return next(self.network.model.parameters()).device

    @cached_property
    def _fingerprint(self) -> dict[str, Any]:
        frame = hashlib.sha256(repr((self.network.frame.side_px, self.network.frame.size_px)).encode())
        for part in (self.network.frame.mean, self.network.frame.scale):
            frame.update(part.cpu().contiguous().numpy().tobytes())
        return {
            "network": hashlib.sha256(repr(self.network.model).encode()).hexdigest()[:16],  # strides, not only weights
            "weights": weights_fingerprint(self.network.model),
            "frame": frame.hexdigest()[:16],
            "views": self.views,
            "dtype": str(self.dtype),
        }

    @cached_property
    def _data(self) -> tuple[str, ...]:
        return fingerprints(Subset(self.source, self.indices))

    def identities(self, layer: int | str) -> list[dict[str, Any]]:
        """What a layer's features depend on: another network, frame, data, order or precision gives another.

        The first is today's; those after it are what earlier versions kept the same features by.
        """
        own = {**self._fingerprint, "output": output_of(self.network.model, layer)}
        return [{**own, "data": data} for data in self._data]

    def identity(self, layer: int | str) -> dict[str, Any]:
        return self.identities(layer)[0]

    def path(self, folder: Path, kind: str, layer: int | str) -> Path:
        """Where what is made of a layer lies in a folder."""
        return self._path(folder, kind, self.identity(layer))

    def kept(self, folder: Path, kind: str, layer: int | str, suffix: str = "") -> tuple[Path, dict[str, Any]]:
        """Where it lies, or would lie, and by what identity: that of an earlier version, where only that is there."""
        places = [(self._path(folder, kind, own), own) for own in self.identities(layer)]
        places = [(path.with_name(path.name + suffix), own) for path, own in places]
        return next((place for place in places if place[0].exists()), places[0])

    def _path(self, folder: Path, kind: str, identity: dict[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
        return folder / f"{kind}-{identity['output']}-{digest}"


def extract(extraction: Extraction, layers: Sequence[Layer], folder: Path) -> dict[Layer, Features]:
    """The features of layers: those that lie in the folder already, the others by one pass that ends at the deepest.

    layers: numbers of Fig. 3 or, in any network, names of modules. Memory: a batch in the network and its features; the
    features themselves are on disk. An interrupted pass leaves nothing.

    Raises ValueError where the disk has no room, or features are not finite.
    """
    missing = [layer for layer, features in _kept(extraction, layers, folder).items() if features is None]
    if missing:
        _compute(extraction, missing, folder)
    return {layer: features for layer, features in _kept(extraction, layers, folder).items() if features is not None}


def _kept(extraction: Extraction, layers: Sequence[Layer], folder: Path) -> dict[Layer, Features | None]:
    return {layer: found(*extraction.kept(folder, "features", layer)) for layer in layers}


def _compute(extraction: Extraction, layers: Sequence[Layer], folder: Path) -> None:
    chosen = Subset(extraction.source, extraction.indices)
    deconvnet, frame = Deconvnet(extraction.network.model), extraction.network.frame.to(extraction.device)
    writers: dict[Layer, Writer] = {}
    world, shown = extraction.world, extraction.progress and extraction.world.first
    with ExitStack() as stack, Progress("features", len(chosen), "image", enabled=shown) as progress:
        for batch in ordered_batches(chosen, extraction.batch_size, world.rank, world.size, workers=extraction.workers):
            squares, readable = batch.images.to(extraction.device), (batch.labels >= 0).numpy()
            vectors = _vectors(deconvnet, squares, frame, layers, extraction)
            rows = {layer: _rows(vector, readable, extraction.dtype) for layer, vector in vectors.items()}
            writers = writers or _writers(extraction, rows, folder, stack)
            for layer, of_layer in rows.items():
                finite = np.isfinite(of_layer).all(1)  # (B,)
                if not finite[readable].all():
                    image = chosen.path(int(batch.indices[readable & ~finite][0]))
                    raise ValueError(
                        f"layer {layer} of {image}: features are not finite in {extraction.dtype or 'full precision'}"
                    )
                writers[layer].write(of_layer, at=int(batch.indices[0]))
            progress.advance(len(batch) * world.size)
        if not writers:
            world.wait()  # for the first to begin the files, as `_writers` does
        if world.first:
            world.wait()  # until the others have closed them
    if not world.first:
        world.wait()
    world.wait()  # the files have their names


def _vectors(
    deconvnet: Deconvnet, squares: Tensor, frame: InputFrame, layers: Sequence[Layer], extraction: Extraction
) -> dict[Layer, Tensor]:
    """The layers' feature vectors (B, n) of squares (B, 3, side, side) uint8, the mean over the views."""
    sizes = frame.side_px, frame.size_px
    table = centre_views(1, *sizes) if extraction.views == 1 else ten_views(*sizes)
    sums: dict[Layer, Tensor] = {}
    for view in range(len(table)):
        crops = crop_views(squares, table[torch.full((len(squares),), view)], frame)  # (B, 3, size, size)
        for layer, vector in feature_vectors(deconvnet, crops, layers, extraction.dtype).items():
            sums[layer] = sums[layer] + vector if layer in sums else vector
    return {layer: total / len(table) for layer, total in sums.items()}


def _rows(vectors: Tensor, readable: NDArray[np.bool_], dtype: torch.dtype | None) -> NDArray[Any]:
    """Feature vectors (B, n) as they are kept; readable (B,): the rows of the other images are NaN."""
    kept = torch.float16 if dtype == torch.float16 else torch.promote_types(vectors.dtype, torch.float32)
    rows = vectors.to(kept).cpu().numpy()
    return np.where(readable[:, None], rows, np.nan).astype(rows.dtype) if not readable.all() else rows


def _writers(
    extraction: Extraction, rows: dict[Layer, NDArray[Any]], folder: Path, stack: ExitStack
) -> dict[Layer, Writer]:
    plans = {
        layer: planned(
            extraction.path(folder, "features", layer),
            images=len(extraction.indices),
            numbers=of_layer.shape[1],
            dtype=of_layer.dtype,
        )
        for layer, of_layer in rows.items()
    }
    of = f"features of {len(extraction.indices):,} images at layers {', '.join(map(str, rows))}"
    check_room(folder, sum(plan.file_bytes for plan in plans.values()), of)
    if not extraction.world.first:
        extraction.world.wait()
        return {layer: Writer(stack.enter_context(joined(plan.path)), plan, None) for layer, plan in plans.items()}
    writers = {
        layer: Writer(stack.enter_context(claimed(plan.path)), plan, extraction.identity(layer))
        for layer, plan in plans.items()
    }
    extraction.world.wait()
    return writers

"""Which images of a data set stand in another: python experiments/duplicates.py data=caltech101 data@reference=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.duplicates:list_duplicates")

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import pick
from experiments.common.images import open_alone, reading_processes
from zfnet.data import BITS, ImageData, ImageSource, find_matches, hash_images
from zfnet.files import one_line, shown, write_text
from zfnet.runs import write_csv

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/duplicates.yaml says of the two sets of images, and of how close a copy is."""

    data: ImageData
    reference: ImageData
    split: str | None
    reference_split: str | None
    distance: int
    kept: str | None


def list_duplicates(config: DictConfig, run: Run) -> None:
    """Write duplicates.csv, every pair that is close, and duplicates.txt, the images to leave out (exclude=...)."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    own = open_alone(settings.data, settings.split)
    others = open_alone(settings.reference, settings.reference_split)
    folder = Path(settings.kept or run.folder / "hashes")
    matches = find_matches(hashes_of(own, folder, run), hashes_of(others, folder, run), settings.distance)
    rows: list[dict[str, Any]] = [
        {"image": own.path(int(first)), "reference": others.path(int(second)), "bits": int(bits)}
        for first, second, bits in zip(matches.first, matches.second, matches.bits, strict=True)
    ]
    paths = list(dict.fromkeys(row["image"] for row in rows))
    write_csv(run.folder / "duplicates.csv", rows)
    write_text(run.folder / "duplicates.txt", "".join(f"{one_line(path)}\n" for path in paths))
    run.note(data=own.fingerprint, reference=others.fingerprint, duplicates=len(paths))
    print(f"{len(paths)} of {len(own)} images are within {settings.distance} of {BITS} bits of one of {len(others)}")
    for row in sorted(rows, key=lambda row: row["bits"])[:SHOWN]:
        print(f"  {row['bits']:3} bits: {shown(row['image'])}  {shown(row['reference'])}")
    print(f"to leave them out: exclude={run.folder / 'duplicates.txt'}  (all pairs: duplicates.csv beside it)")


def hashes_of(source: ImageSource, folder: Path, run: Run) -> NDArray[np.bool_]:
    """The bits (N, 1 + BITS) of each image, as `find_matches` takes them; kept in the folder."""
    return hash_images(source, workers=reading_processes(source, run), folder=folder)

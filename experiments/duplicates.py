"""Which images of a data set stand in another: python experiments/duplicates.py data=caltech101 data@reference=..."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.job import Run, build, start
from zfnet.data.duplicates import BITS, find_matches, hash_images
from zfnet.data.folder import FolderImages
from zfnet.data.opening import ImageData
from zfnet.data.source import ImageSource
from zfnet.files import one_line, shown, write_text
from zfnet.runs import write_csv

SHOWN = 10


def list_duplicates(config: DictConfig, run: Run) -> None:
    """Write duplicates.csv, every pair that is close, and duplicates.txt, the images to leave out (exclude=...)."""
    if not run.world.first:
        return
    sources: list[ImageSource] = []
    hashes: list[NDArray[np.bool_]] = []
    for part, split in ((config.data, config.split), (config.reference, config.reference_split)):
        data = build(ImageData, part)
        data.prepare()
        source = data.open(split or data.splits[0])
        workers = run.hardware.reading_processes(isinstance(source, FolderImages))
        sources.append(source)
        hashes.append(hash_images(source, workers, Path(config.kept or run.folder / "hashes")))
    own, others = sources
    matches = find_matches(hashes[0], hashes[1], config.distance)
    rows: list[dict[str, Any]] = [
        {"image": own.path(int(first)), "reference": others.path(int(second)), "bits": int(bits)}
        for first, second, bits in zip(matches.first, matches.second, matches.bits, strict=True)
    ]
    paths = list(dict.fromkeys(row["image"] for row in rows))
    write_csv(run.folder / "duplicates.csv", rows)
    write_text(run.folder / "duplicates.txt", "".join(f"{one_line(path)}\n" for path in paths))
    run.note(data=own.fingerprint, reference=others.fingerprint, duplicates=len(paths))
    print(f"{len(paths)} of {len(own)} images are within {config.distance} of {BITS} bits of one of {len(others)}")
    for row in sorted(rows, key=lambda row: row["bits"])[:SHOWN]:
        print(f"  {row['bits']:3} bits: {shown(row['image'])}  {shown(row['reference'])}")
    print(f"to leave them out: exclude={run.folder / 'duplicates.txt'}  (all pairs: duplicates.csv beside it)")


if __name__ == "__main__":
    start(list_duplicates, "duplicates")

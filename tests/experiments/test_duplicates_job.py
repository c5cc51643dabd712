"""The duplicates job: a copy is listed, and the list is what `exclude` takes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int) -> Image.Image:
    blobs = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((200, 200), Image.Resampling.BICUBIC)


def test_a_smaller_copy_is_listed(carry_out_here, tmp_path: Path):
    for name, seeds in (("data/train/n1", range(6)), ("reference/train/m1", range(10, 20))):
        (tmp_path / name).mkdir(parents=True)
        for seed in seeds:
            picture(seed).save(tmp_path / name / f"{seed}.png")
    for number in range(2):
        picture(4).resize((90 + number, 90)).save(tmp_path / f"reference/train/m1/copy{number}.jpg", quality=60)
    words = ["data=imagenet_folder", "data.root=data", "data.side=64", "hardware.workers=0", "kept=hashes"]
    words += ["data@reference=imagenet_folder", "reference.root=reference", "reference.side=64"]
    for run in ("one", "two"):  # the second reads the hashes
        code, printed = carry_out_here("duplicates", *words, f"run_dir={run}")
        assert code == 0, printed
        assert "1 of 6 images are within 40 of 256 bits of one of 12" in printed
    assert (tmp_path / "two" / "duplicates.txt").read_text() == "data/train/n1/4.png\n"
    with open(tmp_path / "two" / "duplicates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["reference"]).stem for row in rows] == ["copy0", "copy1"]
    assert len(list((tmp_path / "hashes").iterdir())) == 2

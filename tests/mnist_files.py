"""A few digits in the files that torchvision reads."""

import struct
from pathlib import Path

import numpy as np


def write_idx(root: Path, counts: dict[str, int] | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Files of the IDX format (big-endian sizes after a magic number) where torchvision looks; returns what they hold.

    Digit d is bright in rows 2 d to 2 d + 3 over noise.
    """
    raw, generator, held = root / "MNIST" / "raw", np.random.default_rng(0), {}
    raw.mkdir(parents=True)
    for split, count in (counts or {"train": 40, "t10k": 20}).items():
        labels = (np.arange(count) % 10).astype(np.uint8)
        digits = generator.integers(0, 100, (count, 28, 28), dtype=np.uint8)
        for digit, label in zip(digits, labels, strict=True):
            digit[2 * label : 2 * label + 4] += 150
        (raw / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + digits.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels.tobytes())
        held[split] = digits, labels
    return held

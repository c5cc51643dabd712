"""What lies in a pack's folder, and how much room it takes."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

PIXELS, LABELS, MEAN, PATHS, SUMMARY = "pixels.npy", "labels.npy", "mean.npy", "paths.npy", "pack.json"
JOURNAL = "journal.jsonl"  # only in a pack that is being written
HEADER_BYTES = 128  # of pixels.npy, whatever its number of rows
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Summary:
    """pack.json. Written last: a folder without it holds no pack."""

    count: int
    side_px: int
    wnids: list[str]
    names: list[str]
    fingerprint: str  # of the pixels and labels
    source: str  # ImageList.digest of the files it was made from
    skipped: list[str]  # "path: reason" of each image that could not be read
    format: int = FORMAT

    def text(self) -> str:
        """What stands in the file."""
        return json.dumps(asdict(self), indent=1) + "\n"


def summary_of(content: dict[str, Any]) -> Summary:
    """What pack.json holds as a Summary. Raises ValueError, naming the key, where it is not one."""
    kinds: dict[str, type] = {"count": int, "side_px": int, "fingerprint": str, "source": str, "format": int}
    kinds |= dict.fromkeys(("wnids", "names", "skipped"), list)
    odd = sorted(set(kinds) ^ set(content))
    if odd:
        raise ValueError(f"expected the keys {', '.join(kinds)}; too many or missing: {', '.join(odd[:5])}")
    for name, kind in kinds.items():
        value = content[name]
        texts = value if kind is list and isinstance(value, list) else []
        if type(value) is not kind or not all(isinstance(text, str) for text in texts):
            expected = "a list of texts" if kind is list else f"an {kind.__name__}" if kind is int else "a text"
            raise ValueError(f'"{name}" is {value!r:.60}, expected {expected}')
    if content["count"] < 1 or content["side_px"] < 1 or len(content["wnids"]) != len(content["names"]):
        raise ValueError(
            f"{content['count']} images at {content['side_px']} px of {len(content['wnids'])} classes with "
            f"{len(content['names'])} names"
        )
    return Summary(**content)


def partial_folder(out: Path) -> Path:
    """Where a pack is written until it is whole."""
    return out.with_name(out.name + ".partial")


def row_bytes(side_px: int) -> int:
    """Size of one image, (side, side, 3) uint8."""
    return side_px * side_px * 3


def row_offset(index: int, side_px: int) -> int:
    """Where row `index` of pixels.npy begins, in bytes."""
    return HEADER_BYTES + index * row_bytes(side_px)


def pixels_bytes(count: int, side_px: int) -> int:
    """Size of pixels.npy."""
    return row_offset(count, side_px)


def pack_bytes(count: int, side_px: int) -> int:
    """Size of a pack on the disk: pixels, mean (float32), labels (int64); the paths add some 100 bytes each."""
    return pixels_bytes(count, side_px) + 4 * row_bytes(side_px) + 8 * count


def npy_header(count: int, side_px: int) -> bytes:
    """The .npy header of (count, side, side, 3) uint8."""
    stream = io.BytesIO()
    shape = (count, side_px, side_px, 3)
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    assert stream.tell() == HEADER_BYTES
    return stream.getvalue()


def check_room(folder: Path, needed_bytes: int) -> int:
    """Free bytes on the disk of `folder` (which may not exist yet); ValueError if fewer than needed."""
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise ValueError(
            f"{folder}: the pack needs {gigabytes(needed_bytes)} and its disk has {gigabytes(free)} free; "
            "free some, choose a folder on another disk, or a smaller side (half the side takes a quarter)"
        )
    return free


def allocated_bytes(path: Path) -> int:
    """What a file that may be sparse, or absent, takes on the disk."""
    return path.stat().st_blocks * 512 if path.exists() else 0


def gigabytes(count: int) -> str:
    """So many bytes in words: "252.0 GB", or MB below one."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"

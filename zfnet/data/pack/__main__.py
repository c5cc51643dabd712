"""Do the paper's preprocessing once: shortest side to 256 px and the centre square of every image, in one array file.

Training from the pack decodes nothing. ImageNet takes 262 GB (train 252, val 10) and about 5 ms of one core an image.
Stop it when you like: the same command goes on where it was.

example:
  scripts/pack_imagenet --root /data/imagenet --out /ssd/imagenet256 --workers 16
  scripts/pack_imagenet --root /data/imagenet --out /ssd/imagenet256 --devkit /data/ILSVRC2012_devkit_t12
                        (val/ being the official flat folder ILSVRC2012_val_*.JPEG)
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from zfnet.data import MAX_MEGAPIXELS
from zfnet.data.datasets import ImageList, list_split
from zfnet.data.pack import layout
from zfnet.data.pack.read import PackImages
from zfnet.data.pack.write import write_pack

SPLITS = ("train", "val")


def main() -> None:
    """Pack what the command line asks for."""
    given = _arguments()
    try:
        packs = _pack(given)
    except KeyboardInterrupt:
        sys.exit("stopped; what is done is kept: the same command goes on")
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")
    _tell(given.out, packs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "scripts/pack_imagenet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of {train,val}/<wnid>/*.JPEG")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pack; gets train/ and val/")
    parser.add_argument("--side", type=int, default=256, metavar="PX", help="side of the squares (default 256)")
    parser.add_argument("--split", choices=(*SPLITS, "both"), default="both", help="what to pack (default both)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default one a core)")
    parser.add_argument("--devkit", type=Path, help="the unpacked ILSVRC2012_devkit_t12, where val/ is the flat folder")
    parser.add_argument("--strict", action="store_true", help="stop at an unreadable image instead of skipping it")
    parser.add_argument(
        "--max-megapixels", type=float, default=MAX_MEGAPIXELS, metavar="N",
        help=f"million pixels of an image; larger ones count as unreadable (default {MAX_MEGAPIXELS:g})",
    )  # fmt: skip
    given = parser.parse_args()
    for name in ("side", "workers"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: expected at least 1")
    return given


def _pack(given: argparse.Namespace) -> list[PackImages]:
    """Every split, after a look at whether the disk holds them all."""
    splits = SPLITS if given.split == "both" else (given.split,)
    lists = {split: list_split(given.root, split, given.devkit) for split in splits}
    layout.check_room(given.out, sum(_needed(images, given.out / split, given.side) for split, images in lists.items()))
    return [
        write_pack(
            images,
            given.out / split,
            side_px=given.side,
            workers=given.workers,
            strict=given.strict,
            max_megapixels=given.max_megapixels,
        )
        for split, images in lists.items()
    ]


def _needed(images: ImageList, out: Path, side_px: int) -> int:
    """What packing these images will still add to the disk."""
    if out.exists():
        return 0
    written = layout.allocated_bytes(layout.partial_folder(out) / layout.PIXELS)
    return layout.pack_bytes(len(images), side_px) - written


def _tell(out: Path, packs: list[PackImages]) -> None:
    for pack in packs:
        size = layout.gigabytes(sum(path.stat().st_size for path in pack.folder.iterdir()))
        print(f"{pack.folder}: {size}, {len(pack):,} images, {len(pack.skipped)} skipped, data {pack.fingerprint}")
    print(f"train from it: zfnet train data=imagenet_pack {shlex.quote(f'data.root={out}')}")


if __name__ == "__main__":
    main()

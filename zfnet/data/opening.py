"""Training and validation images from wherever they lie: image folders, a pack, or the parts world."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zfnet.data.devkit import list_split
from zfnet.data.folder import FolderImages
from zfnet.data.imagenet import ImageList
from zfnet.data.pack import open_pack, write_pack
from zfnet.data.parts_world import make_parts_world
from zfnet.data.source import ImageSource

SPLITS = ("train", "val")
DATA_KINDS = ("images", "pack", "parts_world")


@dataclass(frozen=True)
class ImageData:
    """Where labelled images are and how they are prepared.

    kind: "images" is ImageNet format under root; "pack" is what scripts/pack_imagenet wrote; "parts_world" is drawn
    on first use. side: every image's shortest side is brought to it and the centre square kept. pack: a folder to pack
    the images into first (made once). strict: stop at an image that cannot be read instead of skipping it.
    devkit: of ImageNet 2012, where val/ is the flat official folder. The rest is the parts world's.
    """

    root: str
    kind: str = "images"
    side: int = 256
    pack: str | None = None
    strict: bool = False
    devkit: str | None = None
    train_per_class: int = 300
    val_per_class: int = 50
    draw_px: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in DATA_KINDS:
            raise ValueError(f"data.kind={self.kind!r} is not one of {', '.join(DATA_KINDS)}")

    def prepare(self) -> None:
        """Draw and pack what is to be drawn and packed; one process does this before any opens the images."""
        if self.kind == "parts_world":
            make_parts_world(self.root, self.train_per_class, self.val_per_class, self.draw_px, self.seed)
        if self.pack is not None:
            for split in SPLITS:
                write_pack(self._list(split), Path(self.pack) / split, self.side, strict=self.strict)

    def open(self, split: str) -> ImageSource:
        """The images of "train" or "val"."""
        if split not in SPLITS:
            raise ValueError(f"split {split!r} is not one of {', '.join(SPLITS)}")
        packed = self.root if self.kind == "pack" else self.pack
        if packed is not None:
            return open_pack(Path(packed) / split)
        return FolderImages(self._list(split), self.side, self.strict)

    def _list(self, split: str) -> ImageList:
        return list_split(self.root, split, self.devkit)

"""Training and validation images from wherever they lie: folders, a pack, the parts world, torchvision's data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

import numpy as np

from zfnet.data.datasets import (
    LAYOUT_101,
    LAYOUT_256,
    MNIST_LAYOUT,
    VOC_LAYOUT,
    ImageList,
    MnistImages,
    download_mnist,
    download_voc2012,
    list_caltech101,
    list_caltech256,
    list_split,
    list_voc2012,
    no_readable_image,
)
from zfnet.data.decode import BILINEAR, MAX_MEGAPIXELS, check_interpolation, check_max_megapixels
from zfnet.data.folder import FolderImages
from zfnet.data.pack import open_pack, write_pack
from zfnet.data.parts_world import make_parts_world
from zfnet.data.source import UNREADABLE, ImageSource
from zfnet.progress import track

SPLITS = ("train", "val")
CALTECH = {"caltech101": list_caltech101, "caltech256": list_caltech256}
DOWNLOADS: dict[str, tuple[str, str, Callable[[str], object]]] = {  # its name, its layout under root, who fetches it
    "caltech101": ("Caltech-101", LAYOUT_101, partial(list_caltech101, download=True)),
    "caltech256": ("Caltech-256", LAYOUT_256, partial(list_caltech256, download=True)),
    "voc2012": ("PASCAL VOC 2012", VOC_LAYOUT, download_voc2012),
    "mnist": ("MNIST", MNIST_LAYOUT, download_mnist),
}
DATA_KINDS = ("images", "pack", "parts_world", *CALTECH, "voc2012", "mnist")


@dataclass(frozen=True)
class ImageData:
    """Where labelled images are and how they are prepared.

    kind: "images" is ImageNet format under root; "pack" is what scripts/pack_imagenet wrote; "parts_world" is drawn
    on first use; "caltech101", "caltech256", "voc2012" and "mnist" (grey) are torchvision's data sets, downloaded first
    if `download` says so. side: every image's shortest side is brought to it and the centre square kept.
    interpolation: by which filter, "bilinear" or "bicubic"; packs and MNIST are bilinear. pack: a folder to pack the
    images into first (made once). strict: stop at an image that cannot be read instead of skipping it. max_megapixels:
    an image of more million pixels counts as one that cannot be read; it bounds the memory of a hostile file. devkit:
    of ImageNet 2012, where val/ is the flat official folder. The rest is the parts world's.

    Raises ValueError for another kind or filter, a limit that Pillow does not go along with, and a pack of MNIST.
    """

    root: str
    kind: str = "images"
    side: int = 256
    pack: str | None = None
    strict: bool = False
    devkit: str | None = None
    download: bool = False
    max_megapixels: float = MAX_MEGAPIXELS
    train_per_class: int = 300
    val_per_class: int = 50
    draw_px: int = 256
    difficulty: str = "easy"
    seed: int = 0
    interpolation: str = BILINEAR

    def __post_init__(self) -> None:
        if self.kind not in DATA_KINDS:
            raise ValueError(f"data.kind={self.kind!r} is not one of {', '.join(DATA_KINDS)}")
        check_max_megapixels(self.max_megapixels)
        if check_interpolation(self.interpolation) != BILINEAR and (self.pack or self.kind in ("pack", "mnist")):
            raise ValueError(f"data.interpolation={self.interpolation}: packs and MNIST are {BILINEAR}, give pack=null")
        if self.kind == "mnist" and self.pack is not None:
            raise ValueError(f"data.pack={self.pack}: MNIST is read into memory whole and needs no pack, give null")

    @property
    def splits(self) -> tuple[str, ...]:
        """What `open` takes: Caltech's images come in one piece, "all"."""
        return ("all",) if self.kind in CALTECH else SPLITS

    def prepare(self) -> None:
        """Download, draw and pack what is to be; one process does this before any opens the images.

        Raises ValueError for what cannot be downloaded, drawn or packed.
        """
        if self.download:
            self._download()
        if self.kind == "parts_world":
            make_parts_world(
                self.root,
                train_per_class=self.train_per_class,
                val_per_class=self.val_per_class,
                side_px=self.draw_px,
                seed=self.seed,
                difficulty=self.difficulty,
            )
        if self.pack is not None:
            for split in self.splits:
                write_pack(
                    self._list(split), Path(self.pack) / split, self.side,
                    strict=self.strict, max_megapixels=self.max_megapixels,
                )  # fmt: skip

    def open(self, split: str) -> ImageSource:
        """The images of one of `splits`.

        Raises ValueError for another split, and where the images are not there or not as they should be.
        """
        if split not in self.splits:
            raise ValueError(f"split {split!r} is not one of {', '.join(self.splits)}")
        packed = self.root if self.kind == "pack" else self.pack
        if packed is not None:
            return open_pack(Path(packed) / split)
        if self.kind == "mnist":
            return MnistImages(self.root, split, self.side)
        return FolderImages(
            self._list(split), self.side,
            strict=self.strict, max_megapixels=self.max_megapixels, interpolation=self.interpolation,
        )  # fmt: skip

    def _download(self) -> None:
        if self.kind not in DOWNLOADS:
            raise ValueError(f"data.download=true: nobody offers data.kind={self.kind} for download")
        name, layout, download = DOWNLOADS[self.kind]
        try:
            download(self.root)
        except (OSError, RuntimeError, HTTPException) as error:
            why = " ".join(str(error).split())
            raise ValueError(
                f"data.download=true: {name} could not be downloaded into {self.root} ({why}): "
                "fetch it elsewhere and give the folder as data.root=FOLDER, with data.download=false; "
                f"expected in it: {layout.removeprefix('root/')}"
            ) from error

    def _list(self, split: str) -> ImageList:
        if self.kind in CALTECH:
            return CALTECH[self.kind](self.root)
        if self.kind == "voc2012":
            return list_voc2012(self.root, split).images
        return list_split(self.root, split, self.devkit)


def check_classes(source: ImageSource) -> None:
    """Raise ValueError for a class none of whose images can be read, as packing does.

    Reads images of each class until one can be: one image a class where all is well.
    """
    by_class = np.argsort(source.labels, kind="stable")
    ends = np.searchsorted(source.labels[by_class], np.arange(len(source.wnids) + 1))
    lost = []
    for label in track(range(len(source.wnids)), "a readable image of each class", unit="class"):
        images = by_class[ends[label] : ends[label + 1]].tolist()
        if images and all(source.read([image])[1][0] == UNREADABLE for image in images):
            lost.append(label)
    if lost:
        raise no_readable_image(source.path(int(by_class[ends[lost[0]]])), source.wnids[lost[0]], lost)

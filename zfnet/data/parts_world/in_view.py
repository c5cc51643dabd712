"""Images whose parts are known, with the boxes where the network sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from zfnet.data import InputFrame, box_in_view, centre_views, crop_views, read_rgb, square
from zfnet.data.parts_world.annotations import Box, Decoy, ImageParts, Part, PartsFile


@dataclass(frozen=True)
class SeenParts:
    """One image as the network sees it, (3, H, W); its parts and the whole object in its pixels, or beyond its rim.

    pixels: the same view as it lies in the file, (3, H, W) uint8.
    """

    path: str
    image: Tensor
    pixels: Tensor
    parts: dict[str, Box]
    object: Box
    decoys: tuple[Decoy, ...] = ()


def wnids_of(content: PartsFile, words: Sequence[str] | None) -> list[str]:
    """Folder names of the classes meant by readable or folder names; None: all. ValueError for unknown ones."""
    wnids = sorted({image.wnid for image in content.images})
    if words is None:
        return wnids
    by_word = {**{content.names.get(wnid, wnid): wnid for wnid in wnids}, **{wnid: wnid for wnid in wnids}}
    for word in words:
        if word not in by_word:
            raise ValueError(f"class {word!r} is not one of {', '.join(content.names.get(w, w) for w in wnids)}")
    return [by_word[word] for word in words]


def images_with(content: PartsFile, split: str | None, wnid: str, parts: Sequence[str]) -> list[ImageParts]:
    """The images of a class, below the folder `split` (None: anywhere), in which all the parts are listed."""
    return [
        image
        for image in content.images
        if image.wnid == wnid
        and (split is None or image.path.startswith(f"{split}/"))
        and set(parts) <= {part.name for part in image.parts}
    ]


def seen(root: str | Path, images: Sequence[ImageParts], frame: InputFrame) -> Iterator[SeenParts]:
    """Read the images one by one, each as a SeenParts. Raises ValueError where one cannot be read."""
    view, margin = centre_views(1, frame.side_px, frame.size_px), (frame.side_px - frame.size_px) // 2
    inner, frame = slice(margin, margin + frame.size_px), frame.to("cpu")  # where pictures are decoded
    for image in images:
        picture = read_rgb(str(Path(root) / image.path))
        pixels = torch.from_numpy(square(picture, frame.side_px, frame.interpolation).copy()).permute(2, 0, 1)[None]
        to_view = (*picture.size, frame.side_px, frame.size_px)
        parts = {part.name: box_in_view(part.box, *to_view) for part in image.parts}
        yield SeenParts(
            path=image.path,
            image=crop_views(pixels, view, frame)[0],
            pixels=pixels[0, :, inner, inner],
            parts=parts,
            object=box_in_view(image.object, *to_view),
            decoys=tuple(replace(one, box=box_in_view(one.box, *to_view)) for one in image.decoys),
        )


@dataclass(frozen=True)
class InView:
    """An image of which the object is seen, at least in part; the boxes end where the view does."""

    seen: SeenParts
    object: Box
    parts: list[Part]
    decoys: list[Decoy]


def parts_in_view(root: str | Path, images: Sequence[ImageParts], frame: InputFrame) -> Iterator[InView]:
    """Read the images one by one and leave out objects, parts and decoys that lie beyond the view.

    Raises ValueError where an image cannot be read.
    """
    for image, view in zip(images, seen(root, images, frame), strict=True):
        whole = _cut_off(view.object, frame.size_px)
        boxes = [(part, _cut_off(view.parts[part.name], frame.size_px)) for part in image.parts]
        if whole is not None:
            parts = [Part(part.name, box, part.deciding) for part, box in boxes if box is not None]
            loose = [(one, _cut_off(one.box, frame.size_px)) for one in view.decoys]
            decoys = [replace(one, box=box) for one, box in loose if box is not None]
            yield InView(seen=view, object=whole, parts=parts, decoys=decoys)


def _cut_off(box: Box, size_px: int) -> Box | None:
    left, top, right, bottom = (min(max(edge, 0), size_px) for edge in box)
    return (left, top, right, bottom) if left < right and top < bottom else None

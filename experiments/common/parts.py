"""Images whose parts are known, with the boxes where the network sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zfnet.data.boxes import box_in_view
from zfnet.data.decode import read_rgb, square
from zfnet.data.parts_world import Box, ImageParts, PartsFile
from zfnet.data.views import InputFrame, centre_views, cut


@dataclass(frozen=True)
class SeenParts:
    """One image as the network sees it, (3, H, W); its parts and the whole object in its pixels, or beyond its rim."""

    path: str
    image: Tensor
    parts: dict[str, Box]
    object: Box


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
    """Read the images one by one. Raises ValueError where one cannot be read."""
    view = centre_views(1, frame.side_px, frame.size_px)
    for image in images:
        picture = read_rgb(str(Path(root) / image.path))
        pixels = torch.from_numpy(square(picture, frame.side_px).copy()).permute(2, 0, 1)[None]
        to_view = (*picture.size, frame.side_px, frame.size_px)
        parts = {part.name: box_in_view(part.box, *to_view) for part in image.parts}
        yield SeenParts(image.path, cut(pixels, view, frame)[0], parts, box_in_view(image.object, *to_view))

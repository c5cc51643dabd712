"""Figures as pictures within a page: no larger than they are read."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, features


@dataclass(frozen=True, kw_only=True)
class Inlined:
    """A picture as an address that holds it, and its size, so that the page does not jump."""

    address: str
    width: int
    height: int


def inline(path: Path, most_px: int) -> Inlined:
    """A picture file, its width brought down to most_px; the smaller of WebP, where Pillow has it, and PNG."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.width > most_px:
        picture = picture.resize((most_px, round(picture.height * most_px / picture.width)), Image.Resampling.LANCZOS)
    kinds = {"png": {"optimize": True}} | ({"webp": {"quality": 88, "method": 4}} if features.check("webp") else {})
    made = {}
    for kind, how in kinds.items():
        buffer = io.BytesIO()
        picture.save(buffer, kind, **how)
        made[kind] = buffer.getvalue()
    kind = min(made, key=lambda one: len(made[one]))
    text = base64.b64encode(made[kind]).decode("ascii")
    return Inlined(address=f"data:image/{kind};base64,{text}", width=picture.width, height=picture.height)

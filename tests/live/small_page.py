"""A small page for tests: two networks with random weights, two examples, and a server in a thread."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from live_tab import served_app
from PIL import Image

from zfnet import build_model
from zfnet.data import InputFrame
from zfnet.live import Lens, Page, Pictures, live_application
from zfnet.network import Network

SIDE_PX, INPUT_PX = 72, 64
NAMES = ("red", "green", "blue", "cat", "owl")


def network(seed: int, name: str = "zfnet", input_px: int = INPUT_PX) -> Network:
    arguments = {"name": name, "num_classes": len(NAMES), "width": 0.05, "input_px": input_px}
    torch.manual_seed(seed)
    frame = InputFrame(input_px + 8, input_px, torch.tensor([110.0, 120, 130]).reshape(3, 1, 1), torch.ones(3, 1, 1))
    return Network(build_model(**arguments).eval(), frame, (), NAMES, arguments)


def lens(seed: int = 0, number: int = 0, **given: object) -> Lens:
    return Lens(
        network(seed, **given), number=number, source=f"net{number}.pt", weights=None, title=f"network {number}"
    )  # type: ignore[arg-type]


def page(examples: list[Path] | None = None, **given: object) -> Page:
    """Two networks whose frames differ."""
    lenses = [lens(0), lens(1, 1, input_px=80)]
    pictures = Pictures([one.network.frame for one in lenses])
    return Page(lenses=lenses, pictures=pictures, examples=examples or [], **given)  # type: ignore[arg-type]


def image_file(seed: int, size: tuple[int, int] = (90, 120), kind: str = "PNG") -> bytes:
    """The bytes of an image of soft colours."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC).save(file, format=kind)
    return file.getvalue()


@contextmanager
def served(shown: Page, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a page that a thread serves."""
    with served_app(live_application(shown, host), host) as address:
        yield address

"""A page from networks: what they hold, drawn and ready to be served."""

from __future__ import annotations

from starlette.applications import Starlette

from zfnet.live.lens import Lens
from zfnet.live.page import Page
from zfnet.live.server import LOOPBACK, application
from zfnet.pages.atlas import LayerAbout
from zfnet.pages.live import front_page


def live_application(page: Page, host: str = LOOPBACK[0]) -> Starlette:
    """The page as an application, each network's layers as its menu."""
    html = front_page(
        [lens.title for lens in page.lenses], [abouts(lens) for lens in page.lenses],
        [lens.size_px for lens in page.lenses],
    )  # fmt: skip
    return application(page, html, host)


def abouts(lens: Lens) -> list[LayerAbout]:
    """A lens' layers as the drawing of a network takes them."""
    return [
        LayerAbout(
            number=number, name=one.name, kind=one.kind, shape=one.shape, parameters=one.parameters,
            field_px=None if one.field is None else one.field.size_px,
            step_px=None if one.field is None else one.field.step_px,
            start_px=None if one.field is None else one.field.offset_px,
            tile=(1, 1), places=0, rules=(), wires="", scores=one.scores,
        )
        for number, one in enumerate(lens.layers.values())
    ]  # fmt: skip

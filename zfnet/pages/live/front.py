"""The live page's HTML: the networks as pictures whose blocks are the menu."""

from __future__ import annotations

from collections.abc import Sequence

from zfnet.pages import environment
from zfnet.pages.atlas import LayerAbout, draw_network

PACKAGE = "zfnet.pages.live"


def front_page(titles: Sequence[str], layers: Sequence[Sequence[LayerAbout]], sizes_px: Sequence[int]) -> str:
    """titles, layers, sizes_px: of each network, one or two."""
    networks = [
        {"title": title, "picture": draw_network(own, size)}
        for title, own, size in zip(titles, layers, sizes_px, strict=True)
    ]
    return environment(PACKAGE).get_template("index.html").render(networks=networks)

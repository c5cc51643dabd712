"""A layer of 4,096 maps and a thousand classes: the front page is small at first, and the tiles scroll smoothly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from atlas_visit import Visit
from chromium import needs_chromium, open_browser

from zfnet.pages.atlas import Front, LayerAbout, LayerNumbers, LayerPictures, Site, strip_of, write_tiles

pytestmark = needs_chromium
MAPS, CLASSES, TILE = 4096, 1000, (24, 24)
FIRST_BYTES = 1_000_000
SLOW_MS = 150  # of a frame, on a machine that does other things meanwhile
FRAMES = """
new Promise((resolve) => {
  const times = [];
  let last = null, left = 90;
  const step = (now) => {
    if (last !== null) times.push(now - last);
    last = now;
    scrollBy(0, 120);
    if (left-- > 0) requestAnimationFrame(step); else resolve(times);
  };
  requestAnimationFrame(step);
})
"""


def about() -> LayerAbout:
    return LayerAbout(
        number=0, name="conv5", kind="Conv2d", shape=(MAPS, 13, 13), parameters=10**6, field_px=TILE, step_px=(2, 2),
        start_px=(-3, -3), tile=TILE, places=1, rules=(), wires="it reads the pixels", scores=False,
    )  # fmt: skip


def numbers(generator: np.random.Generator) -> LayerNumbers:
    def none(*shape: int) -> np.ndarray:
        return np.full((MAPS, *shape), -1)

    value = generator.uniform(1, 9, (MAPS, 1))
    return LayerNumbers(
        value=value, image=np.zeros((MAPS, 1), int), row=np.zeros((MAPS, 1), int), column=np.zeros((MAPS, 1), int),
        label=generator.integers(0, CLASSES, MAPS), corner=np.zeros((MAPS, 1, 2), int), focus=none(1, 2),
        answered=generator.uniform(0, 1, MAPS), low=np.zeros(MAPS), high=value[:, 0],
        histogram=generator.integers(0, 99, (MAPS, 32)), selectivity=generator.uniform(0, 1, MAPS),
        favourite=generator.integers(0, CLASSES, MAPS), best=generator.integers(0, CLASSES, (MAPS, 5)),
        precision=generator.uniform(0, 1, (MAPS, 5)), strongest=np.array(100), share_class=none(4),
        share=np.zeros((MAPS, 4)), order=generator.permutation(MAPS), neighbour=none(8),
        correlation=np.zeros((MAPS, 8)),
        below=none(11, 2), given=np.zeros((MAPS, 11)), given_share=np.zeros((MAPS, 11)), total=np.zeros(MAPS),
        bias=np.zeros(MAPS), above=none(8, 2), above_share=np.zeros((MAPS, 8)), part=none(3),
        part_count=np.zeros((MAPS, 3), int), part_names=np.array([""]), name=np.array([], np.str_),
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only the layer's page is whole: its maps have no pictures of their own."""
    generator = np.random.default_rng(0)
    made = Site(tmp_path_factory.mktemp("many") / "atlas")
    tiles = generator.integers(0, 255, (MAPS, 1, *TILE, 3), dtype=np.uint8)
    pictures = LayerPictures(projection=tiles, patch=None, rules={}, there=np.ones((MAPS, 1), bool))
    for first in range(0, MAPS, 64):
        write_tiles(made.partial / "pictures", about(), pictures, range(first, first + 64))
    told = numbers(generator)
    made.layer(about(), told)
    made.data("images", {"0": [0, "a.jpg"]})
    listed = [[0, number, 0.5] for number in range(24)]
    made.data("search", {"classes": dict.fromkeys(range(CLASSES), listed), "firsts": {}, "parts": {}})
    made.data("strips", {"layers": [strip_of(told, scores=False)], "parts": [], "example": None})
    front = Front(
        title="many", data="data", images=50_000, size_px=224, rule="deconvnet", top=1, photographs=False,
        classes=[f"a class whose name is long, number {number}" for number in range(CLASSES)],
        class_images=[50] * CLASSES,
    )  # fmt: skip
    made.front(front, [about()], [pictures])
    made.commit()
    return made.folder


@pytest.fixture
def visit(site: Path) -> Iterator[Visit]:
    with open_browser() as browser:
        one = Visit(browser, site, viewport={"width": 1200, "height": 900})
        yield one
        one.page.close()
    assert not one.wrong


def size_of(asked: list[str], site: Path) -> int:
    names = {
        url.removeprefix(site.as_uri()).split("#")[0].lstrip("/") for url in asked if url.startswith(site.as_uri())
    }
    return sum((site / name).stat().st_size for name in names)


def test_the_front_page_is_painted_after_less_than_a_megabyte(visit: Visit):
    """All that was asked for when the page is shown: no layer's numbers, no search, the sheets that are in view."""
    visit.page.add_init_script("window.painted = () => performance.getEntriesByType('paint').map((one) => one.name)")
    page = visit.open()
    page.wait_for_selector(".strip .maplink")
    page.wait_for_timeout(300)
    asked = size_of(visit.asked, visit.site)
    assert "first-contentful-paint" in page.evaluate("painted()")
    assert 10_000 < asked < FIRST_BYTES, asked


def test_thousands_of_tiles_scroll_smoothly(visit: Visit):
    page = visit.open("#conv5")
    assert page.locator("#grid .tile").count() == MAPS
    times = np.array(page.evaluate(FRAMES))
    assert page.evaluate("scrollY") > 8_000
    assert np.median(times) < SLOW_MS, times
    assert np.percentile(times, 95) < 2 * SLOW_MS, times
    loaded = page.evaluate(
        "[...document.querySelectorAll('#grid .cell')].filter((cell) => cell.style.backgroundImage).length"
    )
    assert 100 < loaded < MAPS  # those that came into view, and no others


def test_sorting_thousands_of_tiles_takes_no_while(visit: Visit):
    page = visit.open("#conv5")
    took: Any = page.evaluate(
        "(() => { const start = performance.now(), select = document.querySelector('select[name=sort]'); "
        "select.value = 'strength'; select.dispatchEvent(new Event('change')); return performance.now() - start; })()"
    )
    assert took < 1500

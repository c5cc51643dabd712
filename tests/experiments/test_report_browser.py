"""The report in a real browser, opened from a file: at a desk, on a telephone, in the dark and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import needs_chromium

pytestmark = needs_chromium


@pytest.fixture
def opened(browser: Any, report_run: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A tab with the report, of which nothing goes wrong and which asks for nothing but the file."""
    page = browser.new_page(**getattr(request, "param", {"viewport": {"width": 1280, "height": 900}}))
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith(("data:", address)) else wrong.append(one.url))
    address = (report_run / "report.html").as_uri()
    page.goto(address)
    yield page
    page.close()
    assert not wrong


def test_every_picture_is_seen_and_the_style_is_applied(opened: Any):
    images = opened.evaluate("[...document.images].map((one) => [one.complete, one.naturalWidth, one.alt])")
    assert images
    assert all(complete and width and alt for complete, width, alt in images)
    assert opened.evaluate("getComputedStyle(document.querySelector('.claims')).listStyleType") == "none"
    assert opened.locator("svg .interval").count() == opened.locator("svg .value").count() > 5


def test_links_lead_to_places_on_the_page(opened: Any):
    targets = opened.evaluate("[...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert len(targets) > 5
    assert all(target.startswith("#") and opened.locator(target).count() == 1 for target in targets)


@pytest.mark.parametrize(
    "opened", [{"viewport": {"width": 375, "height": 700}, "color_scheme": "dark", "has_touch": True}], indirect=True
)
def test_a_telephone_is_wide_enough(opened: Any):
    assert opened.evaluate("document.documentElement.scrollWidth") <= 375
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


@pytest.mark.parametrize("opened", [{"viewport": {"width": 720, "height": 900}, "color_scheme": "dark"}], indirect=True)
def test_paper_is_white_and_cuts_nothing_off(opened: Any):
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not opened.locator("nav").is_visible()
    assert opened.evaluate(
        "[...document.querySelectorAll('.scroll')].every((one) => getComputedStyle(one).overflowX === 'visible')"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_anyone_out(browser: Any, report_run: Path, scheme: str):
    """axe-core's rules: contrast, alternatives of pictures, order of headings, landmarks."""
    axe = pytest.importorskip("axe_playwright_python", reason="skipped: axe-playwright-python is not installed")
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page.goto((report_run / "report.html").as_uri())
    page.add_script_tag(path=str(Path(axe.__file__).parent / "axe.min.js"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})")
    faults = [
        f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]
    page.close()
    assert not faults

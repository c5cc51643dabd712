"""The system's chromium, driven by playwright, for tests that look at pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="skipped: there is no chromium to open pages with")


@contextmanager
def open_browser(*flags: str) -> Iterator[Any]:
    """Skips the test where playwright is not installed."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="skipped: playwright is not installed (the extra dev)"
    )
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])
        yield opened
        opened.close()

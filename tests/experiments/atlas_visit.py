"""A visitor of an atlas: the system's chromium, driven by playwright, that notes whatever goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

WAIT_MS, STEP_MS = 8000, 25


class Visit:
    """A tab, and what went wrong in it: messages of the console, errors, requests that failed or left the folder."""

    def __init__(self, browser: Any, site: Path, **look: Any) -> None:
        self.page, self.site = browser.new_page(**look), site
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("requestfailed", self.note_failed)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.set_default_timeout(WAIT_MS)

    def note_failed(self, request: Any) -> None:
        """Unless the page was left before a picture had come."""
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"failed: {request.url}: {request.failure}")

    def open(self, hash: str = "") -> Any:
        """The page at an address, opened afresh, as by a link from elsewhere."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.site.as_uri()}/index.html{hash}")
        self.shown(hash)
        return self.page

    def shown(self, hash: str) -> None:
        """Wait until the page of an address is shown."""
        name = json.dumps(hash.lstrip("#") or "front")
        self.holds(f"document.body.dataset.shown === {name}")

    def holds(self, condition: str) -> None:
        """Wait until it does; playwright's wait_for_function evaluates text in the page, which its policy forbids."""
        for _ in range(WAIT_MS // STEP_MS):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(STEP_MS)
        raise AssertionError(f"after {WAIT_MS} ms still not: {condition}")

    def scroll(self) -> None:
        """To the end, step by step, until every picture that came into view is loaded."""
        height = self.page.evaluate("document.documentElement.scrollHeight")
        for top in range(0, height, 500):
            self.page.evaluate(f"scrollTo(0, {top})")
            self.page.wait_for_timeout(60)
        self.holds("[...document.images].every((image) => image.complete || image.loading === 'lazy')")


def faults_of(visit: Visit) -> list[str]:
    """What axe-core finds on the page that is shown: names of controls, contrast, alternatives, headings, landmarks."""
    axe = pytest.importorskip("axe_playwright_python", reason="skipped: axe-playwright-python is not installed")
    visit.page.add_script_tag(path=str(Path(axe.__file__).parent / "axe.min.js"))
    tags = json.dumps(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"])
    found = visit.page.evaluate(f"axe.run(document, {{runOnly: {tags}}})")
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]

"""A tab with the live page: the system's chromium, driven by playwright, that notes whatever goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from chromium import open_browser

WAIT_MS, STEP_MS = 30_000, 25  # on a machine that does much else


def open_live_browser() -> AbstractContextManager[Any]:
    """With a camera that shows a test picture."""
    return open_browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@contextmanager
def served_app(app: Any, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of an application that a thread serves."""
    from zfnet.live import bound, server_of  # here, for tests that skip where the extra is not installed

    listening = bound(host, 0)
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive(), "the server did not end"


class Tab:
    """A tab, and what went wrong in it: messages of the console, errors, requests that failed or went elsewhere."""

    def __init__(self, browser: Any, address: str, **look: Any) -> None:
        self.context = browser.new_context(permissions=["camera"], **look)
        self.page, self.address = self.context.new_page(), address
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.note(request.url))
        self.page.on("websocket", lambda socket: self.wrong.append(socket.url))
        self.page.set_default_timeout(WAIT_MS)
        self.page.goto(address)
        self.holds("document.body.dataset.ready === 'yes'")

    def note(self, url: str) -> None:
        if not url.startswith((f"{self.address}/", "data:", "blob:")):
            self.wrong.append(f"asked elsewhere: {url}")

    def holds(self, condition: str) -> None:
        """Wait until it does, and no question is under way."""
        quiet = "Number(document.body.dataset.busy || 0) === 0"
        for _ in range(WAIT_MS // STEP_MS):
            if self.page.evaluate(f"Boolean({condition}) && {quiet}"):
                return
            self.page.wait_for_timeout(STEP_MS)
        raise AssertionError(f"after {WAIT_MS} ms still not: {condition}")

    def after(self, part: str, act: Any) -> None:
        """Do something, and wait until a part of the page shows its new answer."""
        before = self.page.evaluate(f"document.getElementById('{part}').dataset.done || ''")
        act()
        self.holds(f"(document.getElementById('{part}').dataset.done || '') !== '{before}'")

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.text_content())

    def close(self) -> None:
        self.context.close()
        assert not self.wrong

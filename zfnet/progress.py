"""Progress with rate and time left: a live bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

PLAIN_LINE_EVERY_S = 10.0
Told = Callable[[int, int | None], None]


class Progress:
    """A count that moves towards a total, drawn live on a terminal and as plain lines where there is none.

    with Progress("packing", total=100, unit="image") as progress:
        progress.advance(3, loss="2.31")

    What is passed by name is shown at the end of the line. Nothing is drawn with enabled=False. enabled may be a
    function of the count and the total, which is called in place of drawing.
    """

    def __init__(
        self, title: str, total: int | None, unit: str = "it", *, initial: int = 0,
        enabled: bool | Told = True,
    ) -> None:  # fmt: skip
        self.title, self.total, self.unit, self.count = title, total, unit, initial
        self._initial, self._started_s = initial, time.monotonic()
        self._next_line_s = self._started_s + PLAIN_LINE_EVERY_S
        self._told = None if isinstance(enabled, bool) else enabled
        drawn = enabled is True
        self._plain = drawn and not sys.stderr.isatty()
        self._printed = False
        self._shown: dict[str, object] = {}
        self._bar: tqdm[object] = tqdm(
            desc=title, total=total, initial=initial, unit=unit, disable=self._plain or not drawn,
            dynamic_ncols=True, leave=False,
        )  # fmt: skip

    def advance(self, amount: int = 1, **shown: object) -> None:
        """Count `amount` more and show the named values beside the count until others are given."""
        self.count += amount
        if shown:
            self._shown = shown
            self._bar.set_postfix({name: str(value) for name, value in shown.items()}, refresh=False)
        self._bar.update(amount)
        if self._told is not None:
            self._told(self.count, self.total)
        if self._plain and time.monotonic() >= self._next_line_s:
            self._next_line_s = time.monotonic() + PLAIN_LINE_EVERY_S
            self._line()

    def _line(self) -> None:
        self._printed = True
        wall_s = time.monotonic() - self._started_s
        rate = (self.count - self._initial) / max(wall_s, 1e-9)
        of_total = f"/{self.total}" if self.total is not None else ""
        left = f", {(self.total - self.count) / rate:.0f} s left" if self.total is not None and rate > 0 else ""
        values = "".join(f", {name} {value}" for name, value in self._shown.items())
        print(
            f"{self.title}: {self.count}{of_total} {self.unit}, {rate:.1f}/s{left}{values}", file=sys.stderr, flush=True
        )

    def close(self) -> None:
        """Take the bar away; where plain lines were printed, a last one says how far it came."""
        self._bar.close()
        if self._printed:
            self._line()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def track(
    items: Iterable[T], title: str, total: int | None = None, unit: str = "it", *, enabled: bool = True
) -> Iterator[T]:
    """Yield the items while showing how many have gone by, the rate and the time left."""
    if total is None:
        length = getattr(items, "__len__", None)
        total = length() if length is not None else None
    with Progress(title, total, unit, enabled=enabled) as progress:
        for item in items:
            yield item
            progress.advance()

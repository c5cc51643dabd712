"""The journal of a pack that is being written: which chunks are finished, and for which list of images."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from zfnet.data.pack import layout
from zfnet.data.pack.chunk import CHUNK_IMAGES, Entry
from zfnet.files import naming

LOCK_WAIT_S = 5.0  # the workers of a killed run hold its lock until they notice


class Journal:
    """One JSON line about the list of images, then one for each finished chunk; also the lock on the folder.

    with Journal(partial, source=digest, side_px=256, count=1000) as journal: journal.done is {chunk: Entry}.
    earlier: the digest of the same list that an earlier version may have begun it with. source: which of the two it
    has. Raises ValueError if another process is writing there, or if the journal was begun for other images or another
    side.
    """

    def __init__(self, partial: Path, source: str, side_px: int, count: int, earlier: str | None = None) -> None:
        self.path, self.source, self._earlier = partial / layout.JOURNAL, source, earlier
        self.done: dict[int, Entry] = {}
        self._file = open(self.path, "a+b")  # noqa: SIM115 (closed in __exit__)
        try:
            self._lock()
            self._load(
                {"format": layout.FORMAT, "source": source, "side_px": side_px, "count": count, "chunk": CHUNK_IMAGES}
            )
        except BaseException:
            self._file.close()
            raise

    def add(self, entry: Entry) -> None:
        """Note a finished chunk. No fsync: after a loss of power the chunk's hash tells what the disk has."""
        if self.done.get(entry.chunk) != entry:
            self._append(asdict(entry))
            self.done[entry.chunk] = entry

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _lock(self) -> None:
        give_up_s = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > give_up_s:
                    raise ValueError(
                        f"{self.path.parent}: another process is writing this pack; wait for it, or stop it first"
                    ) from None
                time.sleep(0.1)

    def _load(self, head: dict[str, object]) -> None:
        lines = self._whole_lines()
        if not lines:
            self._append(head)
            return
        begun, *entries = lines
        if begun == {**head, "source": self._earlier}:
            self.source = str(self._earlier)
        elif begun != head:
            raise ValueError(
                f"{self.path.parent}: begun for other images (list {begun['source']}, {begun['count']} images, "
                f"side {begun['side_px']}) than now asked for (list {head['source']}, {head['count']} images, "
                f"side {head['side_px']}); delete that folder to begin anew, or choose another one"
            )
        for entry in entries:
            skipped = {int(index): reason for index, reason in entry["skipped"].items()}
            self.done[entry["chunk"]] = Entry(entry["chunk"], entry["sha256"], skipped)

    def _whole_lines(self) -> list[dict[str, Any]]:
        """The lines up to one that a kill cut short or a loss of power left as zeros; what follows is dropped.

        So is what follows a line that says something else than a journal's.
        """
        self._file.seek(0)
        lines: list[dict[str, Any]] = []
        size = 0
        for line in self._file.read().splitlines(keepends=True):
            try:
                content = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n") or (lines and not _is_of_a_chunk(content)):
                break
            if not lines and not (isinstance(content, dict) and {"source", "side_px", "count"} <= set(content)):
                raise ValueError(f"{self.path}: not a journal of a pack; delete {self.path.parent} to begin anew")
            lines.append(content)
            size += len(line)
        self._file.truncate(size)
        return lines

    def _append(self, line: dict[str, object]) -> None:
        with naming(self.path):
            os.write(self._file.fileno(), json.dumps(line).encode() + b"\n")  # opened to append: one write, one line


def _is_of_a_chunk(line: Any) -> bool:
    skipped = line.get("skipped") if isinstance(line, dict) else None
    return (
        isinstance(skipped, dict)
        and isinstance(line.get("chunk"), int)
        and isinstance(line.get("sha256"), str)
        and all(index.isdecimal() and isinstance(reason, str) for index, reason in skipped.items())
    )

"""Files written whole or not at all, and arrays in .npz files, read with errors that name the file."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray


@contextmanager
def whole_file(path: str | Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A binary file to write, which takes the place of `path` when the block has ended well.

    A crash, an error or a full disk leaves the old file, or none. Until then it is path.partial; folders that are
    missing are made. durable: the disk holds it before it is renamed, and the new name after, whatever the power does.
    Raises OSError naming `path`, also where a library that wrote into it made another error of it.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with naming(path, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = _Raw(partial, "wb")
        try:
            file = io.BufferedWriter(raw)
            yield file
            file.flush()
            if durable:
                os.fsync(raw.fileno())
            raw.close()
            os.replace(partial, path)
        except BaseException as error:
            raw.close()  # not the buffer, which would write once more
            with suppress(OSError):
                partial.unlink()
            if raw.error is not None and raw.error is not error:
                raise raw.error from error
            raise
        if durable:
            _sync_folder(path.parent)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text as `whole_file` does. Bytes of file names that are not UTF-8 come out as they were."""
    with whole_file(path) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


@contextmanager
def naming(path: str | Path, partial: str | Path | None = None) -> Iterator[None]:
    """Let an OSError inside the block that names no file, such as "No space left on device", name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and str(error.filename) != str(partial):
            raise
        if error.errno is None:  # numpy tells only how many items were written
            raise OSError(f"{path}: {error}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error  # becomes the subclass of this number


def one_line(path: str | Path) -> str:
    """A path without line breaks, for a list of a path a line: control characters and backslashes as Python's escapes.

    Bytes that are not UTF-8 stay as they are, for `write_text`.
    """
    return re.sub(
        r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda odd: odd[0].encode("unicode_escape").decode(), str(path)
    )


def shown(path: str | Path) -> str:
    """A path for a message, on one line and printable everywhere: bytes that are not UTF-8 are escaped too."""
    return one_line(path).encode("utf-8", "backslashreplace").decode()


class _Raw(io.FileIO):
    """A file that keeps the error it raised: torch.save turns it into one that tells of positions."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_arrays(path: Path, figure: str, arrays: Mapping[str, Any]) -> None:
    """Write the arrays of a kind of figure ("fig2" ...), from which it can be drawn again with no network."""
    with whole_file(path) as file:
        np.savez_compressed(file, figure=np.array(figure), **arrays)


def load_arrays(path: str | Path, figure: str) -> dict[str, NDArray[Any]]:
    """What `save_arrays` wrote: name -> array, of the figure's own shapes.

    Raises ValueError for a damaged file or one of another figure, naming both.
    """
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{path} is not a whole .npz file ({error}); expected the arrays of {figure}") from error
    held = str(arrays.pop("figure", "none"))
    if held != figure:
        raise ValueError(f"{path} holds the arrays of figure {held!r}, expected {figure!r}")
    return arrays

"""Files written whole or not at all, and arrays in .npz files, read with errors that name the file."""

from __future__ import annotations

import fcntl
import io
import math
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

ROUNDS = 100  # at a file that others put in its place, before it is written without the lock


@contextmanager
def whole_file(path: str | Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A binary file to write, which takes the place of `path` when the block has ended well.

    A crash, an error or a full disk leaves the old file, or none. Until then it is path.partial; folders that are
    missing are made. Of two that write one file, the second waits for the first. durable: the disk holds it before it
    is renamed, and the new name after, whatever the power does.
    Raises OSError naming `path`, also where a library that wrote into it made another error of it.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    with naming(path, partial):
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = _alone(partial)
        held = os.dup(raw.fileno())  # the lock, until the file has its name or is gone
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
        finally:
            os.close(held)
        if durable:
            flush(path.parent)


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


def path_of(line: str) -> str:
    """The path that `one_line` put on a line."""
    return re.sub(
        r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})", lambda mark: mark[0].encode().decode("unicode_escape"), line
    )


def shown(path: str | Path) -> str:
    """A path for a message, on one line and printable everywhere: bytes that are not UTF-8 are escaped too."""
    return one_line(path).encode("utf-8", "backslashreplace").decode()


def _alone(partial: Path) -> _Raw:
    """An empty file to write that nobody else writes, by the system's lock where the file system has one."""
    for _ in range(ROUNDS):
        raw = _Raw(partial, "wb", opener=lambda name, flags: os.open(name, flags & ~os.O_TRUNC, 0o666))
        with suppress(OSError):
            fcntl.flock(raw, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            own = os.fstat(raw.fileno())
            if os.path.samestat(os.stat(partial), own):
                if own.st_size:  # what a killed process left
                    raw.truncate()
                return raw
        raw.close()  # it has got its own name since, or is gone
    return _Raw(partial, "wb")  # on a file system that tells files otherwise by their names than by what is open


class _Raw(io.FileIO):
    """A file that keeps the error it raised: torch.save turns it into one that tells of positions."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


def flush(path: Path) -> None:
    """To the disk: a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: memoryview, offset: int) -> None:
    """Write bytes at an offset, all of them: a disk that fills up takes a part and only then refuses."""
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written


def save_arrays(path: Path, kind: str, arrays: Mapping[str, Any], *, compressed: bool = True) -> None:
    """Write arrays of a kind: "fig2", from which the figure can be drawn again with no network, "fold" ...

    compressed: what is mostly zeros becomes small; full float32 arrays only take longer.
    """
    with whole_file(path) as file:
        (np.savez_compressed if compressed else np.savez)(file, figure=np.array(kind), **arrays)


class Arrays(dict[str, NDArray[Any]]):
    """The arrays of a file, by name; one that is asked for and not there is a ValueError that names the file."""

    def __init__(self, path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
        super().__init__(arrays)
        self.path = path

    def __missing__(self, name: str) -> NDArray[Any]:
        held = ", ".join(list(self)[:8]) or "none"
        raise ValueError(f"{self.path} has no array {name!r} (it has {held}): was it made by another version?")


def read_arrays(path: str | Path, names: Sequence[str] | None = None) -> Arrays:
    """The arrays in an .npz file, or some of them. Raises ValueError, naming it, where it is not one or not whole.

    How large each is stands in its own header and in the zip's. Memory is taken only where both say the same and no
    more than is free, so that a small file cannot ask for 72 TiB. Objects, which pickle would read, are refused.
    """
    try:
        with open(path, "rb") as file:
            if file.read(6) == np.lib.format.MAGIC_PREFIX:
                raise ValueError("it is a single array, an .npy file")
            with zipfile.ZipFile(file) as archive:
                members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
                wanted = {name: members[name] for name in (members if names is None else names) if name in members}
                check_inflated(list(wanted.values()))
                return Arrays(path, {name: _array(archive, member) for name, member in wanted.items()})
    except Exception as error:  # zipfile and numpy raise whatever they trip over
        if isinstance(error, OSError) and error.filename is not None:
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"{path} is not a whole .npz file ({reason})") from error


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](file)
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != member.file_size - file.tell():
            raise ValueError(f"{member.filename} claims {claimed:,} bytes and has {member.file_size - file.tell():,}")
    with archive.open(member) as file:
        array: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    if dtype.kind == "U" and array.size and dtype.itemsize:
        codes = array.reshape(-1).view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if codes.max() > sys.maxunicode:  # the interpreter trips over it wherever it is made a str
            raise ValueError(f"{member.filename} holds characters that are none")
    return array


def check_inflated(members: Sequence[zipfile.ZipInfo]) -> None:
    """Raise ValueError where these members of a zip take more memory than the machine has free."""
    inflated, free = sum(member.file_size for member in members), _free_bytes()
    if inflated > free:
        raise ValueError(f"it inflates to {inflated / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB of memory are free")


def _free_bytes() -> int:
    """What Linux can give to a process; elsewhere the whole memory."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 2**10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def load_arrays(path: str | Path, kind: str) -> Arrays:
    """What `save_arrays` wrote. Raises ValueError for a damaged file or one of another kind, naming both."""
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        raise ValueError(f"{error}; expected the arrays of {kind}") from error
    held = str(arrays.pop("figure", "none"))[:40]
    if held != kind:
        raise ValueError(f"{path} holds the arrays of {held!r}, expected {kind!r}")
    return arrays

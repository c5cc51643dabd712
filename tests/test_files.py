"""Files written whole or not at all: a crash or a full disk leaves the old one, and errors name the file."""

import errno
import io
import os
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from zfnet.files import load_arrays, naming, one_line, path_of, read_arrays, save_arrays, shown, whole_file, write_text

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")


def test_a_file_appears_whole_with_its_folders(tmp_path: Path):
    path = tmp_path / "new" / "a.bin"
    with whole_file(path, durable=True) as file:
        file.write(b"half, ")
        assert not path.exists()
        file.write(b"and whole")
    assert path.read_bytes() == b"half, and whole"
    assert os.listdir(path.parent) == ["a.bin"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(type(error)), whole_file(path):
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_that_write_one_file_write_it_one_after_the_other(tmp_path: Path):
    """As two tables over the same rows do, each what it made of a network."""
    path, begun = tmp_path / "file", threading.Event()

    def write(content: bytes) -> None:
        with whole_file(path) as file:
            begun.set()
            for _ in range(20):
                file.write(content * 1000)
                file.flush()
                time.sleep(0.005)

    with ThreadPoolExecutor(2) as both:
        first = both.submit(write, b"a")
        begun.wait()
        second = both.submit(write, b"b")
        first.result()
        assert path.read_bytes() == b"a" * 20_000
        second.result()
    assert path.read_bytes() == b"b" * 20_000
    assert list(tmp_path.iterdir()) == [path]


def test_text_keeps_the_bytes_of_names_that_are_no_utf8(tmp_path: Path):
    write_text(tmp_path / "a.txt", os.fsdecode(b"caf\xe9.jpg") + " é\n")
    assert (tmp_path / "a.txt").read_bytes() == b"caf\xe9.jpg \xc3\xa9\n"


WRITERS = {
    "bytes": lambda file: file.write(b"x"),  # refused at the last flush
    "torch.save": lambda file: torch.save({"a": torch.zeros(100_000)}, file),  # makes another error of it
    "np.savez": lambda file: np.savez(file, a=np.zeros(100_000)),
    "np.save": lambda file: np.save(file, np.zeros(100_000)),  # its own has no number
}


@needs_full
@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path: Path, kind: str):
    path = tmp_path / "a.bin"
    path.write_text("old")
    (tmp_path / "a.bin.partial").symlink_to("/dev/full")
    told = r"No space left.*a\.bin'|a\.bin: \d+ requested and 0 written"
    with pytest.raises(OSError, match=told), whole_file(path) as file:
        WRITERS[kind](file)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_an_error_that_names_no_file_is_given_a_name():
    with pytest.raises(OSError, match=r"No space left.*journal") as caught, naming("journal"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError, match="other"), naming("journal"):
        open("other")  # noqa: SIM115


def test_a_folder_that_is_missing_for_good_is_named(tmp_path: Path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(OSError, match=f"{tmp_path}/a"):
        write_text(tmp_path / "a" / "b.txt", "x")


def test_arrays_come_back_and_another_figure_is_refused(tmp_path: Path):
    save_arrays(tmp_path / "a.npz", "fig2", {"x": np.arange(3)})
    assert load_arrays(tmp_path / "a.npz", "fig2")["x"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"a\.npz holds the arrays of 'fig2', expected 'fig4'"):
        load_arrays(tmp_path / "a.npz", "fig4")


def npy(shape: tuple[int, ...], content: bytes = bytes(24), descr: str = "<f8") -> bytes:
    """An .npy file that claims a shape, whatever it holds."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue() + content


def zipped(path: Path, method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def lying(path: Path, claimed: int) -> Path:
    """An .npz whose array and whose zip both claim a size that is not there."""
    zipped(path, x=npy((claimed // 8,)))
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\1\2") + 24  # the inflated size in the central directory
    content[place : place + 4] = (128 + claimed).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(bytes(24), bytes(23) + b"!"))


HOSTILE = {
    "npy": (lambda path: path.write_bytes(npy((3,))), "it is a single array, an .npy file"),
    "empty": (lambda path: path.write_bytes(b""), "not a zip file"),
    "72 TiB": (lambda path: zipped(path, x=npy((99 * 10**11,))), "x.npy claims 79,200,000,000,000 bytes and has 24"),
    "many": (lambda path: zipped(path, x=npy((2**40, 2**40, 2**40))), "claims .* and has 24"),
    "both lie": (lambda path: lying(path, 4 * 10**9 - 128), "GiB of memory are free"),
    "no text": (lambda path: zipped(path, x=npy((2,), b"\xff" * 24, "<U3")), "holds characters that are none"),
    "objects": (lambda path: zipped(path, x=npy((3,), descr="|O")), "Object arrays cannot be loaded"),
    "no array": (lambda path: zipped(path, x=b"text"), "magic string"),
    "format": (lambda path: zipped(path, x=b"\x93NUMPY\x07\x00" + bytes(99)), r"\(7, 0\)"),
    "cut": (lambda path: path.write_bytes(zipped(path, x=npy((3,))).read_bytes()[:-9]), "not a zip file"),
    "changed": (lambda path: changed(zipped(path, zipfile.ZIP_STORED, x=npy((3,)))), "CRC"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_npz_file_or_claims_more_than_it_has_is_told_with_its_name(tmp_path: Path, monkeypatch, kind: str):
    monkeypatch.setattr("zfnet.files._free_bytes", lambda: 10**9)
    make, told = HOSTILE[kind]
    make(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=rf"a\.npz is not a whole \.npz file \(.*{told}") as caught:
        read_arrays(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"a\.npz .*; expected the arrays of fig2"):
        load_arrays(tmp_path / "a.npz", "fig2")


def test_a_file_that_inflates_beyond_the_free_memory_is_refused(tmp_path: Path, monkeypatch):
    path = zipped(tmp_path / "a.npz", x=npy((10**6,), bytes(8 * 10**6)))
    assert path.stat().st_size < 10**5
    monkeypatch.setattr("zfnet.files._free_bytes", lambda: 7 * 10**6)
    with pytest.raises(ValueError, match=r"it inflates to 0\.0 GiB, and 0\.0 GiB of memory are free"):
        read_arrays(path)
    monkeypatch.undo()
    assert len(read_arrays(path)["x"]) == 10**6


def test_an_array_that_is_not_there_is_told_with_those_that_are(tmp_path: Path):
    save_arrays(tmp_path / "a.npz", "fig2", {"x": np.arange(3), "y": np.arange(2)})
    arrays = load_arrays(tmp_path / "a.npz", "fig2")
    with pytest.raises(ValueError, match=r"a\.npz has no array 'z' \(it has x, y\): was it made by another version\?"):
        arrays["z"]
    assert "z" not in arrays
    assert list(read_arrays(tmp_path / "a.npz", ["y", "z"])) == ["y"]
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        read_arrays(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "listed", "told"),
    [
        (b"n01/a b.JPEG", b"n01/a b.JPEG", "n01/a b.JPEG"),
        (b"a\nb\r\tc\x1b[2J", rb"a\nb\r\tc\x1b[2J", r"a\nb\r\tc\x1b[2J"),
        (b"back\\nslash", rb"back\\nslash", r"back\\nslash"),
        ("caf\u00e9 \u2028".encode(), b"caf\xc3\xa9 \\u2028", "caf\u00e9 \\u2028"),
        (b"caf\xe9", b"caf\xe9", r"caf\udce9"),
    ],
)
def test_a_path_stands_on_one_line_of_a_list_and_of_a_message(name: bytes, listed: bytes, told: str):
    assert os.fsencode(one_line(os.fsdecode(name))) == listed
    assert shown(os.fsdecode(name)) == told
    told.encode()
    assert path_of(one_line(os.fsdecode(name))) == os.fsdecode(name)


def test_what_a_killed_process_left_is_no_part_of_the_new_file(tmp_path: Path):
    (tmp_path / "a.partial").write_bytes(b"z" * 100)
    write_text(tmp_path / "a", "ab")
    assert (tmp_path / "a").read_bytes() == b"ab"


def test_a_file_system_that_tells_files_otherwise_is_written_all_the_same(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.path.samestat", lambda *_: False)
    write_text(tmp_path / "a", "ab")
    assert (tmp_path / "a").read_bytes() == b"ab"

"""Files written whole or not at all: a crash or a full disk leaves the old one, and errors name the file."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from zfnet.files import load_arrays, naming, save_arrays, whole_file, write_text

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
    with pytest.raises(ValueError, match=r"a\.npz holds the arrays of figure 'fig2', expected 'fig4'"):
        load_arrays(tmp_path / "a.npz", "fig4")

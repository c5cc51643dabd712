"""Packing goes on after kill -9 at any moment, and only with the list it was begun for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from packing import COUNT, SIDE_PX, contents, damage, make_images

import zfnet.data.pack.write as write_module
from zfnet.data.datasets.imagenet import ImageList, list_folder
from zfnet.data.pack import open_pack, write_pack
from zfnet.data.pack.journal import Journal

SLOW_PACKING = """
import sys, time
import zfnet.data.pack.chunk as chunk
from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.pack import write_pack
decode = chunk.decode_square
def slowly(path, *how):
    time.sleep(0.05 if path >= sys.argv[4] else 0.001)
    return decode(path, *how)
chunk.decode_square = slowly
write_pack(list_folder(sys.argv[1], "train"), sys.argv[2], int(sys.argv[3]), workers=2)
"""


@pytest.fixture
def images(tmp_path: Path) -> ImageList:
    return make_images(tmp_path / "root")


def journal_lines(partial: Path) -> int:
    journal = partial / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_a_killed_run_goes_on_to_the_same_bytes(
    tmp_path: Path, images: ImageList, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(images, 7, 301, 555)
    partial = tmp_path / "killed.partial"
    last_chunk = images.paths[512]
    arguments = [sys.executable, "-c", SLOW_PACKING, tmp_path / "root", tmp_path / "killed", str(SIDE_PX), last_chunk]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    until_s = time.monotonic() + 60
    while journal_lines(partial) < 2 and process.poll() is None and time.monotonic() < until_s:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 2 <= journal_lines(partial) < 4  # its head, and one or two of the three chunks
    with pytest.raises(ValueError, match=r"killed: no such folder \(it was begun and not finished"):
        open_pack(tmp_path / "killed")
    with pytest.raises(ValueError, match=r"killed\.partial: a pack that is still being written"):
        open_pack(partial)
    write_pack(images, tmp_path / "killed", SIDE_PX, workers=1)
    assert "finished chunks, checking them first" in capsys.readouterr().out
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


class Killed(BaseException):
    """Stands for a kill at one exact place."""


@pytest.mark.parametrize("place", ["_complete", "_fill_gaps", "_fingerprint", "read_summary", "open_pack"])
def test_a_kill_at_each_step_of_the_commit(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Stopped right after the named step, the same call ends with the same bytes."""
    damage(images, 7, 301, 555)
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    step = getattr(write_module, place)

    def step_then_kill(*arguments: object, **named: object) -> object:
        step(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(write_module, place, step_then_kill)
        with pytest.raises(Killed):
            write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")


@pytest.mark.parametrize("place", ["rename", "unlink"])
def test_a_kill_right_before_the_rename_or_the_end_of_the_journal(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    damage(images, 7)
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    step = getattr(Path, place)

    def kill(path: Path, *arguments: object, **named: object) -> object:
        if path.name in ("pack.partial", "journal.jsonl"):
            raise Killed
        return step(path, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, place, kill)
        with pytest.raises(Killed):
            write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert (tmp_path / "pack").exists() == (place == "unlink")
    assert len(write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)) == COUNT - 1
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")


def interrupted(tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A partial pack with every chunk journalled."""
    with monkeypatch.context() as patched:
        patched.setattr(write_module, "_complete", lambda *arguments, **named: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    return tmp_path / "pack.partial"


def test_finished_chunks_are_not_decoded_again_but_checked(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    partial = interrupted(tmp_path, images, monkeypatch)
    with open(partial / "pixels.npy", "r+b") as file:  # a row of the second chunk that never reached the disk
        file.seek(128 + 300 * SIDE_PX * SIDE_PX * 3)
        file.write(bytes(50))
    decoded = []
    decode = write_module.pack_chunk.__globals__["decode_square"]
    monkeypatch.setattr(
        "zfnet.data.pack.chunk.decode_square", lambda path, *how: decoded.append(path) or decode(path, *how)
    )
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert decoded == images.paths[256:512]
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")


def test_a_line_cut_off_by_the_kill_is_dropped(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    journal = interrupted(tmp_path, images, monkeypatch) / "journal.jsonl"
    # in place of the last line; zeros are what a loss of power leaves
    wrong = b'{"chunk": 2, "sha256": "x", "skipped": {"a": 1}}\n'
    for left in (b"{", b'{"chunk": 2}', bytes(40), bytes(9) + b'{"chunk": 2}\n', b'{"chunk": 2}\n', b"[]\n", wrong):
        whole = journal.read_bytes()
        journal.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1] + left)
        interrupted(tmp_path, images, monkeypatch)
        assert [json.loads(line).get("chunk") for line in journal.read_text().splitlines()] == [256, 0, 1, 2]
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")


def test_another_list_or_side_is_refused(tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = interrupted(tmp_path, images, monkeypatch)
    with pytest.raises(ValueError, match=r"600 images, side 8\) than now asked for \(list \w+, 600 images, side 9"):
        write_pack(images, tmp_path / "pack", SIDE_PX + 1)
    Path(images.paths[5]).unlink()
    with pytest.raises(ValueError, match=r"600 images, side 8\) than now .* 599 images, side 8\); delete that folder"):
        write_pack(list_folder(tmp_path / "root", "train"), tmp_path / "pack", SIDE_PX)
    assert len(json.loads(f"[{','.join((partial / 'journal.jsonl').read_text().splitlines())}]")) == 4


def test_two_at_once_are_refused(tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zfnet.data.pack.journal.LOCK_WAIT_S", 0.1)
    partial = tmp_path / "pack.partial"
    partial.mkdir()
    with (
        Journal(partial, images.digest(SIDE_PX), SIDE_PX, COUNT),
        pytest.raises(ValueError, match=r"pack\.partial: another process is writing this pack"),
    ):
        write_pack(images, tmp_path / "pack", SIDE_PX)


@pytest.mark.parametrize(("of", "place"), [(Journal, "_lock"), (write_module.layout, "check_room")])
def test_one_that_waited_for_another_reuses_its_pack(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], of: object,
    place: str,
) -> None:  # fmt: skip
    """The other one ends while this one waits for the lock, and just before it makes the folder of that lock anew."""
    step = getattr(of, place)

    def after_the_other(*arguments: object) -> object:
        monkeypatch.setattr(of, place, step)
        write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
        return step(*arguments)

    monkeypatch.setattr(of, place, after_the_other)
    pack = write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert len(pack) == COUNT
    assert "already packed from these files, reused" in capsys.readouterr().out
    assert not (tmp_path / "pack.partial").exists()


def test_an_image_that_was_skipped_is_tried_again(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped for images that were too large, and gone on with a higher limit."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    damage(images, 301)
    with monkeypatch.context() as patched:
        patched.setattr(write_module, "_complete", killed)
        with pytest.raises(Killed):
            write_pack(images, tmp_path / "pack", SIDE_PX, workers=1, max_megapixels=9e-5)
    pack = write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert [reason.split(": ")[0] for reason in pack.skipped] == [images.paths[301]]
    write_pack(images, tmp_path / "whole", SIDE_PX, workers=1)
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")

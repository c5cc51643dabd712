"""The job behind the live page: it says where it is, Ctrl-C ends it, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from small_network import small_network

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")


def test_it_is_served_until_ctrl_c(command: Callable[..., list[str]], tmp_path: Path):
    network = small_network(tmp_path / "net.pt")
    words = command("live", f"checkpoint={network}", "port=0", f"run_dir={tmp_path / 'run'}", "hardware.device=cpu")
    with subprocess.Popen(
        words, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as job:  # fmt: skip
        try:
            assert job.stdout is not None
            address = job.stdout.readline().split()[2]
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(f"{address}/about", timeout=10) as answer:
                about = json.loads(answer.read())
            picture = urllib.request.Request(f"{address}/ask/example", data=b'{"number": 0}')
            with urllib.request.urlopen(picture, timeout=20) as answer:
                key = json.loads(answer.read())["picture"]
            said = {"picture": key, "layer": "conv5", "target": 0, "size": 9, "stride": 1}
            asked = urllib.request.Request(f"{address}/ask/occlusion", data=json.dumps(said).encode())
            with urllib.request.urlopen(asked, timeout=20) as lines:
                assert json.loads(lines.readline())["done"] > 0  # Ctrl-C comes while a map is made
                job.send_signal(signal.SIGINT)
            out, err = job.communicate(timeout=60)
        finally:
            job.kill()
    assert job.returncode == 0, err
    assert err == ""
    assert out == "the page is closed\n"
    assert about["examples"] == ["china.jpg", "flower.jpg"]
    assert about["drawn"] is False
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["outcome"] == "finished"


def test_what_it_refuses(carry_out_here: Callable, tmp_path: Path):
    code, said = carry_out_here("live")
    assert code == 2
    assert "zfnet train experiment=demo run_dir=runs/demo/zfnet" in said
    network = small_network(tmp_path / "net.pt")
    code, said = carry_out_here("live", f"checkpoint={network}", "host=192.0.2.1")
    assert code == 2
    assert "host=192.0.2.1 port=7860 cannot be served" in said
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = carry_out_here("live", f"checkpoint={network}", f"port={port}")
    assert code == 2
    assert f"port {port} of 127.0.0.1 is taken" in said
    assert "port=0 for any that is free" in said
    assert len(said.strip().splitlines()) == 1
    code, said = carry_out_here("live", f"checkpoint={network}", "port=0", f"atlas={tmp_path}")
    assert code == 2
    assert "is no atlas: give the folder that zfnet atlas wrote" in said


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("drawn=maybe", "drawn=maybe is not one of auto, true, false"),
        ("gallery=0", "gallery=0, expected 1 or more"),
        ("compare_weights=b.pt", "compare_weights=b.pt is of no network: give compare=... too"),
        ("data=parts_world", "give mined=FILE too, or images=FOLDER for the gallery"),
    ],
)
def test_no_option_is_left_unheard(carry_out_here: Callable, tmp_path: Path, word: str, why: str):
    code, said = carry_out_here("live", f"checkpoint={small_network(tmp_path / 'net.pt')}", "port=99999", word)
    assert code == 2
    assert why in said


def test_a_network_of_drawn_objects_begins_with_one(tmp_path: Path):
    from experiments.live import Settings, begins_drawn
    from zfnet.live import drawing_names

    def begins(names: tuple[str, ...], images: str | None) -> bool:
        settings = Settings(
            host="127.0.0.1", port=0, compare=None, compare_weights=None, images=images, gallery=1, atlas=None,
            mined=None, drawn="auto",
        )  # fmt: skip
        return begins_drawn(settings, names)

    drawn = tuple(drawing_names())
    assert begins(drawn, None)
    assert begins(drawn[:3], None)
    assert not begins(drawn, str(tmp_path))
    assert not begins((*drawn, "pagoda"), None)
    assert not begins((), None)

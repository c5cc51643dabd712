"""The page over HTTP: what it gives, what it refuses, and that nothing kills it."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")
from small_page import image_file, page, served

from zfnet.live import AtlasPatches


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("examples")
    paths = [folder / f"{seed}.png" for seed in range(2)]
    for seed, path in enumerate(paths):
        path.write_bytes(image_file(seed))
    (folder / "secret.txt").write_text("secret")
    atlas = folder / "atlas"
    atlas.mkdir()
    (atlas / "index.html").write_text("the atlas")
    (atlas / "out").symlink_to(folder)
    with served(page(examples=paths, atlas=AtlasPatches(folder=atlas, layers={}))) as at:
        yield at


def ask(address: str, path: str, body: bytes | dict | None = None, **headers: str) -> tuple[int, Any]:
    """The status, and what came: JSON where it is."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(f"{address}/{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, content, kind = answer.status, answer.read(), answer.headers.get_content_type()
    except urllib.error.HTTPError as error:
        status, content, kind = error.code, error.read(), error.headers.get_content_type()
    return status, json.loads(content) if kind == "application/json" else content


def png_bomb(side: int) -> bytes:
    """A PNG that says it is side x side px."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def bad_files() -> list[bytes]:
    """Two hundred of them: noise, cut and damaged images, bombs, other formats, text."""
    rng = np.random.default_rng(0)
    whole = {kind: image_file(1, kind=kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")}
    found = [
        b"",
        b"\x00",
        b"<svg onload='alert(1)'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"%PDF-1.4",
        b"GIF89a",
        b"PK\x03\x04",
    ]
    found += [png_bomb(side) for side in (7000, 60_000, 2**31 - 1)]
    found += [rng.bytes(int(rng.integers(1, 5000))) for _ in range(40)]
    for content in whole.values():
        found += [content[: int(len(content) * share)] for share in (0.02, 0.1, 0.5)]
    while len(found) < 200:
        content = bytearray(list(whole.values())[len(found) % len(whole)][:-4])
        for at in rng.integers(0, min(len(content), 200), 30):
            content[at] = int(rng.integers(256))
        found.append(bytes(content))
    return found


def test_two_hundred_bad_uploads_are_told_in_a_line_each(address: str):
    refused = 0
    for content in bad_files():
        status, told = ask(address, "upload?name=odd", content or b" ")
        assert status in (200, 400), told  # a decoder may well forgive a damaged byte
        if status == 400:
            refused += 1
            assert "\n" not in told["error"]
            assert "/tmp" not in told["error"], "the machine's paths are nobody's business"
    assert refused > 100
    assert ask(address, "upload?name=a.png", image_file(0))[0] == 200


def test_what_is_too_large_is_not_taken(address: str):
    status, told = ask(address, "upload?name=huge", b"x" * 24_000_001)
    assert status == 413
    assert "24 MB" in told["error"]
    assert ask(address, "ask/guess", b"[" * 70_000)[0] == 413
    status, told = ask(address, "upload?name=bomb", png_bomb(7000))
    assert status == 400
    assert "40" in told["error"]


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 60_000, b"{", b'"a"', b'{"picture": {}}', b'{"picture": null}'])
def test_odd_questions(address: str, body: bytes):
    status, told = ask(address, "ask/guess", body or b" ")
    assert status in (400, 410)
    assert "\n" not in told["error"]


PATHS = """static/../server.py static/..%2fserver.py static/%2e%2e/server.py static//etc/passwd static/nothing.js
atlas/../secret.txt atlas/%2e%2e/secret.txt atlas/out/secret.txt atlas/..%2fsecret.txt etc/passwd example/9 example/..
square/none/0.png square/../../0.png ask/_answers atlas//etc/passwd atlas/%2fetc%2fpasswd atlas/%00 example/-1
%2e%2e/secret.txt example/..%2fsecret.txt atlas/out atlas/..\\secret.txt atlas/%5c..%5csecret.txt"""


@pytest.mark.parametrize("path", PATHS.split())
def test_no_file_of_the_machine_can_be_reached(address: str, path: str):
    status, content = ask(address, path)
    assert status in (400, 404, 405, 410)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    assert b"secret" not in text
    assert b"root:" not in text


def test_the_atlas_and_the_gallery_can(address: str):
    assert ask(address, "atlas/index.html") == (200, b"the atlas")
    assert ask(address, "example/1")[1].startswith(b"\x89PNG")


@pytest.mark.parametrize("line", ["/../../../../etc/passwd", "http://evil.example/etc/passwd", "file:///etc/passwd"])
def test_nor_by_lines_that_no_browser_sends(address: str, line: str):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as asking:
        asking.sendall(f"GET {line} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = asking.makefile("rb").read()
    assert answer.split(b" ", 2)[1] in (b"400", b"404")
    assert b"root:" not in answer


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "evil@127.0.0.1", "2130706433", " "]
)
def test_a_name_that_was_led_here_is_refused(address: str, host: str):
    """DNS rebinding: a site's name points to this machine, so that to the browser it is that site that answers."""
    assert ask(address, "", Host=host)[0] == 400
    assert ask(address, "ask/guess", {}, Host=host)[0] == 400
    assert ask(address, "", Host="localhost:7860")[0] == 200


def test_loopback_of_the_newer_protocol_is_served_too():
    if not socket.has_ipv6:
        pytest.skip("skipped: this machine has no IPv6")
    with served(page(), host="::1") as at:
        assert at.startswith("http://[::1]:")
        assert ask(at, "")[0] == 200
        assert ask(at, "", Host="evil.example")[0] == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", ""])
def test_a_question_of_another_page_is_refused(address: str, origin: str):
    """Also where the browser does not say Sec-Fetch-Site, as to pages that are neither loopback nor https."""
    picture = ask(address, "upload?name=a", image_file(0))[1]["picture"]
    assert ask(address, "ask/guess", {"picture": picture}, Origin=origin)[0] == 403
    assert ask(address, "upload?name=a", image_file(0), Origin=origin)[0] == 403
    assert ask(address, "ask/guess", {"picture": picture}, Origin=address)[0] == 200


def test_the_server_asks_nobody(address: str, monkeypatch: pytest.MonkeyPatch):
    went, connect = [], socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda own, at: (went.append(at), connect(own, at))[1])
    picture = ask(address, "upload?name=a", image_file(0))[1]["picture"]
    for kind in ("guess", "maps", "strongest"):
        assert ask(address, f"ask/{kind}", {"picture": picture, "layer": "conv3"})[0] == 200
    assert {host for host, *_ in went} == {"127.0.0.1"}, "and these were the test's own"


def test_other_sites_are_refused(address: str):
    picture = ask(address, "upload?name=a", image_file(0))[1]["picture"]
    assert ask(address, "ask/guess", {"picture": picture}, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert ask(address, "ask/guess", {"picture": picture}, **{"Sec-Fetch-Site": "same-origin"})[0] == 200


def test_every_answer_says_that_nothing_comes_from_elsewhere(address: str):
    with urllib.request.urlopen(address) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        text = answer.read().decode()
    assert "http://" not in text
    assert "https://" not in text


def test_the_square_that_is_saved_opens_as_the_same_picture(address: str):
    told = ask(address, "upload?name=a.png", image_file(5))[1]
    content = ask(address, f"square/{told['picture']}/0.png")[1]
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (72, 72)
    assert ask(address, "upload?name=a.png", content)[1]["pixels"][0] == told["pixels"][0]


def test_tabs_do_not_mix(address: str):
    """Each of eight asks about its own picture, all at once; every answer is of that picture."""
    wrong: list[str] = []

    def visit(seed: int) -> None:
        told = ask(address, "upload?name=a", image_file(seed))[1]["picture"]
        expected = None
        for _ in range(6):
            said = {"picture": told, "layer": "conv3"}
            answers = [ask(address, f"ask/{name}", said) for name in ("guess", "maps", "strongest")]
            answers.append(ask(address, "ask/hide", {**said, "map": 1, "hidden": [3, 9, 20]}))
            if any(status != 200 or answer["picture"] != told for status, answer in answers):
                wrong.append(f"{seed}: {[status for status, _ in answers]}")
            expected = expected or answers
            if answers != expected:
                wrong.append(f"{seed}: the same question had another answer")

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong

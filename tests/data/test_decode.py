"""Any image file becomes the RGB square it shows: modes, EXIF, resampling, the JPEG's scaled decode, damage."""

from __future__ import annotations

import io
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import EpsImagePlugin, Image, PngImagePlugin
from sklearn.datasets import load_sample_image

from zfnet.data.decode import UnreadableImage, decode_square, read_rgb, square, upright_size


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (12, 20, 4), dtype=np.uint8)


def pixels(path: Path) -> NDArray[np.int64]:
    return np.asarray(read_rgb(str(path))).astype(np.int64)


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_grey_is_repeated(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    read = pixels(save(Image.fromarray(noise[..., 0]), tmp_path / "grey.png"))
    assert (read == noise[..., :1]).all()
    assert read.shape == (12, 20, 3)


def test_one_bit_is_black_and_white(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    read = pixels(save(Image.fromarray(noise[..., 0] > 99), tmp_path / "bits.png"))
    assert (read == np.where(noise[..., :1] > 99, 255, 0)).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.linspace(0, 65535, 12 * 20).reshape(12, 20).round().astype(np.uint16)
    read = pixels(save(Image.fromarray(values), tmp_path / f"deep.{suffix}"))
    assert (read == np.rint(values / 257.0)[..., None]).all()
    assert read.max() == 255
    assert (read < 255).mean() > 0.9


def test_grey_beyond_16_bits_is_refused(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.full((4, 4), 70_000, np.int32)), tmp_path / "wide.tif")
    with pytest.raises(UnreadableImage, match=r"wide\.tif: grey values 70000\.\.70000, expected 16 bits"):
        read_rgb(str(path))


def test_floats_are_refused(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.full((4, 4), 0.5, np.float32)), tmp_path / "float.tif")
    with pytest.raises(UnreadableImage, match=r"float\.tif: floating-point pixels"):
        read_rgb(str(path))


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_lies_over_white(tmp_path: Path, noise: NDArray[np.uint8], channels: int) -> None:
    layered = noise[..., :channels]
    read = pixels(save(Image.fromarray(np.ascontiguousarray(layered)), tmp_path / "alpha.png"))
    alpha = layered[..., -1:] / 255.0
    assert np.abs(read - (layered[..., :-1] * alpha + 255 * (1 - alpha))).max() <= 1


def test_palette_and_its_transparent_colour(tmp_path: Path) -> None:
    image = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) % 3, mode="P")
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    colours = np.array([[10, 20, 30], [200, 100, 50], [1, 2, 3]])
    shown = colours[np.arange(12).reshape(3, 4) % 3]
    assert (pixels(save(image, tmp_path / "palette.png")) == shown).all()
    colours[1] = 255
    shown = colours[np.arange(12).reshape(3, 4) % 3]
    assert (pixels(save(image, tmp_path / "clear.png", transparency=1)) == shown).all()
    assert (pixels(save(image, tmp_path / "clear.gif", transparency=1)) == shown).all()


def _cmyk_jpeg(flat: tuple[int, int, int, int], adobe: bool) -> bytes:
    stream = io.BytesIO()
    Image.new("CMYK", (16, 16), flat).save(stream, "JPEG", quality=100)
    data = stream.getvalue()
    start = data.index(b"\xff\xee")  # APP14, Adobe's mark; the two bytes after it are its length
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    return data if adobe else data[:start] + data[start + 2 + length :]


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_is_inverted_where_adobe_wrote_it(tmp_path: Path, adobe: bool) -> None:
    ink = np.array([30, 120, 200, 60])
    (tmp_path / "ink.jpg").write_bytes(_cmyk_jpeg(tuple(ink.tolist()), adobe))
    stored = ink if adobe else 255 - ink  # Pillow stores 255 - ink, as Adobe does; without the mark that is the ink
    expected = (255 - stored[:3]) * (255 - stored[3]) / 255
    assert np.abs(pixels(tmp_path / "ink.jpg") - expected).max() <= 2


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])  # Pillow turns a TIFF itself
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_respected(tmp_path: Path, noise: NDArray[np.uint8], orientation: int, ending: str) -> None:
    """EXIF names the visual place of the stored row 0 and column 0, so the upright picture is built the other way."""
    upright = noise[..., :3]
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(Image.fromarray(np.ascontiguousarray(stored)), tmp_path / f"turned.{ending}", exif=exif, lossless=True)
    assert (pixels(path) == upright).all()
    assert upright_size(str(path)) == upright.shape[1::-1]
    assert (decode_square(str(path), 12) == upright[:, 4:16]).all()


def test_a_damaged_exif_block_leaves_the_picture_readable(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    path = save(Image.fromarray(noise[..., :3]), tmp_path / "exif.png", exif=b"Exif\x00\x00nonsense that is no TIFF")
    assert (pixels(path) == noise[..., :3]).all()


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40), (15, 10)])
def test_square_is_resize_then_centre_crop(height: int, width: int) -> None:
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    side = 20
    rows, columns = height * side // min(height, width), width * side // min(height, width)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None].double(), (rows, columns), mode="bilinear", antialias=True
    )[0].permute(1, 2, 0)
    top, left = (rows - side) // 2, (columns - side) // 2
    expected = resized[top : top + side, left : left + side].numpy()
    assert (
        np.abs(square(Image.fromarray(image), side).astype(float) - expected).max() <= 1.01
    )  # two roundings to 8 bits


def test_a_picture_of_that_side_is_left_alone(noise: NDArray[np.uint8]) -> None:
    assert (square(Image.fromarray(noise[..., :3]), 12) == noise[:, 4:16, :3]).all()


def test_scaled_decode_is_close_and_only_used_with_its_margin(tmp_path: Path) -> None:
    china = load_sample_image("china.jpg")[:375, :501]  # odd sizes: their last scaled pixels stand for less
    path = str(save(Image.fromarray(china), tmp_path / "china.jpg", quality=92))
    full = read_rgb(path)
    difference = np.abs(decode_square(path, 90).astype(int) - square(full, 90).astype(int))
    assert 0 < difference.mean() < 1
    assert difference.max() <= 16
    assert (decode_square(path, 94) == square(full, 94)).all()  # 375 / 2 < 2 * 94


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = save(Image.fromarray(load_sample_image("flower.jpg")), tmp_path / f"half.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match=rf"half\.{suffix}: .*truncated"):
        read_rgb(str(path))
    with pytest.raises(UnreadableImage, match=rf"half\.{suffix}: .*truncated"):
        decode_square(str(path), 64)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", EPS])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", None)  # calling it would be a TypeError
    (tmp_path / "page.JPEG").write_bytes(content)
    with pytest.raises(UnreadableImage, match=r"page\.JPEG: not an image of JPEG, PNG, .* or [A-Z]+$"):
        decode_square(str(tmp_path / "page.JPEG"), 8)


@pytest.fixture
def alarm() -> Iterator[None]:
    """An error after five seconds, in place of a test that waits for ever."""

    def give_up(*_: object) -> None:
        raise RuntimeError("waited for ever")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.JPEG")
    with pytest.raises(UnreadableImage, match=r"pipe\.JPEG: not a regular file"):
        decode_square(str(tmp_path / "pipe.JPEG"), 8)


@pytest.mark.parametrize(
    "read", [lambda path, limit: read_rgb(path, limit), lambda p, limit: decode_square(p, 8, limit)]
)
def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path, read: Callable[[str, float], object]) -> None:
    path = str(save(Image.new("P", (400, 300)), tmp_path / "huge.png"))
    read(path, 0.12)
    told = r"huge\.png: 400 x 300 px are more than max_megapixels=0\.119 million"
    with pytest.raises(UnreadableImage, match=told):
        read(path, 0.119)


@pytest.mark.parametrize(
    "error", [RuntimeError("Failed to decode: 3\nat 7"), MemoryError(), IndexError("i"), OSError(5, "x")]
)
def test_whatever_a_decoder_raises_is_told_on_a_line_with_the_file(
    tmp_path: Path, noise: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def load(image: Image.Image) -> None:
        raise error

    path = save(Image.fromarray(noise[..., 0]), tmp_path / "a\nb.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(
        UnreadableImage, match=r"/a\\nb\.png: (RuntimeError Failed .* at 7|MemoryError|IndexError i|x)$"
    ):
        read_rgb(str(path))


def test_names_that_are_no_utf8_are_read_and_told(tmp_path: Path, noise: NDArray[np.uint8]) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    with open(name, "wb") as file:
        Image.fromarray(noise[..., 0]).save(file, "png")
    assert read_rgb(os.fsdecode(name)).size == (20, 12)
    with open(name, "wb") as file:
        file.write(b"x")
    with pytest.raises(UnreadableImage) as caught:
        read_rgb(os.fsdecode(name))
    assert "caf\\udce9.png: not an image" in str(caught.value)
    str(caught.value).encode()  # printable anywhere


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match=r"gone\.JPEG: No such file"):
        read_rgb(str(tmp_path / "gone.JPEG"))


def test_the_error_survives_the_way_out_of_a_worker() -> None:
    error = pickle.loads(pickle.dumps(UnreadableImage("a.JPEG: truncated")))
    assert isinstance(error, UnreadableImage)
    assert str(error) == "a.JPEG: truncated"

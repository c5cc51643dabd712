"""Data as scripts, pages of hostile names, small pictures."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, features

from zfnet.figures.drawing.heat import Squares
from zfnet.pages import POLICY, as_script
from zfnet.pages.atlas import (
    Front,
    LayerAbout,
    LayerPictures,
    Site,
    curve_picture,
    heat_picture,
    projection_tiles,
    resized,
    sprites,
    tile_size,
    tiles,
)

HOSTILE = "</script><script>alert(1)</script>\" onload='x' &amp; {{ 7 * 7 }}\n\u2028-->"


def test_a_script_hands_over_any_text():
    line = as_script("atlas.take", HOSTILE, {"name": HOSTILE, "lone": "\ud800"})
    assert not set("<>&\u2028") & set(line)
    assert line.count("\n") == 1
    call = re.fullmatch(r"atlas\.take\(\.\.\.(.*)\);\n", line)
    assert call
    key, value = json.loads(call[1])
    assert key == value["name"] == HOSTILE


def test_numbers_of_a_script():
    numbers = {
        "a": np.float32(1.23456789),
        "b": np.array([[1, 2]]),
        "c": float("nan"),
        "d": np.inf,
        "e": 2.0,
        "f": True,
    }
    _, value = json.loads(as_script("f", "k", numbers)[5:-3])
    assert value == {"a": 1.2346, "b": [[1, 2]], "c": None, "d": None, "e": 2, "f": True}


@pytest.mark.parametrize(
    ("starts", "size_px"), [([0, 24, 48, 72, 80], 20), ([0, 1, 2, 3], 4), ([0, 5, 10], 2), ([0], 7)]
)
def test_a_heat_map_lies_where_the_squares_do(starts: list[int], size_px: int):
    squares = Squares(rows=np.array(starts), columns=np.array([3]), size_px=size_px)
    shown, (top, left, height, width) = heat_picture(np.arange(1.0, len(starts) + 1)[:, None], squares)
    assert (shown.shape, left, width) == ((height, width, 3), 3, size_px)
    colours = list(dict.fromkeys(map(tuple, shown[:, 0].tolist())))  # in the order of the places
    assert len(colours) == len(starts)
    for pixel in range(height):
        away = np.abs(top + pixel + 0.5 - np.array(starts) - size_px / 2)  # from the middle of each square
        nearest = np.flatnonzero(away == away.min())
        assert colours.index(tuple(shown[pixel, 0].tolist())) in nearest


class Elements(HTMLParser):
    """Every element with its attributes, and the page's text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def layer(number: int, name: str, shape: tuple[int, ...], tile: tuple[int, int], places: int = 2) -> LayerAbout:
    field = {"field_px": tile, "step_px": (2, 2), "start_px": (-3, -3)}
    return LayerAbout(
        number=number, name=name, kind="Conv2d", shape=shape, parameters=10, tile=tile, places=places, wires="",
        rules=("guided",), scores=False, **field,
    )  # fmt: skip


def pictures(maps: int, tile: tuple[int, int], places: int = 2) -> LayerPictures:
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, 255, (2, maps, places, *tile, 3), dtype=np.uint8)
    return LayerPictures(
        projection=drawn[0], patch=drawn[1], rules={"guided": drawn[0, :, 0]}, there=np.ones((maps, places), bool)
    )


def test_hostile_names_stay_text(tmp_path):
    site = Site(tmp_path / "atlas")
    front = Front(
        title=HOSTILE, data=HOSTILE, images=3, size_px=64, rule="deconvnet", top=2, photographs=True,
        classes=[HOSTILE, "b"], class_images=[1, 2], facts={HOSTILE: HOSTILE}, notes=[HOSTILE], compared=HOSTILE,
        compared_at="other/", curves=[curve_picture(HOSTILE, [1, 2], {HOSTILE: [2.0, 1.0]})],
    )  # fmt: skip
    site.front(front, [layer(0, HOSTILE, (4, 3, 3), (7, 7))], [pictures(4, (7, 7))])
    site.commit()
    page = (tmp_path / "atlas" / "index.html").read_text()
    elements = Elements()
    elements.feed(page)
    scripts = [given for tag, given in elements.found if tag == "script"]
    assert scripts
    assert all(set(given) == {"src", "defer"} for given in scripts)
    assert "alert(1)" in elements.text  # shown, not run
    assert "49" not in elements.text
    assert not [name for _, given in elements.found for name in given if name.startswith("on") or name == "style"]
    links = [value for _, given in elements.found for name, value in given.items() if name in ("src", "href")]
    assert not [link for link in links if link and re.match(r"[a-z]+:|//", link)]
    policy = next(given["content"] for tag, given in elements.found if tag == "meta" and "http-equiv" in given)
    assert policy == POLICY
    assert "default-src 'none'" in policy


def test_an_atlas_has_its_name_only_when_it_is_whole(tmp_path):
    folder = tmp_path / "atlas"
    (folder / "old").mkdir(parents=True)
    site = Site(folder)
    site.data("a", 1)
    assert (folder / "old").is_dir()
    assert not (folder / "data").exists()
    site.commit()
    assert (folder / "data" / "a.js").read_text() == 'atlas.take(...["a",1]);\n'
    assert [path.name for path in tmp_path.iterdir()] == ["atlas"]
    assert not (folder / "old").exists()


@pytest.mark.parametrize("tile", [(7, 7), (96, 64)], ids=["pixel by pixel", "compressed"])
def test_a_map_is_found_in_its_sprite(tmp_path, tile):
    about, drawn = layer(3, "conv", (70, 5, 5), tile), pictures(70, tile)
    site = Site(tmp_path / "atlas")
    for maps in (range(64), range(64, 70)):
        site.layer_pictures(about, drawn, maps)
    folder = site.partial / "pictures"
    names = {path.name.split(".")[0] for path in folder.iterdir()}
    assert len([name for name in names if name.startswith("m-003-")]) == 70
    assert {f"t-003-00{block}-{kind}" for block in (0, 1) for kind in ("projection", "mean", "patch")} <= names
    with Image.open(next(folder.glob("m-003-0065.*"))) as picture:
        assert picture.size == (2 * tile[1], 3 * tile[0])
        cells = np.asarray(picture.convert("RGB")).astype(int)
    places = {(0, 1): drawn.projection[65, 1], (1, 0): drawn.patch[65, 0], (2, 0): drawn.rules["guided"][65]}
    for (row, column), expected in places.items():
        cell = cells[row * tile[0] :, column * tile[1] :][: tile[0], : tile[1]]
        difference = np.abs(cell - expected).mean()
        assert difference == 0 if max(tile) < 48 and features.check("webp") else difference < 60  # noise, compressed


def test_sizes_of_tiles():
    assert tile_size(7, 7) == (7, 7)
    assert tile_size(139, 139) == (96, 96)
    assert tile_size(100, 50) == (96, 48)
    assert tile_size(224, 224, 64) == (64, 64)
    assert resized(np.zeros((2, 139, 139, 3), np.uint8), (96, 96)).shape == (2, 96, 96, 3)
    assert resized(np.zeros((0, 139, 139, 3), np.uint8), (96, 96)).shape == (0, 96, 96, 3)


def test_a_projection_is_drawn_around_grey():
    projection = np.zeros((2, 3, 10, 10), np.float32)
    projection[0, :, 2, 3], projection[0, :, 4, 4] = 7, -7
    drawn = projection_tiles(projection, (10, 10), "largest")
    assert drawn[0, 2, 3].tolist() == [255] * 3
    assert drawn[0, 4, 4].tolist() == [0] * 3
    assert (np.abs(drawn[1].astype(int) - 128) <= 1).all()


def test_a_mean_is_of_what_is_there():
    drawn = np.full((1, 3, 4, 4, 3), 128, np.uint8)
    drawn[0, 0, 1, 1], drawn[0, 1, 1, 1], drawn[0, 2] = 148, 148, 255
    mean = tiles.mean_tiles(drawn, np.array([[True, True, False]]))
    assert mean[0, 1, 1, 0] == 255
    assert (mean[0, 0] == 128).all()


def test_without_webp_it_writes_what_every_browser_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: False)
    assert sprites.ending(lossless=True) == "png"
    assert sprites.ending(lossless=False) == "jpg"
    for name in ("a.png", "a.jpg"):
        sprites.save_picture(tmp_path / name, np.zeros((4, 4, 3), np.uint8), lossless=name == "a.png")
        with Image.open(tmp_path / name) as picture:
            assert picture.size == (4, 4)

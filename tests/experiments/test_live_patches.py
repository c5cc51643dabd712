"""The live page shows a map's strongest training patches: of a mined file, or of an atlas with a link to its page."""

from __future__ import annotations

import base64
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")
from atlas_site import data_of
from chromium import needs_chromium
from in_process import run_here
from live_tab import Tab, open_live_browser, served_app
from PIL import Image
from small_network import small_network

from zfnet.data import read_photographs
from zfnet.network import open_network

FOLDER = ("data=imagenet_folder", "data.side=72", "split=train", "hardware.workers=0", "hardware.device=cpu")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_live_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def best(whole_run: Path) -> Path:
    return whole_run / "checkpoints" / "best.pt"


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory, best: Path, image_root: Path) -> Path:
    """What a Fig. 2 run left behind."""
    folder = tmp_path_factory.mktemp("fig2")
    words = [*FOLDER, f"data.root={image_root}", f"checkpoint={best}", "layers=[conv2,fc8]", "maps=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_here("fig2_features", *words, f"run_dir={folder / 'run'}") == 0
    return folder / "run" / "mined.npz"


Began = Callable[..., Any]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, best: Path) -> Began:
    """What the job would serve."""

    def begin(*words: str) -> Any:
        served: list[Any] = []
        monkeypatch.setattr("experiments.live.serve", lambda app, listening: (listening.close(), served.append(app)))
        monkeypatch.chdir(tmp_path)
        assert run_here("live", f"checkpoint={best}", "port=0", f"run_dir={tmp_path / 'run'}", *words) == 0
        return served[0]

    return begin


def opened(browser: Any, address: str, layer: str, number: int) -> Tab:
    """A tab in which a map is chosen and its patches are there."""
    tab = Tab(browser, address, viewport={"width": 1280, "height": 900})
    block = tab.page.locator(f".layer[data-layer={layer}]")
    tab.after("maps", lambda: block.click())
    tab.after("patches", lambda: tab.page.locator(f"#tiles [data-map='{number}']").click())
    return tab


def pixels_at(address: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


@needs_chromium
def test_of_a_mined_file(begun: Began, browser: Any, mined: Path, best: Path, image_root: Path):
    app = begun(f"mined={mined}", *FOLDER, f"data.root={image_root}")
    frame, files = open_network(best).frame, sorted((image_root / "train").glob("*/*.JPEG"))
    with np.load(mined) as arrays:
        whole, strongest = arrays["fc8/image"][1], arrays["conv2/image"][0]
        row, column = arrays["conv2/row"][0], arrays["conv2/column"][0]
    with served_app(app) as address:
        tab = opened(browser, address, "fc8", 1)
        shown = [pixels_at(one.get_attribute("src")) for one in tab.page.locator("#patch-tiles img").all()]
        assert len(shown) == 9
        for pixels, number in zip(shown, whole, strict=True):
            expected = read_photographs([str(files[number])], frame).pixels[0].permute(1, 2, 0).numpy()
            np.testing.assert_array_equal(pixels, expected)
        assert not tab.page.locator("#atlas").is_visible()

        tab.after("maps", lambda: tab.page.locator(".layer[data-layer=conv2]").click())
        tab.after("patches", lambda: tab.page.locator("#tiles [data-map='0']").click())
        shown = [pixels_at(one.get_attribute("src")) for one in tab.page.locator("#patch-tiles img").all()]
        field = next(one["field"] for one in tab.page.evaluate("fetch('about').then((one) => one.json())")
                     ["networks"][0]["layers"] if one["name"] == "conv2")  # fmt: skip
        for pixels, number, *place in zip(shown, strongest, row, column, strict=True):
            assert list(pixels.shape[:2]) == field["size"]
            seen = read_photographs([str(files[number])], frame).pixels[0].permute(1, 2, 0).numpy()
            top, left = (
                start + step * at for start, step, at in zip(field["start"], field["step"], place, strict=True)
            )
            high, wide = min(64, top + field["size"][0]), min(64, left + field["size"][1])
            inside = pixels[max(0, -top) : high - top, max(0, -left) : wide - left]
            np.testing.assert_array_equal(inside, seen[max(0, top) : high, max(0, left) : wide])
        tab.after("maps", lambda: tab.page.locator(".layer[data-layer=conv1]").click())
        tab.after("patches", lambda: tab.page.locator("#tiles .tile").first.click())
        assert not tab.page.locator("#patches").is_visible(), "conv1 was not mined"
        tab.close()


@needs_chromium
def test_of_an_atlas_with_a_link_to_its_page(begun: Began, browser: Any, atlas_run: Path):
    site = atlas_run / "atlas"
    front = data_of(site, "front")["layers"]
    with served_app(begun(f"atlas={atlas_run}")) as address:
        tab = opened(browser, address, "conv2", 1)
        number = next(at for at, one in enumerate(front) if one["name"] == "conv2")
        cells = tab.page.locator("#patch-tiles .cell")
        assert cells.count() == front[number]["places"]
        assert f"pictures/m-{number:03d}-0001." in cells.first.evaluate("(cell) => cell.style.backgroundImage")
        rows = front[number]["rows"]
        down = 100 * rows.index("patch") / (len(rows) - 1)
        assert cells.first.evaluate("(cell) => cell.style.backgroundPositionY") == f"{down:g}%"
        with tab.context.expect_page() as page:
            tab.page.click("#atlas")
        page.value.wait_for_selector("h1:has-text('conv2 / 1')")
        page.value.close()

        tab.after("maps", lambda: tab.page.locator(".layer[data-layer=fc8]").click())
        tab.after("patches", lambda: tab.page.locator("#tiles [data-map='2']").click())
        images = [one.get_attribute("src") for one in tab.page.locator("#patch-tiles img").all()]
        number = next(at for at, one in enumerate(front) if one["name"] == "fc8")
        strongest = data_of(site, f"layer-{number:03d}")["image"][2]
        assert images == [f"atlas/images/i-{image:06d}.webp" for image in strongest], "its units see the whole image"
        tab.holds("document.querySelector('#patch-tiles img').naturalWidth > 0")
        assert tab.page.locator("#atlas").get_attribute("href") == "atlas/index.html#fc8/2"
        tab.close()


def test_of_others_they_are_refused(
    carry_out_here: Callable, mined: Path, atlas_run: Path, best: Path, image_root: Path, tmp_path: Path
):
    other = small_network(tmp_path / "other.pt", seed=3)
    given = (*FOLDER, f"data.root={image_root}", "port=0")
    code, said = carry_out_here("live", f"checkpoint={other}", f"mined={mined}", *given)
    assert code == 2
    assert "was mined with" in said
    code, said = carry_out_here("live", f"checkpoint={best}", f"mined={mined}", "port=0")
    assert code == 2
    assert "give either data=" in said
    code, said = carry_out_here("live", f"checkpoint={other}", f"atlas={atlas_run}", "port=0")
    assert code == 2
    assert "is of another network than" in said
    assert "its weights are" in said
    moved = shutil.copytree(atlas_run / "atlas", tmp_path / "moved")  # without the manifest beside it
    smaller = small_network(tmp_path / "small.pt", name="alexnet_no_34")
    code, said = carry_out_here("live", f"checkpoint={smaller}", f"atlas={moved}", "port=0")
    assert code == 2
    assert "its layer conv" in said

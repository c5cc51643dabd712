"""The atlas in a real browser, opened from a file: the system's chromium, driven by playwright."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from atlas_site import WILD, data_of
from atlas_visit import Visit, faults_of
from chromium import needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def site(atlas_run: Path) -> Path:
    return atlas_run / "atlas"


PAGES = ["", "#conv2", "#conv3/4", "#fc8/1", "#/class/0", "#/image/0", "#/compare/conv2", "#conv5"]


@pytest.mark.parametrize("hash", PAGES)
def test_pages_open_from_a_file_and_every_picture_loads(visit: Visit, hash: str):
    page = visit.open(hash)
    visit.scroll()
    unloaded = page.evaluate(
        "[...document.querySelectorAll('.cell[data-at]')].filter((cell) => cell.checkVisibility() && "
        "cell.getBoundingClientRect().width && !cell.closest('.strip') && !cell.style.backgroundImage).length"
    )
    assert unloaded == 0
    broken = page.evaluate("[...document.images].filter((image) => image.complete && !image.naturalWidth).length")
    assert broken == 0
    sprites = page.evaluate("[...document.querySelectorAll('.cell[data-at]')].map((cell) => cell.dataset.at)")
    assert sprites
    for name in set(sprites):
        assert (visit.site / name).is_file()


def test_pages_of_images(visit: Visit):
    first, second = data_of(visit.site, "front")["shown"][:2]
    page = visit.open(f"#/image/{first}")
    visit.scroll()
    assert page.locator(".heat").count() == 1
    frame, heat = (page.locator(one).bounding_box() for one in (".frame:has(.heat)", ".heat"))
    told, px = data_of(visit.site, f"image-{first:06d}")["heat"], data_of(visit.site, "front")["size"]
    lies = [heat["y"] - frame["y"], heat["x"] - frame["x"], heat["height"], heat["width"]]
    assert [px * one / frame["width"] for one in lies] == pytest.approx(told["box"], abs=0.3)
    assert page.evaluate("document.querySelector('.heat').naturalWidth") == told["box"][3]
    page.locator("nav.steps a", has_text="next").click()
    visit.shown(f"#/image/{second}")
    assert page.locator("h1").last.inner_text().startswith(f"Image {second}")


def test_from_the_front_page_to_a_map_and_back(visit: Visit):
    page = visit.open()
    page.locator("svg.network a", has_text="conv2").click()
    visit.shown("#conv2")
    page.locator("#grid .tile").nth(3).click()
    visit.holds("document.body.dataset.shown.startsWith('conv2/')")
    assert page.locator("button.place").count() == 4
    page.go_back()
    visit.shown("#conv2")
    page.go_back()
    visit.shown("")
    assert page.locator("#front").is_visible()
    page.go_forward()
    visit.shown("#conv2")


def test_what_is_on_a_map_is_what_its_data_say(visit: Visit):
    data = data_of(visit.site, "layer-001")
    number = next(one for one in range(13) if one not in data["dead"] and data["below"][one])
    page = visit.open(f"#conv2/{number}")
    values = [float(text.split()[0]) for text in page.locator("button.place small").all_inner_texts()]
    assert values == pytest.approx(data["value"][number], rel=6e-3)
    links = page.locator("#view .wires .tiles").first.locator("a").all()
    told = [(link.get_attribute("href"), float(link.locator("small").first.inner_text())) for link in links]
    given = [(f"#conv1/{one}", value) for _, one, value, _ in data["below"][number] if value > 0]
    assert [name for name, _ in told] == [name for name, _ in given]
    assert [value for _, value in told] == pytest.approx([value for _, value in given], rel=6e-3)


def test_hovering_shows_the_place_on_the_whole_image(visit: Visit):
    data = data_of(visit.site, "layer-001")
    page = visit.open("#conv2/0")
    page.locator("button.place").nth(2).hover()
    assert page.locator(".whole b").inner_text().startswith("place 3")
    box = page.locator(".whole .box")
    assert [float(box.get_attribute(name)) for name in ("y", "x")] == data["corner"][0][2]
    assert page.locator(".whole img").get_attribute("src").startswith(f"images/i-{data['image'][0][2]:06d}")


def test_search_by_keyboard(visit: Visit):
    page = visit.open()
    page.keyboard.press("/")
    page.keyboard.type("conv3/7")
    page.wait_for_selector("#results li[data-hash]")
    page.keyboard.press("Enter")
    visit.shown("#conv3/7")
    page.keyboard.press("/")
    page.keyboard.type("green")
    page.wait_for_selector("#results li[data-hash='#/class/1']")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    visit.shown("#/class/1")
    assert page.locator("h1").last.inner_text() == "green"
    page.keyboard.press("/")
    page.keyboard.type("no such thing")
    page.wait_for_selector("text=nothing found")
    page.keyboard.press("Escape")
    assert page.locator("#results").is_hidden()


def test_sorting_and_filtering_a_layer(visit: Visit):
    data = data_of(visit.site, "layer-002")
    page = visit.open("#conv3")
    alive = [one for one in range(len(data["value"])) if one not in data["dead"]]
    numbers = lambda: [int(text) for text in page.locator("#grid .tile b").all_text_contents()]  # noqa: E731
    assert numbers() == alive
    page.select_option("select[name=sort]", "strength")
    assert numbers() == sorted(alive, key=lambda one: (-data["value"][one][0], one))
    page.select_option("select[name=sort]", "likeness")
    assert numbers() == sorted(alive, key=lambda one: data["likeness"][one])
    page.fill("#filter", "red")
    telling = [one for one in alive for label, precision in data["precision"][one] if label == 0 and precision > 2 / 3]
    assert sorted(numbers()) == sorted(telling)
    page.fill("#filter", "")
    page.select_option("select[name=kind]", "mean")
    assert re.search(r"t-002-000-mean", page.locator("#grid .cell").first.get_attribute("data-at"))


def test_dead_maps_are_folded_away(visit: Visit):
    data = data_of(visit.site, "layer-001")
    page = visit.open("#conv2")
    if not data["dead"]:
        pytest.skip("this network has none")
    before = page.locator("#grid .tile").count()
    page.check("#dead")
    assert page.locator("#grid .tile").count() == before + len(data["dead"])


def test_the_slider_plays_the_epochs(visit: Visit):
    time = data_of(visit.site, "time-001")
    page = visit.open("#conv2/1")
    slider = page.locator("#slider")
    slider.focus()
    page.keyboard.press("Home")
    assert page.locator("#epoch").inner_text().startswith(f"epoch {time['epochs'][0]}:")
    page.keyboard.press("ArrowRight")
    assert page.locator("#epoch").inner_text().startswith(f"epoch {time['epochs'][1]}:")
    page.click("#play")
    visit.holds(f"document.getElementById('epoch').textContent !== {json.dumps(page.inner_text('#epoch'))}")
    page.click("#play")


def test_comparing_leads_to_the_other_atlas(visit: Visit):
    compared = data_of(visit.site, "compared")
    page = visit.open("#/compare/conv2/5")
    assert page.locator(".two").count() == 13
    row = page.locator(".two.chosen")
    assert row.locator("b").all_inner_texts() == ["conv2/5", f"conv2/{compared['pairs'][1]['partner'][5]}"]
    row.locator("a.half").nth(1).click()
    page.wait_for_url("**/other/**")
    page.wait_for_selector("button.place")
    page.locator("a", has_text="Its counterpart in").click()
    page.wait_for_selector(".two.chosen")


def test_keys_walk_through_maps(visit: Visit):
    page = visit.open("#conv3")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == page.locator("#grid .tile").nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    visit.shown(focused)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    following = page.evaluate("location.hash")
    assert following != focused
    visit.shown(following)
    page.keyboard.press("ArrowUp")
    visit.shown("#conv3")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_hidden()


def test_dark_and_light(visit: Visit):
    page = visit.open()
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    assert ground() == "rgb(255, 255, 255)"
    page.click("#theme")
    assert ground() != "rgb(255, 255, 255)"
    page.emulate_media(media="print")
    assert ground() == "rgb(255, 255, 255)"


def test_wrong_addresses_say_so(visit: Visit):
    for hash, told in (("#conv9", "no layer conv9"), ("#conv2/99", "maps 0 to 12"), ("#conv2/x", "maps 0 to 12")):
        page = visit.open(hash)
        assert told in page.inner_text("#view")


def test_a_wild_name_is_text(visit: Visit):
    page = visit.open("#/class/2")
    assert page.locator("h1").last.inner_text() == WILD
    page = visit.open()
    page.wait_for_selector("#classes a >> nth=2")
    assert page.locator("#classes a").nth(2).inner_text() == WILD
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("hash", PAGES)
def test_a_telephone_is_wide_enough(browser: Any, site: Path, hash: str):
    one = Visit(browser, site, viewport={"width": 375, "height": 700}, has_touch=True, color_scheme="dark")
    page = one.open(hash)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    if hash == "#conv3/4":
        page.locator("button.place").nth(1).tap()
        assert page.locator(".whole b").inner_text().startswith("place 2")
        assert page.locator(".whole").bounding_box()["y"] < 700
    page.close()
    assert not one.wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hash", [*PAGES, "#nowhere"])
def test_nothing_shuts_anyone_out(browser: Any, site: Path, hash: str, scheme: str):
    one = Visit(browser, site, viewport={"width": 1100, "height": 800}, color_scheme=scheme, bypass_csp=True)
    one.open(hash)
    faults = faults_of(one)
    one.page.close()
    assert not faults

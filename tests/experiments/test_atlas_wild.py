"""An atlas of a network whose layers have wild names, of data that say where parts are, with images made for maps."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from atlas_site import WILD, WILD_LAYERS, build_wild_atlas, data_of
from atlas_visit import Visit, faults_of
from chromium import needs_chromium

from zfnet.pages import component

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wild_atlas(tmp_path_factory.mktemp("wild")) / "atlas"


def address(layer: str) -> str:
    return "#" + component(layer)


def test_the_layers_are_there_by_their_names(site: Path):
    assert [about["name"] for about in data_of(site, "front")["layers"]] == [*WILD_LAYERS, "scores"]


@pytest.mark.parametrize("layer", WILD_LAYERS, ids=["element", "quotes", "address"])
def test_a_wild_layer_is_text_and_has_an_address(visit: Visit, layer: str):
    page = visit.open(address(layer))
    assert page.locator("h1").last.text_content() == layer
    page.locator("#grid .tile").first.click()
    visit.holds(f"document.body.dataset.shown.startsWith({address(layer)[1:]!r} + '/')")
    assert page.locator("#view h1").text_content().startswith(layer)
    assert page.locator("#layers").input_value() == str(WILD_LAYERS.index(layer))
    page.go_back()
    visit.shown(address(layer))
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_from_the_front_page_to_a_wild_layer(visit: Visit):
    page = visit.open()
    for number, layer in enumerate(WILD_LAYERS):
        page.locator("svg.network a").nth(number).click()
        visit.shown(address(layer))
        page.go_back()
        visit.shown("")
    page.keyboard.press("/")
    page.keyboard.type("quoted")
    page.wait_for_selector("#results li[data-hash]")
    page.keyboard.press("Enter")
    visit.shown(address(WILD_LAYERS[1]))
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0


def test_images_made_for_maps(visit: Visit):
    made = data_of(visit.site, "optimised-000")
    page = visit.open(f"{address(WILD_LAYERS[0])}/{made['maps'][0]}")
    visit.scroll()
    assert page.locator("#h-optimised").count() == 1
    cell = page.locator("section[aria-labelledby=h-optimised] .cell")
    assert (visit.site / cell.get_attribute("data-at")).is_file()
    assert cell.evaluate("cell => cell.style.backgroundImage") != ""
    assert made["value"][0] > made["start"][0]
    other = next(one for one in range(6) if one not in made["maps"])
    visit.open(f"{address(WILD_LAYERS[0])}/{other}")
    assert page.locator("#h-optimised").count() == 0


def parts(site: Path) -> list[str]:
    return list(data_of(site, "search")["parts"])


def test_a_part_leads_to_its_maps(visit: Visit):
    name = parts(visit.site)[0]
    page = visit.open()
    page.locator("#parts a", has_text=name).first.click()
    visit.shown(f"#/part/{quote(name)}")
    assert page.locator("#view .maplink").count() == len(data_of(visit.site, "search")["parts"][name])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["front", "layer", "map", "part", "scores", "image"])
def test_nothing_shuts_anyone_out(browser: Any, site: Path, kind: str, scheme: str):
    shown, made = data_of(site, "front")["shown"], data_of(site, "optimised-000")["maps"]
    hash = {
        "front": "", "layer": address(WILD_LAYERS[1]), "map": f"{address(WILD_LAYERS[0])}/{made[0]}",
        "part": f"#/part/{quote(parts(site)[0])}", "scores": "#scores/1", "image": f"#/image/{shown[0]}",
    }[kind]  # fmt: skip
    one = Visit(browser, site, viewport={"width": 375, "height": 700}, color_scheme=scheme, bypass_csp=True)
    page = one.open(hash)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert not one.wrong  # before axe looks for style sheets by a request of its own
    assert not faults_of(one)
    page.close()


def test_it_is_served_as_well_as_opened(browser: Any, site: Path):
    """From a web server, in a folder of its own: nothing but files beside the page is asked for."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one = Visit(browser, site)
    try:
        base = f"http://127.0.0.1:{server.server_port}/atlas/"
        one.page.goto(f"{base}index.html{address(WILD_LAYERS[1])}/2")
        one.shown(f"{address(WILD_LAYERS[1])}/2")
        one.scroll()
        assert not [url for url in one.asked if not url.startswith(base) and not url.endswith("favicon.ico")]
        assert WILD.split()[0] not in one.page.title()
    finally:
        one.page.close()
        server.shutdown()
    assert not [text for text in one.wrong if "404" not in text]

"""The live page in a real browser: the system's chromium, driven by playwright."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")
from chromium import needs_chromium
from live_tab import Tab, open_live_browser
from PIL import Image
from small_page import image_file, page, served

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_live_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(3):
        (folder / f"{seed}.png").write_bytes(image_file(seed))
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served(page(examples=[folder / "0.png", folder / "1.png"])) as at:
        yield at


@pytest.fixture
def tab(browser: Any, address: str) -> Iterator[Tab]:
    one = Tab(browser, address, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield one
    one.close()


def test_an_upload_is_answered_and_a_bad_one_is_told(tab: Tab, folder: Path, tmp_path: Path):
    tab.after("guess", lambda: tab.page.set_input_files("#file", str(folder / "2.png")))
    assert tab.text("#name") == "2.png"
    assert tab.page.locator(".bar-row").count() == 5
    assert "was" in tab.page.locator("#bars").text_content() or tab.page.locator("rect.was").count() == 5
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    tab.page.set_input_files("#file", str(tmp_path / "bad.png"))
    tab.holds("!document.getElementById('trouble').hidden")
    assert "cannot be read" in tab.text("#trouble")
    assert tab.text("#name") == "2.png"
    tab.wrong = [words for words in tab.wrong if "400 (Bad Request)" not in words]  # the browser's own line on it


def test_paste_drop_and_camera(tab: Tab, folder: Path):
    data = list((folder / "2.png").read_bytes())
    made = f"""(() => {{ const given = new DataTransfer();
        given.items.add(new File([new Uint8Array({data})], "given.png", {{type: "image/png"}})); return given; }})()"""
    pasted = f"dispatchEvent(new ClipboardEvent('paste', {{clipboardData: {made}}}))"
    tab.after("guess", lambda: tab.page.evaluate(pasted))
    assert tab.text("#name") == "given.png"
    tab.after("guess", lambda: tab.page.locator("#gallery button").nth(1).click())
    assert tab.text("#name") == "1.png"
    tab.after("guess", lambda: tab.page.evaluate(f"dispatchEvent(new DragEvent('drop', {{dataTransfer: {made}}}))"))
    assert tab.text("#name") == "given.png"
    tab.page.click("#camera")
    tab.holds("document.getElementById('video').videoWidth > 0")
    tab.after("guess", lambda: tab.page.click("#shoot"))
    assert tab.text("#name") == "camera.png"
    tab.page.click("#unplug")


def test_a_layer_a_map_and_a_place(tab: Tab):
    tab.after("maps", lambda: tab.page.locator(".network:not([hidden]) .layer[data-layer=conv3]").click())
    values = [float(text) for text in tab.page.locator("#tiles .tile small").all_text_contents()]
    assert values == sorted(values, reverse=True)
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    number = tab.page.locator("#tiles .tile").first.get_attribute("data-map")
    assert tab.text("#unit-name").startswith(f"{number} at (")
    box = tab.page.locator("#over .outline")
    assert float(box.get_attribute("width")) > 5
    assert tab.page.locator("#unit-pixels image").get_attribute("href").startswith("data:image/png")
    tab.after("place", lambda: tab.page.locator("#shown").click(position={"x": 168, "y": 168}, force=True))
    assert "conv3, row " in tab.text("#place-note")
    assert tab.page.locator("#place-tiles .tile").count() > 0
    tab.after("unit", lambda: tab.page.locator("#unit-map").click(position={"x": 5, "y": 5}))
    assert tab.text("#unit-name").startswith(f"{number} at (0, 0)")
    tab.after("unit", lambda: tab.page.select_option("#rule", "gradient"))


def test_maps_that_changed_are_marked(tab: Tab):
    assert tab.page.locator(".tile.marked").count() == 0
    tab.after("maps", lambda: tab.page.locator("#gallery button").nth(1).click())
    assert tab.page.locator(".tile.marked").count() > 0


def test_hiding_a_square_and_every_place(tab: Tab):
    clean = tab.text("#bars .number")
    tab.page.locator("[name=mode][value=hide]").check()
    frame = tab.page.locator("#frame").bounding_box()
    at = frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2
    tab.after("hiding", lambda: tab.page.mouse.move(*at))
    assert tab.page.locator("#over .square").count() == 1
    assert tab.page.locator("rect.was").count() >= 5
    assert tab.page.locator(".tile.hiding").count() == 1
    tab.after("guess", lambda: tab.page.mouse.move(700, 5))
    assert tab.page.locator("#over .square").count() == 0
    assert tab.text("#bars .number") == clean
    tab.after("hiding", lambda: tab.page.click("#occlude"))
    assert tab.page.locator("#heat").is_visible()
    assert "without a square" in tab.text("#heat-note")
    tab.page.click("#words-heat")
    assert "zfnet fig7" in tab.text("#again-command")
    assert tab.page.locator("#again-files a").get_attribute("href").startswith("square/")
    tab.page.locator("#again button", has_text="Close").click()
    tab.after("hiding", lambda: tab.page.mouse.move(*at))
    assert not tab.page.locator("#heat").is_visible()  # the square is moved over the picture, not over colours


def test_the_occlusion_map_lies_over_the_places_that_were_hidden(tab: Tab):
    tab.page.locator("[name=mode][value=hide]").check()
    tab.page.locator("#size").fill("80")  # 23 of 64 px: steps of 8 px, and a last one of 1
    with tab.page.expect_request("**/ask/occlusion") as asked:
        tab.after("hiding", lambda: tab.page.click("#occlude"))
    again = "async (body) => (await fetch('ask/occlusion', {method: 'POST', body})).text()"
    heat = json.loads(tab.page.evaluate(again, asked.value.post_data).splitlines()[-1])["heat"]
    starts = heat["columns"]
    assert starts[-1] - starts[-2] != starts[1] - starts[0]
    wrong = tab.page.evaluate(
        """async (heat) => {
            const {paint} = await import("/static/base.js"), cells = document.createElement("canvas");
            paint(cells, heat.probability.flat(), heat.rows.length, heat.columns.length, 190);
            const [frame, drawn] = ["frame", "heat"].map((one) => document.getElementById(one).getBoundingClientRect());
            const canvas = document.getElementById("heat"), wrong = [];
            const read = (of) => of.getContext("2d").getImageData(0, 0, of.width, of.height).data;
            const [over, plain] = [read(canvas), read(cells)];
            const colour = (of, wide, x, y) => [...of.slice(4 * (y * wide + x), 4 * (y * wide + x + 1))].join();
            const pixel = (corner, side, start, size, count) =>  // of the canvas, where a square has its middle
                Math.floor((((corner + heat.size / 2) / 64) * side - start) / size * count);
            heat.rows.forEach((top, row) => heat.columns.forEach((left, column) => {
                const x = pixel(left, frame.width, drawn.left - frame.left, drawn.width, canvas.width);
                const y = pixel(top, frame.height, drawn.top - frame.top, drawn.height, canvas.height);
                const here = colour(over, canvas.width, x, y), meant = colour(plain, cells.width, column, row);
                if (here !== meant) wrong.push([row, column]);
            }));
            return wrong;
        }""",
        heat,
    )
    assert wrong == []


@pytest.mark.parametrize(("kind", "columns"), [("layers", 2), ("networks", 2), ("rules", 3), ("pictures", 2)])
def test_side_by_side(tab: Tab, kind: str, columns: int):
    tab.after("guess", lambda: tab.page.locator("#gallery button").nth(1).click())
    tab.after("compare", lambda: tab.page.click(f"[data-compare={kind}]"))
    assert tab.page.locator(".column").count() == columns
    titles = tab.page.locator(".column h3").all_text_contents()
    pictures = [one.get_attribute("src") for one in tab.page.locator(".column img.small").all()]
    assert len(set(zip(titles, pictures, strict=True))) == columns


def test_what_is_seen_is_saved(tab: Tab, tmp_path: Path):
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    with tab.page.expect_download() as download:
        tab.page.click("#save")
    download.value.save_as(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as saved:
        assert saved.text["command"].startswith("zfnet project image=0-")  # type: ignore[attr-defined]
    tab.page.click("#words")
    tab.holds("document.getElementById('again').open")
    assert tab.text("#again-command") == saved.text["command"]  # type: ignore[attr-defined]
    with tab.page.expect_download() as download:
        tab.page.click("#again-files a")
    download.value.save_as(tmp_path / "square.png")
    with Image.open(tmp_path / "square.png") as square:
        assert square.size == (72, 72)


def saved_by(tab: Tab, button: str, path: Path) -> dict[str, str]:
    """The words in the PNG file that a button saves."""
    with tab.page.expect_download() as download:
        tab.page.click(button)
    download.value.save_as(path)
    with Image.open(path) as saved:
        return dict(saved.text)  # type: ignore[attr-defined]


def test_a_square_that_a_click_keeps_is_saved(tab: Tab, tmp_path: Path):
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").nth(1).click())
    number = tab.page.locator("#tiles .tile").nth(1).get_attribute("data-map")
    tab.page.locator("[name=mode][value=hide]").check()
    tab.after("hiding", lambda: tab.page.locator("#shown").hover(position={"x": 100, "y": 150}, force=True))
    tab.after("hiding", lambda: tab.page.locator("#shown").click(position={"x": 100, "y": 150}, force=True))
    tab.page.mouse.move(700, 5)
    assert tab.page.locator("#over .square").count() == 1, "it stays"
    assert tab.text("#hidden-note").startswith(f"map {number}: ")
    side = int(tab.page.locator("#over .square").get_attribute("width"))
    words = saved_by(tab, "#save-hidden", tmp_path / "saved.png")
    assert words["command"].startswith("zfnet project image=0-")
    assert f",{side}]" in words["command"].partition("hide=[")[2]
    tab.page.click("#words-hidden")
    tab.holds("document.getElementById('again').open")
    assert tab.text("#again-python") == words["python"]
    tab.page.locator("#again form button").click()
    tab.after("hiding", lambda: tab.page.locator("#size").fill("80"))
    assert int(tab.page.locator("#over .square").get_attribute("width")) == round(80 / 224 * 64)
    other = tab.page.locator("#tiles .tile").nth(2)
    tab.after("hiding", lambda: other.click())
    assert tab.text("#hidden-note").startswith(f"map {other.get_attribute('data-map')}: ")
    tab.after("hiding", lambda: tab.page.locator("#shown").click(position={"x": 200, "y": 200}, force=True))
    tab.after("guess", lambda: tab.page.mouse.move(700, 5))
    assert tab.page.locator("#over .square").count() == 0, "a second click lets it go on"


def test_places_and_comparisons_are_saved(tab: Tab, tmp_path: Path):
    tab.after("guess", lambda: tab.page.locator("#gallery button").nth(1).click())
    tab.after("place", lambda: tab.page.locator("#shown").click(position={"x": 168, "y": 168}, force=True))
    assert saved_by(tab, "#save-place", tmp_path / "place.png")["command"].startswith("zfnet project image=1-")
    assert not tab.page.locator("#save-compare").is_visible()
    for kind, count in (("pictures", 2), ("networks", 2), ("rules", 3)):
        tab.after("compare", lambda kind=kind: tab.page.click(f"[data-compare={kind}]"))
        words = saved_by(tab, "#save-compare", tmp_path / f"{kind}.png")
        assert len(words["command"].splitlines()) == count
        tab.page.click("#words-compare")
        tab.holds("document.getElementById('again').open")
        assert tab.text("#again-command") == words["command"]
        names = tab.page.locator("#again-files a").all_text_contents()
        assert len(names) == (1 if kind == "rules" else 2)
        assert all(name in words["command"] for name in names)
        tab.page.locator("#again form button").click()


def test_words_are_copied(browser: Any, address: str):
    tab = Tab(browser, address)
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    tab.page.click("#words")
    tab.page.click("[data-copy=again-python]")
    tab.holds("document.querySelector('[data-copy=again-python]').textContent === 'Copied'")
    assert tab.page.evaluate("navigator.clipboard.readText()") == tab.text("#again-python")
    tab.close()


def test_another_network_sees_it_in_its_own_frame(tab: Tab):
    tab.after("guess", lambda: tab.page.select_option("#network", "1"))
    tab.holds("document.getElementById('shown').naturalWidth === 80")
    assert tab.page.evaluate("document.getElementById('shown').naturalWidth") == 80


def test_a_drawn_objects_parts_go(browser: Any):
    with served(page(drawn=True)) as address:
        tab = Tab(browser, address, viewport={"width": 1280, "height": 900})
        whole = tab.page.locator("#shown").get_attribute("src")
        tab.page.locator("#parts button", has_text="both: eye").click()
        tab.after("guess", lambda: tab.page.locator("#gone").check())
        blind = tab.page.locator("#shown").get_attribute("src")
        assert blind != whole
        assert tab.page.locator("#parts .changed").count() == 3
        was = tab.page.locator("rect.was").count()
        tab.page.locator("#parts button", has_text="beak").click()
        tab.after("guess", lambda: tab.page.locator("#gone").check())
        assert tab.page.locator("[data-label='4']").count() == 1  # the owl, however little is left of it
        tab.after("compare", lambda: tab.page.click("[data-compare=pictures]"))
        compared = [one.get_attribute("src") for one in tab.page.locator(".column img.small").all()]
        assert compared[0] == whole, "it is compared with the whole object, not with the step before"
        titles = [one.text_content() for one in tab.page.locator(".column h3").all()]
        assert titles == ["compared with: owl-7.png", "this picture: owl-7.png"]
        assert was >= 5
        tab.after("guess", lambda: tab.page.click("#whole"))
        assert tab.page.locator("#shown").get_attribute("src") == whole
        tab.close()


def test_places_are_hidden_for_the_drawn_class_until_another_is_chosen(browser: Any, folder: Path):
    with served(page(examples=[folder / "0.png"])) as address:
        tab = Tab(browser, address, viewport={"width": 1280, "height": 900})
        target = lambda: tab.page.locator("#target").input_value()  # noqa: E731
        before = target()
        tab.after("guess", lambda: tab.page.locator("#drawing summary").click())
        assert before != "4"
        assert target() == "4"  # the owl's, which the photograph was not taken for
        other = next(one for one in "0123" if tab.page.locator(f"#target option[value='{one}']").count())
        tab.page.select_option("#target", other)
        tab.page.locator("#parts button", has_text="beak").click()
        tab.after("guess", lambda: tab.page.locator("#gone").check())
        assert target() == other
        tab.after("guess", lambda: tab.page.locator("#gallery button").first.click())
        assert target() == before
        tab.close()


def test_a_page_that_is_closed_in_the_middle_of_a_map_is_told(tab: Tab):
    tab.page.evaluate(
        "window.fetch = async () => new Response(JSON.stringify({done: 1, total: 9}) + String.fromCharCode(10))"
    )
    tab.page.click("#occlude")
    tab.holds("!document.getElementById('trouble').hidden")
    assert "was not finished" in tab.text("#trouble")
    assert tab.page.locator("#occlude").is_enabled()


def late(tab: Tab, path: str, part: str) -> None:
    """From now on answers to such questions, those that hold a part, come half a second later than others."""
    tab.page.evaluate(
        """([path, part]) => {
            const ask = window.fetch;
            window.fetch = async (at, given) => {
                const answer = await ask(at, given);
                if (at === path && given.body.includes(part)) await new Promise((go) => setTimeout(go, 500));
                return answer;
            };
        }""",
        [path, part],
    )


def test_a_map_is_of_the_picture_though_all_maps_come_later(tab: Tab):
    tab.after("maps", lambda: tab.page.locator(".network:not([hidden]) .layer[data-layer=conv1]").click())
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    number = tab.page.locator("#tiles .tile").first.get_attribute("data-map")
    late(tab, "ask/maps", "")
    tab.after("maps", lambda: tab.page.locator("#gallery button").nth(1).click())
    pixels = "[...document.querySelector('{}').getContext('2d').getImageData(0, 0, {w}, {w}).data]"
    wide = tab.page.evaluate("document.getElementById('unit-map').width")
    large, tile = (
        tab.page.evaluate(pixels.replace("{}", one).replace("{w}", str(wide)))
        for one in ("#unit-map", f'#tiles [data-map="{number}"] canvas')
    )
    assert sum(one != other for one, other in zip(large, tile, strict=True)) <= 4, "but for the place that is marked"


def test_an_answer_under_another_rule_is_not_shown(tab: Tab):
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    shown = lambda: tab.page.locator("#unit-pixels image").get_attribute("href")  # noqa: E731
    tab.after("unit", lambda: tab.page.select_option("#rule", "gradient"))
    gradient = shown()
    tab.after("place", lambda: tab.page.locator("#shown").click(position={"x": 168, "y": 168}, force=True))
    places = lambda: [one.get_attribute("src") for one in tab.page.locator("#place-tiles img").all()]  # noqa: E731
    of_gradient = places()
    for path in ("ask/unit", "ask/place"):
        late(tab, path, '"rule":"guided"')
    tab.page.select_option("#rule", "guided")
    tab.after("unit", lambda: tab.page.select_option("#rule", "gradient"))
    tab.holds("true")
    assert (shown(), places()) == (gradient, of_gradient)


def test_maps_of_the_network_before_are_not_shown(tab: Tab):
    late(tab, "ask/maps", '"network":0')
    tab.page.locator("#gallery button").nth(1).click()
    tab.after("maps", lambda: tab.page.select_option("#network", "1"))
    tiles = tab.text("#tiles")
    tab.page.wait_for_timeout(700)
    tab.holds("true")
    assert tab.text("#tiles") == tiles
    tab.after("maps", lambda: tab.page.locator("#gallery button").nth(1).click())
    assert tab.text("#tiles") == tiles


def test_two_tabs_do_not_mix(browser: Any, address: str):
    tabs = [Tab(browser, address) for _ in range(2)]
    for number, one in enumerate(tabs):
        one.after("guess", lambda one=one, number=number: one.page.locator("#gallery button").nth(number).click())
    for number, one in enumerate(tabs):
        one.after("unit", lambda one=one: one.page.locator("#tiles .tile").first.click())
        assert one.text("#name") == f"{number}.png"
    assert tabs[0].text("#bars") != tabs[1].text("#bars")
    for one in tabs:
        one.close()


def test_a_telephone_is_wide_enough(browser: Any, address: str):
    tab = Tab(browser, address, viewport={"width": 375, "height": 700}, has_touch=True, color_scheme="dark")
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.tap())
    tab.after("place", lambda: tab.page.locator("#shown").tap(force=True))
    tab.after("compare", lambda: tab.page.locator("[data-compare=rules]").tap())
    tab.after("guess", lambda: tab.page.locator("#drawing summary").tap())
    tab.page.locator("#parts button", has_text="beak").tap()
    tab.after("guess", lambda: tab.page.locator("#gone").check())
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 375
    tab.page.locator("[name=mode][value=hide]").check()
    tab.after("hiding", lambda: tab.page.locator("#shown").tap(force=True))
    tab.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_shuts_anyone_out(browser: Any, address: str, scheme: str):
    axe = pytest.importorskip("axe_playwright_python", reason="skipped: axe-playwright-python is not installed")
    look = {"viewport": {"width": 1280, "height": 900}, "color_scheme": scheme, "bypass_csp": True}
    tab = Tab(browser, address, **look)
    tab.after("unit", lambda: tab.page.locator("#tiles .tile").first.click())
    tab.after("place", lambda: tab.page.locator("#shown").click(force=True))
    tab.after("compare", lambda: tab.page.click("[data-compare=rules]"))
    tab.page.add_script_tag(path=str(Path(axe.__file__).parent / "axe.min.js"))
    rules = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"
    found = tab.page.evaluate(f"axe.run(document, {{runOnly: {rules}}})")
    assert not [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]
    tab.close()

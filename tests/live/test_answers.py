"""What a page is told, against the library asked directly."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")
from small_page import NAMES, image_file, lens, page

from zfnet import Deconvnet, occlude
from zfnet.data import read_photographs
from zfnet.forward import Field
from zfnet.live import Cancelled, Forgotten, Page, Pictures, guesses, hide_everywhere, hide_square, place_of, tiles_of
from zfnet.live.drawn import key_of
from zfnet.live.lens import LiveLayer
from zfnet.live.words import option


@pytest.fixture(scope="module")
def shown() -> Page:
    return page()


@pytest.fixture(scope="module")
def key(shown: Page) -> str:
    return str(shown.upload(image_file(0), "a.png")["picture"])


def inputs_of(tmp_path: Path, shown: Page, number: int = 0) -> torch.Tensor:
    (tmp_path / "a.png").write_bytes(image_file(0))
    return read_photographs([str(tmp_path / "a.png")], shown.lenses[number].network.frame).inputs


@pytest.mark.parametrize("number", [0, 1])
def test_a_picture_is_what_the_network_would_see_of_the_file(shown: Page, key: str, tmp_path: Path, number: int):
    torch.testing.assert_close(shown.pictures[key].inputs[number], inputs_of(tmp_path, shown, number), rtol=0, atol=0)


def test_guesses_are_the_networks_own(shown: Page, key: str, tmp_path: Path):
    for number, one in enumerate(shown.lenses):
        with torch.no_grad():
            expected = one.model(inputs_of(tmp_path, shown, number)).softmax(1)[0]
        told = shown.answer("guess", {"network": number, "picture": key})
        assert told["picture"] == key
        assert [guess["label"] for guess in told["guesses"]] == expected.argsort(descending=True).tolist()
        assert [guess["probability"] for guess in told["guesses"]] == pytest.approx(
            expected.sort(descending=True)[0].tolist(), rel=1e-4
        )
        assert told["guesses"][0]["name"] == NAMES[int(expected.argmax())]


def test_maps_come_strongest_first_and_those_that_changed_are_marked(shown: Page, key: str, tmp_path: Path):
    other = shown.upload(image_file(1), "b.png")["picture"]
    deconvnet = Deconvnet(shown.lenses[0].model)
    maps, before = (deconvnet.activations(shown.pictures[one].inputs[0], ["conv3"])["conv3"][0] for one in (key, other))
    told = shown.answer("maps", {"picture": key, "layer": "conv3", "before": other, "count": 7})
    peaks = maps.flatten(1).amax(1)
    assert told["maps"] == peaks.argsort(descending=True, stable=True)[:7].tolist()
    for number, value, row, column in zip(told["maps"], told["value"], told["row"], told["column"], strict=True):
        assert float(maps[number, row, column]) == pytest.approx(value, rel=1e-4)
        assert float(peaks[number]) == pytest.approx(value, rel=1e-4)
    difference = (maps - before).abs().flatten(1).amax(1)
    assert set(told["changed"]) == set(difference.argsort(descending=True)[:6].tolist())


def test_tiles_keep_the_strongest_value_of_large_maps(shown: Page, key: str):
    one = lens(input_px=160)
    pictures = Pictures([one.network.frame])
    picture = pictures.of_bytes(image_file(3), "c.png")
    tiles = tiles_of(one, picture, "conv1", 3)
    assert max(tiles.shape) > 56 >= max(tiles.tiles.shape[1:])
    alive = tiles.value > 0
    assert alive.any()
    assert (tiles.tiles.max((1, 2))[alive] == 255).all()


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_a_unit_is_projected_as_the_deconvnet_does(shown: Page, key: str, rule: str):
    one, picture = shown.lenses[0], shown.pictures[key]
    found = one.project(picture, "conv3", [(2, 1, 1)], rule)
    deconvnet = Deconvnet(one.model, rule)
    record = deconvnet.record(picture.inputs[0], ["conv3"])
    dense = deconvnet.project(record, "conv3", [[0, 2, 1, 1]])
    (top, left), (height, width) = found.corners[0].tolist(), found.pixels.shape[2:]
    inside = found.pixels[0, :, max(0, -top) : 64 - top, max(0, -left) : 64 - left]
    cut = dense[0, :, max(0, top) : top + height, max(0, left) : left + width]
    torch.testing.assert_close(inside, cut, rtol=1e-4, atol=1e-4 * float(dense.abs().max()))
    assert float(found.values[0]) == pytest.approx(float(record.maps["conv3"][0, 2, 1, 1]), rel=1e-4)


def test_a_pixel_belongs_to_the_unit_whose_middle_is_nearest(shown: Page):
    layer = shown.lenses[0].layer("conv2")
    assert layer.field is not None
    for row in range(layer.shape[1]):
        middle = layer.field.offset_px[0] + row * layer.field.step_px[0] + layer.field.size_px[0] / 2
        if 0 <= middle < 64:
            assert place_of(layer, 64, middle, 0.0)[0] == row
    assert place_of(layer, 64, 63, 63) <= (layer.shape[1] - 1, layer.shape[2] - 1)
    assert place_of(shown.lenses[0].layer("fc7"), 64, 20, 30) == (0, 0)


def test_every_pixel_has_its_own_unit_where_units_see_an_odd_square_around_each():
    field = Field(size_px=(3, 3), step_px=(1, 1), offset_px=(-1, -1))  # VGG16's first layer
    layer = LiveLayer(name="conv", kind="Conv2d", shape=(4, 64, 64), parameters=0, field=field, scores=False)
    assert [place_of(layer, 64, at, 63 - at) for at in range(64)] == [(at, 63 - at) for at in range(64)]


def test_a_hidden_square_is_one_pass_of_the_covered_image(shown: Page, key: str):
    one, picture = shown.lenses[0], shown.pictures[key]
    hidden = hide_square(one, picture, (-5, 30, 20), layer="conv5", number=1)
    covered = picture.inputs[0].clone()
    covered[:, :, :15, 30:50] = 0
    deconvnet = Deconvnet(one.model)
    with torch.no_grad():
        torch.testing.assert_close(hidden.probability, one.model(covered).softmax(1)[0])
    torch.testing.assert_close(hidden.map, deconvnet.activations(covered, ["conv5"])["conv5"][0, 1])
    assert not any(module._forward_hooks for module in one.model.modules())


def test_the_occlusion_map_is_occludes_and_can_be_stopped(shown: Page, key: str):
    said = {"picture": key, "layer": "conv5", "target": 1, "size": 16, "stride": 12}
    *steps, last = (json.loads(line) for line in shown.occlusion(said))
    assert steps[-1]["done"] == steps[-1]["total"]
    heat = occlude(shown.lenses[0].model, shown.pictures[key].inputs[0][0], 1, 16, 12, layer="conv5", progress=False)
    assert last["heat"]["rows"] == heat.rows.tolist()
    assert last["heat"]["highest"] == pytest.approx(float(heat.probability.max()), rel=1e-4)
    assert np.argmax(last["heat"]["probability"]) == int(heat.probability.argmax())

    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        hide_everywhere(shown.lenses[0], shown.pictures[key], layer="conv5", target=1, size_px=16, stride_px=12,
                        told=lambda count, total: None, cancelled=stop)  # fmt: skip
    assert guesses(shown.lenses[0], shown.pictures[key])  # the turn is free again


def test_old_pictures_are_forgotten():
    one = lens()
    pictures = Pictures([one.network.frame], kept=2)
    first, *_ = [pictures.of_bytes(image_file(seed), "a.png") for seed in range(3)]
    with pytest.raises(Forgotten, match="no longer kept"):
        pictures[first.key]


@pytest.mark.parametrize("path", ["a.pt", "/home/müller/漢字.pt", "it's, mine.pt", "end\\", "q\\'x.pt", "a=[b] {c}.pt"])
def test_hydra_reads_the_path_that_the_page_writes(path: str):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    assert OverridesParser.create().parse_override(option("checkpoint", path)).value() == path


@pytest.mark.parametrize("hue", [0, 0.0])
def test_a_part_made_red_is_another_picture_and_stays_red_when_drawn_again(hue: float):
    page = Page(lenses=[one := lens()], pictures=Pictures([one.network.frame]))
    keys = []
    for more in ({}, {"hue": hue}):  # 0 is red; without one a part has its own colour
        said = {"class": 3, "seed": 7, "changes": {"body": {"right": 0.1, **more}}}
        keys.append(page.answer("draw", said)["picture"])
    own, red = (page.pictures[key] for key in keys)
    assert own.key != red.key
    assert (own.pixels[0] != red.pixels[0]).any()
    assert json.loads(red.recipe)["changes"]["body"]["hue"] == 0
    again = Page(lenses=[one], pictures=Pictures([one.network.frame])).asked({"picture": red.key}).picture
    np.testing.assert_array_equal(again.pixels[0], red.pixels[0])


def test_drawn_pictures_push_nobody_out_and_are_drawn_again():
    page = Page(lenses=[one := lens()], pictures=Pictures([one.network.frame], kept=3))
    key = page.upload(image_file(0), "a.png")["picture"]
    said = {"class": 3, "seed": 7, "changes": {"beak": {"right": 0.1, "hue": 0.5}}}
    first = page.answer("draw", said)
    for step in range(45):
        page.answer("draw", {**said, "changes": {"beak": {"right": step / 100}}})
    assert page.answer("guess", {"picture": key})["guesses"]
    with pytest.raises(Forgotten):
        page.pictures[first["picture"]]
    pixels = page.asked({"picture": first["picture"]}).picture.pixels[0]
    np.testing.assert_array_equal(pixels, page.pictures[page.answer("draw", said)["picture"]].pixels[0])
    for forged in ({"class": 99, "seed": 0}, {"class": 3, "seed": 7, "changes": {"beak": {"right": 1e9}}}, {}):
        forged_key = key_of(json.dumps(forged))
        with pytest.raises(ValueError, match="expected a"):
            page.answer("guess", {"picture": forged_key})
    for nonsense in ("x.", "x.AAAA", "x.W10=", "x.%", "x"):
        with pytest.raises(Forgotten):
            page.answer("guess", {"picture": nonsense})


def test_a_network_is_in_memory_once(shown: Page):
    for one in shown.lenses:
        assert all(one.deconvnet(rule).model is one.network.model for rule in ("deconvnet", "guided", "gradient"))
    assert len({parameter.data_ptr() for one in shown.lenses for parameter in one.model.parameters()}) == sum(
        len(list(one.model.parameters())) for one in shown.lenses
    )


def test_records_do_not_pile_up(monkeypatch: pytest.MonkeyPatch):
    one = lens()
    pictures = Pictures([one.network.frame])
    for seed in range(4):
        one.record(pictures.of_bytes(image_file(seed), "a.png"))
    assert len(one._records) == 4
    monkeypatch.setattr("zfnet.live.lens.RECORD_BYTES", 1)
    one.record(pictures.of_bytes(image_file(9), "a.png"))
    assert len(one._records) == 1


@pytest.mark.parametrize(
    ("name", "said", "words"),
    [
        ("maps", {"layer": "conv9"}, "no layer 'conv9'"),
        ("unit", {"layer": "conv3", "map": 99}, "map is '99', expected a whole number from 0"),
        ("unit", {"layer": "conv3", "map": True}, "map is 'True'"),
        ("unit", {"layer": "conv3", "map": 0, "rule": "luck"}, "rule is 'luck', expected one of deconvnet"),
        ("unit", {"layer": "conv3", "map": 0, "row": -1, "column": 0}, "row is '-1'"),
        ("guess", {"network": 2}, "network is '2'"),
        ("hide", {"layer": "conv3", "map": 0, "hidden": [0, 0, 0]}, r"hidden is \[0, 0, 0\]"),
        ("hide", {"layer": "conv3", "map": 0, "hidden": [0, 9]}, "expected .top, left, side. of a square"),
        ("words", {"columns": []}, "columns are expected as 1 to 3"),
        ("words", {"columns": [3]}, "columns are expected as 1 to 3"),
        ("draw", {"class": 3, "seed": 1, "changes": {"trunk": {}}}, "parts of a owl"),
        ("draw", {"class": 3, "seed": 1, "changes": {"beak": {"right": float("nan")}}}, "right is 'nan'"),
        ("words", {"layer": "conv3", "units": [[0, 0]]}, "no unit"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(shown: Page, key: str, name: str, said: dict, words: str):
    with pytest.raises(ValueError, match=words):
        shown.answer(name, {"picture": key, **said})


def test_a_square_beside_the_picture_hides_nothing(shown: Page, key: str):
    one, picture = shown.lenses[0], shown.pictures[key]
    for square in ((-40, 10, 20), (10, -40, 20), (64, 10, 20)):
        hidden = hide_square(one, picture, square, layer="conv5", number=1)
        torch.testing.assert_close(hidden.probability, one.probabilities(picture))


def test_drawn_parts_go_and_the_recipe_says_which(shown: Page):
    whole = shown.answer("draw", {"class": 3, "seed": 7, "changes": {}})
    assert {"left_eye", "right_eye", "beak"} <= set(whole["parts"])
    blind = shown.answer("draw", {"class": 3, "seed": 7, "changes": {"left_eye": {"gone": True}}})
    assert blind["parts"] == whole["parts"]
    recipe = json.loads(shown.pictures[blind["picture"]].recipe)
    assert recipe == {"class": "owl", "seed": 7, "changes": {"left_eye": {"gone": True}}}
    assert blind["pixels"] != whole["pixels"]

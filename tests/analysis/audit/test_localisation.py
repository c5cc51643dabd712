"""Energy and pointing where the truth is drawn by hand, and against Quantus."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_networks import Small, of_class
from quantus import PointingGame, RelevanceMassAccuracy

from zfnet.analysis.audit import Pictures, Truth, energy_and_pointing, localisation, score_on_parts

TRUTHS = [
    Truth(object=(2, 4, 12, 14), deciding=((3, 5, 6, 8), (9, 9, 11, 11))),
    Truth(object=(0, 0, 16, 16), deciding=((0, 0, 4, 4),)),
    Truth(object=(8, 8, 11, 12), deciding=()),
]


def mask(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    found = np.zeros((16, 16))
    for left, top, right, bottom in boxes:
        found[top:bottom, left:right] = 1
    return found


def told(pictures: dict[str, np.ndarray], measure: str) -> dict[tuple[str, str], list[float]]:
    made = {name: Pictures(values=torch.tensor(values)[:, None], signed=False) for name, values in pictures.items()}
    found = localisation(of_class([0, 1, 2]), made, TRUTHS, (16, 16))
    return {(one.method, one.condition): list(one.values) for one in found if one.measure == measure}


def test_the_box_itself_scores_all_nothing_scores_none_and_everything_scores_chance():
    objects = np.stack([mask(truth.object) for truth in TRUTHS])
    parts = np.stack([mask(*truth.deciding) for truth in TRUTHS])
    pictures = {"object": objects, "parts": parts, "flat": np.ones((3, 16, 16)), "blank": np.zeros((3, 16, 16))}
    for measure in ("energy", "pointing"):
        values = told(pictures, measure)
        assert values["object", "object"] == [1, 1, 1]
        assert values["parts", "deciding parts"][:2] == [1, 1]
        assert values["parts", "object"] == [1, 1, 0]  # of the last image it is blank
        assert values["blank", "object"] == [0, 0, 0]
        for condition in ("object", "deciding parts"):
            for own, chance in zip(values["flat", condition], values["chance", condition], strict=True):
                assert own == pytest.approx(chance, nan_ok=True)
        assert values["object", "deciding parts"][:2] == pytest.approx([13 / 100, 16 / 256])
        assert np.isnan(values["object", "deciding parts"][2])  # it has no deciding part
    assert values["chance", "object"] == pytest.approx([100 / 256, 1, 12 / 256])


def test_objects_are_sorted_by_their_share_of_the_image():
    values = told({"flat": np.ones((3, 16, 16))}, "energy")
    there = {name: np.isfinite(values["flat", name]).tolist() for name in ("boxes under 10 %", "boxes over 30 %")}
    assert there == {"boxes under 10 %": [False, False, True], "boxes over 30 %": [True, True, False]}


def test_the_centre_knows_the_middle_and_nothing_else():
    values = told({"flat": np.ones((3, 16, 16))}, "pointing")
    assert values["centre", "object"][0] == 1  # (7.5, 7.5) lies in it
    assert values["centre", "object"][2] == pytest.approx(0.25)  # of the four middle pixels one does
    assert values["centre", "deciding parts"][:2] == [0, 0]


@pytest.mark.filterwarnings("ignore")
def test_energy_and_pointing_are_quantus():
    generator = np.random.default_rng(0)
    pictures, masks = generator.random((5, 1, 16, 16)), np.stack([mask(TRUTHS[0].object)[None]] * 5)
    images, model = np.zeros((5, 3, 16, 16), np.float32), Small().eval()
    asked = {"model": model, "x_batch": images, "y_batch": np.zeros(5, int), "a_batch": pictures, "s_batch": masks}
    energy = RelevanceMassAccuracy(abs=False, normalise=False, disable_warnings=True)(**asked)
    pointing = PointingGame(abs=False, normalise=False, disable_warnings=True)(**asked)
    own = [energy_and_pointing(picture[0], masks[0, 0].astype(bool)) for picture in pictures]
    assert [one[0] for one in own] == pytest.approx(list(energy))
    assert [bool(one[1]) for one in own] == [bool(np.squeeze(one)) for one in pointing]


def test_any_method_is_scored_on_the_parts_world_as_those_with_names():
    generator = np.random.default_rng(0)
    importance = generator.random((3, 16, 16))
    scored, named = score_on_parts(importance, TRUTHS), told({"own": importance}, "energy")
    for condition in ("object", "deciding parts"):
        assert scored[condition]["energy"] == pytest.approx(np.array(named["own", condition]), nan_ok=True, abs=1e-6)
    with pytest.raises(ValueError, match=r"importance is \(2, 16, 16\), expected \(3, H, W\)"):
        score_on_parts(importance[:2], TRUTHS)
    with pytest.raises(ValueError, match=r"importance goes down to -0\.5, expected none below zero"):
        score_on_parts(importance - 0.5 - importance.min(), TRUTHS)


def test_a_box_that_begins_before_the_image_is_what_lies_in_it():
    importance = np.stack([mask((0, 0, 4, 6)) + mask((12, 12, 14, 16))])
    cut, whole = (
        score_on_parts(importance, [Truth(object=(left, -3, 4, 6), deciding=((left, 0, 2, 6),))]) for left in (0, -5)
    )
    assert whole["object"]["energy"].tolist() == cut["object"]["energy"].tolist() == [24 / 32]
    assert whole["deciding parts"]["energy"].tolist() == cut["deciding parts"]["energy"].tolist() == [0.5]


def test_a_part_beyond_the_object_is_not_asked_about():
    truth = Truth(object=(8, 8, 12, 12), deciding=((0, 0, 3, 3),))
    pictures = {"flat": Pictures(values=torch.ones(1, 1, 16, 16), signed=False)}
    found = localisation(of_class([0]), pictures, [truth], (16, 16))
    values = [one.values for one in found if one.condition == "deciding parts" and one.method == "flat"]
    assert np.isnan(values).all()


def test_own_parts_are_held_against_decoys_where_there_are_any():
    truths = [
        Truth(object=(0, 0, 8, 8), deciding=((2, 2, 4, 4),), decoys=((10, 10, 14, 14),)),
        Truth(object=(0, 0, 8, 8), deciding=((2, 2, 4, 4),)),
    ]
    own, other, flat = mask((2, 2, 4, 4)), mask((10, 10, 14, 14)), np.ones((16, 16))
    importance = {"own": own + 9 * mask((5, 5, 7, 7)), "other": other, "flat": flat}  # of the body nothing counts
    scored = {name: score_on_parts(np.stack([one] * 2), truths)["among decoys"] for name, one in importance.items()}
    assert {name: float(one["energy"][0]) for name, one in scored.items()} == {"own": 1, "other": 0, "flat": 4 / 20}
    assert {name: float(one["pointing"][0]) for name, one in scored.items()} == {"own": 1, "other": 0, "flat": 4 / 20}
    assert all(np.isnan(one["energy"][1]) for one in scored.values())  # that image has no decoy
    pictures = {"flat": Pictures(values=torch.ones(2, 1, 16, 16), signed=False)}
    found = localisation(of_class([0, 0]), pictures, truths, (16, 16))
    chance = [one.values for one in found if (one.method, one.condition) == ("chance", "among decoys")]
    assert chance[0][0] == chance[1][0] == 4 / 20
    assert "among decoys" not in score_on_parts(np.stack([flat]), truths[1:])

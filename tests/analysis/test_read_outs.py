"""Several read-outs of an occlusion: where they point, against maps made by hand; and a choice that is judged apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfnet import build_model, occlude
from zfnet.analysis import chances, halves, hits, judge, pointed_by_energy, pointed_by_squares
from zfnet.analysis.occlusion import Occlusion, averaged_drop, score_drops

BOX = (6, 2, 9, 5)  # left, top, right, bottom


def heat(probability: torch.Tensor, score: torch.Tensor, activity: torch.Tensor) -> Occlusion:
    """Squares of 4 at steps of 3 on an image of 10 x 10: corners 0, 3, 6; B images, the clean values are 1."""
    zero, ones = torch.zeros(len(probability), dtype=torch.int64), torch.ones(len(probability))
    corners = torch.tensor([0, 3, 6])
    return Occlusion(
        probability=probability, label=torch.zeros_like(probability).long(), activity=activity, map=zero, rows=corners,
        columns=corners, clean_probability=ones, clean_label=zero, clean_activity=ones, target=zero, layer="conv",
        size_px=4, score=score, clean_score=ones,
    )  # fmt: skip


def only(row: int, column: int) -> torch.Tensor:
    """What is taken at one of the 3 x 3 places alone, of one image."""
    values = torch.ones(1, 3, 3)
    values[0, row, column] = 0
    return values


def test_each_read_out_points_where_its_own_numbers_drop_most():
    heats = {("0.0", 4): heat(only(0, 2), only(2, 0), only(1, 1))}
    found = dict(pointed_by_squares(heats))
    greatest = {name: own.places.tolist() for name, own in found.items() if name.startswith("greatest")}
    assert greatest == {
        "greatest drop of probability, 0.0, 4 px": [[1.5, 7.5]],
        "greatest drop of score, 0.0, 4 px": [[7.5, 1.5]],
        "greatest drop of strongest map, 0.0, 4 px": [[4.5, 4.5]],
    }
    averaged = found["averaged drop of probability, 0.0, 4 px"]
    assert averaged.places.tolist() == [[1.0, 8.0]]  # pixels 0-2 and 7-9, which no other square covers
    assert hits(averaged, [[BOX]]).tolist() == [False]  # row 1 is above the box
    assert hits(found["greatest drop of probability, 0.0, 4 px"], [[(6, 1, 9, 5)]]).tolist() == [True]
    assert chances(averaged, [[BOX]]).tolist() == pytest.approx([9 / 100])
    assert chances(averaged, [[BOX, (0, 0, 1, 1)]]).tolist() == pytest.approx([10 / 100])
    squares = found["greatest drop of probability, 0.0, 4 px"]
    assert chances(squares, [[BOX]]).tolist() == [0]  # no centre of a square, 1.5, 4.5 or 7.5, lies in rows 2 to 4


def test_sizes_are_averaged_where_there_are_several():
    one = heat(only(0, 2), only(0, 2), only(0, 2))
    two = heat(1 - 10 * (1 - only(2, 0)), only(2, 0), only(2, 0))  # drops ten times as far
    found = dict(pointed_by_squares({("0.0", 4): one, ("0.0", 5): two, ("blur", 4): one}))
    assert found["averaged drop of probability, 0.0, all sizes"].places.tolist()[0][0] > 5
    assert not [name for name in found if "blur, all" in name]
    assert torch.equal(averaged_drop(one), averaged_drop(one))


def test_energy_is_taken_together_over_a_square():
    pixels = torch.zeros(1, 3, 10, 10)
    pixels[0, :, 1, 1] = 2.0  # 12 in one pixel
    pixels[0, 0, 6:9, 6:9] = -1.5  # 20.25 over nine
    assert pointed_by_energy(pixels, 1).places.tolist() == [[1, 1]]
    assert pointed_by_energy(pixels, 3).places.tolist() == [[7, 7]]


def test_scores_are_those_of_the_network_and_probabilities_their_softmax():
    torch.manual_seed(0)
    model, image = build_model("zfnet", num_classes=5, width=0.05, input_px=64).eval(), torch.randn(2, 3, 64, 64)
    found = occlude(model, image, [1, 4], size_px=32, stride_px=32, progress=False)
    hidden = image[1].clone()
    hidden[:, 32:, :32] = 0
    with torch.no_grad():
        scores, clean = model(hidden[None])[0], model(image)
    assert found.score is not None
    assert found.of(1).score[1, 0].item() == pytest.approx(scores[4].item(), abs=1e-5)
    assert score_drops(found)[1, 1, 0].item() == pytest.approx((clean[1, 4] - scores[4]).item(), abs=1e-5)


def test_a_heat_without_scores_is_told():
    without = Occlusion(**{**vars(heat(only(0, 0), only(0, 0), only(0, 0))), "score": None})
    with pytest.raises(ValueError, match="has no scores"):
        score_drops(without)
    assert without.of(0).score is None


def test_halves_share_every_class_and_are_the_seeds():
    groups = np.array([0] * 5 + [1] * 4 + [2])
    chosen = halves(groups, 0)
    shares = [int(chosen[groups == group].sum()) for group in range(3)]
    assert shares[0] in (2, 3)
    assert shares[1:] in ([2, 0], [2, 1])
    assert chosen.sum() == 5
    assert np.array_equal(chosen, halves(groups, 0))
    assert any(not np.array_equal(chosen, halves(groups, seed)) for seed in (1, 2, 3))


def test_images_that_are_each_a_class_are_halved_too():
    alone = np.arange(53)
    halved = [halves(alone, seed) for seed in range(200)]
    assert {int(one.sum()) for one in halved} == {27}
    shares = np.mean(halved, axis=0)  # each image falls to either half by chance: 0.51, give or take 0.035
    assert 0.3 < shares.min() < shares.max() < 0.7


def test_the_best_of_many_is_judged_on_images_that_did_not_choose_it():
    """Forty read-outs that guess: the best of them looks good where it was chosen, and no better than the others."""
    generator = np.random.default_rng(0)
    hit = (generator.random((40, 200)) < 0.5).astype(float)
    choose = np.arange(200) % 2 == 0
    middle = np.full(200, 0.5)
    best, judged = judge([str(number) for number in range(40)], hit, np.full((40, 200), 0.5), middle, choose)
    assert best == int(hit[:, ::2].mean(1).argmax())
    assert judged[best].chosen_on > 0.6
    assert judged[best].hit[0] == hit[best, 1::2].mean()
    assert judged[best].hit[1] <= 0.5 <= judged[best].hit[2]
    assert judged[best].over_middle[0] == pytest.approx(judged[best].hit[0] - 0.5)
    with pytest.raises(ValueError, match="both halves need some"):
        judge(["a"], hit[:1], hit[:1], middle, np.ones(200, bool))

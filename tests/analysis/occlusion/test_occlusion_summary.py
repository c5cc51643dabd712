"""The summary of a sweep against counting by hand."""

from __future__ import annotations

import pytest
import torch

from zfnet.analysis.occlusion import (
    Occlusion,
    averaged_drop,
    greatest_drop,
    part_drops,
    pointing_game,
    probability_drops,
)
from zfnet.data.parts_world import Part


def heat(probability: torch.Tensor, rows: list[int], columns: list[int], size_px: int) -> Occlusion:
    """A sweep whose clean probability is 0.9 everywhere."""
    lead = probability.shape[:-2]
    nothing, zero = torch.zeros_like(probability), torch.zeros(lead, dtype=torch.int64)
    return Occlusion(
        probability=probability, label=nothing.long(), activity=nothing, map=zero,
        rows=torch.tensor(rows), columns=torch.tensor(columns),
        clean_probability=torch.full(lead, 0.9), clean_label=zero, clean_activity=torch.zeros(lead),
        target=zero, layer="conv", size_px=size_px,
    )  # fmt: skip


def random_heat(*lead: int) -> Occlusion:
    """Squares of 4 at steps of 3 on images of 12 x 9, the last ones shifted back."""
    drawn = torch.rand(*lead, 4, 3, generator=torch.Generator().manual_seed(0))
    return heat(drawn, [0, 3, 6, 8], [0, 3, 5], 4)


def test_averages_are_over_the_squares_that_cover_a_pixel():
    one, two = random_heat(), random_heat(2)
    found = averaged_drop(one)
    assert found.shape == (12, 9)
    for row in range(12):
        for column in range(9):
            over = [
                0.9 - float(one.probability[i, j])
                for i, top in enumerate(one.rows.tolist())
                for j, left in enumerate(one.columns.tolist())
                if 0 <= row - top < 4 and 0 <= column - left < 4
            ]
            assert found[row, column].item() == pytest.approx(sum(over) / len(over), abs=1e-6)
    torch.testing.assert_close(
        averaged_drop(two)[0], averaged_drop(heat(two.probability[0], [0, 3, 6, 8], [0, 3, 5], 4))
    )
    gaps = heat(torch.tensor([[0.5, 0.3]]), [0], [0, 4], 2)
    torch.testing.assert_close(averaged_drop(gaps)[0], torch.tensor([0.4, 0.4, 0, 0, 0.6, 0.6]))


def test_the_greatest_drop_is_the_centre_of_its_square():
    probability = torch.full((2, 4, 3), 0.8)
    probability[0, 3, 1] = 0.1
    probability[1, 1, 2] = probability[1, 2, 0] = 0.2  # as great: the first in reading order
    two = heat(probability, [0, 3, 6, 8], [0, 3, 5], 4)
    assert greatest_drop(two).tolist() == [[9.5, 4.5], [4.5, 6.5]]
    assert probability_drops(two)[0, 3, 1].item() == pytest.approx(0.8)
    odd = heat(probability[0], [0, 3, 6, 8], [0, 3, 5], 5)
    assert greatest_drop(odd).tolist() == [10.0, 5.0]


def test_the_pointing_game_counts_centres_in_boxes():
    probability = torch.full((3, 4, 3), 0.8)
    probability[:, 3, 1] = 0.1  # centre at row 9.5, column 4.5, between pixels 9 and 10, 4 and 5
    sweep = heat(probability, [0, 3, 6, 8], [0, 3, 5], 4)
    boxes = [(4, 9, 6, 11), (5, 9, 7, 11), (0, 0, 9, 12)]  # left, top, right, bottom
    game = pointing_game(sweep, [[box] for box in boxes])
    assert game.hit.tolist() == [True, False, True]
    assert game.middle.tolist() == [False, False, True]  # the middle is row 5.5, column 4
    centres = [(row + 1.5, column + 1.5) for row in (0, 3, 6, 8) for column in (0, 3, 5)]
    for box, chance in zip(boxes, game.chance.tolist(), strict=True):
        inside = [box[1] - 0.5 < row < box[3] - 0.5 and box[0] - 0.5 < column < box[2] - 0.5 for row, column in centres]
        assert chance == pytest.approx(sum(inside) / 12)
    assert pointing_game(heat(probability[0], [0, 3, 6, 8], [0, 3, 5], 4), [boxes[:1]]).hit.tolist() == [True]
    with pytest.raises(ValueError, match="boxes of 2 images for 3"):
        pointing_game(sweep, [boxes, boxes])


def test_pointing_at_any_of_several_boxes():
    probability = torch.full((3, 4, 3), 0.8)
    probability[:, 3, 1] = 0.1  # centre at row 9.5, column 4.5
    sweep = heat(probability, [0, 3, 6, 8], [0, 3, 5], 4)
    one, other, middle = (4, 9, 6, 11), (0, 0, 3, 3), (3, 4, 6, 7)  # each holds one of the twelve centres
    game = pointing_game(sweep, [[other, one], [other, middle, middle], []])
    assert game.hit.tolist() == [True, False, False]
    assert game.middle.tolist() == [False, True, False]
    assert game.chance.tolist() == pytest.approx([2 / 12, 2 / 12, 0])


def test_one_of_several_images():
    several = random_heat(2)
    for number in range(2):
        alone = several.of(number)
        assert torch.equal(alone.probability, several.probability[number])
        assert alone.clean_probability.shape == alone.target.shape == ()
        assert torch.equal(alone.rows, several.rows)


def test_the_drop_of_a_part_is_that_of_the_squares_that_hide_it_best():
    probability = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.85], [0.0, 0.0, 0.0]])
    sweep = heat(probability, [0, 3, 6, 8], [0, 3, 5], 4)
    found = part_drops(
        sweep,
        [
            Part("eye", (3, 3, 4, 4), True),  # one pixel, under the squares at 0 and 3
            Part("body", (0, 3, 8, 6), False),  # more of it under the second line than under the others
            Part("wheel", (8, 0, 9, 1), False),  # in the corner
        ],
    )
    assert found["eye"] == pytest.approx(0.9 - (0.1 + 0.2 + 0.4 + 0.5) / 4)
    assert found["body"] == pytest.approx(0.9 - (0.4 + 0.5) / 2)  # 4 of 8 columns under 0 and 3, 3 under 5
    assert found["wheel"] == pytest.approx(0.9 - 0.3)
    gaps = heat(torch.tensor([[0.5, 0.3]]), [0], [0, 4], 2)
    assert part_drops(gaps, [Part("tail", (2, 0, 4, 2), False)]) == {}
    with pytest.raises(ValueError, match="of 2 images"):
        part_drops(random_heat(2), [])

"""What an atlas holds at once does not grow with the layers, maps and epochs that it shows."""

from dataclasses import fields

import pytest

from experiments.atlas_parts.epochs import Epoch
from experiments.atlas_parts.settings import MAPS_BYTES, LayerPlan, images_at_once


def plans(count: int) -> list[LayerPlan]:
    return [
        LayerPlan(
            number=number, name=f"conv{number}", kind="Conv2d", shape=(64, 128, 128), parameters=0, field=None,
            places=1, tile=(9, 9), rules=(),
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("copies", [1, 2])
def test_images_at_once_are_as_many_as_their_maps_allow(copies: int):
    image_bytes = 4 * 64 * 128 * 128  # of one layer
    assert images_at_once(plans(1), 32, copies=copies) == 32
    for count in (8, 20):
        images = images_at_once(plans(count), 32, copies=copies)
        assert images * copies * count * image_bytes <= MAPS_BYTES < (images + 1) * copies * count * image_bytes
    assert images_at_once(plans(100), 32, copies=copies) == 1


def test_of_an_epoch_the_network_is_not_kept():
    assert {field.name for field in fields(Epoch)} == {"mined", "peaks", "arrays", "drawn"}

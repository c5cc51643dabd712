"""What is due to switches, in networks where it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_networks import Small, some_images
from torch import nn

from zfnet import Deconvnet
from zfnet.analysis.audit import share_of_switches, strongest_units, switch_question


class NoPool(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.second(torch.relu(self.first(images)))


def found(model: nn.Module, images: torch.Tensor, layer: str = "second") -> dict[tuple[str, str], list[float]]:
    targets = strongest_units(model, images, layer)
    rows = switch_question(model, images, targets, seed=0)
    return {(one.kind, one.condition): list(one.values) for one in rows if one.measure == "cosine"}


def test_each_condition_changes_what_its_name_says():
    torch.manual_seed(0)
    model, images = Small().eval(), some_images()
    cosine = found(model, images)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images, ["second"])
    maps = record.maps["second"]
    own = deconvnet.project_maps(record, "second", seeds=maps)
    shifted = deconvnet.record(images.roll(-1, 0), ["second"])
    expected = {
        "another image's switches": deconvnet.project_maps(shifted, "second", seeds=maps),
        "another image's seeds": deconvnet.project_maps(record, "second", seeds=maps.roll(-1, 0)),
        "another image": deconvnet.project_maps(record, "second", seeds=maps).roll(-1, 0),
        "constant seed": deconvnet.project_maps(record, "second", seeds=torch.ones_like(maps)),
    }
    for condition, pictures in expected.items():
        alike = torch.cosine_similarity(own.flatten(1), pictures.flatten(1))
        assert cosine["layer", condition] == pytest.approx(alike.tolist(), abs=1e-5), condition


def test_two_copies_of_an_image_lend_each_other_nothing():
    cosine = found(Small().eval(), some_images(1).repeat(2, 1, 1, 1))
    for kind in ("unit", "layer"):
        assert cosine[kind, "another image's switches"] == pytest.approx([1, 1], abs=1e-6)
        assert max(cosine[kind, "random switches"]) < 0.9
    assert cosine["layer", "another image's seeds"] == pytest.approx([1, 1], abs=1e-6)
    assert np.isnan(cosine["layer", "due to switches"]).all()  # nothing ties a picture to its image


def test_a_network_without_a_pool_refuses_and_says_why():
    model, images = NoPool(), some_images()
    rows = switch_question(model, images, strongest_units(model, images, "second"), seed=0)
    refused = {(one.kind, one.condition) for one in rows if one.refused}
    assert refused >= {("unit", "random switches"), ("layer", "another image's switches")}
    assert ("layer", "constant seed") not in refused
    assert all("holds no switches" in one.refused for one in rows if one.refused)


def test_the_share_of_switches_is_one_where_seeds_do_not_matter_and_none_where_switches_do_not():
    same_switches, same_seeds, neither = (np.array(values) for values in ([1.0, 0.2, 0.6], [0.2, 1.0, 0.6], [0.2] * 3))
    assert share_of_switches(same_switches, same_seeds, neither).tolist() == [1.0, 0.0, 0.5]
    assert np.isnan(share_of_switches(neither, neither, neither)).all()
    assert share_of_switches(np.array([0.5]), np.array([-0.5]), np.array([0.0])).tolist() == [1.0]


def test_a_single_image_has_nobody_to_borrow_from():
    model = Small()
    with pytest.raises(ValueError, match="expected two or more"):
        switch_question(model, some_images(1), strongest_units(model, some_images(1), "second"), seed=0)


def test_a_slice_of_one_image_borrows_within_the_one_before():
    """17 images: were the last alone, its own switches would be another's."""
    cosine = found(Small().eval(), some_images(17))
    assert cosine["unit", "another image's switches"][-1] < 0.999


def test_units_and_layers_can_be_asked_apart():
    torch.manual_seed(0)
    model, images = Small().eval(), some_images()
    targets = strongest_units(model, images, "second")
    together = switch_question(model, images, targets, seed=3)
    apart = [one for kind in ("unit", "layer") for one in switch_question(model, images, targets, seed=3, kinds=[kind])]
    assert {one.kind for one in together} == {"unit", "layer"}
    assert [one.plain() for one in apart] == [one.plain() for one in together]
    with pytest.raises(ValueError, match=r"kinds=\['map'\]: expected unit, layer or both"):
        switch_question(model, images, targets, seed=3, kinds=["map"])

"""What evolution keeps of a view: ties, unreadable images, pixels, projections; compiled and other networks; sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from evolution_oracle import RECIPE, Kept, Slow, assert_strongest, trainer_on
from torch import nn

from zfnet import build_model
from zfnet.analysis.evolution.cka import centred_gram
from zfnet.analysis.evolution.observer import Evolution
from zfnet.analysis.evolution.online import OnlineSearch, covers
from zfnet.analysis.evolution.plan import Plan
from zfnet.analysis.evolution.strongest import Strongest
from zfnet.analysis.evolution.sweep import strongest_by_sweep
from zfnet.data.frame import InputFrame
from zfnet.data.source import UNREADABLE
from zfnet.data.views import Views, crop_views
from zfnet.deconv import Deconvnet
from zfnet.mining import mine_top
from zfnet.mining.centre_views import centre_crops
from zfnet.training import Recipe, Seen, World

ONE = Recipe(**{**RECIPE.__dict__, "epochs": 1})
PLAN = Plan(epochs=(1,), layers=("conv1", "conv4"), maps=4, probe_images=6, probe_projections=5)
CPU = torch.device("cpu")


@pytest.fixture
def data(array_source):
    return array_source(44, seed=0), array_source(10, seed=1)


@pytest.fixture
def followed(data):
    def follow(plan: Plan = PLAN, observers=(), prepare=lambda trainer: None):
        kept = Kept()
        evolution = Evolution(plan, kept)
        trainer = trainer_on(*data, ONE, observers=[evolution, *observers])
        prepare(trainer)
        trainer.fit()
        return trainer, kept.moments, evolution

    return follow


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 1, 0, 2, 4]])
@pytest.mark.parametrize("parts", [1, 2, 6])
def test_equal_values_go_to_the_lower_image_and_then_the_earlier_place(order: list[int], parts: int):
    maps = torch.zeros(6, 3, 4, 5)
    maps[[2, 4], 0, 1, 3] = maps[2, 0, 3, 0] = 7
    maps[5, 1, 2, 2] = 9
    whose = torch.stack([torch.arange(6) + 10, *torch.arange(18).view(3, 6)], dim=1)
    readable, warps = torch.tensor([False, True, True, True, True, True]), torch.arange(36.0).view(6, 2, 3)
    strongest = [Strongest([0, 1, 2], CPU) for _ in range(2)]
    for number, own in enumerate(torch.tensor(order).chunk(parts)):
        strongest[number % 2].update(maps[own], whose[own], warps[own], readable[own])
    strongest[0].merge(strongest[1].state())
    assert strongest[0].value[[0, 2]].tolist() == [7, 0]
    assert strongest[0].origin[0].tolist() == [12, 1, 3, *whose[2, 1:].tolist()]
    assert strongest[0].origin[2].tolist() == [11, 0, 0, *whose[1, 1:].tolist()]  # image 10 cannot be read
    assert (strongest[0].value[1], strongest[0].origin[1, 0]) == (9, 15)
    assert torch.equal(strongest[0].warp, warps[[2, 5, 1]])
    strongest[0].update(torch.full((1, 3, 4, 5), torch.nan), whose[:1], None, torch.tensor([True]))
    assert strongest[0].value.tolist() == [7, 9, 0]  # what is not a number is never the strongest


@pytest.mark.parametrize("side", [5, 6, 7])
@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2), nn.MaxPool2d(2, 3), nn.MaxPool2d(3, 2, 1, ceil_mode=True)])
def test_a_pool_stands_for_its_maps_only_where_no_place_escapes_it(pool: nn.MaxPool2d, side: int):
    every = torch.eye(side * side).view(-1, 1, side, side)  # one place at a time
    assert covers(pool, pool(every), every) == bool((pool(every).amax((1, 2, 3)) == 1).all())


def test_an_unreadable_image_is_nobodys_strongest(data, followed, monkeypatch):
    source, bad, read = data[0], [3, 17, 30], data[0].read

    def torn(indices):
        images, labels = read(indices)
        wrong = torch.tensor([int(index) in bad for index in indices])
        return images.masked_fill(wrong[:, None, None, None], 255), labels.masked_fill(wrong, UNREADABLE)

    monkeypatch.setattr(source, "read", torn)
    slow = Slow()
    _, moments, _ = followed(observers=[slow])
    assert_strongest(moments[1], slow)
    assert not any(np.isin(one.image, bad).any() for one in moments[1].layers.values())


def test_patches_and_projections_are_of_the_views_with_the_weights_of_the_end(data, followed):
    trainer, moments, _ = followed()
    deconvnet, mean = Deconvnet(trainer.model), trainer.frame.mean
    for layer, one in moments[1].layers.items():
        field, alive = deconvnet.field(layer), 0
        for at in range(len(one.maps)):
            row, column, flip = one.view[at].tolist()
            square = data[0].images[one.image[at]]
            crop = square[row : row + 64, column : column + 64]
            expected = crop[:, ::-1] if flip else crop
            view = Views(*(torch.tensor([value]) for value in (row, column, bool(flip))))
            image = crop_views(torch.from_numpy(square.copy()).permute(2, 0, 1)[None], view, trainer.frame)
            unit = torch.tensor([[0, one.maps[at], one.row[at], one.column[at]]])
            record = deconvnet.record(image, [layer])
            assert one.value_now[at] == pytest.approx(float(record.maps[layer][tuple(unit[0])]), rel=1e-5, abs=1e-7)
            alive += one.value_now[at] > 0
            dense = deconvnet.project(record, layer, unit)[0].numpy()
            if field.size_px[0] > 64:  # the whole image
                np.testing.assert_array_equal(one.patch[at], expected)
                np.testing.assert_allclose(one.projection[at], dense, atol=1e-6 * np.abs(dense).max())
            else:
                top, left = one.corner[at] + 1  # one pixel of padding may lie outside
                inside = slice(top, top + 5), slice(left, left + 5)
                np.testing.assert_array_equal(one.patch[at, 1:6, 1:6], expected[inside])
                np.testing.assert_allclose(one.projection[at][:, 1:6, 1:6], dense[:, *inside], atol=1e-6)
            assert one.path[at] == f"image {one.image[at]}"
            assert one.label[at] == data[0].labels[one.image[at]]
        assert alive
    assert mean.shape == (3, 72, 72)


def test_the_probe_compares_feature_vectors_and_projections_of_fixed_units(data, followed):
    trainer, moments, evolution = followed()
    probe, watched = evolution._probe, evolution.watched
    images = probe.images(range(len(probe)))
    with torch.no_grad():
        vectors = nn.Sequential(*list(trainer.model)[:4])(images).flatten(1)  # conv1, relu1, pool1, norm1
    assert vectors.shape[0] == 6
    np.testing.assert_allclose(moments[1].activations["conv1"], centred_gram(vectors), rtol=1e-4, atol=1e-3)
    deconvnet = Deconvnet(trainer.model)
    record, rows = deconvnet.record(images, ["conv4"]), []
    for number in range(5):
        own = watched["conv4"][number % 4]
        place = int(record.maps["conv4"][number, own].argmax())
        unit = torch.tensor([[number, own, place // 3, place % 3]])
        rows.append(deconvnet.project(record, "conv4", unit).flatten())  # sees more than the image: all of it
    expected = centred_gram(torch.stack(rows))
    np.testing.assert_allclose(moments[1].projections["conv4"], expected, atol=1e-4 * np.abs(expected).max())


def test_projections_follow_weights_that_a_fused_optimiser_writes(data):
    kept, free = Kept(), Recipe(**{**RECIPE.__dict__, "filter_rms_limit": None})  # the limit's writes are counted
    evolution = Evolution(PLAN, kept)
    trainer = trainer_on(*data, free, observers=[evolution])
    assert trainer.hardware.fused
    trainer.fit()
    of_now = evolution._probe.projection_grams(Deconvnet(trainer.model), evolution.watched)
    for layer, expected in of_now.items():
        assert np.abs(expected - kept.moments[1].projections[layer]).max() > 0.01 * np.abs(expected).max()
        np.testing.assert_array_equal(kept.moments[3].projections[layer], expected)


def test_a_compiled_network_is_looked_at_uncompiled(followed):
    plan = Plan(epochs=(1,), layers=("conv2",), maps=3, probe_images=4, probe_projections=4)
    plain, compiled = (
        followed(plan, prepare=prepare)
        for prepare in (lambda trainer: None, lambda trainer: trainer.model.compile(backend="eager"))
    )
    one, other = plain[1][1].layers["conv2"], compiled[1][1].layers["conv2"]
    np.testing.assert_allclose(one.value, other.value, rtol=1e-5)
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_allclose(one.projection, other.projection, atol=1e-5)


def test_networks_of_others_are_watched_before_an_inplace_relu(data):
    torch.manual_seed(0)

    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(self.conv(x), inplace=True).mean((2, 3))

    model, images = Other(), torch.randn(4, 3, 8, 8)
    search = OnlineSearch(model, {"conv": [1, 4]}, CPU)
    views = Views(torch.zeros(4, dtype=torch.int64), torch.zeros(4, dtype=torch.int64), torch.zeros(4).bool())
    model(images)  # nobody said whose these are
    search.see(Seen(images, torch.zeros(4), torch.arange(4), views))
    model(images - 10)
    model(images + 10)  # only the first pass is that batch's
    search.end()
    found, maps = search.strongest["conv"], F.conv2d(images - 10, model.conv.weight, model.conv.bias)[:, [1, 4]]
    assert found.value.tolist() == maps.amax((0, 2, 3)).tolist()
    assert not model.conv._forward_hooks


@dataclass(frozen=True)
class Second(World):
    """Process 1 of two, where process 0 found what it is told."""

    rank: int = 1
    size: int = 2
    theirs: Any = None

    def gather(self, value: Any) -> list[Any]:
        return [self.theirs, value]


def test_in_a_sweep_a_process_without_images_finds_what_the_others_do(data):
    model, images = build_model("zfnet", num_classes=4, width=0.05, input_px=64).eval(), np.array([7])
    frame = InputFrame(72, 64, torch.full((3, 1, 1), 100.0), torch.ones(3, 1, 1))
    deconvnet, watched = Deconvnet(model), {"conv2": [2, 0]}
    crops = centre_crops(data[0], [7], frame, CPU)
    world = Second(theirs=mine_top(deconvnet, crops, ["conv2"], 1, progress=False, world_size=2))
    alone = strongest_by_sweep(deconvnet, watched, data[0], images, frame, World())["conv2"].state()
    found = strongest_by_sweep(deconvnet, watched, data[0], images, frame, world)["conv2"].state()
    assert torch.equal(found["value"], alone["value"])
    assert torch.equal(found["about"], alone["about"])
    assert (found["about"][:, 0] == 7).all()


def test_a_sweep_is_exact_over_its_subset_of_central_views(data, followed):
    plan = Plan(epochs=(1,), layers=("conv2",), maps=[2, 0], search="sweep", sweep_images=20, probe_images=4)
    trainer, moments, _ = followed(plan)
    one, chosen = moments[1].layers["conv2"], np.sort(np.random.default_rng([0, 44]).choice(44, 20, replace=False))
    middle = torch.full((20,), 4)
    images = crop_views(data[0].read(chosen)[0], Views(middle, middle, torch.zeros(20).bool()), trainer.frame)
    peaks = Deconvnet(trainer.model).activations(images, ["conv2"])["conv2"][:, [2, 0]].amax((2, 3))
    np.testing.assert_allclose(one.value, peaks.amax(0).numpy(), rtol=1e-5)
    np.testing.assert_array_equal(one.image, chosen[peaks.argmax(0)])
    np.testing.assert_allclose(one.value_now, one.value, rtol=1e-5)
    assert one.maps.tolist() == [2, 0]
    assert one.view.tolist() == [[4, 4, 0]] * 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"search": "both"}, "evolution.search='both' is not one of online, sweep"),
        ({"probe_images": 3}, "evolution.probe_images=3, expected 4 or more"),
        ({"maps": 0}, "evolution.maps=0"),
        ({"maps": [0, 99]}, r"evolution.maps=\[0, 99\], expected some of 0 to 12"),
        ({"layers": ["conv9"]}, "layer 'conv9' is not one of"),
    ],
)
def test_what_cannot_be_followed_is_told(followed, wrong: dict[str, object], told: str):
    with pytest.raises(ValueError, match=told):
        followed(Plan(**{"layers": ["conv2"], "probe_images": 4, **wrong}))

"""Places drawn image by image, arrays on disk, and where a projection has its middle."""

import gc
import weakref

import numpy as np
import torch

from zfnet import Deconvnet, build_model
from zfnet.analysis import picture_units
from zfnet.analysis.atlas import DiskArrays, Peaks, Work, draw_units, focus_of, places, projecting as module
from zfnet.data import SeenImages
from zfnet.forward import receptive_fields
from zfnet.mining import mine_top


def network() -> tuple[Deconvnet, torch.Tensor]:
    torch.manual_seed(0)
    return Deconvnet(build_model("zfnet", num_classes=4, width=0.05, input_px=64)), torch.randn(10, 3, 64, 64)


def test_they_equal_the_pictures_of_figure_2(monkeypatch):
    deconvnet, images = network()
    pixels = ((images.clamp(-2, 2) + 2) * 60).to(torch.uint8)

    def fetch(numbers) -> SeenImages:
        return SeenImages(images[list(numbers)], pixels[list(numbers)])

    layers = ["conv2", "conv5", "fc8"]
    mined = mine_top(deconvnet, [images], layers, 3, progress=False)
    work = []
    for layer in layers:
        units, rank = places({name: getattr(mined[layer], name).numpy() for name in ("image", "row", "column")}, 3)
        work.append(Work(layer=layer, units=units, rank=rank))
    monkeypatch.setattr(module, "BYTES", 12 * 64 * 64 * 5)  # five whole images
    drawn = list(draw_units(deconvnet, work, fetch, [1, 2, 3], at_once=4))
    assert max(len(one.rank) for one in drawn if one.layer == "fc8") <= 5
    for one in work:
        expected = picture_units(deconvnet, one.layer, one.units, fetch, [1, 2, 3])
        at = {(int(m), int(r)): n for n, (m, r) in enumerate(zip(one.units[:, 1], one.rank, strict=True))}
        seen = set()
        for part in (part for part in drawn if part.layer == one.layer):
            for n, key in enumerate(zip(part.maps.tolist(), part.rank.tolist(), strict=True)):
                assert part.image[n] == one.units[at[key], 0]
                np.testing.assert_array_equal(part.patch[n], expected.patch[at[key]])
                np.testing.assert_array_equal(part.corner[n], expected.corner[at[key]])
                np.testing.assert_allclose(part.projection[n], expected.projection[at[key]], atol=1e-5)
                seen.add(key)
        assert seen == set(at)


def test_nothing_is_drawn_where_nothing_is_missing():
    deconvnet, _ = network()
    nothing = Work(layer="conv2", units=torch.zeros((0, 4), dtype=torch.int64), rank=torch.zeros(0, dtype=torch.int64))
    for work in ([], [nothing]):
        assert not list(draw_units(deconvnet, work, lambda numbers: 1 / 0, [0, 0, 0]))


def test_what_was_stopped_goes_on_bit_for_bit():
    """Places that are missing among others of their images and layer are drawn with those, as they would have been."""
    deconvnet, images = network()

    def fetch(numbers) -> SeenImages:
        return SeenImages(images[list(numbers)], images[list(numbers)].to(torch.uint8))

    mined = mine_top(deconvnet, [images], ["conv2"], 3, progress=False)["conv2"]
    units, rank = places({name: getattr(mined, name).numpy() for name in ("image", "row", "column")}, 3)
    whole = list(draw_units(deconvnet, [Work(layer="conv2", units=units, rank=rank)], fetch, [0, 0, 0], at_once=4))
    asked = []
    missing = torch.zeros(len(units), dtype=torch.bool)
    missing[units[:, 0].argmax()] = True  # one place, in the last batch of images
    again = Work(layer="conv2", units=units, rank=rank, missing=missing)
    drawn = list(
        draw_units(deconvnet, [again], lambda some: (asked.append(some), fetch(some))[1], [0, 0, 0], at_once=4)
    )
    assert asked == [units[:, 0].unique().split(4)[-1].tolist()]
    assert len(drawn) == 1
    np.testing.assert_array_equal(drawn[0].units, whole[-1].units)
    np.testing.assert_array_equal(drawn[0].projection, whole[-1].projection)


def test_layers_are_traced_once_together(monkeypatch):
    """Their fields come from one pass, whatever their number; of many layers that was most of an image's page."""
    deconvnet, images = network()
    traced = []
    real = receptive_fields.own_graph
    monkeypatch.setattr(receptive_fields, "own_graph", lambda *given: (traced.append(1), real(*given))[1])
    unit = torch.tensor([[0, 1, 1, 1]])
    work = [Work(layer=f"conv{number}", units=unit, rank=torch.zeros(1, dtype=torch.int64)) for number in (1, 2, 3, 4)]
    deconvnet.record(images[:1])
    before = len(traced)
    list(draw_units(deconvnet, work, lambda some: SeenImages(images[:1], images[:1].to(torch.uint8)), [0, 0, 0]))
    assert len(traced) - before == 1


def test_peaks_are_what_mining_sees_whatever_the_batches(tmp_path):
    deconvnet, images = network()
    peaks = Peaks(DiskArrays(tmp_path), ["conv2", "fc8"])
    peaks.create({"conv2": 13, "fc8": 4}, 11)
    mine_top(deconvnet, images.split(3), ["conv2", "fc8"], 2, progress=False, watch=peaks.add)
    maps = deconvnet.activations(images, ["conv2", "fc8"])
    np.testing.assert_allclose(peaks.of("conv2")[:10], maps["conv2"].amax((2, 3)), atol=1e-5)
    np.testing.assert_allclose(peaks.of("fc8")[:10], maps["fc8"], atol=1e-5)
    assert np.isnan(peaks.of("conv2")[10]).all()  # an image that never came


def test_an_array_on_disk_is_let_go_of(tmp_path):
    """One that stayed open would keep in memory all that was read of it, of as many as there are layers."""
    arrays = DiskArrays(tmp_path)
    arrays.create("a", (3, 2), np.float32)
    opened = weakref.ref(arrays["a"])
    gc.collect()
    assert opened() is None


def test_an_array_on_disk_is_found_again(tmp_path):
    arrays = DiskArrays(tmp_path)
    arrays.create("a/b", (3, 2), np.float32, np.nan)
    arrays["a/b"][1] = 5
    again = DiskArrays(tmp_path)
    again.create("a/b", (3, 2), np.float32, np.nan)  # leaves it as it is
    assert again["a/b"][1].tolist() == [5, 5]
    assert np.isnan(again["a/b"][0]).all()
    assert again.get("c") is None


def test_the_middle_of_a_projection():
    projection = np.zeros((2, 3, 5, 7))
    projection[0, :, 1, 4] = -3
    corner = np.array([[10, -2], [0, 0]])
    assert focus_of(projection, corner).tolist() == [[11, 2], [2, 3]]  # the second is empty: the field's own middle

"""Law 8: mining finds what a full sort of every activation would find, bit for bit on whole numbers."""

import gc
import json
import logging
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet import Deconvnet, build_model, mine_top
from zfnet.mining import Indexed, Mined, merge
from zfnet.mining.best import Best, Pooled
from zfnet.mining.mine import _pools
from zfnet.models import weights_fingerprint

K = 4
FIELDS = ("value", "image", "row", "column")


def whole_net(seed: int = 0) -> nn.Sequential:
    """Small whole-number weights, so that sums are exact and ties abound."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 5, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(5, 6, 2), nn.Flatten(), nn.Linear(6 * 3 * 3, 8), nn.ReLU(), nn.Linear(8, 4),
    )  # fmt: skip
    for parameter in net.parameters():
        parameter.data = torch.randint(-1, 2, parameter.shape, generator=generator).float()
    return net


def whole_images(count: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-1, 2, (count, 3, 15, 15), generator=generator).float()


def full_sort(maps: Tensor, k: int) -> dict[str, np.ndarray]:
    """Every place of every image in one sort: value down, then image, then place; the first of each image kept."""
    values = maps.numpy().reshape(len(maps), maps.shape[1], -1)
    width = maps.shape[3] if maps.ndim == 4 else 1
    found = {name: [] for name in FIELDS}
    for one in values.transpose(1, 0, 2):
        image, place = np.divmod(np.arange(one.size), one.shape[1])
        kept: list[int] = []
        for at in np.lexsort((place, image, -one.ravel())):
            if image[at] not in image[kept]:
                kept.append(at)
        kept = kept[:k]
        rows = (one.ravel()[kept], image[kept], place[kept] // width, place[kept] % width)
        for name, row in zip(FIELDS, rows, strict=True):
            found[name].append(row)
    return {name: np.stack(rows) for name, rows in found.items()}


def layers_of(net: nn.Sequential, images: Tensor) -> dict[str, Tensor]:
    outputs, x = {}, images
    for name, module in net.named_children():
        x = F.relu(x) if isinstance(module, nn.ReLU) else module(x)
        outputs[name] = x.detach()
    return {name: outputs[name] for name in ("0", "3", "5", "7")}


def assert_same(mined: Mined, expected: dict[str, dict[str, np.ndarray]]) -> None:
    assert list(mined) == list(expected)
    for layer, arrays in expected.items():
        for name, values in arrays.items():
            np.testing.assert_array_equal(getattr(mined[layer], name).numpy(), values, err_msg=f"{layer} {name}")


@pytest.mark.parametrize("batch", [1, 3, 8, 40])
def test_mining_equals_a_full_sort_whatever_the_batches(batch: int) -> None:
    net, images = whole_net(), whole_images(40)
    expected = {layer: full_sort(maps, K) for layer, maps in layers_of(net, images).items()}
    assert any((np.diff(e["value"]) == 0).any() for e in expected.values()), "no ties: this would test less"
    mined = mine_top(Deconvnet(net), images.split(batch), ["0", "3", "5", "7"], k=K, progress=False)
    assert_same(mined, expected)
    assert mined.images == 40


@pytest.mark.parametrize("processes", [2, 3, 7, 43])  # of the last, three have no image
def test_parts_of_several_processes_merge_to_the_same(processes: int) -> None:
    net, images = whole_net(), whole_images(40)
    parts = [
        mine_top(Deconvnet(net), images[r::processes].split(3), ["0", "5"], K, False, rank=r, world_size=processes)
        for r in range(processes)
    ]
    outputs = layers_of(net, images)
    assert_same(merge(parts[::-1]), {layer: full_sort(outputs[layer], K) for layer in ("0", "5")})


def test_batches_may_say_which_images_they_hold_in_any_order() -> None:
    net, images = whole_net(), whole_images(40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    batches = [Indexed(images[some], some) for some in order.split(6)]
    mined = mine_top(Deconvnet(net), batches, ["3", "7"], K, False)
    outputs = layers_of(net, images)
    assert_same(mined, {layer: full_sort(outputs[layer], K) for layer in ("3", "7")})


def test_memory_format_changes_nothing() -> None:
    net, images = whole_net(), whole_images(20)
    expected = {layer: full_sort(maps, K) for layer, maps in layers_of(net, images).items()}
    net, images = (thing.to(memory_format=torch.channels_last) for thing in (net, images))
    assert_same(mine_top(Deconvnet(net), images.split(7), list(expected), K, False), expected)


def test_fewer_images_than_k() -> None:
    net, images = whole_net(), whole_images(2)
    top = mine_top(Deconvnet(net), [(images, "labels")], ["0", "7"], k=5, progress=False)
    for layer, maps in layers_of(net, images).items():
        if layer in top:
            assert (top[layer].value[:, :2].numpy() == full_sort(maps, 2)["value"]).all()
            assert (top[layer].value[:, 2:] == -torch.inf).all()
            assert (top[layer].image[:, 2:] == -1).all()
            assert top[layer].units(3).shape == (2, 4)


@pytest.mark.parametrize(
    ("name", "layers", "px"),
    [("zfnet", ["conv1", "conv4", "fc6", "fc8"], 64), ("torchvision:squeezenet1_0", ["features.3.squeeze"], 64)],
)
def test_real_networks_agree_with_a_sort_of_the_record(name: str, layers: list[str], px: int) -> None:
    torch.manual_seed(0)
    model = build_model(name, num_classes=10, input_px=px, **({"width": 0.1} if name == "zfnet" else {}))
    model, images = model.double(), torch.randn(12, 3, px, px, dtype=torch.float64)
    deconvnet = Deconvnet(model)
    mined = mine_top(deconvnet, images.split(5), layers, k=3, progress=False)
    record = deconvnet.record(images, layers)
    for layer in layers:
        expected = full_sort(record.maps[layer], 3)
        np.testing.assert_allclose(mined[layer].value.numpy(), expected["value"], rtol=1e-12)
        for rank in range(3):
            answered = expected["value"][:, rank] > 0  # a map that answers nowhere is all ties
            assert answered.any()
            assert (mined[layer].image.numpy()[answered, rank] == expected["image"][answered, rank]).all()
    seed = deconvnet.project(record, layers[0], mined[layers[0]].units(0))
    assert len(seed) == 3


@pytest.mark.parametrize("pool", [(3, 2, 0, True), (3, 2, 1, False), (2, 2, 0, True), (5, 3, 2, False)])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_a_pool_that_has_found_the_maxima_changes_nothing(
    pool: tuple[int, int, int, bool], memory: torch.memory_format
):
    kernel, stride, padding, ceil = pool
    generator = torch.Generator().manual_seed(0)
    plain, faster = None, None
    for first in range(0, 24, 6):
        maps = torch.randint(0, 4, (6, 7, 11, 13), generator=generator).float().to(memory_format=memory)  # many ties
        made = F.max_pool2d(maps, kernel, stride, padding, ceil_mode=ceil)
        plain, faster = (one or Best({"a": maps}, 3, ()) for one in (plain, faster))
        indices = torch.arange(first, first + 6)
        plain.update({"a": maps}, indices)
        faster.update({"a": maps}, indices, {"a": Pooled(made, kernel=kernel, stride=stride, padding=padding)})
    for name in FIELDS:
        assert torch.equal(getattr(plain.result()["a"], name), getattr(faster.result()["a"], name)), name


def test_our_network_is_mined_after_its_pools():
    deconvnet = Deconvnet(build_model("zfnet", 4, width=0.05, input_px=64))
    assert _pools(deconvnet, ["conv1", "conv2", "conv3", "fc6"]) == {"conv1": "pool1", "conv2": "pool2"}
    assert _pools(deconvnet, ["conv1", "pool1"]) == {}


class Halves(nn.MaxPool2d):
    """A pool that returns something else than what it found."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 2


class Narrow(nn.MaxPool2d):
    """A pool that looks at less than it says."""

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2, self.stride)


@pytest.mark.parametrize("pool", [Halves(2), Narrow(5, stride=4), nn.MaxPool2d(2)])
def test_a_pool_that_does_something_else_is_not_believed(pool: nn.MaxPool2d) -> None:
    if type(pool) is nn.MaxPool2d:
        pool.register_forward_hook(lambda module, inputs, output: output - 5)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), pool, nn.Conv2d(4, 2, 3)).double()
    images = torch.randn(6, 3, 16, 16, dtype=torch.float64)
    found = mine_top(Deconvnet(model), [images], ["0"], k=2, progress=False)["0"].value
    expected = model[0](images).flatten(2).max(2).values.topk(2, dim=0).values.T
    torch.testing.assert_close(found, expected.detach(), check_dtype=False)


def test_a_pool_that_serves_two_layers_is_not_asked() -> None:
    class Shares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other, self.pool = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3), nn.MaxPool2d(2)

        def forward(self, x: Tensor) -> Tensor:
            return self.pool(self.other(self.pool(self.one(x)))).flatten(1)

    model, images = Shares(), torch.randn(6, 3, 20, 20)
    found = mine_top(Deconvnet(model), [images], ["one"], k=1, progress=False)["one"].value[:, 0]
    torch.testing.assert_close(found, model.one(images).amax((0, 2, 3)).detach(), check_dtype=False)


@pytest.mark.parametrize("mix", [lambda x: x - x.mean((0, 2, 3), keepdim=True), lambda x: x + torch.rand(1)])
def test_a_network_that_mixes_the_images_of_a_batch_is_refused(mix) -> None:
    class Mixes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.below, self.above = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.above(mix(self.below(x)))

    deconvnet, images = Deconvnet(Mixes()), torch.randn(6, 3, 20, 20)
    mine_top(deconvnet, [images], ["below"], progress=False)
    with pytest.raises(ValueError, match="layer 'above' answers otherwise to an image that has another one beside it"):
        mine_top(deconvnet, [images], ["below", "above"], progress=False)


def test_layers_and_ranks_are_checked_at_the_door() -> None:
    deconvnet, images = Deconvnet(nn.Sequential(nn.Conv2d(3, 4, 3))), torch.randn(2, 3, 8, 8)
    assert set(mine_top(deconvnet, [images], iter(["0"]), progress=False)) == {"0"}
    with pytest.raises(ValueError, match=r"layers are '0', expected a list of names: give \['0'\]"):
        mine_top(deconvnet, [images], "0", progress=False)
    for rank, world_size in ((0, 0), (-1, 2)):
        with pytest.raises(ValueError, match=f"rank={rank} of world_size={world_size} processes"):
            mine_top(deconvnet, [images], ["0"], progress=False, rank=rank, world_size=world_size)


def test_dead_maps_are_named_and_class_scores_never_are(caplog: pytest.LogCaptureFixture) -> None:
    net = whole_net()
    for layer, number in (("0", 2), ("5", 1), ("7", 3)):
        module = net.get_submodule(layer)
        module.weight.data[number], module.bias.data[number] = 0, -1
    with caplog.at_level(logging.WARNING):
        mined = mine_top(Deconvnet(net), whole_images(20).split(6), ["0", "5", "7"], k=2, progress=False)
    assert 2 in mined["0"].dead
    assert 1 in mined["5"].dead
    assert mined["7"].value[3].tolist() == [-1, -1]
    assert mined["7"].dead.tolist() == []
    told = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("0: ") and "20 images" in line and line.endswith(": 2") for line in told)
    assert not any(line.startswith("7: ") for line in told)


def test_only_one_batch_is_held_at_a_time() -> None:
    held: list[weakref.ref[Tensor]] = []

    def batches() -> Iterator[Tensor]:
        for seed in range(4):
            gc.collect()
            assert sum(batch() is not None for batch in held) <= 1
            images = whole_images(3, seed)
            held.append(weakref.ref(images))
            yield images
            del images

    mine_top(Deconvnet(whole_net()), batches(), ["0", "7"], k=2, progress=False)
    assert len(held) == 4


def test_save_and_load(tmp_path) -> None:
    net, other = whole_net(), whole_net(seed=5)
    mined = mine_top(Deconvnet(net), whole_images(10).split(4), ["0", "7"], k=3, progress=False)
    own = {"data": "d1", "weights": weights_fingerprint(net)}
    mined.save(tmp_path / "made" / "top.npz", own)
    loaded = Mined.load(tmp_path / "made" / "top.npz", own)
    assert_same(loaded, {layer: {name: getattr(top, name).numpy() for name in FIELDS} for layer, top in mined.items()})
    assert (loaded.images, loaded["7"].scores, loaded["0"].scores) == (10, True, False)
    assert Mined.load(tmp_path / "made" / "top.npz", {**own, "data": ("d2", "d1")}).images == 10
    for wrong, names in (
        ({**own, "data": "d2"}, "data d1.*d2"),
        ({**own, "data": ("d2", "d3")}, "data d1.*is d2:"),
        ({**own, "weights": weights_fingerprint(other)}, f"weights {own['weights']}.*{weights_fingerprint(other)}"),
        ({"data": "d1"}, f"weights {own['weights']}.*None"),
    ):
        with pytest.raises(ValueError, match=names):
            Mined.load(tmp_path / "made" / "top.npz", wrong)
    with np.load(tmp_path / "made" / "top.npz") as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    for change, told in (
        ({"about": "{"}, "no file of mined units"),
        ({"about": json.dumps({**about, "fingerprint": None})}, "no file of mined units"),
        ({"about": json.dumps({**about, "layers": ["0", "3"]})}, "damaged .*has no array '3/value'"),
        ({"0/row": arrays["0/row"][:2]}, "damaged .*0 holds shapes"),
        ({"0/row": arrays["0/row"] + 0.5}, "damaged .*0 holds shapes .*'f', 'i', 'f', 'i'"),
    ):
        np.savez(tmp_path / "changed.npz", **{**arrays, **change})
        with pytest.raises(ValueError, match=rf"changed\.npz is {told}.*delete it and mine again"):
            Mined.load(tmp_path / "changed.npz", own)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"one\.npy is no file of mined units .*a single array"):
        Mined.load(tmp_path / "one.npy", own)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "made" / "top.npz").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"cut\.npz"):
        Mined.load(tmp_path / "cut.npz", own)


def test_weights_fingerprint_follows_the_weights_alone() -> None:
    net = whole_net()
    before = weights_fingerprint(net)
    net.train()
    assert weights_fingerprint(net) == before == weights_fingerprint(whole_net())
    net[3].weight.data[0, 0, 0, 0] += 1e-6
    assert weights_fingerprint(net) != before


def test_errors_name_what_is_wrong() -> None:
    net, images = whole_net(), whole_images(5)
    deconvnet = Deconvnet(net)
    with pytest.raises(ValueError, match="conv9"):
        mine_top(deconvnet, [images], ["conv9"], progress=False)
    with pytest.raises(ValueError, match="k=0"):
        mine_top(deconvnet, [images], ["0"], k=0, progress=False)
    with pytest.raises(ValueError, match="no images"):
        mine_top(deconvnet, [], ["0"], progress=False)
    with pytest.raises(ValueError, match="at least one"):
        merge([])
    with pytest.raises(ValueError, match="no results of any image"):
        merge([mine_top(deconvnet, [], ["0"], progress=False, rank=rank, world_size=2) for rank in range(2)])
    images[3, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="map 0 of layer '3' is nan on image 13"):
        mine_top(deconvnet, images.split(2), ["3", "7"], progress=False, rank=10)
    few, many = (mine_top(deconvnet, [whole_images(4)], ["0"], k=k, progress=False) for k in (2, 3))
    with pytest.raises(ValueError, match=r"\(5, 2\).*\(5, 3\)"):
        merge([few, many])


def test_units_of_chosen_maps_are_those_of_a_batch_of_their_images():
    net, images = whole_net(), whole_images(9)
    deconvnet = Deconvnet(net)
    top = mine_top(deconvnet, images.split(4), layers=["0"], k=K, progress=False)["0"]
    numbers, units = top.batch_of([4, 1], k=2)
    assert numbers == sorted({*top.image[4, :2].tolist(), *top.image[1, :2].tolist()})
    assert units[:, 1].tolist() == [4, 4, 1, 1]
    maps = deconvnet.activations(images[numbers], ["0"])["0"]
    assert torch.equal(maps[tuple(units.T)], torch.cat([top.value[4, :2], top.value[1, :2]]))
    alone = top.batch_of(2)
    assert torch.equal(torch.tensor(alone.images)[alone.units[:, 0]], top.units(2)[:, 0])
    assert top.batch_of([]).units.shape == (0, 4)
    assert torch.equal(top.batch_of(torch.tensor([4, 1]), k=2).units, units)
    assert len(top.batch_of({4, 1}, k=2).units) == len(units)
    assert torch.equal(top.batch_of(torch.tensor(2)).units, alone.units)
    for wrong in (-1, 5, 0.5, [True]):
        with pytest.raises(IndexError, match=r"map .* is not there: expected one of 0 to 4"):
            top.batch_of(wrong)
    with pytest.raises(IndexError, match="map -1 is not there"):
        top.units(-1)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k={k} places of each map, expected 1 or more"):
            top.batch_of(0, k=k)

"""The Fig. 2 command: arrays that hold what they say, mining once, drawing again, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from zfnet import build_model
from zfnet.data.decode import decode_square
from zfnet.data.folder import FolderImages
from zfnet.figures.fig2_saved import LayerFeatures, load_features
from zfnet.network import open_network

SMALL = ["hardware.workers=0", "hardware.device=cpu", "layers=[conv2,fc8]", "maps=3", "top=4", "batch_size=5"]


def squares(root: Path, split: str) -> tuple[list[Path], torch.Tensor]:
    paths = sorted((root / split).rglob("*.JPEG"))
    return paths, torch.stack([torch.from_numpy(decode_square(str(p), 72).copy()).permute(2, 0, 1) for p in paths])


def activations(model: nn.Module, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Of the centre crops, by hooks on the model itself."""
    found = {}
    model.get_submodule("relu2").register_forward_hook(lambda _, given, out: found.__setitem__("conv2", out.clone()))
    with torch.no_grad():
        mean = torch.tensor([110.0, 120, 130]).reshape(3, 1, 1)
        found["fc8"] = model.eval()(pixels[:, :, 4:68, 4:68].float() - mean)[:, :, None, None]
    return found


def check_arrays(one: LayerFeatures, maps: torch.Tensor, pixels: torch.Tensor) -> None:
    peaks = maps.flatten(2).max(2).values
    for position, number in enumerate(one.maps.tolist()):
        order = peaks[:, number].argsort(descending=True)[:4]
        np.testing.assert_allclose(one.value[position], peaks[order, number], rtol=1e-4)
        for rank in range(4):
            image, row, column = (values[position, rank] for values in (one.image, one.row, one.column))
            assert maps[image, number, row, column] == pytest.approx(one.value[position, rank], rel=1e-4)
            top, left = one.corner[position, rank]
            height, width = one.patch.shape[2:4]
            inside = [slice(max(0, corner), min(64, corner + size)) for corner, size in ((top, height), (left, width))]
            seen = pixels[image, :, 4:68, 4:68][:, *inside].permute(1, 2, 0).numpy()
            there = [slice(part.start - at, part.stop - at) for part, at in zip(inside, (top, left), strict=True)]
            np.testing.assert_array_equal(one.patch[position, rank][*there], seen)
            assert one.label[position, rank] == image // 4  # four images a class


def test_arrays_hold_the_strongest_places(carry_out_here, image_root: Path, tmp_path: Path) -> None:
    network = small_network(tmp_path / "net.pt")
    given = [f"checkpoint={network}", "data=imagenet_folder", f"data.root={image_root}", "data.side=72", *SMALL]
    code, printed = carry_out_here("fig2_features", *given, f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    layers, classes = load_features(tmp_path / "run" / "fig2.npz")
    assert classes.names == ["red", "green", "blue"]
    assert classes.images.tolist() == [4, 4, 4]
    _, pixels = squares(image_root, "val")
    expected = activations(open_network(network).model, pixels)
    assert [one.layer for one in layers] == ["conv2", "fc8"]
    for one in layers:
        check_arrays(one, expected[one.layer], pixels)
    assert layers[0].patch.shape == (3, 4, 27, 27, 3)
    assert layers[1].map_name.tolist() == ["red", "green", "blue"]
    (events,) = (tmp_path / "run").rglob("events.out.tfevents.*")
    board = EventAccumulator(str(events)).Reload()
    assert set(board.Tags()["images"]) == {"fig2", "fig2_conv2", "fig2_fc8"}


def test_mined_once_and_redrawn(
    carry_out_here, image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, mined = small_network(tmp_path / "net.pt"), tmp_path / "kept" / "mined.npz"
    given = [f"images={image_root / 'val'}", f"mined={mined}", *SMALL, "layers=[conv2]"]
    code, printed = carry_out_here("fig2_features", f"checkpoint={network}", *given, f"run_dir={tmp_path / 'a'}")
    assert code == 0, printed

    monkeypatch.setattr("experiments.common.mining.mine_top", None)  # nothing more to mine
    few = [f"checkpoint={network}", "maps=[1,0]", "top=2", f"run_dir={tmp_path / 'b'}"]
    code, printed = carry_out_here("fig2_features", *given, *few)
    assert code == 0, printed
    (one,), _ = load_features(tmp_path / "b" / "fig2.npz")
    (whole,), _ = load_features(tmp_path / "a" / "fig2.npz")
    assert one.maps.tolist() == [1, 0]
    for position, number in enumerate(one.maps):
        for at in np.flatnonzero(whole.maps == number):
            np.testing.assert_array_equal(one.patch[position], whole.patch[at, :2])
    code, printed = carry_out_here("fig2_features", f"redraw={tmp_path}/b/fig2.npz", f"run_dir={tmp_path / 'c'}")
    assert code == 0, printed
    with Image.open(tmp_path / "b" / "fig2.png") as drawn, Image.open(tmp_path / "c" / "fig2.png") as redrawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(redrawn))

    with monkeypatch.context() as patched:
        before = FolderImages.fingerprint.func
        patched.setattr(FolderImages, "fingerprint", "as this version says it")
        patched.setattr(FolderImages, "earlier_fingerprints", property(lambda images: (before(images),)))
        code, printed = carry_out_here("fig2_features", *given, *few)
        assert code == 0, printed

    other = small_network(tmp_path / "other.pt", seed=1)
    code, printed = carry_out_here("fig2_features", f"checkpoint={other}", *given, f"run_dir={tmp_path / 'd'}")
    assert code == 2
    assert "was mined with weights" in printed


def test_any_folder_of_images_and_unreadable_ones(carry_out_here, image_root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    for number, path in enumerate(squares(image_root, "val")[0]):
        (folder / "deeper").mkdir(parents=True, exist_ok=True)
        target = folder / ("deeper" if number % 2 else ".") / path.name
        target.write_bytes(path.read_bytes()[: 200 if number == 3 else None])
    network = small_network(tmp_path / "net.pt")
    given = [f"checkpoint={network}", f"images={folder}", *SMALL, "layers=conv2", f"run_dir={tmp_path / 'run'}"]
    code, printed = carry_out_here("fig2_features", *given)
    assert code == 0, printed
    assert f"skipped an image that cannot be read: {folder / 'deeper'}" in printed
    (one,), classes = load_features(tmp_path / "run" / "fig2.npz")
    assert classes.names == ["", "deeper"]
    order = sorted(folder.glob("*.JPEG")) + sorted((folder / "deeper").glob("*.JPEG"))
    bad = next(index for index, path in enumerate(order) if path.stat().st_size == 200)
    assert bad not in one.image
    pixels = [torch.from_numpy(decode_square(str(order[i]), 72).copy()) for i in range(len(order)) if i != bad]
    peaks = activations(open_network(network).model, torch.stack(pixels).permute(0, 3, 1, 2))["conv2"].amax((0, 2, 3))
    np.testing.assert_allclose(one.value[:, 0], peaks[one.maps], rtol=1e-4)


def test_only_a_network_without_weights_is_warned_of(carry_out_here, image_root: Path, tmp_path: Path) -> None:
    torch.save(build_model("torchvision:squeezenet1_1").state_dict(), tmp_path / "weights.pt")
    words = ["checkpoint=torchvision:squeezenet1_1", "size_px=56", f"images={image_root / 'val'}", *SMALL]
    for weights, warned in (("null", True), (tmp_path / "weights.pt", False)):
        given = [*words, "layers=features.0", f"weights={weights}", f"run_dir=run-{warned}"]
        code, printed = carry_out_here("fig2_features", *given)
        assert code == 0, printed
        assert ("warning: torchvision:squeezenet1_1 without weights" in printed) == warned


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "give checkpoint=FILE"),
        (["checkpoint={net}"], "give either data="),
        (["checkpoint={net}", "images={net}"], "no such folder"),
        (["checkpoint={net}", "images={root}/empty"], "no image files in it"),
        (["checkpoint={net}", "images={root}", "layers=[conv9]"], "'conv9' is not one of"),
        (["checkpoint={net}", "images={root}", "layers=[conv1]", "maps=[99]"], "expected some of 0 to 4"),
        (["checkpoint={net}", "data=imagenet_folder", "data.root={root}", "data.side=80"], "give data.side=72"),
        (["redraw={net}"], "expected the arrays of fig2"),
    ],
)
def test_what_it_refuses(carry_out_here, image_root: Path, tmp_path: Path, given: list[str], told: str) -> None:
    root = tmp_path / "root"
    (root / "empty").mkdir(parents=True)
    (root / "val").symlink_to(image_root / "val")
    (root / "train").symlink_to(image_root / "train")
    (root / "one.png").write_bytes(b"")
    Image.new("RGB", (80, 80), "red").save(root / "one.png")
    network = small_network(tmp_path / "net.pt")
    words = [word.format(net=network, root=root) for word in given]
    code, printed = carry_out_here("fig2_features", *words, "hardware.workers=0", f"run_dir={tmp_path / 'run'}")
    assert code == 2
    assert told in printed


def test_images_by_optimisation_beside_projections(carry_out_here, image_root: Path, tmp_path: Path) -> None:
    network = small_network(tmp_path / "net.pt")
    given = [f"checkpoint={network}", f"images={image_root / 'val'}", *SMALL, "optimise_steps=3"]
    code, printed = carry_out_here("fig2_features", *given, f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    layers, _ = load_features(tmp_path / "run" / "fig2.npz")
    assert [one.optimised.shape for one in layers] == [(3, 27, 27, 3), (3, 64, 64, 3)]
    code, printed = carry_out_here("fig2_features", *given, "layers=[pool1]", f"run_dir={tmp_path / 'other'}")
    assert code != 0
    assert "expected a convolution or linear layer" in printed

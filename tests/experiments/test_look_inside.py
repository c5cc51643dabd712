"""The jobs that look inside any network: activations, filters, summary, from the command line to their files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network

from zfnet.network import open_network


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of few pixels, which take a tenth of the time to write."""
    monkeypatch.setattr("zfnet.figures.drawing.style.DPI", 50)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_network(tmp_path_factory.mktemp("network") / "a.pt")


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_two_images_side_by_side_and_drawn_again(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path
) -> None:
    files = sorted(str(path) for path in (image_root / "val").rglob("*.JPEG"))[:2]
    given = [f"checkpoint={checkpoint}", f"image={files[0]}", f"second={files[1]}", "layer=conv2", "top=2"]
    code, printed = carry_out_here("activations", *given, "pick=changed", "means=false", "run_dir=run")
    assert code == 0, printed
    run = tmp_path / "run"
    names = ["channels_conv2_1_n00000000_0", "channels_conv2_2_n00000000_1", "beside_conv2"]
    for name in names:
        assert (run / f"{name}.png").stat().st_size > 0
        assert (run / f"{name}.pdf").read_bytes()[:4] == b"%PDF"
    arrays = dict(np.load(run / "activations.npz"))
    model = open_network(checkpoint).model
    mean = torch.tensor([110.0, 120, 130]).reshape(3, 1, 1)
    with torch.no_grad():
        x = torch.from_numpy(arrays["pictures"]).permute(0, 3, 1, 2).float() - mean
        for name, module in model.named_children():
            x = module(x)
            if name == "relu2":
                break
    np.testing.assert_allclose(arrays["maps/conv2"], x.numpy(), rtol=1e-4, atol=1e-3)
    first = [row for row in rows(run / "activations.csv") if row["image"] == "n00000000_0.JPEG"]
    order = x[0].flatten(1).max(1).values.argsort(descending=True).tolist()
    assert [int(row["channel"]) for row in first] == order[: len(first)]
    assert float(first[0]["peak"]) == pytest.approx(float(x[0].max()), rel=1e-4)
    code, printed = carry_out_here(
        "activations", f"redraw={run}/activations.npz", "top=2", "pick=changed", "run_dir=again"
    )
    assert code == 0, printed
    with Image.open(run / f"{names[2]}.png") as one, Image.open(tmp_path / "again" / f"{names[2]}.png") as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_an_untrained_network_is_told_and_the_photograph_is_scikit_learns(carry_out_here, tmp_path: Path) -> None:
    given = ["model=zfnet", "model.width=0.05", "model.input_px=64", "layer=conv5", "channels=[1]", "run_dir=run"]
    code, printed = carry_out_here("activations", *given, "colours=gray", "scale=standard", "relu=before")
    assert code == 0, printed
    assert "warning: zfnet without weights" in printed
    arrays = dict(np.load(tmp_path / "run" / "activations.npz"))
    assert arrays["names"].tolist() == ["china.jpg"]
    assert str(arrays["network"]) == "zfnet, untrained"
    assert arrays["maps/conv5"].min() < 0
    assert arrays["order"].tolist() == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert {path.stem for path in (tmp_path / "run").glob("*.png")} == {"channels_conv5", "over_conv5", "means"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["colours=virids"], "colour map 'virids' is not one of matplotlib's; close to it: viridis"),
        (["scale=minmax"], "scale=minmax is not one of unit, standard"),
        (["layer=conv9"], "layer 'conv9' is not one of conv1, relu1, pool1"),
        (["layer=conv1", "channels=[0,5000]"], "channel 5000 is not in layer 'conv1', which has channels 0 to "),
        (["image=nowhere.jpg"], "no image file at nowhere.jpg"),
        (["layer=conv1", "pick=changed"], "pick=changed compares two images: give image=FILE and second=FILE"),
    ],
)
def test_words_that_do_not_fit_are_told(carry_out_here, checkpoint: Path, words: list[str], told: str) -> None:
    code, printed = carry_out_here("activations", f"checkpoint={checkpoint}", "means=false", *words)
    assert code == 2
    assert told in printed


def test_first_layer_filters(carry_out_here, tmp_path: Path, checkpoint: Path) -> None:
    code, printed = carry_out_here("filters", f"checkpoint={checkpoint}", "scale=each", "run_dir=run")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "filters.npz"))
    weights = open_network(checkpoint).model.get_parameter("conv1.weight").detach().numpy()
    np.testing.assert_array_equal(arrays["weights"], weights)
    assert str(arrays["layer"]) == "conv1"
    code, printed = carry_out_here("filters", "redraw=run/filters.npz", "scale=each", "run_dir=again")
    assert code == 0, printed
    assert (tmp_path / "again" / "filters.png").read_bytes() == (tmp_path / "run" / "filters.png").read_bytes()
    code, printed = carry_out_here("filters", f"checkpoint={checkpoint}", "layer=fc6")
    assert code == 2
    assert "layer 'fc6' is not one of the convolutions conv1, conv2" in printed


@pytest.mark.parametrize(
    ("name", "image", "parameters"),
    [("mnist_convnet", "1 x 28 x 28", "93,322"), ("cats_dogs_convnet", "3 x 150 x 150", "3,453,634")],
)
def test_small_convnets_are_summarised_with_the_classes_and_channels_they_are_made_for(
    carry_out_here, name: str, image: str, parameters: str
) -> None:
    code, printed = carry_out_here("summary", f"model={name}", "run_dir=run")
    assert code == 0, printed
    assert f"{name}, one image of {image}" in printed
    assert parameters in next(line for line in printed.splitlines() if line.startswith("total"))


def test_a_grey_network_without_a_checkpoint_sees_grey(carry_out_here, tmp_path: Path) -> None:
    given = ["model=mnist_convnet", "layer=conv3", "channels=[1]", "means=false", "run_dir=run"]
    code, printed = carry_out_here("activations", *given)
    assert code == 0, printed
    assert np.load(tmp_path / "run" / "activations.npz")["maps/conv3"].shape == (1, 64, 3, 3)


def test_the_summary_is_printed_and_saved_and_a_layer_spelled_out(carry_out_here, tmp_path: Path) -> None:
    small = ["model.width=0.05", "model.input_px=64"]
    code, printed = carry_out_here("summary", *small, "run_dir=run")
    assert code == 0, printed
    assert "zfnet, one image of 3 x 64 x 64" in printed
    table = {row["name"]: row for row in rows(tmp_path / "run" / "summary.csv")}
    listed = {row["name"]: row for row in json.loads((tmp_path / "run" / "summary.json").read_text())}
    assert table.keys() == listed.keys()
    assert (table["conv5"]["field_px"], listed["conv5"]["field_px"]) == ("139x139", [139, 139])
    assert (table["fc6"]["field_px"], listed["fc6"]["field_px"]) == ("", None)
    assert table["conv1"]["shape"] == "x".join(map(str, listed["conv1"]["shape"]))
    maps, _, height, width = 5, 3, 7, 7
    assert int(table["conv1"]["parameters"]) == maps * 3 * height * width + maps
    code, printed = carry_out_here("summary", *small, "layer=conv1")
    assert code == 0, printed
    assert "conv1: 5 filters x (3 channels x 7 x 7) + 5 biases = 740" in printed
    code, printed = carry_out_here("summary", *small, "layer=pool1")
    assert code == 2
    assert "'pool1' has no parameters of its own; those that do are conv1" in printed


def test_of_a_folder_the_first_images_and_means_before_the_relu(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path
) -> None:
    given = [f"checkpoint={checkpoint}", f"image={image_root}/val", "layer=conv1", "top=1", "relu=before"]
    code, printed = carry_out_here("activations", *given, "most=2", "run_dir=run")
    assert code == 0, printed
    assert "the first 2 of 12 images" in printed
    arrays = dict(np.load(tmp_path / "run" / "activations.npz"))
    assert arrays["maps/conv1"].shape[0] == 2
    np.testing.assert_allclose(arrays["means/conv1"], arrays["maps/conv1"].mean(1), rtol=1e-3, atol=1e-3)
    assert str(arrays["means_stage"]) == "before any ReLU"
    assert len(list((tmp_path / "run").glob("means_*.png"))) == 2

"""The class map job: every place of a network without borders is its answer to the crop there; drawn again, told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zfnet import build_model
from zfnet.analysis.sliding_classifier import class_map
from zfnet.data.frame import InputFrame
from zfnet.figures.class_map import ClassMaps, draw_classmaps, nearest, save_maps, upsampled
from zfnet.models import convolutionalize
from zfnet.network import Network
from zfnet.training.checkpoint import save_checkpoint

NAMES = ("red", "green", "blue")
MEAN = torch.tensor([110.0, 120, 130]).reshape(3, 1, 1)


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr("zfnet.figures.drawing.style.DPI", 40)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    arguments = {"name": "cats_dogs_convnet", "num_classes": 3, "width": 0.1, "input_px": 64}
    torch.manual_seed(0)
    model = build_model(**arguments)
    network = Network(model, InputFrame(72, 64, MEAN, 50 * torch.ones(3, 1, 1)), ("n0", "n1", "n2"), NAMES, arguments)
    save_checkpoint(tmp_path / "a.pt", {"network": network.state(), "model": model.state_dict(), "trainer": {}})
    return tmp_path / "a.pt"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (112, 144, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_places_are_the_networks_answers_to_crops(carry_out_here, tmp_path: Path, checkpoint: Path, picture: Path):
    words = [f"checkpoint={checkpoint}", f"images=[{picture}]", "sides=[112,64]", "classes=[blue]"]
    code, printed = carry_out_here("classmap", *words, "run_dir=out")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "out" / "classmap.npz"))
    assert arrays["probability_0"].shape == (3, 4, 6)
    assert arrays["probability_1"].shape == (3, 1, 2)  # 64 x 82 px
    assert arrays["chosen_0"].tolist() == [2]
    assert "4 x 6 places; place (r, c) sees 62 px from (0 + 16 r, 0 + 16 c)" in printed
    content = torch.load(checkpoint, weights_only=True)
    model = build_model("cats_dogs_convnet", 3, weights=checkpoint, width=0.1, input_px=64).eval()
    assert content["network"]["arguments"]["input_px"] == 64
    pixels = torch.from_numpy(np.asarray(Image.open(picture)).copy()).permute(2, 0, 1).float()
    for row in range(4):
        for column in range(6):
            crop = pixels[:, 16 * row : 16 * row + 64, 16 * column : 16 * column + 64]
            if crop.shape[1:] == (64, 64):
                expected = model(((crop - MEAN) / 50)[None]).softmax(1)[0].detach().numpy()
                np.testing.assert_allclose(arrays["probability_0"][:, row, column], expected, atol=1e-5)


def test_drawn_again_without_the_network_and_of_other_classes(carry_out_here, tmp_path: Path):
    save_maps(tmp_path / "classmap.npz", [sky_with_a_cat()])
    code, printed = carry_out_here("classmap", "redraw=classmap.npz", "classes=[sea,0]", "run_dir=again")
    assert code == 0, printed
    assert "sea: highest 0.050 around" in printed
    assert "sky: highest 0.500 around row 8, column 8; most probable at 75% of the places" in printed
    assert "cat: highest" not in printed
    assert (tmp_path / "again" / "classmap.pdf").is_file()
    code, printed = carry_out_here("classmap", "redraw=classmap.npz", "classes=sea", "run_dir=one")
    assert code == 0, printed
    assert "sky: highest" not in printed
    code, printed = carry_out_here("classmap", "redraw=classmap.npz", "classes=[pink]", "run_dir=wrong")
    assert code == 2
    assert "class 'pink' is none of the network's 3" in printed


@pytest.mark.parametrize(("word", "told"), [
    ("sides=[40]", "images of 40 x 51 px are smaller than the 64 px"),
    ("sides=40", "images of 40 x 51 px are smaller than the 64 px"),
    ("sides=[]", "sides=[], expected one or more positive numbers of pixels"),
    ("sides=large", "expected one or more positive numbers"),
    ("average=3", "average=3: expected a number of places a side, 1 or more, and only of networks that end in a mean"),
    ("top=9", "top=9: expected 1 to 8 classes"),
    ("classes=[]", "classes=[]: expected 1 to 8 classes"),
])  # fmt: skip
def test_what_does_not_fit_is_told(carry_out_here, checkpoint: Path, picture: Path, word: str, told: str):
    code, printed = carry_out_here("classmap", f"checkpoint={checkpoint}", f"images=[{picture}]", word, "run_dir=a")
    assert code == 2
    assert told in printed


def test_many_images_are_drawn_on_several_pages(carry_out_here, tmp_path: Path):
    save_maps(tmp_path / "classmap.npz", [sky_with_a_cat()] * 13)  # one figure may be 65,535 pixels high, no more
    code, printed = carry_out_here("classmap", "redraw=classmap.npz", "run_dir=out")
    assert code == 0, printed
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["classmap_1.png", "classmap_2.png"]


def test_images_without_a_place_for_the_mean_are_told():
    network = convolutionalize(build_model("torchvision:squeezenet1_1", num_classes=3), average=4)
    with pytest.raises(ValueError, match=r"images of 40 x 90 px leave no place to answer from: enlarge them"):
        class_map(network, torch.zeros(1, 3, 40, 90))
    with pytest.raises(ValueError, match=r"images of 3 x 3 px leave no place"):
        class_map(network, torch.zeros(1, 3, 3, 3))
    with pytest.raises(RuntimeError, match="channels"):
        class_map(network, torch.zeros(1, 1, 90, 90))


def test_values_are_linear_between_the_places_and_continued_beyond():
    values = np.arange(6.0).reshape(2, 3) ** 2
    rows, columns = np.array([3.0, 7.0]), np.array([2.0, 5.0, 8.0])
    wide = upsampled(values, rows, columns, 11, 12)
    assert wide.shape == (11, 12)
    np.testing.assert_allclose(wide[np.ix_([3, 7], [2, 5, 8])], values)
    assert wide[5, 5] == pytest.approx((values[0, 1] + values[1, 1]) / 2)
    assert wide[3, 3] == pytest.approx(2 / 3 * values[0, 0] + values[0, 1] / 3)
    assert (wide[0] == wide[3]).all()
    assert (wide[:, 11] == wide[:, 8]).all()
    assert nearest(rows, 11).tolist() == [0] * 6 + [1] * 5


def sky_with_a_cat() -> ClassMaps:
    """4 x 4 places over 64 x 64 px: a cat in the upper left quarter."""
    probability = np.full((3, 4, 4), 0.05, np.float32)
    probability[0], probability[2, :2, :2] = 0.5, 0.9
    at = np.arange(4) * 16.0 + 8
    names = np.array(["sky", "sea", "cat"])
    return ClassMaps(
        picture=np.full((64, 64, 3), 128, np.uint8), path=np.array("a.jpg"), names=names,
        wnids=np.array(["a", "b", "c"]), probability=probability, rows=at, columns=at, window=np.array([16, 16, 0]),
        chosen=np.array([2, 0]), network=np.array("runs/best.pt"),
    )  # fmt: skip


def test_the_figure_shows_the_strongest_class_where_it_is():
    figure = draw_classmaps([sky_with_a_cat()])
    pictures = [axes.get_images()[0].get_array() for axes in figure.axes if axes.get_images()]
    labels, cat = np.asarray(pictures[1]), np.asarray(pictures[2])
    assert np.unique(labels.reshape(-1, 3), axis=0).shape[0] == 2
    assert (labels[:32, :32] == labels[0, 0]).all()
    assert not (labels[40, 40] == labels[0, 0]).all()
    assert cat[8, 8].sum() > cat[60, 60].sum()  # viridis runs from dark to light
    told = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "75%  sky" in told
    assert "25%  cat" in told
    assert figure.texts[-1].get_text().startswith("runs/best.pt\n")

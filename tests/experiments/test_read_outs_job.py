"""The pointing game by several read-outs, on a folder of images that says where the objects are and nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution
from PIL import Image
from small_network import small_network
from torch import nn

from experiments.tables.compared_read_outs import projected
from zfnet import occlude, open_network
from zfnet.analysis import halves, pointed_by_energy
from zfnet.data import plain_frame
from zfnet.data.decode import decode_square
from zfnet.figures.drawing import style


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """72 px images with a box each, in the folders of what the network takes them for."""
    root, generator = tmp_path / "boxes", np.random.default_rng(0)
    small_network(tmp_path / "a.pt")
    network, boxes = open_network(str(tmp_path / "a.pt")), {}
    for number in range(6):
        pixels = generator.integers(0, 255, (72, 72, 3), dtype=np.uint8)
        path = root / "any.png"
        root.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        square = torch.from_numpy(decode_square(str(path), 72)[4:68, 4:68].copy()).permute(2, 0, 1)[None].float()
        frame = network.frame
        mean = frame.mean.expand(3, 72, 72)[:, 4:68, 4:68]
        wnid = network.wnids[int(network.model((square - mean) / frame.scale).argmax())]
        name = f"val/{wnid}/{number}.png"
        (root / "val" / wnid).mkdir(parents=True, exist_ok=True)
        path.rename(root / name)
        boxes[name] = [10, 10 + number, 40, 40] if number % 2 else [4, 4, 70, 70]
    (root / "boxes.json").write_text(json.dumps(boxes))
    return root


def test_read_outs_of_an_earlier_run_do_not_stand_beside_a_game_without_them(
    carry_out_here, root: Path, tmp_path: Path
):
    left = [tmp_path / "run" / name for name in ("read_outs.csv", "read_outs_object.npz")]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("of others")
    words = ["data=imagenet_folder", f"data.root={root}", "data.side=72", f"checkpoint={tmp_path / 'a.pt'}"]
    sizes = ["square_px=20", "stride_px=22", "hardware.workers=0", "draws=1"]
    code, printed = carry_out_here("pointing", *words, *sizes, "run_dir=run")
    assert code == 0, printed
    assert not any(path.exists() for path in left)


def test_the_read_out_is_chosen_on_one_half_and_told_on_the_other(
    carry_out_here, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(style, "DPI", 40)
    words = ["data=imagenet_folder", f"data.root={root}", "data.side=72", f"checkpoint={tmp_path / 'a.pt'}"]
    sizes = ["square_px=20", "stride_px=11", "sizes_px=[20,31]", "fills=[0.0,mean]", "hardware.workers=0", "draws=3"]
    code, printed = carry_out_here("pointing", *words, *sizes, "run_dir=run")
    assert code == 0, printed
    arrays, usual = np.load(tmp_path / "run" / "read_outs_object.npz"), np.load(tmp_path / "run" / "pointing.npz")
    names = arrays["names"].tolist()
    assert len(names) == 2 * 2 * 6 + 2 * 3 + 2  # each fill and size, each fill's sizes together, projections
    assert np.array_equal(arrays["hit"][names.index("greatest drop of probability, 0.0, 20 px")], usual["hit"])
    assert np.array_equal(arrays["middle"], usual["middle"])
    with open(tmp_path / "run" / "read_outs.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["aim"] == "object"]
    choose = halves(arrays["target"], 0)
    best = int(arrays["hit"][:, choose].mean(1).argmax())
    assert [row["chosen"] for row in rows].index("True") == best
    assert float(rows[best]["hit"]) == pytest.approx(arrays["hit"][best, ~choose].mean())
    assert int(rows[best]["images"]) == (~choose).sum()
    assert "Pointing at the object" in printed
    assert (tmp_path / "run" / "read_outs_small_object.npz").exists()
    assert not (tmp_path / "run" / "read_outs_deciding_part.npz").exists()  # nobody knows the parts


def test_a_class_that_the_network_does_not_know_is_left_out_by_name(
    carry_out_here, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(style, "DPI", 40)
    boxes = json.loads((root / "boxes.json").read_text())
    known = next(iter(boxes))
    (root / "val" / "n99999999").mkdir()
    (root / "val" / "n99999999" / "0.png").write_bytes((root / known).read_bytes())
    (root / "boxes.json").write_text(json.dumps({**boxes, "val/n99999999/0.png": [10, 10, 40, 40]}))
    (root / "words.txt").write_text("n99999999\tunheard-of\n")
    words = [
        "data=imagenet_folder", f"data.root={root}", "data.side=72", f"checkpoint={tmp_path / 'a.pt'}",
        "square_px=20", "stride_px=22", "hardware.workers=0", "draws=1",
    ]  # fmt: skip
    code, printed = carry_out_here("pointing", *words, "run_dir=some")
    assert code == 0, printed
    assert "unheard-of: left out: class 'unheard-of' is none of the network's" in printed
    code, printed = carry_out_here("pointing", *words, "classes=[unheard-of]", "run_dir=named")
    assert code != 0
    assert "class 'unheard-of' is none of the network's" in printed


def test_a_class_score_is_projected_from_every_place_where_the_last_filters_give_a_map_a_class():
    """As in SqueezeNet, whose scores are means over places: captum's Deconvolution of the score is the oracle."""
    torch.manual_seed(0)
    filters = [nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.ReLU()]
    model = nn.Sequential(*filters, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    network = open_network(model, frame=plain_frame(33, 33), names=list("abcd"))
    images = torch.randn(3, 3, 33, 33)
    heat = occlude(model, images, model(images).argmax(1), size_px=9, stride_px=12, progress=False)
    found = projected(network, images, heat)["energy of the projection of the class score, 9 px"]
    expected = Deconvolution(model).attribute(images.clone().requires_grad_(), target=heat.target)
    assert torch.equal(found.places, pointed_by_energy(expected.detach(), 9).places)

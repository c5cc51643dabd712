"""The Fig. 5 job: its arrays against moving pixels by hand, its numbers, drawing again, words that do not fit."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from small_network import small_network

from zfnet import build_model
from zfnet.data.decode import decode_square
from zfnet.data.folder import FolderImages
from zfnet.figures.drawing import style

MEAN = np.array([110, 120, 130])


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr(style, "DPI", 40)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_network(tmp_path_factory.mktemp("network") / "a.pt")


def pixels(path: str) -> np.ndarray:
    return decode_square(path, 72)[4:68, 4:68]


@torch.no_grad()
def answers(checkpoint: Path, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of layers 1 and 7 and class probabilities of one image, module by module."""
    model = build_model("zfnet", num_classes=3, width=0.05, input_px=64).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    now, found = torch.from_numpy(pixels - MEAN).float().permute(2, 0, 1)[None], {}
    for name, module in model.named_children():
        now = module(now)
        found[name] = now.flatten().numpy().copy()
    return found["norm1"], found["relu7"], now.softmax(1)[0].numpy()


def test_curves_of_the_first_images_of_classes(carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path):
    words = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    words += [f"checkpoint={checkpoint}", "classes=[blue,n00000000]", "rows=[translation_y]", "more=[rotation]"]
    code, printed = carry_out_here("fig5_invariance", *words, "run_dir=run")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "fig5.npz"))
    assert [Path(path).name for path in arrays["path"]] == ["n00000002_0.JPEG", "n00000000_0.JPEG"]
    assert arrays["target"].tolist() == [2, 0]
    assert arrays["layers"].tolist() == ["1", "7"]
    values = arrays["translation_y/values"]
    assert values.tolist() == list(range(-17, 18))
    for number, path in enumerate(arrays["path"]):
        still = pixels(path)
        clean = answers(checkpoint, still)
        for at in (0, 16, 17, 30):
            down = int(values[at])
            moved = np.broadcast_to(MEAN, still.shape).astype(np.uint8)
            moved[max(down, 0) : 64 + min(down, 0)] = still[max(-down, 0) : 64 - max(down, 0)]
            shown = np.flatnonzero(arrays["translation_y/shown"] == down)
            for one in shown:
                np.testing.assert_array_equal(arrays["translation_y/picture"][number, one], moved)
            first, last, chance = answers(checkpoint, moved)
            expected = [np.linalg.norm(first - clean[0]), np.linalg.norm(last - clean[1])]
            np.testing.assert_allclose(arrays["translation_y/distance"][:, number, at], expected, rtol=1e-3, atol=1e-5)
            assert arrays["translation_y/probability"][number, at] == pytest.approx(
                chance[arrays["target"][number]], abs=1e-5
            )
            assert arrays["translation_y/label"][number, at] == chance.argmax()
    with open(tmp_path / "run" / "fig5.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["transform"] for row in table] == ["translation_y"] * 2 + ["rotation"] * 2
    least = [float(row["least_probability"]) for row in table[:2]]
    assert least == pytest.approx(arrays["translation_y/probability"].min(1).tolist())
    assert [row["valley_90"] != "" for row in table] == [False, False, True, True]
    turned = dict(zip(arrays["rotation/values"].tolist(), arrays["rotation/distance"][1, 0].tolist(), strict=True))
    assert float(table[2]["valley_90"]) == pytest.approx(1 - 2 * turned[90] / (turned[60] + turned[120]), abs=1e-5)

    code, printed = carry_out_here("fig5_invariance", f"redraw={tmp_path / 'run' / 'fig5.npz'}", "run_dir=again")
    assert code == 2
    assert "has no scale, only translation_y, rotation" in printed
    words = [f"redraw={tmp_path / 'run' / 'fig5.npz'}", "rows=[translation_y]", "more=[]"]
    code, printed = carry_out_here("fig5_invariance", *words, "run_dir=again")
    assert code == 0, printed
    assert (tmp_path / "run" / "fig5_more.png").exists()
    assert (tmp_path / "again" / "fig5.png").read_bytes() == (tmp_path / "run" / "fig5.png").read_bytes()


def test_without_classes_or_pictures_images_of_classes_spread_over_all_are_shown(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
):
    words = [f"images={image_root / 'val'}", f"checkpoint={checkpoint}", "hardware.workers=0", "layers=[conv2,5]"]
    opened, before = [], FolderImages.__init__
    monkeypatch.setattr(FolderImages, "__init__", lambda self, *a, **b: before(self, *a, **b) or opened.append(self))
    code, printed = carry_out_here("fig5_invariance", *words, "rows=[brightness]", "more=[]", "run_dir=run")
    assert code == 0, printed
    assert len(opened) == 1
    arrays = dict(np.load(tmp_path / "run" / "fig5.npz"))
    assert arrays["target"].tolist() == [0, 1, 2]
    assert arrays["layers"].tolist() == ["conv2", "5"]
    assert arrays["known"].all()
    assert not (tmp_path / "run" / "fig5_more.png").exists()


def test_an_image_that_cannot_be_read_is_not_the_first_of_its_class(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path
):
    shutil.copytree(image_root / "val", tmp_path / "val")
    red, blue = (sorted((tmp_path / "val" / wnid).iterdir()) for wnid in ("n00000000", "n00000002"))
    for path in (red[0], *blue):
        path.write_bytes(path.read_bytes()[:300])
    words = [f"images={tmp_path / 'val'}", f"checkpoint={checkpoint}", "hardware.workers=0", "rows=brightness"]
    code, printed = carry_out_here("fig5_invariance", *words, "classes=red", "more=[]", "run_dir=run")
    assert code == 0, printed
    assert np.load(tmp_path / "run" / "fig5.npz")["path"].tolist() == [str(red[1])]
    code, printed = carry_out_here("fig5_invariance", *words, "classes=[blue]", "more=[]", "run_dir=run")
    assert code == 2
    assert "class 2 (blue) has no readable image among those given" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rows=[shear]"], "transform 'shear' is not one of translation_y"),
        (["rows=[]", "more=[]"], "rows and more are empty"),
        (["classes=[gren]"], "class 'gren' is none of the network's 3 (such as green"),
        (["layers=[conv9]"], "layer 'conv9' is not one of"),
        (["pictures=[a.jpg]", "targets=[red,blue]"], "2 targets for 1 pictures: give one for each"),
        (["checkpoint=null"], "give checkpoint=FILE"),
    ],
)
def test_words_that_do_not_fit_are_told(
    carry_out_here, image_root: Path, checkpoint: Path, words: list[str], told: str
):
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    code, printed = carry_out_here("fig5_invariance", *data, f"checkpoint={checkpoint}", *words)
    assert code == 2
    assert told in printed

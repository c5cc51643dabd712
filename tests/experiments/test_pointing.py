"""The pointing game's job: hits and drops against masking by hand, redrawing, words that do not fit."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network

from zfnet import build_model
from zfnet.data.decode import decode_square
from zfnet.figures.drawing import style

WNIDS = ("n00000000", "n00000002")
SMALL = ("square_px=20", "stride_px=11", "hardware.workers=0", "draws=3")
STARTS = [0, 11, 22, 33, 44]  # squares of 20 on 64 px


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr(style, "DPI", 40)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 px images: two of "red", of which one has no deciding part in view, one of "blue" and one beyond the view."""
    root, generator = tmp_path_factory.mktemp("boxes"), np.random.default_rng(0)
    images = []
    for number, (wnid, whole, eye) in enumerate([
        (WNIDS[0], [4, 4, 50, 40], [30, 10, 40, 20]),
        (WNIDS[0], [30, 30, 72, 72], [69, 40, 72, 50]),
        (WNIDS[1], [0, 0, 2, 2], [0, 0, 2, 2]),
        (WNIDS[1], [20, 2, 60, 70], [22, 50, 50, 68]),
    ]):  # fmt: skip
        path = root / "val" / wnid / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (72, 72, 3), dtype=np.uint8)).save(path)
        parts = [{"name": "eye", "box": eye, "deciding": True}, {"name": "body", "box": whole}]
        images.append({"path": f"val/{wnid}/{number}.png", "class": wnid, "object": whole, "parts": parts})
    (root / "parts.json").write_text(json.dumps({"classes": {WNIDS[0]: "red"}, "images": images}))
    small_network(root / "a.pt")
    return root


def swept(root: Path, number: int, target: int) -> tuple[float, np.ndarray]:
    """The target's probability without and with each square."""
    model = build_model("zfnet", num_classes=3, width=0.05, input_px=64).eval()
    model.load_state_dict(torch.load(root / "a.pt", weights_only=True)["model"])
    path = root / "val" / WNIDS[number // 2] / f"{number}.png"
    pixels = torch.from_numpy(decode_square(str(path), 72)[4:68, 4:68].copy()).float()
    image = (pixels - torch.tensor([110.0, 120, 130])).permute(2, 0, 1)
    images = [image]
    for row in STARTS:
        for column in STARTS:
            hidden = image.clone()
            hidden[:, row : row + 20, column : column + 20] = 0
            images.append(hidden)
    with torch.no_grad():
        found = model(torch.stack(images)).softmax(1)[:, target].numpy()
    return float(found[0]), found[1:].reshape(5, 5)


def test_hits_and_drops_are_those_of_masking_by_hand(carry_out_here, root: Path, tmp_path: Path):
    every = "only_correct=false"
    words = ["data=imagenet_folder", f"data.root={root}", f"checkpoint={root / 'a.pt'}", *SMALL, every]
    code, printed = carry_out_here("pointing", *words, "run_dir=run")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "pointing.npz"))
    assert [Path(path).stem for path in arrays["path"]] == ["0", "1", "3"]  # of image 2 nothing is in view
    assert arrays["target"].tolist() == [0, 0, 2]
    assert arrays["object"].tolist() == [[0, 0, 46, 36], [26, 26, 64, 64], [16, 0, 56, 64]]
    assert arrays["rows"].tolist() == arrays["columns"].tolist() == STARTS
    assert arrays["part_image"].tolist() == [0, 0, 1, 2, 2]
    assert arrays["part_name"].tolist() == ["eye", "body", "body", "eye", "body"]
    assert arrays["shown"].tolist() == [0, 2]
    eyes = {0: (26, 6, 36, 16), 2: (18, 46, 46, 64)}
    for at, number in enumerate((0, 1, 3)):
        clean, probability = swept(root, number, int(arrays["target"][at]))
        np.testing.assert_allclose(arrays["probability"][at], probability, atol=1e-5)
        row, column = np.unravel_index(probability.argmin(), (5, 5))
        for name, box in (("", arrays["object"][at]), ("deciding_", eyes.get(at))):
            if box is None:
                assert np.isnan([arrays[f"deciding_{field}"][at] for field in ("hit", "chance", "middle")]).all()
                continue
            left, top, right, bottom = box
            inside = np.array(
                [[top <= i + 10 < bottom and left <= j + 10 < right for j in STARTS] for i in STARTS]
            )  # a centre between two pixels is in the box if both are, as none lies on an edge here
            assert arrays[f"{name}hit"][at] == inside[row, column]
            assert arrays[f"{name}chance"][at] == pytest.approx(inside.mean())
            assert arrays[f"{name}middle"][at] == (left <= 32 < right and top <= 32 < bottom)
    clean, probability = swept(root, 0, 0)
    assert arrays["part_drop"][0] == pytest.approx(clean - probability[0, 2], abs=1e-5)  # it alone hides all of the eye
    assert np.isfinite(arrays["on_object"]).all()
    assert np.isfinite(arrays["in_image"]).all()
    with open(tmp_path / "run" / "pointing.csv", newline="") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"red", "blue", "all"}
    assert float(rows["all"]["hit"]) == pytest.approx(arrays["hit"].mean())
    deciding = arrays["part_deciding"]
    assert float(rows["all"]["deciding_drop"]) == pytest.approx(arrays["part_drop"][deciding].mean())
    assert float(rows["red"]["other_on_object"]) == pytest.approx(arrays["on_object"][[1, 2]].mean())
    code, printed = carry_out_here("pointing", f"redraw={tmp_path / 'run' / 'pointing.npz'}", every, "run_dir=again")
    assert code == 0, printed
    for name in ("pointing.png", "pointing.csv", "parts.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def relabelled(root: Path, folder: Path, labels: list[int], carry_out_here) -> Path:
    """The saved arrays of the three images, as if the network had taken them for these classes."""
    words = ["data=imagenet_folder", f"data.root={root}", f"checkpoint={root / 'a.pt'}", *SMALL, "only_correct=false"]
    code, printed = carry_out_here("pointing", *words, f"run_dir={folder}")
    assert code == 0, printed
    with np.load(folder / "pointing.npz") as file:
        arrays = {**file, "clean_label": np.array(labels)}
    np.savez(folder / "relabelled.npz", **arrays)
    return folder / "relabelled.npz"


def test_images_taken_for_another_class_are_not_counted(carry_out_here, root: Path, tmp_path: Path):
    saved = relabelled(root, tmp_path / "all", [1, 0, 2], carry_out_here)
    arrays = dict(np.load(saved))
    code, printed = carry_out_here("pointing", f"redraw={saved}", "run_dir=correct")
    assert code == 0, printed
    assert "2 of 3 images are taken for what they are" in printed
    with open(tmp_path / "correct" / "pointing.csv", newline="") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert [row["images"] for row in rows.values()] == ["1", "1", "2"]
    assert float(rows["all"]["chance"]) == pytest.approx(arrays["chance"][1:].mean())
    assert float(rows["red"]["other_drop"]) == pytest.approx(arrays["part_drop"][2])  # the body of the second image
    assert rows["red"]["deciding_hit"] == rows["red"]["deciding_drop"] == ""  # which has no deciding part in view
    assert "nan" not in printed
    low, high = (float(rows["all"][f"other_drop_{edge}"]) for edge in ("low", "high"))
    bodies = arrays["part_drop"][[2, 4]]
    assert (low, high) == pytest.approx((bodies.min(), bodies.max()))  # two images: half of the draws hold one alone


def test_a_class_of_which_none_is_right_is_named_and_all_wrong_is_an_error(carry_out_here, root: Path, tmp_path: Path):
    saved = relabelled(root, tmp_path / "all", [1, 1, 2], carry_out_here)
    code, printed = carry_out_here("pointing", f"redraw={saved}", "run_dir=one")
    assert code == 0, printed
    assert "red: none of 2 is taken for it: left out" in printed
    saved = relabelled(root, tmp_path / "others", [1, 1, 1], carry_out_here)
    code, printed = carry_out_here("pointing", f"redraw={saved}", "run_dir=none")
    assert code == 2
    assert "only_correct=false counts them all" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["classes=[green]"], "class 'green' is not one of red, n00000002"),
        (["split=train"], "no image of split=train"),
        (["square_px=65"], "size_px=65 is larger than the image, which has 64 x 64 px"),
        (["checkpoint=null"], "give checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz"),
        (["data.root=elsewhere"], "scripts/make_parts_world, or write your own"),
    ],
)
def test_words_that_do_not_fit_are_told(carry_out_here, root: Path, words: list[str], told: str):
    data = ["data=imagenet_folder", f"data.root={root}", "hardware.workers=0"]
    code, printed = carry_out_here("pointing", *data, f"checkpoint={root / 'a.pt'}", *words)
    assert code == 2
    assert told in printed


def test_without_images_the_words_that_are_missing_are_told(carry_out_here, root: Path):
    code, printed = carry_out_here("pointing", f"checkpoint={root / 'a.pt'}")
    assert code == 2
    assert "give data=... and checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz" in printed

"""The Table 1 job: a JSON of one's own, the table against what is saved of every pair, words that do not fit."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network

from zfnet.data import torchvision_frame
from zfnet.data.parts_world import images_with, read_parts, seen

WNIDS = ("n1", "n2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six noisy 96 x 80 images of dogs, one of a cat, with a checkpoint; one dog's nose is beyond the view."""
    root, generator = tmp_path_factory.mktemp("parts"), np.random.default_rng(0)
    images = []
    for number in range(7):
        wnid = WNIDS[number == 6]
        path = root / "val" / wnid / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (80, 96, 3), dtype=np.uint8)).save(path)
        left, top = (0 if number == 2 else 20 + number), 30 - number
        nose = {"name": "nose", "box": [left, top, left + 12, top + 9]}
        eye = {"name": "left_eye", "box": [60, 20 + number, 70, 32 + number]}
        box = [min(left, 50), 10, 80, 60]
        images.append({"path": f"val/{wnid}/{number}.png", "class": wnid, "object": box, "parts": [nose, eye]})
    (root / "parts.json").write_text(json.dumps({"classes": {"n1": "dog"}, "images": images}))
    small_network(root / "a.pt")
    return root


def table(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with open(folder / "tab1.csv", newline="") as file:
        return {(row["masked"], row["layer"]): row for row in csv.DictReader(file)}


def test_the_table_of_a_json_of_ones_own(carry_out_here, root: Path, tmp_path: Path):
    words = [f"root={root}", f"checkpoint={root / 'a.pt'}", "parts=[nose,left_eye]", "draws=4"]
    code, printed = carry_out_here("tab1_correspondence", *words, "random_in=object", "run_dir=run")
    assert code == 0, printed
    assert "dog: 5 images (1 left out), 10 pairs; 4 random boxes of the size of each part in each object" in printed
    rows, arrays = table(tmp_path / "run"), dict(np.load(tmp_path / "run" / "tab1.npz"))
    assert set(rows) == set(itertools.product(("nose", "left_eye", "random"), ("5", "7")))
    assert [Path(path).stem for path in arrays["dog/paths"]] == ["0", "1", "3", "4", "5"]
    for layer in ("5", "7"):
        every = []
        for part in ("nose", "left_eye"):
            pairs, random = arrays[f"dog/{part}/{layer}/pairs"], arrays[f"dog/{part}/{layer}/random_pairs"]
            assert (pairs.shape, random.shape) == ((10,), (4, 10))
            row = {name: float(rows[part, layer][name]) for name in ("mean", "deviation", "random_mean", "p_value")}
            assert row["mean"] == pytest.approx(pairs.mean())
            assert row["deviation"] == pytest.approx(np.sqrt(np.mean((pairs - pairs.mean()) ** 2)))
            assert row["random_mean"] == pytest.approx(random.mean())
            assert 1 / 5**5 <= row["p_value"] <= 1
            every.append(random)
        assert float(rows["random", layer]["mean"]) == pytest.approx(np.mean(every))
        assert rows["random", layer]["p_value"] == "nan"
    assert (rows["nose", "5"]["paper_mean"], rows["left_eye", "7"]["paper_deviation"]) == ("0.079", "0.013")


def test_boxes_lie_in_the_view_and_random_ones_on_the_object_clear_of_the_parts(
    carry_out_here, root: Path, tmp_path: Path
):
    """96 x 80 px to a square of 72 and a view of 64: x goes to 0.9 (x - 8) - 4, y to 0.9 y - 4."""
    words = [f"root={root}", f"checkpoint={root / 'a.pt'}", "parts=[nose,left_eye]", "draws=30", "layers=[5]"]
    code, printed = carry_out_here("tab1_correspondence", *words, "random_in=object", "images=2", "run_dir=run")
    assert code == 0, printed
    arrays = np.load(tmp_path / "run" / "tab1.npz")
    nose, eye = arrays["dog/nose/boxes"], arrays["dog/left_eye/boxes"]
    assert nose.shape == eye.shape == (2, 31, 4)
    for number in range(2):
        left, top = 20 + number, 30 - number
        edges = 0.9 * (left - 8) - 4, 0.9 * top - 4, 0.9 * (left + 12 - 8) - 4, 0.9 * (top + 9) - 4
        expected = [np.floor(edges[0]), np.floor(edges[1]), np.ceil(edges[2]), np.ceil(edges[3])]
        assert nose[number, 0].tolist() == expected
        parts = [nose[number, 0], eye[number, 0]]
        for own in (nose, eye):
            for box in own[number, 1:]:
                assert (box[2:] - box[:2]).tolist() == (own[number, 0, 2:] - own[number, 0, :2]).tolist()
                assert (box >= [0.9 * (left - 8) - 5, 4, 0, 0]).all()
                assert (box <= [64, 64, 61, 51]).all()
                for part in parts:
                    assert box[2] <= part[0] or part[2] <= box[0] or box[3] <= part[1] or part[3] <= box[1]


def test_fresh_weights_stand_beside_over_the_same_boxes(carry_out_here, root: Path, tmp_path: Path):
    words = [f"root={root}", f"checkpoint={root / 'a.pt'}", "parts=[nose]", "draws=2", "layers=[conv3]", "seed=1"]
    for fresh in (0, 2):
        code, printed = carry_out_here("tab1_correspondence", *words, f"fresh={fresh}", f"run_dir=run_{fresh}")
        assert code == 0, printed
    alone, beside = (dict(np.load(tmp_path / f"run_{fresh}" / "tab1.npz")) for fresh in (0, 2))
    assert set(beside) - set(alone) == {"dog/nose/conv3/fresh_pairs", "dog/nose/conv3/fresh_random_pairs"}
    for name, values in alone.items():
        np.testing.assert_array_equal(values, beside[name])
    pairs, random = beside["dog/nose/conv3/fresh_pairs"], beside["dog/nose/conv3/fresh_random_pairs"]
    assert (pairs.shape, random.shape) == ((2, 10), (2, 2, 10))
    every = [alone["dog/nose/conv3/pairs"], *pairs]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(every, 2))
    row = table(tmp_path / "run_2")["nose", "conv3"]
    ratios = pairs.mean(1) / random.mean((1, 2))
    names = ("fresh_ratio", "fresh_ratio_least", "fresh_ratio_most")
    assert [float(row[name]) for name in names] == pytest.approx([ratios.mean(), ratios.min(), ratios.max()])
    assert table(tmp_path / "run_0")["nose", "conv3"]["fresh_ratio"] == "nan"


def test_what_hides_a_part_may_be_a_colour_or_noise_from_the_seed(carry_out_here, root: Path, tmp_path: Path):
    words = [f"root={root}", f"checkpoint={root / 'a.pt'}", "parts=nose", "draws=1", "layers=conv3", "fresh=0"]
    words.append("classes=dog")
    found = []
    for number, fill in enumerate(("[10,-10,0]", "noise", "noise")):
        code, printed = carry_out_here("tab1_correspondence", *words, f"fill={fill}", f"run_dir=run_{number}")
        assert code == 0, printed
        found.append(np.load(tmp_path / f"run_{number}" / "tab1.npz")["dog/nose/conv3/pairs"])
    assert not np.array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[1], found[2])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["classes=[cow]"], "class 'cow' is not one of dog, n2"),
        (["parts=[beak]"], "no class of"),
        (["random_in=part"], "random_in='part' is not one of image, object"),
        (["parts=[nose]", "fill=gray"], "fill 'gray' is not a number, one a channel, or one of mean, blur, noise"),
        (["parts=[nose]", "layers=[9]"], "this network has no layer 9, only 1, 2, 3, 4, 5, 6, 7, 8"),
    ],
)
def test_words_that_do_not_fit_are_told(carry_out_here, root: Path, words: list[str], told: str):
    code, printed = carry_out_here("tab1_correspondence", f"root={root}", f"checkpoint={root / 'a.pt'}", *words)
    assert code == 2
    assert told in printed


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_pictures_are_decoded_the_same_for_a_network_on_a_gpu(root: Path):
    frame, listed = torchvision_frame(64, 72), images_with(read_parts(root), "val", "n1", ["nose"])
    for own, theirs in zip(seen(root, listed, frame), seen(root, listed, frame.to("cuda")), strict=True):
        assert torch.equal(own.image, theirs.image)

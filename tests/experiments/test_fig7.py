"""The Fig. 7 job: its arrays against masking by hand, the other images against a full search, words that do not fit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network

from zfnet import build_model
from zfnet.data.decode import decode_square

SMALL = ("square_px=24", "stride_px=16", "hardware.workers=0", "layer=conv2")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_network(tmp_path_factory.mktemp("network") / "a.pt")


def opened(checkpoint: Path) -> torch.nn.Module:
    model = build_model("zfnet", num_classes=3, width=0.05, input_px=64).eval()
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    return model


@torch.no_grad()
def conv2(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The rectified maps (B, C, H, W) of layer 2."""
    for name, module in model.named_children():
        images = module(images)
        if name == "relu2":
            break
    return images


def view(path: str) -> tuple[torch.Tensor, np.ndarray]:
    """An image as the network sees it, and its pixels."""
    pixels = decode_square(path, 72)[4:68, 4:68]
    return (torch.from_numpy(pixels.copy()).float() - torch.tensor([110.0, 120, 130])).permute(2, 0, 1), pixels


def flat(image_root: Path, folder: Path, name: str) -> Path:
    """The validation images in one folder, named after a pattern of their class and number."""
    folder.mkdir()
    for order, path in enumerate(sorted((image_root / "val").rglob("*.JPEG"))):
        label, number = int(path.parent.name[-1]), path.stem.split("_")[1]
        word = ("red", "green", "blue")[label]
        (folder / f"{name.format(wnid=path.parent.name, word=word, number=number, order=order)}.jpg").symlink_to(path)
    return folder


@pytest.mark.parametrize("name", ["{wnid}_{number}", "{word}_{number}", "n0_{order}_x"])
def test_classes_come_from_file_names_or_from_what_the_network_says(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path, name: str
):
    words = [f"images={flat(image_root, tmp_path / 'flat', name)}", *SMALL, f"checkpoint={checkpoint}", "run_dir=run"]
    code, printed = carry_out_here("fig7_occlusion", *words, "classes=[blue]")
    if name.startswith("n0"):
        assert code == 2
        assert "class 2 (blue) has no readable image" in printed
        assert "classes=predicted" in printed
    else:
        assert code == 0, printed
        arrays = dict(np.load(tmp_path / "run" / "fig7.npz"))
        assert (arrays["target"].tolist(), arrays["known"].tolist()) == ([2], [True])
        assert Path(arrays["path"][0]).resolve().parent.name == "n00000002"
        return
    code, printed = carry_out_here("fig7_occlusion", *words, "classes=predicted")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "fig7.npz"))
    guesses = opened(checkpoint)(torch.stack([view(str(path))[0] for path in arrays["path"]])).argmax(1)
    assert arrays["target"].tolist() == guesses.tolist()
    assert (len(arrays["path"]), arrays["known"].any()) == (6, False)


def test_a_class_that_is_not_there_is_told_with_those_that_are(carry_out_here, image_root: Path, tmp_path, checkpoint):
    folder = flat(image_root, tmp_path / "flat", "{word}_{number}")
    for path in folder.glob("blue*"):
        path.unlink()
    code, printed = carry_out_here(
        "fig7_occlusion", f"images={folder}", *SMALL, f"checkpoint={checkpoint}", "classes=2"
    )
    assert code == 2
    assert "class 2 (blue) has no readable image among those given; found were" in printed
    assert "red (4)" in printed


def test_five_panels_of_the_first_images_of_classes(carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path):
    words = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "classes=[blue,n00000000]"]
    code, printed = carry_out_here("fig7_occlusion", *words, *SMALL, f"checkpoint={checkpoint}", "run_dir=run")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "fig7.npz"))
    assert [Path(path).name for path in arrays["path"]] == ["n00000002_0.JPEG", "n00000000_0.JPEG"]
    assert arrays["target"].tolist() == [2, 0]
    assert arrays["rows"].tolist() == arrays["columns"].tolist() == [0, 16, 32, 40]
    model = opened(checkpoint)
    files = sorted((image_root / "val").rglob("*.JPEG"))
    every = conv2(model, torch.stack([view(str(path))[0] for path in files])).amax((2, 3))
    for number, path in enumerate(arrays["path"]):
        image, pixels = view(path)
        np.testing.assert_array_equal(arrays["picture"][number], pixels)
        clean = conv2(model, image[None])[0]
        strongest = int(clean.sum((1, 2)).argmax())
        assert arrays["map"][number] == strongest
        for i, j in np.ndindex(4, 4):
            top, left = arrays["rows"][i], arrays["columns"][j]
            hidden = image.clone()
            hidden[:, top : top + 24, left : left + 24] = 0
            with torch.no_grad():
                scores = model(hidden[None]).softmax(1)[0].numpy()
            assert arrays["probability"][number, i, j] == pytest.approx(scores[arrays["target"][number]], abs=1e-5)
            assert arrays["label"][number, i, j] == scores.argmax()
            activity = float(conv2(model, hidden[None])[0, strongest].sum())
            assert arrays["activity"][number, i, j] == pytest.approx(activity, rel=1e-4)
        others = [value for value, file in zip(every[:, strongest].tolist(), files, strict=True) if str(file) != path]
        expected = [float(clean[strongest].max()), *sorted(others, reverse=True)[:3]]
        np.testing.assert_allclose(arrays["value"][number], expected, rtol=1e-4)
    with open(tmp_path / "run" / "fig7.csv", newline="") as file:
        least = [float(row["least_probability"]) for row in csv.DictReader(file)]
    assert least == pytest.approx(arrays["probability"].min((1, 2)).tolist())


def test_given_pictures_are_followed_by_their_folder_word_or_guess_and_drawn_again(
    carry_out_here, image_root: Path, tmp_path: Path, checkpoint: Path
):
    unknown, told = (tmp_path / "elsewhere" / f"{number}.png" for number in range(2))
    unknown.parent.mkdir()
    for path, size in ((unknown, (70, 99, 3)), (told, (80, 75, 3))):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)).save(path)
    known = next((image_root / "val" / "n00000001").iterdir())
    words = [f"pictures=[{known},{unknown},{told}]", "targets=[null,null,Blue]", f"checkpoint={checkpoint}", *SMALL]
    code, printed = carry_out_here("fig7_occlusion", *words, "run_dir=run")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "run" / "fig7.npz"))
    with torch.no_grad():
        guess = int(opened(checkpoint)(view(str(unknown))[0][None]).argmax())
    assert arrays["target"].tolist() == [1, guess, 2]
    assert arrays["known"].tolist() == [True, False, True]
    assert np.isfinite(arrays["value"]).all()
    assert arrays["value"].shape == (3, 3)  # itself and the two others
    code, printed = carry_out_here("fig7_occlusion", f"redraw={tmp_path / 'run' / 'fig7.npz'}", "run_dir=again")
    assert code == 0, printed
    for kind in ("png", "csv"):
        assert (tmp_path / "again" / f"fig7.{kind}").read_bytes() == (tmp_path / "run" / f"fig7.{kind}").read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["classes=[red]", "pictures=[a.jpg]"], "give either classes=[...], to show the first image of each, or"),
        (["classes=[gren]"], "class 'gren' is none of the network's 3 (such as green"),
        (["classes=[7]"], "class 7 is none of the network's 3"),
        (["classes=[red]", "square_px=65"], "size_px=65 is larger than the image, which has 64 x 64 px"),
        (["pictures=[a.jpg]", "targets=[red,blue]"], "2 targets for 1 pictures: give one for each"),
        (["classes=[red]", "layer=conv9"], "conv9"),
    ],
)
def test_words_that_do_not_fit_are_told(
    carry_out_here, image_root: Path, checkpoint: Path, words: list[str], told: str
):
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    code, printed = carry_out_here("fig7_occlusion", *data, f"checkpoint={checkpoint}", *words)
    assert code == 2
    assert told in printed

"""Fig. 4's job: from a training's own arrays, while it runs, and again from its checkpoints; and redrawn."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments.observers.evolution_folder import CAPTION_PX, captions
from zfnet.analysis.evolution.saved import load_moment
from zfnet.figures.fig4 import load_evolution

SMALL = (
    "data=imagenet_folder", "data.side=72", "model.width=0.05", "model.input_px=64", "training=modern",
    "training.batch_size=8", "hardware.workers=0", "training.epochs=3", "evolution.layers=[conv1,conv3]",
    "evolution.maps=3", "evolution.epochs=[1,9]", "checkpoints.epochs=[1,2]",
)  # fmt: skip
AGAIN = ("evolution.layers=[conv1,conv3]", "evolution.maps=3", "evolution.sweep_images=20")


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr("zfnet.figures.drawing.style.DPI", 40)


@pytest.fixture
def trained(carry_out_here, image_root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "trained"
    code, printed = carry_out_here("train", *SMALL, f"data.root={image_root}", f"run_dir={folder}")
    assert code == 0, printed
    return folder


def test_from_a_training_its_beginning_and_its_checkpoints(carry_out_here, trained: Path, tmp_path: Path):
    events = EventAccumulator(str(trained / "evolution"), size_guidance={"images": 0})
    events.Reload()
    assert [image.step for image in events.Images("evolution/conv3")] == [1, 3]
    with Image.open(io.BytesIO(events.Images("evolution/conv1")[0].encoded_image_string)) as picture:
        strip = np.asarray(picture)
    kept = load_moment(trained / "evolution" / "epoch-0001.npz").layers["conv1"]
    tile = 7 * 9  # 7 px, nine times as large
    assert strip.shape == (CAPTION_PX + 2 * tile + 9, 3 * tile + 2 * 36, 3)
    for number, (patch, caption) in enumerate(zip(kept.patch, captions(kept.maps.tolist(), tile), strict=True)):
        left = number * (tile + 36)
        np.testing.assert_array_equal(strip[CAPTION_PX + tile + 9 :: 9, left : left + tile : 9], patch)
        np.testing.assert_array_equal(strip[:CAPTION_PX, left : left + tile], caption)
    two, other = captions([17, 71], tile)
    assert two.min() < 100
    assert two[:, 2 * CAPTION_PX :].min() == 255  # beside the number
    assert (two != other).any()
    assert [point.step for point in events.Scalars("evolution_strongest_image_changed/conv1")] == [3]
    curve = events.Scalars("evolution_activations_similarity_to_epoch_3/conv3")
    assert [point.step for point in curve] == [0, 1, 2, 3]

    code, printed = carry_out_here("fig4_evolution", f"run={trained}", "maps=2", f"run_dir={tmp_path / 'a'}")
    assert code == 0, printed
    layers, settling = load_evolution(tmp_path / "a" / "fig4.npz")
    assert [(one.layer, one.epochs.tolist(), len(one.maps)) for one in layers] == [
        ("conv1", [1, 3], 3),
        ("conv3", [1, 3], 3),
    ]
    assert settling.epochs.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(settling.similarity["activations"]["conv3"], [p.value for p in curve], rtol=1e-5)
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["settled"] == settling.settled
    assert str(layers[0].path[0, 0]).endswith(".JPEG")
    for name in ("fig4", "fig4_patches", "fig4_settling"):
        assert (tmp_path / "a" / f"{name}.pdf").is_file()
    code, printed = carry_out_here("fig4_evolution", f"redraw={tmp_path}/a/fig4.npz", "maps=2", f"run_dir={tmp_path}/b")
    assert code == 0, printed
    with Image.open(tmp_path / "a" / "fig4.png") as drawn, Image.open(tmp_path / "b" / "fig4.png") as redrawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(redrawn))

    for number in (2, 3):
        (trained / "evolution" / f"epoch-000{number}.npz").unlink()
    code, printed = carry_out_here("fig4_evolution", f"run={trained}", f"run_dir={tmp_path / 'running'}")
    assert code == 0, printed
    assert load_evolution(tmp_path / "running" / "fig4.npz")[1].epochs.tolist() == [0, 1]

    code, printed = carry_out_here(
        "fig4_evolution", f"run={trained}", "recompute=true", *AGAIN, "epochs=[1,3]", f"run_dir={tmp_path / 'c'}"
    )
    assert code == 0, printed
    swept, again = load_evolution(tmp_path / "c" / "fig4.npz")
    assert again.epochs.tolist() == [1, 2, 3]
    for one, other in zip(layers, swept, strict=True):
        np.testing.assert_array_equal(one.maps, other.maps)
        assert one.projection.shape == other.projection.shape
    for kind, of_layers in again.similarity.items():
        for layer, values in of_layers.items():  # the probe is the same, whichever way the views were found
            np.testing.assert_allclose(values, settling.similarity[kind][layer][1:], atol=1e-4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "give run=FOLDER"),
        (["run={tmp}/empty"], "has neither evolution/epoch-*.npz nor checkpoints"),
        (["run={tmp}/bare"], "give data=..."),
        (["redraw={tmp}/nothing.npz"], "nothing.npz"),
    ],
)
def test_what_it_refuses(carry_out_here, tmp_path: Path, given: list[str], told: str):
    (tmp_path / "bare" / "checkpoints").mkdir(parents=True)
    (tmp_path / "bare" / "checkpoints" / "epoch-0001.pt").touch()
    words = [word.format(tmp=tmp_path) for word in given]
    code, printed = carry_out_here("fig4_evolution", *words, f"run_dir={tmp_path / 'run'}")
    assert code == 2
    assert told in printed

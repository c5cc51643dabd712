"""The command that projects one image's strongest units."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from zfnet.figures.unit_sheet import load_sheet
from zfnet.network import open_network


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """Of no particular size; its centre square differs from its edges."""
    rows, columns = np.mgrid[:144, :200]
    pixels = np.stack([rows + 40, columns, (rows * columns) % 256], 2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photograph.png")
    return tmp_path / "photograph.png"


def test_the_strongest_maps_of_a_layer(carry_out_here, photograph: Path, tmp_path: Path) -> None:
    network = small_network(tmp_path / "net.pt")
    given = [f"image={photograph}", f"checkpoint={network}", "hardware.device=cpu"]
    code, printed = carry_out_here("project", *given, "layer=conv3", "top=4", f"run_dir={tmp_path / 'a'}")
    assert code == 0, printed
    sheet = load_sheet(tmp_path / "a" / "project.npz")
    with Image.open(photograph) as image:  # halved, cut to 72 x 72 and then 64 x 64: columns 28 + 8 to 172 - 8
        expected = np.asarray(image.resize((72, 72), Image.Resampling.BILINEAR, box=(28, 0, 172, 144)))[4:68, 4:68]
    np.testing.assert_array_equal(sheet.picture, expected)

    model = open_network(network).model
    kept: list[torch.Tensor] = []
    model.get_submodule("relu3").register_forward_hook(lambda module, given, out: kept.append(out[0].clone()))
    with torch.no_grad():
        mean = torch.tensor([110.0, 120, 130]).reshape(3, 1, 1)
        scores = model(torch.tensor(sheet.picture).permute(2, 0, 1).float()[None] - mean)
    peaks = kept[0].flatten(1).max(1).values
    order = peaks.argsort(descending=True)[:4]
    assert sheet.map.tolist() == order.tolist()
    np.testing.assert_allclose(sheet.value, peaks[order], rtol=1e-4)
    for number, row, column, value in zip(sheet.map, sheet.row, sheet.column, sheet.value, strict=True):
        assert kept[0][number, row, column] == pytest.approx(value, rel=1e-4)
    assert sheet.classes[0] == ("red", "green", "blue")[scores[0].argmax()]
    np.testing.assert_allclose(np.sort(sheet.probability), np.sort(scores.softmax(1)[0]), rtol=1e-4)
    assert np.abs(sheet.projection).max() > 0
    assert (tmp_path / "a" / "project.pdf").is_file()
    (events,) = (tmp_path / "a").rglob("events.out.tfevents.*")
    assert EventAccumulator(str(events)).Reload().Tags()["images"] == ["project"]

    code, printed = carry_out_here("project", f"redraw={tmp_path}/a/project.npz", f"run_dir={tmp_path / 'b'}")
    assert code == 0, printed
    with Image.open(tmp_path / "a" / "project.png") as drawn, Image.open(tmp_path / "b" / "project.png") as redrawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(redrawn))


def test_networks_of_others_and_the_command_itself(carry_out, photograph: Path, tmp_path: Path) -> None:
    done = carry_out(
        "project", f"image={photograph}", "checkpoint=torchvision:squeezenet1_1", "size_px=56", "top=2",
        "run_dir=run", "hardware.device=cpu", "layer=features.4.expand3x3",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "warning: torchvision:squeezenet1_1 without weights" in done.stdout
    sheet = load_sheet(tmp_path / "run" / "project.npz")
    assert sheet.patch.shape == (2, 23, 23, 3)  # conv 3, pool 3 + 2 * 2 = 7, and two filters of 3 at every 4 px
    assert sheet.map_name.tolist() == ["", ""]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "give image=FILE and checkpoint=FILE"),
        (["image={image}", "checkpoint={net}", "layer=conv9"], "'conv9' is not one of"),
        (["image={net}", "checkpoint={net}"], "not an image"),
        (["image={image}", "checkpoint={net}", "top=0"], "top=0"),
        (["image={image}", "checkpoint={net}", "hide=[1,2]"], "expected [top,left,side] in pixels"),
        (["image={image}", "checkpoint={net}", "hide=[1,2,0]"], "a square of 0 px hides nothing"),
        (["redraw={image}"], "expected the arrays of project"),
    ],
)
def test_what_it_refuses(carry_out_here, photograph: Path, tmp_path: Path, given: list[str], told: str) -> None:
    network = small_network(tmp_path / "net.pt")
    words = [word.format(net=network, image=photograph) for word in given]
    code, printed = carry_out_here("project", *words, f"run_dir={tmp_path / 'run'}")
    assert code == 2
    assert told in printed


def test_units_that_were_named(carry_out_here, photograph: Path, tmp_path: Path) -> None:
    network = small_network(tmp_path / "net.pt")
    given = [f"image={photograph}", f"checkpoint={network}", "hardware.device=cpu", "layer=conv3"]
    code, printed = carry_out_here("project", *given, "units=[[3,1,2],[0,2,0]]", f"run_dir={tmp_path / 'a'}")
    assert code == 0, printed
    sheet = load_sheet(tmp_path / "a" / "project.npz")
    assert [sheet.map.tolist(), sheet.row.tolist(), sheet.column.tolist()] == [[3, 0], [1, 2], [2, 0]]
    code, printed = carry_out_here("project", *given, "units=[[3,1,99]]", f"run_dir={tmp_path / 'b'}")
    assert code == 2
    assert "units=[3, 1, 99] is not map, row and column of a unit of conv3" in printed


def test_a_square_that_hides_a_part(carry_out_here, photograph: Path, tmp_path: Path) -> None:
    network = small_network(tmp_path / "net.pt")
    corner = ",".join(f"[{number},0,0]" for number in range(9))
    given = [
        f"image={photograph}",
        f"checkpoint={network}",
        "hardware.device=cpu",
        f"units=[{corner}]",
        "layer=conv3",
    ]
    sheets = []
    for name, more in (("a", []), ("b", ["hide=[-4,-4,24]"])):
        code, printed = carry_out_here("project", *given, *more, f"run_dir={tmp_path / name}")
        assert code == 0, printed
        sheets.append(load_sheet(tmp_path / name / "project.npz"))
    before, after = sheets
    assert (after.picture[:20, :20] == [110, 120, 130]).all(), "the network's mean colour"
    np.testing.assert_array_equal(after.picture[20:], before.picture[20:])
    np.testing.assert_array_equal(after.picture[:, 20:], before.picture[:, 20:])
    assert (after.value != before.value).any(), "these units see the square"

"""The atlas's job: its numbers equal the arrays and the network, it resumes, and leaves photographs out when told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from atlas_site import LAYERS, SHOWN, SMALL, TOP, data_of
from in_process import ROOT
from PIL import Image
from sklearn.metrics import average_precision_score
from small_network import small_network

from experiments.atlas_parts import survey
from experiments.atlas_parts.settings import FORMAT
from zfnet import Deconvnet
from zfnet.analysis.atlas import BINS
from zfnet.analysis.evolution import load_moments
from zfnet.data import FolderImages, box_in_view
from zfnet.data.datasets import list_folder
from zfnet.data.parts_world import read_parts
from zfnet.mining import CentreViews
from zfnet.network import open_network
from zfnet.pages.atlas import load_numbers


@pytest.fixture(scope="module")
def truth(whole_run: Path, image_root: Path) -> tuple[dict[str, torch.Tensor], np.ndarray, Deconvnet]:
    """The maps of every image of the atlas, computed plainly, and the labels."""
    network = open_network(whole_run / "checkpoints" / "best.pt")
    source = FolderImages(list_folder(image_root, "train"), 72)
    views = CentreViews(source, network.frame, 8)
    deconvnet = Deconvnet(network.model)
    return deconvnet.activations(torch.cat([batch.images for batch in views]), LAYERS), source.labels, deconvnet


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=LAYERS)
def test_numbers_on_the_pages_are_the_networks(atlas_run: Path, truth, number: int):
    maps, labels, _ = truth
    page = data_of(atlas_run / "atlas", f"layer-{number:03d}")
    arrays = load_numbers(atlas_run / "numbers" / f"atlas-{number:03d}.npz")
    peaks = maps[LAYERS[number]].flatten(2).amax(2) if maps[LAYERS[number]].ndim == 4 else maps[LAYERS[number]]
    assert len(page["value"]) == peaks.shape[1]
    for one in range(peaks.shape[1]):
        own = peaks[:, one].numpy()
        np.testing.assert_allclose(page["value"][one], np.sort(own)[::-1][:TOP], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(page["value"][one], arrays.value[one], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(own[page["image"][one]], page["value"][one], rtol=1e-4, atol=1e-6)
        for label, precision in page["precision"][one]:
            assert precision == pytest.approx(average_precision_score(labels == label, own), rel=1e-4)
        strongest = labels[np.argsort(-own, kind="stable")[: page["strongest"]]]
        if len(np.unique(own)) == len(own):
            for label, share in page["share"][one]:
                assert share == pytest.approx((strongest == label).mean(), rel=1e-4)
        assert page["answered"][one] == pytest.approx((own > 0).mean(), rel=1e-4)
        np.testing.assert_array_equal(arrays.histogram[one], page["histogram"][one])
        assert sum(page["histogram"][one]) == 48
        assert len(page["histogram"][one]) == BINS


def test_contributions_sum_to_the_activation_less_the_bias(atlas_run: Path, truth):
    _, _, deconvnet = truth
    for number, layer in enumerate(LAYERS):
        page = data_of(atlas_run / "atlas", f"layer-{number:03d}")
        about = data_of(atlas_run / "atlas", "front")["layers"][number]
        if about["wires"]:
            assert not any(page["below"])
            continue
        assert layer in ("conv2", "conv3")
        bias = deconvnet.model.get_submodule(layer).bias.detach()
        for one, values in enumerate(page["value"]):
            assert page["bias"][one] == pytest.approx(float(bias[one]), rel=1e-4)
            if values[-1] > 0:  # every place above 0: the rectified values are the sums themselves
                assert page["total"][one] == pytest.approx(np.mean(values) - float(bias[one]), abs=1e-5)
    why = {about["name"]: about["wires"] for about in data_of(atlas_run / "atlas", "front")["layers"]}
    assert "pixels" in why["conv1"]
    assert "between them lies conv4" in why["conv5"]


def test_wires_lead_up_and_down(atlas_run: Path):
    """A map that has its largest part in one above is told there, by the same number."""
    below, above = (data_of(atlas_run / "atlas", f"layer-{number:03d}") for number in (1, 2))
    linked = 0
    for one, ups in enumerate(below["above"]):
        for layer, up, part in ups:
            assert layer == 2
            told = {tuple(place[:2]): place[3] for place in above["below"][up]}
            if (1, one) in told:
                linked += 1
                assert told[1, one] == pytest.approx(part, rel=1e-3)
    assert linked


def test_every_picture_that_is_named_is_there(atlas_run: Path):
    site = atlas_run / "atlas"
    front = data_of(site, "front")
    assert len(front["shown"]) == SHOWN
    for number, about in enumerate(front["layers"]):
        page = data_of(site, f"layer-{number:03d}")
        for one in range(about["maps"]):
            with Image.open(site / "pictures" / f"m-{number:03d}-{one:04d}.{about['ending']}") as sprite:
                assert sprite.size == (about["columns"] * about["tile"][1], len(about["rows"]) * about["tile"][0])
        for image in {image for images in page["image"] for image in images}:
            assert (site / "images" / f"i-{image:06d}.{front['image_ending']}").is_file()
    assert sum(path.stat().st_size for path in (site / "index.html", site / "data" / "front.js")) < 1e6
    assert not (atlas_run / "atlas.work").exists()
    assert not (atlas_run / "atlas.partial").exists()


def test_time_and_comparison(atlas_run: Path, whole_run: Path, truth):
    site = atlas_run / "atlas"
    best = torch.load(whole_run / "checkpoints" / "best.pt", weights_only=True)["trainer"]["position"]["epoch"]
    epochs = sorted({1, 2, best})  # those that the run kept, and the network's own
    assert data_of(site, "front")["epochs"] == epochs
    time, page = data_of(site, "time-001"), data_of(site, "layer-001")
    assert np.array(time["value"]).shape == (13, len(epochs))
    now = epochs.index(best)
    assert [values[now] for values in time["value"]] == [values[0] for values in page["value"]]
    for one, alike in enumerate(time["alike"]):
        assert alike[now] == pytest.approx(0 if one in page["dead"] else 1, abs=1e-4)
    _, labels, _ = truth
    assert time["label"][0][now] == labels[page["image"][0][0]]
    compared, back = data_of(site, "compared"), data_of(site / "other", "compared")
    assert compared["at"] == "other/"
    assert [pair["here"] for pair in compared["pairs"]] == list(range(len(LAYERS)))
    pair, mirrored = compared["pairs"][1], back["pairs"][1]
    assert sorted(pair["partner"]) == list(range(13))
    for one, partner in enumerate(pair["partner"]):
        assert mirrored["partner"][partner] == one or pair["alike"][one] == 0  # dead ones pair anyhow


def test_time_from_the_arrays_that_a_training_kept(carry_out_here, whole_run: Path, image_root: Path, tmp_path: Path):
    given = [f"checkpoint={whole_run / 'checkpoints' / 'best.pt'}", f"data.root={image_root}", "time=evolution"]
    code, printed = carry_out_here("atlas", *SMALL, *given, "layers=[conv2]", "shown=1", f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    site, kept = tmp_path / "run" / "atlas", load_moments(whole_run / "evolution")
    moments = [moment for moment in kept if "conv2" in moment.layers]
    time = data_of(site, "time-000")
    assert time["epochs"] == data_of(site, "front")["epochs"] == [moment.epoch for moment in moments]
    assert time["maps"] == moments[0].layers["conv2"].maps.tolist()
    for epoch, moment in enumerate(moments):
        values = [values[epoch] for values in time["value"]]
        np.testing.assert_allclose(values, moment.layers["conv2"].value_now, rtol=1e-4, atol=1e-7)
    assert len(list((site / "pictures").glob("e-000-*"))) == len(time["maps"])


def without_side(name: str) -> str:
    return name.replace("_", " ").removeprefix("left ").removeprefix("right ")


def test_parts_under_the_projections(carry_out_here, tmp_path: Path):
    """On the parts world a map is told on which parts, the smallest there, its projections have their middles."""
    root, network = tmp_path / "drawn", small_network(tmp_path / "net.pt")
    drawn = ("data=parts_world", f"data.root={root}", "data.draw_px=72", "data.side=72", "data.pack=null")
    few = ("data.train_per_class=1", "data.val_per_class=3", "split=val", "layers=[conv2]", "shown=1", "top=5")
    words = [f"checkpoint={network}", "hardware.workers=0", f"run_dir={tmp_path / 'run'}"]
    code, printed = carry_out_here("atlas", *drawn, *few, *words)
    assert code == 0, printed
    page, images = (data_of(tmp_path / "run" / "atlas", key) for key in ("layer-000", "images"))
    listed = {image.path: image for image in read_parts(root).images}
    frame, told = open_network(network).frame, 0
    for one, parts in enumerate(page["parts"]):
        counts: Counter[str] = Counter()
        for image, (row, column) in zip(page["image"][one], page["focus"][one], strict=True):
            own = []
            for part in listed[f"val/{images[str(image)][1]}"].parts:
                left, top, right, bottom = box_in_view(part.box, 72, 72, frame.side_px, frame.size_px)
                if left <= column < right and top <= row < bottom:
                    own.append(((right - left) * (bottom - top), without_side(part.name)))
            counts.update([min(own)[1]] if own else [])
        for part, count in parts:
            assert counts[page["part_names"][part]] == count
            told += 1
    assert told


def test_photographs_can_be_left_out(carry_out_here, image_root: Path, tmp_path: Path):
    network = small_network(tmp_path / "net.pt")
    words = [f"checkpoint={network}", f"data.root={image_root}", "photographs=false", f"run_dir={tmp_path / 'run'}"]
    code, printed = carry_out_here("atlas", *SMALL, *words, "layers=[conv1,conv2]")
    assert code == 0, printed
    site = tmp_path / "run" / "atlas"
    assert not list((site / "images").iterdir())
    assert not list((site / "pictures").glob("*patch*"))
    about = data_of(site, "front")["layers"][0]
    assert about["rows"] == ["projection", "rules"]
    assert "photographs=false" in (site / "index.html").read_text()


def test_a_killed_atlas_goes_on(carry_out_here, image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = small_network(tmp_path / "net.pt")
    words = [*SMALL, f"checkpoint={network}", f"data.root={image_root}", "layers=[conv1,conv2]", "shown=1"]
    code, printed = carry_out_here("atlas", *words, f"run_dir={tmp_path / 'whole'}")
    assert code == 0, printed
    real, drawn = survey.draw_units, []

    def until_killed(*given):
        for number, one in enumerate(real(*given)):
            if number == 3:
                raise OSError("killed")
            yield one

    def counted(*given):
        for one in real(*given):
            drawn.append(len(one.rank))
            yield one

    monkeypatch.setattr(survey, "draw_units", until_killed)
    code, printed = carry_out_here("atlas", *words, f"run_dir={tmp_path / 'run'}")
    assert code != 0
    assert not (tmp_path / "run" / "atlas").exists()
    monkeypatch.setattr(survey, "draw_units", counted)
    monkeypatch.setattr("experiments.common.mining.mine_top", None)  # nothing to mine again
    code, printed = carry_out_here("atlas", *words, f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    assert 0 < sum(drawn) < (5 + 13) * (TOP + 2)
    for path in sorted((tmp_path / "whole" / "atlas").rglob("*")):
        other = tmp_path / "run" / "atlas" / path.relative_to(tmp_path / "whole" / "atlas")
        assert other.exists()
        if path.is_file() and path.name != "index.html":  # which holds the command
            assert path.read_bytes() == other.read_bytes(), path.name


def test_another_network_in_the_same_folder_is_refused(carry_out_here, image_root: Path, tmp_path: Path):
    words = [*SMALL, f"data.root={image_root}", "layers=[conv1]", "shown=1", f"run_dir={tmp_path / 'run'}"]
    (tmp_path / "run" / "atlas.work").mkdir(parents=True)
    (tmp_path / "run" / "atlas.work" / "plan.json").write_text(json.dumps({"fingerprint": "another", "format": FORMAT}))
    code, printed = carry_out_here("atlas", *words, f"checkpoint={small_network(tmp_path / 'net.pt')}")
    assert code == 2
    assert "was begun for another network" in printed


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As torchrun gives each process: with more, sums have another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_two_processes_make_the_same_atlas(carry_out_here, one_thread: None, image_root: Path, tmp_path: Path):
    """To the byte."""
    network = small_network(tmp_path / "net.pt")
    words = [
        *SMALL,
        f"checkpoint={network}",
        f"data.root={image_root}",
        "layers=[conv1,conv2]",
        "shown=2",
        "optimised=9",
    ]
    words.append("optimised_steps=2")
    code, printed = carry_out_here("atlas", *words, f"run_dir={tmp_path / 'one'}")
    assert code == 0, printed
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(ROOT / "experiments" / "atlas.py"), *words, f"run_dir={tmp_path / 'two'}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two = (
        {path.relative_to(tmp_path / run): path for path in (tmp_path / run / "atlas").rglob("*") if path.is_file()}
        for run in ("one", "two")
    )
    assert sorted(one) == sorted(two)
    for name, path in one.items():
        assert name.name == "index.html" or path.read_bytes() == two[name].read_bytes(), name  # which has the command


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "give checkpoint=FILE"),
        (["checkpoint={net}"], "give either data="),
        (["checkpoint={net}", "images={root}", "top=0"], "top=0, expected 1 or more"),
        (["checkpoint={net}", "images={root}", "time=never"], "time=never is not one of auto"),
        (["checkpoint={net}", "images={root}", "layers=[conv9]"], "'conv9' is not one of"),
        (["checkpoint={net}", "images={root}", "rules=[odd]", "layers=[conv1]"], "rule 'odd' is not one of"),
    ],
)
def test_what_it_refuses(carry_out_here, image_root: Path, tmp_path: Path, given: list[str], told: str):
    net = small_network(tmp_path / "net.pt")
    words = [word.format(net=net, root=image_root / "val") for word in given]
    code, printed = carry_out_here("atlas", *words, "hardware.workers=0", f"run_dir={tmp_path / 'run'}")
    assert code == 2
    assert told in printed

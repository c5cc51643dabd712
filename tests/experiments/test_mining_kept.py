"""Mining keeps how far it has come, and goes on from there; what was kept for something else is not taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from array_source import ArraySource

from experiments.common import mining
from experiments.common.job import Run
from experiments.common.mining import mined_once
from zfnet import Deconvnet, build_model
from zfnet.data.frame import torchvision_frame
from zfnet.mining import CentreViews, Mined
from zfnet.training import Hardware, World

LAYERS = ["conv1", "conv4"]


class Counting(ArraySource):
    """Says which images were read, and ends where it is told to."""

    asked: list[int]
    end = 10**9

    def read(self, indices):
        self.asked += list(indices)
        if max(indices) >= self.end:
            raise KeyboardInterrupt
        return super().read(indices)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Deconvnet, CentreViews, Run]:
    monkeypatch.setattr(mining, "KEEP_EVERY", 2)
    torch.manual_seed(0)
    model = build_model("zfnet", 4, width=0.05, input_px=64).eval()
    source = Counting(26, 4, 72, 0)
    source.asked = []
    views = CentreViews(source, torchvision_frame(64, 72), 4)
    return Deconvnet(model), views, Run(tmp_path, World(), Hardware(), None)


def found(given: tuple[Deconvnet, CentreViews, Run], name: str, k: int = 3) -> Mined:
    deconvnet, views, run = given
    views.source.asked = []
    return mined_once(run.folder / name, deconvnet, views, LAYERS, k=k, run=run)


def same(one: Mined, other: Mined) -> bool:
    return one.images == other.images and all(
        torch.equal(getattr(one[layer], name), getattr(other[layer], name))
        for layer in LAYERS for name in ("value", "image", "row", "column")
    )  # fmt: skip


@pytest.mark.parametrize("name", ["again", "top[3]"])
def test_it_goes_on_where_it_was_stopped(given: tuple[Deconvnet, CentreViews, Run], name: str):
    source, folder = given[1].source, given[2].folder
    whole = found(given, "whole.npz")
    assert source.asked[:1] == [0]
    source.end = 19  # in the fifth batch
    with pytest.raises(KeyboardInterrupt):
        found(given, f"{name}.npz")
    assert [path.name for path in folder.glob("*-part-*")] == [f"{name}-part-0000-000000004.npz"]
    source.end = 10**9
    assert same(found(given, f"{name}.npz"), whole)
    assert min(source.asked) == 16  # what four batches hold is not read again
    assert not list(folder.glob("*-part-*"))


def test_what_was_kept_for_something_else_is_not_taken(given: tuple[Deconvnet, CentreViews, Run]):
    source = given[1].source
    source.end = 19
    with pytest.raises(KeyboardInterrupt):
        found(given, "again.npz")
    source.end = 10**9
    more = found(given, "again.npz", k=2)
    assert min(source.asked) == 0
    assert same(more, found(given, "whole.npz", k=2))

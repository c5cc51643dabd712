"""What values show of themselves in a notebook: their own numbers, and no HTML of anybody else."""

from __future__ import annotations

import torch
from torch import nn

from zfnet import Deconvnet, build_model, mine_top, occlude
from zfnet.analysis.occlusion import Occlusion
from zfnet.analysis.occlusion.glance import OcclusionGlance
from zfnet.display import html_table
from zfnet.forward import Record
from zfnet.forward.record_glance import RecordGlance


def net() -> nn.Module:
    torch.manual_seed(0)
    return build_model("zfnet", num_classes=3, width=0.05, input_px=64).eval()


def test_words_are_escaped():
    assert "<script>" not in html_table("<script>", ["<script>"], [["<script>"]])


def test_a_record_shows_its_layers():
    record = Deconvnet(net()).record(torch.randn(2, 3, 64, 64))
    shown = record._repr_html_()
    assert "Record of 2 images of 3 x 64 x 64: 8 layers" in shown
    assert f"{float(record.maps['conv5'].max()):.4g}" in shown
    assert " x ".join(map(str, record.maps["conv5"].shape[1:])) in shown


def test_a_record_of_no_images_shows_dashes():
    shown = Deconvnet(net()).record(torch.zeros(0, 3, 64, 64))._repr_html_()
    assert "Record of 0 images" in shown
    assert shown.count(">–<") == 2 * 8


def test_what_was_mined_shows_its_layers():
    images = torch.randn(4, 3, 64, 64)
    top = mine_top(Deconvnet(net()), [images], layers=["conv2", "fc8"], k=3, progress=False)
    shown = top._repr_html_()
    assert "in 4 images" in shown
    best = top["conv2"].value[:, 0].max()
    assert f"{float(best):.4g} (map {int(top['conv2'].value[:, 0].argmax())}," in shown
    assert "fc8" in shown
    assert "fc8" not in top["conv2"]._repr_html_()


def test_an_occlusion_shows_where_it_hurts_most():
    model = net()
    heat = occlude(model, torch.randn(2, 3, 64, 64), [1, 2], size_px=32, stride_px=16, progress=False)
    for shown, count in ((heat._repr_html_(), 2), (heat.of(1)._repr_html_(), 1)):
        assert shown.count("data:image/png;base64") == count
        assert f"{float(heat.probability[1].min()):.3f} at" in shown


def test_the_glances_are_of_values_that_have_what_they_read():
    for glance, value in ((RecordGlance, Record), (OcclusionGlance, Occlusion)):
        assert set(glance.__annotations__) <= set(value.__annotations__)

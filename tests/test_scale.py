"""The arithmetic of docs/scale.md: operations as torch counts them, and its tables as the script prints them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from zfnet import build_model

ROOT = Path(__file__).parents[1]


def test_operations_and_parameters_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "benchmarks"))
    import scale

    model = build_model("zfnet", 1000).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 224, 224))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert counter.get_total_flops() == pytest.approx(scale.FORWARD_FLOP[1000], rel=1e-3)
    assert parameters == pytest.approx(scale.PARAMETERS[1000], rel=1e-3)
    more = 4097 * 20_841  # of the other classes' scores
    assert scale.PARAMETERS[21_841] == pytest.approx(parameters + more, rel=1e-3)
    assert scale.FORWARD_FLOP[21_841] == pytest.approx(counter.get_total_flops() + 2 * 4096 * 20_841, rel=1e-3)


def test_the_page_shows_what_the_script_prints():
    printed = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "benchmarks" / "scale.py")], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout  # fmt: skip
    page = (ROOT / "docs" / "scale.md").read_text()
    rows = [line for line in printed.splitlines() if re.match(r"\| [\dI]", line)]
    assert len(rows) == 11
    for row in rows:
        assert row in page, row

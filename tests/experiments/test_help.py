"""--help: every option of every job with its default and what its YAML comment says, at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.common.help_text import help_text, read_page, whole_page
from experiments.common.options import CONF, options_of
from zfnet.command import jobs, jobs_folder

JOBS = sorted(jobs(jobs_folder()))
FILES = [
    path for path in sorted(CONF.rglob("*.yaml")) if path.relative_to(CONF).parts[0] not in ("experiment", "hydra")
]


def test_a_page_is_read_with_the_comments_that_go_on_below(tmp_path: Path):
    (tmp_path / "base.yaml").write_text("rate: 1  # how fast\nkept: 2  # as it was\n")
    (tmp_path / "job.yaml").write_text(
        "# What it does.\n# python experiments/job.py rate=2\ndefaults:\n  - base\n  - data: ???\n  - _self_\n\n"
        "rate: 0.5\ngroup:    # of things\n  inner: [1, 2]   # the first line\n                  # and the second\n"
        "hydra:\n  job:\n    name: job\n"
    )
    page = whole_page(tmp_path / "job.yaml")
    assert page.about == "What it does."
    assert page.commands == ["python experiments/job.py rate=2"]
    assert page.groups == {"data": "???"}
    assert [(one.name, one.default, one.words) for one in page.options] == [
        ("rate", "0.5", "how fast"), ("kept", "2", "as it was"), ("group", "", "of things"),
        ("group.inner", "[1, 2]", "the first line and the second"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONF)))
def test_every_option_has_its_words(path: Path):
    own = {one.name for one in read_page(path).options}
    silent = [one.name for one in whole_page(path).options if one.name in own and not one.words and one.default]
    assert not silent, f"{path}: no comment says what {', '.join(silent)} is"
    assert path.parent == CONF or read_page(path).about, f"{path}: no comment says what it is"


@pytest.mark.parametrize("job", JOBS)
def test_help_has_every_option_of_the_job(job: str):
    chosen = [f"{group}={next(iter(sorted((CONF / group).glob('*.yaml')))).stem}" for group in ("data", "training")]
    said = help_text(CONF, job, chosen, command=f"zfnet {job}")
    lines = [line.split()[0] for line in said.splitlines() if line.startswith("  ") and line.split()]
    groups = {path.name for path in CONF.iterdir() if path.is_dir()}
    for name in options_of(job):
        shown = name in lines or any(one.startswith(f"{name}.") for one in lines) or name in groups
        inner = name.partition(".")[0] == "reference"  # a second data set, data@reference=...
        assert shown or inner, f"{job} --help says nothing of {name}"
    assert "python experiments" not in said
    assert max(map(len, said.splitlines())) < 160


def test_help_answers_at_once(carry_out: Callable):
    begun = time.perf_counter()
    said = carry_out("fig2_features", "--help").stdout
    assert time.perf_counter() - begun < 2
    assert "maps" in said
    assert "how many maps of each layer" in said
    assert "data=NAME, none unless given" in said


def test_a_chosen_group_is_shown_with_its_options(carry_out_here: Callable):
    _, said = carry_out_here("train", "--help", "data=mnist")
    assert "data.root" in said
    assert "training=NAME --help shows the options" in said

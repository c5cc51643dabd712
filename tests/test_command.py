"""The command `zfnet`: lists the jobs, finds them by a part of their name, completes; and so from a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zfnet.command import job_named, jobs, jobs_folder

ROOT = Path(__file__).parents[1]


def zfnet(*words: str, at: Path, path: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m zfnet WORDS` in a folder, with the package at `path`."""
    own = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(path), **environment}
    return subprocess.run(
        [sys.executable, "-m", "zfnet", *words], cwd=at, env=own, capture_output=True, text=True, check=False
    )


def test_it_lists_every_job_in_a_line(tmp_path: Path):
    said = zfnet(at=tmp_path).stdout
    for job, purpose in jobs(jobs_folder()).items():
        assert purpose
        assert "python" not in purpose
        (line,) = [line for line in said.splitlines() if line.split()[:1] == [job]]
        assert line.endswith(purpose)
        assert len(line) < 110


def test_a_part_of_a_name_will_do_where_it_is_of_one_job():
    known = ["fig2_features", "fig4_evolution", "train"]
    assert job_named("fig2", known) == "fig2_features"
    assert job_named("train", known) == "train"
    with pytest.raises(ValueError, match="fig is no job: did you mean fig2_features or fig4_evolution"):
        job_named("fig", known)
    with pytest.raises(ValueError, match="trian is no job: did you mean train"):
        job_named("trian", known)


def test_an_unknown_job_ends_in_a_line(tmp_path: Path):
    done = zfnet("fig", at=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: fig is no job")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("zfnet su", {"summary"}),
        ("zfnet summary wei", {"weights="}),
        ("zfnet fig2 data=imagenet_f", {"data=imagenet_folder"}),
        ("zfnet train trai", {"training.", "training="}),
    ],
)
def test_the_shell_completes_jobs_options_and_values(tmp_path: Path, line: str, expected: set[str]):
    done = zfnet("-sc", "query=bash", at=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert set(done.stdout.split()) & expected, done.stdout + done.stderr


def test_bash_takes_the_completion_that_is_installed(tmp_path: Path):
    script = zfnet("-sc", "install=bash", at=tmp_path).stdout
    (tmp_path / "zfnet").write_text(f'#!/bin/sh\nexec {sys.executable} -m zfnet "$@"\n')
    (tmp_path / "zfnet").chmod(0o755)
    asked = 'COMP_LINE="zfnet summary mod"; COMP_CWORD=2; hydra_bash_completion; echo "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{asked}"], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "model=" in done.stdout.split()


@pytest.mark.parametrize(("shell", "bound"), [("fish", "complete -c zfnet "), ("zsh", "complete -o nospace ")])
def test_fish_and_zsh_are_answered(tmp_path: Path, shell: str, bound: str):
    """fish has a script of its own; zsh runs bash's, as docs/howto/command.md says."""
    assert bound in zfnet("-sc", f"install={shell}", at=tmp_path).stdout
    line = "zfnet summary mod"
    asked = zfnet("-sc", f"query={shell}", at=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert "model=" in asked.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"), [("zfnet  summ", "summary"), ("zfnet nosuch ma", ""), ("zfnet fig ma", "")]
)
def test_completion_says_nothing_but_what_completes(tmp_path: Path, line: str, expected: str):
    done = zfnet("-sc", "query=bash", at=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (done.stdout.strip(), done.stderr) == (expected, "")


def test_a_sweep_is_asked_for_anywhere_in_the_line(tmp_path: Path):
    done = zfnet("summary", "model=mnist_convnet", "-m", "seed=0,1", "run_dir=run", at=tmp_path)
    assert done.returncode == 0, done.stderr
    folders = sorted(path.parent.name for path in tmp_path.glob("run/*/manifest.json"))
    assert folders == ["model=mnist_convnet,seed=0", "model=mnist_convnet,seed=1"]


def test_a_wheel_carries_the_jobs_within_zfnet(installed: Path):
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"zfnet"}
    names = {str(path.relative_to(ROOT)) for top in ("experiments", "conf") for path in (ROOT / top).rglob("*.*ml")}
    carried = {str(path.relative_to(installed / "zfnet" / "jobs")) for path in installed.rglob("jobs/**/*.*ml")}
    assert carried == names
    assert sorted(jobs(installed / "zfnet" / "jobs")) == sorted(jobs(jobs_folder()))
    assert (installed / "zfnet" / "py.typed").exists()
    assert (installed / "zfnet" / "mining" / "__init__.pyi").exists()


def test_a_job_runs_from_a_wheel_outside_a_checkout(installed: Path, tmp_path: Path):
    done = zfnet("summary", "model=mnist_convnet", "run_dir=run", at=tmp_path, path=installed)
    assert done.returncode == 0, done.stderr
    assert "conv1" in done.stdout
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["command"] == ["zfnet", "summary", "model=mnist_convnet", "run_dir=run"]
    assert manifest["commit"] is None
    said = zfnet("fig2", "--help", at=tmp_path, path=installed).stdout
    assert "zfnet fig2_features checkpoint=" in said

"""scripts/reproduce --slurm: each step a job that waits for those it needs; submitit's debug executor, and a fake."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.reproduction.slurm import carried_out, submit
from experiments.reproduction.step import Marks, Step

submitit = pytest.importorskip("submitit", reason="pip install 'zfnet[slurm]'")


def steps_in(folder: Path, *, broken: bool = False) -> list[Step]:
    """b needs a, the last comes after both, whatever became of them."""
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).touch()"

    def step(name: str, **waits: Any) -> Step:
        own = "raise SystemExit(1)" if broken and name == "b" else code
        output = folder / f"{name}.out"
        return Step(name=name, title=name, words=("python", "-c", own, str(output)), outputs=(output,), **waits)

    return [step("a"), step("b", needs=("a",)), step("last", needs=("a",), after=("a", "b"))]


def test_the_jobs_are_carried_out_in_their_order_and_marked(tmp_path: Path):
    steps = steps_in(tmp_path)
    jobs = submit(steps, tmp_path, cluster="debug")
    assert [job.result() for job in jobs.values()] == ["a", "b", "last"]
    assert Marks(tmp_path / "steps").done(steps) == {"a", "b", "last"}
    assert submit(steps, tmp_path, cluster="debug") == {}  # what is done is not submitted again


def test_what_comes_after_a_job_that_is_submitted_is_submitted_again(tmp_path: Path):
    """The report, which was written without what is done now."""
    steps = steps_in(tmp_path)
    submit(steps, tmp_path, cluster="debug")
    (tmp_path / "b.out").unlink()
    assert list(submit(steps, tmp_path, cluster="debug")) == ["b", "last"]


def test_a_job_that_fails_says_so_to_the_cluster(tmp_path: Path):
    steps = steps_in(tmp_path, broken=True)
    with pytest.raises(RuntimeError, match="b: it ended with code 1"):
        carried_out(steps[1], tmp_path)
    assert "b" not in Marks(tmp_path / "steps").done(steps)


def test_what_comes_after_a_job_that_failed_is_submitted_with_it_again(tmp_path: Path):
    steps = steps_in(tmp_path)
    for job in submit(steps, tmp_path, cluster="debug").values():
        job.result()
    Marks(tmp_path / "steps").path(steps[1]).unlink()
    assert list(submit(steps, tmp_path, cluster="debug")) == ["b", "last"]


def test_slurm_is_told_what_each_job_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told: list[dict[str, Any]] = []

    class Fake:
        def __init__(self, **_: Any) -> None:
            self.parameters: dict[str, Any] = {}

        def update_parameters(self, **parameters: Any) -> None:
            self.parameters.update(parameters)

        def submit(self, *_: Any) -> SimpleNamespace:
            told.append(dict(self.parameters))
            return SimpleNamespace(job_id=100 + len(told))

    monkeypatch.setattr(submitit, "AutoExecutor", Fake)
    submit(steps_in(tmp_path), tmp_path, parameters={"slurm_partition": "gpu", "timeout_min": 60})
    waits = [one["slurm_additional_parameters"] for one in told]
    assert waits == [{}, {"dependency": "afterok:101"}, {"dependency": "afterok:101,afterany:102"}]
    assert {one["slurm_partition"] for one in told} == {"gpu"}
    assert [one["name"] for one in told] == ["reproduce-a", "reproduce-b", "reproduce-last"]

"""scripts/reproduce: the order of the plan, what is done once, and that a kill at any step costs only that step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from in_process import ROOT

from experiments.common.options import CONF, options_of
from experiments.reproduction.__main__ import main
from experiments.reproduction.asked import ROWS, Asked
from experiments.reproduction.carry_out import carry_out, carry_out_one, free_again, log_of
from experiments.reproduction.plan import plan_of
from experiments.reproduction.scales import SCALES
from experiments.reproduction.step import Marks, Step, check_order
from experiments.tab3_ablation import VARIANTS

APPEND = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.open('a').write('x'); pathlib.Path(sys.argv[2]).touch()"
Make = Callable[..., Step]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A step that appends an x to NAME.times and leaves NAME.out behind; code: further Python that it runs first."""

    def step(name: str, *, needs: tuple[str, ...] = (), after: tuple[str, ...] = (), code: str = "") -> Step:
        output = tmp_path / f"{name}.out"
        words = ("python", "-c", f"{code}\n{APPEND}", str(tmp_path / f"{name}.times"), str(output))
        return Step(name=name, title=name, words=words, outputs=(output,), needs=needs, after=after)

    return step


def times(folder: Path, name: str) -> int:
    path = folder / f"{name}.times"
    return len(path.read_text()) if path.exists() else 0


@pytest.mark.parametrize("scale", SCALES)
def test_every_step_stands_after_what_it_needs_and_its_words_are_options_of_its_job(scale: str, tmp_path: Path):
    folders = dict.fromkeys(("root", "caltech101", "caltech256", "voc", "others"), tmp_path)
    (tmp_path / "parts.json").write_text("{}")
    steps, left_out = plan_of(Asked(scale=scale, out=tmp_path / "out", **folders))
    check_order(steps)
    assert left_out == {}
    names = [step.name for step in steps]
    assert names[-1] == "report"
    assert set(steps[-1].after) == set(names[:-1])
    rows = [f"train-{model}-seed0" for model in ROWS]
    assert {*rows, *(f"train-zfnet-seed{seed}" for seed in range(5)), "unlimited", "evaluate", "pointing"} <= set(names)
    assert {"fig2_features", "fig4_evolution", "fig5_invariance", "fig6_filters", "fig7_occlusion"} <= set(names)
    assert {"tab1_correspondence", "tab2_imagenet", "tab3_ablation", "tab4_caltech101", "tab5_caltech256"} <= set(names)
    assert {"tab6_pascal", "tab7_caltech101", "tab7_caltech256"} <= set(names)
    for step in steps:
        script = ROOT / step.words[1]
        if not step.words[1].startswith("experiments/") or not script.exists():
            continue
        known = {*options_of(script.stem), "experiment", "data", "model"}
        for word in step.words[2:]:
            assert word.partition("=")[0] in known or word.startswith("data."), f"{step.name}: {word}"


@pytest.mark.parametrize("name", ["Jörg's", "a, b (2)", "width=0.5", "[x]"])
def test_folders_of_any_name_reach_the_jobs(name: str, tmp_path: Path):
    root = tmp_path / name
    root.mkdir()
    (root / "parts.json").write_text("{}")
    folders = dict.fromkeys(("root", "caltech101", "others", "voc"), root)
    steps, _ = plan_of(Asked(scale="tiny", out=root / "out", **folders))
    for step in (one for one in steps if one.folder is not None):
        script = next(Path(word).stem for word in step.words if word.startswith("experiments/"))
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose(script, [word for word in step.words if "=" in word])
        assert config.run_dir == str(step.folder)
        named = [config.get("checkpoint"), (config.get("data") or {}).get("root")]
        assert all(Path(path).is_relative_to(root) for path in named if path is not None)


def test_the_rows_are_those_of_table_3():
    assert set(ROWS) == {model for pair in VARIANTS.values() for model in pair if model is not None}


def test_what_is_not_at_hand_is_left_out_and_named(tmp_path: Path):
    steps, left_out = plan_of(Asked(scale="imagenet", out=tmp_path / "out", root=tmp_path))
    names = {step.name for step in steps}
    assert not {"tab1_correspondence", "pointing", "tab4_caltech101", "tab5_caltech256", "tab6_pascal"} & names
    assert "has no parts.json" in left_out["Table 1"]
    assert "--voc" in left_out["Table 6"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [({"scale": "large"}, "not one of imagenet, tiny, parts"), ({"scale": "tiny"}, "needs --root"),
     ({"scale": "parts", "voc": Path("nowhere")}, "--voc nowhere is not a folder"),
     ({"scale": "parts", "seeds": 0}, "--seeds 0")],
)  # fmt: skip
def test_words_that_do_not_fit_are_told(asked: dict, told: str):
    with pytest.raises(ValueError, match=told):
        Asked(out=Path("out"), **asked)


def test_a_plan_in_the_wrong_order_is_refused(make: Make):
    with pytest.raises(ValueError, match="'b' waits for 'a', which does not stand before it"):
        check_order([make("b", needs=("a",)), make("a")])
    with pytest.raises(ValueError, match="'a' is in the plan twice"):
        check_order([make("a"), make("a")])


def test_what_is_done_is_done_once_and_what_changed_is_done_again(make: Make, tmp_path: Path):
    steps = [make("a"), make("b", needs=("a",)), make("c")]
    assert carry_out(steps, tmp_path / "out").done == ("a", "b", "c")
    assert carry_out(steps, tmp_path / "out").before == ("a", "b", "c")
    (tmp_path / "c.out").unlink()
    assert carry_out(steps, tmp_path / "out").done == ("c",)
    changed = [make("a", code="pass"), *steps[1:]]  # another command: it and what is made of it
    assert carry_out(changed, tmp_path / "out").done == ("a", "b")
    assert [times(tmp_path, name) for name in "abc"] == [2, 2, 2]


def test_a_step_that_fails_holds_up_only_those_that_need_it(make: Make, tmp_path: Path):
    steps = [make("a", code="raise SystemExit(3)"), make("b", needs=("a",)), make("c"), make("d", after=("a", "b"))]
    outcome = carry_out(steps, tmp_path / "out")
    assert outcome.failed == {"a": "it ended with code 3"}
    assert outcome.held_up == {"b": "a"}
    assert outcome.done == ("c", "d")
    assert "SystemExit" in log_of(steps[0], tmp_path / "out").read_text()


def test_what_comes_after_a_step_that_failed_is_done_again_once_that_is_done(make: Make, tmp_path: Path):
    """The report was written without the table; its own command is still the same."""
    out = tmp_path / "out"
    code = f"import pathlib; assert pathlib.Path({str(tmp_path / 'room')!r}).exists()"
    steps = [make("table", code=code), make("other"), make("report", after=("table", "other"))]
    assert carry_out(steps, out).done == ("other", "report")
    (tmp_path / "room").touch()
    assert carry_out(steps, out).done == ("table", "report")
    assert carry_out(steps, out).before == ("table", "other", "report")
    more = [*steps[:-1], make("another"), make("report", after=("table", "other", "another"))]  # given --voc, say
    assert carry_out(more, out).done == ("another", "report")


def test_a_job_that_was_stopped_is_not_done(make: Make, tmp_path: Path):
    step = make("a")
    job = Step(**{**vars(step), "folder": tmp_path / "run"})
    (tmp_path / "run").mkdir()
    for outcome, told in (("stopped", "it was stopped"), (None, "manifest.json says None"), ("finished", None)):
        (tmp_path / "run" / "manifest.json").write_text(json.dumps({"outcome": outcome}))
        found = carry_out_one(job, tmp_path / "out")
        assert found == told or (told is not None and told in str(found))
        assert bool(Marks(tmp_path / "out" / "steps").done([job])) == (told is None)
    (tmp_path / "run" / "manifest.json").write_text(json.dumps({"outcome": "stopped"}))
    ended = Step(**{**vars(make("b", code="raise SystemExit(143)")), "folder": tmp_path / "run"})
    assert carry_out_one(ended, tmp_path / "out") == "it was stopped"  # by a signal, as a training ends


DRIVER = """
import sys
from pathlib import Path
from experiments.reproduction.carry_out import carry_out
from experiments.reproduction.step import Step
out = Path(sys.argv[1])
code = '''
import sys, time, pathlib
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
work = folder / (name + ".work")
with open(folder / (name + ".times"), "a") as file:
    file.write("x")
for at in range(len(work.read_text()) if work.exists() else 0, 10):  # what is done is its own mark: one byte a turn
    with open(work, "a") as file:
        file.write(str(at))
    time.sleep(0.03)
(folder / (name + ".out")).touch()
'''
steps = [
    Step(name=name, title=name, words=("python", "-c", code, str(out), name), outputs=(out / (name + ".out"),))
    for name in "abc"
]
carry_out(steps, out)
"""


def test_killed_three_times_nothing_is_done_twice_and_no_job_outlives_its_plan(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", DRIVER, str(tmp_path)]
    for name in "abc":
        process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
        work, deadline = tmp_path / f"{name}.work", time.monotonic() + 20
        while not work.exists() or work.stat().st_size < 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.1)  # the system ends the step
        stood = work.read_text()
        time.sleep(0.1)
        assert work.read_text() == stood
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True)
    assert [times(tmp_path, name) for name in "abc"] == [2, 2, 2]  # the killed try of each, and the one that went on
    for name in "abc":
        assert (tmp_path / f"{name}.work").read_text() == "0123456789"  # what was half done was gone on with


def test_a_job_that_still_saves_is_waited_for(make: Make, tmp_path: Path):
    from filelock import FileLock

    step = Step(**{**vars(make("a")), "folder": tmp_path})
    assert free_again(step)
    with FileLock(tmp_path / ".lock"):
        assert not free_again(step, within_s=0.1)
    assert free_again(step, within_s=0.1)


def test_two_plans_do_not_work_in_one_folder(make: Make, tmp_path: Path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / "reproduce.lock"), pytest.raises(ValueError, match="by another process"):
        carry_out([make("a")], tmp_path / "out")


def test_the_dry_run_measures_and_does_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from experiments.reproduction import estimate

    monkeypatch.setattr(estimate, "training_rate", lambda *_, **__: 100.0)
    assert main(["--scale", "parts", "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "train zfnet, seed 0" in line)
    assert float(row.split()[-4]) == pytest.approx(10 * (3000 + 500 / 3) / 100 / 3600, abs=0.006)
    assert "left out: Table 6 (no --voc FOLDER)" in printed
    assert not (tmp_path / "out").exists()

"""A run's folder: one process at a time, one job's results, none left by a start that failed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from experiments.common.run_folder import LOCK, claim, job_of, sweep_folder

Here = Callable[..., tuple[int, str]]
HOLDS = """
import sys, time
from pathlib import Path
from experiments.common.run_folder import claim
held = claim(Path(sys.argv[1]), job="train", reuse=False)
print("held", flush=True)
time.sleep(60)
"""


def manifest(folder: Path, command: list[str], **facts: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"command": command, "started": "now", **facts}))


def test_a_folder_in_use_is_refused_with_its_holder_and_a_killed_holder_leaves_no_lock(tmp_path: Path):
    folder = tmp_path / "run"
    manifest(folder, ["train.py", "seed=1"], process=123, host="there")
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=r"in use by another process \(process 123 on there.*train\.py seed=1"):
            claim(folder, job="train", reuse=True)
        holder.kill()
    claim(folder, job="train", reuse=False).release()


def test_a_folder_is_free_once_it_is_released(tmp_path: Path):
    held = claim(tmp_path, job="train", reuse=False)
    assert claim(tmp_path, job="train", reuse=False) is held
    with pytest.raises(TimeoutError), FileLock(tmp_path / LOCK, timeout=0):
        pass
    held.release()
    with FileLock(tmp_path / LOCK, timeout=0):
        pass


def test_another_jobs_folder_is_refused_unless_told(tmp_path: Path):
    manifest(tmp_path, ["train.py", "seed=1"])
    assert job_of(tmp_path) == "train"
    with pytest.raises(ValueError, match=r"holds the results of train\.py.*reuse=true.*summary\.py"):
        claim(tmp_path, job="summary", reuse=False)
    claim(tmp_path, job="summary", reuse=True).release()
    (tmp_path / "manifest.json").write_text("")
    claim(tmp_path, job="summary", reuse=False).release()  # nobody's that one could name


def test_a_job_does_not_write_into_anothers_folder(tmp_path: Path, carry_out_here: Here):
    manifest(tmp_path / "old", ["train.py"])
    code, said = carry_out_here("fig7_occlusion", f"run_dir={tmp_path}/old", "redraw=none.npz")
    assert code == 2
    assert "holds the results of train.py" in said
    assert {path.name for path in (tmp_path / "old").iterdir()} == {"manifest.json", LOCK}


def test_a_start_that_failed_leaves_no_folder(tmp_path: Path, carry_out_here: Here):
    for word in ("redraw=none.npz", "hardware.accumulate=abc"):
        assert carry_out_here("fig7_occlusion", f"run_dir={tmp_path}/new", word)[0] == 2
        assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    assert carry_out_here("fig7_occlusion", f"run_dir={tmp_path}/mine", "redraw=none.npz")[0] == 2
    assert (tmp_path / "mine" / "error-rank0.txt").is_file()  # the folder was there before


def test_default_folders_are_told_apart_within_a_second():
    text = (Path(__file__).parents[2] / "conf" / "common.yaml").read_text()
    assert re.search(r"^run_dir: runs/.*%f", text, flags=re.M)


def test_a_row_that_a_launcher_trained_is_its_jobs(tmp_path: Path):
    """Under Slurm the command is submitit's."""
    manifest(tmp_path / "row", ["_submit.py"])
    held = json.loads((tmp_path / "row" / "manifest.json").read_text())
    (tmp_path / "row" / "manifest.json").write_text(json.dumps({**held, "job": "train"}))
    claim(tmp_path / "row", job="train", reuse=False).release()
    with pytest.raises(ValueError, match=r"holds the results of train\.py"):
        claim(tmp_path / "row", job="summary", reuse=False)


@pytest.mark.parametrize("mode", [[], ["-m", "seed=0,1"]])
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "run_dir= is empty, expected the folder"),
        ("a.txt", r"run_dir=a\.txt cannot be made \(File exists\), expected a folder .* give another run_dir"),
        ("/proc/x", r"run_dir=/proc/x cannot be made \(.*\), expected a folder .* give another run_dir"),
    ],
)
def test_a_run_dir_that_can_be_no_folder_is_refused_before_anything_is_written(
    tmp_path: Path, carry_out_here: Here, given: str, expected: str, mode: list[str]
):
    (tmp_path / "a.txt").touch()
    code, said = carry_out_here("summary", *mode, f"run_dir={given}")
    assert code == 2
    assert re.search(expected, said.replace(f"{tmp_path}/", ""))
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_sweeps_folders_are_told_apart_by_names_that_a_file_can_have():
    given, excluded = ["seed=0", "data.root=a", "run_dir=x"], ["run_dir", "data.root"]
    assert sweep_folder(given, [], excluded) == "seed=0"
    assert sweep_folder(given, ["data.root"], excluded) == "data.root=a,seed=0"
    assert re.fullmatch(r"weights=_a-[0-9a-f]{8}", sweep_folder(["weights=/a"], [], []))
    many = [f"training.option{number}={number}" for number in range(20)]
    names = [sweep_folder([*more, "seed=0"], ["seed"], []) for more in (many, [*many, "a=1"], ["weights=/b/c"])]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"seed=0-[0-9a-f]{8}", name) for name in names)
    long = [sweep_folder([f"weights='{folder}/{'é' * 200}'"], ["weights"], []) for folder in ("a/b", "a_b")]
    assert long[0][:-8] == long[1][:-8]
    assert long[0] != long[1]
    assert long[0].startswith("weights='a_b_é")
    assert 200 < len(long[0].encode()) < 215


def test_other_processes_of_a_sweep_leave_no_folder(
    carry_out_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a date of their own, beside the first process's: it would look like another sweep."""
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")  # so that it waits for nobody
    code, printed = carry_out_here("summary", "-m", "model=zfnet,alexnet", "model.width=0.05")
    assert code == 0, printed
    assert not list(tmp_path.iterdir())

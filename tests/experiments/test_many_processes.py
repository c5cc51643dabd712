"""Jobs under torchrun: two processes find what one finds, to the last bit; one that is killed is named, and resumed."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from small_network import small_network
from train_runs import metrics, settings

from experiments.common.job import Run
from experiments.common.pieces import dealt
from zfnet.network import open_network
from zfnet.training import Hardware, Turns, World, blocks_of, deal, share_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
ARRAYS = {  # what each job leaves that can be compared number by number
    "fig2_features": ["mined.npz", "fig2.npz"],
    "fig5_invariance": ["fig5.npz"],
    "fig7_occlusion": ["mined.npz", "fig7.npz"],
    "tab7_depth": ["tab7.npz"],
    "tab4_caltech101": ["tab4.npz"],
    "tab6_pascal": ["tab6.npz"],
    "evaluate": ["val_1views.npz"],
    "pointing": ["pointing.npz", "read_outs_object.npz"],
    "audit": ["shown.npz"],
}
PICTURES = {"fig2_features": 3, "evaluate": 0, "tab4_caltech101": 0, "tab6_pascal": 0}
TEXTS = {"fig5_invariance": "fig5.csv", "tab7_depth": "tab7.csv", "tab4_caltech101": "tab4.csv",
         "evaluate": "val_1views_per_class.csv", "audit": "audit.json", "fig7_occlusion": "fig7.csv",
         "pointing": "pointing.csv", "tab6_pascal": "tab6.csv"}  # fmt: skip


def lines_of(image_root: Path, network: Path, runs: Path) -> list[list[str]]:
    """A line for each job, small."""
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    words = {
        "fig2_features": ["layers=[conv1,conv3,fc6]", "maps=10", "top=3", "optimise_steps=2"],
        "fig5_invariance": ["rows=[scale]", "more=[]", "classes=[red,green,blue]"],
        "fig7_occlusion": ["square_px=20", "stride_px=12", "classes=[red,green,blue]", "others=2", "fill=noise"],
        "tab7_depth": ["train_per_class=5", "test_per_class=8", "folds=2", "splits=2", "costs=[1]", "svm=[1]",
                       "softmax=[5]", "control=false"],
        "tab4_caltech101": ["folds=2", "per_class=[5]", "test_per_class=8", "costs=[1.0]", "training.epochs=1",
                            "training.batch_size=5"],
        "tab6_pascal": ["costs=[1.0]", "splits=2"],
        "evaluate": ["views=1"],
        "pointing": [f"data.root={boxed(image_root)}", "square_px=20", "stride_px=11", "sizes_px=[20]", "fills=[0.0]",
                     "draws=3"],
        "audit": ["count=4", "costly_count=2", "methods=[deconvnet,gradient,occlusion]", "stages=1", "shown=1"],
    }  # fmt: skip
    words = {job: [*own, *(() if job == "pointing" else ["batch_size=5"])] for job, own in words.items()}
    return [[job, *data, *own, f"checkpoint={network}", f"run_dir={runs / job}"] for job, own in words.items()]


def boxed(image_root: Path) -> Path:
    """The same images, and a box on each of val's."""
    root = image_root.parent / f"{image_root.name}-boxed"
    if not root.exists():
        root.mkdir()
        (root / "val").symlink_to(image_root / "val")
        names = sorted(str(path.relative_to(image_root)) for path in (image_root / "val").glob("*/*"))
        boxes = {name: [10, 10 + number, 60, 70] for number, name in enumerate(names)}
        (root / "boxes.json").write_text(json.dumps(boxes))
    return root


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def launched(launcher: list[str], jobs: list[list[str]], path: Path) -> None:
    """All the jobs in one start of Python, or one of torchrun."""
    path.write_text(json.dumps(jobs))
    done = subprocess.run(
        [*launcher, str(HERE / "many_jobs.py"), str(path)], env=environment(), cwd=path.parent,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> tuple[Path, Path]:
    """The runs of one process, and those of two."""
    folder = tmp_path_factory.mktemp("many")
    network = small_network(folder / "net.pt")
    for name, launcher in (("one", [sys.executable]), ("two", TORCHRUN)):
        launched(launcher, lines_of(image_root, network, folder / name), folder / f"jobs-{name}.json")
    return folder / "one", folder / "two"


@pytest.mark.parametrize("job", ARRAYS)
def test_two_processes_find_what_one_finds(both: tuple[Path, Path], job: str):
    for name in ARRAYS[job]:
        one, two = (np.load(runs / job / name) for runs in both)
        assert sorted(one) == sorted(two), name
        for key in one:
            np.testing.assert_array_equal(one[key], two[key], err_msg=f"{name} {key}", strict=True)
    if job in TEXTS:
        one, two = ((runs / job / TEXTS[job]).read_text() for runs in both)
        assert one == two
    pictures = [{path.name: path.read_bytes() for path in (runs / job).glob("*.png")} for runs in both]
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) >= PICTURES.get(job, 1)
    for runs in both:
        assert not (runs / job / "pieces").exists()
        assert not list((runs / job).glob("error-rank*"))


@pytest.mark.parametrize("job", ARRAYS)
def test_both_have_worked(both: tuple[Path, Path], job: str):
    """Or the test above would hold for a job that the first process does alone."""
    one, *two = (
        json.loads((runs.parent / f"jobs-{runs.name}-{rank}.json").read_text())[job]
        for runs, rank in ((both[0], 0), (both[1], 0), (both[1], 1))
    )
    assert all(0.2 * one <= own <= 0.8 * one for own in two), (one, two)


class Alone(World):
    """The first of two, of which the other is never waited for."""

    def wait(self) -> None: ...

    def from_first(self, value: Any) -> Any:
        return value


class TogetherIn(World):
    """One of two in threads."""

    meeting = threading.Barrier(2, timeout=60)
    said: ClassVar[dict[int, Any]] = {}

    def wait(self) -> None:
        self.meeting.wait()

    def from_first(self, value: Any) -> Any:
        self.said[self.rank] = value
        self.wait()
        return self.said[0]


def squares(made: list[int], task: int) -> dict[str, np.ndarray]:
    made.append(task)
    return {"square": np.array(task**2)}


def test_a_process_that_is_done_takes_the_next_piece_that_nobody_has(tmp_path: Path):
    """The first hangs in its first piece until the second has made all others."""
    made: tuple[list[int], list[int]] = [], []
    begun, done = threading.Event(), threading.Event()
    with pytest.raises(ZeroDivisionError):  # a run that ends with a piece that it had taken
        deal(range(5), lambda task: {"square": np.array(1 // task)}, tmp_path, Alone(rank=0, size=2), what="squares")
    assert len(list(tmp_path.glob("000000-*.claimed"))) == 1

    def of_first(task: int) -> dict[str, np.ndarray]:
        begun.set()
        assert done.wait(60)
        return squares(made[0], task)

    def of_second(task: int) -> dict[str, np.ndarray]:
        assert begun.wait(60)
        if len(made[1]) == 3:
            done.set()
        return squares(made[1], task)

    with ThreadPoolExecutor() as threads:
        first, second = (
            threads.submit(deal, range(5), work, tmp_path, TogetherIn(rank=rank, size=2), what="squares")
            for rank, work in enumerate((of_first, of_second))
        )
    assert [int(piece["square"]) for piece in first.result()] == [0, 1, 4, 9, 16]
    assert second.result() == []
    assert len(made[0]) == 1
    assert sorted(made[0] + made[1]) == [0, 1, 2, 3, 4]
    assert not list(tmp_path.glob("*.claimed"))


def test_who_is_asked_to_stop_stops_all(tmp_path: Path):
    """The second is asked in its first task, while the first hangs in its own; nobody takes a third."""
    asked, told, took = threading.Event(), threading.Event(), [list[str](), list[str]()]

    def work(rank: int) -> bool:
        turns = Turns(tmp_path, TogetherIn(rank=rank, size=2), asked.is_set if rank == 1 else lambda: False)
        for task in turns.of(["a", "b", "c"]):
            took[rank].append(task)
            while len(took[0] + took[1]) < 2:
                time.sleep(0.01)
            if rank == 1:
                asked.set()
                assert turns.stopped()
                told.set()
            else:
                assert told.wait(60)
        return turns.stopped()

    with ThreadPoolExecutor() as threads:
        assert [one.result() for one in [threads.submit(work, rank) for rank in range(2)]] == [True, True]
    assert sorted(took[0] + took[1]) == ["a", "b"]
    again = Turns(tmp_path, World(), lambda: False)  # the sign was of that run
    assert list(again.of(["a", "b"])) == ["a", "b"]


def test_a_piece_that_is_kept_is_of_the_same_tasks(tmp_path: Path):
    """Another version may deal the same work in another order."""
    run = Run(tmp_path, World(), Hardware(device="cpu"), None)
    network = open_network(small_network(tmp_path / "net.pt"))
    for tasks in ([1, 2, 3], [3, 2, 1], [1, 2]):
        pieces = dealt("squares", tasks, partial(squares, []), of=(), network=network, run=run)
        assert [int(piece["square"]) for piece in pieces] == [task**2 for task in tasks]


def test_a_piece_that_is_kept_is_not_made_again_and_a_damaged_one_is(tmp_path: Path):
    made: list[int] = []
    deal(range(3), partial(squares, made), tmp_path, World(), what="squares")
    (tmp_path / "000001.npz").write_bytes(b"half")
    pieces = deal(range(5), partial(squares, made), tmp_path, World(), what="squares")
    assert [int(piece["square"]) for piece in pieces] == [0, 1, 4, 9, 16]
    assert made == [0, 1, 2, 1, 3, 4]


@pytest.mark.parametrize(("count", "block", "size"), [(10, 3, 2), (9, 3, 2), (2, 3, 2), (10, 3, 4), (0, 3, 2)])
def test_blocks_are_the_same_for_any_number_of_processes(count: int, block: int, size: int):
    items = list(range(100, 100 + count))
    own = [blocks_of(share_of(items, block, World(rank=rank, size=size)), block) for rank in range(size)]
    assert sorted(one for of_process in own for one in of_process) == blocks_of(items, block)


def test_two_agents_as_on_two_machines_find_what_one_process_finds(
    both: tuple[Path, Path], image_root: Path, tmp_path: Path
):
    """docs/scale.md: torchrun --nnodes, each agent with a process."""
    jobs = [line for line in lines_of(image_root, both[0].parent / "net.pt", tmp_path) if line[0] == "evaluate"]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(jobs))
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    agent = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d",
        f"--rdzv-endpoint=localhost:{port}", str(HERE / "many_jobs.py"), str(path),
    ]  # fmt: skip
    agents = [
        subprocess.Popen(agent, env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [one.communicate(timeout=300)[1] for one in agents]
    assert [one.returncode for one in agents] == [0, 0], told
    one, two = (np.load(runs / "evaluate" / "val_1views.npz") for runs in (both[0], tmp_path))
    np.testing.assert_array_equal(one["probability"], two["probability"])
    assert json.loads((tmp_path / "evaluate" / "manifest.json").read_text())["processes"] == 2


def killed(words: list[str], target: str, call: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """A job of two processes, of which the second is killed at a call of `target`."""
    return subprocess.run(
        [*TORCHRUN, str(HERE / "killed_job.py"), target, str(call), *words], env=environment(), cwd=folder,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_killed_process_is_named_and_the_job_goes_on_from_what_is_kept(
    carry_out_here, both: tuple[Path, Path], image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    network, runs = both[0].parent / "net.pt", tmp_path / "runs"
    words = next(line for line in lines_of(image_root, network, runs) if line[0] == "fig7_occlusion")
    done = killed(words, "experiments.fig7_occlusion.picture_map", 1, tmp_path)
    ours = re.search(r"error: process 1 of 2 \(number \d+ on .+\) has ended, and process 0 cannot go on", done.stderr)
    theirs = re.search(r"rank\s+: 1 \(local_rank: 1\)\s+exitcode\s+: -9", done.stderr)  # torchrun's, where it is first
    assert done.returncode, done.stderr
    assert ours or theirs, done.stderr
    assert theirs or f"run_dir={runs / 'fig7_occlusion'}" in done.stderr
    kept = (runs / "fig7_occlusion" / "pieces").glob("occluding-*/*.npz")
    assert sorted(path.name for path in kept) == ["000000.npz", "000001.npz", "000002.npz"]
    monkeypatch.setattr("experiments.fig7_occlusion.occlude", None)
    monkeypatch.setattr("experiments.common.mining.mine_top", None)
    code, printed = carry_out_here(*words)
    assert code == 0, printed
    for name in ARRAYS["fig7_occlusion"]:
        one, again = np.load(both[0] / "fig7_occlusion" / name), np.load(runs / "fig7_occlusion" / name)
        for key in one:
            close = 1e-4 if one[key].dtype.kind == "f" else 0.0  # threads may differ
            if one[key].dtype.kind != "U":
                np.testing.assert_allclose(one[key], again[key], rtol=close, atol=close, err_msg=key)


def test_folds_that_a_killed_job_finished_are_kept(
    carry_out_here, both: tuple[Path, Path], image_root: Path, tmp_path: Path
):
    network, runs = both[0].parent / "net.pt", tmp_path / "runs"
    words = next(line for line in lines_of(image_root, network, runs) if line[0] == "tab4_caltech101")
    done = killed(words, "experiments.tables.transfer.save_fold", 2, tmp_path)
    assert done.returncode, done.stderr
    assert "error: process 1 of 2 (number" in done.stderr, done.stderr
    kept = sorted(path.name for path in (runs / "tab4_caltech101" / "kept").glob("*.npz"))
    assert 1 <= len(kept) < 4
    code, printed = carry_out_here(*words)
    assert code == 0, printed
    assert printed.count(", kept") == len(kept)
    one, again = (np.load(folder / "tab4_caltech101" / "tab4.npz") for folder in (both[0], runs))
    for method in ("pretrained", "scratch"):
        np.testing.assert_allclose(one[f"accuracy/{method}"], again[f"accuracy/{method}"])


def test_a_training_that_lost_a_process_names_it_and_is_resumed(image_root: Path, tmp_path: Path):
    words = ["train", *settings(image_root, tmp_path / "run", "training.epochs=2", "evolution=null")]
    done = killed(words, "zfnet.training.step.Stepper.__call__", 9, tmp_path)
    assert done.returncode, done.stderr
    assert "error: process 1 of 2 (number" in done.stderr, done.stderr
    command = shlex.split(next(line for line in done.stderr.splitlines() if "resume=auto" in line))
    assert command[:2] == ["torchrun", "--nproc-per-node=2"]
    assert command[-2:] == [f"run_dir={tmp_path / 'run'}", "resume=auto"]
    again = subprocess.run(
        [*TORCHRUN, str(ROOT / "experiments" / "train.py"), *command[3:]], env=environment(), cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "going on after step" in again.stdout
    assert len(metrics(tmp_path / "run")) == 2

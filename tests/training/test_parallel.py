"""Two gloo processes do what one does (law 10), and count validation images once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from zfnet.training.machine import World, join_world

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What two processes under torchrun found."""
    path = tmp_path_factory.mktemp("two") / "two.pt"
    script = Path(__file__).with_name("two_processes.py")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, str(script), str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},  # array_source, zfnet
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return torch.load(path)


@pytest.mark.parametrize("recipe", ["numbers", "large"])
def test_two_processes_agree_with_one(recipe: str, together: dict):
    from two_processes import LARGE, outcome

    two, one = together[recipe], outcome(World(), **(LARGE if recipe == "large" else {}))
    assert two["rate"] == one["rate"] == (pytest.approx(0.016) if recipe == "large" else 0.01)
    assert two["steps"] == one["steps"] == 10
    for name, tensor in one["weights"].items():
        assert (two["weights"][name] - tensor).norm() <= 1e-8 * tensor.norm().clamp(min=1e-8), name
    assert two["errors"] == pytest.approx(one["errors"], rel=1e-8)


LATE = """
import sys, time
import torch.distributed as dist
from datetime import timedelta
from zfnet.training import World
path, rank = sys.argv[1], int(sys.argv[2])
dist.init_process_group("gloo", init_method=path, rank=rank, world_size=2, timeout=timedelta(seconds=6))
time.sleep(9 * rank)
World(rank, 2).wait()
dist.destroy_process_group()
"""


def test_a_process_waits_for_another_that_has_more_to_do(tmp_path: Path):
    """For longer than a collective may take."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", LATE, f"file://{tmp_path}/group"]
    both = [subprocess.Popen([*command, str(rank)], env=environment) for rank in range(2)]
    assert [one.wait(100) for one in both] == [0, 0]


def test_fewer_validation_images_than_processes_are_shown_all_the_same(together: dict):
    assert together["fewer"] == [True, True]


def test_images_that_are_gone_for_one_process_stop_both_at_the_same_step(together: dict):
    here, there = together["gone"]
    assert here == there
    assert re.match(r"step \d+: only \d+ of the last 200 \(before: .* training images could be read; image \d+", here)


def test_a_process_that_is_to_stop_reads_on_without_its_worker_until_both_stop(together: dict):
    assert together["stopped"] == [[False, 4], [False, 4]]


def test_processes_draw_different_dropout(together: dict):
    here, there = together["draws"]
    assert here != there


def test_processes_join_again_for_the_next_job_of_a_sweep(together: dict):
    assert together["again"] == [0, 1]


def test_what_is_validated_has_the_batch_statistics_that_are_saved(together: dict):
    reported, of_saved = together["statistics"]
    assert reported == pytest.approx(of_saved, rel=1e-6)


def test_one_process_needs_no_group(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    world = join_world("cpu")
    assert (world.rank, world.size, world.first) == (0, 1, True)
    assert world.sum(torch.tensor([2.0])).item() == 2.0
    assert world.gather("x") == ["x"]
    assert world.any(True)
    assert not world.any(False)


def test_a_device_that_is_not_there_is_told():
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="torch finds no CUDA device here; device=cpu works anywhere"):
            join_world("cuda")
    with pytest.raises(ValueError, match="device='gpu' is not one of auto, cpu, cuda"):
        join_world("gpu")

"""Run under torchrun by test_many_processes.py, or by it as one process: jobs one after the other, by lines of words.

python many_jobs.py JOBS.json: [[job, word, ...], ...]. The processes stay together until the last job has ended.
JOBS-RANK.json then tells how many images went through convolutions in each process, by job.
"""

import json
import os
import sys
from pathlib import Path

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from in_process import each_takes_its_turn, run_here

import zfnet.training
from zfnet.figures.drawing import style


def carry_out(jobs: list[list[str]]) -> None:
    torch.set_num_threads(1)
    style.DPI, leave = 30, zfnet.training.leave_world
    zfnet.training.leave_world = lambda: None  # a job would take the group with it
    counted = dict.fromkeys((job for job, *_ in jobs), 0)

    def count(module: torch.nn.Module, given: object, output: torch.Tensor) -> None:
        counted[job] += len(output) if isinstance(module, torch.nn.Conv2d) else 0

    torch.nn.modules.module.register_module_forward_hook(count)
    try:
        with pytest.MonkeyPatch.context() as patch:
            each_takes_its_turn(patch)
            for job, *words in jobs:
                GlobalHydra.instance().clear()
                if run_here(job, *words):
                    os._exit(1)  # and not wait for those that go on
        path = Path(sys.argv[1])
        path.with_name(f"{path.stem}-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(counted))
    finally:
        zfnet.training.leave_world = leave
        leave()


if __name__ == "__main__":
    carry_out(json.loads(Path(sys.argv[1]).read_text()))

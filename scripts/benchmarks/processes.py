"""Heavy jobs by one process and by two under torchrun, a thread each: how many times as fast two are.

scripts/bench processes checkpoint=FILE data=parts_world data.root=...     words of all jobs: a network and its images
scripts/bench processes ... --jobs evaluate audit                          some of them

Timed from the moment when all processes have imported what the job needs to when the last has ended, figures drawn and
files written by the first process included. In turn, each in a new process and folder. What the machine itself allows
is told by two runs of one process side by side, which share nothing: twice the time of one, over theirs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from harness import hardware, table

WORDS = {  # of each job: enough work that its start and its figures are a small part
    "fig2_features": ("fig2_features:features", ["maps=64"]),
    "fig5_invariance": ("fig5_invariance:figure_5", ["rows=[translation_y,scale,rotation]", "more=[blur]"]),
    "fig7_occlusion": ("fig7_occlusion:occlusion", ["classes=predicted", "others=3"]),
    "tab7_depth": ("tab7_depth:depth_table", ["svm=[1,3,5,7]", "softmax=[]", "folds=4", "control=false"]),
    "evaluate": ("evaluate:report", ["views=10"]),
    "audit": ("audit:audit", ["count=32", "questions=[cascade,faithfulness]", "targets=[class]", "stages=2", "shown=1",
                              "methods=[deconvnet,guided,gradient]", "ways=[deletion,insertion]"]),
    "atlas": ("atlas:atlas", ["time=none", "shown=8"]),
}  # fmt: skip


def child(job: str, folder: Path, copies: int, words: list[str]) -> None:
    """Carry out the job; the first process writes its seconds."""
    import torch
    from hydra import compose, initialize_config_dir

    from experiments.common.job import Run
    from experiments.common.options import CONF
    from zfnet.training import Hardware, join_world, keep_freed_memory, leave_world

    torch.set_num_threads(1)
    keep_freed_memory()
    module, _, function = WORDS[job][0].partition(":")
    carry_out = getattr(import_module(f"experiments.{module}"), function)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(job, [*words, "hardware.workers=0", "hardware.device=cpu"])
    world = join_world("cpu")
    together(folder, copies)
    world.any(True)  # all are here
    began_s = time.perf_counter()
    carry_out(config, Run(folder, world, Hardware(device="cpu"), None))
    world.any(True)
    if world.first:
        (folder / "seconds.txt").write_text(str(time.perf_counter() - began_s))
    leave_world()


def seconds(job: str, words: list[str], *, processes: int = 1, copies: int = 1) -> float:
    """By so many processes; of copies side by side the longest. RuntimeError with what they said if one fails."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    with tempfile.TemporaryDirectory(prefix="bench_processes_") as folder:
        runs = [Path(folder) / str(copy) for copy in range(copies)]
        running: list[subprocess.Popen[bytes]] = []
        try:
            for run in runs:
                run.mkdir()
                line = [*launcher, __file__, "--child", job, str(run), str(copies), *WORDS[job][1], *words]
                with open(run / "said.txt", "wb") as said:
                    running.append(subprocess.Popen(line, stdout=said, stderr=subprocess.STDOUT))
            while any(one.poll() is None for one in running) and not any(one.poll() for one in running):
                time.sleep(0.1)
            for one, run in zip(running, runs, strict=True):
                if one.poll():  # the other may wait for it for ever
                    raise RuntimeError((run / "said.txt").read_text()[-4000:])
        finally:
            for one in running:
                one.terminate()
                one.wait()
        return max(float((run / "seconds.txt").read_text()) for run in runs)


def together(folder: Path, copies: int) -> None:
    """Until all copies are here."""
    (folder / "here").touch()
    while len(list(folder.parent.glob("*/here"))) < copies:
        time.sleep(0.01)


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
        return
    parser = argparse.ArgumentParser("scripts/bench processes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="+", help="of all jobs: checkpoint=..., data=...")
    parser.add_argument("--jobs", nargs="+", choices=list(WORDS), default=list(WORDS))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_intermixed_args()
    print(hardware())
    rows = []
    for job in given.jobs:
        times = [
            (seconds(job, given.words), seconds(job, given.words, processes=2), seconds(job, given.words, copies=2))
            for _ in range(given.rounds)
        ]
        one, two, side_by_side = (statistics.median(each) for each in zip(*times, strict=True))
        ratio, most = (statistics.median(each) for each in zip(*[(a / b, 2 * a / c) for a, b, c in times], strict=True))
        rows.append([job, f"{one:.1f}", f"{two:.1f}", f"**{ratio:.2f}**", f"{side_by_side:.1f}", f"{most:.2f}"])
        print(rows[-1], flush=True)
    print(table(["job", "one process, s", "two, s", "times as fast", "two runs side by side, s", "at most"], rows))


if __name__ == "__main__":
    main()

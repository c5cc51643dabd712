"""The plan as jobs of a cluster: submitted at once, each waiting for those that it needs. Through submitit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.reproduction.carry_out import carry_out_one
from experiments.reproduction.step import Marks, Step

CLUSTERS = ("slurm", "local", "debug")


def submit(
    steps: Sequence[Step], out: Path, *, cluster: str = "slurm", parameters: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Submit every step that is not done; returns submitit's jobs by the step's name.

    cluster: "slurm", or "local" and "debug", which run on this machine, a step once those before it have ended.
    parameters: what submitit's executors take, such as slurm_partition, timeout_min, gpus_per_node. A step that meets
    its time limit may be submitted again: it goes on. Raises ValueError where submitit is not installed.
    """
    try:
        from submitit import AutoExecutor
    except ImportError:
        raise ValueError("--slurm needs submitit: pip install 'zfnet[slurm]'") from None
    executor, jobs = AutoExecutor(folder=out / "slurm", cluster=cluster), dict[str, Any]()
    done = Marks(out / "steps").done(steps)
    for step in steps:
        if step.name in done and not any(other in jobs for other in step.after):
            continue
        executor.update_parameters(name=f"reproduce-{step.name}", **(parameters or {}))
        waits = {kind: [jobs[one] for one in of if one in jobs] for kind, of in _waited_for(step).items()}
        if cluster == "slurm":
            executor.update_parameters(slurm_additional_parameters=dependencies(waits))
        else:
            for job in (*waits["afterok"], *waits["afterany"]):
                job.wait()
        jobs[step.name] = executor.submit(carried_out, step, out)
    return jobs


def _waited_for(step: Step) -> dict[str, Sequence[str]]:
    return {"afterok": step.needs, "afterany": [name for name in step.after if name not in step.needs]}


def dependencies(waits: Mapping[str, Sequence[Any]]) -> dict[str, str]:
    """sbatch's option for jobs that must have succeeded (afterok) or ended (afterany); {} for none."""
    words = [":".join([kind, *(str(job.job_id) for job in jobs)]) for kind, jobs in waits.items() if jobs]
    return {"dependency": ",".join(words)} if words else {}


def carried_out(step: Step, out: Path) -> str:
    """What a job of the cluster runs. Raises RuntimeError where the step is not done, so that others do not begin."""
    why = carry_out_one(step, out)
    if why is not None:
        raise RuntimeError(f"{step.name}: {why}; see {out / 'logs'}/{step.name}.log")
    return step.name

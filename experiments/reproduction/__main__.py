"""From images to the report: every network, figure and table of the paper, one step after another.

The same command goes on where it was stopped or killed: what is done is passed over, a half-done training goes on from
its newest checkpoint.

example:
  scripts/reproduce --root /data/imagenet --out runs/paper --processes 8 --caltech101 data --caltech256 data --voc data
  scripts/reproduce --root tiny-imagenet-40 --scale tiny --out runs/tiny        (under two hours of two cores)
  scripts/reproduce --scale parts --out runs/parts                              (drawn images, no --root)
  scripts/reproduce ... --dry-run                                               (the plan, its hours and its room)
  scripts/reproduce ... --slurm slurm_partition=gpu gpus_per_node=8 timeout_min=1440
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.reproduction.asked import Asked
from experiments.reproduction.carry_out import carry_out
from experiments.reproduction.plan import plan_of
from experiments.reproduction.scales import SCALES
from experiments.reproduction.step import Marks, Step


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; returns the exit code."""
    given = arguments(words)
    try:
        asked = asked_of(given)
        steps, left_out = plan_of(asked)
        if given.dry_run:
            show_plan(steps, asked)
            show_left_out(left_out)
            return 0
        if given.slurm is not None:
            return submitted(steps, asked.out, given.cluster, given.slurm)
        show_left_out(left_out)
        outcome = carry_out(steps, asked.out)
    except KeyboardInterrupt:
        again = shlex.join(["scripts/reproduce", *(sys.argv[1:] if words is None else words)])
        print(f"\nstopped; the same command goes on:\n  {again}")
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, why in outcome.failed.items():
        print(f"failed: {name}, {why}")
    if outcome.failed:
        print("the same command tries what failed once more")
        return 1
    print(f"\nthe report: {asked.out / 'report' / 'report.html'}")
    return 0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(
        "scripts/reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder: dict[str, Any] = {"type": Path, "metavar": "FOLDER"}
    parser.add_argument("--root", **folder, help="images in ImageNet format: {train,val}/<wnid>/*.JPEG")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where everything is written")
    parser.add_argument("--scale", choices=SCALES, default="imagenet", help="which networks, at which size")
    parser.add_argument("--devkit", **folder, help="the unpacked ILSVRC2012_devkit_t12, where val/ is the flat folder")
    parser.add_argument("--caltech101", **folder, help="holds caltech101/101_ObjectCategories: Tables 4 and 7")
    parser.add_argument("--caltech256", **folder, help="holds caltech256/256_ObjectCategories: Tables 5 and 7, Fig. 9")
    parser.add_argument("--voc", **folder, help="holds VOCdevkit/VOC2012: Table 6")
    parser.add_argument("--others", **folder, help="other classes in ImageNet format, in place of Caltech's")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="networks that Table 2 averages (5)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="of each training, one a GPU (1)")
    parser.add_argument(
        "--training", nargs="*", default=[], metavar="WORD", help="more words for every training, as training.epochs=2"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan and what it takes; does nothing")
    parser.add_argument("--slurm", nargs="*", metavar="KEY=VALUE", help="submit the steps to Slurm, through submitit")
    parser.add_argument("--cluster", default="slurm", help=argparse.SUPPRESS)
    return parser.parse_args(words)


def asked_of(given: argparse.Namespace) -> Asked:
    """The command line's choices, every folder as an absolute path."""
    folders = {
        name: None if getattr(given, name) is None else getattr(given, name).absolute()
        for name in ("root", "devkit", "caltech101", "caltech256", "voc", "others")
    }
    return Asked(
        scale=given.scale, out=given.out.absolute(), seeds=given.seeds, processes=given.processes,
        training=tuple(given.training), **folders,
    )  # fmt: skip


def show_plan(steps: Sequence[Step], asked: Asked) -> None:
    """Print each step with its hours and its room on the disk, measured on this machine for about a minute."""
    from experiments.reproduction.estimate import cores, count_images, estimates

    images, val_images, classes = 3000, 500, 10  # of the parts world
    if not asked.of_scale.drawn:
        (images, classes), (val_images, _) = (count_images(asked.images, split) for split in ("train", "val"))
    side_px = asked.of_scale.side_px
    print(f"measuring for about a minute: {images:,} training images of {classes} classes, {cores()} cores ...")
    found = estimates(
        steps, images=images, val_images=val_images, classes=classes, side_px=side_px, processes=asked.processes
    )
    done = Marks(asked.out / "steps").done(steps)
    for number, step in enumerate(steps):
        one, state = found[step.name], "  done" if step.name in done else ""
        print(f"{number + 1:3} {step.title:52} {one.hours:9.2f} h {one.size_bytes / 1e9:9.2f} GB{state}")
    left = [found[step.name] for step in steps if step.name not in done]
    hours, size = sum(one.hours for one in left), sum(one.size_bytes for one in left) / 1e9
    print(f"    {'left to do':52} {hours:9.2f} h {size:9.2f} GB")
    free = shutil.disk_usage(next(one for one in (asked.out, *asked.out.parents) if one.exists())).free / 1e9
    print(f"an estimate: trainings from the measurement, the rest by rule of thumb; {free:,.1f} GB are free")


def show_left_out(left_out: dict[str, str]) -> None:
    """Print what the plan lacks, and why."""
    for what, why in left_out.items():
        print(f"left out: {what} ({why})")


def submitted(steps: Sequence[Step], out: Path, cluster: str, words: Sequence[str]) -> int:
    """Submit the plan and print the jobs. Raises ValueError for a word that is not KEY=VALUE."""
    from experiments.reproduction.slurm import submit

    parameters: dict[str, str | int] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"--slurm {word}: expected KEY=VALUE, as slurm_partition=gpu")
        parameters[key] = int(value) if value.isdecimal() else value
    jobs = submit(steps, out, cluster=cluster, parameters=parameters)
    for name, job in jobs.items():
        print(f"{job.job_id}  {name}")
    print(f"{len(jobs)} jobs submitted; their logs: {out / 'logs'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

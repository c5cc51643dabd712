"""The plan: from images to the report, a step for each command, in an order in which they can be carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from experiments.reproduction import looks
from experiments.reproduction.asked import ROWS, Asked, word
from experiments.reproduction.scales import Words
from experiments.reproduction.step import Step, Work, check_order

FEW = ("tensorboard.images_every=0", "tensorboard.histograms_every=0", "tensorboard.mistakes_every=0")


def plan_of(asked: Asked) -> tuple[list[Step], dict[str, str]]:
    """The steps, and what is left out, with the reason."""
    steps = [*packing(asked), *trainings(asked), *looks.tables(asked), *looks.figures(asked), *looks.transfer(asked)]
    steps.append(looks.report(asked, steps))
    check_order(steps)
    return steps, looks.left_out(asked)


def packing(asked: Asked) -> Iterator[Step]:
    """The images drawn, where they are, and packed."""
    needs: Words = ()
    if asked.of_scale.drawn:
        needs = ("draw",)
        yield Step(
            name="draw", title="draw the parts world", outputs=(asked.images / "parts.json",), work=Work(seconds=30),
            words=("python", "-m", "zfnet.data.parts_world", "--root", str(asked.images)),
        )  # fmt: skip
    side_px = asked.of_scale.side_px
    given = ("--root", str(asked.images), "--out", str(asked.pack), "--side", str(side_px))
    devkit = () if asked.devkit is None else ("--devkit", str(asked.devkit))
    yield Step(
        name="pack", title=f"pack the images into squares of {side_px} px", needs=needs,
        outputs=(asked.pack / "train" / "pack.json", asked.pack / "val" / "pack.json"), work=Work(pack_px=side_px),
        words=("python", "-m", "zfnet.data.pack", *given, *devkit),
    )  # fmt: skip


def trainings(asked: Asked) -> Iterator[Step]:
    """The networks: of Table 3, of Table 2's seeds, and one without the filter limit."""
    columns = f"[{','.join(map(str, asked.of_scale.columns))}]"
    followed = (f"evolution={{epochs:{columns}}}", f"checkpoints.epochs={columns}")  # Fig. 4
    yield training(asked, "zfnet", 0, followed)
    for model in ROWS[1:]:
        yield training(asked, model, 0, FEW)
    for seed in range(1, asked.seeds):
        yield training(asked, "zfnet", seed, FEW)
    folder = asked.out / "unlimited"
    words = ("model=zfnet", "seed=0", "training.filter_rms_limit=null", *FEW, word("run_dir", folder))
    yield training_in(asked, "unlimited", "train zfnet without the filter limit", "zfnet", folder, words)


def training(asked: Asked, model: str, seed: int, more: Words) -> Step:
    """A row of Tables 2 and 3."""
    folder = asked.out / "rows" / f"{model}-seed{seed}"
    words = (f"model={model}", f"seed={seed}", *more, word("run_dir", folder))
    return training_in(asked, f"train-{model}-seed{seed}", f"train {model}, seed {seed}", model, folder, words)


def training_in(asked: Asked, name: str, title: str, model: str, folder: Path, words: Words) -> Step:
    """A training in its run folder, which goes on from its newest checkpoint."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={asked.processes}")
    launcher = torchrun if asked.processes > 1 else ()
    return Step(
        name=name, title=title, needs=("pack",), folder=folder, outputs=(folder / "checkpoints" / "best.pt",),
        work=Work(model=model, trains=True),
        words=(
            "python", *launcher, "experiments/train.py", f"experiment={asked.of_scale.experiment}",
            *asked.training_data(), *asked.of_scale.training, *asked.training, *words, "resume=auto",
        ),
    )  # fmt: skip

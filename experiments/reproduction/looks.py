"""The later steps of the plan: errors, figures, tables, transfer and the report of the networks trained before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from experiments.reproduction.asked import ROWS, Asked, word
from experiments.reproduction.scales import Words
from experiments.reproduction.step import Step, Work

FIRST = "train-zfnet-seed0"


def job(
    asked: Asked, name: str, title: str, words: Words, outputs: Words, *,
    needs: Words = (FIRST,), work: Work, called: str | None = None,
) -> Step:  # fmt: skip
    """A job in a run folder of its own; called: the step's name where a job is run twice."""
    folder = asked.out / (called or name)
    more = asked.of_scale.more.get(name, ())
    return Step(
        name=called or name, title=title, folder=folder, outputs=tuple(folder / output for output in outputs),
        needs=needs, work=work,
        words=("python", f"experiments/{name}.py", *words, *more, word("run_dir", folder)),
    )  # fmt: skip


def tables(asked: Asked) -> Iterator[Step]:
    """Errors of the first network, and Tables 2 and 3."""
    checkpoint = word("checkpoint", asked.best)
    work = Work(model="zfnet", passes=11, seconds=20)
    yield job(asked, "evaluate", "its errors", (*asked.data(), checkpoint), (), work=work)
    scale = asked.of_scale
    rows = (
        f"experiment={scale.experiment}", *asked.training_data(), *scale.training, *asked.training,
        word("rows", asked.out / "rows"),
    )  # fmt: skip
    seeds = range(asked.seeds)
    ensemble = (*(f"train-zfnet-seed{seed}" for seed in seeds), *(f"train-{model}-seed0" for model in ROWS[1:3]))
    work = Work(model="zfnet", passes=10 * (asked.seeds + 2), seconds=30)
    words = (*rows, f"seeds=[{','.join(map(str, seeds))}]")
    yield job(asked, "tab2_imagenet", "Table 2", words, ("tab2.csv",), needs=ensemble, work=work)
    every = tuple(f"train-{model}-seed0" for model in ROWS)
    work = Work(model="zfnet", passes=3 * len(ROWS), seconds=30)
    yield job(asked, "tab3_ablation", "Table 3", rows, ("tab3.csv",), needs=every, work=work)


def figures(asked: Asked) -> Iterator[Step]:
    """Figures 2, 4, 5, 6 and 7, Table 1 and the pointing game."""
    looked = (*asked.data(), word("checkpoint", asked.best))
    one = Work(model="zfnet", passes=1, seconds=60)
    yield job(asked, "fig2_features", "Figure 2", looked, ("fig2.png",), work=one)
    run = (word("run", asked.best.parents[1]),)
    yield job(asked, "fig4_evolution", "Figure 4", run, ("fig4.png",), work=Work(seconds=60))
    yield job(asked, "fig5_invariance", "Figure 5", looked, ("fig5.png",), work=one)
    compared = (
        *asked.data(), word("zfnet", asked.best),
        word("unlimited", asked.out / "unlimited" / "checkpoints" / "best.pt"),
        word("alexnet", asked.out / "rows" / "alexnet-seed0" / "checkpoints" / "best.pt"),
    )  # fmt: skip
    needs = (FIRST, "unlimited", "train-alexnet-seed0")
    yield job(asked, "fig6_filters", "Figure 6", compared, ("fig6.png",), needs=needs, work=one)
    words = (*looked, "classes=predicted")
    yield job(asked, "fig7_occlusion", "Figure 7", words, ("fig7.png",), work=one)
    if asked.has_parts():
        words = (word("root", asked.images), word("checkpoint", asked.best))
        yield job(asked, "tab1_correspondence", "Table 1", words, ("tab1.csv",), work=one)
    if asked.has_boxes():
        yield job(asked, "pointing", "the pointing game", (*boxed(asked), looked[-1]), ("pointing.csv",), work=one)


def boxed(asked: Asked) -> Words:
    """The images themselves, beside which their boxes lie."""
    if asked.scale != "imagenet":
        return asked.data()
    return ("data=imagenet_folder", word("data.root", asked.images), f"data.side={asked.of_scale.side_px}")


def transfer(asked: Asked) -> Iterator[Step]:
    """Tables 4 to 7 and Fig. 9 on the data sets that are at hand."""
    checkpoint, side = word("checkpoint", asked.best), f"data.side={asked.of_scale.side_px}"
    folders = {"caltech101": asked.caltech101, "caltech256": asked.caltech256}
    numbers = {"caltech101": ("tab4_caltech101", "Table 4"), "caltech256": ("tab5_caltech256", "Table 5, Figure 9")}
    for data, folder in folders.items():
        name, title = numbers[data]
        here = f"{name.partition('_')[0]}.csv"
        if folder is not None:
            words: Words = (f"data={data}", word("data.root", folder), side, checkpoint)
            yield job(asked, name, title, words, (here,), work=Work(model="zfnet", passes=1, seconds=4 * 3600))
            each = ("train_per_class=60",) if data == "caltech256" else ()
            work, called = Work(model="zfnet", passes=1, seconds=3600), f"tab7_{data}"
            yield job(
                asked, "tab7_depth", "Table 7", (*words, *each), ("tab7.csv",), work=work, called=called
            )  # fmt: skip
        elif (other := other_classes(asked)) is not None:
            words = (f"experiment={asked.of_scale.transfer}", *other, side, checkpoint)
            yield job(asked, name, f"{title}, other classes", words, (here,), work=Work(seconds=600))
    if asked.caltech101 is None and asked.caltech256 is None:
        words = (*probed(asked), checkpoint)
        yield job(asked, "tab7_depth", "Table 7", words, ("tab7.csv",), work=Work(passes=1, seconds=240))
    if asked.voc is not None:
        words = ("data=voc2012", word("data.root", asked.voc), side, checkpoint)
        work = Work(model="zfnet", passes=1, seconds=1800)
        yield job(asked, "tab6_pascal", "Table 6", words, ("tab6.csv",), work=work)


def other_classes(asked: Asked) -> Words | None:
    """Where the images of classes come from that stand in for Caltech's; None where there are none."""
    if asked.of_scale.transfer is None:
        return None
    if asked.of_scale.drawn:
        folder = asked.out / "parts_world_transfer"
        return (word("data.root", folder), word("data.pack", folder.with_name(f"{folder.name}-pack")))
    return None if asked.others is None else (word("data.root", asked.others),)


def probed(asked: Asked) -> Words:
    """The images that Table 7 is made on where there is no Caltech: other classes, or else those that were learned."""
    if asked.others is None:
        return asked.data()
    return ("data=imagenet_folder", word("data.root", asked.others), f"data.side={asked.of_scale.side_px}")


def report(asked: Asked, before: Sequence[Step]) -> Step:
    """The page of everything, last of all; it takes what is there, and measures the paper's claims itself."""
    words = (*asked.data(), word("checkpoint", asked.best), word("run", asked.out))
    work = Work(model="zfnet", passes=3, seconds=300)
    step = job(asked, "report", "the report", words, ("report.html",), work=work)
    return replace(step, after=tuple(one.name for one in before))


def left_out(asked: Asked) -> dict[str, str]:
    """What the plan lacks, and why."""
    gone: dict[str, str] = {}
    if not asked.has_parts():
        gone["Table 1"] = f"{asked.images} has no parts.json, which says where eyes and noses are"
    if not asked.has_boxes():
        gone["the pointing game"] = f"{asked.images} has no boxes.json, which says where the objects are"
    for name, folder, option in (
        ("Table 4", asked.caltech101, "--caltech101"), ("Table 5 and Figure 9", asked.caltech256, "--caltech256"),
    ):  # fmt: skip
        if folder is None:
            other = other_classes(asked)
            gone[f"{name} on its own images"] = f"no {option} FOLDER{'' if other is None else '; on other classes'}"
    if asked.voc is None:
        gone["Table 6"] = "no --voc FOLDER"
    if asked.others is None and asked.caltech101 is None and asked.caltech256 is None:
        gone["Table 7 on other classes"] = "no --caltech101, --caltech256 or --others; on the classes that were learned"
    return gone

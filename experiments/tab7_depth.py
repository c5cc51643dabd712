"""Table 7 of any network: python experiments/tab7_depth.py checkpoint=... data=... (images of classes new to it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from torch.utils.tensorboard import SummaryWriter

from experiments.common.config import as_list
from experiments.common.images import open_images
from experiments.common.job import Run, start
from experiments.common.network import with_random_weights
from experiments.tables.extraction import extraction_of, gpu_peak_mib, open_trained, peak_memory
from zfnet.analysis.probing import SOFTMAX, SVM, Outcome, Probing, probe_layers
from zfnet.data import Fold, ImageSource, sample_folds
from zfnet.figures.depth import Line, draw_depth, load_depth, save_depth
from zfnet.figures.drawing import style
from zfnet.network import Network
from zfnet.runs import write_csv

PAPER = {  # accuracy in %: Caltech-101 at 30 training images a class, Caltech-256 at 60
    (SVM, "1"): (44.8, 24.6), (SVM, "2"): (66.2, 39.6), (SVM, "3"): (72.3, 46.0), (SVM, "4"): (76.6, 51.3),
    (SVM, "5"): (86.2, 65.6), (SVM, "7"): (85.5, 71.7), (SOFTMAX, "5"): (82.9, 65.7), (SOFTMAX, "7"): (85.4, 72.6),
}  # fmt: skip
PAPERS_DATA = ("paper, Caltech-101", "paper, Caltech-256")
Outcomes = dict[str, list[Outcome]]  # by network


def depth_table(config: DictConfig, run: Run) -> None:
    """Probe each layer, print the table, save it and its arrays, and draw it; or draw again from saved arrays."""
    if not run.world.first:
        return
    if config.redraw is None:
        lines, chance = compute(config, run)
    else:
        lines, chance = load_depth(config.redraw)
    figure = draw_depth(lines, chance)
    print(f"drawn: {style.save(figure, run.folder, 'tab7')}")
    with SummaryWriter(str(run.folder / "tensorboard")) as writer:
        writer.add_image("tab7", style.pixels(figure), dataformats="HWC")


def compute(config: DictConfig, run: Run) -> tuple[list[Line], float]:
    """The lines of the figure and the accuracy of guessing; prints and saves them with what is behind them."""
    if config.checkpoint is None or config.get("data") is None:
        raise ValueError("give data=... and checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
    if not (as_list(config.svm) or as_list(config.softmax)):
        raise ValueError("svm=[] and softmax=[]: expected layers to probe in one of them, such as svm=[1,5,7]")
    network, source = open_trained(config, run), open_images(config.data, config.split, config.exclude)
    folds = sample_folds(
        source.labels, config.train_per_class, config.test_per_class, config.folds, config.seed, source.names
    )
    networks = {"trained": network}
    if config.control:
        untrained = (
            with_random_weights(network, config.seed)
            .to(run.world.device)
            .to(memory_format=run.hardware.memory_format())
        )
        networks["untrained"] = replace(network, model=untrained)
    outcomes = {name: probe(name, one, source, folds, config, run) for name, one in networks.items()}
    lines, chance = lines_of(outcomes), 1 / len(np.unique(source.labels[folds[0].test]))
    show(lines, folds, source, config)
    save(run.folder, outcomes, lines, chance, folds)
    run.note(
        checkpoint=str(config.checkpoint), data=source.fingerprint, classes=list(source.wnids),
        fold_seeds=[fold.seed for fold in folds], peak_gpu_memory_mib=gpu_peak_mib(),
    )  # fmt: skip
    return lines, chance


def probe(
    name: str, network: Network, source: ImageSource, folds: Sequence[Fold], config: DictConfig, run: Run
) -> list[Outcome]:
    """What every probe says of one network, told layer by layer with the memory that it took."""
    images = np.unique(np.concatenate([part for fold in folds for part in (fold.train, fold.test)]))
    extraction = extraction_of(config, run, network, source, images)
    among = [Fold(np.searchsorted(images, f.train), np.searchsorted(images, f.test), f.seed) for f in folds]
    folder = run.folder / "cache" if config.cache is None else Path(config.cache)

    def told(layer: int | str, outcomes: Sequence[Outcome]) -> None:
        means = [
            f"{kind} {np.mean([one.accuracy for one in outcomes if one.probe == kind]):.1%}"
            for kind in dict.fromkeys(one.probe for one in outcomes)
        ]
        print(f"{name}, layer {layer}: {', '.join(means)}; {peak_memory()}")

    asked = Probing(
        extraction, source.labels[images], among, folder, tuple(as_list(config.costs)), config.splits, config.jobs
    )
    return probe_layers(asked, as_list(config.svm), as_list(config.softmax), told)


def lines_of(outcomes: Outcomes) -> list[Line]:
    """A line for each network and probe, then the paper's for the layers and probes that it has."""
    lines = []
    for network, own in outcomes.items():
        for kind in dict.fromkeys(one.probe for one in own):
            layers = list(dict.fromkeys(one.layer for one in own if one.probe == kind))
            accuracy = [[one.accuracy for one in own if (one.probe, one.layer) == (kind, layer)] for layer in layers]
            named = np.array(list(map(str, layers)))
            lines.append(Line(network=network, probe=kind, layers=named, accuracy=np.array(accuracy)))
    for column, name in enumerate(PAPERS_DATA):
        for kind in dict.fromkeys(line.probe for line in lines):
            asked = [layer for line in lines[:2] if line.probe == kind for layer in line.layers.tolist()]
            known = [layer for layer in dict.fromkeys(asked) if (kind, layer) in PAPER]
            values = [[PAPER[kind, layer][column] / 100] for layer in known]
            if known:
                own_values = np.array(values)
                lines.append(Line(network=name, probe=kind, layers=np.array(known), accuracy=own_values, quoted=True))
    return lines


def show(lines: Sequence[Line], folds: Sequence[Fold], source: ImageSource, config: DictConfig) -> None:
    """The table: a row a probe and layer, a column a network, then the paper's two."""
    classes, tested = len(np.unique(source.labels[folds[0].test])), [len(fold.test) for fold in folds]
    print(f"\n{classes} classes, {config.train_per_class} training images of each, {min(tested)} to {max(tested)} test "
          f"images, {len(folds)} folds (seeds {folds[0].seed} to {folds[-1].seed}); mean class accuracy in %, "
          f"± standard deviation (n - 1) over folds; guessing: {100 / classes:.1f}")  # fmt: skip
    networks = list(dict.fromkeys(line.network for line in lines))
    print(" " * 14 + "".join(f"{name:>22}" for name in networks))
    for kind in (SVM, SOFTMAX):
        own = {line.network: line for line in lines if line.probe == kind}
        for layer in dict.fromkeys(layer for line in own.values() for layer in line.layers.tolist()):
            cells = [own[name].cell(layer) if name in own else "" for name in networks]
            print(f"{f'{kind} ({layer})':14}" + "".join(f"{cell:>22}" for cell in cells))


def save(folder: Path, outcomes: Outcomes, lines: Sequence[Line], chance: float, folds: Sequence[Fold]) -> None:
    """tab7.csv: a row a network, probe, layer and fold. tab7.npz: the figure, the folds, every test image's class."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, Any] = {}
    for fold in folds:
        arrays |= {f"fold{fold.seed}/train": fold.train, f"fold{fold.seed}/test": fold.test}
    for network, own in outcomes.items():
        for one in own:
            row = {"network": network, **asdict(one)}
            name = f"{network}/{one.probe}/{one.layer}/fold{one.seed}"
            arrays |= {f"{name}/{key}": np.array(row.pop(key)) for key in ("predicted", "tested")}
            rows.append(row)
    write_csv(folder / "tab7.csv", rows)
    save_depth(folder / "tab7.npz", lines, chance, **arrays)


if __name__ == "__main__":
    start(depth_table, "tab7_depth")

"""Table 7 of any network: python experiments/tab7_depth.py checkpoint=... data=... (images of classes new to it)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab7_depth:depth_table")

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.common.config import as_list, check_least, pick
from experiments.common.images import check_one_label, open_without
from experiments.common.network import NetworkChoice, open_trained
from experiments.common.publish import publish
from experiments.tables.extraction import extraction_of, gpu_peak_mib, peak_memory
from experiments.tables.text_table import mean_and_deviation
from zfnet.analysis.probing import SOFTMAX, SVM, Outcome, Probing, probe_layers
from zfnet.data import Fold, ImageData, ImageSource, sample_folds
from zfnet.figures.curves.depth import Line, draw_depth, load_depth, save_depth
from zfnet.network import Network, with_random_weights
from zfnet.runs import write_csv

PAPER = {  # accuracy in %: Caltech-101 at 30 training images a class, Caltech-256 at 60
    (SVM, "1"): (44.8, 24.6), (SVM, "2"): (66.2, 39.6), (SVM, "3"): (72.3, 46.0), (SVM, "4"): (76.6, 51.3),
    (SVM, "5"): (86.2, 65.6), (SVM, "7"): (85.5, 71.7), (SOFTMAX, "5"): (82.9, 65.7), (SOFTMAX, "7"): (85.4, 72.6),
}  # fmt: skip
PAPERS_DATA = ("paper, Caltech-101", "paper, Caltech-256")
Outcomes = dict[str, list[Outcome]]  # by network


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/tab7_depth.yaml says of the images, the layers, the folds and the probes."""

    data: ImageData | None = None
    split: str | None
    exclude: str | None
    svm: int | str | list[int | str]
    softmax: int | str | list[int | str]
    train_per_class: int
    test_per_class: int
    folds: int
    costs: float | list[float]
    splits: int
    views: int
    control: bool
    cache: str | None
    batch_size: int
    jobs: int
    seed: int

    def __post_init__(self) -> None:
        check_least(self, batch_size=1, jobs=1)
        check_one_label(self.data)


def depth_table(config: DictConfig, run: Run) -> None:
    """Probe each layer, print the table, save it and its arrays, and draw it; or draw again from saved arrays."""
    if config.redraw is None:
        lines, chance = compute(pick(NetworkChoice, config), pick(Settings, config), run)
    elif run.world.first:
        lines, chance = load_depth(config.redraw)
    if run.world.first:
        publish({"tab7": draw_depth(lines, chance)}, run.folder)


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> tuple[list[Line], float]:
    """The lines of the figure and the accuracy of guessing, by all processes; the first prints and saves them."""
    if settings.data is None:
        raise ValueError("give data=... and checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
    if not (as_list(settings.svm) or as_list(settings.softmax)):
        raise ValueError("svm=[] and softmax=[]: expected layers to probe in one of them, such as svm=[1,5,7]")
    network = open_trained(choice, run)
    source = open_without(settings.data, settings.split, settings.exclude, run)
    folds = sample_folds(
        source.labels, train_per_class=settings.train_per_class, test_per_class=settings.test_per_class,
        folds=settings.folds, seed=settings.seed, names=source.names,
    )  # fmt: skip
    networks = {"trained": network}
    if settings.control:
        untrained = with_random_weights(network, settings.seed)
        networks["untrained"] = untrained.to(run.world.device, run.hardware.memory_format())
    outcomes = {
        name: probe(name, one, source=source, folds=folds, settings=settings, run=run)
        for name, one in networks.items()
    }  # fmt: skip
    lines, chance = lines_of(outcomes), 1 / len(np.unique(source.labels[folds[0].test]))
    if not run.world.first:
        return lines, chance
    show(lines, folds, source, settings.train_per_class)
    save(run.folder, outcomes, lines, chance, folds)
    run.note(
        checkpoint=choice.source, data=source.fingerprint, classes=list(source.wnids),
        fold_seeds=[fold.seed for fold in folds], peak_gpu_memory_mib=gpu_peak_mib(),
    )  # fmt: skip
    return lines, chance


def probe(
    name: str, network: Network, *, source: ImageSource, folds: Sequence[Fold], settings: Settings, run: Run
) -> list[Outcome]:
    """What every probe says of one network, printed layer by layer with the memory that it took."""
    images = np.unique(np.concatenate([part for fold in folds for part in (fold.train, fold.test)]))
    among = [
        Fold(train=np.searchsorted(images, fold.train), test=np.searchsorted(images, fold.test), seed=fold.seed)
        for fold in folds
    ]

    def print_layer(layer: int | str, outcomes: Sequence[Outcome]) -> None:
        kinds = dict.fromkeys(one.probe for one in outcomes)
        accuracy = {kind: [100 * one.accuracy for one in outcomes if one.probe == kind] for kind in kinds}
        means = [f"{kind} {mean_and_deviation(values)} %" for kind, values in accuracy.items()]
        print(f"{name}, layer {layer}: {', '.join(means)}; {peak_memory()}")

    probing = Probing(
        extraction=extraction_of(
            network, source, run, views=settings.views, batch_size=settings.batch_size, images=images,
            world=run.world,
        ),
        labels=source.labels[images], folds=among,
        folder=run.folder / "cache" if settings.cache is None else Path(settings.cache),
        costs=tuple(as_list(settings.costs)), splits=settings.splits, jobs=settings.jobs,
    )  # fmt: skip
    return probe_layers(probing, as_list(settings.svm), as_list(settings.softmax), on_layer=print_layer)


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


def show(lines: Sequence[Line], folds: Sequence[Fold], source: ImageSource, train_per_class: int) -> None:
    """The table: a row a probe and layer, a column a network, then the paper's two."""
    classes, tested = len(np.unique(source.labels[folds[0].test])), [len(fold.test) for fold in folds]
    print(f"\n{classes} classes, {train_per_class} training images of each, {min(tested)} to {max(tested)} test "
          f"images, {len(folds)} folds (seeds {folds[0].seed} to {folds[-1].seed}); mean class accuracy in %, "
          f"± standard deviation (n - 1) over folds [95 % interval of their mean]; "
          f"guessing: {100 / classes:.1f}")  # fmt: skip
    networks = list(dict.fromkeys(line.network for line in lines))
    print(" " * 14 + "".join(f"{name:>26}" for name in networks))
    for kind in (SVM, SOFTMAX):
        own = {line.network: line for line in lines if line.probe == kind}
        for layer in dict.fromkeys(layer for line in own.values() for layer in line.layers.tolist()):
            cells = [mean_and_deviation(own[name].of_layer(layer), none="") if name in own else "" for name in networks]
            print(f"{f'{kind} ({layer})':14}" + "".join(f"{cell:>26}" for cell in cells))


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

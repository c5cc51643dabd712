"""Sentences 1 and 10 to 14: what other jobs found, or find now, and what many trainings say of the same images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.common.config import as_list, list_or_none, quote_override
from experiments.report_parts.claim_settings import Asked
from experiments.report_parts.inner_job import LeftOut, run_inner, shared_words
from experiments.report_parts.kept_runs import KeptRun
from experiments.report_parts.trainings import Training, trainings
from experiments.tables.kept_folds import load_fold
from zfnet.analysis import spread_of_convolutions
from zfnet.analysis.claims import (
    Effect,
    accuracy_effect,
    averaging_effect,
    depth_effect,
    part_effect,
    settling_effect,
)
from zfnet.analysis.evolution import FOLDER, load_moments
from zfnet.deconv import Deconvnet
from zfnet.files import read_arrays
from zfnet.models import ConvNet

ENOUGH = 3  # images of a class to probe with, and as many to test on
PARTS = ("right_eye", "left_eye", "nose")
Tested = tuple[NDArray[np.int64], NDArray[np.bool_]]


@dataclass(frozen=True)
class TableClaims:
    """What is read from the run folders of other jobs; where it is not there and can be had here, they are run."""

    asked: Asked

    def settling(self) -> list[Effect]:
        """Sentence 1."""
        trained, kept = self.asked.shelf.trained, self.asked.shelf.find("fig4_evolution")
        folders = [one / FOLDER for one in (trained, None if kept is None else kept.folder) if one is not None]
        folder = next((one for one in folders if len(list(one.glob("epoch-[0-9]*.npz"))) > 2), None)
        if folder is None:
            raise LeftOut(
                "nothing was kept of the network's epochs: train it with evolution (as experiment=demo does), or give "
                "run=FOLDER with a fig4_evolution of its checkpoints"
            )
        return [settling_effect(load_moments(folder))]

    def result(self, job: str, words: Sequence[str]) -> Path:
        """The folder of a finished run that fits, or of one that is run now: again, where it was asked otherwise."""
        folder, kept = self.asked.run.folder / job.split("_")[0], self.asked.shelf.find(job)
        if kept is not None and kept.serves(folder, lambda: words):
            print(f"{job}: taken from {kept.folder}")
            return kept.folder
        run_inner(job, words, folder, self.asked.run)
        return folder

    def correspondence(self) -> list[Effect]:
        """Sentence 10."""
        root, settings = self.asked.root, self.asked.settings
        if root is None or not (Path(root) / "parts.json").is_file():
            raise LeftOut("no image has boxes of its parts: that takes a parts.json beside the images")
        if not isinstance(self.asked.network.model, ConvNet):
            raise LeftOut("layers 5 and 7 are those of our own networks")
        parts = list(as_list(settings.parts)) or list(PARTS)
        words = [*shared_words("tab1_correspondence"), f"root={quote_override(root)}", f"parts=[{','.join(parts)}]"]
        words += [f"images={settings.part_images}", f"fresh={min(1, settings.fresh)}"]
        arrays = read_arrays(self.result("tab1_correspondence", words) / "tab1.npz")
        return [self._parts(arrays, layer) for layer in ("5", "7") if any(f"/{layer}/pairs" in key for key in arrays)]

    @staticmethod
    def _parts(arrays: dict[str, NDArray[Any]], layer: str) -> Effect:
        keys = [key.split("/") for key in arrays if key.endswith(f"/{layer}/pairs")]
        found: dict[str, list[Any]] = {}
        fresh: list[NDArray[np.float64]] = []
        for name, part, *_ in keys:
            start = f"{name}/{part}/{layer}/"
            found.setdefault(part, []).append((arrays[f"{start}pairs"], arrays[f"{start}random_pairs"]))
            if f"{start}fresh_pairs" in arrays:
                random = arrays[f"{start}fresh_random_pairs"].mean(1)  # (networks, draws, P) to (networks, P)
                fresh.append((random - arrays[f"{start}fresh_pairs"]).ravel())
        floors = {"fresh weights": float(np.concatenate(fresh).mean())} if fresh else {}  # every pair counts alike
        return part_effect(f"layer {layer}", found, floors=floors)

    def probing(self) -> list[Effect]:
        """Sentence 11."""
        asked, settings, source = self.asked, self.asked.settings, self.asked.views.source
        labels = source.labels[source.labels >= 0]
        counts = np.bincount(labels)[np.unique(labels)] if len(labels) else np.zeros(1, np.int64)
        if len(counts) < 2 or counts.min() < 2 * ENOUGH:
            raise LeftOut(f"too few labelled images to probe with: {int(counts.min())} of the rarest class")
        layers = list_or_none(settings.probe_layers) or (
            [1, 2, 3, 4, 5, 7] if isinstance(asked.network.model, ConvNet) else
            spread_of_convolutions(Deconvnet(asked.network.model))
        )  # fmt: skip
        per_class = min(settings.probe_per_class, int(counts.min()) - ENOUGH)
        words = [*shared_words("tab7_depth"), f"svm=[{','.join(map(str, layers))}]", "softmax=[]"]
        words += ["costs=[0.01,1,100]", f"folds={settings.probe_folds}", f"train_per_class={per_class}"]
        words += [f"splits={min(3, per_class)}", f"control={'true' if settings.fresh else 'false'}"]
        if not any(word.startswith("split=") for word in words):
            words.append("split=val")
        arrays = read_arrays(self.result("tab7_depth", words) / "tab7.npz")
        found = {network: _probes(arrays, network, source.labels) for network in ("trained", "untrained")}
        own, chance = found["trained"], 1 / len(counts)
        effects = []
        for before, deeper in zip(own, list(own)[1:], strict=False):
            floors = {}
            if before in found["untrained"] and deeper in found["untrained"]:
                fresh = found["untrained"]
                floors["fresh weights"] = accuracy_effect("", fresh[deeper], fresh[before]).value
            effect = accuracy_effect(f"layer {deeper} over {before}", own[deeper], own[before], floors)
            effects.append(replace(effect, parts={**effect.parts, "chance": chance}))
        return effects

    def transfer(self) -> list[Effect]:
        """Sentence 12."""
        kept = [self.asked.shelf.find(job, of_these_images=False) for job in ("tab4_caltech101", "tab5_caltech256")]
        found = [one for one in kept if one is not None]
        if not found:
            raise LeftOut(
                "it takes images of classes new to the network: run tab4_caltech101 or tab5_caltech256 on some and "
                "give run=FOLDER"
            )
        effects = [effect for one in found for effect in _transferred(one)]
        if not effects:
            folders = " and ".join(str(one.folder) for one in found)
            raise LeftOut(f"no fold that both methods finished in {folders}")
        return effects

    def answers(self, training: Training) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """What a training's network says of the images, as experiments/evaluate.py has it: (N, C) and labels (N,)."""
        said_of = f"{training.checkpoint} {self.asked.views.source.fingerprint}"  # others bear the same name
        name = f"evaluate-{training.name}-{hashlib.sha256(said_of.encode()).hexdigest()[:8]}"
        split = "val"
        words = [word for word in shared_words("evaluate") if not word.startswith(("checkpoint", "weights", "size_px"))]
        split = next((word[6:] for word in words if word.startswith("split=")), split)
        words += [f"checkpoint={quote_override(str(training.checkpoint))}", "views=1"]
        folder = self.asked.run.folder / name
        if not (folder / f"{split}_1views.npz").is_file():
            run_inner("evaluate", words, folder, self.asked.run)
        arrays = read_arrays(folder / f"{split}_1views.npz")
        readable = arrays["label"] >= 0
        return arrays["probability"][readable], arrays["label"][readable]

    def same_classes(self) -> list[Training]:
        return trainings(self.asked.shelf.runs, self.asked.network)

    def depth(self) -> list[Effect]:
        """Sentence 13."""
        models = _newest(one for one in self.same_classes() if one.limit is not None)
        wanted = ("alexnet", "alexnet_no_34", "alexnet_no_7", "alexnet_no_67", "alexnet_no_3467")
        missing = [name for name in wanted if name not in models]
        if missing:
            raise LeftOut(f"no run has trainings of {', '.join(missing)} over the same classes: Table 3's variants")
        right = {}
        for name in wanted:
            probability, label = self.answers(models[name])
            right[name] = probability.argmax(1) == label
        return [depth_effect(right, "alexnet", "alexnet_no_3467")]

    def averaging(self) -> list[Effect]:
        """Sentence 14: networks of one table and several seeds, or else of several tables."""
        every = [one for one in self.same_classes() if one.limit is not None and "_no_" not in one.model]
        name = self.asked.network.arguments.get("name")
        members = [one for one in every if one.model == name]
        if len(members) < 2:
            members = list(_newest(every).values())
        if len(members) < 2:
            raise LeftOut("no run has a second training over the same classes: train one and give run=FOLDER with it")
        found = [self.answers(one) for one in members]
        return [
            averaging_effect([p for p, _ in found], found[0][1], [f"{m.name} ({m.model}, {m.seed})" for m in members])
        ]

    @property
    def measures(self) -> dict[int, Callable[[], Sequence[Effect]]]:
        return {
            1: self.settling, 10: self.correspondence, 11: self.probing, 12: self.transfer, 13: self.depth,
            14: self.averaging,
        }  # fmt: skip


def _newest(trainings: Iterable[Training]) -> dict[str, Training]:
    """The first of each network of trainings in `trainings`' order: a table that was trained again is not mixed."""
    return {one.model: one for one in reversed(list(trainings))}


def _probes(arrays: dict[str, NDArray[Any]], network: str, labels: NDArray[np.int64]) -> dict[str, Tested]:
    """layer -> which images all folds of a network's SVM tested, and whether rightly."""
    found: dict[str, list[Tested]] = {}
    for key in (key for key in arrays if key.startswith(f"{network}/SVM/") and key.endswith("/predicted")):
        layer, tested = key.split("/")[2], arrays[key.replace("/predicted", "/tested")]
        found.setdefault(layer, []).append((tested, arrays[key] == labels[tested]))
    return {layer: _joined(folds) for layer, folds in found.items()}


def _transferred(kept: KeptRun) -> list[Effect]:
    """For each number of training images a class, over the folds that both methods have.

    Of those that its table is of: others in the folder are of other settings. Earlier versions did not say which.
    """
    folds: dict[tuple[str, str], dict[str, Tested]] = {}
    told = kept.facts.get("folds")
    for path in sorted((kept.folder / "kept").glob("*.npz")) if told is None else [kept.folder / one for one in told]:
        method, count, seed, *_ = path.stem.split("-")
        fold = load_fold(path)
        if fold is not None:
            folds.setdefault((count, seed), {})[method] = fold.test, fold.truth == fold.predicted
    effects = []
    for count in dict.fromkeys(count for count, _ in folds):
        both = [own for (one, _), own in folds.items() if one == count and {"pretrained", "scratch"} <= set(own)]
        if both:
            pretrained, scratch = (_joined([own[name] for own in both]) for name in ("pretrained", "scratch"))
            effects.append(accuracy_effect(f"{count} images a class, {kept.job[:4]}", pretrained, scratch))
    return effects


def _joined(folds: Sequence[Tested]) -> Tested:
    return np.concatenate([one for one, _ in folds]), np.concatenate([right for _, right in folds])

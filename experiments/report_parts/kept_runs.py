"""Runs that are there already: which job's, of which network, and whether they fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.common.run_folder import job_of
from zfnet.runs import read_manifest

OF_TRAININGS = ("fig4_evolution", "fig6_filters", "tab2_imagenet", "tab3_ablation")  # of no single checkpoint
AVERAGING = "evaluate"  # of several networks, what they say together
TOLD_OTHERWISE = (  # options whose values a run is known by in other ways, or that change none of its numbers
    "run", "run_dir", "checkpoint", "weights", "images", "data", "hardware", "batch_size",
)  # fmt: skip
DEPTH = 3  # folders below the one that was given: runs/demo, its runs, and a table's rows


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A finished run: its folder, the job, and what its manifest says."""

    folder: Path
    job: str
    facts: Mapping[str, Any]

    @property
    def networks(self) -> dict[str, str]:
        """The networks that it looked into: where each came from -> the fingerprint of its weights."""
        return dict(self.facts.get("networks", {}))

    @property
    def finished(self) -> str:
        return str(self.facts.get("finished"))

    def was_asked(self, words: Sequence[str]) -> bool:
        """Whether it was given these options, and no others, besides the network, the images and the machine."""
        return _options(map(str, self.facts.get("command", []))) == _options(words)

    def serves(self, folder: Path, words: Callable[[], Sequence[str]]) -> bool:
        """Whether its results may stand for those of a job that would be run in a folder with these options.

        What lies there itself is an earlier try's, and counts where that was asked the same.
        """
        return self.folder.resolve() != folder.resolve() or self.was_asked(words())

    def is_of(self, weights: str, frame: str | None, trained: Path | None) -> bool:
        """Whether it is of a network of these weights and this frame: the first that it looked into.

        Others stand beside that one, or are averaged with it; jobs of trainings are of all of theirs, whatever epoch.
        frame: None for any; runs of earlier versions do not tell theirs.
        """
        of, frames = list(self.networks.items()), self.facts.get("frames", {})
        if self.job not in OF_TRAININGS:
            of = [] if self.job == AVERAGING and len(of) > 1 else of[:1]
        if any(own == weights and frame in (None, frames.get(at, frame)) for at, own in of):
            return True
        if self.job not in OF_TRAININGS:  # what another epoch's network says is not what this one says
            return False
        sources = [*self.networks, str(self.facts.get("run") or "")]
        return trained is not None and any(one and _lies_in(one, trained) for one in sources)

    def has_data(self, fingerprints: Sequence[str], root: str | None) -> bool:
        """Whether it is of these images, as far as it says: by their fingerprint, or by the folder they lie in."""
        data, own = self.facts.get("data"), self.facts.get("root")
        told = [*data.values()] if isinstance(data, Mapping) else [data]
        if data is not None:
            return any(one in fingerprints for one in told)
        return own is None or root is None or Path(str(own)).resolve() == Path(root).resolve()


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where to look for runs, and the network and images that they must be of.

    trained: the run folder of the network's training, where it is a checkpoint of one. root: where the images lie.
    weights, frame: the network's, as fingerprints; frame None for any.
    """

    runs: Sequence[KeptRun]
    weights: str
    data: Sequence[str]
    trained: Path | None
    root: str | None = None
    frame: str | None = None

    def find(self, job: str, *, of_these_images: bool = True) -> KeptRun | None:
        """The newest finished run of a job that fits. of_these_images: False for what is done on others."""
        fits = [
            one
            for one in self.runs
            if one.job == job
            and one.is_of(self.weights, self.frame, self.trained)
            and (not of_these_images or one.has_data(self.data, self.root))
        ]
        return max(fits, key=lambda one: one.finished, default=None)

    def find_on_others(self, job: str) -> KeptRun | None:
        """The newest finished run of a job for the network, on images other than these."""
        fits = [one for one in self.runs if one.job == job and one.is_of(self.weights, self.frame, self.trained)]
        others = [one for one in fits if not one.has_data(self.data, self.root)]
        return max(others, key=lambda one: one.finished, default=None)


def runs_in(folders: Sequence[str | Path]) -> list[KeptRun]:
    """Every finished run in the folders or below them. Raises FileNotFoundError for a folder that is not there."""
    found: dict[Path, KeptRun] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(
                f"run={folder}: no such folder; expected one with run folders in it, such as runs/demo"
            )
        for path in _manifests(folder):
            job = job_of(path.parent)
            try:
                facts = read_manifest(path)
            except ValueError:
                continue
            if job is not None and facts.get("outcome") == "finished":
                found[path.parent.resolve()] = KeptRun(folder=path.parent, job=job, facts=facts)
    return list(found.values())


def training_of(checkpoint: str | None) -> Path | None:
    """The run folder of a checkpoint's training: checkpoints/best.pt lies in it."""
    if checkpoint is None or not Path(checkpoint).is_file():
        return None
    folder = Path(checkpoint).absolute().parent
    return folder.parent if folder.name == "checkpoints" else None


def _options(words: Iterable[str]) -> set[str]:
    """Those of a command's words that are options, but for TOLD_OTHERWISE."""
    given = [word for word in words if "=" in word]
    return {word for word in given if word.lstrip("+~").split("=")[0].split(".")[0] not in TOLD_OTHERWISE}


def _manifests(folder: Path) -> Iterator[Path]:
    for depth in range(DEPTH + 1):
        yield from sorted(folder.glob("/".join(["*"] * depth + ["manifest.json"])))


def _lies_in(source: str, folder: Path) -> bool:
    path = Path(source)
    return path.exists() and (path.resolve() == folder.resolve() or folder.resolve() in path.resolve().parents)

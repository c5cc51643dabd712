"""Mining once: the strongest places of a network's maps, found or read from where they were kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from glob import escape
from itertools import islice
from pathlib import Path

from experiments.common.job import Run
from zfnet.data import fingerprints, frame_fingerprint, frame_fingerprints
from zfnet.deconv import Deconvnet
from zfnet.mining import CentreViews, Mined, TopUnits, Watch, joined, merge, mine_top
from zfnet.models import weights_fingerprint
from zfnet.progress import track

KEEP_EVERY = 500  # batches, of a process: so much of mining is lost where it is killed


def mined_once(
    path: Path, deconvnet: Deconvnet, views: CentreViews, layers: Sequence[str], *, k: int, run: Run,
    watch: Watch | None = None,
) -> Mined:  # fmt: skip
    """The result in `path`, if it is there and has these layers and k; else mine, by all processes, and keep it there.

    The same in all processes, and for any number of them. A run that was killed goes on where as many processes had
    come. watch: as `mine_top` has it, where they mine.
    Raises ValueError where the file is of other images, another network or another input frame.
    """
    world = run.world
    fingerprint = {
        "data": views.source.fingerprint,
        "weights": weights_fingerprint(deconvnet.model),
        "frame": frame_fingerprint(views.frame),
    }
    known = {**fingerprint, "data": fingerprints(views.source), "frame": frame_fingerprints(views.frame)}
    if world.from_first(path.is_file()):
        kept = Mined.load(path, known)
        if set(layers) <= set(kept) and all(top.value.shape[1] >= k for top in kept.values()):
            return kept
        if world.first:
            print(f"{path} has not all of {', '.join(layers)} with {k} places each: mining them again")
    world.wait()  # the old file has been read by all
    own = _own_part(path, deconvnet, views, layers, k=k, run=run, watch=watch, fingerprint=fingerprint)
    parts = world.gather(own)
    if world.first:
        mined = merge(parts)
        mined.save(path, fingerprint)
        for part in path.parent.glob(f"{escape(path.stem)}-part-*.npz"):
            part.unlink(missing_ok=True)  # of another job that mines the same
    world.wait()
    return mined if world.first else Mined.load(path, known)


def _own_part(
    path: Path, deconvnet: Deconvnet, views: CentreViews, layers: Sequence[str], *, k: int, run: Run,
    watch: Watch | None, fingerprint: Mapping[str, str],
) -> Mined:  # fmt: skip
    """This process's batches mined, kept every KEEP_EVERY of them and taken up again from there."""
    world = run.world
    asked = {**fingerprint, "asked": f"{list(layers)} k={k} by {views.batch_size}", "processes": str(world.size)}
    parts = _Parts(path, world.rank, asked)
    done, found = parts.newest()
    batches = track(views.after(done), "mining", unit="batch", enabled=world.first)
    while done < len(views) or found is None:
        part = mine_top(
            deconvnet, islice(batches, KEEP_EVERY), layers, k, progress=False,
            rank=world.rank, world_size=world.size + 1, watch=watch,  # a part of several, even of one process
        )  # fmt: skip
        found = joined([found, part]) if found is not None and found.images else part
        done += KEEP_EVERY
        if done < len(views):
            parts.keep(done, found)
    return found


class _Parts:
    """The files in which a process keeps how far its mining has come: PATH-part-RANK-BATCHES.npz, the newest alone."""

    def __init__(self, path: Path, rank: int, asked: Mapping[str, str]) -> None:
        self._path, self._rank, self._asked = path, rank, asked

    def newest(self) -> tuple[int, Mined | None]:
        """How many batches were done and what they gave; none where nothing of what is asked was kept."""
        for path in sorted(self._files(), reverse=True):
            try:
                return int(path.stem.rpartition("-")[2]), Mined.load(path, self._asked)
            except ValueError:  # of other layers, images or processes
                path.unlink(missing_ok=True)
        return 0, None

    def keep(self, done: int, found: Mined) -> None:
        before = self._files()
        found.save(self._path.with_name(f"{self._path.stem}-part-{self._rank:04d}-{done:09d}.npz"), self._asked)
        for path in before:
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        return list(self._path.parent.glob(f"{escape(self._path.stem)}-part-{self._rank:04d}-*.npz"))


def digest_of(top: TopUnits) -> str:
    """What tells the places of a layer's maps from others."""
    parts = (getattr(top, name).numpy().tobytes() for name in ("value", "image", "row", "column"))
    return hashlib.sha256(b"/".join(parts)).hexdigest()[:16]

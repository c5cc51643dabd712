"""Mining once: the strongest places of a network's maps, found or read from where they were kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.common.job import Run
from zfnet.data import fingerprints, frame_fingerprint
from zfnet.deconv import Deconvnet
from zfnet.mining import CentreViews, Mined, Watch, merge, mine_top
from zfnet.models import weights_fingerprint


def mined_once(
    path: Path, deconvnet: Deconvnet, views: CentreViews, layers: Sequence[str], *, k: int, run: Run,
    watch: Watch | None = None,
) -> Mined:  # fmt: skip
    """The result in `path`, if it is there and has these layers and k; else mine, by all processes, and keep it there.

    Processes other than the first get their own part when they mine. watch: as `mine_top` has it, where they mine.
    Raises ValueError where the file is of other images, another network or another input frame.
    """
    fingerprint = {
        "data": views.source.fingerprint,
        "weights": weights_fingerprint(deconvnet.model),
        "frame": frame_fingerprint(views.frame),
    }
    if run.world.from_first(path.is_file()):
        kept = Mined.load(path, {**fingerprint, "data": fingerprints(views.source)})
        if set(layers) <= set(kept) and all(top.value.shape[1] >= k for top in kept.values()):
            return kept
        print(f"{path} has not all of {', '.join(layers)} with {k} places each: mining them again")
    world = run.world
    own = mine_top(
        deconvnet, views, layers, k, progress=world.first, rank=world.rank, world_size=world.size, watch=watch
    )
    parts = world.gather(own)
    if not world.first:
        return own
    mined = merge(parts) if len(parts) > 1 else own
    mined.save(path, fingerprint)
    return mined

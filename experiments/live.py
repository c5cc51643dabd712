"""A page on which a network answers at once: python experiments/live.py checkpoint=... (or none, for the demo's)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.live:live")

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from experiments.common.config import check_least, pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.network import NetworkChoice, check_compared, open_chosen
from zfnet.data import fingerprints, frame_fingerprints, photograph_paths
from zfnet.live import Lens, MinedPatches, Page, Pictures, bound, drawing_names, live_application, open_atlas, serve
from zfnet.mining import Mined
from zfnet.models import weights_fingerprint
from zfnet.training.machine import share_one_heap

DEMO = "runs/demo*/zfnet/checkpoints/best.pt"
AUTO = "auto"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/live.yaml says of the page. Raises ValueError for what would be left unheard."""

    host: str
    port: int
    compare: str | None
    compare_weights: str | None
    images: str | None
    gallery: int
    atlas: str | None
    mined: str | None
    drawn: bool | str

    def __post_init__(self) -> None:
        check_least(self, gallery=1)
        if self.drawn not in (AUTO, True, False):
            raise ValueError(f"drawn={self.drawn} is not one of {AUTO}, true, false")
        check_compared(self.compare, self.compare_weights)


def live(config: DictConfig, run: Run) -> str:
    """Open the networks, then serve until Ctrl-C."""
    if run.world.size > 1:
        raise ValueError("the page is served by one process: start it without torchrun")
    share_one_heap()
    settings, choice = pick(Settings, config), pick(NetworkChoice, config)
    if settings.mined is None and config.get("data") is not None:
        raise ValueError(
            "data=... is what mined=... was mined in: give mined=FILE too, or images=FOLDER for the gallery"
        )
    if choice.checkpoint is None:
        choice = replace(choice, checkpoint=demo_network())
    listening = bound(settings.host, settings.port)
    lenses = [open_lens(choice, 0, run)]
    if settings.compare is not None:
        other = choice.other(settings.compare, settings.compare_weights)
        lenses.append(open_lens(other, 1, run))
    drawn = begins_drawn(settings, lenses[0].network.names) if settings.drawn == AUTO else settings.drawn is True
    atlas = None if settings.atlas is None else open_atlas(settings.atlas)
    if atlas is not None:
        atlas.check(lenses[0])
    page = Page(
        lenses=lenses, pictures=Pictures([lens.network.frame for lens in lenses]), drawn=drawn,
        examples=examples(settings, drawn), atlas=atlas,
        mined=None if settings.mined is None else open_mined(settings.mined, lenses[0], config, run),
    )  # fmt: skip
    app = live_application(page, settings.host)
    run.note(checkpoint=choice.source, port=listening.getsockname()[1])
    where = f"[{settings.host}]" if ":" in settings.host else settings.host
    print(f"the page: http://{where}:{listening.getsockname()[1]} (Ctrl-C ends it)", flush=True)
    serve(app, listening)
    print("the page is closed")
    return "finished"


def begins_drawn(settings: Settings, names: Sequence[str]) -> bool:
    """Whether the page begins with a drawn object: the network knows no other classes, and no images were given."""
    return settings.images is None and bool(names) and set(names) <= set(drawing_names())


def demo_network() -> str:
    """The newest network of the demo. Raises ValueError where there is none, with the command that trains one."""
    found = sorted(Path().glob(DEMO), key=lambda path: path.stat().st_mtime)
    if not found:
        raise ValueError(
            "no network: give checkpoint=..., or train the demo's, two minutes on two cores: "
            "zfnet train experiment=demo run_dir=runs/demo/zfnet"
        )
    return str(found[-1])


def open_lens(choice: NetworkChoice, number: int, run: Run) -> Lens:
    network = open_chosen(choice, run)
    return Lens(
        network, number=number, source=choice.source, weights=choice.weights, title=choice.title,
        crop_px=choice.size_px, seed=choice.seed if choice.untrained else None,
    )  # fmt: skip


def examples(settings: Settings, drawn: bool) -> list[Path]:
    """The gallery's files. Raises ValueError for a folder without images."""
    if settings.images is None and drawn:
        return []
    paths = photograph_paths(settings.images)
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(settings.gallery, len(paths))).round().astype(int))
    return [Path(paths[number]) for number in chosen]


def open_mined(file: str, lens: Lens, config: DictConfig, run: Run) -> MinedPatches:
    """What was mined, with the images that it was mined in. Raises ValueError where it is of others."""
    views = open_views(pick(ImagesChoice, config), run, lens.network.frame)
    fingerprint = {
        "data": fingerprints(views.source), "weights": weights_fingerprint(lens.model),
        "frame": frame_fingerprints(lens.network.frame),
    }  # fmt: skip
    return MinedPatches(mined=Mined.load(file, fingerprint), fetch=views.fetch)

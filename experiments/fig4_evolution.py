"""Fig. 4 of a training: python experiments/fig4_evolution.py run=FOLDER  (finished, running, or its checkpoints)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig4_evolution:evolution")

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from experiments.common.config import build, check_least, list_or_none, pick
from experiments.common.publish import publish
from experiments.common.run_folder import configuration_of
from experiments.observers.evolution_folder import EvolutionFolder, settling_line
from zfnet.analysis.evolution import (
    FOLDER,
    Moment,
    Plan,
    ReferenceImages,
    load_moments,
    moment_at,
    settling,
    similarities,
    strongest_by_sweep,
    subset,
    watch_maps,
)
from zfnet.data import ImageData
from zfnet.deconv import Deconvnet
from zfnet.figures.curves.settling import Settling, draw_settling
from zfnet.figures.drawing.film import check_kind, save_film
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.fig4 import LayerEvolution, draw_fig4, load_evolution, save_evolution
from zfnet.figures.sheets.epoch import draw_epoch
from zfnet.network import network_of
from zfnet.progress import track
from zfnet.training import load_checkpoint, step_checkpoints


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/fig4_evolution.yaml says of the training and the figure.

    data and evolution: the images, None for the training's own, and the plan of a recomputation.
    """

    run: str | None
    epochs: int | list[int] | None
    maps: int
    gain: str
    threshold: float
    film: str | None
    recompute: bool
    data: ImageData | None = None
    evolution: Plan

    def __post_init__(self) -> None:
        check_least(self, maps=1, epochs=0)


def evolution(config: DictConfig, run: Run) -> None:
    """Gather what a training kept, or compute it from its checkpoints; save the arrays and draw; or draw again."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if settings.film is not None:
        check_kind(settings.film)
    if config.redraw is None:
        moments = gather(settings, run)
        run.note(run=str(Path(str(settings.run)).absolute()))
        if not run.world.first:
            return
        layers, settled = stack(moments, list_or_none(settings.epochs)), settle(moments, settings.threshold)
        save_evolution(run.folder / "fig4.npz", layers, settled)
    else:
        layers, settled = load_evolution(config.redraw)
    epoch = settled.epochs[-1]
    print(
        f"CKA with epoch {epoch} stays at {settled.threshold:g} from epoch, by activations (and by projections): "
        f"{settling_line(settled.settled)}"
    )
    run.note(settled=settled.settled)
    draw(layers, settled, maps=settings.maps, gain=settings.gain, folder=run.folder)
    if settings.film is not None:
        frames = (
            draw_epoch(layers, at, gain=settings.gain)
            for at in track(range(len(layers[0].epochs)), "filming", unit="epoch")
        )
        print(f"drawn: {save_film(frames, run.folder / f'fig4.{settings.film}')}")


def gather(settings: Settings, run: Run) -> list[Moment]:
    """The moments of a training, by epoch; of a recomputation none in all processes but the first."""
    if settings.run is None:
        raise ValueError("give run=FOLDER, a training's run folder, or redraw=FILE.npz")
    trained = Path(settings.run)
    if not settings.recompute and any((trained / FOLDER).glob("epoch-*.npz")):
        return load_moments(trained / FOLDER)
    recompute(trained, settings.data, settings.evolution, run)
    return load_moments(run.folder / FOLDER) if run.world.first else []


def recompute(trained: Path, given: ImageData | None, plan: Plan, run: Run) -> None:
    """From the checkpoints of chosen epochs and the newest: sweep, project, and keep it all in this run's folder."""
    paths = [
        *sorted((trained / "checkpoints").glob("epoch-[0-9]*.pt")),
        *step_checkpoints(trained / "checkpoints")[-1:],
    ]
    if not paths:
        raise ValueError(f"{trained} has neither {FOLDER}/epoch-*.npz nor checkpoints/epoch-*.pt: is it a training's?")
    data = images_of_training(trained) if given is None else given
    train, val, keeper = data.open("train"), data.open("val"), EvolutionFolder(run.folder)
    if run.world.first:
        keeper.begin(0)
    images, before, done = subset(len(train), plan.sweep_images, plan.seed), dict[str, Tensor](), set[int]()
    for path in track(paths, "epochs", unit="epoch", enabled=run.world.first):
        content = load_checkpoint(path)
        epoch = content["trainer"]["position"]["epoch"]
        if epoch in done or content["trainer"]["position"]["batch"]:
            continue
        network = network_of(content, path).to(run.world.device, run.hardware.memory_format())
        deconvnet = Deconvnet(network.model)
        probe = ReferenceImages(
            val, network.frame, images=plan.probe_images, rows=plan.probe_projections, seed=plan.seed
        )  # fmt: skip
        watched = watch_maps(deconvnet, probe, plan)
        found = strongest_by_sweep(deconvnet, watched, train, images, frame=network.frame, world=run.world)
        if run.world.first:
            keeper.keep(moment_at(epoch, deconvnet, probe, watched=watched, source=train, found=found, before=before))
        before, done = {layer: one.images() for layer, one in found.items()}, done | {epoch}
    if not done:
        raise ValueError(f"{trained}/checkpoints holds none of an epoch's end: let the training finish an epoch first")
    if run.world.first:
        keeper.end(finished=True)


def images_of_training(trained: Path) -> ImageData:
    """The images that a training had, by its own configuration. Raises ValueError where that is not there."""
    path = configuration_of(trained, "train")
    if not path.is_file():
        raise ValueError(f"there is no {path} that says which images the training had: give data=...")
    return build(ImageData, OmegaConf.load(path).data)


def stack(moments: Sequence[Moment], epochs: Sequence[int] | None) -> list[LayerEvolution]:
    """The strongest views layer by layer over the epochs. Raises ValueError where none, or others, were kept."""
    chosen = {moment.epoch: moment for moment in moments if moment.layers}
    if not chosen:
        raise ValueError("no chosen epoch has ended yet: the strongest views are kept when one does")
    columns = sorted(chosen) if epochs is None else list(epochs)
    if odd := sorted(set(columns) - set(chosen)):
        raise ValueError(f"epochs={odd} were not kept, only {sorted(chosen)}")
    stacked = []
    for layer, one in chosen[columns[0]].layers.items():
        names = ("value", "value_now", "image", "label", "path", "projection", "patch")
        arrays = {name: np.stack([getattr(chosen[epoch].layers[layer], name) for epoch in columns]) for name in names}
        stacked.append(LayerEvolution(layer=layer, epochs=np.array(columns), maps=one.maps, **arrays))
    return stacked


def settle(moments: Sequence[Moment], threshold: float) -> Settling:
    epochs = np.array([moment.epoch for moment in moments])
    similarity, settled = similarities(moments), settling(moments, threshold)
    return Settling(epochs=epochs, similarity=similarity, settled=settled, threshold=threshold)


def draw(layers: Sequence[LayerEvolution], settled: Settling, *, maps: int, gain: str, folder: Path) -> None:
    """Projections, the patches that they come from, and the settling curves."""
    publish({
        "fig4": partial(draw_fig4, layers, maps, gain=gain),
        "fig4_patches": partial(draw_fig4, layers, maps, picture="patch", gain=gain),
        "fig4_settling": partial(draw_settling, settled),
    }, folder)  # fmt: skip

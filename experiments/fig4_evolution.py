"""Fig. 4 of a training: python experiments/fig4_evolution.py run=FOLDER  (finished, running, or its checkpoints)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from experiments.common.evolution import FOLDER, EvolutionFolder, load_moments, settling, similarities, told
from experiments.common.job import Run, build, start
from experiments.common.values import several
from zfnet.analysis.evolution_moment import Moment, moment_at
from zfnet.analysis.evolution_plan import Plan, watch_maps
from zfnet.analysis.evolution_probe import Probe
from zfnet.analysis.evolution_sweep import subset, sweep
from zfnet.data.opening import ImageData
from zfnet.deconv import Deconvnet
from zfnet.figures import style
from zfnet.figures.fig4 import LayerEvolution, draw_fig4, load_evolution, save_evolution
from zfnet.figures.gains import check_gain
from zfnet.figures.settling import Settling, draw_settling
from zfnet.progress import track
from zfnet.training import load_checkpoint, network_of


def evolution(config: DictConfig, run: Run) -> None:
    """Gather what a training kept, or compute it from its checkpoints; save the arrays and draw; or draw again."""
    check_gain(config.gain)
    if config.redraw is None:
        moments = gather(config, run)
        if not run.world.first:
            return
        epochs = None if config.epochs is None else several(config.epochs)
        layers, settled = stack(moments, epochs), settle(moments, config.threshold)
        save_evolution(run.folder / "fig4.npz", layers, settled)
    else:
        layers, settled = load_evolution(config.redraw)
    epoch = settled.epochs[-1]
    print(
        f"CKA with epoch {epoch} stays at {settled.threshold:g} from epoch, by activations (and by projections): "
        f"{told(settled.settled)}"
    )
    run.note(settled=settled.settled)
    draw(layers, settled, config.maps, config.gain, run.folder)


def gather(config: DictConfig, run: Run) -> list[Moment]:
    """The moments of a training, by epoch; of a recomputation none in all processes but the first.

    Raises ValueError where no run was given, and as `recompute`.
    """
    if config.run is None:
        raise ValueError("give run=FOLDER, a training's run folder, or redraw=FILE.npz")
    trained = Path(config.run)
    if not config.recompute and any((trained / FOLDER).glob("epoch-*.npz")):
        return load_moments(trained / FOLDER)
    recompute(config, run, trained)
    return load_moments(run.folder / FOLDER) if run.world.first else []


def recompute(config: DictConfig, run: Run, trained: Path) -> None:
    """From the checkpoints of chosen epochs and the newest: sweep, project, and keep it all in this run's folder.

    Raises ValueError where the training left no checkpoint of an epoch's end, or its images are not known.
    """
    paths = [*sorted((trained / "checkpoints").glob("epoch-*.pt")), *_newest(trained / "checkpoints")]
    if not paths:
        raise ValueError(f"{trained} has neither {FOLDER}/epoch-*.npz nor checkpoints/epoch-*.pt: is it a training's?")
    data = _data(config, trained)
    train, val = data.open("train"), data.open("val")
    plan, keeper = build(Plan, config.evolution), EvolutionFolder(run.folder)
    if run.world.first:
        keeper.begin(0)
    images, before, done = subset(len(train), plan.sweep_images, plan.seed), dict[str, Tensor](), set[int]()
    for path in track(paths, "epochs", unit="epoch", enabled=run.world.first):
        content = load_checkpoint(path)
        epoch = content["trainer"]["position"]["epoch"]
        if epoch in done or content["trainer"]["position"]["batch"]:
            continue
        network = network_of(content, path)
        deconvnet = Deconvnet(network.model.to(run.world.device).to(memory_format=run.hardware.memory_format()))
        frame = network.frame.to(run.world.device)
        probe = Probe(val, frame, plan.probe_images, plan.probe_projections, plan.seed)
        watched = watch_maps(deconvnet, probe, plan)
        found = sweep(deconvnet, watched, train, images, frame, run.world)
        if run.world.first:
            keeper.keep(moment_at(epoch, deconvnet, probe, watched, train, found, before))
        before, done = {layer: one.images() for layer, one in found.items()}, done | {epoch}
    if not done:
        raise ValueError(f"{trained}/checkpoints holds none of an epoch's end: let the training finish an epoch first")
    if run.world.first:
        keeper.end(True)


def _data(config: DictConfig, trained: Path) -> ImageData:
    """The images that were given, or those of the training."""
    if config.get("data") is not None:
        return build(ImageData, config.data)
    path = trained / ".hydra" / "config.yaml"
    if not path.is_file():
        raise ValueError(f"there is no {path} that says which images the training had: give data=...")
    return build(ImageData, OmegaConf.load(path).data)


def _newest(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"))[-1:]


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


def draw(layers: Sequence[LayerEvolution], settled: Settling, maps: int, gain: str, folder: Path) -> None:
    """Projections, the patches that they come from, and the settling curves."""
    figures = {
        "fig4": draw_fig4(layers, maps, gain=gain),
        "fig4_patches": draw_fig4(layers, maps, "patch", gain=gain),
        "fig4_settling": draw_settling(settled),
    }
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for name, figure in figures.items():
            print(f"drawn: {style.save(figure, folder, name)}")
            writer.add_image(name, style.pixels(figure), dataformats="HWC")


if __name__ == "__main__":
    start(evolution, "fig4_evolution")

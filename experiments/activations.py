"""What layers answer to an image: python experiments/activations.py model=... image=... layer=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.activations:activations")

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, check_least, list_or_none, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import (
    PICKS,
    RELU,
    changed_channels,
    channel_means,
    check_channels,
    peaks,
    read_maps,
    strongest_channels,
)
from zfnet.data import one_photograph, photograph_paths, read_photographs
from zfnet.figures.activations.channels import draw_channels, pages_of
from zfnet.figures.activations.maps import INTERPOLATION, SCALES, LayerMaps, colour_map
from zfnet.figures.activations.means import TITLE, draw_means
from zfnet.figures.activations.over import draw_over
from zfnet.figures.activations.saved import Activations, load_activations, save_activations
from zfnet.runs import write_csv

LISTED = 20  # channels of each layer and image in activations.csv
WHERE_ONE = "after the ReLU that directly follows, if one does"
MEANS = {"auto": ("auto", WHERE_ONE), "after": ("auto", WHERE_ONE), "before": ("before", "before any ReLU")}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/activations.yaml says of the images, the layers and their channels, and the look of the figures.

    Raises ValueError, with the choices, for a word that makes no sense, before anything is computed.
    """

    image: str | list[str] | None
    most: int
    second: str | list[str] | None
    layer: str | list[str] | None
    relu: str
    scale: str
    colours: str
    channels: int | list[int] | None
    pick: str
    top: int
    interpolation: str
    means: bool

    def __post_init__(self) -> None:
        colour_map(self.colours)
        words = {"scale": SCALES, "pick": PICKS, "interpolation": INTERPOLATION, "relu": RELU}
        for name, choices in words.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)} is not one of {', '.join(choices)}")
        check_least(self, top=1, most=1)


def activations(config: DictConfig, run: Run) -> None:
    """Read the maps, save the arrays and draw; or draw again from saved arrays."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    if config.redraw is None:
        shown = compute(pick(NetworkChoice, config), settings, run)
        save_activations(run.folder / "activations.npz", shown)
    else:
        shown = load_activations(config.redraw)
    chosen = {one.layer: choose(one, settings, together=shown.together) for one in shown.layers}
    write_csv(run.folder / "activations.csv", list(rows(shown)))
    publish(named_figures(settings, shown, chosen), run.folder)


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> Activations:
    """The maps of the layers asked for, and the means. Raises ValueError where an image or a layer is not there."""
    paths = photograph_paths(settings.image)[: 1 if settings.image is None else None]
    if settings.second is not None:
        if len(paths) > 1:
            raise ValueError(f"second={settings.second} stands beside one image, {len(paths)} were given")
        paths.append(one_photograph(settings.second, "second"))
    elif len(paths) > settings.most:
        print(f"the first {settings.most} of {len(paths)} images, each with figures of its own; more with most=...")
        paths = paths[: settings.most]
    network = open_chosen(choice, run, relayout=False)
    images, pixels = read_photographs(paths, network.frame)
    read = read_maps(network.model, images, list_or_none(settings.layer), settings.relu)
    means = channel_means(network.model, images, MEANS[settings.relu][0]) if settings.means else {}
    run.note(network=choice.title, weights=str(choice.weights), images=paths, layers=list(read))
    pictures = pixels.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous().numpy()
    return Activations(
        pictures=pictures, names=tuple(Path(path).name for path in paths), network=choice.title,
        layers=[LayerMaps(**vars(one)) for one in read.values()], means=means, means_stage=MEANS[settings.relu][1],
        together=settings.second is not None,
    )  # fmt: skip


def choose(one: LayerMaps, settings: Settings, *, together: bool) -> list[NDArray[np.int64]]:
    """The channels to show large of a layer, on each image; on two that are compared the same.

    Raises ValueError for channels that are not there and for pick=changed with one image.
    """
    count = one.values.shape[1]
    if settings.channels is not None:
        return [check_channels(as_list(settings.channels), count, one.layer)] * len(one.values)
    if settings.pick == "changed":
        if not together:
            raise ValueError("pick=changed compares two images: give image=FILE and second=FILE")
        return [changed_channels(one.values[0], one.values[1], settings.top)] * 2
    ranked = [strongest_channels(values, settings.top) for values in one.values]
    return [ranked[0]] * 2 if together else ranked


def rows(shown: Activations) -> Iterator[dict[str, object]]:
    """The strongest channels of each layer on each image, with their peaks, as lines of a table."""
    for one in shown.layers:
        for name, values in zip(shown.names, one.values, strict=True):
            found = peaks(values)
            for rank, channel in enumerate(strongest_channels(values, LISTED).tolist(), start=1):
                yield {
                    "layer": one.layer, "image": name, "rank": rank, "channel": channel,
                    "peak": float(found.value[channel]), "row": int(found.row[channel]),
                    "column": int(found.column[channel]), "mean": float(values[channel].mean()),
                }  # fmt: skip


def named_figures(
    settings: Settings, shown: Activations, chosen: dict[str, list[NDArray[np.int64]]]
) -> dict[str, Callable[[], Figure]]:
    """Every figure, of many channels on several pages, by the name of its file, to be drawn one at a time."""
    look = {"scale": settings.scale, "colours": settings.colours}
    over = partial(
        draw_over, scale=settings.scale, colours=settings.colours, interpolation=settings.interpolation,
        network=shown.network,
    )  # fmt: skip
    figures: dict[str, Callable[[], Figure]] = {}
    for at, name in enumerate(shown.names):
        ending = f"_{at + 1}_{Path(name).stem}" if len(shown.names) > 1 else ""
        picture, title = shown.pictures[at], f"{name}    {shown.network}"
        for one in shown.layers:
            strongest = int(strongest_channels(one.values[at])[0])
            own = one if shown.together else replace(one, values=one.values[at : at + 1])
            number = at if shown.together else 0
            draw = partial(
                draw_channels,
                own,
                picture,
                channel=strongest,
                number=number,
                name=title,
                scale=settings.scale,
                colours=settings.colours,
            )
            for page in range(pages_of(own)):
                numbered = f"_page{page + 1}" if page else ""
                figures[f"channels_{one.layer}{ending}{numbered}"] = partial(draw, page=page)
            if not shown.together:
                channels = chosen[one.layer][at].tolist()
                figures[f"over_{one.layer}{ending}"] = partial(over, own, picture[None], channels, names=[name])
        if shown.means:
            means = {layer: mean[at] for layer, mean in shown.means.items()}
            figures[f"means{ending}"] = partial(
                draw_means, means, picture, title=f"{TITLE}    {title}", **look, stage=shown.means_stage
            )
    if shown.together:
        for one in shown.layers:
            channels = chosen[one.layer][0].tolist()
            figures[f"beside_{one.layer}"] = partial(over, one, shown.pictures, channels, names=shown.names)
    return figures

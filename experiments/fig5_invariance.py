"""Fig. 5 of any network: python experiments/fig5_invariance.py checkpoint=... data=... (or pictures=...)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig5_invariance:figure_5")

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import Tensor

from experiments.common.config import as_list, list_or_none, pick
from experiments.common.images import ImagesChoice
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.pieces import dealt, digest_of_pictures
from experiments.common.publish import publish
from experiments.common.shown_images import ShownChoice, ShownImages, choose_images
from zfnet.analysis.invariance import (
    Invariance,
    as_arrays,
    departure,
    invariance,
    label_range,
    of_arrays,
    pixels_of,
    transform,
    transform_called,
    valley,
)
from zfnet.figures.drawing import style
from zfnet.figures.fig5 import Curves, Subjects, draw_fig5, load_curves, save_curves
from zfnet.network import Network
from zfnet.runs import write_csv
from zfnet.training import Piece

IMAGES, PICTURES = 5, 5  # in the figure, and of each image in a row
SAVED = "fig5.npz"
QUARTERS = (90, 180, 270)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/fig5_invariance.yaml says of the layers and, as rows of either figure, the transforms."""

    layers: str | int | list[str | int] | None
    rows: str | list[str]
    more: str | list[str]
    redraw: str | None


def figure_5(config: DictConfig, run: Run) -> None:
    """Transform, print the numbers, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    if settings.redraw is None:
        shown, given = pick(ShownChoice, config), pick(ImagesChoice, config)
        computed = compute(pick(NetworkChoice, config), shown, given, settings, run)
        if computed is not None:
            save_curves(run.folder / SAVED, *computed)
        run.world.wait()
    draw(settings, *load_curves(settings.redraw or run.folder / SAVED), run=run)


def compute(
    choice: NetworkChoice, shown: ShownChoice, given: ImagesChoice, settings: Settings, run: Run
) -> tuple[Subjects, dict[str, Curves]] | None:
    """The arrays of both figures, by transform; the numbers of their curves go to the console and fig5.csv.

    An image and a transform at a time; None in all processes but the first. Raises ValueError without a
    network or a transform, and for a transform, an image or a layer that is not there.
    """
    names = list(dict.fromkeys([*as_list(settings.rows), *as_list(settings.more)]))
    for name in names:
        transform_called(name)
    if not names:
        raise ValueError("rows and more are empty: name at least one transform")
    network = open_chosen(choice, run)
    chosen, views = choose_images(shown, given, run, network, spread=IMAGES)
    layers, tasks = list_or_none(settings.layers), [(name, at) for name in names for at in range(len(chosen.paths))]

    def work(task: tuple[str, int]) -> Piece:
        name, at = task
        image, target = chosen.images[at : at + 1], [int(chosen.target[at])]
        return as_arrays(
            invariance(network.model, image, target, name, layers=layers, frame=network.frame, progress=False)
        )

    of = (names, layers, chosen.paths, chosen.target.tolist(), digest_of_pictures(chosen.pixels))
    pieces = dealt("transforming", tasks, work, of=of, network=network, run=run)
    if not run.world.first:
        return None
    found = {
        name: of_arrays([piece for (own, _), piece in zip(tasks, pieces, strict=True) if own == name]) for name in names
    }
    run.note(checkpoint=choice.source, pictures=chosen.paths, data=views.source.fingerprint)
    table = [line for result in found.values() for line in lines_of(result, chosen, network)]
    show(table)
    write_csv(run.folder / "fig5.csv", table)
    rows = {name: curves_of(result, chosen, network) for name, result in found.items()}
    return subjects_of(next(iter(found.values())), chosen, network), rows


def subjects_of(result: Invariance, chosen: ShownImages, network: Network) -> Subjects:
    return Subjects(
        path=np.array(chosen.paths, np.str_), target=chosen.target, known=chosen.known,
        label=result.clean_label.numpy(), probability=result.clean_probability.numpy(),
        layers=np.array([str(layer) for layer in result.distance]), names=np.array(network.names, np.str_),
    )  # fmt: skip


def curves_of(result: Invariance, chosen: ShownImages, network: Network) -> Curves:
    """One transform's arrays, with what the network saw at PICTURES of its settings."""
    values = result.values.numpy()
    ordered = np.unique(values)
    shown = ordered[np.linspace(0, len(ordered) - 1, min(PICTURES, len(ordered))).round().astype(int)]
    frame = network.frame.to(chosen.images.device)
    pictures = [pixels_of(transform(chosen.images, result.transform, one, frame), frame) for one in shown.tolist()]
    return Curves(
        values=values, identity=np.array(transform_called(result.transform).identity),
        distance=_stacked(result.distance), norm=_stacked(result.norm), probability=result.probability.numpy(),
        label=result.label.numpy(), shown=shown,
        picture=np.stack([one.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy() for one in pictures], 1),
    )  # fmt: skip


def _stacked(by_layer: Mapping[int | str, Tensor]) -> NDArray[np.floating]:
    return np.stack([values.numpy() for values in by_layer.values()])


def lines_of(result: Invariance, chosen: ShownImages, network: Network) -> Iterator[dict[str, Any]]:
    """A line of numbers for each image; see zfnet.analysis.invariance for what they mean."""
    span = label_range(result)
    departures = {layer: departure(result, layer) for layer in result.distance}
    last = list(result.distance)[-1]
    valleys = {at: valley(result, last, at) for at in QUARTERS} if result.transform == "rotation" else {}
    for number, path in enumerate(chosen.paths):
        line = {
            "transform": result.transform, "path": path, "class": network.names[chosen.target[number]],
            "label": network.names[int(result.clean_label[number])],
            "probability": float(result.clean_probability[number]),
            "least_probability": float(result.probability[number].min()),
            "label_from": float(span[number, 0]), "label_to": float(span[number, 1]),
        }  # fmt: skip
        for layer, found in departures.items():
            line |= {f"{what}_{layer}": float(values[number]) for what, values in found._asdict().items()}
            line[f"greatest_over_norm_{layer}"] = float(result.relative(layer)[number].max())
        for at in QUARTERS:
            deeper, likelier = (float(one[number]) for one in valleys[at]) if at in valleys else ("", "")
            line |= {f"valley_{at}": deeper, f"peak_{at}": likelier}
        yield line


def show(table: list[dict[str, Any]]) -> None:
    """The table on the console: a block a transform, a line an image."""
    layers = [name.removeprefix("steepness_") for name in table[0] if name.startswith("steepness_")]
    for name in dict.fromkeys(line["transform"] for line in table):
        heads = [f"{layer:>18}" for layer in layers] + ["    label stays from, to"]
        print(f"\n{name:24}" + "".join(heads) + ("     valley, peak at 90, 180, 270" if name == "rotation" else ""))
        for line in table:
            if line["transform"] == name:
                words = [f"{line[f'steepness_{layer}']:11.1f} {line[f'half_way_{layer}']:6.2f}" for layer in layers]
                words += [f"{line['label_from']:+12.4g}{line['label_to']:+12.4g}"]
                words += [
                    f"   {line[f'valley_{at}']:+.2f} {line[f'peak_{at}']:+.2f}" for at in QUARTERS if name == "rotation"
                ]
                print(f"{style.shortened(line['class']):24}" + "".join(words))
    print(
        "\nfor each layer: how much steeper than a straight line the distance starts, and which share of its greatest"
        f" it reaches half way\nvalley: how much less the distance at {layers[-1]} is than 30 degrees before and after;"
        " peak: how much more the probability"
    )


def draw(settings: Settings, subjects: Subjects, rows: Mapping[str, Curves], run: Run) -> None:
    """The paper's figure and the one of further transforms, in files and TensorBoard."""
    figures = {}
    for name, chosen in (("fig5", as_list(settings.rows)), ("fig5_more", as_list(settings.more))):
        missing = [one for one in chosen if one not in rows]
        if missing:
            raise ValueError(f"{settings.redraw} has no {', '.join(missing)}, only {', '.join(rows)}")
        if chosen:
            figures[name] = partial(draw_fig5, subjects, {one: rows[one] for one in chosen})
    publish(figures, run.folder, world=run.world)

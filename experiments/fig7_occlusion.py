"""Fig. 7 of any network: python experiments/fig7_occlusion.py checkpoint=... data=... classes=... (or pictures=...)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig7_occlusion:occlusion")

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import check_least, pick
from experiments.common.images import ImagesChoice
from experiments.common.mining import digest_of, mined_once
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.pieces import dealt, digest_of_pictures
from experiments.common.publish import publish
from experiments.common.shown_images import ShownChoice, ShownImages, choose_images
from zfnet.analysis import picture_units
from zfnet.analysis.occlusion import occlude
from zfnet.data import SeenImages
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.fig7 import OcclusionRows, draw_fig7, load_rows, save_rows
from zfnet.mining import CentreViews, TopUnits
from zfnet.network import Network
from zfnet.runs import write_csv
from zfnet.training import Piece

SAVED = "fig7.npz"
HEAT = (
    "probability", "label", "activity", "map", "rows", "columns", "clean_probability", "clean_label", "clean_activity",
    "layer", "size_px",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/fig7_occlusion.yaml says of the square, the layer and the panels."""

    square_px: int
    stride_px: int
    fill: Any
    layer: str | None
    others: int
    rule: str
    mined: str | None
    gain: str
    seed: int

    def __post_init__(self) -> None:
        check_least(self, square_px=1, stride_px=1, others=0)


def occlusion(config: DictConfig, run: Run) -> None:
    """Hide, mine, project, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if config.redraw is None:
        shown, given = pick(ShownChoice, config), pick(ImagesChoice, config)
        computed = compute(pick(NetworkChoice, config), shown, given, settings, run)
        if computed is not None:
            save_rows(run.folder / SAVED, computed)
        run.world.wait()
    rows = load_rows(config.redraw or run.folder / SAVED)
    if run.world.first:
        report(rows, run.folder)
    publish({"fig7": partial(draw_fig7, rows, gain=settings.gain)}, run.folder, world=run.world)


def compute(
    choice: NetworkChoice, shown: ShownChoice, given: ImagesChoice, settings: Settings, run: Run
) -> OcclusionRows | None:
    """The arrays of the figure, each process its images of them; None in all but the first."""
    network = open_chosen(choice, run)
    chosen, views = choose_images(shown, given, run, network)
    deconvnet = Deconvnet(network.model, settings.rule)
    numbers = range(len(chosen.paths))
    of = (settings, chosen.paths, chosen.target.tolist(), digest_of_pictures(chosen.pixels))
    heats = dealt("occluding", numbers, partial(hidden, network, chosen, settings), of=of, network=network, run=run)
    layer, maps = run.world.from_first(
        (str(heats[0]["layer"]), [int(heat["map"]) for heat in heats]) if heats else ("", [])
    )
    path = run.folder / "mined.npz" if settings.mined is None else Path(settings.mined)
    mined = mined_once(path, deconvnet, views, [layer], k=settings.others + 1, run=run)
    run.note(checkpoint=choice.source, pictures=chosen.paths, data=views.source.fingerprint, mined=str(path))

    def pictured(number: int) -> Piece:
        return picture_map(
            deconvnet, layer, maps[number], mined[layer], chosen=chosen, number=number, views=views,
            others=settings.others,
        )  # fmt: skip

    of_maps = (*of, layer, maps, digest_of(mined[layer]), views.source.fingerprint)
    tiles = dealt("projecting", numbers, pictured, of=of_maps, network=network, run=run)
    return gathered(heats, chosen, tiles, network.names) if run.world.first else None


def hidden(network: Network, chosen: ShownImages, settings: Settings, number: int) -> Piece:
    """What hiding each place of a chosen image does, as `occlude` tells it; of noise each image has its own."""
    heat = occlude(
        network.model, chosen.images[number], int(chosen.target[number]),
        size_px=settings.square_px, stride_px=settings.stride_px, fill=settings.fill, layer=settings.layer,
        generator=torch.Generator().manual_seed(settings.seed + number), progress=False,
    )  # fmt: skip
    return {name: np.asarray(getattr(heat, name)) for name in HEAT}


def picture_map(
    deconvnet: Deconvnet, layer: str, map_: int, top: TopUnits, *, chosen: ShownImages, number: int, views: CentreViews,
    others: int,
) -> Piece:  # fmt: skip
    """A map's strongest place on a chosen image and on the others it answers to most: value (T,) and T pictures."""
    image, pixels = chosen.images[number : number + 1], chosen.pixels[number : number + 1]
    maps = deconvnet.activations(image, [layer])[layer][0, map_]
    value, place = maps.flatten().max(0)
    width = maps.shape[1] if maps.ndim else 1
    unit = torch.tensor([[0, map_, int(place) // width, int(place) % width]])
    here = picture_units(deconvnet, layer, unit, lambda numbers: SeenImages(image, pixels), views.frame.grey)
    units = top.units(map_)
    elsewhere = [at for at, one in enumerate(views.fetch(units[:, 0].tolist())[1]) if not torch.equal(one, pixels[0])]
    elsewhere = elsewhere[:others]
    there = picture_units(deconvnet, layer, units[elsewhere], views.fetch, views.frame.grey) if elsewhere else here
    values = np.array([float(value), *top.value[map_, elsewhere].tolist()])
    pictures = {
        name: np.concatenate([getattr(here, name), getattr(there, name)])[: len(values)]
        for name in ("projection", "patch")
    }
    return {"value": values, **pictures}


def gathered(
    heats: Sequence[Piece], chosen: ShownImages, tiles: Sequence[Piece], names: Sequence[str]
) -> OcclusionRows:
    """Everything as arrays, images first; tiles that a map has not are -inf and blank."""
    most = max(len(tile["value"]) for tile in tiles)
    alike = {name: heats[0][name] for name in ("rows", "columns", "size_px", "layer")}
    by_image = {name: np.stack([heat[name] for heat in heats]) for name in HEAT if name not in alike}

    def filled(name: str, blank: float) -> NDArray[Any]:
        parts = [tile[name] for tile in tiles]
        whole = np.full((len(parts), most, *parts[0].shape[1:]), blank, parts[0].dtype)
        for own, part in zip(whole, parts, strict=True):
            own[: len(part)] = part
        return whole

    return OcclusionRows(
        picture=chosen.pixels.permute(0, 2, 3, 1).contiguous().numpy(), path=np.array(chosen.paths, np.str_),
        target=chosen.target, known=chosen.known, **by_image, **alike, value=filled("value", -np.inf),
        projection=filled("projection", 0), patch=filled("patch", 0), names=np.array(names, np.str_),
    )  # fmt: skip


def report(rows: OcclusionRows, folder: Path) -> None:
    """What a line an image can say."""
    table: list[dict[str, object]] = []
    for number, path in enumerate(rows.path.tolist()):
        row, column = rows.deepest(number)
        name, least = str(rows.names[rows.target[number]]), rows.probability[number, row, column]
        kept = float((rows.label[number] == rows.target[number]).mean())
        clean, activity = rows.clean_probability[number], float(rows.clean_activity[number])
        table.append({
            "path": path, "class": name, "known": bool(rows.known[number]), "clean_probability": float(clean),
            "least_probability": float(least), "row_px": int(rows.rows[row]), "column_px": int(rows.columns[column]),
            "places_of_class": kept, "map": int(rows.map[number]),
            "least_activity": float(rows.activity[number].min()) / activity if activity else float("nan"),
        })  # fmt: skip
        print(f"{name}: probability {clean:.3f}, least {least:.3f} with the square at row {rows.rows[row]}, column "
              f"{rows.columns[column]}; taken for it at {kept:.0%} of the places")  # fmt: skip
    write_csv(folder / "fig7.csv", table)

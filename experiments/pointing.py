"""The pointing game of any network: python experiments/pointing.py checkpoint=... data=... (with a parts.json)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.pointing:pointing")

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from experiments.common.config import list_or_none, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.pieces import dealt
from experiments.common.publish import publish
from experiments.tables.compared_read_outs import compare, read_outs_in, without_read_outs
from experiments.tables.pointing_class import Asked, Settings, one_class
from experiments.tables.pointing_table import class_rows, part_rows, show
from zfnet.data import class_of_folder
from zfnet.data.parts_world import PartsFile, images_with, read_parts, wnids_of
from zfnet.figures.pointing import Points, draw_pointing, load_points, save_points
from zfnet.network import Network
from zfnet.runs import write_csv
from zfnet.training import Piece


def pointing(config: DictConfig, run: Run) -> None:
    """Hide, count, save the arrays, tell and draw; or tell and draw again from saved arrays."""
    points = None
    if config.redraw is None:
        points = compute(pick(NetworkChoice, config), pick(Settings, config), run)
    if not run.world.first:
        return
    if points is None:
        points = load_points(config.redraw)
    else:
        save_points(run.folder / "pointing.npz", points)
    report(chosen(points, only_correct=config.only_correct), run.folder)


def chosen(points: Points, *, only_correct: bool) -> Points:
    """The images that are counted, and what is told of the others. Raises ValueError if there are none."""
    if not only_correct:
        return points
    correct = points.of_correct()
    print(f"{len(correct.path)} of {len(points.path)} images are taken for what they are, and counted")
    for target in points.classes():
        if target not in correct.target:
            own = int((points.target == target).sum())
            print(f"{points.names[target]}: none of {own} is taken for it: left out")
    if not len(correct.path):
        raise ValueError("the network takes none of the images for what it is: only_correct=false counts them all")
    return correct


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> Points | None:
    """Everything that is told, each process some of the classes; None in all processes but the first."""
    if settings.data is None:
        raise ValueError("give data=... and checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
    network = open_chosen(choice, run)
    if run.world.first:
        settings.data.prepare()
    run.world.wait()
    content = read_parts(settings.data.root)
    asked = list(classes_of(content, network, settings, run))
    work = partial(one_class, network, settings, run)
    files = [Path(settings.data.root) / image.path for one in asked for image in one.listed]
    of = [settings, run.world.from_first(digest_of_files(files) if run.world.first else "")]
    every = dealt("pointing", asked, work, of=of, network=network, run=run)
    if not run.world.first:
        return None
    for one, piece in zip(asked, every, strict=True):
        if not piece:
            print(f"{content.names.get(one.wnid, one.wnid)}: no image whose object is in view: left out")
    pieces = [piece for piece in every if piece]
    if not pieces:
        raise ValueError(
            f"no image of split={settings.split} in {settings.data.root} shows an object of a class that the network "
            "knows"
        )
    run.note(checkpoint=choice.source, root=settings.data.root)
    for left in run.folder.glob("read_outs*"):
        left.unlink()  # of an earlier run
    if settings.sizes_px:
        compare([read_outs_in(piece) for piece in pieces], run.folder, seed=settings.seed)
    return joined([without_read_outs(piece) for piece in pieces], network.names, settings.square_px)


def digest_of_files(paths: Sequence[Path]) -> str:
    """By how large files are and when they were written; those that are not there may not be needed."""
    facts = [(path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None for path in paths]
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def classes_of(content: PartsFile, network: Network, settings: Settings, run: Run) -> Iterator[Asked]:
    """Those that are asked for and that the network knows. Raises ValueError for one that was named and is unknown."""
    for wnid in wnids_of(content, list_or_none(settings.classes)):
        name = content.names.get(wnid, wnid)
        try:
            target = class_of_folder(wnid, name, network)
        except ValueError as unknown:
            if settings.classes is not None:
                raise
            if run.world.first:
                print(f"{name}: left out: {unknown}")
            continue
        yield Asked(wnid, target, images_with(content, settings.split, wnid, ()))


def joined(classes: Sequence[Piece], names: Sequence[str], square_px: int) -> Points:
    """All classes: images and parts counted on from one to the next."""
    before = np.cumsum([0, *(len(one["path"]) for one in classes)])
    counted = [
        {**one, **{name: one[name] + first for name in ("part_image", "shown")}}
        for one, first in zip(classes, before, strict=False)
    ]
    same = {name: classes[0][name] for name in ("rows", "columns")}
    arrays = {name: np.concatenate([one[name] for one in counted]) for name in classes[0] if name not in same}
    return Points(**arrays, **same, size_px=np.array(square_px), names=np.array(names, np.str_))


def report(points: Points, folder: Path) -> None:
    """The table by class, the table of parts, the figure in files and TensorBoard."""
    rows = class_rows(points)
    write_csv(folder / "pointing.csv", rows)
    write_csv(folder / "parts.csv", part_rows(points))
    show(points, rows)
    scalars = {f"pointing/{name}": value for name, value in rows[-1].items() if isinstance(value, int | float)}
    publish({"pointing": draw_pointing(points)}, folder, scalars)

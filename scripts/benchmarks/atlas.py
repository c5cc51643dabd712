"""Writing an atlas beside the bare mining and projecting of all that it shows: how many times as long it takes.

scripts/bench atlas                                  small ZFNets, random weights, 96 drawn images; about a minute
scripts/bench atlas checkpoint=... data=... rules=[]   words of experiments/atlas.py, of one's own network and images

Bare: every map of the layers is mined, its strongest places are projected under the first rule and the strongest of all
under the others, image by image, on receptive fields; nothing is cut, drawn, counted or written. The atlas is the whole
job, less the start of Python. In turn in one process, the first turn not counted; sliders over epochs are left out
(time=none), since each epoch is a survey of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from harness import compare, hardware, table
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from experiments.atlas import atlas
from experiments.atlas_parts.settings import Settings, plan_layers
from experiments.common.config import pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.job import Run
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.options import CONF
from zfnet import Deconvnet, build_model, mine_top, receptive_field
from zfnet.analysis import Fetch, project_fields, smaller
from zfnet.analysis.atlas import AT_ONCE, places
from zfnet.data import ImageData, make_frame
from zfnet.mining import Mined
from zfnet.network import Network
from zfnet.training import Hardware, World, save_checkpoint

UNITS = 128  # of a layer, projected together
SIDE_PX, SIZE_PX = 80, 72


def small_network(path: Path, width: float, data: Path) -> list[str]:
    """The words of a job on a network of random weights over drawn images."""
    words = [f"data.root={data}", f"data.side={SIDE_PX}", f"data.draw_px={SIDE_PX}", "data.pack=null"]
    words += ["data=parts_world", "data.train_per_class=1", "data.val_per_class=8", f"checkpoint={path}"]
    drawn = ImageData(
        kind="parts_world", root=str(data), side=SIDE_PX, draw_px=SIDE_PX, train_per_class=1, val_per_class=8
    )
    drawn.prepare()
    source = drawn.open("val")
    arguments = {"name": "zfnet", "num_classes": len(source.names), "width": width, "input_px": SIZE_PX}
    torch.manual_seed(0)
    model = build_model("zfnet", len(source.names), width=width, input_px=SIZE_PX)
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            torch.nn.init.kaiming_normal_(module.weight)  # or signals fade on the way up
    frame = make_frame("torchvision", source, SIZE_PX)
    network = Network(model, frame, tuple(source.wnids), tuple(source.names), arguments)
    save_checkpoint(path, {"network": network.state(), "model": model.state_dict(), "trainer": {}})
    return words


def composed(words: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("atlas", [*words, "time=none", "hardware.workers=0"])


def bare(config: DictConfig, run: Run) -> None:
    """Mine, and project what an atlas shows; the results are dropped."""
    settings, network = pick(Settings, config), open_chosen(pick(NetworkChoice, config), run)
    views = open_views(pick(ImagesChoice, config), run, network.frame)
    deconvnet = Deconvnet(network.model, settings.rule)
    plans = plan_layers(deconvnet, network, settings)
    mined = mine_top(deconvnet, views, [plan.name for plan in plans], settings.top, progress=False)
    shown = {plan.name: plan.places for plan in plans}
    project(deconvnet, mined, views.fetch, shown)
    for rule in dict.fromkeys(rule for plan in plans for rule in plan.rules):
        strongest = {plan.name: 1 for plan in plans if rule in plan.rules}
        project(Deconvnet(network.model, rule), mined, views.fetch, strongest)


def project(deconvnet: Deconvnet, mined: Mined, fetch: Fetch, shown: dict[str, int]) -> int:
    """So many places of each map of the layers, on the network's receptive fields; how many they were."""
    count = 0
    units = {
        layer: places({name: getattr(mined[layer], name).numpy() for name in ("image", "row", "column")}, most)[0]
        for layer, most in shown.items()
    }
    fields = {layer: receptive_field(deconvnet.model, layer) for layer in units}
    for batch in torch.cat([one[:, 0] for one in units.values()]).unique().split(AT_ONCE):
        inputs = fetch(batch.tolist()).inputs
        record = deconvnet.record(inputs, list(units))
        for layer, every in units.items():
            own = every[torch.isin(every[:, 0], batch)]
            own = torch.cat([torch.searchsorted(batch, own[:, :1].contiguous()), own[:, 1:]], 1)
            for some in own.split(UNITS) if len(own) else ():
                count += len(project_fields(deconvnet, record, layer, some, smaller(fields[layer], inputs)))
    return count


def written(config: DictConfig, folder: Path, turns: list[Path]) -> None:
    """The whole job, in a folder of its own; silent."""
    own = folder / f"run{len(turns)}"
    own.mkdir()
    turns.append(own)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        atlas(config, Run(own, World(), Hardware(), None))


def measure(name: str, words: list[str], rounds: int, folder: Path) -> list[str]:
    """A line of the table."""
    config, turns, run = composed(words), list[Path](), Run(folder, World(), Hardware(), None)
    whole, alone = compare(
        {"atlas": partial(written, config, folder, turns), "bare": partial(bare, config, run)},
        rounds,
        clock=time.process_time,
    )
    files = [path for path in (turns[-1] / "atlas").rglob("*") if path.is_file()]
    pages = sorted((turns[-1] / "numbers").glob("*.npz"))
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    times = [f"{alone.median_s:.1f}", f"{whole.median_s:.1f}", f"**{alone.times_the_first:.2f}**"]
    return [name, str(len(pages)), *times, f"{size_mb:.1f}"]


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench atlas", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="of experiments/atlas.py; none: networks of random weights")
    parser.add_argument("--widths", type=float, nargs="+", default=[0.0625, 0.125], help="of those")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    print(hardware())
    head = ["network", "layers", "bare, s", "atlas, s", "times the bare", "size, MB"]
    with tempfile.TemporaryDirectory(prefix="bench_atlas_") as work:
        folder, rows = Path(work), []
        if given.words:
            rows.append(measure("as given", given.words, given.rounds, folder))
        for width in () if given.words else given.widths:
            words = small_network(folder / f"{width}.pt", width, folder / "drawn")
            for name, rules in (("three rules", []), ("one rule", ["rules=[]"])):
                own = folder / f"{width} {name}"
                own.mkdir()
                rows.append(measure(f"ZFNet of width {width:g}, {name}", [*words, *rules], given.rounds, own))
    print(table(head, rows))


if __name__ == "__main__":
    main()

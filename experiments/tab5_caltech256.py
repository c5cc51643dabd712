"""Table 5 and Fig. 9, or the same of any labelled images: python experiments/tab5_caltech256.py checkpoint=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab5_caltech256:table_5")

from omegaconf import DictConfig

from experiments.common.config import build, pick
from experiments.common.network import NetworkChoice
from experiments.common.publish import publish
from experiments.tables.transfer import TransferSettings, transfer
from experiments.tables.transfer_table import show_table
from zfnet.figures.curves.fig9 import draw_fig9, load_curves, save_curves
from zfnet.training import Recipe

PAPER = {
    ("scratch", 15): (9.0, 1.4), ("scratch", 30): (22.5, 0.7),
    ("scratch", 45): (31.2, 0.5), ("scratch", 60): (38.8, 1.4),
    ("pretrained", 15): (65.7, 0.2), ("pretrained", 30): (70.6, 0.2),
    ("pretrained", 45): (72.7, 0.4), ("pretrained", 60): (74.2, 0.3),
}  # fmt: skip


def table_5(config: DictConfig, run: Run) -> str | None:
    """Classify every fold, print the table beside the paper's, and draw accuracy against images a class."""
    curves = None
    if config.redraw is None:
        choice, settings = pick(NetworkChoice, config), pick(TransferSettings, config)
        curves = transfer(choice, settings, build(Recipe, config.training), run)
        if curves is None:
            return "stopped"
    if not run.world.first:
        return None
    if curves is None:
        curves = load_curves(config.redraw)
    else:
        save_curves(run.folder / "fig9.npz", curves)
    show_table(curves, PAPER, of="Caltech-256", path=run.folder / "tab5.csv")
    publish({"fig9": draw_fig9(curves, PAPER)}, run.folder)
    print(f"table and the accuracy of each fold: {run.folder}")
    return None

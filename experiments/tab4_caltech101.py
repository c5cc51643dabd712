"""Table 4, or the same of any labelled images: python experiments/tab4_caltech101.py checkpoint=... data.root=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab4_caltech101:table_4")

from omegaconf import DictConfig

from experiments.common.config import build, pick
from experiments.common.network import NetworkChoice
from experiments.tables.transfer import TransferSettings, transfer
from experiments.tables.transfer_table import show_table
from zfnet.figures.curves.fig9 import save_curves
from zfnet.training import Recipe

PAPER = {
    ("scratch", 15): (22.8, 1.5), ("scratch", 30): (46.5, 1.7),
    ("pretrained", 15): (83.8, 0.5), ("pretrained", 30): (86.5, 0.5),
}  # fmt: skip


def table_4(config: DictConfig, run: Run) -> str | None:
    """Classify every fold, print the table beside the paper's, save it and each fold's accuracy."""
    choice, settings = pick(NetworkChoice, config), pick(TransferSettings, config)
    curves = transfer(choice, settings, build(Recipe, config.training), run)
    if curves is None:
        return "stopped"
    if not run.world.first:
        return None
    save_curves(run.folder / "tab4.npz", curves)
    show_table(curves, PAPER, of="Caltech-101", path=run.folder / "tab4.csv")
    print(f"table and the accuracy of each fold: {run.folder}")
    return None

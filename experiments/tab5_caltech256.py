"""Table 5 and Fig. 9, or the same of any labelled images: python experiments/tab5_caltech256.py checkpoint=..."""

from __future__ import annotations

from omegaconf import DictConfig

from experiments.common.job import Run, start
from experiments.tables.transfer import transfer
from experiments.tables.transfer_table import show_table
from zfnet.figures.drawing.style import save
from zfnet.figures.fig9 import draw_fig9, load_curves, save_curves

PAPER = {
    ("scratch", 15): (9.0, 1.4), ("scratch", 30): (22.5, 0.7),
    ("scratch", 45): (31.2, 0.5), ("scratch", 60): (38.8, 1.4),
    ("pretrained", 15): (65.7, 0.2), ("pretrained", 30): (70.6, 0.2),
    ("pretrained", 45): (72.7, 0.4), ("pretrained", 60): (74.2, 0.3),
}  # fmt: skip


def table_5(config: DictConfig, run: Run) -> str | None:
    """Classify every fold, print the table beside the paper's, and draw accuracy against images a class."""
    if not run.world.first:
        return None
    curves = load_curves(config.redraw) if config.redraw is not None else transfer(config, run)
    if curves is None:
        return "stopped"
    if config.redraw is None:
        save_curves(run.folder / "fig9.npz", curves)
    show_table(curves, PAPER, "Caltech-256", run.folder, "tab5")
    print(f"table, figure and the accuracy of each fold: {save(draw_fig9(curves, PAPER), run.folder, 'fig9')}")
    return None


if __name__ == "__main__":
    start(table_5, "tab5_caltech256")

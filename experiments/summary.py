"""Any network as a table: python experiments/summary.py model=... (or checkpoint=...) layer=conv2"""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.summary:summary")

import json
from dataclasses import asdict

from omegaconf import DictConfig

from experiments.common.config import as_list, pick
from experiments.common.network import NetworkChoice, open_chosen
from zfnet.files import write_text
from zfnet.forward import network_table, network_text
from zfnet.models import arithmetic, channels_of
from zfnet.runs import write_csv


def summary(config: DictConfig, run: Run) -> None:
    """Print the table, or the arithmetic of the layers asked for, and save it."""
    if not run.world.first:
        return
    network = open_chosen(pick(NetworkChoice, config), run, quiet=True, relayout=False)
    if config.layer is not None:
        print("\n".join(arithmetic(network.model, layer) for layer in as_list(config.layer)))
        return
    size_px = network.frame.size_px
    rows = network_table(network.model, size_px)
    image = f"{channels_of(network.model)} x {size_px} x {size_px}"
    print(f"{network.arguments['name']}, one image of {image}\n{network_text(rows)}")
    listed = [asdict(row) for row in rows]
    write_text(run.folder / "summary.json", json.dumps(listed, indent=1) + "\n")
    write_csv(run.folder / "summary.csv", [
        {name: "x".join(map(str, value)) if isinstance(value, list | tuple) else value for name, value in row.items()}
        for row in listed
    ])  # fmt: skip
    print(f"saved: {run.folder}/summary.json, summary.csv")

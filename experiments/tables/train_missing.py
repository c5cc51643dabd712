"""Train what is missing of a table, one run of experiments/train.py after another; a failed one does not end it."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.common.config import quote_override
from experiments.common.job import Run
from experiments.tables.runs import FoundRun, TableRun, TableRuns
from zfnet.runs import write_csv

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
TABLES_OWN = ("rows", "models", "seeds", "train_missing", "processes", "views", "train_images", "batch_size")
EACH_ROWS_OWN = ("model", "seed", "run_dir", "resume")


def overrides_of(row: TableRun, given: Sequence[str]) -> list[str]:
    """The words after experiments/train.py that train a row, from those that the table was given.

    Raises ValueError for words that choose one network or seed for all rows.
    """
    keys = {word: word.lstrip("+~").split("=")[0] for word in given}
    for name, instead in (("model", "models"), ("model.name", "models"), ("seed", "seeds")):
        if name in keys.values():
            raise ValueError(f"a table has several networks: give {instead}=[...] instead of {name}=...")
    shared = [word for word, key in keys.items() if key not in (*TABLES_OWN, *EACH_ROWS_OWN)]
    return [
        *shared,
        f"model={row.model}",
        f"seed={row.seed}",
        f"run_dir={quote_override(str(row.folder))}",
        "resume=auto",
    ]


def command(row: TableRun, processes: int = 1) -> str:
    """The command line that trains a row or goes on with it."""
    launcher = ["python"] if processes == 1 else ["torchrun", f"--nproc-per-node={processes}"]
    return shlex.join([*launcher, "experiments/train.py", *overrides_of(row, HydraConfig.get().overrides.task)])


def train_rows(sweep: TableRuns, missing: Sequence[TableRun], processes: int) -> None:
    """Train each in a process of its own, whatever becomes of the others. Ctrl-C saves the one under way and ends.

    A row that another sweep over the same folder has finished by the time its turn comes is passed over.
    """
    words = [sys.executable]
    if processes > 1:
        words += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    for number, row in enumerate(missing, 1):
        found = sweep.find(row)
        if found.checkpoint is not None:
            continue
        print(f"\n== {number} of {len(missing)}: {row.name} ({found.why})", flush=True)
        given = overrides_of(row, HydraConfig.get().overrides.task)
        code, asked_to_stop = _wait_for([*words, str(TRAIN), *given])
        if code:
            print(f"{row.name} ended with exit code {code}", flush=True)
        if asked_to_stop:
            raise KeyboardInterrupt


def _wait_for(words: list[str]) -> tuple[int, bool]:
    """Run a command; Ctrl-C and SIGTERM are its own to handle. Its exit code, and whether it was asked to stop."""
    with subprocess.Popen(words) as process, _passed_on(process) as asked:
        return process.wait(), bool(asked)


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Signals go to the process. A terminal's Ctrl-C reaches it twice; experiments/train.py counts that as once."""
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        process.send_signal(number)

    before: dict[int, Any] = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_or_train(config: DictConfig, sweep: TableRuns, rows: Sequence[TableRun]) -> list[FoundRun]:
    """What there is of each row, after training what was missing where the configuration says so."""
    overrides_of(rows[0], HydraConfig.get().overrides.task)  # refuses words that make no sense here
    found = [sweep.find(row) for row in rows]
    if config.train_missing:
        train_rows(sweep, [one.row for one in found if one.checkpoint is None], config.processes)
        found = [sweep.find(row) for row in rows]
    return found


def tell_missing(found: Sequence[FoundRun], processes: int) -> None:
    """Name the rows that are not finished, why, and the command that trains each."""
    missing = [one for one in found if one.checkpoint is None]
    if not missing:
        return
    print(f"\n{len(found) - len(missing)} of {len(found)} networks are finished; train_missing=true trains the others:")
    for one in missing:
        print(f"  {one.row.name}: {one.why}\n    {command(one.row, processes)}")


def save_rows(run: Run, name: str, rows: Sequence[Mapping[str, Any]], found: Sequence[FoundRun]) -> None:
    """What there is of a table as name.csv, and in the manifest with what is missing of it."""
    run.note(rows=rows, missing={one.row.name: one.why for one in found if one.checkpoint is None})
    if rows:
        write_csv(run.folder / f"{name}.csv", rows)
        print(f"\nthe table: {run.folder / name}.csv")

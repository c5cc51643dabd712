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

from experiments.common.config import quote_override
from experiments.common.job import Run, called
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


def given_words() -> list[str]:
    """What the table's own command line was given."""
    return list(HydraConfig.get().overrides.task)


def command(row: TableRun, given: Sequence[str], *, processes: int) -> str:
    """The command line that trains a row or goes on with it."""
    return shlex.join([*called("train", processes=processes), *overrides_of(row, given)])


def train_rows(table: TableRuns, unfinished: Sequence[TableRun], given: Sequence[str], *, processes: int) -> None:
    """Train each in a process of its own, whatever becomes of the others. Ctrl-C saves the one under way and ends.

    A row that another table over the same folder has finished by the time its turn comes is passed over.
    """
    words = [sys.executable]
    if processes > 1:
        words += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    for number, row in enumerate(unfinished, 1):
        found = table.find(row)
        if found.checkpoint is not None:
            continue
        print(f"\n== {number} of {len(unfinished)}: {row.name} ({found.why})", flush=True)
        code, asked_to_stop = _wait_for([*words, str(TRAIN), *overrides_of(row, given)])
        if asked_to_stop:
            raise KeyboardInterrupt
        if code:
            print(f"{row.name} ended with exit code {code}", flush=True)


def _wait_for(words: list[str]) -> tuple[int, bool]:
    """Run a command; Ctrl-C and SIGTERM are its own to handle. Its exit code, and whether it was asked to stop."""
    with subprocess.Popen(words) as process, _passed_on(process) as signals:
        return process.wait(), bool(signals)


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Signals go to the process. A terminal's Ctrl-C reaches it twice; experiments/train.py counts that as once."""
    signals: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        process.send_signal(number)

    before: dict[int, Any] = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def find_or_train(table: TableRuns, rows: Sequence[TableRun], *, train_missing: bool, processes: int) -> list[FoundRun]:
    """What there is of each row, after training those that are not finished if they are to be."""
    given = given_words()
    overrides_of(rows[0], given)  # refuses words that make no sense here
    found = [table.find(row) for row in rows]
    if train_missing:
        train_rows(table, [one.row for one in found if one.checkpoint is None], given, processes=processes)
        found = [table.find(row) for row in rows]
    return found


def print_unfinished(found: Sequence[FoundRun], *, processes: int) -> None:
    """Name the rows that are not finished, why, and the command that trains each."""
    unfinished = [one for one in found if one.checkpoint is None]
    if not unfinished:
        return
    finished = len(found) - len(unfinished)
    print(f"\n{finished} of {len(found)} networks are finished; train_missing=true trains the others:")
    for one in unfinished:
        print(f"  {one.row.name}: {one.why}\n    {command(one.row, given_words(), processes=processes)}")


def save_rows(run: Run, name: str, rows: Sequence[Mapping[str, Any]], found: Sequence[FoundRun]) -> None:
    """What there is of a table as name.csv, and in the manifest with what is missing of it."""
    run.note(rows=rows, missing={one.row.name: one.why for one in found if one.checkpoint is None})
    if rows:
        write_csv(run.folder / f"{name}.csv", rows)
        print(f"\nthe table: {run.folder / name}.csv")

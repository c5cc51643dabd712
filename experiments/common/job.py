"""What every job does around its work: processes, run folder, manifest, a clean end."""

from __future__ import annotations

import copy
import os
import re
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.common.quiet import unheard
from zfnet.runs import Manifest, device_facts
from zfnet.training import Hardware, NonFiniteLoss, World, join_world, leave_world
from zfnet.training.malloc import keep_freed_memory

CONF = str(Path(__file__).resolve().parents[2] / "conf")
OTHER_RANKS = (  # they warn on the console, about images that only they read, but own no folder
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    f"hydra.job_logging.handlers.file.filename={os.devnull}",
)
T = TypeVar("T")


class StopSignal:
    """Ctrl-C, SIGTERM or a terminal that hangs up asks for a clean end; another, at least ECHO_S later, ends at once.

    Under torchrun one Ctrl-C arrives twice: from the terminal, and a moment later from torchrun. A signal that was
    ignored before stays so, as SIGHUP is under nohup.
    """

    ECHO_S = 2.0
    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self) -> None:
        self.asked, self._asked_s = False, 0.0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self._asked_s = True, time.monotonic()
            with unheard():
                print("\nfinishing this step, then saving (once more: stop at once, nothing saved)", file=sys.stderr)
        elif time.monotonic() - self._asked_s > self.ECHO_S:
            raise KeyboardInterrupt

    def __enter__(self) -> StopSignal:
        for number in self.SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)


@dataclass(frozen=True)
class Run:
    """A job under way: its folder (shared by all processes), its processes, its manifest (rank 0's).

    A job that saves what it has before it ends works within `stop`.
    """

    folder: Path
    world: World
    hardware: Hardware
    manifest: Manifest | None
    stop: StopSignal = field(default_factory=StopSignal)

    def note(self, **facts: Any) -> None:
        """Add facts to the manifest."""
        if self.manifest is not None:
            self.manifest.add(**facts)


class SweepNames(Callback):
    """Lets a sweep's folder name the job as a run's does: Hydra reads it before any job has set ${hydra:job.name}."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        HydraConfig.instance().set_config(copy.deepcopy(config))  # a copy, for it becomes read-only


def start(job: Callable[[DictConfig, Run], str | None], name: str) -> None:
    """Run a job under Hydra with conf/<name>.yaml. The job returns how it ended; None means "finished".

    User errors (ValueError, OSError) end in one line on the console; the traceback goes to the run folder.
    """
    if int(os.environ.get("RANK", "0")) > 0:
        sys.argv += OTHER_RANKS  # rank 0 owns the run folder

    keep_freed_memory()

    @hydra.main(version_base="1.3", config_path=CONF, config_name=name)
    def main(config: DictConfig) -> None:
        with _errors_told():
            hardware = build(Hardware, config.hardware)
            world = join_world(hardware.device)
            try:
                _carry_out(job, config, hardware, world)
            finally:
                leave_world()

    main()


def _carry_out(
    job: Callable[[DictConfig, Run], str | None], config: DictConfig, hardware: Hardware, world: World
) -> None:
    missing = OmegaConf.missing_keys(config)
    if missing:
        raise ValueError(f"no value for {', '.join(sorted(missing))}: give it as {sorted(missing)[0]}=...")
    folder = Path(world.from_first(HydraConfig.get().runtime.output_dir))
    facts = {"seed": config.get("seed"), "processes": world.size, **device_facts(world.device)}
    manifest = Manifest(folder, **facts) if world.first else None
    run = Run(folder, world, hardware, manifest)
    try:
        outcome = job(config, run) or "finished"
    except BaseException as error:
        (folder / f"error-rank{world.rank}.txt").write_text(traceback.format_exc())
        if manifest is not None:
            manifest.finish(f"{type(error).__name__}: {error}")
        raise
    if manifest is not None:
        manifest.finish(outcome)
    if (outcome == "stopped" or run.stop.asked) and _others_follow():
        raise KeyboardInterrupt  # or Hydra would go on with them


def _others_follow() -> bool:
    """Whether this is a job of a sweep in one process; other launchers than "basic" have one for each job."""
    hydra_config = HydraConfig.get()
    return hydra_config.mode == RunMode.MULTIRUN and hydra_config.runtime.choices["hydra/launcher"] == "basic"


@contextmanager
def _errors_told() -> Iterator[None]:
    """User errors end in one line; anything else is a bug and shows its traceback."""
    try:
        yield
    except (ValueError, OSError, NonFiniteLoss) as error:
        print(f"\nerror: {error}", file=sys.stderr)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # Hydra goes on with the other jobs of the sweep and reports this one at the end
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        raise SystemExit(130) from None


def build(kind: type[T], config: DictConfig) -> T:
    """A dataclass from a configuration node; keys it does not know are an error that lists those it does."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    odd = [str(name) for name in values if name not in known]
    if odd:
        raise ValueError(f"{kind.__name__} has no {', '.join(odd)}; it has {', '.join(known)}")
    return kind(**{str(name): value for name, value in values.items()})


def again(run: Run) -> str:
    """The command that goes on with a stopped run, quoted for the shell and for Hydra."""
    overrides = [item for item in HydraConfig.get().overrides.task if not item.startswith(("resume=", "run_dir="))]
    launcher = ["python"] if run.world.size == 1 else ["torchrun", f"--nproc-per-node={run.world.size}"]
    return shlex.join([*launcher, sys.argv[0], *overrides, f"run_dir={quoted(str(run.folder))}", "resume=auto"])


def quoted(text: str) -> str:
    """A value as Hydra reads it: a sweep's folders have "=" and "," in their names."""
    plain = re.fullmatch(r"[A-Za-z0-9_/.+-]+", text)
    return text if plain else QuotedString(text, Quote.double).with_quotes()

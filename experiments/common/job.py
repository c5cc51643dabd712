"""What every job does around its work: processes, run folder, manifest, a clean end.

Nothing here imports torch before a job really runs: --help answers at once.
"""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from experiments.common import run_folder
from experiments.common.config import build, quote_override, seed_of
from experiments.common.help_text import help_text
from experiments.common.options import CONF, explained, refuse_added
from experiments.common.stop_signal import StopSignal, end_what_follows, others_watched

if TYPE_CHECKING:
    from zfnet.runs import Manifest
    from zfnet.training import Hardware, World

OTHER_RANKS = (  # they warn on the console, about images that only they read, but own no folder
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    f"hydra.job_logging.handlers.file.filename={os.devnull}",
)


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


class BeforeHydra(Callback):
    """What is done before Hydra writes anything."""

    def __init__(self, swept: Sequence[str]) -> None:
        """swept: the options that a sweep varies, noted here for `sweep_folder`."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Hold the run's folder; under torchrun the first process does."""
        with _errors_told():
            folder = run_folder.folder_given(config, "run")
            if not _is_other_rank():
                run_folder.claim(folder, job=config.hydra.job.name, reuse=config.reuse)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with _errors_told():
            folder = run_folder.folder_given(config, "sweep")
            run_folder.make_folder(folder)
            run_folder.note_configurations(folder)
            run_folder.note_swept(config)


Job = Callable[[DictConfig, Run], str | None]  # returns how it ended; None means "finished"


def start(job: str) -> NoReturn:
    """Run a job under Hydra, and end with its exit code.

    job: "experiments.train:train", the module and the function in it; conf/train.yaml is its configuration. A job's
    file calls this before its own imports and is imported again, by its name, once the job is to run.
    User errors (ValueError, OSError) end in one line on the console; the traceback goes to the run folder, which goes
    itself where nothing else came to be in it.
    """
    module, _, function = job.partition(":")
    name = module.rpartition(".")[2]
    if _is_other_rank():
        nowhere = TemporaryDirectory(prefix="zfnet-sweep-")  # which Hydra fills; it goes when this process ends
        sys.argv += (*OTHER_RANKS, f"hydra.sweep.dir={nowhere.name}")  # rank 0 owns the run folder
    if {"--help", "-h"} & set(sys.argv):
        print(help_text(CONF, name, sys.argv[1:], command=shlex.join(called(name))), end="")
        raise SystemExit(0)
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # its errors come here, and are told in a line

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)
    def main(config: DictConfig) -> None:
        from zfnet.training import Hardware, join_world, keep_freed_memory, leave_world

        keep_freed_memory()
        try:
            with _errors_told(in_sweep=HydraConfig.get().mode == RunMode.MULTIRUN):
                refuse_added(HydraConfig.get().overrides.task, name)
                hardware = build(Hardware, config.hardware)
                hardware.set_backends()
                world = join_world(hardware.device)
                _carry_out(getattr(import_module(module), function), config, hardware, world)
        finally:
            leave_world()  # which may wait for a process that has died: after what is to be told

    try:
        main()
    except HydraException as error:
        _tell(explained(error, name))
        raise SystemExit(2) from None
    except (ValueError, OSError, RuntimeError) as error:  # of a job of a sweep, whose other jobs were carried out
        if not _is_users(error):
            raise
        _tell(error)
        raise SystemExit(1) from None
    finally:
        run_folder.release_folders()
    raise SystemExit(0)


def _carry_out(job: Job, config: DictConfig, hardware: Hardware, world: World) -> None:
    from zfnet.runs import Manifest, device_facts

    missing = OmegaConf.missing_keys(config)
    if missing:
        raise ValueError(f"no value for {', '.join(sorted(missing))}: give it as {sorted(missing)[0]}=...")
    folder = Path(world.from_first(HydraConfig.get().runtime.output_dir))
    name = HydraConfig.get().job.name
    held = run_folder.claim(folder, job=name, reuse=config.reuse) if world.first else None
    if held is not None:
        held.keep_others_configuration()
    facts = {
        "job": name,
        "seed": seed_of(config),
        "processes": world.size,
        **device_facts(world.device),
        **run_folder.process_facts(),
        **({"command": [*called(name), *sys.argv[1:]]} if by_command() else {}),
    }
    manifest = Manifest(folder, **facts) if world.first else None
    run = Run(folder, world, hardware, manifest)
    try:
        with others_watched(world, lambda: f"What was finished is kept; go on with:\n  {resume_command(run)}"):
            outcome = job(config, run) or "finished"
    except BaseException as error:
        (folder / f"error-rank{world.rank}.txt").write_text(traceback.format_exc())
        if manifest is not None:
            manifest.finish(f"{type(error).__name__}: {error}")
        raise
    if manifest is not None:
        run_folder.forget_pieces(folder)
        manifest.finish(outcome)
    if held is not None:
        held.release()
    if outcome == "stopped" or run.stop.asked:
        end_what_follows(run.stop, run.world)


@contextmanager
def _errors_told(*, in_sweep: bool = False) -> Iterator[None]:
    """User errors end in one line; anything else is a bug and shows its traceback."""
    try:
        yield
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_users(error):
            raise
        run_folder.give_up_empty_folders()
        if isinstance(error, ValueError | FileNotFoundError):  # a file of that name, resume=FILE, is not there
            run_folder.restore_configurations()
        _tell(error)
        if in_sweep:
            raise  # Hydra goes on with the other jobs of the sweep and reports this one at the end
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        raise SystemExit(130) from None


def _is_users(error: Exception) -> bool:
    """Whether an error is the user's to mend: a wrong value, a file, a training that diverges."""
    from zfnet.training import LostProcess, NonFiniteLoss

    return isinstance(error, ValueError | OSError | NonFiniteLoss | LostProcess)


def _tell(error: object) -> None:
    print(f"\nerror: {error}", file=sys.stderr)


def _is_other_rank() -> bool:
    return int(os.environ.get("RANK", "0")) > 0


def by_command() -> bool:
    """Whether the job was started by the command `zfnet`, and not by its file."""
    return sys.argv[0] == "zfnet"


def called(job: str, *, processes: int = 1, script: str | None = None) -> list[str]:
    """How a job is started: by the command where this one was, or where there is no checkout; else by its file."""
    launcher = [] if processes == 1 else ["torchrun", f"--nproc-per-node={processes}"]
    if by_command() or CONF.parent.name == "jobs":  # a wheel's
        return [*launcher, *(["-m"] if launcher else []), "zfnet", job]
    return [*(launcher or ["python"]), script or f"experiments/{job}.py"]


def resume_command(run: Run) -> str:
    """The command that goes on with a stopped or killed run, quoted for the shell and for Hydra."""
    overrides = [item for item in HydraConfig.get().overrides.task if not item.startswith(("resume=", "run_dir="))]
    job, script = HydraConfig.get().job.name, sys.argv[0]
    if Path(script).stem != job:  # a launcher's, such as submitit's
        script = str(CONF.parent / "experiments" / f"{job}.py")
    words = [*called(job, processes=run.world.size, script=script), *overrides]
    resumed = ["resume=auto"] if job == "train" else []  # others look into their folder
    return shlex.join([*words, f"run_dir={quote_override(str(run.folder))}", *resumed])

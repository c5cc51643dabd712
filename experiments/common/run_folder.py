"""A run's folder: it belongs to one process at a time, and to the job whose results lie in it."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

LOCK = ".lock"
NAME_BYTES = 200  # of a sweep's folder: file systems take 255
PIECES = "pieces"  # of work under way
CONFIGURATION = ".hydra"  # where Hydra writes it before a job begins
MADE_AT_THE_START = (CONFIGURATION, LOCK, "manifest.json")  # besides a log and an error file: before the first result
log = logging.getLogger(__name__)
_held: dict[Path, RunFolder] = {}
_before_sweep: dict[Path, dict[Path, bytes]] = {}  # by run folder the configuration that a sweep's job writes over


class RunFolder:
    """A folder that this process holds until `release`, by the system's own lock: a killed process leaves none behind.

    Where a file system has no such lock, two jobs in one folder go unnoticed, and the log says so.
    """

    def __init__(self, folder: Path, job: str) -> None:
        self.folder, self.job = folder, job
        self._made = not folder.exists()
        make_folder(folder)
        self._configuration = _before_sweep.get(folder.absolute()) or _configuration_in(folder)
        self._lock = FileLock(folder / LOCK, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            self.restore_configuration()
            raise ValueError(
                f"{folder} is in use by another process{_holder(folder)}: wait for it, or give another run_dir"
            ) from None
        except (NotImplementedError, OSError) as error:
            log.warning("%s cannot be locked (%s): see to it that no second job runs there", folder, error)

    def release(self) -> None:
        self._lock.release()
        _held.pop(self.folder, None)

    def remove_if_empty(self) -> None:
        """Take the folder away again if this run made it and it holds nothing but what every run starts with."""
        usual = {*MADE_AT_THE_START, f"{self.job}.log"}
        found = [path.name for path in self.folder.iterdir() if path.name not in usual]
        if self._made and all(name.startswith("error-rank") for name in found):
            shutil.rmtree(self.folder, ignore_errors=True)

    def restore_configuration(self) -> None:
        """Put back what Hydra wrote over when this run began: the results here are of the configuration before."""
        from zfnet.files import whole_file  # not above: it takes numpy, and --help does without

        now = _configuration_in(self.folder)
        for path, content in self._configuration.items():
            if now.get(path) != content:
                with whole_file(path) as file:
                    file.write(content)

    def keep_others_configuration(self) -> None:
        """Where .hydra is of another job, whose results lie here, it stays so, and this job's goes into .hydra-JOB."""
        before = self._configuration.get(self.folder / CONFIGURATION / "hydra.yaml", b"hydra: {}")
        if OmegaConf.select(OmegaConf.create(before.decode()), "hydra.job.name") not in (None, self.job):
            own = self.folder / f"{CONFIGURATION}-{self.job}"
            shutil.copytree(self.folder / CONFIGURATION, own, dirs_exist_ok=True)
            self.restore_configuration()


def configuration_of(folder: Path, job: str) -> Path:
    """The file with a job's configuration, which lies in .hydra, or beside it where another job came first."""
    beside = folder / f"{CONFIGURATION}-{job}" / "config.yaml"
    return beside if beside.is_file() else folder / CONFIGURATION / "config.yaml"


def _configuration_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.absolute().glob(f"{CONFIGURATION}*/*.yaml")}


def folder_given(config: DictConfig, mode: Literal["run", "sweep"]) -> Path:
    """The folder of a run or a sweep to come. Raises ValueError where run_dir is an unset variable of the shell."""
    HydraConfig.instance().set_config(copy.deepcopy(config))  # for ${hydra:job.name}; a copy, as it becomes read-only
    folder = str(config.hydra[mode].dir)
    if not folder.strip():
        raise ValueError(
            "run_dir= is empty, expected the folder that all is written to: name one, or leave run_dir out for a dated "
            "one in runs/"
        )
    return Path(folder)


def make_folder(folder: Path) -> None:
    """Make a run's folder where it is not there yet. Raises ValueError where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"run_dir={folder} cannot be made ({error.strerror}), expected a folder or a place for one: give another "
            "run_dir"
        ) from None


def claim(folder: Path, *, job: str, reuse: bool) -> RunFolder:
    """Hold a folder for a job; the same one again where this process holds it already.

    Raises ValueError where another process works in the folder, or where it holds the results of another job, unless
    reuse says that they may be mixed.
    """
    folder = folder.absolute()
    if folder in _held:
        return _held[folder]
    held = RunFolder(folder, job)
    owner = job_of(folder)
    if owner not in (None, job) and not reuse:
        held.restore_configuration()
        held.release()
        raise ValueError(
            f"run_dir={folder} holds the results of {owner}.py: give another run_dir, or reuse=true to put those of "
            f"{job}.py beside them"
        )
    _held[folder] = held
    return held


def give_up_empty_folders() -> None:
    """After a start that failed: no folder stays that looks like a run and holds nothing."""
    for held in list(_held.values()):
        held.remove_if_empty()


def restore_configurations() -> None:
    """After a start that was refused: a folder with a run in it says of that run how it was made."""
    for held in list(_held.values()):
        held.restore_configuration()


def forget_pieces(folder: Path) -> None:
    """The job is done, and its results are whole files."""
    shutil.rmtree(folder / PIECES, ignore_errors=True)


def release_folders() -> None:
    """At the end, however it came about: others may have this process's folders."""
    for held in list(_held.values()):
        held.release()


def note_configurations(sweep: Path) -> None:
    """Of the runs that a sweep's folder holds: Hydra writes a job's own before the job can say that it is refused."""
    _before_sweep.update({one.absolute(): _configuration_in(one) for one in sweep.iterdir() if one.is_dir()})


def note_swept(config: DictConfig) -> None:
    """Let the jobs of a sweep, wherever they run, know which options it varies, for `sweep_folder`."""
    given = _parsed(config.hydra.overrides.task)
    swept = [one.key_or_group for one in given if one.is_sweep_override() and one.key_or_group != "run_dir"]
    config.hydra.overrides.hydra.append(f"hydra.callbacks.before.swept=[{','.join(swept)}]")


def sweep_folder(given: Sequence[str], swept: Sequence[str], excluded: Sequence[str]) -> str:
    """The name of the folder of one of a sweep's jobs: all options given for it, but for the excluded ones.

    What is swept is never excluded. Where that makes no name of a file, for a "/" or its length, the name is what is
    swept alone, "_" for "/", cut, and a hash of the whole, which tells it from every other.
    """
    options = sorted((word, one.key_or_group) for word, one in zip(given, _parsed(given), strict=True))
    whole = ",".join(word for word, key in options if key in swept or key not in excluded)
    if "/" not in whole and len(whole.encode()) <= NAME_BYTES:
        return whole
    short = ",".join(word for word, key in options if key in swept) or whole
    cut = short.replace("/", "_").encode()[:NAME_BYTES].decode(errors="ignore")
    return f"{cut}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


OmegaConf.register_new_resolver("sweep_folder", sweep_folder, replace=True)  # for conf/common.yaml


def job_of(folder: Path) -> str | None:
    """The job whose run lies in a folder, as its manifest says; None where there is none, or none that can be read."""
    try:
        manifest = _manifest(folder)
        return str(manifest["job"]) if "job" in manifest else Path(str(manifest["command"][0])).stem
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def _parsed(given: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(given))


def _holder(folder: Path) -> str:
    """The command, process and host of the one that holds a folder, where its manifest tells."""
    try:
        manifest = _manifest(folder)
        words = shlex.join(map(str, manifest["command"]))
        return f" (process {manifest['process']} on {manifest['host']}, since {manifest['started']}: {words[:200]})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def process_facts() -> dict[str, object]:
    """What a manifest says of this process, for those who find its folder in use."""
    return {"process": os.getpid(), "host": os.uname().nodename}

"""The manifest of a run: what is needed to know where its numbers came from."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zfnet.files import write_text

if TYPE_CHECKING:
    import torch

PACKAGES = (
    "zfnet",
    "torch",
    "torchvision",
    "timm",
    "pytorchcv",
    "numpy",
    "pillow",
    "matplotlib",
    "hydra-core",
    "tensorboard",
    "scikit-learn",
)


class Manifest:
    """manifest.json of a run folder: written at the start, completed at the end (or not, if the run was killed).

    facts: whatever the job adds: seed, data fingerprint, parameters ... in plain types.
    """

    def __init__(self, folder: Path, **facts: Any) -> None:
        self.path, self._begun_s = folder / "manifest.json", time.monotonic()
        self.facts: dict[str, Any] = {
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "finished": None,
            **commit(),
            "python": platform.python_version(),
            "packages": {name: _version(name) for name in PACKAGES},
            **facts,
        }
        if self.path.exists():  # a resumed run: what was before stays
            before = read_manifest(self.path)
            self.facts["earlier"] = [*before.pop("earlier", []), before]
        self._write()

    def add(self, **facts: Any) -> None:
        """Note more facts, in plain types, and write the file anew."""
        self.facts.update(facts)
        self._write()

    def finish(self, outcome: str, **facts: Any) -> None:
        """Note how the run ended, when and what it took. outcome: "finished", "stopped" or the error's text."""
        self.add(
            outcome=outcome,
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            wall_s=round(time.monotonic() - self._begun_s, 1),
            peak_memory_mib=peak_memory_mib(),
            peak_memory_of_a_worker_mib=peak_memory_mib(resource.RUSAGE_CHILDREN),
            **facts,
        )

    def _write(self) -> None:
        write_text(self.path, json.dumps(self.facts, indent=2, default=str) + "\n")


def read_manifest(path: Path) -> dict[str, Any]:
    """What a manifest says. Raises ValueError, naming it, where it is not one."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(facts, dict) or not isinstance(facts.get("earlier", []), list):
            raise ValueError("not an object of facts")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no manifest of a run ({error or type(error).__name__}): move it away to go on without what it "
            "said, or restore it"
        ) from error
    return facts


def commit() -> dict[str, Any]:
    """The commit of the code that runs and whether files differed from it; None outside a git checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    status = git("status", "--porcelain")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if status is None else bool(status)}


def device_facts(device: torch.device) -> dict[str, Any]:
    """What the run computes on."""
    import torch  # here, for the rest of the file is asked for in processes that do without

    if device.type == "cuda":
        name, memory = torch.cuda.get_device_name(device), torch.cuda.get_device_properties(device).total_memory
        return {"device": f"{name}, {memory / 2**30:.0f} GiB", "cuda": torch.version.cuda}
    return {"device": f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"}


def peak_memory_mib(of: int = resource.RUSAGE_SELF) -> int:
    """Peak resident memory so far of this process, or of its largest ended child process, in MiB.

    Of this process as Linux says it in /proc: getrusage begins at what the process had that started it.
    """
    status = Path("/proc/self/status")
    if of == resource.RUSAGE_SELF and status.is_file():
        held = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        if held:
            return round(int(held[0]) / 2**10)
    peak = resource.getrusage(of).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

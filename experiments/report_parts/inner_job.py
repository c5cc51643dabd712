"""A job within a job: in a folder of its own, with a manifest of its own, on the words that both understand."""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException

from experiments.common.config import quote_override
from experiments.common.help_text import whole_page
from experiments.common.job import Run, called
from experiments.common.options import CONF, options_of
from experiments.common.run_folder import forget_pieces
from zfnet.runs import Manifest, device_facts

FUNCTIONS = {  # of each job that can be part of another: as its file starts it
    "claims": "claims", "evaluate": "report", "fig2_features": "features", "fig4_evolution": "evolution",
    "fig5_invariance": "figure_5", "fig6_filters": "filters", "fig7_occlusion": "occlusion", "pointing": "pointing",
    "tab1_correspondence": "table_1", "tab7_depth": "depth_table",
}  # fmt: skip
SHARED = ("checkpoint", "weights", "size_px", "images", "split", "seed")


class LeftOut(Exception):
    """A job that could not be done here, and why."""


def shared_words(job: str) -> list[str]:
    """What this command line says of the network, the images and the hardware, as far as a job understands it."""
    known = {*(name.split(".")[0] for name in options_of(job)), *whole_page(CONF / f"{job}.yaml").groups}
    found = []
    for word in HydraConfig.get().overrides.task:
        name = word.lstrip("+~").split("=")[0]
        group = name.split(".")[0]
        if group in known and (group in ("data", "hardware") or name in SHARED):
            found.append(word)
    return found


def command_of(job: str, words: Sequence[str]) -> str:
    """The command that does the same by itself."""
    return shlex.join([*called(job), *words])


def run_inner(job: str, words: Sequence[str], folder: Path, outer: Run) -> str:
    """Do a job on this process's device, in a folder of its own. Returns its command.

    Raises LeftOut, with the reason, where it cannot be done with what was given: the rest goes on without it.
    """
    words = [*words, f"run_dir={quote_override(str(folder))}"]
    folder.mkdir(parents=True, exist_ok=True)
    command = command_of(job, words)
    print(f"\n== {command}", flush=True)
    manifest = Manifest(
        folder, job=job, command=shlex.split(command), processes=1, **device_facts(outer.world.device)
    )  # fmt: skip
    try:
        config = compose(config_name=job, overrides=list(words))
        function = getattr(import_module(f"experiments.{job}"), FUNCTIONS[job])
        outcome = function(config, Run(folder, outer.world, outer.hardware, manifest, outer.stop))
        forget_pieces(folder)
    except (ValueError, OSError, HydraException) as error:
        (folder / "error.txt").write_text(traceback.format_exc())
        manifest.finish(f"{type(error).__name__}: {error}")
        raise LeftOut(str(error).splitlines()[0]) from error
    manifest.finish(outcome or "finished")
    return command

"""Options that a job does not have: one line that says which and what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, OverrideParseException
from omegaconf import DictConfig

CONF = Path(__file__).resolve().parents[2] / "conf"
MISSING = r"You must specify '([\w/@]+)'"  # Hydra's words for a group without a choice
HOW_TO_QUOTE = (
    "a value with spaces, commas, brackets or = in it is quoted for Hydra and again for the shell: "
    "'checkpoint=\"a=b, c.pt\"'"
)


def explained(error: HydraException, job: str) -> str:
    """What Hydra says of a job's command line, in a line, with the options that are spelt much like those given."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} cannot be read: expected option=value; {HOW_TO_QUOTE}"
    if named := re.search(r"Could not (?:override|append to config[^']*at|delete[^']*from config\.?) '([^']+)'", text):
        return (
            _unknown(named[1], job) if "override" in named[0] else f"{job} has the option {named[1]}: leave out the +"
        )
    if found := re.search(r"Could not find '([\w/@.]+)/([^'/]+)'", text):
        group, choice = found[1], found[2]
        known = _choices(group)
        return f"{group}={choice} is not there{_close(choice, known)}; expected one of {', '.join(known)}"
    if found := re.search(MISSING, text):
        return f"no value for {found[1]}: give it as {found[1]}=..., one of {', '.join(_choices(found[1]))}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def refuse_added(overrides: Sequence[str], job: str) -> None:
    """Raise ValueError for an option that was added with + and that the job does not have, so that nobody reads it."""
    groups = {path.relative_to(CONF).as_posix() for path in CONF.rglob("*") if path.is_dir()}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if (override.is_add() or override.is_force_add()) and override.key_or_group not in groups:
            name = override.key_or_group
            if name not in options_of(job):
                raise ValueError(_unknown(name, job))


def _unknown(name: str, job: str) -> str:
    known, group = options_of(job), name.partition(".")[0]
    if name in known:
        return f"{name} is no option with this choice of {group}=...: conf/{group} says what each one takes"
    listed = f"; it has {', '.join(one for one in known if '.' not in one)}" if not _close(name, known) else ""
    return f"{name} is no option of {job}.py{_close(name, known)}{listed} (--cfg job shows all, with their values)"


def _close(word: str, known: Sequence[str]) -> str:
    """For an error: the words that are spelt much like it, also behind a group's name."""
    alike = difflib.get_close_matches(word, known, n=3, cutoff=0.7)
    alike += [one for one in known if one.rpartition(".")[2] == word and one not in alike][:3]
    return f": did you mean {' or '.join(alike)}?" if alike else ""


def options_of(job: str) -> list[str]:
    """Every option of a job as one writes it: layers, data.root, training.learning_rate ..."""
    return list(_keys(_completed(job)))


def _completed(job: str) -> DictConfig:
    """A job's configuration, with the first choice of each group that must be chosen."""
    running, overrides = GlobalHydra.instance().hydra, list[str]()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            while True:
                try:
                    return compose(job, overrides)
                except ConfigCompositionException as error:
                    missing = re.search(MISSING, str(error))
                    if missing is None:
                        raise
                    overrides = [*overrides, f"{missing[1]}={_choices(missing[1])[0]}"]
    finally:
        GlobalHydra.instance().hydra = running


def _choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group.partition("@")[0]).glob("*.yaml"))


def _keys(config: DictConfig, before: str = "") -> Iterator[str]:
    for key in config:
        name = f"{before}{key!s}"
        yield name
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not (node._is_none() or node._is_missing() or node._is_interpolation()):
            yield from _keys(node, f"{name}.")

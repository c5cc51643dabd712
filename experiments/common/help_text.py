"""What --help prints: a job's options from its YAML files, with their defaults and what their comments say of them.

Read as text, for comments are no part of what a YAML parser gives.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

OPTION = re.compile(r"^( *)([A-Za-z_]\w*):(?: +([^#\s].*?))?(?: +#\s?(.*))?$")
WIDTH, INDENT, MOST_DEFAULT = 118, 2, 24
NOT_OPTIONS = ("defaults", "hydra")
FOOT = """\
-m option=a,b,c    a run for each value
--cfg job          every option's value, as YAML
--hydra-help       Hydra's own options
"""


@dataclass(frozen=True)
class Option:
    """An option as one writes it (data.root), its default as the file has it, and what its comment says."""

    name: str
    default: str
    words: str


@dataclass
class Page:
    """A YAML file: what it says of itself, its commands, its options, and what it builds on.

    bases: files whose options are its own too; groups: folder -> what is chosen there, "null" for nothing, "???" where
    one must choose.
    """

    about: str = ""
    commands: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)


def read_page(path: Path) -> Page:
    """A file of conf/ as a page of help."""
    page, lines = Page(), path.read_text(encoding="utf-8").splitlines()
    while lines and lines[0].startswith("#"):
        _head(page, lines.pop(0)[1:].strip())
    path_of: list[str] = []
    for line in lines:
        if line.startswith("  - ") and path_of[:1] == ["defaults"]:
            _default(page, line[4:].partition("#")[0].strip())
        elif line.strip().startswith("#") and page.options and path_of[:1] != ["defaults"]:
            last = page.options[-1]
            page.options[-1] = Option(last.name, last.default, f"{last.words} {line.strip()[1:].strip()}".strip())
        elif found := OPTION.match(line):
            indent, name, value, words = found.groups()
            path_of = [*path_of[: len(indent) // INDENT], name]
            if path_of[0] not in NOT_OPTIONS:
                page.options.append(Option(".".join(path_of), value or "", words or ""))
    return page


def _head(page: Page, line: str) -> None:
    if line.startswith("@package"):
        return
    if re.match(r"(python|torchrun|scripts/)\b", line) or (page.commands and page.commands[-1].endswith("\\")):
        page.commands.append(line)
    else:
        page.about = f"{page.about} {line}".strip()


def _default(page: Page, entry: str) -> None:
    name, colon, chosen = entry.partition(":")
    name = name.removeprefix("override ").strip()
    if not colon and name != "_self_":
        page.bases.append(name)
    elif colon and not name.startswith(("hydra/", "/hydra")):
        page.groups[name] = chosen.strip()


def whole_page(path: Path) -> Page:
    """The same with what its bases say; its own words on an option, or its own default, stand before theirs."""
    page = read_page(path)
    options: dict[str, Option] = {}
    groups: dict[str, str] = {}
    for base in page.bases:
        below = whole_page(path.parent / f"{base}.yaml")
        groups |= below.groups
        options |= {one.name: one for one in below.options}
    for one in page.options:
        words = one.words or (options[one.name].words if one.name in options else "")
        options[one.name] = Option(one.name, one.default, words)
    page.options, page.groups = list(options.values()), groups | page.groups
    return page


def help_text(conf: Path, job: str, given: Sequence[str], *, command: str) -> str:
    """All of a job's options. given: words of its command line, whose choices of groups are shown with their options.

    command: how the job is called, in place of `python experiments/<job>.py`.
    """
    page = whole_page(conf / f"{job}.yaml")
    chosen = dict(word.split("=", 1) for word in given if "=" in word and not word.startswith("-"))
    parts = [f"{job}\n\n{_wrapped(page.about, 0)}"] if page.about else [job]
    if page.commands:
        parts.append("\n".join(f"  {line}" for line in page.commands))
    parts.append(_block("options, as name=value", page.options))
    for group, default in page.groups.items():
        parts.append("\n".join(_group(conf, group, chosen.get(group, default), default)))
    text = "\n\n".join(parts) + f"\n\n{FOOT}"
    text = re.sub(rf"python experiments/{job}\.py", command, text)
    return re.sub(r"python experiments/(\w+)\.py", r"zfnet \1", text) if command.startswith("zfnet") else text


def _group(conf: Path, group: str, chosen: str, default: str) -> Iterator[str]:
    folder = conf / group.partition("@")[0]
    choices = {path.stem: whole_page(path) for path in sorted(folder.glob("*.yaml"))}
    ends = {"null": "none unless given", "???": "one must be given"}
    yield f"{group}=NAME, {ends.get(default, f'{default} unless given')}"
    wide = max(map(len, choices), default=0)
    for name, page in choices.items():
        if len(choices) > 1:
            yield f"  {name:{wide}}  {_first_sentence(page.about)}"
    if chosen in choices:
        package = group.partition("@")[2] or group
        own = [Option(f"{package}.{one.name}", one.default, one.words) for one in choices[chosen].options]
        yield _block(f"{group}={chosen}", own)
    elif len(choices) > 1:
        yield f"  {group}=NAME --help shows the options that one has"


def _first_sentence(words: str) -> str:
    first = re.split(r"(?<=[.]) (?=[A-Z])|(?<=[;:]) ", words)[0].rstrip(".;:")
    return textwrap.shorten(first, WIDTH - 30, placeholder=" ...")


def _block(title: str, options: Sequence[Option]) -> str:
    options = [one for one in options if one.default or one.words]  # but the names of groups within a file
    if not options:
        return title
    names = max(len(one.name) for one in options) + 2
    room = names + min(max(len(one.default) for one in options), MOST_DEFAULT) + 4
    lines = [title]
    for one in options:
        left = f"  {one.name:{names}}{one.default}"
        if len(left) > room - 2:  # its words begin on the next line
            lines.append(left)
            left = ""
        lines.append(_wrapped(one.words, room, f"{left:{room}}").rstrip())
    return "\n".join(lines)


def _wrapped(words: str, indent: int, first: str = "") -> str:
    return textwrap.fill(
        words or " ", WIDTH, initial_indent=first, subsequent_indent=" " * indent, break_on_hyphens=False,
        drop_whitespace=bool(words),
    )  # fmt: skip

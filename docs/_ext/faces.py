"""The reference: a page for each room, with every name of its face, and our plain docstrings as they were meant."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import zfnet

PACKAGE = Path(zfnet.__file__).parent
ROOMS = {
    "zfnet": "What most people need",
    "zfnet.data": "Images: folders, frames, views, batches",
    "zfnet.data.datasets": "Data sets in their own formats",
    "zfnet.data.pack": "Images in one array file",
    "zfnet.data.parts_world": "The drawn data set",
    "zfnet.models": "Architectures and weight files",
    "zfnet.forward": "A forward pass with what must be kept",
    "zfnet.deconv": "The reverse pass",
    "zfnet.mining": "The strongest places of every map",
    "zfnet.training": "Training",
    "zfnet.training.machine": "Devices and processes",
    "zfnet.training.scoring": "Errors and ensembles",
    "zfnet.analysis": "Small analyses",
    "zfnet.analysis.occlusion": "Occlusion (Fig. 7)",
    "zfnet.analysis.evolution": "Evolution (Fig. 4)",
    "zfnet.analysis.invariance": "Invariance (Fig. 5)",
    "zfnet.analysis.correspondence": "Correspondence (Table 1)",
    "zfnet.analysis.probing": "Probes (Tables 4 to 7)",
    "zfnet.analysis.claims": "The paper's sentences, measured",
    "zfnet.analysis.audit": "Is a projection to be believed?",
    "zfnet.analysis.atlas": "What an atlas shows",
    "zfnet.live": "The live page",
    "zfnet.plotting": "Figures in one line",
    "zfnet.hub": "Sharing networks",
    "zfnet.runs": "Manifests and tables",
}


LONGEST_VALUE = 100  # letters


def names_of(room: str) -> list[str]:
    """The names that a room's face offers, in its order."""
    stub = PACKAGE.joinpath(*room.split(".")[1:], "__init__.pyi")
    return [alias.name for node in ast.parse(stub.read_text()).body for alias in getattr(node, "names", [])]


def rooms() -> dict[str, str]:
    """Every room with a face, and what it is for."""
    found = {
        ".".join(("zfnet", *stub.parent.relative_to(PACKAGE).parts))
        for stub in PACKAGE.rglob("__init__.pyi")
        if "jobs" not in stub.parts
    }
    order = [*ROOMS, *sorted(found - set(ROOMS))]
    return {room: ROOMS.get(room) or _first_words(room) for room in order if room in found}


def _first_words(room: str) -> str:
    """What a room says of itself, up to the first stop, colon, bracket or line's end."""
    words = __import__(room, fromlist=["_"]).__doc__ or room
    return re.split(r"[.:;](?=\s|$)|\n| \(", words.strip())[0]


def write_reference(folder: Path) -> None:
    """reference/<room>.rst for every room, and the page that lists them."""
    folder.mkdir(exist_ok=True)
    index = ["Reference", "=========", "", "Every public name, a page a room; shapes are in the words below each.", ""]
    index += [".. toctree::", "   :maxdepth: 1", ""]
    for room, purpose in rooms().items():
        title = f"{room}: {purpose}" if purpose != room else room
        lines = [title, "=" * len(title), "", f".. currentmodule:: {room}", ""]
        for name in names_of(room):
            lines += directive_of(room, name)
        _write(folder / f"{room}.rst", "\n".join(lines))
        index.append(f"   {room}")
    _write(folder / "index.rst", "\n".join(index) + "\n")


def directive_of(room: str, name: str) -> list[str]:
    """autodoc's directive for a name, which is found in the index under the innermost room that it comes from."""
    value: Any = getattr(__import__(room, fromlist=[name]), name)
    kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "data"
    module = getattr(value, "__module__", room) if kind != "data" else room
    home = max((one for one in rooms() if f"{module}.".startswith(f"{one}.")), key=len, default=room)
    directive = "py:data" if kind == "data" else f"auto{kind}"  # autodoc would tell what is said of the value's class
    lines = [f".. {directive}:: {room}.{name}"]
    if kind == "data" and isinstance(value, tuple | int | float | str) and len(repr(value)) <= LONGEST_VALUE:
        lines += [f"   :value: {value!r}"]  # choices and limits; not tables, whose lines name addresses in memory
    lines += ["   :no-index:"] if home != room else []
    lines += ["   :no-members:"] if home != room and kind == "class" else []
    return [*lines, ""]


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


SPECIAL = re.compile(r"([\\*`|_])")
ARGUMENT = re.compile(r"(?:[a-z_]\w*, )*[a-z_]\w*(?: \([^)]*\))?: ")


def plain_words(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: paragraphs stay paragraphs, whatever is aligned or indented stays as it stands."""
    text = re.sub(rf"\n(?={ARGUMENT.pattern})", "\n\n", "\n".join(lines).strip("\n"))
    paragraphs = re.split(r"\n\s*\n", text)  # each argument begins one
    result: list[str] = []
    for paragraph in paragraphs:
        body = paragraph.split("\n")
        if ARGUMENT.match(body[0]) and not re.search(r"\S {3,}\S", paragraph):
            body = [line.strip() for line in body]  # an argument's further lines may hang
        if any(re.match(r"\s+\S", line) or re.search(r"\S {3,}\S", line) for line in body):
            result += ["::", "", *(f"    {line}" for line in body), ""]
        else:
            result += [re.sub(r"(?<!\w)\*\*?(?=\w)", r"\\*", _escaped(line)) for line in body] + [""]
    lines[:] = result


def _escaped(line: str) -> str:
    parts = line.split("`")
    if len(parts) % 2 == 0:
        return SPECIAL.sub(r"\\\1", line)
    return "".join(SPECIAL.sub(r"\\\1", part) if at % 2 == 0 else f"``{part}``" for at, part in enumerate(parts))


def mend_source_links(app: Any) -> list[Any]:
    """A page of source leads back to where a name has its anchor: viewcode takes the room that named it first, and the
    page that named it last. A module without source, as that of int, has no page.
    """
    pages = getattr(app.env, "_viewcode_modules", {})
    for module, entry in list(pages.items()):
        if not entry:
            continue
        code, tags, used, _ = entry
        room = next((page.removeprefix("reference/") for page in used.values()), module)
        pages[module] = code, tags, used, room
    for module in [module for module, entry in pages.items() if not entry]:
        del pages[module]
    return []  # no page more


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    write_reference(Path(app.srcdir) / "reference")
    app.connect("autodoc-process-docstring", plain_words)
    app.connect("html-collect-pages", mend_source_links, priority=100)  # before viewcode's own
    return {"parallel_read_safe": False}

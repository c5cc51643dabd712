"""Jinja2 as the pages use it, everything escaped, and what lies beside a page: style sheets and plain JavaScript."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from zfnet.files import whole_file

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (  # for a meta element: only files beside the page, no line of script or style within it
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
)


def environment(package: str) -> Environment:
    """Templates of a package's folder `templates`. What they are given is escaped; what is missing is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(str(resources.files(package))) / "templates"
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["component"] = component
    return made


def component(text: str) -> str:
    """Text as a part of an address, as JavaScript's encodeURIComponent has it: an address has one spelling."""
    return quote(text, safe="!*'()~")


def base_style() -> str:
    """The style sheet that all pages share: colours in light and dark, text, what only screen readers see."""
    return (Path(str(resources.files("zfnet.pages"))) / "static" / "base.css").read_text(encoding="utf-8")


def copy_static(package: str, folder: Path) -> list[str]:
    """Copy what all pages share and the files of a package's folder `static` into a folder; returns their names."""
    names = []
    for of in ("zfnet.pages", package):
        for file in sorted((Path(str(resources.files(of))) / "static").iterdir()):
            with whole_file(folder / file.name) as target:
                target.write(file.read_bytes())
            names.append(file.name)
    return names

"""The site: scripts/docs builds it, offline, and warnings are errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE / "_ext"), os.environ.get("PYTHONPATH", "")]))

from zfnet import __version__  # noqa: E402

project, author, release = "zfnet", "the zfnet authors", __version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "faces",
]
exclude_patterns = [
    "**sg_execution_times.rst",  # whose scripts come from other hosts
    "_build",
    "_ext",
    "examples",
    *(f"gallery/*.{kind}" for kind in ("ipynb", "py", "json", "zip", "md5")),
]
templates_path: list[str] = []
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/mark.svg"
html_theme = "pydata_sphinx_theme"
html_title = "zfnet"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}  # or the theme complains in the console of the first page one opens
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
}
copyright = "the zfnet authors, MIT licence"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_excludepatterns = ["notebooks/*"]  # they download weights and train; tests run them in small
nb_execution_timeout = 1200  # seconds a cell: on a machine busy with other work a lesson takes minutes
nb_execution_raise_on_error = True
nb_merge_streams = True
suppress_warnings = ["config.cache", "mystnb.unknown_mime_type"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
python_maximum_signature_line_length = 88
nitpicky = False

sphinx_gallery_conf = {
    "examples_dirs": ["examples"],
    "gallery_dirs": ["gallery"],
    "filename_pattern": r"/plot_",
    "image_scrapers": ("figures.scraper",),
    "reset_modules": (),
    "min_reported_time": 1,
    "show_memory": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
    "matplotlib_animations": False,
}


def setup(app: object) -> None:
    """The house's diagram is read on GitHub as a drawing; here it is text, for a drawing would ask another host."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("mermaid", TextLexer)  # type: ignore[attr-defined]

"""The command `zfnet`: lists the jobs, and runs one as its file in experiments/ does.

In a wheel the jobs and their configuration lie in zfnet/jobs, in a checkout beside zfnet/. That folder goes on the path
of this process and of those that it starts: nothing named `experiments` is installed, a name that others use too.
"""

from __future__ import annotations

import ast
import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

from zfnet.version import __version__

HERE = Path(__file__).resolve().parent
HELP = ("-h", "--help", "help")
MULTIRUN = ("-m", "--multirun")
COMPLETION = "-sc"  # Hydra's own word for its shell completion

TEMPLATE = """\
zfnet {version}: train ZFNet, and look inside any network (Zeiler & Fergus 2013)

{jobs}

  zfnet JOB --help                       what a job takes, each option with its default and choices
  zfnet JOB option=value ...             run it; a part of its name will do: zfnet fig2, zfnet tab3
  zfnet JOB -m option=a,b,c              once for each value
  eval "$(zfnet -sc install=bash)"       completion of jobs, options and values (also fish, zsh)
"""


def jobs_folder() -> Path:
    """The folder that holds experiments/ and conf/. Raises FileNotFoundError where neither place has them."""
    for folder in (HERE / "jobs", HERE.parent):
        if (folder / "experiments" / "train.py").is_file() and (folder / "conf").is_dir():
            return folder
    raise FileNotFoundError(f"no jobs in {HERE / 'jobs'} nor beside {HERE}: install zfnet again")


def jobs(folder: Path) -> dict[str, str]:
    """Every job and what it is for, in a few words, as the first line of its file says before its command."""
    files = [path for path in sorted((folder / "experiments").glob("*.py")) if not path.name.startswith("_")]
    return {path.stem: _purpose(path) for path in files}


def _purpose(path: Path) -> str:
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.partition("\n")[0].partition(" python ")[0].rstrip(".:")


def job_named(word: str, known: Sequence[str]) -> str:
    """The job that is meant: its name, or the beginning of one alone. Raises ValueError, naming those it may be."""
    if word in known:
        return word
    begin = [name for name in known if name.startswith(word)]
    if len(begin) == 1:
        return begin[0]
    close = begin or difflib.get_close_matches(word, known, n=3)
    meant = f": did you mean {' or '.join(close)}?" if close else ""
    raise ValueError(f"{word} is no job{meant} (zfnet alone lists them)")


def main(words: Sequence[str] | None = None) -> None:
    """What the console script runs. Ends with the job's exit code."""
    words = list(sys.argv[1:] if words is None else words)
    try:
        folder = jobs_folder()
        known = jobs(folder)
        if words[:1] == [COMPLETION]:
            _complete(words, folder, list(known))
        elif not words or words[0] in HELP:
            print(_listing(known), end="")
        elif words[0] == "--version":
            print(f"zfnet {__version__}")
        else:
            run_job(folder, job_named(words[0], list(known)), words[1:])
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def run_job(folder: Path, job: str, words: Sequence[str]) -> None:
    """Carry out a job as `python experiments/<job>.py WORDS` does, from anywhere."""
    path = str(folder)
    if path not in sys.path:
        sys.path.insert(0, path)
    before = os.environ.get("PYTHONPATH", "")
    if path not in before.split(os.pathsep):  # loaders of images, and a sweep's jobs on other machines
        os.environ["PYTHONPATH"] = os.pathsep.join([path, *filter(None, [before])])
    words = sorted(words, key=lambda word: word not in MULTIRUN)  # first, as Hydra takes none between two options
    sys.argv = ["zfnet", *words]  # by which a job knows how to say the command that goes on with it
    file = folder / "experiments" / f"{job}.py"
    module = ModuleType("__main__")
    module.__file__ = str(file)  # not runpy, which would make it argv[0]
    sys.modules["__main__"] = module
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), vars(module))


def _listing(known: Mapping[str, str]) -> str:
    wide = max(map(len, known))
    return TEMPLATE.format(
        version=__version__, jobs="\n".join(f"  {name:{wide}}  {what}" for name, what in known.items())
    )


def _complete(words: Sequence[str], folder: Path, known: Sequence[str]) -> None:
    """Answer the shell: the jobs' names on the first word, Hydra's own completion of the job on those that follow."""
    line = os.environ.get("COMP_LINE", "")
    typed = [*line.split(), *([""] if line[-1:].isspace() else [])]
    if len(words) < 2 or words[1].partition("=")[0] != "query":
        run_job(folder, "train", words)  # install, uninstall: any job's will do, it is bound to the name of the command
    elif len(typed) <= 2:
        print("\n".join(name for name in known if name.startswith(typed[1] if len(typed) == 2 else "")))
    else:
        try:
            job = job_named(typed[1], known)
        except ValueError:
            return  # an error's words would be printed into the line that is being typed
        line = " ".join([typed[0], *typed[2:]])
        os.environ["COMP_LINE"], os.environ["COMP_POINT"] = line, str(len(line))
        run_job(folder, job, words)

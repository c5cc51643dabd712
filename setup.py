"""What pyproject.toml cannot say: a wheel carries the jobs and their configuration inside zfnet.

experiments/ and conf/ lie side by side in a checkout; in a wheel they do so in zfnet/jobs, where the command `zfnet`
finds them. No package named `experiments` is installed, a name that others use; an editable install has it, so that
`python experiments/train.py` finds its own files.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

JOBS = ("experiments", "conf")
EDITABLE = {"editable_wheel", "develop"} & set(sys.argv)


class BuildWithJobs(build_py):
    """Copies the jobs into the wheel, as they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "zfnet" / "jobs"
        shutil.rmtree(target, ignore_errors=True)  # what an earlier build left there
        for name in JOBS:
            shutil.copytree(name, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


setup(
    packages=find_packages(include=["zfnet*", *(["experiments*"] if EDITABLE else [])]),
    cmdclass={"build_py": BuildWithJobs},
)

"""Run under torchrun by test_many_processes.py: a job of which the second process is killed at a call of something.

python killed_job.py TARGET CALL JOB WORD ...
"""

import os
import signal
import sys
from typing import Any

import pytest
from _pytest.monkeypatch import derive_importpath
from in_process import each_takes_its_turn, run_here

if __name__ == "__main__":
    target, last, job, *words = sys.argv[1:]
    name, holder = derive_importpath(target, True)
    real, calls = getattr(holder, name), 0

    def until(*given: Any, **named: Any) -> Any:
        global calls
        calls += 1
        if calls == int(last) and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, name, until)
        each_takes_its_turn(patch)
        sys.exit(run_here(job, *words))

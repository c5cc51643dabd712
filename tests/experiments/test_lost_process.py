"""An error of a job of several processes is told before torchrun, which has seen another die, ends this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from experiments.common.stop_signal import StopSignal, others_watched
from zfnet.training import LostProcess, World


@pytest.fixture
def world() -> Iterator[World]:
    """Two processes, of which the second has ended; the signal's handler is put back."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    before = signal.getsignal(signal.SIGTERM)
    host = os.uname().nodename
    yield World(0, 2, peers=((host, os.getpid()), (host, gone.pid)))
    signal.signal(signal.SIGTERM, before)


def test_the_dead_one_is_named_and_what_torchrun_sends_then_is_not_heard(world: World):
    told = pytest.raises(LostProcess, match=r"process 1 of 2 \(number \d+ on .+\) has ended.+ go on so")
    with told, others_watched(world, lambda: "go on so"):
        raise RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_one_that_torchrun_ends_first_names_it_too(world: World):
    told = pytest.raises(LostProcess, match="process 1 of 2")
    with told, others_watched(world, lambda: ""):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_job_that_could_be_stopped_is_ended_where_another_has_died(world: World):
    """It may be in a fit that takes hours, and torchrun waits for half a minute."""
    told = pytest.raises(LostProcess, match="process 1 of 2")
    with told, others_watched(world, lambda: ""), StopSignal():
        os.kill(os.getpid(), signal.SIGTERM)


def test_one_is_asked_to_stop_while_all_are_there(world: World):
    with others_watched(replace(world, peers=world.peers[:1]), lambda: ""), StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()


@pytest.mark.parametrize("error", [ValueError("rate=-1"), RuntimeError("rate=-1"), KeyboardInterrupt()])
def test_an_error_of_its_own_stays_and_is_told_as_well(world: World, error: BaseException):
    with pytest.raises(type(error)) as raised, others_watched(world, lambda: ""):
        raise error
    assert raised.value is error
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_what_went_wrong_is_told_before_the_group_is_left(carry_out_here, monkeypatch: pytest.MonkeyPatch):
    """Which may wait for the dead one, until torchrun's patience ends."""
    monkeypatch.setattr("zfnet.training.leave_world", lambda: print("the group is left", file=sys.stderr))
    code, printed = carry_out_here("evaluate", "checkpoint=nothing.pt", "data=imagenet_folder", "data.root=nowhere")
    assert code == 2
    assert 0 <= printed.index("error: ") < printed.index("the group is left")


def test_a_job_that_ends_well_leaves_the_handler_that_was_there(world: World):
    before = signal.getsignal(signal.SIGTERM)
    with others_watched(world, lambda: ""):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before

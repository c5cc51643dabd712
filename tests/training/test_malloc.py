"""Freed activations are reused, or given back: whichever was asked for."""

import resource
import subprocess
import sys

import pytest
import torch

from zfnet.training.machine import keep_freed_memory


def test_a_large_block_freed_and_taken_again_costs_no_page_faults():
    if not keep_freed_memory():
        pytest.skip("another C library than glibc")

    def faults_of_a_round() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(64 * 2**20, dtype=torch.uint8)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    rounds = [faults_of_a_round() for _ in range(16)]  # at first small blocks cut what was freed, and it does not fit
    assert max(rounds[-3:]) < 2**20 * 64 / 4096 / 10, rounds


SERVED = """
import sys, threading
from pathlib import Path
import numpy as np
from zfnet.training.machine import keep_freed_memory, return_freed_memory
if not keep_freed_memory():
    sys.exit("another C library than glibc")
if sys.argv[1] == "returned":
    assert return_freed_memory()
def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
kept = []
def answer():
    for _ in range(10):
        picture = np.ones(4 * 2**20, np.uint8)
        kept.append(bytes(200_000))  # what stays, and holds what lies below it
        pictures.append(picture)
before = resident_mib()
pictures = []
threads = [threading.Thread(target=answer) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
full = resident_mib() - before
pictures.clear()
print(full, resident_mib() - before)
"""


def left_mib(way: str) -> tuple[float, float]:
    """How much a process takes with 320 MiB of pictures and 15 of what stays, and how much without the pictures."""
    done = subprocess.run([sys.executable, "-c", SERVED, way], capture_output=True, text=True, check=False)
    if "another C library" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    full, left = map(float, done.stdout.split())
    return full, left


def test_a_server_gives_back_what_its_threads_free():
    for way, least, most in (("kept", 250, 400), ("returned", 0, 60)):
        full, left = left_mib(way)
        assert 300 < full < 400
        assert least < left < most

"""Freed activations are reused; the threads of a server share one heap."""

import subprocess
import sys
from pathlib import Path

import pytest

FREED = """
import resource, sys, torch
from zfnet.training.machine import keep_freed_memory
if not keep_freed_memory():
    sys.exit("another C library than glibc")
for _ in range(16):  # at first small blocks cut what was freed, and it does not fit
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64 * 2**20, dtype=torch.uint8)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def carry_out(script: str, *words: str) -> str:
    """What a script prints in a process of its own, whose heap no other test has cut up."""
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=False)
    if "another C library" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_large_block_freed_and_taken_again_costs_no_page_faults():
    faults = [int(line) for line in carry_out(FREED).split()]
    assert max(faults[-3:]) < 2**20 * 64 / 4096 / 10, faults


SERVED = """
import ctypes, sys, threading
from zfnet.training.machine import share_one_heap
if sys.argv[1] == "one" and not share_one_heap():
    sys.exit("another C library than glibc")
together = threading.Barrier(8)
def answer():
    kept.append(bytearray(100_000))
    together.wait()  # all at once, or one heap would serve them in turn
kept = []
threads = [threading.Thread(target=answer) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL("libc.so.6")
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[2].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


def test_all_threads_of_a_server_share_one_heap(tmp_path: Path):
    heaps = {}
    for way in ("one", "each"):
        carry_out(SERVED, way, str(tmp_path / way))
        heaps[way] = (tmp_path / way).read_text().count("<heap nr=")
    assert heaps["one"] == 1
    assert heaps["each"] > 1

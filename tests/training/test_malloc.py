"""Freed activations are reused; the threads of a server share one heap."""

import resource
import subprocess
import sys
from pathlib import Path

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
        words = [sys.executable, "-c", SERVED, way, str(tmp_path / way)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "another C library" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr
        heaps[way] = (tmp_path / way).read_text().count("<heap nr=")
    assert heaps["one"] == 1
    assert heaps["each"] > 1

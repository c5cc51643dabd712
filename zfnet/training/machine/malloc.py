"""The C library's memory, told to keep what a network's steps free."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8  # glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let glibc reuse freed blocks instead of giving them back to the system; True where that can be set.

    Activations of tens of MB are otherwise mapped, filled with zeros by the kernel, and unmapped at every step: a
    quarter of the processor time of training ZFNet on a CPU, measured. The peak memory stays the same.
    """
    return _told((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**26))


def share_one_heap() -> bool:
    """Let all threads take memory from one heap; True where that can be set. Before the first thread begins.

    For a server that lives long: else each thread that answers has a heap of its own, and what one of them frees no
    other can use.
    """
    return _told((M_ARENA_MAX, 1))


def _told(*options: tuple[int, int]) -> bool:
    """Whether the C library is glibc, and took all of them."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(*option) for option in options)

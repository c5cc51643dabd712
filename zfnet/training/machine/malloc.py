"""The C library's memory, told to keep what a network's steps free."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -3, -4, -8  # glibc's malloc.h
LARGE_BYTES = 2**20


def keep_freed_memory() -> bool:
    """Let glibc reuse freed blocks instead of giving them back to the system; True where that can be set.

    Activations of tens of MB are otherwise mapped, filled with zeros by the kernel, and unmapped at every step: a
    quarter of the processor time of training ZFNet on a CPU, measured. The peak memory stays the same.
    """
    return _told((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**26))


def return_freed_memory() -> bool:
    """The opposite, for a server that lives long and answers in threads; True where that can be set.

    Blocks of LARGE_BYTES and more go back to the system when they are freed, and all threads share one heap. Otherwise
    pictures that come and go leave holes in a heap for each thread: the live page's memory grew for as long as it was
    asked.
    """
    return _told(
        (M_MMAP_MAX, 2**16), (M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, 2**22), (M_TOP_PAD, 2**17),
        (M_ARENA_MAX, 1),
    )  # fmt: skip


def _told(*options: tuple[int, int]) -> bool:
    """Whether the C library is glibc, and took all of them."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(*option) for option in options)

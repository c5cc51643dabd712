"""The C library's memory, told to keep what a network's steps free."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # glibc's malloc.h


def keep_freed_memory() -> bool:
    """Let glibc reuse freed blocks instead of giving them back to the system; True where that can be set.

    Activations of tens of MB are otherwise mapped, filled with zeros by the kernel, and unmapped at every step: a
    quarter of the processor time of training ZFNet on a CPU, measured. The peak memory stays the same.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):  # another C library than glibc
        return False
    return all(mallopt(*option) for option in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 2**26)))

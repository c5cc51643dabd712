"""How much may go down at once."""

from __future__ import annotations

from collections.abc import Iterator

import torch

HOST_BYTES = 512 * 2**20  # on a CPU larger pieces are no faster
WINDOW_BYTES = 24 * 2**20  # the largest signal at once: above 32 MiB the allocator asks the system for every one anew


def slices_that_fit(count: int, unit_bytes: int, device: torch.device, host_bytes: int = HOST_BYTES) -> Iterator[slice]:
    """Slices of `count` units whose reverse pass fits: in host_bytes on a CPU, in a quarter of a GPU's free memory."""
    room = _free_bytes(device) // 4 if device.type == "cuda" else host_bytes
    most = max(room // max(unit_bytes, 1), 1)
    for start in range(0, count, most):
        yield slice(start, min(start + most, count))


def _free_bytes(device: torch.device) -> int:
    """What a GPU has free, and what torch's allocator keeps there of freed tensors, which the driver counts as used."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept

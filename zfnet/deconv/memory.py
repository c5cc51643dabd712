"""How much may go down at once."""

from __future__ import annotations

from collections.abc import Iterator

import torch

HOST_BYTES = 512 * 2**20  # on a CPU larger pieces are no faster


def parts(count: int, unit_bytes: int, device: torch.device) -> Iterator[slice]:
    """Slices of `count` units whose reverse pass fits: in half a GiB on a CPU, in a quarter of a GPU's free memory."""
    room = torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else HOST_BYTES
    most = max(room // max(unit_bytes, 1), 1)
    for start in range(0, count, most):
        yield slice(start, min(start + most, count))

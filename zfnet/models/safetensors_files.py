"""Files of tensors that cannot hold code: a header of JSON, then the numbers (huggingface.co/docs/safetensors)."""

from __future__ import annotations

import struct
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

SUFFIX = ".safetensors"
_START = 9  # the header's length in 8 bytes, and its first, a brace


def is_safetensors(path: Path) -> bool:
    """Whether a file is one by its name, or by its first bytes, whatever it is called."""
    if path.suffix.lower() == SUFFIX:
        return True
    with path.open("rb") as file:
        start = file.read(_START)
    return start.endswith(b"{") and len(start) == _START and struct.unpack("<Q", start[:8])[0] < path.stat().st_size


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Its tensors by name, on the CPU.

    The library compares every offset and size with the file's before it reads a number; it has no checksums, so a
    changed number is told only where it is not finite. Raises ValueError, in one line, for what is no such file or cut
    short.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError) as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"{path} is cut short or no safetensors file ({why})") from error

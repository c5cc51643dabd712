"""How the arithmetic is done, as against what is computed: precision, memory format, compilation, workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Hardware:
    """Options that change speed and memory but not the recipe.

    device: auto, cpu, cuda, cuda:1. precision: float32, or bfloat16 or float16 (mixed, by autocast), or auto:
        bfloat16 on GPUs that have it, float32 elsewhere (on CPUs autocast was measured slower in training).
    channels_last: memory with the maps innermost; faster on CPUs and on tensor cores.
    compile: torch.compile, or its mode (reduce-overhead: CUDA graphs); off by default, since most of the time is in
        convolutions that it does not change.
    tf32: whether a GPU may multiply float32 with the 10 bits of TF32; None leaves it to torch (convolutions do).
    cudnn_benchmark: cuDNN tries its algorithms on the first batch of a size and takes the fastest, which may be another
        one the next time, so that a run repeats to rounding only.
    fused: SGD as one kernel for all weights: half its time on a CPU, and there the same numbers to the last bit.
        Not with float16, where torch 2.14 leaves the momentum unwritten if the very first step overflows.
    accumulate: gradients of this many parts of a batch are added before a step, to save memory.
    workers: processes that read images; auto takes none for a pack and one a core (at most 8) for folders.
    Raises ValueError for a value that is none of these.
    """

    device: str = "auto"
    precision: str = "auto"
    channels_last: bool = True
    compile: bool | str = False
    tf32: bool | None = None
    cudnn_benchmark: bool = False
    fused: bool = True
    accumulate: int = 1
    workers: int | str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in (*PRECISIONS, "auto"):
            raise ValueError(f"hardware.precision={self.precision!r} is not one of auto, {', '.join(PRECISIONS)}")
        if isinstance(self.compile, str) and self.compile not in COMPILE_MODES:
            raise ValueError(f"hardware.compile={self.compile!r} is not true, false or {', '.join(COMPILE_MODES)}")
        if self.accumulate < 1:
            raise ValueError(f"hardware.accumulate={self.accumulate!r}, expected 1 or more parts of a batch")
        if self.workers != "auto" and (isinstance(self.workers, str) or self.workers < 0):
            raise ValueError(f"hardware.workers={self.workers!r}, expected auto or a number of processes, 0 or more")

    def dtype(self, device: torch.device) -> torch.dtype | None:
        """The half precision to compute in, None for full precision."""
        if self.precision != "auto":
            return PRECISIONS[self.precision]
        own = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if own else None  # V100, T4 and the like emulate it, slower than float32

    def autocast(self, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
        """Makes the context to run the network in."""
        dtype = self.dtype(device)
        return nullcontext if dtype is None else partial(torch.autocast, device.type, dtype)

    def set_backends(self) -> None:
        """Have torch's kernels chosen as asked for, in this whole process."""
        torch.backends.cudnn.benchmark = self.cudnn_benchmark
        if self.tf32 is not None:
            for backend in (torch.backends.cudnn.conv, torch.backends.cuda.matmul):  # type: ignore[attr-defined]
                backend.fp32_precision = "tf32" if self.tf32 else "ieee"

    def compiled(self, model: nn.Module) -> None:
        """Compile the model in place, so that no key gets a prefix, where that is asked for."""
        if self.compile:
            model.compile(mode=self.compile if isinstance(self.compile, str) else None)

    def memory_format(self) -> torch.memory_format:
        """What weights and images are laid out as."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def reading_processes(self, decodes: bool, processes: int = 1) -> int:
        """Workers for a source: decodes tells whether it reads image files (else a pack)."""
        if not isinstance(self.workers, str):
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(8, cores // processes) if decodes else 0

"""Several processes under torchrun: who am I, sums over all, what rank 0 knows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """This process among all: rank, how many, and its device. One process needs no group."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        return bool(self.sum(torch.tensor(int(flag), device=self.device)).item()) if self.size > 1 else flag

    def gather(self, value: T) -> list[T]:
        """Every process's value, by rank."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def from_first(self, value: T) -> T:
        """What rank 0 passed in."""
        return self.gather(value)[0]

    def wait(self) -> None:
        if self.size > 1:
            dist.barrier()


def join_world(device: str = "auto") -> World:
    """The world that torchrun set up, or a world of one.

    device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1". Under torchrun each process takes the GPU of its
    local rank with nccl, or the CPU with gloo.
    """
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if on_gpu and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r} was asked for but torch finds no CUDA device here; device=cpu works anywhere"
        )
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World(device=torch.device(("cuda" if device == "auto" else device) if on_gpu else device_name(device)))
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    own = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(own)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(hours=1))
    return World(rank, size, own)


def device_name(device: str) -> str:
    """The CPU for "auto" without a GPU; ValueError for what torch does not know."""
    if device == "auto":
        return "cpu"
    try:
        return str(torch.device(device))
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is not a device torch knows: auto, cpu, cuda or cuda:1") from error


def leave_world() -> None:
    """End the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()

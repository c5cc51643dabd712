"""Several processes under torchrun: who am I, sums over all, what rank 0 knows."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")
_GROUPS = count()  # that this process has joined: each job of a sweep has its own
COLLECTIVE, PATIENCE = timedelta(hours=1), timedelta(days=7)  # until others count as lost: in a step, with their work


class LostProcess(RuntimeError):
    """Another process of the job has ended, and this one cannot go on without it."""


@dataclass(frozen=True)
class World:
    """This process among all: rank, how many, its device, and host and number of each process.

    One process needs no group.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    peers: tuple[tuple[str, int], ...] = ()

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

    def max(self, values: Tensor) -> Tensor:
        """The largest of each number over all processes."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values, dist.ReduceOp.MAX)
        return values

    def from_rank(self, rank: int, values: Tensor) -> Tensor:
        """What the process of this rank passed in; the others pass a tensor of the same shape and type."""
        if self.size > 1:
            values = values.clone(memory_format=torch.contiguous_format)
            dist.broadcast(values, rank)
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

    def lost(self, wait_s: float = 0.0) -> str:
        """The first process of this host that has ended, in words; "" where none has. It is waited for so long."""
        until = time.monotonic() + wait_s
        while True:
            for rank, (host, process) in enumerate(self.peers):
                if host == os.uname().nodename and not _runs(process):
                    return f"process {rank} of {self.size} (number {process} on {host})"
            if time.monotonic() >= until:
                return ""
            time.sleep(0.05)

    def wait(self) -> None:
        """Until every process has come here: with gloo days later, if need be, since their work is not equally long."""
        if self.size > 1 and dist.get_backend() == "gloo":
            dist.monitored_barrier(timeout=PATIENCE)
        elif self.size > 1:
            dist.barrier()


ALONE = World()  # one process


def join_world(device: str = "auto") -> World:
    """The world that torchrun set up, or a world of one.

    device: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1". Under torchrun each process takes the GPU of its
    local rank with nccl, or the CPU with gloo. Raises ValueError for a device that is not there.
    """
    chosen = chosen_device(device)
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World(device=chosen)
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    on_gpu = chosen.type == "cuda"
    own = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(own)
    if not dist.is_initialized():
        store, _, _ = next(dist.rendezvous("env://", rank, size, timeout=COLLECTIVE))
        own_store = dist.PrefixStore(f"group-{next(_GROUPS)}", store)  # it still has the addresses of those before
        dist.init_process_group(
            "nccl" if on_gpu else "gloo", store=own_store, rank=rank, world_size=size, timeout=COLLECTIVE
        )
    world = World(rank, size, own)
    return replace(world, peers=tuple(world.gather((os.uname().nodename, os.getpid()))))


def _runs(process: int) -> bool:
    """Whether a process of this host still does anything; a killed one may wait for its parent to notice."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except ProcessLookupError:
        return False
    except OSError:  # another user's, or a system without /proc
        return True


def chosen_device(device: str) -> torch.device:
    """auto (a GPU if there is one), cpu, cuda or cuda:1 as a device. Raises ValueError for others, or one not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"device={device!r} is not one of auto, cpu, cuda, cuda:1 ...")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r} was asked for but torch finds no CUDA device here; device=cpu works anywhere"
        )
    return torch.device(device)


def leave_world() -> None:
    """End the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()

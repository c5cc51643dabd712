"""Mining all five layers of ZFNet beside the bare forward pass over the same batches, and the memory it takes.

scripts/bench mine                 8 batches of 32 images at 224; about three minutes on two cores
scripts/bench mine --batches 40 --rounds 3 --device cuda --batch 128

Random weights and images. "To conv5" runs the layers that mining needs and no more, so it is the harder comparison;
the whole network is what a user's own loop would run. Each round mines anew, its many first merges included. Then one
process mines more and more images: its peak memory should not grow.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator

import torch
from harness import compare, hardware, table
from torch import Tensor, nn

from zfnet import Deconvnet, build_model, mine_top
from zfnet.models import ConvNet
from zfnet.runs import peak_memory_mib

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")


class Repeated:
    """The same few batches over and over, as if they were a long data set."""

    def __init__(self, batches: list[Tensor], count: int) -> None:
        self.batches, self.count = batches, count

    def __iter__(self) -> Iterator[Tensor]:
        for number in range(self.count):
            yield self.batches[number % len(self.batches)]


@torch.no_grad()
def forward(model: nn.Module, batches: list[Tensor]) -> None:
    for images in batches:
        model(images)


def activations(deconvnet: Deconvnet, batches: list[Tensor]) -> None:
    for images in batches:
        deconvnet.activations(images, LAYERS)


def up_to(model: ConvNet, layer: str) -> nn.Module:
    """The layers from the pixels to a layer's rectified output."""
    names = [name for name, _ in model.named_children()]
    return nn.Sequential(*list(model)[: names.index(layer) + 2])


def costs(deconvnet: Deconvnet, model: ConvNet, batches: list[Tensor], rounds: int) -> str:
    timings = compare(
        {
            "forward, to conv5": lambda: forward(up_to(model, "conv5"), batches),
            "forward, whole": lambda: forward(model, batches),
            "activations alone": lambda: activations(deconvnet, batches),
            "mining conv1 to conv5": lambda: mine_top(deconvnet, batches, LAYERS, progress=False),
        },
        rounds,
    )
    images = sum(map(len, batches))
    rows = [[t.name, f"{1e3 * t.median_s / images:.3g}", f"{1 / t.times_the_first:.3f}"] for t in timings]
    return table(["job", "ms an image", "cost, forward to conv5 = 1"], rows)


def memory(deconvnet: Deconvnet, batches: list[Tensor]) -> str:
    rows = []
    for count in (1, 2, 4, 8):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        mine_top(deconvnet, Repeated(batches, count * len(batches)), LAYERS, progress=False)
        on_gpu = f"{torch.cuda.max_memory_allocated() / 2**20:,.0f}" if batches[0].is_cuda else "-"
        rows.append([f"{count * sum(map(len, batches)):,}", f"{peak_memory_mib():,}", on_gpu])
    return table(["images mined", "peak of the process so far, MiB", "peak on the GPU, MiB"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    logging.getLogger("zfnet").setLevel(logging.ERROR)  # a network of random weights has dead maps, as it should
    torch.manual_seed(0)
    model = build_model("zfnet").eval().to(given.device).to(memory_format=torch.channels_last)
    assert isinstance(model, ConvNet)
    shape = (given.batch, 3, 224, 224)
    batches = [torch.randn(shape).to(given.device, memory_format=torch.channels_last) for _ in range(given.batches)]
    deconvnet = Deconvnet(model)
    print(f"{hardware()}\n{given.batches} batches of {given.batch} images, {given.device}, float32, channels-last\n")
    print(costs(deconvnet, model, batches, given.rounds))
    print(f"\n{memory(deconvnet, batches)}")


if __name__ == "__main__":
    main()

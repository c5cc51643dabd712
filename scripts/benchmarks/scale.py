"""What large runs cost on 1, 8 and 64 GPUs: arithmetic from counted operations and assumptions; nothing is run."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from harness import table

FORWARD_FLOP = {1_000: 2.414e9, 21_841: 2.585e9}  # of ZFNet at 224 px, an image, by classes; tests/test_scale.py counts
PARAMETERS = {1_000: 62.36e6, 21_841: 147.73e6}
TRAINING = 3  # times the forward pass: forward, gradients of the maps, gradients of the weights
SQUARE_BYTES = 256 * 256 * 3
IMAGES = {"ImageNet-1k": 1_281_167, "ImageNet-21k": 14_197_122}
CLASSES = {"ImageNet-1k": 1_000, "ImageNet-21k": 21_841}
EPOCHS = {"ImageNet-1k": 70, "ImageNet-21k": 20}


@dataclass(frozen=True)
class Assumed:
    """Of the machines; none of it was measured by us.

    peak_flop: bfloat16 without sparsity. used: the share of it that the network reaches. link, network: bytes/s of a
    GPU to others of its node, and to other nodes. disk: bytes/s that a node reads. per_node: GPUs.
    """

    peak_flop: float = 989e12  # NVIDIA's H100 SXM data sheet: 1,979 with sparsity
    used: float = 0.15
    link: float = 300e9
    network: float = 50e9
    disk: float = 12e9
    per_node: int = 8

    def images_per_s(self, flop: float) -> float:
        """Of one GPU that waits for nothing."""
        return self.peak_flop * self.used / flop


@dataclass(frozen=True)
class Step:
    """Seconds of a step of `own` images a GPU, by what they go into; the gradients' sum does not overlap the rest."""

    compute_s: float
    sum_s: float
    read_s: float

    @property
    def wall_s(self) -> float:
        """Reading goes on beside the step."""
        return max(self.compute_s + self.sum_s, self.read_s)


def step_of(data: str, gpus: int, own: int, machine: Assumed) -> Step:
    classes, nodes = CLASSES[data], -(-gpus // machine.per_node)
    bandwidth = machine.link if nodes == 1 else machine.network
    summed = 4 * PARAMETERS[classes] * 2 * (gpus - 1) / gpus  # float32, once around a ring and back
    read = own * min(gpus, machine.per_node) * SQUARE_BYTES / machine.disk
    return Step(TRAINING * FORWARD_FLOP[classes] * own / (machine.peak_flop * machine.used), summed / bandwidth, read)


def training_rows(machine: Assumed, own: int) -> list[list[str]]:
    """A row a data set and number of GPUs: time, and of a step what goes into what."""
    rows = []
    for data, images in IMAGES.items():
        for gpus in (1, 8, 64):
            step = step_of(data, gpus, own, machine)
            epoch_s = images / (own * gpus) * step.wall_s
            rows.append([
                data, f"{gpus}", f"{own * gpus:,}", f"{1e3 * step.compute_s:.1f}", f"{1e3 * step.sum_s:.1f}",
                f"{1e3 * step.read_s:.1f}", f"{epoch_s / 60:.2f}", f"{EPOCHS[data] * epoch_s / 3600:.1f}",
            ])  # fmt: skip
    return rows


def room_rows(maps: int, k: int) -> list[list[str]]:
    """A row a data set: what is kept of it on disk and in memory, in GB."""
    rows = []
    for data, images in IMAGES.items():
        classes = CLASSES[data]
        sizes = (
            images * SQUARE_BYTES,  # the pack
            images * (8 + 8 + 1) + 2 * 8 * images,  # views of an epoch, its order, labels: in each process
            12 * PARAMETERS[classes],  # weights, gradients, momentum, float32, on each GPU
            images * classes * 4,  # `evaluate split=train`: every image's probabilities, on disk
            images * maps * 4,  # the atlas's peaks, on disk
            maps * k * 32,  # what mining holds
        )
        rows.append([data, *(f"{size / 1e9:,.3g}" for size in sizes)])
    return rows


def mining_rows(machine: Assumed) -> list[list[str]]:
    """A row a number of GPUs: minutes to mine 14 M images as they are computed, and as they are read."""
    rows, images = [], IMAGES["ImageNet-21k"]
    for gpus in (1, 8, 64):
        nodes = -(-gpus // machine.per_node)
        computed_s = 1.08 * images * FORWARD_FLOP[21_841] / (machine.peak_flop * machine.used * gpus)
        read_s = images * SQUARE_BYTES / (machine.disk * nodes)
        rows.append([f"{gpus}", f"{computed_s / 60:.2f}", f"{read_s / 60:.1f}"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--used", type=float, default=Assumed.used, help="share of the GPU's peak that is reached")
    parser.add_argument("--disk", type=float, default=Assumed.disk, help="bytes/s that a node reads from its disks")
    parser.add_argument("--batch", type=int, default=128, help="images a GPU and step")
    parser.add_argument("--maps", type=int, default=10_000, help="of the network that an atlas is made of")
    given = parser.parse_args()
    machine = Assumed(used=given.used, disk=given.disk)
    print(f"assumed: {machine}\none GPU: {machine.images_per_s(TRAINING * FORWARD_FLOP[1_000]):,.0f} images/s\n")
    head = ["data", "GPUs", "batch", "compute, ms", "sum, ms", "read, ms", "epoch, min", "all epochs, h"]
    print(table(head, training_rows(machine, given.batch)))
    print(table(["GPUs", "mining 14 M: compute, min", "read, min"], mining_rows(machine)))
    head = ["GB", "pack", "views, order", "weights and SGD", "probabilities", "peaks", "mined"]
    print(table(head, room_rows(given.maps, 9)))


if __name__ == "__main__":
    main()

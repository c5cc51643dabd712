"""Units projected: of ZFNet by windows, dense batches and captum; of any network also the way there was before.

scripts/bench project              64 units a layer in each round, 4 of them by captum; about three minutes on two cores
scripts/bench project --units 256 --calls 16 --rounds 9    steadier
scripts/bench project --network                            SqueezeNet, GoogLeNet and ResNet-50, about four minutes
scripts/bench project --network torchvision:densenet121 --layers features.denseblock2.denselayer6.conv2
scripts/bench project --network torchvision:resnet18 --layers layer2.1.conv2 --rule guided --images 2

Random weights; the images are smooth noise; the units of a map are its strongest places in nine of the recorded images,
as in mining, with seeds of one. All in float32, one process, in turn. captum runs forward and back for every unit; ours
goes down from a record, and ZFNet's last lines count our forward passes too. ZFNet has no contrast normalisation here,
which captum would not pass through. Results are compared before anything is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from any_network import NETWORKS, ORACLES, measure_networks
from captum.attr import NeuronDeconvolution
from harness import Timing, compare, hardware, table
from torch import Tensor, nn
from units import PX, largest_difference, smooth_noise, strongest

from zfnet.deconv import Deconvnet
from zfnet.forward import Record, paste_windows
from zfnet.models import ZFNET, ConvNet, without

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")
WAYS = ("captum, one a call", "captum, batched", "dense batches", "windows", "windows, bfloat16")


class Captum:
    """captum's deconvolution of one layer, for seeds of one."""

    def __init__(self, model: nn.Module, layer: str, images: Tensor) -> None:
        self.method, self.images = NeuronDeconvolution(model, model.get_submodule(f"relu{layer[-1]}")), images

    def one_by_one(self, units: Tensor) -> list[Tensor]:
        return [
            self.method.attribute(self.images[image : image + 1], neuron_selector=tuple(unit))
            for image, *unit in units.tolist()
        ]

    def together(self, units: Tensor) -> Tensor:
        """Many images in one call: the selector may be a function that takes one unit of each."""

        def chosen(maps: Tensor) -> Tensor:
            return maps[torch.arange(len(units)), units[:, 1], units[:, 2], units[:, 3]]

        pixels: Tensor = self.method.attribute(self.images[units[:, 0]], neuron_selector=chosen)
        return pixels


def differences(deconvnet: Deconvnet, record: Record, layer: str, units: Tensor, captum: Captum) -> float:
    """The largest difference of any of our ways from captum, relative to captum's largest pixel."""
    expected = torch.cat(captum.one_by_one(units)).detach()
    crops, corners = deconvnet.project_windows(record, layer, units, scale=1)
    ways = (
        paste_windows(crops, corners, (PX, PX)),
        deconvnet.project(record, layer, units, scale=1),
        captum.together(units),
    )
    return max(largest_difference(way.detach(), expected) for way in ways)


def measure(arguments: argparse.Namespace) -> str:
    torch.manual_seed(arguments.seed)
    model = ConvNet(without(ZFNET, "norm1", "norm2"), 1000, PX).eval()
    images = smooth_noise(arguments.images, arguments.seed)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images, LAYERS)
    generator = torch.Generator().manual_seed(arguments.seed)
    rows, totals, everything = [], [0.0] * len(WAYS), 0
    for layer in LAYERS:
        units = strongest(record.maps[layer])
        everything += len(units)
        chosen = units[torch.randperm(len(units), generator=generator)[: arguments.units]]
        captum = Captum(model, layer, images)
        apart = differences(deconvnet, record, layer, chosen[: arguments.calls], captum)
        if apart > 1e-4:
            raise SystemExit(f"{layer}: the results differ by {apart:.1e} of the largest pixel, nothing was timed")
        timings, counts = compare_ways(deconvnet, record, layer, chosen, captum, arguments)
        rows.append([layer, f"{len(units):,}", *cells(timings, counts), f"{apart:.0e}"])
        seconds = [len(units) * t.median_s / count for t, count in zip(timings, counts, strict=True)]
        totals = [total + more for total, more in zip(totals, seconds, strict=True)]
    forward: dict[str, Callable[[], object]] = {"record": partial(deconvnet.record, images, LAYERS)}
    forward_s = compare(forward, rounds=max(arguments.rounds // 3, 1))[0].median_s
    with_forward = [
        total + (0 if way.startswith("captum") else forward_s) for way, total in zip(WAYS, totals, strict=True)
    ]
    rows.append(["all, s", f"{everything:,}", *whole(totals), ""])
    rows.append([f"all, with the record of {len(images)} images, s", "", *whole(with_forward), ""])
    return table(["ms a unit (times captum)", "units", *WAYS, "largest difference"], rows)


def compare_ways(
    deconvnet: Deconvnet, record: Record, layer: str, units: Tensor, captum: Captum, arguments: argparse.Namespace
) -> tuple[list[Timing], list[int]]:
    """Every way in turn, each on the first so many of the units, and how many."""
    few, more = units[: arguments.calls], units[: 4 * arguments.calls]
    down = partial(deconvnet.project_windows, record, layer, scale=1)
    half = partial(down, dtype=torch.bfloat16)
    jobs: list[Callable[[], object]] = [
        partial(captum.one_by_one, few),
        partial(captum.together, few),
        partial(deconvnet.project, record, layer, more, scale=1),
        partial(in_batches, down, units, arguments.batch),
        partial(in_batches, half, units, arguments.batch),
    ]
    timings = compare(dict(zip(WAYS, jobs, strict=True)), arguments.rounds)
    return timings, [len(few), len(few), len(more), len(units), len(units)]


def in_batches(down: Callable[[Tensor], object], units: Tensor, batch: int) -> None:
    for part in units.split(batch):
        down(part)


def cells(timings: list[Timing], counts: list[int]) -> list[str]:
    """Milliseconds a unit, and the median over the rounds of how many times as fast a unit was as the first job's."""
    return [
        f"{1e3 * t.median_s / count:.3g} ({t.times_the_first * count / counts[0]:.3g})"
        for t, count in zip(timings, counts, strict=True)
    ]


def whole(seconds: list[float]) -> list[str]:
    """Seconds, and how many times as fast as the first."""
    return [f"{one:.3g} ({seconds[0] / one:.3g})" for one in seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", nargs="*", help="names that build_model takes; none: three of torchvision's")
    parser.add_argument("--layers", nargs="+", help="of one such network, modules that captum can watch")
    parser.add_argument("--rule", choices=ORACLES, default="deconvnet", help="guided goes by autograd, ours too")
    parser.add_argument("--units", type=int, default=64, help="units a layer in each round by ours")
    parser.add_argument("--calls", type=int, default=4, help="units a layer in each round by the others")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, help="images in the record; 64 of ZFNet, 8 of others")
    parser.add_argument("--batch", type=int, default=64, help="units that go down together by windows, of ZFNet")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(hardware())
    if arguments.network is None:
        arguments.images = arguments.images or 64
        print(measure(arguments))
    else:
        arguments.images = arguments.images or 8
        measure_networks(layers_of(parser, arguments), arguments)


def layers_of(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> dict[str, list[str]]:
    """The networks that were asked for and their layers."""
    if not arguments.network:
        return NETWORKS
    if arguments.layers is None and set(arguments.network) <= NETWORKS.keys():
        return {name: NETWORKS[name] for name in arguments.network}
    if arguments.layers is None or len(arguments.network) != 1:
        parser.error(f"--layers goes with one --network; only {', '.join(NETWORKS)} have layers of their own here")
    return {arguments.network[0]: arguments.layers}


if __name__ == "__main__":
    main()

"""Units of any network: our way down, the way by units that was there before, and captum, in one process, in turn.

scripts/bench project_network                        SqueezeNet, GoogLeNet and ResNet-50, about five minutes
scripts/bench project_network --network torchvision:densenet121 --layers features.denseblock2.denselayer6.conv2

Random weights, smooth noise as images, seeds of one at the strongest places. Nothing is timed unless all agree.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from by_unit import project_by_unit
from captum.attr import NeuronDeconvolution, NeuronGuidedBackprop
from harness import compare, hardware, table
from project import PX, smooth_noise, strongest
from torch import Tensor, nn

from zfnet import build_model
from zfnet.deconv import Deconvnet
from zfnet.forward import paste_windows

NETWORKS = {
    "torchvision:squeezenet1_0": ["features.5.expand3x3", "features.9.expand3x3", "features.12.expand3x3"],
    "torchvision:googlenet": ["inception3b.branch2.1.conv", "inception4c.branch3.1.conv"],
    "torchvision:resnet50": ["layer1.2.conv2", "layer2.3.conv2", "layer3.5.conv2"],
}
HEAD = ["network, layer", "by units, ms a unit", "captum, one a call", "ours", "ours, bfloat16", "way", "differences"]
ORACLES = {"deconvnet": NeuronDeconvolution, "guided": NeuronGuidedBackprop}
ROUNDING = 1e-4  # of the largest pixel


def by_captum(model: nn.Module, layer: str, images: Tensor, units: Tensor, rule: str) -> Tensor:
    method = ORACLES[rule](model, model.get_submodule(layer))
    return torch.cat([method.attribute(images[image : image + 1], tuple(unit)) for image, *unit in units.tolist()])


def measure(name: str, layers: list[str], given: argparse.Namespace) -> list[list[str]]:
    torch.manual_seed(given.seed)
    model, images = build_model(name).eval(), smooth_noise(given.images, given.seed)
    deconvnet, rows = Deconvnet(model, given.rule), []
    generator = torch.Generator().manual_seed(given.seed)
    for layer in layers:
        record = deconvnet.record(images, [layer])
        found = strongest(record.maps[layer])
        units = found[torch.randperm(len(found), generator=generator)[: given.units]]
        few = units[: given.calls]
        down = partial(deconvnet.project_windows, record, layer, scale=1)
        before = project_by_unit(model, layer, images, few, given.rule)
        apart = largest_difference(deconvnet.project(record, layer, few, scale=1), before)
        if deconvnet.field(layer) is not None:
            apart = max(apart, largest_difference(paste_windows(*down(few), (PX, PX)), before))
        sees_all = apart if name.endswith("googlenet") else largest_difference(
            by_captum(model, layer, images, few, given.rule).detach(), before
        )  # fmt: skip
        if max(apart, sees_all) > ROUNDING:
            raise SystemExit(f"{name} {layer}: the results differ by {max(apart, sees_all):.1e}: nothing was timed")
        jobs: dict[str, Callable[[], object]] = {
            "by units": partial(project_by_unit, model, layer, images, few, given.rule),
            "captum": partial(by_captum, model, layer, images, few, given.rule),
            "ours": partial(down, units),
            "bfloat16": partial(down, units, dtype=torch.bfloat16),
        }
        timings, counts = compare(jobs, given.rounds), [len(few), len(few), len(units), len(units)]
        cells = [
            f"{1e3 * t.median_s / n:.3g}"
            + (f" ({t.times_the_first * n / len(few):.3g})" if t.name != "by units" else "")
            for t, n in zip(timings, counts, strict=True)
        ]
        half = largest_difference(down(few, dtype=torch.bfloat16)[0], down(few)[0])
        told = f"{apart:.0e}, in bfloat16 {half:.0e}"
        rows.append([f"{name.partition(':')[2]} {layer}", *cells, deconvnet.explain(layer), told])
        print(table(HEAD, rows[-1:]).splitlines()[-1], flush=True)
    return rows


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """Relative to the largest pixel of each projection."""
    largest = theirs.abs().amax((1, 2, 3), keepdim=True)
    return float(((ours - theirs) / largest.clamp(min=1e-30)).abs().max())


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench project_network", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", help="a name that build_model takes (default: three of torchvision's)")
    parser.add_argument("--layers", nargs="+", help="of that network, modules that captum can watch")
    parser.add_argument("--units", type=int, default=48, help="units a layer in each round, ours (default 48)")
    parser.add_argument("--calls", type=int, default=4, help="units a layer in each round, the others (default 4)")
    parser.add_argument("--images", type=int, default=8, help="images in the record (default 8)")
    parser.add_argument("--rule", choices=ORACLES, default="deconvnet", help="guided goes by autograd, ours too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if (given.network is None) != (given.layers is None):
        parser.error("--network and --layers go together")
    print(hardware())
    print(table(HEAD, []))
    for name, layers in ({given.network: given.layers} if given.network else NETWORKS).items():
        measure(name, layers, given)


if __name__ == "__main__":
    main()

"""Units of any network: our way down, the way by units that was there before, and captum."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from captum.attr import NeuronDeconvolution, NeuronGuidedBackprop
from harness import compare, table
from torch import Tensor, nn
from units import PX, largest_difference, smooth_noise, strongest

from zfnet import build_model
from zfnet.deconv import Deconvnet, Rule
from zfnet.forward import paste_windows, temporary_hooks
from zfnet.models import evaluating

NETWORKS = {
    "torchvision:squeezenet1_0": ["features.5.expand3x3", "features.9.expand3x3", "features.12.expand3x3"],
    "torchvision:googlenet": ["inception3b.branch2.1.conv", "inception4c.branch3.1.conv"],
    "torchvision:resnet50": ["layer1.2.conv2", "layer2.3.conv2", "layer3.5.conv2"],
}
HEAD = ["network, layer", "by units, ms a unit", "captum, one a call", "ours", "ours, bfloat16", "way", "differences"]
ORACLES = {"deconvnet": NeuronDeconvolution, "guided": NeuronGuidedBackprop}
ROUNDING = 1e-4  # of the largest pixel; captum, which hooks modules, misses relus that are functions


class _Reached(Exception):
    pass


def project_by_unit(model: nn.Module, layer: str, images: Tensor, units: Tensor, rule: str = "deconvnet") -> Tensor:
    """As units were projected before there was a graph: a forward and a backward pass of the whole image for each.

    Pixels (N, 3, H, W) of units (N, 4) of a module's output, with seeds of one, by autograd under the
    rule.
    """
    leaf, reached = images[units[:, 0]].clone().requires_grad_(), list[Tensor]()

    def arrive(module: nn.Module, inputs: object, output: Tensor) -> None:
        reached.append(output)
        raise _Reached

    with temporary_hooks() as hooks, torch.enable_grad(), evaluating(model):
        hooks.put(model.get_submodule(layer).register_forward_hook, arrive)
        try:
            with Rule(rule):
                model(leaf.clone())
        except _Reached:
            pass
    seeds = torch.zeros_like(reached[0])
    _, maps, rows, columns = units.unbind(1)
    seeds[(torch.arange(len(units)), maps, rows, columns)[: seeds.ndim]] = 1
    (pixels,) = torch.autograd.grad(reached[0], leaf, seeds)
    return pixels


def by_captum(model: nn.Module, layer: str, images: Tensor, units: Tensor, rule: str) -> Tensor:
    method = ORACLES[rule](model, model.get_submodule(layer))
    return torch.cat([method.attribute(images[image : image + 1], tuple(unit)) for image, *unit in units.tolist()])


def measure_networks(layers: dict[str, list[str]], given: argparse.Namespace) -> None:
    """Prints the table, line by line."""
    print(table(HEAD, []))
    for name, own in layers.items():
        measure(name, own, given)


def measure(name: str, layers: list[str], given: argparse.Namespace) -> None:
    torch.manual_seed(given.seed)
    model, images = build_model(name).eval(), smooth_noise(given.images, given.seed)
    deconvnet = Deconvnet(model, given.rule)
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
        if apart > ROUNDING:
            raise SystemExit(f"{name} {layer}: the results differ by {apart:.1e}: nothing was timed")
        theirs = largest_difference(by_captum(model, layer, images, few, given.rule).detach(), before)
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
        told = f"{apart:.0e}, in bfloat16 {half:.0e}" + (f", captum {theirs:.0e}" if theirs > ROUNDING else "")
        row = [f"{name.partition(':')[2]} {layer}", *cells, deconvnet.explain(layer), told]
        print(table(HEAD, [row]).splitlines()[-1], flush=True)

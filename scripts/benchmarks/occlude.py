"""Occlusion of one image by ZFNet or another network: ours, captum, and MONAI if it is there. 32 and 48 px, step 8.

scripts/bench occlude                          about four minutes on two cores
scripts/bench occlude --rounds 9 --format contiguous
scripts/bench occlude --network torchvision:resnet18 --sizes 32

All in the same floats and memory format, one process, in turn. captum and MONAI run the whole network for every place,
captum in the batch size that is best here. They average over the squares that cover a pixel: ours averaged the same way
is compared with captum's first. MONAI is no dependency: pip install monai brings its row.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import torch
from captum.attr import Occlusion as CaptumOcclusion
from harness import compare, hardware, table
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from zfnet import build_model, occlude
from zfnet.analysis.occlusion import Occlusion, averaged_drop, share_of_products
from zfnet.forward.graph import trace
from zfnet.models import undisturbed

PX, STEP = 224, 8
SPREAD = 3.0  # of the class scores
FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


def photograph() -> Tensor:
    """A photograph that ships with scikit-learn, (1, 3, 224, 224), its mean about zero."""
    pixels = torch.from_numpy(load_sample_images().images[0][100 : 100 + PX, 200 : 200 + PX].copy())
    return (pixels.permute(2, 0, 1)[None] - 120.0) / 60


def network(name: str) -> nn.Module:
    """The network with weights that keep the signal's size from layer to layer, so that its answers differ."""
    torch.manual_seed(0)
    model = build_model(name, num_classes=1000).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    with torch.no_grad():  # no class is certain, so that hiding a place changes something
        last = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)][-1]
        last.weight.mul_(SPREAD / model(photograph()).std())
    return model


def by_captum(model: nn.Module, image: Tensor, target: int, size_px: int, batch: int, step_px: int = STEP) -> Tensor:
    """captum's mean drop of the target's probability over the squares that cover each pixel, (224, 224)."""
    method = CaptumOcclusion(lambda images: model(images).softmax(1))
    with torch.no_grad():
        drops: Tensor = method.attribute(
            image, (3, size_px, size_px), (3, step_px, step_px), target=target, perturbations_per_eval=batch
        )
    return drops[0, 0]


def best_batch(model: nn.Module, image: Tensor, target: int) -> int:
    """captum's fastest batch size, tried on 81 places, twice: the first pass also warms up."""
    seconds = {}
    for batch in 2 * (4, 8, 16, 32, 64):
        started_s = time.perf_counter()
        by_captum(model, image, target, 32, batch, step_px=24)
        seconds[batch] = time.perf_counter() - started_s
    return min(seconds, key=lambda batch: seconds[batch])


def by_monai(model: nn.Module, image: Tensor, target: int, size_px: int, batch: int) -> object:
    from monai.visualize import OcclusionSensitivity

    overlap = 1 - (STEP + 1e-6) / size_px  # MONAI rounds the step down: 7.999... would be 7
    method = OcclusionSensitivity(
        model, mask_size=size_px, n_batch=batch, verbose=False, mode=0.0, overlap=overlap,
        activate=lambda scores: scores.softmax(1)[:, target : target + 1],
    )  # fmt: skip
    with torch.no_grad():
        return method(image)


def measure(size_px: int, given: argparse.Namespace) -> str:
    kept = FORMATS[given.format]
    model, image = network(given.network).to(memory_format=kept), photograph().to(memory_format=kept)
    with torch.no_grad():
        target = int(model(image).argmax())
    batch = best_batch(model, image, target)
    ours = partial(occlude, model, image[0], target, size_px, STEP, progress=False)
    heat = ours()
    apart = float((averaged_drop(heat) - by_captum(model, image, target, size_px, batch)).abs().max())
    if apart > 1e-5:
        raise SystemExit(f"the averaged drops differ from captum's by {apart:.1e}: nothing was timed")
    jobs: dict[str, Callable[[], object]] = {
        f"captum, batches of {batch}": partial(by_captum, model, image, target, size_px, batch)
    }
    if find_spec("monai") is not None:
        jobs[f"MONAI, batches of {batch}"] = partial(by_monai, model, image, target, size_px, batch)
    jobs["ours, plain"] = partial(ours, incremental=False)
    jobs["ours"] = ours
    jobs["ours, bfloat16"] = partial(
        occlude, copy.deepcopy(model).bfloat16(), image[0], target, size_px, STEP, progress=False
    )
    rows = [[one.name, f"{one.median_s:.2f}", f"{one.times_the_first:.2f}"] for one in compare(jobs, given.rounds)]
    head = [f"{given.network}, {size_px} px, {heat.probability.numel()} places, {given.format}", "s", "times captum"]
    largest = float(averaged_drop(heat).abs().max())
    return (
        f"{table(head, rows)}\naveraged drops, of up to {largest:.2g}, equal captum's to {apart:.1e}; "
        f"{counted_share(model, image, heat):.1%} of the products remain"
    )


def counted_share(model: nn.Module, image: Tensor, heat: Occlusion) -> float:
    """The share of the products that the squares leave, over their places."""
    with undisturbed(model):
        return share_of_products(trace(model, image), torch.cartesian_prod(heat.rows, heat.columns), heat.size_px)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench occlude", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 48], help="squares in pixels (default 32 48)")
    parser.add_argument("--format", choices=FORMATS, default="channels_last", help="memory format of all")
    parser.add_argument("--network", default="zfnet", help="a name that build_model takes (default zfnet)")
    parser.add_argument("--rounds", type=int, default=3, help="sweeps of each that are counted (default 3)")
    given = parser.parse_args()
    print(hardware())
    for size_px in given.sizes:
        print(f"\n{measure(size_px, given)}", flush=True)


if __name__ == "__main__":
    main()

"""docs/networks.md: which way the layers of torchvision's and timm's networks go down, how long a unit takes, and why.

scripts/bench networks > docs/networks.md           about ten minutes on two cores
scripts/bench networks torchvision:resnet50 timm:dla34

Random weights (which way a layer goes does not depend on them), one image of 224 px, units of seed one. A layer is
timed by windows or whole maps where it has an explicit way, else by autograd.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections import Counter

import torch
import torchvision
from harness import hardware, table
from units import smooth_noise

from zfnet import build_model
from zfnet.deconv import Deconvnet
from zfnet.forward import Record

TIMM = (
    "resnet26d", "resnetblur18", "res2net50_26w_4s", "dla34", "hrnet_w18_small", "repvgg_a0", "inception_v4",
    "mobilenetv1_100", "regnetx_002", "selecsls42", "cspresnet50", "vovnet39a",
    "ese_vovnet19b_dw", "hardcorenas_a", "skresnet18", "gernet_s", "darknet17", "resnetv2_50", "densenetblur121d",
    "xception41", "convmixer_768_32", "edgenext_small", "poolformer_s12",
)  # fmt: skip
FAMILIES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_large", "regnet_x_400mf", "regnet_y_400mf", "resnet18",
    "resnet50", "resnet152", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_0", "swin_t", "vgg16", "vgg16_bn",
    "vit_b_32", "wide_resnet50_2",
)  # fmt: skip
HEAD = ["network", "layers", "windows", "explicit", "autograd", "refused", "early", "middle", "late", "first reason"]
TEXT = """# Networks

Which way the convolutions and linear layers of other zoos' networks go down under the deconvnet rule, as
`Deconvnet.explain` tells it, by `scripts/bench networks`. **windows**: many units together, each on its own receptive
field. **explicit**: the units see the whole image, so whole maps go down at the end, without another forward pass.
**autograd**: one forward pass an image and a gradient a unit. **refused**: an operation below has no sound reverse
(SiLU, GELU, gates by squeeze and excitation, attention); `rule="gradient"` still serves those. The three times are
milliseconds a unit for a layer after a tenth, a half and nine tenths of the layers that are not refused. The reason is
that of the first layer which does not go explicitly.

Measured on {hardware}; random weights, 224 px.

"""


def row_of(name: str) -> list[str]:
    """A line of the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # timm's about names it gave up
        model = build_model(name, input_px=224).eval()
    deconvnet, image = Deconvnet(model), smooth_noise(1, 0)
    ways = {layer: deconvnet.explain(layer) for layer in deconvnet.layers if _runs(deconvnet, layer)}
    by_autograd = [layer for layer, way in ways.items() if way.startswith("autograd")]
    record = deconvnet.record(image, by_autograd, keep=[]) if by_autograd else None
    refused = {layer for layer in by_autograd if record is not None and _is_refused(deconvnet, record, layer)}
    counts = Counter("refused" if layer in refused else way.partition(":")[0] for layer, way in ways.items())
    open_layers = [layer for layer in ways if layer not in refused]
    times = [
        f"{1e3 * seconds_a_unit(deconvnet, open_layers[int(share * (len(open_layers) - 1))], image):.3g}"
        for share in (0.1, 0.5, 0.9)
    ] if open_layers else ["", "", ""]  # fmt: skip
    reasons = [way.partition(": ")[2] for layer, way in ways.items() if way.startswith("autograd")]
    told = [str(counts[way] or "") for way in ("windows", "explicit", "autograd", "refused")]
    return [name, str(len(ways)), *told, *times, reasons[0] if reasons else ""]


def _runs(deconvnet: Deconvnet, layer: str) -> bool:
    try:
        deconvnet.explain(layer)
    except ValueError:
        return False
    return True


def _is_refused(deconvnet: Deconvnet, record: Record, layer: str) -> bool:
    try:
        deconvnet.project(record, layer, [[0, 0, 0, 0]], scale=1)
    except ValueError:  # an operation without a rule, or a layer that does not depend on the image
        return True
    return False


def seconds_a_unit(deconvnet: Deconvnet, layer: str, image: torch.Tensor, count: int = 16) -> float:
    """The median of three calls with so many units of random maps and places."""
    record = deconvnet.record(image, [layer])
    size = record.sizes[layer] if len(record.sizes[layer]) == 3 else (*record.sizes[layer], 1, 1)
    generator = torch.Generator().manual_seed(0)
    count = count if layer in record.explicit else 2
    places = [torch.randint(bound, (count,), generator=generator) for bound in (1, *size)]
    units, seconds = torch.stack(places, 1), []
    for _ in range(3):
        started_s = time.perf_counter()
        deconvnet.project_windows(record, layer, units, scale=1)
        seconds.append((time.perf_counter() - started_s) / count)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench networks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("networks", nargs="*", help="names that build_model takes (default: those of the page)")
    given = parser.parse_args()
    known = torchvision.models.list_models(module=torchvision.models)
    names = given.networks or [f"torchvision:{n}" for n in FAMILIES if n in known] + [f"timm:{n}" for n in TIMM]
    print(TEXT.format(hardware=hardware()) + table(HEAD, []), flush=True)
    for name in names:
        print(table(HEAD, [row_of(name)]).splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()

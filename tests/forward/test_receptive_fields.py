"""Receptive fields of networks that are no chain, against where a pixel that is no number spoils the maps."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet import Deconvnet, build_model
from zfnet.forward import receptive_field


def reaches(deconvnet: Deconvnet, layers: list[str], px: int, rows: list[int]) -> dict[str, Tensor]:
    """Whether an image row matters to each row of a layer's middle column: nan in one makes nan of the other."""
    images = torch.zeros(len(rows), 3, px, px, dtype=torch.float64)
    images[range(len(rows)), :, rows] = torch.nan
    with torch.no_grad():
        maps = deconvnet.activations(images, layers)
    return {layer: m[:, :, :, m.shape[3] // 2].isnan().any(1) for layer, m in maps.items()}


@pytest.mark.parametrize(
    ("name", "layers", "px"),
    [
        ("squeezenet1_0", ["features.3.squeeze", "features.4", "features.7.expand3x3", "features.9"], 96),
        ("resnet18", ["conv1", "layer1.0", "layer2.0.conv1", "layer2.0"], 64),
        ("googlenet", ["inception3a"], 96),
        ("inception_v3", ["Mixed_5b"], 107),
    ],
)
def test_fields_are_where_pixels_matter(name: str, layers: list[str], px: int) -> None:
    model = build_model(f"torchvision:{name}", num_classes=3).double()
    deconvnet = Deconvnet(model)
    for unit in (0, 2):
        edges = {}
        for layer in layers:
            field = receptive_field(model, layer)
            assert field is not None
            start = field.offset_px[0] + unit * field.step_px[0]
            edges[layer] = (start, start + field.size_px[0])
        rows = sorted({row for edge in edges.values() for first in edge for row in (first - 1, first) if 0 <= row < px})
        for layer, seen in reaches(deconvnet, layers, px, rows).items():
            start, end = edges[layer]
            assert seen[:, unit].tolist() == [start <= row < end for row in rows], (layer, unit)


def test_layers_that_see_everything_or_might_have_no_field() -> None:
    deconvnet = Deconvnet(build_model("torchvision:squeezenet1_0", num_classes=3))
    assert receptive_field(deconvnet.model, "classifier.3") is None  # average over all places
    assert receptive_field(build_model("torchvision:mobilenet_v3_small"), "features.0") is not None
    assert receptive_field(build_model("torchvision:mobilenet_v3_small"), "features.4.block.2") is None  # squeezed

    class Rolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(F.relu(self.first(x)).roll(3, 2))

    class Asking(Rolled):
        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x)) if x.sum() > 0 else self.first(x)

    assert receptive_field(Rolled(), "first").size_px == (3, 3)
    assert receptive_field(Rolled(), "second") is None
    asking = Asking().train()
    assert receptive_field(asking, "second") is None
    assert asking.training


def test_chains_are_asked_for_theirs() -> None:
    field = receptive_field(build_model("zfnet", width=0.1), "conv5")
    assert (field.size_px[0], field.step_px[0], field.offset_px[0]) == (139, 16, -49)

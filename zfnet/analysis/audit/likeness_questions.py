"""What changes a picture: other weights, another image, another class or map, another training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zfnet.analysis.audit.findings import Finding, findings
from zfnet.analysis.audit.methods import Pictures, make_pictures
from zfnet.analysis.audit.picture_likeness import likeness
from zfnet.analysis.audit.random_weights import drawn_anew, layers_below, spread_stages
from zfnet.analysis.audit.targets import Targets, map_count, other_maps

Draw = Callable[[str, nn.Module, Tensor, Targets], Pictures]


@dataclass(frozen=True, kw_only=True)
class Intact:
    """A network, images (B, 3, H, W), what is asked about on each, and the pictures of it by one method.

    draw: how pictures are made, `make_pictures` unless a test has its own.
    """

    model: nn.Module
    images: Tensor
    targets: Targets
    method: str
    pictures: Pictures
    draw: Draw = make_pictures

    def compared(
        self, question: str, condition: str, model: nn.Module, *, images: Tensor | None = None,
        targets: Targets | None = None,
    ) -> list[Finding]:  # fmt: skip
        """How alike the intact pictures and those of something else are."""
        if self.pictures.refused:
            return self._told(question, condition, self.pictures)
        other = self.draw(
            self.method, model, self.images if images is None else images, self.targets if targets is None else targets
        )
        return self._told(question, condition, other)

    def _told(self, question: str, condition: str, other: Pictures) -> list[Finding]:
        alike = likeness(self.pictures, other, self.targets.boxes(*self.images.shape[2:]))
        return findings(question, self.targets, self.method, condition, dict(alike), pictures=other)


def intact(model: nn.Module, images: Tensor, targets: Targets, method: str, draw: Draw = make_pictures) -> Intact:
    """The pictures that all others are compared with."""
    pictures = draw(method, model, images, targets)
    return Intact(model=model, images=images, targets=targets, method=method, pictures=pictures, draw=draw)


def cascade(own: Intact, *, stages: int, seed: int) -> list[Finding]:
    """Weights drawn anew from the last layer down, and one layer at a time: how alike the pictures stay.

    Conditions: "down to LAYER" and "LAYER alone", for at most so many stages and one more, the last layer.
    """
    layers = layers_below(own.model, own.images, own.targets.layer)
    found: list[Finding] = []
    for count in spread_stages(layers, stages):
        last = layers[count - 1]
        found += own.compared("cascade", f"down to {last}", drawn_anew(own.model, layers[:count], seed))
        if count > 1:
            found += own.compared("cascade", f"{last} alone", drawn_anew(own.model, [last], seed))
    return found


def floors(own: Intact) -> list[Finding]:
    """The same class or unit on another image: what pictures have in common that show different things.

    Raises ValueError for a single image, which would be compared with itself.
    """
    if len(own.images) < 2:
        raise ValueError(f"{len(own.images)} image: expected two or more, each compared with another")
    return own.compared("sensitivity", "another image", own.model, images=own.images.roll(1, 0))


def sensitivity(own: Intact, *, seed: int) -> list[Finding]:
    """Another class, or another map, on the same image: the second strongest, and one drawn at random."""
    second = other_maps(own.model, own.images, own.targets)
    found = own.compared("sensitivity", f"second {_word(own)}", own.model, targets=second)
    generator = torch.Generator().manual_seed(seed)
    count = map_count(own.model, own.images, own.targets)
    step = torch.randint(1, max(count, 2), (len(own.images),), generator=generator)
    drawn = own.targets.with_maps((own.targets.units[:, 1] + step) % count)
    return found + own.compared("sensitivity", f"random {_word(own)}", own.model, targets=drawn)


def _word(own: Intact) -> str:
    return "class" if own.targets.kind == "class" else "map"


def training_matters(own: Intact, others: Mapping[str, nn.Module]) -> list[Finding]:
    """Pictures of the same classes by networks of another training, by what is told of each."""
    return [finding for title, other in others.items() for finding in own.compared("training", title, other)]


def whole_network(own: Intact, seeds: Sequence[int]) -> dict[str, nn.Module]:
    """Every layer drawn anew, once for each seed: "fresh weights"."""
    layers = layers_below(own.model, own.images, own.targets.layer)
    return {f"fresh weights, seed {seed}": drawn_anew(own.model, layers, seed) for seed in seeds}

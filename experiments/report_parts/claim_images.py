"""Sentences 5 to 9: what becomes of images that are moved, enlarged, turned or hidden in part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.common.config import as_list
from experiments.report_parts.claim_settings import Asked
from experiments.report_parts.inner_job import LeftOut
from zfnet.analysis.claims import (
    Effect,
    abruptness_effect,
    object_effect,
    projection_effect,
    projection_places,
    turning_effects,
)
from zfnet.analysis.invariance import Invariance, default_settings, invariance
from zfnet.analysis.occlusion import Occlusion, occlude, pointing_game
from zfnet.data import box_in_view, class_number, classes_of_images, upright_size
from zfnet.data.parts_world import read_parts
from zfnet.deconv import Deconvnet, NoReverseRule
from zfnet.network import Network

SETTINGS = 9  # at most, of the transforms' own: enough to read half of the way
TURNS = 13
BOXES = ("parts.json", "boxes.json")
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class ImageClaims:
    """The images that are asked about, and what each sentence finds in them."""

    asked: Asked

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        source = self.asked.views.source
        count = min(self.asked.settings.count, len(source))
        spread = np.linspace(0, len(source) - 1, count).round().astype(np.int64)
        return spread[(source.read(spread.tolist())[1] >= 0).numpy()]  # one that cannot be read is all grey

    @cached_property
    def chosen(self) -> tuple[NDArray[np.int64], Tensor, Tensor]:
        """Numbers (N,), images (N, 3, H, W) and classes (N,) of those that the network takes for what they are.

        Where neither folders nor names tell a class, all of them, each as what it is taken for.
        """
        asked, model = self.asked, self.asked.network.model
        known = classes_of_images(asked.views.source, asked.network)
        told = [known[number] for number in self.numbers.tolist()]
        images = asked.views.fetch(self.numbers.tolist()).inputs
        with torch.no_grad():
            guess = torch.cat([model(batch).argmax(1) for batch in images.split(asked.views.batch_size)]).cpu()
        right = torch.tensor([one is None or one == own for one, own in zip(told, guess.tolist(), strict=True)])
        if right.sum() < 2:
            raise LeftOut(f"the network takes {int(right.sum())} of {len(right)} images for what they are")
        return self.numbers[right.numpy()], images[right], guess[right]

    @cached_property
    def boxes(self) -> list[Box | None]:
        """The object of each image where the network sees it, of data whose boxes are known; None without one."""
        root, frame, source = self.asked.root, self.asked.network.frame, self.asked.views.source
        if root is None or not any((Path(root) / name).is_file() for name in BOXES):
            return []
        listed = {image.path: image.object for image in read_parts(root).images}
        found: list[Box | None] = []
        for number in self.chosen[0].tolist():
            parts = Path(source.path(number)).parts  # of a pack: as it lay where it was packed
            path = next((one for one in ("/".join(parts[-deep:]) for deep in (3, 2, 1)) if one in listed), None)
            if path is None:
                found.append(None)
                continue
            size = upright_size(str(Path(root) / path))  # as boxes are
            found.append(box_in_view(listed[path], *size, frame.side_px, frame.size_px))
        return found

    def swept(self, network: Network, name: str) -> Invariance:
        _, images, target = self.chosen
        size = (images.shape[2], images.shape[3])
        every, most = default_settings(name, size), TURNS if name == "rotation" else SETTINGS
        values = every[torch.linspace(0, len(every) - 1, min(most, len(every))).round().long()]
        return invariance(network.model, images, target, name, values=values, frame=network.frame)

    @cached_property
    def sweeps(self) -> dict[str, list[Invariance]]:
        """By transform: the network's, then those with fresh weights."""
        networks = [self.asked.network, *self.asked.fresh]
        return {
            name: [self.swept(one, name) for one in networks] for name in ("translation_y", "scale", "rotation")
        }  # fmt: skip

    def occluded(self, network: Network) -> Occlusion:
        _, images, target = self.chosen
        size_px, settings = network.frame.size_px, self.asked.settings
        return occlude(
            network.model, images, target,
            size_px=settings.square_px or max(1, size_px * 3 // 14),  # 48 of 224
            stride_px=settings.stride_px or max(1, size_px // 9),
        )  # fmt: skip

    @cached_property
    def heats(self) -> list[Occlusion]:
        return [self.occluded(one) for one in (self.asked.network, *self.asked.fresh)]

    def moving(self, name: str) -> list[Effect]:
        """Sentences 5 and 6."""
        own, *fresh = self.sweeps[name]
        return [abruptness_effect(own, floors=_floor([abruptness_effect(one) for one in fresh]))]

    def turning(self) -> list[Effect]:
        """Sentence 7."""
        named = {class_number(word, self.asked.network) for word in as_list(self.asked.settings.symmetric)}
        symmetric = np.isin(self.chosen[2].numpy(), sorted(named))

        def effects(at: int) -> list[Effect]:
            others = [self.sweeps[name][at] for name in ("translation_y", "scale")]
            return turning_effects(self.sweeps["rotation"][at], others, symmetric)

        first, *rest = effects(0)
        floors = _floor([effects(1 + at)[0] for at in range(len(self.asked.fresh))])
        return [replace(first, floors=floors), *rest]

    def hiding(self) -> list[Effect]:
        """Sentence 8."""
        if not any(self.boxes):
            raise LeftOut("no image has the box of its object: that takes a parts.json or boxes.json beside the images")
        size_px = self.asked.network.frame.size_px
        floors = _floor([object_effect(one, self.boxes, size_px) for one in self.heats[1:]])
        effect = object_effect(self.heats[0], self.boxes, size_px, floors)
        game = pointing_game(self.heats[0], [[] if box is None else [box] for box in self.boxes])
        there = torch.tensor([box is not None for box in self.boxes])
        shares = {
            f"greatest drop on the object{what}": float(values[there].double().mean())
            for what, values in (("", game.hit), (", by chance", game.chance), (", from the centre", game.middle))
        }
        return [_with_parts(effect, shares)]

    def projecting(self) -> list[Effect]:
        """Sentence 9."""

        def effect(network: Network, heat: Occlusion, floors: dict[str, float]) -> Effect:
            places = projection_places(Deconvnet(network.model), self.chosen[1], heat)
            return projection_effect(heat, places, floors)

        layer = dict(self.asked.network.model.named_modules()).get(self.heats[0].layer)
        if not isinstance(layer, nn.Conv2d):
            raise LeftOut(f"{self.heats[0].layer} is no convolution: it has no maps to project")
        try:
            fresh = [
                effect(one, heat, {}) for one, heat in zip(self.asked.fresh, self.heats[1:], strict=True)
            ]  # fmt: skip
            return [effect(self.asked.network, self.heats[0], _floor(fresh))]
        except NoReverseRule as refusal:
            raise LeftOut(str(refusal)) from refusal

    @property
    def measures(self) -> dict[int, Callable[[], Sequence[Effect]]]:
        return {
            5: lambda: self.moving("translation_y"), 6: lambda: self.moving("scale"), 7: self.turning, 8: self.hiding,
            9: self.projecting,
        }  # fmt: skip


def _floor(fresh: Sequence[Effect]) -> dict[str, float]:
    return {"fresh weights": float(np.mean([one.value for one in fresh]))} if fresh else {}


def _with_parts(effect: Effect, more: dict[str, float]) -> Effect:
    return replace(effect, parts={**effect.parts, **more})

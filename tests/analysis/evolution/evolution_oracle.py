"""The strongest views of an epoch found slowly: every activation kept, sorted by numpy at the end."""

from __future__ import annotations

import copy
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from zfnet import build_model
from zfnet.analysis.evolution.moment import Moment
from zfnet.data.frame import make_frame
from zfnet.training import Observer, Recipe, Trainer

RECIPE = Recipe(epochs=3, batch_size=8, learning_rate=0.02, init="kaiming", input_scale="unit", views="anywhere")


def trainer_on(source, val, recipe: Recipe = RECIPE, **options) -> Trainer:
    torch.manual_seed(99)
    model = build_model("zfnet", len(source.wnids), width=0.05, input_px=64, channels=len(source.mean()))
    return Trainer(model, recipe, make_frame(recipe.input_scale, source, 64), source, val, **options)


class Kept:
    """A Keeper in memory."""

    def __init__(self) -> None:
        self.moments: dict[int, Moment] = {}
        self.begun: list[int] = []
        self.ended: list[bool] = []

    def begin(self, epoch: int) -> None:
        self.begun.append(epoch)

    def keep(self, moment: Moment) -> None:
        self.moments[moment.epoch] = moment

    def end(self, finished: bool) -> None:
        self.ended.append(finished)


class Slow(Observer):
    """Runs a copy of the network on what the network is about to see, and keeps all rectified maps of all layers."""

    def __init__(self) -> None:
        self.seen: dict[int, list] = defaultdict(list)

    def on_batch(self, trainer, seen):
        twin = copy.deepcopy(trainer.model).train()
        for module in twin.modules():
            module._forward_hooks.clear()
        maps, x = {}, seen.images
        state = torch.get_rng_state()
        with torch.no_grad(), trainer.stepper.autocast():
            for name, module in twin.named_children():
                x = F.relu(x) if isinstance(module, nn.ReLU) else module(x)
                if isinstance(module, nn.ReLU):
                    kind = "conv" if x.ndim == 4 else "fc"
                    maps[f"{kind}{name[-1]}"] = x.double().numpy()
        torch.set_rng_state(state)  # as if it had not dropped out anything
        facts = torch.stack([seen.indices, seen.views.rows, seen.views.columns, seen.views.flips.long()], 1).numpy()
        self.seen[trainer.position.epoch + 1].append((facts, seen.labels.numpy() >= 0, maps))

    def strongest(self, epoch: int, layer: str, number: int) -> dict[str, object]:
        """value, image, row, column and view of one map: the best of all by value, then lower image, then place."""
        rows = []
        for facts, readable, maps in self.seen[epoch]:
            for fact, own in zip(facts[readable], maps[layer][readable, number], strict=True):
                own = own.reshape(own.shape or (1, 1))
                place = int(own.ravel().argmax())
                rows.append((-own.max(), fact[0], place // own.shape[1], place % own.shape[1], tuple(fact[1:])))
        value, image, row, column, view = min(rows)
        return {"value": -value, "image": image, "row": row, "column": column, "view": list(view)}


def assert_strongest(moment: Moment, slow: Slow) -> int:
    """Every watched map of the moment is what the slow search found; returns how many were above zero."""
    alive = 0
    for layer, one in moment.layers.items():
        for position, number in enumerate(one.maps):
            expected = slow.strongest(moment.epoch, layer, number)
            found = {name: getattr(one, name)[position] for name in ("value", "image", "row", "column", "view")}
            found["view"] = found["view"].tolist()
            assert found == expected, (moment.epoch, layer, number)
            alive += expected["value"] > 0
    return alive


def same_moment(a: Moment, b: Moment) -> None:
    assert (a.epoch, a.changed, list(a.layers)) == (b.epoch, b.changed, list(b.layers))
    for layer, one in a.layers.items():
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(b.layers[layer], name), err_msg=f"{layer} {name}")
    for kind in ("activations", "projections"):
        for layer, gram in getattr(a, kind).items():
            np.testing.assert_array_equal(gram, getattr(b, kind)[layer])

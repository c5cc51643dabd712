"""Sentences 2 to 4 and 15: first-layer filters beside those of other trainings, and the nine strongest patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.mining import mined_once
from experiments.report_parts.claim_settings import Asked
from experiments.report_parts.inner_job import LeftOut
from experiments.report_parts.trainings import Training, open_training, trainings
from zfnet.analysis import draw_maps, picture_units, spread_of_convolutions
from zfnet.analysis.claims import (
    Effect,
    dead_effect,
    dominance_effect,
    frequency_effect,
    mixed,
    share_of_largest,
    sharing,
    sharing_effect,
    where_shown,
    where_shown_effect,
)
from zfnet.deconv import Deconvnet, NoReverseRule
from zfnet.mining import Mined
from zfnet.network import Network, with_random_weights

Found = tuple[NDArray[np.float64], NDArray[np.float64]]  # of each map (maps, 2), and the same across maps
SHARING = {"alike": sharing_effect, "where shown": where_shown_effect}  # sentence 15


@dataclass(frozen=True)
class FilterClaims:
    """What the filters of a network say, alone and beside those of other trainings over the same classes."""

    asked: Asked

    @cached_property
    def own(self) -> Training:
        """The training of the network itself, as far as it is a ZFNet with the limit."""
        model = self.asked.network.arguments.get("name", "")
        if not str(model).startswith("zfnet"):
            raise LeftOut(f"it compares trainings of ZFNet from here, this network is {model or 'none of ours'}")
        limit = next(
            (one.limit for one in self.others if one.checkpoint.parent.parent == self.asked.shelf.trained), 0.1
        )
        return Training(checkpoint=Path(self.asked.choice.source), model=str(model), seed=0, limit=limit)

    @cached_property
    def others(self) -> list[Training]:
        return trainings(self.asked.shelf.runs, self.asked.network)

    def beside(self, model: str, *, limited: bool = True) -> Network:
        """Another training's network. Raises LeftOut where there is none."""
        found = [one for one in self.others if one.model == model and (one.limit is not None) == limited]
        if not found:
            what = f"a training of {model}{'' if limited else ' with training.filter_rms_limit=null'}"
            raise LeftOut(f"no run has {what} over the same classes: train one and give run=FOLDER with it")
        return open_training(found[0], self.asked.run)

    def mined(self, network: Network, name: str, layers: Sequence[str], top: int) -> Mined:
        path = self.asked.run.folder / f"mined-{name}.npz"
        return mined_once(path, Deconvnet(network.model), self.asked.views, layers, k=top, run=self.asked.run)

    def dead(self, network: Network, name: str) -> NDArray[np.bool_]:
        """Which first-layer filters (N,) answer to no image."""
        layer = Deconvnet(network.model).layers[0]
        top = self.mined(network, name, [layer], 1)[layer]
        dead = np.zeros(len(top.value), bool)
        dead[top.dead.numpy()] = True
        return dead

    @cached_property
    def alexnet(self) -> Network:
        self.own  # noqa: B018 - which refuses other networks
        return self.beside("alexnet")

    def frequencies(self) -> list[Effect]:
        """Sentence 2."""

        def filters(network: Network, at: int) -> NDArray[np.float32]:
            return first_filters(with_random_weights(network, self.asked.settings.seed + at))

        own, alexnet = self.asked.network, self.alexnet
        fresh = [frequency_effect(filters(own, at), filters(alexnet, at)).value for at in range(len(self.asked.fresh))]
        floors = {"fresh weights": float(np.mean(fresh))} if fresh else {}
        return [frequency_effect(first_filters(own), first_filters(alexnet), floors)]

    def dead_filters(self) -> list[Effect]:
        """Sentence 3."""
        floors = {}
        if self.asked.fresh:
            fresh = with_random_weights(self.alexnet, self.asked.settings.seed)
            floors["fresh weights"] = dead_effect(
                self.dead(self.asked.fresh[0], "fresh-zfnet"), self.dead(fresh, "fresh-alexnet")
            ).value
        return [dead_effect(self.dead(self.asked.network, "zfnet"), self.dead(self.alexnet, "alexnet"), floors)]

    def dominance(self) -> list[Effect]:
        """Sentence 4."""
        if self.own.limit is None:
            raise LeftOut("this network was trained without the limit itself: give one that was trained with it")
        unlimited = self.beside(self.own.model, limited=False)
        effect = dominance_effect(first_filters(unlimited), first_filters(self.asked.network))
        fresh = {
            f"fresh weights, {at}": share_of_largest(first_filters(one)) for at, one in enumerate(self.asked.fresh)
        }
        return [replace(effect, parts={**effect.parts, **fresh})]

    def nine_strongest(self) -> list[Effect]:
        """Sentence 15, for each of up to five convolutions but the first, whose patches are what its filters are."""
        layers = spread_of_convolutions(Deconvnet(self.asked.network.model))[1:]
        fresh = self.asked.fresh[:1]
        try:
            own = self.sharing(self.asked.network, "network", layers)
            untrained = [self.sharing(one, "fresh", layers) for one in fresh]
        except NoReverseRule as refusal:
            raise LeftOut(str(refusal)) from refusal
        effects = []
        for layer in layers:
            for kind, effect in SHARING.items():
                found, across = own[layer][kind]
                floors = {"other maps": effect(layer, across).value}
                if untrained:
                    floors["fresh weights"] = effect(layer, untrained[0][layer][kind][0]).value
                effects.append(effect(layer, found, floors))
        return effects

    def sharing(self, network: Network, name: str, layers: Sequence[str]) -> dict[str, dict[str, Found]]:
        """layer -> measure of `SHARING` -> correlations within each map's strongest places, and across maps."""
        settings, views = self.asked.settings, self.asked.views
        deconvnet, found = Deconvnet(network.model), dict[str, dict[str, Found]]()
        mined = self.mined(network, f"{name}-top", layers, settings.top)
        for layer in layers:
            alive = [at for at in range(len(mined[layer].value)) if len(mined[layer].units(at)) == settings.top]
            alive = [at for at in alive if float(mined[layer].value[at, -1]) > 0]
            if len(alive) < 2:
                raise LeftOut(f"{layer} has {len(alive)} maps with {settings.top} places that answer")
            chosen = [alive[at] for at in draw_maps(settings.maps, len(alive), settings.seed)]
            units = torch.cat([mined[layer].units(number) for number in chosen])
            pictures = picture_units(deconvnet, layer, units, views.fetch, views.frame.grey)
            sets = (len(chosen), settings.top)
            shown = list(pictures.projection.reshape(*sets, *pictures.projection.shape[1:]))
            placed = [np.moveaxis(one, 1, -1) for one in shown]  # (k, h, w, 3), as patches are
            grey = np.array(views.frame.grey)
            seen = list((pictures.patch - grey).reshape(*sets, *pictures.patch.shape[1:]))
            found[layer] = {
                "alike": (sharing(shown, seen), sharing(mixed(shown), mixed(seen))),
                "where shown": (where_shown(placed, seen), where_shown([*placed[1:], placed[0]], seen)),
            }
        return found

    @property
    def measures(self) -> dict[int, Callable[[], Sequence[Effect]]]:
        return {2: self.frequencies, 3: self.dead_filters, 4: self.dominance, 15: self.nine_strongest}


def first_filters(network: Network) -> NDArray[np.float32]:
    """(N, 3, h, w)"""
    weight = network.model.get_parameter(f"{Deconvnet(network.model).layers[0]}.weight")
    return weight.detach().float().cpu().numpy()

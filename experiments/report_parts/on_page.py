"""Claims, the network and the run in the page's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.common.job import Run
from experiments.common.network import NetworkChoice
from experiments.report_parts.item_words import Wanted
from zfnet.mining import CentreViews
from zfnet.network import Network
from zfnet.pages.report import ClaimRow, EffectRow

SHOWN_FACTS = ("started", "commit", "dirty", "device", "python", "host")


def claims_of(found: Sequence[Mapping[str, Any]]) -> list[ClaimRow]:
    """What claims.json says, as rows of the page."""
    return [
        ClaimRow(
            number=one["number"], statement=one["statement"], where=one["where"], measured=one["measured"],
            verdict=one["verdict"], remarks=one["remarks"], effects=[_effect(own) for own in one["effects"]],
        )
        for one in found
    ]  # fmt: skip


def _effect(found: Mapping[str, Any]) -> EffectRow:
    return EffectRow(
        name=found["name"].replace("_", " "), value=found["value"], low=found["low"], high=found["high"],
        over=f"over {found['count']} {found['over']}", floors=found["floors"], parts=found["parts"],
    )  # fmt: skip


def lead_of(choice: NetworkChoice, network: Network, views: CentreViews, root: str | None) -> str:
    """The network and the images in two sentences."""
    name = network.arguments.get("name", type(network.model).__name__)
    parameters = sum(one.numel() for one in network.model.parameters())
    return (
        f"{name} from {choice.source}, {parameters:,} parameters, {len(network.names)} classes, looks at "
        f"{len(views.source):,} images of {root} as {network.frame.size_px} px crops of {network.frame.side_px} px "
        "squares. Figures, tables and sentences are those of Zeiler and Fergus 2013; captions are ours."
    )


def facts_of(run: Run, wanted: Wanted) -> dict[str, str]:
    """The manifest, in words."""
    facts = {} if run.manifest is None else run.manifest.facts
    shown = {name: str(facts[name]) for name in SHOWN_FACTS if facts.get(name) is not None}
    packages = {name: version for name, version in facts.get("packages", {}).items() if version}
    return {
        "command": " ".join(map(str, facts.get("command", []))),
        "network": wanted.choice.source,
        "weights": wanted.shelf.weights,
        "images": f"{wanted.root}, {len(wanted.views.source):,} images, fingerprint {wanted.shelf.data[0]}",
        "training": "none is known" if wanted.shelf.trained is None else str(wanted.shelf.trained),
        **shown,
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }

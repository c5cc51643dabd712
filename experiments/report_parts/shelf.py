"""The runs to look among, for a network and its images."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.common.network import NetworkChoice
from experiments.report_parts.kept_runs import Shelf, runs_in, training_of
from zfnet.data import fingerprints, frame_fingerprint
from zfnet.mining import CentreViews
from zfnet.models import weights_fingerprint
from zfnet.network import Network


def shelf_of(
    folders: Sequence[str], choice: NetworkChoice, network: Network, views: CentreViews, root: str | None
) -> Shelf:
    """Those below the folders; without any, the training that the network is a checkpoint of.

    Raises FileNotFoundError for a folder that is not there.
    """
    trained = training_of(choice.checkpoint)
    kept = runs_in(folders)
    if not folders and trained is not None and (trained / "manifest.json").is_file():
        kept = runs_in([trained])
    return Shelf(
        runs=kept, weights=weights_fingerprint(network.model), data=fingerprints(views.source), trained=trained,
        root=root, frame=frame_fingerprint(network.frame),
    )  # fmt: skip

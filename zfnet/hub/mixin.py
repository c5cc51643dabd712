"""push_to_hub and from_pretrained, by huggingface_hub's mixin: pip install 'zfnet[hub]'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import ModelHubMixin, snapshot_download

from zfnet.hub.released import CARD, CONFIG, FRAME, WEIGHTS, load_released, save_released
from zfnet.network import Network


class HubNetwork(ModelHubMixin):
    """A network that goes to the Hugging Face Hub and comes from it.

    HubNetwork(network, card).push_to_hub("owner/name")
    network = HubNetwork.from_pretrained("owner/name").network     # or a folder that save_pretrained wrote

    Weights come as safetensors, which hold no code. card: the README of the repository, as `model_card` writes it.
    """

    def __init__(self, network: Network, card: str = "") -> None:
        self.network, self.card = network, card

    def _save_pretrained(self, save_directory: Path) -> None:
        save_released(self.network, save_directory, self.card)

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **_: Any,
    ) -> HubNetwork:
        folder = Path(model_id)
        if not folder.is_dir():
            folder = Path(snapshot_download(
                model_id, revision=revision, cache_dir=cache_dir, force_download=force_download, token=token,
                local_files_only=local_files_only, allow_patterns=[WEIGHTS, FRAME, CONFIG, CARD],
            ))  # fmt: skip
        card = folder / CARD
        return cls(load_released(folder), card.read_text(encoding="utf-8") if card.is_file() else "")

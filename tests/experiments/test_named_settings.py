"""Settings under conf/experiment: what they compose to."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from in_process import ROOT
from omegaconf import DictConfig


def composed(job: str, *words: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(job, list(words))


@pytest.mark.parametrize("job", ["tab4_caltech101", "tab5_caltech256"])
def test_transfer_on_the_parts_world_has_images_enough_that_no_network_was_trained_on(job: str):
    config = composed(job, "experiment=transfer_parts_world", "checkpoint=a.pt")
    usual = composed("train", "experiment=demo").data
    assert config.split == "val"
    assert config.data.val_per_class >= max(config.per_class) + config.test_per_class
    for name in ("root", "pack", "seed"):
        assert config.data[name] != usual[name]
    assert (config.data.side, config.data.draw_px) == (usual.side, usual.draw_px)

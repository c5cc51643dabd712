"""pytorchcv's classifiers. Its networks of other kinds (segmentation, poses, boxes, speech) are left out."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from zfnet.models import fit, read_file, state_dict_of
from zfnet.models.zoos.zoo import (
    HubConfig,
    Zoo,
    building,
    check_classes,
    class_names,
    full_name,
    not_downloaded,
    required,
)

PACKAGE = "pytorchcv"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # "the same ordinary normalization", as its README has it
CROP_FRACTION = 0.875  # its evaluation's resize_inv_factor, where a network has none of its own
SMALL_MEAN, SMALL_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)  # its cifar10_val_transform: no resizing
SMALL_SETS = ("_cifar10", "_cifar100", "_svhn")

CLASSIFIED = ("in1k", "cf", "cub")  # data sets of its table of published weights
OF_OTHER_SETS = ("_cityscapes", "_voc", "_coco", "_ad2", "_widerface")
NO_CLASSIFIERS = (  # faces, points, motion, speech; msdnet answers once for each of its exits
    "visemenet", "nvpattexp", "prnet", "voca8flame", "superpointnet", "pfpcnet", "jasper", "raft_", "propainter",
    "msdnet",
)  # fmt: skip


def names() -> list[str]:
    """The classifiers."""
    published = _published()
    return [name for name in required("pytorchcv.model_provider")._models if _classifies(name, published.get(name))]


def _classifies(name: str, row: list[str] | None) -> bool:
    if row is not None and row[7] != "NA":
        return row[7] in CLASSIFIED
    return not (name.endswith(OF_OTHER_SETS) or name.startswith(NO_CLASSIFIERS))


def _published() -> dict[str, list[str]]:
    """Its table of weights by name: count, error, checksum, release, caption, paper, data set, size, crop fraction."""
    store = required("pytorchcv.models.common.model_store")
    return {row[0]: row for row in store.load_csv(store.get_model_metainfos_file_path())[1:]}


def config(name: str) -> HubConfig:
    """As pytorchcv evaluates its networks: the README's normalisation, and sizes of its table and of the network."""
    with torch.device("meta"):  # sizes without memory
        model = required("pytorchcv.model_provider").get_model(name)
    height, width = model.in_size
    row = _published().get(name, [])
    small = name.endswith(SMALL_SETS)
    fraction = float(row[9]) if row and row[9] != "NA" else CROP_FRACTION
    unknown = ""
    if name.endswith("_cub"):
        unknown = "pytorchcv does not say how it shows birds (CUB-200) to it"
    elif row and row[11].endswith("*"):
        unknown = "pytorchcv says that its weights need another normalisation than its networks share, but not which"
    return HubConfig(
        size_px=height, side_px=height if small else math.ceil(height / fraction),
        mean=SMALL_MEAN if small else MEAN, std=SMALL_STD if small else STD,
        interpolation="bilinear", names=class_names(model.num_classes),
        odd="" if height == width else f"it takes {height} x {width} px, no square", unknown=unknown,
    )  # fmt: skip


def build(name: str, num_classes: int, weights: str | None, input_px: int | None) -> nn.Module:
    """A classifier, for input_px: most of pytorchcv's end in a mean over as many places as their own size gives."""
    with torch.device("meta"):
        own = required("pytorchcv.model_provider").get_model(name)
    options: dict[str, Any] = {"num_classes": num_classes}
    if input_px is not None and own.in_size != (input_px, input_px):
        options["in_size"] = (input_px, input_px)
        with building(full_name(PACKAGE, name), num_classes, input_px), torch.device("meta"):
            required("pytorchcv.model_provider").get_model(name, **options).eval()(
                torch.zeros(1, 3, *options["in_size"])
            )
    if weights == "DEFAULT":
        check_classes(full_name(PACKAGE, name), own.num_classes, num_classes)
        return downloaded(name, options)
    with building(full_name(PACKAGE, name), num_classes, input_px):
        model: nn.Module = required("pytorchcv.model_provider").get_model(name, pretrained=False, **options)
    if weights is not None:
        fit(model, state_dict_of(read_file(weights), weights), weights)
    return model


def downloaded(name: str, options: dict[str, Any]) -> nn.Module:
    """With the weights that pytorchcv publishes, from its cache or the network. It compares their checksum."""
    row = _published().get(name)
    if row is None or row[3] == "NA":
        raise ValueError(f"nobody publishes weights for {full_name(PACKAGE, name)!r}: give weights=FILE (a state_dict)")
    try:
        model: nn.Module = required("pytorchcv.model_provider").get_model(name, pretrained=True, **options)
    except Exception as error:  # its HTTP library, zipfile and torch each have their own
        store = required("pytorchcv.models.common.model_store")
        file = f"{name}-{row[2]}-{row[3][:8]}.pth"
        url = f"{store.imgclsmob_repo_url}/releases/download/{row[4]}/{file}.zip"
        way_out = f"fetch that file elsewhere, unzip it and give weights={file}"
        raise not_downloaded(full_name(PACKAGE, name), url, error, way_out) from error
    return model


PYTORCHCV_ZOO: Zoo = Zoo(package=PACKAGE, names=names, build=build, config=config)

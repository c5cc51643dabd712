"""A model card from what a run says of itself: data, recipe, errors, how to use it, and what it is no good for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from zfnet.network import Network

HEAD = """\
---
license: mit
library_name: zfnet
pipeline_tag: image-classification
tags: [zfnet, deconvnet, interpretability, image-classification]
---

# {title}

{kind}, trained by [zfnet](https://arxiv.org/abs/1311.2901) (Zeiler and Fergus 2013, reimplemented).
{classes} classes: {names}.
"""

USE = """\
## Use

With `pip install 'zfnet[hub]'`:

```python
from zfnet.hub import HubNetwork

network = HubNetwork.from_pretrained("{repository}").network  # .model, .frame (how pixels become images), .names
```

`model.safetensors` is the state_dict alone, `frame.safetensors` the mean and scale of the input, `config.json` what
rebuilds the network.
"""

LIMITS = """\
## What is claimed, and what is not

The errors above are on the run's own validation images, from one training with one seed, without an interval over
seeds. The epoch was chosen on those same images, so that its error is a little better than on others. Nothing is
claimed of other images, cameras or classes; a picture of none of these classes gets one of them, often with confidence.
It was trained to be looked into, not to decide anything about people.
"""


def model_card(
    network: Network, *, title: str, repository: str, manifest: Mapping[str, Any], recipe: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]] = (),
) -> str:  # fmt: skip
    """The card as Markdown with the Hub's front matter.

    manifest: of the training (manifest.json). recipe: its `training` options. epochs: the lines of metrics.csv. What a
    run did not keep is left out, not guessed.
    """
    arguments = network.arguments
    own = ", ".join(f"{name} {value}" for name, value in arguments.items() if name not in ("name", "num_classes"))
    names = ", ".join(network.names[:12]) + (f" and {len(network.names) - 12} more" if len(network.names) > 12 else "")
    parts = [
        HEAD.format(title=title, kind=f"{arguments['name']} ({own})", classes=len(network.names), names=names),
        _table("Errors", _errors(manifest, epochs)),
        _table("Data", _data(manifest, network)),
        _table("Recipe", {name: value for name, value in recipe.items() if value is not None}),
        _table("How it was made", _made(manifest)),
        USE.format(repository=repository),
        LIMITS,
    ]
    return "\n".join(part for part in parts if part)


def _table(title: str, rows: Mapping[str, Any]) -> str:
    if not rows:
        return ""
    lines = [f"| {name} | {_said(value)} |" for name, value in rows.items()]
    return "\n".join([f"## {title}\n", "| | |", "|---|---|", *lines]) + "\n"


def _said(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def _errors(manifest: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    best = manifest.get("best") or {}
    rows = {
        f"{words}, epoch {best.get('epoch')}": f"{best[name]:.1%}"
        for name, words in (("val_top1_error", "top-1 error"), ("val_top5_error", "top-5 error"))
        if name in best
    }
    if epochs:
        last = epochs[-1]
        rows[f"top-1 error, epoch {last['epoch']}, the last"] = f"{float(last['val_top1_error']):.1%}"
    return rows


def _data(manifest: Mapping[str, Any], network: Network) -> dict[str, Any]:
    data = dict(manifest.get("data") or {})
    named = {"images": "training images", "val_images": "validation images", "train": "fingerprint, training",
             "val": "fingerprint, validation"}  # fmt: skip
    rows = {words: data[name] for name, words in named.items() if name in data}
    frame = network.frame
    return {**rows, "the network sees": f"crops of {frame.size_px} px from squares of {frame.side_px} px"}


def _made(manifest: Mapping[str, Any]) -> dict[str, Any]:
    packages = manifest.get("packages") or {}
    versions = [f"{name} {packages[name]}" for name in ("zfnet", "torch", "torchvision") if name in packages]
    rows = {
        "command": f"`{' '.join(map(str, manifest['command']))}`" if manifest.get("command") else None,
        "commit": f"{manifest['commit']}{' (with changes)' if manifest.get('dirty') else ''}"
        if manifest.get("commit") else None,
        "versions": ", ".join(versions),
        "seed": manifest.get("seed"),
        "device": manifest.get("device"),
        "seconds": manifest.get("wall_s"),
        "outcome": manifest.get("outcome"),
        "parameters": manifest.get("parameters"),
    }  # fmt: skip
    return {name: value for name, value in rows.items() if value not in (None, "")}

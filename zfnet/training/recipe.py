"""The training recipe: what the paper did (section 3.1), and each number of it as a choice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

from zfnet.data import FRAME_KINDS, VIEW_KINDS, Augmentation

INITS = ("paper", "kaiming", "keep")
SCHEDULES = ("plateau", "onecycle", "constant")
GAINED = {"linear_rule_batch": None, "warmup_epochs": 0}  # since results were first kept, and off as they are here


@dataclass(frozen=True)
class Recipe:
    """Everything that changes the mathematics of a training run. The defaults are the paper's.

    epochs, batch_size (global, all processes together), learning_rate, momentum; weight_decay on weights, not biases.
    schedule: "plateau" multiplies the rate by plateau_factor when the validation error has not fallen for
        plateau_patience epochs (the paper annealed by hand); "onecycle" warms up to the rate and comes down over the
        whole run.
    linear_rule_batch: learning_rate is that of batches of so many images, and the rate grows with the batch (Goyal et
        al. 2017, "Accurate, large minibatch SGD"); null: it is learning_rate whatever the batch.
    warmup_epochs: of a schedule other than onecycle, the first epochs, over which the rate rises step by step, by equal
        amounts, from learning_rate where the linear rule makes it larger, else from nothing; no plateau counts yet.
    init: "paper" N(0, 0.01) and biases 0; "kaiming" for He et al. 2015, the class scores at 0.01; "keep" what the
        network came with. first_layer_gain: Kaiming's weights of the first layer are multiplied by it.
    dropout: probability in the fully connected layers; null keeps the network's own.
    filter_rms_limit: convolution filters whose RMS exceeds it are brought back to it; null for no limit.
    views: "ten" sub-crops as in the paper, "anywhere" for any position and flip, "centre" for none.
    rotation_deg, shift, shear, zoom: how far views are moved besides (zfnet.data.augment); the paper did not.
    input_scale: "paper" (pixels minus the mean, about [-128, 128]), "unit" (divided by their deviation) or
        "torchvision" (its weights' normalisation).
    Raises ValueError for a number or a word that makes no sense.
    """

    epochs: int = 70
    batch_size: int = 128
    learning_rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "plateau"
    plateau_factor: float = 0.1
    plateau_patience: int = 3
    warmup_share: float = 0.2
    linear_rule_batch: int | None = None
    warmup_epochs: int = 0
    init: str = "paper"
    first_layer_gain: float = 1.0
    dropout: float | None = 0.5
    label_smoothing: float = 0.0
    filter_rms_limit: float | None = 0.1
    views: str = "ten"
    rotation_deg: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    input_scale: str = "paper"

    def __post_init__(self) -> None:
        choices = {"schedule": SCHEDULES, "init": INITS, "views": VIEW_KINDS, "input_scale": FRAME_KINDS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"training.{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}")
        for name in ("epochs", "batch_size", "plateau_patience"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise ValueError(f"training.{name}={getattr(self, name)!r}, expected a whole number above 0")
        rule, warm_up = self.linear_rule_batch, self.warmup_epochs
        if rule is not None and (not isinstance(rule, int) or rule < 1):
            raise ValueError(f"training.linear_rule_batch={rule!r}, expected a whole number above 0, or null")
        if not isinstance(warm_up, int) or warm_up < 0 or (warm_up and self.schedule == "onecycle"):
            raise ValueError(
                f"training.warmup_epochs={warm_up!r} with schedule={self.schedule}: expected 0 or more whole epochs, "
                "and 0 with onecycle, whose own is warmup_share"
            )
        for name in ("learning_rate", "plateau_factor", "first_layer_gain"):
            if not getattr(self, name) > 0:
                raise ValueError(f"training.{name}={getattr(self, name)!r}, expected a number above 0")
        for name in ("momentum", "dropout", "label_smoothing", "warmup_share"):
            value = getattr(self, name)
            if (value is None and name != "dropout") or (value is not None and not 0 <= value < 1):
                raise ValueError(f"training.{name}={value!r}, expected a number from 0 to below 1")
        if self.weight_decay < 0 or (self.filter_rms_limit is not None and not self.filter_rms_limit > 0):
            raise ValueError(
                f"training.weight_decay={self.weight_decay!r}, training.filter_rms_limit={self.filter_rms_limit!r}: "
                "expected 0 or more, and above 0 or null"
            )
        _ = self.augmentation  # which checks its own

    @property
    def full_rate(self) -> float:
        """The rate at which training goes on once it is warm: learning_rate, or what the linear rule makes of it."""
        return self.learning_rate * self.batch_size / (self.linear_rule_batch or self.batch_size)

    def identity(self) -> dict[str, Any]:
        """What a result is kept under: every number, of those gained since then only what is not off."""
        return {name: value for name, value in asdict(self).items() if name not in GAINED or value != GAINED[name]}

    @property
    def augmentation(self) -> Augmentation:
        """How far views are moved."""
        return Augmentation(self.rotation_deg, self.shift, self.shear, self.zoom)


def prepare(model: nn.Module, recipe: Recipe, generator: torch.Generator) -> None:
    """Give the model the recipe's first weights and dropout."""
    for module in model.modules():
        if isinstance(module, nn.Dropout) and recipe.dropout is not None and module.p > 0:
            module.p = recipe.dropout
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    if recipe.init == "keep":
        return
    for layer in layers:
        if recipe.init == "paper" or layer is layers[-1]:
            nn.init.normal_(layer.weight, std=1e-2, generator=generator)  # paper 3.1: "initialized to 1e-2"
        else:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    if recipe.init == "kaiming":
        with torch.no_grad():
            layers[0].weight *= recipe.first_layer_gain


def make_optimizer(model: nn.Module, recipe: Recipe, *, fused: bool = False) -> SGD:
    """Momentum SGD; biases and normalisation gains (one-dimensional) are not decayed, as in Krizhevsky's code.

    fused: one kernel for all weights.
    """
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.ndim > 1]
    vectors = [parameter for parameter in model.parameters() if parameter.requires_grad and parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return SGD(
        [group for group in groups if group["params"]],
        lr=recipe.full_rate,
        momentum=recipe.momentum,
        fused=fused or None,
    )


def named_convolutions(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    """Every convolution by name."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, nn.Conv2d))


@torch.no_grad()
def limit_filters(model: nn.Module, limit: float) -> None:
    """Bring each convolution filter (one output map's weights) whose RMS exceeds the limit back to it. Paper 3.1."""
    weights = [module.weight for _, module in named_convolutions(model)]
    scales = [filter_rms(weight) for weight in weights]  # (maps,) each
    torch._foreach_reciprocal_(scales)
    torch._foreach_mul_(scales, limit)
    torch._foreach_clamp_max_(scales, 1.0)
    for weight, scale in zip(weights, scales, strict=True):
        if weight.is_cuda or bool((scale < 1).any()):  # a GPU would be waited for; a factor of one changes nothing
            weight.mul_(scale.reshape(-1, 1, 1, 1))  # (maps, 1, 1, 1)


def filter_rms(weight: Tensor) -> Tensor:
    """RMS of each filter of a convolution weight (maps, channels, h, w): (maps,)."""
    rows = weight.detach().permute(0, 2, 3, 1).flatten(1)  # (maps, h w channels), no copy in channels-last memory
    return torch.linalg.vector_norm(rows, dim=1) / math.sqrt(rows.shape[1])


def share_at_limit(weight: Tensor, limit: float) -> float:
    """Share (0..1) of a convolution's filters (maps, channels, h, w) that lie at the RMS limit."""
    return float((filter_rms(weight) >= limit * (1 - 1e-4)).float().mean())

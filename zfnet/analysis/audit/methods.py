"""Seven ways to make a picture of a class or a unit on an image; those of captum to compare with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name

import torch
from torch import Tensor, nn

from zfnet.analysis.audit.captum_methods import grad_cam, integrated_gradients
from zfnet.analysis.audit.hiding_squares import hide_squares
from zfnet.analysis.audit.targets import Targets
from zfnet.deconv import Deconvnet

Method = Callable[[nn.Module, Tensor, Targets], Tensor]  # images (B, 3, H, W) -> pictures (B, C, H, W), C 1 or 3
AT_ONCE = 16  # images


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What a method made of B images: values (B, C, H, W), or why it made nothing, in refused.

    signed: whether what is below zero speaks against the target, so that only what is above counts as important.
    """

    values: Tensor
    signed: bool
    refused: str = ""

    @property
    def blank(self) -> Tensor:
        """Which pictures hold nothing, (B,): all zero, or not all of it numbers."""
        flat = self.values.flatten(1)
        return (flat == 0).all(1) | ~flat.isfinite().all(1)

    def importance(self) -> Tensor:
        """How much each pixel matters, by the picture: (B, H, W), not below zero."""
        return self.values.sum(1).clamp(min=0) if self.signed else self.values.abs().sum(1)


def reverse_pass(rule: str) -> Method:
    """The reverse pass of a unit of one down to the pixels, by the rule "deconvnet", "guided" or "gradient"."""

    def method(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
        deconvnet = Deconvnet(model, rule)
        record = deconvnet.record(images, [targets.layer], keep=[])
        return deconvnet.project(record, targets.layer, targets.units, scale=1.0)

    return method


def gradient_times_input(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
    """The gradient times the pixels, in the frame the network sees. Shrikumar et al. 2016, arXiv:1605.01713."""
    return reverse_pass("gradient")(model, images, targets) * images


METHODS: Mapping[str, Method] = {
    "deconvnet": reverse_pass("deconvnet"),
    "guided": reverse_pass("guided"),
    "gradient": reverse_pass("gradient"),
    "gradient x input": gradient_times_input,
    "occlusion": hide_squares,
    "Grad-CAM": grad_cam,
    "integrated gradients": integrated_gradients,
}
SIGNED = frozenset({"gradient x input", "occlusion", "Grad-CAM", "integrated gradients"})
COSTLY = frozenset({"occlusion", "integrated gradients"})  # dozens of passes a picture


def make_pictures(name: str, model: nn.Module, images: Tensor, targets: Targets) -> Pictures:
    """The pictures (B, C, H, W) of a method of METHODS, or of one's own, or why it refuses.

    name: of one's own as "module:function", a Method; what is below zero in its pictures speaks against the target if
    the function has a true attribute `signed`. Raises ValueError for an unknown one.
    """
    method = METHODS[name] if name in METHODS else _own_method(name)
    return pictures_by(method, model, images, targets, signed=name in SIGNED or getattr(method, "signed", False))


def _own_method(name: str) -> Method:
    if ":" not in name:
        raise ValueError(f"methods={name} is not one of {', '.join(METHODS)}, nor a module:function of your own")
    try:
        method: Method = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"methods={name}: {error}; expected module:function, importable (PYTHONPATH=. for a file beside you)"
        ) from error
    return method


def pictures_by(method: Method, model: nn.Module, images: Tensor, targets: Targets, *, signed: bool) -> Pictures:
    """The same of any method."""
    made: list[Tensor] = []
    for first in range(0, len(images), AT_ONCE):
        which = slice(first, first + AT_ONCE)
        try:
            made.append(method(model, images[which], targets.part(which)).detach().float().cpu())
        except ValueError as error:  # no rule for an operation, or a layer that the method has no answer for
            nothing = torch.zeros(len(images), 1, *images.shape[2:])
            return Pictures(values=nothing, signed=signed, refused=str(error))
    return Pictures(values=torch.cat(made), signed=signed)


def check_methods(names: Sequence[str]) -> None:
    """Raise ValueError for a method that is not there."""
    for name in names:
        if name not in METHODS:
            _own_method(name)

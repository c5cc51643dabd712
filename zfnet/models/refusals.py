"""What no network can run on: parameters without numbers, and images of another size than it takes, told by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from zfnet.models.layer_summary import channels_of

OF_SHAPES = re.compile("shape|size|channel|dimension", re.IGNORECASE)  # torch has no class of its own for these errors


def check_numbers(model: nn.Module) -> None:
    """Raise ValueError, naming the first, where parameters are on the meta device."""
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise ValueError(
                f"parameter {name!r} is on the meta device, which holds no numbers: model.to_empty(device=...) and "
                "load its weights"
            )


@contextmanager
def naming_sizes(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Inside, where a call of torch's functions fails by its shapes, ValueError names the images (B, C, H, W).

    Every other error, a network's own among them, comes through as it is.
    """
    calls = _Calls()
    try:
        with calls:
            yield
    except RuntimeError as error:
        # no subclass: out of memory is one, and its text has sizes too
        if error is not calls.failed or type(error) is not RuntimeError or not OF_SHAPES.search(str(error)):
            raise
        given = tuple(images.shape[1:])
        raise ValueError(
            f"{type(model).__name__} does not run on images of {_text(given)} ({' '.join(str(error).split())[:300]}): "
            f"{_taken(model, given)}"
        ) from error


class _Calls(TorchFunctionMode):
    """Inside, the last error that a function of torch raised is kept, to be told from those of a network's own code."""

    failed: Exception | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        try:
            return func(*args, **(kwargs or {}))
        except Exception as error:
            self.failed = error
            raise


def _taken(model: nn.Module, given: tuple[int, ...]) -> str:
    """What a network says of the images that it takes."""
    channels, side = channels_of(model), getattr(model, "input_px", None)
    if side is not None and given != (channels, side, side):
        return f"it takes {_text((channels, side, side))}"
    first = f"; its first convolution takes {channels} channels" if given[0] != channels else ""
    return f"give images, or a frame, of the size that it takes{first}"


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))

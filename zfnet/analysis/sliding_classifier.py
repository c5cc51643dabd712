"""Class scores at every place of a larger image, and which pixels each place sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from zfnet.forward import Field, receptive_field
from zfnet.models import FullyConvolutional, convolutionalize, evaluating

TOO_SMALL = ("Output size is too small", "greater than actual input size")  # what torch says of pools, convolutions


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """Scores (B, C, h, w) of a network that slides over images, and probability, their softmax at each place.

    field: place (r, c) sees field.size_px pixels from field.offset_px + field.step_px * (r, c), 331 px in steps of 32
    from -49 in ZFNet; it may reach beyond the image, into zeros. own_px: the size of which one place is the network's
    own answer; None for networks that end in a mean over places (SqueezeNet, ResNet).
    """

    scores: Tensor
    probability: Tensor
    field: Field
    own_px: int | None

    def centres(self, axis: int) -> Tensor:
        """Which pixel is in the middle of what each row (axis 0) or column (axis 1) of places sees: (h,) or (w,)."""
        places = torch.arange(self.scores.shape[2 + axis])
        first = self.field.offset_px[axis] + (self.field.size_px[axis] - 1) / 2
        return first + self.field.step_px[axis] * places.double()


def class_map(model: nn.Module, images: Tensor) -> ClassMap:
    """What a classifier says at every place of images (B, 3, H, W), normalised as it takes them.

    model: a classifier, or a FullyConvolutional one already made of it. It runs in eval mode and stays as it is.
    Raises ValueError for networks that `convolutionalize` refuses and images smaller than the network's own size.
    """
    network = model if isinstance(model, FullyConvolutional) else convolutionalize(model)
    if network.own_px is not None and min(images.shape[2:]) < network.own_px:
        raise ValueError(
            f"images of {images.shape[2]} x {images.shape[3]} px are smaller than the {network.own_px} px that the "
            "network was made for: enlarge them"
        )
    field = receptive_field(network, network.last)
    assert field is not None, network
    with torch.no_grad(), evaluating(network):
        try:
            scores = network(images).float()  # (B, C, h, w)
        except RuntimeError as error:
            if not any(words in str(error) for words in TOO_SMALL):
                raise
            raise ValueError(
                f"images of {images.shape[2]} x {images.shape[3]} px leave no place to answer from: enlarge them, or "
                "take the mean over fewer places (average)"
            ) from error
    return ClassMap(scores=scores, probability=scores.softmax(1), field=field, own_px=network.own_px)

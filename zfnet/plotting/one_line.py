"""plot: one name for a figure of whatever the library found."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import nn

from zfnet.analysis import Maps, Maximised
from zfnet.analysis.occlusion import Occlusion
from zfnet.data import InputFrame
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import GAIN, check_gain
from zfnet.forward import Record
from zfnet.mining import Mined, TopUnits
from zfnet.network import Network
from zfnet.plotting.arrays import draw_filters_of, draw_maps_on, draw_pictures, draw_projections, maps_of
from zfnet.plotting.heat import draw_heat
from zfnet.plotting.mined import draw_mined, layer_of
from zfnet.plotting.pictures import as_tensor


def plot(
    what: Any,
    image: Any = None,
    *,
    layer: str | None = None,
    maps: Maps = 9,
    deconvnet: Deconvnet | None = None,
    images: Any = None,
    frame: InputFrame | None = None,
    names: Sequence[str] = (),
    number: int = 0,
    gain: str = GAIN,
    seed: int = 0,
) -> Figure:
    """A matplotlib Figure of what the library found, or of arrays.

    plot(top, layer="conv5", maps=9, deconvnet=deconvnet, images=images)    Fig. 2's montage of what mine_top found
    plot(heat, image)                                                       Fig. 7's panels of what occlude found
    plot(pixels)                                                            projections (N, 3, H, W) around grey
    plot(maximise(model, "conv5", [0, 1], frame))                           images that would make those maps strong
    plot(record, image, layer="conv5")                                      a layer's maps on an image
    plot(maps, image)                                                       the same of an array (maps, rows, columns)
    plot(model, layer="conv1")                                              a layer's filters; also plot(model.conv1)

    image: (3, H, W), or a batch where several were occluded; number: which of a recorded batch to show.
    images: (N, 3, H, W) in the order that was mined, or anything that gives image i as images[i], or a tuple with it
    first. frame: how pixels became images, to be undone (`open_network(...).frame`); without it normalised images are
    drawn around grey. names: of the classes. maps: so many drawn by the seed, or a list or array of their numbers.
    gain: how strongly projections are drawn: p99.9, largest or power0.7.

    Raises ValueError for what it cannot draw, and for a layer, maps or images that are not there.
    """
    check_gain(gain)
    if isinstance(what, Network):
        what = what.model
    if isinstance(what, Mined):
        layer = layer_of(what, layer)
        what = what[layer]
    if isinstance(what, TopUnits):
        if deconvnet is None or images is None or layer is None:
            raise ValueError("what was mined is projected and shown beside its images: give layer=..., "
                             "deconvnet=Deconvnet(model) and images=(the data set that was mined)")  # fmt: skip
        return shown(draw_mined(
            what, layer, maps, deconvnet=deconvnet, images=images, frame=frame, names=names, gain=gain, seed=seed
        ))  # fmt: skip
    if isinstance(what, Occlusion):
        if image is None:
            raise ValueError("what was occluded is drawn over its image: give plot(heat, image)")
        return shown(draw_heat(what, image, frame=frame, names=names, gain=gain))
    return shown(_sheet(what, image, layer=layer, frame=frame, number=number, gain=gain))


def _sheet(what: Any, image: Any, *, layer: str | None, frame: InputFrame | None, number: int, gain: str) -> Figure:
    if isinstance(what, Record):
        layer, values = maps_of(what, layer, number)
        return draw_maps_on(values, image, layer=layer, frame=frame, number=number)
    if isinstance(what, Maximised):
        return draw_pictures(what.pixels)
    if isinstance(what, nn.Module):
        return draw_filters_of(what, layer)
    if image is not None and as_tensor(what).ndim == 3:
        return draw_maps_on(as_tensor(what), image, layer=layer or "maps", frame=frame)
    return draw_projections(what[0] if isinstance(what, tuple) else what, gain)  # of windows without their corners


def shown(figure: Figure) -> Figure:
    """The figure, which a notebook shows also where pyplot was never imported."""
    setattr(figure, "_repr_png_", functools.partial(_png, figure))  # noqa: B010  (an attribute that mypy does not know)
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100, facecolor="white")
    return file.getvalue()

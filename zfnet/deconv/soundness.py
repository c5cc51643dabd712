"""Whether every operation between the pixels and a layer has a reverse rule, read off autograd's own graph.

The graph says what autograd will really do, whoever called the operation: Python, a scripted function, an extension.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zfnet.deconv.rules import PassThrough, Rectify, Rule


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


OURS = tuple(function._backward_cls for function in (Rectify, PassThrough))
LINEAR = _names(  # sums, choices and rearrangements of their inputs; a max pool's choice is its switches
    """
    AccumulateGrad Add Sub Rsub Neg Sum Mean Cat Stack Cumsum
    View UnsafeView ReshapeAlias Alias AsStrided T Transpose Permute Squeeze Unsqueeze Expand Repeat Unfold Flatten
    Slice Select Split SplitWithSizes UnsafeSplit Unbind Index IndexSelect Narrow Flip Roll Diagonal PixelShuffle
    PixelUnshuffle ChannelShuffle NativeChannelShuffle Im2Col Col2Im Clone Copy ToCopy Contiguous ConstantPadNd
    ReflectionPad1D ReflectionPad2D ReplicationPad2D UpsampleNearest2D UpsampleNearestExact2D UpsampleBilinear2D
    UpsampleBicubic2D UpsampleBilinear2DAa UpsampleBicubic2DAa AvgPool2D AvgPool3D AdaptiveAvgPool2D
    MaxPool2DWithIndices MaxPool3DWithIndices AdaptiveMaxPool2D
    """
)
BILINEAR = _names(  # linear in the signal while it enters through one factor only
    """
    Mul Div Mm Bmm Mv Addmm Addmv Baddbmm Addbmm Dot Linear Convolution ConvolutionOverrideable MkldnnConvolution
    SlowConv2D SlowConvDilated2D ThnnConv2D ConvDepthwise2D MpsConvolution CudnnConvolution MiopenConvolution
    """
)
BATCH_NORMS = _names("NativeBatchNorm CudnnBatchNorm MiopenBatchNorm BatchNormWithUpdate")


class NoReverseRule(ValueError):
    """An operation below the layer has no sound reverse rule; the message names it."""


def check(output: Tensor, image: Tensor, rule: Rule, makers: Mapping[Any, str], layer: str) -> None:
    """Raise NoReverseRule, naming the operations, unless all that leads from the leaf `image` to `output` has a rule.

    image (N, 3, H, W); output: a layer's, of any shape. For the message: makers, names of the modules whose output a
    gradient node is, and the name of the layer.
    """
    assert output.grad_fn is not None
    below = _below(output.grad_fn, rule)
    signal = _reaching(below, image)
    faults: list[str] = []
    for node, sources in below.items():
        if node in rule.settled or not (node in signal or node in rule.hidden):
            continue
        fault = _fault(node, [source in signal for source in sources], rule)
        if fault is not None:
            faults.append(f"{fault} {_whereabouts(node, below, makers, layer)}")
    if faults:
        named = list(dict.fromkeys(faults))
        more = f" and {len(named) - 6} more" if len(named) > 6 else ""
        raise NoReverseRule(
            f"there is no sound reverse under the {rule.rule} rule for {'; '.join(named[:6])}{more}; "
            "rule='gradient' gives plain gradients"
        )


def _whereabouts(node: Any, below: Mapping[Any, list[Any]], makers: Mapping[Any, str], layer: str) -> str:
    """The module that gave a node, or the next one above it that gave something computed from it."""
    if node in makers:
        return f"in layer {makers[node]}"
    above: dict[Any, list[Any]] = {}
    for user, sources in below.items():
        for source in sources:
            above.setdefault(source, []).append(user)
    waiting, met = list(above.get(node, [])), {node}
    for user in waiting:  # breadth first: grows as it goes
        if user in makers:
            return f"on the way to layer {makers[user]}"
        waiting += [one for one in above.get(user, []) if one not in met]
        met.add(user)
    return f"on the way to layer {layer!r}"


def _below(start: Any, rule: Rule) -> dict[Any, list[Any]]:
    """Every gradient node under `start`, outermost first, and the nodes its gradients go to."""
    below: dict[Any, list[Any]] = {}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node in below:
            continue
        sources = [rule.settled[node]] if node in rule.settled else [source for source, _ in node.next_functions]
        below[node] = sources
        waiting += [source for source in sources if source is not None]
    return below


def _reaching(below: Mapping[Any, list[Any]], image: Tensor) -> set[Any]:
    """The nodes whose gradients flow on to the image."""
    above: dict[Any, list[Any]] = {}
    for node, sources in below.items():
        for source in sources:
            above.setdefault(source, []).append(node)
    reaching: set[Any] = set()
    waiting = [node for node in below if getattr(node, "variable", None) is image]
    while waiting:
        node = waiting.pop()
        if node not in reaching:
            reaching.add(node)
            waiting += above.get(node, [])
    return reaching


def _fault(node: Any, from_signal: list[bool], rule: Rule) -> str | None:
    """What is wrong with a node, by name, or None."""
    if isinstance(node, OURS) or node in rule.sliced:
        return None
    operation = re.sub(r"Backward\d*$", "", node.name().split("::")[-1])
    if node in rule.hidden:
        return f"{operation} with a value computed from the signal out of autograd's sight ({rule.hidden[node]})"
    if operation in LINEAR:
        return None
    if operation in BILINEAR:
        if operation == "Div" and from_signal[1:] == [True]:
            return "Div by a signal"
        return None if sum(from_signal) == 1 else f"{operation} of two signals"
    if operation in BATCH_NORMS:
        return f"{operation} with the statistics of the batch" if node._saved_training else None
    return operation

from .arrangements import (
    Affine as Affine,
    BatchNorm as BatchNorm,
    Concatenation as Concatenation,
    Linear as Linear,
    MapSlice as MapSlice,
    Normalisation as Normalisation,
    Permutation as Permutation,
    Pointwise as Pointwise,
    Rectifier as Rectifier,
    Reshape as Reshape,
    Sum as Sum,
)
from .graph import LAST as LAST, Graph as Graph, described as described
from .layer_calls import pair as pair, rectifier as rectifier
from .operations import (
    AveragePool as AveragePool,
    Convolution as Convolution,
    FullyConnected as FullyConnected,
    GlobalMax as GlobalMax,
    MaxPool as MaxPool,
    Node as Node,
    Operation as Operation,
    Padding as Padding,
    Unknown as Unknown,
)
from .recorder import Recorder as Recorder
from .switches import within_window as within_window
from .tracing import (
    own_graph as own_graph,
    trace as trace,
    trace_with_values as trace_with_values,
)

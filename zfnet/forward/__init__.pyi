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
from .checks import (
    check_images as check_images,
    check_plain as check_plain,
    check_scores as check_scores,
)
from .geometry import (
    Field as Field,
    Pair as Pair,
    Sliding as Sliding,
    cut_windows as cut_windows,
    inside as inside,
    paste_windows as paste_windows,
)
from .graph import LAST as LAST, Graph as Graph, described as described
from .hooks import run_watched as run_watched, temporary_hooks as temporary_hooks
from .layer_calls import pair as pair, rectifier as rectifier
from .layer_table import network_table as network_table, network_text as network_text
from .layers import (
    Layer as Layer,
    NamedLayers as NamedLayers,
    modules_of as modules_of,
    named_layers as named_layers,
    output_of as output_of,
)
from .memory_budget import WINDOW_BYTES as WINDOW_BYTES, slices_that_fit as slices_that_fit
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
from .passes import (
    check_layers as check_layers,
    fault_of as fault_of,
    layer_outputs as layer_outputs,
    record_layers as record_layers,
)
from .receptive_fields import receptive_field as receptive_field
from .record import Record as Record, check_weights as check_weights
from .switches import within_window as within_window
from .tracing import (
    own_graph as own_graph,
    trace as trace,
    trace_with_values as trace_with_values,
)

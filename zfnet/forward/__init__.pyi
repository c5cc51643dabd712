from .checks import (
    are_whole as are_whole,
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
from .hooks import run_watched as run_watched, temporary_hooks as temporary_hooks
from .layer_table import network_table as network_table, network_text as network_text
from .layers import (
    Layer as Layer,
    NamedLayers as NamedLayers,
    modules_of as modules_of,
    named_layers as named_layers,
    output_of as output_of,
)
from .memory_budget import WINDOW_BYTES as WINDOW_BYTES, slices_that_fit as slices_that_fit
from .passes import (
    check_apart as check_apart,
    check_layers as check_layers,
    fault_of as fault_of,
    layer_outputs as layer_outputs,
    record_layers as record_layers,
)
from .pools import covers as covers, places_to_look as places_to_look
from .receptive_fields import fields_of as fields_of, receptive_field as receptive_field
from .record import Record as Record, check_weights as check_weights

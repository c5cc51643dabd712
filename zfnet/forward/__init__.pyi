from .chain import (
    AVERAGES as AVERAGES,
    IDENTITIES as IDENTITIES,
    NORMS as NORMS,
    Chain as Chain,
    NotAChain as NotAChain,
    Step as Step,
    chain_of as chain_of,
    padding as padding,
    sliding as sliding,
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
from .hooks import forward_outputs as forward_outputs, run_watched as run_watched, temporary_hooks as temporary_hooks
from .layer_table import network_table as network_table, network_text as network_text
from .layers import (
    Layer as Layer,
    NamedLayers as NamedLayers,
    modules_of as modules_of,
    named_layers as named_layers,
    output_of as output_of,
)
from .memory_budget import WINDOW_BYTES as WINDOW_BYTES, slices_that_fit as slices_that_fit
from .receptive_fields import receptive_field as receptive_field
from .record import (
    Record as Record,
    flat_index as flat_index,
    kernel_of as kernel_of,
    record_chain as record_chain,
    walk as walk,
    within_window as within_window,
)

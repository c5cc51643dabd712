from .activation_ranks import (
    PICKS as PICKS,
    changed_channels as changed_channels,
    check_channels as check_channels,
    peaks as peaks,
    strongest_channels as strongest_channels,
)
from .activations import RELU as RELU, channel_means as channel_means, read_maps as read_maps
from .feature_vector import feature_vectors as feature_vectors
from .filter_statistics import band_shares as band_shares, largest_over_median as largest_over_median
from .hiding import Fill as Fill, canvas_of as canvas_of, hide as hide, with_square as with_square
from .intervals import (
    difference_interval as difference_interval,
    drawn_interval as drawn_interval,
    folds_interval as folds_interval,
    mean_interval as mean_interval,
    share_interval as share_interval,
)
from .maximising import (
    Maximised as Maximised,
    Priors as Priors,
    bare_priors as bare_priors,
    filters_of as filters_of,
    maximise as maximise,
    seen_by_the_middle as seen_by_the_middle,
)
from .read_outs import (
    Judged as Judged,
    Pointed as Pointed,
    chances as chances,
    halves as halves,
    hits as hits,
    judge as judge,
    pointed_by_energy as pointed_by_energy,
    pointed_by_squares as pointed_by_squares,
)
from .sliding_classifier import class_map as class_map
from .unit_pictures import (
    IMAGES_AT_ONCE as IMAGES_AT_ONCE,
    Fetch as Fetch,
    Maps as Maps,
    Pictures as Pictures,
    draw_maps as draw_maps,
    picture_units as picture_units,
    project_fields as project_fields,
    smaller as smaller,
    spread_of_convolutions as spread_of_convolutions,
)

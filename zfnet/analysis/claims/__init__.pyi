from .alike import (
    mixed as mixed,
    part_effect as part_effect,
    sharing as sharing,
    sharing_effect as sharing_effect,
    where_shown as where_shown,
    where_shown_effect as where_shown_effect,
    within as within,
)
from .answers import (
    accuracy_effect as accuracy_effect,
    averaging_effect as averaging_effect,
    depth_effect as depth_effect,
)
from .effect import (
    FAILS as FAILS,
    HOLDS as HOLDS,
    NOT_HERE as NOT_HERE,
    Claim as Claim,
    Effect as Effect,
    difference_effect as difference_effect,
    drawn_effect as drawn_effect,
    mean_effect as mean_effect,
)
from .filters import (
    dead_effect as dead_effect,
    dominance_effect as dominance_effect,
    frequency_effect as frequency_effect,
    middle_frequencies as middle_frequencies,
    share_of_largest as share_of_largest,
)
from .hidden import (
    activity_at as activity_at,
    centre_box as centre_box,
    drops_by_box as drops_by_box,
    object_effect as object_effect,
    projection_effect as projection_effect,
    projection_places as projection_places,
)
from .moving import (
    abruptness as abruptness,
    abruptness_effect as abruptness_effect,
    changed_labels as changed_labels,
    turning_effects as turning_effects,
)
from .sentences import SENTENCES as SENTENCES, Sentence as Sentence
from .settling import settling_effect as settling_effect

from .default_layer import last_convolution as last_convolution
from .drops import (
    activity_drops as activity_drops,
    averaged_drop as averaged_drop,
    greatest_drop as greatest_drop,
    greatest_place as greatest_place,
    probability_drops as probability_drops,
    score_drops as score_drops,
    spread_over_pixels as spread_over_pixels,
)
from .grid import corners_along as corners_along
from .pointing import (
    Pointing as Pointing,
    inside as inside,
    part_drops as part_drops,
    pointing_game as pointing_game,
)
from .share import share_of_products as share_of_products
from .sliding_square import Occlusion as Occlusion, occlude as occlude

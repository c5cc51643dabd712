from .default_layer import last_convolution as last_convolution
from .drops import (
    averaged_drop as averaged_drop,
    greatest_drop as greatest_drop,
    probability_drops as probability_drops,
    spread_over_pixels as spread_over_pixels,
)
from .grid import corners_along as corners_along
from .pointing import Pointing as Pointing, part_drops as part_drops, pointing_game as pointing_game
from .share import share_of_products as share_of_products
from .sliding_square import Occlusion as Occlusion, occlude as occlude

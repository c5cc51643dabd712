from .cka import linear_cka as linear_cka, settling_epoch as settling_epoch
from .moment import LayerMoment as LayerMoment, Moment as Moment, moment_at as moment_at
from .observer import Evolution as Evolution
from .online import OnlineSearch as OnlineSearch
from .plan import Plan as Plan, watch_maps as watch_maps
from .reference_images import ReferenceImages as ReferenceImages
from .saved import (
    FOLDER as FOLDER,
    KINDS as KINDS,
    load_moments as load_moments,
    save_moment as save_moment,
    settling as settling,
    similarities as similarities,
)
from .sweep import strongest_by_sweep as strongest_by_sweep, subset as subset

from .best import row_peaks as row_peaks
from .centre_views import SWEEP_BATCH as SWEEP_BATCH, CentreViews as CentreViews, centre_crops as centre_crops
from .mine import Indexed as Indexed, Watch as Watch, mine_top as mine_top
from .top_units import BatchUnits as BatchUnits, Mined as Mined, TopUnits as TopUnits, joined as joined, merge as merge

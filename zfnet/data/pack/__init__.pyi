from .ahead import AHEAD as AHEAD, MOST_THREADS as MOST_THREADS, read_ahead as read_ahead
from .layout import check_room as check_room, pack_bytes as pack_bytes
from .read import PackImages as PackImages, open_pack as open_pack
from .write import write_pack as write_pack

from .dealing import Piece as Piece, Turns as Turns, blocks_of as blocks_of, deal as deal, share_of as share_of
from .hardware import Hardware as Hardware
from .malloc import keep_freed_memory as keep_freed_memory, share_one_heap as share_one_heap
from .parallel import (
    ALONE as ALONE,
    LostProcess as LostProcess,
    World as World,
    chosen_device as chosen_device,
    join_world as join_world,
    leave_world as leave_world,
)

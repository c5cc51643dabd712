"""The pack: the paper's preprocessing done once, into one array file that training reads without decoding."""

from zfnet.data.pack.layout import check_room, pack_bytes
from zfnet.data.pack.read import PackImages, open_pack
from zfnet.data.pack.write import write_pack

__all__ = ["PackImages", "check_room", "open_pack", "pack_bytes", "write_pack"]

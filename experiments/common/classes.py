"""Which class of a network a word, or a class of some images, means."""

from __future__ import annotations

import difflib
from typing import Protocol

from zfnet.data.source import ImageSource
from zfnet.training import Network


class Named(Protocol):
    """Classes by number: folder names, where they are known, and readable names. Every Network has them."""

    @property
    def wnids(self) -> tuple[str, ...]: ...

    @property
    def names(self) -> tuple[str, ...]: ...


def class_number(word: str | int, network: Named) -> int:
    """The class meant by its number, its folder name (wnid) or its readable name, in any case.

    Raises ValueError for one that is not there, with those that are written much like it, and for an ambiguous name.
    """
    found = _meant(str(word), network)
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"class {word!r} may be {' or '.join(map(str, found))}: give the number")
    close = difflib.get_close_matches(str(word), network.names, n=3) or network.names[:3]
    raise ValueError(
        f"class {word!r} is none of the network's {len(network.names)} (such as {', '.join(close)}); "
        f"numbers go from 0 to {len(network.names) - 1}"
    )


def classes_of(source: ImageSource, network: Network) -> list[int | None]:
    """For each class of the images the network's class, by folder names or else readable ones; None where unknown."""
    if source.wnids == network.wnids or (not network.wnids and len(source.wnids) == len(network.names)):
        return list(range(len(source.wnids)))
    if network.wnids:
        return [network.wnids.index(wnid) if wnid in network.wnids else None for wnid in source.wnids]
    meant = [_meant(name, network) for name in source.names]
    return [found[0] if len(found) == 1 else None for found in meant]


def _meant(word: str, network: Named) -> list[int]:
    if word.isdigit():
        return [int(word)] if int(word) < len(network.names) else []
    if word in network.wnids:
        return [network.wnids.index(word)]
    word = _plain(word)
    return [number for number, name in enumerate(network.names) if _plain(name) == word]


def _plain(name: str) -> str:
    """The first of several names ("tench, Tinca tinca"), in small letters."""
    return name.split(",")[0].strip().lower()

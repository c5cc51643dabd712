"""Values of a configuration that may be one or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def several(given: Any) -> list[Any]:
    """One value, or a list of them, as a list: layer=conv1 and layer=[conv1,conv2]."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]

"""From Hydra's configuration to plain values: dataclasses, lists, and overrides as Hydra reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeVar

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

T = TypeVar("T")


def as_list(given: Any) -> list[Any]:
    """One value, or a list of them, as a list: layer=conv1 and layer=[conv1,conv2]."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def build(kind: type[T], config: DictConfig) -> T:
    """A dataclass from a configuration node; keys it does not know are an error that lists those it does."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    odd = [str(name) for name in values if name not in known]
    if odd:
        raise ValueError(f"{kind.__name__} has no {', '.join(odd)}; it has {', '.join(known)}")
    return kind(**{str(name): value for name, value in values.items()})


def quote_override(text: str) -> str:
    """A value as Hydra reads it: a sweep's folders have "=" and "," in their names."""
    plain = re.fullmatch(r"[A-Za-z0-9_/.+-]+", text)
    return text if plain else QuotedString(text, Quote.double).with_quotes()

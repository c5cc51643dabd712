"""From Hydra's configuration to plain values: dataclasses, lists, and overrides as Hydra reads them.

The configuration ends here: jobs build what they need from it at their door, and nothing below takes a DictConfig.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

T = TypeVar("T")
MOST_SEED = 2**32 - 1
PLAIN: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    NoneType: "null",
}


def as_list(given: Any) -> list[Any]:
    """One value, or a list of them, as a list: layer=conv1 and layer=[conv1,conv2]."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def list_or_none(given: Any) -> list[Any] | None:
    """The same where nothing may be given."""
    return None if given is None else as_list(given)


def check_least(settings: object, group: str = "", /, **least: int) -> None:
    """Raise ValueError for a number among these settings, or one in a list, that is smaller than the least it may be.

    None passes, an empty list does not. group: what stands before the options' names, as in "model.".
    """
    for name, lowest in least.items():
        given = getattr(settings, name)
        numbers = [] if given is None else as_list(given)
        if given == [] or not all(isinstance(one, int | float) and one >= lowest for one in numbers):
            kind = "one number or several, each " if isinstance(given, list) else ""
            raise ValueError(f"{group}{name}={given}, expected {kind}{lowest} or more")


def seed_of(config: DictConfig) -> int | None:
    """The job's seed, if it has one. Raises ValueError for what is no seed to all of torch, numpy and scikit-learn."""
    seed = config.get("seed")
    if isinstance(seed, int) and not 0 <= seed <= MOST_SEED:
        raise ValueError(f"seed={seed}, expected a whole number from 0 to {MOST_SEED}")
    return seed


def build(kind: type[T], config: DictConfig) -> T:
    """A dataclass from a configuration node. Raises ValueError for keys it does not know, with those it does."""
    known = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    odd = [str(name) for name in config if name not in known]
    if odd:
        raise ValueError(f"{kind.__name__} has no {', '.join(odd)}; it has {', '.join(known)}")
    return pick(kind, config)


def pick(kind: type[T], config: DictConfig) -> T:
    """A dataclass from those keys of a job's configuration that it has; its defaults where there are none.

    A field that is a dataclass itself is built from its node, whose every key it must know.
    """
    hints, values = get_type_hints(kind), dict[str, Any]()
    for one in fields(kind):  # type: ignore[arg-type]
        if one.name not in config:
            continue
        value = config[one.name]
        inner = [part for part in (hints[one.name], *get_args(hints[one.name])) if is_dataclass(part)]
        if isinstance(value, DictConfig) and inner:
            values[one.name] = build(inner[0], value)  # type: ignore[arg-type]
            continue
        key, hint = config._get_full_key(one.name), hints[one.name]
        if inner and value is not None:
            raise ValueError(
                f"{key}={value}, expected {' or '.join(f'{key}.{part.name}=...' for part in fields(inner[0]))}"
            )
        plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        values[one.name] = _as_list_where_wanted(plain, hint)
        _check_type(key, values[one.name], hint)
    return kind(**values)


def _as_list_where_wanted(value: Any, hint: Any) -> Any:
    """A single value as a list of one, where a field takes a list alone: evolution.layers=conv5."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    wants_list = any(get_origin(kind) in (list, tuple, Sequence) for kind in kinds)
    single = (
        value is None or isinstance(value, list | dict) or any(_is_a(value, kind) for kind in kinds if kind in PLAIN)
    )
    return [value] if wants_list and not single else value


def _check_type(name: str, value: object, hint: Any) -> None:
    """Raise ValueError for a value that is not of the kind that a field of plain values wants."""
    wanted = set(get_args(hint) if isinstance(hint, UnionType) else (hint,))
    if not wanted <= PLAIN.keys() or any(_is_a(value, kind) for kind in wanted):
        return
    expected = " or ".join(PLAIN[kind] for kind in PLAIN if kind in wanted)
    raise ValueError(f"{name}={value}, expected {expected}")


def _is_a(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return (
        isinstance(value, int | float)
        if kind is float
        else isinstance(value, str | int)
        if kind is str
        else isinstance(value, kind)
    )


def quote_override(text: str) -> str:
    """A value as Hydra reads it: a sweep's folders have "=" and "," in their names."""
    plain = re.fullmatch(r"[A-Za-z0-9_/.+-]+", text)
    return text if plain else QuotedString(text, Quote.double).with_quotes()

"""What figures are drawn from is built by keyword: nobody can swap two of nineteen arrays unseen."""

import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass

import pytest

import zfnet.figures

KINDS = {
    kind
    for module in pkgutil.walk_packages(zfnet.figures.__path__, "zfnet.figures.")
    for _, kind in inspect.getmembers(importlib.import_module(module.name), is_dataclass)
    if isinstance(kind, type)
}


@pytest.mark.parametrize("kind", sorted(KINDS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_what_is_drawn_is_frozen_and_built_by_keyword(kind: type):
    assert kind.__dataclass_params__.frozen
    assert all(field.kw_only for field in fields(kind))

"""Results of a probe kept beside the features, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zfnet.analysis.probing.store import claimed

log = logging.getLogger(__name__)


def remembered(
    folder: Path, of: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """What `compute` returned for `of` before, read from the folder, or what it returns now, kept there.

    of: everything the result depends on; it and the result in plain types, as JSON has them. earlier: the same as
    earlier versions said it.
    """
    known = (_kept(*_place(folder, one)) for one in (of, *earlier))
    result = next((one for one in known if one is not None), None)
    if result is not None:
        return result
    (path, asked), result = _place(folder, of), dict(compute())
    with claimed(path) as file:
        file.write(json.dumps({"of": asked, "result": result}).encode())
    return result


def _place(folder: Path, of: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
    asked = json.loads(json.dumps(of))
    return folder / f"probe-{hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]}.json", asked


def _kept(path: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    try:
        held = json.loads(path.read_text())
        if held["of"] == asked:
            return dict(held["result"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s is no whole result (%r): it is computed again", path, error)
    return None

"""Results of a probe kept beside the features, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zfnet.analysis.probing.store import claimed

log = logging.getLogger(__name__)


def remembered(folder: Path, of: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What `compute` returned for `of` before, read from the folder, or what it returns now, kept there.

    of: everything the result depends on; it and the result in plain types, as JSON has them.
    """
    asked = json.loads(json.dumps(of))
    path = folder / f"probe-{hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]}.json"
    try:
        held = json.loads(path.read_text())
        if held["of"] == asked:
            return dict(held["result"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s is no whole result (%r): it is computed again", path, error)
    result = dict(compute())
    with claimed(path) as file:
        file.write(json.dumps({"of": asked, "result": result}).encode())
    return result

"""Weight files: read without running code, and fitted with errors that name what does not fit."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.files import check_inflated, shown
from zfnet.models.safetensors_files import is_safetensors, read_safetensors

PREFIXES = ("module.", "_orig_mod.")  # left by DistributedDataParallel and torch.compile
BATCHES = "num_batches_tracked"  # of batch normalisation: changes no output
MOST_INFLATED = 20  # times its size in the file
WRAPPERS = ("model", "state_dict", "model_state_dict")  # where checkpoints of ours and of others keep the weights


class OtherClasses(ValueError):
    """Weights that fit but for their number of classes, which is `count`."""

    def __init__(self, message: str, count: int) -> None:
        super().__init__(message)
        self.count = count


def read_file(path: str | Path) -> Any:
    """What a file of torch.save's holds, read with weights_only, or a safetensors file's tensors; on the CPU.

    Raises FileNotFoundError, or ValueError for a file that is not one, is cut short or changed, or needs code to run.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weight file at {path}{did_you_mean(path)}")
    if is_safetensors(path):
        return read_safetensors(path)
    _check_sums(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever its parser trips over
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise ValueError(
                f"{path} holds Python objects whose loading would run code, which is refused: {_first_line(error)} "
                "Where you trust it, load it once with torch.load(path, weights_only=False) and keep only the weights: "
                "torch.save(model.state_dict(), new_path)"
            ) from error
        why = f"torch.load says {type(error).__name__}: {_first_line(error)}"
        raise ValueError(f"{path} is cut short or was not written by torch.save ({why})") from error


def did_you_mean(path: Path, patterns: Sequence[str] = ("best.pt", "step-*.pt")) -> str:
    """For an error: the checkpoint of a run where path is the run's folder or leaves out checkpoints/, else nothing.

    patterns: which of a folder's checkpoints to name; of several that fit one, the last by name.
    """
    if path.is_dir():
        found = [sorted(folder.glob(pattern))[-1:] for folder in (path / "checkpoints", path) for pattern in patterns]
    else:
        inside = path.parent / "checkpoints" / path.name
        found = [[inside] if inside.is_file() else []]
    return next((f": did you mean {paths[0]}?" for paths in found if paths), "")


def _check_sums(path: Path) -> None:
    """torch.load reads a changed file without a word; the zip's own checksums tell."""
    if not zipfile.is_zipfile(path):
        return  # torch's format before 1.6, or not a weight file: torch.load finds out
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive.infolist())
            bad = archive.testzip()
    except Exception as error:  # zipfile raises whatever it trips over
        raise ValueError(f"{path} is damaged: {' '.join(str(error).split()) or type(error).__name__}") from error
    if bad is not None:
        raise ValueError(f"{path} is damaged: the checksum of {bad} in it does not match")


def _check_sizes(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    """Before anything is inflated. torch.save does not compress at all; other tools make weights little smaller."""
    inflated, size = sum(member.file_size for member in members), path.stat().st_size
    if inflated > MOST_INFLATED * size:
        raise ValueError(f"it inflates from {size:,} to {inflated:,} bytes, as weights do not")
    check_inflated(members)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "GLOBAL" in line or "Unsupported" in line]
    return (telling or lines or [type(error).__name__])[0]


def state_dict_of(content: Any, source: str | Path) -> dict[str, Tensor]:
    """The state_dict inside what a file held: itself, or under one of the usual names, without wrappers' prefixes.

    Raises ValueError, naming the source, where there is none.
    """
    for name in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        held = (
            f"a mapping with keys {', '.join(map(str, list(content)[:5]))}"
            if isinstance(content, Mapping)
            else type(content).__name__
        )
        raise ValueError(f"{source} holds {held}, expected a state_dict (names to tensors) or a checkpoint with one")
    return {_without_prefixes(str(name)): tensor for name, tensor in content.items()}


def _without_prefixes(name: str) -> str:
    for prefix in PREFIXES:
        while name.startswith(prefix):
            name = name.removeprefix(prefix)
    return name


def fit(model: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Copy the weights into the model; ValueError names what does not fit and copies nothing. OtherClasses is one.

    That is keys, shapes, whole numbers in place of fractions (which would be cast without a word), and what is not
    finite. Normalisation's counts of batches, which change no output, may be missing: files of before 2018 have none.
    """
    expected = model.state_dict()
    state = {**{name: own for name, own in expected.items() if name.endswith(BATCHES)}, **state}
    missing = [name for name in expected if name not in state]
    unknown = [name for name in state if name not in expected]
    shapes = [
        f"{name} is {tuple(state[name].shape)} in the file, {tuple(expected[name].shape)} in the model"
        for name in expected
        if name in state and state[name].shape != expected[name].shape
    ]
    if not (missing or unknown or shapes):
        shapes = [f"{name} {odd}" for name in expected if (odd := _not_weights(state[name], expected[name]))]
    if missing or unknown or shapes:
        reasons = [f"missing {_first_few(missing)}"] if missing else []
        reasons += [f"not in the model {_first_few(unknown)}"] if unknown else []
        reasons += [_first_few(shapes)] if shapes else []
        told = f"{source} does not fit {type(model).__name__}: {'; '.join(reasons)}"
        count = None if missing or unknown else _other_classes(state, expected)
        raise ValueError(told) if count is None else OtherClasses(told, count)
    model.load_state_dict(dict(state))


def _other_classes(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> int | None:
    """How many classes the weights are for, where nothing but that differs: one length for another, in rows alone."""
    odd = [(own.shape, state[name].shape) for name, own in expected.items() if own.shape != state[name].shape]
    lengths = {(own[0], given[0]) for own, given in odd if own[1:] == given[1:] and len(own) == len(given) > 0}
    in_rows = all(own[1:] == given[1:] for own, given in odd)
    return next(iter(lengths))[1] if in_rows and len(lengths) == 1 else None


def _not_weights(given: Tensor, own: Tensor) -> str:
    """What keeps a tensor of the right shape from being these weights; empty where nothing does."""
    if given.layout != torch.strided or given.is_quantized:
        return f"is {given.dtype} in another layout than an array's"
    if given.is_floating_point() != own.is_floating_point() or given.is_complex():
        return f"is {given.dtype} in the file, {own.dtype} in the model"
    if not given.is_floating_point():
        return ""
    if "float4" in str(given.dtype):
        return f"is {given.dtype} in the file, which torch turns into no other numbers"
    wide = given.float() if given.element_size() == 1 else given  # isfinite knows no 8-bit numbers
    count = int((~wide.isfinite()).sum())
    return f"holds {count} numbers that are not finite" if count else ""


def _first_few(items: list[str], most: int = 8) -> str:
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return shown(", ".join(items[:most])) + rest


def weights_fingerprint(model: nn.Module) -> str:
    """16 hex digits over the names, shapes and values of a model's parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if not name.endswith(BATCHES):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]

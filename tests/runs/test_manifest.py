"""The manifest says where numbers came from, also when the run did not get to its end."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zfnet.runs import Manifest, peak_memory_mib, read_csv, write_csv
from zfnet.runs.manifest import commit


def read(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def test_it_is_there_from_the_start_and_completed_at_the_end(tmp_path: Path):
    manifest = Manifest(tmp_path, seed=7)
    assert read(tmp_path)["seed"] == 7
    assert read(tmp_path)["finished"] is None
    manifest.add(data="abc", folder=tmp_path)
    manifest.finish("stopped", images=3)
    content = read(tmp_path)
    assert (content["data"], content["folder"]) == ("abc", str(tmp_path))
    assert (content["outcome"], content["images"]) == ("stopped", 3)
    assert content["wall_s"] >= 0
    assert content["finished"] >= content["started"]


@pytest.mark.parametrize("content", ["", "[]", '{"earlier": 3}', "{", "[" * 10**6])
def test_one_that_is_damaged_is_named(tmp_path: Path, content: str):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match=rf"{tmp_path}/manifest\.json is no manifest of a run \(.+\): move it away"):
        Manifest(tmp_path, seed=7)
    assert (tmp_path / "manifest.json").read_text() == content


def test_the_commit_is_gits_own(tmp_path: Path):
    here = Path(__file__).parents[2]
    git = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if git.returncode == 0:
        assert commit()["commit"] == git.stdout.strip()
        assert isinstance(commit()["dirty"], bool)
    else:
        assert commit() == {"commit": None, "dirty": None}


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory_mib()
    held = np.ones(400 * 2**20, dtype=np.uint8)
    assert held[-1] == 1
    assert peak_memory_mib() >= max(before, 400)


def test_tables_are_rewritten_whole(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    write_csv(path, [{"epoch": 1, "error": 0.5}])
    write_csv(path, [{"epoch": 1, "error": 0.5}, {"epoch": 2, "error": 0.25}])
    assert read_csv(path) == [{"epoch": "1", "error": "0.5"}, {"epoch": "2", "error": "0.25"}]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.csv"]
    write_csv(tmp_path / "none.csv", [])
    assert not (tmp_path / "none.csv").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="macOS counts from the start of the process")
def test_what_the_starting_process_held_does_not_count():
    """A process of 300 MB starts one of 20: the module alone, without torch."""
    code = Path(__file__).parents[2] / "zfnet" / "runs" / "manifest.py"
    child = (
        "import importlib.util, sys, types\n"
        "sys.modules['torch'] = types.ModuleType('torch')\n"
        f"spec = importlib.util.spec_from_file_location('manifest', {str(code)!r})\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.peak_memory_mib())\n"
    )
    parent = (
        "import subprocess, sys\n"
        "held = b'x' * 300_000_000\n"
        f"print(subprocess.run([sys.executable, '-c', {child!r}], capture_output=True, text=True, check=True).stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True)
    assert 5 < int(done.stdout) < 150


def test_a_table_without_rows_leaves_no_earlier_one(tmp_path: Path):
    write_csv(tmp_path / "table.csv", [{"image": "a.png"}])
    write_csv(tmp_path / "table.csv", [])
    assert not (tmp_path / "table.csv").exists()

"""The house: imports point one way, through faces, never in a circle; faces are cheap; rooms and files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERYWHERE = {"progress", "files", "display"}  # bars on what takes seconds, files written whole, a glance in a notebook
ALLOWED = {  # what a room of zfnet/ may import besides itself
    "models": set(),
    "data": set(),
    "forward": {"models"},
    "deconv": {"forward", "models"},
    "network": {"models", "data"},
    "mining": {"deconv", "forward", "models", "data"},
    "training": {"network", "models", "data"},
    "analysis": {"mining", "deconv", "forward", "training", "network", "models", "data"},
    "figures": set(),
    "plotting": {"figures", "analysis", "mining", "deconv", "forward", "network", "data"},
    "pages": {"figures"},
    "live": {
        "pages",
        "plotting",
        "figures",
        "analysis",
        "mining",
        "deconv",
        "forward",
        "network",
        "models",
        "data",
    },
    "runs": set(),
    "hub": {"network"},
    "progress": set(),
    "files": set(),
    "display": set(),
    "version": set(),
    "command": {"version"},
    "__main__": {"command"},
}
EXPERIMENTS = {  # and of experiments/; a job may import from all of them
    "common": {"common"},
    "observers": {"observers", "common"},
    "tables": {"tables", "observers", "common"},
    "atlas_parts": {"atlas_parts", "common"},
    "audit_parts": {"audit_parts", "common"},
    "reproduction": {"reproduction", "common"},
    "report_parts": {"report_parts", "tables", "common"},
}
MOST_FILES = 15  # beside each other in a room; the jobs in experiments/ are commands, one a file
MOST_LINES, MOST_FUNCTION_LINES = 230, 50

FILES = sorted((ROOT / "zfnet").rglob("*.py"))
JOBS = sorted((ROOT / "experiments").rglob("*.py"))
CALLERS = [*FILES, *JOBS, *sorted((ROOT / "scripts").rglob("*.py"))]
ROOMS = sorted({".".join(path.parent.relative_to(ROOT).parts) for path in FILES if path.name == "__init__.py"})
FACES = [room for room in ROOMS if not room.startswith("zfnet.figures")]  # a figure a file, named by its file


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> list[tuple[str, list[str]]]:
    """Every import of a file: the module, and the names that are taken from it. Imports for types count too."""
    found: list[tuple[str, list[str]]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append((node.module or "", [alias.name for alias in node.names]))
    return found


def room_of(module: str) -> str:
    """The innermost room that a module lies in."""
    return max((room for room in ROOMS if module == room or module.startswith(f"{room}.")), key=len)


def stub(room: str) -> dict[str, str]:
    """The names that a room's face offers, with the modules that they are taken from."""
    path = ROOT.joinpath(*room.split("."), "__init__.pyi")
    names = {}
    for node in ast.parse(path.read_text()).body:
        assert isinstance(node, ast.ImportFrom), f"{path}: a face holds nothing but imports"
        names |= {alias.name: f"{room}.{node.module}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_point_one_way(path: Path):
    package = path.relative_to(ROOT / "zfnet").with_suffix("").parts[0]
    tops = {module.split(".")[0] for module, _ in imported(path)}
    assert not {"hydra", "omegaconf", "experiments"} & tops
    assert package not in ("figures", "pages") or "torch" not in tops
    assert package in ("figures", "plotting") or "matplotlib" not in tops
    inner = {module.split(".")[1] for module, _ in imported(path) if module.startswith("zfnet.")}
    if package == "__init__":
        return
    assert inner <= {package} | ALLOWED[package] | EVERYWHERE


@pytest.mark.parametrize("path", JOBS, ids=named)
def test_what_jobs_share_imports_no_job(path: Path):
    parts = path.relative_to(ROOT / "experiments").parts
    inner = {module.split(".")[1] for module, _ in imported(path) if module.startswith("experiments.")}
    assert inner <= (EXPERIMENTS[parts[0]] if len(parts) > 1 else set(EXPERIMENTS))


@pytest.mark.parametrize("path", CALLERS, ids=named)
def test_other_rooms_are_entered_by_their_face(path: Path):
    own = room_of(module_of(path)) if path in FILES else "none of them"
    for module, names in imported(path):
        if not module.startswith("zfnet") or room_of(module) == own or room_of(module) not in FACES:
            continue
        room = room_of(module)
        if room == "zfnet" and module != "zfnet":  # zfnet/network.py and the like are rooms of one file
            continue
        assert module == room, f"{named(path)} imports {', '.join(names)} from {module}: import from {room}"
        assert names, f"{named(path)}: import {module} has no names: take what is needed from it"


@pytest.mark.parametrize("room", FACES)
def test_a_face_names_what_is_there_and_no_file(room: str):
    folder = ROOT.joinpath(*room.split("."))
    for name, module in stub(room).items():
        assert not (folder / name).is_dir(), f"{room}.{name} is a room and a name of the face"
        assert not (folder / f"{name}.py").exists(), f"{room}.{name} would be a file or a name, as others import"
        path = ROOT.joinpath(*module.split("."))
        source = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.pyi"
        assert name in source.read_text(), f"{room} offers {name} from {module}, which has none"


def test_faces_are_cheap_and_whole():
    """All faces together import nothing heavy; every name that one offers can be had."""
    light = (
        "import importlib, sys\n"
        f"for room in {ROOMS}: importlib.import_module(room)\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'matplotlib', 'scipy', 'hydra'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    offered = {room: list(stub(room)) for room in FACES}
    whole = f"for room, names in {offered}.items():\n    for name in names: getattr(sys.modules[room], name)\n"
    done = subprocess.run([sys.executable, "-c", light + whole], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("root", ["zfnet", "experiments"])
def test_no_files_import_each_other_in_a_circle(root: str):
    files = FILES if root == "zfnet" else JOBS
    modules = {module_of(path) for path in files}
    below: dict[str, set[str]] = {}
    for path in files:
        found: set[str] = set()
        for module, names in imported(path):
            if module in FACES and module != "zfnet":
                offered = stub(module)
                found |= {offered.get(name, f"{module}.{name}") for name in names}
            else:
                found |= {module, *(f"{module}.{name}" for name in names)}
        below[module_of(path)] = {one for one in found if one in modules} - {module_of(path)}
    done: set[str] = set()

    def go_down(module: str, way: list[str]) -> None:
        assert module not in way, " -> ".join([*way[way.index(module) :], module])
        if module not in done:
            for one in sorted(below[module]):
                go_down(one, [*way, module])
            done.add(module)

    for module in sorted(below):
        go_down(module, [])


@pytest.mark.parametrize("folder", sorted({path.parent for path in [*FILES, *JOBS]}), ids=named)
def test_rooms_stay_small(folder: Path):
    if folder != ROOT / "experiments":
        files = [path.name for path in folder.glob("*.py") if not path.name.startswith("__")]
        assert len(files) <= MOST_FILES, f"{len(files)} files in {named(folder)}: parts of one thing get a room"


@pytest.mark.parametrize("path", [*FILES, *JOBS], ids=named)
def test_files_and_functions_stay_small(path: Path):
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MOST_FUNCTION_LINES, node.name


def test_nobody_wrote_utils():
    assert not [path for path in [*FILES, *JOBS] if path.name in ("utils.py", "helpers.py", "misc.py")]


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("[a-z]*.py")), ids=named)
def test_a_job_starts_before_it_imports(path: Path):
    """Or --help takes as long as torch."""
    _, future, door, block, *_ = ast.parse(path.read_text()).body
    assert [ast.unparse(one) for one in (future, door)] == [
        "from __future__ import annotations",
        "from experiments.common.job import " + ", ".join(alias.name for alias in getattr(door, "names", [])),
    ]
    assert isinstance(block, ast.If)
    assert ast.unparse(block).startswith(f"if __name__ == '__main__':\n    start('experiments.{path.stem}:")

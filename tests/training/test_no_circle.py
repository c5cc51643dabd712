"""The training's files import one another one way, also where only types are meant."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "zfnet" / "training"


def test_no_file_comes_back_to_itself():
    imports = {}
    for path in PACKAGE.glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        names = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}
        names |= {node.module or "" for node in nodes}
        imports[path.stem] = {name.split(".")[2] for name in names if name.startswith("zfnet.training.")}
        imports[path.stem] &= {path.stem for path in PACKAGE.glob("*.py")}
    assert imports["loop"] >= {"step", "resume", "observer"}
    TopologicalSorter(imports).prepare()  # raises CycleError

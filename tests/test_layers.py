"""Rooms import only from rooms before them, no two modules or folders import each other, and heavy packages stay where
they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "maimod"
ROOMS = [
    "errors",
    "osu",
    "findings",
    "audio",
    "events",
    "families",
    "discriminator",
    "features",
    "rules",
    "linter",
    "evidence",
    "reporters",
    "training",
    "commands",
    "ui",
    "app",
    "__main__",
]
"""In order: a room imports from itself and from those before it. The names are folders, but for `errors.py`, `findings.py`, `app.py`
and `__main__.py`."""
TORCH_ALLOWED = {"families", "discriminator", "training"}


@cache
def modules() -> dict[str, Path]:
    """Module names without `maimod.`, with their files; the package itself, which imports lazily, is left out."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


@cache
def imports(path: Path, with_types: bool = False) -> set[str]:
    """Imported modules and names, also those of functions; those under `if TYPE_CHECKING:` only if asked for."""
    names: set[str] = set()

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if with_types or ast.unparse(node.test) != "TYPE_CHECKING":
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            names.update(alias.name for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            assert node.level == 0, "imports are absolute"
            names.update({node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names})

    Visitor().visit(ast.parse(path.read_text(encoding="utf-8")))
    return names


@cache
def own_imports(name: str) -> set[str]:
    """Modules of maimod that a module imports, for types too; a package counts where one of its own names is imported."""
    known = modules()
    found = {
        imported.removeprefix("maimod.")
        for imported in imports(known[name], with_types=True)
        if imported.startswith("maimod.")
    }
    packages = {f.rpartition(".")[0] for f in found} & known.keys()
    # `from maimod.rules import base` names the package too, and needs only the module.
    return {
        f
        for f in found & known.keys()
        if not (f in packages and not any(g.rpartition(".")[0] == f and g not in known for g in found))
    } - {name}


@pytest.mark.parametrize("name", sorted(modules()))
def test_rooms_import_from_those_before_them(name: str) -> None:
    room = name.split(".")[0]
    for imported in own_imports(name):
        assert ROOMS.index(imported.split(".")[0]) <= ROOMS.index(room), f"{name} imports {imported}"


def no_circle(imported: Mapping[str, set[str]]) -> None:
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_modules_import_each_other() -> None:
    no_circle({name: own_imports(name) for name in modules()})


@pytest.mark.parametrize("folder", sorted({name.rpartition(".")[0] for name in modules()} - {""}))
def test_no_folders_import_each_other(folder: str) -> None:
    """Nor do a folder and a module beside it."""
    depth = folder.count(".") + 2

    def inside(names: Iterable[str]) -> set[str]:
        return {".".join(name.split(".")[:depth]) for name in names if name.startswith(f"{folder}.")}

    imported: dict[str, set[str]] = defaultdict(set)
    for name in modules():
        for own in inside([name]):
            imported[own] |= inside(own_imports(name)) - {own}
    no_circle(imported)


@pytest.mark.parametrize("name", sorted(modules()))
def test_torch_stays_with_the_networks(name: str) -> None:
    if name.split(".")[0] not in TORCH_ALLOWED:
        assert not {"torch", "safetensors"} & {imported.split(".")[0] for imported in imports(modules()[name])}


@pytest.mark.parametrize("name", sorted(modules()))
def test_dask_stays_with_the_cluster(name: str) -> None:
    if name != "linter.cluster":
        assert not {"dask", "distributed"} & {imported.split(".")[0] for imported in imports(modules()[name])}


@pytest.mark.parametrize("argument", ["--help", "rules"])
def test_torch_is_not_loaded_where_nothing_is_scored(argument: str) -> None:
    code = f"import sys; from maimod.app import main; main([{argument!r}]); sys.exit(bool({{'torch', 'dask', 'distributed'}} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=PACKAGE.parent).returncode == 0

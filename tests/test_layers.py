"""A module imports only from layers below its own, and the heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "maimod"
LAYERS = [
    {"maimod"},
    {"beatmap", "audio"},
    {"media"},
    {"path_ends"},
    {"reader", "onsets", "beatgrid", "events", "findings", "stars", "geometry", "pcm", "configs"},
    {"tokens", "grammar", "windows", "calibration", "settings", "moments", "sounds", "levels"},
    {"mapset"},
    {"slots"},
    {"doubts"},
    {"encoding", "model", "proofreader"},
    {"published", "whisper", "song"},
    {"scoring", "detectors.base"},
    {"checkpoints", "whereabouts"},
    {"detectors._hearing", "detectors._sets"},
    {"detectors._loudness"},
    {"detectors.rhythm", "detectors.timing", "detectors.positions", "detectors.new_combos", "detectors.sliders",
     "detectors.hitsounds", "detectors.scroll_speed", "detectors.kiai", "detectors.clashes", "detectors.late_ticks", "detectors.lines",
     "detectors.difficulty", "detectors.playing_time", "detectors.metadata", "detectors.files",
     "detectors.samples", "detectors.consistency", "detectors.shared_timing", "detectors.spread", "detectors.agreement",
     "detectors.readability"},
    {"detectors", "folding"},
    {"second_reading"},
    {"archives", "cache"},
    {"inputs"},
    {"linter", "reporters"},
    {"bench"},
    {"workers"},
    {"runs"},
    {"reporters.console", "reporters.machine"},
    {"reporters.sarif", "reporters.junit", "reporters.markdown"},
    {"reporters.github"},
    {"pictures.svg"},
    {"pictures.moment", "pictures.timeline", "pictures.words", "clips"},
    {"pictures.circles", "pictures.hearing"},
    {"pictures.lanes"},
    {"pictures"},
    {"pictures.evidence"},
    {"viewer"},
    {"reporters.page"},
    {"learning", "learning.corpus", "learning.faults", "learning.sampling", "learning.train", "learning.plots", "learning.evaluate",
     "learning.calibrate", "learning.memo", "learning.plain", "learning.scoreboard", "learning.tampering", "learning.proofreading"},
    {"config", "options", "baseline"},
    {"checking"},
    {"ui.jobs", "ui.results"},
    {"ui.page"},
    {"ui"},
    {"watching"},
    {"cli"},
]
TORCH_ALLOWED = {"model", "whereabouts", "whisper", "proofreader", "scoring", "checkpoints", "learning.train", "learning.memo",
                 "learning.proofreading"}


def modules() -> dict[str, Path]:
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        found[name or "maimod"] = path
    return found


def imports(path: Path) -> set[str]:
    """Imported modules, without those under `if TYPE_CHECKING:`."""
    names: set[str] = set()

    class Visitor(ast.NodeVisitor):
        def visit_If(self, node: ast.If) -> None:
            if ast.unparse(node.test) != "TYPE_CHECKING":
                self.generic_visit(node)

        def visit_Import(self, node: ast.Import) -> None:
            names.update(alias.name for alias in node.names)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
            assert node.level == 0, "imports are absolute"
            names.update({node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names})

    Visitor().visit(ast.parse(path.read_text(encoding="utf-8")))
    return names


def layer_of(name: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_down(name: str) -> None:
    known = {n for layer in LAYERS for n in layer}
    assert name in known, f"{name} has no layer: add it to LAYERS"
    for imported in imports(modules()[name]):
        target = imported.removeprefix("maimod.")
        if imported.startswith("maimod.") and target in known and name not in ("maimod", target):
            same_package = name.split(".")[0] == target.split(".")[0] and "." in name
            assert layer_of(target) < layer_of(name) or same_package, f"{name} imports {target}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_torch_stays_in_the_model(name: str) -> None:
    if name not in TORCH_ALLOWED:
        assert not {"torch", "safetensors"} & {imported.split(".")[0] for imported in imports(modules()[name])}


@pytest.mark.parametrize("argument", ["--help", "rules"])
def test_torch_is_not_loaded_where_nothing_is_scored(argument: str) -> None:
    code = f"import sys; from maimod.cli import main; main([{argument!r}]); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=PACKAGE.parent).returncode == 0

"""The notebook of the examples: its code runs against this repository, apart from the cell that installs it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from maimod.linter import api
from maimod.linter.settings import Settings

ROOT = Path(__file__).parents[1]
CELLS = json.loads((ROOT / "examples" / "maimod.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def test_only_the_cell_that_installs_has_commands() -> None:
    installing = [cell for cell in CODE if "install" in cell["metadata"].get("tags", [])]
    assert installing == CODE[:1] and "requirements-light.txt" in "".join(CODE[0]["source"])
    assert not any(line.startswith(("!", "%")) for cell in CODE[1:] for line in cell["source"])
    assert not any(cell["outputs"] or cell["execution_count"] for cell in CODE)


def test_the_code_runs_and_shows_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "maimod").symlink_to(ROOT, target_is_directory=True)  # what the first cell clones
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(api, "lint", partial(api.lint, settings=Settings(model=None)))  # facts are enough, and fast
    scope: dict[str, object] = {}
    for cell in CODE[1:]:
        exec(compile("".join(cell["source"]), "cell", "exec"), scope)  # the cells share their names, as in a kernel
    shown = capsys.readouterr().out
    assert (
        "Faulty: 11 found" in shown
        and "fact problem " in shown
        and "## \\[Faulty\\]" in shown
        and " is 12 ms after" in shown
        and "fact problem  The lowest difficulty" in shown  # about the set, at no time
    )

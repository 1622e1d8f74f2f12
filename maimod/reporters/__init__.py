"""Forms of a report. A reporter is a function from a Report and a View to text on a stream; formats load when asked
for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TextIO

from maimod.findings import Report
from maimod.reporters.view import View

Reporter = Callable[[Report, TextIO, View], None]


def _later(module: str, name: str) -> Reporter:
    """A reporter whose module is imported at its first use."""

    def report(report: Report, out: TextIO, view: View) -> None:
        getattr(import_module(f"maimod.reporters.{module}"), name)(report, out, view)

    return report


REPORTERS: dict[str, Reporter] = {
    "console": _later("console", "console"),
    "html": _later("html", "page"),
    "json": _later("json", "json"),
    "sarif": _later("sarif", "sarif"),
    "junit": _later("junit", "junit"),
    "github": _later("github", "github"),
    "markdown": _later("markdown", "markdown"),
}
"""By the name that `--format` takes."""

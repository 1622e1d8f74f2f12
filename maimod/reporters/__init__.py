"""Report formats. A reporter writes a Report as text to a stream, shortened by a View; its module is loaded at first
use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TextIO

from maimod.findings import Report
from maimod.reporters.view import View

Reporter = Callable[[Report, TextIO, View], None]


def _later(module: str, name: str) -> Reporter:
    """A reporter whose module is imported at first use."""

    def report(report: Report, out: TextIO, view: View) -> None:
        getattr(import_module(f"maimod.reporters.{module}"), name)(report, out, view)

    return report


REPORTERS: dict[str, Reporter] = {
    "console": _later("console", "console"),
    "concise": _later("concise", "concise"),
    "html": _later("html", "page"),
    "json": _later("json", "json"),
    "sarif": _later("sarif", "sarif"),
    "junit": _later("junit", "junit"),
    "github": _later("github", "github"),
    "gitlab": _later("gitlab", "gitlab"),
    "markdown": _later("markdown", "markdown"),
    "verdict": _later("verdict", "verdict"),
}
"""Reporters by their `--format` name."""

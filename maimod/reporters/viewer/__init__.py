"""The page on which findings are browsed: the data it is given, and the script and style that show them.

One viewer serves both the HTML report, which carries all evidence in the page, and the UI, which draws it when a
finding is selected.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from maimod.evidence import extent, moments, timeline
from maimod.findings import Category, Report
from maimod.reporters.json import as_json
from maimod.reporters.view import View
from maimod.rules import RULES

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis


def strip(analysis: Analysis) -> dict[str, Any]:
    """What the viewer needs to show the timeline of a beatmap."""
    start, end = extent(analysis)
    return {"svg": timeline(analysis), "start": start, "end": end, "moments": moments(analysis)}


def data(report: Report, strips: Mapping[str, Mapping[str, Any]], view: View | None = None) -> dict[str, Any]:
    """What the viewer shows: the JSON report, with a timeline for each beatmap that has one.

    Args:
        report: to show.
        strips: of :func:`strip`, by the path of the beatmap.
        view: what of it.
    """
    shown = as_json(report, view)
    for beatmap in shown["beatmaps"]:
        beatmap["strip"] = strips.get(beatmap["path"])
    shown["categories"] = [category.value for category in Category]
    used = {finding.rule for finding in report.findings}
    shown["rules"] = {rule: RULES[rule].title for rule in sorted(used) if rule in RULES}
    return shown


def script() -> str:
    """JavaScript that defines `maimodViewer(root, host)`."""
    return _asset("viewer.js")


def style() -> str:
    """CSS, all of it under `.mm`."""
    return _asset("viewer.css")


def _asset(name: str) -> str:
    return (files("maimod.reporters.viewer") / name).read_text(encoding="utf-8")

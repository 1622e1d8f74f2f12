"""The findings viewer: its data, script and style.

The HTML report and the UI share it. The report contains all evidence; the UI draws it when a finding is selected.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from maimod.findings import Category, Report
from maimod.reporters import triage
from maimod.reporters.json import as_json
from maimod.reporters.triage import Entry, Place
from maimod.reporters.view import View, shorten
from maimod.rules import RULES


def data(report: Report, view: View | None = None) -> dict[str, Any]:
    """Data of the viewer: the JSON report and a little more.

    The caller may put the timeline of a beatmap under its "strip", from :func:`maimod.reporters.album.strip`; None shows none.

    Args:
        report: to show.
        view: which findings to list.
    """
    shown = as_json(report, view)
    for beatmap in shown["beatmaps"]:
        beatmap["strip"] = None
    shown["categories"] = [category.value for category in Category]
    shown["order"] = [number for sheet in triage.sheets(report) for number in sheet.beatmaps]
    shown["entries"] = [_entry(entry, report) for entry in triage.entries(shorten(report, view or View()).report)]
    used = {finding.rule for finding in report.findings}
    shown["rules"] = {rule: RULES[rule].title for rule in sorted(used) if rule in RULES}
    return shown


def _entry(entry: Entry, report: Report) -> dict[str, Any]:
    """An entry of the list: [difficulty, number of the finding] of all findings that it stands for."""
    return {
        "lead": _place(entry.lead),
        "twins": [_place(place) for place in entry.twins],
        "alike": [_entry(one, report) for one in entry.alike],
        "where": entry.where(report),
        "general": entry.is_general,
    }


def _place(place: Place) -> tuple[int, int]:
    return place.beatmap, place.number


def script() -> str:
    """JavaScript that defines `maimodViewer(root, host)`."""
    return _asset("viewer.js")


def style() -> str:
    """CSS, with all selectors under `.mm`."""
    return _asset("viewer.css")


def _asset(name: str) -> str:
    return (files("maimod.reporters.viewer") / name).read_text(encoding="utf-8")

"""One line of JSON for each mapset or archive: pass, fail or unreadable, and why. For screening many entries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

from maimod.findings import BeatmapReport, Report, Severity
from maimod.reporters.text import json_without_commands
from maimod.reporters.view import View

SCHEMA = "maimod-verdict/1"


def verdict(report: Report, out: TextIO, view: View) -> None:
    """Write a line for each entry, in the order of the report. An interrupted run has a last line that says so."""
    lines = Verdicts(out, view)
    for beatmap in report.beatmaps:
        lines.add(beatmap)
    lines.finish(report)


class Verdicts:
    """Writes the line of an entry as soon as its difficulties are complete."""

    def __init__(self, out: TextIO, view: View) -> None:
        self.out, self.view = out, view
        self._entry: list[BeatmapReport] = []

    def add(self, beatmap: BeatmapReport) -> None:
        """Take the next difficulty."""
        if self._entry and self._entry[-1].mapset != beatmap.mapset:
            self._write()
        self._entry.append(beatmap)

    def finish(self, report: Report) -> None:
        """Write what is left."""
        self._write()
        if report.interruption:
            self.out.write(json.dumps({"schema": SCHEMA, "unfinished": report.unfinished}) + "\n")

    def _write(self) -> None:
        if self._entry:
            self.out.write(
                json_without_commands(json.dumps(of_entry(self._entry, self.view), ensure_ascii=True)) + "\n"
            )
            self._entry = []


def of_entry(beatmaps: Sequence[BeatmapReport], view: View) -> dict[str, Any]:
    """The verdict on the difficulties of one mapset or archive: it fails by one finding of severity `view.fail_on` (problem,
    if that is never) or worse, else it is unreadable if one difficulty is, else it passes."""
    fail_on = view.fail_on or Severity.PROBLEM
    failures = [
        (beatmap, finding)
        for beatmap in beatmaps
        for finding in beatmap.findings
        if finding.severity.rank <= fail_on.rank
    ]
    counts = Report("", None, tuple(beatmaps)).summary
    return {
        "schema": SCHEMA,
        "entry": beatmaps[0].mapset if beatmaps[0].mapset != "." else beatmaps[0].location,
        "verdict": _verdict([beatmap.status for beatmap in beatmaps], bool(failures)),
        **counts,
        "difficulties": [
            {
                "path": beatmap.path,
                "version": beatmap.version,
                "mode": beatmap.mode,
                "verdict": _verdict([beatmap.status], any(one is beatmap for one, _ in failures)),
            }
            for beatmap in beatmaps
        ],
        "reasons": [
            {
                "difficulty": beatmap.version,
                "timestamp": finding.place,
                "rule": finding.rule,
                "severity": finding.severity.value,
                "message": finding.message,
            }
            for beatmap, finding in failures
        ],
        "unchecked": [message for beatmap in beatmaps if beatmap.status != "ok" for message in beatmap.messages],
    }


def _verdict(statuses: Sequence[str], fails: bool) -> str:
    return "fail" if fails else "unreadable" if "error" in statuses else "pass"

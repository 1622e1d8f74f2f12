"""One line for each finding, as compilers write them: `path:line: severity rule message`, which editors can jump to."""

from __future__ import annotations

from typing import TextIO

from maimod.findings import Report
from maimod.reporters.text import clean
from maimod.reporters.view import View, left_out, shorten


def concise(report: Report, out: TextIO, view: View) -> None:
    """Write the findings in their order; what could not be checked has the rule `maimod` at line 1."""
    shown = shorten(report, view)
    for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True):
        lines = [(finding.line, finding.severity.value, finding.rule, finding.message) for finding in beatmap.findings]
        if beatmap.status != "ok":
            level = "error" if beatmap.status == "error" else "warning"
            lines = [*((1, level, "maimod", message) for message in beatmap.messages), *lines]
        if not view.quiet:
            lines += [(1, "note", "maimod", note) for note in left_out(complete, shown)]
        for number, severity, rule, message in lines:
            out.write(clean(f"{beatmap.location}:{number}: {severity} {rule} {message}") + "\n")
    if report.interruption:
        out.write(f"{report.interruption}\n")

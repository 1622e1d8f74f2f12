"""GitLab's code quality report, for the widget of a merge request.

Source: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. Only findings are listed there, so what
could not be checked is an entry as well.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any, TextIO

from maimod.findings import Report, Severity
from maimod.reporters.text import json_without_commands, without_controls
from maimod.reporters.view import View, left_out, shorten

LEVELS = {Severity.PROBLEM: "major", Severity.WARNING: "minor", Severity.MINOR: "info"}


def gitlab(report: Report, out: TextIO, view: View) -> None:
    """Write one entry for each finding. Fingerprints do not depend on lines, so GitLab knows what is new."""
    shown = shorten(report, view)
    entries: list[dict[str, Any]] = []
    seen: Counter[str] = Counter()

    def add(path: str, line: int, rule: str, severity: str, message: str, identity: str) -> None:
        seen[identity := f"{path}\n{rule}\n{identity}"] += 1  # equal ones are told apart by their order
        fingerprint = hashlib.sha256(f"{identity}\n{seen[identity]}".encode(errors="replace")).hexdigest()[:32]
        entries.append(
            {
                "description": without_controls(message),
                "check_name": rule,
                "fingerprint": fingerprint,
                "severity": severity,
                "location": {"path": without_controls(path), "lines": {"begin": line}},
            }
        )

    for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True):
        if beatmap.status != "ok":
            level = "critical" if beatmap.status == "error" else "minor"
            for message in beatmap.messages:
                add(beatmap.location, 1, "maimod", level, message, message)
        for finding in beatmap.findings:
            text = f"{finding.place} {finding.message}".lstrip()
            add(beatmap.location, finding.line, finding.rule, LEVELS[finding.severity], text, finding.id)
        for note in left_out(complete, shown):
            add(beatmap.location, 1, "maimod", "info", note, "left out")
    if report.interruption:
        add(".", 1, "maimod", "critical", report.interruption, "interrupted")
    out.write(json_without_commands(json.dumps(entries, indent=1)) + "\n")

"""SARIF 2.1.0, for code scanning and editors: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

One run with the rules and their descriptions, and a result for each finding, at its line, with a fingerprint that
survives edits elsewhere. The log does not depend on machine or time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from maimod.findings import BeatmapReport, Finding, Report, Severity, counted
from maimod.reporters.text import json_without_commands
from maimod.reporters.view import View, left_out, located, shorten

if TYPE_CHECKING:
    from maimod.rules.base import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.PROBLEM: "error", Severity.WARNING: "warning", Severity.MINOR: "note"}
GITHUB_SEVERITIES = {Severity.PROBLEM: "error", Severity.WARNING: "warning", Severity.MINOR: "recommendation"}
"""`problem.severity`, by which GitHub sorts and filters."""
FINGERPRINT = "maimod/v1"
SOURCE_ROOT = "SRCROOT"
"""Base of relative paths: the working directory, in CI the checkout."""


def sarif(report: Report, out: TextIO, view: View) -> None:
    """Write the report as a SARIF log with one run."""
    text = json.dumps(as_sarif(report, view), indent=2, ensure_ascii=True, allow_nan=False)
    out.write(json_without_commands(text) + "\n")


def as_sarif(report: Report, view: View) -> dict[str, Any]:
    """Build the log as plain JSON values."""
    shown = shorten(report, view)
    names = sorted({*view.rules, *(finding.rule for finding in shown.report.findings)})
    indices = {name: index for index, name in enumerate(names)}
    results: list[dict[str, Any]] = []
    notifications: list[dict[str, Any]] = []
    for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True):
        seen: Counter[str] = Counter()
        for finding in beatmap.findings:
            seen[finding.id] += 1
            results.append(_result(beatmap, finding, indices[finding.rule], seen[finding.id]))
        for message in (*beatmap.messages, *left_out(complete, shown)):
            level = {"error": "error", "partial": "warning"}.get(beatmap.status, "note")
            notifications.append({"level": level, "message": {"text": message}, "locations": [_location(beatmap)]})
    if report.interruption:
        notifications.append({"level": "error", "message": {"text": report.interruption}})
    driver: dict[str, Any] = {
        "name": "maimod",
        "version": report.version,
        "semanticVersion": report.version,
        "rules": [_rule(name, view.rules) for name in names],
    }
    if report.model:
        driver["properties"] = {"model": report.model.id, "precision": report.model.precision}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [
                    {
                        "executionSuccessful": not report.unfinished
                        and all(beatmap.status != "error" for beatmap in report.beatmaps),
                        "toolExecutionNotifications": notifications,
                    }
                ],
                "originalUriBaseIds": _bases(report),
                "columnKind": "utf16CodeUnits",
                "results": results,
            }
        ],
    }


def _rule(name: str, rules: Mapping[str, Rule]) -> dict[str, Any]:
    rule = rules.get(name)
    if rule is None:
        return {"id": name}
    return {
        "id": name,
        "helpUri": rule.page,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(rule.why.split()) or rule.title},
        "help": {
            "text": "\n\n".join(f"{heading}: {text}" for heading, text in rule.texts),
            "markdown": "\n\n".join(f"**{heading}.** {text}" for heading, text in rule.texts),
        },
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "tags": [rule.category.value, *rule.evidence],
            "problem.severity": GITHUB_SEVERITIES[rule.severity],
        },
    }


def _result(beatmap: BeatmapReport, finding: Finding, index: int, occurrence: int) -> dict[str, Any]:
    known = {
        "difficulty": beatmap.version,
        "timestamp": finding.timestamp,
        "link": finding.link,
        "score": finding.score,
        "surprisal": finding.surprisal,
        "entropy": finding.entropy,
        "actual": finding.actual or None,
        "expected": [one.text for one in finding.expected] or None,
    }
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "rank": round(finding.score * 100, 2),
        "message": {"text": located(beatmap, finding)},
        "locations": [_location(beatmap, finding.line)],
        "partialFingerprints": {FINGERPRINT: f"{finding.id}:{occurrence}"},
        "properties": {name: value for name, value in known.items() if value is not None},
    }


def _above(path: str) -> tuple[int, str]:
    """How many folders above the source root a path begins, and the rest of it."""
    parts = path.split("/")
    up = next((place for place, part in enumerate(parts) if part != ".."), len(parts))
    return up, "/".join(parts[up:])


def _base(up: int) -> str:
    return f"{SOURCE_ROOT}_UP_{up}" if up else SOURCE_ROOT


def _bases(report: Report) -> dict[str, Any]:
    """Bases of the relative paths; no base has an address, so that the log does not depend on the machine."""
    described = {SOURCE_ROOT: {"description": {"text": "The folder maimod was run in."}}}
    for up in sorted({_above(beatmap.location)[0] for beatmap in report.beatmaps} - {0}):
        text = f"The folder {counted(up, 'level')} above {SOURCE_ROOT}."
        described[_base(up)] = {"description": {"text": text}}
    return described


def _location(beatmap: BeatmapReport, line: int | None = None) -> dict[str, Any]:
    path = beatmap.location
    # A URI in a log has no `..`, so the folders above the checkout are bases of their own.
    up, below = _above(path)
    artifact: dict[str, Any] = {"uri": quote(below, safe="/", errors="replace"), "uriBaseId": _base(up)}
    if path.startswith("/") or path[1:3] == ":/":  # on another drive
        artifact = {"uri": "file://" + quote("/" + path.lstrip("/"), safe="/:", errors="replace")}
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if line is not None:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}

"""JSON reports, described in docs/json-report.md and report.schema.json."""

from __future__ import annotations

import json as json_format
from typing import Any, TextIO

import msgspec

from maimod.findings import SCHEMA, BeatmapReport, Finding, Report, plain
from maimod.reporters.text import json_without_commands
from maimod.reporters.view import View, left_out, shorten


def json(report: Report, out: TextIO, view: View) -> None:
    """Write the report as one JSON document.

    Letters outside ASCII are escaped, so the text survives every console and code page.
    """
    text = json_format.dumps(as_json(report, view), indent=2, ensure_ascii=True, allow_nan=False)
    out.write(json_without_commands(text) + "\n")


def as_json(report: Report, view: View | None = None) -> dict[str, Any]:
    """The report as plain JSON values; the messages of a beatmap say how many findings `view` left out."""
    shown = shorten(report, view or View())
    model = report.model
    return {
        "schema": SCHEMA,
        "tool": {"name": "maimod", "version": report.version},
        "model": model
        and {"id": model.id, "family": model.family, "device": model.device, "precision": model.precision},
        "beatmaps": [
            _beatmap(beatmap, left_out(complete, shown))
            for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True)
        ],
        "summary": shown.report.summary,
        "unfinished": report.unfinished,
        "shard": report.shard
        and {"number": report.shard.number, "of": report.shard.of, "order": list(report.shard.order)},
    }


def from_json(text: bytes) -> Report:
    """Read a report.

    Raises:
        ValueError: if it is none.
    """
    value = json_format.loads(text)
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise ValueError(f"its schema must be {SCHEMA}")
    tool = value.get("tool")
    version = tool.get("version") if isinstance(tool, dict) else None
    report = msgspec.convert({**value, "version": version}, Report)
    if report.shard and len(report.shard.order) != len(report.beatmaps):
        raise ValueError("`shard.order` has not one number for each beatmap")
    if any(None in (finding.score, finding.time) for finding in report.findings):  # 1e999
        raise ValueError("a score or time beyond all numbers")
    return report


def _beatmap(beatmap: BeatmapReport, notes: list[str]) -> dict[str, Any]:
    return {
        "path": beatmap.path,
        "file": beatmap.location,
        "title": beatmap.title,
        "artist": beatmap.artist,
        "creator": beatmap.creator,
        "version": beatmap.version,
        "mode": beatmap.mode,
        "stars": plain(beatmap.stars),
        "audio": beatmap.audio,
        "status": beatmap.status,
        "messages": [*beatmap.messages, *notes],
        "objects": beatmap.objects,
        "drain_ms": plain(beatmap.drain_ms),
        "events": beatmap.events,
        "unexplained": beatmap.unexplained,
        "fainter": beatmap.fainter,
        "findings": [_finding(finding) for finding in beatmap.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "rule": finding.rule,
        "category": finding.category.value,
        "severity": finding.severity.value,
        "tier": finding.tier.value,
        "scope": finding.scope.value,
        "score": finding.score,
        "confidence": finding.confidence,
        "surprisal": finding.surprisal,
        "entropy": finding.entropy,
        "time": finding.time,
        "end_time": finding.end_time,
        "timestamp": finding.timestamp,
        "link": finding.link,
        "objects": list(finding.objects),
        "line": finding.line,
        "message": finding.message,
        "actual": finding.actual,
        "expected": [{"text": one.text, "probability": plain(one.probability)} for one in finding.expected],
        "evidence": finding.evidence,
    }

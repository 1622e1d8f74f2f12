"""Which findings of a report are listed, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from maimod.findings import BeatmapReport, Finding, Report, Scope, Severity

if TYPE_CHECKING:
    from maimod.reporters.album import Album
    from maimod.rules.base import Rule


class View(msgspec.Struct, frozen=True):
    """Options of display; they never change findings or exit codes."""

    min_severity: Severity = Severity.MINOR
    """List only this severity and worse."""
    max_findings: int | None = None
    """List at most this many findings: problems before warnings and warnings before minor ones, of equals those with the highest scores; None lists all."""
    statistics: bool = False
    """Add a table of rules by severity."""
    quiet: bool = False
    """Print findings and errors only."""
    plain: bool = False
    """No colours and links, even on a terminal."""
    verbose: bool = False
    """Print the evidence of each finding as well."""
    fail_on: Severity | None = Severity.PROBLEM
    """Findings of this severity and worse are failures; None: no finding is."""
    rules: Mapping[str, Rule] = msgspec.field(default_factory=dict)
    """Rules by id, to describe findings."""
    width: int | None = None
    """Width in columns; None is the terminal's."""
    album: Album | None = None
    """Pictures of the evidence, for formats that show them."""


class Output(msgspec.Struct, frozen=True):
    """A report to write, as `--format NAME` or `--format NAME:FILE` asks for it."""

    name: str
    """Of a format in :data:`maimod.reporters.REPORTERS`."""
    file: Path | None = None
    """None is stdout."""

    def __str__(self) -> str:
        return self.name if self.file is None else f"{self.name}:{self.file}"


class Shown(msgspec.Struct, frozen=True):
    """A report shortened by a View, with the findings left out, so that reporters can count them."""

    report: Report
    """The report with the listed findings only."""
    milder: tuple[Finding, ...] = ()
    """Findings left out by `min_severity`."""
    beyond: tuple[Finding, ...] = ()
    """Findings left out by `max_findings`."""


def worth(finding: Finding) -> tuple[int, bool, float]:
    """Sort key: what is worth looking at first. Graver first, because the score of an exact problem can be lower than that of an estimate;
    then places in a map before files and settings, and the likelier."""
    return finding.severity.rank, finding.scope is not Scope.PLACE, -finding.score


def shorten(report: Report, view: View) -> Shown:
    """Split the findings into listed ones and those that `view` leaves out."""
    listed = [finding for finding in report.findings if finding.severity.rank <= view.min_severity.rank]
    milder = [finding for finding in report.findings if finding.severity.rank > view.min_severity.rank]
    beyond: list[Finding] = []
    if view.max_findings is not None and len(listed) > view.max_findings:
        ranked = sorted(listed, key=worth)  # stable: of equals the earlier findings are listed
        beyond = ranked[view.max_findings :]
    dropped = {id(finding) for finding in (*milder, *beyond)}
    beatmaps = tuple(
        replace(beatmap, findings=tuple(finding for finding in beatmap.findings if id(finding) not in dropped))
        for beatmap in report.beatmaps
    )
    return Shown(replace(report, beatmaps=beatmaps), tuple(milder), tuple(beyond))


def left_out(complete: BeatmapReport, shown: Shown) -> list[str]:
    """Messages on how many findings of a beatmap are not listed, and why."""
    own = {id(finding) for finding in complete.findings}
    parts = ((shown.milder, "below --min-severity"), (shown.beyond, "beyond --max-findings"))
    counts = ((sum(id(finding) in own for finding in findings), why) for findings, why in parts)
    return [note(count, why) for count, why in counts if count]


def note(count: int, why: str) -> str:
    """The message of a difficulty on findings that are not listed, as in "2 findings not listed: accepted in known.json"."""
    return f"{count} finding{'s' * (count != 1)} not listed: {why}"


def noted(message: str) -> tuple[int, str] | None:
    """The count and reason of a message of :func:`note`; None if it is another one."""
    found = re.fullmatch(r"(\d+) findings? not listed: (.*)", message)
    return (int(found[1]), found[2]) if found else None


def located(beatmap: BeatmapReport, finding: Finding) -> str:
    """The message of a finding with its difficulty and time, as far as it has them: `[Hard] 00:12:345 (1) - Message`."""
    difficulty = f"[{beatmap.version}]" if beatmap.version and finding.scope is not Scope.SET else ""
    return " ".join(part for part in (difficulty, finding.place, finding.message) if part)

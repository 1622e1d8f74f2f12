"""What of a report is shown, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from maimod.findings import Finding, Report, Severity

if TYPE_CHECKING:
    from maimod.reporters.html import Album
    from maimod.rules.base import Rule


@dataclass(frozen=True, slots=True)
class View:
    """What to show of a report, and how; it never changes what was found."""

    min_severity: Severity = Severity.MINOR
    """List nothing milder."""
    max_findings: int | None = None
    """List that many findings at most, the highest-scored; None lists all."""
    statistics: bool = False
    """Add a table of the rules by severity."""
    quiet: bool = False
    """Findings and troubles only."""
    plain: bool = False
    """No colours and no links, not even on a terminal."""
    fail_on: Severity | None = Severity.PROBLEM
    """From which severity on a finding is a failure; None for none."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """The rules by id, to explain findings with."""
    width: int | None = None
    """Columns of text; None asks the terminal."""
    album: Album | None = None
    """Pictures of the evidence, for formats that show them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A report after a View has shortened it, with what was left out: nothing is hidden silently."""

    report: Report
    """With the findings to list."""
    milder: tuple[Finding, ...] = ()
    """Left out by `min_severity`."""
    beyond: tuple[Finding, ...] = ()
    """Left out by `max_findings`."""


def shorten(report: Report, view: View) -> Shown:
    """Leave out what `view` does not want listed, and keep it apart to be counted."""
    listed = [finding for finding in report.findings if finding.severity.rank <= view.min_severity.rank]
    milder = [finding for finding in report.findings if finding.severity.rank > view.min_severity.rank]
    beyond: list[Finding] = []
    if view.max_findings is not None and len(listed) > view.max_findings:
        # Stable: of findings that score the same, the earlier ones of the report stay.
        ranked = sorted(listed, key=lambda finding: (-finding.score, finding.severity.rank))
        beyond = ranked[view.max_findings :]
    dropped = {id(finding) for finding in (*milder, *beyond)}
    beatmaps = tuple(
        replace(beatmap, findings=tuple(finding for finding in beatmap.findings if id(finding) not in dropped))
        for beatmap in report.beatmaps
    )
    return Shown(replace(report, beatmaps=beatmaps), tuple(milder), tuple(beyond))

"""From the evidence about a map to its report: rules, rescoring, deduplication, selection. Nothing is read here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from maimod.findings import BeatmapReport, Category, Finding, Scope, Tier
from maimod.linter.bugs import bug
from maimod.linter.deduplicate import deduplicate
from maimod.linter.fingerprints import fingerprint
from maimod.linter.gather import Gathered
from maimod.linter.rescore import rescore
from maimod.linter.settings import Settings
from maimod.linter.song import Song
from maimod.osu.beatmap import Beatmap
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence, MapsetEvidence

Seen = TypeVar("Seen")
Found = TypeVar("Found")


class SetAnalysis(msgspec.Struct, frozen=True):
    """Result of the rules about a whole set."""

    candidates: Mapping[Path, Sequence[Candidate]] = msgspec.field(default_factory=dict)
    """Candidates by the path of the difficulty that reports them."""
    missing: tuple[str, ...] = ()
    """One line for each part of the set that cannot be checked, with the reason."""
    failed: bool = False
    """As in :class:`Analysis`."""


class Analysis(msgspec.Struct, frozen=True):
    """The report of one map with its evidence, from which pictures are drawn."""

    report: BeatmapReport
    """The report with the selected findings."""
    evidence: Evidence
    song: Song | None = None
    """None without audio."""
    found: tuple[Finding, ...] = ()
    """All findings of rules that are on, selected or not."""
    failed: bool = False
    """Whether something failed that may work next time; the report is then not cached."""

    @property
    def beatmap(self) -> Beatmap:
        """The parsed beatmap."""
        return self.evidence.beatmap


_EXACT_CHECKS = tuple(check for check in BEATMAP_CHECKS if any(rule.tier is Tier.EXACT for rule in check.rules))


def analyse(
    gathered: Gathered, name: str, settings: Settings, in_set: SetAnalysis | None = None, exact_only: bool = False
) -> Analysis:
    """Make the report of a map.

    Args:
        gathered: the evidence.
        name: path in the report.
        settings: which rules are on, and which of their findings are selected.
        in_set: result of the rules about the set.
        exact_only: leave out the checks that have no exact rule.
    """
    evidence, in_set = gathered.evidence, in_set or SetAnalysis()
    is_played = evidence.mapset is None or not evidence.mapset.is_work(evidence.beatmap)
    checks = (_EXACT_CHECKS if exact_only else BEATMAP_CHECKS) if is_played else ()
    of_map, troubles = _run([(check.title, check.candidates) for check in checks], evidence)
    candidates = [*in_set.candidates.get(evidence.beatmap.path, ()), *of_map]
    own = settings.of_difficulty(evidence.beatmap.version)
    # A rule that is turned off explains nothing: what it would have said must not take along what another one says.
    scored = [one for one in rescore(candidates, evidence, gathered.calibration) if own.turns_on(one.rule)]
    kept, unexplained = deduplicate(scored, evidence)
    found = tuple(
        replace(finding, id=fingerprint(evidence.beatmap, finding), scope=scope_of(evidence.beatmap, finding))
        for finding in kept
    )
    missing = (*gathered.missing, *in_set.missing, *troubles)
    report = _report(gathered, name, missing, found, unexplained)
    failed = gathered.failed or in_set.failed or bool(troubles)
    return Analysis(select(report, settings), evidence, gathered.song, found, failed)


def analyse_set(evidence: MapsetEvidence) -> SetAnalysis:
    """Apply the rules about whole sets."""
    placed, troubles = _run([(check.title, check.run) for check in MAPSET_CHECKS], evidence)
    candidates: dict[Path, list[Candidate]] = {}
    for beatmap, candidate in placed:
        candidates.setdefault(beatmap.path, []).append(candidate)
    return SetAnalysis(candidates, (*evidence.mapset.unchecked, *troubles), bool(troubles))


def scope_of(beatmap: Beatmap, finding: Finding) -> Scope:
    """How much of the set a finding concerns. One about files, names or settings has only the time of the first
    object."""
    first = min((o.time for o in beatmap.hit_objects), default=0.0)
    is_about_files = finding.category in (Category.MAPSET, Category.SUBMISSION)
    if finding.objects or not is_about_files or finding.time != first:
        return Scope.PLACE
    return Scope.SET if len(finding.evidence.get("difficulties", ())) > 1 else Scope.DIFFICULTY


def select(report: BeatmapReport, settings: Settings) -> BeatmapReport:
    """The report with the selected findings, each with its configured severity."""
    findings, fainter = settings.selected(report.findings, report.version)
    return replace(report, findings=findings, fainter=fainter)


def _run(
    checks: Iterable[tuple[str, Callable[[Seen], Iterable[Found]]]], evidence: Seen
) -> tuple[list[Found], list[str]]:
    """Run checks, and return their candidates and a message for each check that failed."""
    found: list[Found] = []
    troubles: list[str] = []
    for title, run in checks:
        try:
            found += run(evidence)
        except Exception as error:
            troubles.append(bug(title, error))
    return found, troubles


def _report(
    gathered: Gathered, name: str, missing: tuple[str, ...], findings: tuple[Finding, ...], unexplained: int
) -> BeatmapReport:
    evidence = gathered.evidence
    beatmap, metadata = evidence.beatmap, evidence.beatmap.metadata
    song = gathered.song and gathered.song.audio.path
    return BeatmapReport(
        path=name,
        status="partial" if missing or beatmap.messages else "ok",
        messages=(*beatmap.messages, *missing, *gathered.notes),
        title=metadata.get("Title", ""),
        artist=metadata.get("Artist", ""),
        creator=metadata.get("Creator", ""),
        version=metadata.get("Version", ""),
        mode=beatmap.mode.label,
        audio=song.name if song else None,
        objects=len(beatmap.hit_objects),
        drain_ms=round(beatmap.drain_ms, 3),
        events=len(evidence.scores or ()),
        unexplained=unexplained,
        findings=findings,
        stars=evidence.mapset.stars.get(beatmap.path) if evidence.mapset else None,
    )

"""From the evidence about a map to its report: rules, rescoring, deduplication, selection. Nothing is read here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from maimod.findings import BeatmapReport, Finding
from maimod.linter.bugs import bug
from maimod.linter.deduplicate import deduplicate, fingerprint
from maimod.linter.gather import Gathered
from maimod.linter.rescore import rescore
from maimod.linter.settings import Settings
from maimod.linter.song import Song
from maimod.osu import mapset
from maimod.osu.beatmap import Beatmap
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS
from maimod.rules.base import Candidate, Evidence, MapsetEvidence

RULES_OF_SETS = frozenset(rule.id for check in MAPSET_CHECKS for rule in check.rules)

Seen = TypeVar("Seen")
Found = TypeVar("Found")


@dataclass(frozen=True)
class SetAnalysis:
    """What was found about a whole set."""

    candidates: Mapping[Path, Sequence[Candidate]] = field(default_factory=dict)
    """By the path of the difficulty in whose report they go."""
    missing: tuple[str, ...] = ()
    """What cannot be checked about the set and why, one line each."""
    failed: bool = False
    """As of :class:`Analysis`."""


@dataclass(frozen=True)
class Analysis:
    """The report of one map and what it was made of: pictures of the evidence are drawn from it."""

    report: BeatmapReport
    """With the findings that are wanted."""
    evidence: Evidence
    song: Song | None = None
    """None without audio."""
    found: tuple[Finding, ...] = ()
    """All findings, wanted or not."""
    failed: bool = False
    """Whether something failed that might work the next time: the report is not cached."""

    @property
    def beatmap(self) -> Beatmap:
        """As it was read."""
        return self.evidence.beatmap


def analyse(gathered: Gathered, name: str, settings: Settings, in_set: SetAnalysis | None = None) -> Analysis:
    """Make the report of a map.

    Args:
        gathered: the evidence.
        name: what the report calls the map.
        settings: which findings are wanted.
        in_set: what was found about the set of the map.
    """
    evidence, in_set = gathered.evidence, in_set or SetAnalysis()
    of_map, troubles = _run([(check.title, check.run) for check in BEATMAP_CHECKS], evidence)
    candidates = [*in_set.candidates.get(evidence.beatmap.path, ()), *of_map]
    kept, unexplained = deduplicate(rescore(candidates, evidence, gathered.calibration), evidence)
    found = tuple(
        replace(finding, id=fingerprint(evidence.beatmap, finding, finding.rule in RULES_OF_SETS)) for finding in kept
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
    unlisted = f"the folder holds more than {mapset.MAX_FILES:,} files: no mapset; files are not checked"
    return SetAnalysis(candidates, (*(() if evidence.mapset.listed else (unlisted,)), *troubles), bool(troubles))


def select(report: BeatmapReport, settings: Settings) -> BeatmapReport:
    """The report with the findings that are wanted, each of the severity that is wanted for it."""
    return replace(report, findings=settings.judge(report.findings, report.version))


def _run(
    checks: Iterable[tuple[str, Callable[[Seen], Iterable[Found]]]], evidence: Seen
) -> tuple[list[Found], list[str]]:
    """What the rules find, and which of them failed: that costs the findings of these rules only."""
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
    )

"""Findings about a set that is written to a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.rules.checks import MapsetCheck
from maimod.rules.evidence import Evidence, MapsetEvidence
from tests.findings import findings_of_set
from tests.mapset import Version, versions, write


def found(folder: Path, check: MapsetCheck, given: dict[str, Version] | None = None, only: str = "") -> list[Finding]:
    if given is not None:
        write(folder, given)
    (loaded,) = mapset.load(folder)
    of_beatmaps = [Evidence(beatmap, level=loaded.levels[beatmap.path], mapset=loaded) for beatmap in loaded.beatmaps]
    return [
        finding
        for finding in findings_of_set(check, MapsetEvidence(loaded, of_beatmaps))
        if finding.rule.startswith(only)
    ]


def rules(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity.value) for finding in findings]


def changed(**changes: dict[str, object]) -> dict[str, Version]:
    given = versions()
    for name, fields in changes.items():
        given[name] = replace(given[name], **fields)
    return given

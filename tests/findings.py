"""From a check to the findings that a report would have, without a discriminator."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from maimod.findings import Finding
from maimod.linter.calibration import Calibration
from maimod.linter.rescore import rescore
from maimod.rules.base import Candidate, Evidence, MapsetCheck, MapsetEvidence


def findings_of(run: Callable[[Evidence], Iterator[Candidate]], evidence: Evidence) -> list[Finding]:
    """Findings of one check of single difficulties."""
    return rescore(run(evidence), evidence, Calibration())


def findings_of_set(check: MapsetCheck, evidence: MapsetEvidence) -> list[Finding]:
    """Findings of one check of sets, of all difficulties."""
    of_beatmap = {one.beatmap.path: one for one in evidence.of_beatmaps}
    return [
        finding
        for beatmap, candidate in check.run(evidence)
        for finding in rescore([candidate], of_beatmap[beatmap.path], Calibration())
    ]

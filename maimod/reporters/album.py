"""Pictures of the evidence and timelines of beatmaps, kept in files until a report is written."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maimod.evidence import beats, extent, moments, notes, timeline
from maimod.evidence.evidence import evidence
from maimod.findings import Finding

if TYPE_CHECKING:
    from maimod.linter.expectations import Expectations
    from maimod.linter.pipeline import Analysis


def strip(analysis: Analysis) -> dict[str, Any]:
    """Timeline data of a beatmap for the viewer."""
    start, end = extent(analysis)
    return {
        "svg": timeline(analysis),
        "start": start,
        "end": end,
        "moments": moments(analysis),
        "notes": notes(analysis),
        "beats": beats(analysis),
    }


@dataclass(frozen=True)
class Album:
    """Pictures of the evidence: a folder with one file for each beatmap.

    :meth:`draw` goes to `lint` as `draw` and works in any process, so pictures of a run of any size take the memory of
    one beatmap.
    """

    folder: Path
    """Must exist; its creator removes it."""

    def draw(self, analysis: Analysis, expectations: Expectations | None) -> None:
        """Draw everything about a beatmap."""
        bodies = {_name(finding): evidence(analysis, finding, expectations) for finding in analysis.report.findings}
        file = self._file(analysis.report.path)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"strip": strip(analysis), "bodies": bodies}), encoding="ascii")
        os.replace(beside, file)

    def pictures(self, path: str) -> Pictures:
        """Pictures of the beatmap with this path in its report."""
        file = self._file(path)
        return Pictures(**json.loads(file.read_text(encoding="ascii"))) if file.exists() else Pictures()

    def _file(self, path: str) -> Path:
        return self.folder / f"{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one beatmap, as text."""

    strip: dict[str, Any] | None = None
    """See :func:`strip`; None if nothing was drawn."""
    bodies: dict[str, str] = field(default_factory=dict)
    """HTML of the evidence by the name of the finding."""

    def body(self, finding: Finding) -> str | None:
        """The evidence for a finding; None if it was not drawn."""
        return self.bodies.get(_name(finding))


def _name(finding: Finding) -> str:
    """Key of a finding within its beatmap."""
    return f"{finding.id} {finding.timestamp}"

"""Finished lints, kept while their page is open, with the data that the viewer requests."""

from __future__ import annotations

import io
import secrets
import tempfile
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from maimod.audio import decode
from maimod.audio.decode import Audio
from maimod.commands.baseline import Delta, subtract
from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import write as write_baseline
from maimod.evidence.clip import CLIP_RATE, clip
from maimod.evidence.evidence import evidence
from maimod.evidence.svg import data_url
from maimod.findings import Finding, Report
from maimod.linter.gather import PositionAsker
from maimod.linter.pipeline import Analysis
from maimod.linter.settings import Settings
from maimod.osu.discovery import Source
from maimod.osu.folder import Folder
from maimod.reporters import REPORTERS, viewer
from maimod.reporters.view import View
from maimod.rules import RULES

PLAYABLE_MS = (2500.0, 3000.0)
"""Ms of song before and after a finding."""
MAX_RESULTS = 6
"""Most results kept, over all pages; a difficulty takes some 10 MB."""
EXPORTS = {"markdown": ("md", "text/markdown"), "json": ("json", "application/json"), "html": ("html", "text/html")}
"""Export formats of the page: suffix and media type."""


class Gone(LookupError):
    """The result is no longer kept."""

    def __str__(self) -> str:
        return "This result is no longer kept; run again."


@dataclass
class Result:
    """A finished lint."""

    sources: Sequence[Source]
    report: Report
    settings: Sequence[Settings]
    """Settings of each beatmap of the report."""
    analyses: Mapping[str, Analysis]
    """By the path of the beatmap in the report."""
    ask: PositionAsker | None = None
    """Computes position posteriors with the model of the run; None if no beatmap could be read."""
    deltas: Mapping[str, Delta] = field(default_factory=dict)
    """Changes since the last run, by the same path."""
    baseline: Path | None = None
    """File for ignored findings; it need not exist yet."""
    is_read_only: bool = False
    """Whether the baseline was named by a configuration that was found, which may have nothing written."""
    session: str = ""
    """Session of the page it belongs to."""

    def __post_init__(self) -> None:
        self.saved = self._dates()
        self.ignored = self._accepted()

    def _dates(self) -> dict[Path, int]:
        """Modification time of each map in ns."""
        dates = {}
        for path in (
            path
            for source in self.sources
            for path in ([source.path] if source.is_archive else Folder(source.path).beatmaps())
        ):
            try:
                dates[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # some editors delete the file before they write it again
        return dates

    def is_outdated(self) -> bool:
        """Whether a map was saved since the lint."""
        return self._dates() != self.saved

    def _accepted(self) -> set[str]:
        """Keys of the findings that the baseline accepts."""
        if self.baseline is None or not self.baseline.exists():
            return set()
        left = subtract(self.report, load_baseline(self.baseline), self.baseline)
        open_ones = {id(finding) for finding in left.findings}
        return {key for key, finding in self._keys() if id(finding) not in open_ones}

    def _keys(self) -> Iterator[tuple[str, Finding]]:
        """Each finding with its key in the viewer, "beatmap.finding"."""
        for b, beatmap in enumerate(self.report.beatmaps):
            for f, finding in enumerate(beatmap.findings):
                yield f"{b}.{f}", finding

    def _only(self, keys: Collection[str]) -> Report:
        """The report with these findings alone."""
        chosen = {id(finding) for key, finding in self._keys() if key in keys}
        return replace(
            self.report,
            beatmaps=tuple(
                replace(beatmap, findings=tuple(one for one in beatmap.findings if id(one) in chosen))
                for beatmap in self.report.beatmaps
            ),
        )

    def mark(self, key: str, state: str) -> str:
        """Store the mapper's mark on a finding and return a line about it. Ignored findings are added to the
        baseline."""
        if self.baseline is None or self.is_read_only:
            name = self.baseline.name if self.baseline else "a baseline file"
            return (
                f"Ignored in this browser. Name {name} on the page to ignore it everywhere."
                if state == "ignored"
                else ""
            )
        before = set(self.ignored)
        (self.ignored.add if state == "ignored" else self.ignored.discard)(key)
        if self.ignored == before:
            return ""
        known = load_baseline(self.baseline) if self.baseline.exists() else None
        count = write_baseline(self.baseline, self._only(self.ignored), self.settings, known)
        return f"{self.baseline.name} accepts {count} finding{'s' * (count != 1)} of this result"

    def finding(self, key: str) -> tuple[Analysis, Finding]:
        """Return the finding of a key."""
        b, f = map(int, key.split("."))
        beatmap = self.report.beatmaps[b]
        return self.analyses[beatmap.path], beatmap.findings[f]

    def data(self) -> dict[str, Any]:
        """Data of the viewer."""
        shown = viewer.data(self.report)
        for beatmap in shown["beatmaps"]:
            if beatmap["path"] in self.analyses:
                beatmap["strip"] = viewer.strip(self.analyses[beatmap["path"]])
        shown["compared"] = bool(self.deltas)
        shown["resolved"] = []
        for b, (beatmap, told) in enumerate(zip(self.report.beatmaps, shown["beatmaps"], strict=True)):
            delta = self.deltas.get(beatmap.path)
            new = {id(finding) for finding in delta.new} if delta else set()
            shown["resolved"] += (
                [{"version": beatmap.version, "text": text} for text in delta.resolved] if delta else []
            )
            for f, (finding, one) in enumerate(zip(beatmap.findings, told["findings"], strict=True)):
                one["ignored"] = f"{b}.{f}" in self.ignored
                one["change"] = ("new" if id(finding) in new else "same") if delta else ""
        return shown

    def evidence(self, key: str) -> str:
        """Build the evidence HTML of a finding."""
        analysis, finding = self.finding(key)
        return evidence(analysis, finding, self.ask, max(PLAYABLE_MS))

    def clip(self, key: str, clicks: bool) -> dict[str, Any]:
        """Cut the song around a finding: a URL of WAV data and its start in ms."""
        analysis, finding = self.finding(key)
        start, stop = finding.time - PLAYABLE_MS[0], finding.time + PLAYABLE_MS[1]
        assert analysis.song is not None
        # A song from an archive is deleted by now; use the samples that the model got.
        path = analysis.song.audio.path
        heard = _decoded(path) if path and path.exists() else analysis.song.audio
        return {"url": data_url(clip(analysis.beatmap, heard, start, stop, clicks), "audio/wav"), "start": start}

    def export(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """The chosen findings in a format of :data:`EXPORTS`."""
        suffix, kind = EXPORTS[name]
        report = self._only(set(keys))
        out = io.StringIO()
        with tempfile.TemporaryDirectory(prefix="maimod-") as folder:
            album = None
            if name == "html":
                from maimod.reporters.html import Album

                album = Album(Path(folder))
                for beatmap in report.beatmaps:
                    if beatmap.path in self.analyses:
                        album.draw(replace(self.analyses[beatmap.path], report=beatmap), self.ask)
            REPORTERS[name](report, out, View(rules=RULES, album=album))
        return {"name": f"maimod.{suffix}", "type": kind, "text": out.getvalue()}


@lru_cache(maxsize=2)
def _decoded(path: Path) -> Audio:
    return decode.load(path, CLIP_RATE)


class Results:
    """Results of all open pages, by random ids."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._lock = Lock()

    def keep(self, result: Result) -> str:
        """Keep a finished lint, drop the oldest if there are too many, and return its id."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            own = [old for old, other in self._kept.items() if other.session == result.session]
            for old in own[:-1]:  # keep the last: the page shows it until this one is shown
                del self._kept[old]
            self._kept[name] = result
            while len(self._kept) > MAX_RESULTS:
                self._kept.popitem(last=False)
        return name

    def __getitem__(self, name: str) -> Result:
        with self._lock:
            if name not in self._kept:
                raise Gone
            return self._kept[name]

    def forget(self, session: str) -> None:
        """Drop the results of a closed page."""
        with self._lock:
            for name in [name for name, result in self._kept.items() if result.session == session]:
                del self._kept[name]

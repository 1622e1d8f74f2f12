"""Finished lints, kept while their page is open: what the viewer asks of them."""

from __future__ import annotations

import io
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from maimod import audio, viewer
from maimod.audio import Audio
from maimod.clips import CLIP_RATE, clip
from maimod.findings import Finding, Report
from maimod.linter import Analysis
from maimod.pictures.evidence import RULES, evidence
from maimod.pictures.svg import data_url
from maimod.reporters import REPORTERS, View

PLAYABLE_MS = (2500.0, 3000.0)
"""Before and after a finding."""
MAX_RESULTS = 6
"""Kept at once, over all pages; a difficulty takes some 10 MB."""
EXPORTS = {"markdown": ("md", "text/markdown"), "json": ("json", "application/json"), "html": ("html", "text/html")}
"""Formats the page offers: suffix and media type."""


class Gone(LookupError):
    """A result that is no longer kept."""

    def __str__(self) -> str:
        return "This result is no longer kept; run again."


@dataclass
class Result:
    """A finished lint."""

    files: Sequence[Path]
    """As given."""
    session: str
    """Of the page it belongs to."""
    report: Report
    analyses: dict[str, Analysis]
    """By the path of the beatmap in the report."""
    previous: Report | None = None
    """The last report of the same beatmaps."""
    saved: dict[Path, int] = field(default_factory=dict)
    """When each beatmap was last written, in ns."""

    def __post_init__(self) -> None:
        self.saved = self._dates()

    def _dates(self) -> dict[Path, int]:
        folders = {analysis.beatmap.path.parent for analysis in self.analyses.values()}
        dates = {}
        for path in (path for folder in folders for path in sorted(folder.glob("*.osu"))):
            try:
                dates[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # saved by deleting first: it will be there in a moment
        return dates

    def is_outdated(self) -> bool:
        """Whether a difficulty of its folders was saved since."""
        return self._dates() != self.saved

    def finding(self, key: str) -> tuple[Analysis, Finding]:
        """The finding that the viewer calls "beatmap.finding"."""
        b, f = map(int, key.split("."))
        beatmap = self.report.beatmaps[b]
        return self.analyses[beatmap.path], beatmap.findings[f]

    def data(self) -> dict[str, Any]:
        """What the viewer shows."""
        shown = viewer.data(self.report, {path: viewer.strip(analysis) for path, analysis in self.analyses.items()})
        if self.previous is not None:
            shown["compared"] = True
            shown["resolved"] = self._compare(shown)
        return shown

    def _compare(self, shown: dict[str, Any]) -> list[dict[str, Any]]:
        """Note on each finding whether it is new; returns what is resolved."""
        assert self.previous is not None
        before: dict[tuple[str, str], list[Finding]] = {}
        for beatmap in self.previous.beatmaps:
            for finding in beatmap.findings:
                before.setdefault((beatmap.path, finding.id), []).append(finding)
        linted = {beatmap["path"]: beatmap["version"] for beatmap in shown["beatmaps"] if beatmap["status"] != "error"}
        for beatmap in shown["beatmaps"]:
            for one in beatmap["findings"]:
                known = before.get((beatmap["path"], one["id"]))
                one["change"] = "same" if known else "new"
                if known:
                    known.pop()
        return [{"version": linted[path], "timestamp": finding.timestamp, "message": finding.message}
                for (path, _), left in before.items() if path in linted for finding in left]

    def evidence(self, key: str) -> str:
        """HTML of the evidence for a finding."""
        analysis, finding = self.finding(key)
        return evidence(analysis, finding, max(PLAYABLE_MS))

    def clip(self, key: str, clicks: bool) -> dict[str, Any]:
        """The song around a finding: a URL of WAV data and its start in ms."""
        analysis, finding = self.finding(key)
        start, stop = finding.time - PLAYABLE_MS[0], finding.time + PLAYABLE_MS[1]
        assert analysis.song is not None
        heard = _decoded(analysis.song.audio.path) if analysis.song.audio.path else analysis.song.audio
        return {"url": data_url(clip(analysis.beatmap, heard, start, stop, clicks), "audio/wav"), "start": start}

    def export(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """The chosen findings in a format of :data:`EXPORTS`."""
        suffix, kind = EXPORTS[name]
        chosen = set(keys)
        beatmaps = tuple(
            replace(beatmap, findings=tuple(one for f, one in enumerate(beatmap.findings) if f"{b}.{f}" in chosen))
            for b, beatmap in enumerate(self.report.beatmaps))
        report = replace(self.report, beatmaps=beatmaps)
        album = None
        if name == "html":
            from maimod.reporters.page import Album

            album = Album()
            for beatmap in beatmaps:
                if beatmap.path in self.analyses:
                    album.add(replace(self.analyses[beatmap.path], report=beatmap))
        out = io.StringIO()
        REPORTERS[name](report, out, View(rules=RULES, album=album))
        return {"name": f"maimod.{suffix}", "type": kind, "text": out.getvalue()}


@lru_cache(maxsize=2)
def _decoded(path: Path) -> Audio:
    return audio.load(path, CLIP_RATE)


class Results:
    """The results of all open pages, by names that nobody can guess."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._last: dict[tuple[str, ...], Report] = {}
        self._lock = Lock()

    def keep(self, files: Sequence[Path], session: str, report: Report, analyses: dict[str, Analysis]) -> str:
        """Keep a finished lint, in place of older ones if there are too many; returns its name."""
        name = secrets.token_urlsafe(12)
        same = tuple(str(path) for path in files)
        with self._lock:
            own = [old for old, result in self._kept.items() if result.session == session]
            for old in own[:-1]:  # the last but one is on the page until this one is
                del self._kept[old]
            self._kept[name] = Result(files, session, report, analyses, self._last.get(same))
            while len(self._kept) > MAX_RESULTS:
                self._kept.popitem(last=False)
            self._last[same] = report
        return name

    def __getitem__(self, name: str) -> Result:
        with self._lock:
            if name not in self._kept:
                raise Gone
            return self._kept[name]

    def forget(self, session: str) -> None:
        """Drop what belongs to a page that was closed."""
        with self._lock:
            for name in [name for name, result in self._kept.items() if result.session == session]:
                del self._kept[name]

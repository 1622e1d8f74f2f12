"""The result of one run: it fills while the run goes on, and is kept afterwards for pictures, sound and exports."""

from __future__ import annotations

import io
import secrets
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape
from pathlib import Path, PurePosixPath
from threading import Lock, RLock
from typing import Any

import msgspec
import numpy as np

from maimod import __version__
from maimod.audio import decode
from maimod.audio.decode import Audio
from maimod.commands.baseline import Delta, subtract
from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import write as write_baseline
from maimod.commands.edits import Edits
from maimod.errors import UsageError
from maimod.evidence.clip import CLIP_RATE, clip, sounds_between
from maimod.evidence.continuation import continuation, end_of
from maimod.evidence.evidence import evidence
from maimod.evidence.overview import overview
from maimod.evidence.svg import data_url
from maimod.findings import BeatmapReport, Finding, ModelInfo, Report, Tier, counted, editor_link
from maimod.linter.expectations import Expectations
from maimod.linter.pipeline import Analysis
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source
from maimod.osu.folder import Folder
from maimod.reporters import REPORTERS, viewer
from maimod.reporters.album import strip
from maimod.reporters.view import View
from maimod.rules import RULES
from maimod.ui.samples import Samples

PLAYABLE_MS = (2500.0, 3000.0)
"""Ms of song before and after a finding."""
MAX_RESULTS = 6
"""Most results kept, over all pages; a difficulty takes some 10 MB."""
EXPORTS = {"markdown": ("md", "text/markdown"), "json": ("json", "application/json"), "html": ("html", "text/html")}
"""Export formats of the page: suffix and media type."""


class Gone(LookupError):
    """The result is no longer kept, or no longer has the finding."""

    def __str__(self) -> str:
        return self.args[0] if self.args else "This result is no longer kept; run again."


@dataclass
class Difficulty:
    """One difficulty of a result."""

    source: Source
    entry: Entry
    settings: Settings = field(default_factory=Settings)
    report: BeatmapReport | None = None
    """None until something is known."""
    is_complete: bool = False
    """Whether estimated findings are among those of the report; before, it has only exact ones."""
    analysis: Analysis | None = None
    """None for a report from the cache, until somebody looks at one of its findings."""
    expectations: Expectations | None = None
    """Of the model of the run."""
    edits: Edits | None = None
    """The mapper's changes in it since the last run."""
    delta: Delta | None = None
    """Changes since the mapper last cleared "new"; None before the first time."""

    def __post_init__(self) -> None:
        self.looking = Lock()
        """Held while its evidence is gathered."""
        self.samples = Samples(self.source, str(PurePosixPath(self.entry.inner).parent))
        """Its hitsound files."""

    @property
    def shown(self) -> BeatmapReport:
        """The report, or an empty one."""
        return self.report or BeatmapReport(self.entry.name, "ok", file=self.entry.location)

    def keys(self) -> dict[str, Finding]:
        """Findings by keys that stay the same when others come and go."""
        seen: Counter[str] = Counter()
        found = {}
        for finding in self.shown.findings:
            found[f"{finding.id}.{seen[finding.id]}"] = finding
            seen[finding.id] += 1
        return found

    def show_early(self, analysis: Analysis) -> None:
        """Take exact findings, and keep the estimated ones of an earlier run, if there are any."""
        before, self.report = self.report, analysis.report
        if before is not None:
            estimated = [finding for finding in before.findings if finding.tier is Tier.ESTIMATED]
            self.report = replace(
                analysis.report,
                findings=tuple(sorted((*analysis.report.findings, *estimated), key=lambda finding: finding.time)),
                status=before.status,
                messages=before.messages,
                audio=before.audio,
                events=before.events,
                unexplained=before.unexplained,
            )
        if self.analysis is None:
            self.analysis = analysis

    def again(self, was_saved: bool) -> Difficulty:
        """The difficulty in the next run; if it was not saved, its estimated findings and pictures stay valid."""
        kept = None if was_saved else self.analysis
        return replace(self, is_complete=self.is_complete and not was_saved, analysis=kept, delta=None, edits=None)


@dataclass
class Result:
    """A run and what it has found so far."""

    sources: Sequence[Source]
    difficulties: list[Difficulty]
    session: Session
    """Gathers the evidence for pictures of cached reports."""
    path: str = ""
    """As typed on the page."""
    baseline: Path | None = None
    """File for ignored findings; it need not exist yet."""
    is_read_only: bool = False
    """Whether the baseline was named by a configuration that was found, which may have nothing written."""
    model: ModelInfo | None = None
    version: int = 1
    """Number of changes so far."""

    def __post_init__(self) -> None:
        self.saved = self.dates()
        self.seen = self.saved
        """Dates at the last look for saved maps."""
        self.lock = RLock()
        """Held while difficulties are changed or read as a whole."""
        self.ignored = self._accepted()

    def dates(self) -> dict[Path, int]:
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

    def saved_since(self) -> set[Path]:
        """Maps that were saved, added or deleted since the run began."""
        now = self.dates()
        return {path for path in now.keys() | self.saved.keys() if now.get(path) != self.saved.get(path)}

    def changed(self) -> None:
        """Count a change, so that the pages fetch it."""
        self.ignored = self._accepted()
        self.version += 1

    @property
    def report(self) -> Report:
        """The report of all difficulties as far as it is known."""
        return Report(__version__, self.model, tuple(one.shown for one in self.difficulties))

    def _accepted(self) -> set[str]:
        """Keys of the findings that the baseline accepts."""
        if self.baseline is None or not self.baseline.exists():
            return set()
        left = subtract(self.report, load_baseline(self.baseline), self.baseline)
        open_ones = {id(finding) for finding in left.findings}
        return {key for key, finding in self._keys() if id(finding) not in open_ones}

    def _keys(self) -> Iterator[tuple[str, Finding]]:
        """Each finding with its key in the viewer, "difficulty.finding"."""
        for b, one in enumerate(self.difficulties):
            for key, finding in one.keys().items():
                yield f"{b}.{key}", finding

    def _only(self, keys: Collection[str]) -> Report:
        """The report with these findings alone."""
        chosen = {id(finding) for key, finding in self._keys() if key in keys}
        report = self.report
        return replace(
            report,
            beatmaps=tuple(
                replace(beatmap, findings=tuple(one for one in beatmap.findings if id(one) in chosen))
                for beatmap in report.beatmaps
            ),
        )

    def mark(self, keys: Sequence[str], state: str) -> str:
        """Store the mapper's mark on findings and return a line about it. Ignored findings are added to the
        baseline."""
        if self.baseline is None or self.is_read_only:
            name = self.baseline.name if self.baseline else "a baseline file"
            return (
                f"Ignored in this browser. Name {name} on the page to ignore it everywhere."
                if state == "ignored"
                else ""
            )
        with self.lock:
            before = set(self.ignored)
            self.ignored = before | set(keys) if state == "ignored" else before - set(keys)
            if self.ignored == before:
                return ""
            known = load_baseline(self.baseline) if self.baseline.exists() else None
            settings = [one.settings for one in self.difficulties]
            count = write_baseline(self.baseline, self._only(self.ignored), settings, known)
        return f"{self.baseline.name} accepts {counted(count, 'finding')} of this result"

    def finding(self, key: str) -> tuple[Difficulty, Finding]:
        """Return the finding of a key.

        Raises:
            Gone: if a later part of the run has removed it.
        """
        b, _, name = key.partition(".")
        difficulty = self.difficulties[int(b)]
        found = difficulty.keys().get(name)
        if found is None:
            raise Gone("This finding is no longer there.")
        return difficulty, found

    def analysis(self, difficulty: Difficulty) -> tuple[Analysis, Expectations | None]:
        """The evidence of a difficulty; gathered again where the report comes from the cache, or is not complete."""
        with difficulty.looking:
            was_complete, known = difficulty.is_complete, difficulty.analysis
            if known is None or (known.song is None and not was_complete):
                known, expectations = self.session.look(
                    difficulty.source, difficulty.entry, difficulty.settings, was_complete
                )
                with self.lock:
                    if difficulty.is_complete == was_complete:  # else the run has come to more meanwhile
                        difficulty.analysis, difficulty.expectations = known, expectations
            with self.lock:
                assert difficulty.analysis is not None
                return msgspec.structs.replace(difficulty.analysis, report=difficulty.shown), difficulty.expectations

    def data(self) -> dict[str, Any]:
        """Data of the viewer, without the timelines."""
        with self.lock:
            shown = viewer.data(self.report)
            shown["version"] = self.version
            shown["compared"] = any(one.delta for one in self.difficulties)
            shown["edits"] = [
                {"version": one.edits.version, "text": one.edits.summary} for one in self.difficulties if one.edits
            ]
            shown["resolved"] = []
            for b, (difficulty, beatmap) in enumerate(zip(self.difficulties, shown["beatmaps"], strict=True)):
                beatmap["complete"] = difficulty.is_complete
                delta = difficulty.delta
                new = {id(finding) for finding in delta.new} if delta else set()
                shown["resolved"] += (
                    [{"version": difficulty.shown.version, "text": text} for text in delta.resolved] if delta else []
                )
                for (key, finding), one in zip(difficulty.keys().items(), beatmap["findings"], strict=True):
                    one["key"] = f"{b}.{key}"
                    one["ignored"] = one["key"] in self.ignored
                    one["change"] = ("new" if id(finding) in new else "same") if delta else ""
        return shown

    def strip(self, number: int) -> dict[str, Any]:
        """Timeline of a difficulty."""
        return strip(self.analysis(self.difficulties[number])[0])

    def overview(self) -> str:
        """Tables and curves of the mapset as HTML."""
        changed = [one.edits for one in self.difficulties if one.edits]
        return _edits(changed) + "".join(
            overview(whole) for source in self.sources for whole in self.session.mapsets(source)
        )

    def evidence(self, key: str) -> str:
        """Build the evidence HTML of a finding."""
        difficulty, finding = self.finding(key)
        analysis, expectations = self.analysis(difficulty)
        return evidence(analysis, finding, expectations, max(PLAYABLE_MS))

    def continuations(self, key: str, is_wanted: Callable[[], bool]) -> dict[str, Any]:
        """Continuations of the model from a finding; see :func:`maimod.evidence.continuation.continuation`.

        Args:
            key: of the finding.
            is_wanted: asked after each token; False ends it.

        Raises:
            Gone: if it was ended.
            BeatmapError, UsageError: if the model cannot do it.
        """
        difficulty, finding = self.finding(key)
        analysis, expectations = self.analysis(difficulty)
        if expectations is None or analysis.evidence.schema is None:
            raise UsageError("no model has read this difficulty: run it with one")
        until = end_of(analysis.beatmap, finding.time)
        steps = expectations.continuations(analysis.beatmap, analysis.song, finding.time, until)
        with closing(steps):
            while is_wanted():
                try:
                    next(steps)
                except StopIteration as end:
                    return continuation(analysis, finding.time, until, end.value)
        raise Gone("another finding was chosen")

    def clip(self, key: str, with_hits: bool) -> dict[str, Any]:
        """Cut the song around a finding: a URL of WAV data and its start in ms."""
        difficulty, finding = self.finding(key)
        analysis, _ = self.analysis(difficulty)
        start, stop = finding.time - PLAYABLE_MS[0], finding.time + PLAYABLE_MS[1]
        if analysis.song is None:
            raise Gone("there is no song")
        # A song from an archive is deleted by now; use the samples that the model got.
        path = analysis.song.audio.path
        heard = _decoded(path) if path and path.exists() else resampled(analysis.song.audio)
        files = None
        if with_hits:
            played = {name for _, sound in sounds_between(analysis.beatmap, start, stop) for name in sound.files}
            files = difficulty.samples.of(played)
        return {"url": data_url(clip(analysis.beatmap, heard, start, stop, files), "audio/wav"), "start": start}

    def export(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        """The chosen findings in a format of :data:`EXPORTS`."""
        suffix, kind = EXPORTS[name]
        report = self._only(set(keys))
        out = io.StringIO()
        with tempfile.TemporaryDirectory(prefix="maimod-") as folder:
            album = None
            if name == "html":
                from maimod.reporters.album import Album

                album = Album(Path(folder))
                for difficulty, beatmap in zip(self.difficulties, report.beatmaps, strict=True):
                    if beatmap.status != "error":
                        analysis, expectations = self.analysis(difficulty)
                        album.draw(msgspec.structs.replace(analysis, report=beatmap), expectations)
            REPORTERS[name](report, out, View(rules=RULES, album=album))
        return {"name": f"maimod.{suffix}", "type": kind, "text": out.getvalue()}


def _edits(changed: Sequence[Edits]) -> str:
    """Changes of the map since the last run as HTML."""
    parts = []
    for of in changed:
        items = []
        for one in of.edits:
            link = (
                f'<a href="{escape(editor_link(one.timestamp))}">{escape(one.timestamp)}</a> ' if one.timestamp else ""
            )
            items.append(f"<li>{link}{escape(one.text)}</li>")
        parts.append(
            f"<details open><summary>{escape(of.version)}: {escape(of.summary)}</summary><ul>{''.join(items)}</ul></details>"
        )
    return f'<section class="mm-edits"><h3>Changed since the last run</h3>{"".join(parts)}</section>' if parts else ""


def resampled(audio: Audio) -> Audio:
    """A song at :data:`CLIP_RATE`, by linear interpolation: the samples made for a model hold nothing above their own rate."""
    count = round(len(audio.samples) * CLIP_RATE / audio.sample_rate)
    at = np.arange(count) * (audio.sample_rate / CLIP_RATE)
    return msgspec.structs.replace(
        audio,
        samples=np.interp(at, np.arange(len(audio.samples)), audio.samples).astype(np.float32),
        sample_rate=CLIP_RATE,
    )


@lru_cache(maxsize=2)
def _decoded(path: Path) -> Audio:
    return decode.load(path, CLIP_RATE)


class Results:
    """Results of all open pages, by random ids."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Result] = OrderedDict()
        self._lock = Lock()

    def keep(self, result: Result) -> str:
        """Keep a result, drop the oldest if there are too many, and return its id."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            own = [old for old, other in self._kept.items() if other.path == result.path]
            for old in own[:-1]:  # keep the last: pages show it until they have this one
                del self._kept[old]
            self._kept[name] = result
            while len(self._kept) > MAX_RESULTS:
                self._kept.popitem(last=False)
        return name

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._kept

    def __getitem__(self, name: str) -> Result:
        with self._lock:
            if name not in self._kept:
                raise Gone
            self._kept.move_to_end(name)
            return self._kept[name]

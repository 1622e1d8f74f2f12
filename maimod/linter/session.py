"""Lint sources one after the other with the same loaded networks, songs and cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock

import msgspec

from maimod.errors import BeatmapError, CheckpointError, UsageError
from maimod.findings import BeatmapReport, Finding, ModelInfo, Tier
from maimod.linter import cache as caching
from maimod.linter.bugs import bug
from maimod.linter.cache import Cache, KeptReports
from maimod.linter.expectations import Expectations
from maimod.linter.gather import Gathered, Resources, Songs, evidence_without_song, gather, gather_mapset, read_sets
from maimod.linter.limits import OverLimit, Watch
from maimod.linter.models import Networks, checkpoint_folders, load_networks
from maimod.linter.pipeline import Analysis, SetAnalysis, analyse, analyse_set, select
from maimod.linter.progress import LOADING, Progress, Steps, advance, result_of
from maimod.linter.settings import Settings
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.discovery import Entry, Source, opened
from maimod.osu.folder import Folder
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence

SHOWN_ENTRIES = 20
"""Entries of an archive that are left out and named in each report."""
Draw = Callable[[Analysis, Expectations], object]
"""Called with each analysis in the process that made it, to draw pictures or to keep it; the result is ignored."""


class Session:
    """Lints sources; the networks are loaded once, when the first source needs them.

    A lint and any number of looks can run in different threads.
    """

    def __init__(
        self,
        cache: Cache | None = None,
        workplace: Path | None = None,
        load: Callable[[Settings], Networks] = load_networks,
    ) -> None:
        """Nothing is loaded here.

        Args:
            cache: cache for reports and scores.
            workplace: folder to unpack archives in; None for the system's.
            load: loads the networks.
        """
        self.cache, self.workplace, self.load = cache, workplace, load
        self.info: ModelInfo | None = None
        """The model used; None before the first map, or without a model."""
        self._songs = Songs()
        self._networks: dict[tuple[object, ...], Networks] = {}
        self._setup_digests: dict[Settings, str] = {}
        self._loading = Lock()
        self._last: tuple[tuple[object, ...], _Sets] | None = None
        """The sets read last, with what they depend on: a lint comes after a look at the same files."""

    def recall(self, source: Source, settings: Settings) -> list[BeatmapReport] | None:
        """Cached reports of an unchanged source; None if there are none."""
        key = self._key(source, settings)
        kept = self.cache.get(key, KeptReports) if self.cache and key else None
        if kept is None or len(kept.reports) != len(source.entries):
            return None
        self.info = self.info or kept.model
        reports = zip(kept.at(source.path), source.entries, strict=True)
        return [select(_named(report, entry), settings) for report, entry in reports]

    def lint(
        self,
        source: Source,
        settings: Settings,
        draw: Draw | None = None,
        *,
        watch: Watch | None = None,
        reported: Collection[str] = (),
        given_up: Collection[str] = (),
    ) -> Iterator[Progress | BeatmapReport]:
        """Lint the beatmaps of a source.

        Args:
            source: what to lint.
            settings: settings of the lint.
            draw: see :data:`Draw`; if it fails, the report has a message.
            watch: gives up a beatmap that exceeds its limits; None is no limit.
            reported: inner names of beatmaps that already have a report.
            given_up: inner names of beatmaps to skip.

        Yields:
            Progress, counted in beatmaps of the source, and one report for each other beatmap, in order; the content of
            a file never raises an error.

        Raises:
            UsageError: if the networks cannot be loaded, or lack something that the settings name.
        """
        watch = watch or Watch()
        entries = [entry for entry in source.entries if entry.inner not in given_up]
        left = [entry for entry in entries if entry.inner not in reported]
        if source.trouble:
            for entry in left:
                yield _named(BeatmapReport("", "error", (source.trouble,)), entry)
            return
        if settings.model is not None and self._slot(settings) not in self._networks:
            yield Progress(LOADING, "", 0.0, len(source.entries))
        resources = self.resources(settings)
        yield Progress("reading", "", len(source.entries) - len(left), len(source.entries))
        key = self._key(source, settings) if len(left) == len(source.entries) else None
        outcomes: list[_Outcome] = []
        try:
            with opened(source, self.workplace) as (folder, left_out):
                of_set = frozenset(folder / inner for inner in (*(entry.inner for entry in entries), *source.beside))
                # An archive may contain several sets.
                for place, group in groupby(left, key=lambda entry: (folder / entry.inner).parent):
                    maps = _Folder(place, settings, resources, draw)
                    try:
                        if not source.is_lone:
                            watch.run(partial(maps.read, of_set, self._sets))
                    except OverLimit as limit:
                        maps = _Folder(place, settings, resources, draw, _Sets(rest=_unread(f"the set {limit}")))
                    for entry in group:
                        past = len(source.entries) - len(left) + len(outcomes)
                        steps = watch.steps(maps.lint(folder / entry.inner, entry.name))
                        try:
                            outcome = yield from advance(steps, past, len(source.entries))
                        except OverLimit as limit:
                            report = BeatmapReport(entry.name, "error", (f"{entry.name}: {limit}",))
                            outcome = _Outcome(report, failed=True)
                        report = _of_source(outcome.report, entry, source, folder, left_out)
                        outcomes.append(msgspec.structs.replace(outcome, report=report))
                        yield report
        except BeatmapError as error:
            for entry in left[len(outcomes) :]:
                yield _named(BeatmapReport("", "error", (str(error),)), entry)
            return
        # Not if a map was saved meanwhile, or if something failed that may work next time.
        if self.cache and key and not any(one.failed for one in outcomes) and self._key(source, settings) == key:
            everything = [replace(outcome.report, findings=outcome.found) for outcome in outcomes]
            self.cache.put(key, KeptReports.of(everything, self.info, source.path))

    def first_look(self, source: Source, settings: Settings) -> list[Analysis]:
        """Analyse a source by the exact rules alone: no song is decoded and no network is loaded.

        Args:
            source: what to lint.
            settings: settings of the lint.

        Returns:
            For each difficulty that can be read, in order, an analysis whose report has only exact findings; what
            cannot be read is left out, because :meth:`lint` says why.
        """
        found: list[Analysis] = []
        if source.trouble:
            return found
        with suppress(BeatmapError), opened(source, self.workplace) as (folder, _):
            reported = frozenset(folder / inner for inner in (*(one.inner for one in source.entries), *source.beside))
            for place, group in groupby(source.entries, key=lambda entry: (folder / entry.inner).parent):
                maps = _Folder(place, settings, Resources(), None)
                maps.read(reported, self._sets)
                for entry in group:
                    analysis = maps.first_look(folder / entry.inner, entry.name)
                    if analysis is not None:
                        found.append(msgspec.structs.replace(analysis, report=_named(analysis.report, entry)))
        return found

    def mapsets(self, source: Source) -> list[Mapset]:
        """The mapsets that a source belongs to; empty if none can be read."""
        with opened(source, self.workplace) as (folder, _):
            places = dict.fromkeys((folder / entry.inner).parent for entry in source.entries)
            return [whole for place in places for whole in read_sets(place)[0]]

    def look(
        self, source: Source, entry: Entry, settings: Settings, with_model: bool = True
    ) -> tuple[Analysis, Expectations]:
        """Gather the evidence about one beatmap of a source, to draw pictures for a report without an analysis.

        Args:
            source: that has the beatmap.
            entry: the beatmap.
            settings: as for the report.
            with_model: False leaves out what the model expects, which takes seconds if the cache does not have it.

        Returns:
            An analysis without findings, and what the model expects.

        Raises:
            BeatmapError: if the map cannot be read.
            UsageError: if the networks cannot be loaded, or lack something that the settings name.
        """
        resources = self.resources(settings) if with_model else Resources(songs=self._songs)
        drawn = msgspec.structs.replace(
            resources, networks=msgspec.structs.replace(resources.networks, discriminator=None)
        )  # pictures need only scores
        with opened(source, self.workplace) as (folder, _):
            path = folder / entry.inner
            beatmap, whole = self._known(path) or (parser.load(path), None)
            gathered = result_of(gather(beatmap, entry.name, settings, drawn, whole))
        report = _named(BeatmapReport("", "ok", version=beatmap.version), entry)
        return Analysis(report, gathered.evidence, gathered.song), Expectations(settings, resources.networks)

    def resources(self, settings: Settings) -> Resources:
        """Networks and caches for settings; networks that are already loaded are reused.

        Raises:
            UsageError: if the networks cannot be loaded.
        """
        slot = self._slot(settings)
        with self._loading:
            if slot not in self._networks:
                self._networks[slot] = self.load(settings)
        networks = self._networks[slot]
        self.info = networks.info
        of_scores = replace(settings.without_selection, level=None, overrides=())
        return Resources(networks, self._songs, self.cache, self._setup_digest(of_scores) if self.cache else "")

    @staticmethod
    def _slot(settings: Settings) -> tuple[object, ...]:
        return settings.model, settings.lora, settings.device, settings.precision

    def _setup_digest(self, settings: Settings) -> str:
        """:func:`maimod.linter.cache.of_setup`, made once: weights are large."""
        if settings not in self._setup_digests:
            try:
                self._setup_digests[settings] = caching.of_setup(settings, checkpoint_folders(settings))
            except OSError as error:
                raise UsageError(f"{error.filename}: cannot be read ({error.strerror or error})") from None
        return self._setup_digests[settings]

    def _sets(self, path: Path, reported: frozenset[Path], settings: Settings) -> _Sets:
        """The sets of a folder, as read last if nothing in it has changed."""
        dates = _dates(path)
        if dates is None:
            return _Sets.read(path, reported, settings)
        key = path, dates, reported, settings.without_selection
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        self._last = None  # before the memory of the next is needed
        found = _Sets.read(path, reported, settings)
        if not any(one.failed for one in (found.rest, *found.analyses.values())):  # what failed may work next time
            self._last = key, found
        return found

    def _known(self, path: Path) -> tuple[Beatmap, Mapset] | None:
        """A difficulty and its set; None if it cannot be read as one of a set."""
        last, folder = self._last, path.parent
        if last is not None and last[0][:2] == (folder, _dates(folder)):
            return last[1].beatmaps.get(path)
        sets, _ = read_sets(folder)
        known = {beatmap.path: (beatmap, whole) for whole in sets for beatmap in (*whole.beatmaps, *whole.work)}
        return known.get(path)

    def _key(self, source: Source, settings: Settings) -> str | None:
        if self.cache is None or source.trouble:
            return None
        try:
            content = caching.of_file(source.path) if source.is_archive else caching.of_folder(source.path)
        except OSError:
            return None
        names = [entry.inner for entry in source.entries] + [f"beside {inner}" for inner in source.beside]
        names += ["alone"] if source.is_lone else []
        setup = self._setup_digest(settings.without_selection)
        return content and caching.digest("reports", setup, settings.rules_on, source.is_archive, content, *names)


def analyse_beatmap(
    beatmap: Beatmap, settings: Settings, resources: Resources, name: str = "", whole: Mapset | None = None
) -> Analysis:
    """Analyse a map, without the rules about its set as a whole.

    Args:
        beatmap: the map.
        settings: settings of the lint.
        resources: loaded networks and caches.
        name: path in the report.
        whole: the set to compare with; None for a map alone.

    Raises:
        UsageError: if the networks lack something that the settings name.
    """
    return analyse(result_of(gather(beatmap, name, settings, resources, whole)), name, settings)


class _Outcome(msgspec.Struct, frozen=True):
    """Result of one map."""

    report: BeatmapReport
    found: tuple[Finding, ...] = ()
    """As of :class:`Analysis`."""
    failed: bool = False
    """As of :class:`Analysis`."""


@dataclass
class _Sets:
    """The sets of a folder, and what the rules about whole sets find in them."""

    beatmaps: dict[Path, tuple[Beatmap, Mapset]] = field(default_factory=dict)
    """Readable beatmaps."""
    analyses: dict[Path, SetAnalysis] = field(default_factory=dict)
    """Findings about the set of each beatmap."""
    rest: SetAnalysis = field(default_factory=SetAnalysis)
    """The same for a map without a set."""

    @classmethod
    def read(cls, path: Path, reported: frozenset[Path], settings: Settings) -> _Sets:
        """Read a folder; arguments as of :meth:`_Folder.read`."""
        found = cls()
        try:
            sets, missing = read_sets(path)
            found.rest = SetAnalysis(missing=missing)
            for whole in sets:
                in_set = analyse_set(gather_mapset(whole, reported, settings))
                for beatmap in (*whole.beatmaps, *whole.work):
                    found.beatmaps[beatmap.path], found.analyses[beatmap.path] = (beatmap, whole), in_set
        except Exception as error:  # the maps can still be linted one by one
            found.rest = _unread(bug("reading the set", error))
        return found


@dataclass
class _Folder:
    """The maps of one folder: read as a set first, then linted one by one."""

    path: Path
    settings: Settings
    resources: Resources
    draw: Draw | None
    sets: _Sets = field(default_factory=_Sets)
    reported: frozenset[Path] = frozenset()
    """Paths of the maps that get a report."""

    def __post_init__(self) -> None:
        self.expectations = Expectations(self.settings, self.resources.networks)

    def read(self, reported: frozenset[Path], sets_of: Callable[[Path, frozenset[Path], Settings], _Sets]) -> None:
        """Read the sets and run the rules about whole sets.

        Args:
            reported: paths of the maps that get a report; findings about the set go into one of these.
            sets_of: :meth:`_Sets.read`, or what has its result already.
        """
        self.reported = reported
        self.sets = sets_of(self.path, reported, self.settings)

    def _load(self, path: Path) -> tuple[Beatmap, Mapset | None]:
        """A map with its set; None for one without a set.

        Raises:
            BeatmapError: if it cannot be read.
        """
        return self.sets.beatmaps[path] if path in self.sets.beatmaps else (parser.load(path), None)

    def first_look(self, path: Path, name: str) -> Analysis | None:
        """Analyse one map by the exact rules alone; None if that fails."""
        try:
            beatmap, whole = self._load(path)
            evidence = evidence_without_song(beatmap, self.settings, whole)
            in_set = self.sets.analyses.get(path, self.sets.rest)
            analysis = analyse(Gathered(evidence), name, self.settings, in_set, exact_only=True)
        except Exception:  # the lint reports it
            return None
        exact = tuple(finding for finding in analysis.report.findings if finding.tier is Tier.EXACT)
        return msgspec.structs.replace(analysis, report=replace(analysis.report, findings=exact, unexplained=0))

    def lint(self, path: Path, name: str) -> Steps[_Outcome]:
        """Lint one map; any failure becomes an error in its report."""
        yield Progress("reading", name, 0.0)
        try:
            beatmap, whole = self._load(path)
            if whole is not None and whole.is_work(beatmap):
                gathered = Gathered(Evidence(beatmap, mapset=whole))  # nobody plays it
            else:
                gathered = yield from gather(beatmap, name, self.settings, self.resources, whole)
                gathered = msgspec.structs.replace(
                    gathered, evidence=replace(gathered.evidence, reported=self.reported)
                )
            analysis = analyse(gathered, name, self.settings, self.sets.analyses.get(path, self.sets.rest))
        except BeatmapError as error:
            return _Outcome(BeatmapReport(name, "error", (str(error),)))
        except (UsageError, CheckpointError):
            raise
        except Exception as error:
            return _Outcome(BeatmapReport(name, "error", (f"{path}: {bug('the lint', error)}",)), failed=True)
        report, failed = analysis.report, analysis.failed
        if self.draw:
            try:
                self.draw(analysis, self.expectations)
            except Exception as error:
                messages = (*report.messages, bug("drawing the pictures", error))
                report, failed = replace(report, status="partial", messages=messages), True
        return _Outcome(report, analysis.found, failed)


def _dates(folder: Path) -> tuple[tuple[str, int, int], ...] | None:
    """Size and time of all files of a folder, which a save changes; None where there are too many."""
    contents, found = Folder(folder), []
    for name in sorted(contents.files or ()):
        try:
            status = contents.path_of(name).stat()
        except OSError:
            continue
        found.append((name, status.st_size, status.st_mtime_ns))
    return None if contents.files is None else tuple(found)


def _unread(why: str) -> SetAnalysis:
    """The analysis of a set that could not be read, which may work next time."""
    return SetAnalysis(missing=(why,), failed=True)


def _named(report: BeatmapReport, entry: Entry) -> BeatmapReport:
    """A report under its given name."""
    return replace(report, path=entry.name, file=entry.location)


def _of_source(
    report: BeatmapReport, entry: Entry, source: Source, folder: Path, left_out: Sequence[str]
) -> BeatmapReport:
    """A report in the terms of its source, whose temporary folder, if it has one, nobody knows.

    Args:
        report: of the entry.
        entry: gives the name.
        source: of the entry.
        folder: where the source was opened.
        left_out: messages on entries of an archive that were skipped.
    """
    report = _named(report, entry)
    if source.is_archive:
        return _of_archive(report, left_out, folder, source)
    if source.is_lone:
        messages = caching.moved(report.messages, f"{folder / entry.inner}", entry.name)
        return replace(report, messages=tuple(map(_without_folder, messages)))
    return report


def _without_folder(message: str) -> str:
    """A message about a map without a folder, in which no song can lie."""
    return message.replace("is not in the folder", "does not come with it; --audio FILE gives it")


def _of_archive(report: BeatmapReport, left_out: Sequence[str], folder: Path, source: Source) -> BeatmapReport:
    """Add messages on skipped archive entries, and prefix file names with the archive."""
    beyond = len(left_out) - SHOWN_ENTRIES
    more = f"{source.path}: {beyond:,} more {'entry is' if beyond == 1 else 'entries are'} left out"
    some = (*left_out[:SHOWN_ENTRIES], *((more,) if len(left_out) > SHOWN_ENTRIES else ()))
    messages = caching.moved((*report.messages, *some), f"{folder}", f"{source.path}")
    return replace(report, messages=messages, status="partial" if left_out and report.status == "ok" else report.status)

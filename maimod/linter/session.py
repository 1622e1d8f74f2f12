"""Lint sources with one loaded model and one cache."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from maimod.findings import BeatmapReport, ModelInfo
from maimod.linter import cache as caching
from maimod.linter.cache import Cache
from maimod.linter.pipeline import Analysis, Linter, UsageError, checkpoint_folders, load_model
from maimod.linter.settings import Settings
from maimod.osu.archive import ArchiveError
from maimod.osu.discovery import Entry, Source, opened

Tell = Callable[[str, str, float], None]
"""Called with the name of a beatmap, what is being done, and how many of the source's beatmaps are done."""
LOADING = "loading the model"


class Session:
    """Lints sources; loads the model when the first source needs it, and once."""

    def __init__(self, cache: Cache | None = None, workplace: Path | None = None) -> None:
        self.cache, self.workplace = cache, workplace
        self.info: ModelInfo | None = None
        """The model that judged; None before anything was judged, or without one."""
        self._linters: dict[Settings, Linter] = {}
        self._questions: dict[Settings, str] = {}

    def recall(self, source: Source, settings: Settings) -> list[BeatmapReport] | None:
        """Reports of a source that was linted before, as it is now; None if it was not."""
        key = self._key(source, settings)
        stored = self.cache.get(key) if self.cache and key else None
        if stored is None:
            return None
        try:
            reports, info = caching.unpack_reports(stored, source.path)
        except ValueError:
            return None
        self.info = self.info or info
        return _finished(reports, source, settings)

    def lint(
        self,
        source: Source,
        settings: Settings,
        tell: Tell = lambda name, stage, done: None,
        analysed: Callable[[Analysis], None] | None = None,
        without: Container[str] = (),
    ) -> list[BeatmapReport]:
        """Lint the beatmaps of a source.

        Args:
            source: what to lint.
            settings: all that is wanted of it.
            tell: called now and then.
            analysed: called with what each report was made of.
            without: inner names of beatmaps to leave out.

        Returns:
            One report for each of its beatmaps, in order; never raises for what is in a file.

        Raises:
            UsageError: if the model cannot be loaded.
        """
        if source.trouble:
            return _finished([BeatmapReport("", "error", (source.trouble,))], source, settings)
        linter = self._linter(settings.unjudged, tell)
        failures = linter.failures
        key = self._key(source, settings) if not without else None
        asked = [entry for entry in source.entries if entry.inner not in without]
        try:
            with opened(source, self.workplace) as (folder, left_out):
                reports: list[BeatmapReport] = []
                files = [(folder / entry.inner, entry.name) for entry in asked]
                for _, group in groupby(files, key=lambda file: file[0].parent):  # an archive may have folders
                    reports += linter.lint_mapset(list(group), _from(len(reports), tell), analysed)
                if source.is_archive:
                    reports = [_of_archive(report, left_out, folder, source) for report in reports]
        except ArchiveError as error:
            reports, key = [BeatmapReport("", "error", (str(error),)) for _ in asked], None
        # Not if a map was saved meanwhile, or something went wrong that need not happen again.
        if self.cache and key and linter.failures == failures and self._key(source, settings) == key:
            self.cache.put(key, caching.pack_reports(reports, self.info, source.path))
        return _finished(reports, source, settings, asked)

    def _linter(self, settings: Settings, tell: Tell) -> Linter:
        if settings not in self._linters:
            alike = next(
                (
                    linter
                    for known, linter in self._linters.items()
                    if (known.model, known.device, known.precision)
                    == (settings.model, settings.device, settings.precision)
                ),
                None,
            )
            if alike is None and settings.model is not None:
                tell("", LOADING, 0.0)
            model = alike.model if alike else load_model(settings) if settings.model is not None else None
            self.info = model.info if model else None
            question = self._question(replace(settings, level=None, overrides=())) if self.cache else ""
            self._linters[settings] = Linter(settings, model, self.cache, question)
        return self._linters[settings]

    def _question(self, settings: Settings) -> str:
        if settings not in self._questions:
            try:
                self._questions[settings] = caching.of_question(settings, checkpoint_folders(settings))
            except OSError as error:
                raise UsageError(f"{error.filename}: cannot be read ({error.strerror or error})") from None
        return self._questions[settings]

    def _key(self, source: Source, settings: Settings) -> str | None:
        if self.cache is None or source.trouble:
            return None
        try:
            content = caching.of_file(source.path) if source.is_archive else caching.of_folder(source.path)
        except OSError:
            return None
        names = [entry.inner for entry in source.entries]
        return content and caching.digest(
            "reports", self._question(settings.unjudged), source.is_archive, content, *names
        )


def _of_archive(report: BeatmapReport, left_out: tuple[str, ...], folder: Path, source: Source) -> BeatmapReport:
    """Say what of the archive was left out, and name its files by it."""
    messages = caching.moved((*report.messages, *left_out), f"{folder}", f"{source.path}")
    return replace(report, messages=messages, status="partial" if left_out and report.status == "ok" else report.status)


def _finished(
    reports: list[BeatmapReport], source: Source, settings: Settings, asked: Sequence[Entry] = ()
) -> list[BeatmapReport]:
    """Reports under the names that were given, with the findings that are wanted."""
    return [
        replace(report, path=entry.name, file=entry.location, findings=settings.judge(report.findings, report.version))
        for report, entry in zip(reports, asked or source.entries, strict=True)
    ]


def _from(past: int, tell: Tell) -> Tell:
    """Count beatmaps from `past` on."""
    return lambda name, stage, done: tell(name, stage, past + done)

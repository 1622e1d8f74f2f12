"""Known findings: accepted in a baseline file, or found by the last run.

A finding is recognised by its mapset's folder and its fingerprint (rule, difficulty and objects, not milliseconds). So
it stays known when the whole map is shifted, when other parts change and when the file is renamed. Equal fingerprints
are counted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from maimod.commands.whole_file import whole_file
from maimod.errors import BeatmapError, ConfigError
from maimod.findings import BeatmapReport, Finding, ModelInfo, Report
from maimod.linter.cache import Cache, digest
from maimod.linter.settings import Settings
from maimod.osu.archive import contents, is_archive
from maimod.osu.discovery import base
from maimod.osu.folder import Folder
from maimod.reporters.view import note

SCHEMA = "maimod-baseline/1"

One = TypeVar("One", Finding, "Known")


@dataclass(frozen=True, slots=True, order=True)
class Accepted:
    """One line of a baseline."""

    folder: str
    """Folder of the mapset, or its archive, relative to the baseline file."""
    difficulty: str
    rule: str
    id: str
    """Fingerprint."""
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    at: str = ""
    """Timestamp of the first one when it was accepted; information only."""
    also: tuple[str, ...] = ()
    """Fingerprints of what was folded into it: one mistake, that another rule names when this one is off or fixed in part."""

    @property
    def key(self) -> tuple[str, str]:
        """Key that identifies a finding."""
        return self.folder, self.id


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline file."""

    findings: tuple[Accepted, ...]
    model: str | None
    """The model used when it was written."""


def load(path: Path) -> Baseline:
    """Read a baseline file.

    Raises:
        ConfigError: if it is not a baseline.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ConfigError(
                f"{path}: not a maimod baseline (its schema must be {SCHEMA}); --write-baseline makes one"
            )
        return msgspec.convert(value, Baseline)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}); --write-baseline makes one") from None
    except (ValueError, RecursionError) as error:
        reason = str(error).replace("`$.", "`")
        raise ConfigError(f"{path}: a damaged baseline ({reason}); --write-baseline makes a new one") from None


def write(path: Path, report: Report, settings: Sequence[Settings], old: Baseline | None = None) -> int:
    """Accept all findings of a report, and return their number.

    The file is sorted and does not depend on time or machine, so it can be committed.

    Args:
        path: the file to write.
        report: all findings.
        settings: of each beatmap of the report.
        old: what was accepted before; it stays for difficulties that were not linted now, unless they are gone, and for
            rules whose findings the settings may have hidden.

    Raises:
        OSError: if it cannot be written.
    """
    linted = _linted(report, settings, path)
    dead = set(gone(report, old, path)) if old else set()
    kept = {
        one.key: one for one in (old.findings if old else ()) if not _would_be_found(one, linted) and one not in dead
    }
    found: dict[tuple[str, str], Accepted] = {}
    for beatmap in report.beatmaps:
        for finding in beatmap.findings:
            new = _accepted(beatmap, finding, path)
            before = found.get(new.key)
            found[new.key] = _once_more(before, new) if before else new
    _store(path, {**kept, **found}.values(), report.model.id if report.model else None)
    return len(report.findings)


def add(
    path: Path, findings: Iterable[tuple[BeatmapReport, Finding]], old: Baseline | None, model: ModelInfo | None
) -> None:
    """Accept some findings beside those that the file accepts.

    Args:
        path: the file to write.
        findings: with the reports that they are from; none of them accepted yet.
        old: what the file has; None if there is no file.
        model: that judged; a file that exists keeps its own.

    Raises:
        OSError: if it cannot be written.
    """
    entries = {one.key: one for one in (old.findings if old else ())}
    for beatmap, finding in findings:
        new = _accepted(beatmap, finding, path)
        known = entries.get(new.key)
        entries[new.key] = _once_more(known, new) if known else new
    _store(path, entries.values(), old.model if old else model.id if model else None)


def _accepted(beatmap: BeatmapReport, finding: Finding, path: Path) -> Accepted:
    folder, also = _folder(beatmap, path), tuple(_folded(finding))
    return Accepted(folder, beatmap.version, finding.rule, finding.id, 1, finding.timestamp, also)


def _once_more(known: Accepted, new: Accepted) -> Accepted:
    return replace(known, count=known.count + 1, also=tuple(sorted({*known.also, *new.also})))


def _folded(finding: Finding) -> list[str]:
    """Fingerprints of the findings that are listed under one."""
    return sorted({one["id"] for one in finding.evidence.get("also", ())} - {finding.id})


def _store(path: Path, entries: Iterable[Accepted], model: str | None) -> None:
    value = {"schema": SCHEMA, "model": model, "findings": [_stored(one) for one in sorted(entries)]}
    with whole_file(path) as out:
        out.write(json.dumps(value, indent=1, ensure_ascii=True) + "\n")


def _stored(entry: Accepted) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if name != "also" or value}


class Subtraction:
    """Removes accepted findings from reports, beatmap by beatmap, each as often as it was accepted, and what was folded into one
    and is listed by itself now."""

    def __init__(self, baseline: Baseline, path: Path) -> None:
        self.path = path
        self._left = Counter({one.key: one.count for one in baseline.findings})
        self._folded: Counter[tuple[str, str]] = Counter()
        for one in baseline.findings:
            self._folded.update({(one.folder, id): one.count for id in one.also})

    def of(self, beatmap: BeatmapReport) -> BeatmapReport:
        """The report of a beatmap without accepted findings, with a message on their number."""
        new = []
        for finding in beatmap.findings:  # what is still folded is not what is listed
            self._folded.subtract((_folder(beatmap, self.path), id) for id in _folded(finding))
        for finding in beatmap.findings:
            key = (_folder(beatmap, self.path), finding.id)
            self._left[key] -= 1
            if self._left[key] < 0:
                self._folded[key] -= 1
                if self._folded[key] < 0:
                    new.append(finding)
        return without(beatmap, new, f"accepted in {self.path.name}")


def subtract(report: Report, baseline: Baseline, path: Path) -> Report:
    """The report without accepted findings; each beatmap has a message on their number."""
    accepted = Subtraction(baseline, path)
    return replace(report, beatmaps=tuple(accepted.of(beatmap) for beatmap in report.beatmaps))


def without(beatmap: BeatmapReport, kept: Sequence[Finding], why: str) -> BeatmapReport:
    """A report with fewer findings, and a message on the number left out."""
    left_out = len(beatmap.findings) - len(kept)
    if not left_out:
        return beatmap
    return replace(beatmap, findings=tuple(kept), messages=(*beatmap.messages, note(left_out, why)))


def stale(report: Report, baseline: Baseline, path: Path, settings: Sequence[Settings]) -> list[Accepted]:
    """Accepted findings that are no longer found, of linted difficulties and of rules that their settings (one for each
    beatmap of the report) do not hide, and of which nothing is listed either that was folded into them; empty if another
    model was used."""
    if baseline.model != (report.model.id if report.model else None):
        return []
    linted = _linted(report, settings, path)
    found = Counter((_folder(beatmap, path), finding.id) for beatmap in report.beatmaps for finding in beatmap.findings)
    return sorted(
        replace(one, count=one.count - found[one.key])
        for one in baseline.findings
        if _would_be_found(one, linted)
        and found[one.key] < one.count
        and not any((one.folder, id) in found for id in one.also)
    )


def gone(report: Report, baseline: Baseline, path: Path) -> list[Accepted]:
    """Accepted findings, not found now, of difficulties that are no longer there: of a mapset of which every difficulty
    was linted and none has this name, or of one that does not exist, beside one that was linted."""
    read = [(_folder(beatmap, path), beatmap) for beatmap in report.beatmaps if beatmap.status != "error"]
    places = {folder: base() / beatmap.mapset for folder, beatmap in read}
    names: dict[str, list[str]] = {folder: [] for folder in places}
    for folder, beatmap in read:
        names[folder].append(beatmap.version)
    parents = {PurePosixPath(folder).parent for folder in places}

    def is_gone(folder: str, difficulty: str) -> bool:
        if folder not in places:
            return PurePosixPath(folder).parent in parents and not os.path.lexists(path.parent / folder)
        # A difficulty without a name may not have been read yet.
        is_named = difficulty in names[folder] or "" in names[folder]
        return not is_named and len(names[folder]) == _n_difficulties(places[folder])

    dead = {name for name in {(one.folder, one.difficulty) for one in baseline.findings} if is_gone(*name)}
    found = {(folder, finding.id) for folder, beatmap in read for finding in beatmap.findings}
    return sorted(one for one in baseline.findings if (one.folder, one.difficulty) in dead and one.key not in found)


def _n_difficulties(mapset: Path) -> int:
    """How many difficulties a folder or an archive has; none if it cannot be read."""
    if not is_archive(mapset):
        return len(Folder(mapset).beatmaps())
    try:
        return len(contents(mapset).beatmaps)
    except BeatmapError:
        return 0


Linted = Mapping[tuple[str, str], Settings]
"""Difficulties that were linted, by folder and name, with their settings."""


def _linted(report: Report, settings: Sequence[Settings], path: Path) -> Linted:
    return {
        (_folder(beatmap, path), beatmap.version): own
        for beatmap, own in zip(report.beatmaps, settings, strict=True)
        if beatmap.status != "error"
    }


def _would_be_found(one: Accepted, linted: Linted) -> bool:
    """Whether an accepted finding would be in the report if it were still in the map."""
    settings = linted.get((one.folder, one.difficulty))
    return settings is not None and not settings.may_hide(one.rule, one.difficulty)


def _folder(beatmap: BeatmapReport, path: Path) -> str:
    """Path of the mapset relative to the baseline file, independent of the working directory."""
    place = base() / beatmap.mapset
    try:
        return Path(os.path.relpath(place, os.path.abspath(path.parent))).as_posix()
    except ValueError:  # on another drive of Windows
        return place.as_posix()


# ---------------------------------------------------------------------------------------------------------------------
# The last run


class Known(NamedTuple):
    """A finding of an earlier run."""

    id: str
    """Fingerprint."""
    words: str
    """Timestamp and rule."""


class Delta(msgspec.Struct, frozen=True):
    """Changes in a beatmap since the last run."""

    new: tuple[Finding, ...]
    resolved: tuple[str, ...]
    """Timestamp and rule of the last run."""


def since_last_run(
    beatmap: BeatmapReport, settings: Settings, cache: Cache, is_remembered: bool = True
) -> Delta | None:
    """Compare with the last run of this beatmap that was remembered.

    Args:
        beatmap: the present report.
        settings: of its source; runs with other settings or another model have no part in this, so that what a change of
            settings hides is not called resolved, nor new when it is shown again.
        cache: where it is remembered.
        is_remembered: whether later runs are compared with this one.

    Returns:
        What has changed; None if there was no such run.
    """
    return _since("last run", beatmap, settings, cache, is_kept=not is_remembered, is_first_kept=is_remembered)


def since_cleared(beatmap: BeatmapReport, settings: Settings, cache: Cache, clear: bool = False) -> Delta | None:
    """Compare with the findings of a beatmap when the mapper last cleared what is new; the first run clears it, too.

    Args:
        beatmap: the present report.
        settings: as for :func:`since_last_run`.
        cache: where it is remembered.
        clear: whether from now on nothing of the present report is new.
    """
    return _since("last cleared", beatmap, settings, cache, is_kept=not clear)


def _since(
    name: str, beatmap: BeatmapReport, settings: Settings, cache: Cache, is_kept: bool, is_first_kept: bool = True
) -> Delta | None:
    """Compare with the remembered findings, and remember the present ones: if there are none yet, by `is_first_kept`, else
    unless `is_kept`."""
    if beatmap.status == "error":
        return None
    key = digest(name, os.path.abspath(beatmap.location), settings.key(beatmap.version))
    before = cache.get(key, list[Known])
    if is_first_kept if before is None else not is_kept:
        cache.put(key, _known(beatmap))
    return None if before is None else _compared(before, beatmap)


class Reference:
    """Findings at the first report of each beatmap, to compare later ones with."""

    def __init__(self) -> None:
        self._first: dict[str, list[Known]] = {}

    def since(self, beatmap: BeatmapReport) -> Delta | None:
        """Changes since the first report of a beatmap; None for the first."""
        if beatmap.status == "error":
            return None
        before = self._first.setdefault(beatmap.path, now := _known(beatmap))
        return None if before is now else _compared(before, beatmap)


def _known(beatmap: BeatmapReport) -> list[Known]:
    return [Known(finding.id, f"{finding.timestamp} {finding.rule}") for finding in beatmap.findings]


def _compared(before: Sequence[Known], beatmap: BeatmapReport) -> Delta:
    resolved = _beyond(beatmap.findings, before)
    return Delta(tuple(_beyond(before, beatmap.findings)), tuple(one.words for one in resolved))


def _beyond(known: Iterable[Finding | Known], found: Iterable[One]) -> list[One]:
    """Findings that occur more often than they are known."""
    left = Counter(one.id for one in known)
    beyond = []
    for one in found:
        left[one.id] -= 1
        if left[one.id] < 0:
            beyond.append(one)
    return beyond

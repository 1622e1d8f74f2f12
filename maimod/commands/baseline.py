"""Findings that are known: accepted in a baseline file, or seen in the last run.

A finding is recognised by its fingerprint – rule, difficulty and the objects there, not milliseconds – in its mapset's
folder, so that it stays known when the map moves, when other places change and when the file is renamed. Equal
fingerprints are counted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from maimod.findings import BeatmapReport, Finding, Report
from maimod.linter.cache import Cache, digest

SCHEMA = "maimod-baseline/1"


class BaselineError(Exception):
    """A baseline file that cannot be used; one line with its path."""


@dataclass(frozen=True, slots=True, order=True)
class Accepted:
    """One line of a baseline."""

    folder: str
    """Of the mapset, or its archive, seen from the baseline file."""
    difficulty: str
    rule: str
    id: str
    """Fingerprint."""
    count: int = 1
    at: str = ""
    """Where the first of them was when it was accepted; for the reader."""

    @property
    def key(self) -> tuple[str, str]:
        """What a finding is recognised by."""
        return self.folder, self.id


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline file."""

    accepted: tuple[Accepted, ...]
    model: str | None
    """Which model had judged."""


def load(path: Path) -> Baseline:
    """Read a baseline file.

    Raises:
        BaselineError: if it is none.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise BaselineError(
                f"{path}: not a maimod baseline (its schema must be {SCHEMA}); --write-baseline makes one"
            )
        return Baseline(tuple(Accepted(**entry) for entry in value["findings"]), value["model"])
    except OSError as error:
        raise BaselineError(f"{path}: cannot be read ({error.strerror or error}); --write-baseline makes one") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{path}: a damaged baseline ({error}); --write-baseline makes a new one") from None


def write(
    path: Path, report: Report, old: Baseline | None = None, selects: Callable[[str], bool] = lambda rule: True
) -> int:
    """Accept all findings of a report; returns their number.

    The file is sorted and holds nothing that depends on the hour or the machine: it is meant to be committed.

    Args:
        path: the file to write.
        report: everything that was found.
        old: what was accepted before; it stays for difficulties and rules that were not linted now.
        selects: which rules were.

    Raises:
        OSError: if it cannot be written.
    """
    linted = _linted(report, path)
    kept = {
        one.key: one
        for one in (old.accepted if old else ())
        if (one.folder, one.difficulty) not in linted or not selects(one.rule)
    }
    found: dict[tuple[str, str], Accepted] = {}
    for beatmap in report.beatmaps:
        for finding in beatmap.findings:
            new = Accepted(_folder(beatmap, path), beatmap.version, finding.rule, finding.id, 1, finding.timestamp)
            before = found.get(new.key)
            found[new.key] = replace(before, count=before.count + 1) if before else new
    value = {
        "schema": SCHEMA,
        "model": report.model.id if report.model else None,
        "findings": [asdict(one) for one in sorted({**kept, **found}.values())],
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n", encoding="ascii", newline="\n")
    os.replace(beside, path)
    return len(report.findings)


class Subtraction:
    """Takes what is accepted out of reports, beatmap by beatmap: each accepted finding as often as it was accepted."""

    def __init__(self, baseline: Baseline, path: Path) -> None:
        self.path = path
        self._left = Counter({one.key: one.count for one in baseline.accepted})

    def of(self, beatmap: BeatmapReport) -> BeatmapReport:
        """The report without what is accepted; it says how much that is."""
        new = []
        for finding in beatmap.findings:
            key = (_folder(beatmap, self.path), finding.id)
            self._left[key] -= 1
            if self._left[key] < 0:
                new.append(finding)
        return without(beatmap, new, f"accepted in {self.path.name}")


def subtract(report: Report, baseline: Baseline, path: Path) -> Report:
    """The report without what is accepted; each beatmap says how much that is."""
    accepted = Subtraction(baseline, path)
    return replace(report, beatmaps=tuple(accepted.of(beatmap) for beatmap in report.beatmaps))


def without(beatmap: BeatmapReport, kept: Sequence[Finding], why: str) -> BeatmapReport:
    """A report with fewer findings, that says so."""
    left_out = len(beatmap.findings) - len(kept)
    if not left_out:
        return beatmap
    note = f"{left_out} finding{'s' * (left_out != 1)} not listed: {why}"
    return replace(beatmap, findings=tuple(kept), messages=(*beatmap.messages, note))


def stale(
    report: Report, baseline: Baseline, path: Path, selects: Callable[[str], bool] = lambda rule: True
) -> list[Accepted]:
    """What is accepted and no longer found, of the difficulties and rules that were linted; nothing if another model
    has judged."""
    if baseline.model != (report.model.id if report.model else None):
        return []
    linted = _linted(report, path)
    found = Counter((_folder(beatmap, path), finding.id) for beatmap in report.beatmaps for finding in beatmap.findings)
    return sorted(
        replace(one, count=one.count - found[one.key])
        for one in baseline.accepted
        if (one.folder, one.difficulty) in linted and selects(one.rule) and found[one.key] < one.count
    )


def _linted(report: Report, path: Path) -> set[tuple[str, str]]:
    """Folder and name of the difficulties that could be read."""
    return {(_folder(beatmap, path), beatmap.version) for beatmap in report.beatmaps if beatmap.status != "error"}


def _folder(beatmap: BeatmapReport, path: Path) -> str:
    """The mapset's place, seen from the baseline file: the same wherever the lint is run from."""
    file = PurePosixPath(beatmap.location)
    place = next((parent for parent in file.parents if parent.suffix.lower() == ".osz"), file.parent)
    return (
        Path(os.path.relpath(place, os.path.abspath(path.parent))).as_posix()
        if not _is_elsewhere(place, path)
        else place.as_posix()
    )


def _is_elsewhere(place: PurePosixPath, path: Path) -> bool:
    """Whether no relative path leads there: another drive of Windows."""
    return os.path.splitdrive(os.path.abspath(place))[0] != os.path.splitdrive(os.path.abspath(path))[0]


# ---------------------------------------------------------------------------------------------------------------------
# The last run


@dataclass(frozen=True, slots=True)
class Delta:
    """What has changed in a beatmap since it was last linted."""

    new: tuple[Finding, ...]
    resolved: tuple[str, ...]
    """Timestamp and rule, as they were."""


def since_last_run(beatmap: BeatmapReport, question: str, cache: Cache) -> Delta | None:
    """Compare with the last run of this beatmap, and remember this one.

    Args:
        beatmap: what was found now.
        question: what was asked: runs with other settings or another model have no part in this.
        cache: where it is remembered.

    Returns:
        What has changed; None if there was no such run.
    """
    if beatmap.status == "error":
        return None
    key = digest("last run", os.path.abspath(beatmap.location), question)
    before = _remembered(cache.get(key))
    now = [[finding.id, f"{finding.timestamp} {finding.rule}"] for finding in beatmap.findings]
    cache.put(key, now)
    if before is None:
        return None
    return Delta(
        tuple(_beyond(before, ((finding.id, finding) for finding in beatmap.findings))),
        tuple(_beyond([one for one, _ in now], before)),
    )


def _remembered(value: Any) -> list[tuple[str, str]] | None:
    try:
        return None if value is None else [(str(id), str(text)) for id, text in value]
    except (TypeError, ValueError):
        return None


def _beyond(known: Iterable[Any], found: Iterable[tuple[str, Any]]) -> list[Any]:
    """Of what was found, that of which there is more than is known."""
    left = Counter(one if isinstance(one, str) else one[0] for one in known)
    beyond = []
    for id, value in found:
        left[id] -= 1
        if left[id] < 0:
            beyond.append(value)
    return beyond

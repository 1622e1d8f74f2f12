"""Only what has changed since a revision of the git repository that the maps are in: `maimod check --diff REF`.

The sets that have changed are checked as they were and as they are, and a finding is left out if the same one was there
before. It is the same if it has the same rule and is about the same object; line numbers, a shift of the whole map and new names of
the difficulty or its file make no difference.
"""

from __future__ import annotations

import os
import shutil
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from maimod.commands.baseline import without
from maimod.errors import BeatmapError, UsageError
from maimod.findings import BeatmapReport, Finding, Scope, Severity, Tier, counted
from maimod.linter.repository import blob, git, names, root_of
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, HitObject, TimingPoint
from maimod.osu.discovery import Source, find, opened

MAX_BYTES = 1 << 30
"""Largest file that is taken from the repository."""
COMMIT_DIGITS = 10
"""Digits of a commit's id that are shown."""
SAME_MS = 2.0
"""Times of findings and objects that differ by at most this much are the same, because a shift is rounded."""
NEAR_MS = 8_000.0
"""An estimate about objects that are as they were counts as new if something changed within this time of it. Farther away
its evidence only moved a little, because a model and habits look at the whole map."""


# ---------------------------------------------------------------------------------------------------------------------
# The repository


@dataclass(frozen=True)
class History:
    """The repository and the revision to compare with."""

    root: Path
    commit: str
    tree: tuple[str, ...]
    """Files of the revision, by path from the root, sorted; no links."""
    changed: tuple[str, ...]
    """Files that are not the same now: changed, new, renamed (both names) or deleted; sorted."""
    renamed: dict[str, str]
    """Former paths of files by the present ones."""
    same: frozenset[str]
    """Present paths of renamed files whose content is the same."""
    ignored: tuple[str, ...]
    """Sorted files that are there but not in the repository, because `.gitignore` names them, as songs may be."""

    @classmethod
    def of(cls, folder: Path, ref: str) -> History:
        """Read what is needed of the repository that a folder is in.

        Raises:
            UsageError: if it is in none, or there is no such revision.
        """
        root = root_of(folder)
        commit = _commit(root, ref)
        tree = set()
        for entry in names(git(root, "ls-tree", "-r", "-z", commit)):
            kind, _, path = entry.partition("\t")
            if kind.startswith("100"):
                tree.add(path)
        fields = names(git(root, "diff", "-z", "-M", "--name-status", "--no-ext-diff", "--no-textconv", commit, "--"))
        changed, renamed, same = set(), {}, set()
        while fields:
            status, path = fields[:2]
            if status[0] in "RC":
                renamed[fields[2]] = path
                changed |= {fields[2]} if status[0] == "C" else {path, fields[2]}
                same |= {fields[2]} if status[1:] == "100" else set()
                fields = fields[3:]
            else:
                changed.add(path)
                fields = fields[2:]
        changed |= set(names(git(root, "ls-files", "-z", "--others", "--exclude-standard")))
        ignored = names(git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard"))
        return cls(
            root, commit, _sorted(tree), _sorted(changed), renamed, frozenset(same), _sorted(set(ignored) - tree)
        )

    def place(self, source: Source) -> str:
        """Path of a source from the root: of an archive, or of a folder with a slash at its end (empty for the root).

        Raises:
            UsageError: if it is not in the repository.
        """
        path = source.path.resolve()
        if not path.is_relative_to(self.root):
            raise UsageError(f"--diff: {source.path} is outside of the repository {self.root}")
        inside = path.relative_to(self.root).as_posix()
        return inside if source.is_archive else "" if inside == "." else f"{inside}/"

    def has_changed(self, source: Source) -> bool:
        """Whether a file of it has changed."""
        return next(_in(self.changed, self.place(source)), None) is not None

    def former(self, source: Source) -> str | None:
        """Its place at the revision, which differs if it was renamed; None if it is new."""
        place = self.place(source)
        if next(_in(self.tree, place), None) is not None:
            return place
        if source.is_archive:
            return self.renamed.get(place)
        moved = Counter(
            f"{PurePosixPath(old).parent.as_posix()}/" for new, old in self.renamed.items() if new.startswith(place)
        )
        return moved.most_common(1)[0][0] if moved else None

    def write(self, source: Source, target: Path) -> Path | None:
        """Write a source as it was below a folder.

        Returns:
            The folder or archive that was written; None if the source is new.
        """
        place, former = self.place(source), self.former(source)
        if former is None:
            return None
        now_of = {self.renamed[new]: new for new in self.same}
        changed = set(_in(self.changed, former))
        written = target / (PurePosixPath(former).name or "set")
        for old in _in(self.tree, former):
            path = written / old.removeprefix(former) if former.endswith("/") or not former else written
            now = now_of.get(old, None if old in changed else old)
            if now is not None and (self.root / now).is_file():
                _copy(self.root / now, path)  # the working tree has large files that git only points to
            elif (content := blob(self.root, self.commit, old, MAX_BYTES)) is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        if not source.is_archive:
            for ignored in _in(self.ignored, place):
                _copy(self.root / ignored, written / ignored.removeprefix(place))
        return written


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))


def _in(paths: Sequence[str], place: str) -> Iterator[str]:
    """Those of sorted paths that are in a folder (with a slash at its end), or the file itself."""
    for number in range(bisect_left(paths, place), len(paths)):
        path = paths[number]
        if not path.startswith(place):
            return
        if place.endswith("/") or place in ("", path):
            yield path


def _commit(root: Path, ref: str) -> str:
    """The commit where the present state branched off from a revision."""
    try:
        commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
    except UsageError:
        raise UsageError(
            f"--diff {ref}: no such revision in {root}; fetch it first (actions/checkout: fetch-depth: 0)"
        ) from None
    try:
        return git(root, "merge-base", commit, "HEAD").decode().strip()
    except UsageError:  # no common history, or a shallow clone without it
        return commit


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)


# ---------------------------------------------------------------------------------------------------------------------
# Objects that are the same


@dataclass(frozen=True)
class Alignment:
    """Which objects of two versions of a difficulty are the same."""

    shift: float
    """Ms by which the whole map is later now."""
    before: dict[int, int]
    """Indices before by indices now."""
    changes: tuple[tuple[float, float], ...]
    """Spans of time, of the present version, in which something is not as it was."""

    @classmethod
    def of(cls, before: Beatmap, now: Beatmap) -> Alignment:
        """Compare two versions."""
        shift = _shift(before.hit_objects, now.hit_objects)
        same = _matched(before.hit_objects, now.hit_objects, shift)
        kept = set(same.values())
        spans = [(o.time, o.end_time) for o in now.hit_objects if o.index not in same]
        spans += [(o.time + shift, o.end_time + shift) for o in before.hit_objects if o.index not in kept]
        spans += [
            (now.hit_objects[new].time, now.hit_objects[new].end_time)
            for new, old in same.items()
            if _content(now.hit_objects[new], 0) != _content(before.hit_objects[old], shift)
        ]
        spans += _changed_lines(before, now, shift)
        if shift or before.audio_filename != now.audio_filename:
            spans = [(-float("inf"), float("inf"))]
        return cls(shift, same, tuple(spans))

    def is_near_a_change(self, finding: Finding) -> bool:
        """Whether something changed around a finding."""
        start, end = finding.time - NEAR_MS, (finding.end_time or finding.time) + NEAR_MS
        return any(first <= end and last >= start for first, last in self.changes)


def _shift(before: Sequence[HitObject], now: Sequence[HitObject]) -> float:
    """The shift that makes most objects the same; 0 if several do."""
    pairs = [*zip(before, now, strict=False), *zip(reversed(before), reversed(now), strict=False)]
    shifts = [0.0, *(one for one, _ in Counter(round(new.time - old.time) for old, new in pairs).most_common(3))]
    times = {round(o.time) for o in before}
    return max(shifts, key=lambda shift: sum(round(o.time - shift) in times for o in now))


def _matched(before: Sequence[HitObject], now: Sequence[HitObject], shift: float) -> dict[int, int]:
    """Objects at the same time and, in gaps between these, as many as there were before, in order."""
    at: dict[int, list[HitObject]] = defaultdict(list)
    for old in before:
        at[round(old.time + shift)].append(old)
    same: dict[int, int] = {}
    for new in now:
        there = [old for time in (0, -1, 1) for old in at.get(round(new.time) + time, ())]
        if there:
            closest = min(there, key=lambda old: (old.x != new.x, old.kind is not new.kind, abs(old.y - new.y)))
            same[new.index] = closest.index
            at[round(closest.time + shift)].remove(closest)
    kept = set(same.values())
    left_now = [o for o in now if o.index not in same]
    left_before = [o for o in before if o.index not in kept]
    anchors = sorted((now[new].time, before[old].time) for new, old in same.items())
    gaps: dict[tuple[int, int], tuple[list[HitObject], list[HitObject]]] = defaultdict(lambda: ([], []))
    place = 0
    for new in left_now:
        while place < len(anchors) and anchors[place][0] < new.time:
            place += 1
        gaps[place, 0][1].append(new)
    place = 0
    for old in left_before:
        while place < len(anchors) and anchors[place][1] < old.time:
            place += 1
        gaps[place, 0][0].append(old)
    for olds, news in gaps.values():
        if len(olds) == len(news):
            same |= {new.index: old.index for old, new in zip(olds, news, strict=True)}
    return same


def _content(hit_object: HitObject, shift: float) -> tuple[object, ...]:
    """The values of an object that a mapper sets."""
    o = hit_object
    times = round(o.time + shift), round(o.end_time + shift)
    return (*times, o.kind, o.x, o.y, o.new_combo, o.combo_skip, o.hitsound, o.sample, o.slider)


def _changed_lines(before: Beatmap, now: Beatmap, shift: float) -> Iterator[tuple[float, float]]:
    """Spans of timing lines that only one version has: a green line until the next one, a red line until the end."""

    def content(point: TimingPoint, later: float) -> tuple[object, ...]:
        return (round(point.time + later), *(getattr(point, name) for name in _LINE))

    old = {content(point, shift) for point in before.timing_points}
    new = {content(point, 0.0) for point in now.timing_points}
    for beatmap, other, later in ((before, new, shift), (now, old, 0.0)):
        points = beatmap.timing_points
        for number, point in enumerate(points):
            if content(point, later) not in other:
                following = points[number + 1].time if number + 1 < len(points) else float("inf")
                yield point.time + later, float("inf") if point.uninherited else following + later


_LINE = ("beat_length", "meter", "sample_set", "sample_index", "volume", "uninherited", "effects")


def paired(before: Sequence[tuple[str, Beatmap]], now: Sequence[tuple[str, Beatmap]]) -> dict[str, str]:
    """Difficulties that are versions of each other: by BeatmapID, by name, by file, else by the times of their objects.

    Args:
        before: inner paths and difficulties before.
        now: the same now.

    Returns:
        Inner paths before, by inner paths now; new difficulties are not in it.
    """
    left_before, left_now = dict(before), dict(now)
    found: dict[str, str] = {}

    def pair(new: str, old: str) -> None:
        found[new] = old
        del left_now[new], left_before[old]

    def identity(beatmap: Beatmap) -> str:
        given = beatmap.metadata.get("BeatmapID", "").strip()
        return given if given.isdigit() and int(given) > 0 else ""

    for key in (
        lambda inner, one: identity(one),
        lambda inner, one: one.metadata.get("Version", ""),
        lambda inner, one: inner,
    ):
        olds = defaultdict(list)
        for inner, one in left_before.items():
            olds[key(inner, one)].append(inner)
        for inner, one in list(left_now.items()):
            there = olds.get(key(inner, one), [])
            if (
                key(inner, one)
                and len(there) == 1
                and there[0] in left_before
                and one.mode is left_before[there[0]].mode
            ):
                pair(inner, there[0])
    shares = sorted(
        ((_share(old, one), inner, other) for inner, one in left_now.items() for other, old in left_before.items()),
        key=lambda share: (-share[0], share[1:]),
    )
    for share, inner, other in shares:
        if share > 0.5 and inner in left_now and other in left_before:
            pair(inner, other)
    return found


def _share(before: Beatmap, now: Beatmap) -> float:
    """Share of objects that both have at the same time."""
    if before.mode is not now.mode:
        return 0.0
    times, others = ({round(o.time) for o in beatmap.hit_objects} for beatmap in (before, now))
    return len(times & others) / max(len(times | others), 1)


# ---------------------------------------------------------------------------------------------------------------------
# Findings that are the same


def subject(finding: Finding) -> tuple[str, str]:
    """The subject of a finding, apart from its place."""
    return finding.rule, str(finding.evidence.get("subject", ""))


@dataclass
class Former:
    """A set as it was: its difficulties and their findings, each of which accounts for one of today."""

    reports: dict[str, BeatmapReport] = field(default_factory=dict)
    """By inner path."""
    beatmaps: dict[str, Beatmap] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._of_set: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        self._left: dict[str, dict[tuple[str, str], list[Finding]]] = {}
        for inner, report in self.reports.items():
            left = self._left[inner] = defaultdict(list)
            for finding in report.findings:
                (self._of_set if finding.scope is Scope.SET else left)[subject(finding)].append(finding)

    def same(self, finding: Finding, inner: str | None, alignment: Alignment | None) -> Finding | None:
        """The finding that was there before, which then counts no more; None if there was none.

        Args:
            finding: of today.
            inner: its difficulty as it was; None if that is new.
            alignment: of the two versions of the difficulty.
        """
        if finding.scope is Scope.SET:
            there = self._of_set[subject(finding)]
            return there.pop(0) if there else None
        if inner is None or alignment is None or inner not in self._left:
            return None
        there = self._left[inner][subject(finding)]
        for place, old in enumerate(there):
            if finding.scope is Scope.DIFFICULTY or _is_there(finding, old, alignment):
                return there.pop(place)
        return None


def _is_there(finding: Finding, old: Finding, alignment: Alignment) -> bool:
    """Whether two findings of a rule are about the same objects, or, without objects, the same time."""
    if finding.objects and old.objects:
        return bool({alignment.before.get(index) for index in finding.objects} & set(old.objects))
    start, end = finding.time - alignment.shift, (finding.end_time or finding.time) - alignment.shift
    return old.time <= end + SAME_MS and (old.end_time or old.time) >= start - SAME_MS


class Changes:
    """The sets that have changed since a revision, and which of their findings are new or worse."""

    def __init__(self, sources: Sequence[Source], ref: str) -> None:
        """Find the sources that have changed.

        Raises:
            UsageError: if they are in no repository, or there is no such revision.
        """
        self.ref, self.total = ref, len(sources)
        first = sources[0].path
        self.history = History.of(first.parent if sources[0].is_archive else first, ref)
        if ref == self.history.commit:  # as a workflow gives it
            self.ref = ref[:COMMIT_DIGITS]
        self.sources = [source for source in sources if self.history.has_changed(source)]
        self.new = self.worse = self.known = self.unsure = 0
        self._source_of = {entry.name: (source, entry.inner) for source in self.sources for entry in source.entries}
        self._former: dict[Path, Former] = {}
        self._pairs: dict[Path, dict[str, str]] = {}
        self._now: dict[Path, dict[str, Beatmap]] = {}

    def write(self, folder: Path) -> list[tuple[Source, Source]]:
        """Write the changed sources as they were below a folder; pairs of the present source and the former one."""
        found = []
        for number, source in enumerate(self.sources):
            written = self.history.write(source, folder / str(number))
            try:
                sources = find([written]) if written else []
            except UsageError:  # no difficulty in it
                continue
            for one in sources:
                if one.path == written:
                    found.append((source, one))
        return found

    def learn(self, source: Source, former: Source, reports: Sequence[BeatmapReport]) -> None:
        """Take the reports on a source as it was."""
        by_name = {report.path: report for report in reports}
        of_entries = {entry.inner: by_name[entry.name] for entry in former.entries if entry.name in by_name}
        self._former[source.path] = Former(of_entries, _beatmaps(former))
        self._now[source.path] = now = _beatmaps(source)
        self._pairs[source.path] = paired(list(self._former[source.path].beatmaps.items()), list(now.items()))

    def of(self, beatmap: BeatmapReport) -> BeatmapReport:
        """The report of a difficulty with the findings that are new or worse."""
        if beatmap.path not in self._source_of or beatmap.status == "error":
            return beatmap
        source, inner = self._source_of[beatmap.path]
        former = self._former.get(source.path)
        if former is None:
            self.new += len(beatmap.findings)
            return beatmap
        was = self._pairs[source.path].get(inner)
        alignment = Alignment.of(former.beatmaps[was], self._now[source.path][inner]) if was else None
        kept = []
        for finding in beatmap.findings:
            old = former.same(finding, was, alignment)
            if old is None and alignment and _is_unsure(finding, alignment):
                self.unsure += 1
            elif old is None:
                self.new += 1
                kept.append(finding)
            elif finding.severity.rank < old.severity.rank:
                self.worse += 1
                kept.append(_worsened(finding, old.severity))
            else:
                self.known += 1
        return without(beatmap, kept, f"as at {self.ref}")

    @property
    def summary(self) -> str:
        """One line on what was compared."""
        if not self.sources:
            none = "the mapset has not" if self.total == 1 else f"none of {self.total:,} mapsets has"
            return f"--diff {self.ref}: {none} changed"
        unsure = f", {self.unsure} estimated far from every change" if self.unsure else ""
        commit = self.history.commit[:COMMIT_DIGITS]
        return (
            f"--diff {self.ref}{'' if self.ref == commit else f' ({commit})'}: {len(self.sources):,} of {counted(self.total, 'mapset')} "
            f"changed; {self.new} new, {self.worse} worse; "
            f"not listed: {self.known} as before{unsure}"
        )


def _is_unsure(finding: Finding, alignment: Alignment) -> bool:
    return finding.tier is Tier.ESTIMATED and finding.scope is Scope.PLACE and not alignment.is_near_a_change(finding)


def _worsened(finding: Finding, before: Severity) -> Finding:
    message = f"{finding.message} Before this change it was of severity {before.value}."
    return replace(finding, message=message, evidence={**finding.evidence, "severity_before": before.value})


def _beatmaps(source: Source) -> dict[str, Beatmap]:
    """Readable difficulties of a source by inner path."""
    found = {}
    try:
        with opened(source) as (folder, _):
            for entry in source.entries:
                try:
                    found[entry.inner] = parser.load(folder / entry.inner)
                except BeatmapError:
                    continue
    except BeatmapError:  # an archive that cannot be unpacked
        return {}
    return found

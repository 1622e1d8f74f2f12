"""What changed between two versions of a difficulty, as places with kinds of change.

Conventions as in :mod:`maimod.osu.beatmap`: ms, osu! pixels. Times are those of the version before, unless said otherwise.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from maimod.findings import Category
from maimod.osu.beatmap import PLAYFIELD_MODES, SCROLLING_MODES, Beatmap, HitObject, Mode, ObjectKind, TimingPoint

_R, _P, _S, _H = Category.RHYTHM, Category.POSITIONS, Category.SLIDERS, Category.HITSOUNDS
KINDS: dict[str, tuple[Category, ...]] = {
    "object added": (_R,),
    "object removed": (_R,),
    "snap": (_R, Category.TIMING),
    "object kind": (_R, _S),
    "hold end": (_R,),
    "position": (_P,),
    "slider shape": (_S, _P),
    "slider length": (_S, _R),
    "new combo": (Category.NEW_COMBOS,),
    "hitsound": (_H,),
    "volume": (_H,),
    "sample set": (_H,),
    "scroll speed": (Category.SCROLL_SPEED, _S),
    "kiai": (Category.KIAI,),
    "red line": (Category.TIMING,),
}
"""Kinds of change, with the categories of a finding that points at the need for it."""
SAME_MS = 1.5
SAME_PX = 0.5
MOVED_BEATS = 0.5
"""An object that moves by at most this is the same object on another tick."""
NEAR_MS = 500.0
"""Changes within a beat of each other, and this, make one place."""
REMAPPED_OBJECTS = 12
"""A place where so many objects were added, removed, moved in time or exchanged was mapped anew."""
SHIFT_MS = 2.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change."""

    kind: str
    t0: float
    t1: float
    what: str
    bt: float
    """Time in the version before."""
    at: float
    """Time in the version after."""


@dataclass(frozen=True, slots=True)
class Place:
    """Changes close to each other."""

    t0: float
    t1: float
    changes: tuple[Change, ...]
    kinds: tuple[str, ...]
    remap: bool = False
    """Whether the stretch was mapped anew, which no finding can foresee."""

    @property
    def categories(self) -> frozenset[Category]:
        """Of a finding that points at the need for any of the changes."""
        return frozenset(category for kind in self.kinds for category in KINDS.get(kind, ()))

    @property
    def after(self) -> tuple[float, float]:
        """(start, end) in ms in the version after."""
        by = self.changes[0].at - self.changes[0].bt if self.changes else 0.0
        return self.t0 + by, self.t1 + by


@dataclass(frozen=True, slots=True)
class Remark:
    """A change that has no place in the map."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Differences:
    """All changes between two versions; the form of `changes.json`."""

    mode: int
    artist: str
    title: str
    creator: str
    version: str
    version_after: str
    objects_before: int
    objects_after: int
    song: bool = False
    """Whether the song lies beside the maps."""
    general: tuple[Remark, ...] = ()
    places: tuple[Place, ...] = ()
    hitsound_difficulty: bool = False
    """Whether the difficulty only collects hitsounds."""
    source: dict[str, str] = field(default_factory=dict)
    """Where the versions come from."""


def differences(before: Beatmap, after: Beatmap, *, unseen: bool = False) -> Differences:
    """Compare two versions of a difficulty.

    Args:
        before, after: the versions.
        unseen: whether a slider velocity under which no slider starts counts as a change in osu! and catch.
    """
    shift = _shift(before, after)
    lines = _line_changes(before, after, shift, unseen)
    changes = sorted([*_object_changes(before, after, shift), *lines], key=_start)
    metadata = before.metadata
    return Differences(
        int(before.mode),
        artist=metadata.get("Artist", ""),
        title=metadata.get("Title", ""),
        creator=metadata.get("Creator", ""),
        version=before.version,
        version_after=after.version,
        objects_before=len(before.hit_objects),
        objects_after=len(after.hit_objects),
        general=tuple(_remarks(before, after, shift)),
        places=tuple(_places(before, changes)),
        hitsound_difficulty="hitsound" in before.version.lower(),
    )


def _start(change: Change) -> tuple[float, str]:
    return change.t0, change.kind


def _places(before: Beatmap, changes: Sequence[Change]) -> Iterator[Place]:
    group: list[Change] = []
    end = -math.inf
    for change in changes:
        gap = min(before.red_line_at(change.t0).beat_length, NEAR_MS)
        if group and change.t0 > end + gap:
            yield _place(group)
            group, end = [], -math.inf
        group.append(change)
        end = max(end, _end(change))
    if group:
        yield _place(group)


def _end(change: Change) -> float:
    """A line is at its start, however long it is in force."""
    return change.t0 if change.kind in ("scroll speed", "volume", "sample set", "kiai", "red line") else change.t1


def _place(group: Sequence[Change]) -> Place:
    anew = sum(change.kind in ("object added", "object removed", "snap", "object kind") for change in group)
    kinds = tuple(sorted({change.kind for change in group}))
    return Place(group[0].t0, max(map(_end, group)), tuple(group), kinds, anew >= REMAPPED_OBJECTS)


# ---------------------------------------------------------------------------------------------------------------------
# Objects


def _shift(before: Beatmap, after: Beatmap) -> float:
    """Ms by which the whole map moved: 0, or what lets more than half of the objects fit."""
    if not before.hit_objects or not after.hit_objects:
        return 0.0
    times = {round(o.time) for o in after.hit_objects}

    def fitting(by: float) -> int:
        return sum(any(round(o.time + by) + k in times for k in (-1, 0, 1)) for o in before.hit_objects)

    candidates = {
        after.red_lines[0].time - before.red_lines[0].time,
        after.hit_objects[0].time - before.hit_objects[0].time,
        after.hit_objects[-1].time - before.hit_objects[-1].time,
    }
    best = max(sorted(candidates), key=fitting)
    is_whole = abs(best) >= SHIFT_MS and fitting(best) > max(fitting(0.0), len(before.hit_objects) / 2)
    return best if is_whole else 0.0


def _object_changes(before: Beatmap, after: Beatmap, shift: float) -> Iterator[Change]:
    pairs, gone, come = _matched(before, after, shift)
    for old, new in pairs:
        yield from _changes_of(before, old, new, shift)
    for o in gone:
        yield Change("object removed", o.time, o.time, str(o.kind), o.time, o.time + shift)
    for o in come:
        yield Change("object added", o.time - shift, o.time - shift, str(o.kind), o.time - shift, o.time)


Pairs = list[tuple[HitObject, HitObject]]


def _matched(before: Beatmap, after: Beatmap, shift: float) -> tuple[Pairs, list[HitObject], list[HitObject]]:
    """(pairs of one object in both versions, objects only before, objects only after)."""
    pairs: Pairs = []
    left, free = list(before.hit_objects), list(after.hit_objects)

    def is_in_column(old: HitObject, new: HitObject) -> bool:
        return before.mode is not Mode.MANIA or before.column(old) == after.column(new)

    def step(reach: Callable[[HitObject], float], fits: Callable[[HitObject, HitObject], bool]) -> None:
        nonlocal left, free
        unmatched = []
        by_second: dict[int, list[HitObject]] = defaultdict(list)
        for o in free:
            by_second[int(o.time // 1000)].append(o)
        for old in left:
            time = old.time + shift
            near = [new for second in range(-1, 2) for new in by_second[int(time // 1000) + second]]
            near = [new for new in near if abs(new.time - time) <= reach(old) and fits(old, new)]
            if not near:
                unmatched.append(old)
                continue
            new = min(near, key=lambda new: (abs(new.time - time), math.dist((old.x, old.y), (new.x, new.y))))
            by_second[int(new.time // 1000)].remove(new)
            pairs.append((old, new))
        left, free = unmatched, [o for found in by_second.values() for o in found]

    step(lambda o: SAME_MS, is_in_column)
    step(lambda o: SAME_MS, lambda old, new: True)
    step(
        lambda o: min(MOVED_BEATS * before.red_line_at(o.time).beat_length, 1000.0),
        lambda old, new: old.kind is new.kind and is_in_column(old, new),
    )
    return pairs, left, sorted(free, key=lambda o: o.time)


def _changes_of(before: Beatmap, old: HitObject, new: HitObject, shift: float) -> Iterator[Change]:
    """Changes of one object."""
    end = max(old.end_time, new.end_time - shift)

    def change(kind: str, what: str, until: float = end) -> Change:
        return Change(kind, old.time, until, what, old.time, new.time)

    if abs(new.time - shift - old.time) > SAME_MS:
        low, high = sorted((old.time, new.time - shift))
        yield Change("snap", low, high, f"{old.kind} {old.time:g} -> {new.time:g}", old.time, new.time)
    if old.kind is not new.kind:
        yield change("object kind", f"{old.kind} -> {new.kind}")
    if before.mode is Mode.MANIA and before.column(old) != before.column(new):
        yield change("position", f"column {before.column(old) + 1} -> {before.column(new) + 1}", old.time)
    elif before.mode in PLAYFIELD_MODES:
        if old.kind is not ObjectKind.SPINNER and math.dist((old.x, old.y), (new.x, new.y)) > SAME_PX:
            yield change("position", f"({old.x:g},{old.y:g}) -> ({new.x:g},{new.y:g})", old.time)
        if old.new_combo != new.new_combo:
            yield change("new combo", f"{old.new_combo:d} -> {new.new_combo:d}", old.time)
    if _sounds(old) != _sounds(new):
        yield change("hitsound", f"{_sounds(old)} -> {_sounds(new)}")
    if old.slider and new.slider:
        if _shape(old) != _shape(new) and before.mode in PLAYFIELD_MODES:
            yield change("slider shape", "control points")
        if old.slider.slides != new.slider.slides:
            yield change("slider length", f"slides {old.slider.slides} -> {new.slider.slides}")
        elif abs(old.duration - new.duration) > 2 * SAME_MS:
            yield change("slider length", f"{old.duration:.0f} -> {new.duration:.0f} ms")
    elif old.kind is new.kind and abs(old.duration - new.duration) > 2 * SAME_MS:
        yield change("hold end", f"{old.duration:.0f} -> {new.duration:.0f} ms")


def _shape(o: HitObject) -> tuple[Any, ...]:
    """Curve and control points from the head."""
    assert o.slider is not None
    return o.slider.curve, *((round(x - o.x, 1), round(y - o.y, 1)) for x, y in o.slider.control_points)


def _sounds(o: HitObject) -> tuple[Any, ...]:
    """Everything about the sound of an object."""
    sample = (o.hitsound & ~1, o.sample.normal_set, o.sample.addition_set, o.sample.volume, o.sample.filename)
    if o.slider is None or not (o.slider.edge_sounds or o.slider.edge_sets):
        return sample
    return *sample, o.slider.edge_sounds, o.slider.edge_sets


# ---------------------------------------------------------------------------------------------------------------------
# Lines, and what has no place


def _line_changes(before: Beatmap, after: Beatmap, shift: float, unseen: bool) -> Iterator[Change]:
    """Changes of the values in force, where there are objects under them; of the velocity where it shows, which without
    scrolling is at sliders, unless `unseen` ones count."""
    times = sorted(
        {point.time for point in before.timing_points} | {point.time - shift for point in after.timing_points}
    )
    ends = [*times[1:], math.inf]
    objects = [(o.time - by, o.slider) for of, by in ((before, 0.0), (after, shift)) for o in of.hit_objects]
    is_scrolling = before.mode in SCROLLING_MODES
    every = [time for time, _ in objects]
    shown = every if is_scrolling or unseen else [time for time, slider in objects if slider is not None]
    values: tuple[tuple[str, Callable[[TimingPoint], float]], ...] = (
        ("scroll speed", lambda point: round(point.velocity, 3)),
        ("volume", lambda point: point.volume),
        ("sample set", lambda point: point.sample_set),
        ("kiai", lambda point: point.kiai),
    )
    for kind, value in values:
        under = shown if kind == "scroll speed" else every
        last: tuple[float, float] | None = None
        for start, end in zip(times, ends, strict=True):
            both = value(before.timing_point_at(start)), value(after.timing_point_at(start + shift))
            if both[0] == both[1]:
                last = None
            elif both != last and any(start - SAME_MS <= time < end for time in under):
                last = both
                until = start if math.isinf(end) else end
                yield Change(kind, start, until, f"{both[0]:g} -> {both[1]:g}", start, start + shift)
    old, new = (
        {(round(p.time - by, 1), round(p.beat_length, 4), p.meter) for p in beatmap.red_lines}
        for beatmap, by in ((before, 0.0), (after, shift))
    )
    for sign, lines in (("-", old - new), ("+", new - old)):
        for time, beat_length, meter in sorted(lines):
            yield Change("red line", time, time, f"{sign} ({time:g}, {beat_length:g}, {meter})", time, time + shift)


def _remarks(before: Beatmap, after: Beatmap, shift: float) -> Iterator[Remark]:
    if shift:
        yield Remark("offset", f"{shift:+g} ms")
    for key in sorted(before.metadata.keys() | after.metadata.keys()):
        old, new = before.metadata.get(key, ""), after.metadata.get(key, "")
        if old != new:
            yield Remark("metadata", f"{key}: {old} -> {new}")
    for section, kind in (("Difficulty", "setting"), ("General", "setting"), ("Colours", "colours")):
        was, now = before.written.get(section, {}), after.written.get(section, {})
        for key in sorted(was.keys() | now.keys()):
            if was.get(key, "") != now.get(key, ""):
                yield Remark(kind, f"{key}: {was.get(key, '')} -> {now.get(key, '')}")
    pauses = [[(pause.start, pause.end) for pause in beatmap.breaks] for beatmap in (before, after)]
    if pauses[0] != pauses[1]:
        yield Remark("breaks", f"{pauses[0]} -> {pauses[1]}")

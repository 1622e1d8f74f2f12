"""What a planted mistake is, and what the kinds share: changed copies of a map, and places in it.

Conventions as in :mod:`maimod.osu.beatmap`: ms, osu! pixels. Nothing here writes files.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from maimod.audio.onsets import ONSET_WIDTH_MS, OnsetEnvelope, alignment
from maimod.findings import Category
from maimod.osu.beatmap import (
    HEIGHT,
    WIDTH,
    Beatmap,
    HitObject,
    Mode,
    ObjectKind,
    SliderPath,
    TimingPoint,
    combo_numbers,
)
from maimod.osu.slider_path import flatten
from maimod.osu.timing import TICKS_PER_BEAT, edited_length

SAME_MS = 3.0
"""Times closer than this are equal, because files have whole ms and grids do not."""
CLEAR_GAP_MS = 40.0
"""Objects moved in time stay at least this far from their neighbours, so that there is only one mistake."""
RUN_GAPS = 4
"""Equal gaps that make an even run; half of them on either side of the place."""
LONGEST_RUN_GAP_MS = 1_100.0
CLEAR_ONSET, NO_ONSET = 0.5, 0.2
"""Strengths above and below which the song does, and does not, have an onset; 1 is a clear one."""
WHISTLE, FINISH, CLAP = 2, 4, 8
ADDITIONS = WHISTLE | FINISH | CLAP
SAMPLE_SETS = {"normal": 1, "soft": 2, "drum": 3}

Envelope = OnsetEnvelope | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Planted:
    """A map with a mistake, and its place."""

    beatmap: Beatmap
    start: float
    """Start of the mistake, ms."""
    end: float
    """End, ms; equals `start` for a single object."""
    objects: tuple[int, ...] = ()
    """Indices in the changed map."""
    note: str = ""
    """Description of the change, for lists of misses."""
    is_local: bool = True
    """False if the timing of a section or of the whole map is wrong."""
    places: tuple[tuple[float, float], ...] = ()
    """(start, end) in ms of each place of a mistake that was copied with its phrase; empty for a mistake at one place."""

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """(start, end) in ms of all its places."""
        return self.places or ((self.start, self.end),)


Inject = Callable[[Beatmap, Generator, Envelope], Planted | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of mistake in one dose."""

    kind: str
    dose: str
    """Amount with unit; empty for mistakes without an amount."""
    categories: tuple[Category, ...]
    """A finding of one of these is right; the first is the one that a report should have it in."""
    modes: frozenset[Mode]
    plant: Inject
    is_alone: bool = False
    """Whether it takes the whole map, so that no other mistake fits in the same copy."""

    @property
    def name(self) -> str:
        """`kind` or `kind:dose`."""
        return f"{self.kind}:{self.dose}" if self.dose else self.kind

    @property
    def category(self) -> Category:
        """Category in which a report should have it."""
        return self.categories[0]

    def inject(self, beatmap: Beatmap, random: Generator, envelope: Envelope = None) -> Planted | None:
        """Plant the mistake in a copy of `beatmap`; None if the map offers no place for it.

        Args:
            beatmap: assumed to have no mistakes.
            random: chooses the place.
            envelope: onsets of the song, for mistakes that depend on it; without it any place is used.
        """
        return self.plant(beatmap, random, envelope) if beatmap.mode in self.modes else None

    def is_right(self, rule: str) -> bool:
        """Whether a finding of `rule` is right for the mistake."""
        return rule.partition("/")[0] in self.categories


# ---------------------------------------------------------------------------------------------------------------------
# Changed copies


def rebuild(
    beatmap: Beatmap,
    *,
    hit_objects: Iterable[HitObject] | None = None,
    timing_points: Iterable[TimingPoint] | None = None,
    **others: Any,
) -> Beatmap:
    """Make a changed copy as the parser would read it: objects sorted by time with new indices and combo numbers,
    slider ends from the new length, velocity and tempo. Every object keeps its line of the file.

    Args:
        beatmap: the map to change.
        hit_objects: in any order, with any index and combo number; None keeps them.
        timing_points: in any order; None keeps them.
        **others: other fields of :class:`Beatmap`.
    """
    points = beatmap.timing_points
    if timing_points is not None:
        points = tuple(sorted(timing_points, key=lambda point: (point.time, not point.uninherited)))
    shell = replace(beatmap, timing_points=points, hit_objects=(), **others)
    objects: list[HitObject] = []
    in_order = sorted(beatmap.hit_objects if hit_objects is None else hit_objects, key=lambda o: o.time)
    numbers = combo_numbers([(o.time, o.kind, o.new_combo) for o in in_order], shell.breaks)
    for index, (o, number) in enumerate(zip(in_order, numbers, strict=True)):
        end_time = o.time + shell.slider_duration(o.slider, o.time) if o.slider else o.end_time
        end_time = max(end_time, o.time)
        as_before = (o.index, o.combo_number, o.end_time) == (index, number, end_time)
        objects.append(o if as_before else replace(o, index=index, combo_number=number, end_time=end_time))
    return replace(shell, hit_objects=tuple(objects))


def exchanged(
    beatmap: Beatmap, old: HitObject, *new: HitObject, timing_points: Iterable[TimingPoint] | None = None
) -> Beatmap:
    """A copy with `new` in place of `old`."""
    kept = [o for o in beatmap.hit_objects if o is not old]
    return rebuild(beatmap, hit_objects=[*kept[: old.index], *new, *kept[old.index :]], timing_points=timing_points)


def with_objects(beatmap: Beatmap, new: Mapping[int, HitObject | None]) -> Beatmap:
    """A copy with other objects at some indices; None takes the object away."""
    made = [new.get(o.index, o) for o in beatmap.hit_objects]
    return rebuild(beatmap, hit_objects=[o for o in made if o is not None])


def moved_in_time(o: HitObject, by: float) -> HitObject:
    """The object `by` ms later."""
    return replace(o, time=o.time + by, end_time=o.end_time + by)


def mistake_at(changed: Beatmap, o: HitObject, note: str, until: float | None = None, **differing: Any) -> Planted:
    """A mistake at `o` with changed fields `differing`; finds its index in the changed map."""
    o = replace(o, **differing)
    index = next(
        c.index for c in changed.hit_objects if c.line == o.line and c.time == o.time and (c.x, c.y) == (o.x, o.y)
    )
    return Planted(changed, o.time, o.time if until is None else until, (index,), note)


def has_red_line(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether a red line lies after `start` and before `end`."""
    return any(start + SAME_MS < point.time < end for point in beatmap.red_lines)


def green_line(point: TimingPoint, time: float) -> TimingPoint:
    """A green line with the values of `point`."""
    return replace(point, time=time, beat_length=-100.0 / point.velocity, uninherited=False, effects=point.effects & 1)


def overridden(
    beatmap: Beatmap, start: float, until: float, change: Callable[[TimingPoint], TimingPoint]
) -> list[TimingPoint]:
    """The timing points with `change` in force from `start` to `until` [ms], and the old values after that."""
    points = [
        change(point) if start <= point.time < until and not point.uninherited else point
        for point in beatmap.timing_points
    ]
    if not any(point.time == start and not point.uninherited for point in beatmap.timing_points):
        points.append(change(green_line(beatmap.timing_point_at(start), start)))
    if not any(point.time == until for point in beatmap.timing_points):
        points.append(green_line(beatmap.timing_point_at(until), until))
    return points


def without_idle(points: Iterable[TimingPoint], *times: float) -> list[TimingPoint]:
    """Timing points without the green lines at `times` [ms] that set nothing new: a lost or moved line leaves none behind, and
    one that does nothing would give the place away."""
    kept: list[TimingPoint] = []
    for point in sorted(points, key=lambda point: (point.time, not point.uninherited)):
        if point.uninherited or point.time not in times or not kept or not _is_alike(kept[-1], point):
            kept.append(point)
    return kept


def _is_alike(one: TimingPoint, other: TimingPoint) -> bool:
    """Whether both set the same velocity, samples, volume and kiai."""
    own, others = (
        (point.generates_ticks, point.sample_set, point.sample_index, point.volume, point.kiai)
        for point in (one, other)
    )
    return own == others and math.isclose(one.velocity, other.velocity)


def additions_of(o: HitObject) -> int:
    """Additions at the start of an object."""
    return (o.slider.edge_sounds[0] if o.slider and o.slider.edge_sounds else o.hitsound) & ADDITIONS


def with_additions(o: HitObject, bits: int) -> HitObject:
    """The object with other additions at its start."""
    if o.slider and o.slider.edge_sounds:
        return replace(o, slider=replace(o.slider, edge_sounds=(bits, *o.slider.edge_sounds[1:])))
    return replace(o, hitsound=bits)


# ---------------------------------------------------------------------------------------------------------------------
# Places


def pick(random: Generator, places: Sequence[T]) -> T | None:
    """One of the places by chance; None if there are none."""
    return places[int(random.integers(len(places)))] if places else None


def in_turn(random: Generator, places: Sequence[T]) -> Iterator[T]:
    """All places in a random order."""
    return (places[int(i)] for i in random.permutation(len(places)))


def best_in_turn(random: Generator, places: Sequence[T], is_better: Callable[[T], bool]) -> list[T]:
    """All places in a random order, the better ones first."""
    return sorted(in_turn(random, places), key=lambda place: not is_better(place))


@dataclass(frozen=True, slots=True)
class Row:
    """Objects that start at one time: one object, or the notes of a chord."""

    time: float
    objects: tuple[HitObject, ...]

    @property
    def end_time(self) -> float:
        """Ms at which the last of them ends."""
        return max(o.end_time for o in self.objects)

    @property
    def only(self) -> HitObject | None:
        """The object if it is alone."""
        return self.objects[0] if len(self.objects) == 1 else None


def rows_of(beatmap: Beatmap) -> list[Row]:
    """Objects by time, those that start together as one row."""
    grouped: list[list[HitObject]] = []
    for o in sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index)):
        if grouped and o.time - grouped[-1][0].time < SAME_MS:
            grouped[-1].append(o)
        else:
            grouped.append([o])
    return [Row(group[0].time, tuple(group)) for group in grouped]


def in_even_runs(beatmap: Beatmap, rows: Sequence[Row]) -> Iterator[tuple[int, float]]:
    """(place, gap in ms) of the rows in the middle of `RUN_GAPS` equal gaps under one red line."""
    half = RUN_GAPS // 2
    for i in range(half, len(rows) - half):
        around = [row.time for row in rows[i - half : i + half + 1]]
        gaps = np.diff(around)
        gap = (around[-1] - around[0]) / RUN_GAPS
        one_tempo = beatmap.red_line_at(around[0]) is beatmap.red_line_at(around[-1])
        if np.ptp(gaps) < SAME_MS and gap <= LONGEST_RUN_GAP_MS and one_tempo:
            yield i, gap


def is_circle(o: HitObject | None) -> bool:
    """Whether it is a circle, or a note."""
    return o is not None and o.kind is ObjectKind.CIRCLE


def is_free(rows: Sequence[Row], i: int, by: float, clear: float = CLEAR_GAP_MS) -> bool:
    """Whether row `i` can move `by` ms and stay apart from its neighbours."""
    before = -math.inf
    if i:  # beside a hold note other columns continue
        before = rows[i - 1].time if rows[i - 1].objects[0].kind is ObjectKind.HOLD else rows[i - 1].end_time
    after = rows[i + 1].time if i + 1 < len(rows) else math.inf
    return before + clear <= rows[i].time + by and rows[i].end_time + by + clear <= after


def crosses_point(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether a timing point lies between, so that another one would be in force."""
    low, high = min(start, end), max(start, end)
    return beatmap.timing_point_at(low) is not beatmap.timing_point_at(high)


def onset_strengths(beatmap: Beatmap, envelope: OnsetEnvelope, times: Sequence[float]) -> np.ndarray:
    """(n_times,) onset strength of the song at map times, corrected by its lag."""
    lag = alignment(envelope, np.array([o.time for o in beatmap.hit_objects])).lag_ms
    return envelope.at(np.asarray(times) + lag, ONSET_WIDTH_MS)


def on_downbeat(beatmap: Beatmap, time: float) -> bool:
    """Whether a time [ms] is on the first beat of a measure."""
    red = beatmap.red_line_of(time)
    measure = red.beat_length * red.meter
    return abs((time - red.time + measure / 2) % measure - measure / 2) < SAME_MS


def effective_sample(beatmap: Beatmap, o: HitObject) -> tuple[int, int]:
    """(normal set, volume) of the hit of a circle."""
    point = beatmap.timing_point_at(o.time + SAME_MS)
    default = SAMPLE_SETS.get(beatmap.general.get("SampleSet", "").lower(), 1)
    return o.sample.normal_set or point.sample_set or default, o.sample.volume or point.volume


def sliders_of(beatmap: Beatmap) -> list[HitObject]:
    """Sliders of one curve, with a length."""
    return [
        o
        for o in beatmap.hit_objects
        if o.slider is not None
        and len(o.slider.control_points) >= 2
        and o.slider.length > 0
        and not o.slider.segment_types
    ]


def edited(beatmap: Beatmap, o: HitObject, slider: SliderPath) -> HitObject | None:
    """A slider whose control points were changed in the editor, which ends it at the last tick that its path reaches.

    None if it was not on a tick before, or if it would last until the next object, which mappers see.
    """
    assert o.slider is not None
    length = edited_length(beatmap, o.time, o.slider.length, flatten(slider).natural_length)
    if length is None:
        return None
    slider = replace(slider, length=length)
    end = o.time + beatmap.slider_duration(slider, o.time)
    until = beatmap.hit_objects[o.index + 1].time if o.index + 1 < len(beatmap.hit_objects) else math.inf
    if length > o.slider.length and end + CLEAR_GAP_MS > until:
        return None
    return replace(o, slider=slider, end_time=o.end_time if length == o.slider.length else end)


def is_inside(point: tuple[float, float]) -> bool:
    """Whether a point [px] lies on the playfield."""
    return 0 <= point[0] <= WIDTH and 0 <= point[1] <= HEIGHT


def distance(beatmap: Beatmap, a: HitObject, b: HitObject) -> float:
    """Px from head to head; in catch only from left to right."""
    return abs(a.x - b.x) if beatmap.mode is Mode.CATCH else math.dist((a.x, a.y), (b.x, b.y))


def column_x(beatmap: Beatmap, column: int) -> float:
    """x [px] at which a file has a note of a mania column."""
    return float(math.floor((column + 0.5) * WIDTH / beatmap.keys))


def stretches(beatmap: Beatmap, measures: int, objects_in_measure: int = 2) -> list[tuple[float, float]]:
    """(start, end) in ms of all stretches of whole measures under one red line that begin with an object on a downbeat,
    end before the last object and hold at least `objects_in_measure` times as many objects as measures."""
    rows = rows_of(beatmap)
    times = np.array([row.time for row in rows])
    found = []
    for row in rows:
        red = beatmap.red_line_of(row.time)
        end = row.time + measures * red.beat_length * red.meter
        if (
            on_downbeat(beatmap, row.time)
            and end <= times[-1]
            and not has_red_line(beatmap, row.time, end)
            and int(np.searchsorted(times, end - SAME_MS) - np.searchsorted(times, row.time - SAME_MS))
            >= measures * objects_in_measure
        ):
            found.append((row.time, end))
    return found


def rhythm_of(beatmap: Beatmap, start: float, end: float) -> tuple[tuple[int, str], ...]:
    """(ticks after `start`, kind) of the objects of a stretch [ms]; a tick is 1/48 beat of the tempo at its start."""
    tick = beatmap.red_line_of(start).beat_length / TICKS_PER_BEAT
    return tuple((round((o.time - start) / tick), o.kind.value) for o in starting_in(beatmap, start, end))


def has_copy(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether a stretch [ms] has the same rhythm as another 1 to 8 measures before or after it, so that a change of it is
    no style of the map."""
    red = beatmap.red_line_of(start)
    own = rhythm_of(beatmap, start, end)
    steps = [sign * count * red.beat_length * max(red.meter, 1) for count in (1, 2, 4, 8) for sign in (-1, 1)]
    return any(abs(by) >= end - start - SAME_MS and rhythm_of(beatmap, start + by, end + by) == own for by in steps)


def is_on_tick(beatmap: Beatmap, time: float, divisor: int) -> bool:
    """Whether a time [ms] is on a tick of 1/`divisor` beat."""
    red = beatmap.red_line_of(time)
    step = red.beat_length / divisor
    return abs((time - red.time + step / 2) % step - step / 2) < SAME_MS


def starting_in(beatmap: Beatmap, start: float, end: float) -> list[HitObject]:
    """Objects that start in a stretch [ms]; one at its end belongs to the next."""
    objects = beatmap.hit_objects
    low, high = (bisect_left(objects, time - SAME_MS, key=lambda o: o.time) for time in (start, end))
    return list(objects[low:high])


def over(changed: Beatmap, start: float, end: float, note: str) -> Planted:
    """A mistake of a stretch [ms], with the objects that start there in the changed map."""
    return Planted(changed, start, end, tuple(o.index for o in starting_in(changed, start, end)), note)


def faster(factor: float, point: TimingPoint) -> TimingPoint:
    """The green line with its velocity times `factor`."""
    return replace(point, beat_length=-100.0 / (point.velocity * factor))


def at_volume(percent: int, point: TimingPoint) -> TimingPoint:
    """The line with another volume [%]."""
    return replace(point, volume=percent)

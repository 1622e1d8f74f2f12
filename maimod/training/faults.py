"""Fault injection: plant one known mistake in a good map, for `maimod evaluate`.

Each :class:`Fault` is a kind of mistake in one dose (5 ms, 120 px, ...). Its `inject` takes a beatmap without mistakes
and returns a changed copy with the place of the mistake, or None if the map has no place where a mapper would make it:
an object goes missing from an even run where the song has an onset, a new combo from a downbeat, an
addition from a pattern. With the same seed, all doses of a kind use the same place if possible.

Conventions as in :mod:`maimod.osu.beatmap`: ms, osu! pixels. Nothing here writes files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.random import Generator

from maimod.audio.onsets import OnsetEnvelope, alignment
from maimod.findings import Category
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, HitObject, HitSample, Mode, ObjectKind, TimingPoint, combo_numbers
from maimod.osu.slider_path import flatten
from maimod.osu.timing import snap

SAME_MS = 3.0
"""Times closer than this are equal, because files have whole ms and grids do not."""
CLEAR_GAP_MS = 40.0
"""Objects moved in time stay at least this far from their neighbours, so that there is only one mistake."""
RUN_GAPS = 4
"""Equal gaps that make an even run; half of them on either side of the place."""
LONGEST_RUN_GAP_MS = 1_100.0
ONSET_WIDTH_MS = 15.0
CLEAR_ONSET, NO_ONSET = 0.5, 0.2
"""Strengths above and below which the song does, and does not, have an onset; 1 is a clear one."""
SECTION_MS = 16_000.0
"""Shortest section with wrong timing, rounded up to whole measures."""
SECTION_OBJECTS = 24
WHISTLE, FINISH, CLAP = 2, 4, 8
ADDITIONS = WHISTLE | FINISH | CLAP
KAT = WHISTLE | CLAP
WIDTH, HEIGHT = 512.0, 384.0
SAMPLE_SETS = {"normal": 1, "soft": 2, "drum": 3}

Envelope = OnsetEnvelope | None
_T = TypeVar("_T")


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


Inject = Callable[[Beatmap, Generator, Envelope], Planted | None]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of mistake in one dose."""

    kind: str
    dose: str
    """Amount with unit; empty for mistakes without an amount."""
    category: Category
    """Category in which a report should have it."""
    modes: frozenset[Mode]
    plant: Inject
    also_right: tuple[str, ...] = ()
    """Prefixes of further rules that count as right."""

    @property
    def name(self) -> str:
        """`kind` or `kind:dose`."""
        return f"{self.kind}:{self.dose}" if self.dose else self.kind

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
        return rule.startswith((f"{self.category}/", *self.also_right))


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
        objects.append(replace(o, index=index, combo_number=number, end_time=max(end_time, o.time)))
    return replace(shell, hit_objects=tuple(objects))


def _exchanged(
    beatmap: Beatmap, old: HitObject, *new: HitObject, timing_points: Iterable[TimingPoint] | None = None
) -> Beatmap:
    """A copy with `new` in place of `old`."""
    kept = [o for o in beatmap.hit_objects if o is not old]
    return rebuild(beatmap, hit_objects=[*kept[: old.index], *new, *kept[old.index :]], timing_points=timing_points)


def _moved_in_time(o: HitObject, by: float) -> HitObject:
    return replace(o, time=o.time + by, end_time=o.end_time + by)


def _at(changed: Beatmap, o: HitObject, note: str, until: float | None = None, **differing: Any) -> Planted:
    """A mistake at `o` with changed fields `differing`; finds its index in the changed map."""
    o = replace(o, **differing)
    index = next(
        c.index for c in changed.hit_objects if c.line == o.line and c.time == o.time and (c.x, c.y) == (o.x, o.y)
    )
    return Planted(changed, o.time, o.time if until is None else until, (index,), note)


# ---------------------------------------------------------------------------------------------------------------------
# Places


def _pick(random: Generator, places: Sequence[_T]) -> _T | None:
    return places[int(random.integers(len(places)))] if places else None


def _in_turn(random: Generator, places: Sequence[_T]) -> Iterator[_T]:
    """All places in a random order."""
    return (places[int(i)] for i in random.permutation(len(places)))


@dataclass(frozen=True, slots=True)
class _Row:
    """Objects that start at one time: one object, or the notes of a chord."""

    time: float
    objects: tuple[HitObject, ...]

    @property
    def end_time(self) -> float:
        return max(o.end_time for o in self.objects)

    @property
    def only(self) -> HitObject | None:
        """The object if it is alone."""
        return self.objects[0] if len(self.objects) == 1 else None


def _rows(beatmap: Beatmap) -> list[_Row]:
    grouped: list[list[HitObject]] = []
    for o in sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index)):
        if grouped and o.time - grouped[-1][0].time < SAME_MS:
            grouped[-1].append(o)
        else:
            grouped.append([o])
    return [_Row(group[0].time, tuple(group)) for group in grouped]


def _in_even_runs(beatmap: Beatmap, rows: Sequence[_Row]) -> Iterator[tuple[int, float]]:
    """(place, gap in ms) of the rows in the middle of `RUN_GAPS` equal gaps under one red line."""
    half = RUN_GAPS // 2
    for i in range(half, len(rows) - half):
        around = [row.time for row in rows[i - half : i + half + 1]]
        gaps = np.diff(around)
        gap = (around[-1] - around[0]) / RUN_GAPS
        one_tempo = beatmap.red_line_at(around[0]) is beatmap.red_line_at(around[-1])
        if np.ptp(gaps) < SAME_MS and gap <= LONGEST_RUN_GAP_MS and one_tempo:
            yield i, gap


def _is_circle(o: HitObject | None) -> bool:
    return o is not None and o.kind is ObjectKind.CIRCLE


def _is_free(rows: Sequence[_Row], i: int, by: float, clear: float = CLEAR_GAP_MS) -> bool:
    """Whether row `i` can move `by` ms and stay apart from its neighbours."""
    before = -math.inf
    if i:  # beside a hold note other columns continue
        before = rows[i - 1].time if rows[i - 1].objects[0].kind is ObjectKind.HOLD else rows[i - 1].end_time
    after = rows[i + 1].time if i + 1 < len(rows) else math.inf
    return before + clear <= rows[i].time + by and rows[i].end_time + by + clear <= after


def _crosses_point(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether a timing point lies between, so that another one would be in force."""
    low, high = min(start, end), max(start, end)
    return beatmap.timing_point_at(low) is not beatmap.timing_point_at(high)


def _onset_strengths(beatmap: Beatmap, envelope: OnsetEnvelope, times: Sequence[float]) -> np.ndarray:
    """(n_times,) onset strength of the song at map times, corrected by its lag."""
    lag = alignment(envelope, np.array([o.time for o in beatmap.hit_objects])).lag_ms
    return envelope.at(np.asarray(times) + lag, ONSET_WIDTH_MS)


def _on_downbeat(beatmap: Beatmap, time: float) -> bool:
    red = beatmap.red_line_of(time)
    measure = red.beat_length * red.meter
    return abs((time - red.time + measure / 2) % measure - measure / 2) < SAME_MS


def _effective_sample(beatmap: Beatmap, o: HitObject) -> tuple[int, int]:
    """(normal set, volume) of the hit of a circle."""
    point = beatmap.timing_point_at(o.time + SAME_MS)
    default = SAMPLE_SETS.get(beatmap.general.get("SampleSet", "").lower(), 1)
    return o.sample.normal_set or point.sample_set or default, o.sample.volume or point.volume


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _unsnapped(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = _rows(beatmap)
    sign = 1 if random.random() < 0.5 else -1
    landed_on_tick = None
    for i in _in_turn(random, range(1, len(rows) - 1)):
        o = rows[i].objects[0]
        if o.kind is ObjectKind.SPINNER or abs(snap(beatmap, o.time).error) >= UNSNAP_MS:
            continue
        for by in (sign * ms, -sign * ms):
            crosses = any(_crosses_point(beatmap, time, time + by) for time in (o.time, o.end_time))
            if crosses or not _is_free(rows, i, by):
                continue
            # At some tempos the dose is nearly 1/16 or 1/9 beat, so the object is on an unusual tick: second choice.
            if abs(snap(beatmap, o.time + by).error) > UNSNAP_MS:
                return _unsnapped_by(beatmap, o, by)
            landed_on_tick = landed_on_tick or (o, by)
    return _unsnapped_by(beatmap, *landed_on_tick) if landed_on_tick else None


def _unsnapped_by(beatmap: Beatmap, o: HitObject, by: float) -> Planted:
    moved = _moved_in_time(o, by)
    return _at(_exchanged(beatmap, o, moved), moved, f"{o.kind} moved by {by:+g} ms")


def _wrong_tick(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = _rows(beatmap)
    for i, gap in _in_turn(random, list(_in_even_runs(beatmap, rows))):
        o = rows[i].only
        if o is None or not _is_circle(o):
            continue
        sign = 1 if random.random() < 0.5 else -1
        for by in (sign * gap / 2, -sign * gap / 2):
            time = float(round(o.time + by))
            if (
                _is_free(rows, i, by)
                and not _crosses_point(beatmap, o.time, time)
                and abs(snap(beatmap, time).error) < UNSNAP_MS
            ):
                moved = _moved_in_time(o, time - o.time)
                return replace(
                    _at(_exchanged(beatmap, o, moved), moved, f"half a gap ({by:+.0f} ms) off an even run"),
                    start=min(o.time, time),
                    end=max(o.time, time),
                )
    return None


def _missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = _rows(beatmap)
    places = [
        i
        for i, _ in _in_even_runs(beatmap, rows)
        if _is_circle(rows[i].only)
        and not rows[i].objects[0].new_combo
        and (beatmap.mode is Mode.MANIA or rows[i - 1].end_time < rows[i].time - SAME_MS)
    ]
    if envelope is not None and places:
        strengths = _onset_strengths(beatmap, envelope, [rows[i].time for i in places])
        places = [i for i, strength in zip(places, strengths, strict=True) if strength >= CLEAR_ONSET]
    i = _pick(random, places)
    if i is None:
        return None
    changed = _exchanged(beatmap, rows[i].objects[0])
    after = next(o.index for o in changed.hit_objects if o.line == rows[i + 1].objects[0].line)
    time = rows[i].time
    return Planted(changed, time, time, (after - 1, after), f"object at {time:.0f} ms deleted from an even run")


def _extra(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = _rows(beatmap)
    places = []
    for i, gap in _in_even_runs(beatmap, rows):
        time = float(round(rows[i].time + gap / 2))
        if (
            _is_circle(rows[i].only)
            and gap >= 2 * CLEAR_GAP_MS
            and abs(snap(beatmap, time).error) < UNSNAP_MS
            and not _crosses_point(beatmap, rows[i].time, time)
        ):
            places.append((i, time))
    if envelope is not None and places:
        strengths = _onset_strengths(beatmap, envelope, [time for _, time in places])
        places = [place for place, strength in zip(places, strengths, strict=True) if strength <= NO_ONSET]
    place = _pick(random, places)
    if place is None:
        return None
    i, time = place
    before, after = rows[i].objects[0], rows[i + 1].objects[0]
    x, y = float(round((before.x + after.x) / 2)), float(round((before.y + after.y) / 2))
    hitsound = 0
    if beatmap.mode is Mode.MANIA:
        x = _column_x(beatmap, int(random.integers(beatmap.keys)))
    elif beatmap.mode is Mode.TAIKO:
        hitsound = int(_pick(random, (0, CLAP)) or 0)
    extra = replace(before, time=time, end_time=time, x=x, y=y, new_combo=False, combo_skip=0, hitsound=hitsound)
    changed = _exchanged(beatmap, before, before, extra)
    return _at(changed, extra, "object added between two of an even run")


# ---------------------------------------------------------------------------------------------------------------------
# Timing


def _anchors(beatmap: Beatmap, time: float, new_time: float) -> list[TimingPoint]:
    """Points that let tempo, velocity and samples of `time` go on from `new_time`; none if a red line is there anyway."""
    if any(abs(point.time - time) <= SAME_MS for point in beatmap.red_lines):
        return []
    red, now = beatmap.red_line_at(time), beatmap.timing_point_at(time)
    anchor = replace(now, time=new_time, beat_length=red.beat_length, meter=red.meter, uninherited=True)
    has_green = any(abs(point.time - time) <= SAME_MS for point in beatmap.timing_points)
    return [anchor] if now.uninherited or has_green else [anchor, replace(now, time=new_time)]


def _section(beatmap: Beatmap, random: Generator, margin: float, one_tempo: bool) -> tuple[float, float] | None:
    """(start, end) of whole measures, with `margin` ms free of objects before both."""
    rows = _rows(beatmap)
    starts = np.array([row.time for row in rows])
    ends = np.maximum.accumulate([row.end_time for row in rows])

    def is_clear(time: float) -> bool:
        i = int(np.searchsorted(starts, time - SAME_MS))
        return i > 0 and ends[i - 1] <= time - margin - CLEAR_GAP_MS / 2

    for row in _in_turn(random, rows):
        red = beatmap.red_line_of(row.time)
        if not _on_downbeat(beatmap, row.time) or not is_clear(row.time):
            continue
        start = red.time + round((row.time - red.time) / red.beat_length) * red.beat_length
        measure = red.beat_length * red.meter
        first = math.ceil(SECTION_MS / measure)
        for measures in range(first, first + 4):
            end = start + measures * measure
            inside = int(np.searchsorted(starts, end - SAME_MS) - np.searchsorted(starts, start - SAME_MS))
            is_one = beatmap.red_line_at(end - 2 * SAME_MS) is red
            # A red line inside would restart the measures; a section that only shifts may hold some, but must end on a
            # beat.
            if is_clear(end) and end < starts[-1] and inside >= SECTION_OBJECTS and (is_one or not one_tempo):
                return start, end
    return None


def _section_shift(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    by = ms if random.random() < 0.5 else -ms
    section = _section(beatmap, random, ms, one_tempo=False)
    if section is None:
        return None
    start, end = section

    def moved(time: float) -> float:
        return time + by if start - SAME_MS <= time < end - SAME_MS else time

    points = [replace(point, time=moved(point.time)) for point in beatmap.timing_points]
    points += _anchors(beatmap, start, start + by) + _anchors(beatmap, end, end)
    objects = [_moved_in_time(o, moved(o.time) - o.time) for o in beatmap.hit_objects]
    return Planted(
        rebuild(beatmap, hit_objects=objects, timing_points=points),
        start + by,
        end,
        note=f"{start:.0f} to {end:.0f} ms moved by {by:+g} ms, grid and objects",
        is_local=False,
    )


def _map_shift(by: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    changed = rebuild(
        beatmap,
        hit_objects=[_moved_in_time(o, by) for o in beatmap.hit_objects],
        timing_points=[replace(point, time=point.time + by) for point in beatmap.timing_points],
        breaks=tuple(replace(pause, start=pause.start + by, end=pause.end + by) for pause in beatmap.breaks),
    )
    start = min(changed.red_lines[0].time, min(o.time for o in changed.hit_objects))
    end = max(o.end_time for o in changed.hit_objects)
    return Planted(changed, start, end, note=f"everything moved by {by:+g} ms", is_local=False)


def _tempo(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    factor = 1 + percent / 100 * (1 if random.random() < 0.5 else -1)
    section = _section(beatmap, random, 0.0, one_tempo=True)
    if section is None:
        return None
    start, end = section

    def laid(time: float) -> float:
        return start + (time - start) * factor if start - SAME_MS <= time < end - SAME_MS else time

    red = beatmap.red_line_of(start)
    bpm = 60_000 / red.beat_length
    points = []
    for point in beatmap.timing_points:
        is_its_red = point is red and abs(point.time - start) <= SAME_MS
        scaled = replace(point, time=laid(point.time), beat_length=point.beat_length * (factor if is_its_red else 1))
        if scaled.time < end - SAME_MS or point.time >= end - SAME_MS:
            points.append(scaled)
    points += [
        replace(point, beat_length=point.beat_length * factor) if point.uninherited else point
        for point in _anchors(beatmap, start, start)
    ]
    points += _anchors(beatmap, end, end)
    objects = []
    for o in beatmap.hit_objects:
        by = round(laid(o.time)) - o.time if laid(o.time) != o.time else 0.0
        moved = replace(
            o, time=o.time + by, end_time=float(round(laid(o.time) + o.duration * factor)) if by else o.end_time
        )
        # Objects that a slower tempo moves past the section's end are removed.
        if o.time >= end - SAME_MS or moved.end_time <= end - CLEAR_GAP_MS / 2:
            objects.append(moved)
    return Planted(
        rebuild(beatmap, hit_objects=objects, timing_points=points),
        start,
        end,
        note=f"{start:.0f} to {end:.0f} ms at {bpm / factor:.2f} in place of {bpm:.2f} BPM",
        is_local=False,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Positions and new combos


def _moved(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    circles = [o for o in beatmap.hit_objects[1:] if o.kind is ObjectKind.CIRCLE]
    turn = random.random()
    for o in _in_turn(random, circles):
        angles = [(turn + k / 16) * 2 * math.pi for k in range(16)]
        ways = [(math.cos(a), math.sin(a)) for a in angles] if beatmap.mode is Mode.OSU else [(1.0, 0.0), (-1.0, 0.0)]
        for dx, dy in ways:
            x, y = round(o.x + pixels * dx), round(o.y + pixels * dy)
            if 0 <= x <= WIDTH and 0 <= y <= HEIGHT:
                moved = replace(o, x=float(x), y=float(y))
                return _at(
                    _exchanged(beatmap, o, moved), moved, f"circle moved from ({o.x:g}, {o.y:g}) to ({x:g}, {y:g})"
                )
    return None


def _flagged(beatmap: Beatmap) -> list[HitObject]:
    """New combos set by the mapper: within 4 beats of the object before, which is no spinner."""
    objects = beatmap.hit_objects
    return [
        o
        for before, o in pairwise(objects)
        if o.new_combo
        and o.kind is not ObjectKind.SPINNER
        and before.kind is not ObjectKind.SPINNER
        and o.time - before.end_time < 4 * beatmap.red_line_at(o.time).beat_length
    ]


def _regular_combos(beatmap: Beatmap) -> list[HitObject]:
    """Flags on downbeats whose neighbouring flags are as far before as after; flags on downbeats if there are none
    such."""
    flagged = _flagged(beatmap)
    on_downbeat = [o for o in flagged if _on_downbeat(beatmap, o.time)]
    regular = [
        o
        for before, o, after in zip(flagged, flagged[1:], flagged[2:], strict=False)
        if o in on_downbeat and abs(before.time + after.time - 2 * o.time) < 2 * SAME_MS
    ]
    return regular or on_downbeat


def _combo_missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = _pick(random, _regular_combos(beatmap))
    if o is None:
        return None
    return _at(_exchanged(beatmap, o, replace(o, new_combo=False, combo_skip=0)), o, "new combo taken away")


def _combo_extra(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    places = [
        objects[i]
        for i in range(2, len(objects) - 2)
        if objects[i].combo_number >= 3
        and not any(o.new_combo for o in objects[i - 1 : i + 3])
        and all(o.kind is not ObjectKind.SPINNER for o in objects[i - 1 : i + 3])
        and not _on_downbeat(beatmap, objects[i].time)
        and objects[i].time - objects[i - 1].end_time <= beatmap.red_line_at(objects[i].time).beat_length
    ]
    o = _pick(random, places)
    return None if o is None else _at(_exchanged(beatmap, o, replace(o, new_combo=True)), o, "new combo within a combo")


def _combo_misplaced(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in _in_turn(random, _regular_combos(beatmap)):
        step = 1 if random.random() < 0.5 else -1
        for to in (o.index + step, o.index - step):
            if 0 < to < len(objects) and not objects[to].new_combo and objects[to].kind is not ObjectKind.SPINNER:
                flags = {o.index: False, to: True}
                changed = rebuild(
                    beatmap, hit_objects=[replace(c, new_combo=flags.get(c.index, c.new_combo)) for c in objects]
                )
                low, high = sorted((o.index, to))
                return Planted(
                    changed,
                    objects[low].time,
                    objects[high].time,
                    (low, high),
                    f"new combo one object {'late' if to > o.index else 'early'}",
                )
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Sliders


def _sliders(beatmap: Beatmap) -> list[HitObject]:
    return [
        o
        for o in beatmap.hit_objects
        if o.slider is not None
        and len(o.slider.control_points) >= 2
        and o.slider.length > 0
        and not o.slider.segment_types
    ]


def _inside(point: tuple[float, float]) -> bool:
    return 0 <= point[0] <= WIDTH and 0 <= point[1] <= HEIGHT


def _anchor_moved(pixels: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    turn = random.random()
    for o in _in_turn(random, _sliders(beatmap)):
        assert o.slider is not None
        points = o.slider.control_points
        # A red anchor is two equal points; taking them apart is another mistake. The path keeps its length.
        places = [k for k in range(1, len(points)) if points[k] not in (points[k - 1], *points[k + 1 : k + 2])]
        k = _pick(random, places)
        if k is None:
            continue
        for angle in ((turn + step / 16) * 2 * math.pi for step in range(16)):
            x, y = round(points[k][0] + pixels * math.cos(angle)), round(points[k][1] + pixels * math.sin(angle))
            if _inside((x, y)):
                slider = replace(o.slider, control_points=(*points[:k], (float(x), float(y)), *points[k + 1 :]))
                return _at(
                    _exchanged(beatmap, o, replace(o, slider=slider)),
                    o,
                    f"control point {k} of {len(points) - 1} moved by {pixels:g} px",
                    o.end_time,
                )
    return None


def _reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    places = []
    for slider in _sliders(beatmap):
        assert slider.slider is not None
        first, last = slider.slider.control_points[0], slider.slider.control_points[-1]
        # A path that is cut off before its last control point would become another path.
        if math.dist(first, last) >= 60 and _inside(last) and math.dist(flatten(slider.slider).end, last) <= 5:
            places.append(slider)
    o = _pick(random, places)
    if o is None or o.slider is None:
        return None
    points = o.slider.control_points[::-1]
    turned = replace(o, x=points[0][0], y=points[0][1], slider=replace(o.slider, control_points=points))
    return _at(_exchanged(beatmap, o, turned), turned, "slider runs from its tail to its head", o.end_time)


def _slider_length(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    factor = 1 + percent / 100
    objects = beatmap.hit_objects
    for o in _in_turn(random, _sliders(beatmap)):
        assert o.slider is not None
        end = o.time + o.duration * factor
        after = objects[o.index + 1].time if o.index + 1 < len(objects) else math.inf
        if end + CLEAR_GAP_MS <= after and o.slider.length * factor >= 20:
            slider = replace(o.slider, length=o.slider.length * factor)
            changed = _exchanged(beatmap, o, replace(o, slider=slider))
            return _at(changed, o, f"slider length times {factor:g}", max(o.end_time, end))
    return None


def _slider_velocity(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in _in_turn(random, [o for o in _sliders(beatmap) if o.index + 1 < len(objects)]):
        assert o.slider is not None
        until = objects[o.index + 1].time
        points = tuple((o.x + (x - o.x) * factor, o.y + (y - o.y) * factor) for x, y in o.slider.control_points)
        velocity = beatmap.velocity_at(o.time)
        if not 0.1 <= velocity * factor <= 10 or not all(map(_inside, points)) or _has_red_line(beatmap, o.time, until):
            continue
        slider = replace(
            o.slider,
            control_points=tuple((float(round(x)), float(round(y))) for x, y in points),
            length=o.slider.length * factor,
        )
        lines = _overridden(beatmap, o.time, until, partial(_faster, factor))
        changed = _exchanged(beatmap, o, replace(o, slider=slider), timing_points=lines)
        return _at(
            changed, o, f"slider velocity {velocity:g}x becomes {velocity * factor:g}x, same duration", o.end_time
        )
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Green lines


def _has_red_line(beatmap: Beatmap, start: float, end: float) -> bool:
    """Whether a red line lies after `start` and before `end`."""
    return any(start + SAME_MS < point.time < end for point in beatmap.red_lines)


def _green(point: TimingPoint, time: float) -> TimingPoint:
    """A green line with the values of `point`."""
    return replace(point, time=time, beat_length=-100.0 / point.velocity, uninherited=False, effects=point.effects & 1)


def _overridden(
    beatmap: Beatmap, start: float, until: float, change: Callable[[TimingPoint], TimingPoint]
) -> list[TimingPoint]:
    """The timing points with `change` in force from `start` to `until` [ms], and the old values after that."""
    points = [
        change(point) if start <= point.time < until and not point.uninherited else point
        for point in beatmap.timing_points
    ]
    if not any(point.time == start and not point.uninherited for point in beatmap.timing_points):
        points.append(change(_green(beatmap.timing_point_at(start), start)))
    if not any(point.time == until for point in beatmap.timing_points):
        points.append(_green(beatmap.timing_point_at(until), until))
    return points


def _faster(factor: float, point: TimingPoint) -> TimingPoint:
    return replace(point, beat_length=-100.0 / (point.velocity * factor))


def _at_volume(percent: int, point: TimingPoint) -> TimingPoint:
    return replace(point, volume=percent)


def _scroll_speed(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One measure at another speed between measures of equal speed."""
    rows = _rows(beatmap)
    for row in _in_turn(random, rows[:-1]):
        red = beatmap.red_line_at(row.time)
        measure = red.beat_length * red.meter
        until = float(round(row.time + measure))
        inside = [o for o in beatmap.hit_objects if row.time <= o.time < until - SAME_MS]
        around = [beatmap.velocity_at(row.time + share * measure) for share in (-1, -0.5, 0, 0.5, 0.99, 1.5, 2)]
        if (
            not _on_downbeat(beatmap, row.time)
            or len(inside) < 2
            or max(around) - min(around) > 0.01
            or not 0.1 <= around[0] * factor <= 10
            or _has_red_line(beatmap, row.time, until)
        ):
            continue
        if until > rows[-1].time:
            continue
        changed = rebuild(beatmap, timing_points=_overridden(beatmap, row.time, until, partial(_faster, factor)))
        return Planted(
            changed,
            row.time,
            until,
            tuple(o.index for o in inside),
            f"scroll speed {around[0]:.2f}x becomes {around[0] * factor:.2f}x for a measure",
        )
    return None


def _with_kiai(is_on: bool, point: TimingPoint) -> TimingPoint:
    return replace(point, effects=point.effects | 1 if is_on else point.effects & ~1)


def _kiai_moved(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Kiai begins or ends some beats early or late; the lines' other values stay."""
    borders = [(first, True) for first, _ in beatmap.kiai_sections] + [
        (after, False) for _, after in beatmap.kiai_sections if after
    ]
    for border, begins in _in_turn(
        random, [(line, begins) for line, begins in borders if _on_downbeat(beatmap, line.time)]
    ):
        by = beats * beatmap.red_line_at(border.time).beat_length * (1 if random.random() < 0.5 else -1)
        start, until = sorted((border.time, float(round(border.time + by))))
        inside = [point for point in beatmap.timing_points if start < point.time < until]
        # A red line has its own kiai bit, so there would be two changes.
        if (
            _has_red_line(beatmap, start - 2 * SAME_MS, until + SAME_MS)
            or start < beatmap.red_lines[0].time
            or any(point.kiai != beatmap.timing_point_at(start).kiai for point in inside)
        ):
            continue
        lines = _overridden(beatmap, start, until, partial(_with_kiai, begins == (by < 0)))
        objects = tuple(o.index for o in beatmap.hit_objects if start - SAME_MS <= o.time <= until + SAME_MS)
        return Planted(
            rebuild(beatmap, timing_points=lines),
            start,
            until,
            objects,
            f"kiai {'begins' if begins else 'ends'} {beats:g} beats {'late' if by > 0 else 'early'}",
        )
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Hitsounds


def _bits(o: HitObject) -> int:
    """Additions at the start of an object."""
    return (o.slider.edge_sounds[0] if o.slider and o.slider.edge_sounds else o.hitsound) & ADDITIONS


def _with_bits(o: HitObject, bits: int) -> HitObject:
    if o.slider and o.slider.edge_sounds:
        return replace(o, slider=replace(o.slider, edge_sounds=(bits, *o.slider.edge_sounds[1:])))
    return replace(o, hitsound=bits)


def _repeated_additions(beatmap: Beatmap) -> list[HitObject]:
    """Objects with the same addition one period before and after; a period is two beats or a measure."""
    rows = _rows(beatmap)
    bits = {round(row.time): _bits(row.only) for row in rows if row.only is not None}

    def at(time: float) -> int | None:
        return next((bits[t] for t in (round(time), round(time) - 1, round(time) + 1) if t in bits), None)

    def is_repeated(o: HitObject) -> bool:
        red = beatmap.red_line_at(o.time)
        return any(
            at(o.time - period) == at(o.time + period) == _bits(o)
            for period in (2 * red.beat_length, red.meter * red.beat_length)
        )

    return [
        row.only
        for row in rows
        if row.only is not None
        and row.only.kind is not ObjectKind.SPINNER
        and _bits(row.only)
        and is_repeated(row.only)
    ]


def _addition_missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = _pick(random, _repeated_additions(beatmap))
    return (
        None
        if o is None
        else _at(_exchanged(beatmap, o, _with_bits(o, 0)), o, f"addition {_bits(o)} of a pattern taken away")
    )


def _addition_wrong(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = _pick(random, _repeated_additions(beatmap))
    if o is None:
        return None
    other = _pick(random, [bits for bits in (WHISTLE, FINISH, CLAP) if bits != _bits(o)])
    assert other is not None
    return _at(_exchanged(beatmap, o, _with_bits(o, other)), o, f"addition {_bits(o)} of a pattern becomes {other}")


def _evenly_sampled(beatmap: Beatmap) -> list[HitObject]:
    """Circles between objects of the same sample set and volume."""
    rows = _rows(beatmap)
    samples = [_effective_sample(beatmap, row.objects[0]) for row in rows]
    return [
        o
        for i in range(2, len(rows) - 2)
        if (o := rows[i].only) is not None and _is_circle(o) and len(set(samples[i - 2 : i + 3])) == 1
    ]


def _sample_set(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = _pick(random, _evenly_sampled(beatmap))
    if o is None:
        return None
    now = _effective_sample(beatmap, o)[0]
    other = _pick(random, [number for number in SAMPLE_SETS.values() if number != now])
    assert other is not None
    sample: HitSample = replace(o.sample, normal_set=other, filename="")
    return _at(_exchanged(beatmap, o, replace(o, sample=sample)), o, f"sample set {now} becomes {other} on one object")


def _volume_dip(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in _in_turn(random, [o for o in _evenly_sampled(beatmap) if not o.sample.volume]):
        volume = _effective_sample(beatmap, o)[1]
        until = next((later.time for later in objects[o.index + 1 :] if later.time > o.time + SAME_MS), None)
        if volume < 30 or until is None or _has_red_line(beatmap, o.time - 2 * SAME_MS, until + SAME_MS):
            continue
        dipped = max(5, round(volume * (1 - percent / 100)))
        lines = _overridden(beatmap, o.time, until, partial(_at_volume, dipped))
        return _at(rebuild(beatmap, timing_points=lines), o, f"volume {volume} becomes {dipped} on one object")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Taiko and mania


def _colour(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = _pick(random, [row.only for row in _rows(beatmap)[1:-1] if row.only is not None and _is_circle(row.only)])
    if o is None:
        return None
    is_kat = bool(o.hitsound & KAT)
    changed = replace(o, hitsound=o.hitsound & ~KAT if is_kat else o.hitsound | CLAP)
    return _at(_exchanged(beatmap, o, changed), o, "kat becomes don" if is_kat else "don becomes kat")


def _column_x(beatmap: Beatmap, column: int) -> float:
    return float(math.floor((column + 0.5) * WIDTH / beatmap.keys))


def _column(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    notes = [o for o in beatmap.hit_objects[1:-1] if o.kind is ObjectKind.CIRCLE]
    for o in _in_turn(random, notes):
        near = [n for n in beatmap.hit_objects if n.time - CLEAR_GAP_MS < o.time < n.end_time + CLEAR_GAP_MS]
        column = _pick(random, sorted(set(range(beatmap.keys)) - {beatmap.column(n) for n in near}))
        if column is not None:
            moved = replace(o, x=_column_x(beatmap, column))
            return _at(_exchanged(beatmap, o, moved), moved, f"note of column {beatmap.column(o)} in column {column}")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# All of them


ALL = frozenset(Mode)
WITH_POSITIONS = frozenset({Mode.OSU, Mode.CATCH})
WITH_SAMPLES = frozenset({Mode.OSU, Mode.CATCH, Mode.MANIA})
WITH_SCROLLING = frozenset({Mode.TAIKO, Mode.MANIA})
_R, _T_, _P, _N, _S, _H, _V = (
    Category.RHYTHM,
    Category.TIMING,
    Category.POSITIONS,
    Category.NEW_COMBOS,
    Category.SLIDERS,
    Category.HITSOUNDS,
    Category.SCROLL_SPEED,
)

FAULTS: tuple[Fault, ...] = (
    *(Fault("unsnapped", f"{ms} ms", _R, ALL, partial(_unsnapped, ms)) for ms in (5, 10, 20, 40)),
    Fault("wrong-tick", "", _R, ALL, _wrong_tick),
    Fault("missing-object", "", _R, ALL, _missing),
    Fault("extra-object", "", _R, ALL, _extra),
    *(Fault("section-shift", f"{ms} ms", _T_, ALL, partial(_section_shift, ms)) for ms in (10, 20, 40)),
    *(
        Fault("map-shift", f"{ms:+d} ms", _T_, ALL, partial(_map_shift, ms))
        for ms in (-40, -30, -20, -10, 10, 20, 30, 40)
    ),
    *(Fault("tempo", f"{percent:g} %", _T_, ALL, partial(_tempo, percent)) for percent in (0.5, 1, 2)),
    *(Fault("moved", f"{pixels} px", _P, WITH_POSITIONS, partial(_moved, pixels)) for pixels in (60, 120, 200)),
    Fault("combo-missing", "", _N, WITH_POSITIONS, _combo_missing),
    Fault("combo-extra", "", _N, WITH_POSITIONS, _combo_extra),
    Fault("combo-misplaced", "", _N, WITH_POSITIONS, _combo_misplaced),
    # The tail moves with the path, so findings about positions count as well.
    *(
        Fault("slider-anchor", f"{pixels} px", _S, WITH_POSITIONS, partial(_anchor_moved, pixels), ("positions/",))
        for pixels in (60, 120)
    ),
    Fault("slider-reversed", "", _S, WITH_POSITIONS, _reversed, ("positions/",)),
    # A slider of the wrong length ends on the wrong tick, or on none.
    *(
        Fault("slider-length", f"{percent:+d} %", _S, WITH_POSITIONS, partial(_slider_length, percent), ("rhythm/",))
        for percent in (-50, -25, 25, 50)
    ),
    *(
        Fault(
            "slider-velocity", f"x{factor:g}", _S, WITH_POSITIONS, partial(_slider_velocity, factor), ("scroll-speed/",)
        )
        for factor in (0.5, 0.75, 1.5, 2)
    ),
    Fault("addition-missing", "", _H, WITH_SAMPLES, _addition_missing),
    Fault("addition-wrong", "", _H, WITH_SAMPLES, _addition_wrong),
    Fault("sample-set", "", _H, WITH_SAMPLES, _sample_set),
    *(Fault("volume-dip", f"{percent} %", _H, ALL, partial(_volume_dip, percent)) for percent in (30, 50, 80)),
    Fault("taiko-colour", "", _H, frozenset({Mode.TAIKO}), _colour),
    Fault("mania-column", "", _P, frozenset({Mode.MANIA}), _column),
    *(
        Fault("scroll-speed", f"x{factor:g}", _V, WITH_SCROLLING, partial(_scroll_speed, factor))
        for factor in (0.5, 0.75, 1.5, 2)
    ),
    *(Fault("kiai-moved", f"{beats} beats", Category.KIAI, ALL, partial(_kiai_moved, beats)) for beats in (1, 2)),
)
"""All faults."""


def select(names: Iterable[str] = ()) -> tuple[Fault, ...]:
    """Faults by kind (`unsnapped`), name (`unsnapped:5 ms`) or category (`rhythm`); all without names.

    Raises:
        ValueError: for an unknown name.
    """
    wanted = list(names)
    for name in wanted:
        if not any(name in (fault.kind, fault.name, fault.category) for fault in FAULTS):
            raise ValueError(
                f"no fault is called {name!r}; there are: {', '.join(sorted({fault.kind for fault in FAULTS}))}"
            )
    return tuple(f for f in FAULTS if not wanted or any(name in (f.kind, f.name, f.category) for name in wanted))

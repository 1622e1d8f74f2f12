"""Write a beatmap as events: the single decisions of the mapper (time, position, type, sound) that a model predicts.

A family of models has its own :class:`EventSchema`; those of the published checkpoints are in
:mod:`maimod.families.mapperatorinator.versions`, and for them the events equal the original's, event by event
(docs/compat.md §4). That is why timing points are looked up in file order, coordinates and slider durations are
truncated and slider ends follow the formulas of the `slider` package: a model trained on such events needs the same at
check time.

Conventions: times in ms from the start of the audio, distances in osu! pixels. Inside this module exact times are whole
microseconds.
Source: https://github.com/OliBomby/Mapperatorinator and https://github.com/llllllllll/slider (behaviour only).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

from maimod.errors import BeatmapError
from maimod.events.legacy_sliders import curve_kind, integer_points, path_ends
from maimod.events.schema import CENTRE, MAX_DISTANCE, Event, EventKind, EventSchema, hitsound_value, position_values
from maimod.osu.beatmap import (
    MAX_TIME_MS,
    PLAYFIELD_MODES,
    Beatmap,
    HitObject,
    HitSample,
    Mode,
    ObjectKind,
    SliderPath,
    TimingPoint,
)
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS

_T = TypeVar("_T")

MAX_EVENTS = 1_000_000
"""Most events of one context. A marathon of 15,000 objects has about 150,000; "aspire" maps with beats of 1e-9 ms or
sliders that last for days would otherwise fill the memory."""
MAX_CONTROL_POINTS = 99
"""Sliders with more, head included, are left out: their path alone would fill a window."""
SNAP_TOLERANCE_MS = 2.0
"""Of the original, which need not follow :data:`maimod.osu.beatmap.UNSNAP_MS` (docs/compat.md §4.2)."""
SPEED_TOLERANCE = 0.001
"""Scroll speeds closer than this are the same."""
SUSTAIN_MS = 8000
"""A long object is repeated at this interval, so that every window inside it contains an event of it."""
SUSTAIN_MARGIN_MS = 10
"""It is not repeated this close to its end."""
BODY_DELAY_MS = 1
"""The body of a slider sounds as at this time after its head."""
BEATS_MARGIN_MS = 10
"""Beats end this long before the next red line."""
BEATS_AFTER_EMPTY_MS = 10
"""Where they end after the last red line of a map that has neither objects nor a song."""
SOFT = 2
"""Sample set of a hit whose timing point states none; in the game that is the normal one."""


def from_beatmap(beatmap: Beatmap, schema: EventSchema, song_length_ms: float | None = None) -> dict[str, list[Event]]:
    """List the events of a beatmap.

    Args:
        beatmap: of any mode.
        schema: of the model that will read them.
        song_length_ms: where beats end in a map without objects.

    Returns:
        Main context name to events in the order the model reads them, contexts in the order of the schema. Times rise
        within a context unless the file's own timing points are out of order.

    Raises:
        BeatmapError: if there would be more than :data:`MAX_EVENTS` in a context.
    """
    writer = _Writer(beatmap, schema, song_length_ms)
    contexts: dict[str, list[Event]] = {}
    first = 0
    for names in schema.contexts:
        groups = list(_CONTEXTS[names[-1]](writer))
        for name in reversed(names[:-1]):
            groups = _merge(list(_CONTEXTS[name](writer)), groups)
        contexts[names[-1]] = [
            Event(kind, value, group.time, number, group.source, part)
            for number, group in enumerate(groups, start=first)
            for kind, value, part in group.parts
        ]
        first += len(groups)
    return contexts


def scroll_speed_ratio(beatmap: Beatmap, schema: EventSchema) -> float:
    """Changes of the scroll speed per time with objects, a class token of taiko and mania (docs/compat.md §7)."""
    writer, previous, changes = _Writer(beatmap, schema, None), 1.0, 0
    for _, _, speed in writer.speed_changes(normalised=beatmap.mode is Mode.MANIA):
        changes += abs(speed - previous) > SPEED_TOLERANCE
        previous = speed
    times = [hit_object.time for hit_object in beatmap.hit_objects]
    moments = sum(time != before for before, time in zip([None, *times], times, strict=False))
    return changes / moments if moments else 0.0


_Parts = list[tuple[EventKind, int, int]]
"""(kind, value, part) of a group's events."""


class _Group(NamedTuple):
    time: int
    source: HitObject | TimingPoint
    parts: _Parts


def _merge(first: Sequence[_Group], second: Sequence[_Group]) -> list[_Group]:
    """Merge by time; at equal times `first` goes first. Unsorted lists are not sorted."""
    merged: list[_Group] = []
    place = 0
    for group in second:
        while place < len(first) and first[place].time <= group.time:
            merged.append(first[place])
            place += 1
        merged.append(group)
    return merged + list(first[place:])


def _microseconds(ms: float) -> int:
    whole = int(ms)
    return whole * 1000 + round((ms - whole) * 1000)


def _milliseconds(time: int) -> int:
    """Whole ms of microseconds. The original adds 1e-5 ms and truncates toward zero: whole ms below 0 come out 1 later."""
    return time // 1000 if time >= 0 else -((-time - 1) // 1000)


def _clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value


def _snap(elapsed: int, beat_length: float) -> int:
    """Find the coarsest beat snap divisor, 1 to 16, with a tick less than 2 ms away; 0 if there is none.

    Args:
        elapsed: microseconds since the red line.
        beat_length: in ms.
    """
    beats = elapsed / 1_000_000 * 1000 / beat_length if beat_length else math.nan
    if not math.isfinite(beats * 16):
        return 0
    for divisor in range(1, 17):
        if abs(beats - round(beats * divisor) / divisor) * beat_length < SNAP_TOLERANCE_MS:
            return divisor
    return 0


class _Timeline:
    """Timing points, looked up as the original does: the last in file order that is not later."""

    def __init__(self, beatmap: Beatmap, schema: EventSchema) -> None:
        self.corrected = schema.corrected
        self.points = beatmap.sorted_timing_points if self.corrected else beatmap.timing_points
        self.times = [_microseconds(point.time) for point in self.points]
        self.parents: list[int | None] = []
        red = None
        for index, point in enumerate(self.points):
            if point.uninherited:
                red = index
            self.parents.append(None if point.uninherited else red)
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        self._sorted_times = [self.times[index] for index in order]
        self._latest = list(accumulate(order, max))

    def index_at(self, time: int) -> int:
        place = bisect_right(self._sorted_times, time)
        return self._latest[place - 1] if place else 0

    def at(self, time: int) -> TimingPoint:
        return self.points[self.index_at(time)]

    def red_index(self, index: int) -> int:
        parent = self.parents[index]
        return index if parent is None else parent

    def snap(self, time: int) -> int:
        red = self.red_index(self.index_at(time))
        return _snap(time - self.times[red], self.points[red].beat_length)

    def velocity(self, time: int) -> float:
        """Slider velocity or scroll speed, not yet clipped to the range of tokens."""
        index = self.index_at(time)
        beat_length = self.points[index].beat_length
        # False for NaN too, which the game takes for "no slider ticks".
        return -100 / beat_length if self.parents[index] is not None and beat_length < 0 else 1.0

    def inherited_velocity(self, index: int) -> float:
        """Velocity of a green line, not clipped; below 0 in invalid files, unless the schema corrects that."""
        beat_length = self.points[index].beat_length
        if beat_length == 0 or math.isnan(beat_length) or (self.corrected and beat_length > 0):
            return 1.0
        return -100 / beat_length

    def slider_end(self, time: int, slider: SliderPath, multiplier: float) -> int:
        index = self.index_at(time)
        velocity = 1.0
        if self.parents[index] is not None:
            velocity = _clip(self.inherited_velocity(index), 0.1, 10)
        beats = slider.length * slider.slides / (multiplier * 100 * velocity)
        duration = beats * self.points[self.red_index(index)].beat_length
        # Negative or NaN where the file begins with a green line, which then counts as a red one.
        return time + int(min(duration, MAX_TIME_MS)) * 1000 if duration > 0 else time


class _Writer:
    """Writes the groups of every context of one beatmap."""

    def __init__(self, beatmap: Beatmap, schema: EventSchema, song_length_ms: float | None) -> None:
        self.beatmap, self.schema, self.mode = beatmap, schema, beatmap.mode
        self.song_length_ms = song_length_ms
        self.timeline = _Timeline(beatmap, schema)
        self.on_playfield = self.mode in PLAYFIELD_MODES
        self.last_position = CENTRE
        self.budget: float = MAX_EVENTS
        self.path_ends: dict[int, tuple[float, float]] = {}

    def spend(self, count: float) -> None:
        """Count the most events that the groups to be written can have, so that maps with too many are refused at once."""
        self.budget -= count
        if self.budget < 0:
            raise BeatmapError(
                self.beatmap.path,
                None,
                f"more than {MAX_EVENTS:,} events; beats or sliders of such timing points cannot be judged by a model",
            )

    def group(
        self,
        kind: EventKind,
        time: int,
        source: HitObject | TimingPoint,
        details: _Parts,
        *,
        value: int = 0,
        part: int = 0,
        timed: bool = True,
        snapped: bool = True,
    ) -> _Group:
        """A group with its events in the order of the schema.

        Args:
            kind: its type.
            time: of the group, microseconds.
            source: the line of the file.
            details: events between time and type.
            value: of the event of the type.
            part: of the events of time and type.
            timed: whether it has a time of its own.
            snapped: whether a snap follows upon the time.
        """
        at = _milliseconds(time)
        parts: _Parts = [(kind, value, part)] if self.schema.type_first else []
        if timed:
            parts.append((EventKind.TIME, at, part))
        if timed and snapped:
            parts.append((EventKind.SNAP, self.timeline.snap(time), part))
        parts += details
        if not self.schema.type_first:
            parts.append((kind, value, part))
        return _Group(at, source, parts)

    # Objects

    def objects(self) -> list[_Group]:
        """Groups of all hit objects, by time."""
        self.budget, self.last_position = MAX_EVENTS, CENTRE
        if self.mode is not Mode.TAIKO:
            self.path_ends = path_ends(
                {
                    hit_object.index: hit_object.slider
                    for hit_object in self.beatmap.hit_objects
                    if hit_object.slider and len(hit_object.slider.control_points) <= MAX_CONTROL_POINTS
                }
            )
        groups = [group for hit_object in self.beatmap.hit_objects for group in self.hit_object(hit_object)]
        groups.sort(key=lambda group: group.time)
        return groups

    def hit_object(self, hit_object: HitObject) -> Iterable[_Group]:
        if hit_object.kind is ObjectKind.CIRCLE:
            return self.circle(hit_object)
        if hit_object.kind is ObjectKind.SLIDER:
            return self.drumroll(hit_object) if self.mode is Mode.TAIKO else self.slider(hit_object)
        if self.mode is Mode.TAIKO:
            return self.denden(hit_object)
        if hit_object.kind is ObjectKind.HOLD and self.mode is Mode.MANIA:
            return self.hold_note(hit_object)
        return self.spinner(hit_object)  # hold notes of other modes too, as the game plays them

    def circle(self, circle: HitObject) -> Iterator[_Group]:
        time = _microseconds(circle.time)
        self.spend(10)
        details = self.position(int(circle.x), int(circle.y)) + self.new_combo(circle)
        if self.mode is Mode.TAIKO:
            details += self.scroll_speed(time)
        yield self.group(EventKind.CIRCLE, time, circle, details + self.own_sound(circle, time))

    def spinner(self, spinner: HitObject) -> Iterator[_Group]:
        start, end = _microseconds(spinner.time), _microseconds(spinner.end_time)
        yield self.group(EventKind.SPINNER, start, spinner, [])
        yield from self.sustain(EventKind.SPINNER_SUSTAIN, start, end, spinner)
        self.spend(8)
        yield self.group(EventKind.SPINNER_END, end, spinner, self.own_sound(spinner, end))
        self.last_position = CENTRE

    def drumroll(self, drumroll: HitObject) -> Iterator[_Group]:
        assert drumroll.slider is not None
        start = _microseconds(drumroll.time)
        end = self.timeline.slider_end(start, drumroll.slider, self.beatmap.difficulty.slider_multiplier)
        yield from self.roll(
            drumroll, start, end, EventKind.DRUMROLL, EventKind.DRUMROLL_SUSTAIN, EventKind.DRUMROLL_END
        )

    def denden(self, denden: HitObject) -> Iterator[_Group]:
        start, end = _microseconds(denden.time), _microseconds(denden.end_time)
        yield from self.roll(denden, start, end, EventKind.DENDEN, EventKind.DENDEN_SUSTAIN, EventKind.DENDEN_END)

    def roll(
        self, source: HitObject, start: int, end: int, head: EventKind, sustain: EventKind, tail: EventKind
    ) -> Iterator[_Group]:
        self.spend(9)
        yield self.group(head, start, source, self.scroll_speed(start) + self.own_sound(source, start))
        yield from self.sustain(sustain, start, end, source)
        yield self.group(tail, end, source, [])

    def hold_note(self, hold: HitObject) -> Iterator[_Group]:
        start, end = _microseconds(hold.time), _microseconds(hold.end_time)
        column = self.position(int(hold.x), int(hold.y))
        self.spend(10)
        yield self.group(EventKind.HOLD_NOTE, start, hold, column + self.own_sound(hold, start))
        yield from self.sustain(EventKind.HOLD_NOTE_SUSTAIN, start, end, hold, column)
        yield self.group(EventKind.HOLD_NOTE_END, end, hold, column)

    def slider(self, head: HitObject) -> Iterator[_Group]:
        slider = head.slider
        assert slider is not None
        if head.index not in self.path_ends:
            return
        start = _microseconds(head.time)
        end = self.timeline.slider_end(start, slider, self.beatmap.difficulty.slider_multiplier)
        span = round((end - start) / slider.slides)
        last = len(slider.control_points) - 1
        self.spend(24 + 5 * last + 2 * slider.slides)

        details = self.position(int(head.x), int(head.y)) + self.new_combo(head)
        if self.schema.velocities:
            details += self.scroll_speed(start)
        yield self.group(EventKind.SLIDER_HEAD, start, head, details + self.edge_sound(head, 0, start))
        for index, kind in _anchors(slider):
            time = start + round(index / last * span) if self.schema.slider_version == 1 else start
            yield self.group(kind, time, head, self.anchor_position(slider, index), part=index, timed=False)

        place = self.anchor_position(slider, last)
        sounds = self.sounds(start + BODY_DELAY_MS * 1000, head.hitsound, head.sample, 0)
        for edge in range(1, slider.slides):
            sounds += self.edge_sound(head, edge, start + edge * span)
        if self.schema.slider_version == 1:
            yield self.group(EventKind.LAST_ANCHOR, start + span, head, place + sounds, part=last)
        else:
            yield self.group(EventKind.LAST_ANCHOR, start, head, place, part=last, timed=False)
            yield from self.sustain(EventKind.SLIDER_SUSTAIN, start, start + span, head)
            yield self.group(EventKind.LAST_ANCHOR, start + span, head, sounds, part=last)
            yield from self.sustain(EventKind.SLIDER_REPEAT_SUSTAIN, start + span, end, head)
        # The end of the path, although a slider with an odd number of repeats ends at its head.
        place = self.position(*self.path_ends[head.index])
        yield self.group(EventKind.SLIDER_END, end, head, place + self.edge_sound(head, slider.slides, end))

    def sustain(
        self, kind: EventKind, start: int, end: int, source: HitObject, details: _Parts | None = None
    ) -> Iterator[_Group]:
        """Repeat a long object between two times in microseconds."""
        if not self.schema.sustains:
            return
        step = SUSTAIN_MS * 1000
        times = range(start + step, end - SUSTAIN_MARGIN_MS * 1000, step)
        self.spend(3 * len(times))
        for number, time in enumerate(times, start=1):
            yield self.group(kind, time, source, details or [], part=number, snapped=False)

    # Parts of a group: kind, value and part of each event. Positions are those of the cursor, which they move.

    def anchor_position(self, slider: SliderPath, index: int) -> _Parts:
        x, y = slider.control_points[index]
        return self.position(int(x), int(y), index)

    def position(self, x: float, y: float, part: int = 0) -> _Parts:
        if self.mode is Mode.MANIA:
            # The published models were trained with the whole part of the key size, which the game rounds (docs/compat.md §4.3).
            keys = max(1, int(self.beatmap.difficulty.circle_size))
            return [(EventKind.COLUMN, int(_clip(x / 512 * keys, 0, keys - 1)), part)]
        if not self.on_playfield:
            return []
        parts: _Parts = []
        if self.schema.distances:
            dx, dy = x - self.last_position[0], y - self.last_position[1]
            parts.append((EventKind.DISTANCE, int(min(math.sqrt(dx * dx + dy * dy), MAX_DISTANCE)), part))
            self.last_position = x, y
        return parts + [(kind, value, part) for kind, value in position_values(x, y, self.schema)]

    def new_combo(self, hit_object: HitObject) -> _Parts:
        return [(EventKind.NEW_COMBO, 0, 0)] if self.on_playfield and hit_object.new_combo else []

    def scroll_speed(self, time: int) -> _Parts:
        return [(EventKind.SCROLL_SPEED, _speed_value(self.timeline.velocity(time)), 0)]

    def own_sound(self, hit_object: HitObject, time: int) -> _Parts:
        return self.sounds(time, hit_object.hitsound, hit_object.sample, 0)

    def edge_sound(self, head: HitObject, edge: int, time: int) -> _Parts:
        """Sounds of a slider's head (edge 0), repeats and tail (the last)."""
        slider = head.slider
        assert slider is not None
        # The tail takes the last entry of a list of any length.
        place = -1 if edge == slider.slides else edge
        hitsound = _entry(slider.edge_sounds, place, head.hitsound if self.schema.corrected else 0)
        return self.sounds(time, hitsound, HitSample(*_entry(slider.edge_sets, place, (0, 0))), edge)

    def sounds(self, time: int, hitsound: int, sample: HitSample, part: int) -> _Parts:
        point = self.timeline.at(time + HITSOUND_LENIENCY_MS * 1000)
        sample_set = sample.normal_set or point.sample_set or SOFT
        addition_set = sample.addition_set or sample_set
        if not 1 <= sample_set <= 3:
            sample_set = 1
        if not 1 <= addition_set <= 3:
            addition_set = 1
        volume = min(max(sample.volume or point.volume, 0), 100)
        value = hitsound_value(hitsound, sample_set, addition_set)
        return [(EventKind.HITSOUND, value, part), (EventKind.VOLUME, volume, part)]

    # Timing points

    def timing(self) -> list[_Group]:
        """A group for every beat from the first timing point to the last object."""
        self.budget = MAX_EVENTS
        used = [
            (time, point)
            for time, point in zip(self.timeline.times, self.timeline.points, strict=True)
            if point.beat_length > 0 and 60_000 / point.beat_length > 0.5
        ]  # green lines above 0 too, as the original
        groups: list[_Group] = []
        for index, (offset, point) in enumerate(used):
            is_last = index + 1 == len(used)
            last = self.end_of_beats(offset) if is_last else used[index + 1][0] - BEATS_MARGIN_MS * 1000
            self.spend(2 * max(0.0, (last - offset) / 1000 / point.beat_length + 1))
            beat, time = 0, offset
            while time <= last:
                kind = EventKind.BEAT
                if beat % point.meter == 0:
                    kind = EventKind.MEASURE
                if beat == 0 and self.schema.timing_point_events:
                    kind = EventKind.TIMING_POINT
                groups.append(self.group(kind, time, point, [], part=beat, snapped=False))
                beat += 1
                time = int(offset / 1000 + beat * point.beat_length) * 1000
        return groups

    def end_of_beats(self, offset: int) -> int:
        """Microseconds up to which the beats of the last red line, at `offset` microseconds, are written."""
        if not self.beatmap.hit_objects:
            return (
                offset + BEATS_AFTER_EMPTY_MS * 1000
                if self.song_length_ms is None
                else _microseconds(self.song_length_ms)
            )
        last = self.beatmap.hit_objects[-1]
        end = _microseconds(last.end_time)
        if last.slider:
            end = self.timeline.slider_end(
                _microseconds(last.time), last.slider, self.beatmap.difficulty.slider_multiplier
            )
        return end + 999  # docs/compat.md §4.7

    def kiai(self) -> Iterator[_Group]:
        """A group wherever kiai time begins or ends."""
        self.budget = MAX_EVENTS
        state, times = False, self.timeline.times
        self.spend(3 * len(times))
        for index, (time, point) in enumerate(zip(times, self.timeline.points, strict=True)):
            kiai = point.effects != 0
            if self.schema.corrected:
                kiai = point.kiai
                if times[index + 1 : index + 2] == [time]:  # a red line and the green line on it are one change
                    continue
            if kiai != state:
                yield self.group(EventKind.KIAI, time, point, [], value=int(kiai))
                state = kiai

    def mania_speeds(self) -> Iterator[_Group]:
        yield from self.speeds() if self.mode is Mode.MANIA else ()

    def speeds(self) -> Iterator[_Group]:
        """A group wherever the scroll speed changes; tempo changes count, as scroll speed follows them."""
        self.budget, previous = MAX_EVENTS, math.nan
        self.spend(4 * len(self.timeline.times))
        for time, point, speed in self.speed_changes(normalised=True):
            if not abs(speed - previous) <= SPEED_TOLERANCE:  # true for the first
                yield self.group(
                    EventKind.SCROLL_SPEED_CHANGE, time, point, [(EventKind.SCROLL_SPEED, _speed_value(speed), 0)]
                )
            previous = speed

    def speed_changes(self, normalised: bool) -> Iterator[tuple[int, TimingPoint, float]]:
        """(time, point, scroll speed) of the last point of each time; normalised, tempo changes count as changes of
        speed."""
        timeline = self.timeline
        median = self.median_beat_length()
        beat_length, velocity = median, 1.0
        for index, (time, point) in enumerate(zip(timeline.times, timeline.points, strict=True)):
            if timeline.parents[index] is None:
                beat_length, velocity = point.beat_length, 1.0
            else:
                velocity = timeline.inherited_velocity(index)
            if index + 1 >= len(timeline.times) or timeline.times[index + 1] > time:
                yield time, point, velocity * median / beat_length if normalised and beat_length else velocity

    def median_beat_length(self) -> float:
        """The beat length in force for the longest time, as osu! stable counts it; 0 if there is none."""

        def clock(time: int) -> int:
            # The original reads the seconds of a time of day: cut to whole seconds, 23:59:59 just before 0.
            return max(time, 0) if self.schema.corrected else time // 1_000_000 % 86_400

        ends = (hold.end_time if hold.kind is ObjectKind.HOLD else hold.time for hold in self.beatmap.hit_objects)
        last = clock(_microseconds(max(ends, default=0.0)))
        totals: dict[float, int] = defaultdict(int)
        for index in range(len(self.timeline.points) - 1, -1, -1):
            time = clock(self.timeline.times[index])
            if time > last or self.timeline.parents[index] is not None:
                continue
            totals[self.timeline.points[index].beat_length] += last - (time if index else 0)
            last = time
        longest = max(totals.values(), default=0)
        return next((beat_length for beat_length, total in totals.items() if total == longest > 0), 0.0)


_CONTEXTS: dict[str, Callable[[_Writer], Iterable[_Group]]] = {
    "timing": _Writer.timing,
    "kiai": _Writer.kiai,
    "sv": _Writer.speeds,
    "mania_sv": _Writer.mania_speeds,
    "map": _Writer.objects,
}


def _speed_value(speed: float) -> int:
    return 100 if math.isnan(speed) else round(_clip(speed, 0.01, 10) * 100)


def _entry(entries: Sequence[_T], place: int, default: _T) -> _T:
    return entries[place] if -1 <= place < len(entries) and entries else default


def _anchors(slider: SliderPath) -> Iterator[tuple[int, EventKind]]:
    """(index of the control point, kind) of the anchors between head and last anchor."""
    curve, points = curve_kind(slider), integer_points(slider)
    single = {"L": EventKind.RED_ANCHOR, "C": EventKind.CATMULL_ANCHOR, "P": EventKind.PERFECT_ANCHOR}.get(curve)
    for index in range(1, len(points) - 1):
        if single:
            yield index, single
        elif points[index] == points[index + 1]:
            yield index, EventKind.RED_ANCHOR
        elif points[index] != points[index - 1]:
            yield index, EventKind.BEZIER_ANCHOR

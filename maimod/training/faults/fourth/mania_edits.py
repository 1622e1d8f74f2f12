"""Planted mistakes of a mania editor: selections reversed, mirrored on themselves, dragged or snapped again, the key beside the
right one, samples of notes, and speeds that were tried out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_MANIA, Beatmap, HitObject, ObjectKind, TimingPoint
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    best_in_turn,
    crosses_point,
    exchanged,
    faster,
    has_copy,
    has_red_line,
    in_turn,
    is_circle,
    is_on_tick,
    mistake_at,
    moved_in_time,
    over,
    overridden,
    rebuild,
    rows_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.classic.timing import anchors
from maimod.training.faults.columns import are_free, columns_of, moved_to, of_lines, on_tick
from maimod.training.faults.further.more_modes import LEAST_NOTES
from maimod.training.faults.passages import is_closed, ticks_of

LEAST_CHANGED = 3
LEAST_RESNAPPED = 2
LEAST_RESNAP_MS = 15.0
LEAST_JACKS = 2
"""More jacks than before, by which notes in the wrong column are seen."""
LEAST_VOLUME = 30
"""Percent; lower volumes of a note are not lowered further."""
TEMPOS = (60.0, 400.0)
"""BPM; a mapper types no other one for a section."""
STUTTER = (1.5, 0.5)
"""Velocity of the first and the second half of each beat, as a multiple of that before; their mean is 1."""
COPY_MEASURES = (1, 2)


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was reversed in time, by the key beside that which mirrors its columns."""
    for start, end in best_in_turn(random, stretches(beatmap, 1, LEAST_NOTES), lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, start, end)
        both = inside[0].time + max(o.end_time for o in inside)
        new = {
            o.index: replace(
                o, time=on_tick(beatmap, both - o.end_time, start), end_time=on_tick(beatmap, both - o.time, start)
            )
            for o in inside
        }
        if not is_closed(beatmap, start, end) or any(crosses_point(beatmap, o.time, new[o.index].time) for o in inside):
            continue
        changed = with_objects(beatmap, new)
        if len(ticks_of(beatmap, start, end) ^ ticks_of(changed, start, end)) >= LEAST_CHANGED:
            return over(changed, start, end, f"{len(inside)} notes of a measure reversed in time")
    return None


def _column_dragged(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of one column of a measure were dragged together by some beats; the other columns stay."""
    sign = 1 if random.random() < 0.5 else -1
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        inside = starting_in(beatmap, start, end)
        by = beats * beatmap.red_line_of(start).beat_length
        if abs(by) < CLEAR_GAP_MS:
            continue
        for column in in_turn(random, range(beatmap.keys)):
            notes = [o for o in inside if beatmap.column(o) == column]
            if not LEAST_CHANGED <= len(notes) <= len(inside) - LEAST_CHANGED:
                continue
            for move in (sign * by, -sign * by):
                moved = [
                    replace(o, time=float(round(o.time + move)), end_time=float(round(o.end_time + move)))
                    for o in notes
                ]
                if not are_free(beatmap, moved) or any(
                    crosses_point(beatmap, o.time, to.time) for o, to in zip(notes, moved, strict=True)
                ):
                    continue
                changed = with_objects(beatmap, {o.index: o for o in moved})
                note = f"{len(notes)} notes of column {column} {move:+.0f} ms off the others"
                return of_lines(changed, moved, [*notes, *moved], note)
    return None


def _accent_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A note of a chord was placed in the row after it, so that the larger chord comes one row late, while a measure before or
    after has the larger chord first."""
    rows = rows_of(beatmap)
    sizes = {round(row.time): len(row.objects) for row in rows}

    def size(time: float) -> int:
        return next((sizes[ms] for ms in (round(time), round(time) - 1, round(time) + 1) if ms in sizes), 0)

    def is_patterned(a: Row, b: Row) -> bool:
        red = beatmap.red_line_of(a.time)
        steps = [sign * count * red.beat_length * red.meter for count in COPY_MEASURES for sign in (-1, 1)]
        pair = len(a.objects), len(b.objects)
        return any((size(a.time + by), size(b.time + by)) == pair for by in steps)

    pairs = [
        (a, b)
        for a, b in pairwise(rows[1:-1])
        if len(a.objects) == len(b.objects) + 1
        and b.time - a.time <= beatmap.red_line_of(a.time).beat_length / 2 + SAME_MS
        and all(is_circle(o) for o in (*a.objects, *b.objects))
        and not crosses_point(beatmap, a.time, b.time)
        and is_patterned(a, b)
    ]
    for a, b in in_turn(random, pairs):
        # Where another note of the chord has the sound, only the chord is wrong.
        for o in best_in_turn(random, a.objects, lambda o: not (o.hitsound or o.sample.filename)):
            late = moved_in_time(o, b.time - a.time)
            if are_free(beatmap, [late]):
                note = f"note of a chord of {len(a.objects)} in the row after it"
                return of_lines(exchanged(beatmap, o, late), [*a.objects, late], [o, late], note)
    return None


def _mirrored_on_itself(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two beats were copied, pasted at the same time and mirrored: the copies lie beside their originals."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        length = 2 * beatmap.red_line_of(start).beat_length
        parts = [(time, time + length) for time in (start, start + length) if time + length <= end + SAME_MS]
        for part in in_turn(random, parts):
            inside = starting_in(beatmap, *part)
            copies = [
                replace(
                    moved_to(beatmap, o, beatmap.keys - 1 - beatmap.column(o)),
                    index=-1 - o.index,
                    new_combo=False,
                    combo_skip=0,
                )
                for o in inside
            ]
            if len({round(o.time) for o in inside}) >= LEAST_CHANGED and are_free(beatmap, copies):
                changed = rebuild(beatmap, hit_objects=[*beatmap.hit_objects, *copies])
                note = f"mirrored copies of {len(copies)} notes beside them"
                return of_lines(changed, copies, copies, note)
    return None


def _inverted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of a measure were made hold notes by a tool, each until a quarter beat before the next note of its column, where
    no hold note is near."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        length = end - start
        if any(o.kind is ObjectKind.HOLD for o in starting_in(beatmap, start - length, end + length)):
            continue
        quarter = beatmap.red_line_of(start).beat_length / 4
        after: dict[int, HitObject] = {}
        new: list[HitObject] = []
        for o in reversed(starting_in(beatmap, start, end)):
            following = after.get(beatmap.column(o))
            after[beatmap.column(o)] = o
            if following is not None and following.time - o.time >= 2 * quarter - SAME_MS:
                new.append(replace(o, kind=ObjectKind.HOLD, end_time=float(round(following.time - quarter))))
        if len(new) >= LEAST_CHANGED:
            changed = with_objects(beatmap, {o.index: o for o in new})
            return of_lines(changed, new, new, f"{len(new)} notes of a measure held until the next of their column")
    return None


def _resnapped(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of a measure that are on finer ticks were snapped to the closest quarter of a beat."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        inside = starting_in(beatmap, start, end)
        red = beatmap.red_line_of(start)
        quarter = red.beat_length / 4

        def closest(time: float, red: TimingPoint = red, quarter: float = quarter) -> float:
            return float(round(red.time + round((time - red.time) / quarter) * quarter))

        fine = [o for o in inside if is_circle(o) and not is_on_tick(beatmap, o.time, 4)]
        moved = [replace(o, time=closest(o.time), end_time=closest(o.time)) for o in fine]
        if (
            len({round(o.time) for o in fine}) >= LEAST_RESNAPPED
            and all(abs(to.time - o.time) >= LEAST_RESNAP_MS for o, to in zip(fine, moved, strict=True))
            and all(to.time < end - SAME_MS for to in moved)
            and are_free(beatmap, moved)
            and not any(crosses_point(beatmap, o.time, to.time) for o, to in zip(fine, moved, strict=True))
        ):
            changed = with_objects(beatmap, {o.index: o for o in moved})
            return of_lines(changed, moved, [*fine, *moved], f"{len(moved)} notes snapped to quarters of a beat")
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def _wrong_key(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of one column of a measure are in the one beside it, as played in with the wrong key: jacks that were none."""

    def jacks(of_map: Beatmap, start: float, end: float) -> int:
        rows = rows_of(replace(of_map, hit_objects=tuple(starting_in(of_map, start, end))))
        return sum(bool(columns_of(of_map, a) & columns_of(of_map, b)) for a, b in pairwise(rows))

    sign = 1 if random.random() < 0.5 else -1
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        inside, length = starting_in(beatmap, start, end), end - start
        around = starting_in(beatmap, start - length, start), starting_in(beatmap, end, end + length)
        for column in in_turn(random, range(beatmap.keys)):
            notes = [o for o in inside if beatmap.column(o) == column]
            if len(notes) < LEAST_CHANGED or not all(column in map(beatmap.column, some) for some in around):
                continue
            for other in (column + sign, column - sign):
                moved = [moved_to(beatmap, o, other) for o in notes]
                if not 0 <= other < beatmap.keys or not are_free(beatmap, moved):
                    continue
                changed = with_objects(beatmap, {o.index: o for o in moved})
                if jacks(changed, start, end) >= jacks(beatmap, start, end) + LEAST_JACKS:
                    note = f"{len(notes)} notes of column {column} in column {other}"
                    return of_lines(changed, moved, moved, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Samples of notes


def _keyed(objects: Sequence[HitObject]) -> list[HitObject]:
    """Those with a sample file of their own."""
    return [o for o in objects if o.sample.filename]


def _played(beatmap: Beatmap, start: float, end: float) -> Mapping[int, Counter[str]]:
    """By 1/48 beats after `start`: the sample files of the notes of a stretch [ms]."""
    tick = beatmap.red_line_of(start).beat_length / TICKS_PER_BEAT
    found: dict[int, Counter[str]] = {}
    for o in _keyed(starting_in(beatmap, start, end)):
        found.setdefault(round((o.time - start) / tick), Counter())[o.sample.filename] += 1
    return found


def _samples_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Samples were given to the notes of a measure in their order, the first of them twice: each later note has that of the note
    before it."""

    def is_repeated(place: tuple[float, float]) -> bool:
        start, end = place
        own, length = _played(beatmap, start, end), end - start
        return any(_played(beatmap, start + by * length, end + by * length) == own for by in (-4, -2, -1, 1, 2, 4))

    for start, end in best_in_turn(random, stretches(beatmap, 1, 2), is_repeated):
        keyed = sorted(_keyed(starting_in(beatmap, start, end)), key=lambda o: (o.time, beatmap.column(o)))
        new = {
            o.index: replace(o, sample=replace(o.sample, filename=before.sample.filename, volume=before.sample.volume))
            for before, o in pairwise(keyed)
        }
        changed = with_objects(beatmap, new)
        before, after = _played(beatmap, start, end), _played(changed, start, end)
        if sum(before[tick] != after[tick] for tick in before) >= LEAST_CHANGED:
            return of_lines(changed, keyed, keyed, f"samples of {len(keyed)} notes of a measure one note late")
    return None


def _own_volume(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The volume of one note's own sample lost its last digit, between notes that are about as loud as it was."""
    rows = rows_of(beatmap)

    def is_place(i: int) -> bool:
        o = rows[i].only
        around = [n.sample.volume for row in rows[i - 2 : i + 3] for n in row.objects]
        return o is not None and o.sample.volume >= LEAST_VOLUME and 2 * min(around) >= o.sample.volume

    for i in in_turn(random, [i for i in range(2, len(rows) - 2) if is_place(i)]):
        o = rows[i].objects[0]
        quiet = replace(o, sample=replace(o.sample, volume=o.sample.volume // 10))
        note = f"own volume {o.sample.volume} of a note typed as {quiet.sample.volume}"
        return mistake_at(exchanged(beatmap, o, quiet), quiet, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Scroll speed


def _stutter_left(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure has lines that alternate between fast and slow on each half beat: an effect that was tried out and not taken
    back, where the speed is even."""
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        red = beatmap.red_line_of(start)
        half = red.beat_length / 2
        # Objects have whole ms, and a line comes no later than its objects.
        times = [float(math.floor(start + k * half)) for k in range(2 * red.meter + 1)]
        if (
            half < 2 * CLEAR_GAP_MS
            or has_red_line(beatmap, start - 2 * SAME_MS, end + SAME_MS)
            or any(start + SAME_MS < point.time < end - SAME_MS for point in beatmap.timing_points)
            or not 0.2 <= beatmap.velocity_at(start) <= 5
            or abs(beatmap.velocity_at(start - SAME_MS) - beatmap.velocity_at(start)) > 0.01
            or abs(beatmap.velocity_at(end + SAME_MS) - beatmap.velocity_at(start)) > 0.01
        ):
            continue
        changed = beatmap
        for k, (time, until) in enumerate(pairwise(times)):
            lines = overridden(changed, time, until, partial(faster, STUTTER[k % 2]))
            changed = rebuild(changed, timing_points=lines)
        shown = [changed.velocity_at(row.time) for row in rows_of(beatmap) if start - 1 <= row.time < end - SAME_MS]
        if sum(a != b for a, b in pairwise(shown)) >= LEAST_CHANGED:
            return over(changed, times[0], times[-1], f"{STUTTER[0]}x and {STUTTER[1]}x on half beats of a measure")
    return None


def _tempo_of_section(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Four measures got red lines of twice or half the tempo, for their grid, without green lines against it: notes scroll that
    much faster or slower."""
    for place, until in in_turn(random, stretches(beatmap, 4)):
        red = beatmap.red_line_of(place)
        bpm = 60_000 / red.beat_length
        start, end = (
            red.time + round((time - red.time) / red.beat_length) * red.beat_length for time in (place, until)
        )
        opening, closing = anchors(beatmap, start, start), anchors(beatmap, end, end)
        if not opening or not closing or not TEMPOS[0] <= bpm * factor <= TEMPOS[1]:
            continue
        fast = [replace(p, beat_length=p.beat_length / factor) if p.uninherited else p for p in opening]
        changed = rebuild(beatmap, timing_points=[*beatmap.timing_points, *fast, *closing])
        return over(changed, start, end, f"four measures at {bpm * factor:.2f} in place of {bpm:.2f} BPM")
    return None


_H, _P, _R, _V = Category.HITSOUNDS, Category.POSITIONS, Category.RHYTHM, Category.SCROLL_SPEED
FAULTS: tuple[Fault, ...] = (
    Fault("reversed-in-time", "1 measure", (_R, _P), ONLY_MANIA, _reversed),
    Fault("column-dragged", "1/4 beat", (_R, _P), ONLY_MANIA, partial(_column_dragged, 0.25)),
    Fault("accent-late", "1 row", (_R, _P), ONLY_MANIA, _accent_late),
    Fault("mirrored-on-itself", "2 beats", (_P, _R), ONLY_MANIA, _mirrored_on_itself),
    Fault("notes-inverted", "1 measure", (_R,), ONLY_MANIA, _inverted),
    Fault("resnapped", "1/4 beat", (_R,), ONLY_MANIA, _resnapped),
    Fault("wrong-key", "1 measure", (_P,), ONLY_MANIA, _wrong_key),
    Fault("samples-late", "1 note", (_H,), ONLY_MANIA, _samples_late),
    Fault("own-volume", "digit lost", (_H,), ONLY_MANIA, _own_volume),
    Fault("stutter-left", "1 measure", (_V,), ONLY_MANIA, _stutter_left),
    *(
        Fault("tempo-of-section", dose, (_V, Category.TIMING), ONLY_MANIA, partial(_tempo_of_section, factor))
        for dose, factor in (("x2", 2.0), ("x0.5", 0.5))
    ),
)

"""Planted mistakes of mania rhythm: a note on the row before, one hand pasted alone or late, hold notes copied from one or held into
the next phrase, and effects of scroll speed beside their notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_MANIA, Beatmap, HitObject, ObjectKind
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    exchanged,
    has_copy,
    has_red_line,
    in_even_runs,
    in_turn,
    is_circle,
    mistake_at,
    moved_in_time,
    rebuild,
    rows_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.columns import are_free, of_lines, on_tick
from maimod.training.faults.further.more_modes import LEAST_HOLDS, LEAST_NOTES
from maimod.training.faults.passage_lines import with_lines_of
from maimod.training.faults.passages import SOURCES_TRIED, is_closed

LEAST_CHANGED = 3
LEAST_TORN = 2
"""Chords of both hands that a late hand tears."""
LEAST_STEPS = 2
"""Changes of the scroll speed in a measure, which make it an effect."""
LEAST_PAUSE_BEATS = 1.0
LONGEST_PAUSE_BEATS = 8.0
"""A longer pause is more likely a break."""


def _of_hand(beatmap: Beatmap, objects: Sequence[HitObject], side: int) -> list[HitObject]:
    """The notes of the left (-1) or right (1) hand, without the column of the thumbs."""
    return [o for o in objects if (2 * beatmap.column(o) + 1 - beatmap.keys) * side > 0]


# ---------------------------------------------------------------------------------------------------------------------
# Notes


def _row_merged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A single note of an even run was dragged onto the row before it: a chord more, and a gap after it."""
    rows = rows_of(beatmap)
    places = [
        i for i, gap in in_even_runs(beatmap, rows) if gap <= beatmap.red_line_of(rows[i].time).beat_length / 2 + 1
    ]
    for i in in_turn(random, places):
        o, onto = rows[i].only, rows[i - 1]
        if o is None or not all(map(is_circle, (o, *onto.objects))) or crosses_point(beatmap, onto.time, o.time):
            continue
        moved = moved_in_time(o, onto.time - o.time)
        if are_free(beatmap, [moved]):
            note = f"note of column {beatmap.column(o)} on the row before it"
            return of_lines(exchanged(beatmap, o, moved), [moved], [moved, o], note)
    return None


def _hand_pasted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of one hand in a measure are those of another measure, of which only one half was selected; the other hand stays."""
    measures = [place for place in stretches(beatmap, 1, LEAST_NOTES) if is_closed(beatmap, *place)]
    side = 1 if random.random() < 0.5 else -1
    for start, end in best_in_turn(random, measures, lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, start, end)
        for source, source_end in list(in_turn(random, measures))[:SOURCES_TRIED]:
            by = float(round(start - source))
            others = starting_in(beatmap, source, source_end)
            for hand in (side, -side):
                own, new = (_of_hand(beatmap, objects, hand) for objects in (inside, others))
                if (
                    min(len(own), len(new)) < 2
                    or abs(source_end - source - (end - start)) >= SAME_MS
                    or len(_ticks(beatmap, own, start) ^ _ticks(beatmap, new, source)) < LEAST_CHANGED
                ):
                    continue
                copies = [replace(moved_in_time(o, by), new_combo=False, combo_skip=0) for o in new]
                kept = [o for o in beatmap.hit_objects if all(o is not gone for gone in own)]
                apart = rebuild(beatmap, hit_objects=kept)
                if are_free(apart, [replace(o, index=-1 - k) for k, o in enumerate(copies)]):
                    note = f"notes of the {'left' if hand < 0 else 'right'} hand from the measure at {source:.0f} ms"
                    changed = rebuild(beatmap, hit_objects=[*kept, *copies])
                    return of_lines(changed, copies, [*own, *copies], note)
    return None


def _ticks(beatmap: Beatmap, objects: Sequence[HitObject], start: float) -> set[int]:
    """The 1/48 beats after `start` [ms] at which some objects start."""
    tick = beatmap.red_line_of(start).beat_length / TICKS_PER_BEAT
    return {round((o.time - start) / tick) for o in objects}


def _hand_late(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of one hand in a measure were pasted one tick late, so that the chords of both hands come apart."""
    side = 1 if random.random() < 0.5 else -1
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        inside, by = starting_in(beatmap, start, end), beats * beatmap.red_line_of(start).beat_length
        if by < CLEAR_GAP_MS:
            continue
        for hand in (side, -side):
            late, stays = _of_hand(beatmap, inside, hand), _of_hand(beatmap, inside, -hand)
            moved = [replace(o, time=float(round(o.time + by)), end_time=float(round(o.end_time + by))) for o in late]
            if (
                len(late) >= LEAST_CHANGED
                and len({round(o.time) for o in late} & {round(o.time) for o in stays}) >= LEAST_TORN
                and are_free(beatmap, moved)
                and not any(crosses_point(beatmap, o.time, to.time) for o, to in zip(late, moved, strict=True))
            ):
                changed = with_objects(beatmap, {o.index: o for o in moved})
                note = f"{len(moved)} notes of the {'left' if hand < 0 else 'right'} hand {by:.0f} ms late"
                return of_lines(changed, moved, [*late, *moved], note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Hold notes


def _lengths_levelled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The hold notes of two measures are copies of one of them: all are as long as it, though their lengths differed."""
    for start, end in in_turn(random, stretches(beatmap, 2)):
        holds = [o for o in starting_in(beatmap, start, end) if o.kind is ObjectKind.HOLD]
        beat = beatmap.red_line_of(start).beat_length
        if len(holds) <= LEAST_HOLDS:
            continue
        for model in in_turn(random, [o for o in holds if o.duration >= 2 * CLEAR_GAP_MS]):
            new = [replace(o, end_time=on_tick(beatmap, o.time + model.duration, start)) for o in holds]
            pairs = [
                (o, to) for o, to in zip(holds, new, strict=True) if abs(o.end_time - to.end_time) > beat / 4 - SAME_MS
            ]
            changed = [to for _, to in pairs]
            if len(pairs) >= LEAST_HOLDS and are_free(beatmap, changed):
                note = f"{len(pairs)} hold notes as long as one of {model.duration:.0f} ms"
                bad = with_objects(beatmap, {o.index: o for o in changed})
                return of_lines(bad, changed, [o for pair in pairs for o in pair], note)
    return None


def _into_phrase(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hold note that ends with its phrase is held through the pause after it, until the second row of the next phrase."""
    rows = rows_of(beatmap)
    until = 0.0
    places: list[tuple[HitObject, float]] = []
    for row, first, second in zip(rows, rows[1:], rows[2:], strict=False):
        until = max(until, row.end_time)
        beat = beatmap.red_line_of(row.time).beat_length
        if (
            LEAST_PAUSE_BEATS - 0.01 <= (first.time - until) / beat <= LONGEST_PAUSE_BEATS
            and second.time - first.time <= beat + SAME_MS
            and not has_red_line(beatmap, row.time, second.time)
        ):
            places += [(o, second.time) for o in row.objects if o.kind is ObjectKind.HOLD]
    for o, end in in_turn(random, places):
        longer = replace(o, end_time=end)
        if are_free(beatmap, [longer]):
            note = f"hold note lasts {end - o.end_time:.0f} ms longer, into the next phrase"
            return mistake_at(exchanged(beatmap, o, longer), longer, note, end)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Scroll speed


def _effect_late(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The scroll speeds of a measure, an effect that changes within it, come half a beat late: its lines were pasted or written
    from the wrong time on."""
    if len({point.velocity for point in beatmap.timing_points}) == 1:
        return None
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_NOTES)):
        by = beats * beatmap.red_line_of(start).beat_length
        shown = [beatmap.velocity_at(o.time) for o in starting_in(beatmap, start, end)]
        if sum(abs(a - b) > 0.01 for a, b in pairwise(shown)) < LEAST_STEPS or has_red_line(
            beatmap, start - by - SAME_MS, end + SAME_MS
        ):
            continue
        planted = with_lines_of(beatmap, start - by, start, float(round(end)))
        if planted is not None:
            return replace(planted, note=f"scroll speeds of a measure {beats:g} beat late")
    return None


_P, _R, _V = Category.POSITIONS, Category.RHYTHM, Category.SCROLL_SPEED
FAULTS: tuple[Fault, ...] = (
    Fault("row-merged", "", (_R, _P), ONLY_MANIA, _row_merged),
    Fault("hand-pasted", "1 measure", (_R, _P), ONLY_MANIA, _hand_pasted),
    Fault("hand-late", "1/8 beat", (_R,), ONLY_MANIA, partial(_hand_late, 0.125)),
    Fault("hold-lengths-levelled", "2 measures", (_R,), ONLY_MANIA, _lengths_levelled),
    Fault("hold-into-phrase", "", (_R,), ONLY_MANIA, _into_phrase),
    Fault("effect-late", "1/2 beat", (_V,), ONLY_MANIA, partial(_effect_late, 0.5)),
)

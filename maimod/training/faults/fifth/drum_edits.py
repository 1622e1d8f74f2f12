"""Planted mistakes of taiko: the kat key left on, colours of a measure of the same rhythm, two measures in the time
of one, drum rolls up to the next note. Some are of catch as well: phrases pasted into pauses, notes dragged onto the next,
spinners over objects that were left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.audio.onsets import OnsetEnvelope
from maimod.findings import Category
from maimod.osu.beatmap import ONLY_TAIKO, Beatmap, HitObject, Mode, ObjectKind
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    FINISH,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    exchanged,
    has_copy,
    has_red_line,
    in_turn,
    is_circle,
    moved_in_time,
    onset_strengths,
    over,
    rebuild,
    rhythm_of,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.colours import coloured, is_kat
from maimod.training.faults.fourth.taiko_slips import CATCH_AND_TAIKO, LEAST_NOTES
from maimod.training.faults.passages import COPY_MEASURES, is_closed, pasted, ticks_of

LEAST_RECOLOURED = 3
LONGER_RUN = 2
"""By so many notes the row of kats becomes longer than any in the map."""
LEAST_CHANGED = 3
PASTED_BEATS, LEAST_PASTED = 2.0, 3
UNDER_SPINNER = (1, 2)
LONGEST_LEFT_BEATS = 2.0


# ---------------------------------------------------------------------------------------------------------------------
# Colours


def _longest_kats(objects: Sequence[HitObject]) -> int:
    """Most kats in a row."""
    longest = run = 0
    for o in objects:
        run = run + 1 if is_circle(o) and is_kat(o) else 0
        longest = max(longest, run)
    return longest


def _kat_left_on(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """After the first kat of a measure all notes up to its end are kats: the key was left on while they were placed. Only where
    the row of kats is longer than any in the map."""
    longest = _longest_kats(beatmap.hit_objects)
    for place in best_in_turn(random, stretches(beatmap, 1, LEAST_NOTES), lambda place: has_copy(beatmap, *place)):
        notes = [o for o in starting_in(beatmap, *place) if is_circle(o)]
        first = next((i for i, o in enumerate(notes) if is_kat(o)), len(notes))
        dons = [o for o in notes[first:] if not is_kat(o)]
        changed = with_objects(beatmap, {o.index: coloured(o, True) for o in dons})
        if len(dons) >= LEAST_RECOLOURED and _longest_kats(changed.hit_objects) >= longest + LONGER_RUN:
            indices = tuple(o.index for o in dons)
            return Planted(changed, dons[0].time, dons[-1].time, indices, f"{len(dons)} dons after a kat are kats")
    return None


def of_one_rhythm(beatmap: Beatmap, random: Generator) -> Iterator[tuple[list[HitObject], list[HitObject]]]:
    """(objects of a measure, those of another with the same rhythm, moved to its times), in a random order; of the first there is a
    copy of the same rhythm near it."""
    measures = [place for place in stretches(beatmap, 1, LEAST_NOTES) if is_closed(beatmap, *place)]
    rhythms = {place: rhythm_of(beatmap, *place) for place in measures}
    for place in in_turn(random, measures):
        if not has_copy(beatmap, *place):
            continue
        inside = starting_in(beatmap, *place)
        for other in in_turn(random, [one for one in measures if one != place and rhythms[one] == rhythms[place]]):
            source = starting_in(beatmap, *other)
            by = float(round(place[0] - other[0]))
            are_as_long = all(abs(a.duration - b.duration) < SAME_MS for a, b in zip(inside, source, strict=True))
            if are_as_long and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time + by) for o in source):
                yield inside, [moved_in_time(o, by) for o in source]


def _colours_pasted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure was pasted over another of the same rhythm and other colours, of which a copy with its colours is near."""

    def sounds(objects: Sequence[HitObject]) -> list[tuple[bool, bool]]:
        return [(is_kat(o), bool(o.hitsound & FINISH)) for o in objects]

    for inside, source in of_one_rhythm(beatmap, random):
        red, start = beatmap.red_line_of(inside[0].time), inside[0].time
        measure = red.beat_length * red.meter
        steps = [sign * count * measure for count in COPY_MEASURES for sign in (-1, 1)]
        copies = [starting_in(beatmap, start + step, start + step + measure) for step in steps]
        others = sum(is_kat(a) != is_kat(b) for a, b in zip(inside, source, strict=True))
        if others >= LEAST_RECOLOURED and any(sounds(copy) == sounds(inside) for copy in copies):
            new = {
                o.index: replace(o, hitsound=s.hitsound) for o, s in zip(inside, source, strict=True) if is_circle(o)
            }
            note = f"measure with {others} notes of other colours, from one of the same rhythm"
            return over(with_objects(beatmap, new), start, start + measure, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _double_speed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two measures were pasted as from a map at twice the tempo: their notes are in the first measure, and the second is empty."""
    for start, end in best_in_turn(random, stretches(beatmap, 2, 3), lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, start, end)
        new = [moved_in_time(o, float(round(start + (o.time - start) / 2)) - o.time) for o in inside]
        if (
            all(map(is_circle, inside))
            and is_closed(beatmap, start, end)
            and all(b.time - a.time >= CLEAR_GAP_MS for a, b in pairwise(new))
            and starting_in(beatmap, (start + end) / 2, end)
        ):
            planted = pasted(beatmap, start, end, new, f"{len(new)} notes of two measures in the time of one")
            if len(ticks_of(beatmap, start, end) ^ ticks_of(planted.beatmap, start, end)) >= LEAST_CHANGED:
                return planted
    return None


def _roll_to_next(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The end of a drum roll was dragged up to the next note: it lasts until the note has to be hit."""
    for o in in_turn(random, [o for o in sliders_of(beatmap) if o.index + 1 < len(beatmap.hit_objects)]):
        after, beat = beatmap.hit_objects[o.index + 1], beatmap.red_line_of(o.time).beat_length
        if (
            o.slider is None
            or not is_circle(after)
            or not CLEAR_GAP_MS <= after.time - o.end_time <= beat + SAME_MS
            or has_red_line(beatmap, o.time, after.time + SAME_MS)
        ):
            continue
        length = o.slider.length * (after.time - o.time) / o.duration
        changed = exchanged(beatmap, o, replace(o, slider=replace(o.slider, length=length)))
        note = f"drum roll ends {after.time - o.end_time:.0f} ms late, with the next note"
        return Planted(changed, o.time, after.time, (o.index, after.index), note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Also in catch


def _are_silent(beatmap: Beatmap, envelope: OnsetEnvelope, times: Sequence[float]) -> bool:
    """Whether the song has no onset at most of the times [ms]."""
    strengths = onset_strengths(beatmap, envelope, times)
    return 2 * int(np.sum(strengths <= NO_ONSET)) >= len(times)


def _into_pause(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The last two beats of a phrase were pasted once more, into the pause after it. Only where the song has no onset under most
    of the copies."""
    for before, after in in_turn(random, list(pairwise(beatmap.hit_objects))):
        by = float(round(PASTED_BEATS * beatmap.red_line_of(before.time).beat_length))
        source = starting_in(beatmap, before.time - by + 2 * SAME_MS, before.time + 2 * SAME_MS)
        new = [replace(moved_in_time(o, by), new_combo=False, combo_skip=0) for o in source]
        if (
            len(new) >= LEAST_PASTED
            and all(o.kind is not ObjectKind.SPINNER for o in source)
            and new[0].time - before.end_time >= CLEAR_GAP_MS
            and after.time - new[-1].end_time >= by / 4 - SAME_MS
            and not has_red_line(beatmap, source[0].time, after.time + SAME_MS)
            and not any(pause.start < after.time and pause.end > before.time for pause in beatmap.breaks)
            and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time - by) for o in new)
            and (envelope is None or _are_silent(beatmap, envelope, [o.time for o in new]))
        ):
            changed = rebuild(beatmap, hit_objects=[*beatmap.hit_objects, *new])
            return over(changed, new[0].time, new[-1].end_time + 2 * SAME_MS, f"{len(new)} objects pasted into a pause")
    return None


def _onto_next(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A note was dragged onto the tick of the next one: a gap is left, and two notes are at one time."""
    objects = beatmap.hit_objects
    for i in in_turn(random, range(1, len(objects) - 2)):
        o, after = objects[i : i + 2]
        beat = beatmap.red_line_of(o.time).beat_length
        if (
            is_circle(o)
            and is_circle(after)
            and not (o.new_combo and beatmap.mode is Mode.CATCH)
            and after.time - o.time >= CLEAR_GAP_MS
            and after.time - objects[i - 1].end_time <= 2 * beat + SAME_MS
            and not crosses_point(beatmap, o.time, after.time)
        ):
            changed = exchanged(beatmap, o, moved_in_time(o, after.time - o.time))
            return Planted(changed, o.time, after.time, (i, i + 1), "note dragged onto the next one")
    return None


def _spinner_over(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A denden or banana shower was made anew from an object before it on, and the objects there were left."""
    objects, count = beatmap.hit_objects, int(random.choice(UNDER_SPINNER))
    for o in in_turn(random, [o for o in objects[count + 1 :] if o.kind is ObjectKind.SPINNER]):
        left = objects[o.index - count : o.index]
        beat = beatmap.red_line_of(o.time).beat_length
        if o.time - left[0].time <= LONGEST_LEFT_BEATS * beat + SAME_MS and all(map(is_circle, left)):
            early = replace(o, time=left[0].time)
            note = f"spinner begins {o.time - early.time:.0f} ms early, over {count} objects"
            changed = exchanged(beatmap, o, early)
            indices = tuple(range(o.index - count, o.index + 1))
            return Planted(changed, early.time, o.time, indices, note)
    return None


_H, _R, _S = Category.HITSOUNDS, Category.RHYTHM, Category.SLIDERS
FAULTS: tuple[Fault, ...] = (
    Fault("kat-left-on", "", (_H,), ONLY_TAIKO, _kat_left_on),
    Fault("colours-pasted", "1 measure", (_H,), ONLY_TAIKO, _colours_pasted),
    Fault("double-speed", "2 measures", (_R,), ONLY_TAIKO, _double_speed),
    Fault("roll-to-next", "", (_R, _S), ONLY_TAIKO, _roll_to_next),
    Fault("pasted-into-pause", "2 beats", (_R,), CATCH_AND_TAIKO, _into_pause),
    Fault("dragged-onto-next", "", (_R, Category.POSITIONS), CATCH_AND_TAIKO, _onto_next),
    Fault("spinner-over-objects", "", (_R,), CATCH_AND_TAIKO, _spinner_over),
)

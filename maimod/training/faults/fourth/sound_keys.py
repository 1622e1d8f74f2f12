"""Planted mistakes of sounds that the editor or a hitsound copier gives to the wrong objects: keys and sample sets that stay on,
the body or the object beside a slider's tail selected, copies from an easier difficulty and to whole chords."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import NOT_TAIKO, ONLY_MANIA, ONLY_OSU, PLAYFIELD_MODES, Beatmap, HitObject, ObjectKind
from maimod.osu.hitsounds import hits
from maimod.training.faults.additions import sounds_of, with_sounds
from maimod.training.faults.base import (
    CLAP,
    CLEAR_GAP_MS,
    FINISH,
    SAME_MS,
    SAMPLE_SETS,
    WHISTLE,
    Envelope,
    Fault,
    Planted,
    Row,
    additions_of,
    exchanged,
    in_turn,
    is_on_tick,
    mistake_at,
    over,
    pick,
    rows_of,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)

LEAST_SOUNDS, LEAST_CHANGED = 2, 3
LEFT_ON = (4, 6, 8)
"""Objects placed before the mapper turns a key off again."""
RARE = 0.02
"""Share of sliders up to which the map has a whistle on their bodies by accident."""
FULL_CHORDS = 0.5
"""Share of chords with additions up to which it is no habit that all of their notes have them."""


def _has(row: Row, bit: int) -> bool:
    """Whether an object of a row starts with an addition."""
    return any(additions_of(o) & bit for o in row.objects)


def _longest_run(rows: Sequence[Row], bit: int) -> int:
    """Most rows that follow each other and have an addition."""
    return max((len(list(run)) for has, run in groupby(rows, lambda row: _has(row, bit)) if has), default=0)


def _with_key(o: HitObject, bit: int) -> HitObject:
    """The object as it is placed while the key of an addition is on: a slider has it on all edges and on its body."""
    slider = o.slider and replace(o.slider, edge_sounds=tuple(bits | bit for bits in o.slider.edge_sounds))
    return replace(o, hitsound=o.hitsound | bit, slider=slider)


def _left_on(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The key of an addition stays on after an object that has it: those placed next have it too, in a map that nowhere has it
    on so many objects in a row."""
    rows, count = rows_of(beatmap), int(random.choice(LEFT_ON))
    usual = {bit: _longest_run(rows, bit) for bit in (WHISTLE, FINISH, CLAP)}
    for i in in_turn(random, range(len(rows) - count)):
        after = rows[i + 1 : i + 1 + count]
        beat = beatmap.red_line_of(rows[i].time).beat_length
        bits = [bit for bit, longest in usual.items() if _has(rows[i], bit) and longest <= count]
        placed = [o for row in after for o in row.objects]
        if (
            not bits
            or after[-1].time - rows[i].time > count * beat + SAME_MS
            or any(o.kind is ObjectKind.SPINNER for o in placed)
        ):
            continue
        bit = bits[int(random.integers(len(bits)))]
        new = {o.index: made for o in placed if (made := _with_key(o, bit)) != o}
        if sum(not _has(row, bit) for row in after) >= LEAST_CHANGED:
            end = max(o.end_time for o in placed)
            note = f"addition {bit} left on for {count} objects"
            return Planted(with_objects(beatmap, new), placed[0].time, end, tuple(new), note)
    return None


def _between_beats(beatmap: Beatmap, o: HitObject) -> tuple[int, ...]:
    """Additions of the hits of an object that are not on a beat."""
    times = o.edge_times() if o.slider else (o.time,)
    return tuple(0 if is_on_tick(beatmap, time, 1) else bits for time, bits in zip(times, sounds_of(o), strict=True))


def _thinned(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The additions between the beats of four measures are missing, as in a copy of the hitsounds of an easier difficulty that has
    no objects there."""
    lost = {o.index: _between_beats(beatmap, o) for o in beatmap.hit_objects}

    def count(start: float, end: float) -> int:
        return sum(sum(map(bool, lost[o.index])) for o in starting_in(beatmap, start, end))

    for start, end in in_turn(random, stretches(beatmap, 4)):
        inside, half = starting_in(beatmap, start, end), (end - start) / 2
        on_beats = sum(bool(bits) for o in inside for bits in sounds_of(o)) - count(start, end)
        if (
            on_beats >= LEAST_SOUNDS
            and count(start, end) >= LEAST_CHANGED
            and min(count(start - half, start), count(end, end + half)) >= LEAST_SOUNDS
        ):
            new = {
                o.index: with_sounds(o, tuple(a & ~b for a, b in zip(sounds_of(o), lost[o.index], strict=True)))
                for o in inside
            }
            note = f"{count(start, end)} additions between the beats of four measures missing"
            return over(with_objects(beatmap, new), start, end, note)
    return None


def _chords_filled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All notes of the chords of two measures have the additions that one of them should have."""
    filled: dict[int, HitObject] = {}
    sounded, full = [], 0
    for row in rows_of(beatmap):
        own = [o for o in row.objects if additions_of(o)]
        if len(row.objects) < 2 or not own or any(o.sample.filename for o in row.objects):
            continue
        sounded.append(row)
        full += len(own) == len(row.objects)
        copies = {o.index: replace(o, hitsound=own[0].hitsound, sample=own[0].sample) for o in row.objects}
        filled.update((index, copy) for index, copy in copies.items() if not additions_of(beatmap.hit_objects[index]))
    if full > FULL_CHORDS * len(sounded):
        return None
    for start, end in in_turn(random, stretches(beatmap, 2)):
        new = {o.index: filled[o.index] for o in starting_in(beatmap, start, end) if o.index in filled}
        if len({beatmap.hit_objects[index].time for index in new}) >= LEAST_CHANGED:
            return over(with_objects(beatmap, new), start, end, f"additions of chords on {len(new)} more notes")
    return None


def _body_whistle(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A whistle on the body of a slider, which sounds as long as the slider lasts, because all of it was selected and not an edge;
    in a map that hardly ever has one there."""
    sliders = sliders_of(beatmap)
    if sum(bool(o.hitsound & WHISTLE) for o in sliders) > RARE * len(sliders):
        return None

    def lasts(o: HitObject) -> bool:
        return not o.hitsound & WHISTLE and o.duration >= beatmap.red_line_of(o.time).beat_length / 2 - SAME_MS

    o = pick(random, [o for o in sliders if lasts(o)])
    if o is None:
        return None
    whistling = replace(with_sounds(o, sounds_of(o)), hitsound=o.hitsound | WHISTLE)
    if whistling.slider:  # edges that the file does not list would sound as the body
        whistling = replace(whistling, slider=replace(whistling.slider, edge_sounds=sounds_of(o)))
    return mistake_at(exchanged(beatmap, o, whistling), whistling, "whistle on the body of a slider", o.end_time)


def _with_addition_set(o: HitObject, number: int) -> HitObject:
    """The object with another sample set of its additions, at all edges."""
    slider = o.slider
    if slider:
        missing = slider.slides + 1 - len(slider.edge_sets)
        normal = (*(a for a, _ in slider.edge_sets), *(o.sample.normal_set,) * missing)
        slider = replace(slider, edge_sets=tuple((a, number) for a in normal))
    return replace(o, sample=replace(o.sample, addition_set=number), slider=slider)


def _set_left_on(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The sample set of the additions that was chosen for an object stays chosen: all objects placed in two measures have it, where
    they and those around them have one other."""
    sounded = [hit for hit in hits(beatmap) if hit.additions]
    for start, end in in_turn(random, stretches(beatmap, 2)):
        length, inside = end - start, starting_in(beatmap, start, end)
        sets = {hit.addition_set for hit in sounded if start - length <= hit.time < end + length}
        heard = {hit.hit_object.index for hit in sounded} & {o.index for o in inside}
        others = [number for number in SAMPLE_SETS.values() if number not in sets]
        if len(sets) != 1 or len(heard) < LEAST_CHANGED or any(o.kind is ObjectKind.SPINNER for o in inside):
            continue
        number = others[int(random.integers(len(others)))]
        changed = with_objects(beatmap, {o.index: _with_addition_set(o, number) for o in inside})
        return over(
            changed, start, end, f"sample set {number} of the additions of two measures in place of {sets.pop()}"
        )
    return None


def _tail_sound_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The addition of a slider's tail, part of a pattern, is on the next object, which was selected instead."""
    played: dict[int, int] = defaultdict(int)
    for hit in hits(beatmap):
        played[round(hit.time)] |= hit.additions

    def at(time: float) -> int:
        return next((played[t] for t in (round(time), round(time) - 1, round(time) + 1) if t in played), 0)

    for o in in_turn(random, [o for o in beatmap.hit_objects[:-1] if o.slider]):
        *others, bits = sounds_of(o)
        after, red = beatmap.hit_objects[o.index + 1], beatmap.red_line_of(o.end_time)
        periods = (2 * red.beat_length, red.meter * red.beat_length)
        if (
            bits
            and after.kind is not ObjectKind.SPINNER
            and not additions_of(after)
            and CLEAR_GAP_MS <= after.time - o.end_time <= red.beat_length + SAME_MS
            and any(at(o.end_time - by) == at(o.end_time + by) == bits for by in periods)
        ):
            silent, sounding = with_sounds(o, (*others, 0)), with_sounds(after, (bits, *sounds_of(after)[1:]))
            changed = with_objects(beatmap, {o.index: silent, after.index: sounding})
            note = f"addition {bits} of a slider's tail on the next object"
            return Planted(changed, o.time, after.time, (o.index, after.index), note)
    return None


_H = (Category.HITSOUNDS,)
FAULTS: tuple[Fault, ...] = (
    Fault("addition-left-on", "", _H, NOT_TAIKO, _left_on),
    Fault("sounds-thinned", "4 measures", _H, NOT_TAIKO, _thinned),
    Fault("chord-sounds-filled", "2 measures", _H, ONLY_MANIA, _chords_filled),
    Fault("body-whistle", "", _H, ONLY_OSU, _body_whistle),
    Fault("addition-set-left-on", "2 measures", _H, NOT_TAIKO, _set_left_on),
    Fault("tail-sound-late", "", _H, PLAYFIELD_MODES, _tail_sound_late),
)

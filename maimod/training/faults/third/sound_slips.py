"""Planted mistakes of a hitsound copier and of keys pressed with the wrong objects selected: sounds of another part, sounds laid
over those that are there, one addition or all slider ends without any, a finish copied along, sample sets the wrong way
round."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import NOT_TAIKO, PLAYFIELD_MODES, Beatmap, HitObject, ObjectKind
from maimod.training.faults.additions import hits_changed, is_patterned, layer_of, sounded, sounds_of, with_sounds
from maimod.training.faults.base import (
    CLAP,
    FINISH,
    SAME_MS,
    WHISTLE,
    Envelope,
    Fault,
    Planted,
    additions_of,
    exchanged,
    in_turn,
    is_circle,
    mistake_at,
    on_downbeat,
    over,
    starting_in,
    stretches,
    with_additions,
    with_objects,
)
from maimod.training.faults.further.earlier import played_by, with_repeated_sets

LEAST_SOUNDS, LEAST_CHANGED = 2, 3
SOURCES_TRIED = 24
RARE_FINISHES = 0.3
"""Share of downbeats with a finish, above which a finish on each is the map's style."""


def _from_elsewhere(is_laid_over: bool, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure that sounds as one close to it gets the additions of a measure of another part of the song, in place of its own
    or over them."""
    measures = stretches(beatmap, 1, 3)
    layers = [layer_of(beatmap, *place) for place in measures]
    for i in in_turn(random, range(len(measures))):
        start, end = measures[i]
        own = layers[i]
        inside = starting_in(beatmap, start, end)
        if (
            sum(map(bool, own.values())) < LEAST_SOUNDS
            or not is_patterned(beatmap, measures[i])
            or any(o.kind is ObjectKind.SPINNER for o in inside)
        ):
            continue
        for j in list(in_turn(random, range(len(measures))))[:SOURCES_TRIED]:
            other = layers[j]
            layer = {tick: other.get(tick, 0) | (own.get(tick, 0) if is_laid_over else 0) for tick in {*own, *other}}
            new = sounded(beatmap, start, end, layer)
            sounds = sum(any(sounds_of(new.get(o.index, o))) for o in inside)
            if hits_changed(beatmap, new) >= LEAST_CHANGED and sounds >= LEAST_SOUNDS:
                how = "laid over its own" if is_laid_over else "in place of its own"
                note = f"additions of the measure at {measures[j][0]:.0f} ms {how}"
                return over(with_objects(beatmap, new), start, end, note)
    return None


def _one_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One of two additions that four measures and those around them have is gone."""

    def count(start: float, end: float, bit: int) -> int:
        return sum(bool(bits & bit) for o in starting_in(beatmap, start, end) for bits in sounds_of(o))

    for start, end in in_turn(random, stretches(beatmap, 4)):
        inside, length = starting_in(beatmap, start, end), (end - start) / 2
        counts = {bit: count(start, end, bit) for bit in (WHISTLE, FINISH, CLAP)}
        lost = [
            bit
            for bit, number in counts.items()
            if number >= LEAST_CHANGED
            and max(other for one, other in counts.items() if one != bit) >= LEAST_SOUNDS
            and count(start - length, start, bit) >= LEAST_SOUNDS
            and count(end, end + length, bit) >= LEAST_SOUNDS
        ]
        if lost:
            bit = lost[int(random.integers(len(lost)))]
            new = {o.index: with_sounds(o, tuple(bits & ~bit for bits in sounds_of(o))) for o in inside}
            return over(with_objects(beatmap, new), start, end, f"addition {bit} of four measures lost, others stay")
    return None


def _finish_copied(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The finish of a section's first downbeat is on the next three too, copied with the hitsounds of its measure."""
    downbeats = [o for o in beatmap.hit_objects if on_downbeat(beatmap, o.time) and o.kind is not ObjectKind.SPINNER]
    with_finish = sum(bool(additions_of(o) & FINISH) for o in downbeats)
    if not 0 < with_finish <= RARE_FINISHES * len(downbeats):
        return None
    for start, end in in_turn(random, stretches(beatmap, 4)):
        times = [start + k * (end - start) / 4 for k in range(4)]
        head, *others = (o for time in times for o in starting_in(beatmap, time, time + 2 * SAME_MS)[:1])
        if (
            len(others) < LEAST_SOUNDS
            or any(o.kind is ObjectKind.SPINNER for o in others)
            or not additions_of(head) & FINISH
            or any(additions_of(o) & FINISH for o in others)
        ):
            continue
        new = {o.index: with_additions(o, additions_of(o) | FINISH) for o in others}
        note = "finish of a section's start copied to the next three measures"
        changed = with_objects(beatmap, new)
        places = tuple((o.time, o.time) for o in others)
        return Planted(changed, places[0][0], places[-1][1], tuple(new), note, places=places)
    return None


def _ends_silent(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The sounds of the repeats and tails of four measures are lost, as by a copier that leaves them out; those of the heads
    stay."""

    def ending(start: float, end: float) -> list[HitObject]:
        return [o for o in starting_in(beatmap, start, end) if o.slider is not None and any(sounds_of(o)[1:])]

    for start, end in in_turn(random, stretches(beatmap, 4)):
        sliders, length = ending(start, end), (end - start) / 2
        if (
            len(sliders) >= LEAST_CHANGED
            and len(ending(start - length, start)) >= LEAST_SOUNDS
            and len(ending(end, end + length)) >= LEAST_SOUNDS
        ):
            new = {o.index: with_sounds(o, (sounds_of(o)[0], *(0,) * (len(sounds_of(o)) - 1))) for o in sliders}
            return over(with_objects(beatmap, new), start, end, f"ends of {len(sliders)} sliders without sounds")
    return None


def _other_way(o: HitObject) -> HitObject:
    """The object with its own normal set in place of that of the additions, and the other way round."""
    slider = o.slider and replace(o.slider, edge_sets=tuple((b, a) for a, b in o.slider.edge_sets))
    sample = replace(o.sample, normal_set=o.sample.addition_set, addition_set=o.sample.normal_set)
    return replace(o, sample=sample, slider=slider)


def _set_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The sets of the normal sound and of the additions are exchanged on one object of a pattern."""
    played = played_by(beatmap)
    for o in in_turn(random, [o for o in with_repeated_sets(beatmap, played) if is_circle(o)]):
        changed = exchanged(beatmap, o, _other_way(o))
        if played_by(changed)[o.index] != played[o.index]:
            return mistake_at(changed, o, "sets of the normal sound and of the additions exchanged")
    return None


def _sets_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The same for two measures, between measures that have them as before."""
    played = played_by(beatmap)
    for start, end in in_turn(random, stretches(beatmap, 2)):
        inside, length = starting_in(beatmap, start, end), end - start
        neighbours = (starting_in(beatmap, start - length, start), starting_in(beatmap, end, end + length))
        if any(sum(_other_way(o) != o for o in some) < LEAST_SOUNDS for some in neighbours):
            continue
        changed = with_objects(beatmap, {o.index: _other_way(o) for o in inside})
        after = played_by(changed)
        if sum(after[o.index] != played[o.index] for o in inside) >= LEAST_CHANGED:
            return over(
                changed, start, end, "sets of the normal sounds and of the additions exchanged for two measures"
            )
    return None


_H = (Category.HITSOUNDS,)
FAULTS: tuple[Fault, ...] = (
    Fault("sounds-pasted", "", _H, NOT_TAIKO, partial(_from_elsewhere, False)),
    Fault("sounds-laid-over", "", _H, NOT_TAIKO, partial(_from_elsewhere, True)),
    Fault("addition-lost", "4 measures", _H, NOT_TAIKO, _one_lost),
    Fault("finish-copied", "3 measures", _H, NOT_TAIKO, _finish_copied),
    Fault("ends-silent", "4 measures", _H, PLAYFIELD_MODES, _ends_silent),
    Fault("sets-exchanged", "1 object", _H, NOT_TAIKO, _set_exchanged),
    Fault("sets-exchanged", "2 measures", _H, NOT_TAIKO, _sets_exchanged),
)

"""Planted mistakes of sounds and new combos: edges that are one repeat behind, a layer of additions or a
passage's combos off their beat, sounds of a map at half the tempo, volumes that a paste takes along, combos counted by objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_TAIKO, PLAYFIELD_MODES, Beatmap, HitObject, ObjectKind
from maimod.osu.combos import chosen_combos
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.additions import hits_changed, is_patterned, layer_of, sounded, sounds_of, with_sounds
from maimod.training.faults.base import (
    CLAP,
    FINISH,
    SAME_MS,
    WHISTLE,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    exchanged,
    in_turn,
    is_circle,
    mistake_at,
    over,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.combo_flags import COMBOS, even_combos, is_border, regular_stretches, with_flags
from maimod.training.faults.passage_lines import LEAST_STEP
from maimod.training.faults.third.placed import RARE_COMBOS

LEAST_SOUNDS, LEAST_CHANGED = 2, 3
PHASES = 2
"""Beats after which a layer of additions, such as claps on the second and fourth beat, comes again."""
MOSTLY, HARDLY = 0.75, 0.25
"""Shares of additions of a layer on one beat, and of moved additions where others were."""
SOURCES_TRIED = 24
COUNTS = (4, 6, 8)
"""Objects from one new combo to the next where a tool sets them."""
LEAST_COMBO = 3


# ---------------------------------------------------------------------------------------------------------------------
# Sounds


def _edges_behind(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider got one more repeat, and its edges sound as before: the sound of its tail is on the last repeat, and the tail has
    none."""

    def behind(o: HitObject) -> HitObject:
        sounds = sounds_of(o)
        made = with_sounds(o, (*sounds[:-2], sounds[-1], 0))
        if made.slider and len(made.slider.edge_sets) == len(sounds):
            sets = (*made.slider.edge_sets[:-2], made.slider.edge_sets[-1], (0, 0))
            made = replace(made, slider=replace(made.slider, edge_sets=sets))
        return made

    repeating = [o for o in beatmap.hit_objects if o.slider and o.slider.slides > 1 and sounds_of(o)[-1]]
    for o in in_turn(random, [o for o in repeating if sounds_of(o)[-1] != sounds_of(o)[-2]]):
        note = f"addition {sounds_of(o)[-1]} of a tail on the last repeat"
        made = behind(o)
        return mistake_at(exchanged(beatmap, o, made), made, note, o.end_time)
    return None


def _beat_of(layer: Mapping[int, int], bit: int) -> int | None:
    """Of every `PHASES` beats, the one that nearly all hits with an addition are on; None if there is no such beat."""
    ticks = [tick for tick, bits in layer.items() if bits & bit]
    beats = Counter(tick // TICKS_PER_BEAT % PHASES for tick in ticks if tick % TICKS_PER_BEAT == 0)
    if len(ticks) < LEAST_SOUNDS or not beats:
        return None
    ((beat, count),) = beats.most_common(1)
    return beat if count >= MOSTLY * len(ticks) else None


def _layer_off(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One addition of four measures, such as the claps on the second and fourth beat, is one beat early or late, as if every other beat
    was selected from the wrong one on; other additions stay."""
    for start, end in in_turn(random, stretches(beatmap, 4)):
        half, layer = (end - start) / 2, layer_of(beatmap, start, end)
        if any(o.kind is ObjectKind.SPINNER for o in starting_in(beatmap, start, end)):
            continue
        around = (layer_of(beatmap, start - half, start), layer_of(beatmap, end, end + half))
        for bit in in_turn(random, (WHISTLE, FINISH, CLAP)):
            beat = _beat_of(layer, bit)
            if beat is None or any(_beat_of(other, bit) != beat for other in around):
                continue
            by = TICKS_PER_BEAT * int(random.choice((-1, 1)))
            ticks = {tick for tick, bits in layer.items() if bits & bit}
            moved = {tick + by for tick in ticks} & {*layer}
            if len(moved) < MOSTLY * len(ticks) or len(moved & ticks) > HARDLY * len(moved):
                continue
            new = sounded(beatmap, start, end, {t: b & ~bit | bit * (t in moved) for t, b in layer.items()})
            if hits_changed(beatmap, new) >= LEAST_CHANGED:
                note = f"addition {bit} of four measures one beat {'late' if by > 0 else 'early'}"
                return over(with_objects(beatmap, new), start, end, note)
    return None


def _at_half_tempo(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Four measures have the additions of the first two of them, twice as far apart, as copied from a map that was timed at half the
    tempo."""
    for start, end in best_in_turn(random, stretches(beatmap, 4), lambda place: is_patterned(beatmap, place)):
        middle = (start + end) / 2
        first = {2 * tick: bits for tick, bits in layer_of(beatmap, start, middle).items() if bits}
        hit = {*layer_of(beatmap, start, end)}
        if (
            len(first) < LEAST_CHANGED
            or len({*first} & hit) < MOSTLY * len(first)
            or not any(sounds_of(o) != (0,) * len(sounds_of(o)) for o in starting_in(beatmap, middle, end))
            or any(o.kind is ObjectKind.SPINNER for o in starting_in(beatmap, start, end))
        ):
            continue
        new = sounded(beatmap, start, end, first)
        if hits_changed(beatmap, new) >= 2 * LEAST_CHANGED:
            return over(with_objects(beatmap, new), start, end, "additions of two measures over four")
    return None


def _own_volumes(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All objects of two measures have the volume of another part of the song as their own, which they brought along from there when they
    were pasted, so that the lines do not change it."""
    places = stretches(beatmap, 2)

    def volumes(start: float, end: float) -> set[int]:
        return {o.sample.volume or beatmap.timing_point_at(o.time).volume for o in starting_in(beatmap, start, end)}

    for start, end in in_turn(random, places):
        inside, own = starting_in(beatmap, start, end), volumes(start, end)
        if any(o.sample.volume or o.kind is ObjectKind.SPINNER for o in inside):
            continue
        for source in list(in_turn(random, places))[:SOURCES_TRIED]:
            others = volumes(*source)
            volume = max(others)
            if len(others) == 1 and volume > 0 and all(abs(volume - one) >= LEAST_STEP for one in own):
                new = {o.index: replace(o, sample=replace(o.sample, volume=volume)) for o in inside}
                note = f"objects of two measures with an own volume of {volume} % from {source[0]:.0f} ms"
                return over(with_objects(beatmap, new), start, end, note)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# New combos


def _out_of_phase(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The new combos of four combos in a row are in the middle of where they belong, in a map with combos of one length: the mapper
    counted on from a wrong measure."""
    for start, end, inside in in_turn(random, even_combos(beatmap, 1.5)):
        middles = [is_border(start, end, 2 * COMBOS, o.time) and not o.new_combo for o in inside]
        if sum(middles) == COMBOS:
            return over(with_flags(beatmap, inside, middles), start, end, f"{COMBOS} new combos half a combo late")
    return None


def _by_count(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A tool set the new combos of four measures after every so many objects, wherever they are in the measure."""
    for start, end, inside in in_turn(random, regular_stretches(beatmap, 4)):
        flags = np.array([o.new_combo for o in inside])
        count = min(COUNTS, key=lambda count: abs(count - len(inside) / flags.sum()))
        counted = np.arange(len(inside)) % count == 0
        if (counted & ~flags).sum() >= LEAST_CHANGED and (flags & ~counted).sum() >= LEAST_CHANGED - 1:
            changed = with_flags(beatmap, inside, counted.tolist())
            return over(changed, start, end, f"a new combo on every {count}th object")
    return None


def _flag_ticks(beatmap: Beatmap, start: float, end: float) -> dict[int, int]:
    """By 1/48 beats after `start`: index of the objects of a stretch [ms], or -1 if it has no new combo."""
    tick = beatmap.red_line_of(start).beat_length / TICKS_PER_BEAT
    objects = starting_in(beatmap, start, end)
    return {round((o.time - start) / tick): o.index if o.new_combo else -1 for o in objects}


def _from_elsewhere(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The new combos of four measures are where another part of the song has them, as copied onto the objects there; those at times
    without an object are lost."""
    places = stretches(beatmap, 4)
    for start, end, inside in in_turn(random, regular_stretches(beatmap, 4)):
        own = _flag_ticks(beatmap, start, end)
        if len(own) < len(inside):
            continue
        for source in list(in_turn(random, places))[:SOURCES_TRIED]:
            there = {tick for tick, index in _flag_ticks(beatmap, *source).items() if index >= 0}
            flags = [tick in there for tick in own]
            changes = sum(flag is not o.new_combo for flag, o in zip(flags, inside, strict=True))
            if sum(flags) >= LEAST_SOUNDS and changes >= LEAST_CHANGED:
                note = f"new combos of the four measures at {source[0]:.0f} ms"
                return over(with_flags(beatmap, inside, flags), start, end, note)
    return None


def _combo_reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A combo of circles in an even rhythm was selected and reversed: places, sounds and the new combo, which is on its last circle, in a
    map with next to no combos of one object."""
    objects, flags = beatmap.hit_objects, [o.index for o in beatmap.hit_objects if o.new_combo]
    if sum(b - a == 1 for a, b in pairwise(flags)) > RARE_COMBOS * len(flags):
        return None
    own = {o.index for o in chosen_combos(beatmap)}
    for first, after in in_turn(random, [(a, b) for a, b in pairwise(flags) if a in own and b in own]):
        combo = objects[first:after]
        gaps = [b.time - a.time for a, b in pairwise(combo)]
        if (
            len(combo) < LEAST_COMBO
            or not all(is_circle(o) for o in combo)
            or max(gaps) - min(gaps) >= 2 * SAME_MS
            or (combo[0].x, combo[0].y) == (combo[-1].x, combo[-1].y)
        ):
            continue
        new = {
            there.index: replace(o, line=there.line, time=there.time, end_time=there.end_time)
            for o, there in zip(combo, combo[::-1], strict=True)
        }
        note = f"combo of {len(combo)} circles in reverse order, with its new combo on the last"
        return Planted(with_objects(beatmap, new), combo[0].time, combo[-1].time, tuple(sorted(new)), note)
    return None


_H, _N = (Category.HITSOUNDS,), (Category.NEW_COMBOS,)
FAULTS: tuple[Fault, ...] = (
    Fault("edges-before-repeat", "", _H, PLAYFIELD_MODES, _edges_behind),
    Fault("addition-layer-off", "1 beat", _H, NOT_TAIKO, _layer_off),
    Fault("sounds-at-half-tempo", "4 measures", _H, NOT_TAIKO, _at_half_tempo),
    Fault("own-volumes-pasted", "2 measures", _H, ALL_MODES, _own_volumes),
    Fault("combos-out-of-phase", "4 combos", _N, PLAYFIELD_MODES, _out_of_phase),
    Fault("combos-by-count", "4 measures", _N, PLAYFIELD_MODES, _by_count),
    Fault("combos-pasted", "4 measures", _N, PLAYFIELD_MODES, _from_elsewhere),
    # Reversing moves the places and sounds of the circles as well.
    Fault("combo-reversed", "", (*_N, Category.POSITIONS, *_H), PLAYFIELD_MODES, _combo_reversed),
)

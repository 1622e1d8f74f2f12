"""New combos: which were set by the mapper, where they are regular, and copies with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.combos import chosen_combos
from maimod.training.faults.base import SAME_MS, on_downbeat, starting_in, stretches, with_objects

LEAST_FLAGS = 3
COMBOS = 4
"""Combos in a row that are looked at together."""
LEAST_REGULAR = 0.3
"""Share of combos of one length from which the map is regular."""
RARE_LENGTHS = 0.2
"""Share of new combos up to which the map has others of a length by accident."""


def regular_combos(beatmap: Beatmap) -> list[HitObject]:
    """Flags on downbeats whose neighbouring flags are as far before as after; flags on downbeats if there are none
    such."""
    found = chosen_combos(beatmap)
    downbeats = [o for o in found if on_downbeat(beatmap, o.time)]
    lines = {o.line for o in downbeats}
    regular = [
        o
        for before, o, after in zip(found, found[1:], found[2:], strict=False)
        if o.line in lines and abs(before.time + after.time - 2 * o.time) < 2 * SAME_MS
    ]
    return regular or downbeats


def with_flags(beatmap: Beatmap, inside: Sequence[HitObject], flags: Sequence[bool]) -> Beatmap:
    """A copy with other new combos at the objects `inside`."""
    new = {
        o.index: replace(o, new_combo=flag, combo_skip=o.combo_skip if flag and o.new_combo else 0)
        for o, flag in zip(inside, flags, strict=True)
        if flag != o.new_combo
    }
    return with_objects(beatmap, new)


def regular_stretches(beatmap: Beatmap, measures: int) -> list[tuple[float, float, list[HitObject]]]:
    """(start, end, objects) of stretches with new combos, most of them on downbeats, and without spinners."""
    own = {o.index for o in chosen_combos(beatmap)}
    found = []
    for start, end in stretches(beatmap, measures):
        inside = starting_in(beatmap, start, end)
        flags = [o for o in inside if o.new_combo]
        if (
            len(flags) >= LEAST_FLAGS
            and all(o.index in own for o in flags)
            and all(o.kind is not ObjectKind.SPINNER for o in inside)
            and 2 * sum(on_downbeat(beatmap, o.time) for o in flags) > len(flags)
        ):
            found.append((start, end, inside))
    return found


def _lengths(beatmap: Beatmap) -> list[float]:
    """Lengths in measures of combos between new combos set by the mapper."""
    found = []
    for a, b in pairwise(chosen_combos(beatmap)):
        red = beatmap.red_line_of(a.time)
        found.append((b.time - a.time) / (red.beat_length * red.meter))
    return found


def _share(lengths: Sequence[float], measures: float) -> float:
    """Share of combos that have a length in measures."""
    return sum(abs(length - measures) < 0.02 for length in lengths) / max(len(lengths), 1)


def is_border(start: float, end: float, parts: int, time: float) -> bool:
    """Whether a time [ms] is a border between equal parts of a stretch [ms]."""
    step = (end - start) / parts
    return abs((time - start + step / 2) % step - step / 2) < SAME_MS


def even_combos(beatmap: Beatmap, rare: float) -> list[tuple[float, float, list[HitObject]]]:
    """(start, end, objects) of four combos in a row of one measure or of two, as long as most of the map's; none in a map with more
    than next to no combos of `rare` times that length."""
    lengths = _lengths(beatmap)
    own = {o.index for o in chosen_combos(beatmap)}
    found = []
    for measures in (1, 2):
        if _share(lengths, measures) < LEAST_REGULAR or _share(lengths, measures * rare) > RARE_LENGTHS:
            continue
        for start, end in stretches(beatmap, measures * COMBOS):
            inside = starting_in(beatmap, start, end)
            flags = [o for o in inside if o.new_combo]
            if (
                len(flags) == COMBOS
                and all(o.index in own and is_border(start, end, COMBOS, o.time) for o in flags)
                and all(o.kind is not ObjectKind.SPINNER for o in inside)
            ):
                found.append((start, end, inside))
    return found

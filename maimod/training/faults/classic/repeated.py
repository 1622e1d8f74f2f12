"""Planted mistakes that were copied with a phrase: the same slip at the same place of every phrase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_TAIKO, PLAYFIELD_MODES, Beatmap, HitObject, Mode
from maimod.osu.combos import chosen_combos
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.additions import silent
from maimod.training.faults.base import Envelope, Fault, Planted, additions_of, is_circle, pick, rebuild

PHRASES = (2, 4, 8)
"""Measures in a phrase."""


def _same_places(beatmap: Beatmap, objects: Sequence[HitObject], count: int) -> list[tuple[HitObject, ...]]:
    """Groups of `count` of the objects, at the same place of as many phrases in a row."""
    groups = []
    for measures in PHRASES:
        at: dict[tuple[float, int], list[tuple[int, HitObject]]] = defaultdict(list)
        for o in objects:
            red = beatmap.red_line_of(o.time)
            phrase, place = divmod(
                round((o.time - red.time) / red.beat_length * TICKS_PER_BEAT),
                max(red.meter, 1) * measures * TICKS_PER_BEAT,
            )
            at[red.time, place].append((phrase, o))
        for found in at.values():
            for first in range(len(found) - count + 1):
                group = found[first : first + count]
                if all(after == before + 1 for (before, _), (after, _) in pairwise(group)):
                    groups.append(tuple(o for _, o in group))
    return groups


def _everywhere(
    choose: Callable[[Beatmap], Sequence[HitObject]],
    change: Callable[[HitObject], HitObject | None],
    note: str,
    count: int,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """The same slip in `count` phrases.

    Args:
        choose: the objects that can have it.
        change: makes it; None takes the object away.
        note: what is done.
        count: number of phrases.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    group = pick(random, _same_places(beatmap, choose(beatmap), count))
    if group is None:
        return None
    lines = {o.line for o in group}
    made = [change(o) if o.line in lines else o for o in beatmap.hit_objects]
    changed = rebuild(beatmap, hit_objects=[o for o in made if o is not None])
    objects = tuple(o.index for o in changed.hit_objects if o.line in lines)
    places = tuple((o.time, o.time) for o in group)
    return Planted(
        changed, group[0].time, group[-1].time, objects, f"{note} at the same place of {count} phrases", places=places
    )


def _without_combo(o: HitObject) -> HitObject:
    return replace(o, new_combo=False, combo_skip=0)


def _gone(o: HitObject) -> None:
    return None


def _with_additions(beatmap: Beatmap) -> list[HitObject]:
    return [o for o in beatmap.hit_objects if additions_of(o)]


def _within_combos(beatmap: Beatmap) -> list[HitObject]:
    """Circles that can go missing without taking a new combo along."""
    return [o for o in beatmap.hit_objects[1:-1] if is_circle(o) and (not o.new_combo or beatmap.mode is Mode.MANIA)]


_COUNTS = (4, 7)
FAULTS: tuple[Fault, ...] = tuple(
    Fault(kind, f"{n} phrases", (category,), modes, partial(_everywhere, choose, change, note, n), is_alone=True)
    for kind, category, modes, choose, change, note in (
        (
            "repeated-combo-missing",
            Category.NEW_COMBOS,
            PLAYFIELD_MODES,
            chosen_combos,
            _without_combo,
            "new combo missing",
        ),
        ("repeated-addition-missing", Category.HITSOUNDS, NOT_TAIKO, _with_additions, silent, "addition missing"),
        ("repeated-object-missing", Category.RHYTHM, ALL_MODES, _within_combos, _gone, "object missing"),
    )
    for n in _COUNTS
)

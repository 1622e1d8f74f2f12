"""New combos that a mapper chose."""

from __future__ import annotations

from itertools import pairwise

from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind

LONGEST_GAP_BEATS = 4
"""After a longer rest, as after a spinner, a new combo is a matter of course."""


def chosen_combos(beatmap: Beatmap) -> list[HitObject]:
    """Objects with a new combo within 4 beats of the object before, neither of which is a spinner."""
    return [
        o
        for before, o in pairwise(beatmap.hit_objects)
        if o.new_combo
        and ObjectKind.SPINNER not in (o.kind, before.kind)
        and o.time - before.end_time < LONGEST_GAP_BEATS * beatmap.red_line_at(o.time).beat_length
    ]

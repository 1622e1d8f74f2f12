"""Which sample files of its folder a difficulty plays.

A hit plays `SET-hitNAME` with the index of its custom samples: nothing for 1, the number from 2 on. Index 0 are the
player's own samples. Source: https://osu.ppy.sh/wiki/en/Skinning/Sounds
"""

from __future__ import annotations

from collections import Counter

from maimod.osu.beatmap import Beatmap, ObjectKind
from maimod.osu.hitsounds import ADDITIONS, HITSOUND_LENIENCY_MS, hits, sample_number, set_name


def played(beatmap: Beatmap) -> Counter[str]:
    """How often each sample is played, by its name without ending: "soft-hitclap2".

    Samples of slider bodies and ticks count once for each slider that can play them.
    """
    found: Counter[str] = Counter()
    for hit in hits(beatmap):
        number = sample_number(hit.sample_index)
        if number is None:
            continue
        found[f"{set_name(hit.normal_set)}-hitnormal{number}"] += 1
        for bit, name in enumerate(ADDITIONS, start=1):
            if hit.additions >> bit & 1:
                found[f"{set_name(hit.addition_set)}-hit{name}{number}"] += 1
    points = beatmap.sorted_timing_points
    place = 0
    for o in beatmap.hit_objects:
        if o.kind is not ObjectKind.SLIDER:
            continue
        while place + 1 < len(points) and points[place + 1].time <= o.time + HITSOUND_LENIENCY_MS:
            place += 1
        after = place
        while after < len(points) and (after == place or points[after].time <= o.end_time + HITSOUND_LENIENCY_MS):
            point = points[after]
            after += 1
            number = sample_number(o.sample.index or point.sample_index)
            if number is not None:
                sets = {
                    o.sample.normal_set or point.sample_set or 1,
                    o.sample.addition_set or o.sample.normal_set or point.sample_set or 1,
                }
                for name in (set_name(one) for one in sets if one in (1, 2, 3)):
                    found.update(f"{name}-slider{part}{number}" for part in ("slide", "tick", "whistle"))
    return found

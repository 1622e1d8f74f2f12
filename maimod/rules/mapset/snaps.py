"""Passages that one difficulty of a set snaps to thirds of a beat and others to quarters.

The song has one of the two; where both have objects, one difficulty is off by a twelfth of a beat. Levels simplify a
rhythm, but a simpler form of 1/4 is 1/2 and not 1/3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.timing import snap
from maimod.rules.base import Certainty, Rule
from maimod.rules.bundles import places_alike
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import names

SNAPS_DIFFER = Rule(
    "mapset/snaps-differ",
    "Passage on 1/3 here and on 1/4 in other difficulties",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A song has triplets at a place or it has not; a difficulty that snaps the same sounds to the other divisor is off the "
    "music, and players of several difficulties notice.",
    how="In each four beats, objects on 1/3, 1/6 and 1/12 are counted against those on 1/4, 1/8 and 1/16, in every difficulty. "
    "Neighbouring stretches in which this difficulty has nearly only the one and others nearly only the other are one passage. "
    "The difficulties that are fewer get the finding; a passage of few objects, one against one, or several passages of a "
    "difficulty, which are one finding, are a minor.",
    advice="Listen at a low speed: thirds or quarters?",
    ignore_when="the song plays both at once and the difficulties follow different layers",
    blind_spots="Difficulties that have only 1/1 and 1/2 there; divisors such as 1/5 and 1/7; passages with both.",
    source=f"{PAGE}#timing",
)

WINDOW_BEATS = 4
LEAST_OBJECTS, LEAST_RATIO = 3, 4
"""A side is taken with so many objects on it, and so many times those on the other."""
SURE_OBJECTS, SURE_OTHERS = 6, 2
MOST_DIFFICULTIES = 30
DIVISORS = (1, 2, 3, 4, 6, 8, 12, 16)


class Side(StrEnum):
    """What a stretch is snapped to."""

    THIRDS = "1/3"
    QUARTERS = "1/4"


_SIDES = {3: Side.THIRDS, 6: Side.THIRDS, 12: Side.THIRDS, 4: Side.QUARTERS, 8: Side.QUARTERS, 16: Side.QUARTERS}
Window = tuple[int, int]
"""Red line and number of the stretch after it."""


class _Stretch(msgspec.Struct, frozen=True):
    """Objects of one side in one window of a difficulty."""

    side: Side
    objects: tuple[HitObject, ...]


_Passage = list[tuple[Window, _Stretch, list[Beatmap]]]
"""Neighbouring stretches on one side, each with the difficulties that are on the other."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    for mode in Mode:
        of_mode = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is mode]
        if 2 <= len(of_mode) <= MOST_DIFFICULTIES:
            yield from _compare(evidence, of_mode)


def _compare(evidence: MapsetEvidence, of_mode: Sequence[Beatmap]) -> Iterator[Placed]:
    taken = {beatmap.path: _stretches(beatmap) for beatmap in of_mode}
    lines = [[(point.time, point.beat_length) for point in beatmap.red_lines] for beatmap in of_mode]
    if any(other != lines[0] for other in lines):
        return  # mapset/red-lines reports it
    for beatmap in of_mode:
        passages: list[_Passage] = []
        for window, own in sorted(taken[beatmap.path].items()):
            there = {other.path: taken[other.path].get(window) for other in of_mode}
            others = [other for other in of_mode if (at := there[other.path]) and at.side is not own.side]
            same = sum(at is not None and at.side is own.side for at in there.values())
            # If neither is more frequent, the harder difficulty is likelier to follow the song.
            if not others or same > len(others) or (same == len(others) and _is_harder(evidence, beatmap, others)):
                continue
            last = passages[-1][-1] if passages else None
            if last and last[0][0] == window[0] and window[1] - last[0][1] <= 2 and last[1].side is own.side:
                passages[-1].append((window, own, others))
            else:
                passages.append([(window, own, others)])
        for side in Side:
            if own_side := [passage for passage in passages if passage[0][1].side is side]:
                yield from _report(evidence, beatmap, own_side)


def _is_harder(evidence: MapsetEvidence, beatmap: Beatmap, others: Sequence[Beatmap]) -> bool:
    stars = evidence.mapset.stars
    return (stars[beatmap.path] or 0.0) > max(stars[other.path] or 0.0 for other in others)


def _stretches(beatmap: Beatmap) -> dict[Window, _Stretch]:
    """Stretches that are nearly all on one side."""
    places = {point: place for place, point in enumerate(beatmap.red_lines)}
    found: dict[Window, dict[Side, dict[int, HitObject]]] = defaultdict(lambda: defaultdict(dict))
    for o in beatmap.hit_objects:
        if o.kind is ObjectKind.SPINNER:
            continue
        at = snap(beatmap, o.time, DIVISORS)
        side = _SIDES.get(at.divisor)
        if side is not None and abs(at.error) < 2.0:
            beats = (at.tick - at.red_line.time) / at.red_line.beat_length
            found[places[at.red_line], int(beats // WINDOW_BEATS)][side].setdefault(round(o.time), o)
    stretches = {}
    for window, sides in found.items():
        side = max(sides, key=lambda one: len(sides[one]))
        count, rest = len(sides[side]), sum(len(objects) for other, objects in sides.items() if other is not side)
        if count >= LEAST_OBJECTS and count >= LEAST_RATIO * rest:
            stretches[window] = _Stretch(side, tuple(sides[side].values()))
    return stretches


def _report(evidence: MapsetEvidence, beatmap: Beatmap, passages: Sequence[_Passage]) -> Iterator[Placed]:
    """One finding about the passages of a difficulty that are on one side: several were made that way."""
    passage, *more = passages
    objects = [o for _, stretch, _ in passage for o in stretch.objects]
    others = list({other.path: other for *_, there in passage for other in there}.values())
    own, wanted = ("thirds", "quarters") if passage[0][1].side is Side.THIRDS else ("quarters", "thirds")
    starts = [min(o.time for o in one[0][1].objects) for one in more]
    further = places_alike(starts, "the same in", "passage")
    is_sure = len(objects) >= SURE_OBJECTS and len(others) >= SURE_OTHERS and not more
    yield from evidence.candidate(
        SNAPS_DIFFER,
        beatmap,
        time=objects[0].time,
        end_time=objects[-1].time,
        line=objects[0].line,
        objects=objects[:8],
        certainty=Certainty.LIKELY if is_sure else Certainty.POSSIBLE,
        subject=str(round(objects[0].time)),
        actual=own,
        expected=[Expected(wanted)],
        passages=len(passages),
        message=f"{len(objects)} objects of this passage are on {own} of a beat, where {names(others)} "
        f"{'have' if len(others) > 1 else 'has'} {wanted}{further}.",
    )


CHECK = MapsetCheck("Snaps of the set", (SNAPS_DIFFER,), run)

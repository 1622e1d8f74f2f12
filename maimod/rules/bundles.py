"""Findings about several places or objects: candidates of one rule that become one, the strongest of a map, and the places in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from maimod.findings import clock
from maimod.osu.beatmap import HitObject
from maimod.osu.hitsounds import Hit
from maimod.rules.base import Candidate, Certainty

TIMES = "times_ms"
"""Name of the number of a candidate about several places that holds their times [ms]."""
MANY, MANY_MINORS = 8, 1
"""More findings of one rule become one: the map was made that way."""
PLACES_NAMED = 8
"""Most places that the words of such a finding list."""
MOST_CANDIDATES = 8
"""Of each kind in a map, the strongest."""
SHOWN_OBJECTS = 8
"""Most objects of a finding about a passage."""


def strongest(found: Iterable[Candidate]) -> list[Candidate]:
    """The `MOST_CANDIDATES` with the greatest measures, by time."""
    ordered = sorted(found, key=lambda one: -(one.measure or 0.0))[:MOST_CANDIDATES]
    return sorted(ordered, key=lambda one: one.time)


def objects_of(hits: Iterable[Hit]) -> list[HitObject]:
    """The objects of hits, each once; the first `SHOWN_OBJECTS`."""
    return list({hit.hit_object.index: hit.hit_object for hit in hits}.values())[:SHOWN_OBJECTS]


def places_alike(times: Sequence[float], what: str = "the same at", place: str = "place") -> str:
    """Part of a message about the first of several places, with the times [ms] of the others: "; the same at 2 more places:
    00:12:000, 00:14:000"; empty for one."""
    times = list({round(time): time for time in times}.values())  # the notes of a chord are at one place
    if not times:
        return ""
    listed = ", ".join(map(clock, times[:PLACES_NAMED])) + (" and others" if len(times) > PLACES_NAMED else "")
    return f"; {what} {len(times)} more {place}{'s' * (len(times) > 1)}: {listed}"


def bundled(found: Iterable[Candidate], most: int = MANY) -> Iterator[Candidate]:
    """Candidates of one rule by time, with many made one: more than `most`, or more than one possible one."""
    places = sorted(found, key=lambda one: one.time)
    weak = [one for one in places if one.certainty in (Certainty.POSSIBLE, Certainty.HARMLESS)]
    if len(places) > most:
        yield _as_one(min(places, key=lambda one: list(Certainty).index(one.certainty)), places)
        return
    yield from (one for one in places if one not in weak)
    if len(weak) > MANY_MINORS:
        yield _as_one(weak[0], weak)
    else:
        yield from weak


def _as_one(first: Candidate, places: Sequence[Candidate]) -> Candidate:
    times = list({round(one.time): one.time for one in (first, *places)}.values())
    return replace(
        first,
        words=f"{first.message[:-1]}{places_alike(times[1:])}.",
        end_time=max(one.end_time or one.time for one in places),
        numbers={**first.numbers, "places": len(times), TIMES: sorted(times)[:20]},
    )

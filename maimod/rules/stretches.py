"""Stretches of hits or objects that differ from their copies and from the other difficulties: what modules about volumes and
velocities share.

A run is what lies under lines of one value. Each hit has bits by each kind of evidence; a stretch is part of a run, or all of it,
in which they add up. Where it is part of a run, a line is missing where it begins or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from maimod.osu.beatmap import Beatmap, TimingPoint
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence

MOST_BITS_OF_HIT, MOST_BITS = 2.0, 8.0
"""Of one hit, and of a whole stretch, by each kind of evidence: the hits of a stretch are changed together."""
DOUBT_OF_HIT = 0.35
"""Bits that each hit must bring, so that stretches end where they agree."""
LEAST_BITS = 1.5
LONGEST_MS = 16_000.0
"""A stretch that lasts longer is a choice."""


def others_of(evidence: Evidence) -> list[Beatmap]:
    """The other difficulties of the mode."""
    return [one for one in evidence.others if one.mode is evidence.beatmap.mode]


def in_force(points: Sequence[TimingPoint], times: np.ndarray, value: Callable[[TimingPoint], float]) -> np.ndarray:
    """(n_times,) a value of the timing points in force at times [ms]; before the first, of the first."""
    place = np.searchsorted([point.time for point in points], times, side="right") - 1
    return np.array([value(point) for point in points], dtype=float)[np.maximum(place, 0)]


def log_odds(other: Any, same: Any) -> np.ndarray:
    """Bits of counts; 0 without any."""
    return np.asarray(np.log2((np.asarray(other) + 0.5) / (np.asarray(same) + 0.5)))


def bits_of(is_other: np.ndarray, is_same: np.ndarray) -> np.ndarray:
    """(n_hits,) bits by (n_hits, n_others) whether each of them has another value, and the same."""
    odds = log_odds(is_other.sum(axis=1), is_same.sum(axis=1))
    return np.asarray(np.clip(odds, -MOST_BITS_OF_HIT, MOST_BITS_OF_HIT))


def parts(bits: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """(start, stop) of the stretches of a run, by the sum of all evidence and by each kind alone: one kind may see where a
    stretch begins that another takes for longer."""
    return sorted({part for each in (np.sum(bits, axis=0), *bits) for part in _stretches(each - DOUBT_OF_HIT)})


def _stretches(bits: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, stop) of the stretches with the greatest sums: the best, and those on either side of it."""
    waiting = [(0, len(bits))]
    while waiting:
        first, last = waiting.pop()
        if first == last:
            continue
        sums = np.concatenate([[0.0], np.cumsum(bits[first:last])])
        gains = sums - np.minimum.accumulate(sums)
        stop = int(gains.argmax())
        if gains[stop] < LEAST_BITS - DOUBT_OF_HIT:
            continue
        start = int(sums[:stop].argmin())
        yield first + start, first + stop
        waiting += [(first, first + start), (first + stop, last)]


def totals(bits: Sequence[np.ndarray], inside: np.ndarray) -> list[float]:
    """Bits of a stretch by each kind of evidence."""
    return [min(float(side[inside].sum()), MOST_BITS) for side in bits]


def apart(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Candidates that no stronger one overlaps."""
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda one: (-(one.measure or 0.0), len(one.objects))):
        if all(one.time > (other.end_time or other.time) or (one.end_time or one.time) < other.time for other in kept):
            kept.append(one)
    yield from kept


def names(of_copies: float, of_others: float, least: float = LEAST_BITS / 2) -> str:
    """Which of both differ, by more than `least` bits, in words."""
    both = ("similar measures", of_copies), ("the other difficulties", of_others)
    return " and ".join(name for name, bits in both if bits > least) or "others"


def where(evidence: Evidence, start: float, end: float) -> dict[str, Any]:
    """Numbers of a stretch from `start` to `end` [ms] for the judge: its beats, and whether it begins on a downbeat."""
    grid = evidence.passages.cells.grid
    ticks = grid.ticks(np.array([start, end]))
    beats = round(float(ticks[1] - ticks[0]) / TICKS_PER_BEAT, 2)
    return {"beats": beats, "on_downbeat": bool(grid.measure_ticks(ticks)[0][0] == 0)}

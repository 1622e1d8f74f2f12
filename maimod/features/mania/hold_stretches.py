"""What if all hold notes of a stretch of mania ended earlier or later?

Holds that were all shortened are as regular inside the stretch as before. The rest of the map tells: how long its holds are, how far
from their ends the next row and the next note of the column begin, and how long the same hold is in the passages that are alike. Holds
close by do not count, because they may have been changed too. Ticks are of 1/48 beat, information in bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from maimod.features.mania.rows import Rows
from maimod.osu.timing import TICKS_PER_BEAT

SHIFTS = tuple(sign * by for by in (6, 8, 12, 16, 24) for sign in (-1, 1))
"""Ticks by which ends are moved: 1/8 to 1/2 beat."""
MEASURES = (1, 2, 4)
"""Lengths of a stretch."""
LEAST_HOLDS = 3
"""Of a stretch."""
LEAST_MAP_HOLDS = 8
CLOSE_TICKS = 4 * 4 * TICKS_PER_BEAT
"""Holds this close on either side do not count."""
MOST_GAP = 4 * TICKS_PER_BEAT
"""Longer gaps are alike."""
PRIOR, VALUES = 0.3, 24
"""Weight of each value that was not seen, and their number."""
LEAST_LENGTH, LONGEST = TICKS_PER_BEAT // 8, 64 * TICKS_PER_BEAT
NO_ROOM_BITS = 12.0
"""A moved end that meets the next note of its column."""
COPY_BITS, UNSURE_TRUST = 4.0, 0.5
"""Of a hold that ends as in passages that are wholly alike; trust added to theirs."""

NAMES = ("alone", "from", "around", "around holds", "around shift", "around copies")
"""`alone`: by how many bits the hold alone would be likelier with its best other end. `from`: the same of the best stretch that begins
with it. `around`: of the best one that it lies in, and how many holds that has, by how many beats they would end later, and what
the passages that are alike say of it."""


class Stretch(msgspec.Struct, frozen=True):
    """Holds that would be likelier with other ends."""

    first: int
    """Place of the first hold among the holds."""
    last: int
    """After the last one."""
    shift: int
    """Ticks by which they would end later."""
    gain: float
    """Bits."""
    of_copies: float
    """The part of it that the passages that are alike give."""


class HoldStretches(msgspec.Struct, frozen=True):
    """Of one map."""

    holds: np.ndarray
    """(n_holds,) number of each note that is held, in order of time."""
    length: np.ndarray
    """(n_holds,) ticks."""
    alone: np.ndarray
    """(n_holds,) bits."""
    stretches: tuple[Stretch, ...]
    """For each hold at which one can begin the best one."""

    def features(self, n_notes: int) -> np.ndarray:
        """(n_notes, len(NAMES)); zeros of notes that are not held."""
        found = np.zeros((n_notes, len(NAMES)))
        of = np.zeros((len(self.holds), len(NAMES)))
        of[:, 0] = self.alone
        for one in self.stretches:
            of[one.first, 1] = max(of[one.first, 1], one.gain)
            inside = slice(one.first, one.last)
            row = (one.gain, one.last - one.first, one.shift / TICKS_PER_BEAT, one.of_copies)
            better = of[inside, 2] < one.gain
            of[inside, 2:][better] = row
        found[self.holds] = of
        return found


def measure(rows: Rows) -> HoldStretches:
    """Measure the holds of a map."""
    holds = np.flatnonzero(rows.is_hold)
    if len(holds) < LEAST_MAP_HOLDS:
        return HoldStretches(holds, np.zeros(len(holds), dtype=np.int64), np.zeros(len(holds)), ())
    start = rows.tick[rows.row_of[holds]].astype(np.int64)
    end = np.round(rows.grid.ticks(rows.end[holds])).astype(np.int64)
    moved = end + np.concatenate([[0], SHIFTS])[:, None]
    gains = _by_habit(rows, holds, start, moved)
    of_copies = _by_copies(rows, holds, (moved - start))
    total = gains + of_copies
    stretches = tuple(_best(rows, holds, start, total, of_copies))
    return HoldStretches(holds, end - start, np.maximum(total.max(axis=0), 0.0), stretches)


def _by_habit(rows: Rows, holds: np.ndarray, start: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """(n_shifts, n_holds) bits by which other ends are likelier, by the holds that are not close.

    Args:
        rows: of the map.
        holds: number of each held note.
        start: (n_holds,) ticks.
        moved: (1 + n_shifts, n_holds) ticks of the end as it is and elsewhere.
    """
    length = moved - start
    following = np.searchsorted(rows.tick, moved - 1)
    to_row = np.append(rows.tick, rows.tick[-1] + MOST_GAP)[following] - moved
    next_start = np.full(len(holds), np.iinfo(np.int64).max // 2)
    for column in range(rows.keys):
        own = np.flatnonzero(rows.column == column)
        is_held = np.flatnonzero(np.isin(own[:-1], holds))
        place = np.searchsorted(holds, own[is_held])
        next_start[place] = rows.tick[rows.row_of[own[is_held + 1]]]
    to_next = np.minimum(next_start - moved, MOST_GAP)
    bits = _surprisal(np.minimum(length, LONGEST), start)
    bits += 0.5 * (_surprisal(np.minimum(to_row, MOST_GAP), start) + _surprisal(np.maximum(to_next, -1), start))
    gains = bits[0] - bits[1:]
    has_room = (to_next[1:] > 0) & (length[1:] >= LEAST_LENGTH)
    return np.asarray(np.where(has_room, gains, -NO_ROOM_BITS))


def _surprisal(values: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(n, n_holds) surprisal of values among those of row 0 of the holds that are not close [bits]."""
    wide = np.int64(2) * (start[-1] + CLOSE_TICKS + 1)
    known = np.sort((values[0] + 2) * wide + start)

    def count(low: np.ndarray | int, high: np.ndarray | int) -> np.ndarray:
        base = (values + 2) * wide
        first, last = np.searchsorted(known, base + low), np.searchsorted(known, base + high, side="right")
        return np.asarray(last - first)

    near_low, near_high = np.maximum(start - CLOSE_TICKS, 0), start + CLOSE_TICKS
    others = count(0, wide - 1) - count(near_low, near_high)
    near = np.searchsorted(start, near_high, side="right") - np.searchsorted(start, near_low)
    return np.asarray(-np.log2((others + PRIOR) / (len(start) - near + PRIOR * VALUES)))


def _by_copies(rows: Rows, holds: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(n_shifts, n_holds) bits by which other lengths are likelier, by the same hold of the passages that are alike.

    Args:
        rows: of the map.
        holds: number of each held note.
        length: (1 + n_shifts, n_holds) ticks as it is and with other ends.
    """
    of, own = rows.row_of[holds], rows.column[holds]
    lengths = np.full((rows.count, rows.keys), -1.0)
    lengths[of, own] = length[0]
    there = np.where((rows.partners >= 0)[..., None], rows.at_lags(lengths), -1.0)[of]
    each = np.arange(len(holds))
    there = np.concatenate([there[each, :, own], there[each, :, rows.keys - 1 - own]], axis=1)
    weights = np.where(there > 0, rows.trust[of] ** 3, 0.0)
    share = np.stack([(weights * (np.abs(there - one[:, None]) <= 1)).sum(axis=1) for one in length])
    return np.asarray(COPY_BITS * (share[1:] - share[0]) / (weights.sum(axis=1) + UNSURE_TRUST))


def _best(
    rows: Rows, holds: np.ndarray, start: np.ndarray, total: np.ndarray, of_copies: np.ndarray
) -> Iterator[Stretch]:
    """For each hold the best stretch of `MEASURES` that begins with it."""
    sums = np.concatenate([np.zeros((len(total), 1)), np.cumsum(total, axis=1)], axis=1)
    copies = np.concatenate([np.zeros((len(total), 1)), np.cumsum(of_copies, axis=1)], axis=1)
    measure = rows.measure[rows.row_of[holds]]
    first = np.arange(len(holds))
    best, best_last, best_shift = np.zeros(len(holds)), first.copy(), np.zeros(len(holds), dtype=int)
    for count in MEASURES:
        last = np.searchsorted(start, start + count * measure - 1)
        gain = np.where(last - first >= LEAST_HOLDS, sums[:, last] - sums[:, first], 0.0)
        shift = gain.argmax(axis=0)
        higher = gain[shift, first] > best
        best = np.where(higher, gain[shift, first], best)
        best_last, best_shift = np.where(higher, last, best_last), np.where(higher, shift, best_shift)
    for one in np.flatnonzero(best > 0).tolist():
        last, number = int(best_last[one]), int(best_shift[one])
        yield Stretch(one, last, SHIFTS[number], float(best[one]), float(copies[number, last] - copies[number, one]))

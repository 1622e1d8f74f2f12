"""What if the columns of a stretch of mania, or the colours of a stretch of taiko, were others?

A stretch that was mirrored, or of which two columns were exchanged or all notes moved by a column, is as regular inside as
before. It shows at its borders, where columns follow each other that seldom do in the map, and in the passages that the rows
around it repeat: there the stretch alone differs. Both are compared for single rows and for stretches of half a measure to two
measures. A column that was lost for a while shows in how often it is used before and after. No song and no network is needed
for it. Information in bits, gaps in beats. The colours of taiko are two columns (:mod:`maimod.features.taiko.slips`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import msgspec
import numpy as np

from maimod.features.mania.rows import Rows
from maimod.osu.timing import TICKS_PER_BEAT

LENGTHS = (0.5, 1.0, 2.0)
"""Measures of a stretch."""
LEAST_ROWS, MOST_ROWS = 2, 128
"""Of a stretch."""
LEAST_MAP_ROWS = 8
OUTSIDE_ROWS = 8
"""Rows on either side of a stretch, by which it is known which passages it repeats."""
UNSURE_NOTES = 4.0
"""Notes without agreement beside those outside of a stretch: few notes agree by chance."""
UNSURE_TRUST = 0.5
"""Added to the trust in all passages together."""
COPY_BITS = 4.0
"""Of a note that agrees with a passage that is wholly repeated outside of the stretch, against one that does not."""
SINGLE_WEIGHT = 2.0
"""Of the passages that are repeated beside the rows around, where one or two notes are in other columns. At one false row a minute, of 180 pairs that changed
columns 35 % are found with 1, 39 % with 2, 40 % with 3, of 135 single notes 32, 33 and 38 %. Alone they are no better than the model of slips: of 40 pairs and
46 notes in maps that no network has seen, 30 and 24 %, the model 33 and 61 %."""
MOST_KEYS = 10
"""Of maps in which each note is tried in each other column."""
OWN_GAPS = 4
"""The most frequent gaps of the map, which have habits of their own."""
MOST_SIZE = 3
"""Larger chords have the same habits."""
WIDE_WEIGHT, PRIOR_WEIGHT = 2.0, 0.5
"""Of the habits of all gaps beside those of one gap, and of chance beside those."""
LEAST_SHARE = 1e-3
INSIDE_WEIGHT = 0.5
"""Of the rows inside a stretch of mania beside those at its borders, whose habits tell more. At a false stretch a minute, of 354 measures with exchanged
columns 33 in place of 27 % are found."""
RATE_NOTES = 8
"""Notes of a column on either side of a gap in it, by which it is known how often the column is used."""
LEAST_NOTES = 4
LONGEST_GAP = 2.0
"""Between two notes that change columns."""

MIRRORED, EXCHANGED, MOVED, LATE = KINDS = ("mirrored", "exchanged", "moved", "late")
NAMES = (
    # By how many bits the rows would be likelier otherwise: mirrored, with two columns beside each other exchanged,
    # moved by one column, with the columns of the row before or after.
    *(f"{kind} row" for kind in KINDS),  # the row alone
    *(f"{kind} {side}" for side in ("from", "until") for kind in KINDS),  # the best stretch that begins or ends with it
    "borders",  # the most that the borders of a stretch that begins with it give
    "copies",  # the most that the repeated passages give
    "unused",  # notes that the column that misses most should have had around the row
    "unused after",  # the same for the time after the row
    "swapped",  # bits, if the single notes of the row and of one beside it changed columns
    "swapped copies",
    "elsewhere",  # bits, if one note of the row was in a free column
    "elsewhere copies",
)
"""Names of the features."""


class Stretch(msgspec.Struct, frozen=True):
    """Rows that would be likelier with other columns."""

    first: int
    last: int
    """After the last row."""
    kind: str
    """One of `KINDS`."""
    column: int
    """The first of two that are exchanged, or by how many all are moved; 0 of other kinds."""
    gain: float
    """Bits."""
    of_copies: float
    """The part of it that the passages that are repeated give."""


class ColumnAlternatives(msgspec.Struct, frozen=True):
    """Of one map."""

    features: np.ndarray
    """(n_rows, len(NAMES)); zeros in maps with few rows."""
    swapped: np.ndarray
    """(n_rows,) bits by which the map would be likelier if the single notes of a row and of the next one changed columns; 0 where
    they are none."""
    stretches: tuple[Stretch, ...]
    """For each row at which one can begin the best one of each length."""


def measure(rows: Rows) -> ColumnAlternatives:
    """Measure every row."""
    found = {name: np.zeros(rows.count) for name in NAMES}
    stretches: list[Stretch] = []
    swapped = np.zeros(rows.count)
    if rows.count >= LEAST_MAP_ROWS and rows.keys >= 2:
        others = _others(rows)
        borders, copies = _Borders(rows, others), _Copies(rows, others)
        every = np.arange(rows.count)
        _raise(
            found,
            others.kinds,
            "row",
            every,
            others.fitting(every, every + 1, borders.alone() + copies.gain(every, every + 1)),
        )
        for length in LENGTHS:
            first, last = _stretches(rows, length)
            of_borders, of_copies = borders.gain(first, last), copies.gain(first, last)
            total = others.fitting(first, last, of_borders + of_copies)
            _raise(found, others.kinds, "from", first, total)
            _raise(found, others.kinds, "until", np.minimum(last, rows.count - 1), total)
            for name, part in (("borders", of_borders), ("copies", of_copies)):
                np.maximum.at(found[name], first, others.fitting(first, last, part).max(axis=0))
            stretches += _best(others, first, last, total, of_copies)
        found["unused"], found["unused after"] = _unused(rows)
        if rows.keys > 2:
            swapped, of_copies = _swapped(rows, borders)
            for name, gains in (("swapped", swapped), ("swapped copies", of_copies)):
                found[name] = np.maximum(gains, _later(gains[None], 1)[0])
            if rows.keys <= MOST_KEYS:
                found["elsewhere"], found["elsewhere copies"] = _elsewhere(rows)
    return ColumnAlternatives(np.stack([found[name] for name in NAMES], axis=1), swapped, tuple(stretches))


def _best(
    others: _Others, first: np.ndarray, last: np.ndarray, total: np.ndarray, of_copies: np.ndarray
) -> Iterator[Stretch]:
    """The best way of each stretch, from the gains (n_others, n_stretches) and the part of the copies."""
    ways = total.argmax(axis=0)
    every = np.arange(len(first))
    columns = (first, last, ways, total[ways, every], of_copies[ways, every])
    for start, end, way, gain, part in zip(*(one.tolist() for one in columns), strict=True):
        if gain > 0:
            yield Stretch(start, end, others.kinds[way], others.columns[way], gain, part)


def _raise(found: dict[str, np.ndarray], kinds: tuple[str, ...], side: str, at: np.ndarray, values: np.ndarray) -> None:
    """Raise the features of each kind at rows `at` to the largest of the values (n_others, n_at)."""
    for kind in dict.fromkeys(kinds):
        own = [number for number, one in enumerate(kinds) if one == kind]
        np.maximum.at(found[f"{kind} {side}"], at, values[own].max(axis=0))


def _stretches(rows: Rows, length: float) -> tuple[np.ndarray, np.ndarray]:
    """First rows, and rows after the last, of the stretches of some measures that begin on a beat."""
    first = np.flatnonzero(rows.tick % TICKS_PER_BEAT == 0)
    last = np.searchsorted(rows.tick, rows.tick[first] + np.round(length * rows.measure[first]) - 1)
    good = (last - first >= LEAST_ROWS) & (last - first <= MOST_ROWS)
    return first[good], last[good]


def _sums(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Sums of values (n_others, n_rows, ...) from each `first` to before `last`: (n_others, n_stretches, ...)."""
    n = values.shape[1]
    total = np.zeros((values.shape[0], n + 1, *values.shape[2:]), dtype=np.float32)
    np.cumsum(values, axis=1, out=total[:, 1:], dtype=np.float32)
    return np.asarray(total[:, np.clip(last, 0, n)] - total[:, np.clip(first, 0, n)])


class _Others(msgspec.Struct, frozen=True):
    """The whole map with other columns, in several ways."""

    kinds: tuple[str, ...]
    """Of each way, one of `KINDS`."""
    columns: tuple[int, ...]
    """Of each way, as in `Stretch`."""
    occupied: np.ndarray
    """(n_others, n_rows, keys)."""
    lost: np.ndarray
    """(n_others, n_rows) whether a note of the row has no place."""

    def fitting(self, first: np.ndarray, last: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values (n_others, n_stretches), 0 where a note has no place."""
        return np.asarray(np.where(_sums(self.lost, first, last) == 0, values, 0.0))


def _others(rows: Rows) -> _Others:
    keys, occupied = rows.keys, rows.occupied
    none = np.zeros(rows.count, dtype=bool)
    found = [(MIRRORED, 0, occupied[:, ::-1], none)]
    if keys == 2:
        found += [(LATE, 0, np.roll(occupied, by, axis=0), none) for by in (-1, 1)]
    else:
        for column in range(keys - 1):
            order = np.arange(keys)
            order[[column, column + 1]] = column + 1, column
            found.append((EXCHANGED, column, occupied[:, order], none))
        for by, edge in ((-1, 0), (1, keys - 1)):
            moved = np.roll(occupied, by, axis=1)
            moved[:, keys - 1 - edge] = False
            found.append((MOVED, by, moved, occupied[:, edge]))
    kinds, columns, others, lost = zip(*found, strict=True)
    return _Others(kinds, columns, np.stack(others), np.stack(lost))


class _Borders:
    """How usual it is that a column is used, by what it and those beside it had in the two rows before."""

    def __init__(self, rows: Rows, others: _Others) -> None:
        self.rows, self.others = rows, others
        _, of, counts = np.unique(rows.ticks_between[:-1], return_inverse=True, return_counts=True)
        rank = np.argsort(np.argsort(-counts, kind="stable"))
        situation = np.minimum(rows.size, MOST_SIZE) + (MOST_SIZE + 1) * np.minimum(rank, OWN_GAPS)[of]
        self.situation = (32 * situation).astype(np.int16)[:, None]
        """(n_rows, 1) of the size of the row and the gap before it."""
        own = rows.occupied[None]
        self.before, self.new_before = _of_before(_later(own, 1)), _of_before(_later(others.occupied, 1))
        self.earlier, self.new_earlier = _of_earlier(_later(own, 2)), _of_earlier(_later(others.occupied, 2))
        """(n_others or 1, n_rows, keys) parts of the numbers of states, by the row before and by that before it."""
        self.state = self.situation + self.before + self.earlier
        self.tables = self._tables()

    def _tables(self) -> np.ndarray:
        """(3, 2, n_states) surprisal of a column that is not used and of one that is: by the whole map, and without a row that
        does not use it, and without one that does."""
        n, wide = 32 * (MOST_SIZE + 1) * (OWN_GAPS + 1), 32 * (MOST_SIZE + 1)
        state, used = self.state.ravel(), self.rows.occupied.ravel()
        total, hits = np.bincount(state, minlength=n), np.bincount(state, weights=used, minlength=n)
        all_total, all_hits = (np.tile(one.reshape(-1, wide).sum(axis=0), OWN_GAPS + 1) for one in (total, hits))
        chance = PRIOR_WEIGHT * (np.arange(n) // 32 % (MOST_SIZE + 1)) / self.rows.keys
        found = np.empty((3, 2, n))
        for number, (less, less_hits) in enumerate(((0, 0), (1, 0), (1, 1))):
            share = (np.maximum(all_hits - less_hits, 0) + chance) / (np.maximum(all_total - less, 0) + PRIOR_WEIGHT)
            share = (np.maximum(hits - less_hits, 0) + WIDE_WEIGHT * share) / (
                np.maximum(total - less, 0) + WIDE_WEIGHT
            )
            share = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
            found[number] = -np.log2(1 - share), -np.log2(share)
        return found.astype(np.float32).ravel()

    def _bits(self, now: np.ndarray, before: np.ndarray, earlier: np.ndarray) -> np.ndarray:
        """(n_others, n_rows) surprisal of the rows `now`; what they have in the map itself does not count."""
        state, own = self.situation + before + earlier, self.rows.occupied
        known = (state == self.state) * (own.astype(np.int16) + np.int16(1))
        n = np.int16(len(self.tables) // 6)
        return np.asarray(self.tables[(2 * known + now) * n + state].sum(axis=-1))

    @cached_property
    def _own(self) -> np.ndarray:
        return self._bits(self.rows.occupied[None], self.before, self.earlier)

    @cached_property
    def _first(self) -> np.ndarray:
        """The first row of a stretch."""
        return self._bits(self.others.occupied, self.before, self.earlier) - self._own

    @cached_property
    def _second_after(self) -> np.ndarray:
        """The second row after a stretch."""
        return self._bits(self.rows.occupied[None], self.before, self.new_earlier) - self._own

    def alone(self) -> np.ndarray:
        """(n_others, n_rows) gain of each row with other columns [bits]."""
        after = self._bits(self.rows.occupied[None], self.new_before, self.earlier) - self._own
        return -(self._first + _sooner(after, 1) + _sooner(self._second_after, 2))

    @cached_property
    def _of_stretches(self) -> tuple[np.ndarray, ...]:
        """(n_others, n_rows) surprisal more than in the map of the first and second row, of one inside, and of the first and second
        row after a stretch."""
        own, new = self.rows.occupied[None], self.others.occupied
        second = self._bits(new, self.new_before, self.earlier) - self._own
        inside = self._bits(new, self.new_before, self.new_earlier) - self._own
        after = self._bits(own, self.new_before, self.new_earlier) - self._own
        return self._first, second, inside, after, self._second_after

    def swapped(self) -> np.ndarray:
        """(n_rows,) by how much likelier the map is if each row and the next one change columns [bits]."""
        own = self.rows.occupied[None]
        one, two, three, following = (*(_later(own, by) for by in (1, 2, 3)), _sooner(own, 1))
        first = self._bits(following, _of_before(one), _of_earlier(two))
        second = self._bits(one, _of_before(own), _of_earlier(two))
        after = self._bits(own, _of_before(two), _of_earlier(one))
        then = self._bits(own, _of_before(one), _of_earlier(three))
        first, second, after, then = (bits - self._own for bits in (first, second, after, then))
        return -(first + _sooner(second, 1) + _sooner(after, 2) + _sooner(then, 3))[0]

    def gain(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """(n_others, n_stretches) by how much likelier the map is with other columns from `first` to before `last` [bits]."""
        one, two, inside, after, then = self._of_stretches
        weight = INSIDE_WEIGHT if self.rows.keys > 2 else 1.0
        total = one[:, first] + two[:, first + 1] + weight * _sums(inside, first + 2, last)
        return -(total + _at(after, last) + _at(then, last + 1))


def _swapped(rows: Rows, borders: _Borders) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows,) each: the gain if the single notes of a row and of the next one change columns, and the part of it that the repeated
    passages give [bits]; 0 where they are none."""
    own, there = rows.occupied.astype(np.float32), rows.lag_columns.astype(np.float32)
    change = _sooner(own[None], 1)[0] - own
    gains = np.einsum("rlk,rk->rl", there - _sooner(there[None], 1)[0], change)
    trust = ((rows.trust + _sooner(rows.trust[None], 1)[0]) / 2) ** 2
    of_copies = SINGLE_WEIGHT * COPY_BITS * (trust * gains).sum(axis=1) / (trust.sum(axis=1) + UNSURE_TRUST)
    is_single = (rows.size == 1) & (rows.gap[1:] < LONGEST_GAP)
    can_swap = is_single & (_sooner(rows.size[None], 1)[0] == 1) & change.any(axis=1)
    return np.where(can_swap, borders.swapped() + of_copies, 0.0), np.where(can_swap, of_copies, 0.0)


def _elsewhere(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows,) each: the gain of each row if one of its notes were in the best free column, and the part of it that the repeated
    passages give [bits]."""
    taken, every = rows.occupied | rows.held, np.arange(rows.count)
    best, best_copies = np.zeros(rows.count), np.zeros(rows.count)
    for column in range(rows.keys):
        others = [one for one in range(rows.keys) if one != column]
        occupied = np.repeat(rows.occupied[None], len(others), axis=0)
        can_move = rows.occupied[:, column] & ~taken[:, others].T
        occupied[:, :, column] &= ~can_move
        occupied[np.arange(len(others)), :, others] |= can_move
        moved = _Others((MOVED,) * len(others), (0,) * len(others), occupied, ~can_move)
        of_copies = SINGLE_WEIGHT * _Copies(rows, moved).gain(every, every + 1)
        total = np.where(can_move, _Borders(rows, moved).alone() + of_copies, 0.0)
        way = total.argmax(axis=0)
        is_better = total[way, every] > best
        best = np.where(is_better, total[way, every], best)
        best_copies = np.where(is_better, of_copies[way, every], best_copies)
    return best, best_copies


def _of_before(before: np.ndarray) -> np.ndarray:
    """Part of the number of a state: whether the row before (..., keys) has the column, one beside it, the mirrored one."""
    beside = np.zeros_like(before)
    beside[..., 1:] |= before[..., :-1]
    beside[..., :-1] |= before[..., 1:]
    return (before + 2 * beside.astype(np.int16) + 4 * before[..., ::-1].astype(np.int16)).astype(np.int16)


def _of_earlier(earlier: np.ndarray) -> np.ndarray:
    return (8 * earlier.astype(np.int16) + 16 * earlier[..., ::-1].astype(np.int16)).astype(np.int16)


def _later(values: np.ndarray, by: int) -> np.ndarray:
    """Values (n, n_rows, ...) `by` rows later; none in the first rows."""
    found = np.zeros_like(values)
    found[:, by:] = values[:, :-by]
    return found


def _sooner(values: np.ndarray, by: int) -> np.ndarray:
    found = np.zeros_like(values)
    found[:, :-by] = values[:, by:]
    return found


def _at(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values (n_others, n_rows) of rows; 0 after the last."""
    n = values.shape[1]
    return np.asarray(np.where(rows < n, values[:, np.minimum(rows, n - 1)], 0.0))


class _Copies:
    """What the passages have that are repeated around a stretch."""

    def __init__(self, rows: Rows, others: _Others) -> None:
        there = rows.lag_columns.astype(np.float32)
        own = rows.occupied.astype(np.float32)
        self.count = rows.count
        self.gains = np.stack(
            [(there @ (other - own)[:, :, None])[..., 0] for other in others.occupied.astype(np.float32)]
        )
        """(n_others, n_rows, n_lags) notes more that agree."""
        self.common = (there @ own[:, :, None])[..., 0][None]
        valid = np.concatenate([rows.partners >= 0] * 2, axis=1)
        self.either = np.where(valid, there.sum(axis=2) + own.sum(axis=1)[:, None] - self.common[0], 0.0)[None]

    def gain(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """(n_others, n_stretches)."""
        low, high = first - OUTSIDE_ROWS, last + OUTSIDE_ROWS
        common, either = (_sums(one, low, first) + _sums(one, last, high) for one in (self.common, self.either))
        trust = (common / (either + UNSURE_NOTES)) ** 2
        total = (trust * _sums(self.gains, first, last)).sum(axis=2)
        return np.asarray(COPY_BITS * total / (trust.sum(axis=2) + UNSURE_TRUST))


def _unused(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows,) each: `unused` and `unused after`."""
    here, after = np.zeros(rows.count), np.zeros(rows.count)
    beats = np.concatenate([[0.0], np.cumsum(rows.gap[1:-1])])
    for column in range(rows.keys):
        at = np.flatnonzero(rows.occupied[:, column])
        if len(at) < LEAST_NOTES:
            continue
        gaps = np.diff(beats[at])
        number = np.arange(len(gaps))
        low, high = np.maximum(number - RATE_NOTES, 0), np.minimum(number + 1 + RATE_NOTES, len(gaps))
        others = beats[at[high]] - beats[at[low]] - gaps
        expected = (high - low - 1) / np.maximum(others, 0.25) * gaps
        of_row = np.searchsorted(at, np.arange(rows.count), side="right") - 1
        inside = (of_row >= 0) & (of_row < len(gaps))
        value = np.where(inside, expected[np.clip(of_row, 0, len(gaps) - 1)], 0.0)
        after = np.maximum(after, value)
        here = np.maximum(here, np.where(rows.occupied[:, column], 0.0, value))
    return here, after

"""Numbers by which :mod:`maimod.rules.slip_model` finds slips of mania: notes in a wrong column, chords with a note too many
or too few, hold notes that end at a wrong time.

They compare a note with its neighbours in time, with the same place of the measures around that are alike (mirrored ones
included), and with what follows the same columns elsewhere in the map. A *row* is what starts at one time: a note or a
chord. Times in ms, gaps in beats; a *mask* has a bit for each column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid
from maimod.rules.geometry import shifted

SAME_MS = 3.0
"""Notes this close start together, and ends this close are at one time."""
MOST_KEYS = 20
NO_GAP_BEATS = 32.0
"""Gap where there is no other note."""
LAG_TICKS = (24, 48, 96)
LAG_MEASURES = (1, 2, 4, 8, 16)
"""Times before and after, at which the map may repeat itself."""
AROUND_ROWS = 6
"""Rows on either side that tell whether the map repeats itself at a lag."""
AROUND_NOTES = 24
ALIKE = 1.03
"""Gaps whose ratio is less are equal."""
BACK_OFF = 1.0
"""Weight of the shorter context in the probabilities of columns (absolute counts, as in Witten-Bell smoothing)."""
LEAST_TRUST = 0.55
"""A lag at which this share of the notes around agree tells what is expected."""

CONTEXTS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "before": ((-1,), (-2, -1), (-3, -2, -1)),
    "after": ((1,), (1, 2), (1, 2, 3)),
    "both": ((-1, 1), (-2, -1, 1, 2)),
}
"""Rows from which the columns of a row are expected, by growing length."""
PAIR_CONTEXTS: Mapping[str, tuple[tuple[int, ...], ...]] = {"around": ((-1,), (-1, 2), (-2, -1, 2, 3))}
"""Rows from which those of a row and the next one are expected."""

_COLUMN_GAPS = ("start", "end", "rows")
COLUMN_NAMES = (
    *(f"{what} {side}" for side in ("before", "after") for what in _COLUMN_GAPS),
    *(f"map {what} {side}" for side in ("before", "after") for what in _COLUMN_GAPS),
    *(f"around {what} {side}" for side in ("before", "after") for what in _COLUMN_GAPS),
    *(f"recency {side}" for side in ("before", "after")),
    *(f"map recency {side}" for side in ("before", "after")),
    *(f"around recency {side}" for side in ("before", "after")),
    *(f"best free gap {side}" for side in ("before", "after", "both")),
    "free",
    *(f"bits {name}" for name in CONTEXTS),
    *(f"other bits {name}" for name in CONTEXTS),
    *(f"without bits {name}" for name in CONTEXTS),
    "exchange bits",
    "exchange vote",
    "exchange gap",
    "vote",
    "other vote",
    "trust",
    "best lag",
    "best lag has",
    "best lag has other",
    "mirrored vote",
    "column share",
    "hand before",
    "hand after",
    "hand size",
    "row size",
    "row gap before",
    "row gap after",
    "hold",
    "held",
    "holds",
    "keys",
    "divisor",
    "density",
    "size bits",
)
"""Features of a note's column."""
CHORD_NAMES = (
    "size",
    *(f"{what} {phase}" for phase in ("beat", "half", "measure") for what in ("same", "more", "less")),
    *(f"{what} {phase} around" for phase in ("beat", "half") for what in ("same", "more", "less")),
    *(f"{what} {name}" for name in CONTEXTS for what in ("bits", "more bits", "less bits")),
    *(f"mask {what} {name}" for name in CONTEXTS for what in ("bits", "more bits", "less bits")),
    "lag size",
    "lag trust",
    "lag same",
    "lag more",
    "lag less",
    "best lag",
    "best lag size",
    "sound same",
    "sound more",
    "sound less",
    "worst gap",
    "worst around",
    "vote least",
    "vote most free",
    "before size",
    "after size",
    "row gap before",
    "row gap after",
    "holds",
    "held",
    "keys",
    "divisor",
    "density",
    "free",
)
"""Features of a row, for chords."""
END_NAMES = (
    "hold",
    "length",
    "same length",
    "same length around",
    "end divisor",
    "same end divisor",
    "end phase",
    "gap after",
    "same gap after",
    "same gap after around",
    "gap to row",
    "same gap to row",
    "same gap to row around",
    "ends with start",
    "ends with end",
    "ends inside",
    "rows inside",
    "start after",
    "row holds",
    "row size",
    "row same end",
    "row other end",
    "holds around",
    "holds at phase",
    "holds",
    "holds of column",
    "lag trust",
    "lag hold",
    "lag same length",
    "lag other length",
    "best lag",
    "best lag hold",
    "best lag off",
    "length before",
    "length after",
    "hold before",
    "hold after",
    "row gap before",
    "row gap after",
    "size of lag",
    "lag holds",
    "best lag holds",
    *(f"{what} {name}" for name in CONTEXTS for what in ("hold bits", "more holds bits", "less holds bits")),
    "keys",
    "divisor",
    "density",
)
"""Features of the end of a note."""


@dataclass(frozen=True)
class Expectation:
    """What the map leads to expect of each note's column."""

    column: np.ndarray
    """(n_notes,) the likeliest other column; -1 if none is free."""
    places: np.ndarray
    """(n_notes,) measures around that are alike and have a row at this place."""
    places_with: np.ndarray
    """(n_notes,) those of them that have a note in the note's own column."""
    places_with_other: np.ndarray
    """(n_notes,) those that have one in the expected column."""
    example: np.ndarray
    """(n_notes,) ms of the most trusted of these; not a number if there is none."""


@dataclass(frozen=True)
class ManiaMeasures:
    """Numbers of every note, in order of time."""

    columns: np.ndarray
    """float32 (n_notes, len(COLUMN_NAMES))."""
    chords: np.ndarray
    """float32 (n_notes, len(CHORD_NAMES)), those of the note's row."""
    ends: np.ndarray
    """float32 (n_notes, len(END_NAMES))."""
    row_of: np.ndarray
    """(n_notes,) number of the note's row."""
    expectation: Expectation
    chord_size: np.ndarray
    """(n_notes,) size of the row at the same place of the passage that is most alike; its own if none is."""
    chord_example: np.ndarray
    """(n_notes,) ms of that row."""
    length: np.ndarray
    """(n_notes,) beats of the longest hold at the same place of the passage that is most alike, 0 for a note, -1 if none is."""
    length_example: np.ndarray
    """(n_notes,) ms of that place."""


def measure(beatmap: Beatmap, notes: Sequence[HitObject]) -> ManiaMeasures:
    """Measure every note of a mania map.

    Args:
        beatmap: gives the columns and the beats.
        notes: in order of time.
    """
    rows = _Rows(beatmap, notes)
    columns, expectation = _columns(rows)
    chords, sizes, chord_times = _chords(rows)
    ends, lengths, length_times = _ends(rows)
    of = rows.row_of
    return ManiaMeasures(
        columns, chords[of], ends, of, expectation, sizes[of], chord_times[of], lengths, length_times[of]
    )


class _Rows:
    """A map as rows of columns."""

    def __init__(self, beatmap: Beatmap, notes: Sequence[HitObject]) -> None:
        self.keys = min(beatmap.keys, MOST_KEYS)
        self.notes = notes
        self.column = np.minimum(np.array([beatmap.column(o) for o in notes]), self.keys - 1)
        self.start = np.array([o.time for o in notes])
        self.end = np.array([o.end_time for o in notes])
        self.is_hold = self.end - self.start > SAME_MS
        self.row_of = _group(self.start)
        firsts = np.flatnonzero(np.diff(self.row_of, prepend=-1))
        self.time = self.start[firsts]
        self.count = len(firsts)
        self.occupied = np.zeros((self.count, self.keys), dtype=bool)
        self.occupied[self.row_of, self.column] = True
        self.size = self.occupied.sum(axis=1)
        self.mask = (self.occupied * (1 << np.arange(self.keys, dtype=np.int64))).sum(axis=1)
        self.grid = BeatGrid(beatmap)
        self.tick = self.grid.ticks(self.time)
        self.in_measure, self.measure = self.grid.measure_ticks(self.tick)
        self.beat = self.grid.beat_lengths[self.grid.section_of_ticks(self.tick.astype(float))]
        self.gap = np.concatenate([[NO_GAP_BEATS], np.diff(self.time) / self.beat[1:], [NO_GAP_BEATS]])
        """(n_rows + 1,) beats before each row and after the last."""
        self.density = np.log2(self.count / max((self.time[-1] - self.time[0]) / 60_000, 0.1))

    @cached_property
    def held(self) -> np.ndarray:
        """(n_rows, keys) whether a hold that began before the row goes on after it."""
        found = np.zeros((self.count, self.keys), dtype=bool)
        for i in np.flatnonzero(self.is_hold).tolist():
            until = int(np.searchsorted(self.time, self.end[i] - SAME_MS))
            found[self.row_of[i] + 1 : until, self.column[i]] = True
        return found

    @cached_property
    def partners(self) -> np.ndarray:
        """(n_rows, n_lags) row at each lag; -1 where there is none."""
        lags = [np.full(self.count, by) for by in LAG_TICKS] + [self.measure * by for by in LAG_MEASURES]
        signed = np.stack([sign * lag for lag in lags for sign in (-1, 1)], axis=1)
        there = self.tick[:, None] + signed
        index = np.clip(np.searchsorted(self.tick, there), 0, self.count - 1)
        return np.asarray(np.where(self.tick[index] == there, index, -1))

    def at_lags(self, values: np.ndarray) -> np.ndarray:
        """(n_rows, n_lags, ...) values of the partners; those of row 0 where there is none."""
        return np.asarray(values[np.maximum(self.partners, 0)])

    def time_at(self, lags: np.ndarray) -> np.ndarray:
        """(n_rows,) ms of the partner of each row at one lag; meaningless where it has none."""
        return np.asarray(self.time[np.maximum(self.partners[np.arange(self.count), lags], 0)])

    @cached_property
    def trust(self) -> np.ndarray:
        """(n_rows, 2 * n_lags) share of the notes of the rows around that their partner has too, in the same columns and in
        the mirrored ones; 0 where the row has no partner."""
        there = self.at_lags(self.occupied) & (self.partners >= 0)[..., None]
        either = np.maximum(self.size[:, None] + there.sum(axis=2), 1)
        plain = 2 * (there & self.occupied[:, None]).sum(axis=2) / either
        mirrored = 2 * (there & self.occupied[:, None, ::-1]).sum(axis=2) / either
        agreed = np.concatenate([plain, mirrored], axis=1)
        valid = np.concatenate([self.partners >= 0] * 2, axis=1)
        return np.asarray(np.where(valid, _around_rows(agreed, AROUND_ROWS), 0.0))

    @cached_property
    def lag_columns(self) -> np.ndarray:
        """(n_rows, 2 * n_lags, keys) what the partners have, as they are and mirrored."""
        there = self.at_lags(self.occupied) & (self.partners >= 0)[..., None]
        return np.concatenate([there, there[..., ::-1]], axis=1)

    @cached_property
    def votes(self) -> np.ndarray:
        """(n_rows, keys) share of the partners that have each column, weighted by the cube of their trust."""
        weights = self.trust[..., None] ** 3
        return np.asarray((self.lag_columns * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-6))

    @cached_property
    def best_lag(self) -> np.ndarray:
        """(n_rows,) the most trusted lag."""
        return np.asarray(self.trust.argmax(axis=1))

    @cached_property
    def divisor(self) -> np.ndarray:
        """(n_rows,) log2 of the ticks of the coarsest usual grid that each row is on; -1 off them."""
        return _divisors(self.tick)

    @cached_property
    def model(self) -> _Model:
        """Of the masks."""
        mirrored = _mirror(self.mask, self.keys)
        return _Model(self.mask, self.mask, self.ticks_between, (mirrored, mirrored))

    @cached_property
    def size_model(self) -> _Model:
        return _Model(self.size, self.size, self.ticks_between)

    @cached_property
    def ticks_between(self) -> np.ndarray:
        """(n_rows + 1,) ticks before each row and after the last, long ones alike."""
        ticks = np.diff(self.tick, prepend=self.tick[0] - 192, append=self.tick[-1] + 192)
        return np.minimum(ticks, 96)

    @cached_property
    def near(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_rows, keys) beats from the last start in each column before the row, and to the next one after it."""
        before, after = np.full((self.count, self.keys), -np.inf), np.full((self.count, self.keys), np.inf)
        last = np.full(self.keys, -np.inf)
        for row in range(self.count):
            before[row] = last
            last[self.occupied[row]] = self.time[row]
        following = np.full(self.keys, np.inf)
        for row in range(self.count - 1, -1, -1):
            after[row] = following
            following[self.occupied[row]] = self.time[row]
        gaps = (self.time[:, None] - before) / self.beat[:, None], (after - self.time[:, None]) / self.beat[:, None]
        return np.minimum(gaps[0], NO_GAP_BEATS), np.minimum(gaps[1], NO_GAP_BEATS)


def _group(starts: np.ndarray) -> np.ndarray:
    """Numbers of the rows of notes in order of time."""
    found, row, first = np.zeros(len(starts), dtype=int), -1, -np.inf
    for i, start in enumerate(starts.tolist()):
        if start - first >= SAME_MS:
            row, first = row + 1, start
        found[i] = row
    return found


def _divisors(ticks: np.ndarray) -> np.ndarray:
    found = np.full(len(ticks), -1.0)
    for step in (3, 4, 6, 8, 12, 16, 24, 48):
        found[ticks % step == 0] = np.log2(step)
    return found


def _around_rows(values: np.ndarray, reach: int) -> np.ndarray:
    """Means of the rows on either side, the row itself left out."""
    total, count = np.zeros_like(values, dtype=float), np.zeros(len(values))
    for by in range(1, reach + 1):
        if by < len(values):
            total[by:] += values[:-by]
            total[:-by] += values[by:]
            count[by:] += 1
            count[:-by] += 1
    shape = (-1,) + (1,) * (values.ndim - 1)
    return np.asarray(total / np.maximum(count, 1).reshape(shape))


def _share_below(values: np.ndarray) -> np.ndarray:
    """(n,) share of the other values that are at most as large."""
    ordered = np.sort(values)
    return np.asarray((np.searchsorted(ordered, values * ALIKE, side="right") - 1) / max(len(values) - 1, 1))


def _share_below_around(values: np.ndarray) -> np.ndarray:
    """(n,) share of the values of the notes around that are at most as large."""
    found, count = np.zeros(len(values)), np.zeros(len(values))
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        other = shifted(values, by)
        there = ~np.isnan(other)
        found += there & (np.nan_to_num(other) <= values * ALIKE)
        count += there
    return np.asarray(found / np.maximum(count, 1))


def _same(values: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """(n,) share of the other values that are equal, among those of the same group."""
    groups = np.zeros(len(values), dtype=np.int64) if among is None else np.unique(among, return_inverse=True)[1]
    kinds = np.unique(values, return_inverse=True)[1]
    pairs = groups * (kinds.max(initial=0) + 1) + kinds
    counts = np.bincount(pairs)[pairs] - 1
    total = np.bincount(groups)[groups] - 1
    return np.asarray(counts / np.maximum(total, 1))


def _same_around(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n,) share of equal values among the notes around, of those that are there; -1 if none is."""
    found, count = np.zeros(len(values)), np.zeros(len(values))
    known = np.where(there, values, np.nan).astype(float)
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        other = shifted(known, by)
        found += other == values
        count += ~np.isnan(other)
    return np.asarray(np.where(count > 0, found / np.maximum(count, 1), -1.0))


# ---------------------------------------------------------------------------------------------------------------------
# What follows what


class _Counts:
    """How often each symbol has each context, without the row that is compared."""

    def __init__(self, keys: np.ndarray, symbols: np.ndarray) -> None:
        self.keys, self.symbols = keys, symbols
        self._contexts, self._context_counts = np.unique(keys, return_counts=True)
        self._pairs, self._pair_counts = np.unique(_mixed(keys, symbols), return_counts=True)

    def of(self, keys: np.ndarray, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Occurrences of the contexts, and of the symbols in them; contexts (n,), symbols (n, ...)."""
        shape = (-1,) + (1,) * (symbols.ndim - 1)
        total = _looked_up(self._contexts, self._context_counts, keys)
        pairs = _looked_up(self._pairs, self._pair_counts, _mixed(keys.reshape(shape), symbols))
        return total.reshape(shape), pairs


def _mixed(keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One whole number for each pair; collisions of 64 bits do no harm."""
    with np.errstate(over="ignore"):
        mixed = (keys.astype(np.uint64) ^ np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(29))) + values.astype(np.int64).astype(np.uint64)
        return np.asarray(mixed * np.uint64(0x94D049BB133111EB))


def _looked_up(known: np.ndarray, counts: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.asarray(np.where(known[place] == wanted, counts[place], 0))


def _context_keys(symbols: np.ndarray, gaps: np.ndarray, offsets: Sequence[int]) -> np.ndarray:
    """(n_rows,) a number for the symbols of the rows at some offsets and their distances in time."""
    n = len(symbols)
    keys = np.full(n, len(offsets), dtype=np.uint64)
    rows = np.arange(n)
    for by in offsets:
        there = (rows + by >= 0) & (rows + by < n)
        index = np.clip(rows + by, 0, n - 1)
        # The gap next to that row, on the side of the row that is compared.
        gap = gaps[np.clip(rows + by + (1 if by < 0 else 0), 0, n)]
        keys = _mixed(_mixed(keys, np.where(there, symbols[index], -1 - abs(by))), gap)
    return keys


class _Model:
    """Probabilities of the symbols of rows by their contexts in the same map; the row itself does not count."""

    def __init__(
        self,
        symbols: np.ndarray,
        rows: np.ndarray,
        gaps: np.ndarray,
        mirrored: tuple[np.ndarray, np.ndarray] | None = None,
        contexts: Mapping[str, tuple[tuple[int, ...], ...]] = CONTEXTS,
    ) -> None:
        """Args:
        symbols: (n_rows,).
        rows: (n_rows,) what the contexts are made of.
        gaps: (n_rows + 1,) whole numbers before each row and after the last.
        mirrored: symbols and rows of the mirrored map, which counts too.
        contexts: chains of offsets, by name.
        """
        self.symbols, self.mirrored, self.chains = symbols, None if mirrored is None else mirrored[0], contexts
        self._contexts: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray | None, _Counts]] = {}
        for offsets in {offsets for chain in contexts.values() for offsets in chain} | {()}:
            keys = _context_keys(rows, gaps, offsets)
            other = None if mirrored is None else _context_keys(mirrored[1], gaps, offsets)
            counted = (
                _Counts(keys, symbols)
                if other is None or mirrored is None
                else _Counts(np.concatenate([keys, other]), np.concatenate([symbols, mirrored[0]]))
            )
            self._contexts[offsets] = (keys, other, counted)

    def bits(self, chain: str, rows: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Surprisal of symbols (n, ...) in the contexts of rows (n,)."""
        shape = (-1,) + (1,) * (symbols.ndim - 1)
        own = self.symbols[rows].reshape(shape)
        found = np.full(symbols.shape, 1 / 64)
        for offsets in ((), *self.chains[chain]):
            keys, other, counted = self._contexts[offsets]
            total, pairs = counted.of(keys[rows], symbols)
            total, pairs = total - 1, pairs - (symbols == own)
            if other is not None and self.mirrored is not None:
                itself = (other[rows] == keys[rows]).reshape(shape)
                total = total - itself
                pairs = pairs - (itself & (symbols == self.mirrored[rows].reshape(shape)))
            found = (np.maximum(pairs, 0) + BACK_OFF * found) / (np.maximum(total, 0) + BACK_OFF)
        return np.asarray(-np.log2(np.maximum(found, 1e-9)))


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def _columns(rows: _Rows) -> tuple[np.ndarray, Expectation]:
    n, of, own = len(rows.notes), rows.row_of, rows.column
    gaps = _column_gaps(rows)
    found: dict[str, np.ndarray] = {}
    for name, values in gaps.items():
        found[name] = np.log2(np.maximum(values, 1 / 64))
        found[f"map {name}"], found[f"around {name}"] = _share_below(values), _share_below_around(values)
    is_free = ~(rows.occupied | rows.held)[of]
    for side, near in zip(("before", "after"), rows.near, strict=True):
        rank = (near[of] < gaps_of(near, of, own)[:, None] / ALIKE).sum(axis=1)
        found[f"recency {side}"], found[f"map recency {side}"] = rank, _same(rank)
        found[f"around recency {side}"] = _same_around(rank, np.ones(n, dtype=bool))
        found[f"best free gap {side}"] = np.log2(np.where(is_free, near[of], 1 / 64).max(axis=1))
    both = np.minimum(*rows.near)[of]
    found["best free gap both"] = np.log2(np.maximum(np.where(is_free, both, 1 / 64).max(axis=1), 1 / 64))
    found["free"] = is_free.sum(axis=1)
    bit = np.int64(1) << np.arange(rows.keys, dtype=np.int64)
    without = rows.mask[of] & ~bit[own]
    moved = without[:, None] | bit
    model = rows.model
    total = np.zeros((n, rows.keys))
    for name in CONTEXTS:
        bits = model.bits(name, of, rows.mask[of])
        others = model.bits(name, of, moved)
        total += others - bits[:, None]
        found[f"bits {name}"] = bits
        found[f"other bits {name}"] = np.where(is_free, others, 40.0).min(axis=1) - bits
        found[f"without bits {name}"] = np.where(without > 0, model.bits(name, of, without) - bits, 20.0)
    votes, trust, best = rows.votes[of], rows.trust[of], rows.best_lag[of]
    at_best = rows.lag_columns[of, best]
    note = np.arange(n)
    found |= {
        "vote": votes[note, own],
        "other vote": np.where(is_free, votes, 0.0).max(axis=1),
        "trust": trust.mean(axis=1),
        "best lag": trust.max(axis=1),
        "best lag has": at_best[note, own],
        "best lag has other": (at_best & is_free).any(axis=1),
        "mirrored vote": votes[note, rows.keys - 1 - own],
        "column share": np.bincount(own, minlength=rows.keys)[own] / n * rows.keys,
        "row size": rows.size[of],
        "row gap before": np.log2(np.maximum(rows.gap[:-1], 1 / 64))[of],
        "row gap after": np.log2(np.maximum(rows.gap[1:], 1 / 64))[of],
        "hold": rows.is_hold,
        "held": rows.held.sum(axis=1)[of],
        "holds": np.full(n, rows.is_hold.mean()),
        "keys": np.full(n, rows.keys),
        "divisor": rows.divisor[of],
        "density": np.full(n, rows.density),
        "size bits": rows.size_model.bits("both", of, rows.size[of]),
        **_hands(rows),
        **_exchanges(rows),
    }
    expectation = _expectation(rows, total, votes, is_free)
    return _table(found, COLUMN_NAMES), expectation


def gaps_of(near: np.ndarray, of: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n_notes,) the gap of each note in its column."""
    return np.asarray(near[of, columns])


def _column_gaps(rows: _Rows) -> dict[str, np.ndarray]:
    """Beats, and rows, between each note and its neighbours in its column."""
    n = len(rows.notes)
    found = {f"{what} {side}": np.full(n, NO_GAP_BEATS) for side in ("before", "after") for what in _COLUMN_GAPS}
    beat = rows.beat[rows.row_of]
    for column in range(rows.keys):
        own = np.flatnonzero(rows.column == column)
        if len(own) < 2:
            continue
        first, second = own[:-1], own[1:]
        start = (rows.start[second] - rows.start[first]) / beat[second]
        end = np.maximum(rows.start[second] - rows.end[first], 0) / beat[second]
        between = (rows.row_of[second] - rows.row_of[first]).astype(float)
        for what, values in (("start", start), ("end", end), ("rows", between)):
            found[f"{what} before"][second] = np.minimum(values, NO_GAP_BEATS)
            found[f"{what} after"][first] = np.minimum(values, NO_GAP_BEATS)
    return found


def _mirror(masks: np.ndarray, keys: int) -> np.ndarray:
    found = np.zeros_like(masks)
    for column in range(keys):
        found |= ((masks >> column) & 1) << (keys - 1 - column)
    return found


def _hands(rows: _Rows) -> dict[str, np.ndarray]:
    """Notes of the rows beside that are on the side of the note, and of the row itself."""
    half = rows.keys / 2
    side = np.sign(np.arange(rows.keys) + 0.5 - half)
    left, right = rows.occupied[:, side < 0].sum(axis=1), rows.occupied[:, side > 0].sum(axis=1)
    own = side[rows.column]
    here = np.where(own < 0, left[rows.row_of], np.where(own > 0, right[rows.row_of], 0))
    found = {"hand size": here}
    for name, by in (("hand before", -1), ("hand after", 1)):
        index = np.clip(rows.row_of + by, 0, rows.count - 1)
        same = np.where(own < 0, left[index], right[index])
        found[name] = same / np.maximum(rows.size[index], 1)
    return found


def _exchanges(rows: _Rows) -> dict[str, np.ndarray]:
    """How much better a note and one of the row beside would fit in each other's column: by context [bits], by the places
    alike, by the gaps in both columns [log2]."""
    found = {name: np.full(len(rows.notes), -20.0) for name in ("exchange bits", "exchange vote", "exchange gap")}
    first, second = _pairs(rows)
    row, a, b = rows.row_of[first], rows.column[first], rows.column[second]
    later = row + 1
    fits = ~(rows.occupied | rows.held)[row, b] & ~(rows.occupied | rows.held)[later, a]
    first, second, row, later, a, b = (one[fits] for one in (first, second, row, later, a, b))
    if not len(row):
        return found
    following = np.append(rows.mask[1:], 0)
    mirrored = _mirror(rows.mask, rows.keys)
    model = _Model(
        _joined(rows.mask, following),
        rows.mask,
        rows.ticks_between,
        (_joined(mirrored, np.append(mirrored[1:], 0)), mirrored),
        PAIR_CONTEXTS,
    )
    both = (np.int64(1) << a) ^ (np.int64(1) << b)
    exchanged = _joined(rows.mask[row] ^ both, rows.mask[later] ^ both)
    before, after = rows.near
    between = rows.gap[later]
    old = np.minimum.reduce([before[row, a], after[row, a], before[later, b], after[later, b]])
    new = np.minimum.reduce([before[row, b], after[later, b] + between, before[row, a] + between, after[later, a]])
    gains = {
        "exchange bits": model.bits("around", row, _joined(rows.mask[row], rows.mask[later]))
        - model.bits("around", row, exchanged),
        "exchange vote": rows.votes[row, b] + rows.votes[later, a] - rows.votes[row, a] - rows.votes[later, b],
        "exchange gap": np.log2(np.maximum(new, 1 / 64) / np.maximum(old, 1 / 64)),
    }
    for name, gain in gains.items():
        for note in (first, second):
            np.maximum.at(found[name], note, gain)
    return found


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One whole number for two masks."""
    return first << np.int64(MOST_KEYS) | second


def _pairs(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a note and one of the next row."""
    n = len(rows.notes)
    counts = np.bincount(rows.row_of, minlength=rows.count)
    starts = np.concatenate([[0], np.cumsum(counts)])
    partners = np.append(counts[1:], 0)[rows.row_of]
    first = np.repeat(np.arange(n), partners)
    within = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    return first, starts[rows.row_of[first] + 1] + within


def _expectation(rows: _Rows, bits: np.ndarray, votes: np.ndarray, is_free: np.ndarray) -> Expectation:
    """The other column that context and alike places agree on most."""
    of, own = rows.row_of, rows.column
    merit = np.where(is_free, 6 * (votes - votes[np.arange(len(own)), own][:, None]) - bits / len(CONTEXTS), -np.inf)
    column = np.where(is_free.any(axis=1), merit.argmax(axis=1), -1)
    trusted = (rows.trust >= LEAST_TRUST) & rows.lag_columns.any(axis=2)
    there = rows.lag_columns & trusted[..., None]
    places = trusted.sum(axis=1)[of]
    counts = there.sum(axis=1)[of]
    note = np.arange(len(own))
    with_other = np.where(there[of, :, column], rows.trust[of], 0.0)
    best = with_other.argmax(axis=1)
    partner = rows.partners[of, best % rows.partners.shape[1]]
    example = np.where((column >= 0) & (with_other[note, best] > 0), rows.time[np.maximum(partner, 0)], np.nan)
    return Expectation(column, places, counts[note, own], np.where(column >= 0, counts[note, column], 0), example)


def _table(found: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    columns = np.stack([np.asarray(found[name], dtype=float) for name in names], axis=1)
    return np.nan_to_num(columns, nan=0.0, posinf=64.0, neginf=-64.0).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# Chords


def _chords(rows: _Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of the rows, the size of the row at the most trusted lag, and its time."""
    size, n = rows.size, rows.count
    found: dict[str, np.ndarray] = {"size": size}
    phases = {"beat": rows.tick % TICKS_PER_BEAT, "half": rows.tick % (2 * TICKS_PER_BEAT), "measure": rows.in_measure}
    for phase, values in phases.items():
        for what, share in zip(("same", "more", "less"), _shares(size, values), strict=True):
            found[f"{what} {phase}"] = share
    for phase in ("beat", "half"):
        for what, share in zip(("same", "more", "less"), _shares_around(size, phases[phase]), strict=True):
            found[f"{what} {phase} around"] = share
    every = np.arange(n)
    sizes, masks = rows.size_model, rows.model
    is_free = ~(rows.occupied | rows.held)
    bit = np.int64(1) << np.arange(rows.keys, dtype=np.int64)
    for name in CONTEXTS:
        own = sizes.bits(name, every, size)
        found[f"bits {name}"] = own
        found[f"more bits {name}"] = sizes.bits(name, every, size + 1) - own
        found[f"less bits {name}"] = sizes.bits(name, every, size - 1) - own
        own = masks.bits(name, every, rows.mask)
        more = masks.bits(name, every, rows.mask[:, None] | bit)
        less = masks.bits(name, every, rows.mask[:, None] & ~bit)
        found[f"mask bits {name}"] = own
        found[f"mask more bits {name}"] = np.where(is_free, more, 40.0).min(axis=1) - own
        found[f"mask less bits {name}"] = np.where(rows.occupied & (size > 1)[:, None], less, 40.0).min(axis=1) - own
    lag_sizes = rows.at_lags(size)
    trust = np.where(rows.partners >= 0, _around_rows(_size_agreement(rows), AROUND_ROWS), 0.0)
    weights = trust**3
    total = np.maximum(weights.sum(axis=1), 1e-6)
    best = trust.argmax(axis=1)
    expected = lag_sizes[every, best]
    gaps = np.minimum(*rows.near)
    sound = _sounds(rows)
    sound_shares = _shares(size, sound)
    quantile = _share_below(np.minimum(*(gaps_of(near, rows.row_of, rows.column) for near in rows.near)))
    worst = np.ones(n)
    np.minimum.at(worst, rows.row_of, quantile)
    found |= {
        "lag size": (weights * lag_sizes).sum(axis=1) / total - size,
        "lag trust": trust.mean(axis=1),
        "lag same": (weights * (lag_sizes == size[:, None])).sum(axis=1) / total,
        "lag more": (weights * (lag_sizes == size[:, None] + 1)).sum(axis=1) / total,
        "lag less": (weights * (lag_sizes == size[:, None] - 1)).sum(axis=1) / total,
        "best lag": trust.max(axis=1),
        "best lag size": expected - size,
        "sound same": sound_shares[0],
        "sound more": sound_shares[1],
        "sound less": sound_shares[2],
        "worst gap": np.where(rows.occupied, np.log2(np.maximum(gaps, 1 / 64)), 5.0).min(axis=1),
        "worst around": worst,
        "vote least": np.where(rows.occupied, rows.votes, 1.0).min(axis=1),
        "vote most free": np.where(is_free, rows.votes, 0.0).max(axis=1),
        "before size": np.concatenate([[0], size[:-1]]),
        "after size": np.concatenate([size[1:], [0]]),
        "row gap before": np.log2(np.maximum(rows.gap[:-1], 1 / 64)),
        "row gap after": np.log2(np.maximum(rows.gap[1:], 1 / 64)),
        "holds": np.bincount(rows.row_of, weights=rows.is_hold, minlength=n),
        "held": rows.held.sum(axis=1),
        "keys": np.full(n, rows.keys),
        "divisor": rows.divisor,
        "density": np.full(n, rows.density),
        "free": is_free.sum(axis=1),
    }
    sizes = np.where(trust.max(axis=1) >= LEAST_TRUST, expected, size)
    return _table(found, CHORD_NAMES), sizes, rows.time_at(best)


def _size_agreement(rows: _Rows) -> np.ndarray:
    """(n_rows, n_lags) whether the partner is as large: 1, one note off a third, else 0."""
    off = np.abs(rows.at_lags(rows.size) - rows.size[:, None])
    return np.asarray(np.where(rows.partners >= 0, np.select([off == 0, off == 1], [1.0, 0.33], 0.0), 0.0))


def _sounds(rows: _Rows) -> np.ndarray:
    """(n_rows,) additions of all notes of a row together."""
    found = np.zeros(rows.count, dtype=int)
    for row, note in zip(rows.row_of.tolist(), rows.notes, strict=True):
        found[row] |= note.hitsound
    return found


def _shares(size: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the other rows of the same group that are as large, one larger, one smaller."""
    groups = np.unique(among, return_inverse=True)[1]
    most = int(size.max()) + 2
    counts = np.zeros((groups.max() + 1, most + 1))
    np.add.at(counts, (groups, size), 1)
    own = counts[groups]
    row = np.arange(len(size))
    total = np.maximum(own.sum(axis=1) - 1, 1)
    return (own[row, size] - 1) / total, own[row, size + 1] / total, own[row, size - 1] / total


def _shares_around(size: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same among the rows close by; -1 where none is of the group."""
    same, more, less, count = (np.zeros(len(size)) for _ in range(4))
    values = size.astype(float)
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        there = shifted(among.astype(float), by) == among
        off = shifted(values, by) - values
        same, more, less = same + (there & (off == 0)), more + (there & (off == 1)), less + (there & (off == -1))
        count = count + there
    known = count > 0
    total = np.maximum(count, 1)
    return (
        np.where(known, same / total, -1.0),
        np.where(known, more / total, -1.0),
        np.where(known, less / total, -1.0),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Ends


def _ends(rows: _Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of the ends of the notes, the length at the most trusted lag, and for each row the time there."""
    n, of, hold = len(rows.notes), rows.row_of, rows.is_hold
    beat = rows.beat[of]
    end_tick = rows.grid.ticks(rows.end)
    length = np.where(hold, np.round((rows.end - rows.start) / beat * 24), 0)
    """In 1/24 beat."""
    gaps = _column_gaps(rows)
    gap_after = np.minimum(np.round(gaps["end after"] * 24), 24 * 8)
    following = np.minimum(np.searchsorted(rows.time, rows.end - SAME_MS), rows.count - 1)
    to_row = np.clip(np.round((rows.time[following] - rows.end) / beat * 24), 0, 24 * 8)
    after = np.minimum(np.searchsorted(rows.time, rows.end + SAME_MS), rows.count - 1)
    ends = np.sort(rows.end[hold]) if hold.any() else np.zeros(1)
    with_end = np.searchsorted(ends, rows.end + SAME_MS) - np.searchsorted(ends, rows.end - SAME_MS) - hold
    row_holds = np.bincount(of, weights=hold, minlength=rows.count)
    same_end, other_end = _row_ends(rows)
    end_phase = (end_tick - rows.tick[of] + rows.in_measure[of]) % np.maximum(rows.measure[of], 1)
    end_divisor = _divisors(end_tick)
    long = np.zeros(rows.count)
    np.maximum.at(long, of, length)
    lag_long = rows.at_lags(long)
    alike = np.where(rows.partners >= 0, lag_long == long[:, None], False)
    trust = np.where(rows.partners >= 0, _around_rows(alike.astype(float), AROUND_ROWS), 0.0)
    by_columns = np.maximum(rows.trust[:, : trust.shape[1]], rows.trust[:, trust.shape[1] :])
    trust = np.where(rows.partners >= 0, 0.5 * trust + 0.5 * by_columns, 0.0)
    weights = trust[of] ** 3
    total = np.maximum(weights.sum(axis=1), 1e-6)
    lag_own = lag_long[of]
    best = trust.argmax(axis=1)
    expected = lag_long[np.arange(rows.count), best][of]
    lag_holds = rows.at_lags(row_holds)
    best_holds = lag_holds[np.arange(rows.count), best]
    ones = np.ones(n, dtype=bool)
    before, behind = np.maximum(np.arange(n) - 1, 0), np.minimum(np.arange(n) + 1, n - 1)
    found = {
        "hold": hold,
        "length": np.log2(1 + length),
        "same length": np.where(hold, _same(length, hold), -1.0),
        "same length around": _same_around(length, hold),
        "end divisor": end_divisor,
        "same end divisor": np.where(hold, _same(end_divisor, hold), -1.0),
        "end phase": _same(end_phase, hold),
        "gap after": np.log2(1 + gap_after),
        "same gap after": _same(gap_after, hold),
        "same gap after around": _same_around(gap_after, hold),
        "gap to row": np.log2(1 + to_row),
        "same gap to row": _same(to_row, hold),
        "same gap to row around": _same_around(to_row, hold),
        "ends with start": hold & (np.abs(rows.time[following] - rows.end) <= SAME_MS),
        "ends with end": with_end,
        "ends inside": rows.held[following].sum(axis=1),
        "rows inside": np.log2(1 + np.maximum(following - of - 1, 0)),
        "start after": np.log2(1 + np.clip((rows.time[after] - rows.end) / beat, 0, 32)),
        "row holds": row_holds[of] - hold,
        "row size": rows.size[of],
        "row same end": same_end,
        "row other end": other_end,
        "holds around": _same_around(hold.astype(float), ones),
        "holds at phase": _same(hold.astype(int), rows.in_measure[of]),
        "holds": np.full(n, hold.mean()),
        "holds of column": _same(hold.astype(int), rows.column),
        "lag trust": trust.mean(axis=1)[of],
        "lag hold": (weights * (lag_own > 0)).sum(axis=1) / total,
        "lag same length": (weights * (lag_own == length[:, None])).sum(axis=1) / total,
        "lag other length": (weights * ((lag_own != length[:, None]) & (lag_own > 0))).sum(axis=1) / total,
        "best lag": trust.max(axis=1)[of],
        "best lag hold": expected > 0,
        "best lag off": np.log2(1 + expected) - np.log2(1 + length),
        "length before": np.log2(1 + length[before]) - np.log2(1 + length),
        "length after": np.log2(1 + length[behind]) - np.log2(1 + length),
        "hold before": hold[before],
        "hold after": hold[behind],
        "row gap before": np.log2(np.maximum(rows.gap[:-1], 1 / 64))[of],
        "row gap after": np.log2(np.maximum(rows.gap[1:], 1 / 64))[of],
        "size of lag": np.log2(1 + long)[of] - np.log2(1 + length),
        "lag holds": (weights * lag_holds[of]).sum(axis=1) / total - row_holds[of],
        "best lag holds": (best_holds - row_holds)[of],
        **_hold_bits(rows, row_holds.astype(np.int64)),
        "keys": np.full(n, rows.keys),
        "divisor": rows.divisor[of],
        "density": np.full(n, rows.density),
    }
    known = trust.max(axis=1)[of] >= LEAST_TRUST
    return _table(found, END_NAMES), np.where(known, expected / 24, -1.0), rows.time_at(best)


def _hold_bits(rows: _Rows, holds: np.ndarray) -> dict[str, np.ndarray]:
    """(n_notes,) surprisal of the number of holds of each row among rows of its size, and how much one more or one less would
    change it [bits]."""
    symbols = rows.size * 2 * MOST_KEYS + holds
    model, every = _Model(symbols, symbols, rows.ticks_between), np.arange(rows.count)
    found = {}
    for name in CONTEXTS:
        own = model.bits(name, every, symbols)
        found[f"hold bits {name}"] = own[rows.row_of]
        found[f"more holds bits {name}"] = (model.bits(name, every, symbols + 1) - own)[rows.row_of]
        found[f"less holds bits {name}"] = (model.bits(name, every, symbols - 1) - own)[rows.row_of]
    return found


def _row_ends(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """(n_notes,) other holds of the row that end at the same time, and that do not."""
    same, other = np.zeros(len(rows.notes)), np.zeros(len(rows.notes))
    holds = np.flatnonzero(rows.is_hold)
    groups = rows.row_of[holds]
    for by in range(1, rows.keys):
        if by >= len(holds):
            break
        together = groups[by:] == groups[:-by]
        equal = together & (np.abs(rows.end[holds[by:]] - rows.end[holds[:-by]]) <= SAME_MS)
        for index in (holds[by:], holds[:-by]):
            same[index] += equal
            other[index] += together & ~equal
    return same, other

"""A mania map as rows, what it repeats, and what follows what in it: the base of :mod:`maimod.features.mania.slips`.

A *row* is what starts at one time: a note or a chord. A *lag* is a distance in time at which the map may repeat itself; the
rows at the lags of a row are its *partners*. Times in ms, gaps in beats; a *mask* has a bit for each column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np

from maimod.features.positions.geometry import shifted
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import BeatGrid

LEAST_TRUST = 0.55
"""A lag at which this share of the notes around agree tells what is expected."""
COLUMN_GAPS = ("start", "end", "rows")
"""What is measured to the neighbours of a note in its column."""
SAME_MS = 3.0
"""Notes this close start together, and ends this close are at one time."""
MOST_KEYS = 20
"""Most columns of a map that is measured."""
NO_GAP_BEATS = 32.0
"""Gap where there is no other note."""
LAG_TICKS = (24, 48, 96)
LAG_MEASURES = (1, 2, 4, 8, 16)
"""Times before and after, at which the map may repeat itself."""
AROUND_ROWS = 6
"""Rows on either side that tell whether the map repeats itself at a lag."""
NEARLY = 1e-6
"""Weight of a copy with which nothing around agrees; it counts where there is no better one."""
AROUND_NOTES = 24
ALIKE = 1.03
"""Gaps whose ratio is less are equal."""
BACK_OFF = 1.0
"""Weight of the shorter context in the probabilities of columns (absolute counts, as in Witten-Bell smoothing)."""

CONTEXTS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "before": ((-1,), (-2, -1), (-3, -2, -1)),
    "after": ((1,), (1, 2), (1, 2, 3)),
    "both": ((-1, 1), (-2, -1, 1, 2)),
}
"""Rows from which the columns of a row are expected, by growing length."""


class Rows:
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
        return np.asarray(np.where(valid, around_rows(agreed, AROUND_ROWS), 0.0))

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
        return divisors(self.tick)

    @cached_property
    def model(self) -> ContextModel:
        """Of the masks."""
        mirrored = mirrored_masks(self.mask, self.keys)
        return ContextModel(self.mask, self.mask, self.ticks_between, (mirrored, mirrored))

    @cached_property
    def size_model(self) -> ContextModel:
        """Of the numbers of notes."""
        return ContextModel(self.size, self.size, self.ticks_between)

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


def divisors(ticks: np.ndarray) -> np.ndarray:
    """Log2 of the ticks of the coarsest usual grid that each tick is on; -1 off them."""
    found = np.full(len(ticks), -1.0)
    for step in (3, 4, 6, 8, 12, 16, 24, 48):
        found[ticks % step == 0] = np.log2(step)
    return found


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n,) weighted means of values (n, n_copies), of rows or objects."""
    return np.asarray((values * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), NEARLY))


def around_rows(values: np.ndarray, reach: int) -> np.ndarray:
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


def share_below(values: np.ndarray) -> np.ndarray:
    """(n,) share of the other values that are at most as large."""
    ordered = np.sort(values)
    return np.asarray((np.searchsorted(ordered, values * ALIKE, side="right") - 1) / max(len(values) - 1, 1))


def share_below_around(values: np.ndarray) -> np.ndarray:
    """(n,) share of the values of the notes around that are at most as large."""
    found, count = np.zeros(len(values)), np.zeros(len(values))
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        other = shifted(values, by)
        there = ~np.isnan(other)
        found += there & (np.nan_to_num(other) <= values * ALIKE)
        count += there
    return np.asarray(found / np.maximum(count, 1))


def share_same(values: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """(n,) share of the other values that are equal, among those of the same group."""
    groups = np.zeros(len(values), dtype=np.int64) if among is None else np.unique(among, return_inverse=True)[1]
    kinds = np.unique(values, return_inverse=True)[1]
    pairs = groups * (kinds.max(initial=0) + 1) + kinds
    counts = np.bincount(pairs)[pairs] - 1
    total = np.bincount(groups)[groups] - 1
    return np.asarray(counts / np.maximum(total, 1))


def share_same_around(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n,) share of equal values among the notes around, of those that are there; -1 if none is."""
    found, count = np.zeros(len(values)), np.zeros(len(values))
    known = np.where(there, values, np.nan).astype(float)
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        other = shifted(known, by)
        found += other == values
        count += ~np.isnan(other)
    return np.asarray(np.where(count > 0, found / np.maximum(count, 1), -1.0))


def mirrored_masks(masks: np.ndarray, keys: int) -> np.ndarray:
    """Masks of columns, the first column last."""
    found = np.zeros_like(masks)
    for column in range(keys):
        found |= ((masks >> column) & 1) << (keys - 1 - column)
    return found


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


class ContextModel:
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


def gaps_of(near: np.ndarray, of: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n_notes,) the gap of each note in its column."""
    return np.asarray(near[of, columns])


def column_gaps(rows: Rows) -> dict[str, np.ndarray]:
    """Beats, and rows, between each note and its neighbours in its column."""
    n = len(rows.notes)
    found = {f"{what} {side}": np.full(n, NO_GAP_BEATS) for side in ("before", "after") for what in COLUMN_GAPS}
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


def row_features(rows: Rows) -> dict[str, np.ndarray]:
    """(n_rows,) features of each row and of the map that all tables have."""
    return {
        "row gap before": np.log2(np.maximum(rows.gap[:-1], 1 / 64)),
        "row gap after": np.log2(np.maximum(rows.gap[1:], 1 / 64)),
        "keys": np.full(rows.count, rows.keys),
        "divisor": rows.divisor,
        "density": np.full(rows.count, rows.density),
    }


def table(found: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """float32 (n, len(names)) the features by name as a table; what is not a number is 0."""
    columns = np.stack([np.asarray(found[name], dtype=float) for name in names], axis=1)
    return np.nan_to_num(columns, nan=0.0, posinf=64.0, neginf=-64.0).astype(np.float32)


class Stretch(Protocol):
    """Part of a map that would be likelier otherwise."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int:
        """After the last one."""

    @property
    def gain(self) -> float:
        """Bits."""


OneStretch = TypeVar("OneStretch", bound=Stretch)


def apart(stretches: Iterable[OneStretch], least: float) -> list[OneStretch]:
    """Stretches with a gain of at least `least` that do not overlap, the best first."""
    chosen: list[OneStretch] = []
    for one in sorted(stretches, key=lambda one: -one.gain):
        if one.gain >= least and all(one.last <= other.first or other.last <= one.first for other in chosen):
            chosen.append(one)
    return chosen

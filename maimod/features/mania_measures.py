"""Numbers by which :mod:`maimod.features.slip_model` finds slips of mania: notes in a wrong column, chords with a note too many
or too few, hold notes that end at a wrong time.

They compare a note with its neighbours in time, with the same place of the measures around that are alike (mirrored ones
included), and with what follows the same columns elsewhere in the map (:mod:`maimod.features.mania_rows`). Times in ms, gaps in
beats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from maimod.features.geometry import shifted
from maimod.features.mania_rows import (
    ALIKE,
    AROUND_NOTES,
    AROUND_ROWS,
    CONTEXTS,
    MOST_KEYS,
    NO_GAP_BEATS,
    SAME_MS,
    ContextModel,
    Rows,
    around_rows,
    divisors,
    mirrored_masks,
    share_below,
    share_below_around,
    share_same,
    share_same_around,
)
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import TICKS_PER_BEAT

LEAST_TRUST = 0.55
"""A lag at which this share of the notes around agree tells what is expected."""

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
    *(f"column lag {what}" for what in ("trust", "hold", "note", "same length")),
    *(f"holds at {key}{where}" for key in ("gaps", "column gap", "sound", "size") for where in ("", " around")),
    "holds at phase around",
    "keys",
    "divisor",
    "density",
)
"""Features of the end of a note."""


class Expectation(msgspec.Struct, frozen=True):
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


class ManiaMeasures(msgspec.Struct, frozen=True):
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
    rows: Rows
    """The notes as rows."""


def measure(beatmap: Beatmap, notes: Sequence[HitObject]) -> ManiaMeasures:
    """Measure every note of a mania map.

    Args:
        beatmap: gives the columns and the beats.
        notes: in order of time.
    """
    rows = Rows(beatmap, notes)
    columns, expectation = _columns(rows)
    chords, sizes, chord_times = _chords(rows)
    ends, lengths, length_times = _ends(rows)
    of = rows.row_of
    return ManiaMeasures(
        columns, chords[of], ends, of, expectation, sizes[of], chord_times[of], lengths, length_times[of], rows
    )


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def _columns(rows: Rows) -> tuple[np.ndarray, Expectation]:
    n, of, own = len(rows.notes), rows.row_of, rows.column
    gaps = _column_gaps(rows)
    found: dict[str, np.ndarray] = {}
    for name, values in gaps.items():
        found[name] = np.log2(np.maximum(values, 1 / 64))
        found[f"map {name}"], found[f"around {name}"] = share_below(values), share_below_around(values)
    is_free = ~(rows.occupied | rows.held)[of]
    for side, near in zip(("before", "after"), rows.near, strict=True):
        rank = (near[of] < _gaps_of(near, of, own)[:, None] / ALIKE).sum(axis=1)
        found[f"recency {side}"], found[f"map recency {side}"] = rank, share_same(rank)
        found[f"around recency {side}"] = share_same_around(rank, np.ones(n, dtype=bool))
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
        "hold": rows.is_hold,
        "held": rows.held.sum(axis=1)[of],
        "holds": np.full(n, rows.is_hold.mean()),
        **{name: values[of] for name, values in _of_rows(rows).items()},
        "size bits": rows.size_model.bits("both", of, rows.size[of]),
        **_hands(rows),
        **_exchanges(rows),
    }
    expectation = _expectation(rows, total, votes, is_free)
    return _table(found, COLUMN_NAMES), expectation


def _gaps_of(near: np.ndarray, of: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n_notes,) the gap of each note in its column."""
    return np.asarray(near[of, columns])


def _column_gaps(rows: Rows) -> dict[str, np.ndarray]:
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


def _hands(rows: Rows) -> dict[str, np.ndarray]:
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


def _exchanges(rows: Rows) -> dict[str, np.ndarray]:
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
    mirrored = mirrored_masks(rows.mask, rows.keys)
    model = ContextModel(
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


def _pairs(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a note and one of the next row."""
    n = len(rows.notes)
    counts = np.bincount(rows.row_of, minlength=rows.count)
    starts = np.concatenate([[0], np.cumsum(counts)])
    partners = np.append(counts[1:], 0)[rows.row_of]
    first = np.repeat(np.arange(n), partners)
    within = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
    return first, starts[rows.row_of[first] + 1] + within


def _expectation(rows: Rows, bits: np.ndarray, votes: np.ndarray, is_free: np.ndarray) -> Expectation:
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


def _of_rows(rows: Rows) -> dict[str, np.ndarray]:
    """(n_rows,) features of each row and of the map that all tables have."""
    return {
        "row gap before": np.log2(np.maximum(rows.gap[:-1], 1 / 64)),
        "row gap after": np.log2(np.maximum(rows.gap[1:], 1 / 64)),
        "keys": np.full(rows.count, rows.keys),
        "divisor": rows.divisor,
        "density": np.full(rows.count, rows.density),
    }


def _table(found: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    columns = np.stack([np.asarray(found[name], dtype=float) for name in names], axis=1)
    return np.nan_to_num(columns, nan=0.0, posinf=64.0, neginf=-64.0).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# Chords


def _chords(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    trust = np.where(rows.partners >= 0, around_rows(_size_agreement(rows), AROUND_ROWS), 0.0)
    weights = trust**3
    total = np.maximum(weights.sum(axis=1), 1e-6)
    best = trust.argmax(axis=1)
    expected = lag_sizes[every, best]
    gaps = np.minimum(*rows.near)
    sound = _sounds(rows)
    sound_shares = _shares(size, sound)
    quantile = share_below(np.minimum(*(_gaps_of(near, rows.row_of, rows.column) for near in rows.near)))
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
        "holds": np.bincount(rows.row_of, weights=rows.is_hold, minlength=n),
        "held": rows.held.sum(axis=1),
        **_of_rows(rows),
        "free": is_free.sum(axis=1),
    }
    sizes = np.where(trust.max(axis=1) >= LEAST_TRUST, expected, size)
    return _table(found, CHORD_NAMES), sizes, rows.time_at(best)


def _size_agreement(rows: Rows) -> np.ndarray:
    """(n_rows, n_lags) whether the partner is as large: 1, one note off a third, else 0."""
    off = np.abs(rows.at_lags(rows.size) - rows.size[:, None])
    return np.asarray(np.where(rows.partners >= 0, np.select([off == 0, off == 1], [1.0, 0.33], 0.0), 0.0))


def _sounds(rows: Rows) -> np.ndarray:
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


def _ends(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
    end_divisor = divisors(end_tick)
    long = np.zeros(rows.count)
    np.maximum.at(long, of, length)
    lag_long = rows.at_lags(long)
    alike = np.where(rows.partners >= 0, lag_long == long[:, None], False)
    trust = np.where(rows.partners >= 0, around_rows(alike.astype(float), AROUND_ROWS), 0.0)
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
        "same length": np.where(hold, share_same(length, hold), -1.0),
        "same length around": share_same_around(length, hold),
        "end divisor": end_divisor,
        "same end divisor": np.where(hold, share_same(end_divisor, hold), -1.0),
        "end phase": share_same(end_phase, hold),
        "gap after": np.log2(1 + gap_after),
        "same gap after": share_same(gap_after, hold),
        "same gap after around": share_same_around(gap_after, hold),
        "gap to row": np.log2(1 + to_row),
        "same gap to row": share_same(to_row, hold),
        "same gap to row around": share_same_around(to_row, hold),
        "ends with start": hold & (np.abs(rows.time[following] - rows.end) <= SAME_MS),
        "ends with end": with_end,
        "ends inside": rows.held[following].sum(axis=1),
        "rows inside": np.log2(1 + np.maximum(following - of - 1, 0)),
        "start after": np.log2(1 + np.clip((rows.time[after] - rows.end) / beat, 0, 32)),
        "row holds": row_holds[of] - hold,
        "row size": rows.size[of],
        "row same end": same_end,
        "row other end": other_end,
        "holds around": share_same_around(hold.astype(float), ones),
        "holds at phase": share_same(hold.astype(int), rows.in_measure[of]),
        "holds": np.full(n, hold.mean()),
        "holds of column": share_same(hold.astype(int), rows.column),
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
        "size of lag": np.log2(1 + long)[of] - np.log2(1 + length),
        "lag holds": (weights * lag_holds[of]).sum(axis=1) / total - row_holds[of],
        "best lag holds": (best_holds - row_holds)[of],
        **_hold_bits(rows, row_holds.astype(np.int64)),
        **_holds_of_column(rows, length),
        **_holds_alike(rows, gaps["start after"]),
        **{name: values[of] for name, values in _of_rows(rows).items()},
    }
    known = trust.max(axis=1)[of] >= LEAST_TRUST
    return _table(found, END_NAMES), np.where(known, expected / 24, -1.0), rows.time_at(best)


def _hold_bits(rows: Rows, holds: np.ndarray) -> dict[str, np.ndarray]:
    """(n_notes,) surprisal of the number of holds of each row among rows of its size, and how much one more or one less would
    change it [bits]."""
    symbols = rows.size * 2 * MOST_KEYS + holds
    model, every = ContextModel(symbols, symbols, rows.ticks_between), np.arange(rows.count)
    found = {}
    for name in CONTEXTS:
        own = model.bits(name, every, symbols)
        found[f"hold bits {name}"] = own[rows.row_of]
        found[f"more holds bits {name}"] = (model.bits(name, every, symbols + 1) - own)[rows.row_of]
        found[f"less holds bits {name}"] = (model.bits(name, every, symbols - 1) - own)[rows.row_of]
    return found


def _holds_of_column(rows: Rows, length: np.ndarray) -> dict[str, np.ndarray]:
    """(n_notes,) what the passages that are alike have in the column of each note, mirrored ones in the mirrored column: the
    trust in those with a note there, and of these the share of holds, of notes, of holds of the same length."""
    of, own = rows.row_of, rows.column
    lengths = np.full((rows.count, rows.keys), -1.0)
    lengths[of, own] = length
    there = np.where((rows.partners >= 0)[..., None], rows.at_lags(lengths), -1.0)
    there = np.concatenate([there[of, :, own], there[of, :, rows.keys - 1 - own]], axis=1)
    weights = np.where(there >= 0, rows.trust[of] ** 3, 0.0)
    total = weights.sum(axis=1)
    shares = {"hold": there > 0, "note": there == 0, "same length": there == length[:, None]}
    found = {
        f"column lag {what}": (weights * has).sum(axis=1) / np.maximum(total, 1e-6) for what, has in shares.items()
    }
    return {"column lag trust": total, **found}


def _holds_alike(rows: Rows, after: np.ndarray) -> dict[str, np.ndarray]:
    """(n_notes,) share of the notes in the same situation that are held or not as each note is, in the map and close by.

    Args:
        rows: the map.
        after: (n_notes,) beats to the next start in the column.
    """
    of, hold = rows.row_of, rows.is_hold.astype(int)
    sounds = {sound: number for number, sound in enumerate(dict.fromkeys((n.hitsound, n.sample) for n in rows.notes))}
    keys = {
        "gaps": (rows.ticks_between[:-1] * 128 + rows.ticks_between[1:])[of],
        "column gap": np.round(np.minimum(after, 8.0) * TICKS_PER_BEAT),
        "sound": np.array([sounds[note.hitsound, note.sample] for note in rows.notes]),
        "size": rows.size[of],
    }
    found = {f"holds at {key}": share_same(hold, values) for key, values in keys.items()}
    keys["phase"] = (rows.tick % TICKS_PER_BEAT)[of]
    return found | {f"holds at {key} around": _share_alike_around(hold, values) for key, values in keys.items()}


def _share_alike_around(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) share of equal values among the notes around of the same group; -1 if there is none."""
    same, count = np.zeros(len(values)), np.zeros(len(values))
    own, groups = values.astype(float), among.astype(float)
    for by in (*range(-AROUND_NOTES, 0), *range(1, AROUND_NOTES + 1)):
        there = shifted(groups, by) == groups
        same += there & (shifted(own, by) == own)
        count += there
    return np.asarray(np.where(count > 0, same / np.maximum(count, 1), -1.0))


def _row_ends(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
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

"""Numbers of the column of each note of mania: gaps, hands, what passages that are alike have there."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from maimod.features.mania.rows import (
    ALIKE,
    COLUMN_GAPS,
    CONTEXTS,
    LEAST_TRUST,
    MOST_KEYS,
    ContextModel,
    Rows,
    column_gaps,
    gaps_of,
    mirrored_masks,
    row_features,
    share_below,
    share_below_around,
    share_same,
    share_same_around,
    table,
)

PAIR_CONTEXTS: Mapping[str, tuple[tuple[int, ...], ...]] = {"around": ((-1,), (-1, 2), (-2, -1, 2, 3))}
"""Rows from which those of a row and the next one are expected."""
COLUMN_NAMES = (
    # Gaps to the neighbours in the column: log2 of the beats or rows; share of the notes of the map, and of those
    # around, that have one as short.
    *(f"{what} {side}" for side in ("before", "after") for what in COLUMN_GAPS),
    *(f"map {what} {side}" for side in ("before", "after") for what in COLUMN_GAPS),
    *(f"around {what} {side}" for side in ("before", "after") for what in COLUMN_GAPS),
    # Columns that were used more recently; share of the notes of the map, and of those around, with as many.
    *(f"recency {side}" for side in ("before", "after")),
    *(f"map recency {side}" for side in ("before", "after")),
    *(f"around recency {side}" for side in ("before", "after")),
    *(
        f"best free gap {side}" for side in ("before", "after", "both")
    ),  # log2 of the beats in the free column with most
    "free",  # columns without a note or a hold
    # Surprisal of the columns of the row by the rows before, after or around it, and what it would gain.
    *(f"bits {name}" for name in CONTEXTS),
    *(f"other bits {name}" for name in CONTEXTS),  # with the note in the best free column
    *(f"without bits {name}" for name in CONTEXTS),  # without the note
    # How much better the note and one of a row beside would fit in each other's column.
    "exchange bits",
    "exchange vote",
    "exchange gap",
    # The places a whole number of beats or measures away, weighted by how far the notes around agree (lags).
    "vote",  # share of them with a note in the column
    "other vote",  # in the best free column
    "trust",  # share of the notes around that agree, mean of all lags
    "best lag",  # the same of the best one
    "best lag has",  # whether that has a note in the column
    "best lag has other",  # whether it has one in a free column
    "mirrored vote",  # share of them with a note in the mirrored column
    "column share",  # notes of the column in the map, 1 is the mean of the columns
    # Notes on the side of the note.
    "hand before",  # share of the row before
    "hand after",
    "hand size",  # of its own row
    # The row and the map.
    "row size",
    "row gap before",  # log2 of the beats
    "row gap after",
    "hold",  # whether the note is held
    "held",  # holds that go on over the row
    "holds",  # share of the notes of the map that are held
    "keys",
    "divisor",
    "density",
    "size bits",  # surprisal of the size of the row
)
"""Features of a note's column."""


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


def measure_columns(rows: Rows) -> tuple[np.ndarray, Expectation]:
    n, of, own = len(rows.notes), rows.row_of, rows.column
    gaps = column_gaps(rows)
    found: dict[str, np.ndarray] = {}
    for name, values in gaps.items():
        found[name] = np.log2(np.maximum(values, 1 / 64))
        found[f"map {name}"], found[f"around {name}"] = share_below(values), share_below_around(values)
    is_free = ~(rows.occupied | rows.held)[of]
    for side, near in zip(("before", "after"), rows.near, strict=True):
        rank = (near[of] < gaps_of(near, of, own)[:, None] / ALIKE).sum(axis=1)
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
        **{name: values[of] for name, values in row_features(rows).items()},
        "size bits": rows.size_model.bits("both", of, rows.size[of]),
        **_hands(rows),
        **_exchanges(rows),
    }
    expectation = _expectation(rows, total, votes, is_free)
    return table(found, COLUMN_NAMES), expectation


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

"""Numbers of the rows of mania, for chords with a note too many or too few."""

from __future__ import annotations

import numpy as np

from maimod.features.mania.rows import (
    AROUND_NOTES,
    AROUND_ROWS,
    CONTEXTS,
    LEAST_TRUST,
    Rows,
    around_rows,
    gaps_of,
    row_features,
    share_below,
    table,
)
from maimod.features.positions.geometry import shifted
from maimod.osu.timing import TICKS_PER_BEAT

CHORD_NAMES = (
    "size",
    # Share of the other rows at the same place of the beat, of two beats or of the measure that are as large, one note
    # larger, one smaller; in the map, and close by (-1 without any).
    *(f"{what} {phase}" for phase in ("beat", "half", "measure") for what in ("same", "more", "less")),
    *(f"{what} {phase} around" for phase in ("beat", "half") for what in ("same", "more", "less")),
    # Surprisal of the size by the rows before, after or around it, and how much one note more or less would change it;
    # then that of the columns, with the best note added or taken away.
    *(f"{what} {name}" for name in CONTEXTS for what in ("bits", "more bits", "less bits")),
    *(f"mask {what} {name}" for name in CONTEXTS for what in ("bits", "more bits", "less bits")),
    # The places a whole number of beats or measures away, weighted by how far the sizes around agree (lags).
    "lag size",  # their mean size, less that of the row
    "lag trust",  # how far the sizes around agree, mean of all lags
    "lag same",  # share that is as large
    "lag more",  # one note larger
    "lag less",
    "best lag",  # how far the sizes around agree at the best lag
    "best lag size",  # its size, less that of the row
    # Share of the other rows with the same additions.
    "sound same",
    "sound more",
    "sound less",
    # Notes of the row.
    "worst gap",  # log2 of the shortest gap in a column, in beats
    "worst around",  # share of the notes of the map with one as short
    "vote least",  # least share of the lags that have one of its columns
    "vote most free",  # highest share that has a free column
    # The row and the map.
    "before size",
    "after size",
    "row gap before",  # log2 of the beats
    "row gap after",
    "holds",  # notes that are held
    "held",  # holds that go on over the row
    "keys",
    "divisor",
    "density",
    "free",  # columns without a note or a hold
)
"""Features of a row, for chords."""
NO_NOTE_BITS = 40.0
"""Bits where no note can be added or taken away."""


def measure_chords(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of the rows, the size of the row at the most trusted lag, and its time."""
    size, n = rows.size, rows.count
    lag_sizes = rows.at_lags(size)
    trust = np.where(rows.partners >= 0, around_rows(_size_agreement(rows), AROUND_ROWS), 0.0)
    best = trust.argmax(axis=1)
    expected = lag_sizes[np.arange(n), best]
    gaps = np.minimum(*rows.near)
    quantile = share_below(np.minimum(*(gaps_of(near, rows.row_of, rows.column) for near in rows.near)))
    worst = np.ones(n)
    np.minimum.at(worst, rows.row_of, quantile)
    is_free = _is_free(rows)
    found = {
        "size": size,
        **_of_phases(rows),
        **_of_contexts(rows),
        **_at_lags(size, lag_sizes, trust),
        "best lag": trust.max(axis=1),
        "best lag size": expected - size,
        **dict(zip(("sound same", "sound more", "sound less"), _shares(size, _sounds(rows)), strict=True)),
        "worst gap": np.where(rows.occupied, np.log2(np.maximum(gaps, 1 / 64)), 5.0).min(axis=1),
        "worst around": worst,
        "vote least": np.where(rows.occupied, rows.votes, 1.0).min(axis=1),
        "vote most free": np.where(is_free, rows.votes, 0.0).max(axis=1),
        "before size": np.concatenate([[0], size[:-1]]),
        "after size": np.concatenate([size[1:], [0]]),
        "holds": np.bincount(rows.row_of, weights=rows.is_hold, minlength=n),
        "held": rows.held.sum(axis=1),
        **row_features(rows),
        "free": is_free.sum(axis=1),
    }
    trusted = np.where(trust.max(axis=1) >= LEAST_TRUST, expected, size)
    return table(found, CHORD_NAMES), trusted, rows.time_at(best)


def _is_free(rows: Rows) -> np.ndarray:
    """(n_rows, n_columns) whether a note fits into a column."""
    return ~(rows.occupied | rows.held)


def _of_phases(rows: Rows) -> dict[str, np.ndarray]:
    """(n_rows,) share of the rows at the same phase with the same size, a larger and a smaller one, in the map and around."""
    phases = {"beat": rows.tick % TICKS_PER_BEAT, "half": rows.tick % (2 * TICKS_PER_BEAT), "measure": rows.in_measure}
    found = {}
    for phase, values in phases.items():
        for what, share in zip(("same", "more", "less"), _shares(rows.size, values), strict=True):
            found[f"{what} {phase}"] = share
    for phase in ("beat", "half"):
        for what, share in zip(("same", "more", "less"), _shares_around(rows.size, phases[phase]), strict=True):
            found[f"{what} {phase} around"] = share
    return found


def _of_contexts(rows: Rows) -> dict[str, np.ndarray]:
    """(n_rows,) bits of the size and of the columns of each row in each context, and how many more or less those of a note more or
    less have; of the columns the most likely note."""
    every, is_free = np.arange(rows.count), _is_free(rows)
    bit = np.int64(1) << np.arange(rows.keys, dtype=np.int64)
    found = {}
    for name in CONTEXTS:
        own = rows.size_model.bits(name, every, rows.size)
        found[f"bits {name}"] = own
        found[f"more bits {name}"] = rows.size_model.bits(name, every, rows.size + 1) - own
        found[f"less bits {name}"] = rows.size_model.bits(name, every, rows.size - 1) - own
        own = rows.model.bits(name, every, rows.mask)
        more = rows.model.bits(name, every, rows.mask[:, None] | bit)
        less = rows.model.bits(name, every, rows.mask[:, None] & ~bit)
        found[f"mask bits {name}"] = own
        found[f"mask more bits {name}"] = np.where(is_free, more, NO_NOTE_BITS).min(axis=1) - own
        is_left = rows.occupied & (rows.size > 1)[:, None]
        found[f"mask less bits {name}"] = np.where(is_left, less, NO_NOTE_BITS).min(axis=1) - own
    return found


def _at_lags(size: np.ndarray, lag_sizes: np.ndarray, trust: np.ndarray) -> dict[str, np.ndarray]:
    """(n_rows,) how the sizes of the rows at all lags differ from that of the row, by trust.

    Args:
        size: (n_rows,).
        lag_sizes: (n_rows, n_lags).
        trust: (n_rows, n_lags) from 0 to 1.
    """
    weights = trust**3
    total = np.maximum(weights.sum(axis=1), 1e-6)
    return {
        "lag size": (weights * lag_sizes).sum(axis=1) / total - size,
        "lag trust": trust.mean(axis=1),
        "lag same": (weights * (lag_sizes == size[:, None])).sum(axis=1) / total,
        "lag more": (weights * (lag_sizes == size[:, None] + 1)).sum(axis=1) / total,
        "lag less": (weights * (lag_sizes == size[:, None] - 1)).sum(axis=1) / total,
    }


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

"""What the copies of a passage have at the place of a chord of mania: how many notes, which columns, which holds.

Copies are the measures with the same rhythm anywhere in the map (:mod:`maimod.features.copies.passages`), while
:mod:`maimod.features.mania.rows` only knows those at fixed distances. A copy counts the more, the more of the rows around agree
with it in what is compared: passages of one rhythm often have other columns, but the same holds. The colours of taiko are two
columns (:mod:`maimod.features.taiko.slips`). Lengths in cells of 1/12 beat.
"""

from __future__ import annotations

import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT
from maimod.features.copies.passages import Passages
from maimod.features.mania.rows import AROUND_ROWS, NEARLY, Rows, around_rows, weighted_mean

NAMES = (
    "size",
    "same size",
    "larger",
    "smaller",
    "size trust",
    "holds",
    "same holds",
    "same length",
    "length",
    "hold trust",
    "own column",
    "other column",
    "column trust",
)
"""`size`, `holds` and `length` (of the longest hold): mean of the copies less that of the row; `same`, `larger`, `smaller`,
`own column`: weighted share of the copies; `other column`: the highest share of a column that is free; `trust`: the sum of the weights."""


def features(rows: Rows, passages: Passages) -> np.ndarray:
    """Measure every note.

    Args:
        rows: of the notes.
        passages: the copies of the measures of their map.

    Returns:
        (n_notes, len(NAMES)); zeros where there are no copies.
    """
    if not passages.cells.count:
        return np.zeros((len(rows.notes), len(NAMES)))
    partners = _partners(rows, passages)
    there = partners >= 0
    at = np.maximum(partners, 0)
    holds = np.bincount(rows.row_of, weights=rows.is_hold, minlength=rows.count)
    length = np.zeros(rows.count)
    cells = np.round((rows.end - rows.start) / rows.beat[rows.row_of] * CELLS_PER_BEAT)
    np.maximum.at(length, rows.row_of, np.where(rows.is_hold, cells, 0.0))
    more, more_holds, longer = ((values[at] - values[:, None]) for values in (rows.size, holds, length))
    same_length = np.abs(longer) < 1
    columns = rows.occupied[at] & there[..., None]
    common = (columns & rows.occupied[:, None]).sum(axis=2)
    alike = 2 * common / np.maximum(columns.sum(axis=2) + rows.size[:, None], 1)
    of_size, of_holds, of_columns = (
        _weights(there, agreed, power) for agreed, power in ((more == 0, 2), (same_length, 2), (alike, 3))
    )
    votes = (columns * of_columns[..., None]).sum(axis=1) / np.maximum(of_columns.sum(axis=1), NEARLY)[:, None]
    is_free = ~(rows.occupied | rows.held)
    of = rows.row_of
    found = {
        "size": weighted_mean(more, of_size)[of],
        "same size": weighted_mean(more == 0, of_size)[of],
        "larger": weighted_mean(more > 0, of_size)[of],
        "smaller": weighted_mean(more < 0, of_size)[of],
        "size trust": of_size.sum(axis=1)[of],
        "holds": weighted_mean(more_holds, of_holds)[of],
        "same holds": weighted_mean(more_holds == 0, of_holds)[of],
        "same length": weighted_mean(same_length, of_holds)[of],
        "length": weighted_mean(longer, of_holds)[of],
        "hold trust": of_holds.sum(axis=1)[of],
        "own column": votes[of, rows.column],
        "other column": np.where(is_free, votes, 0.0).max(axis=1)[of],
        "column trust": of_columns.sum(axis=1)[of],
    }
    return np.stack([found[name] for name in NAMES], axis=1)


def _partners(rows: Rows, passages: Passages) -> np.ndarray:
    """(n_rows, n_copies) the row at the same place of each copy; -1 where there is none."""
    row_of_cell = np.full(passages.cells.count, -1)
    cells = passages.cells.of(rows.time)
    row_of_cell[cells] = np.arange(rows.count)
    copies = passages.copies_of(cells)
    return np.asarray(np.where(copies >= 0, row_of_cell[np.maximum(copies, 0)], -1))


def _weights(there: np.ndarray, agreed: np.ndarray, power: int) -> np.ndarray:
    """(n_rows, n_copies) by the share of the rows around that agree with each copy."""
    trust = around_rows(np.where(there, agreed, 0.0), AROUND_ROWS)
    return np.asarray(there * (trust**power + NEARLY))

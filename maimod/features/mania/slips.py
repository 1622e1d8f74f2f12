"""Numbers by which :mod:`maimod.features.slip_model` finds slips of mania: notes in a wrong column, chords with a note too many
or too few, hold notes that end at a wrong time.

They compare a note with its neighbours in time, with the same place of the measures around that are alike (mirrored ones
included), and with what follows the same columns elsewhere in the map (:mod:`maimod.features.mania.rows`). Times in ms, gaps in
beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from maimod.features.mania import column_alternatives
from maimod.features.mania.chords import measure_chords
from maimod.features.mania.column_alternatives import ColumnAlternatives
from maimod.features.mania.columns import Expectation, measure_columns
from maimod.features.mania.hold_stretches import HoldStretches
from maimod.features.mania.hold_stretches import measure as measure_stretches
from maimod.features.mania.holds import measure_ends
from maimod.features.mania.rows import Rows
from maimod.osu.beatmap import Beatmap, HitObject


class ManiaMeasures(msgspec.Struct, frozen=True, dict=True):
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
    hold_stretches: HoldStretches
    """What stretches of holds would gain with other ends."""

    @cached_property
    def column_alternatives(self) -> ColumnAlternatives:
        """What rows and stretches would gain with other columns."""
        return column_alternatives.measure(self.rows)


def measure(beatmap: Beatmap, notes: Sequence[HitObject]) -> ManiaMeasures:
    """Measure every note of a mania map.

    Args:
        beatmap: gives the columns and the beats.
        notes: in order of time.
    """
    rows = Rows(beatmap, notes)
    columns, expectation = measure_columns(rows)
    chords, sizes, chord_times = measure_chords(rows)
    ends, lengths, length_times = measure_ends(rows)
    of = rows.row_of
    return ManiaMeasures(
        columns,
        chords[of],
        ends,
        of,
        expectation,
        sizes[of],
        chord_times[of],
        lengths,
        length_times[of],
        rows,
        measure_stretches(rows),
    )

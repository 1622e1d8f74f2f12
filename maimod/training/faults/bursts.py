"""Bursts: runs of rows with equal gaps of a quarter beat or less."""

from __future__ import annotations

from itertools import pairwise

from maimod.osu.beatmap import Beatmap
from maimod.training.faults.base import SAME_MS, Row, rows_of

BURST_ROWS = range(3, 10)
LEAST_BURSTS = 3
"""Bursts of a length that occur so often are no accident."""


def bursts_of(beatmap: Beatmap) -> list[list[Row]]:
    """Runs of rows with equal gaps of a quarter beat or less, between longer gaps."""
    rows = rows_of(beatmap)
    found: list[list[Row]] = []
    run = rows[:1]
    for before, row in pairwise(rows):
        gap = row.time - before.time
        is_fast = gap <= beatmap.red_line_of(before.time).beat_length / 4 + SAME_MS
        if is_fast and (len(run) < 2 or abs(run[1].time - run[0].time - gap) < 2 * SAME_MS):
            run.append(row)
            continue
        found.append(run)
        run = [before, row] if is_fast else [row]
    return [run for run in (*found, run) if len(run) in BURST_ROWS]

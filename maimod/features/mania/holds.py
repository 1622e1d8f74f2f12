"""Numbers of the end of each note of mania, for holds that end at a wrong time or should be notes."""

from __future__ import annotations

import numpy as np

from maimod.features.mania.rows import (
    AROUND_NOTES,
    AROUND_ROWS,
    CONTEXTS,
    LEAST_TRUST,
    MOST_KEYS,
    SAME_MS,
    ContextModel,
    Rows,
    around_rows,
    column_gaps,
    divisors,
    row_features,
    share_same,
    share_same_around,
    table,
)
from maimod.features.positions.geometry import shifted
from maimod.osu.timing import TICKS_PER_BEAT

END_NAMES = (
    # The note itself. "same": share of the other notes, held as it is or not, that are alike; "around": of those close
    # by.
    "hold",  # whether it is held
    "length",  # log2 of 1 + 1/24 beats
    "same length",
    "same length around",
    "end divisor",
    "same end divisor",
    "end phase",  # share with the same place in the measure at the end
    "gap after",  # log2 of 1 + 1/24 beats to the next note of the column
    "same gap after",
    "same gap after around",
    "gap to row",  # log2 of 1 + 1/24 beats to the next row
    "same gap to row",
    "same gap to row around",
    # What is at its end.
    "ends with start",  # whether a row starts then
    "ends with end",  # other holds that end then
    "ends inside",  # holds that go on over the next row
    "rows inside",  # log2 of 1 + rows during the hold
    "start after",  # log2 of 1 + beats to the first row after the end
    # Other notes of its row.
    "row holds",
    "row size",
    "row same end",  # holds with the same end
    "row other end",
    # Share of the notes that are held, or not, as it is.
    "holds around",
    "holds at phase",  # at the same place of the measure
    "holds",  # share of the notes of the map that are held
    "holds of column",  # in the same column
    # The places a whole number of beats or measures away, by their longest hold, weighted by how far lengths and
    # columns around agree (lags).
    "lag trust",  # how far they agree, mean of all lags
    "lag hold",  # share with a hold
    "lag same length",  # share with the length of the note
    "lag other length",
    "best lag",  # how far the best lag agrees
    "best lag hold",  # whether that has a hold
    "best lag off",  # log2 of its length over that of the note
    # The notes before and after.
    "length before",  # log2 of the length over that of the note
    "length after",
    "hold before",
    "hold after",
    "row gap before",
    "row gap after",
    "size of lag",  # log2 of the longest length of its row over its own
    "lag holds",  # holds of the rows at the lags, less those of its row
    "best lag holds",
    # Surprisal of the number of holds of the row by the rows beside, and how much one more or less would change it.
    *(f"{what} {name}" for name in CONTEXTS for what in ("hold bits", "more holds bits", "less holds bits")),
    # What the lags have in the column of the note.
    *(f"column lag {what}" for what in ("trust", "hold", "note", "same length")),
    # Share of the notes in the same situation that are held, or not, as it is: the same gaps beside the row, gap in the
    # column, sound, size of the row.
    *(f"holds at {key}{where}" for key in ("gaps", "column gap", "sound", "size") for where in ("", " around")),
    "holds at phase around",
    "keys",
    "divisor",
    "density",
)
"""Features of the end of a note."""


def measure_ends(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of the ends of the notes, the length at the most trusted lag, and for each row the time there."""
    n, of, hold = len(rows.notes), rows.row_of, rows.is_hold
    beat = rows.beat[of]
    end_tick = rows.grid.ticks(rows.end)
    length = np.where(hold, np.round((rows.end - rows.start) / beat * 24), 0)
    """In 1/24 beat."""
    gaps = column_gaps(rows)
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
    trust = _trust(rows, long)
    best = trust.argmax(axis=1)
    expected = rows.at_lags(long)[np.arange(rows.count), best][of]
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
        **_at_lags(rows, trust, length, long, row_holds),
        "best lag hold": expected > 0,
        "best lag off": np.log2(1 + expected) - np.log2(1 + length),
        "length before": np.log2(1 + length[before]) - np.log2(1 + length),
        "length after": np.log2(1 + length[behind]) - np.log2(1 + length),
        "hold before": hold[before],
        "hold after": hold[behind],
        "size of lag": np.log2(1 + long)[of] - np.log2(1 + length),
        **_hold_bits(rows, row_holds.astype(np.int64)),
        **_holds_of_column(rows, length),
        **_holds_alike(rows, gaps["start after"]),
        **{name: values[of] for name, values in row_features(rows).items()},
    }
    known = trust.max(axis=1)[of] >= LEAST_TRUST
    return table(found, END_NAMES), np.where(known, expected / 24, -1.0), rows.time_at(best)


def _trust(rows: Rows, long: np.ndarray) -> np.ndarray:
    """(n_rows, n_lags) how far the rows around agree with their partners in their longest hold and in their columns; 0 where
    the row has no partner. `long` are the lengths (n_rows,) of the longest holds."""
    alike = np.where(rows.partners >= 0, rows.at_lags(long) == long[:, None], False)
    trust = np.where(rows.partners >= 0, around_rows(alike.astype(float), AROUND_ROWS), 0.0)
    by_columns = np.maximum(rows.trust[:, : trust.shape[1]], rows.trust[:, trust.shape[1] :])
    return np.asarray(np.where(rows.partners >= 0, 0.5 * trust + 0.5 * by_columns, 0.0))


def _at_lags(
    rows: Rows, trust: np.ndarray, length: np.ndarray, long: np.ndarray, row_holds: np.ndarray
) -> dict[str, np.ndarray]:
    """What the partners of the row of each note hold.

    Args:
        rows: the map.
        trust: (n_rows, n_lags) of :func:`_trust`.
        length: (n_notes,) of each note, 0 if it is not held.
        long: (n_rows,) of the longest hold of each row.
        row_holds: (n_rows,) holds of each row.
    """
    of, own = rows.row_of, length[:, None]
    weights, partner = trust[of] ** 3, rows.at_lags(long)[of]
    total = np.maximum(weights.sum(axis=1), 1e-6)
    holds = rows.at_lags(row_holds)
    best_holds = holds[np.arange(rows.count), trust.argmax(axis=1)]
    return {
        "lag trust": trust.mean(axis=1)[of],
        "lag hold": (weights * (partner > 0)).sum(axis=1) / total,
        "lag same length": (weights * (partner == own)).sum(axis=1) / total,
        "lag other length": (weights * ((partner != own) & (partner > 0))).sum(axis=1) / total,
        "best lag": trust.max(axis=1)[of],
        "lag holds": (weights * holds[of]).sum(axis=1) / total - row_holds[of],
        "best lag holds": (best_holds - row_holds)[of],
    }


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

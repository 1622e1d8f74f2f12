"""What the copies of a passage have in place of a chord of mania."""

from __future__ import annotations

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.features.mania.chord_copies import NAMES, features
from maimod.features.mania.rows import Rows
from tests.maps import beatmap

Note = tuple[int, int, int]
"""Row, column, rows held."""
NOTES = 8
"""In a measure, on 1/2 at 120 BPM."""
MEASURES = 10
PLACE = 5 * NOTES + 4


def notes() -> list[Note]:
    """Stairs with a chord of two on the first beat of each measure and a hold of a beat on the third."""
    found = []
    for measure in range(0, MEASURES * NOTES, NOTES):
        found += [(measure + i, (0, 1, 2, 3, 2, 1, 0, 1)[i], 0) for i in range(NOTES) if i not in (4, 5)]
        found += [(measure, 3, 0), (measure + 4, 2, 2)]
    return found


def measured(of: list[Note]) -> tuple[np.ndarray, list[Note]]:
    of = sorted(of)
    lines = [
        f"{64 + 128 * column},192,{1000 + 250 * i},{128 if held else 1},0,"
        f"{f'{1000 + 250 * (i + held) - 125}:' if held else ''}0:0:0:0:"
        for i, column, held in of
    ]
    found = beatmap(lines, mode=3, circle_size=4)
    return features(Rows(found, found.hit_objects), Passages(found, None, 0.0, ())), of


def value(found: tuple[np.ndarray, list[Note]], name: str, note: Note) -> float:
    return float(found[0][found[1].index(note), NAMES.index(name)])


def test_an_even_map_agrees_with_its_copies() -> None:
    found = measured(notes())
    assert found[0].shape == (len(notes()), len(NAMES)) and np.isfinite(found[0]).all()
    whole = found[0][: -len(notes()) // MEASURES]  # the last measure ends with its last note
    for name in ("same size", "same holds", "same length", "own column"):
        assert whole[:, NAMES.index(name)].min() > 0.99, name
    for name in ("size", "holds", "length"):
        assert not whole[:, NAMES.index(name)].any(), name


def test_a_chord_that_lost_a_note() -> None:
    of = notes()
    of.remove((PLACE - 4, 3, 0))
    found = measured(of)
    left = (PLACE - 4, 0, 0)
    assert value(found, "size", left) > 0.99 and value(found, "larger", left) > 0.99
    assert value(found, "same size", left) < 0.01
    assert value(found, "other column", left) > 0.99  # that of the lost note


def test_a_note_in_another_column() -> None:
    found = measured([(i, 0, 0) if (i, column) == (PLACE - 1, 3) else (i, column, held) for i, column, held in notes()])
    note = (PLACE - 1, 0, 0)
    assert value(found, "own column", note) < 0.01 and value(found, "other column", note) > 0.99
    assert value(found, "same size", note) > 0.99


def test_a_hold_that_became_a_note_and_one_that_ends_early() -> None:
    hold = (PLACE, 2, 2)
    of = notes()
    assert hold in of
    of.remove(hold)
    lost = measured([*of, (PLACE, 2, 0)])
    assert value(lost, "holds", (PLACE, 2, 0)) > 0.99 and value(lost, "length", (PLACE, 2, 0)) > 5
    short = measured([*of, (PLACE, 2, 1)])
    assert value(short, "same holds", (PLACE, 2, 1)) > 0.99
    assert value(short, "same length", (PLACE, 2, 1)) < 0.01 and value(short, "length", (PLACE, 2, 1)) > 5


def test_without_copies_there_is_nothing_to_say() -> None:
    found = measured([(0, 0, 0), (3, 1, 0), (7, 2, 0), (8, 3, 0)])
    assert not found[0].any()

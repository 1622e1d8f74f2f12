"""What other columns of a stretch would make of a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from maimod.features.mania.column_alternatives import NAMES, measure
from maimod.features.mania.rows import Rows
from maimod.features.taiko.slips import measure_colours
from tests.maps import beatmap

ZIGZAG = (0, 1, 2, 3, 2, 1)
MEASURES = 12
NOTES = 8
"""In a measure, on 1/2."""
FIRST = 5 * NOTES
"""The first row of a measure in the middle."""


def columns() -> list[int]:
    """Of single notes that go up and down without a jump."""
    return [ZIGZAG[i % len(ZIGZAG)] for i in range(MEASURES * NOTES)]


def measured(of: Sequence[Sequence[int]]) -> np.ndarray:
    """The features of rows of columns on 1/2 at 120 BPM."""
    notes = [f"{64 + 128 * column},192,{1000 + 250 * i},1,0,0:0:0:0:" for i, row in enumerate(of) for column in row]
    found = beatmap(notes, mode=3, circle_size=4)
    return measure(Rows(found, found.hit_objects)).features


def single(of: Sequence[int]) -> np.ndarray:
    return measured([[column] for column in of])


def of(found: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(found[:, NAMES.index(name)])


def test_an_even_map_gains_little_by_other_columns() -> None:
    found = single(columns())
    assert found.shape == (MEASURES * NOTES, len(NAMES)) and np.isfinite(found).all()
    for name in NAMES[: NAMES.index("borders")]:
        assert of(found, name)[NOTES:-NOTES].max() < 4.0, name
    assert of(found, "unused").max() < 2.0


def test_a_mirrored_measure_shows_where_it_begins_and_after_it() -> None:
    mirrored = columns()
    mirrored[FIRST : FIRST + NOTES] = [3 - column for column in mirrored[FIRST : FIRST + NOTES]]
    found = single(mirrored)
    assert of(found, "mirrored from").argmax() == FIRST
    assert of(found, "mirrored until").argmax() == FIRST + NOTES
    assert of(found, "mirrored from").max() > of(single(columns()), "mirrored from").max() + 8.0
    assert of(found, "borders").argmax() == FIRST


def test_a_mirrored_measure_among_measures_that_are_repeated() -> None:
    found = single([0, 1, 2, 3, 1, 3, 0, 2] * 5 + [3, 2, 1, 0, 2, 0, 3, 1] + [0, 1, 2, 3, 1, 3, 0, 2] * 6)
    assert of(found, "copies").argmax() == FIRST and of(found, "copies")[FIRST] > 8.0
    assert of(found, "mirrored from").argmax() == FIRST


def test_two_columns_exchanged_for_a_measure() -> None:
    exchanged = columns()
    exchanged[FIRST : FIRST + NOTES] = [{1: 2, 2: 1}.get(column, column) for column in exchanged[FIRST : FIRST + NOTES]]
    found = single(exchanged)
    assert of(found, "exchanged from").argmax() == FIRST
    assert of(found, "exchanged from")[FIRST] > of(found, "mirrored from")[FIRST]


def test_a_chord_one_column_off_and_one_that_has_no_room_to_move() -> None:
    rows = [[column] for column in columns()]
    for i in range(3, len(rows), NOTES):
        rows[i] = [0, 3] if i // NOTES % 2 else [1, 2]
    even = measured(rows)
    place = 5 * NOTES + 3
    assert rows[place] == [0, 3]
    place -= NOTES
    rows[place] = [2, 3]
    found = measured(rows)
    assert of(found, "moved row").argmax() == place and of(found, "moved row")[place] > of(even, "moved row").max()
    assert of(found, "moved row")[place + NOTES] < of(found, "moved row")[place]


def test_a_column_without_notes_for_a_while() -> None:
    rows = [[column] for column in columns()]
    lost = range(4 * NOTES, 7 * NOTES)
    for i in lost:
        if rows[i] == [0]:
            rows[i] = [1]
    found = measured(rows)
    assert int(of(found, "unused").argmax()) in range(lost.start - 6, lost.stop + 6)
    assert of(found, "unused").max() == pytest.approx(29 / 6, abs=1.0)
    assert of(found, "unused").max() > 2 * of(measured([[c] for c in columns()]), "unused").max()
    assert of(found, "unused after").max() == of(found, "unused").max()


def test_colours_of_a_measure_exchanged_and_one_note_late() -> None:
    pattern = [0, 0, 1, 0, 1, 1, 0, 1] * MEASURES

    def of_colours(colours: Sequence[int]) -> np.ndarray:
        lines = [f"256,192,{1000 + 250 * i},1,{8 * colour},0:0:0:0:" for i, colour in enumerate(colours)]
        found = beatmap(lines, mode=1)
        return measure(measure_colours(found, found.hit_objects).rows).features

    even, changed = of_colours(pattern), list(pattern)
    changed[FIRST : FIRST + NOTES] = [1 - colour for colour in changed[FIRST : FIRST + NOTES]]
    found = of_colours(changed)
    assert of(found, "mirrored from").argmax() == FIRST
    assert of(found, "mirrored from")[FIRST] > of(even, "mirrored from").max() + 8.0
    late = list(pattern)
    late[FIRST : FIRST + NOTES] = [late[FIRST + NOTES - 1], *late[FIRST : FIRST + NOTES - 1]]
    found = of_colours(late)
    assert int(of(found, "late from").argmax()) in range(FIRST, FIRST + NOTES)
    assert of(found, "late from")[FIRST] > of(even, "late from").max() + 4.0


@pytest.mark.parametrize("of", [[[0]], [[0, 3], [1]] * 3])
def test_a_map_of_few_rows_has_none(of: list[list[int]]) -> None:
    assert not measured(of).any()


def test_a_map_of_one_column_has_no_other() -> None:
    found = beatmap([f"256,192,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(40)], mode=3, circle_size=1)
    assert not measure(Rows(found, found.hit_objects)).features.any()


def test_two_notes_that_changed_columns() -> None:
    swapped = columns()
    swapped[FIRST + 3 : FIRST + 5] = swapped[FIRST + 3 : FIRST + 5][::-1]
    found, even = single(swapped), single(columns())
    best = np.sort(of(found, "swapped").argsort()[-2:])
    assert best.tolist() == [FIRST + 3, FIRST + 4]
    assert of(found, "swapped").max() > of(even, "swapped").max() + 8.0
    assert of(found, "swapped copies")[FIRST + 3] > 2.0


def test_notes_of_chords_and_equal_columns_do_not_change_places() -> None:
    rows = [[column] for column in columns()]
    rows[FIRST + 3] = [0, 2]
    found = of(measured(rows), "swapped")
    assert found[FIRST + 3] == 0.0
    assert of(single([1] * 40), "swapped").max() == 0.0


def test_a_note_in_another_column_would_be_likelier_in_its_own() -> None:
    moved = columns()
    moved[FIRST + 3] = (moved[FIRST + 3] + 2) % 4
    found, even = single(moved), single(columns())
    assert of(found, "elsewhere").argmax() == FIRST + 3
    assert of(found, "elsewhere").max() > of(even, "elsewhere").max() + 8.0
    pattern = [0, 1, 2, 3, 1, 3, 0, 2] * MEASURES
    pattern[FIRST + 3] = 0
    repeated = single(pattern)
    assert of(repeated, "elsewhere").argmax() == FIRST + 3 and of(repeated, "elsewhere copies")[FIRST + 3] > 4.0


def test_a_note_cannot_be_where_another_one_is_held() -> None:
    moved = columns()
    moved[FIRST + 3] = (moved[FIRST + 3] + 2) % 4
    assert columns()[FIRST + 1] == columns()[FIRST + 3]

    def gain(held: int) -> float:
        lines = [f"{64 + 128 * column},192,{1000 + 250 * i},1,0,0:0:0:0:" for i, column in enumerate(moved)]
        start = 1000 + 250 * (FIRST + 1)
        lines[FIRST + 1] = f"{64 + 128 * moved[FIRST + 1]},192,{start},128,0,{start + held}:0:0:0:0:"
        loaded = beatmap(lines, mode=3, circle_size=4)
        return float(of(measure(Rows(loaded, loaded.hit_objects)).features, "elsewhere")[FIRST + 3])

    assert gain(700) < gain(300) - 2.0

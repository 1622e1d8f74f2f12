"""Slips of mania: the measures of columns, chords and ends, the model that weighs them, and the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from maimod.features import slip_model
from maimod.features.mania import rows as mania_rows
from maimod.features.mania.chords import CHORD_NAMES
from maimod.features.mania.columns import COLUMN_NAMES, Expectation
from maimod.features.mania.holds import END_NAMES
from maimod.features.mania.slips import ManiaMeasures, measure
from maimod.features.models.trees import Trees
from maimod.features.slip_model import FILE, FORMAT, NO_SLIP, Forest, SlipModel
from maimod.osu.beatmap import Beatmap
from maimod.rules.base import Candidate, Rule
from maimod.rules.evidence import Evidence
from maimod.rules.mania import columns as mania_columns
from maimod.rules.mania import slips as mania_slips
from maimod.rules.passages import rhythms as passage_rhythms
from maimod.rules.rhythm import objects as rhythm_objects
from tests.findings import doubted
from tests.maps import beatmap
from tests.rhythms import scores
from tests.slips import stump

NOTHING = Forest([], Trees(-9.0))
QUARTER = 125
"""Ms."""
STAIRS = (0, 1, 2, 3, 2, 1, 0, 1)
MEASURES = 16
Note = tuple[int, int, int]
"""Time [ms], column, ms held."""


def notes() -> list[Note]:
    """Stairs on 1/4 in the first half of each measure, in the other two chords and a hold of a beat; four columns."""
    found = []
    for start in range(1000, 1000 + MEASURES * 16 * QUARTER, 16 * QUARTER):
        found += [(start + i * QUARTER, column, 0) for i, column in enumerate(STAIRS)]
        found += [(start + by * QUARTER, column, 0) for by, column in ((8, 0), (8, 3), (10, 1), (10, 2))]
        found += [(start + 12 * QUARTER, 1, 4 * QUARTER - QUARTER)]
    return found


def made(of: list[Note]) -> Beatmap:
    lines = [
        f"{64 + 128 * column},192,{time},{128 if held else 1},0,{f'{time + held}:' if held else ''}0:0:0:0:"
        for time, column, held in sorted(of)
    ]
    return beatmap(lines, mode=3, circle_size=4)


def changed(time: int, column: int, *new: Note) -> Beatmap:
    """The map with other notes in place of one."""
    kept = [note for note in notes() if note[:2] != (time, column)]
    assert len(kept) == len(notes()) - 1
    return made([*kept, *new])


PLACE = 1000 + 6 * 16 * QUARTER
"""Start of a measure in the middle."""


def measured(loaded: Beatmap) -> ManiaMeasures:
    found = measure(loaded, loaded.hit_objects)
    for table in (found.columns, found.chords, found.ends):
        assert np.isfinite(table).all() and table.dtype == np.float32 and len(table) == len(loaded.hit_objects)
    return found


def number(loaded: Beatmap, time: int, column: int) -> int:
    return next(i for i, o in enumerate(loaded.hit_objects) if (o.time, loaded.column(o)) == (time, column))


def in_columns(loaded: Beatmap, name: str) -> np.ndarray:
    return measured(loaded).columns[:, COLUMN_NAMES.index(name)]


# ---------------------------------------------------------------------------------------------------------------------
# Measures


def test_names_are_columns_and_each_is_there_once() -> None:
    found = measured(made(notes()))
    for table, names in ((found.columns, COLUMN_NAMES), (found.chords, CHORD_NAMES), (found.ends, END_NAMES)):
        assert table.shape[1] == len(names) == len(set(names))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_short_maps_are_measured(count: int) -> None:
    assert len(measured(made(notes()[:count])).columns) == count


def test_a_note_in_another_column_is_expected_where_alike_places_have_it() -> None:
    loaded = changed(PLACE + 2 * QUARTER, 2, (PLACE + 2 * QUARTER, 0, 0))
    place, found = number(loaded, PLACE + 2 * QUARTER, 0), measured(loaded)
    assert found.expectation.column[place] == 2
    assert found.expectation.places[place] >= 4 and found.expectation.places_with[place] == 0
    assert found.expectation.places_with_other[place] == found.expectation.places[place]
    votes, others = in_columns(loaded, "vote"), in_columns(loaded, "other vote")
    assert votes[place] < 0.2 and others[place] > 0.6
    bits = in_columns(loaded, "other bits both")
    assert bits[place] == bits.min() and bits[place] < -3


def test_mirrored_passages_are_alike() -> None:
    half = 8 * 16 * QUARTER
    mirrored = [(t, 3 - c if t >= 1000 + half else c, held) for t, c, held in notes()]
    slip = (PLACE + 2 * QUARTER, 2, 0)
    kept = [note for note in mirrored if note[0] >= 1000 + half or PLACE <= note[0] < PLACE + 16 * QUARTER]
    loaded = made([(*slip[:1], 0, 0) if note == slip else note for note in kept])
    expected, place = measured(loaded).expectation, number(loaded, slip[0], 0)
    assert expected.column[place] == 2
    assert expected.places_with_other[place] == expected.places[place] >= 2 and expected.places_with[place] == 0


def test_a_row_does_not_count_among_those_that_it_is_compared_with() -> None:
    """In a map without patterns nothing is expected, although each row has itself for an example."""
    random = np.random.default_rng(1)
    of = [(1000 + int(i * 4 + random.integers(4)) * QUARTER, int(random.integers(4)), 0) for i in range(60)]
    assert np.median(in_columns(made(of), "bits both")) > 2


def test_two_notes_that_exchanged_columns_would_fit_in_each_others_column() -> None:
    first, second = PLACE + 3 * QUARTER, PLACE + 4 * QUARTER
    kept = [note for note in notes() if note[0] not in (first, second)]
    loaded = made([*kept, (first, 2, 0), (second, 3, 0)])
    gain = in_columns(loaded, "exchange vote")
    assert set(np.flatnonzero(gain > 1).tolist()) == {number(loaded, first, 2), number(loaded, second, 3)}
    assert in_columns(made(notes()), "exchange vote").max() < 0.5
    assert in_columns(loaded, "exchange bits")[number(loaded, first, 2)] > 3


def test_a_gap_in_a_column_is_measured_against_those_of_the_map() -> None:
    loaded = changed(PLACE + 2 * QUARTER, 2, (PLACE + 2 * QUARTER, 1, 0))
    place = number(loaded, PLACE + 2 * QUARTER, 1)
    assert 2.0 ** in_columns(loaded, "start before")[place] == pytest.approx(1 / 4)
    assert in_columns(loaded, "map start before")[place] < 0.02
    assert in_columns(loaded, "rows before")[place] == 0  # log2 of one row


def test_a_chord_that_lost_a_note_is_smaller_than_alike_places() -> None:
    loaded = changed(PLACE + 8 * QUARTER, 3)
    place, found = number(loaded, PLACE + 8 * QUARTER, 0), measured(loaded)
    assert found.chord_size[place] == 2 and found.chords[place, CHORD_NAMES.index("size")] == 1
    assert found.chords[place, CHORD_NAMES.index("lag more")] > 0.8
    assert found.chords[place, CHORD_NAMES.index("more measure")] == 1.0
    assert found.chords[place, CHORD_NAMES.index("more bits both")] < -3


def test_a_hold_that_ends_early_is_shorter_than_alike_places() -> None:
    start = PLACE + 12 * QUARTER
    loaded = changed(start, 1, (start, 1, 2 * QUARTER))
    place, found = number(loaded, start, 1), measured(loaded)
    assert found.length[place] == pytest.approx(0.75)
    assert found.ends[place, END_NAMES.index("same length")] == 0
    assert found.ends[place, END_NAMES.index("lag same length")] < 0.1
    held = number(loaded, start + 16 * QUARTER, 1)
    assert found.ends[held, END_NAMES.index("same length")] > 0.9


def test_a_lost_hold_differs_from_the_same_column_of_alike_places_and_from_notes_with_such_gaps() -> None:
    start = PLACE + 12 * QUARTER
    lost = changed(start, 1, (start, 1, 0))
    place, found = number(lost, start, 1), measured(lost).ends

    def value(name: str, note: int) -> float:
        return float(found[note, END_NAMES.index(name)])

    assert value("column lag hold", place) > 0.9 and value("column lag note", place) < 0.05
    assert value("column lag same length", place) < 0.05 and value("holds at gaps", place) == 0
    assert value("holds at gaps around", place) == 0
    held = number(lost, start + 16 * QUARTER, 1)
    assert value("column lag hold", held) > 0.6 and value("column lag same length", held) > 0.6
    assert value("holds at gaps", held) > 0.9


def test_the_column_of_a_mirrored_passage_is_the_mirrored_one() -> None:
    times = range(1000, 1000 + 12 * 1000, 1000)
    bars = [(t, 4 * (i % 2), i) for i, t in enumerate(times)]
    loaded = made(
        [(t + 250 * k, abs(3 * (i % 2) - c), 125 * (k == 2)) for t, _, i in bars for k, c in enumerate((0, 1, 2, 1))]
    )
    found = measured(loaded).ends
    hold = number(loaded, 1000 + 6 * 1000 + 500, 2)
    assert (
        found[hold, END_NAMES.index("column lag hold")] > 0.95 and found[hold, END_NAMES.index("column lag trust")] > 5
    )


def test_sounds_that_are_always_held_are_a_situation_of_their_own() -> None:
    lines = [
        f"{64 + 128 * (i % 4)},192,{1000 + 250 * i},{128 if i % 5 == 0 and i != 40 else 1},{8 if i % 5 == 0 else 0},"
        + (f"{1000 + 250 * i + 125}:" if i % 5 == 0 and i != 40 else "")
        + "0:0:0:0:"
        for i in range(80)
    ]
    found = measured(beatmap(lines, mode=3, circle_size=4)).ends[:, END_NAMES.index("holds at sound")]
    assert found[40] == 0 and found[35] > 0.9 and found[41] == 1


# ---------------------------------------------------------------------------------------------------------------------
# The model


def evidence(loaded: Beatmap, **forests: Forest) -> Evidence:
    model = dict.fromkeys(("positions", "shapes", "columns", "chords", "ends"), NOTHING) | forests
    return Evidence(loaded, slip_model=SlipModel(FORMAT, **model))


def bundled() -> SlipModel:
    model = slip_model.load(Path(slip_model.__file__).parents[2] / "models" / "maimod-slips")
    assert model is not None
    return model


def test_the_bundled_model_finds_planted_slips_and_none_in_the_map_itself() -> None:
    clean = slip_model.find(bundled(), made(notes()), made(notes()).hit_objects)
    assert clean is not None
    assert max(clean.positions.max(), clean.chords.max(), clean.ends.max()) < 0
    assert (clean.shapes == NO_SLIP).all() and clean.measures is None
    slips = {
        "positions": (changed(PLACE + 2 * QUARTER, 2, (PLACE + 2 * QUARTER, 1, 0)), (PLACE + 2 * QUARTER, 1)),
        "chords": (changed(PLACE + 8 * QUARTER, 3), (PLACE + 8 * QUARTER, 0)),
        "ends": (changed(PLACE + 12 * QUARTER, 1, (PLACE + 12 * QUARTER, 1, 125)), (PLACE + 12 * QUARTER, 1)),
    }
    for kind, (loaded, where) in slips.items():
        found = slip_model.find(bundled(), loaded, loaded.hit_objects)
        assert found is not None
        log_odds = getattr(found, kind)
        assert log_odds.argmax() == number(loaded, *where) and log_odds.max() > 0, kind


@pytest.mark.parametrize("part", ["columns", "chords", "ends", "catch"])
def test_a_model_of_other_features_is_refused(part: str, tmp_path: Path) -> None:
    content = (Path(slip_model.__file__).parents[2] / "models" / "maimod-slips" / FILE).read_text()
    place = content.index(f'"{part}":{{"features":["') + len(f'"{part}":{{"features":["')
    (tmp_path / FILE).write_text(content[:place] + "un" + content[place:])
    with pytest.raises(ValueError, match="unknown feature"):
        slip_model.load(tmp_path)


def test_nothing_is_found_without_a_part_of_the_model_or_in_short_maps() -> None:
    model = SlipModel(FORMAT, NOTHING, NOTHING)
    assert slip_model.find(model, made(notes()), made(notes()).hit_objects) is None
    short = made(notes()[:20])
    assert slip_model.find(bundled(), short, short.hit_objects) is None


# ---------------------------------------------------------------------------------------------------------------------
# Words


def one(found: list[Candidate]) -> Candidate:
    assert len(found) == 1, [(x.time, x.message) for x in found]
    return found[0]


def test_a_column_is_named_with_that_of_alike_places() -> None:
    loaded = changed(PLACE + 2 * QUARTER, 2, (PLACE + 2 * QUARTER, 0, 0))
    found = one([*mania_slips.columns(evidence(loaded, columns=stump("vote", 0.2, 2.0, -9.0)))])
    assert found.time == PLACE + 2 * QUARTER and found.measure == 2.0
    assert found.actual == "column 1" and found.expected[0].text == "column 3"
    assert "passages with the same pattern" in found.message and "none in column 1" in found.message


def test_a_note_too_soon_in_its_column_is_named_where_nothing_is_alike() -> None:
    random = np.random.default_rng(0)
    column, of = 0, list[Note]()
    for i in range(80):
        column = int((column + random.integers(1, 3)) % 4)
        of.append((1000 + 2 * i * QUARTER, column, 0))
    of.insert(41, (of[40][0] + QUARTER, of[40][1], 0))
    seen = evidence(made(of), columns=stump("start before", -1.9, 2.0, -9.0))
    found = [x for x in mania_slips.columns(seen) if x.rule is mania_slips.COLUMN]
    assert "1/4 beat after the note before it in column" in one(found).message


def test_the_size_of_a_chord_is_named_with_that_of_alike_places() -> None:
    loaded = changed(PLACE + 8 * QUARTER, 3)
    found = one([*mania_slips.run(evidence(loaded, chords=stump("lag more", 0.5, -9.0, 2.0)))])
    assert found.rule is mania_slips.CHORD and found.time == PLACE + 8 * QUARTER
    assert (found.actual, found.expected[0].text) == ("one note", "2 notes")
    assert found.message.startswith("One note starts here; at 00:")


def test_of_a_chord_the_note_that_is_likeliest_in_a_wrong_column_is_named() -> None:
    start = PLACE + 8 * QUARTER
    for added in (1, 2):
        loaded = made([*notes(), (start, added, 0)])
        seen = evidence(loaded, chords=stump("size", 2.5, -9.0, 2.0), columns=stump("vote", 0.2, 2.0, -9.0))
        found = one([x for x in mania_slips.run(seen) if x.rule is mania_slips.CHORD])
        assert [loaded.column(o) for o in found.objects] == [added]


def test_what_the_proofreader_doubts_about_a_chord_is_about_the_same_note() -> None:
    start = PLACE + 8 * QUARTER
    checks = {
        mania_columns.UNEXPECTED_COLUMN: ("place", mania_columns),
        rhythm_objects.UNEXPECTED_OBJECT: ("extra", rhythm_objects),
    }

    def named(seen: Evidence, rule: Rule) -> int:
        assert seen.corruption is not None
        found = one([x for x in checks[rule][1].propose(seen, seen.corruption) if x.rule is rule and x.proposed == 3.0])
        return seen.beatmap.column(found.objects[0])

    for added in (1, 2):
        loaded = made([*notes(), (start, added, 0)])
        model = evidence(loaded, columns=stump("vote", 0.2, 2.0, -9.0)).slip_model
        for rule, (kind, _) in checks.items():
            seen = doubted(loaded, {(kind, start): 3.0})
            assert named(seen, rule) == 0
            assert named(replace(seen, slip_model=model), rule) == added


def test_a_chord_that_surprises_the_generator_is_doubted_at_the_same_note() -> None:
    start = PLACE + 9 * QUARTER
    loaded = made([*notes(), (start, 1, 0), (start, 2, QUARTER // 2)])
    slip_model = evidence(loaded, columns=stump("hold", 0.5, -9.0, 2.0)).slip_model
    seen = scores(loaded, {start: (14.0, start + QUARTER, 0.9)})
    for model, column in ((None, 1), (slip_model, 2)):
        found = rhythm_objects.run(Evidence(loaded, seen, slip_model=model))
        extra = one([x for x in found if x.rule is rhythm_objects.UNEXPECTED_OBJECT])
        assert extra.time == start and [loaded.column(o) for o in extra.objects] == [column]


def test_a_hold_is_named_with_its_length() -> None:
    start = PLACE + 12 * QUARTER
    shorter = changed(start, 1, (start, 1, QUARTER))
    found = one([*mania_slips.run(evidence(shorter, ends=stump("same length", 0.5, 2.0, -9.0)))][-1:])
    loaded = changed(start, 1, (start, 1, 0))
    lost = [x for x in mania_slips.run(evidence(loaded, ends=stump("best lag off", 0.5, -9.0, 2.0))) if x.time == start]
    assert one(lost).actual == "not held" and "3/4 beat long" in one(lost).message
    assert found.rule is mania_slips.END


def test_holds_of_a_stretch_that_all_end_early_are_one_finding() -> None:
    cut, held = range(PLACE, PLACE + 2 * 16 * QUARTER), []
    for time, column, length in notes():
        is_hold = time % (16 * QUARTER) in {(1000 + by * QUARTER) % (16 * QUARTER) for by in (0, 4)}
        length = 3 * QUARTER if is_hold and column != 1 else length
        held.append((time, column, length - QUARTER if length and time in cut else length))
    found = one([x for x in mania_slips.run(evidence(made(held))) if x.curve == "stretch"])
    assert found.rule is mania_slips.END and found.time == PLACE and found.measure is not None and found.measure > 12
    assert found.message.startswith(
        "6 hold notes from here to 00:16:500 seem to end 1/4 beat early: most are 1/2 beat long"
    )
    assert found.message.endswith("long, as none of the others; 100 % are 3/4 beat long.")
    assert (found.actual, found.expected[0].text) == ("1/4 beat early", "1/4 beat later")
    assert len(found.objects) == 6 and found.end_time == found.objects[-1].time
    assert not [x for x in mania_slips.run(evidence(made(notes()))) if x.curve == "stretch"]


def stairs(way: Callable[[int], int], start: int = PLACE) -> Beatmap:
    """Stairs without a jump on 1/4, in which a measure has other columns."""
    zigzag = (0, 1, 2, 3, 2, 1)
    steps = [(1000 + i * QUARTER, zigzag[i % 6], 0) for i in range(MEASURES * 16)]
    return made(
        [(time, way(column) if start <= time < start + 16 * QUARTER else column, 0) for time, column, _ in steps]
    )


@pytest.mark.parametrize(
    ("way", "seem", "otherwise"),
    [
        (lambda column: 3 - column, "the columns seem to be mirrored", "mirrored"),
        (
            lambda column: {1: 2, 2: 1}.get(column, column),
            "the columns 2 and 3 seem to be exchanged",
            "with columns 2 and 3 exchanged",
        ),
    ],
)
def test_columns_of_a_passage_that_were_exchanged_are_one_finding(
    way: Callable[[int], int], seem: str, otherwise: str
) -> None:
    found = [one for one in mania_slips.columns(evidence(stairs(way))) if one.rule is mania_slips.EXCHANGED]
    likeliest = max(found, key=lambda one: one.measure or 0.0)
    assert likeliest.time == PLACE and likeliest.measure is not None and likeliest.measure > 17
    assert likeliest.message.startswith("From here to 00:14:875 " + seem + ": the other way they would join")
    assert [one.text for one in likeliest.expected] == [otherwise]
    assert likeliest.end_time == PLACE + 15 * QUARTER and len(likeliest.objects) == 8
    # The map itself has no such passage, and no candidate overlaps another one.
    assert not [
        one for one in mania_slips.columns(evidence(stairs(lambda column: column))) if one.rule is likeliest.rule
    ]
    spans = sorted((one.time, one.end_time or one.time) for one in found)
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


@pytest.mark.parametrize(("place", "side"), [(3, "next"), (4, "previous")])
def test_two_notes_that_changed_columns_are_named_as_such(place: int, side: str) -> None:
    steps = [(0, 1, 2, 3, 2, 1)[i % 6] for i in range(MEASURES * 16)]
    first = 6 * 16 + 3
    steps[first : first + 2] = steps[first : first + 2][::-1]
    time = PLACE + place * QUARTER
    seen = evidence(made([(1000 + i * QUARTER, column, 0) for i, column in enumerate(steps)]))
    note = number(seen.beatmap, time, steps[6 * 16 + place])
    assert seen.slips is not None and seen.slips.mania is not None
    said = mania_slips._column_words(seen, seen.slips, note)
    other = steps[6 * 16 + (4 if place == 3 else 3)] + 1
    assert f"the {side} one in column {other} seem to have changed columns" in said.message
    assert (said.actual, said.likelier) == (f"column {steps[6 * 16 + place] + 1}", f"column {other}")
    assert mania_slips._swapped_with(seen, seen.slips.mania, note + 8) is None


def test_a_passage_a_column_too_far_is_said_to_be_so_by_its_copies() -> None:
    def shifted(by: int) -> Beatmap:
        steps = [
            (start + i * QUARTER, column)
            for start in range(1000, 1000 + MEASURES * 16 * QUARTER, 16 * QUARTER)
            for i, column in enumerate((1, 2, 1, 2, 2, 1, 2, 1, 1, 2, 2, 2, 1, 1, 2, 1))
        ]
        return made([(t, c + by if PLACE <= t < PLACE + 16 * QUARTER else c, 0) for t, c in steps])

    for by, side, other in ((1, "right", "left"), (-1, "left", "right")):
        found = [one for one in mania_slips.columns(evidence(shifted(by))) if one.rule is mania_slips.EXCHANGED]
        likeliest = max(found, key=lambda one: one.measure or 0.0)
        assert likeliest.time == PLACE and f"one too far to the {side}: the passages like it" in likeliest.message
        assert likeliest.expected[0].text == f"one column further {other}"


def test_of_a_chord_that_lost_its_hold_the_note_is_named_that_is_likeliest_to_end_wrongly() -> None:
    def lost(column: int) -> Candidate:
        """The chords on the third beat of all measures but one hold a note."""
        start, held = PLACE + 8 * QUARTER, 2 * QUARTER
        chords = [note for note in notes() if note[0] % (16 * QUARTER) == start % (16 * QUARTER)]
        kept = [note for note in notes() if note not in chords]
        holds = [(t, c, held if c == column and t != start else 0) for t, c, _ in chords]
        seen = evidence(made([*kept, *holds]), ends=stump("holds of column", 0.99, 2.0, -9.0))
        return one([x for x in passage_rhythms.run(seen) if x.rule is passage_rhythms.OTHER_KIND])

    for column in (0, 3):
        found = lost(column)
        assert (found.time, found.actual) == (PLACE + 8 * QUARTER, "note")
        assert [round((o.x - 64) / 128) for o in found.objects] == [column]


def test_of_rows_beside_each_other_the_likelier_is_named() -> None:
    loaded = made(notes())
    found = [*mania_slips.columns(evidence(loaded, columns=stump("row size", 1.5, 1.0, 3.0)))]
    rows = [one.time for one in found]
    # A chord is likelier than the note before it.
    assert PLACE + 8 * QUARTER in rows and PLACE + 7 * QUARTER not in rows
    assert len(rows) == len(set(rows))
    close = mania_slips.columns(evidence(loaded, columns=stump("row size", 1.5, 1.0, 2.0)))
    assert PLACE + 7 * QUARTER in [one.time for one in close]


@pytest.mark.parametrize(
    ("with_other", "expected"),
    [(2, "2 have one in column 3"), (1, "where none of 3 passages with the same pattern has one")],
)
def test_a_column_is_likelier_if_half_of_the_passages_have_it(with_other: int, expected: str) -> None:
    seen = evidence(made(notes()), columns=stump("row size", 1.5, 1.0, 3.0))
    slips = seen.slips
    assert slips is not None and slips.mania is not None
    n = len(slips.mania.row_of)
    counts = {"places": 3, "places_with": 0, "places_with_other": with_other, "column": 2, "example": 1000.0}
    expectation = Expectation(**{name: np.full(n, value) for name, value in counts.items()})
    said = mania_slips._column_words(
        seen, structs.replace(slips, mania=structs.replace(slips.mania, expectation=expectation)), 0
    )
    assert expected in said.message and said.likelier == "column 3"


def test_other_modes_have_no_slips_of_mania() -> None:
    loaded = beatmap([f"256,192,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(60)], mode=1)
    assert evidence(loaded, columns=stump("vote", 0.2, 2.0, 2.0)).slips is None
    assert mania_rows.MOST_KEYS >= 18

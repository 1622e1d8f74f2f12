"""Slips of columns, hands and hold notes in mania: each is what its name says, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

import pytest

from maimod.osu.beatmap import WIDTH, Beatmap, HitObject, Mode, ObjectKind
from maimod.training.faults import FIFTH, Fault, Planted, select
from maimod.training.faults.base import rows_of
from maimod.training.faults.fifth import mania_columns, mania_hands
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    as_placed,
    changes,
    columns_of,
    has_its_objects,
    has_no_place,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
    sorted_by_time,
)

Rows = Mapping[int, Sequence[int | tuple[int, int]]]
"""By ms after the start of a measure: columns of notes, and (column, length in ms) of hold notes."""
EVEN: Rows = {0: (0, 3, 6), 250: (1,), 500: (5,), 750: (4,), 1000: (0, 6), 1250: (3,), 1500: (1, 5), 1750: (2,)}
TRILL: Rows = {
    **{k * 125: (5 if k % 2 else 1,) for k in range(8)},
    1000: ((0, 500), 3),
    1125: ((4, 125),),
    1250: ((2, 250),),
    1500: ((6, 375),),
}
PAUSE: Rows = {0: (0,), 250: (1,), 500: ((2, 250), 5)}
FOUR: Rows = {0: (0, 1, 2), 250: (3,), 500: (0, 1), 750: (2,), 1000: (1, 3), 1250: (0,), 1500: (2,), 1750: (3,)}
STREAM: Rows = {k * 250: (k % 4,) for k in range(8)}
EFFECT = [
    f"{FIRST + 9 * MEASURE + time},-{length},4,2,0,70,0,0"
    for time, length in ((0, 200), (500, 50), (1000, 200), (1500, 50), (2000, 100))
]


def mapped(measures: Sequence[Rows], keys: int = 4, lines: Sequence[str] = (), mode: int = 3) -> Beatmap:
    """120 BPM from 2 s on: one measure after the other."""
    objects = []
    for index, measure in enumerate(measures):
        for after, columns in measure.items():
            time = FIRST + index * MEASURE + after
            for column in columns:
                number, length = (column, 0) if isinstance(column, int) else column
                x = int((number + 0.5) * WIDTH / keys)
                held = f"128,0,{time + length}:0:0:0:0:" if length else "1,0,0:0:0:0:"
                objects.append(f"{x},192,{time},{held}")
    return beatmap(objects, [RED_LINE, *lines], mode, circle_size=keys)


@cache
def full(mode: int = 3) -> Beatmap:
    """Seven keys, 24 measures with a place for every slip; an effect of scroll speed in the tenth."""
    return mapped([EVEN, EVEN, EVEN, TRILL, EVEN, EVEN, EVEN, PAUSE] * 3, 7, EFFECT, mode)


def plant(name: str, good: Beatmap | None = None, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(good or full(), name, seed)


def in_measure(of_map: Beatmap, time: float) -> list[HitObject]:
    """The objects of the measure of a time [ms]."""
    start = FIRST + (time - FIRST) // MEASURE * MEASURE
    return [o for o in of_map.hit_objects if start <= o.time < start + MEASURE]


def by_row(of_map: Beatmap, objects: Sequence[HitObject]) -> dict[int, list[int]]:
    """Columns by ms after the start of the measure."""
    found: dict[int, list[int]] = {}
    for time, column in columns_of(of_map, objects):
        found.setdefault(round(time - FIRST) % MEASURE, []).append(column)
    return found


KINDS = (*mania_columns.FAULTS, *mania_hands.FAULTS)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, full(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))
    assert planted is None or all(o.time == round(o.time) for o in planted.beatmap.hit_objects)


def test_they_are_kinds_of_the_fifth_set() -> None:
    assert set(KINDS) <= set(FIFTH) <= set(select(["fifth"]))


@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
def test_no_note_is_laid_on_another(fault: Fault) -> None:
    for seed in range(6):
        _, planted = plant(fault.name, seed=seed)
        bad = planted.beatmap
        for column in range(bad.keys):
            notes = [o for o in bad.hit_objects if bad.column(o) == column]
            assert all(b.time - a.end_time >= 40 for a, b in pairwise(notes))


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def test_a_trill_alternates_the_other_way_round_after_a_doubled_step() -> None:
    doubled = set()
    for seed in range(12):
        good, planted = plant("trill-doubled:1 row", seed=seed)
        before, after = changes(good, planted.beatmap)
        assert as_placed(before) == as_placed(after)
        rows = by_row(planted.beatmap, in_measure(planted.beatmap, planted.start))
        trill = [columns for ms, columns in rows.items() if ms < 1000]
        steps = [k for k, (a, b) in enumerate(pairwise(trill), start=1) if a == b]
        assert len(steps) == 1 and {column for columns in trill for column in columns} == {1, 5}
        assert sorted_by_time(after) == objects_of(planted.beatmap, planted)
        assert min(o.time for o in after) == planted.start and len(after) == 8 - steps[0]
        doubled |= set(steps)
    assert len(doubled) > 2 and min(doubled) >= 2 and max(doubled) <= 6


def test_a_trill_is_even_long_enough_and_of_columns_apart() -> None:
    trill = {k * 250: ((0, 1), (2, 3))[k % 2] for k in range(8)}
    assert not has_no_place("trill-doubled:1 row", mapped([trill] * 2))
    assert has_no_place("trill-doubled:1 row", mapped([{k * 250: (k % 2,) for k in range(4)}] * 4)), "too short"
    assert has_no_place("trill-doubled:1 row", mapped([{k * 500: (k % 2,) for k in range(4)}] * 4)), "too slow"
    assert has_no_place("trill-doubled:1 row", mapped([{k * 250: ((0, 1), (1, 2))[k % 2] for k in range(8)}] * 4))
    assert has_no_place("trill-doubled:1 row", mapped([{k * 250: ((0, 1), (2,))[k % 2] for k in range(8)}] * 4))
    uneven = {time: (k % 2,) for k, time in enumerate((0, 250, 375, 625, 750, 1000, 1125))}
    assert has_no_place("trill-doubled:1 row", mapped([uneven] * 4))
    assert has_no_place("trill-doubled:1 row", mapped([STREAM] * 4))


@pytest.mark.parametrize(("dose", "late", "first"), [("1 row", 250, 250), ("1 beat", 500, 500)])
def test_columns_of_a_measure_come_late_in_the_same_rhythm(dose: str, late: int, first: int) -> None:
    good, planted = plant(f"columns-late:{dose}", mapped([FOUR] * 8))
    was, now = (by_row(of_map, in_measure(of_map, planted.start)) for of_map in (good, planted.beatmap))
    assert was == {ms: list(columns) for ms, columns in FOUR.items()}
    assert now == {ms: was[ms - late] if ms >= first else was[ms] for ms in was}
    gone, come = changes(good, planted.beatmap)
    measures = {(o.time - FIRST) // MEASURE for o in (*gone, *come)}
    assert len(measures) == 1 and {o.time for o in come} == {o.time for o in objects_of(planted.beatmap, planted)}


def test_late_columns_are_seen_by_the_sizes_of_chords() -> None:
    for dose in ("1 row", "1 beat"):
        assert has_no_place(f"columns-late:{dose}", mapped([STREAM] * 8)), "no chord comes late"
    holds = {**FOUR, 500: ((0, 250), 1)}
    assert has_no_place("columns-late:1 row", mapped([holds] * 8))
    third = {**FOUR, 667: (0,)}
    assert has_no_place("columns-late:1 beat", mapped([third] * 8)), "no row is a beat before"
    assert not has_no_place("columns-late:1 row", mapped([third] * 8))


def test_a_note_more_in_a_late_row_has_no_sound() -> None:
    lines = [
        f"{64 + 128 * column},192,{FIRST + measure * MEASURE + ms},{5 if ms == 0 else 1},8,0:0:0:60:{ms}.wav"
        for measure in range(8)
        for ms, columns in FOUR.items()
        for column in columns
    ]
    good = beatmap(lines, [RED_LINE], 3, circle_size=4)
    _, planted = plant("columns-late:1 row", good)
    after = in_measure(planted.beatmap, planted.start)
    assert [o.sample.filename for o in after if (o.time - FIRST) % MEASURE == 250] == ["250.wav", "", ""]
    assert [o.hitsound for o in after if (o.time - FIRST) % MEASURE == 250] == [8, 0, 0]
    assert sum(o.new_combo for o in planted.beatmap.hit_objects) == sum(o.new_combo for o in good.hit_objects)


def test_notes_of_a_measure_are_in_the_first_columns() -> None:
    good, planted = plant("columns-not-set:1 measure", mapped([FOUR] * 8))
    before, after = changes(good, planted.beatmap)
    own = by_row(planted.beatmap, in_measure(planted.beatmap, planted.start))
    assert own == {ms: list(range(len(columns))) for ms, columns in FOUR.items()}
    assert as_placed(before) == as_placed(after) and [o.time for o in before] == [o.time for o in after]
    assert {(o.time - FIRST) // MEASURE for o in before} == {(planted.start - FIRST) // MEASURE}


def test_columns_that_are_few_anyway_were_chosen() -> None:
    assert has_no_place("columns-not-set:1 measure", mapped([{k * 250: (k % 2 + 2,) for k in range(8)}] * 4))
    few: Rows = {k * 250: (k % 2,) for k in range(8)}
    assert has_no_place("columns-not-set:1 measure", mapped([few, STREAM, few, few]))
    assert not has_no_place("columns-not-set:1 measure", mapped([STREAM] * 4))
    assert has_no_place("columns-not-set:1 measure", mapped([{**STREAM, 1750: ((3, 125),)}] * 4)), "a hold note"


def test_a_measure_is_only_in_the_columns_of_four_keys() -> None:
    for seed in range(6):
        good, planted = plant("other-keys:1 measure", seed=seed)
        own = in_measure(planted.beatmap, planted.start)
        assert {planted.beatmap.column(o) for o in own} <= {0, 2, 4, 6}
        to = {0: 0, 1: 0, 2: 2, 3: 2, 4: 4, 5: 4, 6: 6}
        was = by_row(good, in_measure(good, planted.start))
        assert by_row(planted.beatmap, own) == {ms: sorted({to[c] for c in columns}) for ms, columns in was.items()}
        gone, come = changes(good, planted.beatmap)
        assert len({(o.time - FIRST) // MEASURE for o in (*gone, *come)}) == 1
    assert has_no_place("other-keys:1 measure", mapped([FOUR] * 8)), "it has four keys"
    crowded = mapped([{k * 250: ((0, 1, 3, 5), (3, 4, 6))[k % 2] for k in range(8)}] * 4, 7)
    _, planted = plant("other-keys:1 measure", crowded)
    narrow = by_row(planted.beatmap, in_measure(planted.beatmap, planted.start))
    assert narrow == {k * 250: ([0, 2, 4], [2, 4, 6])[k % 2] for k in range(8)}
    assert has_no_place("other-keys:1 measure", mapped([{k * 250: (2 * (k % 4),) for k in range(8)}] * 4, 7))


# ---------------------------------------------------------------------------------------------------------------------
# Chords


def test_the_other_note_of_a_chord_is_held() -> None:
    good, planted = plant("wrong-note-held")
    before, after = (sorted(objects, key=lambda o: o.x) for objects in changes(good, planted.beatmap))
    held, note = before if before[0].kind is ObjectKind.HOLD else before[::-1]
    other, now_held = after if after[0].x == held.x else after[::-1]
    assert (other.kind, other.end_time) == (ObjectKind.CIRCLE, held.time)
    assert (now_held.kind, now_held.end_time, now_held.x) == (ObjectKind.HOLD, held.end_time, note.x)
    assert (planted.start, planted.end) == (held.time, held.end_time)


def test_the_chord_of_a_hold_note_is_repeated_and_the_other_column_is_free() -> None:
    chord: Rows = {0: ((0, 500), 2), 1000: (1,)}
    assert not has_no_place("wrong-note-held", mapped([chord] * 4))
    assert has_no_place("wrong-note-held", mapped([{0: (1,)}, {0: (1,)}, chord, {0: (1,)}, {0: (1,)}]))
    assert has_no_place("wrong-note-held", mapped([{**chord, 250: (2,)}] * 4))


def test_the_row_after_a_copied_measure_lies_beside_another() -> None:
    starts: list[Rows] = [FOUR, {**FOUR, 0: (3,)}, FOUR, {**FOUR, 0: (3,)}, FOUR, FOUR, FOUR, FOUR]
    good = mapped(starts)
    for seed in range(6):
        _, planted = plant("seam-doubled", good, seed)
        gone, come = changes(good, planted.beatmap)
        assert not gone and [o.hitsound for o in come] == [0, 0, 0]
        assert by_row(planted.beatmap, come) == {0: [0, 1, 2]} and planted.start == planted.end == come[0].time
        assert sorted_by_time(come) == sorted_by_time(objects_of(planted.beatmap, planted))
    assert has_no_place("seam-doubled", mapped([FOUR] * 8)), "it is the same row"
    other_rhythm = {**STREAM, 0: (3,), 125: (1,)}
    assert has_no_place("seam-doubled", mapped([FOUR, other_rhythm, FOUR])), "no measure was copied"
    assert has_no_place("seam-doubled", mapped([{**FOUR, 0: (0, 1)}, {**FOUR, 0: (1, 2)}] * 4)), "one note more"


def test_chords_of_a_measure_are_single_notes() -> None:
    for seed in range(6):
        good, planted = plant("chords-thinned:1 measure", mapped([FOUR] * 8), seed)
        gone, come = changes(good, planted.beatmap)
        assert not come and {(o.time - FIRST) % MEASURE for o in gone} == {0, 500, 1000} and len(gone) == 4
        own = by_row(planted.beatmap, in_measure(planted.beatmap, planted.start))
        assert set(own) == set(FOUR) and all(len(columns) == 1 for columns in own.values())
        assert all(set(columns) <= set(FOUR[ms]) for ms, columns in own.items())
        assert all(a != b for a, b in pairwise(own.values())), "a jack that can be avoided"
        assert [round(o.time - FIRST) % MEASURE for o in objects_of(planted.beatmap, planted)] == [0, 500, 1000]
        overlapping = mapped([{k * 250: ((0, 1), (1, 2))[k % 2] for k in range(8)}] * 4)
        _, planted = plant("chords-thinned:1 measure", overlapping, seed)
        own = by_row(planted.beatmap, in_measure(planted.beatmap, planted.start))
        assert all(a != b for a, b in pairwise(own.values())), "a jack that can be avoided"


def test_chords_are_thinned_between_measures_with_chords() -> None:
    assert has_no_place("chords-thinned:1 measure", mapped([STREAM, FOUR] * 4))
    two = {**STREAM, 0: (0, 1), 500: (2, 3)}
    assert has_no_place("chords-thinned:1 measure", mapped([two] * 8)), "too few chords"


# ---------------------------------------------------------------------------------------------------------------------
# Notes and hands


def test_a_note_is_on_the_row_before() -> None:
    for seed in range(6):
        good, planted = plant("row-merged", mapped([FOUR] * 8), seed)
        before, after = one_change(good, planted)
        assert as_placed([before]) == as_placed([after]) and before.x == after.x
        times = [row.time for row in rows_of(good)]
        assert after.time == times[times.index(before.time) - 1] and before.time not in [
            row.time for row in rows_of(planted.beatmap)
        ]
        assert (planted.start, planted.end) == (after.time, before.time)
    assert has_no_place("row-merged", mapped([{k * 250: (0,) for k in range(8)}] * 4)), "the column is taken"
    assert has_no_place("row-merged", mapped([{k * 1000: (k,) for k in range(2)}] * 8)), "too far"
    loud = [f"{FIRST + k * 250},-100,4,2,0,{70 - k % 2},0,0" for k in range(32)]
    assert has_no_place("row-merged", mapped([FOUR] * 4, lines=loud)), "each row has a line of its own"
    assert has_no_place("row-merged", mapped([{k * 250: (k % 2, k % 2 + 2) for k in range(8)}] * 4)), "no single notes"


def test_one_hand_has_the_notes_of_another_measure() -> None:
    busy: Rows = {**{k * 125: (k % 2,) for k in range(16)}, 750: (0, 3)}
    good = mapped([FOUR, busy, FOUR, FOUR])
    for seed in range(6):
        _, planted = plant("hand-pasted:1 measure", good, seed)
        own, was = (in_measure(of_map, planted.start) for of_map in (planted.beatmap, good))
        source = in_measure(good, float(planted.note.split()[-2]))
        pasted_hands = []
        for hand in ((0, 1), (2, 3)):
            placed, before, other = (
                [(o.time - FIRST) % MEASURE for o in notes if good.column(o) in hand] for notes in (own, was, source)
            )
            assert placed in (before, other)
            if placed != before:
                pasted_hands.append(hand)
                assert len(objects_of(planted.beatmap, planted)) == len(placed)
        assert len(pasted_hands) == 1
    assert has_no_place("hand-pasted:1 measure", mapped([FOUR] * 4)), "all measures are alike"


def test_one_hand_is_an_eighth_of_a_beat_late() -> None:
    good, planted = plant("hand-late:1/8 beat", mapped([FOUR] * 8))
    before, after = changes(good, planted.beatmap)
    before, after = sorted_by_time(before), sorted_by_time(after)
    assert {b.time - a.time for a, b in zip(before, after, strict=True)} == {round(BEAT / 8)}
    assert as_placed(before) == as_placed(after) and [o.x for o in before] == [o.x for o in after]
    hand = {good.column(o) // 2 for o in before}
    assert len(hand) == 1
    assert before == [o for o in in_measure(good, planted.start) if good.column(o) // 2 in hand]
    assert has_no_place("hand-late:1/8 beat", mapped([STREAM] * 8)), "no chords to tear"
    one_handed = mapped([{k * 250: ((0, 1), (2, 3))[k % 2] for k in range(8)}] * 4)
    assert has_no_place("hand-late:1/8 beat", one_handed)
    lines = [
        f"{64 + 128 * column},192,{2400 + k * 75},1,0,0:0:0:0:" for k in range(256) for column in (k % 2, 3 - k % 2)
    ]
    fast = beatmap(lines, ["0,150,4,2,0,70,1,0"], 3, circle_size=4)
    assert has_no_place("hand-late:1/8 beat", fast), "too little to see"


def test_thumbs_are_of_no_hand() -> None:
    good, planted = plant("hand-late:1/8 beat")
    before, _ = changes(good, planted.beatmap)
    assert {good.column(o) for o in before} in ({0, 1, 2}, {4, 5, 6})


# ---------------------------------------------------------------------------------------------------------------------
# Hold notes


def test_hold_notes_are_as_long_as_one_of_them() -> None:
    for seed in range(6):
        good, planted = plant("hold-lengths-levelled:2 measures", seed=seed)
        before, after = (sorted_by_time(objects) for objects in changes(good, planted.beatmap))
        assert len({o.duration for o in after}) == 1 and len(after) >= 3
        around = [
            o for o in good.hit_objects if o.kind is ObjectKind.HOLD and abs(o.time - planted.start) < 2 * MEASURE
        ]
        assert after[0].duration in {o.duration for o in around}
        assert all(abs(a.duration - b.duration) >= BEAT / 4 for a, b in zip(before, after, strict=True))
        assert [(o.time, o.x, o.line) for o in before] == [(o.time, o.x, o.line) for o in after]
        assert planted.end == max(o.end_time for o in (*before, *after))
    alike: Rows = {k * 500: ((k, 250),) for k in range(4)}
    assert has_no_place("hold-lengths-levelled:2 measures", mapped([alike] * 8))
    nearly: Rows = {k * 500: ((k, 250 + 62 * (k % 2)),) for k in range(4)}
    assert has_no_place("hold-lengths-levelled:2 measures", mapped([nearly] * 8))
    one_tapped: Rows = {k * 500: ((k, 250 if k else 60),) for k in range(4)}
    assert has_no_place("hold-lengths-levelled:2 measures", mapped([one_tapped] * 8)), "too short to hold"


def test_a_hold_note_lasts_into_the_next_phrase() -> None:
    good, planted = plant("hold-into-phrase")
    before, after = one_change(good, planted)
    phrase = FIRST + (before.time - FIRST) // MEASURE * MEASURE + MEASURE
    assert (before.time, before.end_time, after.end_time) == (phrase - 1500, phrase - 1250, phrase + 250)
    assert (planted.start, planted.end) == (after.time, after.end_time)


def test_a_hold_note_does_not_last_through_others_or_short_pauses() -> None:
    assert not has_no_place("hold-into-phrase", mapped([STREAM, {0: ((0, 500), 1)}, {0: (1,), 250: (2,), 500: (0,)}]))
    onto_note = mapped([STREAM, {0: ((0, 500), 1)}, {0: (0,), 250: (2,)}])
    assert has_no_place("hold-into-phrase", onto_note)
    assert has_no_place("hold-into-phrase", mapped([{0: ((0, 1750),), 1500: (1,)}] * 4)), "the pause is short"
    beside: Rows = {0: ((0, 1750),), 500: ((2, 250),)}
    assert has_no_place("hold-into-phrase", mapped([beside, {0: (1,), 250: (3,)}])), "another lasts through the pause"
    assert has_no_place("hold-into-phrase", mapped([{0: ((0, 500), 1)}, {0: (1,), 1000: (2,)}])), "no phrase follows"
    assert has_no_place("hold-into-phrase", mapped([{0: ((0, 250), (1, 1750))}, {0: (2,), 250: (3,)}] * 4))


# ---------------------------------------------------------------------------------------------------------------------
# Scroll speed


def test_an_effect_comes_half_a_beat_late() -> None:
    good, planted = plant("effect-late:1/2 beat")
    start = FIRST + 9 * MEASURE
    bad = planted.beatmap
    assert (planted.start, planted.end) == (start, start + MEASURE)
    assert [bad.velocity_at(start + k * 250) for k in range(-1, 9)] == pytest.approx(
        [1, 1, 0.5, 0.5, 2, 2, 0.5, 0.5, 2, 1]
    )
    assert bad.hit_objects == good.hit_objects and bad.red_lines == good.red_lines
    assert has_no_place("effect-late:1/2 beat", mapped([FOUR] * 8)), "one speed"
    step = [f"{FIRST + 3 * MEASURE + 500},-50,4,2,0,70,0,0"]
    assert has_no_place("effect-late:1/2 beat", mapped([FOUR] * 8, lines=step)), "a section begins, no effect"

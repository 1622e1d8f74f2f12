"""Slips in a mania editor: each is what its name says, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest

from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.training.faults import FAULTS, FOURTH, Fault, Planted
from maimod.training.faults.base import rows_of
from maimod.training.faults.fourth import mania_edits
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    as_placed,
    changes,
    columns_of,
    full_map,
    has_its_objects,
    has_no_place,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
    sorted_by_time,
)

QUARTER = BEAT / 4
ROWS = {
    0: (0, 1),
    250: (2,),
    312: (3,),
    500: (0,),
    750: (3,),
    812: (0,),
    1000: (1,),
    1250: (2,),
    1500: (3,),
    1750: (0,),
}
"""Columns by ms after the start of a measure: a chord before single notes, two notes on eighths of a beat."""


def _lines(rows: dict[int, tuple[int, ...]], measures: int = 16, volume: int = 60) -> list[str]:
    """Notes that each play a file named after their time in the measure."""
    return [
        f"{64 + 128 * column},192,{FIRST + measure * MEASURE + time},1,0,0:0:0:{volume}:{time}.wav"
        for measure in range(measures)
        for time, columns in rows.items()
        for column in columns
    ]


@cache
def keyed(mode: int = 3) -> Beatmap:
    """120 BPM, four columns, 16 equal measures without hold notes or green lines."""
    return beatmap(_lines(ROWS), [RED_LINE], mode, circle_size=4)


def mapped(rows: dict[int, tuple[int, ...]], lines: Sequence[str] = (), **changed: int) -> Beatmap:
    return beatmap(_lines(rows, **changed), [RED_LINE, *lines], 3, circle_size=4)


def plant(name: str, good: Beatmap | None = None, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(good or keyed(), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", mania_edits.FAULTS, ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, keyed(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))
    assert planted is None or all(o.time == round(o.time) for o in planted.beatmap.hit_objects)


def test_they_are_kinds_of_the_fourth_set() -> None:
    assert set(mania_edits.FAULTS) <= set(FOURTH) and len({fault.name for fault in FAULTS}) == len(FAULTS)


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


@pytest.mark.parametrize("good", [keyed(), full_map(3)], ids=["notes", "hold notes"])
def test_a_measure_is_reversed_within_the_time_of_its_notes(good: Beatmap) -> None:
    held = False
    for seed in range(6):
        _, planted = plant("reversed-in-time:1 measure", good, seed)
        before = [o for o in good.hit_objects if planted.start <= o.time < planted.end]
        after = objects_of(planted.beatmap, planted)
        both = before[0].time + max(o.end_time for o in before)
        assert (planted.end - planted.start, planted.start) == (MEASURE, before[0].time)
        assert sorted((both - o.end_time, both - o.time, o.x, o.hitsound) for o in before) == sorted(
            (o.time, o.end_time, o.x, o.hitsound) for o in after
        )
        held = held or any(o.kind is ObjectKind.HOLD for o in after)
    assert held is (good is not keyed())


def test_an_even_measure_is_no_other_one_reversed() -> None:
    assert has_no_place("reversed-in-time:1 measure", mapped({k * 250: (k % 4,) for k in range(8)}))


def test_reversed_notes_are_on_ticks_though_times_are_whole_ms() -> None:
    beat = 60_000 / 175
    lines = [
        f"{64 + 128 * (k % 4)},192,{int(1000 + (measure * 4 + step) * beat)},1,0,0:0:0:0:"
        for measure in range(8)
        for k, step in enumerate((0, 1 / 4, 1 / 2, 4 / 3, 5 / 3, 2.25))
    ]
    good = beatmap(lines, [f"1000,{beat},4,2,0,70,1,0"], 3, circle_size=4)
    _, planted = plant("reversed-in-time:1 measure", good)
    for o in objects_of(planted.beatmap, planted):
        ticks = (o.time - 1000) / beat * 12
        assert abs(ticks - round(ticks)) * beat / 12 <= 0.5


def test_the_notes_of_one_column_are_dragged_by_a_quarter_beat() -> None:
    for seed in range(6):
        good, planted = plant("column-dragged:1/4 beat", seed=seed)
        before, after = changes(good, planted.beatmap)
        (by,) = {b.time - a.time for a, b in zip(sorted_by_time(before), sorted_by_time(after), strict=True)}
        assert abs(by) == QUARTER and len({o.x for o in (*before, *after)}) == 1
        assert as_placed(before) == as_placed(after)
        measure = (planted.start + QUARTER - FIRST) // MEASURE * MEASURE + FIRST
        whole = [o for o in good.hit_objects if measure <= o.time < measure + MEASURE and o.x == before[0].x]
        assert sorted_by_time(before) == whole
        assert sorted_by_time(after) == objects_of(planted.beatmap, planted)
    assert has_no_place("column-dragged:1/4 beat", mapped({k * 250: (k % 4,) for k in range(8)}))


def test_a_quarter_beat_that_is_too_short_to_see_is_not_dragged_by() -> None:
    lines = [f"{64 + 128 * (k % 2)},192,{2400 + k * 75},1,0,0:0:0:0:" for k in range(256)]
    assert has_no_place("column-dragged:1/4 beat", beatmap(lines, ["0,150,4,2,0,70,1,0"], 3, circle_size=4))


def test_a_note_of_a_chord_is_in_the_next_row() -> None:
    good, planted = plant("accent-late:1 row")
    before, after = one_change(good, planted)
    assert ((before.time - FIRST) % MEASURE, after.time - before.time, after.x) == (0, 250, before.x)
    sizes = {row.time: len(row.objects) for row in rows_of(planted.beatmap)}
    assert (sizes[before.time], sizes[after.time]) == (1, 2)
    assert (planted.start, planted.end) == (before.time, after.time)


def test_a_chord_that_no_other_measure_has_is_no_accent() -> None:
    once = [f"448,192,{FIRST + 3 * MEASURE + 500},1,0,0:0:0:0:"]
    good = beatmap([*_lines({k * 250: (k % 3,) for k in range(8)}), *once], [RED_LINE], 3, circle_size=4)
    assert max(len(row.objects) for row in rows_of(good)) == 2 and has_no_place("accent-late:1 row", good)

    leap = {0: (0, 1, 2), 250: (3,), 500: (0,), 750: (1,)}
    assert has_no_place("accent-late:1 row", mapped(leap)), "it would be a chord of two after another"


def test_the_note_of_a_chord_without_a_sound_comes_late() -> None:
    lines = [line.replace("0:0:0:60:0.wav", "0:0:0:0:") if line.startswith("192") else line for line in _lines(ROWS)]
    good = beatmap(lines, [RED_LINE], 3, circle_size=4)
    for seed in range(6):
        before, _ = one_change(*plant("accent-late:1 row", good, seed))
        assert (good.column(before), before.sample.filename) == (1, "")


def test_mirrored_copies_of_two_beats_lie_beside_them() -> None:
    good, planted = plant("mirrored-on-itself:2 beats")
    gone, come = changes(good, planted.beatmap)
    start = planted.start
    originals = [o for o in good.hit_objects if start <= o.time < start + 2 * BEAT]
    mirrored = [(time, 3 - column) for time, column in columns_of(good, originals)]
    assert not gone and columns_of(planted.beatmap, come) == sorted(mirrored)
    assert as_placed(come) == as_placed(originals) and objects_of(planted.beatmap, planted) == sorted_by_time(come)
    symmetric = mapped({k * 250: ((0, 3), (1, 2))[k % 2] for k in range(8)})
    assert has_no_place("mirrored-on-itself:2 beats", symmetric)


def test_notes_are_held_until_the_next_of_their_column() -> None:
    good, planted = plant("notes-inverted:1 measure")
    before, after = changes(good, planted.beatmap)
    assert [replace(o, kind=ObjectKind.CIRCLE, end_time=o.time) for o in sorted_by_time(after)] == sorted_by_time(
        before
    )
    for o in after:
        following = next(n for n in good.hit_objects if n.time > o.time and n.x == o.x)
        assert o.kind is ObjectKind.HOLD and following.time - o.end_time == QUARTER
        assert (following.time - FIRST) // MEASURE == (o.time - FIRST) // MEASURE
    _, planted = plant("notes-inverted:1 measure", mapped({k * 250: (0,) for k in range(8)}))
    assert [o.duration for o in objects_of(planted.beatmap, planted)] == [QUARTER] * 7
    assert has_no_place("notes-inverted:1 measure", full_map(3)), "hold notes in every other measure"


def test_notes_on_eighths_are_snapped_to_quarters() -> None:
    good, planted = plant("resnapped:1/4 beat")
    before, after = changes(good, planted.beatmap)
    moves = {(a.time - FIRST) % MEASURE: b.time - a.time for a, b in zip(before, after, strict=True)}
    assert moves == {312: -62, 812: -62} and as_placed(before) == as_placed(after)
    assert len({(o.time - FIRST) // MEASURE for o in before}) == 1
    assert has_no_place("resnapped:1/4 beat", mapped({k * 250: (k % 4,) for k in range(8)}))


# ---------------------------------------------------------------------------------------------------------------------
# Columns


def test_a_column_is_played_in_with_the_key_beside_it() -> None:
    good, planted = plant("wrong-key:1 measure")
    before, after = changes(good, planted.beatmap)
    (was,), (now,) = {good.column(o) for o in before}, {planted.beatmap.column(o) for o in after}
    assert (
        abs(was - now) == 1
        and as_placed(before) == as_placed(after)
        and [o.time for o in before] == [o.time for o in after]
    )
    inside = [
        o for o in planted.beatmap.hit_objects if (o.time - FIRST) // MEASURE == (before[0].time - FIRST) // MEASURE
    ]
    assert was not in map(planted.beatmap.column, inside)
    jacks = mapped({k * 250: (0,) for k in range(8)})
    assert has_no_place("wrong-key:1 measure", jacks), "they would be as many"


def test_notes_are_not_played_in_on_others_or_in_a_column_that_is_rare() -> None:
    on_others = {0: (0, 1), 250: (2,), 500: (0,), 750: (1,), 1000: (0,), 1250: (1,), 1500: (3,)}
    assert has_no_place("wrong-key:1 measure", mapped(on_others))
    trill = {k * 250: (k % 2,) for k in range(6)}
    assert not has_no_place("wrong-key:1 measure", mapped(trill))
    alone = [line for line in _lines(trill) if (int(line.split(",")[2]) - FIRST) // MEASURE == 7]
    others = [line for line in _lines({k * 250: (3,) for k in range(6)}) if line.split(",")[2] not in str(alone)]
    assert has_no_place("wrong-key:1 measure", beatmap([*alone, *others], [RED_LINE], 3, circle_size=4))


# ---------------------------------------------------------------------------------------------------------------------
# Samples of notes


def test_each_note_has_the_sample_of_the_one_before() -> None:
    good, planted = plant("samples-late:1 note")
    measure = (planted.start - FIRST) // MEASURE
    before, after = (
        [o for o in of_map.hit_objects if (o.time - FIRST) // MEASURE == measure] for of_map in (good, planted.beatmap)
    )
    names = [o.sample.filename for o in before]
    assert [o.sample.filename for o in after] == [names[0], *names[:-1]]
    assert [replace(o, sample=after[0].sample) for o in before] == [replace(o, sample=after[0].sample) for o in after]
    gone, _ = changes(good, planted.beatmap)
    assert {(o.time - FIRST) // MEASURE for o in gone} == {measure}
    one_file = [line.rpartition(":")[0] + ":kick.wav" for line in _lines(ROWS)]
    assert has_no_place("samples-late:1 note", beatmap(one_file, [RED_LINE], 3, circle_size=4))
    assert has_no_place("samples-late:1 note", full_map(3)), "no samples"


def test_samples_are_rather_late_in_a_measure_that_another_one_repeats() -> None:
    lines = [
        line.replace(":60:", f":60:{0 if k // len(_lines(ROWS, 1)) in (4, 6) else k} ")
        for k, line in enumerate(_lines(ROWS))
    ]
    good = beatmap(lines, [RED_LINE], 3, circle_size=4)
    starts = {(plant("samples-late:1 note", good, seed)[1].start - FIRST) // MEASURE for seed in range(8)}
    assert starts == {4, 6}


def test_the_volume_of_a_note_lost_its_last_digit() -> None:
    before, after = one_change(*plant("own-volume:digit lost"))
    assert (before.sample.volume, after.sample.volume) == (60, 6)
    assert replace(before, sample=after.sample) == after
    assert has_no_place("own-volume:digit lost", mapped(ROWS, volume=20)), "hardly louder than what it becomes"
    mixed = [line.replace(":60:", ":20:") if k % 2 else line for k, line in enumerate(_lines(ROWS))]
    assert has_no_place("own-volume:digit lost", beatmap(mixed, [RED_LINE], 3, circle_size=4)), "volumes differ anyway"


# ---------------------------------------------------------------------------------------------------------------------
# Scroll speed


def test_a_measure_alternates_between_fast_and_slow() -> None:
    good = mapped(ROWS, ["0,-125,4,2,0,70,0,0"])
    _, planted = plant("stutter-left:1 measure", good)
    bad, start = planted.beatmap, planted.start
    speeds = [bad.velocity_at(start + k * 250) for k in range(-1, 9)]
    assert speeds == pytest.approx([0.8, *(1.2, 0.4) * 4, 0.8]) and not (start - FIRST) % MEASURE
    assert bad.hit_objects == good.hit_objects and bad.red_lines == good.red_lines
    own = [f"{FIRST + k * 1000},-100,4,2,0,{70 - k % 2},0,0" for k in range(32)]
    assert has_no_place("stutter-left:1 measure", mapped(ROWS, own)), "lines within each measure"
    assert has_no_place("stutter-left:1 measure", mapped(ROWS, ["0,-1000,4,2,0,70,0,0"])), "no slower speed is left"


def test_lines_of_an_effect_come_no_later_than_objects_whose_times_were_cut_to_whole_ms() -> None:
    beat = 60_000 / 175
    lines = [f"{64 + 128 * (k % 4)},192,{int(1000 + k * beat / 2)},1,0,0:0:0:0:" for k in range(64)]
    good = beatmap(lines, [f"1000,{beat},4,2,0,70,1,0"], 3, circle_size=4)
    for seed in range(6):
        _, planted = plant("stutter-left:1 measure", good, seed)
        speeds = [planted.beatmap.velocity_at(o.time) for o in objects_of(planted.beatmap, planted)]
        assert speeds == pytest.approx([1.5, 0.5] * 4)


@pytest.mark.parametrize(("dose", "factor"), [("x2", 2), ("x0.5", 0.5)])
def test_four_measures_have_another_tempo_and_the_same_velocity(dose: str, factor: float) -> None:
    good = mapped(ROWS, ["0,-125,4,2,0,70,0,0"])
    _, planted = plant(f"tempo-of-section:{dose}", good)
    bad = planted.beatmap
    assert bad.hit_objects == good.hit_objects and planted.end - planted.start == 4 * MEASURE
    assert [(red.time, red.beat_length) for red in bad.red_lines[1:]] == [
        (planted.start, BEAT / factor),
        (planted.end, BEAT),
    ]
    assert {bad.velocity_at(o.time) for o in bad.hit_objects} == {0.8}


def test_a_section_that_has_red_lines_already_gets_no_other_ones() -> None:
    reds = [f"{FIRST + k * 4 * MEASURE},500,4,2,0,70,1,0" for k in range(4)]
    assert has_no_place("tempo-of-section:x2", mapped(ROWS, reds))


def test_no_mapper_types_a_tempo_of_480() -> None:
    lines = [f"{64 + 128 * (k % 4)},192,{FIRST + k * 125},1,0,0:0:0:0:" for k in range(256)]
    fast = beatmap(lines, ["0,250,4,2,0,70,1,0"], 3, circle_size=4)
    assert has_no_place("tempo-of-section:x2", fast) and not has_no_place("tempo-of-section:x0.5", fast)
    short = mapped(ROWS, measures=4)
    assert has_no_place("tempo-of-section:x2", short), "the section would not end before the map"

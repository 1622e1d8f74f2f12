"""Planted mistakes of sounds, new combos and the timing panel: each is what its name says, at the stated place, and nothing else
changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from maimod.osu.beatmap import Beatmap, HitObject, Mode, TimingPoint
from maimod.osu.hitsounds import hits
from maimod.training.faults import FIFTH, Fault, Planted
from maimod.training.faults.additions import sounds_of
from maimod.training.faults.base import on_downbeat, rebuild, starting_in
from maimod.training.faults.fifth import sounds_and_combos, timing_panel
from tests.maps import beatmap
from tests.training.planting import changes, has_its_objects, has_no_place, objects_of, planted_in, planted_soundly

BEAT, MEASURE, FIRST, MEASURES = 500, 2000, 2000, 40
STEPS = range(8, 17)
"""Measures with lines of other values in turn; the last is as the map before them."""
SECOND_TEMPO, LAST_PART = 30, 36
WITH_SOUNDS = (Mode.OSU, Mode.CATCH, Mode.MANIA)
COMBOS = (Mode.OSU, Mode.CATCH)


@cache
def timed_map(mode: int = 0) -> Beatmap:
    """120 BPM, 40 measures. On half beats: circles on 0 to 3 and 7, with a whistle on 7, and a slider from 4 that turns back on 5 and ends on
    6; no circles on 1 and 3 in odd measures. Each eighth measure is circles on 0, 2, 4, 6. Claps on 2 and 6, new combos on 0, in measures 32 to 39 on
    4. Lines: in measures 8 to 15 slow and loud, fast and quiet in turn; kiai from 17 to 20 and 24 to 28; a red line at 30, fast and
    quiet to 32 by its green line; quiet from 36."""
    lines = []
    for measure in range(MEASURES):
        circles, combo = measure % 8 == 7, 4 if measure >= 32 else 0
        halves = (0, 2, 4, 6) if circles else (0, 2, 4, 6, 7) if measure % 2 else (0, 1, 2, 3, 4, 6, 7)
        is_fast = (measure in STEPS and measure % 2) or measure in (30, 31)
        for half in halves:
            time, x, y = FIRST + measure * MEASURE + half * BEAT // 2, 60 + 40 * half, 100 + 20 * (measure % 4)
            kind, sound = 5 if half == combo else 1, {2: 8, 6: 8, 7: 2}.get(half, 0)
            if mode == Mode.MANIA:
                lines.append(f"{64 + 128 * (half % 4)},{y},{time},{kind},{sound},0:0:0:0:")
            elif half == 4 and not circles:
                length = 87.5 if is_fast else 70
                lines.append(f"{x},{y},{time},{kind + 1},0,L|{x + length}:{y},2,{length},0|0|8,0:0|0:0|0:0,0:0:0:0:")
            elif half != 6 or circles:
                lines.append(f"{x},{y},{time},{kind},{sound},0:0:0:0:")
    greens = [(measure, 80 if measure % 2 else 100, 40 if measure % 2 else 70, 0) for measure in STEPS]
    greens += [(17, 100, 70, 1), (20, 100, 70, 0), (24, 100, 70, 1), (28, 100, 70, 0)]
    greens += [(SECOND_TEMPO, 80, 40, 0), (32, 100, 70, 0), (LAST_PART, 100, 40, 0)]
    written = [f"{FIRST + m * MEASURE},-{length},4,2,0,{volume},0,{kiai}" for m, length, volume, kiai in greens]
    reds = ["0,500,4,2,0,70,1,0", f"{FIRST + SECOND_TEMPO * MEASURE},500,4,2,0,70,1,0"]
    return beatmap(lines, [*reds, *written], mode, slider_multiplier=1.4, circle_size=4)


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(timed_map(mode), name, seed)


def changed_by(change: Callable[[HitObject], HitObject], mode: int = 0) -> Beatmap:
    """The map with each object changed."""
    good = timed_map(mode)
    return rebuild(good, hit_objects=[change(o) for o in good.hit_objects])


def with_lines(change: Callable[[TimingPoint], TimingPoint | None], mode: int = 0) -> Beatmap:
    """The map with each line changed; None takes one away."""
    good = timed_map(mode)
    return rebuild(good, timing_points=[line for p in good.timing_points if (line := change(p)) is not None])


def at_measure(measure: int) -> float:
    return float(FIRST + measure * MEASURE)


def places_of(one: Beatmap) -> list[tuple[float, float, float, float, str]]:
    return [(o.time, o.end_time, o.x, o.y, o.kind) for o in one.hit_objects]


def flags_of(one: Beatmap) -> list[float]:
    return [o.time for o in one.hit_objects if o.new_combo]


def additions(one: Beatmap) -> dict[int, int]:
    return {round(h.time): h.additions for h in hits(one)}


KINDS = (*sounds_and_combos.FAULTS, *timing_panel.FAULTS)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, timed_map(mode), mode)
    assert fault in FIFTH and is_inside
    assert planted is None or planted.is_local is not fault.is_alone
    assert planted is None or fault.is_alone or has_its_objects(planted)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", sounds_and_combos.FAULTS, ids=lambda fault: fault.name)
def test_sounds_and_combos_change_alone(fault: Fault, mode: Mode) -> None:
    good = timed_map(mode)
    planted = fault.inject(good, np.random.default_rng(1))
    if planted is None or fault.kind == "combo-reversed":
        return
    assert places_of(planted.beatmap) == places_of(good) and planted.beatmap.timing_points == good.timing_points
    if fault.kind.startswith("combos"):
        assert [replace(o, new_combo=False, combo_number=0) for o in planted.beatmap.hit_objects] == [
            replace(o, new_combo=False, combo_number=0) for o in good.hit_objects
        ]
    else:
        assert flags_of(planted.beatmap) == flags_of(good)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", timing_panel.FAULTS, ids=lambda fault: fault.name)
def test_objects_stay_where_lines_change(fault: Fault, mode: Mode) -> None:
    good = timed_map(mode)
    planted = fault.inject(good, np.random.default_rng(1))
    if planted is not None:
        bare = [[replace(o, end_time=0.0) for o in one.hit_objects] for one in (good, planted.beatmap)]
        assert bare[0] == bare[1] and good.timing_points != planted.beatmap.timing_points


# ---------------------------------------------------------------------------------------------------------------------
# Sounds


def test_the_sound_of_a_tail_is_on_the_last_repeat() -> None:
    good, planted = plant("edges-before-repeat")
    (before,), (after,) = changes(good, planted.beatmap)
    assert sounds_of(before) == (0, 0, 8) and sounds_of(after) == (0, 8, 0)
    assert (planted.start, planted.end) == (before.time, before.end_time)
    assert replace(after, slider=before.slider) == before


def test_sample_sets_of_edges_are_behind_as_well() -> None:
    def with_sets(o: HitObject) -> HitObject:
        return replace(o, slider=replace(o.slider, edge_sets=((1, 1), (2, 2), (3, 3)))) if o.slider else o

    good = changed_by(with_sets)
    _, (after,) = changes(good, planted_in(good, "edges-before-repeat")[1].beatmap)
    assert after.slider and after.slider.edge_sets == ((1, 1), (3, 3), (0, 0))


@pytest.mark.parametrize("sounds", [(0, 8, 8), (8, 0, 0)])
def test_edges_are_behind_only_where_that_is_heard(sounds: tuple[int, ...]) -> None:
    good = changed_by(lambda o: replace(o, slider=replace(o.slider, edge_sounds=sounds)) if o.slider else o)
    assert has_no_place("edges-before-repeat", good)


def test_edges_are_behind_only_on_sliders_that_turn_back() -> None:
    def once(o: HitObject) -> HitObject:
        return replace(o, slider=replace(o.slider, slides=1, edge_sounds=(0, 8), edge_sets=())) if o.slider else o

    assert has_no_place("edges-before-repeat", changed_by(once))


@pytest.mark.parametrize("mode", WITH_SOUNDS)
def test_claps_of_four_measures_are_one_beat_off_and_other_additions_stay(mode: Mode) -> None:
    good, planted = plant("addition-layer-off", mode)
    assert planted.end - planted.start == 4 * MEASURE
    inside = range(round(planted.start), round(planted.end))
    old, new = additions(good), additions(planted.beatmap)
    assert all(new[time] == old[time] for time in old if time not in inside)
    assert all(new[time] & 2 == old[time] & 2 for time in old)
    claps = [time for time in inside if old.get(time, 0) & 8]
    now = [time for time in inside if new.get(time, 0) & 8]
    (by,) = {b - a for a in claps for b in now if abs(b - a) == BEAT and b - a == now[0] - claps[0]}
    assert {*now} == {time + by for time in claps if time + by in inside} and not {*now} & {*claps}


def test_claps_are_off_only_where_the_measures_around_have_them_on_the_same_beats() -> None:
    def in_turn(o: HitObject) -> HitObject:
        measure = int(o.time - FIRST) // MEASURE
        on = (measure // 4 % 2) * BEAT
        return replace(o, slider=None, end_time=o.time, hitsound=8 if o.time % (2 * BEAT) == on else 0)

    assert has_no_place("addition-layer-off", changed_by(in_turn, Mode.MANIA))
    none = changed_by(lambda o: replace(o, hitsound=8 if o.time % 500 == 250 else 0), Mode.MANIA)
    assert has_no_place("addition-layer-off", none)


@pytest.mark.parametrize("mode", WITH_SOUNDS)
def test_additions_of_two_measures_are_twice_as_far_apart(mode: Mode) -> None:
    good, planted = plant("sounds-at-half-tempo", mode)
    old, new = additions(good), additions(planted.beatmap)
    assert planted.end - planted.start == 4 * MEASURE
    for time in old:
        since = time - planted.start
        is_inside = 0 <= since < 4 * MEASURE
        expected = old.get(round(planted.start + since / 2), 0) if since % 2 == 0 else 0
        assert new[time] == (expected if is_inside else old[time])
    assert sum(map(bool, new.values())) < sum(map(bool, old.values()))


@pytest.mark.parametrize("mode", list(Mode))
def test_objects_bring_the_volume_of_another_part_along(mode: Mode) -> None:
    good, planted = plant("own-volumes-pasted", mode)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert before == starting_in(good, planted.start, planted.start + 2 * MEASURE)
    (volume,) = {o.sample.volume for o in after}
    assert {good.timing_point_at(o.time).volume for o in before} == {110 - volume} and volume in (40, 70)
    assert [replace(o, sample=b.sample) for o, b in zip(after, before, strict=True)] == before


def test_own_volumes_are_pasted_only_from_a_part_of_another_volume() -> None:
    assert has_no_place("own-volumes-pasted", with_lines(lambda p: replace(p, volume=min(p.volume, 50))))
    assert has_no_place("own-volumes-pasted", changed_by(lambda o: replace(o, sample=replace(o.sample, volume=60))))


# ---------------------------------------------------------------------------------------------------------------------
# New combos


@pytest.mark.parametrize("mode", COMBOS)
def test_new_combos_are_half_a_combo_late(mode: Mode) -> None:
    good, planted = plant("combos-out-of-phase", mode)
    assert planted.end - planted.start == 4 * MEASURE
    old, new = flags_of(good), flags_of(planted.beatmap)
    late = [time + MEASURE / 2 if planted.start <= time < planted.end else time for time in old]
    assert new == late and new != old


@pytest.mark.parametrize("mode", COMBOS)
def test_new_combos_are_counted_by_objects(mode: Mode) -> None:
    good, planted = plant("combos-by-count", mode)
    inside = starting_in(planted.beatmap, planted.start, planted.end)
    count = int(planted.note.split()[5].removesuffix("th"))
    assert [o.new_combo for o in inside] == [i % count == 0 for i in range(len(inside))]
    assert planted.end - planted.start == 4 * MEASURE
    assert len({*flags_of(good)} ^ {*flags_of(planted.beatmap)}) >= 5


def test_combos_of_as_many_objects_are_none_by_count() -> None:
    good = timed_map()
    same = rebuild(good, hit_objects=[o for o in good.hit_objects if o.time % MEASURE not in (250, 750)])
    assert has_no_place("combos-by-count", same)


@pytest.mark.parametrize("mode", COMBOS)
def test_new_combos_are_those_of_another_part(mode: Mode) -> None:
    good, planted = plant("combos-pasted", mode)
    by = planted.start - float(planted.note.split()[-2])
    there = {o.time + by for o in good.hit_objects if o.new_combo}
    inside = starting_in(planted.beatmap, planted.start, planted.end)
    assert planted.end - planted.start == 4 * MEASURE
    assert [o.new_combo for o in inside] == [o.time in there for o in inside]
    differing = {*flags_of(good)} ^ {*flags_of(planted.beatmap)}
    assert len(differing) >= 3 and all(planted.start <= time < planted.end for time in differing)


@pytest.mark.parametrize("name", ["combos-pasted", "combos-out-of-phase", "combos-by-count", "combo-reversed"])
def test_combos_change_only_where_there_are_some(name: str) -> None:
    assert has_no_place(name, changed_by(lambda o: replace(o, new_combo=False)))
    assert has_no_place(name, changed_by(lambda o: replace(o, new_combo=True)))


@pytest.mark.parametrize("mode", COMBOS)
def test_a_combo_is_reversed_with_its_flag_and_sounds(mode: Mode) -> None:
    good, planted = plant("combo-reversed", mode)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [o.time for o in before] == [o.time for o in after] and len(before) == 4
    assert [(o.x, o.y, o.hitsound, o.new_combo) for o in after] == [
        (o.x, o.y, o.hitsound, o.new_combo) for o in before[::-1]
    ]
    assert [o.new_combo for o in after] == [False, False, False, True]
    assert (planted.start, planted.end) == (before[0].time, before[-1].time)
    assert len(changes(good, planted.beatmap)[0]) == 4


def test_a_combo_is_reversed_only_if_it_is_even_and_of_circles() -> None:
    good = timed_map()
    uneven = [o for o in good.hit_objects if (o.time - FIRST) % MEASURE != 500]
    assert has_no_place("combo-reversed", rebuild(good, hit_objects=uneven))
    at_one_place = changed_by(lambda o: o if o.slider else replace(o, x=100.0, y=100.0))
    assert has_no_place("combo-reversed", at_one_place)


# ---------------------------------------------------------------------------------------------------------------------
# Green lines


@pytest.mark.parametrize("mode", list(Mode))
def test_a_red_line_lost_its_green_line(mode: Mode) -> None:
    good, planted = plant("line-of-red-line-lost", mode)
    (gone,) = {*good.timing_points} - {*planted.beatmap.timing_points}
    assert gone.time == planted.start == at_measure(SECOND_TEMPO) and not gone.uninherited
    assert planted.end == at_measure(32) and {*planted.beatmap.timing_points} < {*good.timing_points}


def test_a_green_line_of_a_red_one_is_lost_only_if_it_is_heard_or_seen_and_has_its_kiai() -> None:
    second = at_measure(SECOND_TEMPO)

    def alone(change: Callable[[TimingPoint], TimingPoint | None]) -> Beatmap:
        return with_lines(lambda p: change(p) if p.time == second and not p.uninherited else p)

    assert has_no_place("line-of-red-line-lost", alone(lambda p: None))
    assert has_no_place("line-of-red-line-lost", alone(lambda p: replace(p, effects=1)))
    assert has_no_place("line-of-red-line-lost", alone(lambda p: replace(p, beat_length=-100.0, volume=70)))
    assert has_no_place("line-of-red-line-lost", with_lines(lambda p: None if p.time > second else p))


@pytest.mark.parametrize("mode", list(Mode))
def test_green_lines_are_later_than_their_objects(mode: Mode) -> None:
    good, planted = plant("lines-left-behind", mode)
    gone = {*good.timing_points} - {*planted.beatmap.timing_points}
    come = {*planted.beatmap.timing_points} - {*good.timing_points}
    (by,) = {round(b - a) for a, b in zip(sorted(p.time for p in gone), sorted(p.time for p in come), strict=True)}
    assert by in timing_panel.LEFT_BEHIND_MS and {replace(p, time=p.time + by) for p in gone} == come
    assert not any(p.uninherited for p in gone) and max(p.time for p in gone) - min(p.time for p in gone) < 8 * MEASURE
    assert {o.time for o in objects_of(planted.beatmap, planted)} == {p.time for p in gone}
    assert [start for start, _ in planted.places] == sorted(p.time for p in gone)


def test_lines_are_left_behind_only_where_objects_show_it_and_lines_are_apart() -> None:
    own = changed_by(lambda o: replace(o, sample=replace(o.sample, volume=50)))
    assert has_no_place("lines-left-behind", own)  # no sliders on the lines
    good = timed_map()
    close = [replace(p, time=p.time + 10) for p in good.timing_points if not p.uninherited]
    assert has_no_place("lines-left-behind", rebuild(good, timing_points=[*good.timing_points, *close]))


@pytest.mark.parametrize("name", ["velocities-one-line-late", "volumes-one-line-late"])
@pytest.mark.parametrize("mode", list(Mode))
def test_lines_have_the_values_of_the_line_before(name: str, mode: Mode) -> None:
    good, planted = plant(name, mode)
    times = sorted({p.time for p in good.timing_points})
    i = times.index(planted.start)
    for time, former in zip(times[i : i + timing_panel.ROWS], times[i - 1 :], strict=False):
        old, model, new = (
            good.timing_point_at(time),
            good.timing_point_at(former),
            planted.beatmap.timing_point_at(time),
        )
        if name == "volumes-one-line-late":
            assert new == replace(old, volume=model.volume)
        else:
            assert new.velocity == model.velocity and replace(new, beat_length=old.beat_length) == old
    differing = [p.time for p in {*planted.beatmap.timing_points} - {*good.timing_points}]
    assert len(differing) >= 2 and all(planted.start <= time < times[i + timing_panel.ROWS] for time in differing)


def test_the_line_after_a_red_line_has_its_velocity() -> None:
    def fast_first(p: TimingPoint) -> TimingPoint | None:
        if p.uninherited or at_measure(8) < p.time <= at_measure(12):
            return p
        return replace(p, beat_length=-80.0) if p.time == at_measure(8) else None

    planted = planted_in(with_lines(fast_first), "velocities-one-line-late")[1]
    assert planted.start == at_measure(8)
    greens = [p.beat_length for p in planted.beatmap.timing_points if not p.uninherited]
    assert greens == [-100.0, -80.0, -80.0, -100.0, -100.0]


def test_values_are_one_line_late_only_where_they_change() -> None:
    assert has_no_place("volumes-one-line-late", with_lines(lambda p: replace(p, volume=60)))
    assert has_no_place(
        "velocities-one-line-late", with_lines(lambda p: p if p.uninherited else replace(p, beat_length=-90.0))
    )


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.TAIKO, Mode.CATCH])
def test_velocities_of_eight_measures_have_another_base(mode: Mode) -> None:
    good, planted = plant("part-of-other-base", mode)
    bad, end = planted.beatmap, planted.start + 8 * MEASURE
    factors = {
        round(bad.velocity_at(o.time) / good.velocity_at(o.time), 4)
        for o in good.hit_objects
        if planted.start <= o.time < end
    }
    assert len(factors) == 1 and factors <= {*timing_panel.BASE_FACTORS}
    assert all(bad.velocity_at(o.time) == good.velocity_at(o.time) for o in good.hit_objects if o.time >= end)
    assert all(
        (a.volume, a.kiai) == (b.volume, b.kiai)
        for o in good.hit_objects
        for a, b in [(good.timing_point_at(o.time), bad.timing_point_at(o.time))]
    )


def test_one_velocity_is_no_part_of_another_base() -> None:
    even = with_lines(lambda p: p if p.uninherited else replace(p, beat_length=-100.0))
    assert has_no_place("part-of-other-base", even)


# ---------------------------------------------------------------------------------------------------------------------
# Kiai and red lines


@pytest.mark.parametrize("mode", list(Mode))
def test_kiai_is_in_other_measures(mode: Mode) -> None:
    for seed in range(6):
        good, planted = plant("kiai-elsewhere", mode, seed)
        old, new = (
            {(first.time, after.time) for first, after in one.kiai_sections if after} for one in (good, planted.beatmap)
        )
        ((start, end),), ((low, high),) = old - new, new - old
        assert abs(low - start) in (MEASURE, 2 * MEASURE, 4 * MEASURE) and low - start == high - end
        assert len(new) == 2 and planted.start == min(low, start) and planted.end == max(high, end)
        values = [
            [(p.velocity, p.volume) for o in one.hit_objects for p in [one.timing_point_at(o.time)]]
            for one in (good, planted.beatmap)
        ]
        assert values[0] == values[1]


def test_kiai_is_elsewhere_only_on_downbeats_and_not_into_another_or_over_a_red_line() -> None:
    early = {at_measure(m): at_measure(m) - BEAT for m in (17, 20, 24, 28)}
    assert has_no_place("kiai-elsewhere", with_lines(lambda p: replace(p, time=early.get(p.time, p.time))))
    always = with_lines(lambda p: replace(p, effects=int(at_measure(17) <= p.time)))
    assert has_no_place("kiai-elsewhere", always)
    good = timed_map()
    reds = [replace(good.red_lines[0], time=at_measure(m)) for m in (16, 17, 20, 22, 23, 24, 25, 28, 29)]
    assert has_no_place("kiai-elsewhere", rebuild(good, timing_points=[*good.timing_points, *reds]))


@pytest.mark.parametrize("mode", list(Mode))
def test_the_first_red_line_begins_on_another_beat(mode: Mode) -> None:
    good, planted = plant("downbeat-wrong", mode)
    (old,), (new,) = (
        {*a.timing_points} - {*b.timing_points} for a, b in ((good, planted.beatmap), (planted.beatmap, good))
    )
    assert old == good.red_lines[0] and new == replace(old, time=new.time)
    assert old.time - new.time in (BEAT, 2 * BEAT, 3 * BEAT)
    assert (planted.start, planted.end) == (new.time, at_measure(SECOND_TEMPO))
    assert on_downbeat(good, at_measure(4)) and not on_downbeat(planted.beatmap, at_measure(4))


@pytest.mark.parametrize("mode", list(Mode))
def test_a_red_line_has_another_measure(mode: Mode) -> None:
    good, planted = plant("meter-wrong", mode)
    (new,) = {*planted.beatmap.timing_points} - {*good.timing_points}
    assert new.meter == 3 and {replace(new, meter=4)} == {*good.timing_points} - {*planted.beatmap.timing_points}
    assert planted.start == new.time


@pytest.mark.parametrize("name", ["downbeat-wrong", "meter-wrong"])
def test_measures_are_wrong_only_where_new_combos_or_kiai_show_them(name: str) -> None:
    assert has_no_place(name, with_lines(lambda p: replace(p, effects=0), Mode.TAIKO))
    beats = [0, 2500, 5000, 7500]  # of a map with new combos on any beat

    def anywhere(o: HitObject) -> HitObject:
        return replace(o, new_combo=round(o.time) % 10_000 in beats)

    without_kiai = with_lines(lambda p: replace(p, effects=0))
    objects = [anywhere(o) for o in without_kiai.hit_objects]
    assert has_no_place(name, rebuild(without_kiai, hit_objects=objects))


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.TAIKO, Mode.CATCH])
def test_a_tempo_is_twice_what_it_was(mode: Mode) -> None:
    good, planted = plant("tempo-doubled", mode)
    (old,), (new,) = (
        {*a.timing_points} - {*b.timing_points} for a, b in ((good, planted.beatmap), (planted.beatmap, good))
    )
    assert new == replace(old, beat_length=250.0) and old.uninherited and planted.start == old.time
    for a, b in zip(good.hit_objects, planted.beatmap.hit_objects, strict=True):
        is_inside = planted.start <= a.time < planted.end
        assert b.duration == pytest.approx(a.duration / (2 if is_inside else 1), abs=0.01)


def test_a_tempo_is_doubled_only_where_objects_show_it() -> None:
    circles = changed_by(lambda o: replace(o, slider=None, end_time=o.time))
    assert has_no_place("tempo-doubled", circles)
    few = timed_map(Mode.TAIKO)
    assert has_no_place("tempo-doubled", rebuild(few, hit_objects=few.hit_objects[:10]))

"""Slips of keys left on, of copied sounds, and of passages with their lines: each is at the stated place, is what its name says,
and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind, TimingPoint
from maimod.osu.hitsounds import hits
from maimod.osu.slider_path import tail
from maimod.training.faults import Fault, Planted, select
from maimod.training.faults.additions import sounds_of
from maimod.training.faults.base import additions_of, on_downbeat, rebuild, rhythm_of, starting_in
from maimod.training.faults.fourth import line_passages, sound_keys
from maimod.training.faults.fourth.line_passages import SELECTED_LINES
from tests.maps import beatmap
from tests.training.planting import changes, has_its_objects, has_no_place, objects_of, planted_in, planted_soundly

BEAT, MEASURE, FIRST, MEASURES = 500, 2000, 2000, 32
CIRCLE = ObjectKind.CIRCLE
STEPS = range(8, 17)
"""Measures with lines of other values in turn; the last is as the map before them."""


@cache
def layered_map(mode: int = 0) -> Beatmap:
    """120 BPM, 32 measures of circles on the half beats 0 to 3 and 7 and a slider from 4 to 5: a clap on 2, whistles on 3 and on the
    slider's tail; in mania a second note without addition on 2 and on 3. Lines: in measures 8 to 15 slow and loud, fast and quiet in turn; kiai from
    20 to 28 with a line at 24."""
    lines = []
    for measure in range(MEASURES):
        for half in (0, 1, 2, 3, 4, 7):
            time, x, y = FIRST + measure * MEASURE + half * BEAT // 2, 60 + 40 * half, 100 + 20 * (measure % 4)
            sound = {2: 8, 3: 2}.get(half, 0)
            if mode == Mode.MANIA:
                x = 64 + 128 * (half % 4)
                if half in (2, 3):
                    lines.append(f"64,{y},{time},1,0,0:0:0:0:")
            if half == 4 and mode == Mode.MANIA:
                lines.append(f"{x},{y},{time},128,0,{time + BEAT // 2}:0:0:0:0:")
            elif half == 4:
                length = 87.5 if measure in STEPS and measure % 2 else 70
                lines.append(f"{x},{y},{time},2,0,L|{x + length}:{y},1,{length},0|2,0:0|0:0,0:0:0:0:")
            else:
                lines.append(f"{x},{y},{time},{1 if half else 5},{sound},0:0:0:0:")
    greens = ["0,-100,4,2,0,70,0,0"]
    greens += [
        f"{FIRST + measure * MEASURE},-{80 if measure % 2 else 100},4,2,0,{40 if measure % 2 else 70},0,0"
        for measure in STEPS
    ]
    greens += [
        f"{FIRST + measure * MEASURE},-100,4,2,0,{volume},0,{kiai}"
        for measure, volume, kiai in ((20, 70, 1), (24, 60, 1), (28, 70, 0))
    ]
    return beatmap(lines, ["0,500,4,2,0,70,1,0", *greens], mode, slider_multiplier=1.4, circle_size=4)


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(layered_map(mode), name, seed)


def changed_by(change: Callable[[HitObject], HitObject], mode: int = 0) -> Beatmap:
    """The map with each object changed."""
    good = layered_map(mode)
    return rebuild(good, hit_objects=[change(o) for o in good.hit_objects])


def played(one: Beatmap) -> list[tuple[float, int, int, int]]:
    """(ms, additions, sample set, sample set of the additions if there are any) of each hit."""
    return [(h.time, h.additions, h.normal_set, h.addition_set if h.additions else 0) for h in hits(one)]


def without_samples(one: Beatmap) -> list[tuple[float, float, float, float, str, bool]]:
    return [(o.time, o.end_time, o.x, o.y, o.kind, o.new_combo) for o in one.hit_objects]


KINDS = (*sound_keys.FAULTS, *line_passages.FAULTS)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, layered_map(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))
    assert fault in select(["fourth"])


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH, Mode.MANIA])
@pytest.mark.parametrize("fault", sound_keys.FAULTS, ids=lambda fault: fault.name)
def test_only_sounds_change_by_slips_of_sounds(fault: Fault, mode: Mode) -> None:
    good = layered_map(mode)
    planted = fault.inject(good, np.random.default_rng(0))
    assert planted is None or without_samples(planted.beatmap) == without_samples(good)


# ---------------------------------------------------------------------------------------------------------------------
# Sounds


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.MANIA])
def test_a_key_stays_on_for_the_objects_placed_after_one_with_its_addition(mode: Mode) -> None:
    good, planted = plant("addition-left-on", mode)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    (bit,) = {additions_of(b) & ~additions_of(a) for a, b in zip(before, after, strict=True)}
    assert bit in (2, 8) and len({o.time for o in after}) >= 3
    assert all(bits & bit for o in after for bits in sounds_of(o)) and all(o.hitsound & bit for o in after)
    inside = starting_in(planted.beatmap, planted.start, after[-1].time + 1)
    assert all(additions_of(o) & bit for o in inside) and 3 <= len({o.time for o in inside}) <= 8
    first = max(o.time for o in good.hit_objects if o.time < planted.start)
    assert any(additions_of(o) & bit for o in good.hit_objects if o.time == first)


def test_an_addition_on_many_objects_in_a_row_is_style() -> None:
    def clapping(o: HitObject) -> HitObject:
        return replace(o, hitsound=8 if o.time < FIRST + 2 * MEASURE else o.hitsound & 8, slider=None, kind=CIRCLE)

    assert has_no_place("addition-left-on", changed_by(clapping))


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.MANIA])
def test_additions_between_the_beats_are_missing_and_those_on_beats_are_not(mode: Mode) -> None:
    good, planted = plant("sounds-thinned", mode)
    assert planted.end - planted.start == 4 * MEASURE
    for (time, own, *_), (_, now, *_) in zip(played(good), played(planted.beatmap), strict=True):
        is_lost = planted.start <= time < planted.end and time % BEAT != 0
        assert now == (0 if is_lost else own)
    assert len([1 for a, b in zip(played(good), played(planted.beatmap), strict=True) if a != b]) >= 4


def test_additions_are_thinned_only_where_four_measures_and_those_around_them_have_some_between_beats() -> None:
    def in_some(measures: range, of: int) -> Beatmap:
        """The map with sounds between the beats only in some measures."""

        def changed(o: HitObject) -> HitObject:
            is_kept = (o.time - FIRST) // MEASURE % of in measures or o.hitsound == 8
            return o if is_kept else replace(o, hitsound=0, slider=None, kind=CIRCLE, end_time=o.time)

        return changed_by(changed)

    assert has_no_place("sounds-thinned", in_some(range(2), 6))  # fewer than three inside, or none around
    assert has_no_place("sounds-thinned", in_some(range(12, 16), 32))
    assert not has_no_place("sounds-thinned", in_some(range(10, 18), 32))


def test_all_notes_of_chords_have_the_additions_of_one() -> None:
    good, planted = plant("chord-sounds-filled", Mode.MANIA)
    before, after = changes(good, planted.beatmap)
    assert [o.hitsound for o in before] == [0] * 4 and [o.hitsound for o in after] == [8, 2, 8, 2]
    assert (
        all((o.time - FIRST) % MEASURE in (BEAT, 1.5 * BEAT) for o in after)
        and planted.end - planted.start == 2 * MEASURE
    )


def test_chords_that_sound_on_all_notes_are_style_where_most_do() -> None:
    def filled(o: HitObject) -> HitObject:
        is_full = o.time % MEASURE in (500, 750) and o.time < FIRST + 20 * MEASURE
        return replace(o, hitsound=8) if is_full else o

    assert has_no_place("chord-sounds-filled", changed_by(filled, Mode.MANIA))


def test_notes_of_a_chord_get_its_sample_sets_and_no_samples_of_their_own() -> None:
    def with_sample(o: HitObject, **fields: object) -> HitObject:
        return replace(o, sample=replace(o.sample, **fields)) if o.hitsound else o  # type: ignore[arg-type]

    good = changed_by(lambda o: with_sample(o, addition_set=3), Mode.MANIA)
    before, after = changes(good, planted_in(good, "chord-sounds-filled")[1].beatmap)
    assert {o.sample.addition_set for o in before} == {0} and {o.sample.addition_set for o in after} == {3}
    assert has_no_place("chord-sounds-filled", changed_by(lambda o: with_sample(o, filename="a.wav"), Mode.MANIA))


def test_a_body_whistles_and_the_edges_sound_as_before() -> None:
    good, planted = plant("body-whistle")
    (before,), (after,) = changes(good, planted.beatmap)
    assert before.hitsound == 0 and after.hitsound == 2 and played(good) == played(planted.beatmap)
    unlisted = changed_by(lambda o: replace(o, slider=replace(o.slider, edge_sounds=())) if o.slider else o)
    bad = planted_in(unlisted, "body-whistle")[1].beatmap
    assert bad != unlisted and played(bad) == played(unlisted)


def test_whistles_on_bodies_are_style_where_there_are_more() -> None:
    assert has_no_place(
        "body-whistle",
        changed_by(lambda o: replace(o, hitsound=2) if o.slider and o.time % (4 * MEASURE) < MEASURE else o),
    )


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.MANIA])
def test_a_sample_set_of_additions_stays_chosen_for_two_measures(mode: Mode) -> None:
    good, planted = plant("addition-set-left-on", mode)
    now = {number for time, bits, _, number in played(planted.beatmap) if bits and planted.start <= time < planted.end}
    others = {
        number for time, bits, _, number in played(planted.beatmap) if bits and not planted.start <= time < planted.end
    }
    assert others == {2} and len(now) == 1 and now <= {1, 3} and planted.end - planted.start == 2 * MEASURE
    assert [hit[:3] for hit in played(good)] == [hit[:3] for hit in played(planted.beatmap)]


def test_another_set_of_additions_is_no_slip_where_there_are_two() -> None:
    assert has_no_place(
        "addition-set-left-on",
        changed_by(lambda o: replace(o, sample=replace(o.sample, addition_set=3)) if o.hitsound == 8 else o),
    )


def test_the_addition_of_a_tail_is_on_the_next_object() -> None:
    good, planted = plant("tail-sound-late")
    (slider, circle), (silent, sounding) = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert (sounds_of(slider), sounds_of(circle)) == ((0, 2), (0,)) and circle.index == slider.index + 1
    assert (sounds_of(silent), sounds_of(sounding)) == ((0, 0), (2,))


def test_the_addition_of_a_tail_moves_only_out_of_a_pattern_to_an_object_without() -> None:
    def in_turn(o: HitObject) -> HitObject:
        edges = (0, 2 if o.time % (2 * MEASURE) < MEASURE else 8)
        return replace(o, slider=replace(o.slider, edge_sounds=edges)) if o.slider else o

    assert has_no_place("tail-sound-late", changed_by(in_turn))
    assert has_no_place(
        "tail-sound-late", changed_by(lambda o: replace(o, hitsound=8) if o.time % MEASURE == 1750 else o)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Lines


@pytest.mark.parametrize("mode", list(Mode))
def test_the_lines_of_a_passage_are_missing_and_the_next_one_is_in_force_as_before(mode: Mode) -> None:
    good, planted = plant("lines-not-copied", mode)
    start, until = planted.start, min(p.time for p in good.timing_points if p.time >= planted.start + 4 * MEASURE)
    gone = set(good.timing_points) - set(planted.beatmap.timing_points)
    assert {p.time for p in gone} == {p.time for p in good.timing_points if start <= p.time < until} and len(gone) >= 3
    assert set(planted.beatmap.timing_points) < set(good.timing_points)
    assert planted.beatmap.timing_point_at(until - 1) == good.timing_point_at(start - 1)
    assert [(o.time, o.x, o.slider) for o in planted.beatmap.hit_objects] == [
        (o.time, o.x, o.slider) for o in good.hit_objects
    ]


def test_lines_are_not_missing_where_kiai_changes() -> None:
    good = layered_map()
    flashing = tuple(replace(p, effects=round((p.time - FIRST) / MEASURE) % 2) for p in good.timing_points)
    assert has_no_place("lines-not-copied", replace(good, timing_points=flashing))


def with_lines(change: Callable[[TimingPoint, int], TimingPoint | None]) -> Beatmap:
    """The map with its lines in the measures from 8 to 16 changed, given their number; None takes one away."""
    good = layered_map()
    measures = [(p, round((p.time - FIRST) / MEASURE)) for p in good.timing_points]
    lines = [change(p, measure) if measure in STEPS else p for p, measure in measures]
    return rebuild(good, timing_points=[p for p in lines if p is not None])


def test_lines_are_missing_only_if_another_follows_soon_and_objects_show_it() -> None:
    assert has_no_place("lines-not-copied", with_lines(lambda p, measure: p if measure <= 10 else None))
    own = changed_by(
        lambda o: replace(o, sample=replace(o.sample, volume=50), slider=None, kind=CIRCLE, end_time=o.time)
    )
    assert has_no_place("lines-not-copied", own)


def test_selected_lines_are_green_and_close_and_two_had_another_value() -> None:
    assert has_no_place(
        "volumes-levelled", with_lines(lambda p, measure: replace(p, uninherited=True, beat_length=500.0))
    )
    assert has_no_place("volumes-levelled", with_lines(lambda p, measure: p if measure in (8, 13, 16) else None))
    one = with_lines(lambda p, measure: replace(p, volume=40 if measure == 11 else 70))
    for seed in range(6):
        changed = planted_in(one, "volumes-levelled", seed)[1].beatmap
        assert sum(a != b for a, b in zip(one.timing_points, changed.timing_points, strict=True)) == 3


@pytest.mark.parametrize("name", ["lines-not-copied", "velocities-levelled"])
def test_no_slider_runs_on_to_the_next_object(name: str) -> None:
    long = changed_by(lambda o: replace(o, slider=replace(o.slider, length=o.slider.length * 2.7)) if o.slider else o)
    (fault,) = select([name])
    for planted in (fault.inject(long, np.random.default_rng(seed)) for seed in range(8)):
        assert planted is not None
        assert all(a.end_time + 40 <= b.time or a.slider is None for a, b in pairwise(planted.beatmap.hit_objects))


@pytest.mark.parametrize("name", ["volumes-levelled", "velocities-levelled"])
@pytest.mark.parametrize("mode", list(Mode))
def test_selected_lines_have_the_value_of_one_of_them(name: str, mode: Mode) -> None:
    good, planted = plant(name, mode)
    times = [p.time for p in good.timing_points if not p.uninherited and planted.start <= p.time][:SELECTED_LINES]
    old, new = ([one.timing_point_at(time) for time in times] for one in (good, planted.beatmap))
    assert len({(p.volume, p.velocity) for p in old}) == 2
    if name == "volumes-levelled":
        (volume,) = {p.volume for p in new}
        assert volume in {p.volume for p in old} and new == [replace(p, volume=volume) for p in old]
    else:
        (length,) = {p.beat_length for p in new}
        assert length in {p.beat_length for p in old} and new == [replace(p, beat_length=length) for p in old]
    assert sum(a != b for a, b in zip(good.timing_points, planted.beatmap.timing_points, strict=True)) >= 2


def test_lines_are_levelled_only_where_objects_show_it() -> None:
    assert has_no_place("volumes-levelled", changed_by(lambda o: replace(o, sample=replace(o.sample, volume=50))))
    circles = changed_by(lambda o: replace(o, slider=None, kind=CIRCLE, end_time=o.time))
    assert has_no_place("velocities-levelled", circles)


def test_kiai_goes_on_to_a_line_inside_the_chorus() -> None:
    good, planted = plant("kiai-cut")
    middle, end = FIRST + 24 * MEASURE, FIRST + 28 * MEASURE
    assert (planted.start, planted.end) == (middle, end) and on_downbeat(good, middle)
    ((first, after),) = planted.beatmap.kiai_sections
    assert after is not None and (first.time, after.time) == (FIRST + 20 * MEASURE, middle)
    assert [p.volume for p in map(planted.beatmap.timing_point_at, (middle - 1, middle, end))] == [70, 60, 70]
    for by, refused in ((BEAT, True), (-MEASURE, False), (-3 * MEASURE, True), (3 * MEASURE, True)):
        lines = [replace(p, time=p.time + by) if p.time == middle else p for p in good.timing_points]
        assert has_no_place("kiai-cut", rebuild(good, timing_points=lines)) is refused
    twice = [*good.timing_points, replace(good.timing_point_at(middle), volume=50)]
    assert has_no_place("kiai-cut", rebuild(good, timing_points=twice))
    assert has_no_place("kiai-cut", rebuild(good, timing_points=[p for p in good.timing_points if p.time != middle]))


# ---------------------------------------------------------------------------------------------------------------------
# Passages reversed in time


@pytest.mark.parametrize("measures", [1, 2])
@pytest.mark.parametrize("mode", [Mode.OSU, Mode.TAIKO, Mode.CATCH])
def test_a_passage_is_reversed_in_time(measures: int, mode: Mode) -> None:
    good, planted = plant(f"passage-reversed:{measures} measure{'s' if measures > 1 else ''}", mode)
    old = starting_in(good, planted.start, planted.end)
    new = starting_in(planted.beatmap, planted.start, planted.end)
    total = old[0].time + max(o.end_time for o in old)
    assert planted.end - planted.start == measures * MEASURE and [o.index for o in new] == list(planted.objects)
    assert sorted((total - o.end_time, total - o.time) for o in old) == sorted((o.time, o.end_time) for o in new)
    assert [o.new_combo for o in new] == [o.new_combo for o in old]
    assert rhythm_of(good, planted.start, planted.end) != rhythm_of(planted.beatmap, planted.start, planted.end)
    by_end = {total - o.end_time: o for o in old if o.slider}
    for o in new:
        if o.slider and mode in (Mode.OSU, Mode.CATCH):
            was = by_end[o.time]
            assert was.slider and (o.x, o.y) == tail(was.slider) and tail(o.slider) == (was.x, was.y)
            assert sounds_of(o) == sounds_of(was)[::-1]


def test_a_passage_is_not_reversed_if_that_is_not_seen_or_its_sliders_cannot_be() -> None:
    beats = beatmap([f"{60 + k % 9 * 40},90,{FIRST + k * BEAT},1,0,0:0:0:0:" for k in range(64)])
    assert has_no_place("passage-reversed:1 measure", beats)
    cut = changed_by(
        lambda o: replace(o, slider=replace(o.slider, control_points=((o.x, o.y), (o.x + 150, o.y)))) if o.slider else o
    )
    assert has_no_place("passage-reversed:1 measure", cut)


def test_a_passage_of_two_velocities_is_not_reversed() -> None:
    good = layered_map()
    line = good.timing_point_at(FIRST)
    halves = range(FIRST, FIRST + MEASURES * MEASURE, MEASURE // 2)
    lines = [replace(line, time=float(time), beat_length=-80.0 if time % MEASURE else -100.0) for time in halves]
    good = rebuild(good, timing_points=[good.red_lines[0], *lines])
    assert has_no_place("passage-reversed:1 measure", good) and has_no_place("passage-reversed:2 measures", good)

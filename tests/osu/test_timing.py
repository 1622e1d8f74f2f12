"""The closest tick, the position in the measure and the game's own arithmetic, against definitions written out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maimod.osu.beatmap import Beatmap, Difficulty
from maimod.osu.timing import (
    MAX_TICKS_SHOWN,
    MIN_SHOWN_BEAT_MS,
    SNAP_DIVISORS,
    TICKS_PER_BEAT,
    BeatGrid,
    are_near,
    beat_in_measure,
    edited_length,
    snap,
    ticks_between,
)
from tests.maps import beatmap


def tempos(*lines: tuple[float, float, int]) -> Beatmap:
    """A map with red lines (time in ms, ms per beat, meter)."""
    text = [f"{time!r},{beat_length!r},{meter},2,0,70,1,0" for time, beat_length, meter in lines]
    return beatmap(["256,192,100000,1,0"], timing_points=text)


@st.composite
def tempo_changes(draw: st.DrawFn) -> Beatmap:
    gaps = draw(st.lists(st.integers(1, 5000), min_size=1, max_size=5))
    beats = st.floats(100.0, 1500.0, allow_nan=False)
    return tempos(*((time, draw(beats), draw(st.integers(1, 7))) for time in np.cumsum(gaps).tolist()))


def ticks_of(start: float, beat_length: float, time: float) -> list[tuple[float, int]]:
    """(tick, divisor) of every divisor, the ones around `time`."""
    found = []
    for divisor in SNAP_DIVISORS:
        step = beat_length / divisor
        number = math.floor((time - start) / step)
        found += [(start + k * step, divisor) for k in (number, number + 1)]
    return found


@settings(derandomize=True, deadline=None)
@given(tempo_changes(), st.floats(0.0, 20_000.0))
def test_a_snap_is_the_closest_tick_of_the_line_in_force_or_of_one_within_2_ms(a_map: Beatmap, time: float) -> None:
    lines = {a_map.red_line_at(time), a_map.red_line_at(time + 2.0)}
    ticks = [tick for line in lines for tick, _ in ticks_of(line.time, line.beat_length, time)]
    found = snap(a_map, time)
    # A finer tick has to be closer by more than 0.01 ms at each of the eleven divisors.
    assert abs(found.error) <= min(abs(time - tick) for tick in ticks) + 0.11
    assert found.error == pytest.approx(time - found.tick)
    assert found.red_line in lines
    number = (found.tick - found.red_line.time) / found.red_line.beat_length * found.divisor
    assert number == pytest.approx(round(number), abs=1e-6)


def test_of_equal_ticks_the_coarsest_divisor_counts() -> None:
    a_map = tempos((0, 480.0, 4))
    found = {time: snap(a_map, time).divisor for time in (0, 240, 160, 120, 96, 80, 60, 40, 30)}
    assert found == {0: 1, 240: 2, 160: 3, 120: 4, 96: 5, 80: 6, 60: 8, 40: 12, 30: 16}
    assert snap(a_map, 120, (1, 2)).error == 120
    assert [round(snap(a_map, time, (1, 2, 3, 4)).error) for time in (161, 247, 473)] == [1, 7, -7]


def test_what_lies_just_before_a_red_line_belongs_to_it() -> None:
    a_map = tempos((0, 400.0, 4), (1055, 500.0, 3))
    assert [a_map.red_line_of(time).time for time in (1052.9, 1053, 1055, 1060)] == [0, 1055, 1055, 1055]
    assert snap(a_map, 1054).red_line.time == 1055 and snap(a_map, 1054).error == -1
    assert snap(a_map, 1054).beat == 0
    assert snap(a_map, 1052).red_line.time == 0
    assert snap(tempos((0, 400.0, 4), (1201, 500.0, 3)), 1200).red_line.time == 0  # the old line's tick is closer


@settings(derandomize=True, deadline=None)
@given(tempo_changes(), st.integers(-400, 4000))
def test_positions_in_the_measure_agree(a_map: Beatmap, tick: int) -> None:
    grid = BeatGrid(a_map)
    time = float(grid.times(tick))
    section = int(grid.section_of_ticks(np.array(tick)))
    red = a_map.red_lines[section]
    (position,), (length,) = grid.measure_ticks(np.array([tick]))
    assert length == red.meter * TICKS_PER_BEAT and 0 <= position < length
    assert beat_in_measure(red, time) * TICKS_PER_BEAT == pytest.approx(position, abs=1e-3)
    phrase, four = grid.measure_ticks(np.array([tick]), 4)
    assert four[0] == 4 * length and phrase[0] % length == position and 0 <= phrase[0] < four[0]


def test_rounding_does_not_make_a_downbeat_the_end_of_its_measure() -> None:
    a_map = tempos((17, 60_000 / 173, 4))
    red = a_map.red_lines[0]
    downbeats = [red.time + 4 * k * red.beat_length for k in range(5000)]
    assert {beat_in_measure(red, time) for time in downbeats} == {0.0}
    assert {snap(a_map, round(time)).beat for time in downbeats} == {0.0}


@settings(derandomize=True, deadline=None)
@given(tempo_changes(), st.lists(st.integers(-200, 6000), min_size=1, max_size=20))
def test_times_and_ticks_are_inverse(a_map: Beatmap, ticks: list[int]) -> None:
    grid = BeatGrid(a_map)
    times = grid.times(np.array(ticks))
    again = grid.times(grid.ticks(times))
    # A section need not end on a whole beat: a tick beyond its end belongs to the next section.
    section = grid.section_of_ticks(np.array(ticks))
    ends = np.append(grid.offsets[1:], np.inf)[section]
    inside = times < ends - 2.0
    assert again[inside] == pytest.approx(times[inside], abs=1e-6)


def test_facts_of_the_game() -> None:
    """Values of https://osu.ppy.sh/wiki/en/Beatmap/Approach_rate and .../Circle_size."""
    rates = {rate: Difficulty(approach_rate=rate) for rate in (0.0, 5.0, 8.0, 10.0)}
    assert [d.preempt_ms for d in rates.values()] == [1800, 1200, 750, 450]
    assert [d.fade_in_ms for d in rates.values()] == [400, 400, 400, 400]
    assert Difficulty(circle_size=4).circle_radius == pytest.approx(36.48)
    a_map = tempos((0, 400.0, 4))
    assert a_map.stack_leniency == 0.7
    for written, used in (("0.3", 0.3), ("x", 0.7), ("NaN", 0.7)):
        assert replace(a_map, general={"StackLeniency": written}).stack_leniency == used


def test_a_slider_lasts_as_long_as_its_length_takes_at_its_velocity() -> None:
    a_map = beatmap(
        ["0,0,1000,2,0,L|100:0,3,140"], timing_points=["0,400,4,2,0,70,1,0", "1000,-50,4,2,0,70,0,0"]
    )  # 140 px are one beat at 1.4; at twice the velocity half a beat, three times over
    (slider,) = a_map.hit_objects
    assert slider.slider is not None
    assert a_map.slider_duration(slider.slider, 1000) == slider.duration == 600
    assert a_map.slider_duration(slider.slider, 999) == 1200


def test_times_are_near_up_to_the_limit_on_both_sides() -> None:
    near = are_near(np.array([94.0, 93.0, 106.0, 107.0, 500.0]), [300.0, 100.0], 6.0)
    assert near.tolist() == [True, False, True, False, False]
    assert not are_near(np.array([0.0]), [], 6.0).any()


def test_the_editor_ends_a_slider_at_the_last_tick_that_its_path_reaches() -> None:
    a_map = beatmap(timing_points=["0,500,4,2,0,70,1,0", "2000,-50,4,2,0,70,0,0"], slider_multiplier=1.4)
    paths = (34.0, 35.0, 69.0, 104.0, 105.1, 180.0)
    assert [edited_length(a_map, 1000, 70.0, path) for path in paths] == [None, 35, 35, 70, 105, 175]
    assert edited_length(a_map, 1000, 70.1, 100.0) == 70.1  # lengths in files are rounded, and stay
    assert edited_length(a_map, 2000, 140.0, 100.0) == 70  # twice as fast
    third = 140 / 3
    assert edited_length(a_map, 1000, third, 100.0) == pytest.approx(2 * third)
    assert edited_length(a_map, 1000, 10.0, 100.0) is None  # on no tick before


def test_ticks_of_a_red_line_end_before_the_next() -> None:
    a_map = tempos((0, 500, 4), (2000, 250, 4))
    ticks = [(time, number) for time, number, _ in ticks_between(a_map, 900, 2600)]
    assert ticks == [(1000, 2), (1500, 3), (2000, 0), (2250, 1), (2500, 2)]
    assert [time for time, _, _ in ticks_between(a_map, -300, 300, 4)] == [0, 125, 250]


def test_of_absurd_tempos_few_ticks_are_shown() -> None:
    times = [time for time, _, _ in ticks_between(tempos((0, 6, 4)), 0, 1e6)]
    assert times == [MIN_SHOWN_BEAT_MS * number for number in range(MAX_TICKS_SHOWN)]


@pytest.mark.parametrize(("beat_length", "tempo"), [(400, 0.0), (200, -0.5), (800, 0.5)])
def test_the_network_gets_half_of_the_octaves_of_the_tempo(beat_length: float, tempo: float) -> None:
    assert BeatGrid(tempos((0, beat_length, 4))).features(np.array([1000.0]))[0, -1] == pytest.approx(tempo)

"""Slips of sounds, lines and rhythm: each is at the stated place, is what its name says, and nothing else
changes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.hitsounds import hits
from maimod.training.faults import Fault, Planted, select
from maimod.training.faults.base import additions_of, rhythm_of
from maimod.training.faults.third import line_slips, rhythm_slips, sound_slips
from tests.maps import beatmap
from tests.training.planting import changes, has_its_objects, objects_of, planted_in, planted_soundly

BEAT, MEASURE, FIRST, MEASURES = 500, 2000, 2000, 32
KINDS = (*sound_slips.FAULTS, *line_slips.FAULTS, *rhythm_slips.FAULTS)
SOUNDS = ({0: 2, 4: 8, 8: 2, 12: 8}, {0: 2, 2: 8, 6: 2, 10: 8, 14: 2})
"""Additions by quarters of a beat in a measure, of two parts of the song."""


@cache
def sounded_map(mode: int = 0) -> Beatmap:
    """120 BPM, 32 measures on half beats, every eighth with a burst of three and the others with a slider that sounds at both ends;
    claps have the drum set in the first half and none in the second, and every eighth measure begins with a finish. Lines: a ramp of volume, a slower
    passage, a ramp of velocity, a kiai of three lines; custom samples 1."""
    return beatmap(
        [line for measure in range(MEASURES) for line in _measure(mode, measure)],
        ["0,500,4,2,1,70,1,0", *_greens()],
        mode,
        slider_multiplier=1.4,
        circle_size=4,
    )


def _measure(mode: int, measure: int) -> list[str]:
    has_burst = measure % 8 == 3
    halves = (0, 2, 3, 4, 4.5, 5, 7) if has_burst else (0, 1, 2, 3, 4, 6, 7)
    lines = []
    for place, half in enumerate(halves):
        sound = SOUNDS[measure >= MEASURES // 2].get(int(2 * half), 0) + (4 if half == 0 and measure % 8 == 0 else 0)
        x = 64 + 128 * (place % 4) if mode == Mode.MANIA else 60 + 40 * place
        time, y = FIRST + measure * MEASURE + round(half * BEAT / 2), 100 + 20 * (measure % 4)
        sets = "0:3" if sound & 8 and measure < MEASURES // 2 else "0:0"
        if half == 4 and not has_burst:
            if mode == Mode.MANIA:
                lines.append(f"{x},{y},{time},128,{sound},{time + BEAT // 2}:{sets}:0:0:")
            else:
                lines.append(f"{x},{y},{time},2,0,L|{x + 70}:{y},1,70,2|8,0:0|{sets},0:0:0:0:")
        else:
            lines.append(f"{x},{y},{time},{5 if half == 0 else 1},{sound},{sets}:0:0:")
    return lines


def _greens() -> list[str]:
    values = {0: (100, 70, 0), 8: (100, 30, 0), 8.25: (100, 40, 0), 8.5: (100, 50, 0), 8.75: (100, 60, 0)}
    values |= {9: (100, 70, 0), 12.75: (80, 70, 0), 14: (100, 70, 0), 16.5: (125, 70, 0), 18: (100, 70, 0)}
    values |= {20: (95, 70, 0), 20.25: (90, 70, 0), 20.5: (80, 70, 0), 20.75: (70, 70, 0), 21: (100, 70, 0)}
    values |= {24: (100, 70, 1), 25: (100, 60, 1), 26: (100, 70, 1), 28: (100, 70, 0)}
    return [
        f"{FIRST + round(measure * MEASURE) if measure else 0},-{length},4,2,1,{volume},0,{kiai}"
        for measure, (length, volume, kiai) in values.items()
    ]


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(sounded_map(mode), name, seed)


def sounds(beatmap: Beatmap, start: float, end: float) -> dict[float, int]:
    """By time: additions of the hits of a stretch."""
    return {round(hit.time): hit.additions for hit in hits(beatmap) if start <= hit.time < end}


def values(beatmap: Beatmap, planted: Planted) -> list[tuple[float, int, int, int, bool]]:
    """(velocity, set, index, volume, kiai) before a mistake, at its start, just before its end and at it."""
    times = (planted.start - 1, planted.start, planted.end - 1, planted.end)
    return [(p.velocity, p.sample_set, p.sample_index, p.volume, p.kiai) for p in map(beatmap.timing_point_at, times)]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", KINDS, ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, sounded_map(mode), mode)
    assert is_inside and (planted is None or planted.places or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Sounds


def test_a_measure_sounds_as_one_of_another_part() -> None:
    good, planted = plant("sounds-pasted")
    own, new = (sounds(one, planted.start, planted.end) for one in (good, planted.beatmap))
    measures = [FIRST + k * MEASURE for k in range(MEASURES)]
    others = [sounds(good, time, time + MEASURE) for time in measures]

    def at(layer: dict[float, int], start: float, times: list[float]) -> list[int]:
        return [layer.get(time - planted.start + start, 0) for time in times]

    assert own != new and any(
        at(other, time, list(new)) == list(new.values()) for time, other in zip(measures, others, strict=True)
    )


def test_sounds_laid_over_a_measure_leave_its_own() -> None:
    good, planted = plant("sounds-laid-over")
    own, new = (sounds(one, planted.start, planted.end) for one in (good, planted.beatmap))
    assert list(own) == list(new) and all(own[time] & new[time] == own[time] for time in own)
    assert sum(own[time] != new[time] for time in own) >= 3


def test_sounds_are_pasted_only_where_a_neighbour_has_the_same() -> None:
    good = sounded_map()
    random = np.random.default_rng(1)
    mixed = [replace(o, hitsound=int(random.choice((0, 2, 4, 8))), slider=None, kind=ObjectKind.CIRCLE)
             for o in good.hit_objects]  # fmt: skip
    for name in ("sounds-pasted", "sounds-laid-over"):
        (fault,) = select([name])
        assert fault.inject(replace(good, hit_objects=tuple(mixed)), np.random.default_rng(0)) is None


def test_one_addition_of_four_measures_is_lost() -> None:
    good, planted = plant("addition-lost")
    own, new = (sounds(one, planted.start, planted.end) for one in (good, planted.beatmap))
    lost = {own[time] & ~new[time] for time in own} - {0}
    assert len(lost) == 1 and planted.end - planted.start == 4 * MEASURE
    (bit,) = lost
    assert not any(bits & bit for bits in new.values()) and any(new.values())


def test_a_finish_is_copied_to_the_next_three_measures() -> None:
    good, planted = plant("finish-copied")
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [additions_of(b) for b in after] == [additions_of(o) | 4 for o in before] and len(after) == 3
    assert not any(additions_of(o) & 4 for o in before)
    head = good.hit_objects[good.closest_object(before[0].time - MEASURE)]
    assert additions_of(head) & 4 and {b.time - a.time for a, b in pairwise([head, *before])} == {MEASURE}


def test_a_finish_on_every_downbeat_is_style() -> None:
    good = sounded_map()
    everywhere = [replace(o, hitsound=o.hitsound | 4) if o.new_combo and k % 24 else o
                  for k, o in enumerate(good.hit_objects)]  # fmt: skip
    (fault,) = select(["finish-copied"])
    assert fault.inject(replace(good, hit_objects=tuple(everywhere)), np.random.default_rng(0)) is None


def test_ends_of_sliders_are_silent_and_their_heads_are_not() -> None:
    good, planted = plant("ends-silent")
    before, after = changes(good, planted.beatmap)
    assert len(before) >= 3
    assert {o.slider.edge_sounds for o in before if o.slider} == {(2, 8)}
    assert {o.slider.edge_sounds for o in after if o.slider} == {(2, 0)}


@pytest.mark.parametrize(("dose", "least"), [("1 object", 1), ("2 measures", 3)])
def test_sets_are_exchanged_where_that_is_heard(dose: str, least: int) -> None:
    good, planted = plant(f"sets-exchanged:{dose}")
    played = [[(hit.normal_set, hit.addition_set) for hit in hits(one)] for one in (good, planted.beatmap)]
    heard = {(a, b) for a, b in zip(*played, strict=True) if a != b}
    assert heard == {((2, 3), (3, 3))} and len(changes(good, planted.beatmap)[0]) >= least
    plain = [replace(o, sample=replace(o.sample, addition_set=0)) for o in good.hit_objects if o.slider is None]
    (fault,) = select([f"sets-exchanged:{dose}"])
    assert fault.inject(replace(good, hit_objects=tuple(plain)), np.random.default_rng(0)) is None


# ---------------------------------------------------------------------------------------------------------------------
# Lines


@pytest.mark.parametrize(
    ("name", "changed"),
    [("line-defaults", (1, 0, 100)), ("sample-index:none", (2, 0, None)), ("sample-index:the next", (2, 2, None))],
)
def test_samples_of_a_line_are_others(name: str, changed: tuple[int, int, int | None]) -> None:
    good, planted = plant(name)
    own, new = values(good, planted), values(planted.beatmap, planted)
    assert own[1] != new[1] and own[0] == new[0] and own[3] == new[3] and own[1][0] == new[1][0]
    assert new[1][1:4] == (*changed[:2], own[1][3] if changed[2] is None else changed[2])


def test_another_index_is_a_mistake_only_among_objects_with_one() -> None:
    good = sounded_map()
    mixed = tuple(replace(p, sample_index=k % 3) for k, p in enumerate(good.timing_points))
    (fault,) = select(["sample-index:none"])
    assert fault.inject(replace(good, timing_points=mixed), np.random.default_rng(0)) is None


def test_ramps_are_in_the_opposite_order() -> None:
    good, planted = plant("volume-ramp-reversed")
    times = [point.time for point in good.timing_points if planted.start <= point.time < planted.end]
    volumes = [[one.timing_point_at(time).volume for time in times] for one in (good, planted.beatmap)]
    assert volumes[0] == sorted(volumes[0]) and volumes[1] == volumes[0][::-1] and len(times) >= 4
    good, planted = plant("scroll-ramp-reversed", Mode.MANIA)
    times = [point.time for point in good.timing_points if planted.start <= point.time < planted.end]
    speeds = [[one.velocity_at(time) for time in times] for one in (good, planted.beatmap)]
    assert speeds[0] == sorted(speeds[0]) and speeds[1] == speeds[0][::-1] and len(times) >= 4


@pytest.mark.parametrize(("name", "mode"), [("velocity-line-moved", 0), ("scroll-line-moved", 1)])
def test_a_velocity_line_is_a_beat_early_or_late(name: str, mode: int) -> None:
    for dose in ("early", "late"):
        good, planted = plant(f"{name}:1 beat {dose}", mode)
        until = planted.start + BEAT
        old = [good.velocity_at(time) for time in (planted.start - 1, planted.start, until - 1, until)]
        new = [planted.beatmap.velocity_at(time) for time in (planted.start - 1, planted.start, until - 1, until)]
        if dose == "early":
            assert old[0] == old[1] == old[2] != old[3] and new == [old[0], old[3], old[3], old[3]]
        else:
            assert old[0] != old[1] == old[2] == old[3] and new == [old[0], old[0], old[0], old[3]]


@pytest.mark.parametrize(("name", "mode"), [("velocity-reset", 0), ("scroll-speed-reset", 3)])
def test_a_red_line_resets_only_the_velocity(name: str, mode: int) -> None:
    good, planted = plant(name, mode)
    old, new = values(good, planted), values(planted.beatmap, planted)
    (red,) = [point for point in planted.beatmap.red_lines if point not in good.red_lines]
    assert red.time == planted.start and red.beat_length == BEAT
    assert old[1][0] != 1.0 == new[1][0] and old[1][1:] == new[1][1:]


@pytest.mark.parametrize("dose", ["on", "off"])
def test_kiai_of_one_line_is_another_than_around_it(dose: str) -> None:
    good, planted = plant(f"kiai-line:{dose}")
    kiais = [[one[4] for one in values(one, planted)] for one in (good, planted.beatmap)]
    is_on = dose == "on"
    assert kiais == [[not is_on] * 4, [not is_on, is_on, is_on, not is_on]]


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


@pytest.mark.parametrize("mode", list(Mode))
def test_a_burst_gets_one_more(mode: Mode) -> None:
    good, planted = plant("burst-lengthened", mode)
    gone, (extra,) = changes(good, planted.beatmap)
    before = planted.beatmap.hit_objects[extra.index - 1]
    assert not gone and extra.time - before.time == BEAT / 4 and (extra.time - FIRST) % MEASURE == 5.5 * BEAT / 2


def test_a_burst_gets_no_more_where_the_song_has_an_onset() -> None:
    good = sounded_map()
    (fault,) = select(["burst-lengthened"])
    end = FIRST + MEASURES * MEASURE
    clicks = np.zeros((end // 5, 1), dtype=np.float32)
    clicks[FIRST // 5 :: BEAT // 20] = 1
    envelope = OnsetEnvelope(clicks[:, 0], 5.0)
    assert fault.inject(good, np.random.default_rng(0), envelope) is None


def test_a_burst_is_on_sixths_from_its_first_object_on() -> None:
    good, planted = plant("burst-on-sixths")
    before, after = changes(good, planted.beatmap)
    assert [round(o.time - planted.start) for o in after] == [83, 167]
    assert [o.time - planted.start for o in before] == [125, 250]


def test_ends_are_on_thirds() -> None:
    for name, mode in (("slider-end-third", 0), ("hold-end-third", 3)):
        good, planted = plant(name, mode)
        (before,), (after,) = changes(good, planted.beatmap)
        assert (before.end_time - FIRST) % BEAT == 250
        assert round((after.end_time - FIRST) % BEAT) in (166, 167, 333, 334) and before.time == after.time


def test_ends_on_thirds_are_a_mistake_only_where_thirds_are_rare() -> None:
    good = sounded_map()
    thirds = [replace(o, time=o.time - 83, end_time=o.end_time - 83) if k % 7 == 3 else o
              for k, o in enumerate(good.hit_objects)]  # fmt: skip
    for name in ("slider-end-third", "burst-on-sixths"):
        (fault,) = select([name])
        assert fault.inject(replace(good, hit_objects=tuple(thirds)), np.random.default_rng(0)) is None


def test_a_hold_begins_a_quarter_off_and_keeps_its_end() -> None:
    good, planted = plant("hold-start", Mode.MANIA)
    (before,), (after,) = changes(good, planted.beatmap)
    assert abs(after.time - before.time) == BEAT / 4 and after.end_time == before.end_time


def test_the_second_half_of_a_phrase_is_over_the_first() -> None:
    good, planted = plant("half-over-half")
    length = planted.end - planted.start
    assert length == 2 * MEASURE
    second = rhythm_of(good, planted.end, planted.end + length)
    assert rhythm_of(planted.beatmap, planted.start, planted.end) == second
    assert rhythm_of(planted.beatmap, planted.end, planted.end + length) == second
    assert rhythm_of(good, planted.start, planted.end) != second

"""Snaps: a hit, a near miss and a stated blind spot of each rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Severity
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.rhythm import snaps
from tests.findings import findings_of
from tests.maps import beatmap
from tests.rhythms import BEAT, circle, circles, found, rules, scores, slider, song


def test_unsnapped_object():
    (finding,) = found(circles(moved={5: 10}))
    assert finding.rule == "rhythm/unsnapped"
    assert finding.severity is Severity.PROBLEM
    assert finding.objects == (5,)
    assert finding.message == "This circle is 10 ms after the closest 1/1 tick."
    assert finding.expected[0].text == "1/1 at 00:03:500"


@pytest.mark.parametrize("error", [-1.0, 1.0, 1.9])
def test_rounding_is_forgiven(error: float):
    assert "rhythm/unsnapped" not in rules(found(circles(moved={5: error})))


@pytest.mark.parametrize(("time", "count"), [(1001, 1), (1001.9, 1), (1000.9, 0), (999, 0), (1002, 0)])
def test_late_by_a_millisecond(time: float, count: int):
    findings = [f for f in found(beatmap([circle(500), circle(time), circle(1500)])) if "slightly" in f.rule]
    assert [finding.severity for finding in findings] == ["minor"] * count


def test_where_the_red_line_is_wrong_a_millisecond_is_no_other_mistake():
    few, many = {5: 1.5, 6: 10}, {5: 1.5, **dict.fromkeys(range(6, 24), 10)}
    assert sorted(rules(found(circles(moved=few)))) == ["rhythm/slightly-unsnapped", "rhythm/unsnapped"]
    assert "rhythm/slightly-unsnapped" not in rules(found(circles(moved=many)))


def test_notes_of_a_chord_are_no_further_place():
    chord = beatmap([circle(500), circle(1001), circle(1001), circle(1500)], mode=3)
    (finding,) = (f for f in found(chord) if "slightly" in f.rule)
    assert "more place" not in finding.message


def test_two_milliseconds_are_not_forgiven():
    assert rules(found(circles(moved={5: 2}))) == ["rhythm/unsnapped"]


@pytest.mark.parametrize(("notes", "beats"), [(11, 3), (13, 2), (10, 1)])
def test_even_notes_on_a_divisor_that_the_editor_lacks_are_allowed(notes: int, beats: int):
    run = [5000 + int(number * beats * BEAT / notes) for number in range(notes)]
    others = [time for time in range(1000, 20_000, BEAT) if not 5000 <= time < 5000 + beats * BEAT]
    (finding,) = found(beatmap([circle(time) for time in sorted([*run, *others])]))
    assert (finding.rule, finding.severity) == ("rhythm/unsnapped", "minor")
    assert f"{notes} even objects in {beats} beat" in finding.message
    run[4] += 4
    (finding, *_) = found(beatmap([circle(time) for time in sorted([*run, *others])]))
    assert (finding.rule, finding.severity) == ("rhythm/unsnapped", "problem")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (5050, True),  # the old beat, 50 ms before the new one
        (5125, False),  # a quarter beat later: another note
        (5500, False),  # the beat goes on
        (5005, False),  # see rhythm/unsnapped
    ],
)
def test_an_object_on_the_old_beat_just_before_a_red_line(line: int, expected: bool):
    times = [*range(1000, 5001, BEAT), *range(line + BEAT, line + 4 * BEAT, BEAT)]
    loaded = beatmap([circle(time) for time in times], timing_points=("0,500,4,2,0,70,1,0", f"{line},500,4,2,0,70,1,0"))
    assert ("rhythm/unsnapped-at-red-line" in rules(found(loaded))) is expected
    both = beatmap(
        [circle(time) for time in sorted([*times, line])],
        timing_points=("0,500,4,2,0,70,1,0", f"{line},500,4,2,0,70,1,0"),
    )
    assert "rhythm/unsnapped-at-red-line" not in rules(found(both))


def test_an_object_on_a_red_line_of_its_own_is_on_no_old_beat():
    times = [*range(1000, 5001, BEAT), *range(5050 + BEAT, 7050, BEAT)]
    lines = ("0,500,4,2,0,70,1,0", "5000,500,4,2,0,70,1,0", "5050,500,4,2,0,70,1,0")
    assert snaps.BEFORE_LINE.id not in rules(found(beatmap([circle(time) for time in times], timing_points=lines)))


@pytest.mark.parametrize(("shared", "severity"), [(0, "warning"), (1, "warning"), (2, "minor")])
def test_an_object_of_the_whole_set_before_a_red_line_is_meant(shared: int, severity: str):
    def difficulty(name: str, at: int):
        times = [*range(1000, 4501, BEAT), at, *range(5050 + BEAT, 7050, BEAT)]
        lines = ("0,500,4,2,0,70,1,0", "5050,500,4,2,0,70,1,0")
        return beatmap([circle(time) for time in times], timing_points=lines, path=f"{name}.osu")

    own = difficulty("own", 5000)
    others = [difficulty(str(number), 5000 if number < shared else 5050) for number in range(3)]
    evidence = Evidence(own, mapset=Mapset(Path(), (own, *others)))
    assert [f.severity for f in findings_of(rhythm_objects.run, evidence) if f.rule == snaps.BEFORE_LINE.id] == [
        severity
    ]


def test_unsnapped_objects_close_together_are_one_finding():
    (finding,) = found(circles(moved={5: 10, 6: 9, 8: 10}))
    assert finding.objects == (5, 6, 8)
    assert finding.end_time == 5010
    assert finding.message.startswith("3 objects close together")


def test_ends_that_are_off_are_said_to_be_ends():
    """Holds of 250 ms but for two, whose ends are 6 ms late."""
    ends = {3: 256, 4: 256}
    holds = [f"64,192,{1000 + 500 * i},128,0,{1250 + 500 * i + ends.get(i, 250) - 250}:0:0:0:0:" for i in range(20)]
    (finding,) = findings_of(rhythm_objects.run, Evidence(beatmap(holds, mode=3, circle_size=4)))
    assert finding.rule == "rhythm/unsnapped" and finding.severity is Severity.WARNING
    assert finding.message == "The ends of 2 notes close together are off every tick, by up to 6 ms."


def test_many_slips_throughout_are_one_finding():
    (finding,) = found(circles(count=80, moved=dict.fromkeys(range(1, 80, 6), 10)))
    assert len(finding.objects) == 14
    assert "throughout the map" in finding.message


def test_slider_that_only_ends_beside_the_beat():
    (finding,) = found(beatmap([circle(1000), slider(1500, 74), circle(2500)]))
    assert finding.message == "The end of this slider is 14 ms after the closest 1/2 tick."
    assert finding.severity is Severity.WARNING
    (finding,) = found(beatmap([circle(1000), circle(1514), circle(2500)]))
    assert finding.severity is Severity.PROBLEM


def test_slider_that_starts_beside_the_beat_is_named_once():
    (finding,) = found(beatmap([circle(1000), slider(1510), circle(2500)]))
    assert finding.message == "This slider is 10 ms after the closest 1/1 tick."


def test_map_off_its_red_line_is_one_finding():
    loaded = beatmap([circle(1010 + i * BEAT) for i in range(20)])
    (finding,) = found(loaded)
    assert "red lines seem to have been changed" in finding.message
    assert len(finding.objects) == 20


def test_object_snapped_to_the_red_line_that_follows():
    lines = ["0,500,4,2,0,70,1,0", "4770,500,4,2,0,70,1,0"]
    (finding,) = found(beatmap([circle(1000), circle(1500), circle(4520), circle(4770)], lines))
    assert finding.evidence["fitting_red_line_ms"] == 4770
    assert finding.message.endswith("the red line that follows would fit.")


def test_object_one_millisecond_before_a_red_line_belongs_to_it():
    lines = ["0,500,4,2,0,70,1,0", "4790,500,4,2,0,70,1,0"]
    assert found(beatmap([circle(1000), circle(1500), circle(4789), circle(5289)], lines)) == []


def test_lone_object_on_a_seventh():
    (finding,) = found(circles(moved={5: 71}))
    assert finding.rule == "rhythm/unusual-snap"
    assert finding.actual == "1/7"


def test_a_lone_object_on_a_third_that_the_song_has():
    beat = 1000 + 5 * BEAT
    for onset, heard in ((beat + BEAT / 3, True), (beat + BEAT / 4, False)):
        seen = Evidence(circles(moved={5: BEAT / 3}), envelope=song([onset]))
        (one,) = (one for one in findings_of(rhythm_objects.run, seen) if one.rule == "rhythm/unusual-snap")
        assert one.evidence[snaps.IS_HEARD] is heard and (one.severity is Severity.MINOR) is heard
        assert one.message.endswith("But the song has a stronger onset here than there.") is heard


def test_a_slider_on_a_seventh_does_not_go_with_its_own_end():
    (finding,) = found(
        beatmap([circle(1000), circle(1500), slider(2071, 140), *(circle(3000 + i * BEAT) for i in range(12))])
    )
    assert (finding.rule, finding.actual) == ("rhythm/unusual-snap", "1/7")
    assert "Nothing else in the map is on 1/7." in finding.message
    one, other = found(circles(moved={2: 71, 19: 71}))
    assert "The map has only 1 other start or end on 1/7." in one.message and one.message[-9:] == other.message[-9:]


def test_an_unusual_tick_that_comes_again_some_beats_later_is_meant():
    assert found(circles(moved={5: 71, 9: 71})) == []
    assert len(found(circles(moved={5: 71, 9: BEAT - 71}))) == 2
    assert len(found(circles(moved={2: 71, 19: 71}))) == 2  # too far away


def test_lone_object_on_a_third():
    (finding,) = found(circles(moved={5: BEAT / 3}))
    assert (finding.rule, finding.actual, finding.severity) == ("rhythm/unusual-snap", "1/3", Severity.WARNING)
    assert (
        found(circles(moved={5: BEAT / 3}, extra=(1000 + 5 * BEAT + BEAT / 6,))) == []
    )  # two thirds together are meant
    assert found(circles(moved={5: BEAT / 3, 12: BEAT / 3, 18: BEAT / 3})) == []  # a map with thirds


def test_a_lone_third_that_half_of_the_other_difficulties_have_is_meant():
    own, same, other = (
        replace(circles(moved={5: by}), path=Path(f"{name}.osu"))
        for name, by in (("own", BEAT / 3), ("same", BEAT / 3), ("other", 0))
    )
    again = replace(same, path=Path("again.osu"))
    for others, count in (((same,), 1), ((same, other, again), 0), ((same, other, other), 1)):
        evidence = Evidence(own, mapset=Mapset(Path(), (own, *others)))
        assert len(findings_of(rhythm_objects.run, evidence)) == count


def test_run_of_sevenths_is_meant():
    assert found(circles(extra=tuple(round(3500 + i * BEAT / 7) for i in range(1, 7)))) == []


def test_certain_model_clears_a_lone_seventh():
    loaded = circles(moved={5: 71})
    assert found(loaded, scores(loaded)) == []

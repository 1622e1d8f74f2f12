"""Rhythm: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope, alignment
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules import rhythm
from maimod.rules.base import Evidence
from tests.findings import findings_of
from tests.maps import beatmap

BEAT = 500  # 120 BPM, the red line of tests.osu


def circle(time: float, x: int = 256) -> str:
    return f"{x},192,{time},1,0,0:0:0:0:"


def slider(time: float, length: float = 70.0, slides: int = 1) -> str:
    """140 px are a beat."""
    return f"256,192,{time},2,0,L|356:192,{slides},{length}"


def circles(
    *,
    moved: dict[int, float] | None = None,
    without: tuple[int, ...] = (),
    extra: tuple[float, ...] = (),
    count: int = 24,
    gap: float = BEAT,
) -> Beatmap:
    """An even run from 1 s on."""
    times = {i: 1000 + i * gap + (moved or {}).get(i, 0) for i in range(count) if i not in without}
    return beatmap([circle(time) for time in sorted([*times.values(), *extra])])


def song(times: list[float], length_ms: float = 20_000) -> OnsetEnvelope:
    """Clear onsets 29 ms after `times`."""
    frames = np.arange(0, length_ms, 5.0)
    values = sum(np.maximum(0.0, 1.0 - np.abs(frames - time - 29) / 10) for time in times)
    return OnsetEnvelope(np.asarray(values, dtype=np.float32), 5.0)


def scores(
    loaded: Beatmap,
    surprising: dict[float, tuple[float, float, float]] | None = None,
    kinds: dict[float, EventScore] | None = None,
) -> tuple[EventScore, ...]:
    """A time event and a kind event for each object.

    Args:
        loaded: the map.
        surprising: time of an object to (bits, expected time, its probability); others are certain.
        kinds: time of an object to the score used for its kind.
    """
    result = []
    for group, o in enumerate(loaded.hit_objects):
        event = Event(EventKind.TIME, round(o.time), round(o.time), group, o)
        bits, expected, probability = (surprising or {}).get(o.time, (0.1, o.time, 0.93))
        likely = Event(EventKind.TIME, round(expected), round(o.time), group, None)
        result.append(EventScore(event, bits, 1.0, ((likely, probability),), 2.0**-bits))
        own = Event(EventKind.CIRCLE, 0, round(o.time), group, o)
        result.append((kinds or {}).get(o.time) or EventScore(own, 0.0, 0.1, ((own, 1.0),), 1.0))
    return tuple(result)


def found(
    loaded: Beatmap, scored: tuple[EventScore, ...] | None = None, onsets: list[float] | None = None
) -> list[Finding]:
    envelope = None if onsets is None else song(onsets)
    lag = None if envelope is None else alignment(envelope, np.array([o.time for o in loaded.hit_objects]))
    context = Evidence(loaded, scored, envelope, lag)
    return findings_of(rhythm.run, context)


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_clean_map_is_silent():
    loaded = circles(count=30)
    assert found(loaded, scores(loaded), [o.time for o in loaded.hit_objects]) == []


def test_unsnapped_object():
    (finding,) = found(circles(moved={5: 10}))
    assert finding.rule == "rhythm/unsnapped"
    assert finding.severity is Severity.PROBLEM
    assert finding.objects == (5,)
    assert finding.message == "This circle is 10 ms after the closest 1/1 tick."
    assert finding.expected[0].text == "1/1 at 3500 ms"


@pytest.mark.parametrize("error", [-1.0, 1.0, 1.9])
def test_rounding_is_forgiven(error: float):
    assert "rhythm/unsnapped" not in rules(found(circles(moved={5: error})))


@pytest.mark.parametrize(("time", "count"), [(1001, 1), (1001.9, 1), (1000.9, 0), (999, 0), (1002, 0)])
def test_late_by_a_millisecond(time: float, count: int):
    findings = [f for f in found(beatmap([circle(500), circle(time), circle(1500)])) if "slightly" in f.rule]
    assert [finding.severity for finding in findings] == ["minor"] * count


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
    assert rhythm.BEFORE_LINE.id not in rules(found(beatmap([circle(time) for time in times], timing_points=lines)))


@pytest.mark.parametrize(("shared", "severity"), [(0, "warning"), (1, "warning"), (2, "minor")])
def test_an_object_of_the_whole_set_before_a_red_line_is_meant(shared: int, severity: str):
    def difficulty(name: str, at: int):
        times = [*range(1000, 4501, BEAT), at, *range(5050 + BEAT, 7050, BEAT)]
        lines = ("0,500,4,2,0,70,1,0", "5050,500,4,2,0,70,1,0")
        return beatmap([circle(time) for time in times], timing_points=lines, path=f"{name}.osu")

    own = difficulty("own", 5000)
    others = [difficulty(str(number), 5000 if number < shared else 5050) for number in range(3)]
    evidence = Evidence(own, mapset=Mapset(Path(), (own, *others)))
    assert [f.severity for f in findings_of(rhythm.run, evidence) if f.rule == rhythm.BEFORE_LINE.id] == [severity]


def test_unsnapped_objects_close_together_are_one_finding():
    (finding,) = found(circles(moved={5: 10, 6: 9, 8: 10}))
    assert finding.objects == (5, 6, 8)
    assert finding.end_time == 5010
    assert finding.message.startswith("3 objects close together")


def test_ends_that_are_off_are_said_to_be_ends():
    """Holds of 250 ms but for two, whose ends are 6 ms late."""
    ends = {3: 256, 4: 256}
    holds = [f"64,192,{1000 + 500 * i},128,0,{1250 + 500 * i + ends.get(i, 250) - 250}:0:0:0:0:" for i in range(20)]
    (finding,) = findings_of(rhythm.run, Evidence(beatmap(holds, mode=3, circle_size=4)))
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
        assert len(findings_of(rhythm.run, evidence)) == count


def test_run_of_sevenths_is_meant():
    assert found(circles(extra=tuple(round(3500 + i * BEAT / 7) for i in range(1, 7)))) == []


def test_certain_model_clears_a_lone_seventh():
    loaded = circles(moved={5: 71})
    assert found(loaded, scores(loaded)) == []


def test_missing_object():
    loaded = circles(without=(7,))
    (finding,) = found(loaded, scores(loaded, {5000: (6.0, 4500, 0.8)}), [1000 + i * BEAT for i in range(24)])
    assert finding.rule == "rhythm/missing-object"
    assert finding.time == 4500
    assert finding.objects == (6,)
    assert finding.message == (
        "Possible missing object on a beat: the song has a clear sound there; 4 of 5 similar measures have an object."
    )
    assert finding.expected[0].probability == 0.8


def test_pause_without_a_sound_is_no_missing_object():
    loaded = circles(without=(7,))
    assert found(loaded, scores(loaded, {5000: (6.0, 4500, 0.8)}), [o.time for o in loaded.hit_objects]) == []


def test_unsure_model_misses_nothing():
    loaded = circles(without=(7,))
    assert found(loaded, scores(loaded, {5000: (6.0, 4500, 0.3)}), [1000 + i * BEAT for i in range(24)]) == []


def test_long_pause_is_no_missing_object():
    loaded = circles(without=(7, 8, 9))
    assert found(loaded, scores(loaded, {6000: (9.0, 4500, 0.8)}), [1000 + i * BEAT for i in range(24)]) == []


def test_extra_object():
    loaded = circles(extra=(4250,))
    (finding,) = found(loaded, scores(loaded, {4250: (6.0, 4500, 0.8)}), [1000 + i * BEAT for i in range(24)])
    assert finding.rule == "rhythm/unexpected-object"
    assert finding.time == 4250
    assert finding.message == (
        "Possible extra circle: the song has no sound here; 0 of 4 similar measures have an object."
    )


def test_object_on_a_sound_is_no_extra_object():
    loaded = circles(extra=(4250,))
    assert found(loaded, scores(loaded, {4250: (4.0, 4500, 0.8)}), [o.time for o in loaded.hit_objects]) == []


@pytest.mark.parametrize(("by", "direction"), [(-125, "later"), (125, "earlier")])
def test_object_on_a_neighbouring_tick(by: int, direction: str):
    loaded = circles(moved={7: by})
    scored = scores(loaded, {4500 + by: (8.0, 4500, 0.8), 5000: (6.0, 5500, 0.6)})
    (finding,) = found(loaded, scored, [1000 + i * BEAT for i in range(24)])
    assert finding.rule == "rhythm/wrong-tick"
    assert finding.message == (
        f"This circle is on a 1/4 tick and may belong on a beat, 1/4 beat {direction} (125 ms): "
        "the song has a clear sound there; 4 of 5 similar measures have an object."
    )


def test_model_is_not_asked_again_after_a_slip():
    loaded = circles(moved={5: 10})
    assert rules(found(loaded, scores(loaded, {3510: (15.0, 3500, 0.8), 4000: (12.0, 3750, 0.8)}))) == [
        "rhythm/unsnapped"
    ]


def kind_score(loaded: Beatmap, time: float, bits: float, probability: float) -> dict[float, EventScore]:
    o = next(o for o in loaded.hit_objects if o.time == time)
    kinds = (EventKind.SLIDER_HEAD, EventKind.CIRCLE) if o.slider else (EventKind.CIRCLE, EventKind.SPINNER)
    own, other = (Event(kind, 0, round(time), o.index, o) for kind in kinds)
    return {time: EventScore(own, bits, 0.1, ((other, probability), (own, 1 - probability)), 2.0**-bits)}


def test_unexpected_kind():
    loaded = beatmap([(slider if i == 4 else circle)(1000 + i * BEAT) for i in range(24)])
    (finding,) = found(loaded, scores(loaded, kinds=kind_score(loaded, 3000, 12.0, 0.9995)))
    assert finding.rule == "rhythm/unexpected-kind"
    assert finding.message == (
        "This is a slider, where a circle would be more usual: 0 of 4 similar measures have a slider, 4 a circle."
    )


def test_what_similar_measures_have_is_usual():
    loaded = circles()
    assert found(loaded, scores(loaded, kinds=kind_score(loaded, 3000, 12.0, 0.9995))) == []


def test_likely_other_kind_is_a_matter_of_taste():
    loaded = circles()
    assert found(loaded, scores(loaded, kinds=kind_score(loaded, 3000, 5.0, 0.97))) == []


def end_scores(loaded: Beatmap, bits: float) -> tuple[EventScore, ...]:
    """Scores of sliders alone, whose ends are expected half a beat later."""
    result = []
    for o in loaded.hit_objects:
        for part, (time, expected) in enumerate(((o.time, o.time), (o.end_time, o.end_time + BEAT / 2))):
            event = Event(EventKind.TIME, round(time), round(time), 2 * o.index + part, o)
            likely = Event(EventKind.TIME, round(expected), round(time), 2 * o.index + part, None)
            result.append(EventScore(event, bits * part, 0.5, ((likely, 0.9),), 2.0 ** (-bits * part)))
    return tuple(result)


@pytest.mark.parametrize(("bits", "expected"), [(12.0, ["rhythm/unexpected-end"]), (5.0, [])])
def test_unexpected_end(bits: float, expected: list[str]):
    loaded = beatmap([slider(1000)])
    assert rules(found(loaded, end_scores(loaded, bits))) == expected


def test_blind_spot_extra_note_of_a_chord():
    loaded = beatmap([circle(1000, 64), circle(1500, 64), circle(1500, 192), circle(2000, 64)], mode=3, circle_size=4)
    assert found(loaded, scores(loaded, {1500: (9.0, 2000, 0.9)})) != []  # the row as a whole
    second = scores(loaded)
    second = tuple(
        EventScore(s.event, 9.0, 1.0, s.expected, 2.0**-9) if s.event.source is loaded.hit_objects[2] else s
        for s in second
    )
    assert found(loaded, second) == []


def with_beats(
    loaded: Beatmap, scored: tuple[EventScore, ...], surprising: dict[float, tuple[float, float, float]]
) -> tuple[EventScore, ...]:
    """`scored` as by a model that reads a beat every 500 ms in between the objects, as V30 does; beats as in
    `surprising`."""
    line, merged = loaded.timing_points[0], list(scored)
    for number, time in enumerate(range(1000, 1000 + 24 * BEAT, BEAT)):
        bits, expected, probability = surprising.get(time, (0.1, time, 0.93))
        event = Event(EventKind.TIME, time, time, 1000 + number, line)
        likely = Event(EventKind.TIME, round(expected), time, 1000 + number, None)
        beat = Event(EventKind.BEAT, 0, time, 1000 + number, line)
        merged += [
            EventScore(event, bits, 1.0, ((likely, probability),), 2.0**-bits),
            EventScore(beat, 0.0, 0.1, ((beat, 1.0),), 1.0),
        ]
    # Objects and beats by time, as in the model's input; at equal times beats come first.
    return tuple(sorted(merged, key=lambda s: (s.event.time, s.event.group < 1000)))


class TestBeatsBetweenObjects:
    """V30 reads timing and objects in one sequence: the first object makes the sequence begin."""

    def test_surprise_at_a_beat_is_the_missing_object_before_it(self) -> None:
        loaded = circles(count=24, gap=BEAT / 2, without=(9,))  # 3250 ms is missing, a beat follows at 3500 ms
        scored = with_beats(loaded, scores(loaded), {3500.0: (12.0, 3250.0, 0.95)})
        (finding,) = found(loaded, scored)
        assert (finding.rule, finding.time, finding.objects) == ("rhythm/missing-object", 3250.0, (8,))

    def test_an_expected_beat_is_not_an_expected_object(self) -> None:
        """The model expects nothing at 3250 ms: it predicts the time of the next beat."""
        loaded = circles(count=12, without=(5,), extra=(3250.0,))
        scored = with_beats(loaded, scores(loaded, {3250.0: (12.0, 3500.0, 0.95)}), {})
        (finding,) = found(loaded, scored)
        assert finding.rule == "rhythm/unexpected-object"
        assert finding.message == "Possible extra circle: the rhythm around it suggests so."


@pytest.mark.parametrize(
    ("probability", "message"),
    [
        (0.6, "This is a circle, where a spinner would be more usual: the rhythm around it suggests so."),
        (0.09, "A circle is unusual here: the rhythm around it suggests so."),
    ],
)
def test_the_message_about_another_kind_is_as_sure_as_the_model(probability: float, message: str) -> None:
    loaded = beatmap(["256,192,1000,1,0"])
    assert rhythm._kind_message(Evidence(loaded), "spinner", probability, loaded.hit_objects[0]) == message


def test_a_message_names_objects_in_the_words_of_the_mode() -> None:
    for mode, name in ((1, "kat"), (2, "fruit"), (3, "note")):
        (finding,) = found(beatmap([f"64,192,{1000 + 500 * i + 10 * (i == 5)},1,8" for i in range(9)], mode=mode))
        assert finding.message == f"This {name} is 10 ms after the closest 1/1 tick."

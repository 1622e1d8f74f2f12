"""Rhythm: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import snap
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm import objects as rhythm_objects
from tests.maps import beatmap
from tests.rhythms import BEAT, circle, circles, found, rules, scores, slider


def test_clean_map_is_silent():
    loaded = circles(count=30)
    assert found(loaded, scores(loaded), [o.time for o in loaded.hit_objects]) == []


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
        "Possible extra circle: the song has no sound here; none of 4 similar measures have an object."
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


def test_a_tick_that_has_an_object_is_said_to_have_one():
    evidence = Evidence(circles(extra=(4375,)))
    extra = next(o for o in evidence.beatmap.hit_objects if o.time == 4375)
    said = rhythm_objects._displaced(evidence, extra, snap(evidence.beatmap, 4500))
    assert said.startswith(
        "This circle is on a 1/4 tick and may belong on a beat, 1/4 beat later (125 ms), where an object is already: "
    )
    assert "already" not in rhythm_objects._displaced(evidence, extra, snap(evidence.beatmap, 4250))


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
        "This is a slider, where a circle would be more usual: none of 4 similar measures have a slider, 4 a circle."
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
        (0.09, "A circle is unusual here: the rhythm around it suggests another kind."),
    ],
)
def test_the_message_about_another_kind_is_as_sure_as_the_model(probability: float, message: str) -> None:
    loaded = beatmap(["256,192,1000,1,0"])
    assert rhythm_objects._kind_message(Evidence(loaded), "spinner", probability, loaded.hit_objects[0]) == message


def test_a_message_names_objects_in_the_words_of_the_mode() -> None:
    for mode, name in ((1, "kat"), (2, "fruit"), (3, "note")):
        (finding,) = found(beatmap([f"64,192,{1000 + 500 * i + 10 * (i == 5)},1,8" for i in range(9)], mode=mode))
        assert finding.message == f"This {name} is 10 ms after the closest 1/1 tick."

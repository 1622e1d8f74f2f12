"""Additions, sample sets and colours: a rock beat of claps and finishes with and without slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from maimod.events.schema import Event, EventKind, EventScore, hitsound_value
from maimod.findings import Severity
from maimod.osu.hitsounds import hits
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits
from tests.findings import findings_of
from tests.hitsounds import BEAT, CLAP, FINISH, beat_sounds, circles, found
from tests.maps import RED_LINE, beatmap


def changed(place: int, sound: int) -> list[int]:
    """A map with one slip. Unexpected additions need a long map, because a single additional accent is weak
    evidence."""
    sounds = beat_sounds()
    sounds[place] = sound
    return sounds


@pytest.mark.parametrize(("sound", "sets"), [(8, (2, 3)), (2, (3, 1)), (0, (2, 0))])
def test_sets_of_an_event(sound: int, sets: tuple[int, int]) -> None:
    """Without additions their set does not sound."""
    value = hitsound_value(sound, sets[0], sets[1] or 1)
    assert tuple(aspect.of_event(value) for aspect in habits.SET_ASPECTS) == sets


def test_a_steady_beat_is_silent():
    assert found(circles(beat_sounds())) == []


def test_missing_clap():
    [finding] = found(circles(changed(61, 0)))
    assert finding.rule == "hitsounds/missing"
    assert finding.objects == (61,)
    assert finding.time == 61 * BEAT
    assert finding.line == beatmap(circles(beat_sounds())).hit_objects[61].line
    assert "has no clap" in finding.message and "beat 2" in finding.message
    assert finding.expected[0].text == "soft hitnormal + soft clap"


def test_a_hit_without_its_clap_may_have_another_addition():
    (finding,) = (one for one in found(circles(changed(61, FINISH))) if one.rule == "hitsounds/missing")
    assert finding.message.startswith("This circle has a finish, but no clap; ")


def test_unexpected_finish():
    [finding] = found(circles(changed(30, FINISH)))
    assert (finding.rule, finding.objects) == ("hitsounds/unexpected", (30,))
    assert "finish" in finding.message


def test_a_fill_at_the_edge_of_a_section_is_no_habit_broken():
    """Similar places are needed on both sides."""
    assert found(circles(changed(127, 0))) == []


def test_a_variation_that_comes_back_is_style():
    sounds = beat_sounds()
    for place in range(15, 128, 16):
        sounds[place] = 0
    assert found(circles(sounds)) == []


@pytest.mark.xfail(reason="stated blind spot: every measure lacks it", strict=True)
def test_blind_spot_additions_missing_everywhere():
    assert [
        f for f in found(circles([FINISH if i % 16 == 0 else 0 for i in range(64)])) if f.rule == "hitsounds/missing"
    ]


def test_edge_of_a_slider_is_named():
    # Sliders of a beat: head on 1 and 3, tail with the clap on 2 and 4.
    def slider(i: int, tail: int) -> str:
        return f"100,100,{2 * BEAT * i},2,0,L|240:100,1,140,0|{tail},0:0|0:0,0:0:0:0:"

    [finding] = found([slider(i, 0 if i == 15 else CLAP) for i in range(32)])
    assert finding.rule == "hitsounds/missing"
    assert "slider tail" in finding.message
    assert finding.evidence["edge"] == 1


def test_sample_set_of_one_object():
    [finding] = found(circles(beat_sounds(), {30: "3:0:0:0:"}))
    assert (finding.rule, finding.objects, finding.actual) == (
        "hitsounds/sample-set",
        (30,),
        "drum hitnormal, no addition",
    )


def test_sample_set_of_a_green_line_is_one_finding_at_the_line():
    lines = [RED_LINE, f"{60 * BEAT},-100,4,1,0,70,0,0", f"{62 * BEAT},-100,4,2,0,70,0,0"]
    [finding] = found(circles(beat_sounds()), lines)
    assert finding.rule == "hitsounds/sample-set"
    assert finding.objects == (60, 61)
    assert finding.line == beatmap(circles([0]), lines).timing_points[1].line


def test_the_model_alone_can_speak_and_overrule():
    sounds = changed(61, 0)
    bmap = beatmap(circles(sounds))
    event = Event(EventKind.HITSOUND, 8, 61 * BEAT, 0, bmap.hit_objects[61])  # soft, nothing

    def score(p_clap: float) -> tuple[EventScore, ...]:
        clap, none = (
            Event(EventKind.HITSOUND, 8 + 24 + 4, 61 * BEAT, 0, None),
            Event(EventKind.HITSOUND, 8, 61 * BEAT, 0, None),
        )
        pair = sorted(((clap, p_clap), (none, 1 - p_clap)), key=lambda e: -e[1])
        return (EventScore(event, 8.0, 0.1, tuple(pair), 1 - p_clap),)

    [sure] = findings_of(habits.run, Evidence(bmap, score(0.995)))
    assert sure.severity is Severity.WARNING and sure.surprisal == 8.0
    assert findings_of(habits.run, Evidence(bmap, score(0.01))) == []


def test_taiko_colour():
    pattern = [0, 0, 8, 0, 8, 8, 0, 8] * 24
    notes = [f"256,192,{250 * i},1,{sound},0:0:0:0:" for i, sound in enumerate(pattern)]
    assert found(notes, mode=1) == []
    notes[98] = notes[98].replace(",1,8,", ",1,0,")
    [finding] = found(notes, mode=1)
    assert (finding.rule, finding.objects, finding.actual) == ("hitsounds/taiko-colour", (98,), "don")
    assert finding.expected[0].text == "kat"


def test_mania_chords_are_heard_as_one():
    notes = [
        f"{x},192,{BEAT * i},1,{sound if x < 200 else 0},0:0:0:0:"
        for i, sound in enumerate(beat_sounds())
        for x in (64, 320)
    ]
    notes[2 * 29], notes[2 * 29 + 1] = (
        notes[2 * 29].replace(",1,8,", ",1,0,"),
        notes[2 * 29 + 1].replace(",1,0,", ",1,8,"),
    )
    assert found(notes, mode=3, circle_size=4) == []


def test_what_is_heard():
    """Edges missing in the file use the sound of their slider; a timing point sets samples from 5 ms before it."""
    slider = "100,100,0,2,8,L|240:100,2,140"
    heard = hits(
        beatmap([slider, "1,1,2996,1,2,0:0:0:0:", "1,1,4000,1,2,0:3:0:0:"], [RED_LINE, "3000,-100,4,3,0,40,0,0"])
    )
    assert [(h.additions, h.normal_set, h.volume) for h in heard] == [(8, 2, 70)] * 3 + [(2, 3, 40)] * 2
    assert [h.place for h in heard] == ["slider head", "slider repeat", "slider tail", "circle", "circle"]
    assert [(h.normal_set, h.addition_set) for h in heard[3:]] == [(3, 3), (3, 3)]


def test_a_section_without_its_finish():
    """Claps on 2 and 4, a finish every fourth measure; the places around one of these have other sounds."""
    sounds = [FINISH if i % 16 == 0 else CLAP if i % 2 else 2 * (i // 64 % 2) for i in range(256)]
    assert found(circles(sounds)) == []
    sounds[128] = 0
    [finding] = found(circles(sounds))
    assert (finding.rule, finding.time, finding.objects) == ("hitsounds/missing", 128 * BEAT, (128,))
    assert "on the downbeat has no finish; 6 of 6 downbeats 4, 8 or 16 measures away have one" in finding.message
    assert finding.expected[0].text == "soft hitnormal + soft finish"
    assert found(circles(sounds), mode=3) == []
    sounds[128] = CLAP
    messages = [one.message for one in found(circles(sounds)) if one.rule == "hitsounds/missing"]
    assert any("on the downbeat has a clap, but no finish; 6 of 6" in message for message in messages)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "6 of 6 downbeats 4, 8 or 16 measures away and the other difficulty have one."),
        (2, "and 2 of 2 other difficulties have one."),
    ],
)
def test_a_finish_that_the_other_difficulties_have(count: int, words: str):
    sounds = [FINISH if i % 16 == 0 else CLAP if i % 2 else 2 * (i // 64 % 2) for i in range(256)]
    others = [beatmap(circles(sounds), path=f"{number}.osu") for number in range(count)]
    sounds[128] = 0
    own = beatmap(circles(sounds))
    found = findings_of(habits.run, Evidence(own, mapset=Mapset(Path(), (own, *others))))
    (finding,) = (one for one in found if "on the downbeat" in one.message)
    assert words in finding.message

"""Passages that differ from their copies are one candidate, at the line or object where they begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.passages import rhythms as passage_rhythms
from maimod.rules.passages import sounds as passage_sounds
from maimod.rules.passages import speeds as passage_speeds
from maimod.rules.rhythm_index import lag_of
from tests.maps import RED_LINE, beatmap
from tests.phrases import BEAT, MEASURE, SONG, VERSE, phrase_map


def found(one: Beatmap, *others: Beatmap) -> list[Candidate]:
    evidence = Evidence(one, mapset=Mapset(Path(), (one, *others)) if others else None)
    return [*passage_sounds.run(evidence), *passage_rhythms.run(evidence), *passage_speeds.run(evidence)]


def test_nothing_where_everything_is_repeated() -> None:
    assert found(phrase_map()) == []
    assert found(phrase_map(), phrase_map(path="other.osu")) == []


def test_additions_lost_over_two_measures() -> None:
    (one,) = found(phrase_map(without_sound=range(43, 55)))
    assert one.rule is passage_sounds.LOST and one.numbers["lost"] >= 4
    assert one.time == one.objects[0].time and one.end_time and one.end_time - one.time < 3 * MEASURE
    assert "similar measures" in one.message and one.message.endswith("at 4 of these places.")


def test_the_other_difficulties_know_of_lost_additions_too() -> None:
    once = [tuple((beat + 0.25 * number) % 4 for beat in VERSE) for number in range(24)]  # no measure is repeated
    own, others = phrase_map(once, without_sound=range(8, 14)), [phrase_map(once, path=f"{n}.osu") for n in range(3)]
    alone = [one for one in found(own) if one.rule is passage_sounds.LOST]
    together = [one for one in found(own, *others) if one.rule is passage_sounds.LOST]
    assert not alone or alone[0].measure < (together[0].measure or 0)


def with_line(start: int, end: int, changed: str, usual: str) -> list[str]:
    return [RED_LINE, f"{start},-100,4,{changed},0,0", f"{end},-100,4,{usual},0,0"]


def test_a_line_with_another_sample_set_is_named_at_the_line() -> None:
    one = phrase_map(lines=with_line(9 * MEASURE, 11 * MEASURE, "3,0,70", "2,0,70"))
    (line,) = found(one)
    assert line.rule is passage_sounds.OTHER_SET and line.time == 9 * MEASURE
    assert line.line == one.sorted_timing_points[1].line
    assert (line.actual, line.expected[0].text) == ("drum", "soft")
    assert line.message.endswith(
        "the drum set; similar measures have the soft set here."
    )  # there is no other difficulty


def test_a_line_with_another_volume_is_named_at_the_line() -> None:
    (line,) = found(phrase_map(lines=with_line(9 * MEASURE, 11 * MEASURE, "2,0,30", "2,0,70")))
    assert line.rule is passage_sounds.OTHER_VOLUME_RULE and line.actual == "30 %"
    assert line.message.endswith("quieter than in similar measures.")


def test_what_is_done_again_is_weaker_than_what_is_done_once() -> None:
    def quieter(*measures: int) -> float:
        lines = [RED_LINE]
        for measure in measures:
            lines += with_line(measure * MEASURE + 1900, measure * MEASURE + 2100, "2,0,30", "2,0,70")[1:]
        return max((one.measure or 0.0 for one in found(phrase_map(lines=lines))), default=0.0)

    assert quieter(9) > quieter(1, 9, 17) + 4


def test_a_long_section_that_differs_is_a_choice() -> None:
    def bits(until: int) -> float:
        lines = with_line(4 * MEASURE, until * MEASURE, "3,0,70", "2,0,70")
        return max((one.measure or 0.0 for one in found(phrase_map(lines=lines))), default=0.0)

    assert bits(7) > bits(14) + 8


def test_a_passage_pasted_late() -> None:
    song = list(SONG)
    song[9] = song[10] = tuple(beat + 0.5 for beat in VERSE)
    late = next(one for one in found(phrase_map(song)) if one.rule is passage_rhythms.SHIFTED)
    assert late.time == 9 * MEASURE + 250 and late.actual == "1/2 beat late"
    assert late.message.endswith("they match the measures with the same rhythm elsewhere in the map.")


@pytest.mark.parametrize(
    ("shift", "said"), [(0, "though 10 of them lie on clear sounds and 4 would."), (-250, "elsewhere in the map.")]
)
def test_a_passage_on_the_sounds_is_said_to_be_there(shift: int, said: str) -> None:
    song = list(SONG)
    song[9] = song[10] = tuple(beat + 0.5 for beat in VERSE)
    one = phrase_map(song)
    strength = np.zeros(24 * MEASURE)
    for o in one.hit_objects:
        strength[int(o.time) + shift * (9 * MEASURE <= o.time < 11 * MEASURE) :][:4] = 2.0
    heard = Evidence(one, envelope=OnsetEnvelope(np.roll(strength, round(lag_of(None))), 1.0))
    late = next(one for one in passage_rhythms.run(heard) if one.rule is passage_rhythms.SHIFTED)
    assert late.message.endswith(said)


def test_a_beat_on_thirds_in_a_map_of_quarters() -> None:
    song = list(SONG)
    song[5] = (0, 2 / 3, 4 / 3, 2, 2.5, 3.25)
    other = next(one for one in found(phrase_map(song)) if one.rule is passage_rhythms.OTHER_GRID)
    assert 5 * MEASURE <= other.time <= 5 * MEASURE + 2 * BEAT and other.actual == "on thirds"


def test_an_object_that_all_copies_have() -> None:
    song = list(SONG)
    song[9] = (0, 1, 2, 3)
    (hole,) = found(phrase_map(song))
    assert hole.rule is passage_rhythms.HOLE and hole.time == 9 * MEASURE + 750
    assert hole.objects[0].time == 9 * MEASURE + 500
    assert hole.message == "8 of 8 similar measures have an object here; this measure has none."
    others = [phrase_map(song, path="same.osu"), *(phrase_map(path=f"{number}.osu") for number in range(2))]
    (in_set,) = [one for one in found(phrase_map(song), *others) if one.rule is passage_rhythms.HOLE]
    assert in_set.message == (
        "8 of 8 similar measures and 2 of 3 other difficulties have an object here; this measure has none."
    )


def test_a_slider_where_all_copies_have_a_circle() -> None:
    one = phrase_map(slider=[46])
    kinds = [candidate for candidate in found(one) if candidate.rule is passage_rhythms.OTHER_KIND]
    assert [candidate.objects[0].index for candidate in kinds] == [46] and kinds[0].expected[0].text == "circle"


def test_a_chord_with_a_hold_note_is_one_in_any_order() -> None:
    """The chords of every other measure are written the other way round, which is no difference."""

    def chords(lost: int | None) -> list[Candidate]:
        objects = []
        for number in range(24 * len(VERSE)):
            time = number // len(VERSE) * MEASURE + round(VERSE[number % len(VERSE)] * BEAT)
            kind = "1,0," if number % len(VERSE) != 2 or number == lost else f"128,0,{time + 250}:"
            pair = [f"64,192,{time},1,0,0:0:0:0:", f"192,192,{time},{kind}0:0:0:0:"]
            objects += pair if number // len(VERSE) % 2 else pair[::-1]
        every = found(beatmap(objects, mode=3, difficulty={"CircleSize": 4}))
        return [one for one in every if one.rule is passage_rhythms.OTHER_KIND]

    assert chords(None) == []
    (lost,) = chords(62)
    assert lost.objects[0].time == 62 // 5 * MEASURE + 750
    assert lost.message.startswith("This is a note; ") and "have a hold note here, none a note" in lost.message


def test_a_line_whose_velocity_makes_its_sliders_end_elsewhere() -> None:
    heads = [number for number, o in enumerate(phrase_map().hit_objects) if o.new_combo]

    def with_velocity(text: str) -> list[Candidate]:
        lines = [RED_LINE, f"{9 * MEASURE},{text},4,2,0,70,0,0", f"{11 * MEASURE},-100,4,2,0,70,0,0"]
        return [
            one for one in found(phrase_map(lines=lines, slider=heads)) if one.rule is passage_speeds.OTHER_VELOCITY
        ]

    assert with_velocity("-100") == []
    (one,) = with_velocity("-66.66")
    assert one.time == 9 * MEASURE and one.line == phrase_map().timing_points[0].line + 1
    assert one.actual == "1.50x" and "these 2 sliders last" in one.message

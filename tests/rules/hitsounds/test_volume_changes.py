"""Stretches that keep the volume of the line before, and lines out of a ramp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from maimod.audio.spectrogram import N_BANDS, N_LOUD, Bands
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import volume_changes
from tests.maps import RED_LINE
from tests.phrases import BEAT, MEASURE, phrase_map


def found(one: Beatmap, *others: Beatmap) -> list[Candidate]:
    return list(volume_changes.run(Evidence(one, mapset=Mapset(Path(), (one, *others)) if others else None)))


def line(time: float, volume: int) -> str:
    return f"{time:.0f},-100,4,2,0,{volume},0,0"


def by_section(*changed: tuple[float, int], last: int = 24) -> list[str]:
    """Verses of four measures at 40 %, choruses at 70 %, with other lines in place of those at the same time."""
    lines = {4 * MEASURE * number: 70 if number % 2 else 40 for number in range(last // 4)}
    for time, volume in changed:
        lines.pop(int(time) // MEASURE * MEASURE, None)
        if volume:
            lines[int(time)] = volume
    return [RED_LINE, *(line(time, volume) for time, volume in sorted(lines.items()))]


def others(lines: Sequence[str]) -> list[Beatmap]:
    return [phrase_map(path=f"{number}.osu", lines=lines) for number in range(2)]


def test_nothing_where_the_sections_agree() -> None:
    usual = phrase_map(lines=by_section())
    assert found(usual) == []
    assert found(usual, *others(by_section())) == []


def test_a_line_that_is_lost_leaves_a_section_at_the_volume_before() -> None:
    start = 12 * MEASURE
    own = phrase_map(lines=by_section((start, 0)))
    (one,) = found(own, *others(by_section()))
    assert one.rule is volume_changes.STEP and one.time == start and one.end_time == start + 3 * MEASURE + 3.25 * BEAT
    assert (one.actual, one.expected[0].text) == ("40 %", "70 %")
    assert one.numbers["ends_at_line"] is one.numbers["begins_at_line"] is False
    assert one.message == (
        "24 hits from here on have 40 % volume, as those before; most similar measures and other difficulties have 70 % here."
    )
    (apart,) = found(own, *others(by_section((start, 90))))
    assert apart.message.endswith(
        "as those before; most similar measures have 70 %, most other difficulties 90 % here."
    )
    (alone,) = found(own)
    assert alone.message.endswith("as those before; most similar measures have 70 % here.")
    assert alone.time == start and alone.measure is not None and one.measure is not None
    assert alone.measure < one.measure and alone.numbers["bits_of_difficulties"] == 0


def test_a_line_that_is_a_beat_late_is_named_where_it_should_be() -> None:
    start = 12 * MEASURE
    late = phrase_map(lines=by_section((start + BEAT, 70)))
    (one,) = [one for one in found(late, *others(by_section())) if one.rule is volume_changes.STEP]
    assert one.time == start and one.numbers["is_settled"] and one.numbers["hits"] == 2
    assert one.message.endswith("have 70 % here, as the next line sets.")


def test_all_that_lies_under_a_line_is_mostly_a_choice() -> None:
    quiet = by_section((13 * MEASURE, 30), (14 * MEASURE, 70))
    (one,) = [one for one in found(phrase_map(lines=quiet), *others(by_section())) if one.rule is volume_changes.STEP]
    assert one.curve == "whole line" and one.time == 13 * MEASURE and one.numbers["begins_at_line"]
    assert one.measure == one.numbers["bits_of_copies"] + one.numbers["bits_of_difficulties"] + 2 - 4
    assert one.message == (
        "6 hits from here on have 30 % volume; most similar measures and other difficulties have 70 % here, as the next line sets."
    )


def test_a_line_that_is_a_beat_after_its_usual_place() -> None:
    start = 12 * MEASURE
    late = phrase_map(lines=by_section((start + BEAT, 70)))
    (one,) = [one for one in found(late) if one.rule is volume_changes.LATE]
    assert (
        one.time == start and one.line == late.sorted_timing_points[4].line and one.numbers["bits_of_difficulties"] == 0
    )
    assert one.message == (
        "The volume changes from 40 to 70 % a beat after this object; 4 other changes of the map are on this beat of the measure, "
        "none on the next."
    )
    (seen,) = [one for one in found(late, *others(by_section())) if one.rule is volume_changes.LATE]
    assert (seen.measure or 0.0) > (one.measure or 0.0) + 2
    assert seen.message.endswith(", and 2 of 2 other difficulties change it here.")
    agreed = found(late, *others(by_section((start + BEAT, 70))))
    assert max((one.measure or 0.0 for one in agreed if one.rule is volume_changes.LATE), default=0.0) < (
        one.measure or 0.0
    )


def test_a_few_hits_are_no_stretch() -> None:
    assert found(phrase_map([(0,), (0,)], lines=[RED_LINE])) == []


def test_a_line_out_of_a_ramp() -> None:
    def ramp(*volumes: int) -> list[Candidate]:
        own = phrase_map(lines=[RED_LINE, *(line(number * MEASURE, one) for number, one in enumerate(volumes))])
        return [one for one in found(own) if one.rule is volume_changes.OUT_OF_RAMP]

    assert ramp(30, 40, 50, 60, 70) == []
    assert ramp(70, 60, 50, 40, 30) == []
    (one,) = ramp(30, 40, 30, 60, 70)
    assert one.time == 2 * MEASURE and one.measure == 4 + volume_changes.BITS_OF_STEP and one.actual == "30 %"
    assert one.message == "The volume rises from 40 to 60 % here in a ramp of 4 lines, but this line sets 30 %."
    (falling,) = ramp(70, 60, 70, 40, 30)
    assert "falls from 60 to 40 %" in falling.message
    assert ramp(30, 90, 30, 90, 30) == []
    (jump,) = ramp(30, 40, 30, 80, 90)  # from 40 to 80 is more than one line of the ramp
    assert jump.measure == 4 - volume_changes.BITS_OF_STEP


def test_a_ramp_begins_at_a_level_of_any_length() -> None:
    long = [line(0, 30), *(line((8 + number) * MEASURE, one) for number, one in enumerate((40, 30, 60)))]
    (one,) = [one for one in found(phrase_map(lines=[RED_LINE, *long])) if one.rule is volume_changes.OUT_OF_RAMP]
    assert one.time == 9 * MEASURE and one.numbers["lines_of_ramp"] == 3


@pytest.mark.parametrize(
    ("before", "where"), [(4, "here in a ramp of 3 lines"), (5, "from the line before to the one after, 12 s apart")]
)
def test_lines_far_apart_are_not_called_a_ramp(before: int, where: str) -> None:
    lines = [line(0, 30), line((9 - before) * MEASURE, 40), line(9 * MEASURE, 30), line(10 * MEASURE, 60)]
    (one,) = [one for one in found(phrase_map(lines=[RED_LINE, *lines])) if one.rule is volume_changes.OUT_OF_RAMP]
    assert one.message == f"The volume rises from 40 to 60 % {where}, but this line sets 30 %."


def test_a_step_of_all_other_difficulties_is_missed_at_any_level() -> None:
    once = [tuple((beat + 0.25 * number) % 4 for beat in (0, 1, 2)) for number in range(24)]  # no measure is repeated

    def lines(*volumes: tuple[int, int]) -> list[str]:
        return [RED_LINE, *(line(measure * MEASURE, volume) for measure, volume in volumes)]

    whole = [phrase_map(once, path=f"{number}.osu", lines=lines((0, 50), (12, 70), (15, 50))) for number in range(3)]
    usual = phrase_map(once, lines=lines((0, 80), (12, 100), (15, 80)))
    assert all("stays" not in one.message for one in found(usual, *whole))
    (one,) = found(phrase_map(once, lines=lines((0, 80))), *whole)
    assert one.rule is volume_changes.STEP and one.time == 12 * MEASURE and one.end_time < 15 * MEASURE
    assert one.message == "The volume stays 80 % here, where 3 of 3 other difficulties become louder."
    assert (one.actual, one.expected[0].text) == ("80 %", "100 %")


def test_volumes_follow_the_song_as_in_the_rest_of_the_map() -> None:
    frames = np.arange(0, 24 * MEASURE, 20) // (4 * MEASURE) % 2  # loud choruses
    bands = Bands(np.zeros((len(frames), N_BANDS)), np.repeat(frames[:, None], N_LOUD, axis=1).astype(float), 20.0)
    start = 12 * MEASURE
    own, whole = phrase_map(lines=by_section((start, 0))), others(by_section())
    (heard,) = volume_changes.run(Evidence(own, mapset=Mapset(Path(), (own, *whole)), bands=bands))
    assert heard.time == start and heard.numbers["bits_of_song"] > 0.8
    (unheard,) = found(own, *whole)
    assert unheard.numbers["bits_of_song"] == 0

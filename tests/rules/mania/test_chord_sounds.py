"""Samples that several notes of a chord play."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.rules.evidence import Evidence
from maimod.rules.mania import chord_sounds
from tests.findings import findings_of
from tests.mania import LINE, note
from tests.maps import beatmap


def doubled(objects: Sequence[str], events: Sequence[str] = ()) -> list[Finding]:
    loaded = beatmap(objects, [LINE], mode=3, circle_size=4, events=events)
    return findings_of(chord_sounds.run, Evidence(loaded))


def test_a_sample_twice_in_a_chord():
    (finding,) = doubled([note(0, 1000, sound=8), note(1, 1000, sound=8), note(2, 1500)])
    assert finding.severity == "warning" and finding.message == '"soft-hitclap" is played 2 times at once.'
    assert doubled([note(0, 1000, sound=8), note(1, 1000, sound=2), note(1, 1500, sound=8)]) == []
    assert doubled([note(0, 1000), note(1, 1000)]) == []
    assert len(doubled([note(0, 1000, file="a.wav"), note(1, 1000, file="A.wav")])) == 1


def test_samples_of_the_storyboard_count():
    chord = [note(0, 1000, file="a.wav"), note(1, 1000)]
    assert len(doubled(chord, ['Sample,1000,0,"a.wav",70'])) == 1
    assert doubled(chord, ['Sample,1000,0,"b.wav",70', 'Sample,x,0,"a.wav",70']) == []


@pytest.mark.parametrize(
    ("sound", "words"),
    [(8, "the same at 1 more place: 00:02:000."), (2, "a sample is doubled at 1 more place: 00:02:000.")],
)
def test_two_doubled_samples_are_one_finding(sound: int, words: str):
    objects = [note(column, time, sound=own) for time, own in ((1000, 8), (2000, sound)) for column in (0, 1)]
    (finding,) = doubled(objects)
    assert finding.severity == "warning" and finding.message == f'"soft-hitclap" is played 2 times at once; {words}'


def test_many_doubled_samples_are_a_way_of_mapping():
    objects = [note(column, 1000 * i, sound=8) for i in range(1, 8) for column in (0, 1)]
    (finding,) = doubled(objects)
    assert finding.severity == "minor" and "the same at 6 more places: 00:02:000" in finding.message

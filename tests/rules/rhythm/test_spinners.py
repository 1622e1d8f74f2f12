"""Rests without a spinner, and spinners that end elsewhere than others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm import spinners
from maimod.rules.rhythm_index import lag_of
from tests.maps import RED_LINE, beatmap

BEAT = 500
CIRCLES = [beat for start in (0, 16, 32) for beat in range(start, start + 8)]
REST = (8, 15)
"""Beats of the first spinner; the second is 16 beats later."""


def spinner_map(*spans: tuple[float, float], path: str = "beatmap.osu", mode: int = 0, **changes: object) -> Beatmap:
    """Three times eight circles, with spinners from and to some beats between them."""
    lines = [(beat, f"100,100,{beat * BEAT},1,0,0:0:0:0:") for beat in CIRCLES]
    lines += [(start, f"256,192,{start * BEAT:.0f},12,0,{end * BEAT:.0f},0:0:0:0:") for start, end in spans]
    return beatmap([line for _, line in sorted(lines)], [RED_LINE], mode, path=path, **changes)  # type: ignore[arg-type]


BOTH = (REST, (24, 31))


def found(own: Beatmap, *others: Beatmap) -> list[Candidate]:
    return list(spinners.run(Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None)))


def others(*spans: tuple[float, float], mode: int = 0) -> list[Beatmap]:
    return [spinner_map(*spans, path=f"{number}.osu", mode=mode) for number in range(2)]


@pytest.mark.parametrize(("mode", "name"), [(0, "spinner"), (1, "denden"), (2, "banana shower")])
def test_a_rest_in_which_the_other_difficulties_have_a_spinner(mode: int, name: str) -> None:
    own = spinner_map((24, 31), mode=mode)
    (one,) = [one for one in found(own, *others(*BOTH, mode=mode)) if one.rule is spinners.MISSING]
    assert one.time == 7.75 * BEAT and one.end_time == 16 * BEAT and one.objects[0].time == 7 * BEAT
    assert one.message == f"Nothing is here for 9 beats; 2 of 2 other difficulties have a {name} here."
    (alone,) = [one for one in found(own) if one.rule is spinners.MISSING]
    (agreed,) = [one for one in found(own, *others((24, 31), mode=mode)) if one.rule is spinners.MISSING]
    assert (agreed.measure or 0.0) < (alone.measure or 0.0) < (one.measure or 0.0)
    assert alone.message == f"Nothing is here for 9 beats, neither a {name} nor a break."


def test_breaks_and_spinners_are_no_rests() -> None:
    assert [one.rule for one in found(spinner_map(*BOTH))] == [spinners.END] * 2
    paused = spinner_map((24, 31), events=[f"2,{8 * BEAT},{15 * BEAT}"])
    assert [one.rule for one in found(paused)] == [spinners.END]


def test_the_rest_that_is_left_beside_a_break() -> None:
    """The editor begins a break 200 ms after an object, so one that begins late followed a spinner that is gone."""
    late = spinner_map((24, 31), events=[f"2,{12 * BEAT},{15 * BEAT}"])
    (one,) = [one for one in found(late) if one.rule is spinners.MISSING]
    assert one.time == 7.75 * BEAT and one.end_time == 12 * BEAT and one.objects[0].time == 7 * BEAT
    assert one.message == "Nothing is here for 5 beats before the break."
    (seen,) = [one for one in found(late, *others((8, 11), (24, 31))) if one.rule is spinners.MISSING]
    assert (
        seen.message == "Nothing is here for 5 beats before the break; 2 of 2 other difficulties have a spinner here."
    )
    early = spinner_map((24, 31), events=[f"2,{8 * BEAT},{10 * BEAT}"])
    (one,) = [one for one in found(early) if one.rule is spinners.MISSING]
    assert one.time == 10.75 * BEAT and one.end_time == 16 * BEAT and one.objects[0].time == 16 * BEAT
    assert one.message == "Nothing is here for 6 beats after the break."


def test_long_rests_that_the_map_has_again_or_fills_with_spinners() -> None:
    def bits(own: Beatmap) -> float:
        (one,) = [one for one in found(own) if one.rule is spinners.MISSING and one.end_time == 16 * BEAT]
        return one.measure or 0.0

    resting, paused = spinner_map(), spinner_map(events=[f"2,{24 * BEAT - 300},{32 * BEAT - 900}"])
    assert bits(resting) < bits(paused) < bits(spinner_map((24, 31)))
    assert bits(spinner_map((10, 12), (24, 31))) < bits(
        spinner_map((24, 31))
    )  # four beats are a shorter rest than nine


def test_a_rest_in_which_the_song_goes_on() -> None:
    own = spinner_map((24, 31))

    def of_song(rests: bool) -> float:
        strength = np.zeros(45 * BEAT, dtype=np.float32)
        strength[::BEAT] = 1.0
        if rests:
            strength[8 * BEAT : 15 * BEAT + 1] = 0.0
        envelope = OnsetEnvelope(np.roll(strength, round(lag_of(None))), 1.0)
        (one,) = [one for one in spinners.run(Evidence(own, envelope=envelope)) if one.rule is spinners.MISSING]
        return float(one.numbers["bits_of_song"])

    assert of_song(rests=True) < -2 < of_song(rests=False) == pytest.approx(0.0, abs=0.2)


def test_a_spinner_that_ends_a_beat_early() -> None:
    first, second = found(spinner_map((8, 14), (24, 31)), *others(*BOTH))
    assert (first.measure or 0.0) > 2 > 0 > (second.measure or 0.0)
    assert first.message == "This spinner ends 1 beat earlier than in 2 of 2 other difficulties."
    assert first.expected[0].text == "00:07:500"


def test_words_without_other_difficulties() -> None:
    first, second = found(spinner_map((8, 14), (24, 31)))
    assert first.message == "This spinner ends 2 beats after a downbeat, unlike the other spinner in the map."
    assert second.message == "This spinner ends 3 beats after a downbeat, unlike the other spinner in the map."
    (only,) = [one for one in found(spinner_map((8, 12))) if one.rule is spinners.END]
    assert only.message == "This spinner ends 4 beats before the next object."


def test_mania_has_no_spinners() -> None:
    assert found(spinner_map(mode=3)) == []


def test_a_stronger_onset_a_beat_from_the_end_counts_for_the_judge_alone() -> None:
    own = spinner_map((24, 31))
    seconds = np.arange(0, 45 * BEAT) / 1000
    onsets = [*(beat * BEAT / 1000 for beat in CIRCLES), 32 * BEAT / 1000]
    strength = np.max([np.exp(-(((seconds - at) / 0.01) ** 2)) for at in onsets], axis=0)
    heard = Evidence(own, envelope=OnsetEnvelope(strength.astype(np.float32), 1.0))
    silent = Evidence(own)
    (with_song,), (without,) = (
        [one for one in spinners.run(evidence) if one.rule is spinners.END] for evidence in (heard, silent)
    )
    assert with_song.numbers["bits_of_song"] > 2 and without.numbers["bits_of_song"] == 0
    assert with_song.measure == without.measure

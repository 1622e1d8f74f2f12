"""Timing: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.audio.onsets import TYPICAL_LAG_MS, OnsetEnvelope, alignment
from maimod.events.schema import EventScore
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.timing import alignment as timing_alignment
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap


def rhythm_of(count: int) -> np.ndarray:
    """(count,) ms; uneven, so that no shift by a note fits as well."""
    gaps = np.random.default_rng(1).choice([250.0, 500.0, 125.0, 375.0], count)
    return 1000 + np.cumsum(gaps)


TIMES = rhythm_of(200)


def song(times: np.ndarray, lag_ms: float = TYPICAL_LAG_MS) -> OnsetEnvelope:
    frames = np.arange(0, times.max() + 3000, 5.0)
    values = np.zeros(len(frames), dtype=np.float32)
    for time in times:
        values = np.maximum(values, np.maximum(0.0, 1.0 - np.abs(frames - time - lag_ms) / 12)).astype(np.float32)
    return OnsetEnvelope(values, 5.0)


def map_of(times: np.ndarray, timing_points: tuple[str, ...] = (RED_LINE,)) -> Beatmap:
    return beatmap([f"256,192,{time:.0f},1,0,0:0:0:0:" for time in times], timing_points)


def found(
    loaded: Beatmap, envelope: OnsetEnvelope | None = None, scores: tuple[EventScore, ...] | None = None
) -> list[Finding]:
    lag = None if envelope is None else alignment(envelope, np.array([o.time for o in loaded.hit_objects]))
    return findings_of(timing_alignment.run, Evidence(loaded, scores, envelope, lag))


def warped(move: Callable[[np.ndarray], np.ndarray]) -> list[Finding]:
    """Findings of a map whose times are shifted against its song."""
    return found(map_of(move(TIMES)), song(TIMES))


def test_clean_map_is_silent():
    assert warped(lambda times: times) == []


@pytest.mark.parametrize(("by", "side"), [(-40, "early"), (40, "late")])
def test_whole_map_off(by: float, side: str):
    (finding,) = warped(lambda times: times + by)
    assert finding.rule == "timing/offset"
    assert finding.severity is Severity.WARNING
    assert finding.objects == ()
    assert finding.evidence["lag_ms"] == pytest.approx(TYPICAL_LAG_MS - by, abs=3)
    assert f" ms {side} compared with the song. Its parts agree within 1 ms" in finding.message
    assert finding.evidence["lag_error_ms"] < 2


def test_parts_that_disagree_measure_no_offset():
    halves = np.where(np.arange(len(TIMES)) < 120, -40, 12)
    assert [finding.rule for finding in warped(lambda times: times + halves)] == ["timing/section-shifted"]


def test_an_offset_counts_less_where_the_parts_differ():
    quarter = np.arange(len(TIMES)) * 4 // len(TIMES)
    (finding,) = warped(lambda times: times + np.array([-30, -30, -45, -30])[quarter])
    assert (finding.rule, finding.severity) == ("timing/offset", Severity.MINOR)
    assert finding.evidence["lag_error_ms"] > 6


def test_blind_spot_offset_of_few_objects():
    assert found(map_of(TIMES[:7] - 40), song(TIMES)) == []


def test_small_offset_is_within_the_spread():
    assert warped(lambda times: times + 10) == []


def test_blind_spot_even_notes_fit_one_note_later():
    times = 1000 + np.arange(200) * 120.0
    assert found(map_of(times + 120), song(times)) == []


def test_shifted_section():
    start, end = TIMES[70], TIMES[120]
    (finding,) = warped(lambda times: np.where((times >= start) & (times < end), times + 30, times))
    assert finding.rule == "timing/section-shifted"
    assert abs(finding.time - start) < 4000 and abs(finding.end_time - end) < 4000
    assert "30 ms late" in finding.message


def test_blind_spot_small_shift():
    start, end = TIMES[70], TIMES[120]
    assert warped(lambda times: np.where((times >= start) & (times < end), times + 12, times)) == []


@pytest.mark.parametrize(("percent", "word"), [(1.0, "run ahead of"), (-1.0, "fall behind")])
def test_wrong_tempo(percent: float, word: str):
    (finding,) = warped(lambda times: times[0] + (times - times[0]) * (1 + percent / 100))
    assert finding.rule == "timing/bpm"
    assert f"the sounds {word} the objects" in finding.message and "120.00 BPM is set, 1" in finding.message
    fitting, error = finding.evidence["fitting_bpm"], finding.evidence["fitting_bpm_error"]
    assert fitting == pytest.approx(120 * (1 + percent / 100), abs=0.3) and 0 < error < 0.3


def test_wrong_tempo_for_a_while():
    start, end = TIMES[60], TIMES[130]
    (finding,) = warped(lambda times: times + 0.01 * np.clip(times - start, 0, end - start))
    assert finding.rule == "timing/bpm"
    assert start - 8000 < finding.time < end < finding.end_time + 8000


@pytest.mark.parametrize(("seconds", "rules"), [(9, []), (20, ["timing/bpm"])])
def test_a_drift_of_a_few_seconds_is_no_tempo(seconds: float, rules: list[str]):
    since = TIMES - TIMES[80]
    drifted = warped(lambda times: times + np.where((since > 0) & (since < 1000 * seconds), 0.004 * since, 0))
    assert [finding.rule for finding in drifted if finding.rule == "timing/bpm"] == rules


def test_a_shift_counts_less_where_the_rest_scatters():
    start, end = TIMES[70], TIMES[120]
    moved = np.where((start <= TIMES) & (end > TIMES), 22, 0)
    scatter = 6 * np.sign(np.sin(TIMES / 2500)) * (moved == 0)
    (steady,) = warped(lambda times: times + moved)
    (uneven,) = warped(lambda times: times + moved + scatter)
    assert steady.rule == uneven.rule == "timing/section-shifted"
    assert (steady.severity, uneven.severity) == (Severity.WARNING, Severity.MINOR)


@pytest.mark.parametrize(("in_song", "rules"), [(0, ["timing/step-not-in-song"]), (-10, [])])
def test_a_step_of_the_red_lines_that_the_song_does_not_have(in_song: float, rules: list[str]):
    later = TIMES >= 20_000
    loaded = map_of(np.where(later, TIMES - 10, TIMES), (RED_LINE, "19990,500,4,2,0,70,1,0"))
    result = found(loaded, song(np.where(later, TIMES + in_song, TIMES)))
    assert [finding.rule for finding in result] == rules
    if rules:
        assert result[0].severity is Severity.MINOR and result[0].time == 19_990
        assert (
            "lies 10 ms before the beat of the one before; from it on the sounds come 10 ms later" in result[0].message
        )


def test_the_lines_around_a_shifted_section_are_the_same_mistake():
    inside = (TIMES >= 20_000) & (TIMES < 36_000)
    lines = (RED_LINE, "20030,500,4,2,0,70,1,0", "36000,500,4,2,0,70,1,0")
    result = found(map_of(np.where(inside, TIMES + 30, TIMES), lines), song(TIMES))
    assert [finding.rule for finding in result] == ["timing/section-shifted"]


def test_without_a_song_only_lines_are_checked():
    assert found(map_of(TIMES + 40)) == []


def in_set(times: np.ndarray, *others: np.ndarray, reported: tuple[int, ...] = (), lines: str = RED_LINE) -> list[int]:
    """Number of findings of each difficulty of a set; the first has the `times`, the others theirs.

    Args:
        times, others: ms of the objects of each difficulty.
        reported: numbers of the difficulties that get a report; all without any.
        lines: red line of the first difficulty; the others have the usual one.
    """
    loaded = [
        replace(map_of(own, (lines if number == 0 else RED_LINE,)), path=Path(f"{number}.osu"))
        for number, own in enumerate((times, *others))
    ]
    whole = Mapset(Path(), tuple(loaded))
    paths = frozenset(loaded[number].path for number in reported)
    found_by = []
    for one in loaded:
        aligned = alignment(song(TIMES), np.array([o.time for o in one.hit_objects]))
        evidence = Evidence(one, None, song(TIMES), aligned, mapset=whole, reported=paths)
        found_by.append(len(findings_of(timing_alignment.run, evidence)))
    return found_by


IN_SECTION = np.isin(np.arange(len(TIMES)), np.arange(70, 120))
LATE = np.where(IN_SECTION, TIMES + 30, TIMES)


def test_the_song_is_judged_once_for_all_difficulties() -> None:
    assert in_set(LATE, LATE[::2], LATE[::3]) == [1, 0, 0]
    assert in_set(LATE[::2], LATE) == [0, 1]
    assert in_set(LATE, LATE[::2], reported=(1,))[1] == 1
    assert in_set(TIMES + 40, TIMES[::2] + 40) == [1, 0]


def test_a_difficulty_with_other_red_lines_is_judged_alone() -> None:
    assert in_set(LATE, LATE[::2], lines="30,500,4,2,0,70,1,0") == [1, 1]


def test_a_section_of_other_sounds_is_not_shifted() -> None:
    """The onsets of its kind lie as far off in the rest of the song."""
    has_hard_attack = IN_SECTION | (np.arange(len(TIMES)) % 4 == 0)
    sounds = song(np.where(has_hard_attack, TIMES - 22, TIMES))
    assert found(map_of(TIMES), sounds) == []
    assert len(found(map_of(TIMES), song(np.where(IN_SECTION, TIMES - 22, TIMES)))) == 1

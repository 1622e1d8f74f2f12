"""Patterns, rest moments, gaps, finishers and dendens of taiko by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.osu.level import Level
from maimod.rules.criteria import usual_beat
from maimod.rules.evidence import Evidence
from maimod.rules.taiko import patterns as taiko_patterns
from tests.findings import findings_of
from tests.maps import text
from tests.taiko import BIG_DON, BIG_KAT, DON, KAT, LINE, made, notes, run_of


def found(objects: Sequence[str], level: Level | None, line: str = LINE) -> list[Finding]:
    return findings_of(taiko_patterns.run, Evidence(made(objects, [line]), level=level))


@pytest.mark.parametrize(
    ("level", "step", "most"),
    [
        (Level.EASY, 400, 7),
        (Level.EASY, 200, 3),
        (Level.NORMAL, 200, 7),
        (Level.NORMAL, 133.4, 2),
        (Level.HARD, 100, 5),
        (Level.HARD, 66.7, 4),
        (Level.INSANE, 100, 9),
        (Level.INSANE, 50, 2),
    ],
)
def test_patterns_have_a_longest_length(level: Level, step: float, most: int):
    def long(count: int) -> list[str]:
        return [f.message for f in found(run_of(count, step), level) if f.rule == taiko_patterns.LONG_PATTERN.id]

    assert long(most) == []
    assert len(long(most + 1)) == 1 and long(most + 1)[0].startswith(f"{most + 1} notes follow each other")


def test_harder_levels_have_no_longest_pattern():
    assert found(run_of(60, 100), Level.EXPERT) == [] == found(run_of(60, 100), None)


def test_a_lowest_futsuu_has_shorter_patterns(tmp_path: Path):
    for name, step, count in (("Futsuu", 200, 6), ("Oni", 100, 60)):
        content = text(run_of(count, step), [LINE], mode=1, metadata={"Version": name})
        (tmp_path / f"{name}.osu").write_text(content, encoding="utf-8")
    (whole,) = mapset.load(tmp_path)
    futsuu = next(one for one in whole.beatmaps if one.version == "Futsuu")
    assert whole.stars[futsuu.path] is not None
    findings = findings_of(taiko_patterns.run, Evidence(futsuu, level=Level.NORMAL, mapset=whole))
    assert [f.rule for f in findings] == [taiko_patterns.LONG_PATTERN.id]
    assert findings_of(taiko_patterns.run, Evidence(futsuu, level=Level.NORMAL)) == []


def test_notes_of_a_lowest_futsuu_are_half_a_beat_apart(tmp_path: Path):
    (tmp_path / "map.osu").write_text(
        text(notes(4000, 4134), [LINE], mode=1, metadata={"Version": "Futsuu"}), encoding="utf-8"
    )
    (whole,) = mapset.load(tmp_path)
    (futsuu,) = whole.beatmaps
    # Two notes at thirds alone are a swing beat.
    straight = made(notes(4000, 4134, *(6000 + i * 200 for i in range(9))), version="Futsuu")
    evidence = Evidence(replace(straight, path=futsuu.path), level=Level.NORMAL, mapset=whole)
    severities = {f.rule: f.severity for f in findings_of(taiko_patterns.run, evidence)}
    assert severities[taiko_patterns.TOO_FAST.id] == "warning"
    assert taiko_patterns.TOO_FAST.id not in {
        f.rule for f in findings_of(taiko_patterns.run, Evidence(straight, level=Level.NORMAL))
    }


def test_beats_are_those_of_about_180_bpm():
    assert usual_beat(400) == 400 and usual_beat(333) == 333
    assert usual_beat(200) == 400 and usual_beat(600) == 300
    assert usual_beat(500) == pytest.approx(333.3, abs=0.1)
    assert found(run_of(8, 250), Level.NORMAL, "0,500,4,2,0,70,1,0") == []  # 1/2 at 120 BPM


@pytest.mark.parametrize(
    ("level", "gap", "severity"),
    [
        (Level.EASY, 200, None),
        (Level.EASY, 100, "problem"),
        (Level.NORMAL, 134, None),
        (Level.NORMAL, 100, "problem"),
        (Level.HARD, 67, None),
        (Level.HARD, 50, "problem"),
        (Level.INSANE, 50, None),
        (Level.INSANE, 33, "problem"),
        (Level.EXPERT, 25, None),
    ],
)
def test_notes_have_a_least_distance(level: Level, gap: float, severity: str | None):
    findings = [f for f in found(notes(4000, 4000 + gap), level) if f.rule == taiko_patterns.TOO_FAST.id]
    assert [f.severity for f in findings] == ([] if severity is None else [severity])


def test_tempos_far_from_180_bpm():
    (finding,) = found(notes(4000, 4150), Level.EASY, "0,200,4,2,0,70,1,0")  # 3/4 at 300 BPM
    assert finding.rule == taiko_patterns.TOO_FAST.id and finding.severity == "warning"
    assert found(notes(4000, 4150), Level.EASY, "0,600,4,2,0,70,1,0") == []  # 1/4 at 100 BPM


def test_swing_allows_thirds_in_a_kantan():
    thirds = notes(*(4000 + i * 1200 + shift for i in range(10) for shift in (0, 133)))
    assert [f.rule for f in found(thirds, Level.EASY) if f.rule == taiko_patterns.TOO_FAST.id] == []


def test_rest_moments():
    dense = run_of(2 * 70, 200)  # 1/2 for 70 beats
    (finding,) = found(dense, Level.INSANE)
    assert finding.rule == taiko_patterns.NO_REST.id and finding.severity == "warning"
    assert "for 28 s, 70 beats; an Oni" in finding.message  # those of the song, at 150 BPM
    (slow,) = found(dense, Level.INSANE, "0,800,4,2,0,70,1,0")
    assert "for 28 s, 70 beats counted at 150 BPM; an Oni" in slow.message  # of 75 BPM
    rests = [object_ for place, object_ in enumerate(dense) if place % 30 != 29]
    assert found(rests, Level.INSANE) == []  # 1/1 after every 15 beats
    assert found(dense, Level.EXPERT) == []


def test_three_short_pauses_are_a_rest_in_a_muzukashii():
    part = [i * 200 for i in range(40)]
    quiet = [part[-1] + 400 * i for i in (1, 2, 3)]
    times = [4000 + time + shift * 9600 for shift in range(6) for time in (*part, *quiet)]
    assert [f for f in found(notes(*times), Level.HARD) if f.rule == taiko_patterns.NO_REST.id] == []
    short = [4000 + time + shift * 8600 for shift in range(6) for time in (*part, *quiet[:1])]
    assert [f.rule for f in found(notes(*short), Level.HARD) if f.rule == taiko_patterns.NO_REST.id]


@pytest.mark.parametrize(
    ("hits", "level", "wrong"),
    [
        (((4000, DON), (4200, BIG_DON), (5600, DON)), Level.EASY, True),
        (((4000, DON), (4400, BIG_DON), (5600, DON)), Level.EASY, False),
        (((4000, DON), (4133, BIG_DON)), Level.NORMAL, True),
        (((4000, DON), (4200, BIG_DON)), Level.NORMAL, False),
        (((4000, DON), (4100, BIG_KAT)), Level.HARD, True),
        (((4000, DON), (4067, BIG_KAT)), Level.INSANE, True),
        (((4000, DON), (4100, BIG_KAT)), Level.INSANE, False),
        (((4000, DON), (4100, BIG_DON)), Level.INSANE, True),
        (((4000, DON), (4100, BIG_KAT), (4200, DON)), Level.INSANE, True),
        (((4000, BIG_DON), (4100, KAT)), Level.INSANE, True),
    ],
)
def test_finishers(hits: Sequence[tuple[float, int]], level: Level, wrong: bool):
    findings = [f for f in found(notes(*hits), level) if f.rule == taiko_patterns.FINISHER.id]
    assert [f.severity for f in findings] == (["problem"] if wrong else [])


@pytest.mark.parametrize(
    ("hits", "level", "wrong"),
    [
        (((4000, DON), (4133, BIG_KAT)), Level.HARD, True),  # 1/3 in a Muzukashii
        (((4000, DON), (4200, BIG_KAT)), Level.HARD, False),
        (((4000, DON), (4050, BIG_DON), (4100, DON)), Level.EXPERT, True),
        (((4000, DON), (4100, BIG_DON)), Level.EXPERT, True),  # the last, but of the colour before
        (((4000, DON), (4100, BIG_KAT)), Level.EXPERT, False),
        (((4000, DON), (4200, BIG_DON), (4400, DON)), Level.EXPERT, False),
    ],
)
def test_finishers_that_are_a_warning(hits: Sequence[tuple[float, int]], level: Level, wrong: bool):
    findings = [f for f in found(notes(*hits), level) if f.rule == taiko_patterns.FINISHER.id]
    assert [f.severity for f in findings] == (["warning"] if wrong else [])


@pytest.mark.parametrize(("gap", "level", "count"), [(50, Level.HARD, 1), (200, Level.HARD, 0), (100, Level.INSANE, 0)])
def test_dendens(gap: int, level: Level, count: int):
    objects = [*notes(4000), f"256,192,{4000 + gap},12,0,6000,0:0:0:0:"]
    assert [f.rule for f in found(objects, level)] == [taiko_patterns.DENDEN_GAP.id] * count


@pytest.mark.parametrize(
    ("colours", "step", "level", "severity"),
    [
        ((DON, DON), 200, Level.EASY, None),
        ((DON, KAT), 200, Level.EASY, "warning"),
        ((DON, KAT), 400, Level.EASY, None),
        ((DON, KAT), 134, Level.NORMAL, "warning"),
        ((DON, KAT), 200, Level.NORMAL, None),
        ((DON, KAT, DON), 100, Level.HARD, None),
        ((DON, KAT, KAT, KAT), 100, Level.HARD, None),
        ((DON, DON, DON, KAT), 100, Level.HARD, None),
        ((DON, DON, KAT, KAT), 100, Level.HARD, "minor"),
        ((DON, KAT, DON, DON), 100, Level.HARD, "minor"),
        ((DON, KAT, DON, KAT, DON), 100, Level.INSANE, None),
    ],
)
def test_colours_of_patterns(colours: Sequence[int], step: float, level: Level, severity: str | None):
    hits = notes(*((4000 + i * step, colour) for i, colour in enumerate(colours)))
    findings = [f for f in found(hits, level) if f.rule == taiko_patterns.COLOURS.id]
    assert [f.severity for f in findings] == ([] if severity is None else [severity])


def test_a_level_by_stars_alone_makes_no_problem():
    loaded = made(notes(4000, 4100, 4200), version="Own name")
    findings = findings_of(taiko_patterns.run, Evidence(loaded, level=Level.EASY, level_guessed=True))
    assert {f.rule: f.severity for f in findings}[taiko_patterns.TOO_FAST.id] == "warning"


def test_many_places_are_one_finding():
    hits = [(4000 + i * 1000 + shift, sound) for i in range(12) for shift, sound in ((0, DON), (100, BIG_DON))]
    (finding,) = [f for f in found(notes(*hits), Level.INSANE) if f.rule == taiko_patterns.FINISHER.id]
    assert finding.message.endswith(
        "the same at 11 more places: 00:05:100, 00:06:100, 00:07:100, 00:08:100, 00:09:100, 00:10:100, 00:11:100, 00:12:100 "
        "and others."
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(2, "; the same at 1 more place: 00:06:000."), (3, "; the same at 2 more places: 00:06:000, 00:08:000.")],
)
def test_minors_of_one_rule_are_one(count, words):
    hits = [
        (4000 + i * 2000 + shift, KAT if shift == 200 else DON) for i in range(count) for shift in (0, 100, 200, 300)
    ]
    (finding,) = [f for f in found(notes(*hits), Level.HARD) if f.rule == taiko_patterns.COLOURS.id]
    assert finding.severity == "minor" and finding.message.endswith(words)


def test_patterns_too_long_are_one():
    def long(count):
        hits = [(4000 + i * 4000 + place * 100, DON) for i in range(count) for place in range(16)]
        return [f for f in found(notes(*hits), Level.INSANE) if f.rule == taiko_patterns.LONG_PATTERN.id]

    (one,), (two,) = long(1), long(2)
    assert one.severity == two.severity == "warning" and "the same at 1 more place: 00:08:000" in two.message


def test_more_than_four_notes_too_fast_are_one():
    def too_fast(count):
        hits = [(4000 + i * 2000 + shift, DON) for i in range(count) for shift in (0, 100)]
        return [f for f in found(notes(*hits), Level.EASY) if f.rule == taiko_patterns.TOO_FAST.id]

    assert len(too_fast(4)) == 4 and [f.severity for f in too_fast(5)] == [too_fast(1)[0].severity]

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.mania import agreement as mania_agreement
from maimod.rules.mania import chord_sounds, holds
from maimod.rules.mania import keys as mania_keys
from maimod.rules.mania import patterns as mania_patterns
from tests.findings import findings_of, findings_of_set
from tests.maps import beatmap, text

LINE = "0,400,4,2,0,70,1,0"
"""150 BPM: a beat of the criteria is a beat of the song."""


def note(column: int, time: float, keys: int = 4, sound: int = 0, file: str = "") -> str:
    return f"{round((column + 0.5) * 512 / keys)},192,{time:g},1,{sound},0:0:0:0:{file}"


def hold(column: int, time: float, end: float, keys: int = 4) -> str:
    return f"{round((column + 0.5) * 512 / keys)},192,{time:g},128,0,{end:g}:0:0:0:0:"


def made(objects: Sequence[str], keys: int = 4, **general: str) -> Beatmap:
    return beatmap(objects, [LINE], mode=3, circle_size=keys, general=general)


def columns_of(*counts: int, **general: str) -> list[Finding]:
    objects = [note(column, 1000 + i * 100, len(counts)) for column, count in enumerate(counts) for i in range(count)]
    return findings_of(mania_keys.run, Evidence(made(objects, len(counts), **general)))


def test_keys():
    assert columns_of(1, 1, 1, 1) == []
    assert [f.rule for f in columns_of(1, 1, 1, 0)] == ["mapset/empty-column"]
    assert [f.rule for f in columns_of(1, 1, 1)] == ["mapset/key-count"]
    assert [f.rule for f in columns_of(*[1] * 11)] == ["mapset/key-count"]
    assert findings_of(mania_keys.run, Evidence(beatmap())) == []


@pytest.mark.parametrize(
    ("counts", "count"),
    [
        ((40, 40, 40, 20), 1),
        ((40, 40, 40, 30), 0),
        ((40, 40, 40, 70), 1),
        ((8, 8, 8, 2), 0),
        ((40, 40, 40, 26, 40, 40, 40), 0),
        ((40, 40, 40, 16, 40, 40, 40), 1),
    ],
)
def test_shares_of_columns(counts: Sequence[int], count: int):
    assert [f.rule for f in columns_of(*counts)] == ["mapset/column-share"] * count


def test_the_first_column_of_the_special_style_is_its_own():
    assert columns_of(10, 40, 40, 40, 40, 40, 40, 40, SpecialStyle="1") == []
    assert [f.rule for f in columns_of(10, 40, 40, 40, 40, 40, 40, 40)] == ["mapset/column-share"]


def chords(*sizes: int, keys: int = 8, level: Level | None = None) -> list[Finding]:
    objects = [note(column, 1000 + i * 500, keys) for i, size in enumerate(sizes) for column in range(size)]
    found = findings_of(mania_keys.run, Evidence(made(objects, keys), level=level))
    return [finding for finding in found if finding.rule == mania_keys.CHORD.id]


def test_more_than_six_notes_are_for_experts():
    (finding,) = chords(6, 7, 1, level=Level.INSANE)
    assert finding.severity == "problem" and finding.time == 1500
    assert chords(6, 7, 1, level=Level.EXPERT) == [] == chords(6, 7, 1)


@pytest.mark.parametrize(
    ("keys", "level", "most"),
    [
        (4, Level.EASY, 2),
        (4, Level.NORMAL, 2),
        (4, Level.HARD, 3),
        (8, Level.EASY, 2),
        (8, Level.NORMAL, 3),
        (8, Level.HARD, 4),
    ],
)
def test_chords_by_level(keys: int, level: Level, most: int):
    assert chords(1, most, keys=keys, level=level) == []
    assert [f.severity for f in chords(1, most + 1, keys=keys, level=level)] == ["minor"]
    if most + 2 <= keys:
        assert [f.severity for f in chords(1, most + 2, keys=keys, level=level)] == ["warning"]
        assert [f.severity for f in chords(*[most + 2] * 6, keys=keys, level=level)] == ["minor"]


@pytest.mark.parametrize(
    ("ms", "level", "severity"),
    [
        (400, Level.EASY, None),
        (300, Level.EASY, "minor"),
        (150, Level.EASY, "warning"),
        (200, Level.NORMAL, None),
        (150, Level.NORMAL, "minor"),
        (100, Level.HARD, None),
        (80, Level.HARD, "minor"),
        (40, Level.HARD, "warning"),
        (20, Level.HARD, None),
        (40, Level.INSANE, None),
        (40, None, None),
    ],
)
def test_short_hold_notes(ms: float, level: Level | None, severity: str | None):
    found = findings_of(holds.run, Evidence(made([hold(0, 1000, 1000 + ms)]), level=level))
    assert [f.severity for f in found] == ([] if severity is None else [severity])


def test_many_short_hold_notes_are_one_minor():
    objects = [hold(0, 1000 * i, 1000 * i + 100) for i in range(1, 8)]
    (finding,) = findings_of(holds.run, Evidence(made(objects), level=Level.EASY))
    assert finding.severity == "minor" and "6 more places" in finding.message


def held(level: Level | None, *objects: str) -> list[tuple[str, str]]:
    findings = findings_of(holds.run, Evidence(made(objects), level=level))
    return [(finding.rule, finding.severity.value) for finding in findings]


@pytest.mark.parametrize(
    ("level", "apart", "count"),
    [
        (Level.EASY, 400, 0),
        (Level.EASY, 200, 1),
        (Level.EASY, 5, 0),
        (Level.NORMAL, 200, 0),
        (Level.NORMAL, 100, 1),
        (Level.HARD, 100, 0),
    ],
)
def test_releases_by_level(level: Level, apart: float, count: int):
    found = held(level, hold(0, 1000, 2600), hold(1, 1400, 2600 + apart))
    assert found == [("rhythm/close-releases", "warning")] * count


def test_notes_during_short_hold_notes():
    during = [("rhythm/note-during-hold", "warning")]
    assert held(Level.EASY, hold(0, 1000, 1400), note(1, 1200)) == during
    assert held(Level.EASY, hold(0, 1000, 1400), note(1, 1000), note(2, 1400)) == []
    assert held(Level.EASY, hold(0, 1000, 1800), note(1, 1400)) == []
    assert held(Level.NORMAL, hold(0, 1000, 1400), note(1, 1200)) == []
    assert held(Level.NORMAL, hold(0, 1000, 1200), note(1, 1100)) == during
    assert held(Level.HARD, hold(0, 1000, 1200), note(1, 1100)) == []


def patterns(level: Level | None, *steps: tuple[float, int]) -> list[tuple[str, str]]:
    """Findings about notes, each (ms after the one before, column)."""
    time, objects = 1000.0, [note(0, 1000)]
    for ms, column in steps:
        time += ms
        objects.append(note(column, time))
    found = findings_of(mania_patterns.run, Evidence(made(objects), level=level))
    return [(finding.rule, finding.severity.value) for finding in found]


def stream(count: int, ms: float) -> list[tuple[float, int]]:
    """Notes after the first, in columns in turn."""
    return [(ms, i % 4) for i in range(1, count)]


@pytest.mark.parametrize(
    ("level", "count", "ms", "severity"),
    [
        (Level.EASY, 5, 200, None),
        (Level.EASY, 6, 200, "minor"),
        (Level.EASY, 11, 200, "warning"),
        (Level.EASY, 2, 100, "warning"),
        (Level.NORMAL, 5, 100, None),
        (Level.NORMAL, 6, 100, "minor"),
        (Level.NORMAL, 2, 66, "warning"),
        (Level.NORMAL, 2, 80, None),
        (Level.HARD, 3, 50, None),
        (Level.HARD, 4, 50, "warning"),
        (Level.HARD, 40, 100, None),
        (Level.INSANE, 40, 50, None),
        (None, 40, 50, None),
    ],
)
def test_runs_by_level(level: Level | None, count: int, ms: float, severity: str | None):
    expected = [] if severity is None else [("rhythm/run-for-level", severity)]
    assert patterns(level, *stream(count, ms)) == expected


def test_runs_of_a_map_are_one_finding_that_lists_the_places() -> None:
    objects = [note(i % 4, start + 100 * i) for start in (1000, 5000, 9000) for i in range(3)]
    (found,) = findings_of(mania_patterns.run, Evidence(made(objects), level=Level.EASY))
    assert "the same at 2 more places: 00:05:000, 00:09:000" in found.message
    fast = [
        note(i % 4, 1000 + 100 * i) for i in range(12)
    ]  # too long for a run on 1/2 as well, which is the same mistake
    assert len(list(findings_of(mania_patterns.run, Evidence(made(fast), level=Level.EASY)))) == 1


def test_notes_a_little_off_are_one_chord():
    assert patterns(Level.EASY, (5, 1), (400, 2)) == []


def test_jacks_and_trills():
    assert patterns(Level.NORMAL, (100, 0)) == [("rhythm/jack-for-level", "warning")]
    assert patterns(Level.NORMAL, (100, 1), (100, 0)) == [] == patterns(Level.NORMAL, (200, 0))
    assert patterns(Level.HARD, (100, 0)) == []
    trill = [(100, i % 2) for i in range(1, 10)]
    assert patterns(Level.HARD, *trill) == [("rhythm/jack-for-level", "warning")]
    assert patterns(Level.HARD, *trill[:-1]) == []
    assert patterns(Level.HARD, *trill[:6], (100, 3), *trill[:6]) == []


def releases(*apart: float, even: int = 12) -> list[Finding]:
    ends = [0.0] * even + list(apart)
    objects = [
        line
        for place, late in enumerate(ends)
        for line in (
            hold(0, 1000 + place * 1000, 1800 + place * 1000),
            hold(1, 1000 + place * 1000, 1800 + place * 1000 + late),
        )
    ]
    return findings_of(holds.run, Evidence(made(objects)))


def test_hold_notes_released_just_apart():
    (finding,) = releases(40)
    assert finding.rule == holds.UNEVEN_RELEASE.id and finding.severity == "warning"
    assert releases(1) == [] == releases(100) == releases(40, even=9)
    assert releases(40, 40, 40, even=60) == []


# ---------------------------------------------------------------------------------------------------------------------
# Samples


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


def set_of(folder: Path, *versions: Sequence[str], events: Sequence[str] = ()) -> list[Finding]:
    for number, objects in enumerate(versions):
        content = text(
            objects,
            [LINE],
            mode=3,
            circle_size=4,
            metadata={"Version": f"V{number}"},
            events=events if number == 0 else (),
        )
        (folder / f"{number}.osu").write_text(content, encoding="utf-8")
    (whole,) = mapset.load(folder)
    return findings_of_set(mania_agreement.CHECK, MapsetEvidence(whole, [Evidence(one) for one in whole.beatmaps]))


FULL = [note(i % 4, 1000 + i * 400, sound=8 if i % 2 else 0) for i in range(20)]


def without(*places: int) -> list[str]:
    return [note(i % 4, 1000 + i * 400, sound=8 if i % 2 and i not in places else 0) for i in range(20)]


def test_a_sample_that_one_difficulty_lacks(tmp_path: Path):
    (finding,) = set_of(tmp_path, without(3), FULL, FULL)
    assert finding.rule == mania_agreement.MISSING.id and finding.severity == "warning" and finding.time == 2200


def test_samples_that_it_lacks_at_several_places_are_one_finding(tmp_path: Path):
    (finding,) = set_of(tmp_path, without(3, 7), FULL, FULL)
    assert "this difficulty does not; the same at 1 more place: 00:03:800." in finding.message
    assert finding.severity == "warning" and finding.evidence["objects_alike"] == [7]


def test_with_one_other_difficulty_it_is_a_minor(tmp_path: Path):
    assert [f.severity for f in set_of(tmp_path, without(3), FULL)] == ["minor"]


@pytest.mark.parametrize(
    ("first", "events"),
    [
        (FULL, ()),
        (without(3), ('Sample,2200,0,"soft-hitclap.wav",70',)),
        ([*without(3)[:3], note(3, 2200, sound=4), *without(3)[4:]], ()),
        (without(*range(20)), ()),
    ],
    ids=["the same", "in the storyboard", "no note is free", "hitsounds of its own"],
)
def test_difficulties_that_agree(tmp_path: Path, first: Sequence[str], events: Sequence[str]):
    assert set_of(tmp_path, first, FULL, FULL, events=events) == []

"""Numbers of keys, shares of columns and sizes of chords."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.mania import keys as mania_keys
from tests.findings import findings_of
from tests.mania import made, note
from tests.maps import beatmap


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

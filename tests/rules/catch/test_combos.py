"""Combos of catch by level."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.catch import combos as catch_combos
from maimod.rules.evidence import Evidence
from tests.catch import fruit
from tests.findings import findings_of
from tests.maps import beatmap


def combo(count: int, level: Level) -> list[Finding]:
    objects = [fruit(100, 1000 + i * 500, new_combo=i in (0, count)) for i in range(count + 2)]
    return findings_of(catch_combos.run, Evidence(beatmap(objects, mode=2), level=level))


@pytest.mark.parametrize(
    ("count", "level", "severity"),
    [
        (8, Level.EASY, None),
        (9, Level.EASY, "minor"),
        (13, Level.EASY, "warning"),
        (10, Level.NORMAL, None),
        (13, Level.HARD, "minor"),
        (16, Level.EXPERT, None),
        (30, Level.EXPERT, "minor"),  # the criteria give no number
    ],
)
def test_long_combos(count: int, level: Level, severity: str | None):
    assert [f.severity for f in combo(count, level)] == ([] if severity is None else [severity])


def test_what_no_criterion_limits_is_said_so():
    (limited,), (unlimited,) = combo(11, Level.NORMAL), combo(17, Level.EXPERT)
    assert (
        "17 fruits; more than 16 are many in " in unlimited.message
        and "the criteria give no number." in unlimited.message
    )
    assert "a Salad should have at most 10." in limited.message


def test_ends_of_sliders_count_and_drops_do_not():
    sliders = [f"100,192,{1000 + i * 1500},2,0,L|400:192,1,280" for i in range(5)]
    (finding,) = findings_of(catch_combos.run, Evidence(beatmap(sliders, mode=2), level=Level.EASY))
    assert finding.actual == "10 fruits"


def test_a_slider_that_is_a_combo_has_no_place_for_another():
    objects = [fruit(100, 1000), "100,192,2000,6,0,L|130:192,20,30", fruit(100, 8000, new_combo=True)]
    assert findings_of(catch_combos.run, Evidence(beatmap(objects, mode=2), level=Level.EASY)) == []

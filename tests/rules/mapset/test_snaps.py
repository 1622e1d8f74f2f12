"""Passages on a divisor that the other difficulties do not have."""

from __future__ import annotations

from maimod.rules.mapset import snaps as set_snaps
from tests.mapset import BEAT_MS, FIRST_MS, Version
from tests.sets import found, rules


def test_a_passage_on_thirds_where_others_have_quarters(tmp_path):
    def passage(step: float, count: int = 24, start: int = 16) -> list[str]:
        times = [int(FIRST_MS + start * BEAT_MS + place * BEAT_MS * step) for place in range(count)]
        return [f"256,192,{time},1,0,0:0:0:0:" for time in times]

    def halves(start: int, end: int) -> list[str]:
        return [f"256,192,{FIRST_MS + half * BEAT_MS // 2},1,0,0:0:0:0:" for half in range(start, end)]

    plan = {"A": 1 / 3, "B": 1 / 4, "C": 1 / 4, "D": 1 / 2}
    given = {name: Version(name, [*halves(0, 30), *passage(step)]) for name, step in plan.items()}
    (finding,) = found(tmp_path, set_snaps.CHECK, given)
    assert rules([finding]) == [("mapset/snaps-differ", "warning")]
    assert "[B] and [C] have quarters" in finding.message and finding.time == FIRST_MS + 16 * BEAT_MS + 133

    again = {
        name: Version(name, [*halves(0, 30), *passage(step), *halves(60, 80), *passage(step, start=40)])
        for name, step in plan.items()
    }
    twice = tmp_path / "twice"
    twice.mkdir()
    (finding,) = found(twice, set_snaps.CHECK, again)
    assert rules([finding]) == [("mapset/snaps-differ", "minor")] and finding.evidence["passages"] == 2
    assert "[B] and [C] have quarters; the same in 1 more passage: 00:18:133." in finding.message

    others = tmp_path / "others"
    others.mkdir()
    del given["C"], given["A"]
    assert found(others, set_snaps.CHECK, given) == []

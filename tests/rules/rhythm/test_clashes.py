"""Objects too close or too short: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm import clashes
from tests.findings import findings_of
from tests.maps import beatmap


def circle(time: float, x: int = 100) -> str:
    return f"{x},192,{time},1,0,0:0:0:0:"


def slider(time: float, length: float = 140, slides: int = 1) -> str:
    """140 px take 500 ms."""
    return f"100,192,{time},2,0,L|{100 + length}:192,{slides},{length}"


def spinner(time: float, end: float) -> str:
    return f"256,192,{time},12,0,{end},0:0:0:0:"


def hold(time: float, end: float, x: int = 100) -> str:
    return f"{x},192,{time},128,0,{end}:0:0:0:0:"


def found(objects: Sequence[str], mode: int = 0, level: Level | None = None, **difficulty: float) -> list[Finding]:
    return findings_of(clashes.run, Evidence(beatmap(objects, mode=mode, **difficulty), level=level))


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([circle(1000), circle(1000)], ["rhythm/concurrent"]),
        ([slider(1000), circle(1300)], ["rhythm/concurrent"]),
        ([spinner(1000, 3000), circle(2000), circle(2500)], ["rhythm/concurrent", "rhythm/concurrent"]),
        ([slider(1000), circle(1499.6)], ["rhythm/too-close"]),  # ends are not rounded: not at once, but too close
        ([circle(1000), circle(1008)], ["rhythm/too-close"]),
        ([circle(1000), circle(1010)], []),
        ([slider(1000), circle(1515)], ["rhythm/too-close"]),
        ([slider(1000), circle(1520)], []),
    ],
)
def test_objects_at_once_or_nearly_so(objects: list[str], expected: list[str]):
    assert rules(found(objects)) == expected


def test_message_names_both_objects():
    (finding,) = found([slider(1000), circle(1300)])
    assert finding.message == "This circle starts 200 ms before the end of the slider before it."
    assert finding.objects == (0, 1) and finding.score == 0.95


def test_message_names_two_of_a_kind_as_such():
    (finding,) = found([circle(1000), circle(1000)])
    assert finding.message == "Two circles start at the same time."


def test_columns_of_mania_are_looked_at_elsewhere():
    assert found([hold(1000, 2000), circle(1500), circle(1505)], mode=3) == []


def test_catch_may_have_close_objects():
    assert found([circle(1000), circle(1005)], mode=2) == []
    assert rules(found([circle(1000), circle(1000)], mode=2)) == ["rhythm/concurrent"]


def test_many_are_one_finding():
    (finding,) = found([circle(1000 + 500 * (i // 2)) for i in range(40)])
    assert "; the same at 19 more places: 00:01:500, 00:02:000" in finding.message and finding.end_time == 10_500


def test_a_place_with_several_objects_is_named_once():
    (finding,) = found([circle(time) for time in (1000, 1000, 1000, *(1500 + 500 * (i // 3) for i in range(24)))])
    assert "the same at 8 more places: 00:01:500, 00:02:000, 00:02:500" in finding.message


def test_objects_without_length():
    assert rules(found([spinner(1000, 1000)])) == ["rhythm/zero-length"]
    assert rules(found([hold(1000, 900)], mode=3)) == ["rhythm/zero-length"]
    assert rules(found([hold(1000, 1020)], mode=3)) == ["rhythm/short-hold"]
    assert found([hold(1000, 1040)], mode=3) == []


@pytest.mark.parametrize(
    ("duration", "level", "severity"),
    [
        (400, None, "problem"),
        (480, None, "warning"),
        (520, None, None),
        (700, Level.NORMAL, "warning"),
        (700, Level.HARD, None),
    ],
)
def test_short_spinners(duration: float, level: Level | None, severity: str | None):
    findings = found([spinner(1000, 1000 + duration)], level=level)
    assert [finding.severity for finding in findings] == ([] if severity is None else [severity])


@pytest.mark.parametrize(
    ("level", "expected"), [(Level.NORMAL, ["rhythm/spinner-recovery"]), (Level.HARD, []), (None, [])]
)
def test_recovery_depends_on_the_level(level: Level | None, expected: list[str]):
    assert rules(found([spinner(1000, 3000), circle(3400)], level=level)) == expected


def test_recovery_from_spinner_to_spinner_is_a_minor():
    """The cursor has nothing to find."""
    after = [spinner(1000, 3000), spinner(3200, 6000)]
    assert [(one.rule, one.severity) for one in found(after, level=Level.EASY)] == [
        ("rhythm/spinner-recovery", "minor")
    ]
    assert [one.severity for one in found([after[0], circle(3200)], level=Level.EASY)] == ["warning"]


def test_short_sliders_of_an_easy():
    assert rules(found([slider(1000, 28)], level=Level.EASY)) == ["rhythm/short-slider"]
    assert found([slider(1000, 28)], level=Level.NORMAL) == []


def test_banana_showers_need_room():
    objects = [circle(1000), spinner(1100, 3000), circle(3200)]
    assert [finding.actual for finding in found(objects, mode=2, level=Level.EASY)] == ["100 ms", "200 ms"]
    assert found(objects, mode=2, level=Level.EXPERT) == [] == found(objects, mode=2)


def test_a_spinner_may_start_just_after_a_circle():
    assert found([circle(1000), spinner(1005, 3000)]) == []
    assert rules(found([slider(1000), spinner(1505, 3000)])) == ["rhythm/too-close"]


@pytest.mark.parametrize(
    ("duration_beats", "slides", "level", "count"),
    [(0.6, 3, Level.EASY, 1), (0.7, 3, Level.EASY, 0), (0.6, 2, Level.EASY, 0), (0.3, 3, Level.NORMAL, 1)],
)
def test_short_sliders_with_many_repeats(duration_beats: float, slides: int, level: Level, count: int):
    length = 140 * duration_beats / slides
    objects = [f"100,100,1000,2,0,L|{100 + length}:100,{slides},{length}"]
    findings = found(objects, level=level)
    assert [f.message for f in findings if "repeats" in f.message] == [f.message for f in findings][:count]

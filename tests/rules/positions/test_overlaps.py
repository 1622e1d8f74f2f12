"""Objects that hide others: hits, near misses, levels."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.positions import overlaps
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import circle


def found(objects: list[str], level: Level | None, **settings: object) -> list[Finding]:
    return findings_of(overlaps.run, Evidence(beatmap(objects, **settings), level=level))


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings]


@pytest.mark.parametrize(
    ("gap", "distance", "level", "severities"),
    [
        (500, 0, Level.EASY, ["warning"]),
        (500, 55, Level.EASY, ["warning"]),
        (500, 70, Level.EASY, []),  # distance snap: they touch
        (520, 0, Level.EASY, []),
        (150, 20, Level.EASY, []),
        (500, 0, Level.NORMAL, []),
        (500, 0, None, []),
    ],
)
def test_overlaps_in_an_easy(gap: int, distance: int, level: Level | None, severities: list[str]):
    objects = [circle(100, 100, 1000), circle(100 + distance, 100, 1000 + gap)]
    assert [f.severity for f in found(objects, level) if f.rule == "positions/overlap"] == severities


def test_overlaps_throughout_are_a_style():
    objects = [circle(100, 100 + 10 * number, 1000 + 500 * number) for number in range(6)]
    (finding,) = found(objects, Level.EASY)
    assert rules([finding]) == [("positions/overlap", "minor")] and "4 more places" in finding.message


def test_overlaps_at_the_distance_snap_are_a_style():
    beats = (0, 2, 4, 6, 8, 9, 11, 13, 15, 16, 18)  # 50 px a beat
    objects = [circle(60 + (50 * beat if beat < 9 else 50 * (18 - beat)), 100, 1000 + 500 * beat) for beat in beats]
    (finding,) = found(objects, Level.EASY)
    assert rules([finding]) == [("positions/overlap", "minor")]
    assert (
        "as the distance snap of this map wants it, and circles are 73 px wide; the same at 1 more place"
        in finding.message
    )
    closer = [*objects[:-1], circle(150, 100, 1000 + 500 * 17)]
    findings = found(closer, Level.EASY)
    assert [f.severity for f in findings] == ["minor", "warning"] and "distance snap" not in findings[1].message


SLIDER = "100,192,2000,2,0,L|240:192,2,140"
"""Its arrow, at x 240, is reached a beat after its head."""


@pytest.mark.parametrize(
    ("before", "level", "count"),
    [
        (circle(240, 192, 1750), Level.HARD, 1),
        (circle(250, 192, 1600), Level.HARD, 1),
        (circle(265, 192, 1750), Level.HARD, 0),  # beside it
        (circle(240, 192, 1450), Level.HARD, 0),  # more than two beats before
        (circle(240, 192, 1501), Level.HARD, 0),  # two beats, but for a ms
        (circle(240, 192, 1504), Level.HARD, 1),
        (circle(240, 192, 1450), Level.EASY, 1),
        (circle(240, 192, 1750), Level.INSANE, 0),
        (circle(240, 192, 1750), Level.EXPERT, 0),
        ("100,100,1000,2,0,L|240:192,1,168", Level.EASY, 1),
    ],
)
def test_covered_reverse_arrows(before: str, level: Level, count: int):
    findings = found([before, SLIDER], level)
    assert [f.rule for f in findings if f.rule == "positions/hidden-repeat"] == ["positions/hidden-repeat"] * count


def test_objects_after_the_slider_lie_under_it():
    findings = found([SLIDER, circle(240, 192, 3500)], Level.EASY)
    assert "positions/hidden-repeat" not in [f.rule for f in findings]


@pytest.mark.parametrize(("gap", "found_at"), [(100, 0), (125, 1), (128, 0)])
def test_stacks_that_hard_rock_leaves_unstacked(gap: int, found_at: int):
    # Stacked within 750 ms times 0.168, under Hard Rock (AR 10) within 450 ms times that.
    objects = [circle(100, 100, 1000), circle(100, 100, 1000 + gap)]
    general = {"StackLeniency": "0.168" if gap > 100 else "0.3"}
    assert len(found(objects, Level.INSANE, approach_rate=8, general=general)) == found_at

"""Hidden objects and unreadable sliders: hits, near misses, levels."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.positions import overlaps, readability
from maimod.rules.rhythm import clashes
from maimod.rules.sliders import reading as slider_reading
from tests.findings import findings_of
from tests.maps import beatmap


def circle(x: float, y: float, time: float) -> str:
    return f"{x},{y},{time},1,0,0:0:0:0:"


def found(module, objects: list[str], level: Level | None, mode: int = 0, **settings: object) -> list[Finding]:
    return findings_of(module.run, Evidence(beatmap(objects, mode=mode, **settings), level=level))


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
    assert [f.severity for f in found(overlaps, objects, level) if f.rule == "positions/overlap"] == severities


def test_overlaps_throughout_are_a_style():
    objects = [circle(100, 100 + 10 * number, 1000 + 500 * number) for number in range(6)]
    (finding,) = found(overlaps, objects, Level.EASY)
    assert rules([finding]) == [("positions/overlap", "minor")] and "4 more places" in finding.message


def test_overlaps_at_the_distance_snap_are_a_style():
    beats = (0, 2, 4, 6, 8, 9, 11, 13, 15, 16, 18)  # 50 px a beat
    objects = [circle(60 + (50 * beat if beat < 9 else 50 * (18 - beat)), 100, 1000 + 500 * beat) for beat in beats]
    (finding,) = found(overlaps, objects, Level.EASY)
    assert rules([finding]) == [("positions/overlap", "minor")]
    assert (
        "as the distance snap of this map wants it, and circles are 73 px wide; the same at 1 more place"
        in finding.message
    )
    closer = [*objects[:-1], circle(150, 100, 1000 + 500 * 17)]
    findings = found(overlaps, closer, Level.EASY)
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
    findings = found(overlaps, [before, SLIDER], level)
    assert [f.rule for f in findings if f.rule == "positions/hidden-repeat"] == ["positions/hidden-repeat"] * count


def test_objects_after_the_slider_lie_under_it():
    findings = found(overlaps, [SLIDER, circle(240, 192, 3500)], Level.EASY)
    assert "positions/hidden-repeat" not in [f.rule for f in findings]


@pytest.mark.parametrize(("gap", "found_at"), [(100, 0), (125, 1), (128, 0)])
def test_stacks_that_hard_rock_leaves_unstacked(gap: int, found_at: int):
    # Stacked within 750 ms times 0.168, under Hard Rock (AR 10) within 450 ms times that.
    objects = [circle(100, 100, 1000), circle(100, 100, 1000 + gap)]
    general = {"StackLeniency": "0.168" if gap > 100 else "0.3"}
    assert len(found(overlaps, objects, Level.INSANE, approach_rate=8, general=general)) == found_at


def test_unstacked_overlaps_by_level():
    objects = [circle(100, 100, 1000), circle(100, 100, 1250)]
    general = {"StackLeniency": "0.2"}
    for level, count in ((Level.HARD, 1), (Level.INSANE, 0), (None, 0)):
        findings = found(readability, objects, level, approach_rate=8, general=general)
        assert [f.rule for f in findings] == ["positions/unstacked"] * count


@pytest.mark.parametrize(
    ("duration_beats", "slides", "level", "count"),
    [(0.6, 3, Level.EASY, 1), (0.7, 3, Level.EASY, 0), (0.6, 2, Level.EASY, 0), (0.3, 3, Level.NORMAL, 1)],
)
def test_short_sliders_with_many_repeats(duration_beats: float, slides: int, level: Level, count: int):
    length = 140 * duration_beats / slides
    objects = [f"100,100,1000,2,0,L|{100 + length}:100,{slides},{length}"]
    findings = found(clashes, objects, level)
    assert [f.message for f in findings if "repeats" in f.message] == [f.message for f in findings][:count]


BACK = "100,100,1000,2,0,B|300:100|300:100|100:101,1,390"
LOOP = "100,100,1000,2,0,B|300:100|300:100|300:250|300:250|100:100,1,600"
CORNER = "100,100,1000,2,0,B|300:100|300:250|100:100|100:100|100:300,1,640"


@pytest.mark.parametrize(
    ("slider", "rule"),
    [
        (BACK, "sliders/shape-runs-back"),
        (LOOP, "sliders/shape-ambiguous"),
        (CORNER, "sliders/shape-ambiguous"),
        ("100,100,1000,2,0,L|300:100,1,200", None),
        ("100,100,1000,2,0,P|200:200|300:100,1,310", None),
        ("100,100,1000,2,0,B|100:100|300:100|300:100,1,200", None),  # ends listed twice
        ("100,100,1000,2,0,B|150:100|150:100|100:101,1,95", None),  # under the follow circle
        ("100,100,1000,2,0,B|300:100|300:100|300:250,1,350", None),  # a corner
    ],
)
def test_paths_that_cannot_be_read(slider: str, rule: str | None):
    assert rules(found(slider_reading, [slider], Level.HARD)) == ([(rule, "warning")] if rule else [])
    assert rules(found(slider_reading, [slider], Level.EXPERT)) == ([(rule, "minor")] if rule else [])
    assert found(slider_reading, [slider], Level.HARD, mode=2) == []


@pytest.mark.parametrize(
    ("count", "gap", "level", "hit"),
    [
        (8, 1000, Level.EASY, True),
        (8, 1000, Level.NORMAL, True),
        (6, 1000, Level.EASY, False),
        (8, 600, Level.EASY, False),  # five seconds in all
        (8, 1500, Level.EASY, False),  # a pause of two beats after each
        (8, 1000, Level.HARD, False),
    ],
)
def test_sliders_without_a_circle(count: int, gap: int, level: Level, hit: bool):
    sliders = [f"100,192,{1000 + gap * i},2,0,L|240:192,1,180" for i in range(count)]  # 643 ms
    objects = [circle(100, 192, 0), *sliders, circle(100, 192, 1000 + gap * (count + 1))]
    findings = [finding for finding in found(slider_reading, objects, level) if finding.rule == "sliders/only-sliders"]
    assert rules(findings) == [("sliders/only-sliders", "minor")] * hit

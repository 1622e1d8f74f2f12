"""Spacing, leaps and broken stacks: a hit, a near miss, a clean map and a blind spot for each rule."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.positions import spacing
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import LOOP, N, circle, square


def find(loaded: Beatmap, rule: str) -> list[Finding]:
    return [finding for finding in findings_of(spacing.run, Evidence(loaded)) if finding.rule == rule]


def uneven(loaded: Beatmap, level: Level | None = Level.EASY) -> list[Finding]:
    found = findings_of(spacing.run, Evidence(loaded, level=level))
    return [finding for finding in found if finding.rule == "positions/spacing"]


def test_displaced_object_breaks_an_even_spacing_once() -> None:
    (finding,) = uneven(square({10: (240, 240)}))
    assert finding.objects == (10,) and finding.evidence["uneven_steps"] == ["before", "next"]
    assert finding.expected[0].text == "100 px"
    assert finding.severity is not Severity.MINOR
    assert finding.message.startswith("This circle is 146 px from the object before, where ")
    assert " other gaps of 1 beat have 100 px, and 146 px from the next one, where " in finding.message


@pytest.mark.parametrize(
    ("level", "version", "count"),
    [(Level.NORMAL, "", 1), (Level.HARD, "", 0), (Level.HARD, "Someone's Advanced", 1), (None, "", 0)],
)
def test_distances_follow_the_music_from_hard_on(level: Level | None, version: str, count: int) -> None:
    assert len(uneven(square({10: (240, 240)}, version=version), level)) == count


def test_a_few_pixels_are_seen_where_all_others_are_exact() -> None:
    few = square({10: (206, 204)})
    (one,) = [c for c in spacing.run(Evidence(few, level=Level.EASY)) if c.rule is spacing.SPACING]
    assert one.objects[0].index == 10 and one.measure is not None and 5 < one.measure < spacing.SPACING_CURVE.middle
    assert uneven(few) == []  # the judge may know more
    assert list(spacing.spacing(Evidence(square({10: (201, 200)}), level=Level.EASY), [])) == []


def test_a_deviation_is_measured_against_the_spread_of_the_map() -> None:
    """The same 12 px, in a map that keeps its distance exactly and in one whose distances vary by some px."""
    varied = {i: (LOOP[i % 4][0] + 3 * (i % 5) - 6, LOOP[i % 4][1]) for i in range(N) if i != 10}
    measures = [
        max(c.measure or 0 for c in spacing.run(Evidence(one, level=Level.EASY)) if c.rule is spacing.SPACING)
        for one in (square({10: (212, 200)}), square(varied | {10: (212, 200)}))
    ]
    assert measures[0] > 1.5 * measures[1] > 0


def test_at_most_one_a_minute_is_named() -> None:
    """40 beats of half a second are a third of a minute."""
    (finding,) = uneven(square({10: (220, 210), 30: (260, 250)}))
    assert finding.objects == (30,)


def test_even_map_is_silent() -> None:
    assert not findings_of(spacing.run, Evidence(square(), level=Level.EASY))


def test_a_distance_that_returns_at_the_same_gap_is_a_figure_of_its_own() -> None:
    rows = [100 + 60 * (i % 6) for i in range(60)]
    assert not uneven(beatmap([circle(x, 100, 1000 + 500 * i) for i, x in enumerate(rows)]))
    there_and_back = [100 + 60 * (i % 12 if i % 12 < 6 else 11 - i % 12) for i in range(60)]
    there_and_back[31] = 500
    assert len(uneven(beatmap([circle(x, 100, 1000 + 500 * i) for i, x in enumerate(there_and_back)]))) == 1


def test_varied_spacing_is_style() -> None:
    """Blind spot: if distances vary, a displaced object is not found without a model."""
    changed = {i: (100 + 37 * i % 300, 100 + 53 * i % 200) for i in range(0, N, 3)}
    assert not uneven(square(changed))


def test_even_spacing_of_sliders_is_compared_too() -> None:
    """A beat between the tail and the next head; around a displaced slider fewer steps agree."""
    places = [((100, 200, 300, 400, 300, 200)[i % 6], 50 if i % 6 < 3 else -50) for i in range(36)]
    objects = [
        f"{x},{292 if i == 26 else 192},{1000 * i},2,0,L|{x + way}:{292 if i == 26 else 192},1,50"
        for i, (x, way) in enumerate(places)
    ]
    assert uneven(beatmap(objects, slider_multiplier=0.5))


def stacks(offsets: Mapping[int, tuple[int, int]]) -> Beatmap:
    """Pairs of circles, exact but for `offsets` by pair."""
    lines = []
    for i in range(20):
        x, y = LOOP[i % 4]
        dx, dy = offsets.get(i, (0, 0))
        lines += [circle(x, y, 1000 * i), circle(x + dx, y + dy, 1000 * i + 250)]
    return beatmap(lines)


def test_broken_stack_among_exact_ones() -> None:
    (finding,) = find(stacks({7: (4, 0)}), "positions/near-overlap")
    assert (finding.objects, finding.actual, finding.expected[0].text) == ((15,), "x 104, y 200", "x 100, y 200")
    assert finding.severity is Severity.WARNING


def test_stack_that_the_game_makes_itself_is_minor() -> None:
    (finding,) = find(stacks({7: (1, 0)}), "positions/near-overlap")
    assert finding.severity is Severity.MINOR


def test_exact_stacks_and_overlaps_are_silent() -> None:
    assert not find(stacks({7: (12, 0)}), "positions/near-overlap")


def test_repeated_offset_is_style() -> None:
    assert not find(stacks({3: (4, 4), 7: (4, 4), 9: (4, 4)}), "positions/near-overlap")


@pytest.mark.parametrize(("x", "time", "count"), [(450, 1200, 1), (230, 1200, 0), (450, 1400, 0)])
def test_leap_out_of_a_stream(x: float, time: float, count: int) -> None:
    """Circles have 36 px of radius; 15 px every 100 ms, then a leap, after 200 ms one of another rhythm."""
    stream = [circle(100 + 15 * i, 100, 100 * i) for i in range(12)]
    found = find(beatmap([*stream, circle(x, 100, time)]), "positions/spacing-leap")
    assert [finding.severity for finding in found] == [Severity.MINOR] * count


def test_leaps_that_a_map_repeats_are_its_style() -> None:
    stream = [circle(100 + 250 * (i // 4 % 2) + 10 * (i % 4), 100, 100 * i) for i in range(40)]
    assert find(beatmap(stream), "positions/spacing-leap") == []

"""Positions: a hit, a near miss, a clean map and a blind spot for each rule."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from maimod.events.schema import Event, EventKind, EventSchema, EventScore
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import Level
from maimod.rules import positions
from maimod.rules.base import Evidence
from tests.findings import findings_of
from tests.maps import beatmap

N = 40
LOOP = [(100, 100), (200, 100), (200, 200), (100, 200)]
"""A square: every step has 100 px."""


def circle(x: float, y: float, time: float) -> str:
    return f"{x:g},{y:g},{time:g},1,0,0:0:0:0:"


def square(
    changed: Mapping[int, tuple[float, float]] | None = None, *, version: str = "", **difficulty: float
) -> Beatmap:
    places = [(changed or {}).get(i, LOOP[i % 4]) for i in range(N)]
    return beatmap(
        [circle(x, y, 500 * i) for i, (x, y) in enumerate(places)], metadata={"Version": version}, **difficulty
    )


def find(
    loaded: Beatmap, rule: str, scores: tuple[EventScore, ...] | None = None, schema: EventSchema | None = None
) -> list[Finding]:
    evidence = Evidence(loaded, scores, schema=schema)
    return [finding for finding in findings_of(positions.run, evidence) if finding.rule == rule]


def scored(
    loaded: Beatmap, bits: Mapping[tuple[int, EventKind], float], kinds: tuple[EventKind, ...]
) -> tuple[EventScore, ...]:
    """A score of 1 bit for each kind of event of every object, or the value of `bits` for (object, kind)."""
    scores = []
    for o in loaded.hit_objects:
        for kind in (*kinds, EventKind.CIRCLE):
            event = Event(kind, 5, int(o.time), o.index, o)
            own = bits.get((o.index, kind), 1.0)
            scores.append(EventScore(event, own, 4.0, ((Event(kind, 12, int(o.time), o.index, None), 0.6),), 2.0**-own))
    return tuple(scores)


PLACE = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)


def spacing(loaded: Beatmap, level: Level | None = Level.EASY) -> list[Finding]:
    found = findings_of(positions.run, Evidence(loaded, level=level))
    return [finding for finding in found if finding.rule == "positions/spacing"]


def test_displaced_object_breaks_an_even_spacing_once() -> None:
    (finding,) = spacing(square({10: (240, 240)}))
    assert finding.objects == (10,)
    assert finding.expected[0].text == "100 px"
    assert finding.severity is not Severity.MINOR
    assert finding.message.startswith("This circle is 146 px from the object before, where ")
    assert " other gaps of 1 beat have 100 px, and 146 px to the next, where " in finding.message


@pytest.mark.parametrize(
    ("level", "version", "count"),
    [(Level.NORMAL, "", 1), (Level.HARD, "", 0), (Level.HARD, "Someone's Advanced", 1), (None, "", 0)],
)
def test_distances_follow_the_music_from_hard_on(level: Level | None, version: str, count: int) -> None:
    assert len(spacing(square({10: (240, 240)}, version=version), level)) == count


def test_a_few_pixels_are_seen_where_all_others_are_exact() -> None:
    few = square({10: (206, 204)})
    (one,) = [c for c in positions.run(Evidence(few, level=Level.EASY)) if c.rule is positions.SPACING]
    assert one.objects[0].index == 10 and one.measure is not None and 5 < one.measure < positions.SPACING_CURVE.middle
    assert spacing(few) == []  # the judge may know more
    assert list(positions.spacing(Evidence(square({10: (201, 200)}), level=Level.EASY), [])) == []


def test_a_deviation_is_measured_against_the_spread_of_the_map() -> None:
    """The same 12 px, in a map that keeps its distance exactly and in one whose distances vary by some px."""
    uneven = {i: (LOOP[i % 4][0] + 3 * (i % 5) - 6, LOOP[i % 4][1]) for i in range(N) if i != 10}
    measures = [
        max(c.measure or 0 for c in positions.run(Evidence(one, level=Level.EASY)) if c.rule is positions.SPACING)
        for one in (square({10: (212, 200)}), square(uneven | {10: (212, 200)}))
    ]
    assert measures[0] > 1.5 * measures[1] > 0


def test_at_most_one_a_minute_is_named() -> None:
    """40 beats of half a second are a third of a minute."""
    (finding,) = spacing(square({10: (220, 210), 30: (260, 250)}))
    assert finding.objects == (30,)


def test_even_map_is_silent() -> None:
    assert not findings_of(positions.run, Evidence(square(), level=Level.EASY))


def test_a_distance_that_returns_at_the_same_gap_is_a_figure_of_its_own() -> None:
    rows = [100 + 60 * (i % 6) for i in range(60)]
    assert not spacing(beatmap([circle(x, 100, 1000 + 500 * i) for i, x in enumerate(rows)]))
    there_and_back = [100 + 60 * (i % 12 if i % 12 < 6 else 11 - i % 12) for i in range(60)]
    there_and_back[31] = 500
    assert len(spacing(beatmap([circle(x, 100, 1000 + 500 * i) for i, x in enumerate(there_and_back)]))) == 1


def test_varied_spacing_is_style() -> None:
    """Blind spot: if distances vary, a displaced object is not found without a model."""
    changed = {i: (100 + 37 * i % 300, 100 + 53 * i % 200) for i in range(0, N, 3)}
    assert not spacing(square(changed))


def test_offscreen_circle_depends_on_its_size() -> None:
    place = {10: (536.0, 100.0)}
    (finding,) = find(square(place, circle_size=2), "positions/offscreen")
    assert finding.severity is Severity.PROBLEM
    assert not find(square(place, circle_size=4), "positions/offscreen")


def test_a_part_of_a_pixel_is_not_called_none() -> None:
    assert [positions._pixels(distance) for distance in (0.4, 1.2)] == ["less than 1 px", "1 px"]


def test_offscreen_body_is_a_warning() -> None:
    loaded = beatmap(["100,300,1000,2,0,B|200:620|300:300,1,400"])
    (finding,) = find(loaded, "positions/offscreen")
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("The body")


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


def test_model_finds_an_unexpected_position_once() -> None:
    loaded = square({10: (400, 300)})
    scores = scored(loaded, {(10, EventKind.DISTANCE): 9, (10, EventKind.POS_X): 4, (11, EventKind.DISTANCE): 5}, PLACE)
    (finding,) = find(loaded, "positions/unexpected", scores)
    assert finding.objects == (10,)
    assert finding.surprisal == 9
    assert "px from the object before" in finding.actual


def test_usual_distances_are_not_given_as_reasons() -> None:
    """An object that is turned about the one before keeps that distance; one in the square keeps both."""
    loaded = square()
    usually = positions.UsualSteps(Evidence(loaded))
    assert usually.message(loaded.hit_objects[20]) == (
        "This circle is at x 100, y 100; the pattern of the objects before and after suggests another place."
    )
    paused = beatmap([circle(100, 100, 0), circle(300, 100, 500), circle(400, 300, 4500)])
    usually = positions.UsualSteps(Evidence(paused))
    assert usually.words(paused.hit_objects[1]) == "200 px from the object before (1 beat)"
    loaded = square({9: (200, 190), 10: (200, 290)})
    usually = positions.UsualSteps(Evidence(loaded))
    assert usually.words(loaded.hit_objects[10]) == "135 px from the next (1 beat, usually 100 px)"


def test_jump_in_a_map_full_of_jumps_is_silent() -> None:
    loaded = square()
    scores = scored(loaded, {(i, EventKind.DISTANCE): 9.0 for i in range(0, N, 4)}, PLACE)
    assert not find(loaded, "positions/unexpected", scores)


def test_cells_speak_of_places() -> None:
    loaded = square({10: (400, 300)})
    scores = scored(loaded, {(10, EventKind.POS): 14}, (EventKind.POS,))
    (finding,) = find(loaded, "positions/unexpected", scores, VERSIONS["V29"].schema)
    assert finding.actual == "x 400, y 300"
    assert finding.expected[0].text == "x 144, y -272"


@pytest.mark.parametrize("x", [1, 400])
def test_coordinates_are_in_the_unit_of_the_schema(x: int) -> None:
    """In units of 4 px cell 12 is 50 px, also for an object whose own coordinate would fit other units."""
    loaded = square({10: (x, 300)})
    scores = scored(loaded, {(10, EventKind.POS_X): 14}, (EventKind.POS_X,))
    (finding,) = find(loaded, "positions/unexpected", scores, VERSIONS["V31"].schema)
    assert (finding.actual, finding.expected[0].text) == (f"x {x}", "x 50")


def mania(*notes: tuple[int, float, float]) -> Beatmap:
    """Notes of (column, time, end) in four columns."""
    lines = [
        f"{64 + 128 * column},192,{time:g},{128 if end > time else 1},0,{f'{end:g}:' if end > time else ''}0:0:0:0:"
        for column, time, end in notes
    ]
    return beatmap(lines, mode=3)


def test_note_inside_a_hold_note_of_its_column() -> None:
    (finding,) = find(mania((0, 0, 1000), (1, 500, 500), (0, 800, 800)), "positions/column")
    assert (finding.objects, finding.severity) == ((2,), Severity.PROBLEM)


def test_notes_of_a_column_too_close_to_hit() -> None:
    assert find(mania((0, 0, 0), (0, 25, 25)), "positions/column")
    assert not find(mania((0, 0, 0), (0, 60, 60)), "positions/column")


def test_chord_is_silent() -> None:
    assert not findings_of(positions.run, Evidence(mania((0, 0, 0), (1, 0, 0), (2, 0, 1000), (3, 0, 0))))


def test_model_on_a_column_is_no_problem() -> None:
    loaded = mania(*((i % 4, 250.0 * i, 250.0 * i) for i in range(N)))
    (finding,) = find(
        loaded, "positions/unexpected-column", scored(loaded, {(9, EventKind.COLUMN): 14}, (EventKind.COLUMN,))
    )
    assert (finding.severity, finding.expected[0].text) == (Severity.WARNING, "column 13")


def test_taiko_has_no_positions() -> None:
    assert not findings_of(positions.run, Evidence(beatmap([circle(900, 900, 1000)], mode=1)))


def test_height_means_nothing_in_catch() -> None:
    lines = [circle(*LOOP[i % 4], 500 * i) for i in range(N)]
    loaded = beatmap(lines, mode=2)
    assert not find(loaded, "positions/unexpected", scored(loaded, {(10, EventKind.POS_Y): 15}, PLACE))
    assert find(loaded, "positions/unexpected", scored(loaded, {(10, EventKind.POS_X): 15}, PLACE))


def test_a_map_that_leaves_the_screen_again_and_again_is_one_finding() -> None:
    loaded = beatmap([f"{-80 if i % 2 else 300},100,{1000 + 500 * i},1,0" for i in range(24)])
    (finding,) = find(loaded, "positions/offscreen")
    assert len(finding.objects) == 12 and "12 objects" in finding.message and finding.time == 1500


@pytest.mark.parametrize(("x", "time", "count"), [(450, 1200, 1), (230, 1200, 0), (450, 1400, 0)])
def test_leap_out_of_a_stream(x: float, time: float, count: int) -> None:
    """Circles have 36 px of radius; 15 px every 100 ms, then a leap, after 200 ms one of another rhythm."""
    stream = [circle(100 + 15 * i, 100, 100 * i) for i in range(12)]
    found = find(beatmap([*stream, circle(x, 100, time)]), "positions/spacing-leap")
    assert [finding.severity for finding in found] == [Severity.MINOR] * count


def test_leaps_that_a_map_repeats_are_its_style() -> None:
    stream = [circle(100 + 250 * (i // 4 % 2) + 10 * (i % 4), 100, 100 * i) for i in range(40)]
    assert find(beatmap(stream), "positions/spacing-leap") == []


def test_even_spacing_of_sliders_is_compared_too() -> None:
    """A beat between the tail and the next head; around a displaced slider fewer steps agree."""
    places = [((100, 200, 300, 400, 300, 200)[i % 6], 50 if i % 6 < 3 else -50) for i in range(36)]
    objects = [
        f"{x},{292 if i == 26 else 192},{1000 * i},2,0,L|{x + way}:{292 if i == 26 else 192},1,50"
        for i, (x, way) in enumerate(places)
    ]
    assert spacing(beatmap(objects, slider_multiplier=0.5))

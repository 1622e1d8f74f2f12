"""Sliders: a hit, a near miss, a clean map and a blind spot for each rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity, Tier
from maimod.osu.beatmap import Beatmap
from maimod.rules import sliders
from maimod.rules.base import Evidence
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

N = 30
STRAIGHT = "L|240:100"
"""140 px, a beat at the default velocity."""


def lines(changed: Mapping[int, str] | None = None, path: str = STRAIGHT, length: float = 140) -> list[str]:
    """A slider every two beats, all equal except `changed` ones (path, slides, length)."""
    return [f"100,100,{1000 * i},2,0,{(changed or {}).get(i, f'{path},1,{length:g}')}" for i in range(N)]


def find(loaded: Beatmap, rule: str, scores: Sequence[EventScore] | None = None) -> list[Finding]:
    found = findings_of(sliders.run, Evidence(loaded, None if scores is None else tuple(scores)))
    return [finding for finding in found if finding.rule == rule]


def score_of(
    loaded: Beatmap,
    index: int,
    kind: EventKind,
    bits: float,
    value: int = 0,
    group: int = 0,
    expected: Sequence[tuple[int, float]] = (),
    part: int = 0,
) -> EventScore:
    o = loaded.hit_objects[index]
    offers = tuple((Event(kind, v, int(o.time), group, None), p) for v, p in expected)
    return EventScore(Event(kind, value, int(o.time), group, o, part), bits, 1.0, offers, 2.0**-bits)


def test_equal_sliders_are_silent() -> None:
    assert not findings_of(sliders.run, Evidence(beatmap(lines())))


def test_body_longer_than_its_curve() -> None:
    (finding,) = find(beatmap(lines({9: f"{STRAIGHT},1,210"})), "sliders/length")
    assert (finding.objects, finding.severity) == ((9,), Severity.MINOR)
    assert finding.actual == "210 px"


def test_body_much_shorter_than_its_curve() -> None:
    (finding,) = find(beatmap(lines({9: f"{STRAIGHT},1,50"})), "sliders/length")
    assert finding.objects == (9,)


def test_body_cut_at_the_last_tick_is_usual() -> None:
    assert not find(beatmap(lines({9: f"{STRAIGHT},1,105", 12: f"{STRAIGHT},1,144.5"})), "sliders/length")


def test_stretched_bodies_are_style() -> None:
    assert not find(beatmap(lines(dict.fromkeys(range(0, N, 5), f"{STRAIGHT},1,175"))), "sliders/length")


def test_slider_without_a_body() -> None:
    (finding,) = find(beatmap(lines({9: "L|100:100,1,140"})), "sliders/invisible")
    assert (finding.objects, finding.severity) == ((9,), Severity.PROBLEM)
    assert not find(beatmap(lines({9: "L|102:100,1,140"})), "sliders/invisible")


def test_green_line_just_after_the_head() -> None:
    points = [RED_LINE, "9003,-50,4,2,0,70,0,0"]
    (finding,) = find(beatmap(lines(), points), "sliders/late-line")
    assert (finding.objects, finding.severity, finding.line) == (
        (9,),
        Severity.WARNING,
        beatmap(lines(), points).timing_points[1].line,
    )
    assert (finding.actual, finding.expected[0].text) == ("1.00x", "2.00x")


def test_green_line_on_time_or_without_velocity_is_silent() -> None:
    assert not find(beatmap(lines(), [RED_LINE, "9000,-50,4,2,0,70,0,0"]), "sliders/late-line")
    assert not find(beatmap(lines(), [RED_LINE, "9003,-100,4,2,0,30,0,0"]), "sliders/late-line")


LONE = [RED_LINE, "9000,-133.33,4,2,0,70,0,0", "9900,-100,4,2,0,70,0,0"]


def test_velocity_of_one_slider_alone() -> None:
    loaded = beatmap(lines(), LONE)
    score = score_of(loaded, 9, EventKind.SCROLL_SPEED, 8.0, 75, expected=[(102, 0.8)])
    (finding,) = find(loaded, "sliders/velocity", [score])
    assert (finding.objects, finding.actual, finding.expected[0].text) == ((9,), "0.75x", "1.00x")


def test_velocity_that_the_model_expects_is_silent() -> None:
    loaded = beatmap(lines(), LONE)
    assert not find(loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 1.0, 75)])
    # Blind spot: without a model a single change is treated as an accent of the music.
    assert not find(loaded, "sliders/velocity")


@pytest.mark.parametrize(("expected", "count"), [(102, 0), (120, 1)])
def test_a_velocity_must_be_felt_to_be_another_one(expected: int, count: int) -> None:
    loaded = beatmap(lines(), [RED_LINE, "0,-102.0408,4,2,0,70,0,0"])
    score = score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 98, expected=[(expected, 0.8)])
    assert len(find(loaded, "sliders/velocity", [score])) == count


def test_a_usual_velocity_needs_another_that_would_fit() -> None:
    """Surprise alone is no reason: the model names nothing better, and most sliders have this velocity."""
    loaded = beatmap(lines())
    (named,) = find(
        loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 100, expected=[(150, 0.8)])]
    )
    assert (
        named.message == "This slider has 1.00x; 1.50x would follow the pattern."
    )  # that all others have it is no reason
    loaded = beatmap(lines(), [RED_LINE, "0,-50,4,2,0,70,0,0", "9000,-100,4,2,0,70,0,0"])
    (first,) = find(
        loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 100, expected=[(200, 0.8)])]
    )
    assert first.message.endswith("2.00x would follow the pattern (before it 2.00x, after it 1.00x).")
    loaded = beatmap(lines())
    assert not find(loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 100)])


def body(loaded: Beatmap, anchors: Mapping[int, float], tails: Mapping[int, float]) -> list[EventScore]:
    scores = []
    for i in range(N):
        group = 10 * i
        scores += [
            score_of(loaded, i, EventKind.POS_X, anchors.get(i, 2.0), 5, group, part=1),
            score_of(loaded, i, EventKind.LAST_ANCHOR, 0.1, 0, group),
            score_of(loaded, i, EventKind.POS_X, tails.get(i, 0.3), 5, group + 1),
            score_of(loaded, i, EventKind.SLIDER_END, 0.1, 0, group + 1),
        ]
    return scores


def test_model_is_surprised_by_a_body() -> None:
    loaded = beatmap(lines())
    (finding,) = find(loaded, "sliders/shape", body(loaded, {9: 9.0}, {9: 8.0}))
    assert (finding.objects, finding.surprisal) == ((9,), 9.0)


def test_bodies_that_all_surprise_are_style() -> None:
    loaded = beatmap(lines())
    assert not find(
        loaded, "sliders/shape", body(loaded, dict.fromkeys(range(0, N, 3), 9.0), dict.fromkeys(range(0, N, 3), 8.0))
    )


WAVE = "B|130:60|170:140|200:100"
MIRRORED = "B|130:140|170:60|200:100"


def test_copy_with_one_control_point_off() -> None:
    changed = {9: "B|130:60|190:170|200:100,1,70", 12: f"{MIRRORED},1,70"}
    (finding,) = find(beatmap(lines(changed, WAVE, 70)), "sliders/shape")
    assert (finding.objects, finding.actual) == ((9,), "control point 2 at x 190, y 170")
    assert "29 times" in finding.message


def test_other_shapes_are_no_copies() -> None:
    changed = {9: "B|110:160|190:170|200:100,1,70", 12: "B|131:61|170:140|200:100,1,70"}
    assert not find(beatmap(lines(changed, WAVE, 70)), "sliders/shape")


def test_far_too_many_control_points() -> None:
    points = "|".join(f"{100 + i % 20}:{100 + i % 7}" for i in range(1, 120))
    (finding,) = find(beatmap(lines({9: f"B|{points},1,10"})), "sliders/shape-control-points")
    assert "120 control points" in finding.message
    assert (finding.severity, finding.tier) == (Severity.WARNING, Tier.EXACT)


def ends(loaded: Beatmap, bits: float, slides: Sequence[tuple[int, float]]) -> list[EventScore]:
    o = loaded.hit_objects[9]
    expected = [(round(o.time + count * o.span_duration), p) for count, p in slides]
    return [
        score_of(loaded, 9, EventKind.TIME, bits, round(o.end_time), 5, expected),
        score_of(loaded, 9, EventKind.SLIDER_END, 0.1, 0, 5),
    ]


def test_unlikely_number_of_repeats() -> None:
    loaded = beatmap(lines({9: f"{STRAIGHT},2,140"}))
    (finding,) = find(loaded, "sliders/repeats", ends(loaded, 8.0, [(1, 0.9), (2, 0.05)]))
    assert (finding.actual, finding.expected[0].text) == ("1 repeat", "no repeats")
    assert not find(loaded, "sliders/repeats", ends(loaded, 1.0, [(2, 0.5), (1, 0.4)]))
    assert not find(loaded, "sliders/repeats", ends(loaded, 8.0, [(3, 0.1), (4, 0.1)]))


def row(turned: int | None) -> Beatmap:
    """Sliders to the right and back, 60 px from the tail of one to the head of the next."""
    objects = []
    for i in range(N):
        y = 30 + 60 * (i % 5)
        ends_of = ((100, y), (240, y)) if i % 2 == 0 else ((240, y), (100, y))
        (x, _), (tail, _) = ends_of[::-1] if i == turned else ends_of
        objects.append(f"{x},{y},{1000 * i},2,0,L|{tail}:{y},1,140")
    return beatmap(objects)


def test_reversed_slider() -> None:
    (finding,) = find(row(12), "sliders/reversed")
    assert finding.objects == (12,)
    assert finding.expected[0].text == "head at x 100, y 150"


def test_sliders_that_follow_each_other_are_silent() -> None:
    assert not find(row(None), "sliders/reversed")


def test_drum_rolls_have_no_shape() -> None:
    assert not findings_of(sliders.run, Evidence(beatmap(lines({9: "L|100:100,1,140"}), mode=1)))


def test_broken_fields_of_sliders_are_named() -> None:
    (finding,) = find(beatmap(lines({9: f"{STRAIGHT},1,-150"})), "sliders/invisible")
    assert "its length is -150 px" in finding.message and finding.severity is Severity.PROBLEM
    (finding,) = find(beatmap(lines({9: "L||,1,140"})), "sliders/invisible")
    assert "the game leaves it out" in finding.message and finding.time == 9000
    assert not find(beatmap(lines({9: f"{STRAIGHT},1,0"})), "sliders/invisible")  # as long as its path
    many = dict.fromkeys(range(12), f"{STRAIGHT},1,-1")
    (finding,) = find(beatmap(lines(many)), "sliders/invisible")
    assert finding.message.startswith("This slider is broken: its length is -1 px; the same at 11 more places: 00:")

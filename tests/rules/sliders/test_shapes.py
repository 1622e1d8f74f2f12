"""Shapes of sliders: surprises of the model, copies with one control point off, scribbles."""

from __future__ import annotations

from collections.abc import Mapping

from maimod.events.schema import EventKind, EventScore
from maimod.findings import Severity, Tier
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap
from tests.sliders import N, find, lines, score_of


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


def test_the_last_control_point_is_no_bend() -> None:
    scores = body(beatmap(lines()), {9: 9.0}, {9: 8.0})
    (straight,) = find(beatmap(lines({9: "L|240:100,1,140"})), "sliders/shape", scores)
    assert straight.message.startswith("This slider runs to its last control point (x 240, y 100) unlike")
    (bent,) = find(beatmap(lines({9: "B|170:140|240:100,1,140"})), "sliders/shape", scores)
    assert bent.message.startswith("This slider bends at control point 1 (x 170, y 140) unlike")


def test_the_end_of_a_body_is_where_it_ends() -> None:
    loaded = beatmap(lines({9: "L|240:100,1,140"}))
    (finding,) = find(loaded, "sliders/shape", body(loaded, {9: 2.0}, {9: 12.0}))
    assert "ends (x 240, y 100) unlike" in finding.message


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

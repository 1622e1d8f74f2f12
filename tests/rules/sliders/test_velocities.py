"""Velocities of single sliders, and green lines just after the head."""

from __future__ import annotations

import pytest

from maimod.events.schema import EventKind
from maimod.findings import Severity
from tests.maps import RED_LINE, beatmap
from tests.sliders import find, lines, score_of


def test_green_line_just_after_the_head() -> None:
    points = [RED_LINE, "9003,-50,4,2,0,70,0,0"]
    (finding,) = find(beatmap(lines(), points), "sliders/late-line")
    assert (finding.objects, finding.severity, finding.line) == (
        (9,),
        Severity.WARNING,
        beatmap(lines(), points).timing_points[1].line,
    )
    assert (finding.actual, finding.expected[0].text) == ("1.00x", "2.00x")


def test_a_green_line_just_after_another_one_at_the_head() -> None:
    late = "The green line for 2.00x comes 3 ms after the"
    (alone,) = find(beatmap(lines(), [RED_LINE, "9003,-50,4,2,0,70,0,0"]), "sliders/late-line")
    assert alone.message.startswith(f"{late} head of this slider, which keeps 1.00x.")
    both = [RED_LINE, "9000,-200,4,2,0,70,0,0", "9003,-50,4,2,0,70,0,0"]
    (finding,) = find(beatmap(lines(), both), "sliders/late-line")
    assert finding.message.startswith(f"{late} one for 0.50x at the head of this slider, which keeps that.")


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
        named.message == "This slider has a velocity of 1.00x; 1.50x would follow the pattern."
    )  # that all others have it is no reason
    loaded = beatmap(lines(), [RED_LINE, "9000,-80,4,2,0,70,0,0", "9500,-150,4,2,0,70,0,0"])
    score = score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 125, expected=[(100, 0.8)])
    (only,) = find(loaded, "sliders/velocity", [score])
    assert only.message == (
        "This slider has a velocity of 1.25x, as no other slider of the map; 1.00x would follow the pattern."
    )
    loaded = beatmap(lines(), [RED_LINE, "0,-50,4,2,0,70,0,0", "9000,-100,4,2,0,70,0,0"])
    (first,) = find(
        loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 100, expected=[(200, 0.8)])]
    )
    assert first.message.endswith("2.00x would follow the pattern (before it 2.00x, after it 1.00x).")
    loaded = beatmap(lines())
    assert not find(loaded, "sliders/velocity", [score_of(loaded, 9, EventKind.SCROLL_SPEED, 20.0, 100)])

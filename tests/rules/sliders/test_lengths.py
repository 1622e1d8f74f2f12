"""Lengths that do not fit the curve, and sliders without a body."""

from __future__ import annotations

from maimod.findings import Severity
from tests.maps import beatmap
from tests.sliders import STRAIGHT, N, find, lines


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


def test_broken_fields_of_sliders_are_named() -> None:
    (finding,) = find(beatmap(lines({9: f"{STRAIGHT},1,-150"})), "sliders/invisible")
    assert "its length is -150 px" in finding.message and finding.severity is Severity.PROBLEM
    (finding,) = find(beatmap(lines({9: "L||,1,140"})), "sliders/invisible")
    assert "the game leaves it out" in finding.message and finding.time == 9000
    assert not find(beatmap(lines({9: f"{STRAIGHT},1,0"})), "sliders/invisible")  # as long as its path
    many = dict.fromkeys(range(12), f"{STRAIGHT},1,-1")
    (finding,) = find(beatmap(lines(many)), "sliders/invisible")
    assert finding.message.startswith("This slider is broken: its length is -1 px; the same at 11 more places: 00:")

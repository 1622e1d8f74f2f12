"""Sliders: maps in which no rule of sliders finds anything."""

from __future__ import annotations

from maimod.rules.evidence import Evidence
from maimod.rules.sliders import check as slider_check
from tests.findings import findings_of
from tests.maps import beatmap
from tests.sliders import lines


def test_equal_sliders_are_silent() -> None:
    assert not findings_of(slider_check.run, Evidence(beatmap(lines())))


def test_drum_rolls_have_no_shape() -> None:
    assert not findings_of(slider_check.run, Evidence(beatmap(lines({9: "L|100:100,1,140"}), mode=1)))

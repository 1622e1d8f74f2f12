"""Whistles on the bodies of sliders alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import bodies as body_sounds
from tests.findings import findings_of
from tests.maps import beatmap

SLIDERS = 24


def slider_map(
    whistling: Collection[int], count: int = SLIDERS, edges: Mapping[int, str] | None = None, **more: int | str
) -> Beatmap:
    """Sliders a second apart; those of these numbers have a whistle on the body."""
    objects = [
        f"100,100,{1000 * (1 + i)},2,{2 * (i in whistling)},L|170:100,1,70,{(edges or {}).get(i, '0|8')},0:0|0:0,0:0:0:0:"
        for i in range(count)
    ]
    return beatmap(objects, **more)  # type: ignore[arg-type]


def find(own: Beatmap, *others: Beatmap) -> list[Finding]:
    return findings_of(body_sounds.run, Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None))


@pytest.mark.parametrize(("mode", "name"), [(0, "slider"), (2, "juice stream")])
def test_the_only_slider_with_a_whistle_on_its_body(mode: int, name: str) -> None:
    (finding,) = find(slider_map({7}, mode=mode))
    assert finding.severity is Severity.MINOR and finding.time == 8000
    assert finding.message.startswith(
        f"The body of this {name} has a whistle, its edges have none; no other of 24 {name}s is so."
    )


def test_two_are_named_and_three_are_a_style() -> None:
    found = find(slider_map({3, 7}))
    assert [one.time for one in found] == [4000, 8000] and "only 2 of 24 sliders are so" in found[0].message
    assert not find(slider_map({3, 7, 11}))


@pytest.mark.parametrize("edges", ["2|0", "0|2", "0", ""])
def test_an_edge_with_a_whistle_or_without_sounds_of_its_own(edges: str) -> None:
    assert not find(slider_map({7}, edges={7: edges}))


def test_too_few_sliders_say_nothing() -> None:
    assert not find(slider_map({7}, count=body_sounds.LEAST_SLIDERS - 1))
    assert find(slider_map({7}, count=body_sounds.LEAST_SLIDERS))


def test_what_another_difficulty_has_too_is_meant() -> None:
    assert not find(slider_map({7}), slider_map({7}, path="other.osu"))
    assert find(slider_map({7}), slider_map({8}, path="other.osu"))
    assert find(slider_map({7}), slider_map({7}, path="other.osu", mode=2))


def test_taiko_has_no_bodies_that_are_heard() -> None:
    assert not find(slider_map({7}, mode=1))

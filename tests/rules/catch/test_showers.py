"""Banana showers as short as a juice stream."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.catch import showers
from maimod.rules.evidence import Evidence
from tests.catch import fruit
from tests.findings import findings_of
from tests.maps import beatmap


def made(*spinners: tuple[int, int], mode: int = 2) -> Beatmap:
    """Fruits on each beat of 500 ms, and spinners (start, length) [ms]."""
    objects = [fruit(100 + 60 * (i % 5), 1000 + 500 * i) for i in range(20)]
    return beatmap(
        [*objects, *(f"256,192,{start},12,0,{start + length},0:0:0:0:" for start, length in spinners)], mode=mode
    )


def find(own: Beatmap, other: Beatmap | None = None) -> list[Finding]:
    others = (replace(other, path=Path("other.osu")),) if other else ()
    return findings_of(showers.run, Evidence(own, mapset=Mapset(Path(), (own, *others))))


def test_one_of_half_a_beat() -> None:
    (finding,) = find(made((12_000, 250), (14_000, 2000)))
    assert finding.rule == "rhythm/short-shower" and finding.severity is Severity.MINOR
    assert (finding.time, finding.end_time) == (12_000, 12_250)
    assert finding.message.startswith(
        "This banana shower lasts 1/2 beat, 250 ms; the others of the map last 2000 ms or more."
    )


def test_the_only_one_of_the_map() -> None:
    (finding,) = find(made((12_000, 500)))
    assert finding.message.startswith("This banana shower lasts 1 beat, 500 ms; the map has no others.")


@pytest.mark.parametrize(
    "own", [made(), made((12_000, 750)), made((12_000, 500), (14_000, 500)), made((12_000, 500), mode=0)]
)
def test_what_is_usual(own: Beatmap) -> None:
    """None; one of a beat and a half; two short ones; a spinner of osu!."""
    assert not find(own)


def test_one_that_another_difficulty_has_too_is_meant() -> None:
    own = made((12_000, 500))
    assert find(own, made((14_000, 500)))
    assert not find(own, made((12_000, 500)))

"""Sample sets of additions that one passage alone has."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules import lone_sets
from maimod.rules.base import Evidence
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

LEFT_ON = range(20, 26)


def clap_map(
    left_on: Collection[int] = LEFT_ON,
    count: int = 80,
    step: int = 500,
    number: int = 3,
    mode: int = 0,
    path: str = "own.osu",
    lines: tuple[str, ...] = (RED_LINE,),
) -> Beatmap:
    """Claps of the set of the line, but for those with these numbers."""
    objects = [f"100,100,{1000 + i * step},1,8,0:{number if i in left_on else 0}:0:0:" for i in range(count)]
    return beatmap(objects, list(lines), mode, path=path, CircleSize=4)


def find(own: Beatmap, *others: Beatmap) -> list[Finding]:
    return findings_of(lone_sets.run, Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None))


@pytest.mark.parametrize("mode", [0, 2, 3])
def test_a_set_that_one_passage_has_is_named_once(mode: int) -> None:
    (finding,) = find(clap_map(mode=mode))
    assert finding.severity is Severity.MINOR and (finding.time, finding.end_time) == (11_000, 13_500)
    assert finding.message.startswith(
        "6 additions from here to 00:13:500 play the drum set, none of the other 74 of the map does."
    )
    assert finding.objects == tuple(LEFT_ON)


@pytest.mark.parametrize(
    "own",
    [
        clap_map(range(20, 20 + lone_sets.LEAST_HITS - 1)),
        clap_map([*LEFT_ON, 40]),  # once more, too far away for one passage
        clap_map([20, 21, 22, 24, 25, 26]),  # one between is as the others
        clap_map(step=2000),  # longer than four measures
        clap_map(count=59),  # a tenth of all
        clap_map((), lines=(RED_LINE, "10990,-100,4,3,0,70,0,0", "13990,-100,4,2,0,70,0,0")),  # given by a line
        clap_map(mode=1),
    ],
    ids=["few", "again", "between", "long", "common", "of the line", "taiko"],
)
def test_what_may_be_meant_is_not_named(own: Beatmap) -> None:
    assert not find(own)


def test_what_another_difficulty_plays_is_meant() -> None:
    assert not find(clap_map(), clap_map(range(3), path="other.osu"))
    assert find(clap_map(), clap_map((), path="other.osu"))
    assert find(clap_map(), clap_map(range(3), path="other.osu", mode=2))


def test_objects_with_a_sample_of_their_own_play_no_set() -> None:
    own = clap_map()
    objects = [
        f"100,100,{1000 + i * 500},1,8,0:{3 if i in LEFT_ON else 0}:0:0:{'clap.wav' if i in LEFT_ON else ''}"
        for i in range(80)
    ]
    assert find(own) and not find(beatmap(objects, [RED_LINE]))

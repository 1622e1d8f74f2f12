"""Sample sets of additions, and custom samples, that one passage alone has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.folder import Folder
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import lone_sets
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


def indexed(other: int = 2, usual: int = 1, count: int = 120, of: int = 4, path: str = "own.osu") -> Beatmap:
    """Circles of a line with custom samples, `of` of them after a line with others."""
    lines = [
        f"0,500,4,2,{usual},60,1,0",
        f"10990,-100,4,2,{other},60,0,0",
        f"{10_990 + of * 500},-100,4,2,{usual},60,0,0",
    ]
    return beatmap([f"100,100,{1000 + i * 500},1,0,0:0:0:0:" for i in range(count)], lines, path=path)


@pytest.mark.parametrize(
    ("other", "usual", "expected"),
    [
        (2, 1, "4 hits from here to 00:12:500 play custom samples 2, the other 116 of the map custom samples 1."),
        (
            0,
            1,
            "4 hits from here to 00:12:500 play the player's own samples, the other 116 of the map custom samples 1.",
        ),
    ],
)
def test_custom_samples_of_one_line_alone(other: int, usual: int, expected: str) -> None:
    own = indexed(other, usual)
    (finding,) = find(own)
    assert finding.rule == lone_sets.LONE_INDEX.id and finding.severity is Severity.MINOR
    assert finding.message.startswith(expected)
    assert finding.line == own.sorted_timing_points[1].line


@pytest.mark.parametrize(
    "own", [indexed(of=2), indexed(count=79), indexed(of=40), indexed(other=1)], ids=["few", "common", "long", "same"]
)
def test_custom_samples_that_may_be_meant(own: Beatmap) -> None:
    assert not find(own)


def test_maps_with_several_custom_samples_say_nothing() -> None:
    lines = ["0,500,4,2,1,60,1,0", "10990,-100,4,2,2,60,0,0", "12990,-100,4,2,1,60,0,0", "30990,-100,4,2,3,60,0,0"]
    objects = [f"100,100,{1000 + i * 500},1,0,0:0:0:0:" for i in range(120)]
    assert not find(beatmap(objects, lines)) and find(beatmap(objects, lines[:3]))


@pytest.mark.parametrize(
    ("name", "is_named"),
    [
        ("soft-hitclap2.wav", False),
        ("Drum-HitNormal2.ogg", False),
        ("soft-hitclap12.wav", True),
        ("soft-hitclap.wav", True),
    ],
)
def test_an_index_with_a_sample_in_the_folder_is_meant(name: str, is_named: bool, tmp_path: Path) -> None:
    own = indexed()
    (tmp_path / name).write_bytes(b"RIFF")
    mapset = Mapset(tmp_path, (own,), contents=Folder(tmp_path))
    assert bool(findings_of(lone_sets.run, Evidence(own, mapset=mapset))) is is_named


def test_custom_samples_that_another_difficulty_plays_are_meant() -> None:
    assert not find(indexed(), indexed(path="other.osu")) and find(indexed(), indexed(1, path="other.osu"))


def bare_map(number: int, chosen: Collection[int], sounding: Collection[int], path: str = "own.osu") -> Beatmap:
    """Circles, some with a set of additions of their own, some with a clap."""
    return beatmap(
        [
            f"100,100,{1000 + i * 500},1,{8 if i in sounding else 0},0:{number if i in chosen else 0}:0:0:"
            for i in range(80)
        ],
        [RED_LINE],
        path=path,
    )


def test_a_set_left_on_is_named_by_hits_without_additions_too() -> None:
    (finding,) = find(bare_map(3, LEFT_ON, (20, 24, *range(40, 60))))
    assert finding.rule == lone_sets.LONE_SET.id and (finding.time, finding.end_time) == (11_000, 13_500)
    assert finding.message.startswith(
        "6 hits from here to 00:13:500 have the drum set for their additions, 2 of them with additions; none of the other 74 of the map has."
    )


def test_a_set_left_on_counts_at_the_edges_of_sliders() -> None:
    objects = [f"100,100,{1000 + i * 1000},2,0,L|200:100,1,70,8|0,0:0|0:0,0:0:0:0:" for i in range(60)]
    own = [one.replace("0:0|0:0", "0:3|0:3") if i in range(20, 23) else one for i, one in enumerate(objects)]
    (finding,) = find(beatmap(own, [RED_LINE]))
    assert finding.message.startswith("6 hits from here to 00:23:250 have the drum set for their additions, 3 of them")


@pytest.mark.parametrize(
    "own",
    [
        bare_map(3, LEFT_ON, (20, *range(40, 60))),
        bare_map(3, range(20, 24), (20, 23, *range(40, 60))),
        bare_map(3, [*LEFT_ON, 40], (20, 24, *range(40, 60))),
        bare_map(2, LEFT_ON, (20, 24, *range(40, 60))),
        bare_map(4, LEFT_ON, (20, 24, *range(40, 60))),
    ],
    ids=["one addition", "few", "again", "set of the line", "no set"],
)
def test_a_set_of_hits_that_may_be_meant(own: Beatmap) -> None:
    assert not find(own)


def test_a_set_of_hits_that_another_difficulty_has_is_meant() -> None:
    own = bare_map(3, LEFT_ON, (20, 24, *range(40, 60)))
    assert not find(own, bare_map(3, range(1), (), "other.osu")) and find(own, bare_map(0, (), (), "other.osu"))


PASTED = range(20, 24)


def volume_map(
    pasted: Collection[int] = PASTED,
    volume: int = 40,
    count: int = 80,
    step: int = 500,
    path: str = "own.osu",
    others: Mapping[int, int] | None = None,
) -> Beatmap:
    """Circles of a line with 70 %, some with a volume of their own; `others` are further ones with theirs."""
    own = dict.fromkeys(pasted, volume) | dict(others or {})
    lines = [f"100,100,{1000 + i * step},1,0,0:0:0:{own.get(i, 0)}:" for i in range(count)]
    return beatmap(lines, [RED_LINE], path=path)


def test_a_passage_with_a_volume_of_its_own() -> None:
    own = volume_map()
    (finding,) = find(own)
    assert finding.rule == lone_sets.LONE_VOLUME.id and finding.severity is Severity.MINOR
    assert (finding.time, finding.end_time, finding.objects) == (11_000, 12_500, tuple(PASTED))
    assert finding.line == own.hit_objects[20].line
    assert finding.message.startswith(
        "4 hits from here to 00:12:500 have a volume of their own, 40 % in place of the 70 % of their green line; none of the other 76 of the map has."
    )


@pytest.mark.parametrize(
    "own",
    [
        volume_map(range(20, 22)),
        volume_map(volume=70),
        volume_map(others={50: 30}),
        volume_map([20, 21, 23, 24]),
        volume_map(step=3000),
        volume_map(count=39),
    ],
    ids=["few", "of the line", "another volume", "between", "long", "common"],
)
def test_volumes_that_may_be_meant(own: Beatmap) -> None:
    assert not find(own)


def test_a_volume_that_another_difficulty_has_is_meant() -> None:
    assert not find(volume_map(), volume_map(path="other.osu")) and find(volume_map(), volume_map((), path="other.osu"))

"""Which samples a hit plays."""

import pytest

from maimod.osu.beatmap import Mode
from maimod.osu.hitsounds import hits, sounds
from tests import maps


def played(line: str, mode: int = 0, point: str = maps.RED_LINE):
    beatmap = maps.beatmap((line,), (point,), mode=mode)
    return [[(sound.files, sound.sample_set, sound.name) for sound in sounds(hit, Mode(mode))] for hit in hits(beatmap)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0,0,1000,1,0", [((), 2, "hitnormal")]),  # the player's own
        ("0,0,1000,1,0,0:0:1:0:", [(("soft-hitnormal",), 2, "hitnormal")]),
        ("0,0,1000,1,8,1:3:4:0:", [(("normal-hitnormal4",), 1, "hitnormal"), (("drum-hitclap4",), 3, "hitclap")]),
        ("0,0,1000,1,8,0:0:0:0:key.wav", [(("key.wav",), 2, "hitnormal")]),
    ],
)
def test_a_circle_plays_its_set_its_additions_or_its_own_file(line, found):
    assert played(line) == [found]


def test_each_edge_of_a_slider_has_its_own():
    head, tail = played("0,0,1000,2,0,L|100:0,1,100,2|8,1:1|3:3,0:0:2:0:")
    assert [one[0] for one in head] == [("normal-hitnormal2",), ("normal-hitwhistle2",)]
    assert [one[0] for one in tail] == [("drum-hitnormal2",), ("drum-hitclap2",)]


@pytest.mark.parametrize(
    ("sound", "names"),
    [
        (0, ["hitnormal"]),
        (8, ["hitclap"]),
        (2, ["hitclap"]),
        (4, ["hitnormal", "hitfinish"]),
        (12, ["hitclap", "hitwhistle"]),
    ],
)
def test_taiko_plays_dons_and_kats(sound, names):
    (found,) = played(f"0,0,1000,1,{sound},0:0:1:0:", mode=1)
    assert [one[2] for one in found] == names
    assert found[0][0] == (f"taiko-soft-{names[0]}", f"soft-{names[0]}")


@pytest.mark.parametrize(("late", "volume"), [(5, 30), (6, 70)])
def test_a_timing_point_up_to_5_ms_late_counts(late, volume):
    points = (maps.RED_LINE, f"{1000 + late},-100,4,1,0,30,0,0")
    assert [hit.volume for hit in hits(maps.beatmap(("0,0,1000,1,0",), points))] == [volume]


def test_edges_that_are_not_listed_sound_like_the_slider():
    found = hits(maps.beatmap(("0,0,1000,2,8,L|100:0,3,100,2|0,1:3", "0,0,9000,1,0"), (maps.RED_LINE,)))
    assert [(hit.edge, hit.additions) for hit in found[:4]] == [(0, 2), (1, 0), (2, 8), (3, 8)]
    assert [(hit.normal_set, hit.addition_set) for hit in found[:2]] == [(1, 3), (2, 2)]

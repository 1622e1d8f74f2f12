from __future__ import annotations

from pathlib import Path

import pytest

from maimod.errors import BeatmapError
from maimod.osu import catch, level, limits, parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.catch import GRACE_MS, Part
from tests.maps import beatmap, text

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
LINES = ("0,400,4,2,0,70,1,0", "6000,-50,4,2,0,70,0,0", "8000,-200,4,2,0,70,0,0")
OBJECTS = (
    "100,192,1000,1,0,0:0:0:0:",
    "100,192,2000,2,0,L|400:192,1,300",
    "400,192,4000,2,0,B|300:100|300:300|100:192,3,250",
    "100,192,6000,2,0,L|400:192,2,290",
    "100,192,8000,2,0,P|200:100|300:192,1,280",
    "256,192,11000,12,0,12000,0:0:0:0:",
    "300,192,13000,2,0,L|301:192,4,1.5",
)


def circles(*places: tuple[float, float], size: float = 5.0) -> Beatmap:
    return beatmap([f"{x:g},192,{time:g},1,0,0:0:0:0:" for x, time in places], mode=2, circle_size=size)


def one(x: float, ms: float, size: float = 5.0) -> catch.Movement:
    (found,) = catch.movements(circles((0, 1000), (x, 1000 + ms), size=size))
    return found


def test_a_slider_drops_where_it_ticks():
    loaded = beatmap(["100,192,1000,2,0,L|400:192,2,300"], ["0,400,4,2,0,70,1,0"], mode=2, slider_multiplier=1.0)
    found = catch.fruits(loaded)
    assert [fruit.part for fruit in found] == [
        Part.HEAD, Part.DROP, Part.DROP, Part.REPEAT, Part.DROP, Part.DROP, Part.TAIL
    ]  # fmt: skip
    assert [fruit.time for fruit in found] == pytest.approx([1000, 1400, 1800, 2200, 2600, 3000, 3400])
    assert [fruit.x for fruit in found] == pytest.approx([100, 200, 300, 400, 300, 200, 100])


def test_fruits_stay_within_the_playfield():
    loaded = beatmap(["400,192,1000,2,0,L|700:192,1,280"], mode=2)
    assert [fruit.x for fruit in catch.fruits(loaded)] == pytest.approx([400, 512, 512])


@pytest.mark.parametrize("version", [6, 14])
@pytest.mark.parametrize("rate", [1, 2, 3])
def test_fruits_and_drops_are_as_many_as_rosu_counts(tmp_path: Path, version: int, rate: float):
    rosu = pytest.importorskip("rosu_pp_py")
    path = tmp_path / "map.osu"
    path.write_text(text(OBJECTS, LINES, 2, format_version=version, slider_tick_rate=rate), encoding="utf-8")
    counts(rosu, path)


def counts(rosu, path: Path) -> None:
    expected = rosu.Difficulty().calculate(rosu.Beatmap(path=str(path)))
    found = catch.fruits(parser.load(path))
    drops = sum(fruit.part is Part.DROP for fruit in found)
    assert (len(found) - drops, drops) == (expected.n_fruits, expected.n_droplets), path.name


@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus")
def test_real_maps_have_as_many_fruits_as_rosu_counts():
    rosu = pytest.importorskip("rosu_pp_py")
    checked = 0
    for path in sorted((CORPUS / "val").rglob("*.osu")):
        if b"Mode: 2" not in path.read_bytes():
            continue
        try:
            parser.load(path)
        except BeatmapError:
            continue
        counts(rosu, path)
        checked += 1
    assert checked


def test_the_catcher_shrinks_with_circle_size():
    assert catch.catcher_width(5) == 106.75
    assert catch.catcher_width(2) == pytest.approx(106.75 * 1.42)


def test_a_hyperdash_begins_beyond_dash_and_half_catcher():
    limit = 200 - GRACE_MS + 106.75 / 2  # 249.2
    assert not one(249, 200).is_hyperdash and one(249, 200).to_hyperdash == pytest.approx(limit - 249)
    assert one(250, 200).is_hyperdash
    assert not one(250, 200, size=4).is_hyperdash


def test_less_is_left_for_the_next_dash_in_the_same_direction():
    """After a dash that lacks 10 px to a hyperdash the next one has 10 px, not half the catcher, to spare."""
    same = catch.movements(circles((0, 1000), (239, 1200), (239 + 207, 1400)))
    assert [one.is_hyperdash for one in same] == [False, True]
    assert same[0].to_hyperdash == pytest.approx(10.2, abs=0.1)
    within = catch.movements(circles((0, 1000), (239, 1200), (239 + 205, 1400)))
    assert [one.is_hyperdash for one in within] == [False, False]
    back = catch.movements(circles((0, 1000), (239, 1200), (0, 1400)))
    assert back[1].to_hyperdash == pytest.approx(10.2, abs=0.1)


def test_a_hyperdash_gives_the_whole_allowance_back():
    after = catch.movements(circles((0, 1000), (300, 1100), (300 + 145, 1200)))
    assert [one.is_hyperdash for one in after] == [True, False]


def test_walking_is_half_as_fast_and_only_most_of_the_catcher_catches():
    # From the far edge of the first fruit to the near edge of the second.
    assert 183 < 0.5 * (200 - GRACE_MS) + 106.75 * 0.8 < 184
    assert one(183, 200).is_walked and not one(183, 200).is_dash
    assert one(184, 200).is_dash and not one(184, 200).is_walked


def test_walking_remembers_where_the_catcher_can_be():
    way = catch.movements(circles(*((i * 128, 1000 + 200 * i) for i in range(4))))  # 98 px can be walked in 200 ms
    assert [one.is_walked for one in way] == [True, True, False]


def test_movements_over_a_spinner_are_marked():
    loaded = beatmap(
        ["0,192,1000,1,0,0:0:0:0:", "256,192,1100,12,0,1300,0:0:0:0:", "500,192,1400,1,0,0:0:0:0:"], mode=2
    )
    (way,) = catch.movements(loaded)
    assert way.over_spinner and way.before.time == 1000


def test_a_map_of_very_many_drops_has_no_more_from_some_place_on_and_no_stars(tmp_path, monkeypatch):
    lines = [f"100,192,{1000 + 9000 * i},2,0,L|400:192,2,300" for i in range(9)]
    loaded = beatmap(lines, ["0,400,4,2,0,70,1,0"], mode=2, slider_multiplier=1.0)
    everything = len(catch.fruits(loaded))
    monkeypatch.setattr(catch, "MAX_FRUITS", 20)
    found = catch.fruits(loaded)
    assert sum(fruit.part is Part.DROP for fruit in found) == 12 and len(found) == everything - 6 * 4
    (tmp_path / "map.osu").write_text(text(lines, ["0,400,4,2,0,70,1,0"], 2))
    assert level.star_rating(parser.load(tmp_path / "map.osu")) is not None
    monkeypatch.setattr(limits, "MAX_SLIDER_TICKS", 20)
    assert level.star_rating(parser.load(tmp_path / "map.osu")) is None


@pytest.mark.parametrize("spinner", [True, False])
def test_a_banana_shower_lets_the_catcher_go_where_it_likes(spinner):
    """Walking to the second fruit leaves the catcher at its left edge, too far from the third; bananas need no place."""
    objects = ["100,192,1000,1,0", "300,192,1240,1,0", "420,192,1390,1,0"]
    if spinner:
        objects.insert(2, "256,192,1250,12,0,1380")
    *_, last = catch.movements(beatmap(objects, mode=2, circle_size=5))
    assert last.over_spinner is spinner and last.is_walked is spinner

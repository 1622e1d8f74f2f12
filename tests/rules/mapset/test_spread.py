"""The lowest difficulty of a set, and levels left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.osu import mapset
from maimod.rules.mapset import spread
from tests.mapset import EVENTS, FIRST_MS, Version, picture, versions, write
from tests.sets import found


def test_lowest_difficulty_goes_by_the_length(tmp_path):
    given = versions()
    del given["Normal"]
    (finding,) = found(tmp_path, spread.CHECK, given)
    assert finding.message == (
        "The lowest difficulty of osu! is a Hard (2.98 stars), which requires 2:30 of drain time of each difficulty; [Hard] has 2:07."
    )
    longer = {
        name: version.with_objects(lambda lines: [*lines, f"256,192,{2000 + 152_000},1,0,0:0:0:0:"])
        for name, version in given.items()
    }
    assert found(tmp_path, spread.CHECK, longer) == []


def test_a_folder_that_may_not_be_the_whole_set_is_no_problem(tmp_path):
    given = versions()
    del given["Normal"]
    write(tmp_path, given)
    assert [finding.severity for finding in found(tmp_path, spread.CHECK)] == ["warning"]
    picture(tmp_path / "bg.png")
    assert [finding.severity for finding in found(tmp_path, spread.CHECK)] == ["problem"]


MINUTE = 60_000


def lasting(given: dict[str, Version], mode: int = 0, pause: float = 0.0, **minutes: float) -> dict[str, Version]:
    """The difficulties named, with a last object so that they last that long, and a break of `pause` minutes."""
    played = {}
    for name, length in minutes.items():
        end = FIRST_MS + int(length * MINUTE)
        breaks = (f"2,{end - int(pause * MINUTE) - 200},{end - 200}",) if pause else ()
        version = given[name].with_objects(lambda lines, end=end: [*lines, f"256,192,{end},1,0,0:0:0:0:"])
        played[name] = replace(version, events=(*EVENTS, *breaks)).with_general(Mode=str(mode))
    return played


def test_the_length_says_whether_breaks_count(tmp_path):
    (finding,) = found(tmp_path, spread.CHECK, lasting(versions(), pause=0.7, Hard=2.6))
    assert finding.message.endswith("[Hard] has 2:24, breaks counted.")  # 1:54 are played


@pytest.mark.parametrize(
    ("pause", "minutes", "problems"),
    [
        (0.0, {"Hard": 2.6, "Insane": 2.6}, 0),
        (0.0, {"Hard": 2.6, "Insane": 2.4}, 1),  # each difficulty counts
        (0.6, {"Hard": 3.0}, 0),  # 2:24 and 30 s of a break of 36 s
        (0.7, {"Hard": 2.6}, 1),  # 1:54 and 30 s
        (0.7, {"Hard": 2.6, "Insane": 2.9}, 0),  # all breaks of a lower difficulty count
    ],
)
def test_breaks_count_as_the_criteria_say(tmp_path, pause: float, minutes: dict[str, float], problems: int):
    given = lasting(versions(), pause=pause, **minutes)
    assert len(found(tmp_path, spread.CHECK, given, "mapset/lowest")) == problems


@pytest.mark.parametrize(
    ("mode", "names", "length", "problems"),
    [
        (0, ["Hard", "Insane"], 2.4, 1),
        (0, ["Hard", "Insane", "Expert", "Normal"], 2.4, 0),
        (3, ["Hard", "Insane"], 2.1, 0),
        (3, ["Insane", "Expert"], 2.1, 1),
        (3, ["Insane", "Expert", "Extreme"], 2.1, 0),  # a spread of three from 2:00 on
        (3, ["Insane", "Expert", "Extreme"], 1.9, 1),
        (2, ["Insane", "Expert", "Extreme"], 2.6, 0),
        (2, ["Insane", "Expert"], 2.6, 1),
        (1, ["Insane", "Expert", "Extreme"], 2.6, 1),
    ],
)
def test_lowest_difficulty_in_modes(tmp_path, monkeypatch, mode: int, names: list[str], length: float, problems: int):
    rates = {"Normal": 2.2, "Hard": 3.0, "Insane": 4.5, "Expert": 5.6, "Extreme": 6.2}
    monkeypatch.setattr(mapset, "star_rating", lambda beatmap: rates[beatmap.version])
    short = [f"256,192,{FIRST_MS},1,0,0:0:0:0:", f"256,192,{FIRST_MS + 500},1,0,0:0:0:0:"]
    given = lasting({name: Version(name, short) for name in names}, mode, **dict.fromkeys(names, length))
    assert len(found(tmp_path, spread.CHECK, given, "mapset/lowest")) == problems


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Rain", "Overdose"), []),  # by their stars, which are those of osu!, a level would be left out
        (("Platter", "Overdose"), ["with no Rain in between"]),
    ],
)
def test_levels_left_out_in_catch_are_those_of_the_names(
    tmp_path, monkeypatch, names: tuple[str, str], expected: list[str]
):
    rates = dict(zip(names, (3.9, 5.4), strict=True))
    monkeypatch.setattr(mapset, "star_rating", lambda beatmap: rates[beatmap.version])
    lines = [f"256,192,{FIRST_MS},1,0,0:0:0:0:", f"256,192,{FIRST_MS + 500},1,0,0:0:0:0:"]
    given = lasting({name: Version(name, lines) for name in names}, 2, **dict.fromkeys(names, 9.0))
    gaps = found(tmp_path, spread.CHECK, given, "mapset/spread-gap")
    assert [one.message.partition(", ")[2].partition(".")[0] for one in gaps] == expected


@pytest.mark.parametrize(("name", "words"), [("Normal", ""), ("Beginner", "with no Normal in between")])
def test_a_difficulty_is_no_level_that_is_left_out(tmp_path, monkeypatch, name: str, words: str):
    rates = {name: 1.7, "Hard": 3.5}  # by its stars the lower one is an Easy
    monkeypatch.setattr(mapset, "star_rating", lambda beatmap: rates[beatmap.version])
    lines = [f"256,192,{FIRST_MS},1,0,0:0:0:0:", f"256,192,{FIRST_MS + 500},1,0,0:0:0:0:"]
    given = lasting({one: Version(one, lines) for one in rates}, 0, **dict.fromkeys(rates, 9.0))
    (gap,) = found(tmp_path, spread.CHECK, given, "mapset/spread-gap")
    assert gap.message.partition(", ")[2].partition(".")[0] == words


def test_levels_left_out_are_alternatives():
    assert spread._either(["Normal"]) == "Normal"
    assert spread._either(["Normal", "Hard", "Insane"]) == "Normal, Hard or Insane"

"""The overview of a set: what differs, what is counted, and that no text of a map becomes markup."""

import re

from maimod.evidence.overview import overview
from maimod.osu import mapset
from tests import maps

LINES = (
    "100,100,1000,5,0,0:0:0:0:",
    "100,100,1500,1,8,0:0:0:0:",
    "100,100,1750,1,2,0:0:0:0:",
    "100,100,1955,1,0,0:0:0:0:",
)


def shown(tmp_path, **metadata: str) -> str:
    for number, version in enumerate(("Easy", "Hard")):
        details = {"Version": version, "Title": "<b>T", **(metadata if number else {})}
        (tmp_path / f"{version}.osu").write_text(maps.text(LINES, metadata=details))
    (whole,) = mapset.load(tmp_path)
    return overview(whole)


def row(html: str, name: str) -> list[str]:
    found = re.search(rf'<th scope="row">{re.escape(name)}</th>(.*?)</tr>', html)
    assert found is not None
    return re.findall(r"<td[^>]*>(.*?)</td>", found[1])


def test_counts_side_by_side(tmp_path):
    html = shown(tmp_path)
    assert row(html, "1/1") == ["2 <span>50 %</span>"] * 2 and row(html, "1/2") == ["1 <span>25 %</span>"] * 2
    assert row(html, "unsnapped") == ["1 <span>25 %</span>"] * 2
    assert row(html, "clap") == row(html, "whistle") == ["1 <span>25 %</span>"] * 2
    assert row(html, "soft set") == ["4 <span>100 %</span>"] * 2  # of the hits
    assert row(html, "objects") == ["4", "4"] and html.count("mm-curves") == 2


def test_levels_that_are_guessed_or_unknown_are_said_to_be(tmp_path):
    settings = {"Celestial": (2, 1), "Odd": (10, 0), "Normal": (5, 4)}
    for version, (approach, overall) in settings.items():
        text = maps.text(LINES, metadata={"Version": version}, approach_rate=approach, overall_difficulty=overall)
        (tmp_path / f"{version}.osu").write_text(text)
    (whole,) = mapset.load(tmp_path)
    shown_levels = row(overview(whole), "level, if not given")
    assert sorted(shown_levels) == ["Easy (a guess)", "Normal", "unknown"]


def test_values_read_as_in_the_editor(tmp_path):
    html = shown(tmp_path)
    assert row(html, "mode") == ["osu!", "osu!"] and row(html, "velocities used") == ["1.00x", "1.00x"]
    assert row(html, "circle size") == ["4", "4"] and "keys" not in html


def test_equal_metadata_are_one_cell_and_different_ones_stand_out(tmp_path):
    html = shown(tmp_path, Source="Game")
    assert row(html, "Title") == ["&lt;b&gt;T"] and "<b>T" not in html
    assert row(html, "Source") == ["", "Game"] and html.count("mm-differs") == 1

"""What has changed in a difficulty, in words."""

import pytest

from maimod.commands.edits import Versions, edits, lines, since_last_run
from maimod.linter.cache import Cache
from maimod.osu.discovery import find
from tests import maps

LINES = [f"{100 + k % 5 * 60},192,{1000 + 500 * k},{5 if k % 8 == 0 else 1},0,0:0:0:0:" for k in range(40)]


def written(*changes: tuple[int, str | None], points: tuple[str, ...] = (), **options) -> bytes:
    """A map with some lines exchanged (None: taken away)."""
    after: list[str | None] = list(LINES)
    for place, line in changes:
        after[place] = line
    return maps.text([line for line in after if line], [maps.RED_LINE, *points], **options).encode()


def told(after: bytes, before: bytes = written()) -> list[tuple[str, str]]:
    found = edits(before, after)
    return [(edit.timestamp, edit.text) for edit in found.edits] if found else []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (written(), []),
        (written((7, None)), [("00:04:500 -", "1 object removed")]),
        (written((7, "999,192,4500,1,0,0:0:0:0:")), [("00:04:500 (8) -", "1 object moved")]),
        (
            written((7, "220,192,4625,1,2,0:0:0:0:")),
            [("00:04:625 (8) -", "1 object moved in time; 1 object with other hitsounds")],
        ),
        (written(points=("10000,-50,4,2,0,70,0,0",)), [("00:10:000 -", "velocity 1x → 2x")]),
        (
            written(points=("10000,-100,4,3,0,40,0,1",)),
            [("00:10:000 -", "kiai off → on; sample set soft → drum; volume 70 → 40 %")],
        ),
        (written(points=("10000,400,4,2,0,70,1,0",)), [("00:10:000 -", "red line added: 150 BPM, 4/4")]),
        (written(metadata={"Tags": "a b"}), [("", "metadata Tags:  → a b")]),
        (written(circle_size=5), [("", "setting CircleSize: 4 → 5")]),
    ],
)
def test_changes_have_words_and_the_present_time(after, expected):
    assert told(after) == expected


def test_the_summary_counts_and_a_console_names_the_first_places():
    found = edits(
        written(), written((3, None), (4, None), *((k, LINES[k].replace(",192,", ",50,")) for k in range(10, 40, 2)))
    )
    assert found is not None and found.summary == "2 objects removed, 15 moved" and found.version == "Version"
    said = list(lines(found))
    assert said[0] == "changed in [Version]: 2 objects removed, 15 moved"
    assert said[1].startswith("  00:02:500 - 2 objects removed")
    assert len(said) <= 10


def test_bytes_that_mean_the_same_are_no_change_and_what_cannot_be_read_is_none():
    assert told(written().replace(b"\n", b"\r\n")) == []
    assert edits(written(), b"no map") is None and edits(b"", written()) is None


def test_a_run_is_compared_with_the_last_one(tmp_path):
    cache = Cache(tmp_path / "cache")
    found = [since_last_run("a.osu", written(*change), cache) for change in ((), (), ((7, None),), ((7, None),))]
    assert [one and one.summary for one in found] == [None, None, "1 object removed", None]
    assert since_last_run("b.osu", written(), cache) is None


def test_a_watch_sees_each_save_once(tmp_path):
    path = tmp_path / "a.osu"
    path.write_bytes(written())
    sources = find([tmp_path])
    versions = Versions(sources)
    assert list(versions.changed(sources)) == []
    path.write_bytes(written((7, None)))
    assert [one.summary for one in versions.changed(sources)] == ["1 object removed"]
    assert list(versions.changed(sources)) == []
    path.unlink()
    assert list(versions.changed(sources)) == []

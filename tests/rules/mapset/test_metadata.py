"""Titles, names, tags and markers of a set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.rules.mapset import metadata
from tests.mapset import versions
from tests.sets import found, rules


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("A & B's Hard", ["A", "B"]),
        ("A's & B's Hard", ["A", "B"]),
        ("Chris' Hard", ["Chris"]),
        ("Hard", []),
        ("It's Hard", []),
        ("Exit this Earth's Atmosphere", []),
        ("and that's called JAZZ!", []),
        ("A vs B's Hard", ["A", "B"]),
        ("vs B's Hard", ["B"]),
        ("HDHR (A's Oni)", ["A"]),
        ("[A]'s Oni", ["[A]"]),
        ("[[[[[[['s Easy", ["[[[[[[["]),
        ("4K: A's Hard", ["A"]),
        ("Vet's It's An Emotional One", ["Vet"]),
    ],
)
def test_names_of_guests(version: str, names: list[str]):
    assert metadata._guest_names(version) == names


@pytest.mark.parametrize(
    ("name", "tags", "tagged"),
    [
        ("Take", "take", True),
        ("Take", "takeover", True),
        ("Take", "mistakes", False),
        ("Akija 714", "akija714", True),
        ("A r M i Nakis", "A_r_M_i_Nakis", True),
        ("Some Guest", "some guest", True),
        ("Starzhu", "xstarzhu", True),
        ("lu^3", "lu^3", True),
        ("lu^3", "lu4", False),
        ("[[[", "x [[[ y", True),
    ],
)
def test_names_in_tags(name: str, tags: str, tagged: bool):
    assert metadata._is_tagged(name, f"english {tags} pop") is tagged


def test_guests_are_tagged_by_the_beginning_of_words(tmp_path):
    given = versions()
    given["Hard"] = replace(given["Hard"], name="(Take's Hard)")
    given = {name: one.with_metadata(Tags="english pop mistakes") for name, one in given.items()}
    assert rules(found(tmp_path, metadata.CHECK, given, "mapset/guest-tag")) == [("mapset/guest-tag", "minor")]
    given = {name: one.with_metadata(Tags="english pop takeover") for name, one in given.items()}
    assert found(tmp_path, metadata.CHECK, given, "mapset/guest-tag") == []


@pytest.mark.parametrize(
    ("tags", "missing"),
    [
        ("jpop japanese", ""),
        ("electropop vietnamese", ""),
        ("videogame instrumental", ""),
        ("hip-hop korean", ""),
        ("popular english", "genre"),
        ("hip music english", "genre"),
        ("rock", "language"),
    ],
)
def test_genre_and_language_are_words(tmp_path, tags: str, missing: str):
    given = {name: one.with_metadata(Tags=tags) for name, one in versions().items()}
    assert [f.message for f in found(tmp_path, metadata.CHECK, given, "mapset/tags")] == (
        [f"The tags name no {missing}."] if missing else []
    )


@pytest.mark.parametrize(("number", "severity"), [("900000", "minor"), ("1400000", "warning"), ("-1", "warning")])
def test_genre_and_language_were_no_criterion_of_old_sets(tmp_path, number: str, severity: str):
    given = {name: one.with_metadata(Tags="rock", BeatmapSetID=number) for name, one in versions().items()}
    assert rules(found(tmp_path, metadata.CHECK, given, "mapset/tags")) == [("mapset/tags-genre-language", severity)]


@pytest.mark.parametrize(("tags", "count"), [("pop mappers' guild", 1), ("MPG pop", 1), ("empgeneral guild", 0)])
def test_sets_of_the_mappers_guild(tmp_path, tags: str, count: int):
    given = {name: version.with_metadata(Tags=tags) for name, version in versions().items()}
    assert (
        rules(found(tmp_path, metadata.CHECK, given, "mapset/mappers")) == [("mapset/mappers-guild", "minor")] * count
    )


def test_names_of_creator_and_difficulty(tmp_path):
    given = {name: one.with_metadata(Creator="Müller") for name, one in versions().items()}
    assert rules(found(tmp_path, metadata.CHECK, given)) == [("mapset/romanised", "problem")]
    other = tmp_path / "other"
    other.mkdir()
    given = versions()
    given["Hard"] = replace(given["Hard"], name="H★rd")
    given["Insane"] = replace(given["Insane"], name="狂 Insane")
    (finding,) = found(other, metadata.CHECK, given)
    assert finding.severity == "minor" and "★" in finding.message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Title": "Song (TV Size)", "TitleUnicode": "Song (TV Size)"}, []),
        ({"Title": "Song -TV version-", "TitleUnicode": "Song -TV version-"}, ["mapset/title-marker"]),
        ({"Title": "Song (TV Size)"}, ["mapset/title-marker"]),
        ({"Title": "Song (Sped Up & Cut Ver.)", "TitleUnicode": "Song (Sped Up & Cut Ver.)"}, []),
        ({"Title": "Song (cut ver)", "TitleUnicode": "Song (cut ver)"}, ["mapset/title-marker"]),
        ({"Title": "Game Over", "TitleUnicode": "Game Over"}, []),
        ({"Artist": "A feat. B vs. C (CV: D)"}, []),
        ({"Artist": "A ft. B"}, ["mapset/artist-marker"]),
        ({"Artist": "A (CV.B)"}, ["mapset/artist-marker"]),
        ({"Artist": "A vs B"}, ["mapset/artist-marker"]),
        ({"Artist": "Étoile"}, ["mapset/romanised"]),
        ({"Tags": "english song"}, ["mapset/tags-genre-language"]),
        ({"Tags": "japanese video game"}, []),
        ({"Tags": "hip-hop instrumental"}, []),
    ],
)
def test_metadata(tmp_path, fields: dict[str, str], expected: list[str]):
    given = {name: version.with_metadata(**fields) for name, version in versions().items()}
    assert [finding.rule for finding in found(tmp_path, metadata.CHECK, given)] == expected


@pytest.mark.parametrize(
    ("name", "count"), [("hitsounds", 1), ("HS", 1), ("Hitsound diff", 1), ("Timing", 1), ("Timeless", 0)]
)
def test_difficulties_left_over_from_work(tmp_path, name: str, count: int):
    given = versions()
    given["Hard"] = replace(given["Hard"], name=name)
    assert [f.rule for f in found(tmp_path, metadata.CHECK, given)] == ["mapset/left-over-difficulty"] * count


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_guests_are_in_the_tags(tmp_path, apostrophe: str):
    given = versions()
    given["Hard"] = replace(given["Hard"], name=f"Some Guest{apostrophe}s Hard")
    assert [f.rule for f in found(tmp_path, metadata.CHECK, given)] == ["mapset/guest-tag"]
    tagged = {name: version.with_metadata(Tags="english pop some_guest") for name, version in given.items()}
    assert found(tmp_path, metadata.CHECK, tagged) == []


@pytest.mark.parametrize(
    ("unicode_title", "number", "severity"),
    [
        ("歌", "700000", "problem"),
        ("歌", "699999", "warning"),
        ("歌 (TVサイズ)", "700000", "minor"),
        ("歌\uff08TVサイズ\uff09", "700000", "minor"),
        ("歌 (TV Size)", "700000", None),
    ],
)
def test_a_marker_of_the_romanised_title_only(tmp_path, unicode_title: str, number: str, severity: str | None):
    given = {
        name: version.with_metadata(Title="Uta (TV Size)", TitleUnicode=unicode_title, BeatmapSetID=number)
        for name, version in versions().items()
    }
    findings = found(tmp_path, metadata.CHECK, given, "mapset/title")
    assert [finding.severity for finding in findings] == [severity] * (severity is not None)
    assert "サイズ" not in unicode_title or f'title has "{unicode_title[1:].strip()}" where' in findings[0].message


def test_titles_of_old_sets_are_no_problem(tmp_path):
    for number, severity in (("699999", "warning"), ("700000", "problem"), ("-1", "problem")):
        given = {
            name: version.with_metadata(Title="Song (TV-size)", TitleUnicode="Song (TV-size)", BeatmapSetID=number)
            for name, version in versions().items()
        }
        assert [finding.severity for finding in found(tmp_path, metadata.CHECK, given, "mapset/title")] == [severity]

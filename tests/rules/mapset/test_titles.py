"""Titles and artists: standard forms, stylised ones, other forms, and words that only look like markers."""

from __future__ import annotations

import pytest

from maimod.rules.base import Certainty
from maimod.rules.mapset.titles import credit_faults, markers, title_faults

SURE, LIKELY, POSSIBLE = Certainty.CERTAIN, Certainty.LIKELY, Certainty.POSSIBLE


@pytest.mark.parametrize(
    "title",
    [
        "Song",
        "Song (TV Size)",
        "song name (tv size)",
        "SONG NAME (TV SIZE)",
        "SONG NAME (TV Size)",
        "Song (Sped Up & Cut Ver.)",
        "song (nightcore & cut ver.)",
        "Song (Movie Ver.)",
        "Song (2020 Tour Live Ver.)",
        "song (arrange ver.)",
        "Song (Extended Mix)",
        "Shortcut",
        "Short Cut",
        "Game Over",
        "Overcut version",
        "TV",
        "歌\uff08Short Ver.\uff09",
        "Song (Piano Version)",
    ],
)
def test_titles_without_a_fault(title: str):
    assert list(title_faults(title)) == []


@pytest.mark.parametrize(
    ("title", "expected", "certainty"),
    [
        ("Song (tv size)", "(TV Size)", SURE),
        ("SONG (tv size)", "(TV Size)", SURE),
        ("Song -TV version-", "(TV Size)", SURE),
        ("Song ~TV-size~", "(TV Size)", SURE),
        ("歌 (tv size)", "(TV Size)", SURE),
        ("Song TVver.", "(TV Size)", SURE),
        ("Song (Game Size)", "(Game Ver.)", SURE),
        ("Song [Short Version]", "(Short Ver.)", SURE),
        ("Song (Cut ver)", "(Cut Ver.)", SURE),
        ("Song (sped up and cut ver.)", "(Sped Up & Cut Ver.)", SURE),
        ("Song (Nightcore Ver.)", "(Nightcore Mix)", SURE),
        ("Song (TV edit)", "(TV Size)", LIKELY),
        ("Song (Speed Up Ver.)", "(Sped Up Ver.)", LIKELY),
        ("Song (Extended Version)", "(Extended Edit)", LIKELY),
        ("Song OP Version", "(TV Size)", LIKELY),
        ("Song(TV Size)", " (TV Size)", LIKELY),
        ("Song (TV Size) (Full Ver.)", "(TV Size)", LIKELY),
        ("Song (Intro ver.)", "(Intro Ver.)", POSSIBLE),
    ],
)
def test_titles_with_a_fault(title: str, expected: str, certainty: Certainty):
    (fault,) = title_faults(title)
    assert (fault.expected, fault.certainty) == (expected, certainty)


def test_a_faster_song_of_nightcore():
    assert [fault.expected for fault in title_faults("Song (Sped Up Ver.)", "dance nightcore")] == ["(Nightcore Mix)"]
    assert list(title_faults("Song (Sped Up Ver.)", "dance nightcores")) == []


def test_a_marker_that_should_be_another_is_reported_once():
    (fault,) = title_faults("Song (Speed Up Ver.)", "dance nightcore")
    assert fault.expected == "(Nightcore Mix)"


def test_a_marker_counts_once():
    assert [one.standard for one in markers("Song (Nightcore & Cut Ver.)")] == ["(Nightcore & Cut Ver.)"]


@pytest.mark.parametrize(
    "field",
    [
        "A (CV: B)",
        "A (VO: B)",
        "A vs. B",
        "A feat. B",
        "a (cv: b) feat. c",
        "A FEAT. B",
        "Kvs Band",
        "Aft. Ernoon",
        "A, B & C",
        "10,000 Maniacs",
        "あ\uff08CV\uff1aい\uff09",
        "あ feat.い",
        "CVS",
        "Featured",
    ],
)
def test_credits_without_a_fault(field: str):
    assert list(credit_faults(field, is_artist=True)) == []


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Ann ft. Bob", "feat."),
        ("Ann Feat. Bob", "feat."),
        ("Ann (featuring Bob)", "feat."),
        ("Ann feat.Bob", "feat. "),
        ("Ann Vs. Bob", "vs."),
        ("Ann versus Bob", "vs."),
        ("Ann vs.Bob", "vs. "),
        ("Ann (cv: Bob)", "CV:"),
        ("Ann (CV.Bob)", "CV:"),
        ("Ann (CV Bob)", "CV:"),
        ("Ann (CV:Bob)", "CV: "),
        ("Ann CV: Bob", "(CV: …)"),
        ("Ann(CV: Bob)", " (CV:"),
        ("Ann,Bob", ", "),
        ("Ann&Bob", "& "),
        ("あ ft. い", "feat."),
    ],
)
def test_credits_with_a_fault(field: str, expected: str):
    assert [fault.expected for fault in credit_faults(field, is_artist=True)] == [expected]


def test_commas_link_artists_only():
    assert list(credit_faults("One,Two", is_artist=False)) == []

"""Rules about sets: near misses, blind spots, and hits that the planted set does not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from maimod.audio import probe
from maimod.findings import Finding
from maimod.osu import mapset
from maimod.rules import agreement, consistency, files, metadata, samples, set_snaps, shared_timing, skins, spread
from maimod.rules.base import Evidence, MapsetCheck, MapsetEvidence
from tests.findings import findings_of_set
from tests.mapset import (
    BEAT_MS,
    EVENTS,
    FIRST_MS,
    LINES,
    SONG_SECONDS,
    Version,
    hitsound,
    picture,
    song,
    versions,
    video,
    write,
    write_media,
)


def found(folder: Path, check: MapsetCheck, given: dict[str, Version] | None = None, only: str = "") -> list[Finding]:
    if given is not None:
        write(folder, given)
    (loaded,) = mapset.load(folder)
    of_beatmaps = [Evidence(beatmap, level=loaded.levels[beatmap.path], mapset=loaded) for beatmap in loaded.beatmaps]
    return [
        finding
        for finding in findings_of_set(check, MapsetEvidence(loaded, of_beatmaps))
        if finding.rule.startswith(only)
    ]


def rules(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity.value) for finding in findings]


def changed(**changes: dict[str, object]) -> dict[str, Version]:
    given = versions()
    for name, fields in changes.items():
        given[name] = replace(given[name], **fields)
    return given


# ---------------------------------------------------------------------------------------------------------------------
# Consistency


def test_a_single_difficulty_agrees_with_itself(tmp_path):
    only = {"Normal": versions()["Normal"]}
    assert found(tmp_path, consistency.CHECK, only) == [] == found(tmp_path, shared_timing.CHECK)


def test_the_order_of_tags_and_missing_unicode_fields_do_not_matter(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_metadata(Tags="song pop English", TitleUnicode="", ArtistUnicode="")
    assert found(tmp_path, consistency.CHECK, given) == []


def test_a_new_difficulty_has_no_id_yet(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_metadata(BeatmapSetID="-1")
    assert rules(found(tmp_path, consistency.CHECK, given)) == [("mapset/ids", "minor")]


@pytest.mark.parametrize("text", ["--1", "²", "1e400", "9" * 5_000, "", "\u0661"])
def test_ids_that_are_no_numbers_are_none(tmp_path, text):
    given = {name: version.with_metadata(BeatmapSetID=text, BeatmapID=text) for name, version in versions().items()}
    write_media(tmp_path)
    assert found(tmp_path, consistency.CHECK, given) == []


@pytest.mark.parametrize("text", ["nan", "inf", "-1e400", "1e308", "x"])
def test_previews_at_no_time_are_none(tmp_path, text):
    given = {name: version.with_general(PreviewTime=text) for name, version in versions().items()}
    write_media(tmp_path)
    assert [(one.rule, one.actual) for one in found(tmp_path, consistency.CHECK, given)] == [("mapset/preview", "none")]


@pytest.mark.parametrize("time", ["nan", "-1e400", "1e308", "x"])
def test_sounds_of_a_storyboard_at_no_time_are_left_out(tmp_path, time):
    given = versions()
    given["Hard"] = replace(given["Hard"], events=(*given["Hard"].events, f'Sample,{time},0,"kick.wav",70'))
    write_media(tmp_path)
    assert found(tmp_path, samples.CHECK, given) == []


def test_two_difficulties_with_one_id_or_name(tmp_path):
    given = versions()
    given["Hard"], given["Normal"] = (
        given["Hard"].with_metadata(BeatmapID="7"),
        given["Normal"].with_metadata(BeatmapID="7"),
    )
    assert [f.evidence["subject"] for f in found(tmp_path, consistency.CHECK, given)] == ["BeatmapID"]
    write(tmp_path, versions())
    (tmp_path / "copy.osu").write_text(versions()["Hard"].text())
    (finding,) = found(tmp_path, consistency.CHECK, only="mapset/ids")
    assert "only one of them can be submitted" in finding.message


def test_letterbox_matters_where_there_are_breaks_only(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_general(LetterboxInBreaks="1")
    assert found(tmp_path, consistency.CHECK, given) == []


def test_video_at_two_times(tmp_path):
    given = changed(
        **{
            name: {"events": (*EVENTS, f'Video,{start},"v.mp4"')}
            for name, start in (("Normal", 0), ("Hard", 0), ("Insane", 0), ("Expert", 40))
        }
    )
    assert rules(found(tmp_path, consistency.CHECK, given)) == [("mapset/videos-differ", "problem")]


@pytest.mark.parametrize(("other", "count"), [('Video,0,"b.mp4"', 1), ('Video,0,"v.mp4"', 0), ("", 0)])
def test_videos_of_two_modes(tmp_path, other: str, count: int):
    given = changed(**{name: {"events": (*EVENTS, 'Video,0,"v.mp4"')} for name in ("Normal", "Hard", "Insane")})
    given["Expert"] = replace(given["Expert"], events=(*EVENTS, other)).with_general(Mode="2")
    assert (
        rules(found(tmp_path, consistency.CHECK, given, "mapset/videos"))
        == [("mapset/videos-differ", "warning")] * count
    )


def test_rounding_of_red_lines_is_forgiven(tmp_path):
    line = LINES[0].replace("2000,400,", "2000.7,400.0000001,", 1)
    assert found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (line, *LINES[1:])})) == []


def test_a_kiai_that_each_difficulty_has_for_itself_is_style(tmp_path):
    def late(beats: int) -> dict[str, object]:
        return {"lines": (LINES[0], LINES[1].replace("21200", str(21_200 + beats * 400)), LINES[2])}

    given = changed(Normal=late(4), Hard=late(8), Insane=late(12))
    assert found(tmp_path, shared_timing.CHECK, given, "mapset/kiai") == []


@pytest.mark.parametrize(
    ("usual", "own", "words"),
    [
        (21_200, 22_800, "Kiai begins here, and at 00:21:200 in [Expert], [Insane] and [Normal]."),
        (46_800, 43_600, "Kiai ends here, and at 00:46:800 in [Expert], [Insane] and [Normal]."),
    ],
)
def test_kiai_that_one_difficulty_has_elsewhere(tmp_path, usual: int, own: int, words: str):
    given = changed(Hard={"lines": tuple(line.replace(str(usual), str(own)) for line in LINES)})
    (finding,) = found(tmp_path, shared_timing.CHECK, given, "mapset/kiai")
    assert finding.message == words and finding.time == own


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ((21_200, 46_800), None),
        (
            (21_200, 30_000, 34_000, 46_800),
            "Kiai is off from here to 00:34:000, but not in [Expert], [Insane] and [Normal].",
        ),
        (
            (21_200, 46_800, 52_000, 56_000),
            "Kiai is on from here to 00:56:000, but not in [Expert], [Insane] and [Normal].",
        ),
    ],
)
def test_kiai_that_one_difficulty_interrupts_or_adds(tmp_path, own: tuple[int, ...], words: str | None):
    lines = tuple(f"{time},-100,4,2,0,70,0,{1 - place % 2}" for place, time in enumerate(own))
    findings = found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (LINES[0], *lines)}), "mapset/kiai")
    assert [finding.message for finding in findings] == ([words] if words else [])


# ---------------------------------------------------------------------------------------------------------------------
# Spread, agreement


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


def test_tempos_differ_by_their_decimals(tmp_path):
    line = LINES[0].replace(",400,", ",400.01,", 1)
    (finding,) = found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (line, *LINES[1:])}), "mapset/red-lines")
    assert finding.severity == "problem" and "149.996 BPM here and 150.000" in finding.message


def test_one_difficulty_with_another_tick_rate(tmp_path):
    given = versions()
    given["Hard"] = replace(given["Hard"], difficulty={**given["Hard"].difficulty, "slider_tick_rate": 2})
    (finding,) = found(tmp_path, consistency.CHECK, given)
    assert rules([finding]) == [("mapset/tick-rates-differ", "minor")]
    assert finding.actual == "2" and finding.expected[0].text == "1"


def test_a_bar_line_that_one_difficulty_of_taiko_omits(tmp_path):
    given = {name: one.with_general(Mode="1") for name, one in versions().items()}
    line = LINES[0].rpartition(",")[0] + ",8"
    given["Hard"] = replace(given["Hard"], lines=(line, *LINES[1:]))
    (finding,) = found(tmp_path, shared_timing.CHECK, given)
    assert rules([finding]) == [("mapset/bar-lines", "warning")] and finding.actual == "omitted"


def test_storyboards_of_single_difficulties(tmp_path):
    given = changed(Hard={"events": (*EVENTS, 'Sprite,Foreground,Centre,"bg.png",320,240')})
    (finding,) = found(tmp_path, consistency.CHECK, given)
    assert rules([finding]) == [("mapset/settings-differ", "minor")] and finding.evidence["subject"] == "storyboard"


def with_hits(at: int, **lines: str) -> dict[str, Version]:
    """Difficulties of claps on each beat, one with another line at the beat `at`."""
    usual = {name: [f"256,192,{FIRST_MS + beat * BEAT_MS},1,8,0:0:0:0:" for beat in range(60)] for name in "ABCD"}
    for name, line in lines.items():
        usual[name][at] = line
    return {name: Version(name, objects) for name, objects in usual.items()}


@pytest.mark.parametrize(
    ("sample", "files", "message"),
    [
        ("0,0:0:0:0:", (), "has no clap"),
        ("8,0:1:0:0:", (), "plays its clap from the normal set"),
        ("0,3:0:2:0:", (), "has no clap"),
        ("0,3:0:2:0:", ("drum-hitnormal2.wav",), ""),  # a sample that may hold the clap
    ],
)
def test_what_is_heard_counts_in_additions(tmp_path, sample: str, files: tuple[str, ...], message: str):
    for name in files:
        hitsound(tmp_path / name)
    given = with_hits(30, B=f"256,192,{FIRST_MS + 30 * BEAT_MS},1,{sample}")
    messages = [finding.message for finding in found(tmp_path, agreement.CHECK, given, "mapset/missing-addition")]
    assert len(messages) == bool(message) and all(message in one for one in messages)


def test_storyboarded_samples_are_heard(tmp_path):
    time = FIRST_MS + 30 * BEAT_MS
    given = with_hits(30, B=f"256,192,{time},1,0,0:0:0:0:")
    given["B"] = replace(given["B"], events=(*EVENTS, f'Sample,{time},0,"clap.wav",70'))
    assert found(tmp_path, agreement.CHECK, given, "mapset/missing-addition") == []


def without_claps(*beats: int) -> dict[str, Version]:
    given = with_hits(0)
    lines = [line.replace(",8,", ",0,") if beat in beats else line for beat, line in enumerate(given["B"].objects)]
    return {**given, "B": replace(given["B"], objects=lines)}


@pytest.mark.parametrize(
    ("beats", "further"),
    [
        ((20,), "has no clap; the 3 other difficulties with a hit here do."),
        ((20, 30, 41), "hit here do; the same at 2 more places: 00:14:000, 00:18:400."),
    ],
)
def test_additions_missing_at_several_places_are_one_finding(tmp_path, beats: tuple[int, ...], further: str):
    (finding,) = found(tmp_path, agreement.CHECK, without_claps(*beats), "mapset/missing-addition")
    assert finding.message.endswith(further) and finding.objects == (20,)
    assert finding.evidence["places"] == len(beats) and finding.evidence["objects_alike"] == list(beats[1:])
    assert finding.severity.value == ("warning" if len(beats) == 1 else "minor")


def test_a_passage_on_thirds_where_others_have_quarters(tmp_path):
    def passage(step: float, count: int = 24, start: int = 16) -> list[str]:
        times = [int(FIRST_MS + start * BEAT_MS + place * BEAT_MS * step) for place in range(count)]
        return [f"256,192,{time},1,0,0:0:0:0:" for time in times]

    def halves(start: int, end: int) -> list[str]:
        return [f"256,192,{FIRST_MS + half * BEAT_MS // 2},1,0,0:0:0:0:" for half in range(start, end)]

    plan = {"A": 1 / 3, "B": 1 / 4, "C": 1 / 4, "D": 1 / 2}
    given = {name: Version(name, [*halves(0, 30), *passage(step)]) for name, step in plan.items()}
    (finding,) = found(tmp_path, set_snaps.CHECK, given)
    assert rules([finding]) == [("mapset/snaps-differ", "warning")]
    assert "[B] and [C] have quarters" in finding.message and finding.time == FIRST_MS + 16 * BEAT_MS + 133

    again = {
        name: Version(name, [*halves(0, 30), *passage(step), *halves(60, 80), *passage(step, start=40)])
        for name, step in plan.items()
    }
    twice = tmp_path / "twice"
    twice.mkdir()
    (finding,) = found(twice, set_snaps.CHECK, again)
    assert rules([finding]) == [("mapset/snaps-differ", "minor")] and finding.evidence["passages"] == 2
    assert "[B] and [C] have quarters; the same in 1 more passage: 00:18:133." in finding.message

    others = tmp_path / "others"
    others.mkdir()
    del given["C"], given["A"]
    assert found(others, set_snaps.CHECK, given) == []


def test_what_a_slider_covers_is_not_missing(tmp_path):
    given = versions()
    objects = list(given["Insane"].objects)
    x, y, time = objects[95].split(",")[:3]
    objects[95:97] = [f"{x},{y},{time},2,0,L|{float(x) + 140:g}:{y},1,140"]  # a beat long
    given["Insane"] = replace(given["Insane"], objects=objects)
    assert found(tmp_path, agreement.CHECK, given, "mapset/missing-object") == []


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ((20,), [("mapset/missing-object", "minor")]),
        ((20, 30), [("mapset/missing-object", "minor")]),
        ((20, 30, 36, 40), []),
    ],
)
def test_objects_missing_at_several_places_are_one_finding(tmp_path, beats: tuple[int, ...], expected: list):
    given = with_hits(0)
    given["A"] = replace(given["A"], objects=given["A"].objects[::2])  # the easiest
    given["B"] = replace(
        given["B"], objects=[line for beat, line in enumerate(given["B"].objects) if beat not in beats]
    )
    findings = [one for one in found(tmp_path, agreement.CHECK, given) if one.rule == "mapset/missing-object"]
    assert rules(findings) == expected
    assert len(beats) != 2 or "; the same at 1 more place: 00:14:000." in findings[0].message


@pytest.mark.parametrize(("pause", "spinner", "count"), [(4, False, 1), (5, False, 0), (4, True, 0)])
def test_an_object_of_all_others_in_a_pause(tmp_path, pause: int, spinner: bool, count: int):
    given = with_hits(0)
    kept = {0, 10, 12, 24}
    given["A"] = replace(given["A"], objects=[line for beat, line in enumerate(given["A"].objects) if beat in kept])
    first = 12 - pause // 2
    own = [line for beat, line in enumerate(given["B"].objects) if not first <= beat <= first + pause - 2]
    if spinner:  # instead of the object that begins the pause
        place = next(
            place for place, line in enumerate(own) if int(line.split(",")[2]) == FIRST_MS + (first - 1) * BEAT_MS
        )
        own[place] = f"256,192,{FIRST_MS + (first - 2) * BEAT_MS + 50},12,0,{FIRST_MS + (first - 1) * BEAT_MS},0:0:0:0:"
    given["B"] = replace(given["B"], objects=own)
    assert len(found(tmp_path, agreement.CHECK, given, "mapset/missing-object")) == count


def test_what_the_easiest_leaves_out_is_not_missing(tmp_path):
    given = versions()
    given["Normal"] = given["Normal"].with_objects(lambda lines: lines[:10] + lines[11:])
    assert found(tmp_path, agreement.CHECK, given) == []


@pytest.mark.parametrize(("shift", "count"), [(33, 1), (-50, 1), (4, 0), (100, 0)])
def test_an_object_beside_those_of_all_others(tmp_path, shift: int, count: int):
    given = versions()
    objects = list(given["Insane"].objects)
    fields = objects[96].split(",")
    objects[96] = ",".join([*fields[:2], str(int(fields[2]) + shift), *fields[3:]])
    given["Insane"] = replace(given["Insane"], objects=objects)
    findings = found(tmp_path, agreement.CHECK, given, "mapset/beside-others")
    assert [finding.objects for finding in findings] == [(96,)] * count


@pytest.mark.parametrize(("gap", "count"), [(1 / 3, 0), (1 / 2, 1)])
def test_a_figure_of_fine_equal_gaps_is_a_rhythm_of_its_own(tmp_path, gap: float, count: int):
    given = with_hits(0)
    hits = [line for beat, line in enumerate(given["B"].objects) if not 29 <= beat <= 31]
    figure = [f"256,192,{FIRST_MS + (30 - 1 / 12 + place * gap) * BEAT_MS:.0f},1,8,0:0:0:0:" for place in (-1, 0, 1)]
    given["B"] = replace(given["B"], objects=[*hits[:29], *figure, *hits[29:]])
    findings = found(tmp_path, agreement.CHECK, given, "mapset/beside-others")
    assert [finding.objects for finding in findings] == [(30,)] * count


@pytest.mark.parametrize(("name", "count"), [("Normal", 1), ("Expert", 0)])
def test_an_object_of_the_easier_of_two_beside_one_of_the_harder(tmp_path, name: str, count: int):
    given = {one: version for one, version in versions().items() if one in ("Normal", "Expert")}
    objects = list(given[name].objects)
    fields = objects[len(objects) // 2 + 1].split(",")
    objects[len(objects) // 2 + 1] = ",".join([*fields[:2], str(int(fields[2]) + 33), *fields[3:]])
    given[name] = replace(given[name], objects=objects)
    findings = found(tmp_path, agreement.CHECK, given, "mapset/")
    assert rules(findings) == [("mapset/beside-others", "minor")] * count


def test_hitsounds_of_its_own(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_objects(
        lambda lines: [line.replace(",8,0:0:0:0:", ",0,0:0:0:0:") for line in lines]
    )
    assert found(tmp_path, agreement.CHECK, given) == []


# ---------------------------------------------------------------------------------------------------------------------
# Metadata


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


def test_difficulties_without_a_name(tmp_path):
    given = {name: version for name, version in versions().items() if name in ("Normal", "Hard")}
    for name, version in given.items():
        (tmp_path / f"{name}.osu").write_text(version.text().replace(f"Version:{name}\n", ""))
    assert [finding.actual for finding in found(tmp_path, consistency.CHECK, only="mapset/ids")] == [""]


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_guests_are_in_the_tags(tmp_path, apostrophe: str):
    given = versions()
    given["Hard"] = replace(given["Hard"], name=f"Some Guest{apostrophe}s Hard")
    assert [f.rule for f in found(tmp_path, metadata.CHECK, given)] == ["mapset/guest-tag"]
    tagged = {name: version.with_metadata(Tags="english pop some_guest") for name, version in given.items()}
    assert found(tmp_path, metadata.CHECK, tagged) == []


# ---------------------------------------------------------------------------------------------------------------------
# Files


def test_a_song_of_another_format(tmp_path):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "audio.mp3", np.zeros(int(SONG_SECONDS + 1) * 22_050), 22_050, format="WAV")
    findings = found(tmp_path, files.CHECK, versions())
    assert [finding.rule for finding in findings] == [
        "mapset/audio-format",
        "mapset/audio-bitrate",
        "mapset/audio-bitrate",
    ]
    assert findings[0].message == '"audio.mp3" is neither an mp3 nor an Ogg Vorbis file, but wav.'


@pytest.mark.parametrize(("rate", "count"), [(44_100, 0), (48_000, 0), (48_001, 1), (96_000, 1)])
def test_sample_rates_up_to_48_khz(tmp_path, monkeypatch, rate: int, count: int):
    write_media(tmp_path)
    probed = files.probe.probe
    monkeypatch.setattr(
        files.probe, "probe", lambda path, *given: structs.replace(probed(path, *given), sample_rate=rate)
    )
    findings = found(tmp_path, files.CHECK, versions(), "mapset/audio-bitrate")
    assert [finding.severity for finding in findings] == ["problem"] * count


@pytest.mark.parametrize(
    ("kilobits", "highest", "count"), [(160, 11.0, 1), (160, 15.3, 1), (160, 100.0, 0), (160, 17.3, 0), (96, 8.0, 0)]
)
def test_a_song_that_was_encoded_at_a_lower_rate(tmp_path, kilobits: int, highest: float, count: int):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", 8, kilobits=kilobits, level=0.1, highest_khz=highest, again_after=8)
    findings = found(tmp_path, files.CHECK, versions(), "mapset/audio-encoded-up")
    assert [finding.severity for finding in findings] == ["warning"] * count


def test_a_song_that_goes_on_for_long(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", seconds=10, kilobits=128)
    short = {
        name: version.with_objects(lambda lines: lines[:5]) for name, version in versions().items()
    }  # the longest ends at 5.2 s
    assert rules(found(tmp_path, files.CHECK, short)) == [("mapset/audio-unused", "warning")]


def test_a_song_that_ends_before_the_map(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", seconds=100)
    short = versions()
    short["Hard"] = short["Hard"].with_objects(lambda lines: lines[:5])
    findings = found(tmp_path, files.CHECK, short)
    assert rules(findings) == [("mapset/objects-after-song", "problem")] * 3
    media = probe.probe(tmp_path / "audio.mp3")
    assert media is not None and media.duration is not None and 0 < findings[0].time - media.duration <= 2 * BEAT_MS
    assert f"is {media.duration / 1000:.1f} s long" in findings[0].message


@pytest.mark.parametrize(("late", "expected"), [(900, []), (1_100, [("mapset/objects-after-song", "minor")])])
def test_a_spinner_held_while_the_song_ends(tmp_path, late: int, expected: list[tuple[str, str]]):
    write_media(tmp_path)
    media = probe.probe(tmp_path / "audio.mp3")
    assert media is not None and media.duration is not None
    spinner = f"256,192,{FIRST_MS},12,0,{round(media.duration) + late},0:0:0:0:"
    hard = versions()["Hard"].with_objects(lambda _: [spinner])
    assert rules(found(tmp_path, files.CHECK, {"Hard": hard})) == expected


@pytest.mark.parametrize(("rate", "expected"), [(44_100, 0), (48_000, 0), (96_000, 1), (22_050, 1)])
def test_the_sample_rate_of_the_song(tmp_path, rate: int, expected: int):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "audio.ogg", np.random.default_rng(0).normal(0, 0.1, 5 * rate), rate, format="OGG")
    (tmp_path / "audio.ogg").write_bytes((tmp_path / "audio.ogg").read_bytes() * (int(SONG_SECONDS / 5) + 1))
    ogg = {name: version.with_general(AudioFilename="audio.ogg") for name, version in versions().items()}
    (tmp_path / "audio.mp3").unlink()
    named = [
        f.message
        for f in found(tmp_path, files.CHECK, ogg)
        if f"{rate / 1000:g} kHz" in f.message or f"{rate} samples" in f.message
    ]
    assert len(named) == expected


@pytest.mark.parametrize(
    ("size", "severity"),
    [((2560, 1440), None), ((2561, 100), "problem"), ((100, 100), "problem"), ((800, 600), "warning")],
)
def test_sizes_of_backgrounds(tmp_path, size: tuple[int, int], severity: str | None):
    write_media(tmp_path)
    picture(tmp_path / "bg.png", *size)
    assert [f.severity for f in found(tmp_path, files.CHECK, versions())] == ([] if severity is None else [severity])


def test_a_background_outside_the_folder_is_not_looked_at(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    write_media(folder)
    picture(tmp_path / "bg.png")
    given = changed(Hard={"events": ('0,0,"..\\bg.png",0,0',)})
    (finding,) = found(folder, files.CHECK, given)
    assert finding.message == 'The background "..\\bg.png" leads out of the folder.'


def test_videos(tmp_path):
    import av

    if "libx264" not in av.codecs_available:
        pytest.skip("no H.264 encoder")
    write_media(tmp_path)
    given = {name: replace(version, events=(*EVENTS, 'Video,0,"v.mp4"')) for name, version in versions().items()}
    video(tmp_path / "v.mp4")
    assert found(tmp_path, files.CHECK, given) == []
    video(tmp_path / "v.mp4", 1920, 1080, codec="mpeg4", with_sound=True)
    assert [finding.actual for finding in found(tmp_path, files.CHECK)] == ["1920 x 1080", "aac", "mpeg4"]
    (tmp_path / "v.mp4").write_bytes(b"nothing of the kind")
    assert rules(found(tmp_path, files.CHECK)) == [("mapset/video", "warning")]


# ---------------------------------------------------------------------------------------------------------------------
# Samples and the rest


@pytest.mark.parametrize(
    ("milliseconds", "delay", "level", "expected"),
    [
        (100, 0, 0.5, []),
        (100, 2, 0.5, [("mapset/hitsound-delay", "minor")]),
        (100, 6, 0.5, [("mapset/hitsound-delay", "problem")]),
        (20, 0, 0.5, [("mapset/hitsound-short", "problem")]),
        (100, 0, 0, [("mapset/hitsound-silent", "minor")]),
    ],
)
def test_hitsounds(tmp_path, milliseconds: float, delay: float, level: float, expected: list[tuple[str, str]]):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitclap2.wav", milliseconds, delay, level)
    assert rules(found(tmp_path, samples.CHECK, versions())) == expected


def test_an_mp3_as_hitsound(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "soft-hitclap2.wav", 0.5, level=0.05)
    findings = found(tmp_path, samples.CHECK, versions())
    assert rules(findings) == [("mapset/hitsound-format", "problem")] and "but mp3" in findings[0].message


def test_the_empty_wav_file_is_how_to_be_silent(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitwhistle.wav", 0)
    assert (tmp_path / "soft-hitwhistle.wav").stat().st_size == 44
    assert found(tmp_path, samples.CHECK, versions()) == []


def test_hitsounds_that_no_hit_plays(tmp_path):
    write_media(tmp_path)
    for name in ("soft-hitnormal3.wav", "taiko-soft-hitclap2.wav", "drum-hitclap2.wav"):
        hitsound(tmp_path / name)
    (finding,) = found(tmp_path, samples.CHECK, versions())
    assert finding.rule == "mapset/unused-file" and "hitsounds that no hit plays" in finding.message
    assert finding.evidence["files"] == ["drum-hitclap2.wav", "soft-hitnormal3.wav"]


def test_a_hitsound_that_cannot_be_read(tmp_path):
    write_media(tmp_path)
    (tmp_path / "soft-hitclap2.wav").write_bytes(b"RIFF" + b"x" * 100)
    (finding,) = found(tmp_path, samples.CHECK, versions())
    assert rules([finding]) == [("mapset/hitsound-format", "warning")]


@pytest.mark.parametrize(("right", "severity"), [(0.5, None), (0.3, None), (0.2, "minor"), (0.0, "warning")])
def test_hitsounds_on_one_side(tmp_path, right: float, severity: str | None):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "soft-hitclap2.wav", np.full((4410, 2), (0.5, right)), 44_100)
    assert rules(found(tmp_path, samples.CHECK, versions())) == (
        [("mapset/hitsound-balance", severity)] if severity else []
    )


def test_frequent_finishes(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitfinish2.wav")

    def often(lines: list[str]) -> list[str]:
        return [line.replace(",8,0:0:2:0:", ",12,0:0:2:0:") for line in lines]

    given = versions()
    given["Normal"] = given["Normal"].with_objects(often)
    assert rules(found(tmp_path, samples.CHECK, given)) == [("mapset/hitsound-finish", "minor")]
    given["Normal"] = given["Normal"].with_objects(lambda lines: [*lines[:-20], *often(lines[-20:])])
    sparse = tmp_path / "sparse"
    sparse.mkdir()
    given["Normal"] = versions()["Normal"].with_objects(lambda lines: [*lines[:-20], *often(lines[-20:])])
    write_media(sparse)
    hitsound(sparse / "soft-hitfinish2.wav")
    assert found(sparse, samples.CHECK, given) == []


def test_pictures_of_the_storyboard(tmp_path):
    write_media(tmp_path)
    picture(tmp_path / "large.png", 5000, 3401)
    picture(tmp_path / "full.png", 5000, 3400)
    board = '[Events]\nSprite,Foreground,Centre,"large.png",320,240\nSprite,Overlay,Centre,"full.png",320,240\n'
    (tmp_path / "song.osb").write_text(board)
    findings = found(tmp_path, samples.CHECK, versions())
    assert rules(findings) == [("mapset/storyboard-file", "problem"), ("mapset/storyboard-file", "minor")]
    assert "large.png" in findings[0].message and "Overlay" in findings[1].message


def test_a_picture_is_missing_once_whichever_way_its_slash_leans(tmp_path):
    write_media(tmp_path)
    given = {
        name: replace(version, events=(*EVENTS, f'Sprite,Foreground,Centre,"{picture}",320,240'))
        for (name, version), picture in zip(versions().items(), ("sb/a.png", "sb\\a.png") * 2, strict=True)
    }
    messages = {finding.message for finding in found(tmp_path, samples.CHECK, given, "mapset/storyboard-file")}
    assert messages == {'The storyboard shows "sb/a.png", which the folder does not have.'}


def test_sounds_of_the_storyboard_of_the_set(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "drum.wav")
    (tmp_path / "song.osb").write_text('[Events]\nSample,1000,0,"drum.wav",70\n')
    assert rules(found(tmp_path, samples.CHECK, versions())) == [("mapset/storyboarded-hitsounds", "minor")]


def test_skins(tmp_path):
    write_media(tmp_path)
    assert found(tmp_path, skins.CHECK, versions()) == []
    for name in ("cursor.png", "spinner-circle.png", "spinner-glow.png", "hitcircle@2x.png"):
        picture(tmp_path / name, 8, 8)
    findings = found(tmp_path, skins.CHECK)
    subjects = [finding.evidence["subject"] for finding in findings]
    assert subjects == ["cursor", "hit circle", "spinner", "new spinner", "spinners", "SliderBorder"]
    assert {finding.severity for finding in findings} == {"warning"}
    forced = tmp_path / "forced"
    forced.mkdir()
    given = {name: version.with_general(SkinPreference="Default") for name, version in versions().items()}
    picture(forced / "cursor.png", 8, 8)
    assert found(forced, skins.CHECK, given) == []


def test_formats_of_skin_elements(tmp_path):
    for name in ("cursor.jpg", "cursortrail.jpg", "cursortrail.png", "menu-background.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (finding,) = found(tmp_path, skins.CHECK, versions(), "mapset/skin-format")
    assert (finding.severity, finding.evidence["elements"]) == ("warning", ["cursor"])


@pytest.mark.parametrize(("mode", "count"), [("1", 1), ("2", 0), ("0", 0)])
def test_skin_elements_of_a_mode_that_the_set_does_not_have(tmp_path, mode: str, count: int):
    picture(tmp_path / "fruit-apple.png", 128, 128)
    given = {name: version.with_general(Mode=mode) for name, version in versions().items()}
    assert rules(found(tmp_path, skins.CHECK, given, "mapset/skin-unused")) == [("mapset/skin-unused", "minor")] * count


def test_hit_bursts_of_mania(tmp_path):
    (tmp_path / "mania-hit300-0.png").write_bytes(b"x")
    given = {"Hard": versions()["Hard"].with_general(Mode="3")}
    (finding,) = found(tmp_path, skins.CHECK, given, "mapset/skin-set")
    assert "mania-hit0, mania-hit50, mania-hit100, mania-hit200" in finding.message


def test_a_whole_set_of_skin_elements(tmp_path):
    for name in ("cursor.png", "cursortrail.png", "cursormiddle.png", "sliderb0.png", "sliderb1.png"):
        picture(tmp_path / name, 8, 8)
    for name in ("sliderfollowcircle-0.png", "sliderscorepoint.png"):
        picture(tmp_path / name, 8, 8)
    assert [finding.evidence["subject"] for finding in found(tmp_path, skins.CHECK, versions())] == ["SliderBorder"]


def test_skins_of_catch(tmp_path):
    for name, size in (("fruit-drop.png", (82, 103)), ("fruit-pear@2x.png", (256, 256)), ("fruit-apple.png", (64, 64))):
        picture(tmp_path / name, *size)
    picture(tmp_path / "fruit-catcher-idle-0.png", 300, 300)
    given = {"Cup": replace(versions()["Normal"], name="Cup").with_general(Mode="2")}
    findings = found(tmp_path, skins.CHECK, given)
    assert [finding.evidence["subject"] for finding in findings] == ["fruits", "catcher", "fruit-apple.png"]
    assert "fruit-catcher-fail" in findings[1].message and "skin.ini" in findings[1].message


def of_mania(*lines: str) -> dict[str, Version]:
    return {"Hard": Version("Hard", [f"64,192,{FIRST_MS},1,0,0:0:0:0:", *lines]).with_general(Mode="3")}


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("64,192,9000,1,0,0:0:0:0:", (), ["mapset/hitnormal-missing"]),
        ("64,192,9000,1,0,0:0:0:0:bell.wav", ("bell.wav",), []),  # keysounds
        ("64,192,9000,1,0,0:0:0:0:", ("soft-hitnormal.wav",), []),
        ("64,192,9000,1,8,0:0:3:0:", ("soft-hitnormal3.wav",), ["mapset/sample-missing"]),  # no soft-hitclap3
        ("64,192,9000,1,8,0:0:3:0:", ("soft-hitnormal3.wav", "soft-hitclap3.wav"), []),
        ("64,192,9000,1,8,0:0:1:0:", ("soft-hitnormal.wav",), []),  # the player's clap is meant
    ],
)
def test_samples_of_mania(tmp_path, line: str, files: tuple[str, ...], expected: list[str]):
    for name in files:
        hitsound(tmp_path / name)
    picture(tmp_path / "bg.png")
    kinds = ("mapset/hitnormal-missing", "mapset/sample-missing")
    findings = [one for one in found(tmp_path, samples.CHECK, of_mania(line)) if one.rule in kinds]
    assert rules(findings) == [(rule, "minor") for rule in expected]


def test_named_samples_and_storyboards(tmp_path):
    write_media(tmp_path)
    given = versions()
    given["Hard"] = given["Hard"].with_objects(
        lambda lines: [lines[0].replace("0:0:0:0:", "0:0:0:0:kick.wav"), *lines[1:]]
    )
    board = (
        '[Events]\nAnimation,Foreground,Centre,"sb/a.png",320,240,2,100\nSprite,Foreground,Centre,"sb/b.png",320,240\n'
    )
    (tmp_path / "song.osb").write_text(board)
    (tmp_path / "sb").mkdir()
    for name in ("a0.png", "b.png", "c.png"):
        (tmp_path / "sb" / name).write_bytes(b"x")
    findings = found(tmp_path, samples.CHECK, given)
    assert [(finding.rule, finding.actual) for finding in findings] == [
        ("mapset/sample-missing", "kick.wav"),
        ("mapset/storyboard-file", "sb/a1.png"),
        ("mapset/unused-file", "sb/c.png"),
    ]
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    (tmp_path / "sb" / "a1.png").write_bytes(b"x")
    assert [finding.actual for finding in found(tmp_path, samples.CHECK)] == ["sb/c.png"]


def test_elements_of_a_skin_and_what_git_needs_are_no_left_overs(tmp_path):
    write_media(tmp_path)
    for name in (
        "hitcircle.png",
        "cursor@2x.png",
        "skin.ini",
        "combobreak.wav",
        ".gitignore",
        "maimod.toml",
        "README.md",
    ):
        (tmp_path / name).write_bytes(b"x" * 50)
    assert found(tmp_path, samples.CHECK, versions()) == []


@pytest.mark.parametrize(
    ("extra", "message"),
    [("50000,400,4,2,0,70,1,0", "There is no red line at 00:50:000 in [Expert], [Insane] and [Normal]."), (None, None)],
)
def test_red_lines_too_many(tmp_path, extra: str | None, message: str | None):
    lines = LINES if extra is None else (*LINES, extra)
    messages = [finding.message for finding in found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": lines}))]
    assert messages == ([] if message is None else [message])


def test_a_red_line_that_was_moved_and_one_that_is_missing(tmp_path):
    common = (*LINES, "60000,400,4,2,0,70,1,0", "90000,400,4,2,0,70,1,0")
    given = {name: replace(version, lines=common) for name, version in versions().items()}
    given["Hard"] = replace(given["Hard"], lines=(*LINES, "60010,400,4,2,0,70,1,0"))
    (finding,) = found(tmp_path, shared_timing.CHECK, given)
    assert (
        finding.message
        == (
            "The red line at 01:00:010 is at 01:00:000 in [Expert], [Insane] and [Normal]; "
            "1 more of its red lines differs."
        )
        and finding.time == 60_010
    )


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

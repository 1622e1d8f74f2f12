"""Objects and additions that one difficulty alone lacks or has elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from maimod.rules.mapset import agreement
from tests.mapset import BEAT_MS, EVENTS, FIRST_MS, Version, hitsound, versions
from tests.sets import found, rules


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
        (
            "8,0:1:0:0:",
            (),
            "plays its clap from the normal sample set, the 3 other difficulties with a hit here play it from the soft set.",
        ),
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


def test_the_set_of_an_addition_is_named_on_both_sides(tmp_path):
    given = with_hits(30, B=f"256,192,{FIRST_MS + 30 * BEAT_MS},1,8,0:1:0:0:")
    (finding,) = found(tmp_path, agreement.CHECK, given, "mapset/missing-addition")
    assert (finding.actual, [one.text for one in finding.expected]) == ("normal clap", ["soft clap"])


@pytest.mark.parametrize(
    ("beats", "further"),
    [
        ((20,), "has no clap, unlike the 3 other difficulties with a hit here."),
        ((20, 30, 41), "hit here; the same at 2 more places: 00:14:000, 00:18:400."),
    ],
)
def test_additions_missing_at_several_places_are_one_finding(tmp_path, beats: tuple[int, ...], further: str):
    (finding,) = found(tmp_path, agreement.CHECK, without_claps(*beats), "mapset/missing-addition")
    assert finding.message.endswith(further) and finding.objects == (20,)
    assert finding.evidence["places"] == len(beats) and finding.evidence["objects_alike"] == list(beats[1:])
    assert finding.severity.value == ("warning" if len(beats) == 1 else "minor")


def with_tails(silent: Collection[int]) -> dict[str, Version]:
    """Three difficulties of sliders of one beat, from every other beat on, with claps on their ends, but for those of B with these numbers."""
    given = {}
    for name in "ABC":
        ends = [0 if name == "B" and i in silent else 8 for i in range(40)]
        lines = [f"100,192,{FIRST_MS + 2 * i * BEAT_MS},2,0,L|240:192,1,140,0|{end}" for i, end in enumerate(ends)]
        given[name] = Version(name, lines)
    return given


@pytest.mark.parametrize(
    ("silent", "places"),
    [
        (range(10, 14), 4),
        (range(10, 13), 0),
        ([10, 11, 12, 13, 30], 0),  # once more, elsewhere
        ([10, 13, 16, 19], 0),  # longer than four measures
        (range(10, 19), 0),  # more than a fifth
    ],
    ids=["passage", "few", "elsewhere", "long", "many"],
)
def test_slider_ends_of_one_passage_without_additions(tmp_path, silent: Collection[int], places: int):
    findings = found(tmp_path, agreement.CHECK, with_tails(silent), "mapset/missing-addition")
    assert [(one.evidence["places"], one.severity.value) for one in findings] == [(places, "minor")] * bool(places)


def test_a_passage_with_many_additions_less_is_one_finding(tmp_path):
    (finding,) = found(tmp_path, agreement.CHECK, without_claps(*range(20, 28)), "mapset/missing-addition")
    assert finding.evidence["places"] == 8 and finding.severity.value == "minor"
    # One of another sample set is a way of its own.
    given = without_claps(*range(20, 28))
    given["B"].objects[28] = given["B"].objects[28].replace("0:0:0:0:", "0:1:0:0:")
    assert not found(tmp_path, agreement.CHECK, given, "mapset/missing-addition")


def with_finishes(*beats: int, names: str = "B", count: int = 4) -> dict[str, Version]:
    """Difficulties of claps on each beat, some with a finish too on these."""
    given = dict(list(with_hits(0).items())[:count])
    for name in names:
        lines = [
            line.replace(",8,", ",12,") if beat in beats else line for beat, line in enumerate(given[name].objects)
        ]
        given[name] = replace(given[name], objects=lines)
    return given


def test_additions_that_one_difficulty_has_in_a_passage(tmp_path):
    (finding,) = found(tmp_path, agreement.CHECK, with_finishes(20, 21, 23, 24), "mapset/extra-additions")
    assert finding.message.startswith(
        "4 hits from here to 00:11:600 have additions that the other difficulties with a hit there lack, first a finish; nowhere else in the map is it so."
    )
    assert finding.severity.value == "minor" and finding.objects == (20, 21, 23, 24)


@pytest.mark.parametrize(
    "given",
    [
        with_finishes(20, 21, 22),
        with_finishes(20, 21, 22, 23, 50),
        with_finishes(20, 26, 32, 38),
        with_finishes(*range(20, 33)),
        with_finishes(*range(20, 24), names="BC"),
        with_finishes(*range(20, 24), count=2),
    ],
    ids=["few", "elsewhere", "long", "many", "another too", "two difficulties"],
)
def test_additions_that_may_be_meant(tmp_path, given: dict[str, Version]):
    assert not found(tmp_path, agreement.CHECK, given, "mapset/extra-additions")


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
        ((20, 31, 32), [("mapset/missing-object", "minor")]),
        ((20, 30), []),  # the same pause at the same place of the measure
        ((20, 30, 36), []),
        ((20, 30, 31, 32, 40, 41), []),  # four, which is a rhythm of its own
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
    assert not findings or len(beats) == 1 or "; the same at 1 more place: 00:14:800." in findings[0].message


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

"""Volumes: lone changes, quiet and muted hits; stretches without additions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Severity
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits
from tests.findings import findings_of
from tests.hitsounds import BEAT, beat_sounds, circles, found
from tests.maps import RED_LINE, beatmap


def many(n: int = 300) -> list[str]:
    return circles((beat_sounds() * 5)[:n])


def test_lone_dip_of_volume():
    lines = [RED_LINE, f"{100 * BEAT},-100,4,2,0,20,0,0", f"{102 * BEAT},-100,4,2,0,70,0,0"]
    volume = [f for f in found(many(), lines) if f.rule == "hitsounds/volume"]
    assert [f.objects for f in volume] == [(100, 101)]
    assert (volume[0].actual, volume[0].expected[0].text) == ("20 %", "70 %")
    assert volume[0].line == beatmap(many(), lines).timing_points[1].line


@pytest.mark.parametrize(("dips", "count"), [((), 1), ((0, 0), 1), ((1, 0), 1), ((1, 1), 0)])
def test_a_dip_that_all_other_difficulties_have_is_meant(dips: tuple[int, ...], count: int):
    even, dip = [RED_LINE], [RED_LINE, f"{100 * BEAT},-100,4,2,0,20,0,0", f"{102 * BEAT},-100,4,2,0,70,0,0"]
    one, *others = [
        replace(beatmap(many(), lines), path=Path(f"{number}.osu"))
        for number, lines in enumerate((dip, *(dip if has else even for has in dips)))
    ]
    evidence = Evidence(one, mapset=Mapset(Path(), (one, *others)))
    volume = [f for f in findings_of(habits.run, evidence) if f.rule == "hitsounds/volume"]
    assert len(volume) == count
    if dips == (0, 0):
        assert (
            "70 % there; " in volume[0].message
            and "2 of 2 other difficulties have 70 % volume here" in volume[0].message
        )


@pytest.mark.parametrize(
    "lines",
    [
        [f"{100 * BEAT},-100,4,2,0,60,0,0", f"{102 * BEAT},-100,4,2,0,70,0,0"],  # a little quieter
        [f"{100 * BEAT},-100,4,2,0,30,0,0", f"{110 * BEAT},-100,4,2,0,70,0,0"],  # a passage
        [f"{100 * BEAT},-100,4,2,0,30,0,0", f"{102 * BEAT},-100,4,2,0,50,0,0"],  # another section follows
        [
            line
            for i in range(20, 300, 16)
            for line in (f"{i * BEAT},-100,4,2,0,30,0,0", f"{(i + 1) * BEAT},-100,4,2,0,70,0,0")
        ],  # style
    ],
)
def test_volumes_that_are_meant(lines):
    assert found(many(), [RED_LINE, *lines]) == []


def test_a_quiet_note_under_a_loud_one_is_a_layer():
    notes = [f"{64 if i % 2 else 192},192,{i * BEAT},1,0,0:0:0:70:" for i in range(80)]
    layer = f"448,192,{40 * BEAT},1,0,0:0:0:10:"
    lone = [*notes[:40], layer, *notes[41:]]
    assert [f.rule for f in found(lone, mode=3)] != []
    assert found(sorted([*notes, layer], key=lambda line: float(line.split(",")[2])), mode=3) == []


@pytest.mark.parametrize(
    ("others", "times"), [((), [50, 90]), ((70, 70), [50, 90]), ((15, 15), [90]), ((15, 70), [50, 90])]
)
def test_quiet_hits_are_one_finding_unless_all_others_are_as_quiet(others: tuple[int, ...], times: list[int]):
    one, *rest = [
        replace(beatmap(circles((beat_sounds() * 5)[:300], volumes)), path=Path(f"{number}.osu"))
        for number, volumes in enumerate(
            [{50: "0:0:0:20:", 90: "0:0:0:10:"}, *({50: f"0:0:0:{volume}:"} for volume in others)]
        )
    ]
    evidence = Evidence(one, mapset=Mapset(Path(), (one, *rest)))
    (finding,) = [f for f in findings_of(habits.run, evidence) if f.rule == "hitsounds/quiet"]
    assert finding.evidence["times_ms"] == [BEAT * time for time in times] and finding.time == 90 * BEAT
    again = "; the same at 1 more place: 00:25:000." if len(times) > 1 else "20 % is usual."
    assert "at 10 % volume" in finding.message and again in finding.message


@pytest.mark.parametrize(
    ("volumes", "is_listed"), [((15, 15, 70), False), ((15, 15, 70, 70), True), ((15,), True), ((70, 70), True)]
)
def test_quiet_hits_are_not_listed_where_the_lines_of_most_others_are_as_quiet(
    volumes: tuple[int, ...], is_listed: bool
):
    sounds = (beat_sounds() * 5)[:300]
    one = replace(beatmap(circles(sounds, {50: "0:0:0:15:"})), path=Path("own.osu"))
    others = []
    for volume in volumes:  # without a hit there
        lines = [RED_LINE, f"{49.5 * BEAT},-100,4,2,0,{volume},0,0", f"{50.5 * BEAT},-100,4,2,0,70,0,0"]
        other = beatmap([hit for number, hit in enumerate(circles(sounds, {})) if number != 50], lines)
        others.append(replace(other, path=Path(f"{len(others)}.osu")))
    evidence = Evidence(one, mapset=Mapset(Path(), (one, *others)))
    assert ("hitsounds/quiet" in {f.rule for f in findings_of(habits.run, evidence)}) is is_listed


def test_hits_that_are_quiet_at_several_places_are_meant():
    quiet = [
        found(circles((beat_sounds() * 5)[:300], dict.fromkeys(places, "0:0:0:20:")))
        for places in ([50, 51, 52, 53], [50, 90, 130, 170])
    ]
    assert ["hitsounds/quiet" in {f.rule for f in some} for some in quiet] == [True, False]
    assert any("at 20 % volume; more is usual." in f.message for f in quiet[0])


def test_muted_circle():
    rules = {f.rule: f for f in found(circles((beat_sounds() * 5)[:300], {50: "0:0:0:5:"}))}
    assert rules["hitsounds/muted"].objects == (50,)
    assert rules["hitsounds/muted"].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("volumes", "severity"),
    [
        ((5, 7, 9), "minor"),
        ((9, 7, 5), "minor"),
        ((5, 5, 5), "warning"),
        ((5, 40, 60), "warning"),
        ((60, 40, 5), "warning"),
    ],
)
def test_the_quiet_end_of_a_fade_is_a_minor(volumes: tuple[int, ...], severity: str):
    written = {50 + number: f"0:0:0:{volume}:" for number, volume in enumerate(volumes)}
    (finding,) = [f for f in found(circles((beat_sounds() * 5)[:300], written)) if f.rule == "hitsounds/muted"]
    assert finding.severity == severity


def test_a_map_that_is_quiet_throughout():
    (finding,) = [f for f in found(circles((beat_sounds() * 5)[:300]), ["0,500,4,2,0,15,1,0"]) if "muted" in f.rule]
    assert finding.severity is Severity.MINOR and "half of them have 15 %" in finding.message
    assert finding.actual == "15 % or less"  # as the message says, not the quietest hit
    assert not [f for f in found(circles((beat_sounds() * 5)[:300]), ["0,500,4,2,0,25,1,0"]) if "muted" in f.rule]


def test_muted_slider_tails_are_style():
    sliders = [f"100,100,{2 * BEAT * i},2,0,L|240:100,1,140,0|0,0:0|0:0,0:0:0:0:" for i in range(16)]
    lines = [RED_LINE] + [f"{BEAT * i},-100,4,2,0,{5 if i % 2 else 70},0,0" for i in range(1, 32)]
    assert [f for f in found(sliders, lines) if f.rule in ("hitsounds/muted", "hitsounds/volume")] == []


def test_stretch_without_additions():
    sounds = beat_sounds()[:16] + [0] * 100 + beat_sounds()[:16]
    [finding] = [f for f in found(circles(sounds)) if f.rule == "hitsounds/none"]
    assert finding.time == 16 * BEAT or finding.time == 17 * BEAT
    assert finding.message.startswith("No whistle, finish or clap for 50 s, over 100 objects from here on.")
    [finding] = [f for f in found(circles([0] * 100)) if f.rule == "hitsounds/none"]
    assert finding.message.startswith("No whistle, finish or clap in the whole map.")


def test_drum_samples_stand_for_additions():
    sounds = [0] * 120
    assert found(circles(sounds, dict.fromkeys(range(1, 120, 2), "3:0:0:0:"))) == []

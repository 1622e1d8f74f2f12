"""Hitsounds: a rock beat of claps and finishes with and without slips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Severity
from maimod.osu.hitsounds import hits
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

BEAT = 500
CLAP, FINISH = 8, 4


def beat_sounds(n_measures: int = 32) -> list[int]:
    """Quarter notes: finish on 1, claps on 2 and 4."""
    return [(FINISH if i % 4 == 0 else CLAP if i % 2 else 0) for i in range(4 * n_measures)]


def circles(sounds: list[int], samples: dict[int, str] | None = None) -> list[str]:
    return [
        f"{100 + i % 3 * 50},192,{BEAT * i},1,{sound},{(samples or {}).get(i, '0:0:0:0:')}"
        for i, sound in enumerate(sounds)
    ]


def found(objects, lines=(RED_LINE,), mode=0, scores=None, **options):
    return findings_of(habits.run, Evidence(beatmap(objects, lines, mode, **options), scores))


def changed(place: int, sound: int) -> list[int]:
    """A map with one slip. Unexpected additions need a long map, because a single additional accent is weak
    evidence."""
    sounds = beat_sounds()
    sounds[place] = sound
    return sounds


def test_a_steady_beat_is_silent():
    assert found(circles(beat_sounds())) == []


def test_missing_clap():
    [finding] = found(circles(changed(61, 0)))
    assert finding.rule == "hitsounds/missing"
    assert finding.objects == (61,)
    assert finding.time == 61 * BEAT
    assert finding.line == beatmap(circles(beat_sounds())).hit_objects[61].line
    assert "has no clap" in finding.message and "beat 2" in finding.message
    assert finding.expected[0].text == "soft hitnormal + soft clap"


def test_a_hit_without_its_clap_may_have_another_addition():
    (finding,) = (one for one in found(circles(changed(61, FINISH))) if one.rule == "hitsounds/missing")
    assert finding.message.startswith("This circle has a finish, but no clap; ")


def test_unexpected_finish():
    [finding] = found(circles(changed(30, FINISH)))
    assert (finding.rule, finding.objects) == ("hitsounds/unexpected", (30,))
    assert "finish" in finding.message


def test_a_fill_at_the_edge_of_a_section_is_no_habit_broken():
    """Similar places are needed on both sides."""
    assert found(circles(changed(127, 0))) == []


def test_a_variation_that_comes_back_is_style():
    sounds = beat_sounds()
    for place in range(15, 128, 16):
        sounds[place] = 0
    assert found(circles(sounds)) == []


@pytest.mark.xfail(reason="stated blind spot: every measure lacks it", strict=True)
def test_blind_spot_additions_missing_everywhere():
    assert [
        f for f in found(circles([FINISH if i % 16 == 0 else 0 for i in range(64)])) if f.rule == "hitsounds/missing"
    ]


def test_edge_of_a_slider_is_named():
    # Sliders of a beat: head on 1 and 3, tail with the clap on 2 and 4.
    def slider(i: int, tail: int) -> str:
        return f"100,100,{2 * BEAT * i},2,0,L|240:100,1,140,0|{tail},0:0|0:0,0:0:0:0:"

    [finding] = found([slider(i, 0 if i == 15 else CLAP) for i in range(32)])
    assert finding.rule == "hitsounds/missing"
    assert "slider tail" in finding.message
    assert finding.evidence["edge"] == 1


def test_sample_set_of_one_object():
    [finding] = found(circles(beat_sounds(), {30: "3:0:0:0:"}))
    assert (finding.rule, finding.objects, finding.actual) == (
        "hitsounds/sample-set",
        (30,),
        "drum hitnormal, no addition",
    )


def test_sample_set_of_a_green_line_is_one_finding_at_the_line():
    lines = [RED_LINE, f"{60 * BEAT},-100,4,1,0,70,0,0", f"{62 * BEAT},-100,4,2,0,70,0,0"]
    [finding] = found(circles(beat_sounds()), lines)
    assert finding.rule == "hitsounds/sample-set"
    assert finding.objects == (60, 61)
    assert finding.line == beatmap(circles([0]), lines).timing_points[1].line


def test_the_model_alone_can_speak_and_overrule():
    sounds = changed(61, 0)
    bmap = beatmap(circles(sounds))
    event = Event(EventKind.HITSOUND, 8, 61 * BEAT, 0, bmap.hit_objects[61])  # soft, nothing

    def score(p_clap: float) -> tuple[EventScore, ...]:
        clap, none = (
            Event(EventKind.HITSOUND, 8 + 24 + 4, 61 * BEAT, 0, None),
            Event(EventKind.HITSOUND, 8, 61 * BEAT, 0, None),
        )
        pair = sorted(((clap, p_clap), (none, 1 - p_clap)), key=lambda e: -e[1])
        return (EventScore(event, 8.0, 0.1, tuple(pair), 1 - p_clap),)

    [sure] = findings_of(habits.run, Evidence(bmap, score(0.995)))
    assert sure.severity is Severity.WARNING and sure.surprisal == 8.0
    assert findings_of(habits.run, Evidence(bmap, score(0.01))) == []


def test_taiko_colour():
    pattern = [0, 0, 8, 0, 8, 8, 0, 8] * 24
    notes = [f"256,192,{250 * i},1,{sound},0:0:0:0:" for i, sound in enumerate(pattern)]
    assert found(notes, mode=1) == []
    notes[98] = notes[98].replace(",1,8,", ",1,0,")
    [finding] = found(notes, mode=1)
    assert (finding.rule, finding.objects, finding.actual) == ("hitsounds/taiko-colour", (98,), "don")
    assert finding.expected[0].text == "kat"


def test_mania_chords_are_heard_as_one():
    notes = [
        f"{x},192,{BEAT * i},1,{sound if x < 200 else 0},0:0:0:0:"
        for i, sound in enumerate(beat_sounds())
        for x in (64, 320)
    ]
    notes[2 * 29], notes[2 * 29 + 1] = (
        notes[2 * 29].replace(",1,8,", ",1,0,"),
        notes[2 * 29 + 1].replace(",1,0,", ",1,8,"),
    )
    assert found(notes, mode=3, circle_size=4) == []


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


def test_what_is_heard():
    """Edges missing in the file use the sound of their slider; a timing point sets samples from 5 ms before it."""
    slider = "100,100,0,2,8,L|240:100,2,140"
    heard = hits(
        beatmap([slider, "1,1,2996,1,2,0:0:0:0:", "1,1,4000,1,2,0:3:0:0:"], [RED_LINE, "3000,-100,4,3,0,40,0,0"])
    )
    assert [(h.additions, h.normal_set, h.volume) for h in heard] == [(8, 2, 70)] * 3 + [(2, 3, 40)] * 2
    assert [h.place for h in heard] == ["slider head", "slider repeat", "slider tail", "circle", "circle"]
    assert [(h.normal_set, h.addition_set) for h in heard[3:]] == [(3, 3), (3, 3)]


def test_a_section_without_its_finish():
    """Claps on 2 and 4, a finish every fourth measure; the places around one of these have other sounds."""
    sounds = [FINISH if i % 16 == 0 else CLAP if i % 2 else 2 * (i // 64 % 2) for i in range(256)]
    assert found(circles(sounds)) == []
    sounds[128] = 0
    [finding] = found(circles(sounds))
    assert (finding.rule, finding.time, finding.objects) == ("hitsounds/missing", 128 * BEAT, (128,))
    assert "on the downbeat has no finish; 6 of 6 downbeats 4, 8 or 16 measures away have one" in finding.message
    assert finding.expected[0].text == "soft hitnormal + soft finish"
    assert found(circles(sounds), mode=3) == []
    sounds[128] = CLAP
    messages = [one.message for one in found(circles(sounds)) if one.rule == "hitsounds/missing"]
    assert any("on the downbeat has a clap, but no finish; 6 of 6" in message for message in messages)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "6 of 6 downbeats 4, 8 or 16 measures away and the other difficulty have one."),
        (2, "and 2 of 2 other difficulties have one."),
    ],
)
def test_a_finish_that_the_other_difficulties_have(count: int, words: str):
    sounds = [FINISH if i % 16 == 0 else CLAP if i % 2 else 2 * (i // 64 % 2) for i in range(256)]
    others = [beatmap(circles(sounds), path=f"{number}.osu") for number in range(count)]
    sounds[128] = 0
    own = beatmap(circles(sounds))
    found = findings_of(habits.run, Evidence(own, mapset=Mapset(Path(), (own, *others))))
    (finding,) = (one for one in found if "on the downbeat" in one.message)
    assert words in finding.message

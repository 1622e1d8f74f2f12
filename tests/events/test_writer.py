"""Events of hand-written maps, worked out from the rules, and those recorded from the original implementation."""

from __future__ import annotations

import dataclasses
import gzip
import json
import random
import time
from itertools import groupby
from pathlib import Path

import pytest
from msgspec.structs import replace

from maimod.errors import BeatmapError
from maimod.events.schema import (
    TYPES,
    Event,
    EventKind,
    EventSchema,
    EventScore,
    hitsound_parts,
    position,
    position_values,
)
from maimod.events.writer import from_beatmap
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.osu.beatmap import Beatmap
from maimod.osu.parser import load
from tests.maps import RED_LINE, beatmap, text

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"
SCHEMAS = {name: version.schema for name, version in VERSIONS.items()}
V29, V31, V32 = SCHEMAS["V29"], SCHEMAS["V31"], SCHEMAS["V32"]
MAP_ONLY = replace(SCHEMAS["V30"], contexts=(("map",),))
"""V30 without the beats."""


def told(a_beatmap: Beatmap, schema: EventSchema = MAP_ONLY, context: str = "map") -> list[str]:
    """One line per group: its time, then kind and value of its events."""
    events = from_beatmap(a_beatmap, schema)[context]
    return [
        " ".join(
            [
                f"{group[0].time}:",
                *(
                    event.kind + (f"={event.value}" if event.kind not in TYPES or event.value else "")
                    for event in group
                ),
            ]
        )
        for _, members in groupby(events, key=lambda event: event.group)
        for group in [list(members)]
    ]


def slider(curve: str, slides: int = 1, length: float = 140, rest: str = "") -> Beatmap:
    return beatmap([f"100,100,1000,2,0,{curve},{slides},{length}{rest}"])


# Circles


def test_circle() -> None:
    circle = beatmap(["100,60,1250,5,2,0:0:0:0:"])
    # sqrt(156² + 132²) = 204.4 from the centre; whistle 1 + soft 8 + soft addition 24
    assert told(circle) == ["1250: t=1250 snap=2 dist=204 pos_x=25 pos_y=15 new_combo=0 hitsound=33 volume=70 circle"]
    assert told(circle, V31) == [
        "1250: circle t=1250 snap=2 dist=204 pos_x=25 pos_y=15 new_combo=0 hitsound=33 volume=70"
    ]
    # column 3 + 8, row 1 + 8: 11 + 33 · 9
    assert told(circle, V29) == ["1250: circle t=1250 snap=2 dist=204 pos=308 new_combo=0 hitsound=33 volume=70"]
    # 4 px and 28 px into the cell: 2 + 16 · 14
    assert told(circle, V32) == ["1250: t=1250 snap=2 pos=308 pos_refine=226 new_combo=0 hitsound=33 volume=70 circle"]


def test_circle_of_other_modes() -> None:
    line = ["300,60,1250,5,0,0:0:0:0:"]
    assert told(beatmap(line, mode=1), V31) == ["1250: circle t=1250 snap=2 scroll_speed=100 hitsound=32 volume=70"]
    assert told(beatmap(line, mode=2), V31) == [
        "1250: circle t=1250 snap=2 dist=139 pos_x=75 pos_y=15 new_combo=0 hitsound=32 volume=70"
    ]
    assert told(beatmap(line, mode=3, circle_size=7), V31) == [
        "1250: circle t=1250 snap=2 column=4 hitsound=32 volume=70"
    ]


def test_coordinates_left_of_zero_are_truncated_toward_it() -> None:
    outside = beatmap(["-3,-20,1000,1,0,0:0:0:0:"])
    assert "pos_x=0 pos_y=-5" in told(outside)[0]
    assert "pos=272 pos_refine=110" in told(outside, V32)[0]  # cell (8, 8); 29 and 12 px into the cells further left
    assert "dist=640 pos_x=192 pos_y=160" in told(beatmap(["2000,2000,1000,1,0,0:0:0:0:"]))[0]


@pytest.mark.parametrize(
    ("sample", "sounds"),
    [
        ("0:0:0:0:", "hitsound=32 volume=70"),  # as the timing point says: soft
        ("1:3:0:20:", "hitsound=48 volume=20"),
        ("3:0:0:0:", "hitsound=64 volume=70"),  # additions follow the sample set
        ("9:2:0:0:", "hitsound=24 volume=70"),  # unknown sets count as normal
    ],
)
def test_sample_sets(sample: str, sounds: str) -> None:
    assert sounds in told(beatmap([f"256,192,1000,1,0,{sample}"]))[0]


def test_samples_are_soft_where_the_timing_point_states_no_set() -> None:
    assert "hitsound=32 volume=70" in told(beatmap(timing_points=["0,500,4,0,0,70,1,0"]))[0]


def test_samples_are_read_5_ms_late() -> None:
    green = "1005,-100,4,3,0,30,0,0"
    assert "hitsound=64 volume=30" in told(beatmap(timing_points=[RED_LINE, green]))[0]
    green = "1006,-100,4,3,0,30,0,0"
    assert "hitsound=32 volume=70" in told(beatmap(timing_points=[RED_LINE, green]))[0]


# Sliders


def test_linear_slider_with_repeats() -> None:
    repeats = slider("L|200:100|200:200", 3, 140, ",2|0|4|8,1:2|0:0|0:0|3:0,0:0:0:0:")
    assert told(repeats) == [
        "1000: t=1000 snap=1 dist=181 pos_x=25 pos_y=25 hitsound=25 volume=70 slider_head",
        "1250: dist=100 pos_x=50 pos_y=25 red_anchor",
        "1500: t=1500 snap=1 dist=100 pos_x=50 pos_y=50 "
        "hitsound=32 volume=70 hitsound=32 volume=70 hitsound=34 volume=70 last_anchor",
        "2500: t=2500 snap=1 dist=60 pos_x=50 pos_y=35 hitsound=68 volume=70 slider_end",
    ]
    parts = [event.part for event in from_beatmap(repeats, MAP_ONLY)["map"] if event.kind is EventKind.HITSOUND]
    assert parts == [0, 0, 1, 2, 3]  # head, body, repeats, tail


def test_slider_version_2() -> None:
    assert told(slider("L|200:100|200:200", 2), V32) == [
        "1000: t=1000 snap=1 pos=374 pos_refine=34 scroll_speed=100 hitsound=32 volume=70 slider_head",
        "1000: pos=377 pos_refine=36 red_anchor",
        "1000: pos=476 pos_refine=68 last_anchor",
        "1500: t=1500 snap=1 hitsound=32 volume=70 hitsound=32 volume=70 last_anchor",
        "2000: t=2000 snap=1 pos=410 pos_refine=100 hitsound=32 volume=70 slider_end",  # (200, 140)
    ]


def test_the_body_of_a_slider_sounds_1_ms_after_its_head() -> None:
    points = [RED_LINE, "1006,-100,4,3,0,30,0,0"]  # the head is read at 1005
    lines = told(beatmap(["100,100,1000,2,0,L|200:100,1,100"], points))
    assert "hitsound=32 volume=70 slider_head" in lines[0] and "hitsound=64 volume=30 last_anchor" in lines[1]


@pytest.mark.parametrize(("end", "is_repeated"), [(9010, False), (9011, True)])
def test_nothing_is_repeated_within_10_ms_of_its_end(end: int, is_repeated: bool) -> None:
    lines = told(beatmap([f"256,192,1000,12,0,{end}"]), V32)
    assert ("9000: t=9000 spinner_sustain" in lines) is is_repeated


def test_long_slider_is_repeated_every_8_s() -> None:
    lines = told(slider("L|200:100", 2, 140 * 34), V32)  # spans of 17 s
    assert [line for line in lines if "sustain" in line] == [
        "9000: t=9000 slider_sustain",
        "17000: t=17000 slider_sustain",
        "26000: t=26000 slider_repeat_sustain",
        "34000: t=34000 slider_repeat_sustain",
    ]


@pytest.mark.parametrize(
    ("curve", "kinds", "end"),
    [
        ("B|150:100|150:100|150:150|200:150", ["red_anchor", "bezier_anchor"], None),
        ("C|150:100|200:150", ["catmull_anchor"], (50, 37)),  # its length does not matter
        ("P|150:50|200:100", ["perfect_anchor"], None),
        ("P|150:100|200:100", ["bezier_anchor"], None),  # no circle goes through a line
        ("P|150:50|200:100|250:100", ["bezier_anchor"] * 2, None),
        ("L|240:100", [], (60, 25)),
        ("L|170:100", [], (60, 25)),  # extended
        ("B|170:100|170:100", ["red_anchor"], (42, 25)),  # what follows the last red anchor is a mere point
    ],
)
def test_curves(curve: str, kinds: list[str], end: tuple[int, int] | None) -> None:
    events = from_beatmap(slider(curve), MAP_ONLY)["map"]
    assert [event.kind for event in events if event.kind.endswith("_anchor")] == [*kinds, "last_anchor"]
    values = {event.kind: event.value for event in events}  # of the last group
    assert end is None or (values[EventKind.POS_X], values[EventKind.POS_Y]) == end


def test_perfect_curve_is_cut_to_its_length() -> None:
    half_circle = beatmap(["0,100,1000,2,0,P|100:0|200:100,1,104.7197551"])  # 60° of a circle about (100, 100)
    assert "pos_x=12 pos_y=3 " in told(half_circle)[-1]  # (50, 13.4)


def test_anchors_know_their_control_point() -> None:
    events = from_beatmap(slider("B|150:100|150:100|150:150|200:150"), MAP_ONLY)["map"]
    assert [(event.kind, event.part) for event in events if event.kind in TYPES] == [
        ("slider_head", 0),
        ("red_anchor", 1),
        ("bezier_anchor", 3),
        ("last_anchor", 4),
        ("slider_end", 0),
    ]


def test_anchors_may_interleave_with_the_next_object() -> None:
    lines = told(beatmap(["0,0,1000,2,0,L|50:0|100:0|140:0,1,140", "0,0,1200,1,0"]))
    assert [(line.split(":")[0], line.split()[-1]) for line in lines] == [
        ("1000", "slider_head"),
        ("1166", "red_anchor"),
        ("1200", "circle"),
        ("1333", "red_anchor"),
        ("1500", "last_anchor"),
        ("1500", "slider_end"),
    ]


def test_slider_with_100_control_points_is_left_out() -> None:
    points = "|".join(f"{x}:100" for x in range(99))
    lines = told(beatmap([f"0,0,1000,2,0,B|{points},1,140", "256,192,3000,1,0"]))
    assert len(lines) == 1 and "dist=0" in lines[0]


def test_slider_without_edge_sounds() -> None:
    finish = beatmap(["100,100,1000,2,4,L|240:100,1,140"])
    assert [line.count("hitsound=34") for line in told(finish)] == [0, 1, 0]  # the body alone
    assert [line.count("hitsound=34") for line in told(finish, replace(MAP_ONLY, corrected=True))] == [1, 1, 1]


# Other objects


def test_spinner() -> None:
    spinner = beatmap(["256,192,0,12,4,20000,0:0:0:0:", "256,192,20500,1,0"])
    assert told(spinner)[:2] == ["0: t=0 snap=1 spinner", "20000: t=20000 snap=1 hitsound=34 volume=70 spinner_end"]
    assert told(spinner, V32)[1:3] == ["8000: t=8000 spinner_sustain", "16000: t=16000 spinner_sustain"]


def test_spinner_puts_the_cursor_in_the_centre() -> None:
    assert "dist=0" in told(beatmap(["0,0,0,1,0", "0,0,500,8,0,1000", "256,192,1500,1,0"]))[-1]


def test_hold_note() -> None:
    hold = beatmap(["192,192,1000,128,0,9500:1:0:0:0:"], mode=3, circle_size=4)
    assert told(hold, V32) == [
        "1000: t=1000 snap=1 column=1 hitsound=0 volume=70 hold_note",
        "9000: t=9000 column=1 hold_note_sustain",
        "9500: t=9500 snap=1 column=1 hold_note_end",
    ]


def test_drumroll_and_denden() -> None:
    taiko = beatmap(
        ["256,192,1000,2,4,L|396:192,2,140", "256,192,3000,12,0,3500"], [RED_LINE, "900,-50,4,2,0,70,0,0"], mode=1
    )
    assert told(taiko, V31) == [
        "1000: drumroll t=1000 snap=1 scroll_speed=200 hitsound=34 volume=70",
        "1500: drumroll_end t=1500 snap=1",
        "3000: denden t=3000 snap=1 scroll_speed=200 hitsound=32 volume=70",
        "3500: denden_end t=3500 snap=1",
    ]


# Timing points


def test_timing_ends_with_the_last_object() -> None:
    waltz = beatmap(["256,192,3000,1,0"], ["500,400.5,3,2,0,70,1,0", "1711,500,4,2,0,70,1,0"])
    assert told(waltz, V31, "timing") == [
        "500: timing_point t=500",
        "900: beat t=900",
        "1301: beat t=1301",
        "1701: measure t=1701",
        "1711: timing_point t=1711",
        "2211: beat t=2211",
        "2711: beat t=2711",
    ]
    assert told(waltz, SCHEMAS["V30"])[:2] == ["500: t=500 measure", "900: t=900 beat"]
    late = beatmap(["256,192,3000,1,0"], ["500,400.5,3,2,0,70,1,0", "1710,500,4,2,0,70,1,0"])
    assert "1701: measure t=1701" not in told(late, V31, "timing")  # within 10 ms of the next


def test_the_last_beat_may_be_up_to_1_ms_after_the_last_object() -> None:
    def last_beat(time: float) -> str:
        return told(beatmap([f"256,192,{time},1,0"], format_version=128), V31, "timing")[-1]

    assert last_beat(999.5) == "1000: beat t=1000" and last_beat(999) == "500: beat t=500"


def test_timing_of_a_map_without_objects_ends_with_the_song() -> None:
    empty = dataclasses.replace(beatmap(), hit_objects=())
    whole = from_beatmap(empty, V31, song_length_ms=1200.0)["timing"]
    assert [event.time for event in whole if event.kind is EventKind.TIME] == [0, 500, 1000]
    assert told(empty, V31, "timing") == ["0: timing_point t=0"]


def test_kiai() -> None:
    points = [
        RED_LINE,
        "1000,-100,4,2,0,70,0,1",
        "1500,-50,4,2,0,70,0,1",
        "2000,-100,4,2,0,70,0,0",
        "3000,-100,4,2,0,70,0,8",
    ]
    a_beatmap = beatmap(timing_points=points)
    kiai = ["1000: kiai=1 t=1000 snap=1", "2000: kiai t=2000 snap=1"]
    assert told(a_beatmap, V31, "kiai") == [*kiai, "3000: kiai=1 t=3000 snap=1"]  # a hidden bar line, really
    assert told(a_beatmap, replace(V31, corrected=True), "kiai") == kiai


def test_scroll_speeds_follow_tempo_and_green_lines() -> None:
    points = [
        RED_LINE,
        "1000,-50,4,2,0,70,0,0",
        "1500,-50,4,2,0,70,0,0",
        "2000,250,4,2,0,70,1,0",
        "2000,-200,4,2,0,70,0,0",
    ]
    a_beatmap = beatmap(["256,192,9000,1,0"], [*points, "2500,-100,4,2,0,70,0,0"])
    # 240 BPM lasts longest, so that 120 BPM scrolls at half speed; of two lines at one time the last counts
    assert told(a_beatmap, V31, "sv") == [
        "0: scroll_speed_change t=0 snap=1 scroll_speed=50",
        "1000: scroll_speed_change t=1000 snap=1 scroll_speed=100",
        "2000: scroll_speed_change t=2000 snap=1 scroll_speed=50",
        "2500: scroll_speed_change t=2500 snap=1 scroll_speed=100",
    ]


def test_tempo_before_0_ms_is_lost_by_the_original() -> None:
    early = beatmap(timing_points=["-100,500,4,2,0,70,1,0"])
    assert told(early, V31, "timing")[0] == "-99: timing_point t=-99"
    assert "scroll_speed=1" in told(early, V31, "sv")[0].split()  # it takes -0.1 s for the end of the day before
    assert "scroll_speed=100" in told(early, replace(V31, corrected=True), "sv")[0].split()


# Order


def test_merged_contexts_go_first_at_equal_times() -> None:
    points = [RED_LINE, "500,-50,4,2,0,70,0,1"]
    schema = replace(MAP_ONLY, contexts=(("kiai", "mania_sv", "timing", "map"),), timing_point_events=True)
    mania = beatmap(["0,0,500,1,0", "0,0,1200,1,0"], points, mode=3)
    order = [(line.split(":")[0], line.split()[-1]) for line in told(mania, schema)][:6]
    assert order == [
        ("0", "scroll_speed_change"),
        ("0", "timing_point"),
        ("500", "kiai=1"),
        ("500", "scroll_speed_change"),
        ("500", "beat"),
        ("500", "circle"),
    ]
    osu = beatmap(["0,0,500,1,0"], points)
    assert not any("scroll_speed_change" in line for line in told(osu, schema))


def busy_text(mode: int = 0, seed: int = 1) -> str:
    chance = random.Random(seed)
    objects = []
    for at in range(1000, 60_000, 250):
        x, y = chance.randrange(512), chance.randrange(384)
        objects.append(
            chance.choice(
                [
                    f"{x},{y},{at},1,2,0:0:0:0:",
                    f"{x},{y},{at},6,0,B|{y}:{x}|{x}:{x}|{x}:{x}|10:20,2,90,0|2|8,0:0|1:2|0:0,0:0:0:0:",
                    f"{x},{y},{at},2,0,P|{y}:30|{x}:300,1,70",
                    f"256,192,{at},12,0,{at + 100}",
                    f"{x},{y},{at},2,0,L|{x}:{y},3,20",
                ]
            )
        )
    points = [RED_LINE, "5000,-70,4,1,0,50,0,1", "9000,480,3,2,0,50,1,0", "20000,-130,4,1,0,50,0,0"]
    return text(objects, points, mode)


@pytest.mark.parametrize("mode", range(4))
@pytest.mark.parametrize("name", SCHEMAS)
def test_groups_and_source_lines(tmp_path: Path, name: str, mode: int) -> None:
    path = tmp_path / "busy.osu"
    path.write_text(busy_text(mode), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").split("\n")
    first = 0
    for events in from_beatmap(load(path), SCHEMAS[name]).values():
        assert [event.time for event in events] == sorted(event.time for event in events)
        groups = [list(members) for _, members in groupby(events, key=lambda event: event.group)]
        assert [group[0].group for group in groups] == list(range(first, first + len(groups)))
        first += len(groups)
        for group in groups:
            assert len({(event.time, id(event.source)) for event in group}) == 1
            place = 0 if SCHEMAS[name].type_first else -1
            assert [event for event in group if event.kind in TYPES] == [group[place]]
            source = group[0].source
            assert source is not None
            fields = lines[source.line - 1].split(",")
            is_object = lines.index("[HitObjects]") < source.line
            assert float(fields[2] if is_object else fields[0]) == source.time


# Limits


@pytest.mark.parametrize("beat_length", [1e-9, 1e-320])
def test_absurd_beats_are_refused_at_once(beat_length: float) -> None:
    """The reader never gives less than 6 ms; a beatmap made otherwise may."""
    sane = beatmap()
    point = dataclasses.replace(sane.timing_points[0], beat_length=beat_length)
    aspire = dataclasses.replace(sane, timing_points=(point,))
    start = time.perf_counter()
    with pytest.raises(BeatmapError, match="more than"):
        from_beatmap(aspire, V31)
    assert time.perf_counter() - start < 1


def test_absurd_lengths_are_refused() -> None:
    days = [f"0,0,{at},2,0,L|1:1,9000,131072" for at in range(400)]
    with pytest.raises(BeatmapError):
        from_beatmap(beatmap(days, [RED_LINE.replace("500", "0.01")], slider_multiplier=3.6), V32)


@pytest.mark.parametrize(
    "green", ["0,NaN,4,2,0,70,0,0", "0,0,4,2,0,70,0,0", "0,50,4,2,0,70,0,0", "0,-1e-300,4,2,0,70,0,0"]
)
@pytest.mark.parametrize("first", [True, False])
def test_odd_green_lines(green: str, first: bool) -> None:
    points = [green, "10,500,4,2,0,70,1,0"] if first else [RED_LINE, green]
    odd = beatmap(["0,0,1000,2,0,L|1:1,1,10", "0,0,5,2,0,B|10:1|20:30|40:5,1,1e4"], points)
    for schema in SCHEMAS.values():
        assert from_beatmap(odd, schema)


# Helpers


@pytest.mark.parametrize(
    ("at", "divisor"),
    [(500, 1), (501.9, 1), (498.1, 1), (503, 0), (750, 2), (166.7, 3), (31, 16), (-500, 1), (-250, 2)],
)
def test_snap_is_the_coarsest_divisor_with_a_tick_within_2_ms(at: float, divisor: int) -> None:
    assert f"snap={divisor} " in told(beatmap([f"256,192,{at},1,0"]))[0]


def test_hitsound_parts() -> None:
    assert hitsound_parts(0) == ("normal", "normal", ())
    assert hitsound_parts(33) == ("soft", "soft", ("whistle",))
    assert hitsound_parts(71) == ("drum", "drum", ("whistle", "finish", "clap"))
    assert hitsound_parts(48 + 8) == ("soft", "drum", ())


def test_refined_positions_stay_within_a_row_of_parts() -> None:
    just_left = dict(position_values(-1e-20, 0.0, V32))  # its remainder by the width of a cell is the width itself
    assert just_left[EventKind.POS_REFINE] == 15


def test_position_is_the_centre_of_the_cell() -> None:
    def place(kind: EventKind, value: int) -> tuple[float, ...]:
        return position(Event(kind, value, 0, 0, None), MAP_ONLY)

    assert place(EventKind.POS_X, 25) == (102,) and place(EventKind.POS_Y, -1) == (-6,)
    assert place(EventKind.POS, 308) == (112, 48)
    assert place(EventKind.POS_REFINE, 226) == (5, 29)
    with pytest.raises(ValueError, match="no position"):
        place(EventKind.CIRCLE, 0)


def test_surprise_allows_for_a_tolerance() -> None:
    event = Event(EventKind.TIME, 1000, 1000, 0, None)
    score = EventScore(event, 4.0, 3.0, ((event, 0.0625),), near=0.5)
    assert score.tolerant_surprisal == 1.0 and score.likeliest is event
    assert EventScore(event, 4.0, 3.0, ((event, 0.0625),)).tolerant_surprisal == 4.0


def test_languages_survive_json() -> None:
    for schema in SCHEMAS.values():
        assert EventSchema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    with pytest.raises(ValueError, match="unknown"):
        EventSchema.from_dict(V31.to_dict() | {"magic": 1})
    for wrong in (
        {"contexts": [["poetry"]]},
        {"contexts": [[]]},
        {"contexts": "map"},
        {"position_precision": 0},
        {"positions": "polar"},
        {"slider_version": 3},
        {"type_first": 1},
    ):
        with pytest.raises(ValueError, match=r"event language: .*(contexts|position|slider_version|type_first)"):
            EventSchema.from_dict(V31.to_dict() | wrong)
    short = V31.to_dict()
    del short["sustains"]
    with pytest.raises(ValueError, match="sustains"):
        EventSchema.from_dict(short)


# The original


def recorded() -> list[str]:
    paths = VECTORS.glob("expected/*.jsonl.gz")
    return sorted(path.name.removesuffix(".jsonl.gz") for path in paths if "windows" not in path.name)


@pytest.mark.skipif(not recorded(), reason="no recorded results of the original implementation")
@pytest.mark.parametrize("name", recorded())
def test_events_equal_those_of_the_original(name: str) -> None:
    checkpoint, _, map_name = name.rpartition("-")
    with gzip.open(VECTORS / "expected" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(row) for row in file]
    contexts = from_beatmap(load(VECTORS / "maps" / f"{map_name}.osu"), SCHEMAS[checkpoint.partition("-")[0].upper()])
    actual = [
        (context, event.kind.value, event.value, event.time) for context, events in contexts.items() for event in events
    ]
    assert actual == [(row["context"], *row["event"], row["time"]) for row in rows]


def test_columns_are_counted_with_the_whole_part_of_the_key_size() -> None:
    """As in what the published models were trained on: 6 columns, where the game rounds 6.7 to 7."""
    mania = beatmap(["500,192,1000,1,0"], mode=3, circle_size=6.7)
    assert mania.column(mania.hit_objects[0]) == 6
    assert "column=5" in told(mania)[-1]

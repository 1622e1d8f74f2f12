"""The parser: parsed values, tolerated errors, refused files and their messages."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from maimod.errors import BeatmapError
from maimod.osu import limits, parser, slider_path
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.parser import parse
from tests import maps

MINIMAL = """osu file format v14

[General]
AudioFilename: song.mp3
Mode: 0

[TimingPoints]
1000,500,4,2,1,60,1,0

[HitObjects]
256,192,1000,1,0,0:0:0:0:
"""


def read(text: str | bytes, path: str = "map.osu") -> Beatmap:
    return parse(text if isinstance(text, bytes) else text.encode(), path)


def refusal(text: str | bytes) -> str:
    with pytest.raises(BeatmapError) as caught:
        read(text)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("map.osu")
    return message


class TestLines:
    def test_every_object_and_timing_point_knows_the_very_line_it_stands_on(self) -> None:
        text = (
            "osu file format v14\r\n\r\n// a comment\r\n[TimingPoints]\r\n0,400,4,1,0,50,1,0\r\n\r\n"
            "// another\r\n800,-50,4,1,0,50,0,0\r\n[HitObjects]\r\n\r\n10,20,0,1,0\r\n// between\r\n30,40,400,5,2\r\n"
        )
        beatmap = read(text)
        lines = text.split("\r\n")
        assert [lines[p.line - 1] for p in beatmap.timing_points] == ["0,400,4,1,0,50,1,0", "800,-50,4,1,0,50,0,0"]
        assert [lines[o.line - 1] for o in beatmap.hit_objects] == ["10,20,0,1,0", "30,40,400,5,2"]

    def test_odd_line_separators_inside_a_title_do_not_shift_lines(self) -> None:
        text = MINIMAL.replace("Mode: 0", "Mode: 0\n[Metadata]\nTitle:a\u2028b\x0cc\x85d")
        beatmap = read(text)
        assert text.split("\n")[beatmap.hit_objects[0].line - 1].startswith("256,192")

    def test_a_byte_order_mark_is_no_line(self) -> None:
        assert read(b"\xef\xbb\xbf" + MINIMAL.encode()).hit_objects[0].line == 11
        assert read(b"\xff\xfe" + MINIMAL.encode("utf-16-le")).hit_objects[0].line == 11

    def test_refusals_name_the_line(self) -> None:
        assert refusal(MINIMAL.replace("256,192", "256,1e9")).startswith("map.osu:11: ")


class TestTolerance:
    @pytest.mark.parametrize("version", [3, 5, 7, 9, 12, 14, 128])
    def test_format_versions(self, version: int) -> None:
        assert read(MINIMAL.replace("v14", f"v{version}")).format_version == version

    def test_a_missing_hit_sample_and_decimal_times(self) -> None:
        beatmap = read(MINIMAL.replace("256,192,1000,1,0,0:0:0:0:", "256.5,192,1000.25,1,2"))
        assert (beatmap.hit_objects[0].time, beatmap.hit_objects[0].x, beatmap.hit_objects[0].sample.volume) == (
            1000.25,
            256,  # before lazer's format positions are whole
            0,
        )

    def test_old_timing_points_with_two_fields_are_red_or_green_by_sign(self) -> None:
        beatmap = read(MINIMAL.replace("1000,500,4,2,1,60,1,0", "1000,500\n2000,-200"))
        assert [p.uninherited for p in beatmap.timing_points] == [True, False]
        assert (beatmap.timing_points[0].meter, beatmap.timing_points[0].volume, beatmap.timing_points[1].velocity) == (
            4,
            100,
            0.5,
        )

    def test_approach_rate_follows_overall_difficulty_in_old_maps(self) -> None:
        assert (
            read(MINIMAL.replace("[Timing", "[Difficulty]\nOverallDifficulty:7\n[Timing")).difficulty.approach_rate == 7
        )

    def test_bytes_that_are_not_utf8_are_replaced_and_said(self) -> None:
        beatmap = read(MINIMAL.encode().replace(b"Mode: 0", b"Mode: 0\n[Metadata]\nTitle:caf\xe9"))
        assert beatmap.metadata["Title"] == "caf\ufffd"
        assert beatmap.messages == ("line 7: not UTF-8; the odd bytes were replaced",)

    def test_unknown_sections_and_storyboards_are_passed_over(self) -> None:
        beatmap = read(
            MINIMAL.replace("[Timing", '[Events]\n0,0,"bg.jpg",0,0\n2,5000,6000\n F,0,0,1\n[Surprise]\nx\n[Timing')
        )
        assert [(b.start, b.end) for b in beatmap.breaks] == [(5000.0, 6000.0)]
        assert [text for _, text in beatmap.events] == ['0,0,"bg.jpg",0,0']

    def test_lines_that_cannot_be_read_are_skipped_and_said_as_the_game_skips_them(self) -> None:
        beatmap = read(
            MINIMAL.replace("1000,500", "oops\n1000,500")
            + "0,0,2000,64,0\n0,0,soon,1,0\n9,9,3000,2,0,B|1:1|\n9,9,4000,1,0\n"
        )
        assert [o.line for o in beatmap.hit_objects] == [12, 16]
        assert beatmap.messages == (
            "skipped 1 timing point line that cannot be read (line 8)",
            "skipped 3 hit object lines that cannot be read (lines 13, 14, 15)",
        )

    def test_a_missing_header_is_forgiven(self) -> None:
        assert read(MINIMAL.replace("osu file format v14", "")).messages == (
            "line 3: no 'osu file format v…'; read as v14, as the game does",
        )

    @pytest.mark.parametrize(("written", "used"), [("-1E+90", 6.0), ("0", 6.0), ("1e300", 60_000.0)])
    def test_beats_have_the_limits_of_the_game(self, written: str, used: float) -> None:
        beatmap = read(MINIMAL.replace("1000,500", f"0,{written},4,2,1,60,1,0\n1000,500"))
        assert [p.beat_length for p in beatmap.red_lines] == [used, 500.0]
        assert beatmap.messages == (
            "line 8: beats shorter than 6 or longer than 60,000 ms, read as the closer of these, as the game does",
        )

    def test_a_comment_ends_a_line_but_not_in_metadata_or_in_a_path(self) -> None:
        beatmap = read(
            MINIMAL.replace("Mode: 0", 'Mode: 0 // osu!\n[Metadata]\nTitle:a//b\n[Events]\n0,0,"sb//bg.jpg",0,0 // x')
            .replace("1,60,1,0", "1,60,1,0//red")
            .replace("0:0:0:0:", "0:0:0:0: // first")
        )
        assert (beatmap.general["Mode"], beatmap.metadata["Title"]) == ("0", "a//b")
        assert beatmap.events == ((9, '0,0,"sb//bg.jpg",0,0'),) and beatmap.messages == ()

    def test_of_a_key_that_is_there_twice_the_last_counts(self) -> None:
        beatmap = read(
            MINIMAL.replace(
                "[Timing", "[Difficulty]\nSliderMultiplier:1\nSliderMultiplier: 2\nCircleSize:4\nCircleSize:4\n[Timing"
            )
        )
        assert beatmap.difficulty.slider_multiplier == 2 and beatmap.line_of("Difficulty", "SliderMultiplier") == 9
        assert beatmap.messages[0] == "line 9: SliderMultiplier again; the last value counts, as in the game"

    def test_keys_that_are_mistyped_or_lacking_are_named(self) -> None:
        settings = ["HPDrainRate:5", "CircleSize:4", "OverallDificulty:8", "SliderTickRate:1"]
        beatmap = read(
            MINIMAL.replace("Mode: 0", "Mod: 3").replace("[Timing", "\n".join(["[Difficulty]", *settings, "[Timing"]))
        )
        assert beatmap.mode is Mode.OSU and beatmap.messages == (
            "line 5: Mod should be Mode; the game leaves the line out",
            "line 10: OverallDificulty should be OverallDifficulty; the game leaves the line out",
            "[Difficulty] has no SliderMultiplier; the game's default is used",
        )
        whole = [*settings, "OverallDifficulty:8", "SliderMultiplier:1.4", "Difficult:1"]
        assert read(MINIMAL.replace("[Timing", "\n".join(["[Difficulty]", *whole, "[Timing"]))).messages == ()

    def test_lines_of_a_git_conflict_are_named_as_such(self) -> None:
        line = "256,192,2000,1,0,0:0:0:0:\n"
        beatmap = read(f"{MINIMAL}<<<<<<< HEAD\n{line}=======\n{line}>>>>>>> other\n")
        assert [o.line for o in beatmap.hit_objects] == [11, 13, 15]
        assert beatmap.messages == (
            "skipped 3 [HitObjects] lines of a git conflict, to be resolved first (lines 12, 14, 16)",
        )

    def test_a_value_that_cannot_be_read_does_not_replace_one_that_can(self) -> None:
        beatmap = read(MINIMAL.replace("[Timing", "[Difficulty]\nCircleSize:3\nCircleSize:NaN\nHPDrainRate:x\n[Timing"))
        assert (beatmap.difficulty.circle_size, beatmap.difficulty.hp_drain_rate) == (3, 5)
        assert "line 10: HPDrainRate is 'x'; 5 is used" in beatmap.messages

    @pytest.mark.parametrize("mode", ["9", "inf", "1e400", "osu", "3.0"])
    def test_a_mode_that_does_not_exist_is_osu(self, mode: str) -> None:
        beatmap = read(MINIMAL.replace("Mode: 0", f"Mode: {mode}"))
        assert beatmap.mode is Mode.OSU
        assert beatmap.messages == (f"line 5: there is no game mode {mode!r}; the line is left out, as in the game",)

    def test_formats_3_and_4_play_24_ms_later(self) -> None:
        text = MINIMAL.replace("[Timing", "[Events]\n2,5000,6000\n[Timing") + "256,192,2000,12,0,3000\n"
        new, old = read(text), read(text.replace("v14", "v4"))
        assert read(text.replace("v14", "v5")).hit_objects == new.hit_objects

        def times(beatmap: Beatmap) -> list[float]:
            objects = [time for o in beatmap.hit_objects for time in (o.time, o.end_time)]
            return objects + [p.time for p in beatmap.timing_points] + [beatmap.breaks[0].start, beatmap.breaks[0].end]

        assert times(old) == [time + 24 for time in times(new)]

    def test_objects_out_of_order_are_sorted_as_the_game_sorts_them(self) -> None:
        beatmap = maps.beatmap(["0,0,3000,1,0", "0,0,1000,1,0", "1,0,2000,1,0", "2,0,2000,5,0"])
        assert [o.time for o in beatmap.hit_objects] == [1000, 2000, 2000, 3000]
        assert [(o.index, o.combo_number) for o in beatmap.hit_objects] == [(0, 1), (1, 2), (2, 1), (3, 2)]
        assert [o.x for o in beatmap.hit_objects[1:3]] == [1, 2]

    def test_odd_edge_sounds_are_0_and_missing_sets_are_the_sliders(self) -> None:
        (o,) = maps.beatmap(["0,0,1000,2,0,L|200:0,2,100,2|x|8.5|4|6,0:0||2:1|x|y,1:2:0:0:"]).hit_objects
        assert o.slider is not None
        assert (o.slider.edge_sounds, o.slider.edge_sets) == ((2, 0, 0, 6), ((0, 0), (1, 2), (2, 1)))

    @pytest.mark.parametrize("odd", ["0", "x:0", ":", "1"])
    def test_odd_edge_sets_are_0_and_the_slider_stays(self, odd: str) -> None:
        beatmap = maps.beatmap([f"0,0,1000,2,0,L|200:0,1,100,2|0,2:1|{odd},1:2:0:0:"])
        assert beatmap.hit_objects[0].slider is not None and beatmap.messages == ()
        assert beatmap.hit_objects[0].slider.edge_sets == ((2, 1), (0, 0))

    def test_a_slider_without_a_length_is_as_long_as_its_path(self) -> None:
        lines = ["0,0,1000,2,0,L|30:40,1", "0,0,2000,2,0,L|30:40,1,0", "0,0,3000,2,0,L|30:40,1,-5"]
        beatmap = maps.beatmap(lines)
        assert [o.slider and o.slider.length for o in beatmap.hit_objects] == [50.0] * 3
        assert all(o.duration > 0 for o in beatmap.hit_objects)

    @pytest.mark.parametrize(
        ("path", "curve", "segments", "n_points"),
        [
            ("B4|10:0|20:0|30:0", "B4", (), 4),
            ("B0|10:0", "B", (), 2),
            ("P|10:0|20:9|B3|30:0|40:0", "P", ((3, "B3"),), 5),
            ("b|10:0", "C", (), 2),  # as the game reads every letter that it does not know
            ("B|10:0|20:0|L", "B", (), 3),
            ("B|L|10:0", "L", (), 2),
            ("B|10:0|L|P|20:0", "B", ((2, "P"),), 3),
        ],
    )
    def test_types_of_curves(self, path: str, curve: str, segments: tuple[tuple[int, str], ...], n_points: int) -> None:
        (o,) = maps.beatmap([f"0,0,1000,2,0,{path},1,100"]).hit_objects
        assert o.slider is not None
        assert (o.slider.curve, o.slider.segment_types, len(o.slider.control_points)) == (curve, segments, n_points)


class TestAsTheGameReads:
    """Where a line is written in an unusual way."""

    def test_lines_that_begin_with_a_space_are_none_but_tabs_do_not_matter(self) -> None:
        beatmap = read(
            MINIMAL.replace("Mode: 0", "\tMode\t:\t1\t\n Mode: 3") + " 0,0,2000,1,0\n_0,0,2500,1,0\n\t0,0,3000,1,0\n"
        )
        assert beatmap.mode is Mode.TAIKO and [o.time for o in beatmap.hit_objects] == [1000, 3000]
        assert [message.partition(" (")[0] for message in beatmap.messages] == [
            "skipped 1 [General] line beginning with a space or an underscore, as the game does",
            "skipped 2 [HitObjects] lines beginning with a space or an underscore, as the game does",
        ]

    def test_keys_are_in_the_case_of_the_game(self) -> None:
        beatmap = read(MINIMAL.replace("Mode: 0", "mode: 3\nMode:1"))
        assert beatmap.mode is Mode.TAIKO

    def test_headings_with_comments_and_spaces(self) -> None:
        assert len(read(MINIMAL.replace("[HitObjects]", "[ HitObjects ] // here")).hit_objects) == 1
        assert (
            "line 7: there is no section [timingpoints]; it is left out; did you mean [TimingPoints]?"
            in read(MINIMAL.replace("[TimingPoints]", "[timingpoints]\n[TimingPoints]")).messages
        )

    def test_sections_may_come_twice_and_in_any_order(self) -> None:
        beatmap = read("osu file format v14\n[HitObjects]\n0,0,1000,1,0\n" + MINIMAL.partition("\n")[2])
        assert len(beatmap.hit_objects) == 2 and not beatmap.messages

    @pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
    def test_ends_of_lines(self, end: str) -> None:
        assert read("\ufeff" + MINIMAL.replace("\n", end)).hit_objects == read(MINIMAL).hit_objects

    def test_a_comma_is_no_point(self) -> None:
        beatmap = read(MINIMAL.replace("[Timing", "[Difficulty]\nCircleSize:4,2\nSliderMultiplier:1,8\n[Timing"))
        assert (beatmap.difficulty.circle_size, beatmap.difficulty.slider_multiplier) == (10, 3.6)
        assert "line 8: CircleSize is '4,2', which the game reads as 42; decimals have a point" in beatmap.messages

    @pytest.mark.parametrize(
        ("version", "x", "noted"), [("15", 1, True), ("129", 1.5, True), ("2", 1, False), ("128", 1.5, False)]
    )
    def test_other_formats(self, version: str, x: float, noted: bool) -> None:
        beatmap = read(MINIMAL.replace("v14", f"v{version}").replace("256,192", "1.5,192"))
        assert beatmap.hit_objects[0].x == x
        assert any("format v" in message for message in beatmap.messages) is noted

    @pytest.mark.parametrize(
        ("line", "read_as"),
        [
            ("1000,500", (4, 2, 0, 40, True)),
            ("1000,500,0", (4, 2, 0, 40, True)),
            ("1000,500,3,1,7,60", (3, 1, 7, 60, True)),
            ("1000,500,-3,1,7,200,1,0", (4, 1, 7, 100, True)),
            (" 1000 , 500 , 3 , 1 , 7 , 60 ,1, 1 ", (3, 1, 7, 60, True)),
            ("1000,-50,4,1,7,60,2,1", (4, 1, 7, 60, False)),
        ],
    )
    def test_fields_of_timing_points(self, line: str, read_as: tuple[object, ...]) -> None:
        general = "Mode: 0\nSampleSet: Soft\nSampleVolume: 40"
        beatmap = read(MINIMAL.replace("Mode: 0", general).replace("1000,500", f"{line.strip()}\n1000,500"))
        p = beatmap.timing_points[0]
        assert (p.meter, p.sample_set, p.sample_index, p.volume, p.uninherited) == read_as and not beatmap.messages

    @pytest.mark.parametrize(
        "line", ["1000,500,4.0", "1000,500,4,1,1,60.5,1,0", "1000,500,,1,1,60,1,0", "1000,500,4,1,1,60,,0"]
    )
    def test_timing_points_that_the_game_does_not_read(self, line: str) -> None:
        beatmap = read(MINIMAL.replace("1000,500", f"{line}\n2000,500"))
        assert [p.time for p in beatmap.timing_points] == [2000] and len(beatmap.messages) == 1

    def test_control_points(self) -> None:
        (o,) = maps.beatmap(["0,0,1000,2,0,Bezier|9.9:-0.5:3|20:0|Lin|30:0,1,100"]).hit_objects
        assert o.slider and (o.slider.curve, o.slider.segment_types) == ("B", ((3, "L"),))
        assert o.slider.control_points[1] == (9, 0)

    def test_columns_of_a_fraction_of_a_key(self) -> None:
        assert [maps.beatmap(mode=3, circle_size=size).keys for size in (0, 3.4, 4.5, 6.7)] == [1, 3, 4, 7]


class TestOneBadLine:
    """It costs that line, and a message names it."""

    @pytest.mark.parametrize(
        ("bad", "why"),
        [
            ("0,0,NaN,1,0", "at a time that is not a number or beyond 10 hours"),
            ("0,0,36000001,1,0", "at a time that is not a number or beyond 10 hours"),
            ("0,0,soon,1,0,0:0:0:0:", "that cannot be read"),
            ("0,0,1_000,1,0,0:0:0:0:", "that cannot be read"),
            ("1e9,0,1000,1,0", "whose coordinates are not numbers or beyond ±131,072"),
            ("0,NaN,1000,1,0", "whose coordinates are not numbers or beyond ±131,072"),
            ("0,0,1000,12,0,NaN", "whose end is not a number or beyond 10 hours"),
            ("0,0,1000,2,0,L|NaN:NaN,1,100", "whose coordinates are not numbers or beyond ±131,072"),
            ("0,0,1000,2,0,L|9:0|nan:nan,1,100", "whose coordinates are not numbers or beyond ±131,072"),
            ("0,0,1000,2,0,L|9:0|y88:349,1,100", "that cannot be read"),
            ("0,0,1000,2,0,L|0:0!,1,100", "that cannot be read"),
            ("0,0,1000,2,0,B99|9:0|10:0,1,100", "that cannot be read"),
            ("0,0,1000,2,0,L|9:0,1,NaN", "of sliders whose length is not a number or beyond 131,072"),
            ("0,0,1000,2,0,L|9:0,1,1e12", "of sliders whose length is not a number or beyond 131,072"),
            ("0,0,1000,2,0,L||9:0,1,100", "that cannot be read"),
            ("0,0,1000,1", "that cannot be read"),
            ("0,0,1000,1,", "that cannot be read"),
            ("0,0,1000,1.0,0", "that cannot be read"),
            ("0,0,1000,1,0.0", "that cannot be read"),
            ("0,0,1000,1,0,0:0:a:0:", "that cannot be read"),
            ("0,0,1000,2,0,L|9:0,inf,100", "that cannot be read"),
            ("0,0,1000,2,0,L|9:0,9001,100", "of sliders with more than 9,000 slides"),
            ("0,0,1000,128,0,2000:0:0:0:0:", "of hold notes, which only mania has"),
            ("0,0,1000,64,0", "that cannot be read"),
        ],
    )
    def test_of_an_object(self, bad: str, why: str) -> None:
        beatmap = maps.beatmap(["1,1,500,1,0", bad, "2,2,2000,1,0,0:0:0:0:"])
        assert [o.x for o in beatmap.hit_objects] == [1, 2]
        line = beatmap.hit_objects[0].line + 1
        assert beatmap.messages == (f"skipped 1 hit object line {why} (line {line})",)

    @pytest.mark.parametrize(
        ("bad", "why"),
        [
            ("NaN,500,4,2,1,60,1,0", "at a time that is not a number or beyond 10 hours"),
            ("1000,NaN,4,2,1,60,1,0", "whose beat length is not a number"),
            ("1000,inf,4,2,1,60,1,0", "whose beat length is not a number"),
            ("1000,-inf,4,2,1,60,0,0", "whose beat length is not a number"),
            ("1000", "that cannot be read"),
            ("1000,500,four,2,1,60,1,0", "that cannot be read"),
        ],
    )
    def test_of_a_timing_point(self, bad: str, why: str) -> None:
        beatmap = maps.beatmap(timing_points=[maps.RED_LINE, bad, "2000,-50,4,2,1,60,0,0"])
        assert [p.time for p in beatmap.timing_points] == [0, 2000]
        line = beatmap.timing_points[0].line + 1
        assert beatmap.messages == (f"skipped 1 timing point line {why} (line {line})",)

    def test_of_a_break(self) -> None:
        beatmap = maps.beatmap(events=["2,NaN,9000", "2,3000,x", "2,3000,9000"])
        assert [(b.start, b.end) for b in beatmap.breaks] == [(3000, 9000)] and len(beatmap.messages) == 2

    def test_a_green_line_of_nan_is_kept(self) -> None:
        beatmap = maps.beatmap(timing_points=[maps.RED_LINE, "1000,NaN,4,2,1,60,0,0"])
        assert beatmap.velocity_at(1000) == 1 and len(beatmap.timing_points) == 2 and not beatmap.messages

    def test_the_end_of_a_file_that_was_cut_off(self) -> None:
        beatmap = read(MINIMAL + "256,192,20")
        assert len(beatmap.hit_objects) == 1
        assert beatmap.messages == (
            "line 12: the file seems cut off here",
            "skipped 1 hit object line that cannot be read (line 12)",
        )


class TestLimits:
    """A small file must not make much work."""

    def test_slides_of_all_sliders(self) -> None:
        beatmap = maps.beatmap([f"0,0,{1000 + i},2,0,L|9:0,9000,1" for i in range(200)])
        assert sum(o.slider.slides for o in beatmap.hit_objects if o.slider) <= limits.MAX_SLIDES
        assert len(beatmap.hit_objects) == 5 and "skipped 195 hit object lines of sliders beyond" in beatmap.messages[0]

    def test_control_points_of_all_sliders(self) -> None:
        points = "|1:2" * 9_000
        beatmap = maps.beatmap([f"0,0,{1000 + i},2,0,L{points},1,9" for i in range(15)])
        assert len(beatmap.hit_objects) == 11 and "skipped 4 hit object lines of sliders beyond" in beatmap.messages[0]

    def test_control_points_of_one_slider(self) -> None:
        beatmap = maps.beatmap([maps.CIRCLE, "0,0,2000,2,0,B" + "|1:2" * limits.MAX_POINTS_OF_ONE + ",1,9"])
        assert len(beatmap.hit_objects) == 1
        assert beatmap.messages[0].endswith("with more than 10,000 control points (line 28)"), beatmap.messages

    def test_sounds_of_edges_that_the_slider_has_not(self) -> None:
        slider = (
            maps.beatmap(["0,0,1000,2,0,L|9:0,2,9," + "2|" * 50_000 + "2," + "1:2|" * 50_000 + "3:3"])
            .hit_objects[0]
            .slider
        )
        # The last of them is kept, which the published models take for that of the tail.
        assert slider and slider.edge_sounds == (2,) * 4 and slider.edge_sets == (*((1, 2),) * 3, (3, 3))

    def test_long_values_and_keys_that_are_there_again_and_again(self) -> None:
        again = "".join(f"Tags: {i}\n" for i in range(500))
        beatmap = maps.beatmap(metadata={"Source": "x" * 9_000, "Title": f"T\n{again}Creator:C"})
        assert beatmap.metadata["Source"] == "x" * limits.MAX_VALUE_CHARS and beatmap.metadata["Tags"] == "499"
        assert any("skipped 1 key line beyond 5,000 characters" in message for message in beatmap.messages)

    def test_of_very_many_bad_lines_the_first_few_are_remembered(self) -> None:
        reader = parser._Parser(Path("a.osu"))
        for line in range(9_000):
            reader.skip("break", "that cannot be read", line)
        ((_, lines),) = reader.skipped.items()
        assert lines.count == 9_000 and len(lines.first) == 5 and f"{lines}" == "lines 0, 1, 2, 3, 4, …"

    def test_a_comment_after_a_very_long_line(self) -> None:
        assert parser._without_comment("a" * 3_000_000 + '"b//c" // d').endswith('a"b//c"')

    def test_breaks_and_colours(self) -> None:
        colours = "".join(f"Combo{i} : 1,2,3\n" for i in range(5000))
        beatmap = read(
            MINIMAL.replace("[Timing", f"[Events]\n{'2,1,2' + chr(10) * 1}" * 3000 + f"[Colours]\n{colours}[Timing", 1)
        )
        assert len(beatmap.breaks) == limits.MAX_BREAKS and len(beatmap.written["Colours"]) == limits.MAX_KEYS
        assert len(beatmap.messages) == 2


def test_the_reader_survives_whatever_stands_in_a_field() -> None:
    odd = [
        "",
        " ",
        "NaN",
        "-inf",
        "1e400",
        "9" * 400,
        "x",
        "|",
        ":",
        "L",
        "B|",
        "B4|1:1",
        "-1",
        "0",
        "256",
        "128",
        "//",
        "\x00",
        "é",
    ]
    random = np.random.default_rng(0)
    lines = [
        *MINIMAL.split("\n"),
        "1,2,3000,2,0,B|3:4|5:6,2,100,2|0,0:0|1:1,0:0:0:0:",
        "256,192,5000,12,0,6000,0:0:0:0:",
    ]
    n_read = 0
    for _ in range(3000):
        changed = list(lines)
        for _ in range(int(random.integers(1, 4))):
            number = int(random.integers(2, len(lines)))
            separator = str(random.choice([",", "|", ":"]))
            fields = changed[number].split(separator)
            fields[int(random.integers(len(fields)))] = str(random.choice(odd))
            changed[number] = separator.join(fields)
        try:
            beatmap = read("\n".join(changed))
        except BeatmapError:
            continue
        n_read += 1
        for o in beatmap.hit_objects:
            assert np.isfinite([o.time, o.end_time, o.x, o.y]).all() and o.end_time >= o.time
            if o.slider:
                assert np.isfinite(slider_path.flatten(o.slider).vertices).all() and np.isfinite(o.slider.length)
    assert n_read > 1000


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b" \n\t\n", "the file is empty"),
            (b"ID3\x03\x00\x00\x00\x00\x00\x00" + bytes(300), "binary"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
            ("hello world", "not a beatmap"),
            ("osu file format v0", "unknown format version"),
            ("osu file format vX", "unknown format version"),
            ("osu file format v14\n[HitObjects]\n", "no hit objects: nothing to lint (is the file cut off?)"),
            ("osu file format v14\n", "(is the file cut off?); the file has no section [HitObjects]"),
            (
                MINIMAL.replace("[HitObjects]", "[HitObject]"),
                "map.osu:10: no hit objects: nothing to lint; [HitObject] should be",
            ),
            (MINIMAL.replace("[TimingPoints]", "[Timing]"), "the file has no section [TimingPoints]"),
            (MINIMAL.replace("1000,500,4,2,1,60,1,0", ""), "no timing points"),
            (MINIMAL.replace("1000,500,4,2,1,60,1,0", "1000,-100,4,2,1,60,0,0"), "no uninherited timing point"),
            (MINIMAL.replace(",500,", ",NaN,"), "no timing points"),
            (MINIMAL.replace(",500,", ",NaN,"), "whose beat length is not a number (line 8)"),
            (MINIMAL.replace("1000,500", "Infinity,500"), "1 timing point line at a time that is not a number"),
            (MINIMAL.replace("256,192,1000,1,0,0:0:0:0:", "256,192,10"), "none of the hit objects can be read"),
            (MINIMAL.replace("256,192", "1e9,192"), "whose coordinates are not numbers or beyond ±131,072 (line 11)"),
        ],
    )
    def test_one_line_with_the_reason(self, content: str | bytes, reason: str) -> None:
        message = refusal(content)
        assert reason in message and len(message) < 300

    def test_a_long_value_is_not_repeated_whole(self) -> None:
        assert len(refusal(MINIMAL.replace("256,192", "9" * 5000 + ",192"))) < 300

    def test_a_flood_of_objects(self) -> None:
        assert "hit objects" in refusal(MINIMAL + "0,0,2000,1,0\n" * 300_000)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.osu")
        with pytest.raises(BeatmapError, match="not a regular file"):
            parser.load(tmp_path / "a.osu")

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(BeatmapError, match="cannot be read"):
            parser.load(tmp_path / "missing.osu")


class TestMeaning:
    def test_slider_ends_follow_length_velocity_and_repeats(self) -> None:
        beatmap = maps.beatmap(["100,100,1000,2,0,L|300:100,2,140"], ["0,500,4,1,0,50,1,0", "0,-50,4,1,0,50,0,0"])
        # 140 px at 1.4 x 2 hundred px per beat is half a beat, twice.
        assert beatmap.hit_objects[0].end_time == pytest.approx(1500)
        assert beatmap.hit_objects[0].edge_times() == pytest.approx((1000, 1250, 1500))

    def test_combo_numbers_start_anew_at_flags_and_after_spinners_and_breaks(self) -> None:
        objects = ["0,0,0,1,0", "0,0,500,1,0", "0,0,1000,5,0", "256,192,1500,12,0,2000", "0,0,2500,1,0", "0,0,3000,1,0"]
        beatmap = maps.beatmap([*objects, "0,0,9000,1,0", "0,0,9500,1,0"], events=["2,3200,8400"])
        assert [o.combo_number for o in beatmap.hit_objects] == [1, 2, 1, 1, 1, 2, 1, 2]

    def test_lazers_format_has_fractions_and_segments(self) -> None:
        beatmap = maps.beatmap(["100.5,99.25,1000.125,2,0,P|120:80|140.5:99|L|200:99,1,150"], format_version=128)
        (o,) = beatmap.hit_objects
        assert (o.x, o.y, o.time) == (100.5, 99.25, 1000.125) and o.slider is not None
        assert (o.slider.curve, o.slider.segment_types) == ("P", ((3, "L"),))
        assert o.slider.control_points == ((100.5, 99.25), (120, 80), (140.5, 99), (200, 99))

    def test_hold_notes_and_columns(self) -> None:
        beatmap = maps.beatmap(["64,192,0,128,0,750:0:0:0:40:", "448,192,500,1,0"], ["0,500,4,1,0,50,1,0"], mode=3)
        hold, note = beatmap.hit_objects
        assert beatmap.mode is Mode.MANIA and hold.kind is ObjectKind.HOLD
        assert (hold.end_time, hold.sample.volume, beatmap.column(hold), beatmap.column(note)) == (750, 40, 0, 3)

    def test_kiai_that_a_red_and_a_green_line_at_one_time_share(self) -> None:
        beatmap = maps.beatmap(
            ["0,0,0,1,0"],
            [
                "0,500,4,1,0,50,1,0",
                "2000,500,4,1,0,50,1,0",
                "2000,-100,4,1,0,50,0,1",
                "4000,500,4,1,0,50,1,0",
                "4000,-100,4,1,0,50,0,1",
                "6000,-100,4,1,0,50,0,0",
            ],
        )
        assert [(start.time, end and end.time) for start, end in beatmap.kiai_sections] == [(2000, 6000)]

    def test_the_song_is_found_whatever_the_case(self, tmp_path: Path) -> None:
        (tmp_path / "Song.MP3").write_bytes(b"x")
        (tmp_path / "a.osu").write_text(MINIMAL)
        assert parser.find_audio(parser.load(tmp_path / "a.osu")) == tmp_path / "Song.MP3"

    def test_a_song_outside_of_the_folder_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "song.mp3").write_bytes(b"x")
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "a.osu").write_text(MINIMAL.replace("song.mp3", "../song.mp3"))
        assert parser.find_audio(parser.load(tmp_path / "set" / "a.osu")) is None


CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "fixture"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus beside the repository")
def test_objects_agree_with_an_independent_reader_on_odd_maps() -> None:
    fosu = pytest.importorskip("fosu")
    compared = 0
    for path in sorted(CORPUS.glob("*/*.osu"))[::5]:
        try:
            ours = parser.load(path)
            theirs = fosu.parse_file(path, calculate_slider_end_times=True)
        except (BeatmapError, fosu.MapLoadError):
            continue
        assert len(ours.hit_objects) == len(theirs.hit_objects), path.name
        assert sorted(o.time for o in ours.hit_objects) == pytest.approx(
            sorted(o.time for o in theirs.hit_objects), abs=1
        ), path.name
        compared += 1
    assert compared > 30


@pytest.mark.parametrize("bits", [1 + 4 + (3 << 4), 1 + 4 + (3 << 4) + 128])
def test_three_bits_of_the_type_skip_combo_colours(bits: int) -> None:
    (circle,) = maps.beatmap([f"256,192,1000,{bits},0"]).hit_objects
    assert circle.combo_skip == 3

"""The parser: parsed values, tolerated errors, refused files and their messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.parser import BeatmapError, parse
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
            256.5,
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
            "skipped 3 hit object lines that cannot be read (line 13, 14, 15)",
        )

    def test_a_missing_header_is_forgiven(self) -> None:
        assert read(MINIMAL.replace("osu file format v14", "")).messages == (
            "line 3: no 'osu file format v…'; read as v14, as the game does",
        )

    def test_red_lines_of_less_than_six_ms_count_as_six(self) -> None:
        beatmap = read(MINIMAL.replace("1000,500", "0,-1E+90,4,2,1,60,1,0\n1000,500"))
        assert [p.beat_length for p in beatmap.red_lines] == [6.0, 500.0]
        assert beatmap.messages == ("line 8: beats shorter than 6 ms, taken for 6 ms as the game does",)


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b" \n\t\n", "the file is empty"),
            (b"ID3\x03\x00\x00\x00\x00\x00\x00" + bytes(300), "binary"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
            ("hello world", "not a beatmap"),
            ("osu file format v99", "v99 is not supported"),
            ("osu file format vX", "unknown format version"),
            ("osu file format v14\n[HitObjects]\n", "no hit objects"),
            (MINIMAL.replace("1000,500,4,2,1,60,1,0", ""), "no timing points"),
            (MINIMAL.replace("1000,500,4,2,1,60,1,0", "1000,-100,4,2,1,60,0,0"), "no uninherited timing point"),
            (MINIMAL.replace(",500,", ",NaN,"), "beat length of NaN"),
            (MINIMAL.replace(",500,", ",inf,"), "beat length of inf"),
            (MINIMAL.replace(",500,", ",0,"), "beat length of 0"),
            (MINIMAL.replace("1000,500", "Infinity,500"), "not a time"),
            (MINIMAL.replace("192,1000,", "192,36000001,"), "no song is that long"),
            (MINIMAL.replace("256,192", "1e9,192"), "coordinates beyond"),
            (MINIMAL.replace("256,192", "NaN,192"), "coordinates beyond"),
            (MINIMAL.replace("256,192,1000,1,0,0:0:0:0:", "256,192,10"), "cut off"),
            (MINIMAL.replace("Mode: 0", "Mode: 9"), "unknown game mode"),
            (MINIMAL.replace("256,192,1000,1,0,0:0:0:0:", "0,0,1000,2,0,B|9:9,1,1e12"), None),
        ],
    )
    def test_one_line_with_the_reason(self, content: str | bytes, reason: str | None) -> None:
        if reason is None:  # an absurd slider length is replaced by that of its control points, as the game does
            assert read(content).hit_objects[0].slider.length == pytest.approx(12.73, abs=0.01)
        else:
            assert reason in refusal(content)

    def test_a_flood_of_objects(self) -> None:
        assert "hit objects" in refusal(MINIMAL + "0,0,2000,1,0\n" * 300_000)

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(BeatmapError, match="cannot be read"):
            parser.load(tmp_path / "missing.osu")


class TestMeaning:
    def test_slider_ends_follow_length_velocity_and_repeats(self) -> None:
        beatmap = maps.beatmap(["100,100,1000,2,0,L|300:100,2,140"], ["0,500,4,1,0,50,1,0", "0,-50,4,1,0,50,0,0"])
        # 140 px at 1.4 x 2 hundred px per beat is half a beat, twice.
        assert beatmap.hit_objects[0].end_time == pytest.approx(1500)
        assert beatmap.hit_objects[0].edge_times() == pytest.approx((1000, 1250, 1500))

    def test_combo_numbers_start_anew_at_flags_and_after_spinners(self) -> None:
        beatmap = maps.beatmap(
            ["0,0,0,1,0", "0,0,500,1,0", "0,0,1000,5,0", "256,192,1500,12,0,2000", "0,0,2500,1,0", "0,0,3000,1,0"],
            ["0,500,4,1,0,50,1,0"],
        )
        assert [o.combo_number for o in beatmap.hit_objects] == [1, 2, 1, 1, 1, 2]

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

"""Pictures of the evidence: elements are at the right places, and no text of a map becomes markup."""

import base64
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from dataclasses import replace
from html import escape
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from msgspec import structs

from maimod import evidence as draw
from maimod.audio.decode import Audio
from maimod.audio.onsets import onset_envelope
from maimod.events.schema import Event, EventKind, EventScore
from maimod.evidence import clip
from maimod.evidence.circles import COMBO_COLOURS, combo_colours
from maimod.evidence.digest import digest
from maimod.evidence.evidence import evidence
from maimod.evidence.spectrum import expected_times
from maimod.evidence.svg import palette, png, thin
from maimod.evidence.timeline import moments
from maimod.evidence.words import words
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.findings import BeatmapReport, Category, Finding, Severity
from maimod.linter.pipeline import Analysis
from maimod.linter.song import Song
from maimod.osu.beatmap import Mode
from maimod.osu.names import object_name
from maimod.rules import RULES
from maimod.rules.evidence import Evidence
from tests import maps

OBJECTS = (
    "100,100,1000,5,0,0:0:0:0:",
    "200,100,1500,2,0,B|300:100|300:200,2,150",
    "400,300,3000,1,2,0:0:0:0:",
    "256,192,4000,12,0,6000,0:0:0:0:",
)


def song(seconds: float = 8.0) -> Song:
    """Silence with a click each half second."""
    samples = np.zeros(round(16_000 * seconds), dtype=np.float32)
    for start in range(8000, len(samples) - 400, 8000):
        samples[start : start + 400] = np.sin(np.arange(400)) * np.exp(-np.arange(400) / 80)
    audio = Audio(None, samples, 16_000)
    return Song(audio, onset_envelope(audio))


def analysis(mode: int = 0, objects=OBJECTS, message: str = "Odd.", version: str = "Hard") -> Analysis:
    beatmap = maps.beatmap(objects, mode=mode, metadata={"Version": version, "Title": "T</script><b>"})
    first = beatmap.hit_objects[0]

    def event(kind: EventKind, value: int, source=first) -> Event:
        return Event(kind, value, 1000, 0, source)

    scores = (
        EventScore(
            event(EventKind.TIME, 1000),
            9.0,
            1.0,
            ((event(EventKind.TIME, 1250, None), 0.8), (event(EventKind.TIME, 1000, None), 0.1)),
        ),
        EventScore(event(EventKind.DISTANCE, 180), 6.0, 1.0, ((event(EventKind.DISTANCE, 60, None), 0.7),)),
        EventScore(event(EventKind.POS_X, 25), 1.0, 1.0, ((event(EventKind.POS_X, 25, None), 0.5),)),
    )
    finding = Finding(
        "positions/unexpected",
        Category.POSITIONS,
        Severity.WARNING,
        0.7,
        message,
        1000.0,
        "00:01:000 (1) -",
        20,
        (0,),
        surprisal=9.0,
        entropy=1.0,
        actual="<i>",
        id="abc",
    )
    heard = song()
    report = BeatmapReport(
        "set/hard.osu",
        "ok",
        title=beatmap.metadata["Title"],
        artist="A",
        version=version,
        mode=Mode(mode).label,
        findings=(finding,),
    )
    evidence = Evidence(beatmap, scores, heard.envelope, schema=VERSIONS["V31"].schema)
    return Analysis(report, evidence, heard)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def named(svg: str, name: str) -> list[ElementTree.Element]:
    return [node for node in parsed(svg).iter() if name in node.get("class", "").split()]


def test_the_moment_shows_what_the_game_shows():
    beatmap = maps.beatmap(OBJECTS)
    svg = draw.playfield(beatmap, draw.Span(1000.0), [0])
    circle, slider = sorted(named(svg, "object"), key=lambda node: float(node.get("data-s")))
    assert (
        float(circle.get("opacity")) == 1 and float(slider.get("opacity")) == 1
    )  # AR 5: 1200 ms ahead, visible after 400
    rings = {node.get("cx"): float(node.get("r")) for node in named(svg, "ring")}
    radius = 54.4 - 4.48 * 4
    assert rings["100"] == pytest.approx(radius, abs=0.1) and rings["200"] == pytest.approx(
        radius * (1 + 3 * 500 / 1200), abs=0.1
    )
    assert len(named(svg, "mm-marked")) == 1
    assert not named(draw.playfield(beatmap, draw.Span(2900.0)), "mm-marked")


def test_combos_have_the_colours_of_the_map():
    objects = ("0,0,1000,5,0", "0,0,1500,1,0", "0,0,2000,5,0")
    assert combo_colours(maps.beatmap(objects)) == {0: COMBO_COLOURS[1], 1: COMBO_COLOURS[1], 2: COMBO_COLOURS[2]}
    own = replace(
        maps.beatmap(objects),
        written={"Colours": {"Combo2": "0,255,16", "Combo1": " 1, 2,300", "SliderBorder": "1,1,1"}},
    )
    assert combo_colours(own) == {0: "#00ff10", 1: "#00ff10", 2: "#0102ff"}


def test_the_ball_follows_the_path():
    beatmap = maps.beatmap(("200,100,1500,2,0,L|300:100,2,100",))
    turn = beatmap.hit_objects[0].span_duration
    (ball,) = named(draw.playfield(beatmap, draw.Span(1500 + 1.25 * turn)), "ball")
    assert float(ball.get("cx")) == pytest.approx(275, abs=0.5) and ball.get("opacity") == "1"


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_marks_the_object(mode: Mode):
    notes = ("100,100,1000,1,0,0:0:0:0:", "400,100,1500,1,8,0:0:0:0:", "100,100,2000,128,0,2500:0:0:0:0:")
    objects = notes if mode is Mode.MANIA else OBJECTS
    svg = draw.playfield(maps.beatmap(objects, mode=mode), draw.Span(1000.0, 500, 500), [1])
    assert len(named(svg, "mm-marked")) == 1
    assert parsed(svg).get("data-time") == "1000"


def test_taiko_notes_move_at_their_own_speed():
    points = (maps.RED_LINE, "1500,-50,4,2,0,70,0,0")
    svg = draw.playfield(maps.beatmap(("0,0,1000,1,0", "0,0,1600,1,8"), points, mode=1), draw.Span(1000.0))
    speeds = [float(node.get("data-vx")) for node in named(svg, "moving") if node.get("data-s") in ("1000", "1600")]
    assert max(speeds) == pytest.approx(2 * min(speeds), rel=1e-3)


def test_the_cloud_lies_where_the_model_expected_the_object():
    one = analysis()
    found = draw.cloud(one.beatmap, one.beatmap.hit_objects[0], list(one.evidence.scores), one.evidence.schema)
    assert found is not None and found.rings == ((256.0, 192.0, 60.0, 0.7),)
    assert len(named(draw.playfield(one.beatmap, draw.Span(1000), [0], found), "cloud")) == 1
    assert draw.cloud(one.beatmap, one.beatmap.hit_objects[0], [], one.evidence.schema) is None
    asked = draw.Cloud(1000, places=((100.0, 100.0, 0.6), (300.0, 100.0, 0.3)))
    assert asked.near(90, 100, 32) == 0.6
    (image,) = named(draw.playfield(one.beatmap, draw.Span(1000), [0], asked), "cloud")
    assert image.get("href").startswith("data:image/png;base64,")
    mania = maps.beatmap(("64,0,1000,1,0",), mode=3)
    assert (
        len(named(draw.playfield(mania, draw.Span(1000), [0], draw.Cloud(1000, columns=((1, 0.7), (2, 0.2)))), "cloud"))
        == 2
    )


def test_hearing_shows_mapped_and_expected_times():
    one = analysis()
    assert expected_times(one, [0]) == [(1250, 0.8)]
    late = Event(EventKind.TIME, 1500, 1500, 1, one.beatmap.hit_objects[1])
    missing = EventScore(
        late,
        8.0,
        1.0,
        ((structs.replace(late, value=1125, source=None), 0.7), (structs.replace(late, value=1375, source=None), 0.1)),
    )
    told = msgspec.structs.replace(one, evidence=replace(one.evidence, scores=(*one.evidence.scores, missing)))
    assert expected_times(told, [0]) == [(1125, 0.7), (1250, 0.8)]
    svg = draw.spectrum(one, 1000.0, [0])
    assert "80%" in svg and "data:image/png;base64," in svg
    assert "no song" in draw.spectrum(Analysis(one.report, one.evidence), 1000.0)


def test_timeline_covers_the_song_and_the_moments():
    one = analysis()
    start, end = draw.extent(one)
    assert (start, end) == (0.0, 8000.0)
    svg = draw.timeline(one)
    assert parsed(svg).get("viewBox") == "0 0 8000 100"
    assert {"wave", "density", "objects", "red", "bits"} <= {node.get("class") for node in parsed(svg)}
    assert moments(one) == [(1000, 9.0)]
    bare = draw.timeline(
        msgspec.structs.replace(one, evidence=replace(one.evidence, scores=None))
    )  # as without a model
    assert parsed(bare).get("viewBox") == "0 0 8000 66" and "surprisal" in svg and "surprisal" not in bare


def test_a_long_map_stays_small():
    objects = [f"{i % 512},100,{i * 120},1,0,0:0:0:0:" for i in range(3000)]
    beatmap = maps.beatmap(objects)
    heard = song(361.0)
    one = Analysis(BeatmapReport("x", "ok"), Evidence(beatmap, None, heard.envelope), heard)
    assert len(draw.timeline(one)) < 300_000


def test_png_is_what_the_standard_says():
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4)
    data = png(indices, palette([(0, "#000000"), (1, "#ffffff")]))
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and struct.unpack(">II", data[16:24]) == (4, 3)
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    rows = zlib.decompress(data[start + 4 : start + 4 + length])
    assert rows == bytes([0, 0, 1, 2, 3, 0, 4, 5, 6, 7, 0, 8, 9, 10, 11])
    assert palette([(0, "#000000"), (1, "#ffffff")])[255].tolist() == [255, 255, 255]


def test_thin_keeps_corners():
    vertices = np.array([[0, 0], [1, 0], [2, 0], [2, 1], [2, 2]], dtype=float)
    assert thin(vertices, 0.1).tolist() == [[0, 0], [2, 0], [2, 2]]


def test_hitsounds_fall_on_the_hits():
    beatmap = maps.beatmap(("256,192,1000,1,0", "256,192,1500,1,8"))
    heard = Audio(None, np.zeros(32_000, dtype=np.float32), 16_000)
    wav = clip.clip(beatmap, heard, 500, 1750, {})
    samples = np.frombuffer(wav[44:], dtype="<i2")
    assert len(samples) == 20_000
    loud = np.flatnonzero(np.abs(samples) > 200)
    assert loud[0] == pytest.approx(8000, abs=4) and loud[loud > 12_000][0] == pytest.approx(16_000, abs=4)
    assert not np.frombuffer(clip.clip(beatmap, heard, 500, 1750)[44:], dtype="<i2").any()
    assert len(clip.clip(beatmap, heard, -3000, -1000)) == 44 + 2 * 32_000  # before the song


def heard_of(beatmap, files, stop=2000.0) -> np.ndarray:
    silence = Audio(None, np.zeros(64_000, dtype=np.float32), 16_000)
    return np.frombuffer(clip.clip(beatmap, silence, 0, stop, files)[44:], dtype="<i2").astype(float) / 32767


def test_a_hit_plays_the_files_of_the_mapset_and_else_a_sample_of_ours():
    own = {"soft-hitnormal2": np.full(100, 0.5, np.float32), "drum-hitclap2": np.full(50, 0.25, np.float32)}
    beatmap = maps.beatmap(("0,0,1000,1,8,0:3:2:100:",))  # soft by its timing point, its clap of the drum set
    found = heard_of(beatmap, own)
    assert found[16_000:16_050] == pytest.approx(0.75 * clip.HIT_GAIN, abs=1e-3)
    assert found[16_050:16_100] == pytest.approx(0.5 * clip.HIT_GAIN, abs=1e-3) and not found[16_100:].any()
    without_clap = heard_of(beatmap, {"soft-hitnormal2": own["soft-hitnormal2"]})
    assert np.abs(without_clap[16_100:16_600]).max() > 0.05  # ours
    quiet = maps.beatmap(("0,0,1000,1,0,0:0:2:10:",))
    assert heard_of(quiet, own).max() == pytest.approx(0.05 * clip.HIT_GAIN, abs=1e-3)
    silenced = heard_of(beatmap, {name: np.zeros(0, np.float32) for name in own})
    assert not silenced.any()


def test_samples_of_ours_can_be_told_apart():
    made = [
        clip._default(32_000, one, name)
        for one in (1, 2, 3)
        for name in ("hitnormal", "hitwhistle", "hitfinish", "hitclap")
    ]
    for one in made:
        assert 0.1 < np.abs(one).max() <= 1 and np.abs(one[-10:]).max() < 0.02
    spectra = [np.abs(np.fft.rfft(one, 32_000)) for one in made]
    spectra = [one / np.linalg.norm(one) for one in spectra]
    assert max(float(a @ b) for i, a in enumerate(spectra) for b in spectra[:i]) < 0.97


def test_evidence_escapes_what_maps_say():
    body = evidence(analysis(message="<script>"), analysis().report.findings[0])
    assert "<i>" not in re.sub(r'<i style="[^"]*">', "", body) and "&lt;i&gt;" in body
    assert RULES["positions/unexpected"].title in body


def test_the_rule_is_described_with_all_its_texts_and_its_source_is_a_link():
    one = analysis()
    rule = RULES[one.report.findings[0].rule]
    body = evidence(one, one.report.findings[0])
    places = [body.index(f"<dt>{heading}</dt><dd>") for heading, _ in rule.texts]
    assert places == sorted(places) and rule.proposal and rule.source
    assert f"<dd>{escape(rule.proposal)}</dd>" in body
    assert f'<dd><a href="{rule.source}" rel="noreferrer">{rule.source}</a></dd>' in body


def test_the_model_is_asked_where_it_would_put_the_object():
    one, asked = analysis(), []

    def positions(beatmap, song, hit_object):
        asked.append((beatmap, song, hit_object.index))
        return [(100.0, 100.0, 0.6), (300.0, 100.0, 0.3)]

    known, unknown = SimpleNamespace(positions=positions), SimpleNamespace(positions=lambda *_: [])
    body = evidence(one, one.report.findings[0], known)
    assert asked == [(one.beatmap, one.song, 0)]
    assert "it gives 60 % to the place in the map" in body and "rings: distances" not in body
    assert "rings: distances" in evidence(one, one.report.findings[0], unknown)  # by the scores
    elsewhere = replace(one.report.findings[0], category=Category.RHYTHM, rule="rhythm/unsnapped")
    assert "where the model" not in evidence(one, elsewhere, known) and len(asked) == 1
    mania = analysis(mode=3)
    evidence(mania, mania.report.findings[0], known)
    unscored = msgspec.structs.replace(one, evidence=replace(one.evidence, scores=None, schema=None))
    evidence(unscored, one.report.findings[0], known)
    assert len(asked) == 1


# --- The beat digest ---


def rhythmic(drift: float = 0.0, objects: int = 120) -> Analysis:
    """A click on each half second, which comes `drift` ms later for each second of the song."""
    samples = np.zeros(16_000 * 64, dtype=np.float32)
    for beat in range(2, objects + 2):
        start = round(16 * (500 * beat * (1 + drift / 1000)))
        samples[start : start + 400] = np.sin(np.arange(400)) * np.exp(-np.arange(400) / 80)
    audio = Audio(None, samples, 16_000)
    lines = [f"{100 + 10 * (i % 20)},100,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(objects)]
    return msgspec.structs.replace(analysis(objects=lines), song=Song(audio, onset_envelope(audio)))


def rows_of_digest(one: Analysis, finding: Finding) -> np.ndarray:
    """Row of the strongest sound in each column: 0 is before the beat."""
    url = re.search(r"data:image/png;base64,([^\"]+)", digest(one, finding))
    assert url is not None
    content = base64.b64decode(url[1])
    width, height = struct.unpack(">II", content[16:24])
    packed = b"".join(
        content[at + 8 : at + 8 + size] for at, size in chunks(content) if content[at + 4 : at + 8] == b"IDAT"
    )
    pixels = np.frombuffer(zlib.decompress(packed), dtype=np.uint8).reshape(height, width + 1)[:, 1:]
    return pixels.argmax(axis=0)[pixels.max(axis=0) > 60]


def chunks(content: bytes):
    """Place and size of each chunk of a PNG."""
    at = 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        yield at, size
        at += size + 12


def test_a_wrong_tempo_is_a_slope_of_the_digest():
    finding = replace(analysis().report.findings[0], rule="timing/bpm", category=Category.TIMING, end_time=30_000.0)
    level, tilted = (rows_of_digest(rhythmic(drift), finding) for drift in (0.0, 1.5))
    assert np.ptp(level) <= 4
    assert tilted[-10:].mean() - tilted[:10].mean() > 15


def test_timing_findings_from_the_song_show_the_digest_and_others_do_not():
    one = rhythmic()
    finding = replace(one.report.findings[0], rule="timing/bpm", category=Category.TIMING, objects=())
    assert "mm-digest" in evidence(one, finding) and "mm-digest" not in evidence(one, one.report.findings[0])
    assert "mm-digest" not in evidence(msgspec.structs.replace(one, song=None), finding)


# --- An expected object ---


@pytest.mark.parametrize("mode", range(4))
def test_a_missing_object_is_drawn_where_it_is_expected(mode):
    one = analysis(mode)
    finding = replace(
        one.report.findings[0], rule="mapset/missing-object", category=Category.MAPSET, time=2500.0, objects=()
    )
    html = evidence(one, finding)
    assert html.count("mm-missing") == 1 and "the place is not known" in html


# --- Words ---


def test_objects_have_the_names_of_their_mode():
    objects = ("0,0,1000,1,0", "0,0,2000,1,8", "0,0,3000,1,6", "256,192,4000,12,0,6000")
    names = {
        mode: [object_name(o, maps.beatmap(objects, mode=mode)) for o in maps.beatmap(objects, mode=mode).hit_objects]
        for mode in range(4)
    }
    assert names[1] == ["don", "kat", "big kat", "denden"]
    assert names[2][0] == "fruit" and names[2][3] == "banana shower" and names[3][0] == "note"
    assert names[0] == ["circle", "circle", "circle", "spinner"]
    taiko = maps.beatmap(objects, mode=1)
    assert words(Event(EventKind.HITSOUND, 1, 1000, 0, None), taiko, None) == ("colour", "kat")
    assert words(Event(EventKind.CIRCLE, 0, 1000, 0, None), taiko, None) == ("kind", "note")


def test_what_is_raw_is_closed():
    one = analysis()
    html = evidence(one, one.report.findings[0])
    assert '<details class="mm-events">' in html and '<details class="mm-raw">' in html


# --- The timeline, close up ---


def test_the_timeline_names_objects_and_snaps_as_the_editor_does():
    lines = ("100,100,1000,5,0", "100,100,1500,1,8", "100,100,1750,1,4", "100,100,1880,1,0")
    osu, taiko, mania = (draw.notes(analysis(mode, lines)) for mode in (0, 1, 3))
    assert [name for *_, name, _ in osu] == ["1", "2", "3", "4"] and [name for *_, name, _ in taiko] == [
        "d",
        "k",
        "D",
        "d",
    ]
    assert {name for *_, name, _ in mania} == {"1"}
    assert [divisor for *_, divisor in osu] == [1, 1, 2, 0]  # the last is 5 ms late of a tick
    assert draw.beats(analysis()) == [(0.0, 500.0, 4)]

"""Cached values come back unchanged; damaged ones, and those of another form or map, are ignored."""

from __future__ import annotations

import math
import os
import zlib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from msgspec import structs

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import BeatmapReport, Category, Expected, Finding, ModelInfo, Severity
from maimod.linter import cache as caching
from maimod.linter.cache import Cache, KeptReports, KeptScores, digest
from maimod.linter.settings import Override, Settings
from tests import maps

KEY = digest("x")
BEATMAP = maps.beatmap(["100,100,1000,1,0", "200,100,1250,1,0"])
FINDING = Finding(
    "rhythm/unsnapped",
    Category.RHYTHM,
    Severity.WARNING,
    0.7,
    "Late.",
    1000.0,
    "00:01:000 (1) -",
    9,
    (0,),
    1250.5,
    9.5,
    None,
    "here",
    (Expected("there", 1 / 3), Expected("nowhere")),
    {"ms": 7.5, "also": ["a"], "n": 3},
    "0123",
)
REPORT = BeatmapReport(
    "a.osu", "partial", ("/songs/a/x.mp3: short", "else"), "T", findings=(FINDING,), drain_ms=3.0, audio="x.mp3"
)
EVENT = Event(EventKind.TIME, 1000, 1000, 0, BEATMAP.hit_objects[0])
SCORES = {
    "map": (
        EventScore(EVENT, 1 / 3, 0.1 + 0.2, ((structs.replace(EVENT, source=None, value=7), 1e-9),), 0.5),
        EventScore(structs.replace(EVENT, source=BEATMAP.timing_points[0], part=2), 0.0, 0.0, ()),
    ),
    "kiai": (),
}


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "kept")


def test_reports_come_back_as_they_were_in_another_folder(cache):
    model = ModelInfo("maimod-mini", "maimod", "cpu", "fp32")
    cache.put(KEY, KeptReports.of([REPORT, replace(REPORT, findings=())], model, Path("/songs/a")))
    kept = cache.get(KEY, KeptReports)
    assert kept.model == model
    moved = replace(REPORT, messages=(f"{Path('/b')}{os.sep}x.mp3: short", "else"))
    assert kept.at(Path("/b")) == [moved, replace(moved, findings=())]
    (finding,) = kept.reports[0].findings
    assert isinstance(finding.category, Category) and isinstance(finding.severity, Severity)
    assert [type(value) for value in finding.evidence.values()] == [float, list, int]


def test_letters_of_file_names_that_are_no_utf8_are_kept(cache):
    odd = replace(REPORT, path=os.fsdecode(b"\x83\x41.osu"))
    cache.put(KEY, KeptReports.of([odd], None, Path("/songs/a")))
    assert cache.get(KEY, KeptReports).at(Path("/songs/a")) == [odd]


def test_scores_come_back_as_they_were(cache):
    cache.put(KEY, KeptScores.of(SCORES))
    assert cache.get(KEY, KeptScores).among(BEATMAP) == SCORES


def test_scores_of_another_map_do_not(cache):
    longer = maps.beatmap(["100,100,1000,1,0"], general={"StackLeniency": "0.7", "Countdown": "0", "Mode": "0"})
    assert KeptScores.of(SCORES).among(longer) is None


def test_all_of_an_event_and_its_score_is_kept():
    """Whoever adds a field keeps it in `KeptContext`, too."""
    assert Event.__struct_fields__ == ("kind", "value", "time", "group", "source", "part")
    assert EventScore.__struct_fields__ == ("event", "surprisal", "entropy", "expected", "near")


def test_columns_that_do_not_fit_are_no_scores():
    kept = KeptScores.of(SCORES).contexts["map"]
    for change in (
        {"kinds": kept.kinds[:-1]},
        {"kinds": b"\xff" * len(kept.kinds)},
        {"values": kept.values[:-8]},
        {"values": kept.values[:-1]},
        {"places": kept.places[:-8]},
        {"measures": kept.measures + b"\0" * 24},
        {"measures": b"\xff" * len(kept.measures)},
        {"shares": kept.shares * 2},
        {"counts": b"\2\0"},
        {"counts": b"\1"},
    ):
        assert KeptScores({"map": structs.replace(kept, **change)}).among(BEATMAP) is None, change
    assert KeptScores({"map": kept}).among(BEATMAP) == {"map": SCORES["map"]}


REPORTS = {"model": None, "reports": [{"path": "a.osu", "status": "ok"}]}
COLUMNS = dict.fromkeys(("kinds", "values", "places", "measures", "shares", "counts"), "AAAA")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            KeptReports,
            REPORTS,
            [
                None,
                3,
                [],
                {},
                {"reports": 3, "model": None},
                {"reports": [{}], "model": None},
                {**REPORTS, "model": {}},
                {**REPORTS, "reports": [{"path": "a.osu", "status": "ok", "objects": "many"}]},
                {**REPORTS, "reports": [{"path": "a.osu", "status": "ok", "findings": [{"rule": "kiai/late"}]}]},
            ],
        ),
        (
            KeptScores,
            {"contexts": {"map": COLUMNS}},
            [
                [],
                {},
                {"contexts": {"map": [1]}},
                {"contexts": {"map": {**COLUMNS, "more": ""}}},
                {"contexts": {"map": {name: text for name, text in COLUMNS.items() if name != "counts"}}},
                {"contexts": {"map": {**COLUMNS, "kinds": 1}}},
                {"contexts": {"map": {**COLUMNS, "kinds": "no base64"}}},
            ],
        ),
        (list[tuple[str, str]], [["a", "b"]], [None, 3, [["a"]], [["a", 3]], ["ab"], {"a": "b"}]),
    ],
)
def test_entries_of_another_form_are_ignored(cache, kind, good, bad):
    cache.put(KEY, good)
    assert cache.get(KEY, kind) is not None
    for value in bad:
        cache.put(KEY, value)
        assert cache.get(KEY, kind) is None, value


def test_damaged_entries_are_ignored(cache):
    cache.put(KEY, REPORTS)
    (entry,) = list(cache.folder.rglob("*.z"))
    whole = entry.read_bytes()
    for content in (b"", b"\x00", whole[:-1], b"x" * 99, zlib.compress(b"{"), zlib.compress(b"[" * 100_000)):
        entry.write_bytes(content)
        assert cache.get(KEY, KeptReports) is None
    entry.write_bytes(whole)
    assert cache.get(KEY, KeptReports) is not None


def test_numbers_that_are_none_are_ignored(cache):
    cache.put(KEY, [1.0, math.inf])
    assert cache.get(KEY, list[float]) == [1.0, math.inf]
    cache.put(KEY, [1.0, math.nan])
    assert cache.get(KEY, list[float]) is None


def test_every_setting_that_decides_what_is_found_is_part_of_the_key(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"1")
    (tmp_path / "other.mp3").write_bytes(b"2")
    plain = Settings()
    others = {
        "device": "cuda",
        "precision": "bf16",
        "exact": True,
        "difficulty": 5.0,
        "mapper_id": 1,
        "year": 2015,
        "descriptors": ("clean",),
        "audio_path": tmp_path / "song.mp3",
        "level": "easy",
        "overrides": (Override("X", level="easy"),),
    }
    judged = {"select", "ignore", "severities", "min_scores", "min_score", "tier"}
    by_checkpoint = {"model", "lora"}
    assert {one.name for one in fields(Settings)} == others.keys() | judged | by_checkpoint
    keys = [caching.of_setup(replace(plain, **{name: value}), []) for name, value in others.items()]
    keys.append(caching.of_setup(replace(plain, audio_path=tmp_path / "other.mp3"), []))
    assert len({caching.of_setup(plain, []), *keys}) == len(keys) + 1
    # By content: the same song elsewhere is the same.
    (tmp_path / "other.mp3").write_bytes(b"1")
    assert caching.of_setup(replace(plain, audio_path=tmp_path / "other.mp3"), []) == keys[7]


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_a_folder_is_known_by_the_names_and_bytes_of_its_files_alone(tmp_path, monkeypatch):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.osu").write_bytes(b"a")
    before = caching.of_folder(folder)
    (folder / "Thumbs.db").write_bytes(b"x")
    assert caching.of_folder(folder) == before is not None
    with open(tmp_path / "large", "wb") as file:
        file.truncate(200 << 30)
    (folder / "large.mp4").symlink_to(tmp_path / "large")  # hashing it would take minutes
    linked = caching.of_folder(folder)
    assert linked not in (None, before)
    (folder / "a.osu").rename(folder / "b.osu")
    assert caching.of_folder(folder) not in (None, before, linked)
    (folder / "large.mp4").unlink()
    monkeypatch.setattr(caching, "MAX_BYTES", 0)
    assert caching.of_folder(folder) is None


def test_what_is_in_the_way_of_a_cache_is_said(tmp_path, cache, monkeypatch):
    assert cache.obstacle == ""
    cache.put(KEY, 1)
    assert cache.obstacle == "" and cache.get(KEY, int) == 1
    (tmp_path / "file").touch()
    assert Cache(tmp_path / "file" / "kept").obstacle == f"{tmp_path / 'file'} is not a folder"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert Cache(tmp_path / "new" / "kept").obstacle == f"{tmp_path} cannot be written"

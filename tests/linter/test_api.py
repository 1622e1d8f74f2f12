"""Many maps in one call: inputs, order, number of processes, cache."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import maimod
from maimod.app import main
from maimod.errors import AudioError, BeatmapError, CheckpointError, MaimodError, UsageError
from maimod.families import checkpoint
from maimod.findings import Severity
from maimod.linter import api
from maimod.linter import cache as caching
from maimod.linter.api import lint
from maimod.linter.cache import Cache, digest, of_folder
from maimod.linter.session import Session
from maimod.linter.settings import OFF, Override, Settings
from maimod.osu.discovery import Source, find
from maimod.rules import BEATMAP_CHECKS
from tests import checkpoints
from tests import maps as build

ROOT = Path(__file__).parents[2]
NO_MODEL = Settings(model=None)
LINES = [f"{100 + i % 200},{100 + i % 100},{1000 + 250 * i},1,0" for i in range(60)]
MAP = build.text(LINES)
FAULTY = MAP.replace(",3500,1,0", ",3507,1,0").replace(",8000,1,0", ",8007,1,0")
"""With two objects 7 ms late."""


def songs(folder: Path, sets: int = 3) -> Path:
    """A Songs folder of sets of two difficulties."""
    for number in range(sets):
        place = folder / f"{number} Artist - Title"
        place.mkdir(parents=True)
        for version, text in (("Easy", MAP), ("Hard", FAULTY)):
            (place / f"{version}.osu").write_text(text.replace("Version:Version", f"Version:{version}"))
    return folder


# --- Trouble ---


def test_a_rule_that_fails_is_a_message_of_the_map_and_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    songs(tmp_path, 1)

    def broken(context):
        yield from BEATMAP_CHECKS[0].run(context)
        raise ZeroDivisionError("by nothing\nat all")

    monkeypatch.setattr(
        "maimod.linter.pipeline.BEATMAP_CHECKS",
        (msgspec.structs.replace(BEATMAP_CHECKS[0], run=broken), *BEATMAP_CHECKS[1:]),
    )
    cache = Cache(tmp_path / "kept")
    easy, hard = lint([tmp_path], NO_MODEL, cache=cache).report().beatmaps
    assert not list(cache.folder.rglob("*.z"))  # it need not fail again
    assert (easy.status, hard.status) == ("partial", "partial")
    assert any(
        message.startswith("error: ") and "ZeroDivisionError: by nothing at all" in message for message in hard.messages
    )
    assert "mapset" not in hard.messages[0] and hard.objects == 60


def test_whatever_goes_wrong_with_one_map_is_an_error_of_that_map(tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    songs(tmp_path, 2)
    monkeypatch.setattr(
        "maimod.linter.pipeline.deduplicate",
        lambda findings, context: 1 / 0 if "0 Artist" in str(context.beatmap.path) else ([], 0),
    )
    assert [beatmap.status for beatmap in lint([tmp_path], NO_MODEL).report().beatmaps] == [
        "error",
        "error",
        "partial",
        "partial",
    ]


# --- Cache ---


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "kept")


@pytest.mark.parametrize(
    "settings",
    [
        {"select": ("rhytm",)},
        {"ignore": ("kiai", "rhytm")},
        {"severities": (("rhytm/x", "off"),)},
        {"min_scores": (("rhytm", 0.5),)},
    ],
)
def test_a_rule_that_there_is_not_is_an_error(tmp_path, settings):
    songs(tmp_path)
    with pytest.raises(UsageError, match=r"^rhytm(/x)?: no such rule$"):
        lint(tmp_path, replace(NO_MODEL, **settings))


def test_a_second_run_is_the_same_and_does_no_work(tmp_path, cache, monkeypatch):
    songs(tmp_path / "Songs")
    first = lint([tmp_path / "Songs"], NO_MODEL, cache=cache).report()
    monkeypatch.setattr(Session, "lint", lambda *_: pytest.fail("worked again"))
    assert lint([tmp_path / "Songs"], NO_MODEL, cache=cache).report() == first
    assert lint([tmp_path / "Songs"], NO_MODEL, cache=cache, jobs=2).report() == first
    for one in (tmp_path / "Songs", str(tmp_path / "Songs")):  # a path need not be in a list
        assert lint(one, NO_MODEL, cache=cache).report() == first
    # Severities and scores are decided afterwards and need no work either.
    mild = replace(NO_MODEL, severities=(("", Severity.MINOR),), min_scores=(("", 0.6),))
    sure = [replace(one, severity=Severity.MINOR) for one in first.findings if one.score >= 0.6]
    assert 0 < len(sure) < len(first.findings)
    assert lint([tmp_path / "Songs"], mild, cache=cache).report().findings == sure


def test_a_moved_folder_is_known_and_messages_name_the_new_place(tmp_path, cache, monkeypatch):
    songs(tmp_path / "a", 1)
    (tmp_path / "a" / "0 Artist - Title" / "bad.osu").write_text("nothing")
    first = lint([tmp_path / "a"], NO_MODEL, cache=cache).report()
    (tmp_path / "a").rename(tmp_path / "b")
    monkeypatch.setattr(Session, "lint", lambda *_: pytest.fail("worked again"))
    again = lint([tmp_path / "b"], NO_MODEL, cache=cache).report()
    assert again.findings == first.findings
    bad = next(beatmap for beatmap in again.beatmaps if beatmap.status == "error")
    assert str(tmp_path / "b") in bad.messages[0] and str(tmp_path / "a") not in bad.messages[0]


CHANGED_SETTINGS = {
    "level": replace(NO_MODEL, level="easy"),
    "ignore": replace(NO_MODEL, ignore=("rhythm",)),
    "off": replace(NO_MODEL, severities=(("rhythm", OFF),)),
    "override": replace(NO_MODEL, overrides=(Override("Easy", select=("rhythm",)),)),
}


@pytest.mark.parametrize("change", ["map", "other map", "song", "new file", *CHANGED_SETTINGS])
def test_what_matters_is_part_of_the_key(tmp_path, cache, change):
    folder = songs(tmp_path / "Songs", 1) / "0 Artist - Title"
    (folder / "audio.mp3").write_bytes(b"x" * 100)
    source = find([folder / "Easy.osu"])[0]
    session = Session(cache)
    assert len(list(session.lint(source, NO_MODEL))) > 1
    assert session.recall(source, NO_MODEL) is not None
    changed = {"map": "Easy.osu", "other map": "Hard.osu", "song": "audio.mp3", "new file": "bg.png"}.get(change)
    if changed:
        with open(folder / changed, "ab") as file:
            file.write(b" ")
    assert session.recall(source, CHANGED_SETTINGS.get(change, NO_MODEL)) is None


def test_the_program_and_the_weights_are_part_of_the_key(tmp_path, monkeypatch):
    """A cached report is not used with other code or another checkpoint."""

    def key() -> str:
        caching.of_program.cache_clear()
        return caching.of_setup(Settings(), [tmp_path / "checkpoint"])

    package = tmp_path / "maimod"
    for file in (
        "maimod/__init__.py",
        "maimod/rules/rhythm/objects.py",
        "checkpoint/config.json",
        "checkpoint/a.safetensors",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(b"1")
    assert len(list(Path(maimod.__file__).parent.rglob("*.py"))) > 100  # the files that `of_program` reads
    monkeypatch.setattr(maimod, "__file__", str(package / "__init__.py"))
    keys = [key()]
    for file in ("maimod/rules/rhythm/objects.py", "checkpoint/config.json", "checkpoint/a.safetensors"):
        (tmp_path / file).write_bytes(b"2")
        keys.append(key())
    caching.of_program.cache_clear()
    assert len(set(keys)) == len(keys)


def test_damaged_entries_are_worked_out_anew(tmp_path, cache):
    songs(tmp_path / "Songs", 1)
    first = lint([tmp_path / "Songs"], NO_MODEL, cache=cache).report()
    (entry,) = list(cache.folder.rglob("*.z"))
    for content in (b"", b"\x00", entry.read_bytes()[:-9], b"x" * 99):
        entry.write_bytes(content)
        assert lint([tmp_path / "Songs"], NO_MODEL, cache=cache).report() == first
    key = entry.parent.name + entry.stem
    for value in (None, {"reports": 3, "model": None}, {"reports": [], "model": None}):
        cache.put(key, value)
        assert lint([tmp_path / "Songs"], NO_MODEL, cache=cache).report() == first


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path):
    (tmp_path / "file").touch()
    songs(tmp_path / "Songs", 1)
    assert (
        lint([tmp_path / "Songs"], NO_MODEL, cache=Cache(tmp_path / "file")).report()
        == lint([tmp_path / "Songs"], NO_MODEL).report()
    )


def test_old_entries_and_too_many_are_cleared_away(cache):
    for name in "abc":
        cache.put(digest(name), "x" * 1_000)
    old = cache._path(digest("a"))
    foreign = old.with_name("letter to my mother.z")
    foreign.touch()
    half = old.with_name(f".{old.name}.123")
    half.touch()
    for path in (old, foreign, half):
        os.utime(path, (1, 1))
    cache.tidy()
    assert not old.exists() and not half.exists() and foreign.exists() and cache.get(digest("b"), str)
    cache.tidy()  # not twice a day
    assert cache.get(digest("b"), str)
    (cache.folder / "tidied").unlink()
    Cache(cache.folder, max_bytes=30).tidy()
    assert [cache.get(digest(name), str) for name in "bc"].count(None) == 1


def test_folders_that_are_no_mapsets_are_not_hashed(tmp_path, monkeypatch):
    (tmp_path / "a.osu").write_text(MAP)
    assert of_folder(tmp_path)
    monkeypatch.setattr("maimod.linter.cache.MAX_BYTES", 10)
    assert of_folder(tmp_path) is None


def test_a_run_killed_in_the_middle_leaves_a_cache_of_use(tmp_path):
    songs(tmp_path / "Songs", 12)
    for number, path in enumerate(sorted((tmp_path / "Songs").rglob("*.osu"))):  # sets that differ
        path.write_text(path.read_text().replace("Creator:Creator", f"Creator:{number // 2}"))
    kept = tmp_path / "kept"
    command = [
        sys.executable,
        str(ROOT / "mai_mod.py"),
        "check",
        str(tmp_path / "Songs"),
        "--no-model",
        "--format",
        "json",
        "--fail-on",
        "never",
        "--cache-dir",
        str(kept),
        "--jobs",
    ]

    def entries() -> int:
        return len(list(kept.rglob("*.z")))

    for jobs in ("1", "2"):
        before = entries()
        process = subprocess.Popen([*command, jobs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
        while entries() < before + 3 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    done = entries()
    assert 6 <= done < 36
    for path in kept.rglob("*.z"):
        assert Cache(kept).get(path.parent.name + path.stem, object) is not None
    output = subprocess.run([*command, "1"], capture_output=True, cwd=tmp_path, check=True).stdout
    fresh = subprocess.run([*command, "1", "--no-cache"], capture_output=True, cwd=tmp_path, check=True).stdout
    for one, other in zip(json.loads(output)["beatmaps"], json.loads(fresh)["beatmaps"], strict=True):
        assert one == other
    assert output == fresh and len(json.loads(output)["beatmaps"]) == 24


def test_a_wrong_configuration_costs_its_mapset_only(tmp_path, capsys):
    songs(tmp_path, 3)
    for number, text in enumerate(("xyz = 1", "ignore = ['no/such-rule']")):
        (tmp_path / f"{number} Artist - Title" / "maimod.toml").write_text(text)
    assert main(["check", str(tmp_path), "--no-model", "--no-cache", "--format", "json", "--fail-on", "never"]) == 0
    beatmaps = json.loads(capsys.readouterr().out)["beatmaps"]
    assert [beatmap["status"] for beatmap in beatmaps] == ["error"] * 4 + ["partial"] * 2
    for number, beatmap in enumerate(beatmaps[:4]):
        (message,) = beatmap["messages"]
        assert f"{number // 2} Artist - Title{os.sep}maimod.toml: " in message
    assert "unknown key 'xyz'" in beatmaps[0]["messages"][0] and "no such rule" in beatmaps[2]["messages"][0]


# --- Selection ---


def test_severities_scores_and_overrides_by_difficulty(tmp_path):
    songs(tmp_path, 1)
    by_name = Settings(
        model=None,
        severities=(("rhythm", Severity.MINOR), ("rhythm/unsnapped", Severity.WARNING)),
        overrides=(Override("EAS*", severities=(("rhythm", "off"),)),),
    )
    (tmp_path / "0 Artist - Title" / "Easy.osu").write_text(FAULTY.replace("Version:Version", "Version:Easy"))
    easy, hard = lint([tmp_path], by_name).report().beatmaps
    assert not [f for f in easy.findings if f.rule.startswith("rhythm")]
    assert {f.severity for f in hard.findings if f.rule == "rhythm/unsnapped"} == {Severity.WARNING}
    strict = (
        lint([tmp_path], replace(by_name, min_scores=(("rhythm", 0.9999), ("rhythm/unsnapped", 0.0))))
        .report()
        .beatmaps[1]
    )
    assert {f.rule for f in strict.findings if f.rule.startswith("rhythm")} == {"rhythm/unsnapped"}


def test_the_same_input_gives_the_same_bytes_in_every_format(tmp_path, capsys):
    songs(tmp_path / "Songs")
    (tmp_path / "out").mkdir()
    formats = ("json", "sarif", "junit", "github", "gitlab", "concise", "markdown")
    written = set()
    for options in (["--jobs", "1"], ["--jobs", "1"], ["--jobs", "2", "--no-cache"]):
        main(
            [
                "check",
                str(tmp_path / "Songs"),
                "--no-model",
                *options,
                "--format",
                "console",
                *(f"--format={name}:{tmp_path / 'out' / name}" for name in formats),
            ]
        )
        written.add((capsys.readouterr().out, *((tmp_path / "out" / name).read_bytes() for name in formats)))
    assert len(written) == 1 and all(written.pop())


def test_the_bundled_models_are_found_from_anywhere():
    from maimod.linter.models import MODELS_FOLDER

    assert MODELS_FOLDER.is_absolute() and (MODELS_FOLDER / "maimod-mini" / "config.json").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"model": None}, 8),
        ({}, 8),  # bundled: in numpy, whatever GPU there is
        ({"device": "cpu", "model": "any"}, 8),
        ({"device": "cuda"}, 3),
        ({"model": "published"}, 3),
        ({"model": "absent"}, 1),
    ],
)
def test_processes_on_a_gpu_are_as_many_as_fit_into_its_memory(tmp_path, monkeypatch, given, expected):
    monkeypatch.setattr(checkpoint, "processes_that_fit", lambda device: 3)
    monkeypatch.setattr(api.os, "sched_getaffinity", lambda _: range(16), raising=False)
    if given.get("model") == "published":
        given = {"model": str(checkpoints.write(tmp_path, "v30"))}
    elif given.get("model") == "absent":
        given = {"model": str(tmp_path / "absent")}
    source = Source(tmp_path, ())
    assert api._worth([source] * 100, Settings(**given)) == expected
    assert api._worth([source] * 4, Settings(**given)) == 1


def test_errors_survive_the_way_between_processes():
    for error in (
        UsageError("a"),
        CheckpointError("a: b"),
        BeatmapError("a.osu", 3, "odd"),
        BeatmapError("a.osz", None, "odd"),
        AudioError(Path("a.mp3"), "short"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and isinstance(error, MaimodError)
    assert [str(BeatmapError("a.osu", line, "odd")) for line in (3, None)] == ["a.osu:3: odd", "a.osu: odd"]

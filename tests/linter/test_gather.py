"""The evidence about one map: what is in it, what is missing and why, and what is not worked out twice."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from maimod.audio.decode import Audio
from maimod.errors import AudioError, BeatmapError, CheckpointError, UsageError
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import ModelInfo
from maimod.linter import gather as module
from maimod.linter.cache import Cache
from maimod.linter.calibration import Calibration
from maimod.linter.gather import Gathered, Resources, Songs, encode, gather, level_of, read_sets
from maimod.linter.judge import Judge
from maimod.linter.models import Networks
from maimod.linter.progress import Progress, result_of
from maimod.linter.settings import Override, Settings
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.level import Level
from tests import maps

SETTINGS = Settings(model="some", difficulty=5.0)
LINES = [f"{100 + i % 200},100,{1000 + 250 * i},1,0" for i in range(40)]


@dataclass
class Model:
    """Stands in for a checkpoint: keeps what it is shown."""

    needs_song: bool = False
    has_position_posterior: bool = True
    encoded: list[tuple[Any, ...]] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.family, self.runner = self, "runner"
        self.vocabulary, self.config = SimpleNamespace(schema="schema"), "shape"
        self.info = ModelInfo("some", "ours", "cpu", "fp32")

    def of(self, mode: Mode) -> Model | None:
        return None if mode is Mode.MANIA else self

    def load_audio(self, audio: Audio) -> np.ndarray:
        return audio.samples

    def encode(self, beatmap: Beatmap, audio: object, conditioning: object, exact: bool) -> object:
        self.encoded.append((beatmap, audio, conditioning, exact))
        if self.error:
            raise self.error
        return SimpleNamespace(position_posterior=lambda network, hit_object: [(1.0, 2.0, 0.5)])


def resources(model: Model | None = None, **options: Any) -> Resources:
    return Resources(Networks(model), **options)  # type: ignore[arg-type]


def a_map(folder: Path, text: str = maps.text(LINES), song: bool = False) -> Beatmap:
    (folder / "map.osu").write_text(text.replace("audio.mp3", "song.wav"))
    if song:
        write_song(folder / "song.wav")
    return parser.load(folder / "map.osu")


def write_song(path: Path, seconds: float = 3.0) -> None:
    """Silence with a click each half second."""
    samples = np.zeros(round(16_000 * seconds), dtype="<i2")
    for start in range(8_000, len(samples) - 400, 8_000):
        samples[start : start + 400] = 20_000 * np.sin(np.arange(400)) * np.exp(-np.arange(400) / 80)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())


def gathered(beatmap: Beatmap, settings: Settings = SETTINGS, given: Resources | None = None) -> Gathered:
    return result_of(gather(beatmap, "map.osu", settings, given or resources()))


@pytest.fixture
def scored(monkeypatch) -> list[str]:
    """Scoring that gives every object one score; the maps it scored, by their names."""
    done: list[str] = []

    def score(beatmap, song, settings, networks):
        done.append(beatmap.path.name)
        yield 0.25
        yield 1.0
        events = [Event(EventKind.TIME, round(o.time), round(o.time), 0, o) for o in beatmap.hit_objects]
        return {"map": tuple(EventScore(event, 1.5, 1.0, ()) for event in events)}

    monkeypatch.setattr(module, "score", score)
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    return done


# --- What is there, and what is not ---


def test_a_map_alone_has_no_evidence_but_itself(tmp_path):
    beatmap = a_map(tmp_path)
    found = gathered(beatmap)
    evidence = found.evidence
    assert evidence.beatmap is beatmap
    parts = (evidence.scores, evidence.schema, evidence.envelope, evidence.alignment, evidence.corruption, found.song)
    assert parts == (None,) * 6 and not found.failed and found.notes == ()
    assert found.missing == ('no song ("song.wav" is not in the folder): offset, tempo and silence are not checked',)


def test_the_song_gives_onsets_and_how_they_lie(tmp_path):
    found = gathered(a_map(tmp_path, song=True))
    assert found.song is not None and found.missing == ()
    assert found.evidence.envelope is found.song.envelope and found.evidence.alignment is not None


@pytest.mark.parametrize("general", [{"AudioFilename": ""}, {"AudioFilename": "map.osu"}])
def test_why_there_is_no_song_is_said(tmp_path, general):
    found = gathered(a_map(tmp_path, maps.text(LINES, general=general)))
    (message,) = found.missing
    assert message.endswith("offset, tempo and silence are not checked") and found.song is None
    assert ("no AudioFilename in [General]" in message) is (general["AudioFilename"] == "")


def test_progress_goes_from_the_song_to_the_rules(tmp_path, scored):
    steps = list(gather(a_map(tmp_path, song=True), "some map", SETTINGS, resources(Model())))
    assert [(step.stage, round(step.done, 2)) for step in steps] == [
        ("decoding the song", 0.02),
        ("scoring", 0.1),
        ("scoring", 0.3),
        ("scoring", 0.9),
        ("detecting", 0.9),
    ]
    assert {step.beatmap for step in steps} == {"some map"} and {step.total for step in steps} == {1}
    assert all(isinstance(step, Progress) for step in steps)


def test_scores_come_with_the_schema_of_their_events(tmp_path, scored):
    evidence = gathered(a_map(tmp_path), given=resources(Model())).evidence
    assert len(evidence.scores or ()) == len(LINES) and evidence.schema == "schema"


def test_the_calibration_of_the_model_comes_with_its_scores(tmp_path, scored):
    own = Calibration(judge=Judge({}, frozenset()))
    given = Resources(Networks(Model(), discriminator="one", calibration=own))  # type: ignore[arg-type]
    unmeasured = replace(given, networks=replace(given.networks, calibration=Calibration()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "corruption_logits", lambda *_: None)
        measured, default = (gathered(a_map(tmp_path), given=one) for one in (given, unmeasured))
    assert measured.calibration is own and measured.notes == ()
    assert default.notes == ("the scores of some are not calibrated: run maimod calibrate SONGS_DIR --model some",)


# --- What fails ---


def test_a_map_that_the_model_cannot_judge_is_checked_all_the_same(tmp_path, monkeypatch):
    mania = a_map(tmp_path, maps.text(["64,192,1000,1,0"], mode=3), song=True)
    found = gathered(mania, given=resources(Model()))
    assert found.missing == (
        "the model cannot score this map (some does not cover mania); it is checked without the model",
    )
    assert found.evidence.scores is None and found.evidence.schema is None and found.evidence.envelope is not None
    assert not found.failed
    deaf = gathered(
        a_map(tmp_path, maps.text(LINES, general={"AudioFilename": ""})), given=resources(Model(needs_song=True))
    )
    assert "some needs the song" in deaf.missing[1]
    monkeypatch.setattr(module, "MAX_SCORED_OBJECTS", len(LINES) - 1)
    large = gathered(a_map(tmp_path, maps.text(LINES)), given=resources(Model()))
    assert "the model cannot score this map (more than 39 hit objects)" in large.missing[-1]


def test_a_model_that_fails_costs_its_evidence_only(tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    found = gathered(a_map(tmp_path, song=True), given=resources(Model(error=MemoryError("out of\nmemory"))))
    assert found.failed and found.evidence.scores is None and found.evidence.envelope is not None
    assert found.missing == (
        "error: the model failed here (a bug, MemoryError: out of memory); its findings are missing",
    )
    monkeypatch.setenv("MAIMOD_DEBUG", "1")
    with pytest.raises(MemoryError):
        gathered(a_map(tmp_path), given=resources(Model(error=MemoryError())))


def test_a_discriminator_that_fails_costs_its_evidence_only(tmp_path, monkeypatch, scored):
    monkeypatch.setattr(module, "corruption_logits", lambda *_: 1 / 0)
    found = gathered(a_map(tmp_path), given=resources(Model()))
    assert found.failed and found.evidence.corruption is None and found.evidence.scores
    assert "error: the discriminator failed here (a bug, ZeroDivisionError" in found.missing[-1]


def test_what_the_settings_name_and_the_model_does_not_know_ends_the_lint(tmp_path):
    for error in (UsageError("no such mapper"), CheckpointError("no such weights")):
        with pytest.raises(type(error), match="no such"):
            gathered(a_map(tmp_path), given=resources(Model(error=error)))


# --- What is not done twice ---


def test_scores_are_kept_by_map_song_and_setup(tmp_path, scored):
    cache = Cache(tmp_path / "kept")
    beatmap = a_map(tmp_path, song=True)
    given = resources(Model(), cache=cache, setup_digest="one")
    first = gathered(beatmap, given=given)
    again = gathered(parser.load(beatmap.path), given=given)
    assert scored == ["map.osu"] and again.evidence.scores == first.evidence.scores
    assert again.evidence.schema == "schema"
    gathered(beatmap, given=replace(given, setup_digest="two"))
    assert len(scored) == 2
    write_song(tmp_path / "song.wav", seconds=4.0)
    gathered(beatmap, given=given)
    assert len(scored) == 3
    gathered(a_map(tmp_path, maps.text(LINES[:-1])), given=given)
    assert len(scored) == 4
    gathered(beatmap, given=replace(given, cache=None))
    assert len(scored) == 5


def test_damaged_scores_are_worked_out_anew(tmp_path, scored):
    cache = Cache(tmp_path / "kept")
    beatmap = a_map(tmp_path)
    given = resources(Model(), cache=cache)
    first = gathered(beatmap, given=given)
    (entry,) = cache.folder.rglob("*.z")
    for damaged in ({}, {"map": [[1]]}, None):
        cache.put(entry.parent.name + entry.stem, damaged)
        assert gathered(beatmap, given=given).evidence.scores == first.evidence.scores
    assert len(scored) == 4


def test_a_song_is_decoded_once_for_all_difficulties(tmp_path):
    write_song(tmp_path / "song.wav")
    songs = Songs()
    first = songs.load(tmp_path / "song.wav")
    assert songs.load(tmp_path / "song.wav") is first
    write_song(tmp_path / "song.wav", seconds=4.0)
    assert songs.load(tmp_path / "song.wav").audio.duration > first.audio.duration
    with pytest.raises(AudioError, match="cannot be read"):
        songs.load(tmp_path / "none.wav")


# --- What decides about it ---


def test_the_model_is_told_what_the_settings_say_of_the_map(tmp_path):
    model = Model()
    told = Settings(model="some", difficulty=7.5, mapper_id=3, year=2012, descriptors=("jump",), exact=True)
    encode(a_map(tmp_path), None, told, Networks(model))  # type: ignore[arg-type]
    encode(a_map(tmp_path), None, Settings(model="some"), Networks(model))  # type: ignore[arg-type]
    (_, _, given, exact), (_, _, computed, _) = model.encoded
    assert (given.stars, given.mapper_id, given.year, given.descriptors, exact) == (7.5, 3, 2012, ("jump",), True)
    assert 0 < computed.stars < 7.5


def test_a_level_is_as_the_settings_say_else_by_name_and_stars(tmp_path):
    beatmap = a_map(tmp_path, maps.text(LINES, metadata={"Version": "Mine"}))
    by_name = Settings(overrides=(Override("mi*", level="easy"),), level="expert")
    assert level_of(beatmap, by_name) is Level.EASY
    assert level_of(beatmap, Settings(level="expert")) is Level.EXPERT
    ((whole,), missing) = read_sets(tmp_path)
    assert missing == () and level_of(whole.beatmaps[0], Settings(), whole) is whole.levels[whole.beatmaps[0].path]


def test_a_song_of_the_settings_is_taken_in_place_of_the_maps_own(tmp_path):
    write_song(tmp_path / "other.wav")
    found = gathered(a_map(tmp_path), Settings(model=None, audio_path=tmp_path / "other.wav"))
    assert found.song is not None and found.song.audio.path == tmp_path / "other.wav"


def test_an_event_error_is_no_failure(tmp_path):
    found = gathered(a_map(tmp_path), given=resources(Model(error=BeatmapError("a.osu", None, "too long"))))
    assert not found.failed and "the model cannot score this map (too long)" in found.missing[1]

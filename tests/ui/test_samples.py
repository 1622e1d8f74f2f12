"""Hitsounds of a mapset, from its folder or its archive."""

import wave
import zipfile

import numpy as np
import pytest

from maimod.evidence.clip import CLIP_RATE
from maimod.osu import discovery
from maimod.ui import samples
from maimod.ui.samples import Samples
from tests import maps


def sound(path, seconds: float = 0.1, rate: int = 44_100) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.full(2 * round(seconds * rate), 8192, dtype="<i2").tobytes())


@pytest.fixture
def mapset(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.osu").write_text(maps.text())
    sound(folder / "Soft-HitClap2.WAV")
    sound(folder / "key.wav", 20.0)
    (folder / "drum-hitnormal.wav").touch()
    (folder / "soft-hitfinish.ogg").write_bytes(b"no sound")
    return folder


NAMES = ("soft-hitclap2", "key.wav", "drum-hitnormal", "soft-hitfinish", "soft-hitwhistle", "../a")


def check(found) -> None:
    assert set(found) == {"soft-hitclap2", "key.wav", "drum-hitnormal", "soft-hitfinish"}
    assert len(found["soft-hitclap2"]) == pytest.approx(0.1 * CLIP_RATE, abs=4)
    assert found["soft-hitclap2"][500:2500] == pytest.approx(0.25, abs=0.02)
    assert len(found["key.wav"]) == samples.MAX_SECONDS * CLIP_RATE
    assert not len(found["drum-hitnormal"]) and not len(found["soft-hitfinish"])  # silenced, as in the game


def test_files_of_a_folder_are_found_by_name_without_case_or_ending(mapset):
    (source,) = discovery.find([mapset])
    check(Samples(source).of(NAMES))


def test_files_of_an_archive_are_read_once(mapset, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "set.osz", "w") as archive:
        for path in mapset.iterdir():
            archive.write(path, f"inner/{path.name}")
    (source,) = discovery.find([tmp_path / "set.osz"])
    known = Samples(source, "inner")
    check(known.of(NAMES))
    monkeypatch.setattr(samples, "opened", None)
    check(known.of(NAMES))


def test_a_set_that_is_gone_has_no_sounds(mapset, tmp_path):
    with zipfile.ZipFile(tmp_path / "set.osz", "w") as archive:
        archive.write(mapset / "a.osu", "a.osu")
    (source,) = discovery.find([tmp_path / "set.osz"])
    (tmp_path / "set.osz").unlink()
    assert Samples(source).of(NAMES) == {}


def test_large_files_are_no_hitsounds_and_memory_is_bounded(mapset, monkeypatch):
    monkeypatch.setattr(samples, "MAX_BYTES", 1000)
    monkeypatch.setattr(samples, "MAX_KEPT", 3)
    (source,) = discovery.find([mapset])
    known = Samples(source)
    assert set(known.of(NAMES)) == {"drum-hitnormal", "soft-hitfinish"}
    known.of(["drum-hitnormal"])
    assert len(known._known) == 1

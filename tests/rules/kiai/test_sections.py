"""Parts of the song that lack kiai, or have it alone."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from maimod.audio.spectrogram import N_BANDS, N_LOUD, Bands
from maimod.features.copies.cells import Cells
from maimod.features.copies.song_parts import again, similarity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.kiai import sections as kiai_sections
from tests.maps import RED_LINE
from tests.phrases import BEAT, MEASURE, phrase_map

FRAME_MS = 20.0
PART = 4
"""Measures."""


def song(parts: str = "ABCABC") -> Bands:
    """A song of parts of four measures, each with a spectrum of its own."""
    frames = round(PART * MEASURE / FRAME_MS)
    random = np.random.default_rng(5)
    spectra = {
        name: (random.random((frames, N_BANDS)), random.normal(size=(frames, N_LOUD))) for name in sorted(set(parts))
    }
    flux, loudness = (np.concatenate([spectra[name][kind] for name in parts]).astype(np.float32) for kind in (0, 1))
    return Bands(flux, loudness, FRAME_MS)


def kiai_map(*sections: tuple[float, float], path: str = "beatmap.osu") -> Beatmap:
    """A map with kiai in sections, in measures."""
    lines = [
        f"{measure * MEASURE:.0f},-100,4,2,0,70,0,{on}"
        for section in sections
        for measure, on in zip(section, (1, 0), strict=True)
    ]
    return phrase_map(lines=[RED_LINE, *lines], path=path)


def found(own: Beatmap, *others: Beatmap, bands: Bands | None = None) -> list[Candidate]:
    whole = Mapset(Path(), (own, *others)) if others else None
    return list(kiai_sections.run(Evidence(own, mapset=whole, bands=bands)))


def others(*sections: tuple[float, float]) -> list[Beatmap]:
    return [kiai_map(*sections, path=f"{number}.osu") for number in range(2)]


BOTH, FIRST = ((8, 12), (20, 24)), ((8, 12),)


def test_a_part_is_found_where_it_comes_again() -> None:
    alike = similarity(Cells(phrase_map()), song(), 0.0)
    assert alike.shape == (24, 24) and alike[2, 14] == pytest.approx(1.0, abs=1e-4) and alike[2, 6] < 0.3
    assert set(again(alike, 8, 4).argsort()[-2:].tolist()) == {8, 20}


def test_a_chorus_without_kiai_is_named_where_it_begins() -> None:
    (one,) = [one for one in found(kiai_map(*FIRST), bands=song()) if (one.measure or 0.0) > 3]
    assert one.time == 20 * MEASURE and one.numbers["bits_of_song"] == 6 and one.actual == "no kiai"
    assert one.message == "Kiai is off here; the song is like that at 00:16:000, where kiai begins."
    assert not [one for one in found(kiai_map(*BOTH), bands=song()) if (one.measure or 0.0) > 3]


def test_without_a_song_and_others_nothing_is_known() -> None:
    assert found(kiai_map(*FIRST)) == [] == found(kiai_map(), bands=song())


def test_the_other_difficulties_know_of_a_chorus() -> None:
    (one,) = found(kiai_map(*FIRST), *others(*BOTH))
    assert (one.time, one.end_time) == (20 * MEASURE, 23 * MEASURE + 3.25 * BEAT)  # where the last object is
    assert one.message == "Kiai is off here; 2 of 2 other difficulties have it."
    assert one.numbers["bits_of_difficulties"] > 2 and one.numbers["on_downbeat"]
    (both,) = [one for one in found(kiai_map(*FIRST), *others(*BOTH), bands=song()) if (one.measure or 0.0) > 3]
    assert one.measure is not None and both.measure == pytest.approx(one.measure + 6)
    assert both.message.endswith("where kiai begins, and 2 of 2 other difficulties have it.")


def test_what_the_others_agree_with_is_weaker() -> None:
    alone = max(one.measure or 0.0 for one in found(kiai_map(*FIRST), bands=song()))
    agreed = max(one.measure or 0.0 for one in found(kiai_map(*FIRST), *others(*FIRST), bands=song()))
    assert agreed < alone - 2


def test_kiai_that_lasts_longer_than_in_the_others() -> None:
    (one,) = found(kiai_map((8, 16), (20, 24)), *others(*BOTH))
    assert (one.time, one.end_time, one.actual) == (12 * MEASURE, 16 * MEASURE, "kiai")
    assert one.message == "Kiai is on here; 2 of 2 other difficulties have none."


def test_a_border_that_is_a_beat_late_is_no_section() -> None:
    assert found(kiai_map((8.25, 12), (20, 24)), *others(*BOTH)) == []
    (alone,) = found(kiai_map((20, 24)), *others((8, 9), (20, 24)))  # which has no border of its own
    assert (alone.time, alone.end_time) == (8 * MEASURE, 9 * MEASURE) and not alone.numbers["ends_at_line"]


def test_kiai_that_never_ends() -> None:
    lines = [RED_LINE, f"{20 * MEASURE},-100,4,2,0,70,0,1"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(phrase_map(lines=lines), phrase_map(lines=lines, path="other.osu")) == []

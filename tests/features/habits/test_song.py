"""What a map does at such sounds of the song."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.audio.spectrogram import BAND_FRAME_MS, N_BANDS, N_LOUD, Bands
from maimod.features.habits.song import NAMES, TARGETS, features
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

STARTS, GAP_MS, FIRST_MS, LAG_MS = 120, 250, 1000, 20.0
SNARES = frozenset(np.flatnonzero(np.random.default_rng(5).random(STARTS) < 0.3).tolist())
"""Starts at which the song has an onset in its highest band, in no order that the beat would explain."""
SNARE, OTHER = min(i for i in SNARES if i > 40), min(i for i in range(40, STARTS) if i not in SNARES)


def song() -> tuple[Bands, OnsetEnvelope]:
    frames = round((FIRST_MS + GAP_MS * (STARTS + 8)) / BAND_FRAME_MS)
    flux = np.zeros((frames, N_BANDS), dtype=np.float32)
    for i in range(STARTS):
        flux[round((FIRST_MS + GAP_MS * i + LAG_MS) / BAND_FRAME_MS), -1 if i in SNARES else 0] = 1.0
    return Bands(flux, np.zeros((frames, N_LOUD), dtype=np.float32), BAND_FRAME_MS), OnsetEnvelope(
        flux.max(axis=1), 8.0
    )


def taiko(kats: Collection[int], sound: int = 8) -> Beatmap:
    lines = [f"256,192,{FIRST_MS + GAP_MS * i},1,{sound * (i in kats)},0:0:0:0:" for i in range(STARTS)]
    return beatmap(lines, mode=1)


def mania(chords: Collection[int], holds: Collection[int] = ()) -> Beatmap:
    lines = []
    for i in range(STARTS):
        time = FIRST_MS + GAP_MS * i
        for column in (0, 2) if i in chords else (i % 4,):
            end = f"{time + GAP_MS // 2}:" if i in holds else ""
            lines.append(f"{64 + 128 * column},192,{time},{128 if i in holds else 1},0,{end}0:0:0:0:")
    return beatmap(lines, mode=3, circle_size=4)


def measured(loaded: Beatmap) -> np.ndarray:
    return features(loaded, loaded.hit_objects, *song(), LAG_MS)


def value(found: np.ndarray, name: str, at: int) -> float:
    return float(found[at, NAMES.index(name)])


def test_a_kat_at_every_snare_and_nowhere_else() -> None:
    found = measured(taiko(SNARES))
    assert found.shape == (STARTS, len(NAMES)) and np.isfinite(found).all()
    assert value(found, "kat known", 0) > 0.9
    for target in set(TARGETS) - {"kat"}:
        assert not found[:, NAMES.index(f"{target} off")].any()


@pytest.mark.parametrize(("kats", "at", "sign"), [(SNARES - {SNARE}, SNARE, -1), (SNARES | {OTHER}, OTHER, 1)])
def test_a_note_of_the_wrong_colour(kats: frozenset[int], at: int, sign: int) -> None:
    off = measured(taiko(kats))[:, NAMES.index("kat off")]
    assert np.abs(off).argmax() == at and sign * off[at] > 4.0


def test_colours_that_follow_the_claps_of_an_osu_difficulty() -> None:
    random = np.random.default_rng(9)
    kats = frozenset(np.flatnonzero(random.random(STARTS) < 0.3).tolist())
    wrong = min(i for i in kats if i > 40)
    lines = [f"100,100,{FIRST_MS + GAP_MS * i},1,{8 * (i in kats)},0:0:0:0:" for i in range(STARTS)]
    own = taiko(kats - {wrong})
    found = features(own, own.hit_objects, *song(), LAG_MS, [beatmap(lines)])
    assert value(found, "kat known", 0) > 0.9
    assert found[:, NAMES.index("kat off")].argmin() == wrong and value(found, "kat off", wrong) < -4.0


def test_colours_that_do_not_follow_the_song() -> None:
    random = np.random.default_rng(9)
    found = measured(taiko(frozenset(np.flatnonzero(random.random(STARTS) < 0.3).tolist())))
    assert value(found, "kat known", 0) < 0.2
    assert np.abs(found[:, NAMES.index("kat off")]).max() < 4.0


def test_chords_and_holds_of_mania() -> None:
    loaded = mania(SNARES - {SNARE}, SNARES | {OTHER})
    place = {round((o.time - FIRST_MS) / GAP_MS): rank for rank, o in enumerate(loaded.hit_objects)}
    found = measured(loaded)
    assert np.abs(found[:, NAMES.index("size off")]).argmax() == place[SNARE]
    assert value(found, "size off", place[SNARE]) < -4.0
    assert value(found, "held off", place[OTHER]) > 4.0 > value(found, "held off", place[SNARE])


@pytest.mark.parametrize(
    ("mode", "name", "bit"),
    [(0, "finish", 4), (1, "finish", 4), (2, "finish", 4), (3, "finish", 4), (0, "whistle", 2), (3, "clap", 8)],
)
def test_a_lost_addition_in_every_mode(mode: int, name: str, bit: int) -> None:
    lines = [f"64,192,{FIRST_MS + GAP_MS * i},1,{bit * (i in SNARES - {SNARE})},0:0:0:0:" for i in range(STARTS)]
    found = measured(beatmap(lines, mode=mode))
    assert found[:, NAMES.index(f"{name} off")].argmin() == SNARE and value(found, f"{name} off", SNARE) < -4.0


@pytest.mark.parametrize("mode", [0, 2])
def test_a_new_combo_too_many(mode: int) -> None:
    lines = [f"64,192,{FIRST_MS + GAP_MS * i},{5 if i in SNARES | {OTHER} else 1},0,0:0:0:0:" for i in range(STARTS)]
    found = measured(beatmap(lines, mode=mode))
    assert found[1:, NAMES.index("new combo off")].argmax() == OTHER - 1  # the first object always begins a combo
    assert value(found, "new combo off", OTHER) > 4.0 and value(found, "new combo known", 0) > 0.8


def test_a_slider_has_the_additions_of_its_head() -> None:
    lines = [f"64,192,{FIRST_MS + GAP_MS * i},1,{8 * (i in SNARES)},0:0:0:0:" for i in range(STARTS)]
    lines[SNARE] = f"64,192,{FIRST_MS + GAP_MS * SNARE},2,0,L|70:192,1,6,8|0,0:0|0:0,0:0:0:0:"
    assert value(measured(beatmap(lines)), "clap off", SNARE) > -1.0


def test_without_a_song_or_with_few_objects_there_is_nothing_to_say() -> None:
    loaded = taiko(SNARES)
    assert not features(loaded, loaded.hit_objects, None, None, 0.0).any()
    assert not features(loaded, loaded.hit_objects[:20], *song(), LAG_MS).any()
    silent = Bands(np.zeros((0, N_BANDS)), np.zeros((0, N_LOUD)), BAND_FRAME_MS)
    assert not features(loaded, loaded.hit_objects, silent, song()[1], LAG_MS).any()


def test_what_the_song_does_not_explain_the_other_difficulties_may() -> None:
    random = np.random.default_rng(11)
    kats = frozenset(np.flatnonzero(random.random(STARTS) < 0.3).tolist())
    easier = taiko(kats)
    easier = replace(easier, hit_objects=easier.hit_objects[::2])
    place = min(i for i in range(40, STARTS, 2) if i in kats)
    loaded = taiko(kats - {place})
    alone = measured(loaded)
    found = features(loaded, loaded.hit_objects, *song(), LAG_MS, [easier])
    assert value(found, "kat known", 0) > value(alone, "kat known", 0) + 0.2
    assert found[:, NAMES.index("kat off")].argmin() == place and value(found, "kat off", place) < -2.0
    empty = replace(easier, hit_objects=easier.hit_objects[:1])
    assert features(loaded, loaded.hit_objects, *song(), LAG_MS, [empty]) == pytest.approx(alone)

"""Batches: targets are the events that follow, augmentation keeps song and map together, corruption is labelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from maimod.discriminator import features
from maimod.discriminator.context import context_features
from maimod.discriminator.features import COLUMN, NUMBER, REACH
from maimod.discriminator.prediction import KINDS
from maimod.events.schema import EventKind
from maimod.events.vocabulary import Conditioning
from maimod.families.family import Excerpt, Family
from maimod.families.inputs import IGNORED, TrainingWindow
from maimod.families.mapperatorinator.encoding import FULL_SCALE
from maimod.families.mapperatorinator.family import Mapperatorinator
from maimod.families.registry import open_folder
from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.osu.parser import parse
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training import dataset
from maimod.training.corpus import SlotExample, TokenisedExample
from maimod.training.dataset import (
    COVERED_SLOTS,
    SHIFT_MS,
    TEMPO_RANGE,
    CorruptionSampler,
    SlotWindow,
    TokenSampler,
    collate,
    collate_slots,
    cover,
    held_out_batches,
    held_out_windows,
    slot_windows,
)
from tests import checkpoints
from tests.maps import beatmap
from tests.training.conftest import map_text

SECONDS = 40


def a_map() -> Beatmap:
    """An object on every half beat of 500 ms, from 1 s on."""
    return parse(map_text(seconds=SECONDS - 2).encode())


def ramp(family: Family[Any]) -> np.ndarray:
    """A song whose content shows its time: frames hold their numbers, samples a straight line."""
    if isinstance(family, Mapperatorinator):
        return (np.arange(SECONDS * 16_000) // 32).astype(np.int16)
    return np.repeat(np.arange(1_900, dtype=np.float16)[:, None], 64, axis=1)


def example(family: Family[Any], song: np.ndarray | None = None) -> TokenisedExample:
    loaded = a_map()
    song = ramp(family) if song is None else song
    tokens = family.tokenise(loaded, song, Conditioning(4.0))
    assert tokens is not None
    return TokenisedExample(tokens, Mode.OSU, 0, song)


# ---------------------------------------------------------------------------------------------------------------------
# The generator


@pytest.mark.parametrize("version", ["bundled", "v29", "v30", "v31", "v32"])
def test_targets_are_the_events_that_follow(version: str, shape_of: Callable[[str], Path]) -> None:
    family = open_folder(shape_of(version))
    sampler = TokenSampler([example(family)], family, max_tokens=400, augments=False)
    marks, random = set(family.vocabulary.context_end.values()), np.random.default_rng(3)
    for _ in range(6):
        drawn = sampler.draw(sampler.examples[0], random)
        tokens = drawn.inputs.by_token["tokens"]
        learned = np.flatnonzero(drawn.targets != IGNORED)
        assert np.array_equal(drawn.targets[learned], tokens[learned + 1])
        for token in drawn.targets[learned]:
            assert token in marks or (family.vocabulary.kinds[token] and token < family.vocabulary.size_out)


@pytest.mark.parametrize("version", ["bundled", "v30", "v32"])
def test_augmented_windows_are_still_maps(version: str, shape_of: Callable[[str], Path]) -> None:
    family = open_folder(shape_of(version))
    sampler, random = TokenSampler([example(family)], family, max_tokens=400), np.random.default_rng(3)
    batch = collate([sampler.draw(sampler.examples[0], random) for _ in range(12)])
    assert np.isfinite([array.sum() for array in batch.values()]).all()
    inside = batch["targets"] != IGNORED
    assert inside.any() and batch["targets"][inside].max() < family.vocabulary.size_out
    if version == "bundled":  # rhythm is in ticks, which no change of tempo touches
        found = [family.vocabulary.decode(int(token)) for token in batch["targets"][inside]]
        assert {value for kind, value in found if kind is EventKind.TIME} == {0, TICKS_PER_BEAT // 2}


@pytest.mark.parametrize("rate", [1.0, 1.1, 0.9])
@pytest.mark.parametrize("shift", [0.0, 24.0, -30.0])
def test_song_and_map_run_together_in_the_mini_family(
    rate: float, shift: float, shape_of: Callable[[str], Path]
) -> None:
    family = open_folder(shape_of("bundled"))
    shown, start = example(family), 6_130
    window = family.training_window(shown.tokens, shown.song, Excerpt(start, 400, rate, shift))
    frames = window.inputs.by_window["mel"][:, 0]
    assert np.array_equal(frames, round((start + shift) / 10) + np.round(np.arange(len(frames)) * rate))
    times = event_times(family, window, EventKind.CIRCLE)
    expected = [(time - start) / rate for time in range(6_250, 12_000, 250)]
    assert times == pytest.approx([time for time in expected if time < 4_000])
    beat = window.inputs.by_window["frame_grid"][:, 0]  # the sine of the beat's phase
    assert beat == pytest.approx(np.sin(2 * np.pi * (start + 10 * rate * np.arange(len(beat))) / 500), abs=1e-3)


def event_times(family: Family[Any], window: TrainingWindow, kind: EventKind) -> list[float]:
    tokens = window.inputs.by_token["tokens"]
    return [
        float(time)
        for token, time in zip(tokens, window.inputs.by_token["times"], strict=True)
        if family.vocabulary.kinds[token] is kind
    ]


@pytest.mark.parametrize("version", ["v29", "v30", "v32"])
@pytest.mark.parametrize("rate", [1.0, 1.1, 0.9])
@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_song_and_map_run_together_in_published_families(
    version: str, rate: float, shift: float, shape_of: Callable[[str], Path]
) -> None:
    family = open_folder(shape_of(version))
    shown, start = example(family), 6_130
    window = family.training_window(shown.tokens, shown.song, Excerpt(start, 400, rate, shift))
    samples = window.inputs.by_window["samples"]
    places = (start + shift) * 16 + rate * np.arange(len(samples))
    assert samples * FULL_SCALE == pytest.approx(places / 32, abs=1.1)
    values = [family.vocabulary.decode(int(token)) for token in window.inputs.by_token["tokens"]]
    times = [value for kind, value in values if kind is EventKind.TIME]
    step = family.vocabulary.time_step
    objects = [int((time - start) / rate / step) for time in range(6_250, 10_000, 250)]
    assert [time for time in objects if time < 2_552 / step] == sorted(set(times) & set(objects))


def test_augmentation_stays_within_its_ranges(shape_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    family = open_folder(shape_of("bundled"))
    sampler, random = TokenSampler([example(family)], family), np.random.default_rng(1)
    excerpts: list[Excerpt] = []
    silent = 0
    real = family.training_window

    def note(tokens: Any, song: np.ndarray | None, excerpt: Excerpt) -> TrainingWindow:
        nonlocal silent
        excerpts.append(excerpt)
        silent += song is None
        return real(tokens, song, excerpt)

    monkeypatch.setattr(family, "training_window", note)
    for _ in range(300):
        sampler.draw(sampler.examples[0], random)
    rates = np.log([excerpt.rate for excerpt in excerpts])
    shifts = np.array([excerpt.shift_ms for excerpt in excerpts])
    assert np.abs(rates).max() <= TEMPO_RANGE and 0.4 < np.mean(rates != 0) < 0.6
    assert (rates > 0.05).any() and (rates < -0.05).any()
    assert np.abs(shifts).max() <= SHIFT_MS and (shifts > 3).any() and (shifts < -3).any()
    assert 8 <= silent <= 40
    excerpts.clear()
    plain = TokenSampler([example(family)], family, augments=False)
    for _ in range(20):
        plain.draw(plain.examples[0], random)
    assert {(e.rate, e.shift_ms, e.forgotten) for e in excerpts} == {(1.0, 0.0, frozenset())}


def test_stripes_of_a_spectrogram_are_blanked_but_no_samples_of_a_song() -> None:
    random = np.random.default_rng(1)
    shares = []
    for _ in range(50):
        sound = np.ones((1024, 64), dtype=np.float32)
        dataset._blank_stripes(sound, random)
        bands, frames = (sound == 0).all(axis=0), (sound == 0).all(axis=1)
        assert np.array_equal(sound == 0, bands[None] | frames[:, None])
        assert bands.sum() <= 2 * dataset.WIDEST_BANDS and frames.sum() <= 2 * dataset.LONGEST_FRAMES
        shares.append(bands.mean())
    assert 0.08 < np.mean(shares) < 0.22
    samples = np.ones(4096, dtype=np.float32)
    dataset._blank_stripes(samples, random)
    assert samples.all()


def test_batches_keep_to_their_cost_and_depend_on_the_seed_alone(shape_of: Callable[[str], Path]) -> None:
    family = open_folder(shape_of("bundled"))
    sampler = TokenSampler([example(family)], family, batch_cost=2_500)
    one, two, other = (sampler.block(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(one, two, strict=True) for name in a)
    assert not np.array_equal(one[0]["tokens"], other[0]["tokens"])
    positions = dataset.ENCODER_COST * family.config.encoder_positions
    for batch in one:
        count, length = batch["tokens"].shape
        assert count == 1 or count * (length + positions) <= 2_500
    assert sum(len(batch["tokens"]) for batch in one) > 100
    assert np.array_equal(held_out_batches(sampler)[0]["tokens"], held_out_batches(sampler)[0]["tokens"])
    assert TokenSampler([], family).block(np.random.default_rng(0)) == held_out_batches(TokenSampler([], family)) == []


def test_batches_of_a_length_have_one_shape_and_padding_is_not_learned(shape_of: Callable[[str], Path]) -> None:
    family = open_folder(shape_of("bundled"))
    sampler = TokenSampler([example(family)], family, batch_cost=3_000)
    blocks = [sampler.block(np.random.default_rng(seed)) for seed in range(4)]
    shapes = {batch["tokens"].shape for block in blocks for batch in block}
    assert len(shapes) == len({length for _, length in shapes}) <= 3
    assert all(length % dataset.LENGTH_STEP == 0 for _, length in shapes)
    empty = 0
    for batch in (batch for block in blocks for batch in block):
        assert {len(array) for array in batch.values()} == {len(batch["tokens"])}
        learned = (batch["targets"] != IGNORED).any(axis=1)
        assert learned[: learned.sum()].all()  # windows of padding come last
        assert not any(array[~learned].any() for name, array in batch.items() if name != "targets")
        empty += (~learned).sum()
    assert empty > 0


@pytest.mark.parametrize(("kind", "values"), [(EventKind.POS_X, range(128)), (EventKind.POS_Y, range(96))])
def test_mirrored_coordinates(kind: EventKind, values: range) -> None:
    vocabulary = Mapperatorinator(checkpoints.tokenizer("v30"), checkpoints.config("v30")).vocabulary
    tokens = np.array([vocabulary.encode(kind, value) for value in values])
    assert np.array_equal(dataset._mirror(tokens, vocabulary, kind, len(values) - 1), tokens[::-1])


@pytest.mark.parametrize(
    ("kind", "values", "columns"),
    [
        (EventKind.POS, [8 + x + 33 * (8 + y) for y in range(12) for x in range(16)], 16),
        (EventKind.POS_REFINE, list(range(256)), 16),
    ],
)
def test_mirrored_cells(kind: EventKind, values: list[int], columns: int) -> None:
    vocabulary = Mapperatorinator(checkpoints.tokenizer("v32"), checkpoints.config("v32")).vocabulary
    grid = np.array([vocabulary.encode(kind, value) for value in values]).reshape(-1, columns)
    assert np.array_equal(
        dataset._mirror_cells(grid.ravel(), vocabulary, True, False).reshape(grid.shape), grid[:, ::-1]
    )
    assert np.array_equal(dataset._mirror_cells(grid.ravel(), vocabulary, False, True).reshape(grid.shape), grid[::-1])


# ---------------------------------------------------------------------------------------------------------------------
# The discriminator


def slots(count: int = 1, song: float = 1.0) -> list[SlotExample]:
    loaded = a_map()
    grid = features.grid_of(loaded)
    assert grid is not None
    context = context_features(loaded, grid)
    context.song[:] = song
    unchanged = features.object_features(loaded, grid)
    return [SlotExample(loaded, context, unchanged) for _ in range(count)]


def windows_of(shown: SlotExample, random: np.random.Generator, augments: bool = True) -> list[SlotWindow]:
    return [window for group in slot_windows(shown, random, augments) for window in group]


def test_clean_windows_are_the_map_and_corrupted_ones_are_labelled() -> None:
    (shown,) = slots()
    categories, numbers, _ = features.object_features(shown.beatmap, shown.context.grid)
    random = np.random.default_rng(0)
    found: list[SlotWindow] = []
    while len(found) < 40:
        found += windows_of(shown, random, augments=False)
    assert {window.is_clean for window in found} == {True, False}
    for window in found:
        assert window.categories.shape == (REACH, categories.shape[1]) and window.labels.shape == (REACH, len(KINDS))
        if window.is_clean:
            places = [
                i
                for i in range(len(categories) - REACH + 1)
                if np.array_equal(categories[i : i + REACH], window.categories)
            ]
            assert (
                any(np.array_equal(numbers[i : i + REACH], window.numbers) for i in places) and not window.labels.any()
            )
    assert np.mean([window.labels.any() for window in found if not window.is_clean]) > 0.9


def test_twins_differ_where_something_was_changed_and_are_augmented_alike() -> None:
    (shown,) = slots()
    random = np.random.default_rng(3)
    groups = [group for _ in range(30) for group in slot_windows(shown, random)]
    twins = [group for group in groups if len(group) == 2]
    assert 0.3 < len(twins) / len(groups) < 0.7
    same = 0
    for changed, clean in twins:
        assert clean.is_clean and not changed.is_clean
        far = [i for i in range(REACH) if not changed.labels[max(i - 24, 0) : i + 25].any()]
        same += sum(
            np.array_equal(changed.numbers[i, : features.BEFORE.start], clean.numbers[i, : features.BEFORE.start])
            for i in far
        )
        assert np.array_equal(changed.context[:, : features.N_SONG], clean.context[:, : features.N_SONG])
    assert same > 100


def test_mirrored_windows_are_those_of_the_mirrored_map() -> None:
    circles = [f"{17 * i % 500},{29 * i % 380},{1000 + 250 * i},{5 if i == 4 else 1},0" for i in range(9)]
    loaded = beatmap([*circles, "100,100,4000,2,0,B|180:140,1,80", "300,200,5000,1,4"])
    grid = features.grid_of(loaded)
    assert grid is not None
    mirrored = replace(loaded, hit_objects=tuple(_mirrored(o) for o in loaded.hit_objects))
    _, numbers, _ = features.object_features(loaded, grid)
    _, expected, _ = features.object_features(mirrored, grid)
    found = dataset._Augmentation(mirrors_x=True).numbers(numbers)
    assert found == pytest.approx(expected, abs=1e-5) and not np.allclose(numbers, expected, atol=0.1)
    assert np.array_equal(dataset._Augmentation(mirrors_x=True).numbers(found), numbers)


def _mirrored(o: HitObject) -> HitObject:
    slider = o.slider
    if slider is not None:
        slider = replace(slider, control_points=tuple((512 - x, y) for x, y in slider.control_points))
    return replace(o, x=512 - o.x, slider=slider)


def test_columns_are_mirrored_within_their_keys() -> None:
    numbers = np.zeros((REACH, len(features.NUMBERS)), dtype=np.float32)
    numbers[0, NUMBER["column_0"]] = numbers[1, NUMBER["column_2"]] = 1.0
    found = dataset._Augmentation(mirrors_x=True, keys=4).numbers(numbers)
    assert found[0, NUMBER["column_3"]] == found[1, NUMBER["column_1"]] == 1.0 and found.sum() == 2.0


def test_volumes_and_songs_are_augmented_within_their_ranges() -> None:
    (shown,) = slots(song=0.5)
    random = np.random.default_rng(5)
    windows = [window for _ in range(40) for window in windows_of(shown, random)]
    volumes = np.array([window.numbers[:, NUMBER["volume"]].max() for window in windows])
    assert dataset.LEAST_VOLUME * 0.3 <= volumes.min() < volumes.max() <= 1.0 and len(np.unique(volumes)) > 5
    songs = [window.context[:, : features.N_SONG] for window in windows]
    noisy = [song for song in songs if len(np.unique(song[:, 0])) > 1]
    assert 0.1 < len(noisy) / len(songs) < 0.6
    assert all(set(np.unique(song[:, -1])) <= {0.0, 0.5} for song in songs)


def test_covers_hide_what_neighbours_say() -> None:
    (shown,) = slots()
    random = np.random.default_rng(0)
    (window, *_) = next(iter(slot_windows(shown, random)))
    covered, numbers = cover(window, random)
    assert COVERED_SLOTS <= covered.mean() < COVERED_SLOTS + 0.05
    assert not numbers[:, features.CONTRASTS].any() and window.numbers[:, features.CONTRASTS].any()
    for side, columns in ((0, features.BEFORE), (1, features.AFTER)):
        beside = window.neighbours[:, side]
        inside = (beside >= 0) & (beside < REACH)
        hidden = inside & covered[np.clip(beside, 0, REACH - 1)]
        assert hidden.any() and not numbers[hidden, columns].any()
        assert np.array_equal(numbers[~hidden, columns], window.numbers[~hidden, columns])


def test_batches_of_slots_depend_on_the_seed_alone() -> None:
    sampler = CorruptionSampler(slots(3), 4, mixed_windows=10)
    one, two, other = (sampler.block(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert len(one) == 2 and one[0]["categories"].shape[:2] == (4, REACH)
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(one, two, strict=True) for name in a)
    assert any(not np.array_equal(one[0][name], other[0][name]) for name in one[0])
    covered = np.concatenate([b["covered"] for seed in range(4) for b in sampler.block(np.random.default_rng(seed))])
    assert 0.1 < covered.any(axis=1).mean() < 0.6


def test_maps_shorter_than_a_window_are_not_drawn() -> None:
    loaded = beatmap()
    grid = features.grid_of(loaded)
    assert grid is not None
    unchanged = features.object_features(loaded, grid)
    sampler = CorruptionSampler([SlotExample(loaded, context_features(loaded, grid), unchanged)])
    assert not sampler.examples and sampler.block(np.random.default_rng(0)) == []


def test_held_out_windows_know_everything_and_stay_the_same() -> None:
    watched = slots(5) + slots(5, song=0.0)
    one, two = (held_out_windows(watched, 1, 2) for _ in range(2))
    assert one and all(np.array_equal(a[name], b[name]) for a, b in zip(one, two, strict=True) for name in a)
    assert all((batch["context"][..., : features.N_SONG] == 1).all() for batch in one)
    assert held_out_windows([], 1) == []


def test_the_song_is_left_out_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    monkeypatch.setattr(dataset, "SLOT_SONG_DROPOUT", 1.0)
    batch = collate_slots(windows_of(slots()[0], random), random)
    assert not batch["context"][..., : features.N_SONG].any()
    assert (batch["categories"][..., COLUMN["kind"]] > 0).any()

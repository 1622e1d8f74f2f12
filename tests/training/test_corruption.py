"""Corruption of maps: every slot that is labelled was changed, and every object that was changed is labelled."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from maimod.discriminator import features
from maimod.discriminator.features import COLUMN, NUMBER, Grid
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.hitsounds import hits
from maimod.training import corruption
from maimod.training.corruption import (
    CHANGES,
    KIND,
    STRETCHES,
    Change,
    CorruptedCopy,
    corrupt,
    corrupt_lines,
    figures,
    stretches,
)
from tests.training.planting import varied_map

EACH = [
    pytest.param(mode, change, id=f"{mode.label}-{change.__name__.strip('_')}")
    for mode in Mode
    for change in dict.fromkeys([*(change for change, _ in CHANGES[mode]), *STRETCHES[mode]])
]


def contents(
    beatmap: Beatmap, grid: Grid, is_all: bool = True
) -> tuple[dict[int, set[object]], dict[int, set[object]]]:
    """What each slot contains: its objects without their sounds, with all or with what matters in their mode, and the sounds
    of its hits."""
    objects: dict[int, set[object]] = defaultdict(set)
    sounds: dict[int, set[object]] = defaultdict(set)
    for o in beatmap.hit_objects:
        shape = (o.slider.control_points, o.slider.length, o.slider.slides) if o.slider else None
        place = None if beatmap.mode is Mode.TAIKO and not is_all else (o.x, o.y, shape)
        flag = o.new_combo and (is_all or beatmap.mode in (Mode.OSU, Mode.CATCH))
        objects[int(grid.locate([o.time])[0][0])].add((o.kind, o.time, o.end_time, place, flag))
    for hit in hits(beatmap):
        sound = (hit.time, hit.additions, hit.normal_set, hit.addition_set, hit.volume)
        sounds[int(grid.locate([hit.time])[0][0])].add(sound)
    return objects, sounds


def differing(before: dict[int, set[object]], after: dict[int, set[object]]) -> set[int]:
    return {slot for slot in before.keys() | after.keys() if before.get(slot, set()) != after.get(slot, set())}


def with_spinners(beatmap: Beatmap) -> Beatmap:
    """Every tenth circle becomes a spinner of nearly all the time to the next object."""
    changed = [*beatmap.hit_objects]
    for k in range(5, len(changed) - 1, 10):
        o, end = changed[k], changed[k + 1].time - 60
        if o.kind is ObjectKind.CIRCLE and end > o.time:
            changed[k] = replace(o, kind=ObjectKind.SPINNER, end_time=end)
    return replace(beatmap, hit_objects=tuple(changed))


def nothing(copy: CorruptedCopy, i: int) -> bool:
    return False


@pytest.mark.parametrize(("mode", "change"), EACH)
def test_labels_are_where_the_map_was_changed(mode: Mode, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    good = varied_map(mode)
    if change is stretches.spinner_changed:
        good = with_spinners(good)
    grid = features.grid_of(good)
    assert grid is not None
    is_stretch = change in STRETCHES[mode]
    monkeypatch.setitem(corruption.STRETCHES, mode, (change if is_stretch else nothing,))
    monkeypatch.setitem(corruption.CHANGES, mode, ((nothing if is_stretch else change, 1.0),))
    made = 0
    for seed in range(36):
        bad, labels = corrupt(good, grid, np.random.default_rng(seed))
        placed, sounds = map(differing, contents(good, grid), contents(bad, grid))
        objects = differing(contents(good, grid, is_all=False)[0], contents(bad, grid, is_all=False)[0])
        labelled = set(np.flatnonzero(labels.any(axis=1)).tolist())
        assert labelled <= placed | sounds
        assert objects <= labelled
        made += len(labelled)
    assert made > 12


def test_changes_keep_away_from_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(corruption.STRETCHES, Mode.OSU, (nothing,))
    good = varied_map()
    grid = features.grid_of(good)
    assert grid is not None
    for seed in range(8):
        _, labels = corrupt(good, grid, np.random.default_rng(seed))
        for name in ("combo", "shape"):
            slots = np.flatnonzero(labels[:, KIND[name]])
            others = np.delete(labels, KIND[name], axis=1).any(axis=1)
            assert not any(others[max(slot - 2, 0) : slot + 3].any() for slot in slots)


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.MANIA])
def test_stretches_of_another_volume_or_sample_set_are_labelled_at_their_hits(mode: Mode) -> None:
    good = varied_map(mode)
    grid = features.grid_of(good)
    assert grid is not None
    clean, quiet, _ = features.object_features(good, grid)
    found = dict.fromkeys(("volume", "sample_set"), 0)
    for seed in range(60):
        categories, numbers = clean.copy(), quiet.copy()
        labels = np.zeros((grid.count, len(KIND)), dtype=bool)
        corrupt_lines(categories, numbers, mode, labels, np.random.default_rng(seed))
        is_hit = clean[:, COLUMN["hit"]] > 0
        louder = numbers[:, NUMBER["volume"]] != quiet[:, NUMBER["volume"]]
        other = categories[:, COLUMN["normal_set"]] != clean[:, COLUMN["normal_set"]]
        assert np.array_equal(labels[:, KIND["volume"]], louder & is_hit)
        assert np.array_equal(labels[:, KIND["sample_set"]], other & is_hit)
        found["volume"] += bool(louder.any())
        found["sample_set"] += bool(other.any())
    assert min(found.values()) > 5


def test_a_pasted_stretch_keeps_its_order_and_its_distances_in_time() -> None:
    good = varied_map()
    grid = features.grid_of(good)
    assert grid is not None
    moved = 0
    for seed in range(40):
        copy = tampered(good, seed)
        if not stretches.late_paste(copy, int(copy.random.integers(len(good.hit_objects)))):
            continue
        after = [o for o in copy.objects if o is not None]
        objects = sorted(good.hit_objects, key=lambda o: o.time)
        by = {round(b.time - a.time) for a, b in zip(objects, after, strict=True)} - {0}
        assert len(by) == 1 and min(map(abs, by)) >= 125
        assert all(replace(b, time=a.time, end_time=a.end_time) == a for a, b in zip(objects, after, strict=True))
        assert all(one.end_time < two.time for one, two in pairwise(after))
        moved += 1
    assert moved > 5


def test_no_change_fails_where_a_stretch_has_a_spinner_alone() -> None:
    good = with_spinners(varied_map())
    grid = features.grid_of(good)
    assert grid is not None
    kept = [o for o in good.hit_objects if o.kind is ObjectKind.SPINNER]
    sparse = replace(good, hit_objects=tuple(replace(o, index=k) for k, o in enumerate(kept)))
    for seed in range(300):
        corrupt(sparse, grid, np.random.default_rng(seed))


def tampered(good: Beatmap, seed: int) -> CorruptedCopy:
    grid = features.grid_of(good)
    assert grid is not None
    objects = sorted(good.hit_objects, key=lambda o: o.time)
    return CorruptedCopy(
        good,
        grid,
        np.random.default_rng(seed),
        [*objects],
        [],
        np.zeros((grid.count, len(KIND)), dtype=bool),
        grid.locate([o.time for o in objects])[0],
        np.zeros(grid.count, dtype=bool),
    )


def test_a_split_slider_is_circles_at_its_ends() -> None:
    good = varied_map()
    k = next(k for k, o in enumerate(good.hit_objects) if o.slider and o.slider.slides == 1)
    copy, slider = tampered(good, 0), good.hit_objects[k]
    assert figures.slider_split(copy, k)
    head, (tail,) = copy.objects[k], copy.added
    assert head is not None and (head.kind, head.time, head.x) == (ObjectKind.CIRCLE, slider.time, slider.x)
    assert (tail.kind, tail.time, tail.x, tail.y) == (ObjectKind.CIRCLE, slider.end_time, slider.x + 70, slider.y)


def test_joined_circles_are_a_slider_of_the_velocity_around() -> None:
    good = varied_map()
    made = 0
    for k in range(len(good.hit_objects) - 1):
        copy = tampered(good, 0)
        if not figures.circles_joined(copy, k):
            continue
        joined = copy.objects[k]
        assert joined is not None and joined.slider is not None and copy.objects[k + 1] is None
        assert joined.end_time == good.hit_objects[k + 1].time
        speeds = {o.slider.length / o.span_duration for o in good.hit_objects if o.slider}
        assert any(joined.slider.length / joined.duration == pytest.approx(speed) for speed in speeds)
        made += 1
    assert made > 3


def test_of_lost_kiai_the_beginning_is_labelled() -> None:
    good = varied_map()
    grid = features.grid_of(good)
    assert grid is not None
    clean, quiet, _ = features.object_features(good, grid)
    (first,) = np.flatnonzero(np.diff(clean[:, COLUMN["kiai"]].astype(int)) > 0) + 1
    lost = 0
    for seed in range(240):
        categories, numbers = clean.copy(), quiet.copy()
        labels = np.zeros((grid.count, len(KIND)), dtype=bool)
        corrupt_lines(categories, numbers, Mode.OSU, labels, np.random.default_rng(seed))
        marks = labels[:, KIND["kiai"]]
        if not categories[:, COLUMN["kiai"]].any():
            assert marks[first : first + 4].all() and marks.sum() <= 20
            assert (clean[:, COLUMN["kiai"]] > 0)[marks].all()
            lost += 1
    assert lost > 4

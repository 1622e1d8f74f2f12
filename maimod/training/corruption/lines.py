"""Changes of lines, in the slots themselves: kiai, scroll speed, volume and sample set."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.random import Generator

from maimod.discriminator.features import COLUMN, NUMBER
from maimod.osu.beatmap import SCROLLING_MODES, Mode
from maimod.training.corruption.copy import KIND, SLOTS_PER_STRETCH


def corrupt_lines(
    categories: np.ndarray, numbers: np.ndarray, mode: Mode, labels: np.ndarray, random: Generator
) -> None:
    """Move borders of kiai, and change scroll speeds, volumes and sample sets of stretches, in the slots themselves."""
    _change_line_sounds(categories, numbers, labels, random)
    _move_volume_steps(categories, numbers, labels, random)
    kiai = categories[:, COLUMN["kiai"]]
    borders = np.flatnonzero(np.diff(kiai.astype(np.int8))) + 1
    for border in borders:
        if random.random() < 0.4:
            by = int(random.choice([2, 4, 4, 8, 8, 12, 16])) * int(random.choice([-1, 1]))
            low, high = max(min(border, border + by), 0), min(max(border, border + by), len(kiai))
            kiai[low:high] = kiai[border] if by < 0 else kiai[border - 1]
            labels[low:high, KIND["kiai"]] = True
    _lose_kiai(kiai, labels, random)
    if random.random() < 0.3 and len(borders):
        at, length = int(random.integers(len(kiai))), int(random.choice([4, 8, 16]))
        kiai[at : at + length] ^= 1
        labels[at : at + length, KIND["kiai"]] = True
    if mode in SCROLLING_MODES:
        for _ in range(len(kiai) // 200):
            at, length = int(random.integers(len(kiai))), int(random.choice([1, 2, 4, 8, 16, 16, 16]))
            numbers[at : at + length, NUMBER["velocity"]] += random.choice(
                [-1.0, -0.7, -0.4, -0.25, 0.25, 0.4, 0.58, 1.0]
            )
            labels[at : at + length, KIND["velocity"]] = True


def _change_line_sounds(categories: np.ndarray, numbers: np.ndarray, labels: np.ndarray, random: Generator) -> None:
    """Give some stretches the volume or the sample set of another line, as a line does that was left or mistyped."""
    count = len(categories)
    for _ in range(int(random.poisson(count / (2 * SLOTS_PER_STRETCH)))):
        first, length = int(random.integers(count)), int(random.choice([4, 8, 16, 16, 32, 64]))
        at = slice(first, first + length)
        sounding = categories[at, COLUMN["hit"]] > 0
        if not sounding.any() or labels[at].any():
            continue
        if random.random() < 0.5:
            numbers[at, NUMBER["volume"]] = np.clip(
                numbers[at, NUMBER["volume"]] * random.choice([0.3, 0.5, 0.6, 0.7, 0.8, 1.3, 1.6]), 0.05, 1.0
            )
            labels[at, KIND["volume"]] |= sounding
            continue
        now = int(categories[first, COLUMN["line_set"]])
        other = int(random.choice([s for s in (1, 2, 3) if s != now]))
        for name in ("line_set", "normal_set", "addition_set"):
            sets = categories[at, COLUMN[name]]
            sets[(sets == now) & (sets > 0)] = other
        labels[at, KIND["sample_set"]] |= sounding & (categories[at, COLUMN["normal_set"]] == other)


def _lose_kiai(kiai: np.ndarray, labels: np.ndarray, random: Generator) -> None:
    """Take away some whole sections of kiai; the label is where one began."""
    steps = np.diff(kiai.astype(np.int8), prepend=0, append=0)
    for first, end in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0), strict=True):
        if random.random() < 0.15 and not labels[first:end, KIND["kiai"]].any():
            kiai[first:end] = 0
            labels[first : first + 4, KIND["kiai"]] = True


def _move_volume_steps(categories: np.ndarray, numbers: np.ndarray, labels: np.ndarray, random: Generator) -> None:
    """Let some volumes of a line begin a few hits late, or leave out the line."""
    sounding = np.flatnonzero(categories[:, COLUMN["hit"]] > 0)
    volume = numbers[:, NUMBER["volume"]]
    heard = volume[sounding]
    steps = np.flatnonzero(np.abs(np.diff(heard)) > 0.04) + 1
    for k, following in pairwise([*steps.tolist(), len(sounding)]):
        late = min(int(random.choice([1, 2, 4, 8, 32])), following - k)
        is_line = k > 1 and following - k > 1 and heard[k - 2] == heard[k - 1]
        if not is_line or random.random() >= 0.12:
            continue
        hits = sounding[k : k + late]
        if labels[hits].any() or labels[hits[0] : hits[-1] + 1, KIND["volume"]].any():
            continue
        volume[hits[0] : hits[-1] + 1] = heard[k - 1]
        labels[hits, KIND["volume"]] = True

"""What the map does at such sounds of the song: how many notes at once, held or not, which colour, which additions, a new combo.

A mapper answers a snare with a clap or a kat, a crash with a finish, a strong onset with a large chord. From the onsets and the loudness of
the song in a few bands, from the place in the beat, and from what the other difficulties have there, a ridge regression over the map
itself says what to expect of every start; each is left out of the fit that it is compared with. How much of it that explains differs
from map to map, and is known too. Whistles and claps of osu! difficulties explain 60 to 100 % of the colours of taiko in a few sets, and nearly nothing
in most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS, OnsetEnvelope
from maimod.audio.spectrogram import Bands
from maimod.features.mania.rows import SAME_MS
from maimod.features.taiko.slips import is_kat
from maimod.osu.beatmap import (
    ALL_MODES,
    NOT_TAIKO,
    ONLY_MANIA,
    ONLY_TAIKO,
    PLAYFIELD_MODES,
    Beatmap,
    HitObject,
    Mode,
    ObjectKind,
)
from maimod.osu.hitsounds import CLAP, FINISH, WHISTLE
from maimod.osu.timing import SAME_BEAT_MS, TICKS_PER_BEAT, BeatGrid

ONSET_FRAMES = (-2, 3)
"""Frames of the bands around a start in which its onset lies."""
LOUD_FRAMES = 7
"""Frames before and after a start, by which the song becomes louder or softer."""
RIDGE = 3.0
"""Weight of the penalty, in starts."""
MOST_LEVERAGE = 0.9
"""A start that alone decides its own expectation has none without itself."""
LEAST_STARTS = 30
MOST_OFF = 8.0
MOST_OTHERS = 6

TARGETS = ("size", "held", "kat", "whistle", "finish", "clap", "new combo")
KAT_SOUNDS = ("whistle", "clap")
OF_MODES = {
    "size": ONLY_MANIA,
    "held": ONLY_MANIA,
    "kat": ONLY_TAIKO,
    "whistle": NOT_TAIKO,
    "finish": ALL_MODES,
    "clap": NOT_TAIKO,
    "new combo": PLAYFIELD_MODES,
}
NAMES = tuple(f"{target} {what}" for target in TARGETS for what in ("off", "known"))
"""`off`: by how much the start has more than the song and the beat lead to expect, in standard deviations of what these do not explain:
of the square root of the notes in mania, of whether one is held; of whether a note of taiko is a kat; of whether an object has an addition or begins a combo.
`known`: share of the variance that they explain in the map."""


def features(
    beatmap: Beatmap,
    objects: Sequence[HitObject],
    bands: Bands | None,
    envelope: OnsetEnvelope | None,
    lag_ms: float,
    others: Sequence[Beatmap] = (),
) -> np.ndarray:
    """Measure every object.

    Args:
        beatmap: gives the beats.
        objects: in order of time.
        bands, envelope: of the song; None without one.
        lag_ms: from a time of the map to its onset.
        others: the other difficulties of its set and mode, and for taiko those of osu!.

    Returns:
        (n_objects, len(NAMES)); zeros without a song, in short maps, and of what the mode does not have.
    """
    found = np.zeros((len(objects), len(NAMES)))
    if bands is None or envelope is None or len(objects) < LEAST_STARTS or not len(bands.flux):
        return found
    times, of = starts_of(objects)
    if len(times) < LEAST_STARTS:
        return found
    known = np.concatenate([song_at(times + lag_ms, bands, envelope), phases(beatmap, times)], axis=1)
    for number, target in enumerate(TARGETS):
        values = target_of(target, beatmap.mode, objects, of)
        if values is None or np.ptp(values) == 0:
            continue
        expected = Fit(np.concatenate([known, *elsewhere(target, times, others)], axis=1)).without_itself(values)
        rest = values - expected
        found[:, 2 * number] = in_deviations(rest)[of]
        found[:, 2 * number + 1] = max(1 - float((rest**2).mean()) / float(values.var()), 0.0)
    return found


def in_deviations(rest: np.ndarray) -> np.ndarray:
    """Rests of a fit in standard deviations, within `MOST_OFF`."""
    return np.clip(rest / np.sqrt(max(float((rest**2).mean()), 1e-6)), -MOST_OFF, MOST_OFF)


def target_of(target: str, mode: Mode, objects: Sequence[HitObject], of: np.ndarray) -> np.ndarray | None:
    """(n_starts,) what the starts have; None if the mode does not have it."""
    if mode not in OF_MODES[target]:
        return None
    if target == "size":
        return np.sqrt(np.bincount(of))
    has: Callable[[HitObject], bool] = {
        "held": lambda o: o.kind is ObjectKind.HOLD,
        "kat": is_kat,
        "whistle": lambda o: bool(_sound(o) & WHISTLE),
        "finish": lambda o: bool(_sound(o) & FINISH),
        "clap": lambda o: bool(_sound(o) & CLAP),
        "new combo": lambda o: o.new_combo,
    }[target]
    return np.minimum(np.bincount(of, weights=[has(o) for o in objects]), 1.0)


def elsewhere(target: str, times: np.ndarray, others: Sequence[Beatmap]) -> Iterator[np.ndarray]:
    """(n_starts, 2) for each other difficulty, of osu! for each addition that makes a kat: whether something starts there, and what it
    has then, less its mean."""
    for other in others[:MOST_OTHERS]:
        objects = sorted(other.hit_objects, key=lambda o: o.time)
        starts, of = starts_of(objects)
        for name in KAT_SOUNDS if target == "kat" and other.mode is not Mode.TAIKO else (target,):
            values = target_of(name, other.mode, objects, of)
            if values is not None and np.ptp(values) > 0:
                place = np.clip(np.searchsorted(starts, times), 1, max(len(starts) - 1, 1))
                place = place - (times - starts[place - 1] < starts[place] - times)
                there = np.abs(starts[place] - times) <= SAME_BEAT_MS
                yield np.stack([there, np.where(there, values[place] - values.mean(), 0.0)], axis=1)


def starts_of(objects: Sequence[HitObject]) -> tuple[np.ndarray, np.ndarray]:
    """Times at which objects start, and (n_objects,) the number of the start of each."""
    starts = np.array([o.time for o in objects])
    of = np.concatenate([[0], np.cumsum(np.diff(starts) > SAME_MS)])
    return starts[np.searchsorted(of, np.arange(of[-1] + 1))], of


def _sound(o: HitObject) -> int:
    """Additions at the start of an object."""
    return o.slider.edge_sounds[0] if o.slider and o.slider.edge_sounds else o.hitsound


def song_at(times: np.ndarray, bands: Bands, envelope: OnsetEnvelope) -> np.ndarray:
    """(n_starts, n) onsets and loudness at times of the song."""
    frame = np.round(times / bands.frame_ms).astype(int)[:, None]
    last = len(bands.flux) - 1

    def at(first: int, until: int) -> np.ndarray:
        return np.clip(frame + np.arange(first, until), 0, last)

    onsets = np.sqrt(bands.flux[at(ONSET_FRAMES[0], ONSET_FRAMES[1] + 1)].max(axis=1))
    after = bands.loudness[at(1, LOUD_FRAMES + 1)].mean(axis=1)
    before = bands.loudness[at(-LOUD_FRAMES, -1)].mean(axis=1)
    whole = np.sqrt(envelope.at(times, ONSET_WIDTH_MS))[:, None]
    return np.concatenate([onsets, after, after - before, whole], axis=1)


def phases(beatmap: Beatmap, times: np.ndarray) -> np.ndarray:
    """(n_starts, n) place in the beat and in the measure, as 0 and 1."""
    grid = BeatGrid(beatmap)
    ticks = grid.ticks(times)
    in_measure, _ = grid.measure_ticks(ticks)
    in_beat = in_measure % TICKS_PER_BEAT
    columns = [in_beat == tick for tick in (0, 12, 24, 36)]
    columns += [in_measure == beat * TICKS_PER_BEAT for beat in range(4)]
    return np.stack(columns, axis=1).astype(float)


class Fit:
    """Ridge regression on standardised inputs; `ridge` is the weight of the penalty, in starts."""

    def __init__(self, inputs: np.ndarray, ridge: float = RIDGE) -> None:
        standard = (inputs - inputs.mean(axis=0)) / (inputs.std(axis=0) + 1e-3)
        self.inputs = np.concatenate([np.ones((len(inputs), 1)), standard], axis=1)
        penalty = ridge * np.eye(self.inputs.shape[1])
        penalty[0, 0] = 0.0
        self.solve = np.linalg.solve(self.inputs.T @ self.inputs + penalty, self.inputs.T)
        self.leverage = np.minimum((self.inputs * self.solve.T).sum(axis=1), MOST_LEVERAGE)

    def without_itself(self, values: np.ndarray) -> np.ndarray:
        """(n,) the value of each that a fit to the others expects."""
        expected = self.inputs @ (self.solve @ values)
        return np.asarray((expected - self.leverage * values) / (1 - self.leverage))

"""The song: drums, bass, chords and the lead of the score, synthesised."""

from __future__ import annotations

import numpy as np

from tools.example.score import SECTIONS, lead, measures, time_of

LATENCY_MS = 27.0
"""Ms from a beat of the map to its attack in the song; attacks peak this long after the time at which mappers place
beats (see `maimod.audio.onsets`)."""
SAMPLE_RATE = 44_100
SEED = 150
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # major pentatonic, semitones
CHORDS = (0, -3, -7, -5)  # roots of the bass, one per measure, semitones from A


def synthesise() -> np.ndarray:
    """The song as float32 samples (n_samples,)."""
    random = np.random.default_rng(SEED)
    total = sum(length for _, length in SECTIONS)
    song = np.zeros(int((time_of(total) + 2_000) / 1000 * SAMPLE_RATE))

    def play(sound: np.ndarray, time: float, gain: float) -> None:
        first = round((time + LATENCY_MS) / 1000 * SAMPLE_RATE)
        song[first : first + len(sound)] += gain * sound[: len(song) - first]

    kick, snare, hat, crash = _kick(), _snare(random), _noise(random, 0.04, 90.0), _noise(random, 1.2, 4.0)
    for measure, section, inner in measures():
        full = section in ("verse", "chorus", "build")
        for half in range(8):
            if half % 4 == 0 and section != "end":
                play(kick, time_of(measure, half), 0.8)
            if half % 4 == 2 and section != "end":
                play(snare, time_of(measure, half), 0.55 if full else 0.35)
            if full:
                play(hat, time_of(measure, half), 0.16 if half % 2 else 0.1)
        if inner == 0:
            play(crash, time_of(measure), 0.2)
        root = 110.0 * 2 ** (CHORDS[measure % 4] / 12)
        for half in (0, 4) if section != "end" else (0,):
            play(_tone(root / 2 if root > 90 else root, 0.5, (1.0, 0.5, 0.25), 5.0), time_of(measure, half), 0.3)
        if section == "chorus":
            for semitones in (0, 7, 16):
                play(_tone(root * 2 * 2 ** (semitones / 12), 1.5, (1.0, 0.3), 1.0), time_of(measure), 0.05)
    for note in lead():
        pitch = 440.0 * 2 ** (SCALE[note.degree] / 12)
        play(
            _tone(pitch, 0.2 + 0.2 * note.length, (1.0, 0.6, 0.4, 0.2), 6.0 / (1 + note.length)),
            time_of(note.measure, note.half),
            0.3,
        )
        if note.length:  # a sound at the slider's tail
            play(_tone(pitch * 1.5, 0.15, (1.0, 0.4), 10.0), time_of(note.measure, note.half + note.length), 0.14)
    return (song / np.abs(song).max() * 0.9).astype(np.float32)


def _times(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _tone(pitch: float, seconds: float, harmonics: tuple[float, ...], decay: float) -> np.ndarray:
    t = _times(seconds)
    wave = sum(gain * np.sin(2 * np.pi * pitch * k * t) for k, gain in enumerate(harmonics, start=1))
    return wave * np.exp(-decay * t) * np.minimum(1.0, t / 0.004) * np.minimum(1.0, (seconds - t) / 0.02)


def _kick() -> np.ndarray:
    t = _times(0.22)
    return np.sin(2 * np.pi * (50 * t + 3.0 * (1 - np.exp(-28 * t)))) * np.exp(-14 * t)


def _snare(random: np.random.Generator) -> np.ndarray:
    t = _times(0.18)
    return (
        0.8 * random.standard_normal(len(t)) * np.exp(-24 * t) + np.sin(2 * np.pi * 190 * t) * np.exp(-18 * t)
    ) * 0.6


def _noise(random: np.random.Generator, seconds: float, decay: float) -> np.ndarray:
    t = _times(seconds)
    return np.diff(random.standard_normal(len(t) + 1)) * np.exp(-decay * t)

"""Cut a section of the song with its hitsounds, as a mono WAV.

The hitsounds are mixed into the samples, so they stay in time at any playback speed.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from maimod.audio.decode import Audio
from maimod.osu.beatmap import Beatmap
from maimod.osu.hitsounds import Hit, Sound, hits, sounds

CLIP_RATE = 32_000
"""Samples per second of songs decoded for playback."""
SONG_GAIN, HIT_GAIN = 0.6, 0.6
LEAST_VOLUME = 8
"""Percent: the game plays no hit more quietly (osu!stable)."""
_TONES = {
    # (sample set, name): tone in Hz, its decay in s, share of noise, decay of the noise in s, share of high noise
    (1, "hitnormal"): (950.0, 0.010, 0.50, 0.008, 0.5),
    (2, "hitnormal"): (620.0, 0.014, 0.25, 0.010, 0.0),
    (3, "hitnormal"): (240.0, 0.040, 0.35, 0.012, 0.2),
    (1, "hitwhistle"): (2600.0, 0.060, 0.05, 0.010, 1.0),
    (2, "hitwhistle"): (1900.0, 0.090, 0.02, 0.010, 1.0),
    (3, "hitwhistle"): (760.0, 0.070, 0.10, 0.010, 0.0),
    (1, "hitfinish"): (420.0, 0.050, 0.80, 0.180, 1.0),
    (2, "hitfinish"): (330.0, 0.060, 0.50, 0.240, 1.0),
    (3, "hitfinish"): (90.0, 0.120, 0.80, 0.160, 0.5),
    (1, "hitclap"): (1300.0, 0.006, 0.90, 0.030, 0.9),
    (2, "hitclap"): (1000.0, 0.008, 0.60, 0.040, 0.5),
    (3, "hitclap"): (330.0, 0.030, 0.75, 0.045, 0.0),
}
"""Samples of our own making, in place of the player's: a tone and noise that both die away."""
_LOUDNESS = {"hitnormal": 1.0, "hitwhistle": 0.4, "hitfinish": 0.6, "hitclap": 0.9}
"""Gain of each; sounds that ring longer are quieter."""


def sounds_between(beatmap: Beatmap, start: float, stop: float) -> Iterator[tuple[Hit, Sound]]:
    """The samples that a map plays between two times in ms, in order."""
    for hit in hits(beatmap):
        if start <= hit.time < stop:
            for sound in sounds(hit, beatmap.mode):
                yield hit, sound


def clip(
    beatmap: Beatmap, song: Audio, start: float, stop: float, files: Mapping[str, np.ndarray] | None = None
) -> bytes:
    """Cut out a section of the song.

    Args:
        beatmap: source of the hitsounds.
        song: at any sample rate.
        start: ms of the map; silence before the beginning of the song.
        stop: ms of the map.
        files: samples (n,) at the song's rate by the names in :attr:`Sound.files`; sounds without one get a sample of
            our own. None: the song without hitsounds.
    """
    rate = song.sample_rate
    first, count = round(start * rate / 1000), max(0, round((stop - start) * rate / 1000))
    samples = song.piece(first, count) * SONG_GAIN
    for hit, sound in sounds_between(beatmap, start, stop) if files is not None else ():
        own = next((files[name] for name in sound.files if name in files), None) if files else None
        played = _default(rate, sound.sample_set, sound.name) if own is None else own
        at = round((hit.time - start) * rate / 1000)
        end = min(at + len(played), count)
        samples[at:end] += played[: end - at] * (HIT_GAIN * max(hit.volume, LEAST_VOLUME) / 100)
    encoded = io.BytesIO()
    with wave.open(encoded, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return encoded.getvalue()


@lru_cache(maxsize=32)
def _default(rate: int, sample_set: int, name: str) -> np.ndarray:
    """Make a sample of our own."""
    tone, tone_decay, share, noise_decay, high = _TONES[sample_set, name]
    t = np.arange(round(rate * 5 * max(tone_decay, noise_decay))) / rate
    noise = np.random.default_rng(1).uniform(-1, 1, len(t) + 1)
    noise = (1 - high) * noise[1:] + high * np.diff(noise) / 2  # differences leave the high frequencies
    sound = (1 - share) * np.sin(2 * np.pi * tone * t) * np.exp(-t / tone_decay) + share * noise * np.exp(
        -t / noise_decay
    )
    return np.asarray(_LOUDNESS[name] * sound, dtype=np.float32)

"""Cut a section of the song with a click at every hit, as a mono WAV.

The clicks are mixed into the samples, so they stay in time at any playback speed.
"""

from __future__ import annotations

import io
import wave
from functools import lru_cache

import numpy as np

from maimod.audio.decode import Audio
from maimod.osu.beatmap import Beatmap
from maimod.osu.hitsounds import CLAP, FINISH, WHISTLE, hits

CLIP_RATE = 32_000
"""Samples per second of songs decoded for playback."""
SONG_GAIN, CLICK_GAIN = 0.6, 0.5
CLICK_SECONDS = 0.03


def clip(beatmap: Beatmap, song: Audio, start: float, stop: float, clicks: bool = True) -> bytes:
    """Cut out a section of the song.

    Args:
        beatmap: source of the clicks; each addition has its own sound, scaled by the hit's volume.
        song: at any sample rate.
        start: ms of the map; silence before the beginning of the song.
        stop: ms of the map.
        clicks: whether to add clicks.
    """
    rate = song.sample_rate
    first, count = round(start * rate / 1000), max(0, round((stop - start) * rate / 1000))
    samples = np.zeros(count, dtype=np.float32)
    source = song.samples[max(first, 0) : max(first + count, 0)]
    place = max(-first, 0)
    samples[place : place + len(source)] = source[: max(count - place, 0)] * SONG_GAIN
    if clicks:
        for hit in hits(beatmap):
            if start <= hit.time < stop:
                sound = _click(rate, hit.additions)
                at = round((hit.time - start) * rate / 1000)
                end = min(at + len(sound), count)
                samples[at:end] += sound[: end - at] * CLICK_GAIN * max(hit.volume, 5) / 100
    encoded = io.BytesIO()
    with wave.open(encoded, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return encoded.getvalue()


@lru_cache(maxsize=64)
def _click(rate: int, additions: int) -> np.ndarray:
    """Make a short tick; a whistle adds a higher tone, a finish long noise, a clap short noise."""
    seconds = CLICK_SECONDS * (4 if additions & FINISH else 2 if additions & (WHISTLE | CLAP) else 1)
    t = np.arange(round(rate * seconds)) / rate
    noise = np.random.default_rng(1).uniform(-1, 1, len(t))
    sound = np.sin(2 * np.pi * 1100 * t) * np.exp(-t / 0.006)
    if additions & WHISTLE:
        sound = sound + 0.5 * np.sin(2 * np.pi * 2600 * t) * np.exp(-t / 0.02)
    if additions & FINISH:
        sound = sound + 0.5 * noise * np.exp(-t / 0.035)
    if additions & CLAP:
        sound = sound + 0.7 * noise * np.exp(-t / 0.012)
    return sound.astype(np.float32)

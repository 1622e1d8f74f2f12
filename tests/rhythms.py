"""Even rhythms, songs that sound on them, and what the rules of rhythm find by scores of their events."""

from __future__ import annotations

import numpy as np

from maimod.audio.onsets import OnsetEnvelope, alignment
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm import objects as rhythm_objects
from tests.findings import findings_of
from tests.maps import beatmap

BEAT = 500  # 120 BPM, the red line of tests.maps


def circle(time: float, x: int = 256) -> str:
    return f"{x},192,{time},1,0,0:0:0:0:"


def slider(time: float, length: float = 70.0, slides: int = 1) -> str:
    """140 px are a beat."""
    return f"256,192,{time},2,0,L|356:192,{slides},{length}"


def circles(
    *,
    moved: dict[int, float] | None = None,
    without: tuple[int, ...] = (),
    extra: tuple[float, ...] = (),
    count: int = 24,
    gap: float = BEAT,
) -> Beatmap:
    """An even run from 1 s on."""
    times = {i: 1000 + i * gap + (moved or {}).get(i, 0) for i in range(count) if i not in without}
    return beatmap([circle(time) for time in sorted([*times.values(), *extra])])


def song(times: list[float], length_ms: float = 20_000) -> OnsetEnvelope:
    """Clear onsets 29 ms after `times`."""
    frames = np.arange(0, length_ms, 5.0)
    values = sum(np.maximum(0.0, 1.0 - np.abs(frames - time - 29) / 10) for time in times)
    return OnsetEnvelope(np.asarray(values, dtype=np.float32), 5.0)


def scores(
    loaded: Beatmap,
    surprising: dict[float, tuple[float, float, float]] | None = None,
    kinds: dict[float, EventScore] | None = None,
) -> tuple[EventScore, ...]:
    """A time event and a kind event for each object.

    Args:
        loaded: the map.
        surprising: time of an object to (bits, expected time, its probability); others are certain.
        kinds: time of an object to the score used for its kind.
    """
    result = []
    for group, o in enumerate(loaded.hit_objects):
        event = Event(EventKind.TIME, round(o.time), round(o.time), group, o)
        bits, expected, probability = (surprising or {}).get(o.time, (0.1, o.time, 0.93))
        likely = Event(EventKind.TIME, round(expected), round(o.time), group, None)
        result.append(EventScore(event, bits, 1.0, ((likely, probability),), 2.0**-bits))
        own = Event(EventKind.CIRCLE, 0, round(o.time), group, o)
        result.append((kinds or {}).get(o.time) or EventScore(own, 0.0, 0.1, ((own, 1.0),), 1.0))
    return tuple(result)


def found(
    loaded: Beatmap, scored: tuple[EventScore, ...] | None = None, onsets: list[float] | None = None
) -> list[Finding]:
    envelope = None if onsets is None else song(onsets)
    lag = None if envelope is None else alignment(envelope, np.array([o.time for o in loaded.hit_objects]))
    context = Evidence(loaded, scored, envelope, lag)
    return findings_of(rhythm_objects.run, context)


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]

"""Build small beatmaps for tests from their essential lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maimod.osu.beatmap import Beatmap
from maimod.osu.parser import parse

RED_LINE = "0,500,4,2,0,70,1,0"
"""120 BPM from 0 ms, soft samples at 70 %."""
CIRCLE = "256,192,1000,1,0,0:0:0:0:"


def text(
    objects: Sequence[str] = (CIRCLE,),
    timing_points: Sequence[str] = (RED_LINE,),
    mode: int = 0,
    *,
    events: Sequence[str] = (),
    general: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    format_version: int = 14,
    **difficulty: float,
) -> str:
    """Write a `.osu` file.

    Args:
        objects: lines of `[HitObjects]`.
        timing_points: lines of `[TimingPoints]`.
        mode: 0 osu!, 1 taiko, 2 catch, 3 mania.
        events: lines of `[Events]`, breaks for example.
        general: more entries of `[General]`, or others than the default ones.
        metadata: the same for `[Metadata]`.
        format_version: of the first line.
        **difficulty: entries of `[Difficulty]` in words: `circle_size=4`, `slider_multiplier=1.4`.
    """
    sections = {
        "General": {"AudioFilename": "audio.mp3", "Mode": str(mode)} | dict(general or {}),
        "Metadata": {"Title": "Title", "Artist": "Artist", "Creator": "Creator", "Version": "Version"}
        | dict(metadata or {}),
        "Difficulty": {
            "HPDrainRate": "5",
            "CircleSize": "4",
            "OverallDifficulty": "5",
            "ApproachRate": "5",
            "SliderMultiplier": "1.4",
            "SliderTickRate": "1",
        }
        | {_key(name): f"{value}" for name, value in difficulty.items()},
    }
    lines = [f"osu file format v{format_version}", ""]
    for name, values in sections.items():
        lines += [f"[{name}]", *(f"{key}:{value}" for key, value in values.items()), ""]
    for name, body in (("Events", events), ("TimingPoints", timing_points), ("HitObjects", objects)):
        lines += [f"[{name}]", *body, ""]
    return "\n".join(lines)


def beatmap(
    objects: Sequence[str] = (CIRCLE,),
    timing_points: Sequence[str] = (RED_LINE,),
    mode: int = 0,
    *,
    events: Sequence[str] = (),
    general: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
    format_version: int = 14,
    path: str = "beatmap.osu",
    **difficulty: float,
) -> Beatmap:
    """Parse the file that :func:`text` writes."""
    content = text(
        objects,
        timing_points,
        mode,
        events=events,
        general=general,
        metadata=metadata,
        format_version=format_version,
        **difficulty,
    )
    return parse(content.encode(), path)


def _key(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")).replace("HpDrain", "HPDrain")

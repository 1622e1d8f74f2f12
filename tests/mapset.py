"""Build a mapset of four difficulties that agree in everything a set agrees in, in a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.osu import text

BEAT_MS = 400
"""150 BPM."""
FIRST_MS = 2_000
MEASURES = 96
"""153 s: long enough for a set that begins with a Normal."""
METADATA = {"Title": "Song", "TitleUnicode": "Song", "Artist": "Artist", "ArtistUnicode": "Artist", "Creator": "Mapper", "Source": "",
            "Tags": "english pop song", "BeatmapSetID": "12"}
GENERAL = {"AudioFilename": "audio.mp3", "AudioLeadIn": "0", "PreviewTime": "21200", "Countdown": "0", "SampleSet": "Soft",
           "StackLeniency": "0.7", "LetterboxInBreaks": "0", "WidescreenStoryboard": "0"}
LINES = (f"{FIRST_MS},{BEAT_MS},4,2,0,70,1,0", f"{FIRST_MS + 48 * BEAT_MS},-100,4,2,0,70,0,1",
         f"{FIRST_MS + 112 * BEAT_MS},-100,4,2,0,70,0,0")
EVENTS = ('0,0,"bg.jpg",0,0',)
COLOURS = {"Combo1": "255,128,64", "Combo2": "64,160,255"}


@dataclass(frozen=True)
class Version:
    """One difficulty."""

    name: str
    objects: Sequence[str]
    lines: Sequence[str] = LINES
    events: Sequence[str] = EVENTS
    general: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    difficulty: Mapping[str, float] = field(default_factory=dict)

    def with_metadata(self, **changes: str) -> Version:
        return replace(self, metadata={**self.metadata, **changes})

    def with_general(self, **changes: str) -> Version:
        return replace(self, general={**self.general, **changes})

    def text(self) -> str:
        written = text(self.objects, self.lines, events=self.events, general={**GENERAL, **self.general},
                       metadata={**METADATA, "Version": self.name, **self.metadata}, **self.difficulty)
        colours = "\n".join(f"{key} : {value}" for key, value in COLOURS.items())
        return written.replace("[HitObjects]", f"[Colours]\n{colours}\n\n[HitObjects]")


def circles(step: int, radius: float) -> list[str]:
    """Circles every `step` half beats on a slow zigzag; a whistle on each downbeat, a clap on each other second beat."""
    objects = []
    for number, half in enumerate(range(0, MEASURES * 8, step)):
        x, y = 256 + radius * (1 if number % 2 else -1), 100 + 40 * (number // 2 % 5)
        sound = {0: 2, 4: 8}.get(half % 8, 0)
        kind = 5 if half % 16 == 0 else 1
        objects.append(f"{x:g},{y},{FIRST_MS + half * BEAT_MS // 2},{kind},{sound},0:0:0:0:")
    return objects


def versions() -> dict[str, Version]:
    """A spread that nothing is wrong with."""
    plan = {"Normal": (4, 60, 3, 4, 4), "Hard": (2, 60, 5, 6, 5), "Insane": (1, 50, 6, 8, 6), "Expert": (1, 90, 6, 9, 8)}
    return {name: Version(name, circles(step, radius),
                          difficulty={"hp_drain_rate": hp, "circle_size": 4, "overall_difficulty": od, "approach_rate": ar})
            for name, (step, radius, hp, ar, od) in plan.items()}


def write(folder: Path, found: Mapping[str, Version]) -> list[Path]:
    """Write the difficulties as `.osu` files."""
    paths = []
    for version in found.values():
        path = folder / f"Artist - Song (Mapper) [{version.name}].osu"
        path.write_text(version.text(), encoding="utf-8")
        paths.append(path)
    return paths

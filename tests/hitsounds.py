"""A rock beat of claps and finishes, and what the rules of hitsounds find in it."""

from __future__ import annotations

from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

BEAT = 500
CLAP, FINISH = 8, 4


def beat_sounds(n_measures: int = 32) -> list[int]:
    """Quarter notes: finish on 1, claps on 2 and 4."""
    return [(FINISH if i % 4 == 0 else CLAP if i % 2 else 0) for i in range(4 * n_measures)]


def circles(sounds: list[int], samples: dict[int, str] | None = None) -> list[str]:
    return [
        f"{100 + i % 3 * 50},192,{BEAT * i},1,{sound},{(samples or {}).get(i, '0:0:0:0:')}"
        for i, sound in enumerate(sounds)
    ]


def found(objects, lines=(RED_LINE,), mode=0, scores=None, **options):
    return findings_of(habits.run, Evidence(beatmap(objects, lines, mode, **options), scores))

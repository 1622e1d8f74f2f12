"""Samples of mania chords: one that several notes of a chord play at once.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!mania#guidelines.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, Beatmap, HitObject, Mode
from maimod.osu.hitsounds import ADDITIONS, hits, set_name
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

DOUBLED = Rule(
    "hitsounds/doubled",
    "Sample played several times at once",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Two notes of a chord with the same sample play it at twice the volume, and it stands out.",
    how="At one time, the notes of a chord and the storyboard play the same addition or the same file more than once. "
    "All places of a map are one finding; in more than three it is a minor.",
    advice="Is it meant to be that loud? One of them is enough.",
    ignore_when="the louder sound is intended",
    blind_spots="Hitnormals, which every note plays; different files with one sound.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#guidelines",
    modes=ONLY_MANIA,
)

FEW = 3
"""More places are a way of mapping."""


class Moment(msgspec.Struct):
    """What sounds at one time."""

    notes: list[HitObject] = msgspec.field(default_factory=list)
    samples: Counter[str] = msgspec.field(default_factory=Counter)
    """How often each sample starts, by its name ("soft-hitclap2", "kick"), without hitnormals."""
    spare: int = 0
    """Notes that play only a hitnormal."""


def moments(beatmap: Beatmap, whole: Mapset | None) -> dict[int, Moment]:
    """What sounds at each time with notes [ms], with the samples of the storyboard."""
    found: dict[int, Moment] = defaultdict(Moment)
    for hit in hits(beatmap):
        moment = found[round(hit.time)]
        moment.notes.append(hit.hit_object)
        if hit.keysound:
            moment.samples[_name(hit.hit_object.sample.filename)] += 1
            continue
        index = hit.sample_index if hit.sample_index > 1 else ""
        names = [name for bit, name in enumerate(ADDITIONS, start=1) if hit.additions >> bit & 1]
        moment.samples.update(f"{set_name(hit.addition_set)}-hit{name}{index}" for name in names)
        moment.spare += not names
    own = _storyboarded(tuple(text for _, text in beatmap.events))
    for time, name in (*own, *(_storyboarded(whole.storyboard) if whole else ())):
        if time in found:
            found[time].samples[name] += 1
    return found


@lru_cache(maxsize=4)
def _storyboarded(lines: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """(time in ms, name) of each sample of a storyboard; kept, because all difficulties of a set share one."""
    found: list[tuple[int, str]] = []
    for text in lines:
        if not text.startswith(("Sample", "5,")):
            continue
        fields = [part.strip().strip('"') for part in text.split(",")]
        if fields[0] in ("5", "Sample") and len(fields) > 3:
            try:
                found.append((round(float(fields[1])), _name(fields[3])))
            except (ValueError, OverflowError):
                continue
    return tuple(found)


def _name(file: str) -> str:
    """Name of a sample without the extension, of which the game accepts several."""
    return file.casefold().rpartition(".")[0] or file.casefold()


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.MANIA:
        return
    sounding = [(time, moment) for time, moment in moments(evidence.beatmap, evidence.mapset).items() if moment.samples]
    doubled = sorted((time, moment) for time, moment in sounding if max(moment.samples.values()) > 1)
    if not doubled:
        return
    (time, moment), *others = doubled
    name, count = moment.samples.most_common(1)[0]
    is_same = all(other.samples.most_common(1)[0] == (name, count) for _, other in others)
    what = "the same at" if is_same else "a sample is doubled at"
    yield candidate(
        DOUBLED,
        time=time,
        end_time=others[-1][0] if others else None,
        line=moment.notes[0].line,
        objects=moment.notes,
        certainty=Certainty.POSSIBLE if len(doubled) > FEW else Certainty.GUIDELINE,
        actual=f"{count} times",
        expected=[Expected("once")],
        message=f'"{name}" is played {count} times at once{places_alike([at for at, _ in others], what)}.',
        places=len(doubled),
        times_ms=[at for at, _ in doubled[:20]],
    )


CHECK = BeatmapCheck(Category.HITSOUNDS, "Samples of chords", (DOUBLED,), run)

"""Mania difficulties of a set compared: a sample that one lacks where the others play it.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria#audio; Mapset Verifier, hitsound consistency of mania.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import Beatmap, Mode
from maimod.rules.base import Certainty, MapsetCheck, MapsetEvidence, Placed, Rule
from maimod.rules.chord_sounds import Moment, moments
from maimod.rules.sets import names

MISSING = Rule(
    "mapset/missing-addition-in-chord",
    "Only this difficulty lacks a sample here",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Samples are mostly copied between the difficulties of a set; one that only one difficulty lacks was forgotten "
    "there.",
    how="All other mania difficulties with notes at this time play a sample that this one does not play, neither by a "
    "note nor in the storyboard, although a note of it has only a hitnormal. In up to three places; in more, up to 2 %, it is "
    "one minor, and with only one other difficulty a minor too.",
    ignore_when="the difficulty follows another sound here",
    blind_spots="Samples that two difficulties lack; difficulties with samples of their own.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#audio",
    modes=frozenset({Mode.MANIA}),
)

MOST_DIFFICULTIES = 30
FEW, OWN_WAY = 3, 0.02
"""A difficulty that lacks samples in more places than both has its own."""
SURE_OTHERS = 2


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    beatmaps = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is Mode.MANIA]
    if not 1 < len(beatmaps) <= MOST_DIFFICULTIES:
        return
    sounds = {beatmap.path: moments(beatmap, evidence.mapset) for beatmap in beatmaps}
    for beatmap in beatmaps:
        others = [(other, sounds[other.path]) for other in beatmaps if other is not beatmap]
        yield from _missing(evidence, beatmap, sounds[beatmap.path], others)


def _missing(
    evidence: MapsetEvidence,
    beatmap: Beatmap,
    own: Mapping[int, Moment],
    others: Sequence[tuple[Beatmap, Mapping[int, Moment]]],
) -> Iterator[Placed]:
    lacks: list[tuple[int, str, list[Beatmap]]] = []
    compared = 0
    for time, moment in sorted(own.items()):
        there = [(other, sounds[time]) for other, sounds in others if time in sounds]
        common = set.intersection(*(set(at.samples) for _, at in there)) if there else set()
        compared += bool(common)
        if (missing := common - set(moment.samples)) and moment.spare:
            lacks.append((time, ", ".join(sorted(missing)), [other for other, _ in there]))
    if len(lacks) > max(FEW, OWN_WAY * compared):
        return
    slips = len(lacks) <= FEW
    for time, samples, there_too in lacks if slips else lacks[:1]:
        notes = own[time].notes
        more = "" if slips else f"; the same at {len(lacks) - 1} more places"
        yield from evidence.candidate(
            MISSING,
            beatmap,
            time=time,
            line=notes[0].line,
            objects=notes,
            certainty=Certainty.LIKELY if slips and len(there_too) >= SURE_OTHERS else Certainty.POSSIBLE,
            actual="not played",
            expected=[Expected(samples)],
            compared=compared,
            message=f"{names(there_too)} play{'s' if len(there_too) == 1 else ''} {samples} here; this difficulty does "
            f"not{more}.",
        )


CHECK = MapsetCheck("Samples of the mania difficulties", (MISSING,), run)

"""Mania difficulties of a set compared: a sample that one lacks where the others play it.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria#audio; Mapset Verifier, hitsound consistency of mania.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, Beatmap, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.bundles import places_alike
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mania.chord_sounds import Moment, moments
from maimod.rules.mapset.sets import names

MISSING = Rule(
    "mapset/missing-addition-in-chord",
    "Only this difficulty lacks a sample here",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Samples are usually copied between the difficulties of a set; one that only one difficulty lacks was forgotten "
    "there.",
    how="All other mania difficulties with notes at this time play a sample that this one does not play, neither by a "
    "note nor in the storyboard, although a note of it has only a hitnormal. All places are one finding; more than three, up to 2 "
    "%, are a minor, and so is any with only one other difficulty.",
    advice="Was the sample forgotten here?",
    ignore_when="the difficulty follows another sound here",
    blind_spots="Samples that two difficulties lack; difficulties with samples of their own.",
    source=f"{PAGE}#audio",
    modes=ONLY_MANIA,
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
    playing: dict[int, Counter[str]] = defaultdict(Counter)  # difficulties that play each sample, by time
    there: dict[int, list[Beatmap]] = defaultdict(list)
    for beatmap in beatmaps:
        for time, moment in sounds[beatmap.path].items():
            playing[time].update(set(moment.samples))
            there[time].append(beatmap)
    for beatmap in beatmaps:
        yield from _missing(evidence, beatmap, sounds[beatmap.path], playing, there)


def _missing(
    evidence: MapsetEvidence,
    beatmap: Beatmap,
    own: Mapping[int, Moment],
    playing: Mapping[int, Counter[str]],
    there: Mapping[int, Sequence[Beatmap]],
) -> Iterator[Placed]:
    lacks: list[tuple[int, str]] = []
    compared = 0
    for time, moment in sorted(own.items(), key=lambda pair: pair[0]):
        n_others = len(there[time]) - 1
        common = [name for name, count in playing[time].items() if count - (name in moment.samples) == n_others > 0]
        compared += bool(common)
        missing = sorted(name for name in common if name not in moment.samples)
        if missing and moment.spare:
            lacks.append((time, ", ".join(missing)))
    if len(lacks) > max(FEW, OWN_WAY * compared):
        return
    if not lacks:
        return
    (time, samples), *more = lacks
    notes, others = own[time].notes, [other for other in there[time] if other is not beatmap]
    what = "the same at" if all(missing == samples for _, missing in more) else "it lacks a sample of the others at"
    is_slip = len(lacks) <= FEW and len(others) >= SURE_OTHERS
    yield from evidence.candidate(
        MISSING,
        beatmap,
        time=time,
        line=notes[0].line,
        objects=notes,
        certainty=Certainty.LIKELY if is_slip else Certainty.POSSIBLE,
        actual="not played",
        expected=[Expected(samples)],
        compared=compared,
        places=len(lacks),
        times_ms=[at for at, _ in lacks],
        objects_alike=[note.index for at, _ in more for note in own[at].notes],
        message=f'{names(others)} play{"s" if len(others) == 1 else ""} "{samples}" here, this difficulty does '
        f"not{places_alike([at for at, _ in more], what)}.",
    )


CHECK = MapsetCheck("Samples of the mania difficulties", (MISSING,), run)

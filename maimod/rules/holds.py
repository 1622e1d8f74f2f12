"""Hold notes in mania: shorter than the level of a difficulty allows, or released just after others of their chord."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules.base import BeatmapCheck, Candidate, Certainty, Evidence, Rule, bundled, candidate
from maimod.rules.clashes import SHORT_HOLD_MS
from maimod.rules.criteria import low, usual_beat

MANIA = frozenset({Mode.MANIA})
_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#difficulty-specific"
SHORT_FOR_LEVEL = Rule(
    "rhythm/short-hold-for-level",
    "Hold note shorter than the level allows",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners need time to release a note at the right moment.",
    how="A hold note lasts less than a beat in an Easy, half a beat in a Normal, a quarter in a Hard; beats are "
    "those of "
    "a song of about 180 BPM. At least half as long, or more than four of them, is a minor.",
    ignore_when="the sound is that short",
    blind_spots="Difficulties with unknown level; harder ones, see rhythm/short-hold.",
    source=_CRITERIA,
    modes=MANIA,
    criteria=("hold-length",),
)
UNEVEN_RELEASE = Rule(
    "rhythm/uneven-release",
    "Hold note released just after another one of its chord",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Hold notes that start together and end a fraction of a beat apart look as if they ended together; the player "
    "releases both.",
    how="Two hold notes start at one time and end less than 1/6 beat apart, but not at one time, in up to two chords "
    "of "
    "a map in which at least ten chords end together for each.",
    ignore_when="the sounds end apart",
    blind_spots="Maps that release hold notes apart throughout; hold notes that start at different times.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Hold_note",
    modes=MANIA,
)

LEVELS = frozenset({Level.EASY, Level.NORMAL, Level.HARD})
SLACK_MS = 3.0
FEW = 4
"""More short hold notes than this are the map's way."""
SAME_MS = 2.0
CLOSE_BEATS = 1 / 6
MOST_UNEVEN, LEAST_EVEN = 2, 10


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.MANIA:
        return
    if evidence.level in LEVELS:
        yield from bundled(_short(evidence, evidence.level), FEW)
    yield from _uneven(evidence)


def _short(evidence: Evidence, level: Level) -> list[Candidate]:
    beats = low("hold-length", Mode.MANIA, level)
    short: list[tuple[HitObject, float]] = []
    for o in evidence.objects_by_time:
        least = usual_beat(evidence.beatmap.red_line_of(o.time).beat_length) * beats
        if o.kind is ObjectKind.HOLD and SHORT_HOLD_MS <= o.duration < least - SLACK_MS:
            short.append((o, least))
    return [
        candidate(
            SHORT_FOR_LEVEL,
            time=o.time,
            line=o.line,
            objects=[o],
            certainty=evidence.for_level(
                Certainty.GUIDELINE if len(short) <= FEW and o.duration < least / 2 - SLACK_MS else Certainty.POSSIBLE
            ),
            actual=f"{o.duration:.0f} ms",
            expected=[Expected(f"at least {least:.0f} ms")],
            message=f"This hold note lasts {o.duration:.0f} ms; in {level.one_in(Mode.MANIA)} it should last "
            f"{least:.0f}.",
        )
        for o, least in short
    ]


def _uneven(evidence: Evidence) -> Iterator[Candidate]:
    chords: dict[float, list[HitObject]] = defaultdict(list)
    for o in evidence.objects_by_time:
        if o.kind is ObjectKind.HOLD:
            chords[o.time].append(o)
    even, uneven = 0, list[tuple[HitObject, HitObject]]()
    for notes in chords.values():
        for first, later in pairwise(sorted(notes, key=lambda o: o.end_time)):
            apart = later.end_time - first.end_time
            if apart <= SAME_MS:
                even += 1
            elif apart < CLOSE_BEATS * evidence.beatmap.red_line_of(later.end_time).beat_length:
                uneven.append((first, later))
    if len(uneven) > MOST_UNEVEN or even < LEAST_EVEN * len(uneven):
        return
    for first, later in uneven:
        yield candidate(
            UNEVEN_RELEASE,
            time=later.time,
            end_time=later.end_time,
            line=later.line,
            objects=[first, later],
            certainty=Certainty.LIKELY,
            actual=f"{later.end_time - first.end_time:.0f} ms apart",
            expected=[Expected("one time")],
            message=f"These hold notes start together and end {later.end_time - first.end_time:.0f} ms apart; {even} "
            "other pairs end together.",
        )


CHECK = BeatmapCheck(Category.RHYTHM, "Hold notes", (SHORT_FOR_LEVEL, UNEVEN_RELEASE), run)

"""Hold notes in mania: too short for the level of a difficulty, released too close to each other, with notes during them,
or released just after others of their chord.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import low, usual_beat
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm.clashes import SHORT_HOLD_MS

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#difficulty-specific"
SHORT_FOR_LEVEL = Rule(
    "rhythm/short-hold-for-level",
    "Hold note shorter than the level allows",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners need time to release a note at the right moment.",
    how="A hold note lasts less than a beat in an Easy, half a beat in a Normal, a quarter in a Hard; beats are those "
    "of a song of about 180 BPM. At least half as long, or more than four of them, is a minor.",
    advice="Hold it longer, or make it a note.",
    ignore_when="the sound is that short",
    blind_spots="Difficulties with unknown level; harder ones, see rhythm/short-hold.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
    criteria=("hold-length",),
)
CLOSE_RELEASES = Rule(
    "rhythm/close-releases",
    "Releases closer than the level allows",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="To release one finger shortly after another asks for independent fingers, which beginners do not have.",
    how="Two hold notes end at different times less than a beat apart in an Easy, half a beat in a Normal; beats are "
    "those of a song of about 180 BPM.",
    advice="Release them together, or further apart.",
    ignore_when="the song is slow",
    blind_spots="Difficulties with unknown level; harder ones.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
    criteria=("release-gap",),
)
DURING_HOLD = Rule(
    "rhythm/note-during-hold",
    "Note during a short hold note",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners cannot press a key while they hold another one for a moment only.",
    how="A note starts within a hold note of a beat or less in an Easy, half a beat or less in a Normal; at its start "
    "or end it may.",
    advice="Move the note, or make the hold note a note.",
    ignore_when="the song is slow",
    blind_spots="Difficulties with unknown level; harder ones; longer hold notes.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
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
    "of a map in which at least ten chords end together for each.",
    advice="Should both end together?",
    ignore_when="the sounds end apart",
    blind_spots="Maps that release hold notes apart throughout; hold notes that start at different times.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Hold_note",
    modes=ONLY_MANIA,
)

LEVELS = frozenset({Level.EASY, Level.NORMAL, Level.HARD})
SHORT_BEATS = {Level.EASY: 1.0, Level.NORMAL: 0.5}
"""Beats of a hold note during which no other note may be."""
SLACK_MS, EDGE_MS = 3.0, 10.0
"""Rounding; notes this close to a start or end, and ends this close to each other, are at one time."""
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
        yield from bundled(_close_releases(evidence, evidence.level), FEW)
    if evidence.level in SHORT_BEATS:
        yield from bundled(_during(evidence, evidence.level), FEW)
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
            f"at least {least:.0f} ms.",
        )
        for o, least in short
    ]


def _close_releases(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    beats = low("release-gap", Mode.MANIA, level)
    holds = sorted((o for o in evidence.objects_by_time if o.kind is ObjectKind.HOLD), key=lambda o: o.end_time)
    for first, later in pairwise(holds):
        apart = later.end_time - first.end_time
        least = usual_beat(evidence.beatmap.red_line_of(first.end_time).beat_length) * beats
        if EDGE_MS < apart < least - SLACK_MS:
            yield candidate(
                CLOSE_RELEASES,
                time=first.end_time,
                end_time=later.end_time,
                line=later.line,
                objects=[first, later],
                certainty=evidence.for_level(Certainty.GUIDELINE),
                actual=f"{apart:.0f} ms",
                expected=[Expected(f"at least {least:.0f} ms")],
                message=f"These hold notes are released {apart:.0f} ms apart; in {level.one_in(Mode.MANIA)} releases "
                f"should be at least {least:.0f} ms apart.",
            )


def _during(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    objects, times = evidence.objects_by_time, evidence.object_times
    for hold in objects:
        most = usual_beat(evidence.beatmap.red_line_of(hold.time).beat_length) * SHORT_BEATS[level]
        if hold.kind is not ObjectKind.HOLD or hold.duration > most + SLACK_MS:
            continue
        place = bisect_right(times, hold.time + EDGE_MS)
        if place < len(objects) and times[place] < hold.end_time - EDGE_MS:
            yield candidate(
                DURING_HOLD,
                time=objects[place].time,
                line=objects[place].line,
                objects=[hold, objects[place]],
                certainty=evidence.for_level(Certainty.GUIDELINE),
                actual="a note",
                expected=[Expected("none")],
                message=f"A note starts during this hold note of {hold.duration:.0f} ms; {level.one_in(Mode.MANIA)} "
                "should have none there.",
            )


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
            "other pairs of the map end together.",
        )


CHECK = BeatmapCheck(Category.RHYTHM, "Hold notes", (SHORT_FOR_LEVEL, CLOSE_RELEASES, DURING_HOLD, UNEVEN_RELEASE), run)

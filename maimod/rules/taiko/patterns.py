"""Taiko: patterns, rest moments, gaps and finishers that the level of a difficulty allows, and notes before dendens.

The criteria count in beats of a song of about 180 BPM, :func:`maimod.rules.criteria.usual_beat`.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!taiko and .../Scaling_BPM.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_TAIKO, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, KAT
from maimod.osu.level import Level
from maimod.osu.timing import snap
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import high, low, usual_beat
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko#difficulty-specific"
LONG_PATTERN = Rule(
    "rhythm/long-pattern",
    "Pattern longer than the level allows",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Long runs of fast notes strain players who still learn to alternate their hands.",
    how="Notes in a row, each at most so far from the one before: more than seven on 1/1 or three on 1/2 in a Kantan, "
    "seven on 1/2 (five, if the Futsuu is the lowest difficulty) or two on 1/3 in a Futsuu, five on 1/4 or four on 1/6 "
    "in a Muzukashii, nine on 1/4, four on 1/6 or two on 1/8 in an Oni. Beats are those of a song of about 180 BPM.",
    advice="Break the pattern up, unless the song is slow.",
    ignore_when="the song is slow enough for the pattern to be comfortable, or the pattern is the point of the part",
    blind_spots="Difficulties with unknown level, Inner and Ura Oni; how hard the colours of the pattern are.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("notes-on-1/1", "notes-on-1/2", "notes-on-1/3", "notes-on-1/4", "notes-on-1/6", "notes-on-1/8"),
)
NO_REST = Rule(
    "rhythm/no-rest",
    "No rest moment for long",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players rest their hands and look ahead in a short pause; without one they tire, and a mistake drags on.",
    how="The time between two rest moments, in beats of a song of about 180 BPM. A rest is a pause of 3/1 in a Kantan, "
    "2/1 in a Futsuu, 3/2 or three times 1/1 in a Muzukashii, 1/1 in an Oni. A minor from 36 beats (Oni: 20) on.",
    advice="Leave out a note where the music pauses.",
    ignore_when="the part is easier than the rest of the map, or the music leaves no pause",
    blind_spots="Difficulties with unknown level, Inner and Ura Oni; how dense the part is.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("rest-length", "rest-after"),
)
TOO_FAST = Rule(
    "rhythm/too-fast",
    "Notes closer than the level allows",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Beginners cannot hit notes that follow each other faster than their level introduces.",
    how="Two notes are less than 1/2 beat apart in a Kantan (1/3 in a song with a swing beat), 1/3 in a Futsuu (1/2 if "
    "it is the lowest difficulty, a warning), 1/6 in a Muzukashii, 1/8 in an Oni. A problem if that holds for the "
    "beats of the song as well as for those of a song of about 180 BPM.",
    advice="Leave one of them out, or use a slower rhythm.",
    ignore_when="never, at about 180 BPM; in slow songs the criteria allow finer rhythms",
    blind_spots="Difficulties with unknown level, Inner and Ura Oni.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("note-gap", "note-gap-if-lowest"),
)
COLOURS = Rule(
    "rhythm/pattern-colours",
    "Colours of a pattern too complex for the level",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Each change of colour within a fast pattern asks for another hand or another part of the drum; beginners read "
    "one thing at a time.",
    how="A change of colour in a pattern of 1/2 in a Kantan, or of 1/3 in a Futsuu. In a Muzukashii, in a pattern of "
    "more than three notes on 1/4, more than one change, or one that is not at its start or end, a minor.",
    advice="Make the colours simpler, unless the song is slow.",
    ignore_when="the song is so slow that the pattern is not fast",
    blind_spots="Difficulties with unknown level, Oni and harder.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
)
FINISHER = Rule(
    "rhythm/finisher",
    "Finisher in a fast pattern",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A big note is hit with both hands at once, which breaks the alternation within a fast pattern.",
    how="A big note within 1/2 beat of another note in a Kantan, 1/3 in a Futsuu, 1/4 in a Muzukashii, 1/6 in an Oni. "
    "In an Oni, on 1/4, it may only end the pattern and must differ in colour from the note before. The same of an Inner Oni on 1/3, "
    "and any big note within 1/3 beat in a Muzukashii, are a warning.",
    advice="Make it a normal note, or leave room around it.",
    ignore_when="the song is so slow that the pattern is not fast",
    blind_spots="Difficulties with unknown level.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("finisher-gap",),
)
DENDEN_GAP = Rule(
    "rhythm/denden-gap",
    "Note close to a denden",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A denden covers the playfield, and the note before it is not seen well.",
    how="A denden starts less than 1/2 beat (Oni and harder: 1/4) after the note before it has ended.",
    advice="Start the denden later, or remove the note.",
    ignore_when="the scroll speed is so high that they do not overlap",
    blind_spots="Difficulties with unknown level; notes shortly after a denden.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
    criteria=("gap-before-spinner",),
)

# ---------------------------------------------------------------------------------------------------------------------
# Limits

DIVISORS = (1, 2, 3, 4, 6, 8)
"""Of the patterns whose length the criteria limit."""
MORE_LONGEST = {(Level.EASY, 2): 3, (Level.INSANE, 6): 4}
"""Most notes by level and divisor where the criteria have no number: they ask for simple patterns in a Kantan, and the
Oni's is that of the Muzukashii (Mapset Verifier)."""
LOWEST_FUTSUU = 5
"""Most notes on 1/2 in a Futsuu that is the lowest difficulty."""
ONE_COLOUR = {Level.EASY: 2, Level.NORMAL: 3}
"""Divisor of the patterns that have one colour."""
SIMPLE_COLOURS, SIMPLE_NOTES = {Level.HARD: 4}, 3
"""Divisor of the patterns that, with more notes than this, change the colour once, at the start or end."""
SWING_DIVISOR = 3
LEVELS = frozenset({Level.EASY, Level.NORMAL, Level.HARD, Level.INSANE})
"""Those with rules of their own; Inner and Ura Oni have none about patterns but guidelines for finishers."""
SHORT_RESTS = {Level.HARD: (3, 1.0)}
"""(pauses in a row, beats of each) that are a rest moment too."""
REST_NAMES = {Level.EASY: "3/1", Level.NORMAL: "2/1", Level.HARD: "3/2 or three times 1/1", Level.INSANE: "1/1"}
LATER_REST = {Level.HARD: 36.0}
"""Beats without a rest moment that ranked maps of this level have throughout; the criteria ask for 20."""
LONG_WITHOUT_REST = {Level.EASY: 64.0, Level.NORMAL: 64.0, Level.HARD: 64.0, Level.INSANE: 48.0}
"""From here on it is a warning."""
LAST_FINISHER = {Level.INSANE: 4, Level.EXPERT: 3}
"""Divisor of the patterns that a finisher may only end; in an Inner Oni it should (Mapset Verifier, unrankable finishers)."""
NEAR_FINISHER = {Level.HARD: 3}
"""Divisor of the patterns that a finisher should not be in (Mapset Verifier)."""
CLEARLY_LONGER = 1.5
FEW_PLACES, FEW = 4, 1
"""More findings of one rule, or of one guideline, become one."""
SLACK_MS = 3.0
"""Times are truncated to whole ms, of two objects and of the red line."""
SWING_SHARE = 0.5
"""Share of the notes off the half beat that lie on thirds, for a song to have a swing beat."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.TAIKO or evidence.level is None:
        return
    level = evidence.level
    if level in LEVELS:
        yield from bundled(_long_patterns(evidence, level), FEW)
        yield from bundled(_without_rest(evidence, level), FEW)
        yield from bundled(_too_fast(evidence, level), FEW_PLACES)
        yield from bundled(_colours(evidence, level), FEW)
    yield from bundled(_finishers(evidence, level))
    yield from bundled(_before_dendens(evidence, level))


def _beat_at(beatmap: Beatmap, time: float) -> float:
    return usual_beat(beatmap.red_line_of(time).beat_length)


def _is_note(hit_object: HitObject) -> bool:
    return hit_object.kind is ObjectKind.CIRCLE


# ---------------------------------------------------------------------------------------------------------------------
# Patterns


def _long_patterns(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    reported: set[int] = set()
    for divisor in reversed(DIVISORS):
        most = MORE_LONGEST.get((level, divisor), high(f"notes-on-1/{divisor}", Mode.TAIKO, level))
        if level is Level.NORMAL and divisor == 2 and evidence.is_lowest:
            most = LOWEST_FUTSUU
        if math.isinf(most):
            continue
        for notes in _patterns(evidence, divisor):
            if len(notes) <= most or notes[0].index in reported:
                continue
            reported.update(note.index for note in notes)
            yield candidate(
                LONG_PATTERN,
                time=notes[0].time,
                end_time=notes[-1].time,
                line=notes[0].line,
                objects=notes,
                certainty=evidence.for_level(
                    Certainty.GUIDELINE if len(notes) > CLEARLY_LONGER * most else Certainty.POSSIBLE
                ),
                actual=f"{len(notes)} notes",
                expected=[Expected(f"at most {most:g}")],
                message=f"{len(notes)} notes follow each other on 1/{divisor} or closer; {level.one_in(Mode.TAIKO)} "
                f"should have at most {most:g}.",
                divisor=divisor,
            )


def _patterns(evidence: Evidence, divisor: int) -> Iterator[list[HitObject]]:
    """Notes in a row of which each is at most 1/`divisor` beat from the one before, two or more."""
    run: list[HitObject] = []
    for o in evidence.objects_by_time:
        if run and not (
            _is_note(o) and o.time - run[-1].time <= _beat_at(evidence.beatmap, run[-1].time) / divisor + SLACK_MS
        ):
            if len(run) > 1:
                yield run
            run = []
        if _is_note(o):
            run.append(o)
    if len(run) > 1:
        yield run


def _colours(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    divisor = ONE_COLOUR.get(level, SIMPLE_COLOURS.get(level))
    for notes in _patterns(evidence, divisor) if divisor else ():
        kats = [bool(note.hitsound & KAT) for note in notes]
        changes = [place for place, (before, after) in enumerate(pairwise(kats), start=1) if before != after]
        if level in ONE_COLOUR:
            is_simple, most = not changes, "one colour"
        else:
            at_edge = all(place in (1, len(notes) - 1) for place in changes)
            is_simple = len(notes) <= SIMPLE_NOTES or (len(changes) <= 1 and at_edge)
            most = "one change of colour, at its start or end"
        if not is_simple:
            yield candidate(
                COLOURS,
                time=notes[0].time,
                end_time=notes[-1].time,
                line=notes[0].line,
                objects=notes,
                certainty=evidence.for_level(Certainty.GUIDELINE if level in ONE_COLOUR else Certainty.POSSIBLE),
                actual=f"{len(changes)} change{'s' * (len(changes) != 1)} of colour",
                expected=[Expected(most)],
                message=f"This pattern of {len(notes)} notes on 1/{divisor} changes its colour "
                f"{f'{len(changes)} times' if len(changes) > 1 else 'once'}; in {level.one_in(Mode.TAIKO)} it should "
                f"have {most}.",
            )


def _too_fast(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    swings = _swings(evidence)
    required = low("note-gap", Mode.TAIKO, level)
    wanted = max(required, low("note-gap-if-lowest", Mode.TAIKO, level)) if evidence.is_lowest else required
    if swings:
        required, wanted = min(required, 1 / SWING_DIVISOR), min(wanted, 1 / SWING_DIVISOR)
    notes = [o for o in evidence.objects_by_time if _is_note(o)]
    for before, after in pairwise(notes):
        beat = evidence.beatmap.red_line_of(before.time).beat_length
        gap = after.time - before.time
        if gap == 0 or gap >= usual_beat(beat) * wanted - SLACK_MS:
            continue
        least = min(usual_beat(beat), beat) * required
        yield candidate(
            TOO_FAST,
            time=before.time,
            line=after.line,
            objects=[before, after],
            certainty=evidence.for_level(Certainty.CERTAIN if gap < least - SLACK_MS else Certainty.GUIDELINE),
            actual=f"{gap:.0f} ms",
            expected=[Expected(f"at least {usual_beat(beat) * wanted:.0f} ms")],
            message=f"These notes are {gap:.0f} ms apart, less than the 1/{1 / wanted:.0f} beat that "
            f"{level.one_in(Mode.TAIKO)} may have ({usual_beat(beat) * wanted:.0f} ms).",
        )


def _swings(evidence: Evidence) -> bool:
    """Whether the notes between the half beats lie on thirds."""
    divisors = [snap(evidence.beatmap, o.time, (1, 2, 3, 4, 6)).divisor for o in evidence.objects_by_time]
    thirds = sum(divisor in (3, 6) for divisor in divisors)
    return thirds > SWING_SHARE * sum(divisor != 1 for divisor in divisors) if thirds else False


# ---------------------------------------------------------------------------------------------------------------------
# Rest moments


class _Pause(msgspec.Struct, frozen=True):
    """The time between the end of an object and the next one."""

    before: HitObject
    after: HitObject
    beats: float
    """Of about 180 BPM."""


def _without_rest(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    soft, hard = LATER_REST.get(level, high("rest-after", Mode.TAIKO, level)), LONG_WITHOUT_REST[level]
    kinds = [(1, low("rest-length", Mode.TAIKO, level)), *([SHORT_RESTS[level]] if level in SHORT_RESTS else [])]
    objects = evidence.objects_by_time
    pauses = [
        _Pause(before, after, (after.time - before.end_time + SLACK_MS) / _beat_at(evidence.beatmap, before.end_time))
        for before, after in pairwise(objects)
    ]
    start = objects[0] if objects else None
    for place, pause in enumerate([*pauses, None]):
        if start is None or (pause is not None and not _rests(pauses, place, kinds)):
            continue
        last = objects[-1] if pause is None else pause.before
        length = last.end_time - start.time
        beats = length / _beat_at(evidence.beatmap, start.time)
        if round(beats) > soft:  # a note on the next 1/4 is no beat more
            yield candidate(
                NO_REST,
                time=start.time,
                end_time=last.end_time,
                line=start.line,
                certainty=evidence.for_level(Certainty.GUIDELINE if round(beats) > hard else Certainty.POSSIBLE),
                actual=f"{beats:.0f} beats",
                expected=[Expected(f"a rest of {REST_NAMES[level]}")],
                message=f"There is no rest moment of {REST_NAMES[level]} for {length / 1000:.0f} s, {beats:.0f} beats"
                f"{_of_tempo(evidence.beatmap, start.time)}; {level.one_in(Mode.TAIKO)} should have one after {soft:g} at most.",
            )
        start = None if pause is None else pause.after


def _of_tempo(beatmap: Beatmap, time: float) -> str:
    """Which beats the criteria count where they are not those of the red line; empty where they are."""
    beat = beatmap.red_line_of(time).beat_length
    counted = usual_beat(beat)
    return "" if counted == beat else f" counted at {60_000 / counted:.0f} BPM"


def _rests(pauses: Sequence[_Pause], place: int, kinds: Sequence[tuple[int, float]]) -> bool:
    """Whether the pause belongs to a rest moment of one of these kinds."""
    return any(
        all(pause.beats >= beats for pause in pauses[first : first + count])
        for count, beats in kinds
        for first in range(max(place - count + 1, 0), min(place, len(pauses) - count) + 1)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Finishers and dendens


def _finishers(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    objects, least = evidence.objects_by_time, low("finisher-gap", Mode.TAIKO, level)
    for place, note in enumerate(objects):
        if not (_is_note(note) and note.hitsound & BIG):
            continue
        before = objects[place - 1] if place and _is_note(objects[place - 1]) else None
        after = objects[place + 1] if place + 1 < len(objects) and _is_note(objects[place + 1]) else None
        beat = _beat_at(evidence.beatmap, note.time)
        gap_before = note.time - before.time if before else float("inf")
        gap_after = after.time - note.time if after else float("inf")
        nearest = min(gap_before, gap_after)
        if level in LEVELS and nearest <= beat * least + SLACK_MS:
            yield _finisher(
                evidence, note, nearest, f"{level.one_in(Mode.TAIKO)} has none in patterns of 1/{1 / least:.0f}"
            )
        elif level in NEAR_FINISHER and nearest <= beat / NEAR_FINISHER[level] + SLACK_MS:
            reason = f"{level.one_in(Mode.TAIKO)} should have none in patterns of 1/{NEAR_FINISHER[level]}"
            yield _finisher(evidence, note, nearest, reason, Certainty.GUIDELINE)
        elif level in LAST_FINISHER and nearest <= beat / LAST_FINISHER[level] + SLACK_MS:
            certainty = Certainty.CERTAIN if level in LEVELS else Certainty.GUIDELINE
            where = f"a pattern of 1/{LAST_FINISHER[level]}"
            if gap_before + SLACK_MS >= gap_after:
                reason = f"in {level.one_in(Mode.TAIKO)} it may only end {where}"
            elif before is not None and bool(before.hitsound & KAT) == bool(note.hitsound & KAT):
                reason = f"at the end of {where} of {level.one_in(Mode.TAIKO)} it must change the colour"
            else:
                continue
            yield _finisher(evidence, note, nearest, reason, certainty)


def _finisher(
    evidence: Evidence, note: HitObject, gap: float, reason: str, certainty: Certainty = Certainty.CERTAIN
) -> Candidate:
    return candidate(
        FINISHER,
        time=note.time,
        line=note.line,
        objects=[note],
        certainty=evidence.for_level(certainty),
        actual="a finisher",
        expected=[Expected("a small note")],
        message=f"This finisher is {gap:.0f} ms from the closest note; {reason}.",
        gap_ms=round(gap, 1),
    )


def _before_dendens(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    beats = low("gap-before-spinner", Mode.TAIKO, level)
    for before, denden in pairwise(evidence.objects_by_time):
        gap = denden.time - before.end_time
        least = _beat_at(evidence.beatmap, before.end_time) * beats
        if denden.kind is ObjectKind.SPINNER and 0 <= gap < least - SLACK_MS:
            yield candidate(
                DENDEN_GAP,
                time=before.time,
                line=denden.line,
                objects=[before, denden],
                certainty=Certainty.POSSIBLE,
                actual=f"{gap:.0f} ms",
                expected=[Expected(f"at least {least:.0f} ms")],
                message=f"This denden starts {gap:.0f} ms after the note before it; {level.one_in(Mode.TAIKO)} should "
                f"leave 1/{1 / beats:.0f} beat ({least:.0f} ms).",
            )


CHECK = BeatmapCheck(
    Category.RHYTHM, "Taiko patterns", (LONG_PATTERN, NO_REST, TOO_FAST, COLOURS, FINISHER, DENDEN_GAP), run
)

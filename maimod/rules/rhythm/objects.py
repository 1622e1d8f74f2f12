"""Rhythm: objects at times where the model expects none, of other kinds, or missing where it expects one; after those off the ticks.

Exact arithmetic (:mod:`maimod.rules.rhythm.snaps`) measures milliseconds, the model predicts ticks, the song shows whether something
sounds. One mistake gives one finding: an object found by arithmetic is not checked with the model again, nor is the one after it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import PLAYFIELD_MODES, UNSNAP_MS, HitObject
from maimod.osu.names import kind_name, noun, object_name
from maimod.osu.timing import Snap, are_near, snap
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import LEAST_PROPOSED_LOGIT, Evidence
from maimod.rules.rhythm.snaps import (
    BEFORE_LINE,
    LEAST_TICK_BITS,
    MAX_MODEL_BITS,
    SLIGHTLY_LATE,
    UNSNAPPED,
    UNUSUAL_SNAP,
    USUAL_DIVISORS,
    before_lines,
    expected_tick,
    is_of_whole_map,
    slightly_late,
    unsnapped,
    unusual_snaps,
)
from maimod.rules.rhythm_index import SAME_MS, alternative, contains

CLEAR_ONSET = 0.5
"""Onset strength that is neither for nor against an object; mapped objects have about 1, empty 1/4 ticks 0.2.
"""
FAINT_ONSET, LOUD_ONSET = 0.35, 0.9
"""No object can be missing at an onset below the first, and none can be additional above the second."""
ONSET_BITS = 4.0
"""Bits per unit of onset strength; not more, because sounds on empty half beats are common.
"""
HABIT_BITS = 2.4
"""Bits subtracted for each doubling of the number of equal rhythms. Both weights are from logistic regressions on
planted mistakes: of 80 of them half have no equal rhythm in the map and nine in ten at most one; a typical surprise of
an untouched map has four to nine."""
ODDS_SHARE, MAX_ODDS_BITS = 0.5, 5.0
"""Weight of the model's log-odds for the other time: to be sure of one time is stronger evidence than to be surprised
by another."""
MAX_ALIKE = 2
"""A rhythm that occurs more often than this belongs to the map, even if it is surprising."""
LONGEST_HOLE_BEATS = 1.0
"""After a longer gap the mapper paused and the model expected notes: no mistake."""
MIN_PROBABILITY = 0.5
"""Smallest probability of another time: without it a surprise may be free rhythm."""
EXTRA_CURVE, HOLE_CURVE, SHIFT_CURVE = Curve(5.5, 1.3), Curve(8.0, 1.0), Curve(4.8, 1.0)
"""Curves of bits. At 0.6, each of the three gives about one finding in ten minutes of untouched ranked maps (20 maps,
all modes, an early checkpoint), and finds about 20 % of added objects, 30 % of deleted ones and 45 % of those on a
neighbouring tick."""
KIND_CURVE, END_CURVE = Curve(10.0, 1.0), Curve(9.5, 1.2)


def at_time(corruption: CorruptionLogits, found: Candidate) -> float:
    """Time of the missing object, not of the one before it."""
    return corruption.at(found.rule.corruptions, [found.time])


UNEXPECTED_OBJECT = Rule(
    "rhythm/unexpected-object",
    "Object without a reason in the song",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "audio"),
    why="Players tap to sounds; an object without one feels like their own mistake.",
    how="The model expects the next object later, where there is one, and the song has no clear onset here.",
    advice="Listen: is there a sound for it?",
    ignore_when="the object follows vocals or another soft sound, or keeps a stream going on purpose",
    blind_spots="Extra objects on a sound, and extra notes of a mania chord.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques/Overmapping",
    curves={"": EXTRA_CURVE},
    corruptions=("extra",),
    proposal="The rhythm before and after, the song and similar places suggest no object here.",
)
MISSING_OBJECT = Rule(
    "rhythm/missing-object",
    "Missing object",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "audio"),
    why="A clear sound without an object feels like a gap if similar sounds have one.",
    how="The model is sure of an object at a time where there is none, and the song has an onset there.",
    advice="Listen: is there a sound that should have an object?",
    ignore_when="the rhythm is thinned out on purpose, for emphasis or for an easier difficulty",
    blind_spots="Objects missing at the end of a phrase or throughout the map, or where no similar measure and no other difficulty has one, and notes missing from a mania chord.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques/Undermapping",
    curves={"": HOLE_CURVE},
    corruptions=("missing",),
    proposal="The rhythm before and after, the song and similar places suggest an object where there is none.",
    discriminator_logit=at_time,
)
WRONG_TICK = Rule(
    "rhythm/wrong-tick",
    "Object on a neighbouring tick",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "audio"),
    why="The object is before or after its sound, although it is on a tick.",
    how="The model is sure of an empty tick close by, and the onset here is not clearer than there.",
    advice="Listen at a low speed: on which tick is the sound?",
    ignore_when="the song itself is syncopated there",
    blind_spots="Rhythms that are wrong in the same way throughout.",
    source="https://osu.ppy.sh/wiki/en/Music_theory/Rhythm",
    curves={"": SHIFT_CURVE},
    corruptions=("extra", "missing"),
    proposal="One object seems to be additional, and another one to be missing within a beat of it.",
)
UNEXPECTED_KIND = Rule(
    "rhythm/unexpected-kind",
    "Unexpected kind of object",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="Sliders, circles and spinners stand for different sounds; players notice if a map suddenly uses another kind.",
    how="The model is nearly sure of another kind of object at this time.",
    advice="Listen: is the sound short or held?",
    ignore_when="the sound differs from its neighbours",
    blind_spots="What three quarters of the similar measures have as well. Matters of taste: only objects to which the model gives less than about 1 in 1,000 are reported.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object",
    curves={"": KIND_CURVE},
    corruptions=("length",),
)
UNEXPECTED_END = Rule(
    "rhythm/unexpected-end",
    "Slider ends at an unexpected time",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "audio"),
    why="The end of a long object is part of the rhythm: the release or the tail's hitsound is off the sound.",
    how="The model is nearly sure that the slider ends, or turns, at another time within a beat, and the map has few "
    "similar ones.",
    advice="Listen: where does the held sound stop?",
    ignore_when="the held sound stops there",
    blind_spots="Lengths that three quarters of the similar measures have as well, spinners and hold notes, and ends that are more than a beat off.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    curves={"": END_CURVE},
    corruptions=("length",),
    proposal="The length of the slider fits neither the rhythm around it nor similar places.",
)

_NAMES = {
    EventKind.CIRCLE: "circle",
    EventKind.SLIDER_HEAD: "slider",
    EventKind.SPINNER: "spinner",
    EventKind.HOLD_NOTE: "hold note",
    EventKind.DRUMROLL: "drum roll",
    EventKind.DENDEN: "denden",
}

SLIP_BITS = {
    UNUSUAL_SNAP: LEAST_TICK_BITS,
    UNEXPECTED_OBJECT: 4.4,
    MISSING_OBJECT: 7.15,
    WRONG_TICK: 3.95,
    UNEXPECTED_KIND: 9.15,
    UNEXPECTED_END: 8.48,
}
"""From these bits on, further surprises at an object or right after it follow from the first."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if not evidence.beatmap.hit_objects:
        return
    named, is_whole = set[int](), False
    for find in (unsnapped, unusual_snaps, _starts, _kinds, _ends):
        for found in find(evidence, frozenset(named)):
            if _is_slip(found):
                named.update(o.index for o in found.objects)
            is_whole |= is_of_whole_map(found, evidence)
            yield found
    if not is_whole:  # the red lines are wrong, and with them what is less off than that
        yield from slightly_late(evidence)
    yield from before_lines(evidence)


def _is_slip(found: Candidate) -> bool:
    """Whether a candidate is strong enough to explain why the model is surprised at its object again."""
    return found.measure is None or found.measure >= SLIP_BITS[found.rule]


# ---------------------------------------------------------------------------------------------------------------------
# The model and the song


def _starts(evidence: Evidence, named: frozenset[int]) -> Iterator[Candidate]:
    """Additional, missing or displaced objects, by the surprisal of their times."""
    rhythm = evidence.rhythm
    times, silent_until = rhythm.start_times, -math.inf
    for before, hit_object in zip(evidence.objects_by_time, evidence.objects_by_time[1:], strict=False):
        event = rhythm.start_score(hit_object)
        is_chord = hit_object.time - before.time < UNSNAP_MS
        found = None
        if event and not is_chord and hit_object.time > silent_until and hit_object.index not in named:
            found = _start(evidence, before, hit_object, event)
        if found:
            yield found
        if (found and _is_slip(found)) or hit_object.index in named:
            # Events after a slip are surprising because of the slip.
            silent_until = times[min(bisect_left(times, hit_object.time) + 1, len(times) - 1)]


def _start(evidence: Evidence, before: HitObject, hit_object: HitObject, event: EventScore) -> Candidate | None:
    rhythm = evidence.rhythm
    time, other = hit_object.time, alternative(event, event.event.time)
    if other is None or other.probability < MIN_PROBABILITY:
        return None
    slip = _slip(evidence, before, hit_object, other.time)
    alike = rhythm.alike(time)
    if slip is None or alike > MAX_ALIKE:
        return None
    bits = min(event.tolerant_surprisal, MAX_MODEL_BITS) + slip.support - HABIT_BITS * math.log2(1 + alike)
    if slip.rule is not WRONG_TICK:
        bits += ODDS_SHARE * min(math.log2(other.probability / max(1.0 - other.probability, 1e-3)), MAX_ODDS_BITS)
    here = f"1/{snap(evidence.beatmap, time).divisor} at {clock(time)}"
    further: dict[str, Any] = {"expected_ms": other.time} if slip.rule is WRONG_TICK else {}
    return candidate(
        slip.rule,
        time=slip.time,
        line=slip.shown.line,
        objects=[slip.shown],
        measure=bits,
        event=event,
        message=slip.words,
        actual="nothing" if slip.rule is MISSING_OBJECT else here,
        expected=[
            expected_tick(snap(evidence.beatmap, at.value), p)
            for at, p in event.expected[:3]
            if at.kind is EventKind.TIME
        ],
        onset_here=rhythm.onset(time),
        onset_expected=rhythm.onset(other.time),
        alike_in_map=alike,
        bits=round(bits, 2),
        **further,
    )


class _Slip(NamedTuple):
    """What may be wrong where the model expected an object at another time."""

    rule: Rule
    shown: HitObject
    time: float
    support: float
    """Bits by the onsets of the song."""
    words: Callable[[], str]


def _slip(evidence: Evidence, before: HitObject, hit_object: HitObject, expected: float) -> _Slip | None:
    """The slip by which an object is at its time and not at the `expected` one [ms]; None if none explains that.

    A model that expects a later object, or a later beat, may see one too many. One that expects an empty time beside the
    object, on a coarser tick, may see one on the wrong tick; one that expects an empty time before it may miss one there.
    """
    time, rhythm = hit_object.time, evidence.rhythm
    here, there = snap(evidence.beatmap, time), snap(evidence.beatmap, expected)
    beat = here.red_line.beat_length
    sound_here, sound_there = rhythm.onset(time), rhythm.onset(expected)
    of_chord = evidence.likeliest_of_chord(hit_object)
    is_read_beat = rhythm.is_read_beat(expected)
    may_be_extra = sound_here is None or sound_here < LOUD_ONSET
    if expected > time and may_be_extra and (is_read_beat or contains(rhythm.start_times, expected)):
        support = -_support(sound_here) / 2
        return _Slip(UNEXPECTED_OBJECT, of_chord, time, support, partial(_extra, evidence, hit_object))
    if is_read_beat or contains(rhythm.edge_times, expected):
        return None
    is_loud = sound_here is not None and sound_here >= CLEAR_ONSET
    is_louder_there = sound_here is None or sound_there is None or sound_there > sound_here
    if (
        abs(expected - time) <= beat / 2 + SAME_MS
        and here.divisor > there.divisor
        and is_louder_there
        and not (expected < time and is_loud)
    ):
        support = _support(sound_there) - _support(sound_here)
        return _Slip(WRONG_TICK, of_chord, time, support, partial(_displaced, evidence, hit_object, there))
    may_be_missing = sound_there is None or sound_there >= FAINT_ONSET
    is_in_reach = expected < time <= expected + LONGEST_HOLE_BEATS * beat + SAME_MS
    if is_in_reach and may_be_missing and not elsewhere.is_empty(evidence, expected):
        support = _support(sound_there)
        return _Slip(MISSING_OBJECT, before, expected, support, partial(_hole, evidence, expected))
    return None


def _support(strength: float | None) -> float:
    """Bits for an object by the onset at its time; negative without an onset."""
    return 0.0 if strength is None else ONSET_BITS * (min(strength, 1.0) - CLEAR_ONSET)


def _kinds(evidence: Evidence, named: frozenset[int]) -> Iterator[Candidate]:
    """Objects of a kind that the model does not expect."""
    for hit_object in evidence.objects_by_time:
        judged = (
            []
            if hit_object.index in named
            else [
                found
                for score in evidence.rhythm.groups.get(hit_object.index, [[]])[0]
                for found in (_other_kind(evidence, score),)
                if found
            ]
        )
        if not judged or hit_object.index in evidence.usual_objects:
            continue
        kind, probability, event = max(judged, key=lambda found: found[1])
        bits = min(event.tolerant_surprisal, -math.log2(max(1.0 - probability, 1e-9)))
        yield candidate(
            UNEXPECTED_KIND,
            time=hit_object.time,
            line=hit_object.line,
            objects=[hit_object],
            measure=bits,
            event=event,
            actual=kind_name(str(hit_object.kind), evidence.beatmap),
            expected=(
                Expected(
                    " or ".join(kind_name(one, evidence.beatmap) for one in kind.split(" or ")), round(probability, 4)
                ),
            ),
            message=partial(_kind_message, evidence, kind, probability, hit_object),
            bits=round(bits, 2),
        )


def _kind_message(evidence: Evidence, kind: str, probability: float, hit_object: HitObject) -> str:
    own, usual = str(hit_object.kind), kind.split(" or ")
    name = elsewhere.a(kind_name(own, evidence.beatmap))
    around = AROUND if probability >= 0.5 else "the rhythm around it suggests another kind"
    seen = elsewhere.kinds(evidence, hit_object.time, (own, *usual), around)
    if probability >= 0.5:
        other = " or ".join(elsewhere.a(kind_name(one, evidence.beatmap)) for one in usual)
        return f"This is {name}, where {other} would be more usual: {seen}."
    beat = evidence.beatmap.red_line_of(hit_object.time).beat_length
    length = f" of {_apart(hit_object.duration, beat)}" if hit_object.duration > 0 else ""
    return f"{name[0].upper()}{name[1:]}{length} is unusual here: {seen}."


def _other_kind(evidence: Evidence, score: EventScore) -> tuple[str, float, EventScore] | None:
    """(kind, its probability, score) if the alternatives of an event are another kind of object."""
    actual = score.event.kind
    others = [(event.kind, probability) for event, probability in score.expected if event.kind is not actual]
    if not others:
        return None
    on_playfield = evidence.beatmap.mode in PLAYFIELD_MODES
    masses: defaultdict[str, float] = defaultdict(float)
    for other, probability in others:
        if actual in _NAMES and other in _NAMES:
            masses[_NAMES[other]] += probability
        elif on_playfield and actual is EventKind.SCROLL_SPEED and other is EventKind.HITSOUND:
            masses["circle"] += probability  # only sliders have a velocity event
        elif on_playfield and actual is EventKind.HITSOUND and other is EventKind.SCROLL_SPEED:
            masses["slider"] += probability
        elif actual is EventKind.SPINNER and other in (EventKind.DISTANCE, EventKind.POS, EventKind.POS_X):
            masses["circle or slider"] += probability
        elif actual in (EventKind.DISTANCE, EventKind.POS, EventKind.POS_X) and other is EventKind.SPINNER:
            masses["spinner"] += probability
    if not masses:
        return None
    kind, probability = max(masses.items(), key=lambda item: item[1])
    return kind, probability, score


def _ends(evidence: Evidence, named: frozenset[int]) -> Iterator[Candidate]:
    """Sliders that end or turn at an unexpected time. Not mania's holds, because the next time may be another column's,
    and not spinners, whose ends are free."""
    rhythm = evidence.rhythm
    for hit_object in evidence.objects_by_time:
        later = [
            score
            for group in rhythm.groups.get(hit_object.index, [])[1:]
            for score in group
            if score.event.kind is EventKind.TIME
        ]
        if hit_object.index in named or not later or not hit_object.slider:
            continue
        event = max(later, key=lambda score: score.tolerant_surprisal)
        time, other = float(event.event.time), alternative(event, event.event.time)
        here, there = snap(evidence.beatmap, time), snap(evidence.beatmap, other.time) if other else None
        beat = here.red_line.beat_length
        if (
            other is None
            or there is None
            or other.probability < MIN_PROBABILITY
            or not (hit_object.time < other.time and abs(other.time - time) <= LONGEST_HOLE_BEATS * beat + SAME_MS)
        ):
            continue
        alike = rhythm.held_alike(hit_object)
        if alike > MAX_ALIKE:
            continue
        bits = (
            min(event.tolerant_surprisal, MAX_MODEL_BITS)
            - HABIT_BITS * math.log2(1 + alike)
            + (_support(rhythm.onset(other.time)) - _support(rhythm.onset(time))) / 2
        )
        amount = f"{_apart(other.time - time, beat)} {'later' if other.time > time else 'earlier'}"
        yield candidate(
            UNEXPECTED_END,
            time=hit_object.time,
            end_time=hit_object.end_time,
            line=hit_object.line,
            objects=[hit_object],
            measure=bits,
            event=event,
            actual=f"1/{here.divisor} at {clock(time)}",
            expected=(expected_tick(there, round(other.probability, 3)),),
            message=f"This {object_name(hit_object, evidence.beatmap)} {'ends' if time >= hit_object.end_time - SAME_MS else 'turns'} "
            f"{_place_name(here)}, {amount} than usual in such a rhythm{_sound_at(evidence, other.time)}{elsewhere.edges(evidence, time)}.",
            alike_in_map=alike,
            bits=round(bits, 2),
        )


# ---------------------------------------------------------------------------------------------------------------------
# Words


AROUND = "the rhythm around it suggests so"
"""Where neither the song, similar measures nor other difficulties say so."""


def _extra(evidence: Evidence, o: HitObject) -> str:
    seen = elsewhere.objects(evidence, o.time, False, AROUND)
    return f"Possible extra {object_name(o, evidence.beatmap)}: {seen}."


def _hole(evidence: Evidence, time: float) -> str:
    at = _place_name(snap(evidence.beatmap, time))
    seen = elsewhere.objects(evidence, time, True, AROUND, "there")
    return f"Possible missing {noun(evidence.beatmap)} {at}: {seen}."


def _displaced(evidence: Evidence, o: HitObject, there: Snap) -> str:
    """Words about an object that may belong on another tick."""
    name, here = object_name(o, evidence.beatmap), snap(evidence.beatmap, o.time)
    off = there.tick - o.time
    apart = _apart(off, here.red_line.beat_length)
    side = f"{apart} {'later' if off > 0 else 'earlier'} ({abs(off):.0f} ms)"
    seen = elsewhere.objects(evidence, there.tick, True, AROUND, "there", o.time)
    is_taken = bool(are_near(np.array([there.tick]), evidence.object_times, SAME_MS)[0])
    taken = f", where {elsewhere.a(noun(evidence.beatmap))} is already" if is_taken else ""
    return f"This {name} is {_place_name(here)} and may belong {_place_name(there)}, {side}{taken}: {seen}."


def _sound_at(evidence: Evidence, time: float) -> str:
    heard = elsewhere.sound(evidence, time)
    return f"; the song has {heard} there" if heard not in ("", elsewhere.NO_SOUND) else ""


def _length_message(evidence: Evidence, o: HitObject) -> str:
    lasts = _apart(o.duration, evidence.beatmap.red_line_of(o.time).beat_length)
    seen = elsewhere.lengths(evidence, o, "the rhythm around it suggests another length")
    return f"This {object_name(o, evidence.beatmap)} lasts {lasts}: {seen}."


def _place_name(tick: Snap) -> str:
    return {1: "on a beat", 2: "on a half beat"}.get(tick.divisor, f"on a 1/{tick.divisor} tick")


def _apart(ms: float, beat: float) -> str:
    """Distance in parts of a beat."""
    beats = abs(ms) / beat
    # 0.02: the model counts in 1/48 beats
    divisor = next(
        (d for d in (*USUAL_DIVISORS, 12, 16) if abs(beats * d - round(beats * d)) < 0.02 * d and round(beats * d)),
        None,
    )
    if divisor is None:
        return f"{beats:.2g} beats"
    return (
        f"{round(beats)} beat{'s' if round(beats) > 1 else ''}"
        if divisor == 1
        else f"{round(beats * divisor)}/{divisor} beat"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


MISPLACED_BEATS = 0.5
LEAST_MISPLACED_LOGIT = -3.0
"""An additional object and a missing one this close together are one displaced object, if both have at least these
log-odds."""


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Additional objects, missing objects, pairs of both; ends of sliders."""
    yield from _propose_starts(evidence, corruption)
    if evidence.beatmap.mode in PLAYFIELD_MODES:
        for o, logit in evidence.doubted_objects(corruption, "length"):
            if o.slider is not None and o.index not in evidence.usual_objects:
                yield candidate(
                    UNEXPECTED_END,
                    time=o.time,
                    line=o.line,
                    objects=[o],
                    proposed=logit,
                    message=partial(_length_message, evidence, o),
                )


def _propose_starts(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    holes = dict(corruption.peaks("missing", LEAST_PROPOSED_LOGIT))
    reach = round(MISPLACED_BEATS * SLOTS_PER_BEAT)
    for slot, logit in corruption.peaks("extra", LEAST_PROPOSED_LOGIT):
        o = evidence.object_of_slot.get(slot)
        if o is None:
            continue
        o = evidence.likeliest_of_chord(o)
        beside = [
            other
            for other in range(slot - reach, slot + reach + 1)
            if other != slot and min(holes.get(other, -math.inf), logit) >= LEAST_MISPLACED_LOGIT
        ]
        if beside:
            other = max(beside, key=holes.__getitem__)
            time = float(corruption.grid.times[other])
            yield candidate(
                WRONG_TICK,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=max(logit, holes.pop(other)),
                message=partial(_displaced, evidence, o, snap(evidence.beatmap, time)),
                actual=clock(o.time),
                expected=[Expected(clock(time))],
                expected_ms=time,
            )
        else:
            yield candidate(
                UNEXPECTED_OBJECT,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message=partial(_extra, evidence, o),
                actual=kind_name(str(o.kind), evidence.beatmap),
                expected=[Expected("no object")],
            )
    for slot, logit in holes.items():
        time = float(corruption.grid.times[slot])
        before = evidence.objects_by_time[: bisect_left(evidence.object_times, time - SAME_MS)][-1:]
        if before and slot not in evidence.object_of_slot and not elsewhere.is_empty(evidence, time):
            yield candidate(
                MISSING_OBJECT,
                time=time,
                line=before[0].line,
                objects=before,
                proposed=logit,
                message=partial(_hole, evidence, time),
                actual="nothing",
                expected=[Expected(f"an object at {clock(time)}")],
            )


CHECK = BeatmapCheck(
    Category.RHYTHM,
    "Rhythm",
    (
        UNSNAPPED,
        BEFORE_LINE,
        SLIGHTLY_LATE,
        UNUSUAL_SNAP,
        UNEXPECTED_OBJECT,
        MISSING_OBJECT,
        WRONG_TICK,
        UNEXPECTED_KIND,
        UNEXPECTED_END,
    ),
    run,
    propose,
)

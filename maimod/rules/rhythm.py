"""Rhythm: objects off every tick, on unusual ticks, at times where the model expects none, or missing where it expects
one.

Exact arithmetic measures milliseconds, the model predicts ticks, the song shows whether something sounds. One mistake
gives one finding: an object found by arithmetic is not checked with the model again, nor is the one after it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.features.ordered import distinct, median
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import UNSNAP_MS, HitObject, Mode, ObjectKind, TimingPoint
from maimod.osu.names import kind_name, noun, object_name
from maimod.osu.timing import Snap, snap
from maimod.rules import elsewhere
from maimod.rules.base import (
    LEAST_PROPOSED_LOGIT,
    BeatmapCheck,
    Candidate,
    Certainty,
    Curve,
    Evidence,
    Rule,
    candidate,
    places_alike,
)
from maimod.rules.rhythm_index import SAME_MS, Edge, RhythmIndex, alternative, contains

ODD_DIVISORS = frozenset({5, 7, 9, 12, 16})
"""Ticks on which objects hardly ever start: 371 of 532,000 starts in 1,045 ranked maps, in 20 maps of which all but a
few use them in runs. An object that slipped by some ms is on one of them as often as off all ticks, because they are 2
to 8 ms apart at 180 BPM."""
END_DIVISORS = frozenset({5, 7, 9})
"""Sliders do end on 1/12 and 1/16 (1,763 of 260,000 repeats and ends), hardly ever on these (28)."""
USUAL_DIVISORS = (1, 2, 3, 4, 6, 8)
THIRDS, LONE_THIRDS = (3, 6, 12), 2
"""Starts on a third are as unusual in maps with at most this many of them: of 300 ranked maps one has one such object alone."""
QUARTERS = (1, 2, 4)
RARE_USES = 3
RARE_SHARE = 0.005
"""A divisor with at most this share of the objects is unusual in the map (Mapset Verifier, wrong snapping)."""
COMPANION_BEATS = 1.1
"""Objects on an unusual divisor that are intended have neighbours on it: a run of 1/12, a pair of 1/16."""
REPEATED_BEATS = 16
"""As is one that comes again a whole number of beats later, up to this."""
SURE_MS = 2.5
"""Starts that are further off are a problem: between 2 ms and this are what a red line leaves that was moved by a ms or two. Of 1,046
ranked maps 13 have something off every tick, and seven a start that is further off, most of them joke or Aspire maps."""
RUN_OBJECTS = 4
"""Unsnapped objects with fewer objects between them are one finding."""
BEFORE_LINE_MS, BEFORE_LINE_LEAST_MS = 60.0, 10.0
LEAST_SHARED = 2
"""Fewest other difficulties that make a place one of the set."""
LATE_MS = 1.0
"""Lateness, up to `UNSNAP_MS`, that rounding cannot explain; lazer calls objects that are this far off, either way,
negligible. Of 262 ranked maps 8 have late ones, 137 early ones."""
LEAST_TUPLET = 4
"""Fewest steps of a rhythm that is taken for a divisor of its own."""
TUPLET_BEATS = (1, 2)
"""Such a rhythm begins and ends on these divisors."""
MAX_RUNS = 10
"""More than this are one finding as well: a way of mapping, or a tool that moved objects."""
WHOLE_SHARE = 0.3
"""From this share of unsnapped objects on, the red line is wrong rather than the objects."""
WHOLE_OBJECTS = 6

LONE_TICK_BITS = 6.0
"""Evidence of a lone object on an unusual divisor; the model, if there is one, adds up to half."""
MAX_MODEL_BITS = 12.0

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
TICK_CURVE = Curve(5.5, 1.5)
EXTRA_CURVE, HOLE_CURVE, SHIFT_CURVE = Curve(5.5, 1.3), Curve(8.0, 1.0), Curve(4.8, 1.0)
"""Curves of bits. At 0.6, each of the three gives about one finding in ten minutes of untouched ranked maps (20 maps,
all modes, an early checkpoint), and finds about 20 % of added objects, 30 % of deleted ones and 45 % of those on a
neighbouring tick."""
KIND_CURVE, END_CURVE = Curve(10.0, 1.0), Curve(9.5, 1.2)


def at_time(corruption: CorruptionLogits, found: Candidate) -> float:
    """Time of the missing object, not of the one before it."""
    return corruption.at(found.rule.corruptions, [found.time])


_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
UNSNAPPED = Rule(
    "rhythm/unsnapped",
    "Object off every tick",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The ranking criteria require objects on timeline ticks; an object off the ticks is off the music.",
    how="Starts, repeats and ends 2 ms or more from every tick of the divisors 1 to 9, 12 and 16 of the red line in "
    "force. Ends and repeats alone, and starts by less than 2.5 ms, are a warning. Even notes between two beats, such as eleven in three beats, are a minor: the criteria allow divisors that the "
    "editor does not have.",
    advice="Snap again, or check the red line there.",
    ignore_when="the rhythm needs a divisor that the editor does not have, such as 1/11",
    blind_spots="Objects that slipped onto a tick of a fine divisor; see rhythm/unusual-snap. Errors under 2 ms come "
    "from rounding.",
    source=f"{_CRITERIA}#timing",
    criteria=("snapping",),
)
BEFORE_LINE = Rule(
    "rhythm/unsnapped-at-red-line",
    "Object on the old beat just before a red line",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A red line that restarts the beat is where the song's next beat is; an object a few hundredths of a second before it is "
    "mostly that beat, snapped before the line was set.",
    how="A red line lies off the beats of the one before, nothing starts on it, and an object after that one is on a quarter-beat tick "
    "of the old beat at most 60 ms and a sixth of a beat earlier. A minor, if two other difficulties or more, and half of them, have an object "
    "there as well.",
    advice="Check which beat it belongs to, and move it onto the red line if it is the new one.",
    ignore_when="the old beat still sounds there",
    blind_spots="Ends of sliders; objects that are off the old beat as well, see rhythm/unsnapped.",
    source=f"{_CRITERIA}#timing",
)
SLIGHTLY_LATE = Rule(
    "rhythm/slightly-unsnapped",
    "Objects a millisecond late",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The editor truncates times to whole ms, so objects are up to 1 ms early; a late one was not snapped by the "
    "editor.",
    how="Starts 1 ms to 2 ms after the closest tick. Larger errors are reported by rhythm/unsnapped; objects that are "
    "this early were rounded.",
    advice="Snap it again in the editor if you want it exact.",
    ignore_when="the ranking criteria allow it: less than 2 ms is snapped",
    blind_spots="Objects that are 1 ms early; sliders' ends, which depend on the velocity.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckUnsnappedObjects.cs",
)
UNUSUAL_SNAP = Rule(
    "rhythm/unusual-snap",
    "Lone object on an unusual tick",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map", "model", "audio"),
    why="One object on 1/7 or 1/12 in a map that otherwise follows 1/4 is mostly a slip and disturbs the rhythm.",
    how="The object is alone on a divisor that the map hardly uses, such as 1/7 or 1/12, or 1/3 in a map without other thirds; the "
    "model and the song may support it.",
    advice="Listen: does the song have this rhythm here, or did the object slip?",
    ignore_when="the song has that rhythm there",
    blind_spots="Wrong snaps between divisors that the map uses (see rhythm/wrong-tick), slips that come again up to 16 beats later, and starts that "
    "half of the other difficulties have too.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Beat_snap_divisor",
    curves={"": TICK_CURVE},
)
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

LEAST_TICK_BITS = 4.23
"""An object on an unusual divisor with a higher probability than this is the map's style."""
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
    moments, named = evidence.rhythm, set[int]()
    for find in (_unsnapped, _unusual_snaps, _starts, _kinds, _ends):
        for found in find(evidence, moments, frozenset(named)):
            if _is_slip(found):
                named.update(o.index for o in found.objects)
            yield found
    yield from _slightly_late(evidence, moments)
    yield from _before_lines(evidence)


def _is_slip(found: Candidate) -> bool:
    """Whether a candidate is strong enough to explain why the model is surprised at its object again."""
    return found.measure is None or found.measure >= SLIP_BITS[found.rule]


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic


def _unsnapped(evidence: Evidence, moments: RhythmIndex, named: frozenset[int]) -> Iterator[Candidate]:
    places = {o.index: place for place, o in enumerate(evidence.objects_by_time)}
    slips: list[Edge] = []
    for edge in moments.edges:
        # An object that starts off the beat also ends off it: its first edge counts.
        if abs(edge.snap.error) >= UNSNAP_MS and (not slips or slips[-1].hit_object is not edge.hit_object):
            slips.append(edge)
    if len(slips) >= max(WHOLE_OBJECTS, WHOLE_SHARE * len(places)):
        yield _unsnapped_candidate(evidence, slips, whole=True)
        return
    runs: list[list[Edge]] = []
    for slip in slips:
        last = runs[-1][-1] if runs else None
        if last and (
            places[slip.hit_object.index] - places[last.hit_object.index] <= RUN_OBJECTS
            and slip.time - last.time <= 4 * slip.snap.red_line.beat_length
        ):
            runs[-1].append(slip)
        else:
            runs.append([slip])
    tuplets = [(run, _tuplet_candidate(evidence, run)) for run in runs]
    yield from (found for _, found in tuplets if found is not None)
    runs = [run for run, found in tuplets if found is None]
    if len(runs) > MAX_RUNS:
        yield _unsnapped_candidate(evidence, [slip for run in runs for slip in run])
        return
    yield from (_unsnapped_candidate(evidence, run) for run in runs)


def _tuplet_candidate(evidence: Evidence, slips: Sequence[Edge]) -> Candidate | None:
    """Unsnapped objects that divide some beats evenly, by a divisor that the editor lacks; None if they do not."""
    times = distinct(evidence.object_times)
    start = int(np.searchsorted(times, slips[0].hit_object.time)) - 1
    end = int(np.searchsorted(times, slips[-1].hit_object.time))
    if start < 0 or any(slip.number for slip in slips) or end - start < LEAST_TUPLET:
        return None
    run = times[start : end + 1]
    step = (run[-1] - run[0]) / (len(run) - 1)
    if np.abs(run - run[0] - step * np.arange(len(run))).max() >= UNSNAP_MS:
        return None
    first, last = (snap(evidence.beatmap, time, TUPLET_BEATS) for time in (run[0], run[-1] + step))
    if max(abs(first.error), abs(last.error)) >= UNSNAP_MS or first.red_line is not last.red_line:
        return None
    beats = (last.tick - first.tick) / first.red_line.beat_length
    words = f"{len(run)} even {noun(evidence.beatmap)}s in {beats:g} beat{'s' if beats != 1 else ''}"
    return candidate(
        UNSNAPPED,
        time=slips[0].time,
        end_time=slips[-1].time,
        line=slips[0].hit_object.line,
        certainty=Certainty.HARMLESS,
        objects=[slip.hit_object for slip in slips],
        message=f"{words[0].upper()}{words[1:]}: the editor has no divisor for this rhythm, which the criteria allow if the song has it.",
        actual=words,
        unsnapped=len(slips),
    )


def _unsnapped_candidate(evidence: Evidence, slips: Sequence[Edge], whole: bool = False) -> Candidate:
    first, errors = slips[0], np.array([slip.snap.error for slip in slips])
    typical, n_objects = median(errors), len(evidence.beatmap.hit_objects)
    numbers: dict[str, Any] = {"errors_ms": [round(float(error), 2) for error in errors[:20]], "unsnapped": len(slips)}
    usual = snap(evidence.beatmap, first.time, USUAL_DIVISORS)  # the closest of all is often 1/7, rarely intended
    other = _other_red_line(evidence, first)
    hint = ""
    if other is not None:
        hint = f"; the red line {'before' if other.time < first.time else 'that follows'} would fit"
        numbers["fitting_red_line_ms"] = other.time
    if whole:
        message = (
            f"{len(slips)} of {n_objects} {noun(evidence.beatmap)}s are off every tick, typically {abs(typical):.0f} ms "
            f"{_late(typical)}; "
            "the red lines seem to have been changed after the objects were placed."
        )
    elif len(slips) > 1:
        where = (
            "close together"
            if slips[-1].time - first.time < len(slips) * 4 * first.snap.red_line.beat_length
            else "throughout the map"
        )
        what = f"{len(slips)} {noun(evidence.beatmap)}s"
        if all(slip.number for slip in slips):
            what = f"The {'ends' if evidence.beatmap.mode is Mode.MANIA else 'ends or repeats'} of {what}"
        message = f"{what} {where} are off every tick, by up to {np.abs(errors).max():.0f} ms{hint}."
    else:
        message = f"{first.name(evidence.beatmap)} is {abs(usual.error):.0f} ms {_after(usual.error)} the closest 1/{usual.divisor} tick{hint}."
    is_sure = any(slip.number == 0 and abs(slip.snap.error) >= SURE_MS for slip in slips)
    certainty = Certainty.CERTAIN if is_sure else Certainty.LIKELY
    if all(slip.hit_object.kind is ObjectKind.SPINNER for slip in slips):
        certainty = Certainty.GUIDELINE
    return candidate(
        UNSNAPPED,
        time=first.time,
        end_time=slips[-1].time if len(slips) > 1 else None,
        line=first.hit_object.line,
        certainty=certainty,
        objects=[slip.hit_object for slip in slips],
        message=message,
        actual=f"{abs(usual.error):.1f} ms {_late(usual.error)}",
        expected=(_expected(usual),),
        **numbers,
    )


def _slightly_late(evidence: Evidence, moments: RhythmIndex) -> Iterator[Candidate]:
    late = [edge for edge in moments.edges if edge.number == 0 and LATE_MS <= edge.snap.error < UNSNAP_MS]
    if late:
        first = late[0]
        more = places_alike([edge.time for edge in late[1:]])
        yield candidate(
            SLIGHTLY_LATE,
            time=first.time,
            line=first.hit_object.line,
            objects=[edge.hit_object for edge in late[:8]],
            certainty=Certainty.HARMLESS,
            count=len(late),
            actual=f"{first.snap.error:.1f} ms late",
            expected=[_expected(first.snap)],
            message=f"{first.name(evidence.beatmap)} is {first.snap.error:.1f} ms after the closest 1/{first.snap.divisor} tick{more}.",
        )


def _before_lines(evidence: Evidence) -> Iterator[Candidate]:
    times = evidence.object_times
    for former, line in pairwise(evidence.beatmap.red_lines):
        beats = (line.time - former.time) / former.beat_length
        if abs(beats - round(beats)) * former.beat_length < UNSNAP_MS:
            continue
        reach = min(BEFORE_LINE_MS, former.beat_length / 6)
        first, last = np.searchsorted(times, [line.time - reach - 0.5, line.time + UNSNAP_MS])
        near = evidence.objects_by_time[first:last]
        if not near or near[-1].time > line.time - BEFORE_LINE_LEAST_MS:
            continue
        if near[-1].time < former.time + UNSNAP_MS:  # the former line was set at this object
            continue
        at = snap(evidence.beatmap, near[-1].time, (1, 2, 4))
        if at.red_line is former and abs(at.error) < UNSNAP_MS:
            yield candidate(
                BEFORE_LINE,
                time=near[-1].time,
                line=near[-1].line,
                objects=[near[-1]],
                certainty=Certainty.POSSIBLE if _is_of_set(evidence, near[-1].time) else Certainty.GUIDELINE,
                actual=f"{near[-1].time:.0f} ms",
                expected=[Expected(f"{line.time:.0f} ms")],
                message=f"This {object_name(near[-1], evidence.beatmap)} is on the beat of the old red line, "
                f"{line.time - near[-1].time:.0f} ms before the next red line begins a new one.",
            )


def _is_of_set(evidence: Evidence, time: float) -> bool:
    """Whether several other difficulties of the mode, and half of them, have an object at a time: so it is meant."""
    others = [one for one in evidence.others if one.mode is evidence.beatmap.mode]
    there = sum(abs(one.hit_objects[one.closest_object(time)].time - time) < UNSNAP_MS for one in others)
    return there >= max(LEAST_SHARED, len(others) / 2)


def _other_red_line(evidence: Evidence, edge: Edge) -> TimingPoint | None:
    """The red line before the one in force, or one that follows within a beat, if the edge is on a 1/4 tick of it."""
    lines = evidence.beatmap.red_lines
    place = lines.index(edge.snap.red_line)
    former = lines[place - 1 : place] if place else ()
    following = [line for line in lines[place + 1 : place + 2] if line.time - edge.time < line.beat_length]
    for line in (*following, *former):
        quarters = 4 * (edge.time - line.time) / line.beat_length
        if abs(quarters - round(quarters)) * line.beat_length / 4 < UNSNAP_MS / 2:
            return line
    return None


def _unusual_snaps(evidence: Evidence, moments: RhythmIndex, named: frozenset[int]) -> Iterator[Candidate]:
    uses = Counter(edge.snap.divisor for edge in moments.edges)
    times: defaultdict[int, list[float]] = defaultdict(list)
    for edge in moments.edges:
        times[edge.snap.divisor].append(edge.time)
    for of_divisor in times.values():
        of_divisor.sort()
    thirds = sorted(time for divisor in THIRDS for time in times[divisor])
    done = set(named)
    for edge in moments.edges:
        hit_object, at = edge.hit_object, edge.snap
        is_rare = uses[at.divisor] <= max(RARE_USES, RARE_SHARE * len(moments.edges))
        lone_third = at.divisor in (3, 6) and not edge.number and len(thirds) <= LONE_THIRDS
        odd = END_DIVISORS if edge.number else ODD_DIVISORS
        if not is_rare or not (lone_third or at.divisor in odd) or hit_object.index in done:
            continue
        others, beat = thirds if lone_third else times[at.divisor], at.red_line.beat_length
        if _has_companion(others, edge.time, COMPANION_BEATS * beat) or _is_repeated(others, edge.time, beat):
            continue
        usual = snap(evidence.beatmap, edge.time, QUARTERS if lone_third else USUAL_DIVISORS)
        if (
            abs(usual.error) < UNSNAP_MS or hit_object.kind is ObjectKind.SPINNER
        ):  # spinners start a little after the last object
            continue
        if not edge.number and _is_of_set(evidence, edge.time):
            continue
        event = None if edge.number else moments.start_score(hit_object)
        bits = LONE_TICK_BITS if event is None else LONE_TICK_BITS / 2 + min(event.tolerant_surprisal, MAX_MODEL_BITS)
        bits += 1.0 if lone_third or at.divisor in END_DIVISORS else 0.0
        if bits >= LEAST_TICK_BITS:
            done.add(hit_object.index)
            yield candidate(
                UNUSUAL_SNAP,
                time=edge.time,
                line=hit_object.line,
                objects=[hit_object],
                measure=bits,
                event=event,
                actual=f"1/{at.divisor}",
                expected=(_expected(usual),),
                message=f"{edge.name(evidence.beatmap)} is alone on a 1/{at.divisor} tick, {abs(usual.error):.0f} ms "
                f"{_after(usual.error)} the closest 1/{usual.divisor} tick. The map has {_uses(uses[at.divisor])} on 1/{at.divisor}.",
                uses_in_map=uses[at.divisor],
                off_usual_ms=round(usual.error, 1),
            )


def _has_companion(times: Sequence[float], time: float, reach: float) -> bool:
    """Whether one of the ascending `times` is another than `time`, within `reach` [ms]."""
    before, after = bisect_left(times, time - UNSNAP_MS) - 1, bisect_right(times, time + UNSNAP_MS)
    return (before >= 0 and time - times[before] <= reach) or (after < len(times) and times[after] - time <= reach)


def _is_repeated(times: Sequence[float], time: float, beat: float) -> bool:
    """Whether one of the ascending `times` is a whole number of beats away, up to `REPEATED_BEATS`: what is done twice is meant."""
    first, end = bisect_left(times, time - REPEATED_BEATS * beat), bisect_right(times, time + REPEATED_BEATS * beat)
    away = [abs(other - time) / beat for other in times[first:end]]
    return any(beats > 0.5 and abs(beats - round(beats)) * beat < UNSNAP_MS for beats in away)


# ---------------------------------------------------------------------------------------------------------------------
# The model and the song


def _starts(evidence: Evidence, moments: RhythmIndex, named: frozenset[int]) -> Iterator[Candidate]:
    """Additional, missing or displaced objects, by the surprisal of their times."""
    times, silent_until = moments.start_times, -math.inf
    for before, hit_object in zip(evidence.objects_by_time, evidence.objects_by_time[1:], strict=False):
        event = moments.start_score(hit_object)
        is_chord = hit_object.time - before.time < UNSNAP_MS
        found = None
        if event and not is_chord and hit_object.time > silent_until and hit_object.index not in named:
            found = _start(evidence, moments, before, hit_object, event)
        if found:
            yield found
        if (found and _is_slip(found)) or hit_object.index in named:
            # Events after a slip are surprising because of the slip.
            silent_until = times[min(bisect_left(times, hit_object.time) + 1, len(times) - 1)]


def _start(
    evidence: Evidence, moments: RhythmIndex, before: HitObject, hit_object: HitObject, event: EventScore
) -> Candidate | None:
    time, other = hit_object.time, alternative(event, event.event.time)
    if other is None or other.probability < MIN_PROBABILITY:
        return None
    here, there = snap(evidence.beatmap, time), snap(evidence.beatmap, other.time)
    beat = here.red_line.beat_length
    sound_here, sound_there = moments.onset(time), moments.onset(other.time)
    is_loud = sound_here is not None and sound_here >= CLEAR_ONSET
    is_louder_there = sound_here is None or sound_there is None or sound_there > sound_here
    if (
        other.time > time
        and contains(moments.start_times, other.time)
        and (sound_here is None or sound_here < LOUD_ONSET)
    ) or (other.time > time and moments.is_read_beat(other.time) and (sound_here is None or sound_here < LOUD_ONSET)):
        rule, shown, shown_time, support = UNEXPECTED_OBJECT, hit_object, time, -_support(sound_here) / 2
        text = partial(_extra, evidence, hit_object)
    elif contains(moments.edge_times, other.time) or moments.is_read_beat(other.time):
        return None
    elif (
        abs(other.time - time) <= beat / 2 + SAME_MS
        and here.divisor > there.divisor
        and is_louder_there
        and not (other.time < time and is_loud)
    ):
        rule, shown, shown_time, support = WRONG_TICK, hit_object, time, _support(sound_there) - _support(sound_here)
        text = partial(_displaced, evidence, hit_object, there)
    elif other.time < time <= other.time + LONGEST_HOLE_BEATS * beat + SAME_MS and (
        sound_there is None or sound_there >= FAINT_ONSET
    ):
        if elsewhere.is_empty(evidence, other.time):
            return None
        rule, shown, shown_time, support = MISSING_OBJECT, before, other.time, _support(sound_there)
        text = partial(_hole, evidence, other.time)
    else:
        return None
    alike = moments.alike(time)
    if alike > MAX_ALIKE:
        return None
    bits = min(event.tolerant_surprisal, MAX_MODEL_BITS) + support - HABIT_BITS * math.log2(1 + alike)
    if rule is not WRONG_TICK:
        bits += ODDS_SHARE * min(math.log2(other.probability / max(1.0 - other.probability, 1e-3)), MAX_ODDS_BITS)
    return candidate(
        rule,
        time=shown_time,
        line=shown.line,
        objects=[shown],
        measure=bits,
        event=event,
        message=text,
        actual="nothing" if rule is MISSING_OBJECT else f"1/{here.divisor} at {time:.0f} ms",
        expected=[
            _expected(snap(evidence.beatmap, at.value), p) for at, p in event.expected[:3] if at.kind is EventKind.TIME
        ],
        onset_here=sound_here,
        onset_expected=sound_there,
        alike_in_map=alike,
        bits=round(bits, 2),
    )


def _support(strength: float | None) -> float:
    """Bits for an object by the onset at its time; negative without an onset."""
    return 0.0 if strength is None else ONSET_BITS * (min(strength, 1.0) - CLEAR_ONSET)


def _kinds(evidence: Evidence, moments: RhythmIndex, named: frozenset[int]) -> Iterator[Candidate]:
    """Objects of a kind that the model does not expect."""
    for hit_object in evidence.objects_by_time:
        judged = (
            []
            if hit_object.index in named
            else [
                found
                for score in moments.groups.get(hit_object.index, [[]])[0]
                for found in (_other_kind(evidence, score),)
                if found
            ]
        )
        if not judged or elsewhere.is_usual(evidence, hit_object):
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
            actual=str(hit_object.kind),
            expected=(Expected(kind, round(probability, 4)),),
            message=partial(_kind_message, evidence, kind, probability, hit_object),
            bits=round(bits, 2),
        )


def _kind_message(evidence: Evidence, kind: str, probability: float, hit_object: HitObject) -> str:
    own, usual = str(hit_object.kind), kind.split(" or ")
    name = elsewhere.a(kind_name(own, evidence.beatmap))
    seen = elsewhere.kinds(evidence, hit_object.time, (own, *usual), AROUND)
    if probability >= 0.5:
        other = " or ".join(elsewhere.a(kind_name(one, evidence.beatmap)) for one in usual)
        return f"This is {name}, where {other} would be more usual: {seen}."
    beat = evidence.beatmap.red_line_of(hit_object.time).beat_length
    length = f" of {_apart(hit_object.duration, beat)}" if hit_object.duration > 0 else ""
    return f"{name[0].upper()}{name[1:]}{length} is unusual here: {seen}."


def _other_kind(evidence: Evidence, score: EventScore) -> tuple[str, float, EventScore] | None:
    """(kind, its probability, score) if the alternatives of an event are another kind of object."""
    on_playfield = evidence.beatmap.mode in (Mode.OSU, Mode.CATCH)
    actual = score.event.kind
    masses: defaultdict[str, float] = defaultdict(float)
    for event, probability in score.expected:
        if event.kind is actual:
            continue
        if actual in _NAMES and event.kind in _NAMES:
            masses[_NAMES[event.kind]] += probability
        elif on_playfield and actual is EventKind.SCROLL_SPEED and event.kind is EventKind.HITSOUND:
            masses["circle"] += probability  # only sliders have a velocity event
        elif on_playfield and actual is EventKind.HITSOUND and event.kind is EventKind.SCROLL_SPEED:
            masses["slider"] += probability
        elif actual is EventKind.SPINNER and event.kind in (EventKind.DISTANCE, EventKind.POS, EventKind.POS_X):
            masses["circle or slider"] += probability
        elif actual in (EventKind.DISTANCE, EventKind.POS, EventKind.POS_X) and event.kind is EventKind.SPINNER:
            masses["spinner"] += probability
    if not masses:
        return None
    kind, probability = max(masses.items(), key=lambda item: item[1])
    return kind, probability, score


def _ends(evidence: Evidence, moments: RhythmIndex, named: frozenset[int]) -> Iterator[Candidate]:
    """Sliders that end or turn at an unexpected time. Not mania's holds, because the next time may be another column's,
    and not spinners, whose ends are free."""
    for hit_object in evidence.objects_by_time:
        later = [
            score
            for group in moments.groups.get(hit_object.index, [])[1:]
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
        alike = moments.held_alike(hit_object)
        if alike > MAX_ALIKE:
            continue
        bits = (
            min(event.tolerant_surprisal, MAX_MODEL_BITS)
            - HABIT_BITS * math.log2(1 + alike)
            + (_support(moments.onset(other.time)) - _support(moments.onset(time))) / 2
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
            actual=f"1/{here.divisor} at {time:.0f} ms",
            expected=(_expected(there, round(other.probability, 3)),),
            message=f"This {object_name(hit_object, evidence.beatmap)} {'ends' if time >= hit_object.end_time - SAME_MS else 'turns'} "
            f"{_place_name(here)}, {amount} than usual in such a rhythm{_sound_at(evidence, other.time)}.",
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
    seen = elsewhere.objects(evidence, there.tick, True, AROUND, "there")
    return f"This {name} is {_place_name(here)} and may belong {_place_name(there)}, {side}: {seen}."


def _sound_at(evidence: Evidence, time: float) -> str:
    heard = elsewhere.sound(evidence, time)
    return f"; the song has {heard} there" if heard not in ("", elsewhere.NO_SOUND) else ""


def _length_message(evidence: Evidence, o: HitObject) -> str:
    lasts = _apart(o.duration, evidence.beatmap.red_line_of(o.time).beat_length)
    seen = elsewhere.lengths(evidence, o, "the rhythm around it suggests another length")
    return f"This {object_name(o, evidence.beatmap)} lasts {lasts}: {seen}."


def _uses(number: int) -> str:
    return f"only {number} start{'s' * (number != 1)} or end{'s' * (number != 1)}"


def _after(error: float) -> str:
    return "after" if error > 0 else "before"


def _late(error: float) -> str:
    return "late" if error > 0 else "early"


def _expected(tick: Snap, probability: float | None = None) -> Expected:
    return Expected(f"1/{tick.divisor} at {tick.tick:.0f} ms", None if probability is None else round(probability, 3))


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
    if evidence.beatmap.mode in (Mode.OSU, Mode.CATCH):
        for slot, logit in corruption.peaks("length", LEAST_PROPOSED_LOGIT, apart=0):
            o = evidence.object_of_slot.get(slot)
            if o is not None and o.slider is not None and not elsewhere.is_usual(evidence, o):
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
                actual=f"{o.time:.0f} ms",
                expected=[Expected(f"{time:.0f} ms")],
            )
        else:
            yield candidate(
                UNEXPECTED_OBJECT,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message=partial(_extra, evidence, o),
                actual=str(o.kind),
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
                expected=[Expected(f"an object at {time:.0f} ms")],
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

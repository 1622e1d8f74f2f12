"""Snaps: objects off every tick, on the beat of an old red line, or alone on an unusual divisor; by arithmetic.

:mod:`maimod.rules.rhythm.objects` runs these rules first: an object found here is not checked with the model again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from maimod.features.ordered import distinct, median
from maimod.findings import Expected, Severity, Tier, clock, in_ms
from maimod.osu.beatmap import UNSNAP_MS, Mode, ObjectKind, TimingPoint
from maimod.osu.names import noun, object_name
from maimod.osu.timing import Snap, snap
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import Edge, RhythmIndex

ODD_DIVISORS = frozenset({5, 7, 9, 12, 16})
"""Ticks on which objects hardly ever start: 371 of 532,000 starts in 1,045 ranked maps, in 20 maps of which all but a
few use them in runs. An object that slipped by some ms is on one of them as often as off all ticks, because they are 2
to 8 ms apart at 180 BPM."""
END_DIVISORS = frozenset({5, 7, 9})
"""Sliders do end on 1/12 and 1/16 (1,763 of 260,000 repeats and ends), hardly ever on these (28)."""
USUAL_DIVISORS = (1, 2, 3, 4, 6, 8)
"""With which an object off the others is compared."""
THIRDS, LONE_THIRDS = (3, 6, 12), 2
"""Starts on a third are as unusual in maps with at most this many of them: of 300 ranked maps one has one such object alone."""
QUARTERS = (1, 2, 4)
"""With which a lone third is compared."""
RARE_USES, RARE_SHARE = 3, 0.005
"""A divisor with at most so many starts and ends, or at most this share of them, is unusual in the map (Mapset Verifier, wrong snapping)."""
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
"""How far before a red line an object on the old beat may be meant for the new one: at most and at least."""
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
"""Fewest unsnapped objects for that."""
LONE_TICK_BITS = 6.0
"""Evidence of a lone object on an unusual divisor; the model, if there is one, adds up to half."""
MAX_MODEL_BITS = 12.0
"""The surprise of the model counts no more than this."""
LEAST_TICK_BITS = 4.23
"""An object on an unusual divisor with a higher probability than this is the map's style."""
TICK_CURVE = Curve(5.5, 1.5)

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
    source=f"{PAGE}#timing",
    criteria=("snapping",),
)
BEFORE_LINE = Rule(
    "rhythm/unsnapped-at-red-line",
    "Object on the old beat just before a red line",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A red line that restarts the beat is where the song's next beat is; an object a few hundredths of a second before it is "
    "usually that beat, snapped before the line was set.",
    how="A red line lies off the beats of the one before, nothing starts on it, and an object after that one is on a quarter-beat tick "
    "of the old beat at most 60 ms and a sixth of a beat earlier. A minor, if two other difficulties or more, and half of them, have an object "
    "there as well.",
    advice="Check which beat it belongs to, and move it onto the red line if it is the new one.",
    ignore_when="the old beat still sounds there",
    blind_spots="Ends of sliders; objects that are off the old beat as well, see rhythm/unsnapped.",
    source=f"{PAGE}#timing",
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
HEARD_RATIO, ONSET_FLOOR = 1.5, 0.05
"""Of 38 objects that were moved to such a tick in 14 ranked maps one has an onset stronger by that much than at the tick that it left."""
IS_HEARD = "is_heard"
"""Evidence of a finding: whether the song has the object where it is."""
UNUSUAL_SNAP = Rule(
    "rhythm/unusual-snap",
    "Lone object on an unusual tick",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map", "model", "audio"),
    why="One object on 1/7 or 1/12 in a map that otherwise follows 1/4 is usually a slip and disturbs the rhythm.",
    how="The object is alone on a divisor that the map hardly uses, such as 1/7 or 1/12, or 1/3 in a map without other thirds; the "
    "model and the song may support it.",
    advice="Listen: does the song have this rhythm here, or did the object slip?",
    ignore_when="the song has that rhythm there",
    blind_spots="Wrong snaps between divisors that the map uses (see rhythm/wrong-tick), slips that come again up to 16 beats later, and starts that "
    "half of the other difficulties have too.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Beat_snap_divisor",
    curves={"": TICK_CURVE},
)


def unsnapped(evidence: Evidence, named: frozenset[int]) -> Iterator[Candidate]:
    """Objects off every tick, in `named` or not: one by one, as a tuplet that the editor lacks, or together if they are many."""
    places = {o.index: place for place, o in enumerate(evidence.objects_by_time)}
    slips: list[Edge] = []
    for edge in evidence.rhythm.edges:
        # An object that starts off the beat also ends off it: its first edge counts.
        if abs(edge.snap.error) >= UNSNAP_MS and (not slips or slips[-1].hit_object is not edge.hit_object):
            slips.append(edge)
    if len(slips) >= _most(evidence):
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


def _most(evidence: Evidence) -> float:
    """So many unsnapped objects come from the red line."""
    return max(WHOLE_OBJECTS, WHOLE_SHARE * len(evidence.objects_by_time))


def is_of_whole_map(found: Candidate, evidence: Evidence) -> bool:
    """Whether a candidate says that the red lines are wrong, rather than objects."""
    return found.rule is UNSNAPPED and found.numbers.get("unsnapped", 0) >= _most(evidence)


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
            f"{len(slips)} of {n_objects} {noun(evidence.beatmap)}s are off every tick, typically {abs(typical):.0f} "
            f"ms {_late(typical)}; the red lines seem to have been changed after the objects were placed."
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
        message = f"{what} {where} are off every tick, by up to {in_ms(np.abs(errors).max())}{hint}."
    else:
        message = f"{first.name(evidence.beatmap)} is {in_ms(abs(usual.error))} {_after(usual.error)} the closest 1/{usual.divisor} tick{hint}."
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
        actual=f"{in_ms(abs(usual.error))} {_late(usual.error)}",
        expected=(expected_tick(usual),),
        **numbers,
    )


def slightly_late(evidence: Evidence) -> Iterator[Candidate]:
    """Starts that are late by less than counts as unsnapped, as one finding."""
    late = [edge for edge in evidence.rhythm.edges if edge.number == 0 and LATE_MS <= edge.snap.error < UNSNAP_MS]
    if late:
        first = late[0]
        more = places_alike([edge.time for edge in late if edge.time != first.time])
        yield candidate(
            SLIGHTLY_LATE,
            time=first.time,
            line=first.hit_object.line,
            objects=[edge.hit_object for edge in late[:8]],
            certainty=Certainty.HARMLESS,
            count=len(late),
            actual=f"{in_ms(first.snap.error)} late",
            expected=[expected_tick(first.snap)],
            message=f"{first.name(evidence.beatmap)} is {in_ms(first.snap.error)} after the closest 1/{first.snap.divisor} tick{more}.",
        )


def before_lines(evidence: Evidence) -> Iterator[Candidate]:
    """Objects just before a red line that begins another beat, on the beat of the line before."""
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
                actual=clock(near[-1].time),
                expected=[Expected(clock(line.time))],
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


def unusual_snaps(evidence: Evidence, named: frozenset[int]) -> Iterator[Candidate]:
    """Objects alone on a divisor that the map hardly uses, if they are not in `named`."""
    rhythm = evidence.rhythm
    uses = Counter(edge.snap.divisor for edge in rhythm.edges)
    by_divisor: defaultdict[int, list[Edge]] = defaultdict(list)
    for edge in sorted(rhythm.edges, key=lambda edge: edge.time):
        by_divisor[edge.snap.divisor].append(edge)
    thirds = sorted((edge for divisor in THIRDS for edge in by_divisor[divisor]), key=lambda edge: edge.time)
    done = set(named)
    for edge in rhythm.edges:
        hit_object, at = edge.hit_object, edge.snap
        is_rare = uses[at.divisor] <= max(RARE_USES, RARE_SHARE * len(rhythm.edges))
        lone_third = at.divisor in (3, 6) and not edge.number and len(thirds) <= LONE_THIRDS
        odd = END_DIVISORS if edge.number else ODD_DIVISORS
        if not is_rare or not (lone_third or at.divisor in odd) or hit_object.index in done:
            continue
        alike, beat = thirds if lone_third else by_divisor[at.divisor], at.red_line.beat_length
        # A slider that slipped takes its end along; repeats among themselves are a rhythm.
        others = [other.time for other in alike if edge.number or other.hit_object is not hit_object]
        if _has_companion(others, edge.time, COMPANION_BEATS * beat) or _is_repeated(others, edge.time, beat):
            continue
        usual = snap(evidence.beatmap, edge.time, QUARTERS if lone_third else USUAL_DIVISORS)
        if (
            abs(usual.error) < UNSNAP_MS or hit_object.kind is ObjectKind.SPINNER
        ):  # spinners start a little after the last object
            continue
        if not edge.number and _is_of_set(evidence, edge.time):
            continue
        event = None if edge.number else rhythm.start_score(hit_object)
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
                expected=(expected_tick(usual),),
                message=f"{edge.name(evidence.beatmap)} is alone on a 1/{at.divisor} tick, {abs(usual.error):.0f} ms "
                f"{_after(usual.error)} the closest 1/{usual.divisor} tick. {_uses_elsewhere(by_divisor[at.divisor], edge)} on 1/{at.divisor}."
                f"{' But the song has a stronger onset here than there.' if _is_heard(rhythm, edge.time, usual.tick) else ''}",
                uses_in_map=uses[at.divisor],
                is_heard=_is_heard(rhythm, edge.time, usual.tick),
                off_usual_ms=round(usual.error, 1),
            )


def _is_heard(rhythm: RhythmIndex, time: float, tick: float) -> bool:
    """Whether the onset of the song at a time [ms] is clearly stronger than at a usual tick beside it."""
    here, there = rhythm.onset(time), rhythm.onset(tick)
    return here is not None and there is not None and here + ONSET_FLOOR > HEARD_RATIO * (there + ONSET_FLOOR)


def _has_companion(times: Sequence[float], time: float, reach: float) -> bool:
    """Whether one of the ascending `times` is another than `time`, within `reach` [ms]."""
    before, after = bisect_left(times, time - UNSNAP_MS) - 1, bisect_right(times, time + UNSNAP_MS)
    return (before >= 0 and time - times[before] <= reach) or (after < len(times) and times[after] - time <= reach)


def _is_repeated(times: Sequence[float], time: float, beat: float) -> bool:
    """Whether one of the ascending `times` is a whole number of beats away, up to `REPEATED_BEATS`: what is done twice is meant."""
    first, end = bisect_left(times, time - REPEATED_BEATS * beat), bisect_right(times, time + REPEATED_BEATS * beat)
    away = [abs(other - time) / beat for other in times[first:end]]
    return any(beats > 0.5 and abs(beats - round(beats)) * beat < UNSNAP_MS for beats in away)


def _uses_elsewhere(alike: Sequence[Edge], edge: Edge) -> str:
    """How many starts and ends of other objects are among those of one divisor: the own end of a slider is none of them."""
    number = sum(other.hit_object is not edge.hit_object for other in alike)
    if not number:
        return "Nothing else in the map is"
    return f"The map has only {number} other start{'s' * (number != 1)} or end{'s' * (number != 1)}"


def _after(error: float) -> str:
    return "after" if error > 0 else "before"


def _late(error: float) -> str:
    return "late" if error > 0 else "early"


def expected_tick(tick: Snap, probability: float | None = None) -> Expected:
    """A tick as a likelier value, with its probability by the model."""
    return Expected(f"1/{tick.divisor} at {clock(tick.tick)}", None if probability is None else round(probability, 3))

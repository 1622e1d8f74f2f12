"""Differences of one difficulty from all others of its set: an object that it lacks or has slightly off, an addition
that it lacks, a passage with additions that no other has.

Difficulties of one mode are compared by time. A difficulty that differs throughout, like a guest's, is skipped.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from maimod.findings import Expected, Severity, Tier, clock
from maimod.osu.beatmap import PLAYFIELD_MODES, UNSNAP_MS, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import Hit, addition_names, hits, set_name
from maimod.osu.names import hit_name, noun, object_name
from maimod.osu.timing import is_near, snap
from maimod.rules import elsewhere
from maimod.rules.base import Certainty, Rule
from maimod.rules.bundles import objects_of, places_alike
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence, MapsetEvidence, Placed
from maimod.rules.mapset.sets import names

MISSING_OBJECT = Rule(
    "mapset/missing-object",
    "Only this difficulty has no object here",
    Severity.MINOR,  # of 46 in ranked sets nearly all are meant: a rest before a strong sound
    Tier.ESTIMATED,
    ("map",),
    why="A time at which even the easier difficulties have an object is a main beat of the song; a difficulty without "
    "one may have lost it.",
    how="All other difficulties of the mode, at least one of them easier, have an object that starts at a time where "
    "this one has neither an object nor a slider, spinner or break, in a pause of up to four beats that no spinner begins. Up to three "
    "such places of a difficulty are one finding. What it leaves out at the same place of "
    "the measure and in the same rhythm again is meant.",
    advice="Was it forgotten, or is the pause intended?",
    ignore_when="the pause is intended, to emphasise the next sound",
    blind_spots="The easiest difficulty; places that a slider or a break covers, and longer pauses; sets of two difficulties.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques/Undermapping",
)
BESIDE = Rule(
    "mapset/beside-others",
    "Only this difficulty has the object at a slightly different time",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="If all others snap a sound to one tick, an object a fraction of a beat away from it is usually snapped "
    "wrongly.",
    how="No other difficulty has anything at the time of this object, but at least two, and most of the set, have an "
    "object at one and the same time within 1/6 beat, where this one has none. In up to three places of the map. In a "
    "set of two difficulties it is the easier one's object, and a minor.",
    advice="Check which of the two times the sound has.",
    ignore_when="this difficulty follows a finer rhythm of the song here",
    blind_spots="Objects more than 1/6 beat off, and those on no tick, which are unsnapped.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
)
MISSING_ADDITION = Rule(
    "mapset/missing-addition",
    "Only this difficulty lacks an addition here",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Hitsounds are usually copied between the difficulties of a set; an addition that only one lacks was forgotten "
    "there.",
    how="All other difficulties that have a hit at this time, at least two, play the same additions from the same "
    "sample set, and this one lacks one of them, or plays them from another set. What is heard counts: the additions "
    "of all hits at that time, samples of the storyboard, and custom samples of a hitnormal that the others do not "
    "use. A difficulty that does so at more than 0.5 % of such places gets minors, at more than 2 % none: it has "
    "hitsounds of its own, unless all of them, at least four, are within four measures. Minors are also ends of spinners, "
    "slider ends and repeats, which are silenced on purpose, "
    "and places with two others only. All places of a difficulty are one finding, which names them.",
    advice="Is the difference meant?",
    ignore_when="the difficulty follows another sound here",
    blind_spots="Additions that two difficulties lack; sets of two difficulties.",
    source=f"{PAGE}#audio",
    modes=PLAYFIELD_MODES,
)
EXTRA_ADDITIONS = Rule(
    "mapset/extra-additions",
    "Passage with additions that no other difficulty has",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Hitsounds that were copied onto a passage over its own leave additions there that the rest of the set lacks.",
    how="At four or more hits within four measures, and nowhere else in the map, this difficulty has an addition that all other difficulties with a hit there, at least two "
    "with the same additions, lack. At five times as many hits with additions two others agree at all.",
    advice="Were hitsounds of another part copied here?",
    ignore_when="the difficulty follows another sound here",
    blind_spots="Difficulties with hitsounds of their own; sets of two difficulties.",
    source=f"{PAGE}#audio",
    modes=PLAYFIELD_MODES,
)

SAME_MS = 3.0
"""Times of one tick differ by this much through rounding of red lines and slider ends."""
ALONE_MS, BESIDE_BEATS, MOST_OF_SET = 5.0, 1 / 6, 0.6
"""Most objects slightly off those of the others. Of 1,135 maps of ranked sets 18 have up to three, 4 have more."""
NEAR_MS = 30.0
"""An object this close is the same one; rhythm/unsnapped and similar rules cover its time."""
LEAST_OTHERS, SURE_OTHERS = 2, 3
"""Number of other difficulties that must agree. With these numbers, of 873 ranked maps 7 % lack an object and 8 % an addition
(20 % a minor); of 14 of these additions that were looked at, all were forgotten. Planted in 30 sets (`benchmarks/sets.py`), 29 of 30
deleted objects, 26 of 30 moved by 1/8 beat and 22 of 30 removed additions are found."""
MOST_DIFFICULTIES = 30
"""Most difficulties compared; collections of practice maps have more and nothing in common."""
FEW, MANY = 3, 6
"""Up to the first number of places are reported regardless of their share; more than the second are no slip."""
OWN_WAY, SLIP = 0.02, 0.005
"""Share of the places where the others agree: above it a difficulty has its own hitsounds, below it a missing addition
looks like a slip."""
LEAST_OF_PASSAGE, MOST_MEASURES, MOST_OF_COMPARED = 4, 4, 0.2
"""Places of one passage and nowhere else, of those that are compared. With these, in sets of three difficulties and more, 14 of 27 passages whose slider ends lost their additions are
found, and 9 without; none of 990 ranked difficulties of osu! is told more for it. Additions too many 3 of these 990 have, and 6 of 29 onto which those of another measure were laid."""
OWN_RHYTHM = 3
"""Most missing objects that look like a slip; more are a choice."""
TICKS, PLACE_BEATS = 12, 2
"""Pauses are the same by the ticks of a beat before and after, and from the place in so many beats. Of 70 findings in 781 difficulties 17 are about such places
alone; each of 13 that were looked at was a figure that comes again."""
LONG_PAUSE_BEATS = 4
"""A longer pause is one that the mapper made, whatever the others have in it."""
FINE_BEATS = 1 / 3
"""Objects at equal gaps up to this one are a figure on a divisor of its own."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    for mode in Mode:
        of_mode = [one for one in evidence.of_beatmaps if one.beatmap.mode is mode]
        if not 1 < len(of_mode) <= MOST_DIFFICULTIES:
            continue
        yield from _beside(evidence, of_mode)
        if len(of_mode) <= LEAST_OTHERS:
            continue
        yield from _objects(evidence, of_mode)
        if mode in PLAYFIELD_MODES:
            yield from _additions(evidence, of_mode)


# ---------------------------------------------------------------------------------------------------------------------
# Objects


def _objects(evidence: MapsetEvidence, of_mode: Sequence[Evidence]) -> Iterator[Placed]:
    stars = evidence.mapset.stars
    starts = {one.beatmap.path: sorted({o.time for o in one.beatmap.hit_objects}) for one in of_mode}
    for one in of_mode:
        own = stars[one.beatmap.path]
        others = [other.beatmap for other in of_mode if other is not one]
        easier = [other for other in others if own is not None and (stars[other.path] or 0.0) < own]
        if not easier:
            continue
        fewest = min(others, key=lambda other: len(starts[other.path]))
        holes = [
            time
            for time in starts[fewest.path]
            if all(is_near(starts[other.path], time, SAME_MS) for other in others) and _is_empty(one, time)
        ]
        slips = _once(one, holes) if len(holes) <= OWN_RHYTHM else []
        if slips:
            first, *more = slips
            have = f"other difficulties have {elsewhere.a(noun(one.beatmap))} here"
            after = next((o for o in one.objects_by_time if o.time > first), one.objects_by_time[-1])
            yield from evidence.candidate(
                MISSING_OBJECT,
                one.beatmap,
                time=first,
                line=after.line,
                certainty=Certainty.POSSIBLE,
                subject=str(round(first)),
                actual=f"no {noun(one.beatmap)}",
                expected=[Expected(elsewhere.a(noun(one.beatmap)))],
                places=len(slips),
                times_ms=slips,
                message=f"{f'Both {have}' if len(others) == 2 else f'All {len(others)} {have}'}"
                f"{f', even {names(_easiest(evidence, easier))}' if len(easier) < len(others) else ''}{places_alike(more)}.",
            )


def _once(evidence: Evidence, holes: Sequence[float]) -> list[float]:
    """Of times without an object those at which the difficulty pauses as at none of the others: what it leaves out again at the
    same place is its rhythm."""
    pauses = {}
    for time in holes:
        place = bisect_left(evidence.object_times, time)
        before, after = evidence.object_times[place - 1 : place + 1].tolist()
        line = evidence.beatmap.red_line_at(time)
        ticks = [round(TICKS * ms / line.beat_length) for ms in (time - before, after - time, time - line.time)]
        pauses[time] = (*ticks[:2], ticks[2] % (PLACE_BEATS * TICKS))
    count = Counter(pauses.values())
    return [time for time in holes if count[pauses[time]] == 1]


def _beside(evidence: MapsetEvidence, of_mode: Sequence[Evidence]) -> Iterator[Placed]:
    starts = {one.beatmap.path: sorted({o.time for o in one.beatmap.hit_objects}) for one in of_mode}
    edges = {
        one.beatmap.path: sorted({time for o in one.beatmap.hit_objects for time in o.edge_times()}) for one in of_mode
    }
    is_pair = len(of_mode) <= LEAST_OTHERS
    for one in of_mode:
        beatmap = one.beatmap
        others = [other.beatmap for other in of_mode if other is not one]
        # A harder difficulty adds to the rhythm of an easier one, and does not move it.
        if is_pair and (evidence.mapset.stars[beatmap.path] or 0.0) >= (evidence.mapset.stars[others[0].path] or 0.0):
            continue
        slips: list[tuple[HitObject, float, list[Beatmap]]] = []
        for o in one.objects_by_time:
            # Spinners start a little after the sound before them.
            if o.kind is ObjectKind.SPINNER or any(is_near(edges[other.path], o.time, ALONE_MS) for other in others):
                continue
            if abs(snap(beatmap, o.time).error) >= UNSNAP_MS:  # a finding of its own: rhythm/unsnapped
                continue
            if _is_of_figure(one, o):
                continue
            reach = beatmap.red_line_at(o.time).beat_length * BESIDE_BEATS + SAME_MS
            there = [(other, near) for other in others if (near := _within(starts[other.path], o.time, reach))]
            least = 1 if is_pair else max(LEAST_OTHERS, MOST_OF_SET * len(others))
            if len(there) < least or any(len(near) > 1 for _, near in there):
                continue
            if any(abs(snap(other, near[0]).error) >= UNSNAP_MS for other, near in there):
                continue
            times = [near[0] for _, near in there]
            if max(times) - min(times) <= 2 * SAME_MS and not is_near(edges[beatmap.path], times[0], ALONE_MS):
                slips.append((o, times[0], [other for other, _ in there]))
        for o, time, there_too in slips if len(slips) <= FEW else ():
            yield from evidence.candidate(
                BESIDE,
                beatmap,
                time=o.time,
                line=o.line,
                objects=[o],
                certainty=Certainty.POSSIBLE if is_pair else Certainty.LIKELY,
                actual=clock(o.time),
                expected=[Expected(clock(time))],
                others_ms=time,
                message=f"This {object_name(o, beatmap)} lies {abs(o.time - time):.0f} ms "
                f"{'after' if o.time > time else 'before'} where {names(there_too)} {'has' if is_pair else 'have'} "
                f"{elsewhere.a(noun(beatmap))}, and no other difficulty has one here.",
            )


def _is_of_figure(evidence: Evidence, o: HitObject) -> bool:
    """Whether an object is the second of three at equal gaps on a fine divisor."""
    times = evidence.object_times
    place = bisect_left(times, o.time)
    following = bisect_right(times, o.time)
    if not place or following == len(times):
        return False
    before, after = o.time - times[place - 1], times[following] - o.time
    beat = evidence.beatmap.red_line_at(o.time).beat_length
    return abs(before - after) <= SAME_MS and max(before, after) <= FINE_BEATS * beat + SAME_MS


def _within(times: Sequence[float], time: float, reach: float) -> Sequence[float]:
    """The first two of the ascending `times` within `reach` of `time`."""
    first = bisect_left(times, time - reach)
    return times[first : min(bisect_right(times, time + reach), first + 2)]


def _easiest(evidence: MapsetEvidence, easier: Sequence[Beatmap]) -> list[Beatmap]:
    return sorted(easier, key=lambda beatmap: evidence.mapset.stars[beatmap.path] or 0.0)[:2]


def _is_empty(evidence: Evidence, time: float) -> bool:
    """Whether a time between the first and the last object has no hit close to it, in a pause that is no rest of the map."""
    objects = evidence.objects_by_time
    if not objects[0].time < time < objects[-1].time:
        return False
    if any(pause.start - NEAR_MS <= time <= pause.end + NEAR_MS for pause in evidence.beatmap.breaks):
        return False
    place = bisect_left(evidence.object_times, time + NEAR_MS)  # objects that start before
    if place == len(objects):  # the last object is that close
        return False
    # Only a few objects are active at a time, so the longest of the last few decides.
    last = max(objects[max(place - 8, 0) : place], key=lambda o: o.end_time)
    pause = objects[place].time - last.end_time
    beat = evidence.beatmap.red_line_at(time).beat_length
    is_short = pause <= LONG_PAUSE_BEATS * beat + SAME_MS and last.kind is not ObjectKind.SPINNER
    return last.end_time < time - NEAR_MS and is_short


# ---------------------------------------------------------------------------------------------------------------------
# Additions


class _Lack(msgspec.Struct, frozen=True):
    """A hit without an addition that the others have, or with one that they lack."""

    hit: Hit
    missing: int
    """Bits of the additions; 0 where another sample set plays them."""
    others: Sequence[Hit]


def _additions(evidence: MapsetEvidence, of_mode: Sequence[Evidence]) -> Iterator[Placed]:
    heard = {one.beatmap.path: [hit for hit in hits(one.beatmap) if not hit.keysound] for one in of_mode}
    times = {path: [hit.time for hit in found] for path, found in heard.items()}
    for one in of_mode:
        beatmap, compared, sounding = one.beatmap, 0, 0
        sounds = _Sounds(evidence, beatmap, heard[beatmap.path])
        lacks: list[_Lack] = []
        ends: list[_Lack] = []  # tails are silenced on purpose, and two others may agree by chance
        extras: list[_Lack] = []
        for hit in heard[beatmap.path]:
            there = [
                found
                for other in of_mode
                if other is not one
                if (found := _hit_at(heard[other.beatmap.path], times[other.beatmap.path], hit.time)) is not None
            ]
            if len(there) < LEAST_OTHERS or len({found.additions for found in there}) > 1:
                continue
            sounding += bool(hit.additions)
            if extra := hit.additions & ~there[0].additions:
                extras.append(_Lack(hit, extra, there))
            if not there[0].additions or len({found.addition_set for found in there}) > 1:
                continue
            compared += 1
            missing = there[0].additions & ~hit.additions
            other_set = not missing and hit.additions and hit.addition_set != there[0].addition_set
            if (missing or other_set) and not sounds.covers(hit, missing or hit.additions, there[0]):
                weak = not hit.is_active and len(there) < SURE_OTHERS
                (ends if weak else lacks).append(_Lack(hit, missing, there))
        if lacks and len(lacks) <= max(OWN_WAY * compared, FEW):
            yield from _report(evidence, beatmap, lacks, compared)
        elif all(lack.missing for lack in (*lacks, *ends)):
            passage = sorted((*lacks, *ends), key=lambda lack: lack.hit.time)
            if _are_of_passage(beatmap, passage, compared):
                yield from _report(evidence, beatmap, passage, compared)
        if _are_of_passage(beatmap, extras, sounding):
            yield from _extra(evidence, beatmap, extras, sounding)


def _are_of_passage(beatmap: Beatmap, found: Sequence[_Lack], compared: int) -> bool:
    """Whether places, by time, are those of one passage, and not most of what is compared."""
    if not LEAST_OF_PASSAGE <= len(found) <= MOST_OF_COMPARED * compared:
        return False
    first, last = found[0].hit.time, found[-1].hit.time
    red = beatmap.red_line_of(first)
    return last - first <= MOST_MEASURES * red.meter * red.beat_length


def _extra(evidence: MapsetEvidence, beatmap: Beatmap, extras: Sequence[_Lack], compared: int) -> Iterator[Placed]:
    """One finding about a passage with additions that no other difficulty has."""
    first, last = extras[0], extras[-1]
    yield from evidence.candidate(
        EXTRA_ADDITIONS,
        beatmap,
        time=first.hit.time,
        end_time=last.hit.time,
        line=first.hit.hit_object.line,
        objects=objects_of(extra.hit for extra in extras),
        certainty=Certainty.POSSIBLE,
        message=f"{len(extras)} hits from here to {clock(last.hit.time)} have additions that the other difficulties with a hit there lack, first "
        f"{elsewhere.a(addition_names(first.missing))}; nowhere else in the map is it so.",
        compared=compared,
        hits=len(extras),
    )


class _Sounds:
    """What is heard in one difficulty besides the hit that is compared."""

    def __init__(self, evidence: MapsetEvidence, beatmap: Beatmap, found: Sequence[Hit]) -> None:
        self._mapset = evidence.mapset
        self._hits = found
        self._times = [hit.time for hit in found]
        events = [*(text for _, text in beatmap.events), *evidence.mapset.storyboard]
        samples = sorted(time for text in events if (time := _sample_time(text)) is not None)
        self._storyboard = samples

    def covers(self, hit: Hit, additions: int, other: Hit) -> bool:
        """Whether some sound at the time of a hit may stand for additions that another difficulty plays there."""
        if is_near(self._storyboard, hit.time, SAME_MS):
            return True
        first = bisect_left(self._times, hit.time - SAME_MS)
        together = self._hits[first : bisect_right(self._times, hit.time + SAME_MS)]
        if any(
            one is not hit and one.addition_set == other.addition_set and not additions & ~one.additions
            for one in together
        ):
            return True
        if (hit.normal_set, hit.sample_index) == (other.normal_set, other.sample_index) or hit.sample_index < 1:
            return False
        number = str(hit.sample_index) if hit.sample_index > 1 else ""
        return self._mapset.find_sound(f"{set_name(hit.normal_set)}-hitnormal{number}.wav") is not None


def _sample_time(text: str) -> float | None:
    fields = text.split(",")
    try:
        return float(fields[1]) if fields[0] in ("5", "Sample") and len(fields) > 3 else None
    except ValueError:
        return None


def _hit_at(found: Sequence[Hit], times: Sequence[float], time: float) -> Hit | None:
    place = bisect_left(times, time - SAME_MS)
    return found[place] if place < len(times) and times[place] <= time + SAME_MS else None


def _report(evidence: MapsetEvidence, beatmap: Beatmap, lacks: Sequence[_Lack], compared: int) -> Iterator[Placed]:
    """One finding for a difficulty, about the place that looks most like a slip; it names the others."""
    is_slip = len(lacks) == 1 or (len(lacks) <= MANY and len(lacks) / compared <= SLIP)
    likely = [lack for lack in lacks if is_slip and _stands_out(lack)]
    first, *_ = *likely, *lacks
    others = [lack for lack in lacks if lack is not first]
    yield from evidence.candidate(
        MISSING_ADDITION,
        beatmap,
        time=first.hit.time,
        line=first.hit.hit_object.line,
        objects=[first.hit.hit_object],
        certainty=Certainty.LIKELY if likely else Certainty.POSSIBLE,
        actual=_addition(first.hit),
        expected=[Expected(_addition(first.others[0]))],
        message=f"{_words(first, beatmap)}{_further(first, others)}.",
        edge=first.hit.edge,
        compared=compared,
        places=len(lacks),
        times_ms=[lack.hit.time for lack in lacks],
        objects_alike=[lack.hit.hit_object.index for lack in others],
    )


def _addition(hit: Hit) -> str:
    """As in "drum whistle"; the additions without a set where there are none."""
    names = addition_names(hit.additions)
    return f"{set_name(hit.addition_set)} {names}" if hit.additions else names


def _stands_out(lack: _Lack) -> bool:
    is_pressed = lack.hit.is_active and lack.hit.hit_object.kind is not ObjectKind.SPINNER
    return is_pressed and len(lack.others) >= SURE_OTHERS


def _words(lack: _Lack, beatmap: Beatmap) -> str:
    hit, there = lack.hit, lack.others[0]
    others = f"the {len(lack.others)} other difficulties with a hit here"
    if lack.missing:
        return f"This {hit_name(hit, beatmap)} has no {addition_names(lack.missing)}, unlike {others}"
    return (
        f"This {hit_name(hit, beatmap)} plays its {addition_names(hit.additions)} from the {set_name(hit.addition_set)} sample set, "
        f"{others} play it from the {set_name(there.addition_set)} set"
    )


def _further(first: _Lack, others: Sequence[_Lack]) -> str:
    """The other places, as in "; the same at 2 more places: 00:12:000, 00:14:000"."""
    kinds = {(lack.missing, lack.hit.additions if not lack.missing else 0) for lack in (first, *others)}
    what = "the same" if len(kinds) == 1 else "an addition is missing or from another set"
    return places_alike([lack.hit.time for lack in others], f"{what} at")


CHECK = MapsetCheck("Agreement of the difficulties", (MISSING_OBJECT, BESIDE, MISSING_ADDITION, EXTRA_ADDITIONS), run)

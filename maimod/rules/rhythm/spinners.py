"""Spinners that are missing, and spinners that end at another time than those of the other difficulties and of the map.

Candidates are all rests without a break and all spinners: few enough that the judge can weigh them. Figures were counted in 74
minutes of 43 maps that no network was trained on, 27 of them with spinners.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.features.ordered import median
from maimod.findings import Category, Expected, Severity, Tier, clock, counted
from maimod.osu.beatmap import NOT_MANIA, Beatmap, HitObject, ObjectKind
from maimod.osu.names import kind_name
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.elsewhere import OTHERS, a
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import lag_of
from maimod.rules.stretches import log_odds, others_of, where

SPINNER_CURVE = Curve(3.0, 1.0, highest=0.29)
"""Of bits. Not listed without the judge: of rests 0.10 a minute have 1 bit or more, and 94 % of those that lost a spinner (50 in 184 minutes); of
spinners 0.23 a minute have 0 bits or more, and 92 % of those that end a beat off."""

MISSING = Rule(
    "rhythm/spinner-missing",
    "Long rest without a spinner or a break",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A rest of some beats in the middle of the map is usually a spinner that was deleted, or a break that was forgotten.",
    how="Nothing is hit or held for three beats or more, and there is no break, or it begins late or ends early; how long the rest is, other rests "
    "as long in the map, spinners with as much room, and those of the other difficulties count.",
    advice="Should one be here?",
    ignore_when="the song rests here",
    blind_spots="Rests of less than three beats.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Spinner",
    modes=NOT_MANIA,
    curves={"": SPINNER_CURVE},
    corruptions=("missing",),
)
END = Rule(
    "rhythm/spinner-end",
    "Spinner that ends elsewhere than others",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="The end of a spinner is heard, so that it should be on a sound; in most sets all difficulties end it together.",
    how="The end is compared with that of the spinner of the other difficulties, and its place in the measure with that of the other "
    "spinners of the map.",
    advice="Listen: on which sound should it end?",
    ignore_when="an easier difficulty needs more time before the next object",
    blind_spots="Maps with few spinners, in sets of one difficulty.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Spinner",
    modes=NOT_MANIA,
    curves={"": SPINNER_CURVE},
    corruptions=("length",),
)

LEAST_REST_BEATS = 3.0
REST_BEATS = 0.75
"""From the end of the object before a rest to the time of its finding."""
SAME_PART = 0.4
"""Part of the time of two spinners that they share, if they are the same one in two difficulties."""
SAME_BEATS = 1 / 8
SAME_MS = 5.0
MOST_BEATS = 16.0
"""Each beat of a rest is half a bit, up to so many."""
SAME_ROOM = 0.8
"""Rests and spinners whose room differs by no greater factor are as long."""
MOST_CANDIDATES = 24
"""The longest rests, and the first spinners."""

ONSET_WIDTH_MS, FAINT, LEAST_ONSET = 20.0, 0.1, 1e-6
"""Onsets weaker than this share of those of the objects are alike."""

Span = tuple[float, float]


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    if beatmap.mode not in MISSING.modes or not beatmap.hit_objects or not evidence.passages.cells.count:
        return
    others = [[(o.time, o.end_time) for o in spinners_of(other)] for other in others_of(evidence)]
    rests = sorted(_rests(evidence), key=lambda rest: -rest.room)[:MOST_CANDIDATES]
    for rest in sorted(rests, key=lambda rest: rest.start):
        yield _missing(evidence, rest, others, rests)
    own = spinners_of(beatmap)
    for spinner in own[:MOST_CANDIDATES]:
        yield _end(evidence, spinner, own, others)


def spinners_of(beatmap: Beatmap) -> list[HitObject]:
    """Spinners of a map, in its order."""
    return [o for o in beatmap.hit_objects if o.kind is ObjectKind.SPINNER]


class _Rest(msgspec.Struct, frozen=True):
    """A stretch without objects and without a break."""

    before: HitObject
    after: HitObject
    start: float
    """[ms] The end of the object before, or of a break."""
    end: float
    """The object after, or the start of a break."""
    side: str = ""
    """Of a break, in words."""

    @property
    def room(self) -> float:
        return self.end - self.start


def _rests(evidence: Evidence) -> Iterator[_Rest]:
    """Rests without a break, and those on either side of one: the editor begins a break soon after an object, and ends it when
    the next one appears."""
    beatmap, objects = evidence.beatmap, evidence.objects_by_time
    before = objects[0]
    for after in objects[1:]:
        least = LEAST_REST_BEATS * beatmap.red_line_of(after.time).beat_length - SAME_MS
        inside = [pause for pause in beatmap.breaks if pause.start < after.time and pause.end > before.end_time]
        if inside:
            start, end = min(pause.start for pause in inside), max(pause.end for pause in inside)
            if start - before.end_time >= least:
                yield _Rest(before, after, before.end_time, start, "before the break")
            if after.time - end - beatmap.difficulty.preempt_ms >= least:
                yield _Rest(before, after, end, after.time, "after the break")
        elif after.time - before.end_time >= least:
            yield _Rest(before, after, before.end_time, after.time)
        before = max(before, after, key=lambda o: o.end_time)


def _missing(evidence: Evidence, rest: _Rest, others: Sequence[Sequence[Span]], rests: Sequence[_Rest]) -> Candidate:
    beatmap, start, end = evidence.beatmap, rest.start, rest.end
    beside = rest.after if rest.side and rest.start > rest.before.end_time else rest.before
    inside = [[span for span in spans if start - SAME_MS <= span[0] and span[1] <= end + SAME_MS] for spans in others]
    has = sum(map(bool, inside))
    of_others = float(log_odds(has, len(others) - has))
    of_map = _unusual_rest(evidence, rest, rests)
    beat = beatmap.red_line_of(start).beat_length
    # Not where a spinner would start: there the judge would compare the rest with the spinner of the untouched map.
    time = start + REST_BEATS * beat
    numbers = where(evidence, start, end)
    bits = of_map + (of_others + min(numbers["beats"], MOST_BEATS)) / 2
    spinner = a(kind_name(str(ObjectKind.SPINNER), beatmap))
    seen = f", neither {spinner} nor a break" if not rest.side else f" {rest.side}"
    if has:
        seen = f"{seen if rest.side else ''}; {has} of {len(others)} {OTHERS} have {spinner} here"
    return candidate(
        MISSING,
        time=time,
        end_time=end,
        line=beside.line,
        objects=[beside],
        measure=bits,
        actual="nothing",
        expected=[Expected(spinner)],
        message=f"Nothing is here for {_beats(numbers['beats'])}{seen}.",
        bits=round(bits, 2),
        bits_of_difficulties=round(of_others, 2),
        bits_of_map=round(of_map, 2),
        bits_of_song=round(_goes_on(evidence, start, end), 2),
        **numbers,
    )


def _unusual_rest(evidence: Evidence, rest: _Rest, rests: Sequence[_Rest]) -> float:
    """Bits of the spinners in the map with about as much room against the other rests as long."""
    objects = evidence.objects_by_time
    of_spinners = [
        after.time - before.end_time
        for before, spinner, after in zip(objects, objects[1:], objects[2:], strict=False)
        if spinner.kind is ObjectKind.SPINNER
    ]
    alike = sum(SAME_ROOM * rest.room <= room <= rest.room / SAME_ROOM for room in of_spinners)
    as_long = sum(other.room >= SAME_ROOM * rest.room for other in rests) - 1
    return float(log_odds(alike, as_long))


def _goes_on(evidence: Evidence, start: float, end: float) -> float:
    """Log2 of the onsets of the song on the beats of a rest over those of the objects of the map; 0 without a song."""
    if evidence.envelope is None:
        return 0.0
    beat, lag = evidence.beatmap.red_line_of(start).beat_length, lag_of(evidence.alignment)
    usual = median(evidence.envelope.at(evidence.object_times + lag, ONSET_WIDTH_MS))
    there = evidence.envelope.at(np.arange(start + beat, end - beat / 2, beat) + lag, ONSET_WIDTH_MS)
    strength = float(np.maximum(there, 0.0).mean()) if len(there) else 0.0
    return float(np.log2((strength + FAINT * usual + LEAST_ONSET) / (usual + FAINT * usual + LEAST_ONSET)))


def _end(
    evidence: Evidence, spinner: HitObject, own: Sequence[HitObject], others: Sequence[Sequence[Span]]
) -> Candidate:
    beatmap, grid = evidence.beatmap, evidence.passages.cells.grid
    beat = beatmap.red_line_of(spinner.end_time).beat_length
    same = [span[1] for spans in others for span in spans if _is_same(span, (spinner.time, spinner.end_time))]
    off = [end for end in same if abs(end - spinner.end_time) > SAME_BEATS * beat]
    of_others = float(log_odds(len(off), len(same) - len(off)))
    places, _ = grid.measure_ticks(grid.ticks(np.array([o.end_time for o in own])))
    place = places[[o is spinner for o in own]][0]
    alike = int((places == place).sum()) - 1
    of_map = float(log_odds(len(own) - 1 - alike, alike))
    following = np.searchsorted(evidence.object_times, spinner.end_time - SAME_MS)
    after = float(evidence.object_times[following]) if following < len(evidence.object_times) else spinner.end_time
    name = kind_name(str(ObjectKind.SPINNER), beatmap)
    numbers = where(evidence, spinner.end_time, after)
    if off:
        beats = (spinner.end_time - median(off)) / beat
        of_set = "the other difficulty" if len(others) == 1 else f"{len(off)} of {len(others)} {OTHERS}"
        seen = f"ends {_beats(abs(beats))} {'earlier' if beats < 0 else 'later'} than in {of_set}"
    elif len(own) > 1:
        where_ends = f"ends {_beats(place / TICKS_PER_BEAT)} after a downbeat" if place else "ends on a downbeat"
        seen = f"{where_ends}, {_as_others(alike, len(own) - 1, f'other {name}')} in the map"
    else:
        seen = f"ends {_beats(numbers['beats'])} before the next object"
    bits = of_others + max(of_map, 0.0)  # the song alone is too weak for a finding, so only the judge weighs it
    return candidate(
        END,
        time=spinner.time,
        line=spinner.line,
        objects=[spinner],
        measure=bits,
        actual=clock(spinner.end_time),
        expected=[Expected(clock(median(off)))] if off else [],
        message=f"This {name} {seen}.",
        bits=round(bits, 2),
        bits_of_copies=round(of_map, 2),
        bits_of_difficulties=round(of_others, 2),
        bits_of_song=round(_louder_elsewhere(evidence, spinner.end_time, beat), 2),
        **numbers,
    )


def _as_others(alike: int, others: int, name: str) -> str:
    """As in "unlike the 3 other spinners" and "as 1 of 3 other spinners"."""
    if alike:
        return f"as the {name}" if others == 1 else f"as {alike} of {counted(others, name)}"
    return f"unlike the {name}" if others == 1 else f"unlike the {counted(others, name)}"


def _louder_elsewhere(evidence: Evidence, end: float, beat: float) -> float:
    """Log2 of the stronger onset of the song a beat before and after an end over that at the end; 0 without a song. Of 162 spinners
    and 261 that end a beat off it ranks 66 % of the pairs rightly."""
    if evidence.envelope is None:
        return 0.0
    usual = median(evidence.envelope.at(evidence.object_times + lag_of(evidence.alignment), ONSET_WIDTH_MS))
    there = evidence.envelope.at(np.array([end, end - beat, end + beat]) + lag_of(evidence.alignment), ONSET_WIDTH_MS)
    here, *others = (np.maximum(there, 0.0) + FAINT * usual + LEAST_ONSET).tolist()
    return float(np.log2(max(others) / here))


def _beats(beats: float) -> str:
    rounded = f"{round(beats, 2):.3g}"  # ends in whole ms are up to 1/100 beat off
    return f"{rounded} beat{'s' * (rounded != '1')}"


def _is_same(one: Span, other: Span) -> bool:
    """Whether two spinners are the same one in two difficulties."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared > SAME_PART * (max(one[1], other[1]) - min(one[0], other[0]))


CHECK = BeatmapCheck(Category.RHYTHM, "Spinners", (MISSING, END), run)

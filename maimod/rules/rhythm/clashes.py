"""Objects that are too close in time to be played (simultaneous, a few ms apart, around spinners), and objects that are
too short.

Of 1,046 ranked maps of the training split 4 have simultaneous objects and 5 objects that are too close (nearly all are
jokes or made for two players), 2 spinners that are too short, 17 (1.6 %) an object too soon after a spinner, one a
slider too short for its Easy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import (
    ALL_MODES,
    NOT_MANIA,
    ONLY_CATCH,
    ONLY_MANIA,
    ONLY_OSU,
    Beatmap,
    HitObject,
    Mode,
    ObjectKind,
)
from maimod.osu.level import Level
from maimod.osu.names import object_name
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import MANY, SHOWN_OBJECTS, places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE, low
from maimod.rules.evidence import Evidence

_LAZER = "https://github.com/ppy/osu/blob/master/osu.Game"
CONCURRENT = Rule(
    "rhythm/concurrent",
    "Two objects at once",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The player has one cursor, drum or plate, so simultaneous objects cannot be shown and played as intended.",
    how="An object starts before the one before it has ended, or at the same time.",
    advice="Delete one of them, or move it.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Mania, where positions/column checks each column.",
    source=f"{PAGE}#general",
    modes=NOT_MANIA,
    same_mistake=("rhythm/concurrent", "rhythm/too-close"),
)
TOO_CLOSE = Rule(
    "rhythm/too-close",
    "Objects a few ms apart",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The second object is nearly unplayable, and usually a slip or a copy that was not removed.",
    how="An object starts less than 10 ms after the one before it, or less than 20 ms after a slider's end.",
    advice="Delete one of them, or move it.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Spinners after a circle: nothing has to be hit when they start; catch, which is exempt; mania, where positions/column checks each column.",
    source=f"{PAGE}#general",
    modes=ALL_MODES - {Mode.CATCH, Mode.MANIA},
    criteria=("gap-after-circle", "gap-after-slider"),
    same_mistake=("rhythm/too-close",),
)
ZERO_LENGTH = Rule(
    "rhythm/zero-length",
    "Object of no length",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A slider, spinner or hold note that ends when it starts cannot be played.",
    how="It ends less than 1 ms after its start; ends before starts are in the file as written.",
    advice="Make it a circle (a note in mania), or give it a length.",
    ignore_when="never; such an object should be a circle",
    blind_spots="Sliders whose body has no extent, see sliders/invisible.",
    source=f"{_LAZER}/Rulesets/Edit/Checks/CheckZeroLengthObjects.cs",
    same_mistake=("sliders/invisible",),
)
SHORT_HOLD = Rule(
    "rhythm/short-hold",
    "Hold note too short to be held",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A hold note of a few hundredths of a second looks like a note, but has to be released.",
    how="It lasts less than 30 ms.",
    advice="Make it a note, or hold it longer.",
    ignore_when="the map uses such notes as an effect throughout",
    blind_spots="The criteria also ask for 1/12 beat, which is longer in slow songs.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=ONLY_MANIA,
)
SHORT_SPINNER = Rule(
    "rhythm/short-spinner",
    "Spinner too short",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A spinner that ends before it can be spun gives every player a miss or a lower hit.",
    how="Its length is compared with the time that the game's autoplay needs for 1,000 points of bonus at this overall "
    "difficulty (problem), and with 1000, 750 and 500 ms in an Easy, Normal and Hard (warning; up to 1.2 times that a "
    "minor).",
    advice="Make it longer, or use another object.",
    ignore_when="autoplay gets at least 1,000 points of bonus",
    blind_spots="Whether the song has anything to spin to.",
    criteria=("spinner-length",),
    source=f"{_LAZER}.Rulesets.Osu/Edit/Checks/CheckTooShortSpinners.cs",
    modes=ONLY_OSU,
)
RECOVERY = Rule(
    "rhythm/spinner-recovery",
    "Object too soon after a spinner",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="After a spinner the cursor is anywhere; beginners need time to find the next object.",
    how="The next object starts less than 1000, 500 or 250 ms after a spinner of an Easy, Normal or Hard; a minor, if it is a spinner too.",
    advice="Leave more time after the spinner, or end it earlier.",
    ignore_when="the next object lies in the middle and the song is fast",
    blind_spots="Harder difficulties, for which there is no rule; the position of the next object.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21",
    modes=ONLY_OSU,
    criteria=("spinner-recovery",),
)
SHOWER_GAP = Rule(
    "rhythm/shower-gap",
    "Fruit too close to a banana shower",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Players move away to catch bananas, and need time to return to the next fruit.",
    how="The time before and after a banana shower is compared with the criteria for the level: 250 to 62 ms before, "
    "250 to 125 after.",
    advice="Move the fruit, or shorten the banana shower.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Difficulties with unknown level.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21catch",
    modes=ONLY_CATCH,
    criteria=("shower-before", "shower-after"),
)
SHORT_SLIDER = Rule(
    "rhythm/short-slider",
    "Slider too short for beginners",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners need to see that a slider moves before it is over.",
    how="One slide lasts less than 125 ms, in an Easy; or a slider with two repeats and more lasts less than 333 ms in an Easy, "
    "167 ms in a Normal, which are a beat and half a beat at 180 BPM.",
    advice="Make it longer, or use a circle.",
    ignore_when="the song is so fast that a half beat is that short",
    blind_spots="Harder difficulties.",
    criteria=("slider-length", "repeated-slider"),
    source=f"{_LAZER}.Rulesets.Osu/Edit/Checks/CheckTooShortSliders.cs",
    modes=ONLY_OSU,
)

ROUNDING_MS = 1.0
"""The editor truncates times, and ends of sliders are not rounded at all."""
SHORT_HOLD_MS = 30.0  # Mapset Verifier
SHORT_SLIDER_MS = 125.0  # lazer
MOST_SLIDES = 2
CRITERIA_BEAT_MS = 60_000 / 180
"""The guidelines count beats of songs of about 180 BPM."""
COMFORTABLE = 1.2
"""Spinners up to this many times the least are a minor (Mapset Verifier warns)."""
FAST_BEAT_MS = 250.0
"""The beats of the guidelines for spinners are taken at 240 BPM, so that fast songs are not blamed."""


class _Place(msgspec.Struct, frozen=True):
    """A place where a rule is broken."""

    objects: tuple[HitObject, ...]
    message: str
    actual_ms: float
    least_ms: float
    certainty: Certainty = Certainty.CERTAIN


def run(evidence: Evidence) -> Iterator[Candidate]:
    mode = evidence.beatmap.mode
    pairs = list(_pairs(evidence))
    if mode in CONCURRENT.modes:
        yield from _report(CONCURRENT, list(_concurrent(pairs, evidence.beatmap)))
    if mode in TOO_CLOSE.modes:
        yield from _report(TOO_CLOSE, list(_too_close(pairs, evidence.beatmap)))
    yield from _report(
        ZERO_LENGTH,
        [
            _Place((o,), f"This {object_name(o, evidence.beatmap)} lasts {o.duration:.0f} ms.", o.duration, 1.0)
            for o in evidence.objects_by_time
            if o.kind is not ObjectKind.CIRCLE and o.duration < 1.0
        ],
    )
    if mode is Mode.MANIA:
        yield from _report(
            SHORT_HOLD,
            [
                _Place(
                    (o,),
                    f"This hold note lasts {o.duration:.0f} ms, less than {SHORT_HOLD_MS:.0f} ms.",
                    o.duration,
                    SHORT_HOLD_MS,
                    Certainty.GUIDELINE,
                )
                for o in evidence.objects_by_time
                if o.kind is ObjectKind.HOLD and 1.0 <= o.duration < SHORT_HOLD_MS
            ],
        )
    if mode is Mode.OSU:
        yield from _report(SHORT_SPINNER, list(_short_spinners(evidence)))
        yield from _report(RECOVERY, list(_recovery(evidence, pairs)))
        yield from _report(SHORT_SLIDER, list(_repeated(evidence)))
        if evidence.level is Level.EASY:
            yield from _report(
                SHORT_SLIDER,
                [
                    _Place(
                        (o,),
                        f"This slider lasts {o.span_duration:.0f} ms; in an Easy, {SHORT_SLIDER_MS:.0f} ms are the least.",
                        o.span_duration,
                        SHORT_SLIDER_MS,
                        Certainty.GUIDELINE,
                    )
                    for o in evidence.objects_by_time
                    if o.slider and 1.0 <= o.span_duration < SHORT_SLIDER_MS - ROUNDING_MS and not _is_repeated(o)
                ],
            )
    if mode is Mode.CATCH and evidence.level is not None:
        yield from _report(SHOWER_GAP, list(_shower_gaps(pairs, evidence.level)))


def _is_repeated(o: HitObject) -> bool:
    return o.slider is not None and o.slider.slides > MOST_SLIDES


def _repeated(evidence: Evidence) -> Iterator[_Place]:
    """Short sliders with two repeats and more in an Easy or Normal."""
    if evidence.level not in (Level.EASY, Level.NORMAL):
        return
    least = low("repeated-slider", Mode.OSU, evidence.level) * CRITERIA_BEAT_MS
    for o in evidence.objects_by_time:
        if o.slider and _is_repeated(o) and 1.0 <= o.duration < least - ROUNDING_MS:
            yield _Place(
                (o,),
                f"This slider with {o.slider.slides - 1} repeats lasts {o.duration:.0f} ms; in "
                f"{evidence.level.one_in(Mode.OSU)}, {least:.0f} ms are the least.",
                o.duration,
                least,
                Certainty.GUIDELINE,
            )


def _report(rule: Rule, places: Sequence[_Place]) -> Iterator[Candidate]:
    if len(places) > MANY:
        objects = [o for place in places for o in place.objects[-1:]]
        first, least = places[0], min(place.actual_ms for place in places)
        others = [place.objects[-1].time for place in places if place.objects[-1].time != first.objects[-1].time]
        yield candidate(
            rule,
            time=first.objects[-1].time,
            end_time=objects[-1].time,
            line=first.objects[-1].line,
            objects=objects[:SHOWN_OBJECTS],
            certainty=min((place.certainty for place in places), key=list(Certainty).index),
            message=f"{first.message[:-1]}{places_alike(others)}.",
            actual=f"{least:.0f} ms",
            expected=[Expected(f"at least {first.least_ms:.0f} ms")],
            places=len(places),
        )
        return
    for place in places:
        last = place.objects[-1]
        yield candidate(
            rule,
            time=place.objects[0].time,
            line=last.line,
            objects=place.objects,
            certainty=place.certainty,
            message=place.message,
            actual=f"{place.actual_ms:.0f} ms",
            expected=[Expected(f"at least {place.least_ms:.0f} ms")],
        )


def _pairs(evidence: Evidence) -> Iterator[tuple[HitObject, HitObject]]:
    """Each object with the earlier object that ends last."""
    before: HitObject | None = None
    for hit_object in evidence.objects_by_time:
        if before is not None:
            yield before, hit_object
        if before is None or hit_object.end_time >= before.end_time:
            before = hit_object


def _concurrent(pairs: Sequence[tuple[HitObject, HitObject]], beatmap: Beatmap) -> Iterator[_Place]:
    for before, after in pairs:
        gap = after.time - before.end_time
        if after.time == before.time:
            one, other = object_name(before, beatmap), object_name(after, beatmap)
            message = f"{f'Two {one}s' if one == other else f'This {one} and this {other}'} start at the same time."
        elif gap <= -ROUNDING_MS:
            message = f"This {object_name(after, beatmap)} starts {-gap:.0f} ms before the end of the {object_name(before, beatmap)} before it."
        else:
            continue
        yield _Place((before, after), message, gap, low("gap-after-circle", Mode.OSU))


def _too_close(pairs: Sequence[tuple[HitObject, HitObject]], beatmap: Beatmap) -> Iterator[_Place]:
    for before, after in pairs:
        gap = after.time - before.end_time
        least = low("gap-after-slider" if before.kind is ObjectKind.SLIDER else "gap-after-circle", Mode.OSU)
        # Nothing has to be hit when a spinner starts.
        starts_spinner = after.kind is ObjectKind.SPINNER and before.kind is not ObjectKind.SLIDER
        if -ROUNDING_MS < gap < least - ROUNDING_MS and after.time != before.time and not starts_spinner:
            yield _Place(
                (before, after),
                f"This {object_name(after, beatmap)} starts {max(gap, 0):.0f} ms after the "
                f"{'end of the ' if before.end_time > before.time else ''}{object_name(before, beatmap)} before it.",
                gap,
                least,
            )


def _short_spinners(evidence: Evidence) -> Iterator[_Place]:
    overall = evidence.beatmap.difficulty.overall_difficulty
    # lazer, CheckTooShortSpinners: below the first autoplay never gets 1,000 points of bonus, above the second it
    # always does.
    never = 450.0 + (overall - 5) * 17
    always = 500.0 + (overall - 5) * (20 if overall >= 5 else 21.8)
    for spinner in evidence.objects_by_time:
        if spinner.kind is not ObjectKind.SPINNER or spinner.duration < 1.0:
            continue
        wanted = FAST_BEAT_MS * max(low("spinner-length", Mode.OSU, evidence.level), 0.0)
        lasts = f"This spinner lasts {spinner.duration:.0f} ms"
        if spinner.duration < never:
            yield _Place(
                (spinner,),
                f"{lasts}; autoplay cannot get 1,000 points of bonus.",
                spinner.duration,
                never,
                Certainty.CERTAIN,
            )
        elif spinner.duration < always:
            yield _Place(
                (spinner,),
                f"{lasts}; autoplay may not get 1,000 points of bonus.",
                spinner.duration,
                always,
                Certainty.GUIDELINE,
            )
        elif spinner.duration < COMFORTABLE * wanted - ROUNDING_MS and evidence.level is not None:
            yield _Place(
                (spinner,),
                f"{lasts}, which is short for {evidence.level.one_in(Mode.OSU)}.",
                spinner.duration,
                COMFORTABLE * wanted,
                Certainty.GUIDELINE if spinner.duration < wanted - ROUNDING_MS else Certainty.POSSIBLE,
            )


def _recovery(evidence: Evidence, pairs: Sequence[tuple[HitObject, HitObject]]) -> Iterator[_Place]:
    least = FAST_BEAT_MS * max(low("spinner-recovery", Mode.OSU, evidence.level), 0.0)
    for before, after in pairs:
        gap = after.time - before.end_time
        if before.kind is ObjectKind.SPINNER and evidence.level is not None and 0 <= gap < least - ROUNDING_MS:
            yield _Place(
                (after,),
                f"This {object_name(after, evidence.beatmap)} starts {gap:.0f} ms after the end of a spinner; in "
                f"{evidence.level.one_in(Mode.OSU)} it should be at least {least:.0f} ms.",
                gap,
                least,
                # From one spinner to the next the cursor has nothing to find.
                Certainty.POSSIBLE if after.kind is ObjectKind.SPINNER else Certainty.GUIDELINE,
            )


def _shower_gaps(pairs: Sequence[tuple[HitObject, HitObject]], level: Level) -> Iterator[_Place]:
    for before, after in pairs:
        gap = after.time - before.end_time
        for shower, fruit, least, word in (
            (after, before, low("shower-before", Mode.CATCH, level), "before"),
            (before, after, low("shower-after", Mode.CATCH, level), "after"),
        ):
            if shower.kind is ObjectKind.SPINNER and fruit.kind is not ObjectKind.SPINNER and 0 <= gap < least:
                yield _Place(
                    (before, after),
                    f"There are only {gap:.0f} ms {word} this banana shower; the level requires {least:.0f}.",
                    gap,
                    least,
                    Certainty.CERTAIN if gap < least - ROUNDING_MS else Certainty.GUIDELINE,
                )


CHECK = BeatmapCheck(
    Category.RHYTHM,
    "Objects too close or too short",
    (CONCURRENT, TOO_CLOSE, ZERO_LENGTH, SHORT_HOLD, SHORT_SPINNER, RECOVERY, SHOWER_GAP, SHORT_SLIDER),
    run,
)

"""Hitsounds: additions, sample sets, taiko colours and volumes that break the habits of the map or surprise the model.

Two witnesses are heard on every hit: the map itself (what is heard at alike places: the same position of the measures around, with the
same sounds before and after) and the model. Both speak in log-odds, in bits, for something else than what the map has; bits add up.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from maimod.beatmap import Mode, ObjectKind
from maimod.calibration import MINOR_SCORE, Curve
from maimod.detectors.base import ALL_MODES, Context, Detector, Rule
from maimod.events import EventKind, EventScore, hitsound_parts
from maimod.findings import Category, Expected, Finding, Severity
from maimod.sounds import BIG, CLAP, FINISH, KAT, WHISTLE, Habits, Hit, addition_names, habits, hits, set_name

HITSOUND_RULES = "https://osu.ppy.sh/wiki/en/Ranking_criteria#audio"
NOT_TAIKO = ALL_MODES - {Mode.TAIKO}

MISSING = Rule(
    "hitsounds/missing", "Missing addition", Severity.PROBLEM, ("model", "map"),
    why="Additions give the feedback that the song's accents lead players to expect; a clap left out of a steady beat is heard as a mistake.",
    how="A whistle, finish or clap is absent where alike places of the map (same position in the measures around, same sounds before "
        "and after) have it, or where the model is nearly certain of it.",
    ignore_when="The song itself leaves the beat out here.",
    blind_spots="Maps without repetition; additions missing in every measure.",
    source=HITSOUND_RULES, modes=NOT_TAIKO)
UNEXPECTED = Rule(
    "hitsounds/unexpected", "Unexpected addition", Severity.PROBLEM, ("model", "map"),
    why="A single addition out of pattern stresses a sound that is not there, and mostly is a slip of the hand.",
    how="A whistle, finish or clap is present where alike places of the map do not have it, or where the model hardly expects it.",
    ignore_when="It stresses something that happens only here.",
    blind_spots="Additions at places that have no alike ones, such as fills.",
    source=HITSOUND_RULES, modes=NOT_TAIKO)
SAMPLE_SET = Rule(
    "hitsounds/sample-set", "Unexpected sample set", Severity.PROBLEM, ("model", "map"),
    why="A hit that suddenly sounds from another sample set (normal, soft, drum) is heard as a wrong note.",
    how="The sample set of a hit, taken from the object or from the timing point in force, differs from that of alike places of the map "
        "or from what the model expects.",
    ignore_when="The set changes with the instrument.",
    blind_spots="A set that is wrong for a whole section; custom sample indices and keysounds.",
    source=HITSOUND_RULES, modes=NOT_TAIKO)
COLOUR = Rule(
    "hitsounds/taiko-colour", "Unexpected taiko colour", Severity.PROBLEM, ("model", "map"),
    why="In taiko hitsounds are the chart: a whistle or clap makes a kat, none a don, a finish a big note. A flipped one breaks the pattern.",
    how="The colour or size of a note differs from that at alike places of the map, or from what the model expects.",
    ignore_when="The pattern is varied on purpose.",
    blind_spots="Patterns that are not repeated.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko", modes=frozenset({Mode.TAIKO}))
VOLUME = Rule(
    "hitsounds/volume", "Lone change of volume", Severity.PROBLEM, ("model", "map"),
    why="A hit or two much quieter or louder than all around is heard as a missed or doubled hit; it mostly comes from a green line with "
        "the wrong volume.",
    how="Up to three hits in a row, heads or tails apart, lie off one and the same volume before and after; the fewer of their kind the "
        "map has, the more that counts, and so does the model's surprise.",
    ignore_when="The song has a rest or an accent just there.",
    blind_spots="Longer passages, changes by less than 15 %, and maps that change volume all the time.",
    source=HITSOUND_RULES)
MUTED = Rule(
    "hitsounds/muted", "Barely audible hit", Severity.PROBLEM, ("map",),
    why="Players need to hear what they hit; a muted circle or slider head gives no feedback.",
    how="The volume of circles, slider heads and hold notes is at most 5 % (20 %: a warning) while most of the map is louder.",
    ignore_when="The song is nearly silent there.",
    blind_spots="Silent custom samples; slider tails and repeats, which many mappers mute on purpose.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckMutedObjects.cs")
NONE = Rule(
    "hitsounds/none", "Stretch without additions", Severity.WARNING, ("map",),
    why="Hitsounds are the map's voice: long stretches of bare hits feel lifeless, and the ranking criteria ask for them.",
    how="No whistle, finish or clap is heard, nor does a sample set change, for long: 24 s and 16 objects.",
    ignore_when="The song has nothing to stress, or custom samples carry the rhythm.",
    blind_spots="Additions that custom samples leave silent.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckFewHitsounds.cs",
    modes=frozenset({Mode.OSU, Mode.CATCH}))

EVIDENCE = Curve(middle=9.0, scale=1.5)
"""Bits of log-odds of both witnesses together."""
MAP_EVIDENCE = Curve(middle=4.6, scale=0.8)
"""Bits of log-odds of the map alone. 4 bits, at least 8 alike places of which none agrees: on 66 minutes of ranked osu! maps 0.08
missing additions and 0.05 sample sets a minute; finds 14 % of removed additions and 24 % of changed sets."""
UNEXPECTED_DOUBT, COLOUR_DOUBT, MANIA_DOUBT = 1.5, 0.7, 2.0
"""Bits taken off: a lone addition mostly is an accent (0.3 a minute at 4 bits in ranked maps), taiko patterns are varied, and in mania
hitsounds are optional (ranking criteria)."""
MODEL_FLOOR = 2e-3
"""Probability that a model's word is never better than: 9 bits."""
LEAST_LOG_ODDS = 2.0
"""Bits of one witness below which no one would speak of a habit."""


def run(context: Context) -> Iterator[Finding]:
    """Find odd hitsounds."""
    found = [hit for hit in hits(context.beatmap) if not hit.keysound]
    if not found:
        return
    sounds = _Sounds(context, habits(context.beatmap, found))
    yield from _deviations(sounds)
    yield from _volumes(sounds)
    yield from _muted(context, found)
    yield from _without_additions(context, found)


@dataclass(frozen=True)
class _Sounds:
    """The hits of a map with both witnesses."""

    context: Context
    habits: Habits

    @cached_property
    def heard(self) -> dict[tuple[int, int, EventKind], EventScore]:
        """Scores of hitsounds and volumes by (object, edge, kind). A slider's body follows its head with the same number: left out."""
        scores: dict[tuple[int, int, EventKind], EventScore] = {}
        for index, of_object in self.context.scores_by_object.items():
            for score in of_object:
                if score.event.kind in (EventKind.HITSOUND, EventKind.VOLUME):
                    scores.setdefault((index, score.event.part, score.event.kind), score)
        return scores

    def score(self, hit: Hit, kind: EventKind) -> EventScore | None:
        return self.heard.get((hit.hit_object.index, hit.edge, kind))

    def log_odds(self, hit: Hit, kind: EventKind, holds: Callable[[int], bool]) -> float | None:
        """Bits by which the model bets on values that satisfy `holds`; None without a model's word on this hit."""
        score = self.score(hit, kind)
        if score is None:
            return None
        listed = [(event.value, p) for event, p in score.expected if event.kind is kind]
        known = sum(p for _, p in listed)
        rest = max(0.0, 1.0 - sum(p for _, p in score.expected))
        share = sum(p for value, p in listed if holds(value)) / max(known + rest, 1e-9)
        return math.log2((share + MODEL_FLOOR) / (1.0 - min(share, 1.0) + MODEL_FLOOR))


# ---------------------------------------------------------------------------------------------------------------------
# Additions, sample sets, colours


@dataclass(frozen=True)
class _Aspect:
    """One property of what is heard."""

    name: str
    of_word: Callable[[np.ndarray], np.ndarray]
    of_event: Callable[[int], int]


def _bit(bit: int) -> Callable[[int], int]:
    return lambda value: value >> bit & 1


ADDITION_ASPECTS = tuple(
    _Aspect(name, lambda words, bit=bit: words >> bit & 1, _bit(bit - 1)) for bit, name in enumerate(("whistle", "finish", "clap"), start=1))
SET_ASPECTS = (
    _Aspect("sample set", lambda words: words >> 4 & 3, lambda value: value // 8 % 3 + 1),
    _Aspect("addition set", lambda words: words >> 6 & 3, lambda value: min(value // 24, 2) + 1 if value & 7 else 0))
TAIKO_ASPECTS = (
    _Aspect("kat", lambda words: words & 1, lambda value: int(value & (KAT >> 1) > 0)),
    _Aspect("big note", lambda words: words >> 1 & 1, lambda value: int(value & (BIG >> 1) > 0)))


@dataclass(frozen=True)
class _Deviation:
    """A hit that sounds otherwise than expected."""

    place: int
    """Index of the hit."""
    aspect: _Aspect
    actual: int
    wanted: int
    n_alike: int
    n_wanted: int
    bits: float


def _deviations(sounds: _Sounds) -> Iterator[Finding]:
    """Compare every hit with its alike places and with the model; consecutive hits that deviate alike are one mistake."""
    mode = sounds.context.beatmap.mode
    aspects = TAIKO_ASPECTS if mode is Mode.TAIKO else ADDITION_ASPECTS + SET_ASPECTS
    by_hit: dict[int, list[_Deviation]] = defaultdict(list)
    for aspect in aspects:
        values = aspect.of_word(sounds.habits.words).astype(np.int64)
        for place, row in enumerate(sounds.habits.votes(values).tolist()):
            deviation = _deviation(sounds, aspect, place, int(values[place]), row)
            if deviation is not None:
                by_hit[place].append(deviation)
    group: list[list[_Deviation]] = []
    for place in sorted(by_hit):
        deviations = sorted(by_hit[place], key=lambda d: -d.bits)
        last = group[-1] if group else None
        if last and (place - last[0].place > len(last) or _kind(last[0]) != _kind(deviations[0])):
            yield from _report(sounds, group)
            group = []
        group.append(deviations)
    if group:
        yield from _report(sounds, group)


def _kind(deviation: _Deviation) -> tuple[str, int, int]:
    return deviation.aspect.name, deviation.actual, deviation.wanted


def _deviation(sounds: _Sounds, aspect: _Aspect, place: int, actual: int, row: Sequence[float]) -> _Deviation | None:
    """Hear both witnesses on one property of one hit."""
    hit = sounds.habits.hits[place]
    n_alike = int(sum(row))
    likeliest = max(range(len(row)), key=row.__getitem__) if n_alike else actual
    score = sounds.score(hit, EventKind.HITSOUND)
    if score is not None and likeliest == actual and score.likeliest.kind is EventKind.HITSOUND:
        likeliest = aspect.of_event(score.likeliest.value)
    if likeliest == actual or (aspect is SET_ASPECTS[1] and 0 in (likeliest, actual)):
        return None
    n_wanted = int(row[likeliest]) if likeliest < len(row) else 0
    of_map = math.log2((n_wanted + 0.5) / (n_alike - n_wanted + 0.5))
    of_model = sounds.log_odds(hit, EventKind.HITSOUND, lambda value: aspect.of_event(value) == likeliest)
    if max(of_map, of_model or 0.0) < LEAST_LOG_ODDS:
        return None
    bits = of_map + (of_model or 0.0) - (MANIA_DOUBT if sounds.context.beatmap.mode is Mode.MANIA else 0.0)
    if aspect in TAIKO_ASPECTS:
        bits -= COLOUR_DOUBT
    if aspect in ADDITION_ASPECTS + TAIKO_ASPECTS[1:] and not likeliest:
        bits -= UNEXPECTED_DOUBT
    return _Deviation(place, aspect, actual, likeliest, n_alike, n_wanted, bits)


def _report(sounds: _Sounds, group: Sequence[Sequence[_Deviation]]) -> Iterator[Finding]:
    """Make one finding of hits that deviate alike; the strongest of them speaks."""
    context = sounds.context
    chosen = max(group, key=lambda deviations: deviations[0].bits)
    best = chosen[0]
    rule = _rule(best)
    hit = sounds.habits.hits[best.place]
    event = sounds.score(hit, EventKind.HITSOUND)
    if event is None:
        score = context.calibration.score(f"{rule.id}:map", best.bits, MAP_EVIDENCE)
    else:
        score = context.calibration.score(rule.id, best.bits, EVIDENCE)
    if score < MINOR_SCORE:
        return
    actual, expected = _sound_text(context, hit, ()), _sound_text(context, hit, chosen)
    probability = None
    if event is not None:
        probability = round(sum(p for e, p in event.expected
                                if e.kind is EventKind.HITSOUND and best.aspect.of_event(e.value) == best.wanted), 3)
    objects = {sounds.habits.hits[deviations[0].place].hit_object.index: sounds.habits.hits[deviations[0].place].hit_object
               for deviations in group}
    yield context.finding(
        rule, time=hit.time, message=_message(context, hit, best, len(group), probability), score=score, line=_line(hit, best),
        objects=tuple(objects.values()), event=event, actual=actual, expected=(Expected(expected, probability),),
        edge=hit.edge, alike_places=best.n_alike, alike_as_expected=best.n_wanted, bits=round(best.bits, 2), hits=len(group))


def _rule(deviation: _Deviation) -> Rule:
    if deviation.aspect in TAIKO_ASPECTS:
        return COLOUR
    if deviation.aspect in SET_ASPECTS:
        return SAMPLE_SET
    return MISSING if deviation.wanted else UNEXPECTED


def _line(hit: Hit, deviation: _Deviation) -> int:
    """Of the object, unless it leaves its sample set to a timing point."""
    own = hit.normal_set != hit.point.sample_set or hit.addition_set != hit.normal_set
    return hit.hit_object.line if own or deviation.aspect not in SET_ASPECTS else hit.point.line


def _sound_text(context: Context, hit: Hit, changes: Sequence[_Deviation]) -> str:
    """What is heard at a hit, with what was expected instead put in its place."""
    additions, normal_set, addition_set = hit.additions, hit.normal_set, hit.addition_set
    bits = {"whistle": WHISTLE, "finish": FINISH, "clap": CLAP, "kat": KAT, "big note": BIG}
    for change in changes:
        if change.aspect.name == "sample set":
            normal_set = change.wanted
        elif change.aspect.name == "addition set":
            addition_set = change.wanted
        else:
            bit = bits[change.aspect.name]
            additions = additions | bit if change.wanted else additions & ~bit
    if context.beatmap.mode is Mode.TAIKO:
        return ("big " if additions & BIG else "") + ("kat" if additions & KAT else "don")
    name = f"{set_name(normal_set)} hitnormal"
    return f"{name} + {set_name(addition_set)} {addition_names(additions)}" if additions else f"{name}, no addition"


def _message(context: Context, hit: Hit, deviation: _Deviation, n_hits: int, probability: float | None) -> str:
    aspect, place = deviation.aspect, hit.place
    if aspect in TAIKO_ASPECTS:
        what = f"This note is a {_sound_text(context, hit, ())}, a {_sound_text(context, hit, [deviation])} was expected"
    elif aspect in SET_ASPECTS:
        sound = "hitnormal" if aspect is SET_ASPECTS[0] else addition_names(hit.additions)
        what = f"The {place} plays a {set_name(deviation.actual)} {sound}, {set_name(deviation.wanted)} was expected"
    else:
        what = f"The {place} has no {aspect.name}" if deviation.wanted else f"Unexpected {aspect.name} on the {place}"
    more = f", as on {n_hits - 1} more next to it" if n_hits > 1 else ""
    if deviation.n_wanted > deviation.n_alike / 2:
        reason = f"{deviation.n_wanted} of {deviation.n_alike} alike places around ({_position(context, hit)}) sound otherwise"
        if aspect not in SET_ASPECTS + TAIKO_ASPECTS:
            does = "have one" if deviation.wanted else "have none"
            reason = f"{deviation.n_wanted} of {deviation.n_alike} alike places around ({_position(context, hit)}) {does}"
    else:
        reason = f"the model gives that {100 * (probability or 0.0):.0f} %"
    return f"{what}{more}: {reason}."


def _position(context: Context, hit: Hit) -> str:
    """Where in the measure a hit is: "beat 2", "beat 3 + 1/2"."""
    snap = context.beatmap.snap(hit.time)
    beats = (snap.tick - snap.red_line.time) / snap.red_line.beat_length % max(snap.red_line.meter, 1)
    whole = math.floor(beats + 0.01)
    part = round((beats - whole) * snap.divisor)
    return f"beat {whole + 1}" + (f" + {part}/{snap.divisor}" if part else "")


# ---------------------------------------------------------------------------------------------------------------------
# Volume

LONE_HITS = 3
LONE_CHANGE = 15
"""Percent of volume by which a run must lie off both sides; hand-set "automation" moves in steps of 5 or 10."""
SAME_LEVEL = 10
"""Percent by which the volumes before and after may differ and still be one level."""
LONE_EVIDENCE = Curve(middle=8.0, scale=1.5)
"""Bits of rarity, weighed by the size of the change, and of the model's surprise."""


def _volumes(sounds: _Sounds) -> Iterator[Finding]:
    """Find short runs of hits at another volume than before and after. Tails and repeats are silenced one by one on purpose."""
    context = sounds.context
    active = [hit for hit in sounds.habits.hits if hit.is_active and hit.hit_object.kind is not ObjectKind.SPINNER]
    lone = list(_lone_runs(active))
    kinds = Counter((hits_of_run[0].volume, level) for hits_of_run, level in lone)
    for run_of_hits, level in lone:
        first = run_of_hits[0]
        # In bits: one such run in 256 hits is 8. The same change again is a motif of the song, and counts twice.
        rarity = math.log2(len(active) / len(lone)) - 2.0 * math.log2(kinds[first.volume, level])
        change = abs(first.volume - level) / max(level, first.volume)
        of_model = sounds.log_odds(first, EventKind.VOLUME, lambda value, level=level: abs(value - level) <= SAME_LEVEL)
        bits = rarity * (0.5 + change) + (of_model or 0.0) / 2
        score = context.calibration.score(VOLUME.id, bits, LONE_EVIDENCE)
        if score < MINOR_SCORE:
            continue
        objects = {hit.hit_object.index: hit.hit_object for hit in run_of_hits}
        quiet = "quieter" if first.volume < level else "louder"
        who = f"The {first.place} is" if len(run_of_hits) == 1 else f"{len(run_of_hits)} hits are"
        yield context.finding(
            VOLUME, time=first.time, message=f"{who} {quiet} than what comes before and after: {first.volume} % instead of {level} %.",
            score=score, line=_volume_line(first), objects=tuple(objects.values()), event=sounds.score(first, EventKind.VOLUME),
            actual=f"{first.volume} %", expected=(Expected(f"{level} %"),), hits=len(run_of_hits), lone_changes_in_map=len(lone),
            hits_in_map=len(active), bits=round(bits, 2))


def _lone_runs(stream: Sequence[Hit]) -> Iterator[tuple[list[Hit], int]]:
    """Yield (hits of one volume, the level around them) for runs of up to :data:`LONE_HITS` moments."""
    runs = [list(hits_of_run) for _, hits_of_run in groupby(stream, key=lambda hit: hit.volume)]
    for before, run_of_hits, after in zip(runs, runs[1:], runs[2:], strict=False):
        sides, volume = (before[-1].volume, after[0].volume), run_of_hits[0].volume
        nearest = min(sides, key=lambda side: abs(side - volume))
        if (len({hit.time for hit in run_of_hits}) <= LONE_HITS and abs(sides[0] - sides[1]) <= SAME_LEVEL
                and abs(nearest - volume) >= LONE_CHANGE and (sides[0] < volume) == (sides[1] < volume)):
            yield run_of_hits, nearest


def _volume_line(hit: Hit) -> int:
    return hit.hit_object.line if hit.hit_object.sample.volume else hit.point.line


MUTED_PERCENT, LOW_PERCENT = 5, 20
"""lazer, CheckMutedObjects."""
MUTED_SCORE, LOW_SCORE = 0.95, 0.5
"""Of one such hit in a map. 20 % is common in quiet intros and outros of ranked maps; lone dips are reported as such."""
QUIET_MAP = 0.05
"""Share of hits that quiet beyond which the mapper means it."""
SHOWN_OBJECTS = 8


def _muted(context: Context, found: Sequence[Hit]) -> Iterator[Finding]:
    """Find hits that can hardly be heard; neighbours are one finding."""
    active = [hit for hit in found if hit.is_active and hit.hit_object.kind is not ObjectKind.SPINNER]
    for least, most, highest in ((0, MUTED_PERCENT, MUTED_SCORE), (MUTED_PERCENT + 1, LOW_PERCENT, LOW_SCORE)):
        share = sum(hit.volume <= most for hit in active) / max(1, len(active))
        score = highest * (1.0 - min(share / QUIET_MAP, 1.0))
        if score < MINOR_SCORE:
            continue
        for is_quiet, quiet_hits in groupby(active, key=lambda hit: least <= hit.volume <= most):
            run_of_hits = list(quiet_hits)
            if not is_quiet:
                continue
            first, quietest = run_of_hits[0], min(hit.volume for hit in run_of_hits)
            who = "This hit is" if len(run_of_hits) == 1 else f"These {len(run_of_hits)} hits are"
            yield context.finding(
                MUTED, time=first.time, end_time=run_of_hits[-1].time if len(run_of_hits) > 1 else None,
                message=f"{who} barely audible at {quietest} % volume.", score=score, line=_volume_line(first),
                objects=tuple(hit.hit_object for hit in run_of_hits[:SHOWN_OBJECTS]), actual=f"{quietest} %",
                expected=(Expected(f"more than {LOW_PERCENT} %"),), hits=len(run_of_hits), share_of_map=round(share, 4))


# ---------------------------------------------------------------------------------------------------------------------
# Stretches without additions

BARE_MS, BARE_OBJECTS = 24_000.0, 16
"""lazer, CheckFewHitsounds: a problem from 24 s with 16 objects on."""
BARE_SCORE = Curve(middle=32.0, scale=10.0)
"""Seconds."""


def _without_additions(context: Context, found: Sequence[Hit]) -> Iterator[Finding]:
    """Find long stretches in which nothing but one hitnormal is heard."""
    if context.beatmap.mode not in NONE.modes:
        return
    bare: list[Hit] = []
    previous: Hit | None = None
    for hit in [*found, None]:
        changes = hit is None or hit.additions or (previous is not None and (hit.normal_set, hit.index) != (previous.normal_set, previous.index))
        if not changes and hit is not None:
            bare.append(hit)
        elif bare:
            yield from _bare_stretch(context, bare)
            bare = []
        previous = hit


def _bare_stretch(context: Context, bare: Sequence[Hit]) -> Iterator[Finding]:
    objects = {hit.hit_object.index: hit.hit_object for hit in bare}
    start, end = bare[0].time, bare[-1].time
    rests = sum(max(0.0, min(pause.end, end) - max(pause.start, start)) for pause in context.beatmap.breaks)
    seconds = (end - start - rests) / 1000
    score = context.calibration.score(NONE.id, seconds, BARE_SCORE)
    if seconds < BARE_MS / 1000 or len(objects) < BARE_OBJECTS or score < MINOR_SCORE:
        return
    first = bare[0].hit_object
    yield context.finding(
        NONE, time=start, end_time=end, message=f"No whistle, finish or clap for {seconds:.0f} s and {len(objects)} objects.",
        score=score, line=first.line, objects=(first,), actual="no additions", expected=(Expected("additions"),),
        seconds=round(seconds, 1), stretch_objects=len(objects))


DETECTOR = Detector(
    Category.HITSOUNDS, "Hitsounds", (MISSING, UNEXPECTED, SAMPLE_SET, COLOUR, VOLUME, MUTED, NONE), run)

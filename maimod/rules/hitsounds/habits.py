"""Hitsounds: additions, sample sets, taiko colours and volumes that break the habits of the map or surprise the model.

Two kinds of evidence are combined on every hit: the map itself (hits at similar places: the same position in other
measures, with the same sounds before and after) and the model. Both are log-odds in bits against the map's value, and
are added.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, hitsound_sets
from maimod.features.habits import starts as start_habits
from maimod.features.habits.hitsounds import habits
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import NOT_TAIKO, ONLY_TAIKO, PLAYFIELD_MODES, Mode
from maimod.osu.hitsounds import BIG, CLAP, FINISH, KAT, WHISTLE, Hit, addition_names, hits, set_name
from maimod.osu.names import hit_name
from maimod.osu.timing import snap
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import LEAST_PROPOSED_LOGIT, Evidence
from maimod.rules.hitsounds.expected import HitsoundEvidence
from maimod.rules.hitsounds.volume import MUTED, NONE, QUIET, VOLUME, muted, quiet, volumes, without_additions

MAP_CURVE = Curve(middle=4.6, scale=0.8)
"""Log-odds of the map alone, in bits. At 4 bits (at least 8 similar places, none of which agrees): on 66 minutes of
ranked osu!
maps 0.08 missing additions and 0.05 sample sets a minute; finds 14 % of removed additions and 24 % of changed sets."""
FINISH_CURVE = Curve(5.5, 1.2)
"""Of what the starts around and the likely measures say together, each in its spreads over ranked maps. In 198 minutes of ranked maps that
no network was trained on 0.03 downbeats a minute have 5.5, and 0.1 have 3.9; of 39 finishes taken away from starts of sections 59 and
79 % have. Either alone finds 13 and 23 %, or none and 72 %."""
MISSING_CURVES = {"": Curve(5.3, 0.9), "map": MAP_CURVE, "finish": FINISH_CURVE}
UNEXPECTED_CURVES = {"": Curve(7.5, 1.2), "map": MAP_CURVE}
SAMPLE_SET_CURVES = {"": Curve(7.2, 1.2), "map": MAP_CURVE}
"""Log-odds of both kinds of evidence together, in bits. A generator is hardly surprised at a missing addition, and very
surprised at a wrong one: removed claps lie at 5 to 6 bits, changed sets at 6 to 11, and the highest of 4 untouched
maps at 3.8 and 6.8."""

MISSING = Rule(
    "hitsounds/missing",
    "Missing addition",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="Additions give feedback on the song's accents; a clap missing in a steady beat sounds like a mistake.",
    how="A whistle, finish or clap is missing although similar places of the map (same position in other measures, "
    "same sounds before and after) have it, or the model is nearly certain of it; a finish also where downbeats some measures and phrases away "
    "have one.",
    advice="Was the addition forgotten?",
    ignore_when="the song itself leaves the beat out here",
    blind_spots="Maps without repetition; additions missing in every measure.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves=MISSING_CURVES,
    corruptions=("addition",),
    proposal="The hit has no addition, although the pattern of the hits before and after suggests one.",
)
UNEXPECTED = Rule(
    "hitsounds/unexpected",
    "Unexpected addition",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="A single addition outside the pattern stresses a sound that is not there, and is usually a slip.",
    how="A whistle, finish or clap is present although similar places of the map do not have it, or the model hardly "
    "expects it.",
    advice="Is the addition meant for this sound?",
    ignore_when="it stresses something that happens only here",
    blind_spots="Additions at places without similar ones, such as fills.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves=UNEXPECTED_CURVES,
    corruptions=("addition",),
    proposal="The addition breaks the pattern of the hits before and after it.",
)
SAMPLE_SET = Rule(
    "hitsounds/sample-set",
    "Unexpected sample set",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="A single hit with another sample set (normal, soft, drum) sounds like a wrong note.",
    how="The sample set of a hit, taken from the object or from the timing point in force, differs from that of "
    "similar places of the map or from the model's expectation.",
    advice="Is the other sample set intended?",
    ignore_when="the set changes with the instrument",
    blind_spots="A set that is wrong for a whole section; custom sample indices and keysounds.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves=SAMPLE_SET_CURVES,
    corruptions=("sample_set",),
    proposal="The sample set breaks the pattern of the hits before and after it.",
)
COLOUR = Rule(
    "hitsounds/taiko-colour",
    "Unexpected taiko colour",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="In taiko hitsounds are the notes: a whistle or clap makes a kat, none a don, a finish a big note. A wrong "
    "one breaks the pattern.",
    how="The colour or size of a note differs from that at similar places of the map, or from the model's expectation.",
    advice="Does the pattern vary on purpose?",
    ignore_when="the pattern varies on purpose",
    blind_spots="Patterns that are not repeated.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko",
    modes=ONLY_TAIKO,
    curves=UNEXPECTED_CURVES,
    corruptions=("addition",),
    proposal="The colour of the note breaks the pattern of the hits before and after it.",
)
UNEXPECTED_DOUBT, COLOUR_DOUBT, MANIA_DOUBT = 1.5, 0.7, 2.0
"""Bits subtracted: a lone addition is mostly an accent (0.3 a minute at 4 bits in ranked maps), taiko patterns vary,
and in mania hitsounds are optional (ranking criteria)."""
LEAST_FINISH = 2.0
PHRASES = (4, 8, 16)
"""Measures between the starts of phrases."""
OF_STARTS, OF_MEASURES = 1.2, 9.6
"""Spreads of both kinds of evidence on a finish."""
LEAST_LOG_ODDS = 2.0
"""Fewest bits of one kind of evidence for a finding."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Find unusual hitsounds."""
    found = [hit for hit in hits(evidence.beatmap) if not hit.keysound]
    if not found:
        return
    sounds = HitsoundEvidence(evidence, habits(evidence.beatmap, found))
    yield from _deviations(sounds)
    yield from _finishes(sounds)
    yield from volumes(sounds)
    yield from muted(found)
    yield from quiet(evidence, found)
    yield from without_additions(evidence, found)


# ---------------------------------------------------------------------------------------------------------------------
# Additions, sample sets, colours


class _Aspect(msgspec.Struct, frozen=True):
    """One property of a hit's sound."""

    name: str
    of_word: Callable[[np.ndarray], np.ndarray]
    of_event: Callable[[int], int]


BITS = {"whistle": WHISTLE, "finish": FINISH, "clap": CLAP, "kat": KAT, "big note": BIG}


def _bit(bit: int) -> Callable[[Any], Any]:
    return lambda value: value >> bit & 1


ADDITION_ASPECTS = tuple(
    _Aspect(name, _bit(bit), _bit(bit - 1)) for bit, name in enumerate(("whistle", "finish", "clap"), start=1)
)
SET_ASPECTS = (
    _Aspect("sample set", lambda words: words >> 4 & 3, lambda value: hitsound_sets(value)[0]),
    _Aspect("addition set", lambda words: words >> 6 & 3, lambda value: hitsound_sets(value)[1] if value & 7 else 0),
)
TAIKO_ASPECTS = (
    _Aspect("kat", lambda words: words & 1, lambda value: int(value & (KAT >> 1) > 0)),
    _Aspect("big note", lambda words: words >> 1 & 1, lambda value: int(value & (BIG >> 1) > 0)),
)


class _Deviation(msgspec.Struct, frozen=True):
    """A hit with another sound than expected."""

    place: int
    """Index of the hit."""
    aspect: _Aspect
    actual: int
    wanted: int
    n_alike: int
    n_wanted: int
    bits: float


def _deviations(sounds: HitsoundEvidence) -> Iterator[Candidate]:
    """Compare every hit with its similar places and with the model; consecutive hits with the same deviation are one
    mistake."""
    mode = sounds.evidence.beatmap.mode
    aspects = TAIKO_ASPECTS if mode is Mode.TAIKO else ADDITION_ASPECTS + SET_ASPECTS
    by_hit: dict[int, list[_Deviation]] = defaultdict(list)
    for aspect in aspects:
        values = aspect.of_word(sounds.habits.words).astype(np.int64)
        votes = sounds.habits.votes(values)
        rows = zip(values.tolist(), votes.tolist(), votes.argmax(axis=1).tolist(), strict=True)
        for place, (actual, row, most) in enumerate(rows):
            deviation = _deviation(sounds, aspect, place, actual, row, most)
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


def _deviation(
    sounds: HitsoundEvidence, aspect: _Aspect, place: int, actual: int, row: Sequence[float], most: int
) -> _Deviation | None:
    """Combine both kinds of evidence on one property of one hit; of the similar places, which `row` counts by value, the most have
    `most`."""
    hit = sounds.habits.hits[place]
    n_alike = int(sum(row))
    likeliest = most if n_alike else actual
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
    bits = of_map + (of_model or 0.0) - (MANIA_DOUBT if sounds.evidence.beatmap.mode is Mode.MANIA else 0.0)
    if aspect in TAIKO_ASPECTS:
        bits -= COLOUR_DOUBT
    if aspect in ADDITION_ASPECTS + TAIKO_ASPECTS[1:] and not likeliest:
        bits -= UNEXPECTED_DOUBT
    return _Deviation(place, aspect, actual, likeliest, n_alike, n_wanted, bits)


def _report(sounds: HitsoundEvidence, group: Sequence[Sequence[_Deviation]]) -> Iterator[Candidate]:
    """Make one candidate of hits with the same deviation, with the numbers of the strongest."""
    evidence = sounds.evidence
    chosen = max(group, key=lambda deviations: deviations[0].bits)
    best = chosen[0]
    rule = _rule(best)
    hit = sounds.habits.hits[best.place]
    event = sounds.score(hit, EventKind.HITSOUND)
    actual, expected = _sound_text(evidence, hit, ()), _sound_text(evidence, hit, chosen)
    probability = None
    if event is not None:
        probability = round(
            sum(
                p
                for e, p in event.expected
                if e.kind is EventKind.HITSOUND and best.aspect.of_event(e.value) == best.wanted
            ),
            3,
        )
    objects = {
        sounds.habits.hits[deviations[0].place].hit_object.index: sounds.habits.hits[deviations[0].place].hit_object
        for deviations in group
    }
    yield candidate(
        rule,
        time=hit.time,
        message=partial(_message, evidence, hit, best, len(group)),
        measure=best.bits,
        curve="map" if event is None else "",
        line=_line(hit, best),
        objects=tuple(objects.values()),
        event=event,
        actual=actual,
        expected=(Expected(expected, probability),),
        edge=hit.edge,
        alike_places=best.n_alike,
        alike_as_expected=best.n_wanted,
        bits=round(best.bits, 2),
        hits=len(group),
    )


def _rule(deviation: _Deviation) -> Rule:
    if deviation.aspect in TAIKO_ASPECTS:
        return COLOUR
    if deviation.aspect in SET_ASPECTS:
        return SAMPLE_SET
    return MISSING if deviation.wanted else UNEXPECTED


def _line(hit: Hit, deviation: _Deviation) -> int:
    """Line of the object, or of the timing point that sets its sample set."""
    own = hit.normal_set != hit.point.sample_set or hit.addition_set != hit.normal_set
    return hit.hit_object.line if own or deviation.aspect not in SET_ASPECTS else hit.point.line


def _sound_text(evidence: Evidence, hit: Hit, changes: Sequence[_Deviation]) -> str:
    """The sound of a hit with the expected value in place of the actual one."""
    additions, normal_set, addition_set = hit.additions, hit.normal_set, hit.addition_set
    for change in changes:
        if change.aspect.name == "sample set":
            normal_set = change.wanted
        elif change.aspect.name == "addition set":
            addition_set = change.wanted
        else:
            bit = BITS[change.aspect.name]
            additions = additions | bit if change.wanted else additions & ~bit
    if evidence.beatmap.mode is Mode.TAIKO:
        return ("big " if additions & BIG else "") + ("kat" if additions & KAT else "don")
    return _named(normal_set, addition_set, additions)


def _named(normal_set: int, addition_set: int, additions: int) -> str:
    name = f"{set_name(normal_set)} hitnormal"
    return f"{name} + {set_name(addition_set)} {addition_names(additions)}" if additions else f"{name}, no addition"


def _message(evidence: Evidence, hit: Hit, deviation: _Deviation, n_hits: int) -> str:
    aspect, place = deviation.aspect, hit_name(hit, evidence.beatmap)
    if aspect in TAIKO_ASPECTS:
        what = f"This note is a {_sound_text(evidence, hit, ())}, where a {_sound_text(evidence, hit, [deviation])} would follow the pattern"
    elif aspect in SET_ASPECTS:
        sound = "hitnormal" if aspect is SET_ASPECTS[0] else addition_names(hit.additions)
        what = f"This {place} plays a {set_name(deviation.actual)} {sound}, where {set_name(deviation.wanted)} would follow the pattern"
    else:
        others = hit.additions & ~BITS[aspect.name]
        has = f"a {addition_names(others)}, but no" if others else "no"
        what = f"This {place} has {has if deviation.wanted else 'a'} {aspect.name}"
    more = f", as {'does' if n_hits == 2 else 'do'} {n_hits - 1} more beside it" if n_hits > 1 else ""
    if deviation.n_wanted > deviation.n_alike / 2:
        does = "have that" if aspect in SET_ASPECTS + TAIKO_ASPECTS else "have one" if deviation.wanted else "have none"
        reason = f"{deviation.n_wanted} of {deviation.n_alike} similar places around ({snap(evidence.beatmap, hit.time).place}) {does}"
    else:
        compared = "sample_set" if aspect in SET_ASPECTS else "sound"
        addition = BITS[aspect.name] if aspect in ADDITION_ASPECTS else 0
        so = "so" if not addition else "one" if deviation.wanted else "none"
        reason = elsewhere.sounds(evidence, hit.time, compared, f"the hits before it suggest {so}", addition)
    return f"{what}{more}; {reason}."


# ---------------------------------------------------------------------------------------------------------------------
# Finishes where sections begin


def _finishes(sounds: HitsoundEvidence) -> Iterator[Candidate]:
    """Downbeats that lack the finish which the starts some measures and phrases away, the song and the other difficulties lead to expect.
    Sections sound different before and after, so few places are similar to where one begins. Not in mania, where additions
    are optional."""
    evidence = sounds.evidence
    if evidence.beatmap.mode not in PLAYFIELD_MODES or not evidence.passages.cells.count:
        return
    starts = evidence.start_habits[:, start_habits.NAMES.index("finish_lost")] / OF_STARTS
    total = starts + evidence.measures.of_objects["finish_missing"] / OF_MEASURES
    ranks = {o.index: rank for rank, o in enumerate(evidence.objects_by_time)}
    downbeats = {round(hit.time): hit for hit in sounds.habits.hits if snap(evidence.beatmap, hit.time).beat < 0.01}
    for hit in downbeats.values():
        bits = float(total[ranks[hit.hit_object.index]])
        if hit.edge or hit.additions & FINISH or bits < LEAST_FINISH:
            continue
        red = evidence.beatmap.red_line_of(hit.time)
        measure = red.beat_length * max(red.meter, 1)
        away = [round(hit.time + sign * count * measure) for count in PHRASES for sign in (-1, 1)]
        others = [downbeats[time] for time in away if time in downbeats]
        actual, expected = (_named(hit.normal_set, hit.addition_set, hit.additions | more) for more in (0, FINISH))
        yield candidate(
            MISSING,
            time=hit.time,
            message=partial(_finish_words, evidence, hit, others),
            measure=bits,
            curve="finish",
            line=hit.hit_object.line,
            objects=[hit.hit_object],
            actual=actual,
            expected=(Expected(expected),),
            edge=0,
            bits=round(bits, 2),
        )


def _finish_words(evidence: Evidence, hit: Hit, others: Sequence[Hit]) -> str:
    have = sum(bool(other.additions & FINISH) for other in others)
    passages = evidence.passages
    in_set = passages.in_siblings("sound", passages.cell_of(hit.time))[0]
    in_set = in_set[in_set >= 0]
    also = int((in_set & FINISH >> 1 > 0).sum())
    reasons = [f"{have} of {len(others)} downbeats 4, 8 or 16 measures away"] if 2 * have > len(others) else []
    if 2 * also > len(in_set):
        reasons.append("the other difficulty" if len(in_set) == 1 else f"{also} of {len(in_set)} {elsewhere.OTHERS}")
    have_one = "has one" if reasons[-1:] == ["the other difficulty"] and len(reasons) == 1 else "have one"
    why = f"{' and '.join(reasons)} {have_one}" if reasons else "the starts some measures and phrases away suggest one"
    has = f"a {addition_names(hit.additions)}, but no" if hit.additions else "no"
    return f"This {hit_name(hit, evidence.beatmap)} on the downbeat has {has} finish; {why}."


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Additions, sample sets and volumes of heads and edges. Not in mania, where they are optional."""
    mode = evidence.beatmap.mode
    if mode is Mode.MANIA:
        return
    found = [hit for hit in hits(evidence.beatmap) if not hit.keysound]
    slots, _ = corruption.grid.locate([hit.time for hit in found])
    hit_of_slot: dict[int, Hit] = {}
    for hit, slot in zip(found, slots.tolist(), strict=True):
        hit_of_slot.setdefault(slot, hit)
    for kind in ("addition",) if mode is Mode.TAIKO else ("addition", "sample_set", "volume"):
        for slot, logit in corruption.peaks(kind, LEAST_PROPOSED_LOGIT, apart=0):
            if slot in hit_of_slot:
                hit = hit_of_slot[slot]
                if kind == "volume" and elsewhere.is_in_all_others(evidence, hit.time, kind):
                    continue
                yield candidate(
                    _doubted_rule(evidence, kind, hit),
                    time=hit.time,
                    line=hit.hit_object.line,
                    objects=[hit.hit_object],
                    proposed=logit,
                    message=partial(_doubted, evidence, kind, hit),
                )


def _doubted_rule(evidence: Evidence, kind: str, hit: Hit) -> Rule:
    """The rule about a kind of corruption at a hit."""
    if kind != "addition":
        return SAMPLE_SET if kind == "sample_set" else VOLUME
    if evidence.beatmap.mode is Mode.TAIKO:
        return COLOUR
    return UNEXPECTED if hit.additions else MISSING


def _doubted(evidence: Evidence, kind: str, hit: Hit) -> str:
    """Words about a kind of corruption at a hit."""
    name = hit_name(hit, evidence.beatmap)
    compared = "sound" if kind == "addition" else kind
    reason = elsewhere.sounds(evidence, hit.time, compared, "the hits around it suggest otherwise")
    match kind:
        case "addition" if evidence.beatmap.mode is Mode.TAIKO:
            return f"This note is a {_sound_text(evidence, hit, ())}; {reason}."
        case "addition":
            return (
                f"This {name} has {f'a {addition_names(hit.additions)}' if hit.additions else 'no addition'}; {reason}."
            )
        case "sample_set":
            return f"This {name} plays the {set_name(hit.normal_set)} set; {reason}."
        case _:
            return f"This {name} is at {hit.volume} % volume; {reason}."


CHECK = BeatmapCheck(
    Category.HITSOUNDS, "Hitsounds", (MISSING, UNEXPECTED, SAMPLE_SET, COLOUR, VOLUME, MUTED, QUIET, NONE), run, propose
)

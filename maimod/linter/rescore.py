"""Turn candidates into findings: the only place that makes scores and severities.

The measure of a candidate gives a score by the curve of its rule. Exact findings keep the score of their certainty.
With both networks the judge (:mod:`maimod.linter.judge`) gives each place one probability from all evidence there, and
the strongest candidate of the place gives the rule and the words.

The judge is fitted on planted mistakes, so a score is the share of findings like this one that are real. Without one,
the log-odds of a rule and those of the discriminator are added with equal weights where it covers the rule, its proposals
become findings too, and the scores of a rule that fires again and again in one map by a network are lowered, because
that is the map's style.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from maimod.discriminator.prediction import NO_PREDICTION, CorruptionLogits
from maimod.features import phrases
from maimod.findings import Category, Finding, Severity, Tier, editor_timestamp
from maimod.linter import places
from maimod.linter.bugs import bug
from maimod.linter.calibration import Calibration
from maimod.linter.judge import Judge
from maimod.linter.places import Entry, Place
from maimod.linter.settings import LEAST_SCORE, LISTED_SCORE
from maimod.osu.beatmap import ALL_MODES, ONLY_CATCH, ONLY_MANIA, SCROLLING_MODES, Mode
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Certainty, Curve, Evidence, places_alike
from maimod.rules.snaps import IS_HEARD

PROBLEM_SCORE, WARNING_SCORE, MINOR_SCORE = 0.85, 0.6, 0.2
"""A finding is a problem, a warning or a minor from this score on (bounded by its rule). An estimate below the last is not
reported, unless it was judged."""
JUDGED_WARNING_SCORE = 0.8
"""Smallest score of a warning that was judged. The judge is fitted as if a map had 0.7 mistakes of each category; a finished
one has fewer, so on ranked maps only the highest scores are right more often than not."""
ALONE_SCORE = 0.3
"""Smallest score of an estimate without the discriminator, which is not a measured probability."""
CANDIDATE_SCORE = 0.05
"""Smallest score of a rule's own measure to be combined with the discriminator; the result is compared with
`MINOR_SCORE`."""
CERTAINTY_SCORES = {
    Certainty.CERTAIN: 0.95,
    Certainty.LIKELY: 0.7,
    Certainty.GUIDELINE: 0.65,
    Certainty.POSSIBLE: 0.4,
    Certainty.HARMLESS: 0.3,
}
"""Score of a candidate without a measure."""
SILENT_LOGIT = -3.0
"""Log-odds of a rule without a measure at the place of a proposal."""
NETWORK_WEIGHT = 0.6
"""Weight of both log-odds without a judge."""
UNTAUGHT_MARGIN, UNTAUGHT_LOGIT = 2.0, -1.38
"""A judge knows the kinds of mistakes that it was fitted on. Where rule and proofreader together have more than the first, a place
keeps log-odds of up to the second (20 %), if the proofreader does not deny it; of kinds left out of the fit much more is found (model
card)."""
WITH_LEAST = {Mode.OSU: frozenset({Category.HITSOUNDS, Category.NEW_COMBOS, Category.KIAI})}
"""Categories in which a place keeps them, by mode. In taiko, catch and mania 0.07, 0.23 and 0.35 places a minute of maps that no network has seen would: of the 19 of mania
none was right, half are effects of scroll speed. Of planted mistakes that the judge misses they list none of 180 in taiko and catch, one of 114 in mania.
In osu! 1 of 680 planted mistakes is listed by them in the other categories, and 7 findings about 142 ranked difficulties, none of them right."""
READ_LOGITS: Mapping[str, float] = {"hitsounds": 0.4, "positions/unexpected": -0.8}
"""Log-odds that a judged place of osu! gains by its rule or its category, because the judge takes all for as common as they were planted. Of the findings about 142
ranked difficulties (307 minutes) that were opened one by one, 12 to 15 of 17 in hitsounds were right, at a mean score of 0.39; of 12 unexpected positions at
most one, at 0.36. At most two of 9 velocities were right too; they are not lowered, because 0.7 would lose one in
ten of those planted in held-out maps and save 0.03 findings a minute."""
SAME_FLAG_LOGIT, FAINT_LOGIT = -1.0, -3.0
"""Log-odds that a place of new combos with more than the second gains where most similar measures and most other difficulties do as the map does. Of planted mistakes of osu!
2 to 9 % are at such places, of the 24 findings about 64 ranked maps that no network was trained on 4, none of them right."""
LEAST_LISTED: Mapping[str, float] = {"scroll-speed": 0.6, "kiai": 0.5, "new-combos": 0.3, "positions/column-slip": 0.3}
"""Smallest score of a listed estimate of a rule or a category where it is more than `LISTED_SCORE`. In 159 maps that no network has seen (298 minutes), judged without
their songs, and in seven changed copies of each, places without a mistake in the maps and planted mistakes in the copies: scroll speed of 0.2 to 0.6, 17 and 7 (of 0.6 to 0.7 0
and 4), kiai of 0.2 to 0.5, 16 and 12, new combos of 0.2 to 0.3, 25 and 25, against 142 and 668 of the others of 0.2 to 0.4."""
LEAST_IN_MODE: Mapping[Mode, Mapping[str, float]] = {
    Mode.MANIA: {"hitsounds": 0.3, "rhythm/wrong-tick": 0.3, "rhythm/chord-slip": 0.3}
}
"""The same in one mode. In 36 maps that no network has seen, judged without their songs, 14 places without a mistake lie between the two, and 17 of 354 planted mistakes in six
changed copies of each."""
SAME_START_LOGIT = -1.0
"""Log-odds that an object at a wrong tick gains where half of the other difficulties and more have one there too. Of 282 planted ones that were listed 25 are so, and 2 of
these are no longer listed; the only three in 33 finished maps were so, and wrong."""
REST_LOGIT = -1.0
"""Log-odds that a spinner that seems to be missing gains in taiko: the criteria ask for rests. Both in 12 finished maps
were wrong; of seven planted ones two are listed without it."""
SAME_SOUND_LOGIT = -4.0
"""Log-odds that additions of a hit of taiko, catch or mania gain where all of the other difficulties, of which two or more have the hit, have the same. Of 17
listed places in 203 maps of these modes, judged without their songs, 3 are so, one of them at the end of a slider, which stays, and of 225 planted mistakes one."""
SAME_COMBO_LOGIT = -2.0
"""Log-odds that new combos of catch gain where half of the other difficulties do as the map does: so are 3 of 9 listed places, and none of 115 planted mistakes."""
SAME_HOLD_LOGIT = -2.0
"""Log-odds that the end of a hold gains where two other difficulties hold a note from the same start to the same end: so are 3 of 9 listed places of these
maps, and at most 5 of 141 planted mistakes."""
SAME_SPEED_LOGIT, NO_LINES_LOGIT = -2.0, -1.5
"""Log-odds that scroll speed gains where another difficulty has the same line, and a stretch at no line of its own on one side: 4 of 7 listed places in taiko and 2 of 137 planted
mistakes are such stretches."""
DENIED_LOGIT = -1.0
"""The proofreader denies what it gives less than these log-odds. In 149 maps that no network has seen, the least log-odds hold at
0.2 places without a mistake a minute of osu!, at 0.4 if the proofreader may deny them; of planted mistakes that loses 1 in 20."""
LEAST_WEIGHED_LOGIT = -3.0
"""Smallest log-odds of a proposal that is weighed without a judge."""
COPIED_RULES = ("new-combos/missing", "hitsounds/missing", "rhythm/missing-object")
"""Rules about what can be forgotten in a phrase before it is copied."""
COPIED = frozenset({Category.RHYTHM, Category.NEW_COMBOS, Category.HITSOUNDS})
"""Categories whose mistakes are copied with a passage; where objects lie on the playfield is mostly made anew."""
PHRASES = "phrases"
"""Evidence of a finding that stands for the same place of several phrases: how many."""
TIMES = "times_ms"
"""Evidence of a finding that stands for several places: their times."""
WRONG_TICK = "rhythm/wrong-tick"
HOLD_SLIP = "rhythm/hold-slip"
"""Of mania: about one note, or about a stretch of holds that all end early or late."""
OF_ADDITIONS = frozenset({"hitsounds/unexpected", "hitsounds/missing"})
SCROLL_STRETCH, AT_LINES = "scroll-speed/stretch", ("begins_at_line", "ends_at_line")
MISSING_SPINNER = "rhythm/spinner-missing"
MISSING_COMBO = "new-combos/missing"
UNEXPECTED_COMBO = "new-combos/unexpected"
OF_COMBOS = frozenset({MISSING_COMBO, UNEXPECTED_COMBO})
FEW_DOUBTS = 2
"""Where a map has more estimates of one rule or category of `ONE_QUESTION`, those with a score below 0.5 are one."""
ONE_QUESTION: Mapping[str, tuple[frozenset[Mode], str]] = {
    "scroll-speed": (ALL_MODES, "the scroll speed is as doubtful at"),
    "new-combos/unexpected": (ONLY_CATCH, "a new combo is as doubtful at"),
    "new-combos/missing": (ONLY_CATCH, "a new combo is as likely at"),
    WRONG_TICK: (SCROLLING_MODES, "the tick is as doubtful at"),
    HOLD_SLIP: (ONLY_MANIA, "the end is as doubtful at"),
}
"""What a map does on purpose or not at all: the modes, and what joins the places in words. Half of all minors of ranked taiko maps were
speeds, in those that change their speed for effect; combos of catch follow the measures more loosely than those of osu!; syncopations of
taiko and mania come in numbers, as holds do that end freely."""
USUAL_FINDINGS, USUAL_FINDINGS_A_MINUTE = 2.0, 1.0
"""Usual number of findings of a rule by a network in a map; more are the map's style. Takes the warnings on 40
untouched ranked maps from 2.02 to 1.87 a minute, and those on a few maps of unusual style from dozens to none."""


LISTED_LOGIT, JUST_LESS = math.log(LISTED_SCORE / (1 - LISTED_SCORE)), 0.01
"""Log-odds of the smallest score that is listed, and what one that is not has less."""


class Scored(msgspec.Struct, frozen=True):
    """A candidate with its score."""

    candidate: Candidate
    score: float
    """0 to 1, from the rule's own measure or from both log-odds."""
    rule_logit: float | None = None
    """Log-odds of the rule's own score; None without the discriminator."""
    discriminator_logit: float | None = None
    """Log-odds of the discriminator; None if it does not cover the rule."""


def rescore(candidates: Iterable[Candidate], evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Make findings of the candidates of one map.

    Args:
        candidates: of the checks of the map, the discriminator's proposals included, and of those of its set that go
            into its report.
        evidence: input of the checks.
        calibration: of the checkpoint that judged.

    Returns:
        Findings to report, in any order, without ids.
    """
    candidates = list(candidates)
    scored, proposals = _scored(candidates, calibration)
    exact = [one for one in scored if one.candidate.rule.tier is Tier.EXACT]
    estimates = [one for one in scored if one.candidate.rule.tier is Tier.ESTIMATED]
    judged: list[Finding] = []
    if calibration.judge is not None and can_judge(evidence):
        judged = [
            _finding(one, evidence, JUDGED_WARNING_SCORE)
            for one in _judge(*_scored(candidates, calibration, is_judged=True), evidence, calibration.judge)
            if one.score >= LEAST_SCORE
        ]
        rules = calibration.judge.rules
        estimates = [one for one in estimates if one.candidate.rule.id not in rules]
        proposals = [(one, logit) for one, logit in proposals if one.rule.id not in rules]
    alone = [one for one in estimates if not _is_covered(one.candidate, evidence) and one.score >= ALONE_SCORE]
    weighed = [one for one in _weigh(estimates, proposals, evidence) if one.score >= MINOR_SCORE]
    others = penalise_repetition([_finding(one, evidence) for one in (*exact, *alone, *weighed)], evidence)
    return [*others, *judged]


def can_judge(evidence: Evidence) -> bool:
    """Whether both networks have seen the map, as the judge requires."""
    return evidence.corruption is not None and evidence.scores is not None and bool(evidence.beatmap.hit_objects)


def judged_places(
    candidates: Iterable[Candidate], evidence: Evidence, calibration: Calibration
) -> tuple[list[Place], np.ndarray]:
    """All places that candidates name, and the features by which they are judged.

    Args:
        candidates: of the checks of one map.
        evidence: of the map, for which :func:`can_judge` holds.
        calibration: its curves score the measures.

    Returns:
        The places, and float32 (n_places, n_features) of :func:`maimod.linter.places.features`.
    """
    return _places(*_scored(candidates, calibration, is_judged=True), evidence)


def _places(
    scored: Sequence[Scored], proposals: Sequence[tuple[Candidate, float]], evidence: Evidence
) -> tuple[list[Place], np.ndarray]:
    corruption = evidence.corruption
    assert corruption is not None
    estimates = [one for one in scored if one.candidate.rule.tier is Tier.ESTIMATED]
    corruption.locate({time for one in estimates for time in _times(one.candidate)})
    found = places.places_of(
        [(one.candidate, _logit(one.score)) for one in estimates],
        proposals,
        {
            id(one.candidate): discriminator_logit(corruption, one.candidate)
            if one.candidate.rule.corruptions
            else NO_PREDICTION
            for one in estimates
        },
        evidence,
    )
    exact = [one.candidate for one in scored if one.candidate.rule.tier is Tier.EXACT]
    return found, places.features(found, exact, evidence)


def _judge(
    scored: Sequence[Scored], proposals: Sequence[tuple[Candidate, float]], evidence: Evidence, judge: Judge
) -> Iterator[Scored]:
    """One finding of each place, with the probability of the judge."""
    found, features = _places(scored, proposals, evidence)
    mode = evidence.beatmap.mode
    for category, numbers in places.by_category(found).items():
        if category not in judge.models:
            continue
        logits = judge.logits(category, features[numbers], mode.label)
        has_least = category in WITH_LEAST.get(mode, ())
        named = [
            (
                best,
                max(
                    _as_listed(best, _as_read(best, logit, evidence), mode),
                    _least_logit(best) if has_least else -math.inf,
                ),
            )
            for number, logit in zip(numbers.tolist(), logits.tolist(), strict=True)
            if (best := found[number].best_of(judge.rules)) is not None
        ]
        for (candidate, own, discriminator), logit in _questions(list(_named_once(named, evidence)), mode):
            yield Scored(candidate, round(1 / (1 + math.exp(-logit)), 4), own, discriminator)


def _as_read(entry: Entry, logit: float, evidence: Evidence) -> float:
    """The log-odds of a place, as reading findings about ranked maps moves them."""
    rule, mode = entry[0].rule, evidence.beatmap.mode
    if rule.id == WRONG_TICK and elsewhere.is_start_of_most(evidence, entry[0].time):
        logit += SAME_START_LOGIT
    if rule.id == MISSING_SPINNER and mode is Mode.TAIKO:
        logit += REST_LOGIT
    if mode is not Mode.OSU:
        return logit + _as_in_set(entry[0], evidence)
    is_combo = rule.category is Category.NEW_COMBOS and logit > FAINT_LOGIT
    if is_combo and elsewhere.has_same_flag(evidence, entry[0].time, rule.id != MISSING_COMBO, in_set=True):
        # The faint ones stay: most places are so, and phrases are compared with the median of all.
        return max(logit + SAME_FLAG_LOGIT, FAINT_LOGIT)
    return logit + READ_LOGITS.get(rule.id, READ_LOGITS.get(rule.category, 0.0))


def _as_in_set(found: Candidate, evidence: Evidence) -> float:
    """Log-odds that a place of taiko, catch or mania gains by what the other difficulties have, and by the lines around it."""
    rule, added = found.rule, 0.0
    if rule.id in OF_ADDITIONS and elsewhere.is_in_all_others(evidence, found.time, "sound"):
        added += SAME_SOUND_LOGIT
    if rule.id in OF_COMBOS and elsewhere.is_flag_of_half(evidence, found.time, rule.id != MISSING_COMBO):
        added += SAME_COMBO_LOGIT
    if rule.id == HOLD_SLIP and len(found.objects) == 1 and elsewhere.holds_alike(evidence, found.objects[0]) > 1:
        added += SAME_HOLD_LOGIT
    if rule.category is Category.SCROLL_SPEED and elsewhere.is_speed_of_another(evidence, found.time):
        added += SAME_SPEED_LOGIT
    if rule.id == SCROLL_STRETCH and not all(found.numbers.get(name, True) for name in AT_LINES):
        added += NO_LINES_LOGIT
    return added


def _as_listed(entry: Entry, logit: float, mode: Mode) -> float:
    """The log-odds of a place, less than any that is listed if they are too small for its rule."""
    rule = entry[0].rule
    limits = {**LEAST_LISTED, **LEAST_IN_MODE.get(mode, {})}
    least = limits.get(rule.id, limits.get(rule.category, 0.0))
    return logit if logit >= _logit(least) else min(logit, LISTED_LOGIT - JUST_LESS)


def _least_logit(entry: Entry) -> float:
    """Log-odds that a place keeps whatever the judge says: a minor, where the rule is sure and the proofreader does not deny it."""
    candidate, own, discriminator = entry
    if candidate.rule.corruptions and discriminator < DENIED_LOGIT:
        return -math.inf
    curve = candidate.rule.curves.get(candidate.curve)
    if isinstance(curve, Curve):
        entry = candidate, min(own, _logit(curve.highest)), discriminator
    return min(NETWORK_WEIGHT * places.both(entry) - UNTAUGHT_MARGIN, UNTAUGHT_LOGIT)


def _named_once(named: Sequence[tuple[Entry, float]], evidence: Evidence) -> Iterator[tuple[Entry, float]]:
    """Candidates with their log-odds; those that were copied with a phrase become one, with their log-odds together."""
    folded: set[int] = set()
    for rule in COPIED_RULES:
        own = [number for number, ((candidate, _, _), _) in enumerate(named) if candidate.rule.id == rule]
        times = np.array([named[number][0][0].time for number in own])
        for group, logit in phrases.pooled(evidence.passages.cells, times, np.array([named[n][1] for n in own])):
            members = [own[number] for number in group]
            folded.update(members)
            (candidate, measured, discriminator), likeliest = max(
                (named[number] for number in members), key=lambda one: one[1]
            )
            # What the other difficulties lack too was not copied by mistake: of new combos planted away from every phrase 9 % are so.
            if rule == MISSING_COMBO and elsewhere.others_lack_flags(evidence, times[group].tolist()):
                logit = likeliest
            at_all = _at_all(candidate, times[group].tolist())
            at_all = replace(at_all, numbers={**at_all.numbers, PHRASES: len(group)})
            yield (at_all, measured, discriminator), logit
    yield from _in_copies([one for number, one in enumerate(named) if number not in folded], evidence)


_TIME = re.compile(r"\d+:\d\d:\d{3}|[\d.]+ ms")


def _in_copies(named: Sequence[tuple[Entry, float]], evidence: Evidence) -> Iterator[tuple[Entry, float]]:
    """Candidates with their log-odds; of listed ones that doubt the same at the same place of copies of a measure the likeliest,
    which names the others: what was copied with a passage is one mistake."""
    listed: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, ((candidate, _, _), logit) in enumerate(named):
        if logit >= LISTED_LOGIT and candidate.rule.category in COPIED:
            texts = (candidate.actual, *(one.text for one in candidate.expected[:1]))
            listed[candidate.rule.id, *(_TIME.sub("", text) for text in texts)].append(number)
    passages, folded = evidence.passages, set[int]()
    for own in listed.values() if passages.cells.count else ():
        cells = {number: int(passages.cell_of(named[number][0][0].time)[0]) for number in own if len(own) > 1}
        for first in sorted(cells, key=lambda number: -named[number][1]):
            copies = set(passages.copies_of(np.array([cells[first]]))[0].tolist())
            others = [number for number in cells if number != first and cells[number] in copies]
            if first in folded or not (others := [number for number in others if number not in folded]):
                continue
            (candidate, measured, discriminator), logit = named[first]
            folded.update(others, [first])
            times = sorted(named[number][0][0].time for number in (first, *others))
            yield (_at_all(candidate, times), measured, discriminator), logit
    yield from (one for number, one in enumerate(named) if number not in folded)


def _questions(named: Sequence[tuple[Entry, float]], mode: Mode) -> Sequence[tuple[Entry, float]]:
    """Candidates with their log-odds; where more than `FEW_DOUBTS` of one of `ONE_QUESTION` are listed, of those that are unlikely the
    likeliest, which names the others."""
    for question, (modes, words) in ONE_QUESTION.items():
        own = [one for one in named if mode in modes and question in (one[0][0].rule.id, one[0][0].rule.category)]
        listed = [one for one in own if one[1] >= LISTED_LOGIT]
        unlikely = [one for one in listed if one[1] < 0.0]
        if len(listed) > FEW_DOUBTS and len(unlikely) > 1:
            (candidate, measured, discriminator), logit = max(unlikely, key=lambda one: one[1])
            times = sorted({time for (one, _, _), _ in unlikely for time in one.numbers.get(TIMES, [one.time])})
            at_all = (_at_all(candidate, times, words, "place"), measured, discriminator)
            named = [(at_all, logit), *(one for one in named if not any(one is other for other in unlikely))]
    return named


def _at_all(
    candidate: Candidate, times: Sequence[float], what: str = "the same in", place: str = "phrase"
) -> Candidate:
    """A candidate that also names other places, as those of its phrase or passage, by their times in ms."""
    named = candidate.numbers.get(TIMES, [candidate.time])
    others = [time for time in times if time not in named]
    return replace(
        candidate,
        words=f"{_message(candidate).removesuffix('.')}{places_alike(others, what, place)}.",
        numbers={**candidate.numbers, "places": len(times), TIMES: list(times)},
    )


def _logit(score: float) -> float:
    score = min(max(score, 1e-3), 1 - 1e-3)
    return math.log(score / (1 - score))


def severity(highest: Severity, score: float, warning: float = WARNING_SCORE) -> Severity:
    """The severity of a score, no worse than `highest`; warnings have a score of at least `warning`."""
    deserved = Severity.PROBLEM if score >= PROBLEM_SCORE else Severity.WARNING if score >= warning else Severity.MINOR
    return max(deserved, highest, key=lambda one: one.rank)


# ---------------------------------------------------------------------------------------------------------------------
# Score


def _scored(
    candidates: Iterable[Candidate], calibration: Calibration, is_judged: bool = False
) -> tuple[list[Scored], list[tuple[Candidate, float]]]:
    """Score the measures of the rules; of several candidates for one finding the best is kept. The judge sees all that they measure,
    also what is too much for the highest score that a curve gives on its own.

    Proposals of the discriminator are returned apart, with their log-odds.
    """
    best: dict[tuple[object, ...], Scored] = {}
    proposals: list[tuple[Candidate, float]] = []
    for place, one in enumerate(candidates):
        if one.proposed is not None:
            proposals.append((one, one.proposed))
            continue
        if one.measure is None:
            score = CERTAINTY_SCORES[one.certainty]
        else:
            score = calibration.score(one.rule, one.curve, one.measure, is_judged)
        # Equal exact findings are not merged: each has its own subject.
        key: tuple[object, ...] = (place,)
        if one.measure is not None:
            key = (one.rule.id, one.time, tuple(o.index for o in one.objects), one.line)
        if key not in best or score > best[key].score:
            best[key] = Scored(one, round(score, 4))
    return list(best.values()), proposals


def _is_covered(candidate: Candidate, evidence: Evidence) -> bool:
    return evidence.corruption is not None and bool(candidate.rule.corruptions)


def _weigh(
    scored: Iterable[Scored], proposals: Iterable[tuple[Candidate, float]], evidence: Evidence
) -> Iterator[Scored]:
    """Combine both log-odds; a proposal counts where no rule has found the same."""
    corruption = evidence.corruption
    if corruption is None:
        return
    covered: set[tuple[str, int]] = set()
    for one in scored:
        if _is_covered(one.candidate, evidence) and one.score >= CANDIDATE_SCORE:
            covered |= _covers(one.candidate)
            yield _both(one.candidate, _logit(one.score), discriminator_logit(corruption, one.candidate))
    for candidate, logit in proposals:
        if logit >= LEAST_WEIGHED_LOGIT and not covered & _covers(candidate):
            yield _both(candidate, SILENT_LOGIT, logit)


def _both(candidate: Candidate, rule: float, discriminator: float) -> Scored:
    logit = max(min(NETWORK_WEIGHT * (rule + discriminator), 30.0), -30.0)
    return Scored(candidate, round(1 / (1 + math.exp(-logit)), 4), rule, discriminator)


def _covers(candidate: Candidate) -> set[tuple[str, int]]:
    """(kind of corruption, index of the object) covered by a candidate; without objects the negative line of the
    file."""
    places = [o.index for o in candidate.objects] or [-candidate.line]
    return {(kind, place) for kind in candidate.rule.corruptions for place in places}


def discriminator_logit(corruption: CorruptionLogits, candidate: Candidate) -> float:
    """Log-odds of the discriminator for a candidate: by the rule's own function, else the highest of its corruptions at
    the times of the candidate and its objects."""
    rule = candidate.rule
    if rule.discriminator_logit is not None:
        return rule.discriminator_logit(corruption, candidate)
    return corruption.at(rule.corruptions, _times(candidate))


def _times(candidate: Candidate) -> list[float]:
    """Ms of a candidate and of its objects."""
    return [candidate.time, *(o.time for o in candidate.objects)]


# ---------------------------------------------------------------------------------------------------------------------
# Findings


def _finding(one: Scored, evidence: Evidence, warning: float = WARNING_SCORE) -> Finding:
    found = one.candidate
    numbers = dict(found.numbers)
    highest = Severity.MINOR if _is_minor(one, evidence) else found.rule.severity
    if one.rule_logit is not None and one.discriminator_logit is not None:
        numbers |= {"first_reading": round(one.rule_logit, 2), "second_reading": round(one.discriminator_logit, 2)}
    return Finding(
        rule=found.rule.id,
        category=found.rule.category,
        severity=severity(highest, one.score, warning),
        score=one.score,
        message=f"{_message(found)} {found.rule.advice}".rstrip(),
        time=found.time,
        timestamp=editor_timestamp(evidence.beatmap, found.time, found.objects),
        line=found.line,
        objects=tuple(o.index for o in found.objects),
        end_time=found.end_time,
        surprisal=None if found.event is None else round(found.event.surprisal, 2),
        entropy=None if found.event is None else round(found.event.entropy, 2),
        actual=found.actual,
        expected=found.expected,
        evidence=numbers,
        tier=found.rule.tier,
    )


def _is_minor(one: Scored, evidence: Evidence) -> bool:
    """Whether an estimate is no warning, however likely it is."""
    found = one.candidate
    # The song has it there: a rhythm of its own, though the rest of the map is on other ticks.
    if found.numbers.get(IS_HEARD):
        return True
    if one.rule_logit is None:
        return False
    # What is missing at the same place of every phrase can be a copied slip, but in 166 minutes of ranked maps it was style; so is an
    # object off its tick where most similar measures have one. Of 21 planted ones 6 are in such places.
    if TIMES in found.numbers or (found.rule.id == WRONG_TICK and elsewhere.is_usual_start(evidence, found.time)):
        return True
    # Without the song the networks take a syncopation for a slip: all three such warnings in 22 ranked maps were wrong.
    return evidence.envelope is None and found.rule.category is Category.RHYTHM


def _message(candidate: Candidate) -> str:
    """The words of a candidate, or of the bug in them: the other findings are shown all the same."""
    try:
        return candidate.message
    except Exception as error:
        return bug(candidate.rule.id, error)


def rests_on_network(finding: Finding) -> bool:
    """Whether the generator or the discriminator had a part in a finding; never true of an exact one."""
    return finding.tier is Tier.ESTIMATED and (finding.surprisal is not None or "second_reading" in finding.evidence)


def penalise_repetition(findings: Sequence[Finding], evidence: Evidence) -> list[Finding]:
    """Lower the scores of rules that fire again and again by a network, because that is the style of the map.

    Args:
        findings: of one beatmap.
        evidence: of the beatmap.

    Returns:
        The findings, without those whose lowered score is too small to report.
    """
    often = Counter(finding.rule for finding in findings if rests_on_network(finding))
    usual = USUAL_FINDINGS + evidence.beatmap.drain_ms / 60_000 * USUAL_FINDINGS_A_MINUTE
    kept = []
    for finding in findings:
        if rests_on_network(finding) and often[finding.rule] > usual:
            score = round(finding.score * usual / often[finding.rule], 4)
            if score < MINOR_SCORE:
                continue
            finding = replace(finding, score=score, severity=severity(finding.severity, score))
        kept.append(finding)
    return kept

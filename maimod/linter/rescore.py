"""Turn candidates into findings: the only place that makes scores and severities.

The measure of a candidate gives a score by the curve of its rule. Exact findings keep the score of their certainty.
With both networks the judge (:mod:`maimod.linter.judge`) gives each place one probability from all evidence there, and
the strongest candidate of the place gives the rule and the words; what reading findings about ranked maps showed moves it
(:mod:`maimod.linter.adjustments`), and places that are one mistake become one (:mod:`maimod.linter.merging`).

The judge is fitted on planted mistakes, so a score is the share of findings like this one that are real. Without one,
the log-odds of a rule and those of the discriminator are added with equal weights where it covers the rule, its proposals
become findings too, and the scores of a rule that fires again and again in one map by a network are lowered, because
that is the map's style.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from maimod.discriminator.prediction import NO_PREDICTION, CorruptionLogits
from maimod.findings import Category, Finding, Severity, Tier, editor_timestamp
from maimod.linter import places
from maimod.linter.adjustments import WRONG_TICK, adjusted
from maimod.linter.bugs import message_of
from maimod.linter.calibration import Calibration
from maimod.linter.judge import Judge
from maimod.linter.merging import Judged, merged
from maimod.linter.places import NETWORK_WEIGHT, SILENT, Place, RatedCandidate, logit_of
from maimod.linter.settings import LEAST_SCORE
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS
from maimod.osu.names import in_words_of_mode
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Certainty
from maimod.rules.bundles import TIMES
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds.volume import QUIET, QUIET_PERCENT
from maimod.rules.rhythm.snaps import IS_HEARD

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
LEAST_WEIGHED_LOGIT = -3.0
"""Smallest log-odds of a proposal that is weighed without a judge."""
OF_SECTIONS = frozenset({Category.HITSOUNDS, Category.SCROLL_SPEED})
"""Categories of what changes with a section: of the 11 findings about sounds in 46 maps of taiko and catch that reading showed wrong, 4 were at a border of kiai or beside a break."""
USUAL_FINDINGS, USUAL_FINDINGS_A_MINUTE = 2.0, 1.0
"""Usual number of findings of a rule by a network in a map; more are the map's style. Takes the warnings on 40
untouched ranked maps from 2.02 to 1.87 a minute, and those on a few maps of unusual style from dozens to none."""


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
    alone = [
        one
        for one in estimates
        if one.score >= ALONE_SCORE
        and not _is_covered(one.candidate, evidence)
        and not _is_quiet_in_most(one.candidate, evidence)
    ]
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
    rated = [
        RatedCandidate(one.candidate, logit_of(one.score), _prediction(corruption, one.candidate)) for one in estimates
    ]
    rated += [RatedCandidate(one, SILENT, logit) for one, logit in proposals]
    found = places.places_of(rated, evidence)
    exact = [one.candidate for one in scored if one.candidate.rule.tier is Tier.EXACT]
    return found, places.features(found, exact, evidence)


def _prediction(corruption: CorruptionLogits, candidate: Candidate) -> float:
    """Log-odds of the discriminator for a candidate, whether or not it covers the rule."""
    return discriminator_logit(corruption, candidate) if candidate.rule.corruptions else NO_PREDICTION


def _judge(
    scored: Sequence[Scored], proposals: Sequence[tuple[Candidate, float]], evidence: Evidence, judge: Judge
) -> Iterator[Scored]:
    """One finding of each place, with the probability of the judge."""
    found, features = _places(scored, proposals, evidence)
    for category, numbers in places.by_category(found).items():
        if category not in judge.models:
            continue
        logits = judge.logits(category, features[numbers], evidence.beatmap.mode.label)
        judged = [
            Judged(best.candidate, best.rule_logit, best.discriminator_logit, adjusted(best, logit, evidence))
            for number, logit in zip(numbers.tolist(), logits.tolist(), strict=True)
            if (best := found[number].best_of(judge.rules)) is not None
        ]
        for one in merged(judged, evidence):
            score = round(1 / (1 + math.exp(-one.logit)), 4)
            yield Scored(one.candidate, score, one.rule_logit, one.discriminator_logit)


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


def _is_quiet_in_most(candidate: Candidate, evidence: Evidence) -> bool:
    """Whether an estimate is about quiet hits where the lines of most of several other difficulties are as quiet, whether or not these have a hit there: the
    song is quiet. In 261 osu! and catch maps 3 of 13 were so. The judge does not see the rule, but its measure is evidence for others, so this is not left
    to the rule."""
    if candidate.rule.id != QUIET.id or len(evidence.others) < 2:
        return False
    volumes = [
        [other.timing_point_at(time + HITSOUND_LENIENCY_MS).volume for other in evidence.others]
        for time in candidate.numbers.get(TIMES, [candidate.time])
    ]
    return all(2 * sum(volume <= QUIET_PERCENT for volume in here) > len(here) for here in volumes)


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
            yield _both(one.candidate, logit_of(one.score), discriminator_logit(corruption, one.candidate))
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
    words = " ".join(part for part in (message_of(found), _border(found, evidence), found.rule.advice) if part)
    if found.rule.category is Category.SLIDERS:  # their rules speak of sliders in catch too
        words = in_words_of_mode(words, evidence.beatmap)
    return Finding(
        rule=found.rule.id,
        category=found.rule.category,
        severity=severity(highest, one.score, warning),
        score=one.score,
        message=words,
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


def _border(found: Candidate, evidence: Evidence) -> str:
    """What may explain an estimate about sounds or speed: the border of a section is there; empty if none is."""
    if found.rule.tier is not Tier.ESTIMATED or found.rule.category not in OF_SECTIONS:
        return ""
    return elsewhere.border(evidence, found.time, found.objects)


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

"""Make one candidate of judged places that are one mistake or one question.

What was forgotten before a phrase or a passage was copied is one mistake at all its places; what a map does throughout is one question about its style.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from maimod.features.copies import phrases
from maimod.findings import Category
from maimod.linter.adjustments import HOLD_SLIP, LISTED_LOGIT, MISSING_COMBO, UNEXPECTED_COMBO, WRONG_TICK
from maimod.linter.bugs import message_of
from maimod.osu.beatmap import ALL_MODES, ONLY_CATCH, ONLY_MANIA, SCROLLING_MODES, Mode
from maimod.rules import elsewhere
from maimod.rules.base import Candidate
from maimod.rules.bundles import TIMES, places_alike
from maimod.rules.evidence import Evidence

COPIED_RULES = (MISSING_COMBO, "hitsounds/missing", "rhythm/missing-object")
"""Rules about what can be forgotten in a phrase before it is copied."""
COPIED = frozenset({Category.RHYTHM, Category.NEW_COMBOS, Category.HITSOUNDS})
"""Categories whose mistakes are copied with a passage; where objects lie on the playfield is mostly made anew."""
COPIED_FORMS = frozenset({"sliders/form", "sliders/repeats"})
"""Rules of other categories about the rhythm."""
PHRASES = "phrases"
"""Evidence of a finding that stands for the same place of several phrases: how many."""
_TIME = re.compile(r"\d+:\d\d:\d{3}|[\d.]+ ms")
FEW_DOUBTS = 2
"""Where a map has more estimates of one rule or category of `ONE_QUESTION`, those with a score below 0.5 are one."""
ONE_QUESTION: Mapping[str, tuple[frozenset[Mode], str]] = {
    "scroll-speed": (ALL_MODES, "the scroll speed is as doubtful at"),
    UNEXPECTED_COMBO: (ONLY_CATCH, "a new combo is as doubtful at"),
    MISSING_COMBO: (ONLY_CATCH, "a new combo is as likely at"),
    WRONG_TICK: (SCROLLING_MODES, "the tick is as doubtful at"),
    HOLD_SLIP: (ONLY_MANIA, "the end is as doubtful at"),
}
"""What a map does on purpose or not at all: the modes, and what joins the places in words. Half of all minors of ranked taiko maps were
speeds, in those that change their speed for effect; combos of catch follow the measures more loosely than those of osu!; syncopations of
taiko and mania come in numbers, as holds do that end freely."""


class Judged(msgspec.Struct, frozen=True):
    """The candidate that names a place, with the probability of a mistake there."""

    candidate: Candidate
    rule_logit: float
    """Log-odds of the rule's own measure."""
    discriminator_logit: float
    logit: float
    """Log-odds of the judge, as reading moves them."""

    @property
    def is_listed(self) -> bool:
        """Whether its score is one of those that are listed."""
        return self.logit >= LISTED_LOGIT


def merged(judged: Sequence[Judged], evidence: Evidence) -> Sequence[Judged]:
    """Judged candidates of one category, those that are one mistake or one question as one.

    Args:
        judged: one for each place.
        evidence: of the map.

    Returns:
        Candidates in any order; one of several places has their times in ms as `TIMES`.
    """
    return _questions(list(_of_phrases(judged, evidence)), evidence.beatmap.mode)


def _of_phrases(judged: Sequence[Judged], evidence: Evidence) -> Iterator[Judged]:
    """Candidates; those that were copied with a phrase become one, with their log-odds together."""
    folded: set[int] = set()
    for rule in COPIED_RULES:
        own = [number for number, one in enumerate(judged) if one.candidate.rule.id == rule]
        times = np.array([judged[number].candidate.time for number in own])
        logits = np.array([judged[number].logit for number in own])
        for group, logit in phrases.pooled(evidence.passages.cells, times, logits):
            members = [own[number] for number in group]
            folded.update(members)
            likeliest = max((judged[number] for number in members), key=lambda one: one.logit)
            # What the other difficulties lack too was not copied by mistake: of new combos planted away from every phrase 9 % are so.
            if rule == MISSING_COMBO and elsewhere.others_lack_flags(evidence, times[group].tolist()):
                logit = likeliest.logit
            at_all = _at_all(likeliest.candidate, times[group].tolist())
            at_all = replace(at_all, numbers={**at_all.numbers, PHRASES: len(group)})
            yield msgspec.structs.replace(likeliest, candidate=at_all, logit=logit)
    yield from _of_copies([one for number, one in enumerate(judged) if number not in folded], evidence)


def _of_copies(judged: Sequence[Judged], evidence: Evidence) -> Iterator[Judged]:
    """Candidates; of listed ones that doubt the same at the same place of copies of a measure the likeliest, which names the others:
    what was copied with a passage is one mistake."""
    alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, one in enumerate(judged):
        candidate = one.candidate
        is_copied = candidate.rule.category in COPIED or candidate.rule.id in COPIED_FORMS
        if one.is_listed and is_copied:
            texts = (candidate.actual, *(expected.text for expected in candidate.expected[:1]))
            alike[candidate.rule.id, *(_TIME.sub("", text) for text in texts)].append(number)
    passages, folded = evidence.passages, set[int]()
    for own in alike.values() if passages.cells.count else ():
        cells = {number: int(passages.cell_of(judged[number].candidate.time)[0]) for number in own if len(own) > 1}
        for first in sorted(cells, key=lambda number: -judged[number].logit):
            copies = set(passages.copies_of(np.array([cells[first]]))[0].tolist())
            others = [number for number in cells if number != first and cells[number] in copies]
            if first in folded or not (others := [number for number in others if number not in folded]):
                continue
            folded.update(others, [first])
            times = sorted(judged[number].candidate.time for number in (first, *others))
            yield msgspec.structs.replace(judged[first], candidate=_at_all(judged[first].candidate, times))
    yield from (one for number, one in enumerate(judged) if number not in folded)


def _questions(judged: Sequence[Judged], mode: Mode) -> Sequence[Judged]:
    """Candidates; where more than `FEW_DOUBTS` of one of `ONE_QUESTION` are listed, of those that are unlikely the likeliest, which names
    the others."""
    for question, (modes, words) in ONE_QUESTION.items():
        rules = [(one, one.candidate.rule) for one in judged if mode in modes]
        listed = [one for one, rule in rules if one.is_listed and question in (rule.id, rule.category)]
        unlikely = [one for one in listed if one.logit < 0.0]
        if len(listed) > FEW_DOUBTS and len(unlikely) > 1:
            likeliest = max(unlikely, key=lambda one: one.logit)
            candidates = [one.candidate for one in unlikely]
            times = sorted({time for one in candidates for time in one.numbers.get(TIMES, [one.time])})
            at_all = _at_all(likeliest.candidate, times, words, "place")
            others = [one for one in judged if not any(one is other for other in unlikely)]
            judged = [msgspec.structs.replace(likeliest, candidate=at_all), *others]
    return judged


def _at_all(
    candidate: Candidate, times: Sequence[float], what: str = "the same in", place: str = "phrase"
) -> Candidate:
    """A candidate that also names other places, as those of its phrase or passage, by their times in ms."""
    named = candidate.numbers.get(TIMES, [candidate.time])
    others = [time for time in times if time not in named]
    return replace(
        candidate,
        words=f"{message_of(candidate).removesuffix('.')}{places_alike(others, what, place)}.",
        numbers={**candidate.numbers, "places": len(times), TIMES: list(times)},
    )

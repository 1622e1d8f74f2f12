"""New combos: flags that break the map's pattern of combos, or that the model does not expect."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, ObjectKind
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid, snap
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

PSEUDO_COUNT = 0.5
"""Added to the count of every combo length, so that a new one is unlikely but possible."""
NEIGHBOURS = 2
"""A flag this many objects off is called misplaced rather than extra."""
MOVE_BITS = 2.0
"""Bits subtracted for a misplaced flag, because there are four places to move it to."""
REST_BEATS = 8.0
"""What is longer between two objects is a rest, which belongs to no combo."""
STYLE_BITS = 2.0
"""Bits for a flag with each doubling of the number of places with the same combos before and after: it is a pattern.
"""
LONG_STYLE_BITS = 1.2
"""The same for each doubling of the number of combos of this length, in addition to their share."""
MODEL_BITS = 6.0
"""Limit of the model's bits, for or against: it sees half a minute, the habits are those of the whole map."""
HABIT_BITS = 12.0
UNEXPECTED_CURVE = Curve(middle=10.2, scale=1.8)
MISSING_CURVE = Curve(middle=2.9, scale=0.9)
"""Curves of the map alone: 60 ranked maps have 0.3 flags a minute above 10.3 bits and 0.3 combos above 2.9."""
MODEL_USUAL_BITS = 3.0
"""Usual bits of a model against a flag, since it gives most flags less than even odds."""
N_COMMON = 3
"""Most combo lengths named in a message."""


_SOURCE = "https://osu.ppy.sh/wiki/en/Beatmapping/Combo"
MISSING = Rule(
    "new-combos/missing",
    "New combo missing",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map", "model"),
    why="New combos show players where a musical phrase begins; a combo that continues into the next phrase hides it.",
    how="The length of the combo in beats is compared with that of all other combos of this map: it is rare, while the "
    "two parts that a flag on this object would make are common. The model's probability of a flag here is added.",
    advice="Does a new phrase begin here?",
    ignore_when="the phrase is longer here, or the pattern is one combo on purpose.",
    blind_spots="Maps whose combos have no usual length; a combo whose doubled length is common as well. Colours are "
    "not checked.",
    source=_SOURCE,
    modes=PLAYFIELD_MODES,
    curves={"": MISSING_CURVE},
    corruptions=("combo",),
    proposal="The surrounding combos and those at similar places suggest a new combo here.",
)
UNEXPECTED = Rule(
    "new-combos/unexpected",
    "Unexpected new combo",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map", "model"),
    why="A flag inside a phrase splits a unit of the music, and suggests a change that is not there.",
    how="The combos before and after the flag have lengths that are rare in this map, while without the flag, or with "
    "it one or two objects away, they would be common. A rest of more than eight beats belongs to no combo. The "
    "model's probability against a flag here is added.",
    advice="Does something new begin here?",
    ignore_when="the flag marks a single sound or a change of rhythm, or one combo for each note is the style of the "
    "passage.",
    blind_spots="Maps whose combos have no usual length. Combo colours and skipped colours are not checked.",
    source=_SOURCE,
    modes=PLAYFIELD_MODES,
    curves={"": UNEXPECTED_CURVE},
    corruptions=("combo",),
    proposal="The surrounding combos and those at similar places suggest no new combo here.",
)


class Verdict(msgspec.Struct, frozen=True):
    """Evidence against a flag, or a missing flag, on an object."""

    place: int
    """Index among the objects sorted by time."""
    habit: float
    """Bits by which the map's combo lengths become likelier with the change."""
    model: float
    """Bits: log-odds of the model for changing it; 0 without a model."""
    event: EventScore | None
    lengths: tuple[int, ...]
    """Ticks of the combos before and after."""
    shift: int
    """Objects from here to where the flag fits better; 0 if it is one too many or too few."""


class Combos:
    """The combos of a map and their usual lengths."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.objects = evidence, evidence.objects_by_time
        grid = BeatGrid(evidence.beatmap)
        self.ticks = [int(tick) for tick in grid.ticks(np.array([o.time for o in self.objects]))]
        spinners = [o.kind is ObjectKind.SPINNER for o in self.objects]
        # The first object and objects after spinners always start a combo; a spinner's own flag has no meaning.
        self.forced = [i == 0 or spinners[i] or spinners[i - 1] for i in range(len(self.objects))]
        self.starts = [i for i, o in enumerate(self.objects) if o.new_combo or self.forced[i]]
        over = [int(tick) for tick in grid.ticks(np.array([o.end_time for o in self.objects]))]
        ends = [self._end(over[i - 1], self.ticks[i]) for i in self.starts[1:]] + [self.ticks[-1] + TICKS_PER_BEAT]
        self.ends = ends
        self.lengths = Counter(end - self.ticks[start] for start, end in zip(self.starts, ends, strict=True))

    @staticmethod
    def _end(over: int, start: int) -> int:
        """Tick at which a combo ends whose last object is over at one tick, before the combo that starts at another: after a rest its
        length says nothing."""
        return start if start - over <= REST_BEATS * TICKS_PER_BEAT else over + TICKS_PER_BEAT

    def bits(self, *lengths: int, without: Mapping[int, int]) -> float:
        """Log2-probability of combos of these lengths [ticks] by the map's other combos, without those in `without`."""
        total = len(self.starts) - sum(without.values()) + PSEUDO_COUNT * (len(self.lengths) + 1)
        return sum(math.log2((max(self.lengths[n] - without.get(n, 0), 0) + PSEUDO_COUNT) / total) for n in lengths)

    def around(self, number: int) -> tuple[int, int]:
        """Ticks of the combo before and of the combo at the flag of this number."""
        here = self.ticks[self.starts[number]]
        return self.ends[number - 1] - self.ticks[self.starts[number - 1]], self.ends[number] - here

    def unexpected(self) -> Iterator[Verdict]:
        """Evidence against every flag in the file."""
        pairs = Counter(self.around(number) for number in range(1, len(self.starts)))
        for number, (before, start) in enumerate(zip(self.starts, self.starts[1:], strict=False), start=1):
            if self.forced[start]:
                continue
            begin, end = self.ticks[before], self.ends[number]
            lengths = self.around(number)
            style = STYLE_BITS * math.log2(pairs[lengths])
            without = Counter(lengths)
            actual = self.bits(*lengths, without=without)
            best, shift = self.bits(end - begin, without=without), 0
            for by in range(-NEIGHBOURS, NEIGHBOURS + 1):
                other = start + by
                if by and before < other < len(self.objects) and begin < self.ticks[other] < end:
                    moved = self.bits(self.ticks[other] - begin, end - self.ticks[other], without=without) - MOVE_BITS
                    if moved > best:
                        best, shift = moved, by
            event = next((s for s in self.events(start) if s.event.kind is EventKind.NEW_COMBO), None)
            model = 0.0 if event is None else -_log_odds(2.0**-event.surprisal) - MODEL_USUAL_BITS
            yield Verdict(start, best - actual - style, model, event, lengths, shift)

    def missing(self) -> Iterator[Verdict]:
        """Evidence for a missing flag in every combo, at the best place to divide it."""
        for number, start in enumerate(self.starts):
            begin, end = self.ticks[start], self.ends[number]
            stop = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.objects)
            without = {end - begin: 1}
            actual = self.bits(end - begin, without=without) + LONG_STYLE_BITS * math.log2(self.lengths[end - begin])
            verdicts = []
            for place in range(start + 1, stop):
                here = self.ticks[place]
                habit = self.bits(here - begin, end - here, without=without) - actual
                event, probability = self.expected_flag(place)
                model = 0.0 if event is None else _log_odds(probability)
                verdicts.append(Verdict(place, habit, model, event, (here - begin, end - here), 0))
            if verdicts:
                yield max(verdicts, key=total)

    def events(self, place: int) -> list[EventScore]:
        """Scores of the events of the object's head."""
        own = self.evidence.scores_by_object.get(self.objects[place].index, [])
        return [score for score in own if score.event.group == own[0].event.group]

    def expected_flag(self, place: int) -> tuple[EventScore | None, float]:
        """The event at which the model most expected a flag, and its probability."""
        events = self.events(place)
        if not events:
            return None, 0.0
        offers = [
            (next((p for e, p in score.expected if e.kind is EventKind.NEW_COMBO), 0.0), -i, score)
            for i, score in enumerate(events)
        ]
        probability, _, event = max(offers, key=lambda offer: offer[:2])
        return event, probability


def total(verdict: Verdict) -> float:
    """Bits of both kinds of evidence."""
    return min(verdict.habit, HABIT_BITS) + max(min(verdict.model, MODEL_BITS), -MODEL_BITS)


def _log_odds(probability: float) -> float:
    probability = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log2(probability / (1 - probability))


def _beats(ticks: int) -> str:
    beats = ticks / TICKS_PER_BEAT
    return f"{beats:g}" if beats == round(beats, 2) else f"{beats:.2f}"


def _place_in_measure(evidence: Evidence, hit_object: HitObject) -> str:
    tick = snap(evidence.beatmap, hit_object.time)
    return "on the downbeat" if tick.beat < 0.01 else f"on {tick.place} of the measure"


def _words(evidence: Evidence, hit_object: HitObject, verdict: Verdict, flag: bool, named: Sequence[str]) -> str:
    """The message about a flag, or about a place without one; the usual lengths are named if they are a reason.

    Args:
        evidence: of the map.
        hit_object: at the place.
        verdict: on it.
        flag: whether there is a new combo.
        named: the most usual lengths of combos in words.
    """
    before, after = map(_beats, verdict.lengths)
    where = f"{'New combo' if flag else 'No new combo'} {_place_in_measure(evidence, hit_object)}"
    whole = _beats(sum(verdict.lengths))
    lengths = f"it makes combos of {before} and {after} beats"
    if before == after:
        lengths = f"it makes two combos of {before} beat{'s' * (before != '1')}"
    if not flag:
        lengths = f"this combo lasts {whole} beat{'s' * (whole != '1')}, or {before} and {after} with one here"
    seen = elsewhere.flags(evidence, hit_object.time, not flag, "")
    usual = f"usual in this map: {', '.join(named[: 2 if seen else N_COMMON])}."
    if verdict.habit <= 0:
        suggested = f", where the objects around suggest {'none' if flag else 'one'}"
        return f"{where}{suggested}: {elsewhere.joined(lengths, seen)}."
    moved = abs(verdict.shift)
    side = "later" if verdict.shift > 0 else "earlier"
    better = f" It would fit {moved} object{'s' * (moved > 1)} {side}." if moved else ""
    return f"{where}: {elsewhere.joined(lengths, seen)}. {usual.capitalize()}{better}"


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check every combo and every flag; osu! and catch only."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    combos = Combos(evidence)
    named = [
        f"{_beats(length)} beat{'s' * (length != TICKS_PER_BEAT)} ({count}×)"
        for length, count in combos.lengths.most_common(N_COMMON)
    ]
    for rule, verdicts in ((MISSING, combos.missing()), (UNEXPECTED, combos.unexpected())):
        for verdict in verdicts:
            bits = total(verdict)
            hit_object = combos.objects[verdict.place]
            flag = rule is UNEXPECTED
            if evidence.scores is None and elsewhere.has_same_flag(evidence, hit_object.time, flag):
                continue  # without the networks no judge weighs what speaks against it
            odds = verdict.model + (MODEL_USUAL_BITS if flag else 0.0)
            chance = None if verdict.event is None else round(1 / (1 + 2.0**-odds), 4)
            yield candidate(
                rule,
                time=hit_object.time,
                message=partial(_words, evidence, hit_object, verdict, flag, named),
                measure=bits,
                line=hit_object.line,
                objects=[hit_object],
                event=verdict.event,
                actual="new combo" if flag else "no new combo",
                expected=[Expected("no new combo" if flag else "new combo", chance)],
                bits=round(bits, 2),
                habit_bits=round(verdict.habit, 2),
                model_bits=round(verdict.model, 2),
                beats_before=verdict.lengths[0] / TICKS_PER_BEAT,
                beats_after=verdict.lengths[1] / TICKS_PER_BEAT,
            )


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Additional and missing flags."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    for o, logit in evidence.doubted_objects(corruption, "combo"):
        if o is evidence.objects_by_time[0] or o.kind is ObjectKind.SPINNER:
            continue
        yield candidate(
            UNEXPECTED if o.new_combo else MISSING,
            time=o.time,
            line=o.line,
            objects=[o],
            proposed=logit,
            message=partial(_doubted, evidence, o),
            actual="new combo" if o.new_combo else "no new combo",
            expected=[Expected("no new combo" if o.new_combo else "new combo")],
        )


def _doubted(evidence: Evidence, o: HitObject) -> str:
    seen = elsewhere.flags(evidence, o.time, not o.new_combo, "the combos around it suggest otherwise")
    return f"{'New combo' if o.new_combo else 'No new combo'} {_place_in_measure(evidence, o)}: {seen}."


CHECK = BeatmapCheck(Category.NEW_COMBOS, "New combos", (MISSING, UNEXPECTED), run, propose)

"""Columns of mania notes: those that are occupied, and those that the model does not expect."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.features.ordered import percentile
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode, ObjectKind
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.positions.unexpected import BASE_PERCENTILE, MIN_OBJECTS

HOLD_GAP_MS = 30.0
"""Notes of a column closer than this cannot be hit apart (Mapset Verifier, concurrent objects in mania)."""
COLUMN_CURVE = Curve(middle=7.5, scale=1.0, highest=0.8)
"""Bits of the column above 90 % of the map's own. Columns are often a free choice, so the model is never nearly
sure."""

COLUMN = Rule(
    "positions/column",
    "Note in an occupied column",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Two simultaneous notes in a column cannot be played.",
    how="Notes of one column overlap, or are 30 ms apart or less (a warning).",
    advice="Delete or move one of them.",
    ignore_when="never",
    blind_spots="None.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=ONLY_MANIA,
)
UNEXPECTED_COLUMN = Rule(
    "positions/unexpected-column",
    "Note in an unlikely column",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="A note far from the pattern is hard to read.",
    how="The model's surprise at the column, above the 90th percentile of this map.",
    advice="Does the pattern break here on purpose?",
    ignore_when="the pattern breaks on purpose.",
    blind_spots="Columns are often a free choice: a single exchanged note is rarely found.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=ONLY_MANIA,
    curves={"": COLUMN_CURVE},
    corruptions=("place",),
    proposal="The column of the note fits neither the notes before nor those after it.",
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check columns; mania only."""
    if evidence.beatmap.mode is Mode.MANIA:
        yield from occupied(evidence)
        yield from unexpected(evidence)


def occupied(evidence: Evidence) -> Iterator[Candidate]:
    """Notes at the same time in one column, or too close to be hit apart."""
    beatmap = evidence.beatmap
    last: dict[int, HitObject] = {}
    for note in evidence.objects_by_time:
        column = beatmap.column(note)
        before = last.get(column)
        if before is not None and note.time - before.end_time <= HOLD_GAP_MS:
            overlap = before.end_time - note.time
            what = (
                f"overlaps the note before it by {overlap:.0f} ms"
                if overlap > 0
                else f"follows {-overlap:.0f} ms after the one before"
            )
            yield candidate(
                COLUMN,
                time=note.time,
                line=note.line,
                objects=[note],
                certainty=Certainty.CERTAIN if overlap >= 0 else Certainty.LIKELY,
                message=f"This note in column {column + 1} {what}.",
                actual=f"column {column + 1}",
                overlap_ms=round(overlap, 2),
            )
        last[column] = max((note, before), key=lambda n: n.end_time) if before else note


def unexpected(evidence: Evidence) -> Iterator[Candidate]:
    """Notes in columns that the model does not expect."""
    scores = [(s.event.source, s) for s in evidence.of_kind(EventKind.COLUMN) if isinstance(s.event.source, HitObject)]
    if len(scores) < MIN_OBJECTS:
        return
    usual = percentile([s.tolerant_surprisal for _, s in scores], BASE_PERCENTILE)
    for note, event in scores:
        yield candidate(
            UNEXPECTED_COLUMN,
            time=note.time,
            line=note.line,
            objects=[note],
            measure=event.tolerant_surprisal - usual,
            event=event,
            message=_column_message(event),
            actual=f"column {event.event.value + 1}",
            expected=[
                Expected(f"column {e.value + 1}", round(p, 4)) for e, p in event.expected if e.kind is EventKind.COLUMN
            ],
        )


def _column_message(score: EventScore) -> str:
    own = score.event.value
    others = [event.value + 1 for event, _ in score.expected if event.kind is EventKind.COLUMN and event.value != own]
    better = (
        f"column {others[0]} would follow the pattern of the notes before"
        if others
        else "the notes before it suggest another"
    )
    return f"This note is in column {score.event.value + 1}; {better}."


def _column_alone(evidence: Evidence, note: HitObject) -> str:
    """Words about a note in a column, by the notes that are closest there."""
    column, beat = evidence.beatmap.column(note), evidence.beatmap.red_line_of(note.time).beat_length
    first, last = np.searchsorted(evidence.object_times, [note.time - 4 * beat, note.time + 4 * beat + 1])
    near = evidence.objects_by_time[int(first) : int(last)]
    own = sum(evidence.beatmap.column(o) == column for o in near)
    return (
        f"This note is in column {column + 1}, which has {own} of the {len(near)} note{'s' * (len(near) > 1)} within four beats; "
        "the pattern before and after it suggests another."
    )


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Notes that fit neither those before nor those after."""
    if evidence.beatmap.mode is not Mode.MANIA:
        return
    for doubted, logit in evidence.doubted_objects(corruption, "place"):
        if doubted.kind is not ObjectKind.SPINNER:
            o = evidence.likeliest_of_chord(doubted)
            yield candidate(
                UNEXPECTED_COLUMN,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message=partial(_column_alone, evidence, o),
            )


CHECK = BeatmapCheck(Category.POSITIONS, "Columns", (COLUMN, UNEXPECTED_COLUMN), run, propose)

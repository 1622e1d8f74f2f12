"""Red lines compared with each other, and beats that a model does not expect.

Lines are compared by arithmetic; models with beat events (the published ones, not the bundled one) give scores of single beats.
What the song says of the lines is in :mod:`maimod.rules.timing.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from maimod.events.schema import BEATS, EventScore
from maimod.findings import Category, Expected, Severity, Tier, clock, in_ms
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, HitObject, TimingPoint
from maimod.osu.timing import snap
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import alternative

SLIP_MS = 5.0
"""A red line with unchanged tempo that is off the beat by less than this looks like a slip. 19 of 836 such lines of
ranked maps do, nearly all in songs played by hand; lines set on purpose restart the beat further away."""
PICK_UP_DIVISORS = (1, 2, 3, 4, 6, 8)
MANY_RED_LINES = 12
"""Maps with more follow a song without a steady tempo, where small steps of the beat are needed."""
BEATS_PER_RUN = 8
"""Surprising beats this close together are one finding."""
LEAST_BEAT_BITS = 10.3
"""Fewest bits of a surprising beat."""
BEAT_CURVE = Curve(12.0, 2.0)
"""Bits. No checkpoint that reads beats has been measured: the figures are above those of objects."""

DUPLICATE_LINE = Rule(
    "timing/duplicate-red-line",
    "Two red lines at one time",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Only one of them counts, and which one differs between versions of the game.",
    how="Two uninherited timing points have the same time.",
    advice="Delete the one that is wrong.",
    ignore_when="never; delete one of them",
    blind_spots="Lines that are 1 ms apart.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
)
BEFORE_FIRST_LINE = Rule(
    "timing/before-first-red-line",
    "Objects before the first red line",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="There is no beat to snap to before the first red line; the editor only extends the first one backwards.",
    how="An object starts before the first uninherited timing point, by a measure or more or off its beats. Of 1,253 ranked maps 45 have "
    "objects before it, 37 of them a pick-up on its beats.",
    advice="Put the first red line at or before the first object.",
    ignore_when="the objects follow the beat of the first red line",
    blind_spots="A pick-up of less than a measure that is on the beats of a line at a wrong time.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Timing",
)
OFF_BEAT_LINE = Rule(
    "timing/red-line-off-beat",
    "Red line a few ms off the beat",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A step of a few ms in a steady tempo shifts all later objects.",
    how="The line keeps the tempo of the red line before it but lies 2 to 5 ms off that line's beats, in a map with "
    "few red lines.",
    advice="Check the offset of this line with a metronome.",
    ignore_when="the song was played by hand and the line follows it",
    blind_spots="Lines that also change the tempo, and maps with many red lines.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
)
UNEXPECTED_BEAT = Rule(
    "timing/unexpected-beat",
    "Beat or measure that the model does not expect",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="Measures that start on the wrong beat lead to wrong bar lines, kiai and hitsounds, and beats off the song to "
    "wrong objects.",
    how="A model with beat events gives some beats of the timing points a very low probability.",
    advice="Count the beats: does the measure of the song begin here?",
    ignore_when="the meter of the song changes there, or the beat is hidden by a rest",
    blind_spots="Needs a model with beat events; the bundled one has none.",
    source="https://osu.ppy.sh/wiki/en/Music_theory/Time_signature",
    curves={"": BEAT_CURVE},
)


def _duplicates(evidence: Evidence) -> Iterator[Candidate]:
    for former, line in pairwise(evidence.beatmap.red_lines):
        if line.time == former.time:
            yield candidate(
                DUPLICATE_LINE,
                time=line.time,
                line=line.line,
                actual=tempo(line),
                expected=(Expected("one red line"),),
                message=f"Two red lines have the same time ({tempo(former)} and {tempo(line)}); only one counts.",
                other_line=former.line,
            )


def _before_first_line(evidence: Evidence) -> Iterator[Candidate]:
    first = evidence.beatmap.red_lines[0]
    early = [o for o in evidence.objects_by_time if o.time < first.time - UNSNAP_MS]
    if early and not _is_pick_up(evidence.beatmap, early):
        count = "An object starts" if len(early) == 1 else f"{len(early)} objects start"
        yield candidate(
            BEFORE_FIRST_LINE,
            time=early[0].time,
            line=early[0].line,
            objects=early[:1],
            certainty=Certainty.POSSIBLE,
            message=f"{count} before the first red line (at {clock(first.time)}), where no beat is set.",
            red_line=first.line,
            objects_before=len(early),
        )


def _is_pick_up(beatmap: Beatmap, early: Sequence[HitObject]) -> bool:
    """Whether objects before the first red line are on its beat, extended backwards by less than a measure."""
    first = beatmap.red_lines[0]
    return first.time - early[0].time < first.beat_length * first.meter - UNSNAP_MS and all(
        (at := snap(beatmap, o.time)).divisor in PICK_UP_DIVISORS and abs(at.error) < UNSNAP_MS for o in early
    )


def steps_of_beat(beatmap: Beatmap) -> Iterator[tuple[TimingPoint, TimingPoint, float]]:
    """(red line, the next one with the same tempo, its ms after the closest beat of the first), if there are few red lines."""
    lines = beatmap.red_lines
    if len(lines) > MANY_RED_LINES:
        return
    for former, line in pairwise(lines):
        if former.beat_length <= 0 or abs(line.beat_length - former.beat_length) > 1e-6 * former.beat_length:
            continue
        beats = round((line.time - former.time) / former.beat_length)
        yield former, line, line.time - former.time - beats * former.beat_length


def _off_beat_lines(evidence: Evidence) -> Iterator[Candidate]:
    for former, line, off in steps_of_beat(evidence.beatmap):
        if UNSNAP_MS <= abs(off) < SLIP_MS:
            yield candidate(
                OFF_BEAT_LINE,
                time=line.time,
                line=line.line,
                certainty=Certainty.POSSIBLE,
                actual=f"{early_or_late(-off)}",
                expected=(Expected("on the beat of the red line before"),),
                message=f"This red line keeps the tempo, but lies {in_ms(abs(off))} {'after' if off > 0 else 'before'} the beat of "
                "the red line before it.",
                off_ms=round(off, 2),
                former_line=former.line,
            )


def _beats(evidence: Evidence) -> Iterator[Candidate]:
    """One finding for each run of surprising beats."""
    groups: dict[tuple[TimingPoint, int], list[EventScore]] = {}
    kinds: dict[tuple[TimingPoint, int], str] = {}
    for score in evidence.scores or ():
        source = score.event.source
        if isinstance(source, TimingPoint):
            key = (source, score.event.group)
            groups.setdefault(key, []).append(score)
            if score.event.kind in BEATS:
                kinds[key] = score.event.kind.value.replace("_", " ")
    judged = []
    beats_between = {id(score) for score in evidence.rhythm.beat_scores}
    for key, kind in kinds.items():
        # Between objects, an earlier expected time is that of an object: rhythm/missing-object.
        own = [
            score
            for score in groups[key]
            if not (
                id(score) in beats_between
                and (other := alternative(score, score.event.time))
                and other.time < score.event.time
            )
        ]
        worst = max(own or groups[key], key=lambda score: score.tolerant_surprisal)
        if worst.tolerant_surprisal >= LEAST_BEAT_BITS:
            judged.append((worst.event.time, key[0], kind, worst))
    last_time = -np.inf
    for time, line, kind, worst in sorted(judged, key=lambda found: found[0]):
        if time - last_time > BEATS_PER_RUN * line.beat_length:
            yield candidate(
                UNEXPECTED_BEAT,
                time=time,
                line=line.line,
                measure=worst.tolerant_surprisal,
                event=worst,
                actual=kind,
                message=f"The {kind} at {clock(time)} may not be where the song has it"
                f"{f'; {clock(other.time)} would fit' if (other := alternative(worst, worst.event.time)) else ''}.",
            )
        last_time = time


def side(lag: float) -> str:
    """Return "early" if the song's onsets come after the objects, else "late"."""
    return "early" if lag > 0 else "late"


def early_or_late(lag: float) -> str:
    """As in "24 ms early"."""
    return f"{abs(lag):.0f} ms {side(lag)}"


def tempo(line: TimingPoint) -> str:
    """As in "174.00 BPM"."""
    return f"{60_000 / line.beat_length:.2f} BPM" if line.beat_length > 0 else "no BPM"


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check the red lines without the song."""
    yield from _duplicates(evidence)
    yield from _before_first_line(evidence)
    yield from _off_beat_lines(evidence)
    yield from _beats(evidence)


CHECK = BeatmapCheck(
    Category.TIMING, "Red lines", (DUPLICATE_LINE, BEFORE_FIRST_LINE, OFF_BEAT_LINE, UNEXPECTED_BEAT), run
)

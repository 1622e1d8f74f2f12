"""Mania: number of keys, shares of the columns, and notes at once that the level of a difficulty allows.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!mania.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules import criteria
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania"
KEYS = Rule(
    "mapset/key-count",
    "Unusual number of keys",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Only 4 to 10, 12, 14, 16 and 18 keys can be ranked, and the number has to be whole.",
    how="CircleSize of a mania map.",
    advice="Choose a number of keys that can be ranked.",
    ignore_when="never",
    blind_spots="None.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
)
EMPTY_COLUMN = Rule(
    "mapset/empty-column",
    "Column without notes",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Every key has to be used.",
    how="A column of a mania map has no note at all.",
    advice="Use the column, or choose fewer keys.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Columns with few notes, see mapset/column-share.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
)
COLUMN_SHARE = Rule(
    "mapset/column-share",
    "Column with many more or fewer notes than the others",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A map that is played with one hand more than with the other is tiring, and usually not meant so.",
    how="Notes of a column over the mean of all: under 0.7 or over 1.4 with up to 6 keys, under 0.6 or over 1.6 with "
    "more; 1 % of 244 maps with 4 keys, 6 % of 61 with 7 keys, no ranked one.",
    advice="Is it intended?",
    ignore_when="the layout has a column of its own kind, such as a scratch or the middle one",
    blind_spots="Maps of fewer than 10 notes a column; the first column in the special style (N+1).",
    source=_CRITERIA,
    modes=ONLY_MANIA,
)
CHORD = Rule(
    "mapset/large-chord",
    "More notes at once than the level allows",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Chords of seven and more keys can only be read and hit by experts, and beginners are given one or two notes "
    "at once.",
    how="Notes of a mania map that start at the same time: more than six in an Insane or easier are a problem. The "
    "guidelines allow fewer in an Easy, Normal and Hard, by the number of keys; one note more than that is a minor, as "
    "are more than five such chords, two more are a warning.",
    advice="Take notes out of the chord.",
    ignore_when="never beyond six; below that, if the song has an accent there",
    blind_spots="Difficulties with unknown level; chords with notes some ms apart; notes that are held meanwhile.",
    source=f"{_CRITERIA}#difficulty-specific",
    modes=ONLY_MANIA,
    criteria=("chord", "chord-4k", "chord-7k"),
)

FEW_KEYS = 6
SHARES = {True: (0.7, 1.4), False: (0.6, 1.6)}
"""Least and largest share of a column, by whether there are up to :data:`FEW_KEYS`."""
LEAST_NOTES = 10
"""Mean notes of a column; shares of fewer say nothing."""
OWN_WAY = 5
"""More chords beyond the guideline than this are the map's way."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.MANIA:
        return
    yield from _columns(evidence)
    if evidence.level is not None:
        yield from _chords(evidence, evidence.level)


def _columns(evidence: Evidence) -> Iterator[Candidate]:
    beatmap, keys = evidence.beatmap, evidence.beatmap.difficulty.circle_size
    if keys not in criteria.KEY_COUNTS:
        yield _of_columns(
            evidence,
            KEYS,
            f"The map has {keys:g} key{'s' * (keys != 1)}; 4 to 10, 12, 14, 16 and 18 can be ranked.",
            f"{keys:g}",
            "4 to 10, 12, 14, 16 or 18",
        )
        return
    counts = Counter(beatmap.column(o) for o in beatmap.hit_objects)
    empty = [column for column in range(beatmap.keys) if not counts[column]]
    if empty:
        which = ", ".join(str(column + 1) for column in empty)
        yield _of_columns(
            evidence,
            EMPTY_COLUMN,
            f"Column{'s' if len(empty) > 1 else ''} {which} of {beatmap.keys} {'have' if len(empty) > 1 else 'has'} "
            "no notes.",
            f"{len(counts)} column{'s' * (len(counts) != 1)}",
            f"{beatmap.keys} columns",
        )
        return
    special = beatmap.general.get("SpecialStyle", "0").strip() == "1"
    columns = range(1 if special else 0, beatmap.keys)
    mean = sum(counts[column] for column in columns) / len(columns)
    least, most = SHARES[beatmap.keys <= FEW_KEYS]
    uneven = [column for column in columns if not least <= counts[column] / mean <= most]
    if uneven and mean >= LEAST_NOTES:
        shares = ", ".join(
            f"column {column + 1} has {counts[column]} note{'s' * (counts[column] != 1)}" for column in uneven
        )
        yield _of_columns(
            evidence,
            COLUMN_SHARE,
            f"{shares[0].upper()}{shares[1:]}; the columns have {mean:.0f} notes on average.",
            f"{counts[uneven[0]]} note{'s' * (counts[uneven[0]] != 1)}",
            f"about {mean:.0f}",
            Certainty.GUIDELINE,
        )


def _of_columns(
    evidence: Evidence, rule: Rule, message: str, actual: str, expected: str, certainty: Certainty = Certainty.CERTAIN
) -> Candidate:
    return candidate(
        rule,
        time=evidence.objects_by_time[0].time,
        line=evidence.beatmap.line_of("Difficulty", "CircleSize"),
        certainty=certainty,
        message=message,
        actual=actual,
        expected=[Expected(expected)],
        subject="CircleSize",
    )


def _chords(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    chords: dict[float, list[HitObject]] = defaultdict(list)
    for note in evidence.objects_by_time:
        if note.kind in (ObjectKind.CIRCLE, ObjectKind.HOLD):
            chords[note.time].append(note)
    largest = criteria.high("chord", Mode.MANIA, level)
    forbidden = [notes for notes in chords.values() if len(notes) > largest]
    usual = criteria.high("chord-4k" if evidence.beatmap.keys <= FEW_KEYS else "chord-7k", Mode.MANIA, level)
    large = [notes for notes in chords.values() if usual < len(notes) <= largest]
    if forbidden:
        yield _chord(forbidden, level, largest, "up to Insane at most {} are allowed", Certainty.CERTAIN)
    if large:
        clearly = len(large) <= OWN_WAY and max(map(len, large)) > usual + 1
        certainty = evidence.for_level(Certainty.GUIDELINE if clearly else Certainty.POSSIBLE)
        yield _chord(large, level, usual, f"{level.one_in(Mode.MANIA)} should have at most {{}}", certainty)


def _chord(chords: list[list[HitObject]], level: Level, most: float, reason: str, certainty: Certainty) -> Candidate:
    first = chords[0]
    more = places_alike([other[0].time for other in chords[1:]])
    return candidate(
        CHORD,
        time=first[0].time,
        line=first[0].line,
        objects=first,
        certainty=certainty,
        actual=f"{len(first)} notes",
        expected=[Expected(f"{most:g} or fewer")],
        message=f"{len(first)} notes start at once; {reason.format(f'{most:g}')}{more}.",
        chords=len(chords),
        level=level.label,
    )


CHECK = BeatmapCheck(Category.MAPSET, "Keys, columns and chords", (KEYS, EMPTY_COLUMN, COLUMN_SHARE, CHORD), run)

"""Slips of mania: notes in a wrong column, passages with other columns, chords with a note too many or too few, holds that end at a wrong time.

The model (:mod:`maimod.features.slip_model`) knows how such slips differ from what the map does around them and elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import numpy as np

from maimod.features.mania import column_alternatives
from maimod.features.mania.chords import CHORD_NAMES
from maimod.features.mania.columns import COLUMN_NAMES
from maimod.features.mania.hold_stretches import HoldStretches, Stretch
from maimod.features.mania.holds import END_NAMES
from maimod.features.mania.rows import SAME_MS, apart
from maimod.features.mania.slips import ManiaMeasures
from maimod.features.ordered import median
from maimod.features.slip_model import NO_SLIP, Slips
from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode, ObjectKind
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.rules.base import Candidate, Curve, Rule, Words, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.mania import elsewhere as mania_elsewhere
from maimod.rules.steps import gap_name

LEAST_LOG_ODDS = -6.0
"""Notes with less are no candidates."""
MARGIN = 1.5
"""A slip also changes how the rows beside look, so a row of which one beside is likelier by more is no candidate."""
SWAPPED_BITS = 7.0
"""By how much likelier two notes must be in each other's columns to be named so: 1 pair a minute of untouched maps, 39 % of those that changed columns."""
SHOWN_HOLDS = 8
LEAST_PLACES = 2
"""Fewest alike places that are named."""
RARE = 0.06
"""A gap is called short if at most this share of the notes have one as short."""
STRETCH_CURVE = Curve(middle=20.0, scale=6.0)
"""Of bits. On 34 maps in held-out folders (72 minutes) stretches of 11 bits or more are 0.3 a minute, of 24 0.1; of 112 that were
shortened by a quarter beat over two measures 83 and 63 % have as many."""
LEAST_STRETCH_BITS = 4.0
EXCHANGED_CURVE = Curve(middle=17.0, scale=4.0)
"""Of bits. In 30 maps (59 minutes) 0.1 stretches a minute have 22 bits or more, 1 a minute 14 and 3 a minute 10; of 174 measures whose hands or two columns
were exchanged 10, 31 and 49 %."""
LEAST_EXCHANGED_BITS = 5.0
SLIP_CURVE = Curve(middle=3.3, scale=1.0)
"""Log-odds of the model, which was fitted on maps with a mistake in every 17 rows, lowered to those of a map that is nearly
finished."""
_SOURCE = "https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques"

COLUMN = Rule(
    "positions/column-slip",
    "Note seems to be in the wrong column",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A note that slipped into another column breaks the pattern of its passage, makes a jack or takes a hand more notes than meant.",
    how="The note is compared with its neighbours in the column and beside it, with the same place of the measures around that have "
    "the same pattern (mirrored ones too), and with what follows the same columns elsewhere in the map. Decision trees that "
    "were fitted on notes and stretches put into other columns weigh them.",
    advice="Is the note in the column that you meant?",
    ignore_when="the pattern follows the pitch or the sound here",
    blind_spots="Maps without patterns that come again, with few notes or with more than four keys, where a third to half as many are "
    "found; two notes in a row that exchanged columns; stretches that were exchanged as a whole.",
    source=_SOURCE,
    modes=ONLY_MANIA,
    curves={"": SLIP_CURVE},
    corruptions=("place",),
)
EXCHANGED = Rule(
    "positions/columns-exchanged",
    "Columns of a passage seem to be exchanged",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A passage that was mirrored or pasted a column off breaks the flow where it begins and ends, and differs from the passages like it.",
    how="Half a measure, one or two measures that begin on a beat are compared with what they would be mirrored, with two neighbouring columns "
    "exchanged, or with all notes a column further: by how columns follow each other in the map, and by the passages that the rows around repeat.",
    advice="Are the notes in the columns that you meant?",
    ignore_when="the passage is mirrored on purpose",
    blind_spots="Maps in which any column follows any other; columns that are not neighbours; holds that end in the passage.",
    source=_SOURCE,
    modes=ONLY_MANIA,
    curves={"": EXCHANGED_CURVE},
    corruptions=("place",),
)
CHORD = Rule(
    "rhythm/chord-slip",
    "Chord seems to have a note too many or too few",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="The number of notes at once follows the strength of the sound; one too many or too few stresses another sound than the song.",
    how="The size of the chord is compared with those at the same place of the beat, of the measures around with the same pattern, "
    "with the same hitsounds, and after the same rows elsewhere in the map. Decision trees that were fitted on notes added to "
    "chords and taken from them weigh them.",
    advice="Does the sound ask for this many notes?",
    ignore_when="the song is louder or softer here than at the other places",
    blind_spots="Maps whose chords follow no pattern.",
    source=_SOURCE,
    modes=ONLY_MANIA,
    curves={"": SLIP_CURVE},
    corruptions=("extra", "missing"),
)
END = Rule(
    "rhythm/hold-slip",
    "Note seems to be held too long, too short or by mistake",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="The end of a hold note follows the end of a sound; a note that is held by mistake, or not held, plays differently.",
    how="The end of the note is compared with the lengths of the holds around, the gaps to the next notes, the ends of its chord, and "
    "the same place of the measures around with the same pattern. Decision trees that were fitted on ends moved by 1/8 to 1 "
    "beat, on holds made notes and notes made holds weigh them. Stretches of holds are also compared with the rest of the map as they "
    "would be if all of them ended earlier or later.",
    advice="Does the sound end where the note is released?",
    ignore_when="the sound ends there",
    blind_spots="A hold note lost where notes and hold notes mix freely.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Hold_note",
    modes=ONLY_MANIA,
    curves={"": SLIP_CURVE, "stretch": STRETCH_CURVE},
    corruptions=("length",),
)


class Said(msgspec.Struct, frozen=True):
    """What is said of a note."""

    message: str
    """Without its full stop."""
    actual: str
    """What is there."""
    likelier: str = ""
    against: Words = ""


Describe = Callable[[Evidence, Slips, int], Said]


def columns(evidence: Evidence) -> Iterator[Candidate]:
    """Notes that seem to be in a wrong column."""
    slips = evidence.slips
    if slips is not None and slips.mania is not None and evidence.beatmap.mode is Mode.MANIA:
        yield from _candidates(COLUMN, slips.positions, evidence, slips, _column_words)
        yield from _exchanged(evidence, slips.mania)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Chords and hold notes that seem to have slipped."""
    slips = evidence.slips
    if slips is not None and slips.mania is not None and evidence.beatmap.mode is Mode.MANIA:
        yield from _candidates(CHORD, slips.chords, evidence, slips, _chord_words)
        yield from _candidates(END, slips.ends, evidence, slips, _end_words)
        yield from _stretches(evidence, slips.mania)


def _candidates(
    rule: Rule, log_odds: np.ndarray, evidence: Evidence, slips: Slips, describe: Describe
) -> Iterator[Candidate]:
    """The likeliest note of each row, unless a row beside has a much likelier one."""
    assert slips.mania is not None
    row_of = slips.mania.row_of
    # All notes of a chord are as likely by its size: the one that is likeliest in a wrong column comes first.
    order = np.lexsort((-slips.positions, row_of))
    best = np.full(row_of[-1] + 3, NO_SLIP)
    np.maximum.at(best, row_of + 1, log_odds)
    named: set[int] = set()
    for note in order[log_odds[order] >= LEAST_LOG_ODDS].tolist():
        row = int(row_of[note])
        if row in named or log_odds[note] < max(best[row + 1], best[row : row + 3].max() - MARGIN):
            continue
        named.add(row)
        o = evidence.objects_by_time[note]
        said = describe(evidence, slips, note)
        yield candidate(
            rule,
            time=o.time,
            end_time=o.end_time if rule is END and o.end_time > o.time else None,
            line=o.line,
            objects=[o],
            measure=float(log_odds[note]),
            message=f"{said.message}.",
            actual=said.actual,
            expected=[Expected(said.likelier)] if said.likelier else [],
            against=said.against,
            log_odds=round(float(log_odds[note]), 2),
        )


def _exchanged(evidence: Evidence, mania: ManiaMeasures) -> Iterator[Candidate]:
    """Stretches that would be likelier with other columns."""
    objects, row_of = evidence.objects_by_time, mania.row_of
    for one in apart(mania.column_alternatives.stretches, LEAST_EXCHANGED_BITS):
        if one.kind == column_alternatives.LATE:
            continue
        first, last = np.searchsorted(row_of, [one.first, one.last]).tolist()
        o, end = objects[first], objects[last - 1].time
        if one.kind == column_alternatives.MIRRORED:
            seem, otherwise = "seem to be mirrored", "mirrored"
        elif one.kind == column_alternatives.EXCHANGED:
            pair = f"{one.column + 1} and {one.column + 2}"
            seem, otherwise = f"{pair} seem to be exchanged", f"with columns {pair} exchanged"
        else:
            seem = f"seem to be one too far to the {'left' if one.column > 0 else 'right'}"
            otherwise = f"one column further {'right' if one.column > 0 else 'left'}"
        why = (
            "the passages like it have them the other way"
            if one.of_copies > one.gain / 2
            else "the other way they would join the rows before and after as columns do elsewhere in the map"
        )
        yield candidate(
            EXCHANGED,
            time=o.time,
            end_time=end,
            line=o.line,
            objects=objects[first:last][:SHOWN_HOLDS],
            measure=one.gain,
            message=f"From here to {clock(end)} the columns {seem}: {why}.",
            actual="these columns",
            expected=[Expected(otherwise)],
            bits=round(one.gain, 1),
        )


def _stretches(evidence: Evidence, mania: ManiaMeasures) -> Iterator[Candidate]:
    """Stretches of holds that would be likelier with other ends."""
    of = mania.hold_stretches
    for one in apart(of.stretches, LEAST_STRETCH_BITS):
        holds = [evidence.objects_by_time[note] for note in of.holds[one.first : one.last].tolist()]
        o, by = holds[0], abs(one.shift) / TICKS_PER_BEAT * evidence.beatmap.red_line_of(holds[0].time).beat_length
        early, later = ("early", "later") if one.shift > 0 else ("late", "earlier")
        yield candidate(
            END,
            time=o.time,
            end_time=holds[-1].time,
            line=o.line,
            objects=holds[:SHOWN_HOLDS],
            measure=one.gain,
            curve="stretch",
            message=f"{len(holds)} hold notes from here to {clock(holds[-1].time)} seem to end {gap_name(evidence, o, by)} {early}: "
            f"{_other_lengths(evidence, of, one) or f'so much {later} they would end as elsewhere in the map'}.",
            actual=f"{gap_name(evidence, o, by)} {early}",
            expected=[Expected(f"{gap_name(evidence, o, by)} {later}")],
            bits=round(one.gain, 1),
        )


def _other_lengths(evidence: Evidence, of: HoldStretches, stretch: Stretch) -> str:
    """How usual the length is that most holds of a stretch have, and the one that they would have; empty if that is not more usual."""
    inside = of.length[stretch.first : stretch.last]
    others = np.delete(of.length, np.s_[stretch.first : stretch.last])
    own = Counter(inside.tolist()).most_common(1)[0][0]
    share, new_share = (100 * float(np.mean(others == length)) for length in (own, own + stretch.shift))
    if not len(others) or new_share < max(share, 1.0):
        return ""
    o = evidence.objects_by_time[of.holds[stretch.first]]
    tick = evidence.beatmap.red_line_of(o.time).beat_length / TICKS_PER_BEAT
    now, then = (gap_name(evidence, o, length * tick) for length in (own, own + stretch.shift))
    return f"most are {now} long, as {f'{share:.0f} %' if share >= 0.5 else 'none'} of the others; {new_share:.0f} % are {then} long"


def have(count: int) -> str:
    """The verb for a number of passages."""
    return "has" if count == 1 else "have"


def _value(table: np.ndarray, names: tuple[str, ...], note: int, name: str) -> float:
    return float(table[note, names.index(name)])


def _column_words(evidence: Evidence, slips: Slips, note: int) -> Said:
    assert slips.mania is not None
    expected, table = slips.mania.expectation, slips.mania.columns
    o = evidence.objects_by_time[note]
    own, other = evidence.beatmap.column(o) + 1, int(expected.column[note]) + 1
    places, own_places = int(expected.places[note]), int(expected.places_with[note])
    other_places = int(expected.places_with_other[note])
    actual, likelier = f"column {own}", f"column {other}" if other > 0 else ""
    if places >= LEAST_PLACES and other > 0 and other_places > own_places and 2 * other_places >= places:
        return Said(
            f"This note is in column {own}; at the same place of {places} passages with the same pattern, {other_places} "
            f"{have(other_places)} one in column {other} (as at {clock(expected.example[note])}) and "
            f"{own_places or 'none'} in column {own}",
            actual,
            likelier,
        )
    if places >= LEAST_PLACES and own_places < places / 2:
        return Said(
            f"This note is in column {own}, where {own_places or 'none'} of {places} passages with the same pattern "
            f"{have(max(own_places, 1))} one",
            actual,
            likelier,
        )
    if (pair := _swapped_with(evidence, slips.mania, note)) is not None:
        side, other = pair
        return Said(
            f"This note in column {own} and the {side} one in column {other} seem to have changed columns: the other way round they would follow the rows "
            "around as elsewhere in the map",
            actual,
            f"column {other}",
        )
    for side, word in (("before", "after the note before it"), ("after", "before the next one")):
        if _value(table, COLUMN_NAMES, note, f"map start {side}") <= RARE:
            gap = (
                2.0 ** _value(table, COLUMN_NAMES, note, f"start {side}")
                * evidence.beatmap.red_line_of(o.time).beat_length
            )
            share = 100 * _value(table, COLUMN_NAMES, note, f"map start {side}")
            others = (
                f"{share:.0f} % of the notes of the map come"
                if share >= 0.5
                else "hardly another note of the map comes"
            )
            return Said(
                f"This note is {gap_name(evidence, o, gap)} {word} in column {own}; {others} that soon",
                actual,
                likelier,
                partial(mania_elsewhere.repeats, evidence, o, gap, side == "before"),
            )
    if likelier and _value(table, COLUMN_NAMES, note, "other bits both") < -1:
        return Said(
            f"A note in column {own} does not follow from the rows around it as elsewhere in the map; one in column "
            f"{other} would",
            actual,
            likelier,
        )
    return Said(f"A note in column {own} fits neither the rows before nor those after it", actual, likelier)


def _swapped_with(evidence: Evidence, mania: ManiaMeasures, note: int) -> tuple[str, int] | None:
    """The note beside a single note with which it seems to have changed columns, as "next" or "previous", and its column; None if neither does."""
    gains, row = mania.column_alternatives.swapped, int(mania.row_of[note])
    before = gains[row - 1] if row else 0.0
    if max(before, gains[row]) < SWAPPED_BITS:
        return None
    side, by = ("next", 1) if gains[row] >= before else ("previous", -1)
    return side, evidence.beatmap.column(evidence.objects_by_time[note + by]) + 1


def _chord_words(evidence: Evidence, slips: Slips, note: int) -> Said:
    words, actual, likelier, size, other = _chord_sizes(slips, note)
    time = evidence.objects_by_time[note].time
    return Said(words, actual, likelier, partial(mania_elsewhere.sizes_elsewhere, evidence, time, size, other))


def _chord_sizes(slips: Slips, note: int) -> tuple[str, str, str, int, int]:
    """The words about a chord, what is there and what is likelier, and both sizes."""
    assert slips.mania is not None
    table = slips.mania.chords
    size, expected = round(_value(table, CHORD_NAMES, note, "size")), int(slips.mania.chord_size[note])
    actual = _notes(size)
    if expected != size:
        return (
            f"{_starts(size)} here; at {clock(slips.mania.chord_example[note])}, the same place of the passage most "
            f"like this one, {_starts(expected)[0].lower()}{_starts(expected)[1:]}",
            actual,
            _notes(expected),
            size,
            expected,
        )
    shares = {what: _value(table, CHORD_NAMES, note, f"{what} half around") for what in ("same", "more", "less")}
    more = max(
        ("more", "less"), key=lambda what: shares[what] - _value(table, CHORD_NAMES, note, f"{what} bits both") / 8
    )
    other = size + 1 if more == "more" else size - 1
    if other < 1:
        return f"{_starts(size)} here, where the rows around suggest none", actual, "", size, 0
    if shares[more] > max(shares["same"], 0):
        return (
            f"{_starts(size)} here; of the rows around at this place of two beats {100 * shares[more]:.0f} % have "
            f"{_notes(other)}, {100 * max(shares['same'], 0):.0f} % {_notes(size)}",
            actual,
            _notes(other),
            size,
            other,
        )
    return f"{_starts(size)} here, where the rows around suggest {_notes(other)}", actual, _notes(other), size, other


def _notes(size: int) -> str:
    return "one note" if size == 1 else f"{size} notes"


def _starts(size: int) -> str:
    return f"{_notes(size).capitalize()} start{'s' if size == 1 else ''}"


def _end_words(evidence: Evidence, slips: Slips, note: int) -> Said:
    against = partial(mania_elsewhere.ends_elsewhere, evidence, evidence.objects_by_time[note])
    return Said(*_other_end(evidence, slips, note), against)


def _other_end(evidence: Evidence, slips: Slips, note: int) -> tuple[str, str, str]:
    """The words about the end of a note, what is there and what is likelier."""
    assert slips.mania is not None
    o, table = evidence.objects_by_time[note], slips.mania.ends
    beat = evidence.beatmap.red_line_of(o.time).beat_length
    held = o.duration > SAME_MS
    own, expected = o.duration / beat if held else 0.0, float(slips.mania.length[note])
    actual = f"{gap_name(evidence, o, o.duration)} long" if held else "not held"
    if expected >= 0 and abs(expected - own) > 1 / 16:
        likelier = f"{gap_name(evidence, o, expected * beat)} long" if expected else "not held"
        return (
            f"This note is {actual}; at {clock(slips.mania.length_example[note])}, the same place of the passage most "
            f"like this one, it is {likelier}",
            actual,
            likelier,
        )
    if not held:
        return "This note is not held, where the notes around suggest a hold note", actual, "a hold note"
    if (other := _uneven(evidence, note)) is not None:
        likelier = f"{gap_name(evidence, o, other.duration)} long"
        return f"This hold note is {actual}, another one of its chord {likelier}", actual, likelier
    share = _value(table, END_NAMES, note, "same length around")
    if share >= 0:
        usual = gap_name(evidence, o, _usual_length(evidence, note))
        if usual == gap_name(evidence, o, o.duration):
            return (
                f"The end of this hold note of {usual} fits neither the notes after it nor the other ends around",
                actual,
                "",
            )
        few = f"as {100 * share:.0f} % of the" if share else "unlike all"
        return (
            f"This hold note is {actual}, {few} hold notes around; half of these are {usual} long or more",
            actual,
            "",
        )
    return f"This hold note is {actual}; no note around is held", actual, "not held"


def _uneven(evidence: Evidence, note: int) -> HitObject | None:
    """Another hold of the chord with another end."""
    own = evidence.objects_by_time[note]
    near = evidence.objects_by_time[max(note - 20, 0) : note + 21]
    return next(
        (
            o
            for o in near
            if o is not own
            and o.kind is ObjectKind.HOLD
            and abs(o.time - own.time) < SAME_MS
            and abs(o.end_time - own.end_time) > SAME_MS
        ),
        None,
    )


def _usual_length(evidence: Evidence, note: int) -> float:
    """Median length [ms] of the hold notes around."""
    near = evidence.objects_by_time[max(note - 24, 0) : note + 25]
    own = evidence.objects_by_time[note]
    return median([o.duration for o in near if o.kind is ObjectKind.HOLD and o is not own] or [own.duration])


COLUMN_CHECK = BeatmapCheck(Category.POSITIONS, "Slips of columns", (COLUMN, EXCHANGED), columns)
CHECK = BeatmapCheck(Category.RHYTHM, "Slips of chords and hold notes", (CHORD, END), run)

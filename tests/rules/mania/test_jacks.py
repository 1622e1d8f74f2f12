"""Jacks that are the only ones of their map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.mania import jacks
from tests.findings import findings_of
from tests.mania import hold, made, note

QUARTER = 100
"""[ms] of a stream on 1/4 at 150 BPM, whose columns come again after four notes."""
PLACE = 1000 + 61 * QUARTER
"""[ms] of a note in column 2 (from 0, 1); the one before is in column 1."""


def stream(
    moved: Sequence[int] = (), count: int = 161, step: int = QUARTER, rest: int = 0, more: Sequence[str] = ()
) -> Beatmap:
    """A stream of single notes, those at some times in the column of the note before.

    Args:
        moved: their times [ms].
        count: of all notes.
        step: between them [ms].
        rest: around the first of them [ms], in which the stream has no others but the one before.
        more: lines of further notes.
    """
    lines = []
    for i in range(count):
        time = 1000 + i * step
        if rest and time not in (PLACE, PLACE - step) and abs(time - PLACE) <= rest:
            continue
        lines.append(note((i - (time in moved)) % 4, time))
    return made([*lines, *more])


def find(own: Beatmap, other: Beatmap | None = None) -> list[Finding]:
    others = (replace(other, path=Path("other.osu")),) if other else ()
    return findings_of(jacks.run, Evidence(own, mapset=Mapset(Path(), (own, *others))))


def test_a_note_in_the_column_of_the_one_before() -> None:
    (finding,) = find(stream([PLACE]))
    assert finding.rule == "positions/lone-jack" and finding.severity is Severity.MINOR
    assert finding.time == PLACE and finding.objects == (61, 60)
    assert finding.message.startswith(
        "Column 1 has a note 100 ms after another one; everywhere else in the map notes of a column are 300 ms or more apart."
    )


def test_a_row_that_repeats_two_columns_is_one_jack() -> None:
    chord = [note(2, PLACE - QUARTER), note(2, PLACE)]
    (finding,) = find(stream([PLACE], rest=400, more=chord))
    assert finding.message.startswith("Columns 1 and 3 have a note 100 ms after another one; ")
    assert len(finding.objects) == 4 and finding.evidence["others"] == 150


@pytest.mark.parametrize(
    "own",
    [
        stream(),
        stream([PLACE, PLACE + 40 * QUARTER]),
        stream([PLACE], more=[note(3, 1480)]),  # 180 ms after the one before
        stream([PLACE], count=jacks.LEAST_OTHERS),
        stream([1000 + 61 * 3 * QUARTER], step=3 * QUARTER),  # more than half a beat
        stream(
            [PLACE], rest=400, more=[note(2, PLACE - QUARTER), note(3, PLACE - QUARTER), note(1, PLACE), note(2, PLACE)]
        ),
        made([note(i % 4, 1000 + i * 400) for i in range(160)] + [note(0, 1000 + 160 * 400 - 1500)]),
    ],
)
def test_what_is_usual(own: Beatmap) -> None:
    """No jack; two; others nearly as fast; few notes; slow ones; too few columns; hardly another row as close."""
    assert not find(own)


def test_a_note_that_begins_as_the_one_before_ends_is_another_mistake() -> None:
    held = stream([PLACE], rest=400)
    notes = [o for o in held.hit_objects if o.time != PLACE - QUARTER]
    lines = [note(held.column(o), o.time) for o in notes]
    assert find(made([*lines, hold(0, PLACE - QUARTER, PLACE - 40)]))
    assert not find(made([*lines, hold(0, PLACE - QUARTER, PLACE - 20)]))


def test_a_jack_that_another_difficulty_has_too_is_meant() -> None:
    own = stream([PLACE])
    assert find(own, stream())
    assert not find(own, stream([PLACE]))

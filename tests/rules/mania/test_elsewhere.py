"""What speaks for a column, the size of a chord or the end of a note: the row itself, similar measures, the other difficulties."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.mania import elsewhere as mania_elsewhere
from tests.rules.mania.test_slips import PLACE, QUARTER, Note, made, notes

LENGTH = 16 * QUARTER
JACK = PLACE + 2 * QUARTER


def with_others(own: Beatmap, *others: Beatmap) -> Evidence:
    named = [replace(one, path=Path(f"{number}.osu")) for number, one in enumerate((own, *others))]
    return Evidence(named[0], mapset=Mapset(Path(), tuple(named)))


def note(seen: Evidence, time: int, column: int) -> HitObject:
    (found,) = [o for o in seen.beatmap.hit_objects if (o.time, seen.beatmap.column(o)) == (time, column)]
    return found


def jacks(*measures: int, column: int = 1) -> list[Note]:
    """The notes, where the third of some measures is in the column of the second."""
    times = {1000 + measure * LENGTH + 2 * QUARTER for measure in measures}
    return [(time, column if time in times else own, held) for time, own, held in notes()]


def repeats(seen: Evidence, time: int = JACK, column: int = 1) -> str:
    return mania_elsewhere.repeats(seen, note(seen, time, column), QUARTER, is_second=True)


def test_nothing_speaks_for_a_column_that_comes_twice_here_alone() -> None:
    assert repeats(with_others(made(jacks(6)), made(notes()))) == ""


def test_rows_of_more_notes_than_columns_share_one() -> None:
    chords = [(PLACE + QUARTER, 2, 0), (PLACE + QUARTER, 3, 0), (JACK, 0, 0)]
    said = "the notes of both rows and those held are 5, more than there are columns"
    assert repeats(Evidence(made([*jacks(6), *chords]))) == said
    held = [(PLACE + QUARTER // 2, 2, 4 * QUARTER), *chords[1:]]
    assert repeats(Evidence(made([*jacks(6), *held]))) == said
    assert repeats(Evidence(made([*jacks(6), chords[0], chords[2]]))) == ""


def test_a_column_that_goes_on_so_is_a_jack() -> None:
    more = [(time, 1 if time == PLACE + 3 * QUARTER else column, held) for time, column, held in jacks(6)]
    said = "it is one of 3 notes in a row there that are as close"
    assert repeats(Evidence(made(more))) == repeats(Evidence(made(more)), PLACE + 3 * QUARTER) == said
    far = [(time + QUARTER // 2 if time == PLACE + 3 * QUARTER else time, column, held) for time, column, held in more]
    assert repeats(Evidence(made(far))) == ""


@pytest.mark.parametrize(("count", "said"), [(1, ""), (2, "2 of 8"), (4, "4 of 8")])
def test_similar_measures_that_repeat_a_column_there_are_counted(count: int, said: str) -> None:
    seen = Evidence(made(jacks(6, *range(count))))
    cell = seen.passages.cells.of([JACK])
    copies = seen.passages.cells.measures(seen.passages.copies_of(cell)[0]).tolist()
    seen = Evidence(made(jacks(6, *copies[:count])))
    assert repeats(seen) == (said and f"{said} similar measures with both rows repeat a column as well")


def test_other_difficulties_that_repeat_a_column_there_are_counted() -> None:
    own, other, plain = made(jacks(6)), made(jacks(6, column=1)), made(notes())
    said = "{} other difficulties with both rows {} a column as well"
    assert repeats(with_others(own, other)) == said.format("1 of 1", "repeats")
    assert repeats(with_others(own, other, other, plain)) == said.format("2 of 3", "repeat")
    assert repeats(with_others(own, other, plain, plain)) == ""
    # One without the second row tells nothing.
    without = made([one for one in notes() if one[0] != JACK])
    assert repeats(with_others(own, other, without)) == said.format("1 of 1", "repeats")


def test_harder_difficulties_without_more_notes_speak_against_a_larger_chord() -> None:
    own, double = made(notes()), made([*notes(), (JACK, 0, 0)])

    def said(other: int, *others: tuple[Beatmap, float], size: int = 1) -> str:
        seen = with_others(double if size == 2 else own, *(one for one, _ in others))
        assert seen.mapset is not None
        stars = (3.0, *(stars for _, stars in others))
        seen.mapset.__dict__["stars"] = dict(zip((one.path for one in seen.mapset.beatmaps), stars, strict=True))
        return mania_elsewhere.sizes_elsewhere(seen, JACK, size, other)

    assert said(2, (own, 4.0)) == "the harder difficulty with notes here has no more"
    assert said(2, (own, 4.0), (own, 5.0)) == "none of 2 harder difficulties with notes here has more"
    assert said(1, (double, 2.0), size=2) == "the easier difficulty with notes here has no fewer"
    # An easier one has no more in any case, and neither has one without notes.
    assert said(2, (own, 2.0)) == said(2, (made([one for one in notes() if one[0] != JACK]), 4.0)) == ""
    assert said(2, (own, 4.0), (double, 5.0)) == said(1, (own, 2.0), size=2) == ""


def test_notes_that_are_held_as_long_elsewhere_speak_for_an_end() -> None:
    start = PLACE + 12 * QUARTER
    own = made(notes())

    def said(of: Beatmap, *others: Beatmap) -> str:
        seen = with_others(of, *others)
        return mania_elsewhere.ends_elsewhere(seen, note(seen, start, 1))

    assert said(own) == "8 of 8 similar measures hold one as long"
    assert said(own, own) == "8 of 8 similar measures and the other difficulty hold one as long"
    other = made([one if one[0] != start else (start, 1, QUARTER) for one in notes()])
    assert said(own, own, other, own) == "8 of 8 similar measures and 2 of 3 other difficulties hold one as long"
    assert said(other, own) == "" and said(other, other) == "the other difficulty holds one as long"
    assert said(made([(time, column, 0) for time, column, _ in notes()])) == (
        "8 of 8 similar measures do not hold it either"
    )

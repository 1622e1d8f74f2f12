"""What whole measures would gain with other contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from maimod.audio.decode import Audio
from maimod.audio.onsets import OnsetEnvelope, onset_envelope
from maimod.features.copies.passages import Passages
from maimod.features.measures.alternatives import NAMES, OF_CELLS, OF_MEASURES, OF_OBJECTS, MeasureAlternatives
from maimod.osu.beatmap import Beatmap
from tests.maps import RED_LINE, beatmap
from tests.songs import clicks

BEAT, MEASURE = 500, 2000
VERSE, CHORUS = (0, 1, 1.5, 3), (0, 0.75, 2, 2.5, 3.25)
WHISTLE, FINISH, CLAP = 2, 4, 8
AT = 14
"""Number of the measure that is changed; a chorus."""

Note = tuple[float, int, bool]
"""Beat, additions, and whether a new combo begins."""


def song() -> list[list[Note]]:
    """Four measures of verse and four of chorus, three times: a finish on each fourth downbeat, a whistle on the other ones, claps on the
    third object."""
    measures = []
    for number in range(24):
        beats = VERSE if number // 4 % 2 == 0 else CHORUS
        sounds = [FINISH if number % 4 == 0 else WHISTLE, 0, CLAP, *[0] * (len(beats) - 3)]
        measures.append([(beat, sound, i == 0) for i, (beat, sound) in enumerate(zip(beats, sounds, strict=True))])
    return measures


def with_measure(measure: Sequence[Note], at: int = AT) -> list[list[Note]]:
    return [list(measure) if number == at else list(one) for number, one in enumerate(song())]


def written(measures: Sequence[Sequence[Note]], places: Sequence[int] = (), mode: int = 0) -> Beatmap:
    """A map of measures in which each one has places of its own; `places`: numbers of the measures whose places are used."""
    objects = []
    for number, measure in enumerate(measures):
        of = places[number] if places else number
        for i, (beat, sound, flag) in enumerate(measure):
            x, y = (37 * of + 90 * i) % 500, (53 * of + 40 * i * of) % 380
            objects.append(f"{x},{y},{number * MEASURE + round(beat * BEAT)},{5 if flag else 1},{sound},0:0:0:0:")
    return beatmap(objects, (RED_LINE,), mode=mode)


def onsets() -> OnsetEnvelope:
    """Of a song with a click at each object of the unchanged map."""
    times = np.array([o.time for o in written(song()).hit_objects])
    return onset_envelope(Audio(None, clicks(times, 50.0), 16_000))


def measured(found: Beatmap, envelope: OnsetEnvelope | None = None) -> np.ndarray:
    objects = found.hit_objects
    passages = Passages(found, envelope, 0.0, ())
    times = np.array([o.time for o in objects])
    return MeasureAlternatives(passages, objects).features(times, np.arange(len(objects)))


def passages_of(measures: Sequence[Sequence[Note]]) -> Passages:
    return Passages(written(measures, mode=1), None, 0.0, ())


def by_measure(found: Beatmap, name: str, envelope: OnsetEnvelope | None = None) -> np.ndarray:
    """(24,) a feature of the first object of each measure."""
    times = np.array([o.time for o in found.hit_objects])
    return measured(found, envelope)[np.searchsorted(times, MEASURE * np.arange(24)), NAMES.index(name)]


def stands_out(values: np.ndarray, at: int = AT) -> float:
    """By how much a measure is above all others."""
    return float(values[at] - np.delete(values, at).max())


def test_a_good_map_gains_nothing_by_other_measures() -> None:
    found = written(song())
    values = measured(found)
    assert values.shape == (len(found.hit_objects), len(NAMES)) and np.isfinite(values).all()
    assert (*OF_MEASURES, *OF_OBJECTS, *OF_CELLS) == NAMES
    for name in ("halves", "moved", "sounds_exchanged", "sounds_earlier", "flags_earlier"):
        assert by_measure(found, name).max() < 0.0
    assert values[:, NAMES.index("same_alone")].max() == 0.0
    assert values[:, NAMES.index("other")].max() < 1.5


def test_exchanged_halves_would_fit_the_other_way_round() -> None:
    chorus = song()[AT]
    halves = [((beat + 2) % 4, sound, flag) for beat, sound, flag in chorus]
    gains = by_measure(written(with_measure(sorted(halves))), "halves")
    assert gains[AT] > 5.0 and stands_out(gains) > 5.0


@pytest.mark.parametrize("beats", [0.25, 0.5, 1.0])
def test_a_moved_measure_would_fit_where_it_was(beats: float) -> None:
    later = sorted(((beat + beats) % 4, sound, flag) for beat, sound, flag in song()[AT])
    gains = by_measure(written(with_measure(later)), "moved")
    assert gains[AT] > 5.0 and stands_out(gains) > 5.0


def test_a_verse_where_the_song_has_a_chorus() -> None:
    found, envelope = written(with_measure(song()[1])), onsets()
    assert stands_out(by_measure(found, "other", envelope)) > 1.0
    assert stands_out(by_measure(found, "other_song", envelope)) > 1.0
    assert stands_out(-by_measure(found, "fit", envelope)) > 1.0
    assert stands_out(-by_measure(found, "song_fit", envelope)) > 1.0


def test_a_measure_with_the_objects_of_another_one() -> None:
    measures = with_measure(song()[1])
    pasted = written(measures, [1 if number == AT else number for number in range(24)])
    assert by_measure(pasted, "same_alone")[AT] == 1.0 and by_measure(pasted, "same_before")[AT] == 0.0
    assert by_measure(pasted, "same_unlike")[AT] > 3.0
    assert set(np.flatnonzero(by_measure(pasted, "same_alone")).tolist()) == {1, AT}
    assert by_measure(pasted, "same_elsewhere").max() == pytest.approx(2 / 24)
    assert by_measure(pasted, "same_elsewhere")[AT] == 0.0
    again = written(song(), [13 if number == AT else number for number in range(24)])
    before = by_measure(again, "same_before")
    assert before[AT] == 1.0 and before.sum() == 1.0


def test_a_copied_section_is_not_a_measure_pasted_alone() -> None:
    repeated = written(song(), [number % 8 for number in range(24)])
    assert by_measure(repeated, "same_alone").max() == 0.0
    assert by_measure(repeated, "same_elsewhere").min() > 0.8
    assert by_measure(repeated, "same_unlike").max() < 3.0


def test_colours_make_measures_of_taiko_the_same() -> None:
    found = written(song(), mode=1)
    assert by_measure(found, "same_elsewhere").min() > 0.5
    other = written(with_measure([(beat, CLAP, flag) for beat, _, flag in song()[AT]]), mode=1)
    assert by_measure(other, "same_unlike")[AT] == 0.0 < by_measure(found, "same_elsewhere")[AT]


def test_exchanged_sounds_would_fit_the_other_way_round() -> None:
    other = {WHISTLE: CLAP, CLAP: WHISTLE}
    gains = by_measure(
        written(with_measure([(beat, other.get(sound, sound), flag) for beat, sound, flag in song()[AT]])),
        "sounds_exchanged",
    )
    assert gains[AT] > 2.0 and gains[AT] == gains.max()


def test_late_sounds_would_fit_earlier() -> None:
    chorus = song()[AT]
    sounds = [sound for _, sound, _ in chorus]
    late = [(beat, sounds[i - 1], flag) for i, (beat, _, flag) in enumerate(chorus)]
    found = written(with_measure(late))
    assert by_measure(found, "sounds_earlier")[AT] > 2.0 and stands_out(by_measure(found, "sounds_earlier")) > 2.0
    assert stands_out(-by_measure(found, "sounds_fit")) > 0.3


def test_sounds_half_a_beat_late_would_fit_earlier() -> None:
    late = {0.0: 0, 0.75: 0, 2: 0, 2.5: CLAP, 3.25: 0}
    found = written(with_measure([(beat, late[beat], flag) for beat, _, flag in song()[AT]]))
    gains = by_measure(found, "sounds_half_beat_earlier")
    assert gains[AT] > 0.5 and stands_out(gains) > 0.5


def test_late_combos_would_fit_earlier() -> None:
    late = [(beat, sound, i == 1) for i, (beat, sound, _) in enumerate(song()[AT])]
    found = written(with_measure(late))
    gains = by_measure(found, "flags_earlier")
    assert gains[AT] > 2.0 and stands_out(gains) > 2.0
    assert stands_out(-by_measure(found, "flags_fit")) > 1.0
    assert not by_measure(written(with_measure(late), mode=3), "flags_earlier").any()


def test_late_combos_of_four_measures_count_together() -> None:
    late = {
        number: [(beat, sound, i == 1) for i, (beat, sound, _) in enumerate(song()[number])] for number in range(12, 16)
    }
    found = written([late.get(number, one) for number, one in enumerate(song())])
    alone, together = by_measure(found, "flags_earlier"), by_measure(found, "flags_earlier_long")
    assert together[12:16].min() >= alone[12:16].sum() - 1e-9 and together[12] > alone.max()


@pytest.mark.parametrize(("sound", "name"), [(WHISTLE, "whistle_lost"), (FINISH, "finish_lost"), (CLAP, "clap_lost")])
def test_a_lost_addition_is_expected(sound: int, name: str) -> None:
    at = 12 if sound == FINISH else AT
    bare = [(beat, own & ~sound, flag) for beat, own, flag in song()[at]]
    found, i = written(with_measure(bare, at)), 2 if sound == CLAP else 0
    number = next(k for k, o in enumerate(found.hit_objects) if o.time >= at * MEASURE) + i
    values = measured(found)
    lost = values[:, NAMES.index(name)]
    assert lost[number] == lost.max() and lost[number] > np.sort(lost)[-2]
    assert values[number, NAMES.index("sound_other")] > 0.3
    assert values[number, NAMES.index("sound_fit")] < -0.5


def test_an_added_addition_is_unexpected() -> None:
    more = [
        (beat, sound or FINISH, flag) if i == 3 else (beat, sound, flag)
        for i, (beat, sound, flag) in enumerate(song()[AT])
    ]
    found = written(with_measure(more))
    added = measured(found)[:, NAMES.index("addition_added")]
    assert found.hit_objects[int(added.argmax())].time == AT * MEASURE + 1250


def test_an_addition_on_all_edges_of_a_slider() -> None:
    def slider(number: int, tail: int) -> str:
        return f"{20 * number},100,{number * MEASURE},2,0,L|{20 * number + 100}:100,1,70,{CLAP}|{tail},0:0|0:0,0:0:0:0:"

    found = beatmap([slider(number, CLAP if number == AT else 0) for number in range(20)])
    bare = measured(found)[:, NAMES.index("edges_bare")]
    assert bare.argmax() == AT and bare[AT] > 1.0 and np.delete(bare, AT).max() <= 0.0


def test_an_object_is_expected_where_the_likely_measures_have_one() -> None:
    without = [note for note in song()[AT] if note[0] != 2]
    found = written(with_measure(without))
    objects = found.hit_objects
    alternatives = MeasureAlternatives(Passages(found, None, 29.0, ()), objects)
    times = AT * MEASURE + BEAT * np.array([2.0, 1.0, 0.75])
    odds = alternatives.features(times, np.full(3, 5))[:, NAMES.index("object")]
    assert odds[0] > 0.5 > 0.0 > odds[1] and odds[2] > 0.5


def test_objects_follow_the_onsets_of_the_song() -> None:
    without = written(with_measure([note for note in song()[AT] if note[0] != 2.5]))
    objects = without.hit_objects
    alternatives = MeasureAlternatives(Passages(without, onsets(), 0.0, ()), objects)
    asked = AT * MEASURE + BEAT * np.array([2.5, 1.5])
    odds = alternatives.features(asked, np.full(2, 5))[:, NAMES.index("object_song")]
    assert odds[0] > odds[1] + 2.0


def test_maps_without_other_measures() -> None:
    for count in (1, 5):
        found = written(song()[: (count + 3) // 4])
        part = replace(found, hit_objects=found.hit_objects[:count])
        values = measured(part)
        assert values.shape == (count, len(NAMES)) and np.isfinite(values).all()


def test_maps_that_are_too_long_have_zeros() -> None:
    found = beatmap(["256,192,0,1,0,0:0:0:0:", "256,192,36000000,1,0,0:0:0:0:"])
    assert not measured(found).any()


def test_a_finish_is_expected_a_phrase_after_others() -> None:
    at = 12
    found = written(with_measure([(beat, 0, flag) for beat, _, flag in song()[at]], at))
    odds = by_measure(found, "finish_phrases")
    assert odds[at] > 2.0 and odds[at + 1] < -1.0
    assert odds[at] == pytest.approx(by_measure(written(song()), "finish_phrases")[at])
    together = measured(found)[:, NAMES.index("finish_missing")]
    assert (
        found.hit_objects[int(together.argmax())].time == at * MEASURE and together.max() > np.sort(together)[-2] + 4.0
    )


def test_a_section_begins_where_the_song_changes() -> None:
    changes = by_measure(written(song()), "section", onsets())
    assert {int(one) for one in np.argsort(-changes)[:5]} == {4, 8, 12, 16, 20}
    assert not by_measure(written(song()), "section").any()


def test_a_column_that_one_measure_does_not_use() -> None:
    def notes(without: int = -1, mode: int = 3) -> Beatmap:
        columns = (0, 1, 2, 3)
        lines = [
            f"{64 + 128 * column},192,{MEASURE * measure + 500 * (column + measure) % MEASURE},1,0,0:0:0:0:"
            for measure in range(20)
            for column in columns
            if (measure, column) != (without, 2)
        ]
        return beatmap(sorted(lines, key=lambda line: int(line.split(",")[2])), mode=mode, circle_size=4)

    values = measured(notes(without=9))[:, NAMES.index("column_lost")]
    times = np.array([o.time for o in notes(without=9).hit_objects])
    assert set((times[values > 0] // MEASURE).tolist()) == {9} and values.max() > 3.0
    assert not measured(notes())[:, NAMES.index("column_lost")].any()
    assert not measured(notes(without=9, mode=0))[:, NAMES.index("column_lost")].any()


def irregular(lost: int = -1, flagless: int = -1) -> Beatmap:
    """Measures of two kinds in no order: those that begin with a whistle have a clap, and a new combo, on the third object."""
    kinds = np.random.default_rng(2).integers(2, size=40)
    return written(
        [
            [
                (0, WHISTLE if kind else 0, False),
                (1, 0, not kind),
                (2, CLAP if kind and number != lost else 0, bool(kind) and number != flagless),
                (3, 0, bool(kind)),
            ]
            for number, kind in enumerate(kinds)
        ]
    )


@pytest.mark.parametrize(("name", "at"), [("clap_lost", {"lost": 21}), ("flag_other", {"flagless": 21})])
def test_what_is_lost_is_judged_by_the_rest_of_the_measure(name: str, at: dict[str, int]) -> None:
    found = irregular(**at)
    assert found.hit_objects[4 * 21].hitsound == WHISTLE
    odds = measured(found)[:, NAMES.index(name)]
    assert odds.argmax() == 4 * 21 + 2 and odds.max() > np.sort(odds)[-2] + 1.0
    assert measured(irregular())[:, NAMES.index(name)].max() < odds.max() - 1.0


def chords_and_holds(end: int = 500, is_hold: bool = True, chord: bool = True) -> Beatmap:
    """Measures of mania with a note, a chord and a hold; one of them has another end, a note for the hold or for the chord."""
    lines = []
    for measure in range(24):
        is_other, at = measure == AT, MEASURE * measure
        lines += [f"64,192,{at},1,0,0:0:0:0:", f"192,192,{at + 500},1,0,0:0:0:0:"]
        if chord or not is_other:
            lines.append(f"320,192,{at + 500},1,0,0:0:0:0:")
        if is_hold or not is_other:
            lines.append(f"448,192,{at + 1000},128,0,{at + 1000 + (end if is_other else 500)}:0:0:0:0:")
        else:
            lines.append(f"448,192,{at + 1000},1,0,0:0:0:0:")
    return beatmap(lines, mode=3, circle_size=4)


@pytest.mark.parametrize(
    ("changes", "name", "time"),
    [
        ({"end": 375}, "end_other", 1000),
        ({"is_hold": False}, "kind_other", 1000),
        ({"chord": False}, "chord_other", 500),
    ],
)
def test_ends_kinds_and_chords_are_judged_by_the_rest_of_the_measure(
    changes: dict[str, int], name: str, time: int
) -> None:
    found = chords_and_holds(**changes)  # type: ignore[arg-type]
    odds = measured(found)[:, NAMES.index(name)]
    assert found.hit_objects[int(odds.argmax())].time == AT * MEASURE + time and odds.max() > 2.0
    assert measured(chords_and_holds())[:, NAMES.index(name)].max() <= 0.0


def test_a_kat_is_the_same_with_either_addition() -> None:
    either = [
        [(beat, {WHISTLE: CLAP if number % 2 else WHISTLE}.get(sound, sound), flag) for beat, sound, flag in one]
        for number, one in enumerate(song())
    ]
    sounds, same = (
        MeasureAlternatives(passages_of(one), passages_of(one).beatmap.hit_objects).sounds.sounds
        for one in (either, song())
    )
    assert (sounds == same).all() and set(np.unique(sounds).tolist()) == {-1, 0, 1, 2}


def test_a_slip_that_was_copied_with_its_phrase() -> None:
    """An object and an addition missing from every second measure of a part."""
    slipped = range(8, 16, 2)

    def part(number: int) -> list[Note]:
        notes: list[Note] = [(0, WHISTLE, True), (1, 0, False), (2, CLAP, False), (3, 0, False)]
        return (
            [(beat, 0 if beat == 2 else sound, flag) for beat, sound, flag in notes if beat != 1]
            if number in slipped
            else notes
        )

    found = written([part(number) for number in range(24)])
    times = np.array([MEASURE * slipped[1] + BEAT])
    alternatives = MeasureAlternatives(Passages(found, None, 0.0, ()), found.hit_objects)
    rank = next(i for i, o in enumerate(found.hit_objects) if o.time == MEASURE * slipped[1] + 1000)
    (values,) = alternatives.features(times, np.array([rank]))
    of = dict(zip(NAMES, values.tolist(), strict=True))
    assert of["object_out_of_phrase"] > 2.0 and of["object_out_of_phrase"] > of["object"] + 1.0
    assert of["lost_out_of_phrase"] > 2.0 and of["lost_out_of_phrase"] > of["clap_lost"] + 1.0


@pytest.mark.parametrize("by", [-0.5, 0.25, 1 / 3])
def test_an_object_that_belongs_close_by(by: float) -> None:
    moved = [(beat + by if beat == 2 else beat, sound, flag) for beat, sound, flag in song()[AT]]
    found = written(with_measure(moved))
    for name in ("elsewhere", "elsewhere_song"):
        gains = measured(found, onsets())[:, NAMES.index(name)]
        assert found.hit_objects[int(gains.argmax())].time == AT * MEASURE + round((2 + by) * BEAT)
        assert gains.max() > 3.0 and measured(written(song()), onsets())[:, NAMES.index(name)].max() < 0.5

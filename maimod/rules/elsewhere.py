"""What the song, similar measures and the other difficulties have at a time, in words for messages.

Similar measures are the copies of :mod:`maimod.features.copies.passages`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from maimod.audio.onsets import ONSET_WIDTH_MS
from maimod.features.copies.cells import KIND_NUMBERS
from maimod.features.copies.passages import SAME_VOLUME
from maimod.features.copies.usual_objects import same_lengths
from maimod.features.mania.set_holds import SAME_END_MS
from maimod.findings import clock
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, HITSOUND_LENIENCY_MS, KAT, addition_names, set_name
from maimod.osu.names import kind_name, noun, taiko_note
from maimod.osu.timing import SAME_BEAT_MS
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import lag_of

MEASURES, OTHERS = "similar measures", "other difficulties"
LEAST_COMPARED = 4
"""Measures and difficulties without an object that contradict a missing one."""
NEARLY_THE_SAME = 0.75
"""Likeness of the rhythms of two measures from which what the other one has is named."""
LEAST_AGAINST = 3
"""One or two measures or difficulties that do otherwise say little against a finding."""
SAME_SPEED = 0.005
"""Scroll speeds this close are one, as written with other digits."""
CLEAR_SOUND, FAINT_SOUND = 0.5, 0.35
"""Onset strengths. Objects have about 1, empty 1/4 ticks 0.2."""
CLEAR, NO_SOUND = "a clear sound", "no sound"


def sound(evidence: Evidence, time: float) -> str:
    """How clear the sound of the song is at a time [ms]: "a clear sound"; empty without a song."""
    if evidence.envelope is None:
        return ""
    strength = float(evidence.envelope.at(np.array([time + lag_of(evidence.alignment)]), ONSET_WIDTH_MS)[0])
    return CLEAR if strength >= CLEAR_SOUND else "a faint sound" if strength >= FAINT_SOUND else NO_SOUND


class _Share(msgspec.Struct, frozen=True):
    """How many of the places to compare with have something."""

    count: int
    of: int
    what: str

    @property
    def is_usual(self) -> bool:
        """Whether at least half of them have it."""
        return 2 * self.count >= self.of

    @property
    def speaks_against(self) -> bool:
        """Whether it is worth naming against a finding: several places, or difficulties that have what seems too much."""
        return self.is_many or (self.what == OTHERS and self.count > 0)

    @property
    def is_many(self) -> bool:
        """Whether they are enough to speak against something."""
        return self.of >= LEAST_AGAINST

    @property
    def plain(self) -> str:
        return f"{self.count} of {self.of} {self.what}"

    def __str__(self) -> str:
        if not self.count:
            return f"none of {self.of} {self.what}" if self.of > 1 else self.plain
        return f"{'only ' * (not self.is_usual)}{self.plain}"


def _shares(evidence: Evidence, name: str, time: float) -> list[_Share]:
    """The similar measures and the other difficulties that have an object (head) or a new combo (flag) at a time [ms]."""
    passages = evidence.passages
    if not passages.cells.count:
        return []
    cell = passages.cell_of(time)
    seen, valid = passages.in_copies(name, cell)
    others = passages.in_siblings(name, cell)
    found = [_Share(int((seen & valid).sum()), int(valid.sum()), MEASURES)]
    found.append(_Share(int(others.sum()), others.size, OTHERS))
    return [share for share in found if share.of]


def _is_one_cell(evidence: Evidence, one: float, other: float) -> bool:
    """Whether two times [ms] are too close for similar measures to tell them apart."""
    passages = evidence.passages
    return not passages.cells.count or bool(passages.cell_of(one)[0] == passages.cell_of(other)[0])


def is_empty(evidence: Evidence, time: float) -> bool:
    """Whether several similar measures and other difficulties could have an object at a time [ms], and none of them has."""
    shares = _shares(evidence, "head", time)
    return sum(share.of for share in shares) >= LEAST_COMPARED and not any(share.count for share in shares)


def is_usual_start(evidence: Evidence, time: float) -> bool:
    """Whether at least half of several similar measures have an object at a time [ms]."""
    return any(share.what == MEASURES and share.is_many and share.is_usual for share in _shares(evidence, "head", time))


def is_start_of_most(evidence: Evidence, time: float) -> bool:
    """Whether at least half of the other difficulties, of which there are some, have an object at a time [ms]."""
    return any(share.what == OTHERS and share.is_usual for share in _shares(evidence, "head", time))


def others_start_here(evidence: Evidence, time: float, there: float) -> bool:
    """Whether one of two or more other difficulties has an object at a time [ms], and none has one at another time `there`."""
    here, elsewhere = (
        [share for share in _shares(evidence, "head", at) if share.what == OTHERS and share.of > 1]
        for at in (time, there)
    )
    return any(share.count for share in here) and not any(share.count for share in elsewhere)


def has_same_flag(evidence: Evidence, time: float, has_flag: bool, in_set: bool = False) -> bool:
    """Whether most of several similar measures, and of the other difficulties, have a new combo at a time [ms], or lack
    it, as the map does; with `in_set` only if there are other difficulties."""
    shares = _shares(evidence, "flag", time)
    if sum(share.of for share in shares) < LEAST_COMPARED or (in_set and all(share.what != OTHERS for share in shares)):
        return False
    return all(2 * (share.count if has_flag else share.of - share.count) > share.of for share in shares)


def is_flag_of_half(evidence: Evidence, time: float, has_flag: bool) -> bool:
    """Whether at least half of the other difficulties, of which there are some, have a new combo at a time [ms], or lack it, as the map does."""
    others = [share for share in _shares(evidence, "flag", time) if share.what == OTHERS]
    return any(2 * (share.count if has_flag else share.of - share.count) >= share.of for share in others)


def others_lack_flags(evidence: Evidence, times: Sequence[float]) -> bool:
    """Whether two or more other difficulties have fewer than half of the new combos at times [ms] that this one lacks."""
    passages = evidence.passages
    if not passages.cells.count:
        return False
    others = passages.in_siblings("flag", passages.cells.of(times))
    return others.shape[1] > 1 and 2 * int((others > 0).sum()) < others.size


def _all(shares: Iterable[_Share]) -> str:
    """As in "8 of 8 similar measures and 3 of 3 other difficulties"; beside others one alone that has nothing is not named."""
    named = list(shares)
    return " and ".join(map(str, [one for one in named if one.count or one.of > 1] or named))


def _weighed(reasons: Sequence[str], against: Sequence[str], fallback: str) -> str:
    """Reasons, and what speaks against them; with no reason of its own the finding rests on `fallback`."""
    words = f"{'; '.join(reasons) or fallback}{', though ' * bool(against)}{' and '.join(against)}"
    for many, one in ((OTHERS, "the other difficulty"), (MEASURES, "the similar measure")):
        words = re.sub(f"(?<!and )1 of 1 {many} have", f"{one} has", words).replace(f"1 of 1 {many}", one)
        words = re.sub(f"(?<!and )0 of 1 {many} have one\\b", f"{one} has none", words)
        words = re.sub(f"(?<!and )0 of 1 {many} have an? ", f"{one} has no ", words)
        words = re.sub(f"(?<!and )(?<!and only )(?<!\\d)(1 of \\d+ {many}) have", r"\1 has", words)
    return words


def joined(words: str, seen: str) -> str:
    """Words, then what a function of this module returned: as a clause of its own, or as the ", though …" that goes on."""
    return f"{words}{'; ' * (bool(seen) and not seen.startswith(','))}{seen}"


def objects(
    evidence: Evidence, time: float, is_missing: bool, fallback: str, where: str = "here", moved: float | None = None
) -> str:
    """As in "the song has a clear sound there; 6 of 8 similar measures have a note, though 0 of 2 other difficulties have one".

    Args:
        evidence: of the map.
        time: of an object, or of a place without one [ms].
        is_missing: whether an object seems to be missing; else one seems to be too many.
        fallback: said where neither the song nor another place agrees.
        where: "here" or "there".
        moved: start [ms] of the object that seems to belong there, if one does: where an object is usual at both, that is said.
    """
    reasons: list[str] = []
    against: list[str] = []
    shares = _shares(evidence, "head", time)
    agreeing = _all(share for share in shares if share.is_usual is is_missing)
    if heard := sound(evidence, time):
        if is_missing is (heard == NO_SOUND):
            against.append(f"the song has {heard}{'' if agreeing else f' {where}'}")
        else:
            reasons.append(f"the song has {heard} {where}")
    unlike = [share for share in shares if share.is_usual is not is_missing and share.speaks_against]
    an_object = a(noun(evidence.beatmap))
    if agreeing:
        reasons.append(f"{agreeing} have {an_object}{'' if reasons else f' {where}'}")
    here = [] if moved is None or _is_one_cell(evidence, moved, time) else _shares(evidence, "head", moved)
    of_others = next((share.count for share in shares if share.what == OTHERS), 0)
    usual_here = [
        share
        for share in here
        if share.is_usual and (share.is_many or (share.what == OTHERS and share.count > of_others))
    ]
    one = "one" if agreeing else an_object
    if unlike and usual_here:
        are_same = [share.what for share in unlike] == [share.what for share in usual_here] and usual_here[0].of > 1
        short = " and ".join(f"{share.count} of {share.of}" for share in usual_here)
        against.append(
            f"{_all(unlike)} have {one} {where}, but {short if are_same else f'{_all(usual_here)} have one'} here"
        )
    elif unlike or usual_here:
        against.append(f"{_all(unlike or usual_here)} have {one}{' here' * bool(usual_here)}")
    if alike := _most_alike(evidence, shares, time, is_missing):
        against.append(alike)
    return _weighed(reasons, against, fallback)


def _most_alike(evidence: Evidence, shares: Sequence[_Share], time: float, is_missing: bool) -> str:
    """The most similar measure, if it does as the map does where most of several do otherwise; empty if it does not."""
    passages = evidence.passages
    if not any(share.what == MEASURES and share.is_many and share.is_usual is is_missing for share in shares):
        return ""
    cell = passages.cell_of(time)
    measures = passages.cells.measures(np.array([cell[0], place := passages.copies_of(cell)[0, 0]]))
    if passages.own.head[place] == is_missing or passages.alike[measures[0], measures[1]] < NEARLY_THE_SAME:
        return ""
    at = clock(float(passages.cells.times(np.array([place]))[0]))
    return f"the most similar measure has {'none either' if is_missing else 'one too'} ({at})"


def edges(evidence: Evidence, time: float) -> str:
    """The other difficulties in which something starts or ends at a time [ms], as in ", though the other difficulty has an object or an end at
    this end as well"; empty if there are none."""
    if not evidence.passages.cells.count:
        return ""
    others = evidence.passages.in_siblings("edge", evidence.passages.cell_of(time))
    count, of = int(others.sum()), others.size
    if not count:
        return ""
    many = "the other difficulty" if of == 1 else f"{count} of {of} {OTHERS}"
    return f", though {many} {'has' if count == 1 else 'have'} an object or an end at this end as well"


def kinds(evidence: Evidence, time: float, names: Sequence[str], fallback: str) -> str:
    """As in "6 of 8 similar measures have a slider, 2 a circle".

    Args:
        evidence: of the map.
        time: of an object [ms].
        names: of kinds: its own, and those that seem likelier.
        fallback: said where the similar measures do not agree that another kind is likelier; alone, if they are undecided.
    """
    passages = evidence.passages
    if not passages.cells.count:
        return fallback
    seen, valid = passages.in_copies("kind", passages.cell_of(time))
    if not valid.any():
        return fallback
    names_of = {number: name for name, number in KIND_NUMBERS.items()}
    numbers = [int((valid & (seen == KIND_NUMBERS[name])).sum()) for name in names if name in KIND_NUMBERS]
    words = [a(kind_name(name, evidence.beatmap)) for name in names]
    counted_words = [f"{number or 'none'} {name}" for number, name in zip(numbers, words, strict=False)]
    head, _, first = counted_words[0].partition(" ")
    rest = Counter(names_of[kind] for kind in seen[valid].tolist() if kind and names_of[kind] not in names)
    others_there = [f"{number} {a(kind_name(name, evidence.beatmap))}" for name, number in rest.most_common()]
    shares = ", ".join([f"{head} of {int(valid.sum())} {MEASURES} have {first}", *counted_words[1:], *others_there])
    if valid.sum() == 1:  # "the similar measure has a slider"
        shares = (
            f"1 of 1 {MEASURES} have {next((name for number, name in zip(numbers, words, strict=False) if number), '')}"
        )
    own, others = numbers[0], sum(numbers[1:])
    if own == others:
        return fallback
    return _weighed([shares], [], fallback) if others > own else _weighed([], [shares], fallback)


def flags(evidence: Evidence, time: float, is_missing: bool, fallback: str) -> str:
    """As in "5 of 8 similar measures and 2 of 3 other difficulties have one", with the arguments of :func:`objects`."""
    shares = _shares(evidence, "flag", time)
    sides = (
        _all(one for one in shares if one.is_usual is (is_missing is agrees) and (agrees or one.is_many))
        for agrees in (True, False)
    )
    agreeing, others = ([f"{side} have one"] if side else [] for side in sides)
    return _weighed(agreeing, others, fallback)


def sounds(evidence: Evidence, time: float, name: str, fallback: str, addition: int = 0) -> str:
    """What the same hit sounds like elsewhere: "6 of 8 similar measures have a whistle here".

    Args:
        evidence: of the map.
        time: of a hit [ms].
        name: sound, sample_set or volume, of :class:`maimod.features.copies.passages.Timeline`.
        fallback: said where there is no other hit to compare with, or most are the same.
        addition: the bit of the only one that is compared, with the name `sound`; 0 for all.
    """
    sides, own = _sounds(evidence, time, name)
    if not sides:
        return fallback
    if addition:
        own, sides = (
            own & addition >> 1,
            [([value & addition >> 1 for value in values], what) for values, what in sides],
        )
    ((usual, _),) = Counter(value for values, _ in sides for value in values).most_common(1)
    shares = [_Share(values.count(usual), len(values), what) for values, what in sides]

    def have(value: int) -> str:
        is_without = addition and not value
        return f"have {f'no {addition_names(addition)}' if is_without else _sound_name(evidence, name, value)} here"

    if _is_same(name, own, usual):
        # Most of the measures and difficulties together sound the same; most of either alone may not.
        unlike = {what: most for values, what in sides if not _is_same(name, own, most := _of_most(values, own))}
        if not unlike:
            return _weighed([], [f"{' and '.join(share.plain for share in shares)} have the same here"], fallback)
        reasons = [
            f"{_Share(values.count(unlike[what]), len(values), what)} {have(unlike[what])}"
            for values, what in sides
            if what in unlike
        ]
        alike = [f"{share.plain} are like this one" for share in shares if share.is_many and share.what not in unlike]
        return _weighed(reasons, alike, fallback)
    agreeing, against = (
        _all(one for one in shares if one.is_usual is side and (side or one.is_many or len(shares) == 1))
        for side in (True, False)
    )
    if not agreeing:
        return f"{against} {have(usual)}, the rest others"
    return _weighed([f"{agreeing} {have(usual)}"], [f"{against} do"] if against else [], fallback)


def _of_most(values: Sequence[int], own: int) -> int:
    """The value of more than half of them; `own` if there is none."""
    ((value, count),) = Counter(values).most_common(1)
    return value if 2 * count > len(values) else own


def is_in_all_others(evidence: Evidence, time: float, name: str) -> bool:
    """Whether the same hit sounds like this one in all of two or more other difficulties; arguments as of :func:`sounds`."""
    sides, own = _sounds(evidence, time, name)
    values = next((values for values, what in sides if what == OTHERS), [])
    return len(values) > 1 and all(_is_same(name, own, value) for value in values)


def is_sound_of_most(evidence: Evidence, time: float, name: str) -> bool:
    """Whether the same hit sounds like this one in most of several similar measures, and in most other difficulties, of which there are
    some; arguments as of :func:`sounds`."""
    sides, own = _sounds(evidence, time, name)
    values = {what: found for found, what in sides}
    return len(values.get(MEASURES, ())) >= LEAST_AGAINST and all(
        2 * sum(_is_same(name, own, value) for value in values.get(what, ())) > len(values.get(what, ()))
        for what in (MEASURES, OTHERS)
    )


def holds_alike(evidence: Evidence, hold: HitObject) -> int:
    """Number of other difficulties with a hold that starts and ends with one of mania."""
    return sum(
        any(
            o.kind is ObjectKind.HOLD
            and abs(o.time - hold.time) <= SAME_BEAT_MS
            and abs(o.end_time - hold.end_time) <= SAME_END_MS
            for o in other.hit_objects
        )
        for other in evidence.others
        if other.mode is evidence.beatmap.mode
    )


def is_speed_of_another(evidence: Evidence, time: float) -> bool:
    """Whether the line that sets the scroll speed at a time [ms] is in another difficulty too, and changes the speed in both."""
    line = evidence.beatmap.timing_point_at(time + UNSNAP_MS)
    return not line.uninherited and all(
        any(_changes_speed(one, line.time, line.velocity) for one in maps)
        for maps in ((evidence.beatmap,), [one for one in evidence.others if one.mode is evidence.beatmap.mode])
    )


def _changes_speed(beatmap: Beatmap, time: float, velocity: float) -> bool:
    """Whether a map scrolls at a speed from a time [ms] on and at another one before."""
    after, before = (beatmap.velocity_at(time + by) for by in (UNSNAP_MS, -UNSNAP_MS))
    return abs(after - velocity) < SAME_SPEED <= abs(before - velocity)


def _sounds(evidence: Evidence, time: float, name: str) -> tuple[list[tuple[list[int], str]], int]:
    """(values of the same hit in similar measures and in the other difficulties, what these are), and the hit's own value."""
    passages = evidence.passages
    if not passages.cells.count:
        return [], 0
    cell = passages.cell_of(time)
    (seen, valid), (heard, _) = passages.in_copies(name, cell), passages.in_copies("sound", cell)
    others, heard_in_others = passages.in_siblings(name, cell), passages.in_siblings("sound", cell) >= 0
    sides = [
        (values[there].tolist(), what)
        for values, there, what in ((seen, valid & (heard >= 0), MEASURES), (others, heard_in_others, OTHERS))
        if there.any()
    ]
    return sides, int(getattr(passages.own, name)[cell[0]])


def _is_same(name: str, one: int, other: int) -> bool:
    return abs(one - other) <= SAME_VOLUME if name == "volume" else one == other


def _sound_name(evidence: Evidence, name: str, value: int) -> str:
    if name == "volume":
        return f"{value} % volume"
    if name == "sample_set":
        return f"the {set_name(value)} set"
    if evidence.beatmap.mode is Mode.TAIKO:
        return a(taiko_note(bool(value << 1 & KAT), bool(value << 1 & BIG)))
    return f"a {addition_names(value << 1)}" if value else "no addition"


def lengths(evidence: Evidence, o: HitObject, fallback: str) -> str:
    """As in "only 1 of 5 objects here in similar measures lasts as long", with the last argument of :func:`kinds`."""
    same, of = same_length(evidence, o)
    if not of:
        return fallback
    if of == 1:
        share = f"the object here in the similar measure {'lasts as long' if same else 'does not last as long'}"
    else:
        few = f"{'only ' * (2 * same <= of)}{same}" if same else "none"
        share = f"{few} of {of} objects here in similar measures {'lasts' if same == 1 else 'last'} as long"
    return _weighed([share], [], fallback) if same <= of / 2 else _weighed([], [share], fallback)


def same_length(evidence: Evidence, o: HitObject) -> tuple[int, int]:
    """(objects at the same place of similar measures that last as long as this one, all objects there)."""
    passages = evidence.passages
    if not passages.cells.count:
        return 0, 0
    same, of = same_lengths(passages, passages.cell_of(o.time))
    return int(same[0]), int(of[0])


def border(evidence: Evidence, time: float, objects: Sequence[HitObject]) -> str:
    """A sentence about the border of a section that a place is at, as in "Kiai ends here."; empty if it is at none.

    Args:
        evidence: of the map.
        time: of the place [ms].
        objects: that the place is about, by time; may be none.
    """
    beatmap = evidence.beatmap
    for start, end in beatmap.kiai_sections:
        for point, word in ((start, "begins"), (end, "ends")):
            if point is not None and abs(point.time - time) <= HITSOUND_LENIENCY_MS:
                return f"Kiai {word} here."
    for rest in beatmap.breaks if objects else ():
        after = bisect_right(evidence.object_times, rest.start)
        if after and objects[-1] is evidence.objects_by_time[after - 1]:
            return f"A break follows this {noun(beatmap)}."
        if after < len(evidence.objects_by_time) and objects[0] is evidence.objects_by_time[after]:
            return f"This {noun(beatmap)} is the first after a break."
    return ""


def a(name: str) -> str:
    """A noun with its article."""
    return f"a{'n' if name[0] in 'aeio' else ''} {name}"

"""What speaks for a column, the size of a chord or the end of a note of mania: similar measures and the other difficulties, in words.

They are said beside what seems to be wrong: of 26 such findings in 56 maps that were read, 14 were about columns and ends that the map or its set has
again.
"""

from __future__ import annotations

import numpy as np

from maimod.features.mania.rows import SAME_MS
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.timing import SAME_BEAT_MS
from maimod.rules import elsewhere
from maimod.rules.evidence import Evidence


def repeats(evidence: Evidence, o: HitObject, gap: float, is_second: bool) -> str:
    """What speaks for a column that comes twice in two rows: it is unavoidable, comes on, or does so in copies and in other difficulties."""
    beatmap = evidence.beatmap
    first, second = (o.time - gap, o.time) if is_second else (o.time, o.time + gap)
    own = [_columns_at(beatmap, time) for time in (first, second)]
    count = sum(map(len, own)) + len(_held_over(beatmap, second) - own[0] - own[1])
    if count > beatmap.keys:
        return f"the notes of both rows and those held are {count}, more than there are columns"
    if (run := _run_in_column(evidence, o, gap)) > 2:
        return f"it is one of {run} notes in a row there that are as close"
    cells = evidence.passages.cells
    there = evidence.passages.copies_of(cells.of([first, second])) if cells.count else np.zeros((2, 0), int)
    times = cells.times(there[:, (there >= 0).all(axis=0)].ravel()).reshape(2, -1).T.tolist() if there.size else []
    others = [one for one in evidence.others if one.mode is beatmap.mode and one.keys == beatmap.keys]
    of_copies = [[_columns_at(beatmap, time) for time in pair] for pair in times]
    of_others = [[_columns_at(one, time) for time in (first, second)] for one in others]
    for rows, what, least, share in ((of_copies, elsewhere.MEASURES, 2, 4), (of_others, elsewhere.OTHERS, 1, 2)):
        both = [pair for pair in rows if all(pair)]
        same = sum(bool(before & after) for before, after in both)
        if same >= least and share * same >= len(both):
            return (
                f"{same} of {len(both)} {what} with both rows {'repeats' if same == 1 else 'repeat'} a column as well"
            )
    return ""


def _columns_at(beatmap: Beatmap, time: float) -> set[int]:
    """Columns in which notes start at a time [ms]."""
    return {beatmap.column(o) for o in beatmap.hit_objects if abs(o.time - time) <= SAME_BEAT_MS}


def _held_over(beatmap: Beatmap, time: float) -> set[int]:
    """Columns in which a note is held from before a time [ms] until after it."""
    return {
        beatmap.column(o)
        for o in beatmap.hit_objects
        if o.time < time - SAME_BEAT_MS and o.end_time > time + SAME_BEAT_MS
    }


def _run_in_column(evidence: Evidence, o: HitObject, gap: float) -> int:
    """Notes that follow each other in the column of one, each as close as a gap [ms], with itself."""
    column = evidence.beatmap.column(o)
    times = np.array([one.time for one in evidence.objects_by_time if evidence.beatmap.column(one) == column])
    place = int(np.searchsorted(times, o.time))
    far = np.flatnonzero(np.abs(np.diff(times) - gap) > SAME_MS)
    return int(far[far >= place].min(initial=len(times) - 1) - far[far < place].max(initial=-1))


def _harder(evidence: Evidence, by: int) -> list[Beatmap]:
    """The other difficulties with as many keys that are harder (`by` 1) or easier (-1)."""
    stars = evidence.mapset.stars if evidence.mapset is not None else {}
    own = evidence.beatmap
    return [
        one
        for one in evidence.others
        if one.mode is own.mode
        and one.keys == own.keys
        and by * ((stars.get(one.path) or 0.0) - (stars.get(own.path) or 0.0)) > 0
    ]


def sizes_elsewhere(evidence: Evidence, time: float, size: int, other: int) -> str:
    """What speaks against another size of a chord: harder difficulties that have no more notes, or easier ones that have no fewer."""
    more = other > size
    sizes = [len(_columns_at(one, time)) for one in _harder(evidence, 1 if more else -1)]
    there = [one for one in sizes if one]
    if not there or any(one > size if more else one < size for one in there):
        return ""
    level, few = ("harder", "more") if more else ("easier", "fewer")
    if len(there) == 1:
        return f"the {level} difficulty with notes here has no {few}"
    return f"none of {len(there)} {level} difficulties with notes here has {few}"


def ends_elsewhere(evidence: Evidence, o: HitObject) -> str:
    """What speaks against another end: similar measures and other difficulties with notes that are held as long."""
    is_held, seen = o.duration > SAME_MS, []
    same, of = elsewhere.same_length(evidence, o)
    if of >= elsewhere.LEAST_AGAINST and 2 * same > of:
        seen.append((same, f"{same} of {of} {elsewhere.MEASURES}"))
    others = sum(one.mode is evidence.beatmap.mode for one in evidence.others)
    if is_held and (alike := elsewhere.holds_alike(evidence, o)):
        seen.append((alike, "the other difficulty" if others == 1 else f"{alike} of {others} {elsewhere.OTHERS}"))
    is_one = sum(count for count, _ in seen) == 1
    hold = f"hold{'s' * is_one} one as long" if is_held else f"{'does' if is_one else 'do'} not hold it either"
    return f"{' and '.join(many for _, many in seen)} {hold}" if seen else ""

"""A map of verses and choruses, whose measures are copies of each other."""

from __future__ import annotations

from collections.abc import Sequence

from maimod.osu.beatmap import Beatmap
from tests.maps import RED_LINE, beatmap

BEAT, MEASURE = 500, 2000
VERSE, CHORUS = (0, 1, 1.5, 2, 3), (0, 0.75, 1.5, 2, 2.5, 3.25)
SONG = [VERSE if number // 4 % 2 == 0 else CHORUS for number in range(24)]
CLAPS = (1, 3, 0.75, 2.5)


def phrase_map(
    measures: Sequence[Sequence[float]] = SONG, lines: Sequence[str] = (RED_LINE,), **changes: object
) -> Beatmap:
    """A map of measures, with claps and a new combo on each downbeat.

    Args:
        measures: beats of the objects of each measure.
        lines: of `[TimingPoints]`.
        changes: `path`, or for objects by their number among all `without_sound`, `without_flag`, `slider`.
    """
    objects, number = [], 0
    for measure, beats in enumerate(measures):
        for beat in beats:
            time = measure * MEASURE + round(beat * BEAT)
            sound = 8 if beat in CLAPS and number not in changes.get("without_sound", ()) else 0  # type: ignore[operator]
            flag = 4 if beat == 0 and number not in changes.get("without_flag", ()) else 0  # type: ignore[operator]
            if number in changes.get("slider", ()):  # type: ignore[operator]
                objects.append(f"100,100,{time},{2 + flag},{sound},L|170:100,1,70")
            else:
                objects.append(f"{100 + 60 * round(beat)},100,{time},{1 + flag},{sound},0:0:0:0:")
            number += 1
    return beatmap(objects, lines, path=str(changes.get("path", "beatmap.osu")))

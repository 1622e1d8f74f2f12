"""Scroll speed in taiko and mania: lone changes, lines shortly after their note, tempo changes without normalisation,
changes in easy difficulties.

Scroll speed is the velocity of the green line times the tempo, relative to the tempo in force for the longest time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, ONLY_TAIKO, SCROLLING_MODES, Beatmap, HitObject, Mode, TimingPoint
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Curve, Ramp, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import high, low
from maimod.rules.evidence import LEAST_PROPOSED_LOGIT, Evidence

LONE_CURVE = Curve(middle=8.0, scale=1.5)
"""Bits of rarity, weighed by the size of the change, and of the model's surprise."""
LATE_HABIT = 3
"""More late lines than this are the mapper's habit."""
LATE_CURVE, BARELY_LATE_CURVE = Ramp((0.0, 0.0), (1.0, 0.8)), Ramp((0.0, 0.0), (1.0, 0.45))
"""Of `LATE_HABIT` per late line of the map."""
NORMALISED_CURVE = Ramp((0.0, 0.5), (1.0, 0.85))
"""Share of the tempo changes that keep the speed."""

UNEXPECTED = Rule(
    "scroll-speed/unexpected",
    "Lone change of scroll speed",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("model", "map"),
    why="One or two notes with another speed than those around are hard to read; usually a green line was copied with "
    "an old velocity, or not reset.",
    how="Up to three notes, or one measure, scroll at another speed between two sections of the same speed. The score "
    "is higher the fewer such places the map has, and with the model's surprise.",
    advice="Is it a green line left over?",
    ignore_when="the change follows the music, as a slow-down into a break or an accent",
    blind_spots="Maps full of speed effects; changes by less than 5 %; a wrong speed that then stays.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko",
    modes=SCROLLING_MODES,
    curves={"": LONE_CURVE},
    corruptions=("velocity",),
    proposal="The scroll speed does not fit that of the notes before and after.",
)
LATE_LINE = Rule(
    "scroll-speed/line-after-object",
    "Green line just after its note",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A note takes its scroll speed from the last line at or before it. If the line comes a moment later, the note "
    "keeps the old speed.",
    how="A line that changes the scroll speed is up to 5 ms after a note, and no line is at the note.",
    advice="Snap the line to the note, if it is meant for it.",
    ignore_when="the note should keep the old speed",
    blind_spots="Lines more than 5 ms late; mania, where a few ms of another speed are not visible.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko",
    modes=ONLY_TAIKO,
    curves={"": LATE_CURVE, "barely": BARELY_LATE_CURVE},
)
UNNORMALISED = Rule(
    "scroll-speed/not-normalised",
    "Tempo change left unnormalised",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Scroll speed follows the tempo. If a map compensates its other tempo changes by green lines, one without is "
    "a sudden jump.",
    how="The scroll speed jumps along with the tempo at a red line, while most of the map's other tempo changes keep "
    "it.",
    advice="Should a green line here keep the old speed?",
    ignore_when="the jump is intended, as at a change of pace",
    blind_spots="Maps that normalise nothing, or have fewer than three tempo changes.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=SCROLLING_MODES,
    curves={"": NORMALISED_CURVE},
)

FOR_LEVEL = Rule(
    "scroll-speed/for-level",
    "Scroll speed changes in an easy difficulty",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Beginners read the rhythm from the distances of the notes, which change with the scroll speed.",
    how="The scroll speed, tempo included, of notes or bar lines differs from the one that the difficulty has for the "
    "longest time. In a mania Easy, and a Normal that is the lowest difficulty, any change is forbidden (also by a "
    "tempo that is not evened out); in another Normal it is a minor. In a Kantan or Futsuu green lines should follow "
    "the pace of the song only, a minor.",
    advice="Keep one scroll speed for beginners.",
    ignore_when="the song changes its pace there, in taiko",
    blind_spots="Difficulties with unknown level; changes by less than 2 %, or 3 % by the tempo.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#easy",
    modes=SCROLLING_MODES,
    criteria=("scroll-speed",),
)
TEMPO = Rule(
    "scroll-speed/tempo",
    "Scroll speed follows the tempo",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Notes scroll as fast as the tempo unless green lines even it out; in mania players set their own speed and "
    "expect it to stay.",
    how="The map changes its tempo by more than 3 %, and the scroll speed of what follows differs from that of most of "
    "the map, because there is no green line, or one with another velocity, or a later one. Only in maps that change "
    "the scroll speed nowhere else.",
    advice="Should a green line on each red line keep the speed?",
    ignore_when="the change of speed is intended",
    blind_spots="Maps with other changes of scroll speed.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#guidelines",
    modes=ONLY_MANIA,
)

RANGE = Rule(
    "scroll-speed/range",
    "Long section outside the scroll speeds of the level",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Players set their scroll speed for the map; a long section that is much slower or faster reads like another "
    "map.",
    how="For more than four measures the scroll speed, relative to the one of most of the map, is outside of 0.8 to "
    "1.1 in a Hard, 0.7 to 1.1 in an Insane, 0.6 to 1.1 in an Expert.",
    advice="Check that the section can still be read.",
    ignore_when="the song changes its pace there",
    blind_spots="Difficulties with unknown level; easier ones, see scroll-speed/for-level.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#difficulty-specific",
    modes=ONLY_MANIA,
    criteria=("scroll-speed",),
)

SAME_SPEED = 0.02
"""Relative difference below which speeds are equal; velocities have two decimals."""
LEAST_CHANGE = 0.05
EDITOR_MS = 1.0
"""The editor truncates times, so a line up to this many ms after a note is not late."""
EFFECT_RATIO = 2.5
"""Jumps by more than this factor are deliberate effects."""
CHANGE_BEATS = 8.0
"""The discriminator may point at any note of a stretch of another speed; the stretch begins or ends this close to it."""
LONE_NOTES = 3
LONE_MEASURES = 1.1
MODEL_FLOOR = 2e-3
"""Smallest probability of the model that is used, which limits its evidence to 9 bits."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Find unusual scroll speeds."""
    if evidence.beatmap.mode not in SCROLLING_MODES or not evidence.beatmap.hit_objects:
        return
    yield from _lone_changes(evidence)
    if evidence.beatmap.mode is Mode.TAIKO:
        yield from _late_lines(evidence)
    exact: list[Candidate] = []
    if evidence.level is not None and evidence.level <= Level.NORMAL:
        exact += _for_level(evidence, evidence.level)
    elif evidence.beatmap.mode is Mode.MANIA:
        exact += _tempo(evidence)
        if evidence.level is not None:
            exact += _ranges(evidence, evidence.level)
    yield from exact
    if not any(one.rule in (FOR_LEVEL, TEMPO) for one in exact):  # which name the same jumps
        yield from _unnormalised(evidence)


class _Stretch(msgspec.Struct, frozen=True):
    """Notes in a row that scroll at one speed."""

    speed: float
    """Relative to velocity 1 at the main tempo."""
    notes: tuple[HitObject, ...]
    line: TimingPoint
    """The one in force at the first note."""

    @property
    def moments(self) -> int:
        return len({note.time for note in self.notes})


def _main_beat_length(beatmap: Beatmap) -> float:
    """The beat length in force for the longest time."""
    ends = [red.time for red in beatmap.red_lines[1:]] + [max(o.end_time for o in beatmap.hit_objects)]
    lasts: Counter[float] = Counter()
    for red, end in zip(beatmap.red_lines, ends, strict=True):
        lasts[red.beat_length] += round(max(0.0, end - red.time))
    return lasts.most_common(1)[0][0]


def _speed(beatmap: Beatmap, time: float, main: float) -> float:
    return beatmap.velocity_at(time) * main / beatmap.red_line_at(time).beat_length


def _stretches(evidence: Evidence) -> list[_Stretch]:
    beatmap, main = evidence.beatmap, _main_beat_length(evidence.beatmap)
    stretches: list[tuple[float, list[HitObject]]] = []
    for note in evidence.objects_by_time:
        speed = _speed(beatmap, note.time + EDITOR_MS, main)
        if stretches and _same(stretches[-1][0], speed):
            stretches[-1][1].append(note)
        else:
            stretches.append((speed, [note]))
    return [
        _Stretch(speed, tuple(notes), beatmap.timing_point_at(notes[0].time + EDITOR_MS)) for speed, notes in stretches
    ]


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= SAME_SPEED * max(first, second)


def _lone_changes(evidence: Evidence) -> Iterator[Candidate]:
    """Find notes whose speed differs from an equal speed before and after."""
    stretches = _stretches(evidence)
    lone = [
        (odd, before.speed)
        for before, odd, after in zip(stretches, stretches[1:], stretches[2:], strict=False)
        if _same(before.speed, after.speed)
        and abs(odd.speed / before.speed - 1.0) >= LEAST_CHANGE
        and (
            odd.moments <= LONE_NOTES
            or after.notes[0].time - odd.notes[0].time <= LONE_MEASURES * _measure_ms(evidence, odd)
        )
    ]
    # Other changes of speed count as well: a map with many uses speed effects.
    n_changes = max(len(lone), (len(stretches) - 1) // 2)
    kinds = Counter(_ratio_class(odd.speed / level) for odd, level in lone)
    scores = _speed_scores(evidence)
    n_moments = len({note.time for note in evidence.beatmap.hit_objects})
    for odd, level in lone:
        ratio = odd.speed / level
        if not 1 / EFFECT_RATIO < ratio < EFFECT_RATIO:
            continue
        # In bits: one lone change in 256 notes is 8. The same change again is a motif, and counts twice.
        rarity = math.log2(n_moments / n_changes) - 2.0 * math.log2(kinds[_ratio_class(ratio)])
        event = scores.get(odd.line.line) or scores.get(-1 - odd.notes[0].index)
        bits = rarity * (0.5 + min(1.5 * abs(math.log2(ratio)), 0.75)) + (_log_odds(event, ratio) if event else 0.0)
        many = "This note scrolls" if odd.moments == 1 else f"{odd.moments} notes scroll"
        yield candidate(
            UNEXPECTED,
            time=odd.notes[0].time,
            message=f"{many} at {odd.speed:.2f}x, those before and after at {level:.2f}x.",
            measure=bits,
            line=odd.line.line,
            objects=odd.notes[:8],
            event=event,
            actual=f"{odd.speed:.2f}x",
            expected=(Expected(f"{level:.2f}x"),),
            notes=len(odd.notes),
            ratio=round(ratio, 3),
            lone_changes_in_map=len(lone),
            bits=round(bits, 2),
        )


def _measure_ms(evidence: Evidence, stretch: _Stretch) -> float:
    red = evidence.beatmap.red_line_at(stretch.notes[0].time)
    return red.beat_length * max(red.meter, 1)


def _ratio_class(ratio: float) -> int:
    """Changes by about the same factor are of one class."""
    return round(math.log2(ratio) * 5)


def _speed_scores(evidence: Evidence) -> dict[int, EventScore]:
    """Scores of scroll speeds by line of the file, or by -1 - index of the note where notes carry the speed."""
    found: dict[int, EventScore] = {}
    for score in evidence.of_kind(EventKind.SCROLL_SPEED):
        source = score.event.source
        found.setdefault(-1 - source.index if isinstance(source, HitObject) else source.line if source else 0, score)
    return found


def _log_odds(score: EventScore, ratio: float) -> float:
    """Log-odds in bits of the model for the speed around against this one, which is `ratio` times as high."""
    wanted = score.event.value / ratio
    share = sum(
        p
        for event, p in score.expected
        if event.kind is EventKind.SCROLL_SPEED and abs(event.value - wanted) <= 0.05 * wanted
    )
    return math.log2((share + MODEL_FLOOR) / (1.0 - min(share, 1.0) + MODEL_FLOOR))


# ---------------------------------------------------------------------------------------------------------------------
# Lines just after a note

LATE_MS = 5.0
"""Mapset Verifier, "object unaffected by near green line"."""


def _late_lines(evidence: Evidence) -> Iterator[Candidate]:
    """Find notes shortly before a change of speed."""
    beatmap, times = evidence.beatmap, list(evidence.object_times)
    late: list[tuple[TimingPoint, HitObject, float]] = []
    for before, point in pairwise(beatmap.sorted_timing_points):
        place = bisect_left(times, point.time) - 1
        if point.uninherited or place < 0 or not 0.0 < point.time - times[place] <= LATE_MS:
            continue
        note = evidence.objects_by_time[place]
        old = beatmap.velocity_at(note.time)
        follows = bisect_right(times, point.time)
        # A red line at the note sets velocity 1, so the note has its own speed.
        if not _same(point.velocity, old) and before.time < note.time - EDITOR_MS and follows < len(times):
            late.append((point, note, old))
    for point, note, old in late:
        by = point.time - note.time
        yield candidate(
            LATE_LINE,
            time=note.time,
            message=f"The green line for {point.velocity:.2f}x comes {by:.3g} ms after this note, "
            f"which keeps {old:.2f}x.",
            measure=LATE_HABIT / len(late),
            curve="" if by >= EDITOR_MS else "barely",
            line=point.line,
            objects=(note,),
            actual=f"{old:.2f}x",
            expected=(Expected(f"{point.velocity:.2f}x"),),
            late_ms=round(by, 3),
            late_lines_in_map=len(late),
        )


# ---------------------------------------------------------------------------------------------------------------------
# Tempo changes

TEMPO_CHANGE = 0.03
"""Relative size of a tempo change; smaller ones follow a live drummer and are not visible."""
LEAST_NORMALISED, LEAST_SHARE = 2, 0.6
"""Tempo changes that keep the speed, and their share of all, for a map to be one that normalises."""


def _unnormalised(evidence: Evidence) -> Iterator[Candidate]:
    """Find tempo changes that the scroll speed follows, in maps where it mostly does not."""
    beatmap, main = evidence.beatmap, _main_beat_length(evidence.beatmap)
    kept: list[TimingPoint] = []
    followed: list[tuple[TimingPoint, HitObject, float, float]] = []
    times = list(evidence.object_times)
    for before, red in pairwise(beatmap.red_lines):
        place = bisect_left(times, red.time - EDITOR_MS)
        if abs(red.beat_length / before.beat_length - 1.0) < TEMPO_CHANGE or not 0 < place < len(times):
            continue
        note = evidence.objects_by_time[place]
        old, new = _speed(beatmap, red.time - EDITOR_MS, main), _speed(beatmap, max(note.time, red.time), main)
        if _same(old, new):
            kept.append(red)
        elif followed and followed[-1][0] is before and _same(new, followed[-1][2]):
            continue  # the way back from the last jump
        elif _same(new / old, before.beat_length / red.beat_length):
            followed.append((red, note, old, new))
    share = len(kept) / max(1, len(kept) + len(followed))
    if len(kept) < LEAST_NORMALISED or share < LEAST_SHARE:
        return
    for red, note, old, new in followed:
        yield candidate(
            UNNORMALISED,
            time=red.time,
            message=f"The scroll speed jumps from {old:.2f}x to {new:.2f}x with the tempo; "
            f"{len(kept)} other tempo changes keep it.",
            measure=share,
            line=red.line,
            objects=(note,),
            actual=f"{new:.2f}x",
            expected=(Expected(f"{old:.2f}x"),),
            normalised_changes=len(kept),
            bpm=round(60_000 / red.beat_length, 3),
        )


# ---------------------------------------------------------------------------------------------------------------------
# Easy difficulties


class _Section(msgspec.Struct, frozen=True):
    """The time between two timing points, with notes or bar lines in it."""

    start: TimingPoint
    duration: float
    speed: float
    """As of :func:`_speed`."""


def _sections(evidence: Evidence) -> list[_Section]:
    beatmap, main = evidence.beatmap, _main_beat_length(evidence.beatmap)
    last = max(o.end_time for o in beatmap.hit_objects)
    starts = sorted({point.time: point for point in beatmap.sorted_timing_points if point.time <= last}.items())
    if not starts:  # all timing points are after the last object
        return []
    ends = [time for time, _ in starts[1:]] + [last + EDITOR_MS]
    return [
        _Section(point, end - time, _speed(beatmap, time, main))
        for (time, point), end in zip(starts, ends, strict=True)
        if _is_visible(evidence, time, end)
    ]


def _is_visible(evidence: Evidence, start: float, end: float) -> bool:
    """Whether a note or a bar line begins in this time."""
    if bisect_left(evidence.object_times, start - EDITOR_MS) < bisect_left(evidence.object_times, end - EDITOR_MS):
        return True
    red = evidence.beatmap.red_line_at(start)
    measure = red.beat_length * max(red.meter, 1)
    first = red.time + math.ceil((start - red.time) / measure - 1e-6) * measure
    return first < end - EDITOR_MS and not (first == red.time and red.omits_bar_line)


def _changed_sections(evidence: Evidence) -> tuple[float, list[_Section]]:
    """The speed of most of the map, and the sections with another one."""
    sections = _sections(evidence)
    lasts: Counter[float] = Counter()
    for section in sections:
        lasts[round(section.speed, 2)] += round(section.duration)
    usual = lasts.most_common(1)[0][0] if lasts else 1.0
    return usual, [
        section
        for section in sections
        if abs(section.speed - usual) > (TEMPO_CHANGE if section.start.uninherited else SAME_SPEED) * usual + 0.005
    ]


def _for_level(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    usual, changed = _changed_sections(evidence)
    if beatmap.mode is Mode.TAIKO:
        changed = [section for section in changed if not section.start.uninherited]
    if not changed:
        return
    forbidden = beatmap.mode is Mode.MANIA and (level is Level.EASY or evidence.is_lowest)
    first = changed[0]
    yield candidate(
        FOR_LEVEL,
        time=first.start.time,
        end_time=changed[-1].start.time if len(changed) > 1 else None,
        line=first.start.line,
        certainty=evidence.for_level(Certainty.CERTAIN if forbidden else Certainty.POSSIBLE),
        actual=f"{first.speed:.2f}x",
        expected=[Expected(f"{usual:.2f}x")],
        message=f"The scroll speed changes to {first.speed:.2f}x here; most of this easy difficulty has {usual:.2f}x"
        f"{places_alike([section.start.time for section in changed[1:]], 'it also changes at')}.",
        times_ms=[section.start.time for section in changed[:20]],
    )


LONG_MEASURES = 4.0


def _ranges(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    usual, changed = _changed_sections(evidence)
    slowest, fastest = low("scroll-speed", Mode.MANIA, level), high("scroll-speed", Mode.MANIA, level)
    for section in changed:
        red = evidence.beatmap.red_line_at(section.start.time)
        relative = section.speed / usual
        if slowest <= relative <= fastest or section.duration <= LONG_MEASURES * red.beat_length * max(red.meter, 1):
            continue
        yield candidate(
            RANGE,
            time=section.start.time,
            end_time=section.start.time + section.duration,
            line=section.start.line,
            certainty=Certainty.POSSIBLE,
            actual=f"{relative:.2f}x",
            expected=[Expected(f"{slowest:g}x to {fastest:g}x")],
            message=f"From here on notes scroll at {relative:.2f}x for {_seconds(section.duration)}; "
            f"{level.one_in(Mode.MANIA)} should stay within {slowest:g}x to {fastest:g}x.",
        )


def _seconds(duration: float) -> str:
    """A duration in ms as in "0.4 s", "12 s"."""
    return f"{duration / 1000:.1f} s" if duration < 5000 else f"{duration / 1000:.0f} s"


def _tempo(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    usual, changed = _changed_sections(evidence)
    tempos = {
        round(red.time)
        for before, red in pairwise(beatmap.red_lines)
        if abs(red.beat_length / before.beat_length - 1.0) >= TEMPO_CHANGE
    } | {round(beatmap.red_lines[0].time)}
    # Speeds that change elsewhere are effects, whose normalisation cannot be judged.
    if not changed or any(round(section.start.time) not in tempos for section in changed):
        return
    first = changed[0]
    green = any(abs(point.velocity - 1.0) > SAME_SPEED for point in beatmap.timing_points)
    why = "its green line does not even it out" if green else "no green line evens it out"
    yield candidate(
        TEMPO,
        time=first.start.time,
        line=first.start.line,
        certainty=Certainty.GUIDELINE,
        actual=f"{first.speed:.2f}x",
        expected=[Expected(f"{usual:.2f}x")],
        message=f"The scroll speed follows the tempo here to {first.speed:.2f}x; most of the map has {usual:.2f}x, and "
        f"{why}{places_alike([section.start.time for section in changed[1:]])}.",
        times_ms=[section.start.time for section in changed[:20]],
    )


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Speeds that differ from those before and after, reported at the first note after the change.

    The discriminator reads velocities without the tempo, so a velocity that evens out a tempo looks wrong to it: only
    places close to a change of the scroll speed itself that can be seen are proposed.
    """
    beatmap = evidence.beatmap
    if beatmap.mode not in SCROLLING_MODES or not beatmap.hit_objects:
        return
    stretches = _stretches(evidence)
    seen = [(a, b) for a, b in pairwise(stretches) if abs(b.speed / a.speed - 1.0) >= LEAST_CHANGE]
    changes = [after.notes[0].time for _, after in seen]
    main, last = _main_beat_length(beatmap), -SLOTS_PER_BEAT * 8
    for slot, logit in corruption.peaks("velocity", LEAST_PROPOSED_LOGIT, apart=SLOTS_PER_BEAT * 4):
        near = range(slot, slot + SLOTS_PER_BEAT * 2)
        o = next((evidence.object_of_slot[s] for s in near if s in evidence.object_of_slot), None)
        if o is None or slot - last < SLOTS_PER_BEAT * 4:
            continue
        reach = CHANGE_BEATS * beatmap.red_line_at(o.time).beat_length
        change = bisect_left(changes, o.time - reach)
        if change == bisect_right(changes, o.time + reach):
            continue
        last = slot
        yield candidate(
            UNEXPECTED,
            time=o.time,
            line=o.line,
            objects=[o],
            proposed=logit,
            message=f"The scroll speed changes here from {seen[change][0].speed:.2f}x to {seen[change][1].speed:.2f}x, where "
            "the notes around suggest no change.",
            actual=f"{_speed(beatmap, o.time + EDITOR_MS, main):.2f}x",
        )


CHECK = BeatmapCheck(
    Category.SCROLL_SPEED, "Scroll speed", (UNEXPECTED, LATE_LINE, UNNORMALISED, FOR_LEVEL, TEMPO, RANGE), run, propose
)

"""Spacing: distances unlike the others of the same rhythm, and broken stacks; osu! only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from maimod.features.ordered import median
from maimod.features.positions.geometry import SAME_GAP_MS, Steps, compare_steps
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_OSU, HitObject, Mode
from maimod.osu.level import Level
from maimod.osu.names import object_name
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.steps import LEAST_COMPANIONS, Step, cursor, gap_name, steps

STACK_PX, TAIL_STACK_PX = 1.0, 1.5
"""Objects closer than this are an exact stack: heads are on whole pixels, tails at the end of a curve."""
NEAR_STACK_PX = 5.0
"""Objects farther apart than this look like an intended overlap."""
VISIBLE_STACK_PX = 3.0
"""The game stacks objects closer than this itself (lazer, `OsuBeatmapProcessor.stack_distance`)."""
SAME_OFFSETS = 3
"""An offset that occurs this often is a style."""
STACK_CURVE = Curve(middle=2.0, scale=1.0)
"""Log2 of exact stacks per broken one. Of 60 ranked maps 51 have only exact stacks."""
SELF_STACKED_CURVE = replace(STACK_CURVE, highest=0.55)
"""The same for objects that the game stacks itself."""
STACKED_PX = 12.0
"""Closer steps are stacks, not spacing (lazer, `CheckTimeDistanceEquality.stack_leniency`)."""
PATTERN_MS = 600.0
"""Objects farther apart are read apart (lazer: "200 BPM 2/1")."""
NEIGHBOURHOOD_MS = 4000.0
"""Spacing is compared within this time, because slow changes are deliberate (lazer's value, here to both sides)."""
MAX_NEIGHBOURS = 200
"""Most neighbours on each side; ranked maps have up to about 70."""
CLOSE_MS, SAME_SNAP_MS = 180.0, 5.0
"""Steps of half a beat of 160 BPM or less, and how alike their times are (Mapset Verifier, abnormal spacing)."""
LEAST_WIDTH_PX, LEAP_TIMES = 20.0, 4.0
"""Narrower steps count as this wide; a leap is this many times as wide (Mapset Verifier: a warning)."""
MIN_STEPS = 4
"""Fewest steps of the same rhythm to compare with."""
SAME_PX, MOST_SAME_STEPS = 2.0, 2
"""A distance that the map has at more than so many other gaps of the same length is a figure of its own."""
LEAST_OFF_PX, MOST_OFF_PX = 2.0, 40.0
"""Smaller deviations are not visible; greater ones count as this."""
LEAST_SHARE = 0.4
"""Share of the steps at the same gap that must have one distance; at least `LEAST_COMPANIONS` must."""
ROUNDING_PX = 0.7
"""Spread of distances between whole pixels."""
WHOLE_PX = 5.0
"""Deviations of less are given with a decimal."""
SPACING_CURVE = Curve(middle=20.0, scale=6.0)
"""Deviations of both steps in units of the spread of the distances at these gaps. At most one a minute is named: 700 minutes
of ranked Easy, Normal and Advanced maps have 0.12 a minute above 15 and 0.05 above 30; of objects there that were moved by 60 to
200 px 76 % have more than 15, of those moved by 16 px a third."""

SPACING = Rule(
    "positions/spacing",
    "Uneven spacing",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="In a map whose distances show the rhythm, another distance at the same rhythm looks like another rhythm.",
    how="In Easy, Normal and Advanced, the distances to the object and from it are compared with those of up to twelve steps "
    "on either side that have the same gap in time, if most of these have one distance. The deviation is measured in units of "
    "their spread, and the greatest in each minute is named.",
    advice="Does the music ask for the other spacing?",
    ignore_when="the spacing changes with the music.",
    blind_spots="From Hard on, where distances follow the music, nothing is checked; nor are stacks.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Distance_snap",
    modes=ONLY_OSU,
    curves={"": SPACING_CURVE},
    corruptions=("place",),
)
LEAP = Rule(
    "positions/spacing-leap",
    "Leap out of close objects",
    Severity.MINOR,  # 2.6 % of ranked maps have them, mostly on purpose
    Tier.EXACT,
    ("map",),
    why="Players cannot foresee a jump many times as wide as all others of its rhythm; usually the object is a tick too early.",
    how="Of steps of at most 180 ms, one wider than two circles is at least four times as wide as every other of its rhythm within "
    "4 s, of which there are four or more. Steps from a slider are three radii shorter, because its end need not be reached.",
    advice="Does the music leap here as well?",
    ignore_when="the music leaps as well",
    blind_spots="Steps of more than 180 ms; maps that leap often.",
    source="https://github.com/Naxesss/MapsetVerifier/blob/main/src/Checks/Standard/Compose/CheckAbnormalSpacing.cs",
    modes=ONLY_OSU,
)
NEAR_OVERLAP = Rule(
    "positions/near-overlap",
    "Broken stack",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Two objects a few pixels apart look like a stack that slipped.",
    how="The object lies 1 to 5 px from the one before it, while other stacks of this map are exact.",
    advice="Stack them exactly, or move them clearly apart.",
    ignore_when="the offset is a style; one that occurs three times is not reported.",
    blind_spots="Stacks with objects in between, and offsets of more than 5 px.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Stacking",
    modes=ONLY_OSU,
    curves={"": STACK_CURVE, "self-stacked": SELF_STACKED_CURVE},
)


def broken_stacks(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Objects a few pixels off the one before, in maps that stack exactly."""
    exact: Counter[bool] = Counter()
    broken: list[tuple[Step, bool, tuple[int, int]]] = []
    for step in all_steps:
        if step.gap > PATTERN_MS:
            continue
        # A slider's head and tail are both places to stack on; heads lie on whole pixels, tails where the curve ends.
        heads = math.dist((step.before.x, step.before.y), (step.after.x, step.after.y))
        on_tail = step.before.slider is not None and step.distance < heads
        distance = min(heads, step.distance)
        x, y = cursor(step.before) if on_tail else (step.before.x, step.before.y)
        if distance < (TAIL_STACK_PX if on_tail else STACK_PX):
            exact[on_tail] += 1
        elif distance <= NEAR_STACK_PX:
            broken.append((step, on_tail, (round(step.after.x - x), round(step.after.y - y))))
    offsets = Counter(offset for _, _, offset in broken)
    numbers = Counter(on_tail for _, on_tail, _ in broken)
    for step, on_tail, offset in broken:
        if offsets[offset] >= SAME_OFFSETS or not exact[on_tail]:
            continue
        yield candidate(
            NEAR_OVERLAP,
            time=step.after.time,
            line=step.after.line,
            objects=[step.after],
            measure=math.log2(exact[on_tail] / numbers[on_tail]),
            curve="self-stacked" if math.hypot(*offset) < VISIBLE_STACK_PX else "",
            message=f"This {object_name(step.after, evidence.beatmap)} is {math.hypot(*offset):.1f} px off a stack; "
            f"{exact[on_tail]} other stacks of this map are exact.",
            actual=f"x {step.after.x:.0f}, y {step.after.y:.0f}",
            expected=[Expected(f"x {step.after.x - offset[0]:.0f}, y {step.after.y - offset[1]:.0f}")],
            off_px=round(math.hypot(*offset), 2),
            exact_stacks=exact[on_tail],
            broken_stacks=numbers[on_tail],
        )


def is_low(evidence: Evidence) -> bool:
    """Whether a map is an Easy, Normal or Advanced, in which distances show the rhythm."""
    level = evidence.level
    return level is not None and (level <= Level.NORMAL or "advanced" in evidence.beatmap.version.lower())


def spacing(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Distances unlike the others of the same gap: the greatest deviations, at most one a minute."""
    if not is_low(evidence) or len(all_steps) < LEAST_COMPANIONS:
        return
    distances, gaps = np.array([s.distance for s in all_steps]), np.array([s.gap for s in all_steps])
    compared = compare_steps(distances, gaps)
    uneven = (
        (compared.off >= LEAST_OFF_PX)
        & (np.round(compared.share * compared.count) >= LEAST_COMPANIONS)
        & (compared.share >= LEAST_SHARE)
        & (distances >= STACKED_PX)
        & (np.nan_to_num(compared.mode) >= STACKED_PX)
        & (_same_steps(distances, gaps) <= MOST_SAME_STEPS)
    )
    size = np.minimum(compared.off, MOST_OFF_PX) / (ROUNDING_PX + compared.spread) * np.sqrt(compared.share)
    size = np.where(uneven, size, 0.0)
    # A displaced object makes the step to it and the step from it uneven.
    joined = np.array([first.after is second.before for first, second in pairwise(all_steps)] + [False])
    measures = size + np.where(joined, np.roll(size, -1), 0.0)
    left = max(round(evidence.beatmap.drain_ms / 60_000), 1)
    taken: set[int] = set()
    for at in np.argsort(-measures, kind="stable").tolist():
        if not left or measures[at] <= 0:
            return
        if taken.isdisjoint((at - 1, at, at + 1)):
            taken.add(at)
            left -= 1
            named = [at] * bool(size[at]) + [at + 1] * bool(joined[at] and size[at + 1])
            yield _uneven(evidence, all_steps, compared, named, all_steps[at].after, float(measures[at]))


def _same_steps(distances: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """(n,) number of other steps of the map with about the same distance [px] and gap [ms]."""
    bins = [*zip((distances // SAME_PX).astype(int).tolist(), (gaps // SAME_GAP_MS).astype(int).tolist(), strict=True)]
    counts = Counter(bins)
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return np.array([sum(counts[d + i, g + j] for i, j in around) - 1 for d, g in bins])


def _uneven(
    evidence: Evidence, all_steps: Sequence[Step], compared: Steps, named: Sequence[int], o: HitObject, measure: float
) -> Candidate:
    """The candidate for an object with one or two uneven steps."""
    words = []
    for at in named:
        step, digits = all_steps[at], 0 if compared.off[at] >= WHOLE_PX else 1
        companions = round(compared.share[at] * compared.count[at])
        side = "from the object before" if step.after is o else "from the next one"
        words.append(
            f"{step.distance:.{digits}f} px {side}, where {companions} other gaps of "
            f"{gap_name(evidence, step.before, step.gap)} have {compared.mode[at]:.{digits}f} px"
        )
    first = named[0]
    return candidate(
        SPACING,
        time=o.time,
        line=o.line,
        objects=[o],
        measure=measure,
        message=f"This {object_name(o, evidence.beatmap)} is {', and '.join(words)}.",
        actual=f"{all_steps[first].distance:.0f} px",
        expected=[Expected(f"{compared.mode[first]:.0f} px")],
        distance_px=round(all_steps[first].distance, 1),
        usual_px=round(float(compared.mode[first]), 1),
        spread_px=round(float(compared.spread[first]), 1),
        gap_ms=round(all_steps[first].gap, 1),
        same_gaps=int(compared.count[first]),
        uneven_steps=["before" if all_steps[at].after is o else "next" for at in named],
    )


def leaps(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Steps far wider than all others of the same rhythm around them."""
    radius = evidence.beatmap.difficulty.circle_radius
    close = [s for s in all_steps if 0 < s.gap <= CLOSE_MS]
    times = np.array([s.after.time for s in close])
    gaps = np.array([s.gap for s in close])
    widths = np.maximum([s.distance - 3 * radius * (s.before.slider is not None) for s in close], LEAST_WIDTH_PX)
    for i in np.flatnonzero(widths > 4 * radius).tolist():
        first, last = np.searchsorted(times, [times[i] - NEIGHBOURHOOD_MS, times[i] + NEIGHBOURHOOD_MS])
        first, last = max(first, i - MAX_NEIGHBOURS), min(last, i + MAX_NEIGHBOURS + 1)
        same = np.flatnonzero(np.abs(gaps[first:last] - gaps[i]) <= SAME_SNAP_MS) + first
        same = same[np.abs(same - i) > 1]
        if len(same) < MIN_STEPS or widths[i] < LEAP_TIMES * widths[same].max():
            continue
        step, usual = close[i], median(widths[same])
        yield candidate(
            LEAP,
            time=step.after.time,
            line=step.after.line,
            objects=[step.before, step.after],
            certainty=Certainty.POSSIBLE,
            message=f"This {object_name(step.after, evidence.beatmap)} is {step.distance:.0f} px from the object before in "
            f"{step.gap:.0f} ms; others of this rhythm around it are {usual:.0f} px apart.",
            actual=f"{step.distance:.0f} px",
            expected=[Expected(f"{usual:.0f} px")],
        )


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check the distances of all steps; osu! only."""
    if evidence.beatmap.mode is Mode.OSU:
        all_steps = steps(evidence)
        yield from broken_stacks(evidence, all_steps)
        yield from spacing(evidence, all_steps)
        yield from leaps(evidence, all_steps)


CHECK = BeatmapCheck(Category.POSITIONS, "Spacing", (SPACING, LEAP, NEAR_OVERLAP), run)

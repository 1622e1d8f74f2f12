"""Findings that the discriminator alone suggests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.discriminator.prediction import NO_PREDICTION, CorruptionLogits
from maimod.findings import Expected, Finding
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import Hit, hits
from maimod.rules import RULES, kiai
from maimod.rules.base import Context, Rule
from maimod.rules.rhythm_index import SAME_MS

LEAST_DOUBT, LEAST_KIAI_DOUBT = -3.0, -6.0
"""Log-odds below which the proofreader proposes nothing by itself. Of kiai only the few borders are asked about."""


MISPLACED_BEATS = 1.0
"""An object too many and a hole this near to it are one object in the wrong place."""


KIAI_SLOTS = SLOTS_PER_BEAT
"""A border a beat off has a beat on the wrong side."""


def proposals(context: Context, corruption: CorruptionLogits) -> Iterator[tuple[Finding, float]]:
    """Findings that rest on the proofreader alone, and its log-odds; scored later."""
    first_at: dict[int, HitObject] = {}
    slots, _ = corruption.grid.locate([o.time for o in context.objects_by_time])
    for o, slot in zip(context.objects_by_time, slots.tolist(), strict=True):
        first_at.setdefault(slot, o)
    for propose in (_rhythm, _flags, _sounds, _places, _speeds, _kiai):
        yield from propose(context, corruption, first_at)


Found = Iterator[tuple[Finding, float]]


def _make(
    context: Context,
    rule: str,
    o: HitObject,
    message: str,
    *,
    actual: str = "",
    expected: Sequence[Expected] = (),
    time: float | None = None,
) -> Finding:
    return context.finding(
        _rule(rule),
        time=o.time if time is None else time,
        line=o.line,
        objects=[o],
        score=0.0,
        message=message,
        actual=actual,
        expected=expected,
    )


def _rule(name: str) -> Rule:
    return RULES[name]


def _rhythm(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    """Objects too many, holes, and pairs of both."""
    holes = dict(corruption.peaks("missing", LEAST_DOUBT))
    reach = round(MISPLACED_BEATS * SLOTS_PER_BEAT)
    for slot, doubt in corruption.peaks("extra", LEAST_DOUBT):
        o = first_at.get(slot)
        if o is None:
            continue
        beside = [other for other in holes if 0 < abs(other - slot) <= reach]
        if beside:
            other = max(beside, key=holes.__getitem__)
            time, later = float(corruption.grid.times[other]), other > slot
            del holes[other]
            yield (
                _make(
                    context,
                    "rhythm/wrong-tick",
                    o,
                    "Read together with what follows, this object lies on the wrong tick: it fits "
                    f"{abs(time - o.time):.0f} ms {'later' if later else 'earlier'}.",
                    actual=f"{o.time:.0f} ms",
                    expected=[Expected(f"{time:.0f} ms")],
                ),
                max(doubt, float(corruption.of("missing")[other])),
            )
        else:
            yield (
                _make(
                    context,
                    "rhythm/unexpected-object",
                    o,
                    "Nothing around asks for this object: the rhythm before and after it, the "
                    "song and places like this one do without.",
                    actual=str(o.kind),
                    expected=[Expected("no object")],
                ),
                doubt,
            )
    objects = context.objects_by_time
    for slot, doubt in holes.items():
        time = float(corruption.grid.times[slot])
        before = [o for o in objects if o.time < time - SAME_MS]
        if before and slot not in first_at:
            yield (
                _make(
                    context,
                    "rhythm/missing-object",
                    before[-1],
                    "Read together with what follows, an object is missing here: the "
                    "rhythm around it, the song and places like this one have one.",
                    time=time,
                    actual="nothing",
                    expected=[Expected(f"an object at {time:.0f} ms")],
                ),
                doubt,
            )


def _flags(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    if context.beatmap.mode not in (Mode.OSU, Mode.CATCH):
        return
    for slot, doubt in corruption.peaks("combo", LEAST_DOUBT, apart=0):
        o = first_at.get(slot)
        if o is None or o is context.objects_by_time[0] or o.kind is ObjectKind.SPINNER:
            continue
        if o.new_combo:
            yield (
                _make(
                    context,
                    "new-combos/unexpected",
                    o,
                    "The combos around, and those of places like this one, go better without this new combo.",
                    actual="new combo",
                    expected=[Expected("no new combo")],
                ),
                doubt,
            )
        else:
            yield (
                _make(
                    context,
                    "new-combos/missing",
                    o,
                    "The combos around, and those of places like this one, have a new combo here.",
                    actual="no new combo",
                    expected=[Expected("new combo")],
                ),
                doubt,
            )


def _sounds(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    """Additions, sample sets and volumes of heads and edges; mania's are optional and left to its habits."""
    mode = context.beatmap.mode
    if mode is Mode.MANIA:
        return
    found = [hit for hit in hits(context.beatmap) if not hit.keysound]
    slots, _ = corruption.grid.locate([hit.time for hit in found])
    at: dict[int, Hit] = {}
    for hit, slot in zip(found, slots.tolist(), strict=True):
        at.setdefault(slot, hit)
    for kind, rule in (("addition", ""), ("sample_set", "hitsounds/sample-set"), ("volume", "hitsounds/volume")):
        if mode is Mode.TAIKO and kind != "addition":
            continue
        for slot, doubt in corruption.peaks(kind, LEAST_DOUBT, apart=0):
            if slot not in at:
                continue
            hit = at[slot]
            name, what = rule, {"sample_set": "sample set", "volume": f"volume of {hit.volume} %"}.get(kind, "")
            if kind == "addition":
                name = (
                    "hitsounds/taiko-colour"
                    if mode is Mode.TAIKO
                    else "hitsounds/unexpected"
                    if hit.additions
                    else "hitsounds/missing"
                )
                what = "colour" if mode is Mode.TAIKO else "addition" if hit.additions else "lack of an addition"
            yield (
                _make(
                    context,
                    name,
                    hit.hit_object,
                    f"The {what} of the {hit.place} breaks the pattern of the hits before and after it.",
                    time=hit.time,
                ),
                doubt,
            )


def _places(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    mode = context.beatmap.mode
    offers = {
        Mode.OSU: (("place", "positions/unexpected"), ("shape", "sliders/shape"), ("length", "rhythm/unexpected-end")),
        Mode.CATCH: (
            ("place", "positions/unexpected"),
            ("shape", "sliders/shape"),
            ("length", "rhythm/unexpected-end"),
        ),
        Mode.MANIA: (("place", "positions/column"),),
        Mode.TAIKO: (),
    }[mode]
    texts = {
        "place": "This object lies where neither what comes before nor what follows leads.",
        "shape": "The shape, direction or speed of this slider fits neither what comes before nor what follows.",
        "length": "The length of this slider fits neither the rhythm around it nor places like this one.",
    }
    for kind, rule in offers:
        for slot, doubt in corruption.peaks(kind, LEAST_DOUBT, apart=0):
            o = first_at.get(slot)
            if o is None or (kind != "place" and o.slider is None):
                continue
            yield _make(context, rule, o, texts[kind]), doubt


def _speeds(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    if context.beatmap.mode not in (Mode.TAIKO, Mode.MANIA):
        return
    last = -SLOTS_PER_BEAT * 8
    for slot, doubt in corruption.peaks("velocity", LEAST_DOUBT, apart=SLOTS_PER_BEAT * 4):
        o = next((first_at[s] for s in range(slot, slot + SLOTS_PER_BEAT * 2) if s in first_at), None)
        if o is not None and slot - last >= SLOTS_PER_BEAT * 4:
            last = slot
            yield (
                _make(
                    context,
                    "scroll-speed/unexpected",
                    o,
                    "The scroll speed here breaks that of the notes before and after.",
                    actual=f"{context.beatmap.velocity_at(o.time):.2f}x",
                ),
                doubt,
            )


def _kiai(context: Context, corruption: CorruptionLogits, first_at: dict[int, HitObject]) -> Found:
    """Borders of kiai with a beat on one side that seems to belong to the other."""
    objects = context.objects_by_time
    for section in context.beatmap.kiai_sections:
        for point, begins in zip(section, (True, False), strict=True):
            if point is None or not objects:
                continue
            doubt, is_late = _kiai_doubt(corruption, point.time)
            if doubt <= LEAST_KIAI_DOUBT:
                continue
            near = min(objects, key=lambda o: abs(o.time - point.time))
            finding = context.finding(
                kiai.MISPLACED,
                time=point.time,
                line=point.line,
                objects=[near],
                score=0.0,
                actual="kiai begins" if begins else "kiai ends",
                message=f"The song and the objects around suggest that kiai {'begins' if begins else 'ends'} a little "
                f"{'earlier' if is_late else 'later'}.",
            )
            yield replace(finding, objects=()), doubt


def _kiai_doubt(corruption: CorruptionLogits, time: float) -> tuple[float, bool]:
    """Mean log-odds of the beat before or after a border of kiai, whichever is doubted more; and whether it is the one
    before."""
    slot = int(corruption.grid.locate([time])[0][0])
    values = corruption.of("kiai")
    before, after = (
        float(part.mean()) if len(part) else NO_PREDICTION
        for part in (values[max(slot - KIAI_SLOTS, 0) : slot], values[slot : slot + KIAI_SLOTS])
    )
    return max(before, after), before > after

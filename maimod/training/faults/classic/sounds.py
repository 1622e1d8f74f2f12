"""Planted mistakes of hitsounds: additions, sample sets, volume, and stretches that lost their additions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_TAIKO, Beatmap, HitObject, HitSample, ObjectKind
from maimod.training.faults.additions import silent
from maimod.training.faults.base import (
    CLAP,
    FINISH,
    SAME_MS,
    SAMPLE_SETS,
    WHISTLE,
    Envelope,
    Fault,
    Planted,
    additions_of,
    at_volume,
    effective_sample,
    exchanged,
    has_red_line,
    in_turn,
    is_circle,
    mistake_at,
    over,
    overridden,
    pick,
    rebuild,
    rows_of,
    starting_in,
    stretches,
    with_additions,
)


def _patterned(beatmap: Beatmap, without: bool = False) -> list[HitObject]:
    """Objects with the same additions, or `without` any, as those one period before and after; a period is two beats or a
    measure."""
    rows = rows_of(beatmap)
    bits = {round(row.time): additions_of(row.only) for row in rows if row.only is not None}

    def at(time: float) -> int | None:
        return next((bits[t] for t in (round(time), round(time) - 1, round(time) + 1) if t in bits), None)

    def is_repeated(o: HitObject) -> bool:
        red = beatmap.red_line_at(o.time)
        return any(
            at(o.time - period) == at(o.time + period) == additions_of(o)
            for period in (2 * red.beat_length, red.meter * red.beat_length)
        )

    return [
        row.only
        for row in rows
        if row.only is not None
        and row.only.kind is not ObjectKind.SPINNER
        and bool(additions_of(row.only)) is not without
        and is_repeated(row.only)
    ]


def _addition_missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, _patterned(beatmap))
    return (
        None
        if o is None
        else mistake_at(
            exchanged(beatmap, o, with_additions(o, 0)), o, f"addition {additions_of(o)} of a pattern taken away"
        )
    )


def _addition_wrong(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, _patterned(beatmap))
    if o is None:
        return None
    other = pick(random, [bits for bits in (WHISTLE, FINISH, CLAP) if bits != additions_of(o)])
    assert other is not None
    return mistake_at(
        exchanged(beatmap, o, with_additions(o, other)), o, f"addition {additions_of(o)} of a pattern becomes {other}"
    )


def _evenly_sampled(beatmap: Beatmap) -> list[HitObject]:
    """Circles between objects of the same sample set and volume."""
    rows = rows_of(beatmap)
    samples = [effective_sample(beatmap, row.objects[0]) for row in rows]
    return [
        o
        for i in range(2, len(rows) - 2)
        if (o := rows[i].only) is not None and is_circle(o) and len(set(samples[i - 2 : i + 3])) == 1
    ]


def _sample_set(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, _evenly_sampled(beatmap))
    if o is None:
        return None
    now = effective_sample(beatmap, o)[0]
    other = pick(random, [number for number in SAMPLE_SETS.values() if number != now])
    assert other is not None
    sample: HitSample = replace(o.sample, normal_set=other, filename="")
    return mistake_at(
        exchanged(beatmap, o, replace(o, sample=sample)), o, f"sample set {now} becomes {other} on one object"
    )


def _volume_dip(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    for o in in_turn(random, [o for o in _evenly_sampled(beatmap) if not o.sample.volume]):
        volume = effective_sample(beatmap, o)[1]
        until = next((later.time for later in objects[o.index + 1 :] if later.time > o.time + SAME_MS), None)
        if volume < 30 or until is None or has_red_line(beatmap, o.time - 2 * SAME_MS, until + SAME_MS):
            continue
        dipped = max(5, round(volume * (1 - percent / 100)))
        lines = overridden(beatmap, o.time, until, partial(at_volume, dipped))
        return mistake_at(rebuild(beatmap, timing_points=lines), o, f"volume {volume} becomes {dipped} on one object")
    return None


def _addition_extra(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """An addition where the pattern has none."""
    o = pick(random, _patterned(beatmap, without=True))
    if o is None or not any(map(additions_of, beatmap.hit_objects)):
        return None
    bits = int(random.choice((WHISTLE, FINISH, CLAP)))
    return mistake_at(exchanged(beatmap, o, with_additions(o, bits)), o, f"addition {bits} where the pattern has none")


def _hitsounds_lost(measures: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """No additions for some measures, where they and both neighbours have some."""

    def is_sounded(start: float, end: float, least: int) -> bool:
        return sum(silent(o) != o for o in starting_in(beatmap, start, end)) >= least

    for start, end in in_turn(random, stretches(beatmap, measures)):
        measure = (end - start) / measures
        if (
            not is_sounded(start, end, 2 * measures)
            or not is_sounded(start - measure, start, 1)
            or not is_sounded(end, end + measure, 1)
        ):
            continue
        lines = {o.line for o in starting_in(beatmap, start, end)}
        objects = [silent(o) if o.line in lines else o for o in beatmap.hit_objects]
        return over(rebuild(beatmap, hit_objects=objects), start, end, f"no additions for {measures} measures")
    return None


_H = (Category.HITSOUNDS,)
FAULTS: tuple[Fault, ...] = (
    Fault("addition-missing", "", _H, NOT_TAIKO, _addition_missing),
    Fault("addition-wrong", "", _H, NOT_TAIKO, _addition_wrong),
    Fault("addition-extra", "", _H, NOT_TAIKO, _addition_extra),
    Fault("sample-set", "", _H, NOT_TAIKO, _sample_set),
    *(
        Fault("hitsounds-lost", f"{n} measure{'s' if n > 1 else ''}", _H, NOT_TAIKO, partial(_hitsounds_lost, n))
        for n in (1, 2, 4)
    ),
    *(Fault("volume-dip", f"{percent} %", _H, ALL_MODES, partial(_volume_dip, percent)) for percent in (30, 50, 80)),
)

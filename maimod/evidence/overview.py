"""The overview of a mapset as HTML: settings, metadata, snaps and hitsounds side by side, and curves over the song.

All text from a map is escaped here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np

from maimod.evidence.svg import element, polyline
from maimod.findings import clock, minutes
from maimod.osu.beatmap import PLAYFIELD_MODES, UNSNAP_MS, Beatmap, Mode
from maimod.osu.hitsounds import SAMPLE_SETS, hits
from maimod.osu.level import named_level, star_rating
from maimod.osu.mapset import Mapset
from maimod.osu.names import object_name
from maimod.osu.timing import snap

METADATA = ("Title", "TitleUnicode", "Artist", "ArtistUnicode", "Creator", "Source", "Tags", "BeatmapSetID")
WIDTH, HEIGHT = 600, 54
STEP_MS, WINDOW_MS = 500.0, 2000.0
"""Step and width of the curve of objects per second."""
ADDITIONS = {"whistle": 2, "finish": 4, "clap": 8}

Row = tuple[str, Callable[[Beatmap], str]]


def overview(whole: Mapset) -> str:
    """Build the tables and curves of a set."""
    beatmaps = sorted(whole.beatmaps, key=lambda one: (one.mode.value, whole.stars[one.path] or 0.0, one.version))
    if not beatmaps:
        return "<p>No difficulty can be read.</p>"
    return "".join(
        [
            _table("Settings", beatmaps, _settings(whole)),
            _table("Metadata", beatmaps, [(name, _metadata(name)) for name in METADATA], is_folded=True),
            _counts("Beat snaps", beatmaps, _snaps, _divisor),
            _counts("Objects", beatmaps, lambda one: Counter(object_name(o, one) for o in one.hit_objects)),
            _counts("Hitsounds", beatmaps, _hitsounds, whole=lambda one: len(hits(one))),
            _curves(beatmaps),
        ]
    )


def _settings(whole: Mapset) -> list[Row]:
    def stars(one: Beatmap) -> str:
        value = whole.stars.get(one.path) or star_rating(one)
        return "?" if value is None else f"{value:.2f}"

    def level(one: Beatmap) -> str:
        known = whole.levels.get(one.path)
        if known is None:
            return "unknown"
        label = known.label_in(one.mode)
        return label if known is named_level(one.version) else f"{label} (a guess)"

    def velocities(one: Beatmap) -> str:
        found = [one.velocity_at(o.time) for o in one.hit_objects]
        return _range(f"{min(found):.2f}x", f"{max(found):.2f}x") if found else ""

    modes = {one.mode is Mode.MANIA for one in whole.beatmaps}
    sizes = "circle size or keys" if len(modes) > 1 else "keys" if True in modes else "circle size"

    def tempos(one: Beatmap) -> str:
        found = sorted(60_000 / red.beat_length for red in one.red_lines if red.beat_length > 0)
        return ", ".join(dict.fromkeys(f"{bpm:.6g}" for bpm in found))

    def volumes(one: Beatmap) -> str:
        found = [hit.volume for hit in hits(one)]
        return f"{_range(str(min(found)), str(max(found)))} %" if found else ""

    return [
        ("mode", lambda one: one.mode.title),
        ("stars", stars),
        ("level, if not given", level),
        ("objects", lambda one: str(len(one.hit_objects))),
        ("drain time", lambda one: minutes(one.drain_ms)),
        ("BPM", tempos),
        (sizes, lambda one: f"{one.difficulty.circle_size:g}"),
        ("approach rate", lambda one: f"{one.difficulty.approach_rate:g}" if one.mode in PLAYFIELD_MODES else "–"),
        ("overall difficulty", lambda one: f"{one.difficulty.overall_difficulty:g}"),
        ("HP drain", lambda one: f"{one.difficulty.hp_drain_rate:g}"),
        ("slider velocity", lambda one: f"{one.difficulty.slider_multiplier:g}"),
        ("tick rate", lambda one: f"{one.difficulty.slider_tick_rate:g}"),
        ("velocities used", velocities),
        ("volume", volumes),
        ("red, green lines", _lines),
        (
            "kiai",
            lambda one: ", ".join(f"{minutes(a.time)}–{minutes(b.time) if b else 'end'}" for a, b in one.kiai_sections),
        ),
        ("preview", _preview),
    ]


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} – {high}"


def _preview(one: Beatmap) -> str:
    """The preview point as the editor shows it; as it is written if it is no time."""
    written = one.written.get("General", {}).get("PreviewTime", "")
    return clock(int(written)) if written.isdecimal() and len(written) < 9 else written


def _lines(one: Beatmap) -> str:
    red = len(one.red_lines)
    return f"{red}, {len(one.timing_points) - red}"


def _metadata(name: str) -> Callable[[Beatmap], str]:
    return lambda one: one.metadata.get(name, "")


def _snaps(one: Beatmap) -> Counter[str]:
    """Starts of objects by the divisor of their beat snap."""
    found: Counter[str] = Counter()
    for o in one.hit_objects:
        place = snap(one, o.time)
        found[f"1/{place.divisor}" if abs(place.error) < UNSNAP_MS else "unsnapped"] += 1
    return found


def _divisor(name: str) -> tuple[bool, int]:
    """Sort key of a snap: by its divisor, objects on none last."""
    return (True, 0) if name == "unsnapped" else (False, int(name[2:]))


def _hitsounds(one: Beatmap) -> Counter[str]:
    """Hits by sample set, and by addition."""
    found: Counter[str] = Counter()
    for hit in hits(one):
        found[f"{SAMPLE_SETS[hit.normal_set - 1]} set"] += 1
        for name, bit in ADDITIONS.items():
            found[name] += bool(hit.additions & bit)
    return found


def _table(title: str, beatmaps: Sequence[Beatmap], rows: Iterable[Row], is_folded: bool = False) -> str:
    """A row for each property, a column for each difficulty; `is_folded` merges equal values."""
    body = []
    for name, value in rows:
        values = [value(one) for one in beatmaps]
        if not any(values):
            continue
        same = len(set(values)) == 1
        cells = (
            f'<td colspan="{len(beatmaps)}">{escape(values[0])}</td>'
            if same and is_folded
            else "".join(f"<td>{escape(text)}</td>" for text in values)
        )
        differs = ' class="mm-differs"' if is_folded and not same else ""
        body.append(f'<tr{differs}><th scope="row">{escape(name)}</th>{cells}</tr>')
    return _whole_table(title, beatmaps, body)


def _counts(
    title: str,
    beatmaps: Sequence[Beatmap],
    count: Callable[[Beatmap], Counter[str]],
    key: Callable[[str], tuple[bool, int]] | None = None,
    whole: Callable[[Beatmap], int] = lambda one: len(one.hit_objects),
) -> str:
    """Counts with their share of the `whole` of each difficulty, which is the number of its objects."""
    wholes = [max(whole(one), 1) for one in beatmaps]
    counts = [count(one) for one in beatmaps]
    names = sorted({name for one in counts for name, number in one.items() if number}, key=key)
    body = []
    for name in names:
        cells = "".join(
            f"<td>{one[name]} <span>{f'{100 * one[name] / of:.0f}' if 200 * one[name] >= of else '&lt;1'} %</span></td>"
            if one[name]
            else "<td>–</td>"
            for one, of in zip(counts, wholes, strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return _whole_table(title, beatmaps, body)


def _whole_table(title: str, beatmaps: Sequence[Beatmap], body: Sequence[str]) -> str:
    heads = "".join(f'<th scope="col">{escape(one.version)}</th>' for one in beatmaps)
    return (
        f'<div class="mm-wide"><table class="mm-over"><caption>{escape(title)}</caption><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _curves(beatmaps: Sequence[Beatmap]) -> str:
    """Objects per second, velocity and volume over the song, for each difficulty."""
    end = max((o.end_time for one in beatmaps for o in one.hit_objects), default=1.0)
    parts = []
    for one in beatmaps:
        times = np.sort([o.time for o in one.hit_objects])
        if not len(times):
            continue
        at = np.arange(0.0, end + STEP_MS, STEP_MS)
        density = (np.searchsorted(times, at + WINDOW_MS / 2) - np.searchsorted(times, at - WINDOW_MS / 2)) / (
            WINDOW_MS / 1000
        )
        velocity = np.array([one.velocity_at(float(t)) for t in at])
        own = hits(one)
        loudness = np.interp(at, [hit.time for hit in own], [hit.volume for hit in own]) if own else np.zeros_like(at)
        layers = [
            _curve(at / end, density / max(float(density.max()), 1e-9), "mm-density"),
            _curve(at / end, velocity / max(float(velocity.max()), 1e-9), "mm-velocity"),
            _curve(at / end, loudness / 100, "mm-volume"),
        ]
        picture = element(
            "svg",
            *layers,
            class_="mm-curves",
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            preserveAspectRatio="none",
            role="img",
            aria_label=f"Objects per second, velocity and volume of {one.version}",
        )
        parts.append(
            f"<figure>{picture}<figcaption><b>{escape(one.version)}</b> up to {density.max():.1f} objects a second, "
            f"{velocity.max():.2f}x</figcaption></figure>"
        )
    return (
        '<h3>Over the song</h3><p class="mm-legend"><b class="mm-density">objects a second</b> '
        '<b class="mm-velocity">velocity</b> <b class="mm-volume">volume</b></p>' + "".join(parts)
    )


def _curve(x: np.ndarray, y: np.ndarray, name: str) -> str:
    points = [(float(a) * WIDTH, HEIGHT - 2 - float(b) * (HEIGHT - 6)) for a, b in zip(x, y, strict=True)]
    return element("path", d=polyline(points), class_=name, fill="none", vector_effect="non-scaling-stroke")

"""Build the evidence for one finding as HTML: pictures, numbers, events with their bits, the rule, the other
difficulties.

All text from a map is escaped here; viewers insert the result unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from maimod.events.schema import EventScore
from maimod.evidence import Cloud, Span, cloud, playfield, spectrum
from maimod.evidence.digest import digest
from maimod.evidence.words import words
from maimod.findings import Category, Finding, Scope, editor_link, editor_timestamp, percent
from maimod.osu.beatmap import Beatmap, HitObject, Mode, TimingPoint
from maimod.osu.names import object_name
from maimod.rules import RULES

if TYPE_CHECKING:
    from maimod.linter.expectations import Expectations
    from maimod.linter.pipeline import Analysis

MAX_MARKED = 40
"""Most objects highlighted; a finding about more objects is about a section."""
MAX_LISTED = 6
"""Most objects whose events are listed."""
MAX_DIFFICULTIES = 4
PLACED = frozenset({Category.POSITIONS, Category.SLIDERS})
"""Categories about positions: for these the model's expected positions are drawn."""
MISSING = frozenset({"rhythm/missing-object", "mapset/missing-object"})
"""Rules whose findings give the time of an object that the map lacks."""
NEAR_PX = 32
"""Radius in osu! pixels that counts as the same position: half of a usual circle."""
OF_SPECTRUM = (
    "lines: mapped times; orange: onsets, drawn as early as well-timed maps have them; turquoise: expected times"
)
NEAR_MS = 1000.0
"""A difficulty without an object within this time shows no playfield under "the same place"."""


def evidence(
    analysis: Analysis, finding: Finding, expectations: Expectations | None = None, playable_ms: float = 0.0
) -> str:
    """Build the evidence of a finding.

    Args:
        analysis: of the finding's beatmap.
        finding: from the report of that beatmap.
        expectations: for findings about positions; None draws what the scores say of the object.
        playable_ms: how much before and after the moment can be played.
    """
    beatmap = analysis.beatmap
    marked = finding.objects[:MAX_MARKED]
    if finding.scope is not Scope.PLACE:
        return _comparison(finding) + _also(finding) + _rule(finding.rule) + _numbers(finding)
    expected = _expected(analysis, finding, expectations)
    field = playfield(beatmap, Span(finding.time, playable_ms, playable_ms), marked, expected)
    notes = ["pink: found", *([_of_expected(beatmap, marked, expected)] if expected else [])]
    shown = f"<figure>{field}<figcaption>{'; '.join(notes)}</figcaption></figure>"
    beats = _digest(analysis, finding)
    return "".join(
        [
            f'<div class="mm-pictures">{beats or shown}<figure>',
            spectrum(analysis, finding.time, marked),
            f"<figcaption>{OF_SPECTRUM}</figcaption>",
            _comparison(finding),
            "</figure></div>",
            shown if beats else "",
            _also(finding),
            _elsewhere(analysis, finding),
            _rule(finding.rule),
            _numbers(finding),
            _events(analysis, finding),
        ]
    )


def _expected(analysis: Analysis, finding: Finding, expectations: Expectations | None) -> Cloud | None:
    """The places at which the model expected the object of a finding; None if they are not drawn."""
    beatmap, known = analysis.beatmap, analysis.evidence
    if finding.rule in MISSING:
        return Cloud(finding.time, is_missing=True)
    if finding.category not in PLACED or not finding.objects or not known.schema:
        return None
    ours = beatmap.hit_objects[finding.objects[0]]
    found: tuple[tuple[float, float, float], ...] = ()
    if expectations and beatmap.mode is not Mode.MANIA:
        found = tuple(expectations.positions(beatmap, analysis.song, ours))
    if found:
        return Cloud(ours.time, places=found)
    return cloud(beatmap, ours, known.scores_by_object.get(ours.index, []), known.schema)


def _of_expected(beatmap: Beatmap, marked: Sequence[int], expected: Cloud) -> str:
    """The legend of the expected places."""
    if expected.is_missing:
        return "turquoise: when an object is expected; the place is not known"
    if expected.places:
        near = expected.near(beatmap.hit_objects[marked[0]].x, beatmap.hit_objects[marked[0]].y, NEAR_PX)
        return f"turquoise: where the model would put it; it gives {percent(near)} to the place in the map and {NEAR_PX} px around"
    rings = " (rings: distances)" * bool(expected.rings)
    return f"turquoise: where the model expected it, the likelier the stronger{rings}"


def _elsewhere(analysis: Analysis, finding: Finding) -> str:
    """Show the same time in other difficulties, preferring the same mode, then a similar star rating."""
    mapset, beatmap = analysis.evidence.mapset, analysis.beatmap
    if mapset is None:
        return ""
    stars = mapset.stars
    own = stars.get(beatmap.path) or 0.0
    others = sorted(
        (other for other in mapset.beatmaps if other.path != beatmap.path),
        key=lambda other: (other.mode is not beatmap.mode, abs((stars[other.path] or 0.0) - own)),
    )[:MAX_DIFFICULTIES]
    parts = []
    for other in sorted(others, key=lambda other: (other.mode is not beatmap.mode, stars[other.path] or 0.0)):
        name = escape(other.metadata.get("Version", "?"))
        near = [o for o in other.hit_objects if o.time - NEAR_MS < finding.time < o.end_time + NEAR_MS]
        here = [o for o in near if o.time - 12 <= finding.time <= o.end_time + 12]
        picture = playfield(other, Span(finding.time), [o.index for o in here]) if near else ""
        stamp = editor_timestamp(other, finding.time, here)
        what = (
            "nothing near"
            if not near
            else " + ".join(sorted({object_name(o, other) for o in here})) or "no object at this time"
        )
        parts.append(
            f'<figure>{picture}<figcaption><b>{name}</b> <a href="{escape(editor_link(stamp))}">{escape(stamp)}</a> {what}'
            "</figcaption></figure>"
        )
    if not parts:
        return ""
    return (
        '<details class="mm-others" open><summary>The same place in the other difficulties</summary>'
        f"<div>{''.join(parts)}</div></details>"
    )


def _comparison(finding: Finding) -> str:
    """Compare the map's value with the expected ones."""
    rows = []
    if finding.actual:
        rows.append(f'<tr class="mm-actual"><th>the map</th><td>{escape(finding.actual)}</td><td></td></tr>')
    for place, one in enumerate(finding.expected):
        chance = (
            ""
            if one.probability is None
            else (f'<meter min="0" max="1" value="{one.probability:.3f}"></meter> {percent(one.probability)}')
        )
        rows.append(f"<tr><th>{'' if place else 'expected'}</th><td>{escape(one.text)}</td><td>{chance}</td></tr>")
    return f'<table class="mm-comparison">{"".join(rows)}</table>' if rows else ""


def _digest(analysis: Analysis, finding: Finding) -> str:
    """The beat digest, for what is measured from the song."""
    rule = RULES.get(finding.rule)
    picture = (
        digest(analysis, finding) if rule and rule.category is Category.TIMING and "audio" in rule.evidence else ""
    )
    if not picture:
        return ""
    return (
        f"<figure>{picture}<figcaption>the sounds around each half beat, over the whole map: on the dashed line they are on the "
        "beat; a slope is a wrong tempo, a step a wrong offset; pink: the finding</figcaption></figure>"
    )


def _also(finding: Finding) -> str:
    """Findings that follow from this one."""
    folded = "".join(
        f"<li>{escape(one['timestamp'])} {escape(one['rule'])} ({escape(one['severity'])})</li>"
        for one in finding.evidence.get("also", [])
    )
    return (
        f'<p class="mm-also">Follows from it, or is another view of it:</p><ul class="mm-also">{folded}</ul>'
        if folded
        else ""
    )


def _numbers(finding: Finding) -> str:
    """The raw numbers behind the finding."""
    shown: dict[str, Any] = {name: value for name, value in finding.evidence.items() if name != "also"}
    if finding.surprisal is not None:
        shown = {"surprisal_bits": finding.surprisal, "entropy_bits": finding.entropy, **shown}
    rows = "".join(f"<dt>{escape(_name(key))}</dt><dd>{escape(_value(value))}</dd>" for key, value in shown.items())
    if not rows:
        return ""
    return f'<details class="mm-raw"><summary>Numbers</summary><dl class="mm-numbers">{rows}</dl></details>'


def _name(key: str) -> str:
    for ending, unit in (("_ms", "ms"), ("_px", "px"), ("_bits", "bits")):
        if key.endswith(ending):
            return f"{key.removesuffix(ending).replace('_', ' ')} [{unit}]"
    return key.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(one) for one in value[:12]) + (" …" if len(value) > 12 else "")
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(one)}" for key, one in list(value.items())[:12])
    return str(value)


def _events(analysis: Analysis, finding: Finding) -> str:
    """List the events around the finding, each with its bits and the likelier alternatives."""
    blocks = list(_decisions(analysis, finding))
    if not blocks:
        return ""
    body = []
    for title, ours, scores in blocks:
        body.append(f'<tr class="mm-object{" mm-ours" if ours else ""}"><th colspan="4">{escape(title)}</th></tr>')
        for score in scores:
            name, value = words(score.event, analysis.beatmap, analysis.evidence.schema)
            likelier = ", ".join(
                f"{escape(_alternative(analysis, score, i))} {percent(p)}"
                for i, (_, p) in enumerate(score.expected)
                if p >= 0.005
            )
            width = min(score.tolerant_surprisal / 20, 1) * 100
            strong = " mm-strong" if score.tolerant_surprisal >= 5 else ""
            body.append(
                f'<tr class="mm-event{strong}"><td>{escape(name)}</td><td>{escape(value)}</td>'
                f'<td class="mm-bits"><i style="width:{width:.0f}%"></i><b>{score.tolerant_surprisal:.1f}</b></td><td>{likelier}</td></tr>'
            )
    return (
        '<details class="mm-events"><summary>What the model expected, decision by decision</summary><table>'
        "<thead><tr><th>decision</th><th>the map</th><th>bits</th><th>expected</th></tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></details>"
    )


def _alternative(analysis: Analysis, score: EventScore, place: int) -> str:
    event = score.expected[place][0]
    name, value = words(event, analysis.beatmap, analysis.evidence.schema)
    return value if event.kind is score.event.kind or name == "kind" else f"{name} {value}"


def _decisions(analysis: Analysis, finding: Finding) -> Iterator[tuple[str, bool, list[EventScore]]]:
    """Yield (title, whether the finding is about it, scores) for the objects of the finding, one before and one after;
    or for its timing point."""
    beatmap, known = analysis.beatmap, analysis.evidence
    if finding.objects:
        order = known.objects_by_time
        rank = {o.index: place for place, o in enumerate(order)}
        ours = [rank[index] for index in finding.objects[:MAX_LISTED]]
        for place in sorted({p for own in ours for p in (own - 1, own, own + 1) if 0 <= p < len(order)}):
            scores = known.scores_by_object.get(order[place].index, [])
            if scores:
                yield _title(beatmap, order[place]), place in ours, scores
    else:
        scores = [
            score
            for score in known.scores or ()
            if isinstance(score.event.source, TimingPoint) and score.event.source.line == finding.line
        ]
        if scores:
            yield f"line {finding.line}", True, scores


def _title(beatmap: Beatmap, hit_object: HitObject) -> str:
    return f"{editor_timestamp(beatmap, hit_object.time, [hit_object])} {object_name(hit_object, beatmap)}"


def _rule(name: str) -> str:
    rule = RULES.get(name)
    if rule is None:
        return ""
    rows = "".join(
        f"<dt>{heading}</dt><dd>{_link(text) if text == rule.source else escape(text)}</dd>"
        for heading, text in rule.texts
    )
    return (
        f'<details class="mm-rule"><summary>The rule: {escape(rule.title)} <code>{escape(rule.id)}</code></summary>'
        f"<dl>{rows}</dl></details>"
    )


def _link(address: str) -> str:
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(address)}</a>'

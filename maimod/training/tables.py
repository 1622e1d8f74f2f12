"""Markdown tables of an evaluation, of real corrections and of the comparison of two evaluations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from maimod.findings import Category, Severity
from maimod.training.corrections import TOP as PAIRS_TOP
from maimod.training.corrections import PairResult, PlaceDifference, percentile_rows, place_rows
from maimod.training.faults import FAULTS
from maimod.training.metrics import (
    FALSE_A_MINUTE,
    TOP,
    Arrays,
    Evaluation,
    Figure,
    Quiet,
    Recall,
    Trial,
    calibration,
    common,
    compared,
    difference,
    figure,
    headline,
    order_by,
    per_minute,
    quiet,
    recalls,
)

WITH_INTERVAL = ("top 10", "at 2/min")
"""Columns of the long tables that have intervals."""
RECALL_COLUMNS = (*(f"top {top}" for top in TOP), *(f"at {rate:g}/min" for rate in FALSE_A_MINUTE))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Write a Markdown table; the first `words` columns are text, the others numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * words + "--:|" * (len(header) - words)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def percent(value: float) -> str:
    """A share in words; empty for NaN."""
    return "" if math.isnan(value) else f"{value:.0%}"


def share(one: Figure) -> str:
    """A share with its interval."""
    return percent(one.value) + ("" if math.isnan(one.low) else f" [{100 * one.low:.0f}, {100 * one.high:.0f}]")


def number(one: Figure, form: str = ".2f") -> str:
    """A number with its interval."""
    if math.isnan(one.value):
        return ""
    return f"{one.value:{form}}" + ("" if math.isnan(one.low) else f" [{one.low:{form}}, {one.high:{form}}]")


def markdown(evaluation: Evaluation) -> str:
    """The tables of the model card."""
    versions = ", ".join(" ".join(pair) for pair in evaluation.versions)
    lines = [
        f"Seed {evaluation.seed}, model {evaluation.model}, {len(evaluation.untouched)} maps{evaluation.split}, "
        f"{len(evaluation.trials)} planted mistakes. {versions}",
        "",
        "In brackets: 90 % intervals over draws of maps (bootstrap).",
    ]
    if evaluation.trials:
        lines += _mistakes(evaluation)
    lines += _untouched(evaluation)
    if evaluation.trials:
        lines += _calibration(evaluation)
    if evaluation.no_place:
        missing = Counter(f"{name} ({mode})" for name, mode in evaluation.no_place)
        places = ", ".join(f"{name} in {count}" for name, count in missing.most_common())
        lines += ["", f"No place for: {places} maps."]
    return "\n".join(lines) + "\n"


def _mistakes(evaluation: Evaluation) -> list[str]:
    lines = [
        "",
        "## Planted mistakes",
        "",
        "A mistake is found by a finding of a right category within 60 ms that the untouched map does not have. *top n*: "
        "among the first n findings of its map; findings of equal score share their mean rank. *at n/min*: with a score "
        "above those of all but n findings a minute on the untouched maps. Findings about files and the set are left "
        "out. Every kind weighs the same, however many doses it has. For comparison the recall of the original's plain "
        "score (surprisal / entropy >= 20, with its categories) over the same model, and of random objects, with as many "
        "suggestions.",
        "",
    ]
    rows = []
    for mode in evaluation.modes:
        own = evaluation.of_mode(mode)
        arrays = Arrays(own)
        if not own.trials:
            continue
        figures = {name: figure(metric, arrays.drawn) for name, metric in headline(arrays).items()}
        rows.append(
            [
                mode,
                str(len(own.trials)),
                *(share(figures[name]) for name in RECALL_COLUMNS),
                number(figures["average precision"]),
                *map(percent, compared(own.trials)),
            ]
        )
    header = ["mode", "n", *RECALL_COLUMNS, "average precision", "any rank", "plain score", "chance"]
    lines += table(header, rows)
    lines += ["", "### By category", ""]
    lines += _recall_table(evaluation, ["category"], lambda t: t.category, [str(category) for category in Category])
    lines += ["", "### By kind", "", "*there*: the untouched map has a right finding at this place.", ""]
    lines += _recall_table(evaluation, ["mistake"], lambda t: t.kind, [fault.kind for fault in FAULTS])
    dosed = Evaluation(
        evaluation.seed,
        evaluation.model,
        tuple(t for t in evaluation.trials if len({f.dose for f in FAULTS if f.kind == t.kind}) > 1),
        evaluation.untouched,
    )
    if dosed.trials:
        names = [f"{fault.kind} | {fault.dose}" for fault in FAULTS]
        lines += ["", "### By dose", ""]
        lines += _recall_table(dosed, ["mistake", "dose"], lambda t: f"{t.kind} | {t.dose}", names)
    return lines


def _recall_table(evaluation: Evaluation, words: list[str], key: Callable[[Trial], str], names: list[str]) -> list[str]:
    rows = []
    for mode in evaluation.modes:
        if mode == "all":
            continue
        found = {row.name: row for row in recalls(evaluation.of_mode(mode), key)}
        rows += [_recall_row(mode, found[name]) for name in order_by(names, found)]
    return table(["mode", *words, "n", *RECALL_COLUMNS, "any rank", "median rank", "there"], rows, words=1 + len(words))


def _recall_row(mode: str, row: Recall) -> list[str]:
    columns = zip(RECALL_COLUMNS, (*row.hits, *row.at), strict=True)
    return [
        mode,
        row.name,
        str(row.n),
        *(share(one) if name in WITH_INTERVAL else percent(one.value) for name, one in columns),
        percent(row.found),
        "" if row.median_rank is None else f"{row.median_rank:g}",
        percent(row.was_there),
    ]


def _untouched(evaluation: Evaluation) -> list[str]:
    clean = ("without problems", "without warnings too", "without any finding")
    lines = ["", "## Untouched maps", "", "Findings a minute of drain time, and shares of maps.", ""]
    rows = []
    for mode in evaluation.modes:
        for whole, name in ((False, "map"), (True, "map, files and set")):
            rows.append(_quiet_row(mode, name, quiet(evaluation.of_mode(mode).untouched, whole)))
    lines += table(["mode", "about", "maps", "minutes", *(f"{s}s" for s in Severity), *clean], rows, words=2)
    rates = per_minute(evaluation.untouched, lambda alarm: f"{alarm.rule} {alarm.severity}")
    rows = []
    for rule in per_minute(evaluation.untouched, lambda alarm: alarm.rule):
        counts = [sum(alarm.rule == rule for alarm in u.alarms) for u in evaluation.untouched]
        by_severity = [f"{rates.get(f'{rule} {s}', 0.0):.2f}" for s in Severity]
        rows.append([rule, *by_severity, str(sum(map(bool, counts))), str(max(counts))])
    header = ["rule", *(f"{s}s a minute" for s in Severity), "maps with it", "most in a map"]
    return [*lines, "", *table(header, rows)]


def _quiet_row(mode: str, name: str, own: Quiet) -> list[str]:
    return [mode, name, str(own.maps), f"{own.minutes:.1f}", *map(number, own.rates), *map(share, own.without)]


def _calibration(evaluation: Evaluation) -> list[str]:
    return [
        "",
        "## Calibration",
        "",
        "Bins of 50 findings by score, in maps with one mistake of each kind: mean score and share that is right.",
        "",
        *table(
            ["mode", "category", "findings", "mean score", "right"],
            (
                [row.mode, row.category, str(row.n), f"{row.mean_score:.2f}", f"{row.right:.2f}"]
                for row in calibration(evaluation)
            ),
            words=2,
        ),
    ]


def comparison(one: Evaluation, two: Evaluation, names: tuple[str, str], pairs: Sequence[PlaceDifference] = ()) -> str:
    """Two evaluations on the maps, mistakes and corrected places that both have.

    Args:
        one: the first.
        two: the second.
        names: of both.
        pairs: differences at the corrected places, from :func:`maimod.training.corrections.place_differences`.
    """
    lines = [
        f"A {names[0]} (model {one.model}), B {names[1]} (model {two.model}). B - A with 90 % intervals over draws of the "
        "same maps (bootstrap); only maps and mistakes that both evaluations have.",
        "",
    ]
    rows = []
    one, two = common(one, two)
    modes = [mode for mode in one.modes if mode in two.modes]
    for mode in modes:
        first, second = one.of_mode(mode), two.of_mode(mode)
        for metric, (before, after, gain) in difference(first, second, _with_alarms).items():
            if not math.isnan(before):
                rows.append([mode, metric, f"{before:.3f}", f"{after:.3f}", number(gain, "+.3f")])
    if rows:
        lines += table(["mode", "", "A", "B", "B - A"], rows, words=2)
    rows = []
    for mode in modes:
        first, second = one.of_mode(mode), two.of_mode(mode)
        for name in order_by([str(category) for category in Category], {t.category for t in first.trials}):

            def own(arrays: Arrays, name: str = name) -> dict[str, Callable[[np.ndarray], float]]:
                mask = np.array([t.category == name for t in arrays.trials], dtype=bool)
                return {f"top {TOP[1]}": arrays.hit_at(TOP[1], mask), "at 2/min": arrays.recall_at(2, mask)}

            for metric, (before, after, gain) in difference(first, second, own).items():
                if not math.isnan(before):
                    rows.append([mode, name, metric, f"{before:.3f}", f"{after:.3f}", number(gain, "+.3f")])
    if rows:
        lines += ["", *table(["mode", "category", "", "A", "B", "B - A"], rows, words=3)]
    if pairs:
        lines += ["", f"Corrected places with a right finding among the first {PAIRS_TOP}:", ""]
        rows = [
            [one.kind, str(one.places), f"{one.before:.3f}", f"{one.after:.3f}", number(one.gain, "+.3f")]
            for one in pairs
        ]
        lines += table(["change", "places", "A", "B", "B - A"], rows)
    return "\n".join(lines) + "\n"


def _with_alarms(arrays: Arrays) -> dict[str, Callable[[np.ndarray], float]]:
    """The metrics of the mistakes, and findings a minute on the untouched maps by severity."""

    def a_minute(column: int) -> Callable[[np.ndarray], float]:
        counts = arrays.by_severity[:, column]
        return lambda of_map: float((counts * of_map).sum() / max(float((arrays.minutes * of_map).sum()), 1e-9))

    return {
        **headline(arrays),
        **{f"{name}s a minute on untouched maps": a_minute(i) for i, name in enumerate(Severity)},
    }


def corrections(results: Sequence[PairResult]) -> str:
    """The tables about real corrections."""
    counted = place_rows(results)
    gone = sum(result.elsewhere_gone for result in results), sum(result.elsewhere for result in results)
    lines = [
        "## Real corrections",
        "",
        f"{len(results)} pairs of versions. *top {PAIRS_TOP}*: a finding of the right category lies within 60 ms of the "
        f"place and is among the first {PAIRS_TOP} on the version before; *chance*: the same for places laid at every object "
        "of the map; *in a section*: no such finding, but one of these about a longer section around the place. *gone*: "
        "findings at these places that the version after does not have, of all. Stretches mapped anew are left "
        f"out. In brackets: 90 % intervals over draws of pairs. Of {gone[1]} findings elsewhere {gone[0]} are gone "
        "too.",
        "",
        *table(
            ["change", "places", "pairs", f"top {PAIRS_TOP}", "chance", "any rank", "in a section", "gone"],
            (
                [
                    row.name,
                    str(row.places),
                    str(row.pairs),
                    share(row.found),
                    share(row.chance),
                    percent(row.any_rank),
                    percent(row.in_section),
                    f"{row.gone[0]} of {row.gone[1]}",
                ]
                for row in counted
            ),
        ),
    ]
    if percentiles := percentile_rows(results):
        lines += [
            "",
            "Mean percentile of the corrected objects within their map by what each network sees; 0.50 is chance.",
            "",
            *table(
                ["change", "network", "places", "pairs", "percentile"],
                ([one.group, one.reader, str(one.places), str(one.pairs), number(one.mean)] for one in percentiles),
                words=2,
            ),
        ]
    return "\n".join(lines) + "\n"

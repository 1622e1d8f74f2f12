"""Accept single findings, named by rule and time, in a baseline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from maimod.commands.baseline import add, load, subtract
from maimod.commands.command_line import say, suggest
from maimod.commands.resolve import Check, writable_baseline
from maimod.errors import UsageError, unwritable
from maimod.findings import BeatmapReport, Finding, Report

MANY = 10
"""Most findings named in an error."""

Found = tuple[BeatmapReport, Finding]


def accept(check: Check, names: Sequence[str]) -> int:
    """Lint, and add the named findings to the baseline; nothing is written if one of the names is wrong.

    Args:
        check: the resolved options; `check.options.baseline` is the file.
        names: `RULE@TIME`, with the time as the editor writes it or in ms, or the `id` of a JSON report; `RULE` alone if there is one such finding. Of
            several difficulties with the same rule at the same time, all are accepted.

    Raises:
        UsageError: if no file is named, or no finding has such a name.
    """
    path = writable_baseline(check, "accept")
    from maimod.linter.api import lint

    known = load(path) if path.exists() else None
    run = lint(
        check.paths,
        check.settings,
        jobs=check.options.jobs,
        cache=check.cache,
        limits=check.limits,
        watched=check.watched,
        settings_of=check.settings_of(),
    )
    report = run.report()
    unreadable = [beatmap for beatmap in report.beatmaps if beatmap.status == "error"]
    if len(unreadable) == len(report.beatmaps):
        raise UsageError("; ".join(unreadable[0].messages))
    chosen = [found for name in names for found in _named(name, report, list(check.view.rules))]
    still_open = {id(one) for one in (subtract(report, known, path) if known else report).findings}
    new = list({id(one): (beatmap, one) for beatmap, one in chosen if id(one) in still_open}.values())
    try:
        add(path, new, known, report.model)
    except OSError as error:
        raise unwritable(path, error) from None
    for beatmap, one in new:
        say(f"accepted in {path}: {_line(beatmap, one)}")
    if len(new) < len(chosen):
        known_ones = len(chosen) - len(new)
        say(f"{known_ones} of the findings named {'is' if known_ones == 1 else 'are'} in {path} already")
    return 0


def _named(name: str, report: Report, rules: Sequence[str]) -> list[Found]:
    """The findings that a name means.

    Raises:
        UsageError: if there are none, or several of a name without a time.
    """
    rule, at, time = name.partition("@")
    if rule and (of_category := [one for one in rules if one.startswith(f"{rule.rstrip('/')}/")]):
        raise UsageError(f"{name}: a category; name one of its rules, as in {of_category[0]}{at}{time}")
    if " " in name.strip() and (meant := [one for one in rules if name.split()[-1] == one]):
        raise UsageError(f"{name}: write RULE@TIME, as in {meant[0]}@{name.split()[0]}")
    if rule not in rules:
        raise UsageError(f"{name}: no such rule{suggest(rule, rules) or '; write RULE@TIME, see maimod rules'}")
    of_rule = [(beatmap, one) for beatmap in report.beatmaps for one in beatmap.findings if one.rule == rule]
    found = [pair for pair in of_rule if _is_at(pair[1], time.strip())] if at else of_rule
    if not of_rule:
        raise UsageError(f"{name}: there is no finding of this rule")
    if not found:
        raise UsageError(f"{name}: no finding at this time; there are: {_listed(of_rule)}")
    if not at and len(found) > 1:
        raise UsageError(f"{name}: {len(found)} findings; add @TIME of one: {_listed(found)}")
    return found


def _is_at(finding: Finding, time: str) -> bool:
    if time == finding.id:
        return True
    if re.fullmatch(r"\d+(\.\d+)?", time):
        return abs(finding.time - float(time)) < 1
    return finding.timestamp.split(" ")[0] == time.split(" ")[0]


def _listed(found: Sequence[Found]) -> str:
    more = f" and {len(found) - MANY} more" if len(found) > MANY else ""
    return ", ".join(_times(found[:MANY])) + more


def _times(found: Iterable[Found]) -> list[str]:
    return [f"{one.timestamp.split(' ')[0]} [{beatmap.version}]" for beatmap, one in found]


def _line(beatmap: BeatmapReport, finding: Finding) -> str:
    return " ".join(part for part in (beatmap.path, finding.place, finding.rule) if part)

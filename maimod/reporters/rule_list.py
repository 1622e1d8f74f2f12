"""The rules in words: what `maimod explain` and `maimod rules` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from rich.cells import cell_len

from maimod.osu.beatmap import ALL_MODES
from maimod.reporters.page import LETTERS, MODES, STYLES, Page, Part, glue, wrap
from maimod.reporters.view import View
from maimod.rules.base import Rule
from maimod.rules.checks import BeatmapCheck, MapsetCheck
from maimod.rules.criteria import AS_OF, described


def explain(rules: Sequence[Rule], out: TextIO) -> None:
    """Write the full description of each rule."""
    page = Page(out, View())
    for number, rule in enumerate(rules):
        if number:
            page.line()
            page.rule()
        page.line((rule.id, "bold"), f"  {rule.title}")
        modes = "all modes" if rule.modes == ALL_MODES else ", ".join(MODES[mode.label] for mode in sorted(rule.modes))
        facts = (
            f"{LETTERS[rule.severity]}: {rule.severity.value} at most",
            rule.tier.value,
            f"evidence: {', '.join(rule.evidence)}",
            modes,
        )
        page.paragraph(" · ".join(glue(fact) for fact in facts), "dim")
        for heading, text in rule.texts:
            page.line()
            page.line((heading, "bold"))
            page.paragraph(text, first="  ")
        if limits := described(rule.criteria, rule.modes):
            page.line()
            page.line((f"Limits of the ranking criteria, as of {AS_OF}", "bold"))
            for limit in limits:
                page.paragraph(limit, first="  ")
        page.line()
        page.paragraph(glue(f"maimod check MAP --ignore {rule.id}"), first="Leave it out: ", rest=2, first_style="dim")


def rules(checks: Sequence[BeatmapCheck | MapsetCheck], out: TextIO) -> None:
    """Write the table of rules."""
    page = Page(out, View())
    width = max((len(rule.id) for check in checks for rule in check.rules), default=0)
    for number, check in enumerate(checks):
        if number:
            page.line()
        page.line((check.title, "bold"), (f" · {len(check.rules)}", "dim"))
        for rule in check.rules:
            evidence = "+".join(rule.evidence)
            lead = f" {rule.id:<{width}}  "
            lines = wrap(rule.title, max(page.width - 3 - len(lead), 20))
            if cell_len(lines[-1]) + 2 + len(evidence) <= page.width - 3 - len(lead):
                lines[-1] += "  "
            else:
                lines.append("")
            for row, line in enumerate(lines):
                start: list[Part] = ["  ", (LETTERS[rule.severity], STYLES[rule.severity]), lead]
                page.line(
                    *(start if not row else [" " * (len(lead) + 3)]),
                    line,
                    (evidence if row == len(lines) - 1 else "", "dim"),
                )
    page.line()
    page.paragraph(
        "P, W, M: the highest severity a finding of the rule can have; its score decides. "
        f"More on a rule: {glue('maimod explain RULE')}",
        "dim",
    )


def rule_as_json(rule: Rule) -> dict[str, Any]:
    """A rule as `maimod rules --format json` writes it."""
    return {
        "id": rule.id,
        "title": rule.title,
        "category": rule.category.value,
        "severity": rule.severity.value,
        "tier": rule.tier.value,
        "evidence": list(rule.evidence),
        "modes": [mode.label for mode in sorted(rule.modes)],
        "why": rule.why,
        "how": rule.how,
        "proposal": rule.proposal,
        "ignore_when": rule.ignore_when,
        "blind_spots": rule.blind_spots,
        "source": rule.source,
        "page": rule.page,
        "criteria": described(rule.criteria, rule.modes),
    }

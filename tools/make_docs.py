"""Write docs/rules.md, docs/messages.md, docs/criteria.md, the table of docs/coverage.md and the schema of maimod.toml.

They come from the declarations of rules and options, from the messages that rules wrote in tests, and from tools/peers.toml and what benchmarks/conformance.py measured.

python tools/make_docs.py
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from maimod.commands.config_file import SCHEMA_FILE, schema  # noqa: E402
from maimod.findings import Tier  # noqa: E402
from maimod.osu.beatmap import Mode  # noqa: E402
from maimod.rules import CHECKS, criteria  # noqa: E402


def rules_page() -> str:
    """Text of docs/rules.md."""
    lines = [
        "# Rules",
        "",
        "Made by `tools/make_docs.py` from what `maimod explain RULE` prints; do not edit by hand. What each rule says about a map: [messages](messages.md).",
        "",
        "A rule is *exact* if its findings are facts (arithmetic, criteria, files) and *estimated* if they rest on a model, the song or habits of the map ([how scores work](how-scores-work.md)).",
        "",
    ]
    titles = {check.category: [] for check in CHECKS}
    for check in CHECKS:
        titles[check.category].append(
            f"[{check.title}](#{re.sub(r'[^a-z0-9 -]', '', check.title.lower()).replace(' ', '-')})"
        )
    lines += [
        f"- {category.value.capitalize().replace('-', ' ')}: {' · '.join(names)}" for category, names in titles.items()
    ]
    lines.append("")
    for check in CHECKS:
        lines += [f"## {check.title}", ""]
        for rule in check.rules:
            modes = ", ".join(mode.label for mode in sorted(rule.modes))
            lines += [
                f"### {rule.id}",
                "",
                f"{rule.title} (at most {rule.severity.value}; {rule.tier.value}; evidence: {', '.join(rule.evidence)}; modes: {modes})",
                "",
                *(f"- **{heading}:** {text}" for heading, text in rule.texts),
            ]
            if limits := criteria.described(rule.criteria, rule.modes):
                lines += ["- **Limits of the ranking criteria:**", *(f"  - {limit}" for limit in limits)]
            lines.append("")
    return "\n".join(lines)


def messages_page() -> str:
    """Text of docs/messages.md."""
    examples = json.loads((ROOT / "tests" / "rules" / "messages.json").read_text(encoding="utf-8"))
    lines = [
        "# Messages",
        "",
        "What each rule says, as it said it about a map with a planted mistake. A finding is the message and, after it, what to check.",
        '*Fact* rules are arithmetic, criteria or files; *estimate* rules come with a confidence such as "likely 84 %". The severity is',
        "the highest that the rule can have. Made by `tools/make_docs.py` from what `python -m tests.messages` recorded; do not edit by hand.",
        "",
    ]
    title = ""
    for check in CHECKS:
        if check.category.value != title:
            title = check.category.value
            lines += [f"## {title.capitalize().replace('-', ' ')}", ""]
            lines += ["| rule | | message | what to check |", "|---|---|---|---|"]
        for rule in check.rules:
            if rule.id not in examples:
                sys.exit(f"no message of {rule.id}: write a test of it, then run python -m tests.messages")
            kind = f"{rule.severity.value}, {'fact' if rule.tier is Tier.EXACT else 'estimate'}"
            message = examples[rule.id]["message"].replace("|", "\\|")
            lines.append(f"| [{rule.id}](rules.md#{rule.id.replace('/', '')}) | {kind} | {message} | {rule.advice} |")
        if check is CHECKS[-1] or CHECKS[CHECKS.index(check) + 1].category.value != title:
            lines.append("")
    return "\n".join(lines)


def criteria_page() -> str:
    """Text of docs/criteria.md."""
    lines = [
        "# Limits of the ranking criteria",
        "",
        f"What maimod takes from the ranking criteria, as of {criteria.AS_OF}, in our words. Made by `tools/make_docs.py` from",
        "`maimod/rules/criteria.py`, where the rules read it too; do not edit by hand. A *rule* must be obeyed, a *guideline* may be",
        "broken for a reason. Lengths in beats are those of songs of about 180 BPM.",
        "",
    ]
    parts: list[tuple[str, list[criteria.Criterion]]] = [("All modes", [])]
    parts += [(mode.label, []) for mode in Mode]
    for one in criteria.TABLE:
        parts[0 if len(one.modes) > 1 else 1 + min(one.modes)][1].append(one)
    for title, limits in parts:
        lines += [f"## {title}", "", "| key | limit | | criterion |", "|---|---|---|---|"]
        lines += [f"| `{one.key}` | {one.range} | {one.force.value} | [{one.sentence}]({one.link}) |" for one in limits]
        lines.append("")
    return "\n".join(lines)


START, END = "<!-- table of tools/peers.toml, made by tools/make_docs.py -->", "<!-- end of the table -->"


def coverage_page() -> str:
    """Text of docs/coverage.md: what is written there by hand, with the table made anew."""
    checks = tomllib.loads((ROOT / "tools" / "peers.toml").read_text(encoding="utf-8"))["check"]
    measured = json.loads((ROOT / "tools" / "peers_measured.json").read_text(encoding="utf-8"))
    lines = [START, "", "| Check | Of | Rules | Agrees | Where maimod differs, and why |", "|---|---|---|---|---|"]
    for check in checks:
        agree, of = measured.get(check["name"], (0, 0))
        rules = ", ".join(f"`{rule}`" for rule in check["rules"])
        share = f"{agree} of {of}" if of else "–"
        lines.append(f"| {check['name']} | {check['peers']} | {rules} | {share} | {check.get('differs', '')} |")
    agree, of = (sum(numbers[place] for numbers in measured.values()) for place in (0, 1))
    lines += ["", f"In {agree} of {of} situations ({agree / of:.1%}) maimod agrees with the peer.", "", END]
    page = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    return before + "\n".join(lines) + rest.partition(END)[2]


def schema_file() -> str:
    """Text of the schema."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_file(), encoding="utf-8", newline="\n")
    (ROOT / "docs" / "criteria.md").write_text(criteria_page(), encoding="utf-8", newline="\n")
    (ROOT / "docs" / "coverage.md").write_text(coverage_page(), encoding="utf-8", newline="\n")
    (ROOT / "docs" / "messages.md").write_text(messages_page(), encoding="utf-8", newline="\n")
    (ROOT / "docs" / "rules.md").write_text(rules_page(), encoding="utf-8", newline="\n")

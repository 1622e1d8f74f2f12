"""Messages of rules: how they must read, and the examples of docs/messages.md, which are what tests made rules write.

Each example names the test in which a rule wrote it. When that test runs, the example must be written again, so the page
is never out of date. `python -m tests.messages` records the examples anew and writes the page.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Generator, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from maimod.rules import RULES
from maimod.rules.base import Candidate

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).parent / "rules" / "messages.json"
"""Example of each rule: {rule: {"message", "test"}}."""
WHERE = ("tests/rules", "tests/features", "tests/linter/test_planted_mapset.py")
"""Tests that plant mistakes and whose rules are real."""
LONGEST = 230
"""Characters of a message with its advice; names in quotes and brackets count as one."""
FORBIDDEN = re.compile(
    r"\b(bits|surpris\w*|entropy|logits?|log-odds|probabilit\w*|network|proofreader|discriminator|generator|model|alike|"
    r"unlikely|token|slot)\b",
    re.IGNORECASE,
)
"""Words of machine learning and of our own; what is unlikely to a model is not a reason for a mapper."""
_NAMES = re.compile(r'"[^"]*"|\[[^\]]*\]')
_SHARE = re.compile(r"\bof (?:the|its|all|hits|them)\b|volume|louder|quieter|tempo")
"""What a percentage can be of; never how sure a model is."""


@cache
def faults(message: str) -> tuple[str, ...]:
    """What is wrong with the words of a message, advice included; empty if nothing is."""
    found = []
    words = _NAMES.sub("#", message)
    if not re.match(r'[A-Z0-9"\[(]', message):
        found.append("begins in lower case")
    if not message.endswith((".", "?")):
        found.append("has no end")
    if len(words) > LONGEST:
        found.append(f"has {len(words)} characters")
    found += [f'says "{word[0]}"' for word in FORBIDDEN.finditer(words)]
    if " %" in words and not _SHARE.search(words):
        found.append("has a percentage of nothing")
    if re.search(r"  |\.\.|\.\?|\.;| [,;:?]| \.(?![a-z]{2})|\bNone\b|\bnan\b|\binf\b", words):
        found.append("has a hole")
    if re.search(r"\d\.0 ms", words):
        found.append("has a decimal that says nothing")
    return tuple(found)


class Writing:
    """All messages that rules write, test by test."""

    def __init__(self) -> None:
        self.written: dict[str, list[str]] = {}
        """Messages of the test that is running, by rule, each once."""
        original = Candidate.__init__

        def init(one: Candidate, *args: Any, **kwargs: Any) -> None:
            original(one, *args, **kwargs)
            if RULES.get(one.rule.id) is one.rule:
                own = self.written.setdefault(one.rule.id, [])
                if len(own) < 50 and one.message not in own:
                    own.append(one.message)

        Candidate.__init__ = init  # type: ignore[method-assign]


def recorded() -> dict[str, dict[str, str]]:
    """The recorded examples."""
    return dict(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


FALLBACK = ("around it suggest", "fits neither", "around suggest")
"""Of messages about a place that has nothing to be compared with."""


class Recorder:
    """Chooses an example for each rule: one that reads well and compares numbers, of those the old one, else the first."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing
        self.old = recorded()
        self.found: dict[str, dict[str, str]] = {}
        self.bad: dict[str, set[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Look at what the rules wrote in one test."""
        self.writing.written.clear()
        result = yield
        for rule, messages in self.writing.written.items():
            advice = RULES[rule].advice
            for message in messages:
                if wrong := faults(f"{message} {advice}".rstrip()):
                    self.bad.setdefault(f"{rule}: {', '.join(wrong)}: {message}", set()).add(item.nodeid)
            self.found[rule] = self._better(rule, item.nodeid, messages)
        return result

    def _better(self, rule: str, test: str, messages: Iterable[str]) -> dict[str, str]:
        known = [self.found[rule]] if rule in self.found else []
        return min([*known, *({"message": message, "test": test} for message in messages)], key=self._order)

    def _order(self, example: dict[str, str]) -> tuple[bool, bool, bool, bool]:
        message = example["message"]
        return (
            bool(faults(message)),
            not names_a_number(message) or any(words in message for words in FALLBACK),
            " more place" in message,
            example not in self.old.values(),
        )


def names_a_number(message: str) -> bool:
    """Whether a message holds a number or names a file or a difficulty."""
    return bool(re.search(r'[0-9"\[]', message))


def main() -> int:
    """Run the tests, record, and write the page."""
    from tests import conftest

    conftest.EXAMPLES.clear()  # they are what changes
    recorder = Recorder(conftest.WRITING)
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-n0", *(sys.argv[1:] or WHERE)], plugins=[recorder])
    found = recorder.found if not sys.argv[1:] else recorder.old | recorder.found
    text = json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n"
    FILE.write_text(text, encoding="utf-8", newline="\n")
    for line, tests in sorted(recorder.bad.items()):
        print(line, "|", sorted(tests)[0])
    print("without an example:", ", ".join(rule for rule in RULES if rule not in found) or "none")
    return int(code)


if __name__ == "__main__":
    raise SystemExit(main())

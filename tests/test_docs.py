"""Documentation agrees with the code."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from maimod import app, rules
from maimod.findings import Category, Report
from maimod.linter.causes import CAUSES
from maimod.reporters.sarif import as_sarif
from maimod.reporters.view import View
from maimod.rules import CHECKS, RULES, sliders
from maimod.rules.base import DOCS

ROOT = Path(__file__).parents[1]
PAGES = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *(p.relative_to(ROOT).as_posix() for f in ("docs", "models") for p in sorted((ROOT / f).rglob("*.md"))),
]
"""All pages for readers."""


def test_the_rules_page_is_that_of_the_declarations() -> None:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == module.rules_page(), (
        "run python tools/make_docs.py"
    )
    assert (ROOT / "docs" / "messages.md").read_text(encoding="utf-8") == module.messages_page()
    assert (ROOT / "docs" / "criteria.md").read_text(encoding="utf-8") == module.criteria_page()
    assert (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8") == module.coverage_page()


def test_every_module_of_rules_is_registered_in_report_order() -> None:
    folder = Path(rules.__file__).parent
    paths = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem != "__init__"]
    modules = [importlib.import_module(".".join(("maimod.rules", *path.parts))) for path in paths]
    in_modules = [check.title for one in modules for name, check in vars(one).items() if name.endswith("CHECK")]
    assert sorted(in_modules) == sorted(check.title for check in CHECKS)
    order = list(Category)
    places = [order.index(check.category) for check in CHECKS]
    assert places == sorted(places) and set(places) == set(range(len(order))) and list(CAUSES) == order


def test_rules_are_declared_in_their_category_once() -> None:
    ids = [rule.id for check in CHECKS for rule in check.rules]
    assert len(ids) == len(set(ids)) == len(RULES)
    assert all(rule.category is check.category for check in CHECKS for rule in check.rules)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_rule_answers_a_readers_questions(rule: rules.Rule) -> None:
    assert re.fullmatch(r"[a-z-]+/[a-z-]+", rule.id)
    for answer in (rule.title, rule.why, rule.how, rule.ignore_when, rule.blind_spots):
        assert answer.strip() and "  " not in answer
    assert rule.evidence and set(rule.evidence) <= {"model", "audio", "map"}
    assert rule.source == "" or rule.source.startswith("https://")


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def anchors(page: Path) -> set[str]:
    """Anchors that GitHub makes of the headings of a page: lower case, no punctuation, dashes for spaces."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_links_to_headings_lead_to_headings(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text):
        there = (ROOT / page).parent / target if target else ROOT / page
        assert anchor in anchors(there), f"{page}: {target}#{anchor}"


def test_every_rule_has_a_section_of_our_own_that_its_help_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    known = anchors(ROOT / "docs" / "rules.md")
    log = as_sarif(Report("0.1.0", None, ()), View(rules=RULES))
    described = log["runs"][0]["tool"]["driver"]["rules"]
    assert len(described) == len(RULES)
    for rule in described:
        page, _, anchor = rule["helpUri"].partition("#")
        assert page == f"{DOCS}/rules.md" and anchor in known, rule["helpUri"]
    monkeypatch.setenv("MAIMOD_DOCS", "https://maps.example/docs/")
    assert RULES["rhythm/unsnapped"].page == "https://maps.example/docs/rules.md#rhythmunsnapped"


CITATION = re.compile(r"compat\.md[`)]*((?:[\s#,;]|and|to|§\d+(?:\.\d+)?)+)")
"""One or more sections of docs/compat.md: "docs/compat.md §4.1 and §4.5", "docs/compat.md §9"; a line may end in
between."""


def sections_cited(text: str) -> set[str]:
    """Numbers of the sections that a text cites."""
    return {number for match in CITATION.findall(text) for number in re.findall(r"§(\d+(?:\.\d+)?)", match)}


def test_citations_are_recognised() -> None:
    assert sections_cited("x (docs/compat.md §4.1 and §4.5): y §7") == {"4.1", "4.5"}
    assert sections_cited("# see docs/compat.md §2.9,\n# §7 for it") == {"2.9", "7"}


def test_every_cited_section_of_the_compatibility_notes_exists() -> None:
    notes = ROOT / "docs" / "compat.md"
    text = notes.read_text(encoding="utf-8")
    sections = set(re.findall(r"^(?:#{2,3} |\| )(\d+(?:\.\d+)?)[. ]", text, re.MULTILINE))
    missing = {notes: set(re.findall(r"§(\d+(?:\.\d+)?)", text)) - sections}
    for folder in ("maimod", "tests", "tools", "benchmarks", "docs"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix in (".py", ".md") and path not in (notes, Path(__file__)):
                missing[path] = sections_cited(path.read_text(encoding="utf-8")) - sections
    assert not {str(path): numbers for path, numbers in missing.items() if numbers}


def test_the_architecture_lists_the_modules_there_are() -> None:
    listed, room = set(), ""
    for line in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").splitlines():
        room = line.removeprefix("### ") if line.startswith("#") else room
        if room.endswith("/") and line.startswith("- "):
            listed |= {room + name for name in re.findall(r"`(\w+\.py)`", line)}
    package = ROOT / "maimod"
    there = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"}
    assert listed == there - {"__main__.py", "app.py", "errors.py", "findings.py"}


def test_the_glossary_names_modules_that_there_are() -> None:
    for name in re.findall(r"`(\w+/[\w/]*(?:\.py)?)`", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")):
        assert (ROOT / name).exists() or (ROOT / "maimod" / name).exists(), name


def test_the_page_of_other_checkers_names_rules_that_there_are() -> None:
    named = set(re.findall(r"`([a-z-]+/[a-z-]+)`", (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")))
    assert named <= set(RULES), named - set(RULES)


def test_rules_that_are_named_by_other_rooms_are_there() -> None:
    """By id, or by a prefix in the presets: a name that is left behind when a rule is renamed would match nothing."""
    categories = "|".join(category.value for category in Category)
    named = {
        name
        for room in ("linter", "evidence", "reporters", "commands", "training", "ui")
        for path in (ROOT / "maimod" / room).rglob("*.py")
        for name in re.findall(rf'"((?:{categories})/[a-z-]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(named) > 50
    assert {name for name in named if not any(rule.startswith(name) for rule in RULES)} == set()


def test_the_readme_commands_name_what_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all((ROOT / path).exists() for path in re.findall(r'beatmap_path="([^"]+)"', text))
    for rule in re.findall(r"maimod explain (\S+)", text):
        assert rule in RULES


COMMAND = re.compile(
    r"`maimod ([a-z][^`\n]*)`|^ *(?:.*\| )?maimod ([a-z]+ (?:[^\s`]*[A-Z./\\-]|\w+ --).*)$", re.MULTILINE
)
"""`maimod check PATH --jobs 4` in a sentence, or on a line of its own."""


def unknown_words(line: str) -> set[str]:
    """Commands and options of a command line, without `maimod`, that there are not."""
    known = typer.main.get_command(app.app)
    words = re.sub(r"\s+#.*$", "", line).split()
    for word in words[:2]:
        if hasattr(known, "commands") and word in known.commands:
            known = known.commands[word]
    if hasattr(known, "commands") and not words[0].startswith("-"):
        return {words[0]}
    options = {name for one in known.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    return {word for word in words if word.startswith("--") and word.rstrip(",.;:)") not in options}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_pages_are_those_there_are(page: str) -> None:
    found = [one or two for one, two in COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))]
    assert not {line: words for line in found if (words := unknown_words(line))}


def test_commands_are_recognised() -> None:
    text = "so `maimod train --lora` does\nmaimod check a.osu --job 4   # all\nmaimod checks a map before\n| maimod lint songs/\n"
    found = [one or two for one, two in COMMAND.findall(text)]
    assert [unknown_words(line) for line in found] == [{"--lora"}, {"--job"}, {"lint"}]


def test_the_worked_example_of_a_rule_works(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "adding-a-rule.md").read_text(encoding="utf-8")
    code, tests = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    module, there = ModuleType("maimod.rules.sliders.many_repeats"), ModuleType("example")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(sliders, "many_repeats", module, raising=False)
    exec(code, vars(module))
    monkeypatch.setitem(RULES, module.MANY_REPEATS.id, module.MANY_REPEATS)
    exec(tests, vars(there))
    named = [value for name, value in vars(there).items() if name.startswith("test_")]
    assert len(named) == 3
    for test in named:
        test()

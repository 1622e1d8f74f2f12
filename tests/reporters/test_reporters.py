"""Reporters: whole pages at a fixed width, and JSON against its schema."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rich.cells import cell_len

import maimod.reporters
from maimod.findings import (
    BeatmapReport,
    Category,
    Expected,
    Finding,
    ModelInfo,
    Report,
    Scope,
    Severity,
    Tier,
    percent,
)
from maimod.reporters import REPORTERS, triage
from maimod.reporters.json import as_json, plain
from maimod.reporters.page import wrap
from maimod.reporters.text import clean
from maimod.reporters.view import View, shorten
from maimod.rules.base import Rule

SCHEMA = json.loads((Path(maimod.reporters.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
MODEL = ModelInfo("maimod-mini", "maimod", "cpu", "fp32")
RULES = {
    name: Rule(
        name,
        f"Title of {name}",
        Severity.WARNING,
        Tier.EXACT if evidence == ("map",) else Tier.ESTIMATED,
        evidence,
        "Because it\n    matters.",
        "By looking.",
        "It is meant.",
        "Much.",
        "https://osu.ppy.sh/wiki",
    )
    for name, evidence in (
        ("timing/offset", ("audio",)),
        ("rhythm/unsnapped", ("map",)),
        ("rhythm/missing", ("model", "audio")),
    )
}

MISSING = Finding(
    "rhythm/missing",
    Category.RHYTHM,
    Severity.WARNING,
    0.7,
    "Nothing here, although the song has an onset and the pattern goes on.",
    62345.0,
    "01:02:345 (7) -",
    120,
    (41,),
    surprisal=14.23,
    entropy=3.1,
    actual="nothing",
    expected=(Expected("circle at 1/2", 0.613), Expected("slider", 0.004)),
    evidence={"onset": 0.8},
    id="a1",
)
UNSNAPPED = Finding(
    "rhythm/unsnapped",
    Category.RHYTHM,
    Severity.PROBLEM,
    0.97,
    "Circle 7 ms before the 1/4 tick.",
    1000.0,
    "00:01:000 (12) -",
    90,
    (3,),
    expected=(Expected("00:01:007 (1/4)"),),
    id="b2",
    tier=Tier.EXACT,
)
OFFSET = Finding(
    "timing/offset",
    Category.TIMING,
    Severity.MINOR,
    0.4,
    "The map lies 24 ms before the song.",
    500.0,
    "00:00:500 -",
    40,
    id="c3",
)
BEATMAP = BeatmapReport(
    "set/hard.osu",
    "ok",
    (),
    "Aurora [2012 ver.]",
    "Culprate",
    "Zelq",
    "Collab [Hard]",
    "osu",
    "audio.mp3",
    1512,
    90123.0,
    4012,
    7,
    (OFFSET, UNSNAPPED, MISSING),
)
CLEAN = replace(BEATMAP, path="set/easy.osu", version="Easy", findings=(), unexplained=0)
CHORD = replace(MISSING, timestamp="02:54:138 (174138|0,174138|3) -", time=174138.0)
MANIA = BeatmapReport(
    "set/4k.osu",
    "partial",
    ("song 'audio.ogg' not found beside the map; offset, tempo and silence are not checked",),
    "残酷な天使",
    "高橋洋子",
    "mapper",
    "4K",
    "mania",
    None,
    1,
    190500.0,
    9,
    0,
    (CHORD,),
)
BROKEN = BeatmapReport(
    "set/broken.osu", "error", ("set/broken.osu:31: cannot read hit object: the file seems cut off here",)
)
REPORT = Report("0.1.0", MODEL, (BEATMAP,))
SET = Report("0.1.0", MODEL, (BEATMAP, CLEAN, MANIA, BROKEN))
RULE = "─" * 80
NOTE = """\
fact: arithmetic, criteria or files. Percentages: how likely an estimate is a
mistake in an unfinished map; in a finished one it is less likely. Numbers
behind it: --verbose"""


def page(report: Report, **options) -> str:
    out = io.StringIO()
    REPORTERS["console"](report, out, View(rules=RULES, width=options.pop("width", 80), **options))
    return out.getvalue()


ONE = f"""\
Culprate – Aurora [2012 ver.] [Collab [Hard]] by Zelq
osu! · 1,512 objects · 1:30 · audio.mp3 · maimod-mini (cpu, fp32)

              Rhythm · 2
       fact P 00:01:000 (12) -  rhythm/unsnapped
              Circle 7 ms before the 1/4 tick.
likely 70 % W 01:02:345 (7) -   rhythm/missing
              Nothing here, although the song has an onset and the pattern goes
              on.

              Timing · 1
 maybe 40 % M 00:00:500 -  timing/offset
              The map lies 24 ms before the song.

{RULE}
3 findings: 1 problem (P), 1 warning (W), 1 minor (M)
rhythm 2 · timing 1
{NOTE}
Why, and when to ignore it: maimod explain rhythm/unsnapped
"""


def test_one_map():
    assert page(REPORT) == ONE


def test_wide_pages_put_the_message_beside_the_timestamp():
    assert page(REPORT, width=110).splitlines()[3:8] == [
        "              Rhythm · 2",
        "       fact P 00:01:000 (12) -  Circle 7 ms before the 1/4 tick.",
        "                                rhythm/unsnapped",
        "likely 70 % W 01:02:345 (7) -   Nothing here, although the song has an onset and the pattern goes on.",
        "                                rhythm/missing",
    ]


def test_on_narrow_pages_no_line_is_longer_than_the_page():
    lines = page(REPORT, width=40).partition("─")[0].splitlines()
    assert max(map(len, lines)) <= 40 and "       fact P 00:01:000 (12) -" in lines
    assert "rhythm/unsnapped" in page(REPORT, width=40)


def test_evidence_is_printed_on_request():
    lines = [line.strip() for line in page(REPORT, verbose=True, width=140).splitlines()]
    assert (
        "rhythm/missing · Evidence: 14.2 bits; in the map: nothing; expected: circle at 1/2 61 %, slider <1 %" in lines
    )
    assert "rhythm/unsnapped · Evidence: expected: 00:01:007 (1/4)" in lines


def test_several_maps_shortened():
    assert (
        page(SET, max_findings=2, min_severity=Severity.WARNING, statistics=True)
        == f"""\
Culprate – Aurora [2012 ver.] [Collab [Hard]] by Zelq
osu! · 1,512 objects · 1:30 · audio.mp3 · maimod-mini (cpu, fp32)
  set/hard.osu

              Rhythm · 2
       fact P 00:01:000 (12) -  rhythm/unsnapped
              Circle 7 ms before the 1/4 tick.
likely 70 % W 01:02:345 (7) -   rhythm/missing
              Nothing here, although the song has an onset and the pattern goes
              on.

高橋洋子 – 残酷な天使 [4K] by mapper
osu!mania · 1 object · 3:10 · no song · maimod-mini (cpu, fp32) · set/4k.osu
partial: song 'audio.ogg' not found beside the map; offset, tempo and silence
  are not checked

set/broken.osu
error: set/broken.osu:31: cannot read hit object: the file seems cut off here

  problem  warning  minor  total  rule (with those not shown)
        ·        2      ·      2  rhythm/missing
        1        ·      ·      1  rhythm/unsnapped
        ·        ·      1      1  timing/offset
        1        2      1      4  all rules

    P    W    M  Maps · 4
    1    1    ·  Culprate – Aurora [2012 ver.] [Collab [Hard]]
    ·    ·    ·  Culprate – Aurora [2012 ver.] [Easy]
    ·    ·    ·  高橋洋子 – 残酷な天使 [4K] (partial)
          error  set/broken.osu

{RULE}
2 findings in 4 maps: 1 problem (P), 1 warning (W), 0 minor (M)
rhythm 2
1 map could not be checked.
Not shown: 1 warning beyond --max-findings 2; the gravest are listed.
Not shown: 1 minor finding below --min-severity warning.
{NOTE}
Why, and when to ignore it: maimod explain rhythm/unsnapped
"""
    )


def test_the_rule_to_explain_is_that_of_what_to_look_at_first():
    findings = (replace(UNSNAPPED, score=0.95), replace(OFFSET, score=0.99))
    text = page(Report("", None, (replace(BEATMAP, findings=findings),)))
    assert text.endswith("maimod explain rhythm/unsnapped\n")


def test_what_all_difficulties_of_a_set_lack_is_said_once():
    lacks = "no song: offset, tempo and silence are not checked"
    four, seven = (replace(MANIA, path=f"set/{name}.osu", version=name, messages=(lacks,)) for name in ("4K", "7K"))
    text = page(Report("", None, (four, replace(seven, findings=()))))
    assert text.count(f"partial: {lacks}") == 1 and text.startswith("General · ")
    assert " [7K] by" not in text  # it has nothing of its own, and is in the list of maps
    own = page(Report("", None, (four, replace(seven, messages=(lacks, "line 3 was left out")))))
    assert own.count(lacks) == 1 and own.index("partial: line 3 was left out") > own.index(" [7K] by")
    assert page(Report("", None, (four, CLEAN))).count("partial: ") == 1


def test_the_list_of_maps_counts_what_concerns_the_set_for_the_set():
    shared = [replace(MANIA, path=f"set/{name}.osu", version=name, findings=(OFFSET,)) for name in ("4K", "7K")]
    shared[1] = replace(shared[1], findings=(OFFSET, UNSNAPPED))
    listed = page(Report("", None, tuple(shared))).partition("Maps · 2\n")[2].splitlines()[:3]
    assert [(row.split()[:3], row[15:].strip()) for row in listed] == [
        (["·", "·", "2"], "General · 高橋洋子 – 残酷な天使"),
        (["·", "·", "·"], "[4K] (partial)"),
        (["1", "·", "·"], "[7K] (partial)"),
    ]


def test_entries_of_several_difficulties_are_explained_where_they_are_counted():
    shared = [replace(MANIA, path=f"set/{name}.osu", version=name, findings=(OFFSET,)) for name in ("4K", "7K")]
    text = page(Report("", None, tuple(shared)))
    assert "2 findings in 2 maps" in text and "Listed as 1 entry: " in text
    assert "Listed as" not in page(REPORT)


def test_the_name_of_a_set_is_cut_at_its_end_and_no_line_begins_with_a_separator():
    long = replace(
        MANIA, title="A Song of a Title That Is Far Too Long for the List of Maps at the End", findings=(OFFSET,)
    )
    text = page(Report("", None, tuple(replace(long, path=f"set/{name}.osu", version=name) for name in ("4K", "7K"))))
    (row,) = (line for line in text.splitlines() if line.endswith("…"))
    assert row.split("  ")[-1].startswith("General · 高橋洋子 – A Song of a Title") and cell_len(row) == 80
    # The facts take up exactly the width of the page, and the path is on the next line.
    exact = replace(BEATMAP, audio="a" * 20 + ".mp3", version="x", path="set/a.osu")
    for width in range(60, 100):
        lines = page(Report("", None, (exact, replace(exact, path="set/b.osu"))), width=width).splitlines()
        assert not any(line.startswith("  · ") for line in lines)


def test_difficulties_are_in_the_order_of_modes_and_stars():
    names = [("mania", 1.0, "4K"), ("osu", 5.2, "Another"), ("osu", None, "Broken"), ("osu", 1.8, "Easy")]
    maps = [replace(CLEAN, path=f"set/{name}.osu", version=name, mode=mode, stars=of) for mode, of, name in names]
    maps[3] = replace(maps[3], findings=(OFFSET,))
    text = page(Report("", None, tuple(maps)))
    listed = [row[15:].strip() for row in text.partition("Maps · 4\n")[2].splitlines()[:4]]
    assert listed == ["[Easy]", "[Another]", "[Broken]", "[4K]"]
    assert "osu! · 1.80 stars · 1,512 objects" in text


def test_findings_that_are_not_listed_are_counted_once_for_all_maps():
    def without(number, why, **changes):
        return replace(CLEAN, messages=(f"{number} finding{'s' * (number > 1)} not listed: {why}",), **changes)

    text = page(
        Report("", None, (without(3, "as at main"), without(1, "as at main", path="b/x.osu"), without(1, "so")))
    )
    assert text.count("not listed") == 2 and "4 findings not listed: as at main.\n1 finding not listed: so.\n" in text
    assert text.lstrip("\n").startswith("    P    W    M  Maps · 3\n")
    assert "note: 3 findings not listed: as at main\n" in page(Report("", None, (without(3, "as at main"),)))


def test_what_to_look_at_first_names_the_set_if_there_are_several():
    kinds = [replace(UNSNAPPED, rule=f"rhythm/{word}", message=f"{word}.") for word in "abcdefghijkl"]
    one = replace(MANIA, path="one/a.osu", findings=tuple(kinds))
    other = replace(MANIA, path="two/a.osu", title="Two", findings=())
    assert " P 00:01:000 (12) - rhythm/a [4K]\n" in page(Report("", None, (one, replace(one, findings=()))))
    assert " P 00:01:000 (12) - rhythm/a [4K] · 高橋洋子 – 残酷な天使\n" in page(Report("", None, (one, other)))
    # Where the artist has no room, the title says more than the end of both.
    long = replace(one, artist="An Artist of a Long Name", title="A Title That Has Room Alone")
    assert " P 00:01:000 (12) - rhythm/a [4K] · A Title That Has Room Alone\n" in page(Report("", None, (long, other)))


def test_clean_map_without_model():
    assert (
        page(Report("0.1.0", None, (CLEAN,)))
        == f"""\
Culprate – Aurora [2012 ver.] [Easy] by Zelq
osu! · 1,512 objects · 1:30 · audio.mp3 · no model

{RULE}
No findings.
"""
    )


def test_quiet_keeps_findings_troubles_and_what_was_left_out():
    text = page(SET, quiet=True, max_findings=1)
    assert text.splitlines()[:2] == ["Culprate – Aurora [2012 ver.] [Collab [Hard]] by Zelq", ""]
    assert "error: set/broken.osu:31" in text and "Not shown: 2 warnings, 1 minor finding" in text and RULE not in text
    assert page(Report("0.1.0", MODEL, (CLEAN,)), quiet=True) == ""


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_lines_fit(width):
    long = replace(MISSING, message="words " * 60, expected=tuple(Expected(f"choice {i}", 0.1) for i in range(20)))
    report = Report("0.1.0", MODEL, (replace(BEATMAP, findings=(long, OFFSET)), MANIA))
    # Counts, column heads and commands are not wrapped; all other text keeps to the width.
    assert max(len(line) for line in page(report, width=width).splitlines()) <= max(width, 66)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch, **options) -> str:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    out = Terminal()
    REPORTERS["console"](REPORT, out, View(rules=RULES, width=80, **options))
    return out.getvalue()


def test_terminal_gets_colours_and_links_and_the_same_text(monkeypatch):
    text = on_terminal(monkeypatch)
    assert "osu://edit/01:02:345%20%287%29\x1b\\" in text and "\x1b[1;31mP" in text
    assert re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;.*?\x1b\\", "", text) == ONE
    assert on_terminal(monkeypatch, plain=True) == ONE


def test_hostile_metadata_cannot_drive_the_terminal():
    hostile = replace(
        BEATMAP, title="[red]x[/red]\x1b[2J\u202e", artist=":smile:", creator="a\nb", messages=("\x1b]0;x\x07",)
    )
    text = page(Report("0.1.0", MODEL, (hostile,)))
    assert ":smile: – [red]x[/red]\ufffd[2J\ufffd [Collab [Hard]] by a b\n" in text and "\x1b" not in text
    assert clean("\ud800") == "\ufffd"


def test_wrap_and_percent():
    assert wrap("aa bb\u00a0cc dd", 5) == ["aa", "bb cc", "dd"]
    assert wrap("", 5) == [""]
    assert wrap("残酷な 天使", 7) == ["残酷な", "天使"]
    assert [percent(p) for p in (0.0, 0.004, 0.01, 0.614, 0.995, 1.0)] == [
        "<1 %",
        "<1 %",
        "1 %",
        "61 %",
        ">99 %",
        "100 %",
    ]


def test_shorten_never_leaves_out_a_problem_for_a_likelier_estimate():
    likely = replace(MISSING, severity=Severity.MINOR, score=0.99)
    possible = replace(UNSNAPPED, score=0.4)
    report = Report("0.1.0", MODEL, (replace(BEATMAP, findings=(OFFSET, likely, possible)),))
    assert shorten(report, View(max_findings=1)).report.findings == [possible]
    assert shorten(report, View(max_findings=2)).beyond == (OFFSET,)


def test_the_only_finding_that_is_listed_is_what_to_look_at_first():
    file, place = (
        replace(UNSNAPPED, scope=scope, score=score) for scope, score in ((Scope.DIFFICULTY, 1.0), (Scope.PLACE, 0.6))
    )
    report = Report("0.1.0", MODEL, (replace(BEATMAP, findings=(file, place)),))
    assert shorten(report, View(max_findings=1)).report.findings == [place]
    assert triage.entries(report)[0].finding == place


def test_shorten_keeps_the_gravest_and_loses_nothing():
    shown = shorten(SET, View(max_findings=1))
    assert shown.report.findings == [UNSNAPPED] and len(shown.beyond) == 3 and not shown.milder
    assert shorten(SET, View()).report == SET
    assert len(shorten(SET, View(max_findings=0)).beyond) == 4


def test_json_matches_schema_and_contract():
    out = io.StringIO()
    REPORTERS["json"](SET, out, View())
    document = json.loads(out.getvalue())
    jsonschema.validate(document, SCHEMA)
    assert out.getvalue().isascii() and document["summary"] == {"problem": 1, "warning": 2, "minor": 1}
    assert document["tool"] == {"name": "maimod", "version": "0.1.0"}
    assert document["beatmaps"][0]["findings"][2] == {
        "id": "a1",
        "rule": "rhythm/missing",
        "category": "rhythm",
        "severity": "warning",
        "tier": "estimated",
        "scope": "place",
        "score": 0.7,
        "confidence": "likely 70 %",
        "surprisal": 14.23,
        "entropy": 3.1,
        "time": 62345.0,
        "end_time": None,
        "timestamp": "01:02:345 (7) -",
        "link": "osu://edit/01:02:345%20%287%29",
        "objects": [41],
        "line": 120,
        "message": MISSING.message,
        "actual": "nothing",
        "expected": [{"text": "circle at 1/2", "probability": 0.613}, {"text": "slider", "probability": 0.004}],
        "evidence": {"onset": 0.8},
    }
    assert as_json(Report("0.1.0", None, (CLEAN,)))["model"] is None


def test_json_says_what_was_left_out():
    document = as_json(SET, View(min_severity=Severity.WARNING, max_findings=1))
    jsonschema.validate(document, SCHEMA)
    assert document["beatmaps"][0]["messages"] == [
        "1 finding not listed: below --min-severity",
        "1 finding not listed: beyond --max-findings",
    ]
    assert document["summary"] == {"problem": 1, "warning": 0, "minor": 0}


def test_json_values_are_plain():
    assert plain({"a": np.float32(0.5), "b": np.array([1, 2]), 3: float("nan"), "t": (np.True_, None)}) == {
        "a": 0.5,
        "b": [1, 2],
        "3": None,
        "t": [True, None],
    }


def test_json_documentation_names_every_field():
    text = (Path(__file__).parents[2] / "docs" / "json-report.md").read_text(encoding="utf-8")
    for part in (SCHEMA, *SCHEMA["$defs"].values()):
        assert all(f"`{name}`" in text for name in part["properties"])


def test_formats():
    assert set(REPORTERS) == {
        "console",
        "concise",
        "html",
        "json",
        "sarif",
        "junit",
        "github",
        "gitlab",
        "markdown",
        "verdict",
    }


def test_fainter_estimates_are_counted():
    report = replace(REPORT, beatmaps=tuple(replace(one, fainter=2) for one in REPORT.beatmaps[:2]))
    assert "2 fainter estimates not listed (--min-score 0.05 lists them)." in page(report)
    assert "fainter" not in page(REPORT) and as_json(report)["beatmaps"][0]["fainter"] == 2


def test_a_list_of_no_findings_says_so():
    hidden = page(SET, max_findings=0, width=120)
    assert "Not shown: 1 problem, 2 warnings, 1 minor finding beyond --max-findings 0, which lists none." in hidden
    assert "No findings listed in 4 maps." in hidden
    assert page(replace(SET, beatmaps=(CLEAN, replace(CLEAN, path="other.osu")))).startswith("    P    W    M  Maps")
    accepted = replace(CLEAN, messages=("2 findings not listed: accepted in known.json",))
    assert "No findings listed." in page(Report("0.1.0", None, (accepted,)))


def test_no_line_is_a_separator_alone():
    path = f"{'x' * 70}.osu"
    text = page(Report("0.1.0", None, (replace(BEATMAP, path=path), MANIA)))
    assert f"  {path}\n" in text and "\n  ·\n" not in text

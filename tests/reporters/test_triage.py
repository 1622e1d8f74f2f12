"""One entry for each mistake: the same mistake in several difficulties, by several rules, again and again."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from maimod.findings import BeatmapReport, Category, Finding, Report, Scope, Severity, Tier
from maimod.reporters import REPORTERS, viewer
from maimod.reporters.triage import entries, sheets
from maimod.reporters.view import View


def finding(rule: str, time: float = 1000.0, **details: Any) -> Finding:
    options: dict[str, Any] = {
        "category": Category(rule.partition("/")[0]),
        "severity": Severity.WARNING,
        "score": 0.6,
        "message": f"About {rule}.",
        "time": time,
        "timestamp": f"00:{round(time) // 1000:02d}:{round(time) % 1000:03d} -",
        "line": 9,
        "objects": (round(time),),
        "id": f"{rule} {time}",
    }
    return Finding(rule, **(options | details))


def report(*difficulties: tuple[str, list[Finding]]) -> Report:
    return Report(
        "0",
        None,
        tuple(BeatmapReport(f"set/{name}.osu", "ok", version=name, findings=tuple(of)) for name, of in difficulties),
    )


def listed(whole: Report) -> list[tuple[str, str, int]]:
    """(rule, difficulties, more of its kind) of each entry."""
    return [(one.finding.rule, one.where(whole), len(one.alike)) for one in entries(whole)]


def test_a_mistake_in_several_difficulties_is_one_entry() -> None:
    shifted = finding("timing/bpm", 2000.4, objects=(), end_time=9000.0, severity=Severity.MINOR)
    whole = report(
        ("Easy", [finding("timing/bpm", 1500.0, objects=(), end_time=9000.0)]), ("Hard", [shifted]), ("Oni", [])
    )
    assert listed(whole) == [("timing/bpm", "in 2 difficulties: Easy, Hard", 0)]
    assert entries(whole)[0].finding.severity is Severity.WARNING
    apart = replace(shifted, time=2600.0)
    assert len(entries(report(("Easy", [finding("timing/bpm", 1500.0)]), ("Hard", [apart])))) == 2


def test_lines_without_effect_are_one_entry_for_the_set() -> None:
    rule, minor = "timing/unused-green-line", {"objects": (), "severity": Severity.MINOR}
    whole = report(*((name, [finding(rule, time, **minor)]) for name, time in (("Easy", 1000.0), ("Hard", 70_000.0))))
    assert listed(whole) == [(rule, "in both difficulties", 0)]


def test_the_times_of_lines_without_effect_are_said_of_the_difficulties_that_have_them() -> None:
    rule, minor = "timing/unused-green-line", {"objects": (), "severity": Severity.MINOR}
    lines = {"Easy": "2 lines here.", "Hard": "2 lines here.", "Insane": "9 lines from here to 00:09:000."}
    whole = report(*((name, [finding(rule, message=words, **minor)]) for name, words in lines.items()))
    assert listed(whole) == [(rule, "in Easy, Hard; other lines in Insane", 0)]


def test_numbers_are_said_of_the_difficulty_that_has_them() -> None:
    words = {"Easy": "7 of 8 measures.", "Hard": "7 of 8 measures.", "Insane": "3 of 8 measures."}
    own = {name: [finding("rhythm/missing-object", message=of)] for name, of in words.items()}
    assert listed(report(*own.items())) == [("rhythm/missing-object", "in Easy, Hard; also in Insane", 0)]
    own["Hard"] = [finding("rhythm/missing-object", message="5 of 8 measures.", score=0.1)]
    whole = report(*own.items())
    assert listed(whole)[0][1] == "in Easy; also in the 2 other difficulties"
    assert listed(report(*own.items(), ("Expert", [])))[0][1] == "in Easy; also in Hard, Insane"


def test_places_and_shapes_are_each_difficultys_own() -> None:
    for rule in ("positions/unexpected", "sliders/shape"):
        assert len(entries(report(("Easy", [finding(rule)]), ("Hard", [finding(rule)])))) == 2


def test_other_mapsets_share_nothing() -> None:
    one, two = report(("Easy", [finding("timing/bpm")])), report(("Hard", [finding("timing/bpm")]))
    elsewhere = replace(two.beatmaps[0], path="other/hard.osu")
    assert len(entries(Report("0", None, (one.beatmaps[0], elsewhere)))) == 2


def test_a_mistake_found_by_two_rules_is_one_entry() -> None:
    by_map = finding("rhythm/missing-object", 1300.0, score=0.9)
    by_set = finding("mapset/missing-object", 1000.0, objects=(), severity=Severity.MINOR)
    whole = report(("Hard", [by_set, by_map, finding("rhythm/missing-object", 1900.0)]))
    assert [(one.finding.time, one.further()) for one in entries(whole)] == [
        (1300.0, ["also found by mapset/missing-object"]),
        (1900.0, []),
    ]


def test_a_file_that_several_difficulties_name_at_other_times_is_one_entry() -> None:
    used = [finding("mapset/sample-missing", time, objects=(), tier=Tier.EXACT) for time in (1000.0, 7000.0)]
    whole = report(("Easy", used[:1]), ("Hard", used[1:]))
    assert listed(whole) == [("mapset/sample-missing", "in both difficulties", 0)]


def test_objects_that_two_difficulties_lack_at_other_times_are_two_mistakes() -> None:
    """The words are the same, because each names the other difficulties and its own time is elsewhere."""
    lacking = [finding("mapset/missing-object", time, objects=()) for time in (1000.0, 5000.0)]
    apart = report(("Easy", lacking[:1]), ("Hard", lacking[1:]))
    assert listed(apart) == [("mapset/missing-object", "", 0)] * 2
    together = report(("Easy", lacking[:1]), ("Hard", lacking[:1]))
    assert listed(together) == [("mapset/missing-object", "in both difficulties", 0)]


def test_likeness_is_folded_but_warnings_of_the_model_are_judged_one_by_one() -> None:
    exact = [
        finding("positions/near-overlap", 1000.0 * i, tier=Tier.EXACT, message=f"{i}.5 px off a stack.")
        for i in range(1, 6)
    ]
    other = finding("positions/near-overlap", 6000.0, tier=Tier.EXACT, message="1 px off a slider end.")
    minor = [finding("hitsounds/volume", 500.0 * i, severity=Severity.MINOR, score=i / 10) for i in range(1, 4)]
    guesses = [finding("positions/unexpected", 100.0 * i) for i in range(1, 5)]
    whole = report(("Hard", [*exact, other, *minor, *guesses]))
    assert sorted(listed(whole)) == [
        ("hitsounds/volume", "", 2),
        ("positions/near-overlap", "", 0),
        ("positions/near-overlap", "", 4),
        *[("positions/unexpected", "", 0)] * 4,
    ]
    (volume,) = (one for one in entries(whole) if one.alike and one.finding.rule == "hitsounds/volume")
    assert volume.further() == ["2 more like it: 00:00:500, 00:01:000"]


@pytest.mark.parametrize(
    ("tier", "second", "said_once"),
    [(Tier.EXACT, "12 px off.", True), (Tier.EXACT, "12 px away.", False), (Tier.ESTIMATED, "12 px off.", False)],
)
def test_what_is_exact_is_said_once(tier: Tier, second: str, said_once: bool) -> None:
    minor = {"tier": tier, "severity": Severity.MINOR}
    two = [
        finding("positions/near-overlap", i, message=m, **minor) for i, m in ((1000.0, "9 px off."), (2000.0, second))
    ]
    alone = ("positions/near-overlap", "", 0)
    assert listed(report(("Hard", two))) == ([("positions/near-overlap", "", 1)] if said_once else [alone] * 2)


def test_nothing_is_lost() -> None:
    of = [
        finding(rule, 500.0 * i, severity=Severity.MINOR) for i in range(9) for rule in ("timing/bpm", "kiai/misplaced")
    ]
    whole = report(("Easy", of), ("Hard", of[3:]), ("Oni", [finding("mapset/missing-object", 4000.0)]))
    told = [(place.beatmap, place.number) for one in entries(whole) for place in one.places()]
    assert len(told) == len(set(told)) == len(whole.findings)


def test_worth() -> None:
    of_set = finding("mapset/metadata", scope=Scope.SET, severity=Severity.WARNING, score=0.95, objects=())
    findings = [
        of_set,
        finding("timing/bpm", 1.0, severity=Severity.MINOR, score=0.99),
        finding("positions/spacing", 2.0, score=0.7),
        finding("positions/spacing", 3.0, score=0.8),
        finding("mapset/video", scope=Scope.SET, severity=Severity.PROBLEM, objects=()),
    ]
    assert [(one.finding.rule, one.finding.time) for one in entries(report(("Hard", findings)))] == [
        ("mapset/video", 1000.0),
        ("positions/spacing", 3.0),
        ("positions/spacing", 2.0),
        ("mapset/metadata", 1000.0),
        ("timing/bpm", 1.0),
    ]


def test_the_set_comes_first_and_without_a_borrowed_time() -> None:
    named = {"difficulties": ["Easy", "Hard"]}
    of_set = finding("mapset/metadata", scope=Scope.SET, objects=(), evidence=named)
    whole = report(("Easy", [of_set]), ("Hard", [finding("rhythm/unsnapped", 3000.0)]))
    (sheet,) = sheets(whole)
    assert [one.finding for one in sheet.general] == [of_set] and not sheet.own[0] and len(sheet.own[1]) == 1
    for name in ("console", "markdown"):
        out = io.StringIO()
        REPORTERS[name](whole, out, View(plain=True))
        text = out.getvalue()
        assert text.index("General") < text.index("About mapset/metadata.") < text.index("About rhythm/unsnapped.")
        assert "00:01:000" not in text and "00:03:000" in text and "in both difficulties" in text.lower()


def test_the_viewer_lists_the_same_entries() -> None:
    whole = report(("Easy", [finding("timing/bpm")]), ("Hard", [finding("kiai/misplaced", 5.0), finding("timing/bpm")]))
    shown = viewer.data(whole)["entries"]
    assert [(one["lead"], one["twins"], one["general"]) for one in shown] == [
        ((0, 0), [(1, 1)], True),
        ((1, 0), [], False),
    ]


def test_difficulties_are_named_the_easiest_first_in_every_order_of_files() -> None:
    stars = {"Another": 5.1, "Easy": 1.7, "Hard": 3.4}
    everywhere = finding("mapset/audio", scope=Scope.SET, objects=(), evidence={"difficulties": ["Another", "Hard"]})
    files = report(*((name, [finding("timing/bpm")] if name != "Hard" else [everywhere]) for name in stars))
    whole = replace(files, beatmaps=tuple(replace(one, stars=stars[one.version]) for one in files.beatmaps))
    assert sheets(whole)[0].beatmaps == (1, 2, 0) and viewer.data(whole)["order"] == [1, 2, 0]
    assert {where for _, where, _ in listed(whole)} == {
        "in 2 difficulties: Easy, Another",
        "in 2 difficulties: Hard, Another",
    }

"""Console reports: mapset by mapset, with editor links, and a summary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TextIO

from rich.cells import cell_len
from rich.style import Style

from maimod.findings import (
    BeatmapReport,
    Category,
    Finding,
    ModelInfo,
    Report,
    Severity,
    Tier,
    counted,
    minutes,
    percent,
)
from maimod.linter.settings import LEAST_SCORE
from maimod.reporters import triage
from maimod.reporters.page import LETTERS, MODES, STYLES, Page, Part, end_of, glue, start_of, wrap
from maimod.reporters.text import clean
from maimod.reporters.triage import Entry
from maimod.reporters.view import Shown, View, note, noted, shorten

WIDE = 100
"""Pages this wide have the messages beside the timestamps, narrower ones below."""
CONFIDENCE = 11
"""Columns for how likely a finding is real: "likely 84 %"."""
MARGIN = CONFIDENCE + 3
"""Columns before the timestamp, with the severity."""
MAPS_MARGIN = 17
"""Columns before the names in the list of maps."""
USUAL_STAMP = 24
"""Columns that most timestamps need, including mania's."""
CONFIDENCE_NOTE = (
    "fact: arithmetic, criteria or files. Percentages: how likely an estimate is a mistake in an unfinished map; "
    "in a finished one it is less likely. Numbers behind it: --verbose"
)

FEW_ENTRIES, FIRST_ENTRIES = 10, 5
"""A report of more entries names the first ones again at its end, which a terminal shows."""
TITLES = {category: category.value.capitalize().replace("-", " ") for category in Category}


def console(report: Report, out: TextIO, view: View) -> None:
    """Write the console report."""
    pages = Stream(out, view, len(report.beatmaps))
    shown = shorten(report, view)
    for beatmap in shown.report.beatmaps:
        pages.add(beatmap, report.model)
    pages.finish(report, shown)


class Stream:
    """The console report, printed mapset by mapset: the same text, earlier."""

    def __init__(self, out: TextIO, view: View, total: int) -> None:
        self.page, self.view, self.many = Page(out, view), view, total > 1
        self.separate = False
        self._set: list[BeatmapReport] = []
        """Difficulties of the current mapset."""
        self._model: ModelInfo | None = None

    def add(self, beatmap: BeatmapReport, model: ModelInfo | None) -> None:
        """Take the next difficulty; when it begins another mapset, print the one before."""
        if self._set and self._set[-1].mapset != beatmap.mapset:
            self._print_set()
        self._set.append(beatmap)
        self._model = model

    def _print_set(self) -> None:
        report = Report("", self._model, tuple(self._set))
        self._set = []
        for sheet in triage.sheets(report):
            shared = list(sheet.messages)
            if self.many:
                shared = [one for one in shared if not noted(one)]
            if sheet.general or shared:
                self._separate()
                first = report.beatmaps[sheet.beatmaps[0]]
                _general(self.page, report, sheet.general, replace(first, messages=tuple(shared)), self.view)
            for number in sheet.beatmaps:
                beatmap, entries = report.beatmaps[number], sheet.own[number]
                messages = (one for one in beatmap.messages if one not in shared and not (self.many and noted(one)))
                beatmap = replace(beatmap, messages=tuple(messages))  # the summary has the notes of all
                is_silent = not entries and not beatmap.messages and beatmap.status != "error"
                if is_silent and (self.many or self.view.quiet):
                    continue  # counted in the list of maps
                self._separate()
                _beatmap(self.page, report, beatmap, entries, self.view, self.many)

    def _separate(self) -> None:
        if self.separate:
            self.page.line()
        self.separate = True

    def finish(self, report: Report, shown: Shown) -> None:
        """Print the last mapset, and the summary of the whole report."""
        self._print_set()
        page, view = self.page, self.view
        if view.statistics:
            if self.separate:
                page.line()
            _statistics(page, shown, report.findings)
        if view.quiet:
            _hidden(page, shown, view)
            if report.interruption:
                page.paragraph(report.interruption, "bold red")
            return
        if self.many:
            if self.separate or view.statistics:
                page.line()
            _list_of_maps(page, shown.report)
        page.line()
        page.rule()
        _summary(page, shown, view)


def _general(page: Page, report: Report, entries: Sequence[Entry], shared: BeatmapReport, view: View) -> None:
    """Print what concerns several difficulties; `shared` has the messages of all."""
    songs = {_song(beatmap) for beatmap in report.beatmaps if beatmap.status != "error"}
    page.paragraph("General" + (f" · {min(songs)}" if len(songs) == 1 else ""), "bold", rest=2)
    _messages(page, shared)
    for category, own in _by_category(entries):
        page.line()
        _category(page, report, category, own, view)


def _song(beatmap: BeatmapReport) -> str:
    return clean(" – ".join(part for part in (beatmap.artist, beatmap.title) if part))


def _name(beatmap: BeatmapReport) -> str:
    song = _song(beatmap) or clean(beatmap.path)
    return f"{song} [{clean(beatmap.version)}]" if beatmap.version else song


def _messages(page: Page, beatmap: BeatmapReport) -> None:
    word, style = {"error": ("error", "bold red"), "partial": ("partial", "bold yellow")}.get(
        beatmap.status, ("note", "bold")
    )
    for message in beatmap.messages:
        page.paragraph(clean(message), first=f"{word}: ", rest=2, first_style=style)


def _beatmap(
    page: Page, report: Report, beatmap: BeatmapReport, entries: Sequence[Entry], view: View, many: bool
) -> None:
    model = report.model
    creator = f" by {clean(beatmap.creator)}" if beatmap.creator else ""
    page.paragraph(_name(beatmap) + creator, "bold", rest=2)
    if beatmap.status != "error" and not view.quiet:
        facts = [
            MODES.get(beatmap.mode, beatmap.mode),
            *([] if beatmap.stars is None else [f"{beatmap.stars:.2f} stars"]),
            counted(beatmap.objects, "object"),
            minutes(beatmap.drain_ms),
            clean(beatmap.audio) if beatmap.audio else "no song",
            f"{clean(model.id)} ({clean(model.device)}, {model.precision})" if model else "no model",
        ]
        if many:
            facts.append(clean(beatmap.path))
        page.paragraph(" · ".join(glue(fact) for fact in facts), "dim", rest=2)
    _messages(page, beatmap)
    for category, own in _by_category(entries):
        page.line()
        _category(page, report, category, own, view)


def _by_category(entries: Sequence[Entry]) -> Iterator[tuple[Category, list[Entry]]]:
    """Entries of each category, in report order, each by time."""
    for category in Category:
        own = [entry for entry in entries if entry.finding.category is category]
        if own:
            yield category, sorted(own, key=lambda entry: entry.finding.time)


def _category(page: Page, report: Report, category: Category, entries: Sequence[Entry], view: View) -> None:
    findings = [entry.finding for entry in entries]
    page.line(" " * MARGIN, (TITLES[category], "bold"), (f" · {len(findings)}", "dim"))
    # Timestamps of chords can be very long; the text column is set by the others.
    stamps = max(
        (width for finding in findings if (width := cell_len(_stamp(finding))) <= USUAL_STAMP), default=USUAL_STAMP
    )
    for entry in entries:
        further = [clean(line) for line in (entry.where(report), *entry.further()) if line]
        if view.verbose and (evidence := _evidence(entry.finding)):
            further.append(evidence)
        _finding(page, entry.finding, stamps, further)


def _stamp(finding: Finding) -> str:
    """The timestamp; what concerns no place in the map has none."""
    return clean(finding.place)


def _finding(page: Page, finding: Finding, stamps: int, further: Sequence[str]) -> None:
    """Print one finding, with its message beside the timestamp on a wide page and below it on a narrow one."""
    style = STYLES[finding.severity]
    stamp = _stamp(finding)
    lead: list[Part] = [
        (f"{finding.confidence:>{CONFIDENCE}}", "dim" if finding.tier is Tier.EXACT else ""),
        " ",
        (LETTERS[finding.severity], style),
        " ",
        (stamp, Style(color="blue", link=finding.link)),
    ]
    emphasis = style if finding.severity is Severity.PROBLEM else ""
    wide = page.width >= WIDE
    indent = MARGIN + stamps + 2 if wide and stamps else MARGIN
    room = page.width - indent
    beside: list[Part] = [(finding.rule, "dim")]
    rows: list[list[Part]] = [[(line, emphasis)] for line in wrap(clean(finding.message), room)]
    below = list(further)
    is_cramped = MARGIN + max(stamps, cell_len(stamp)) + 2 + len(finding.rule) > page.width
    if wide or is_cramped or not stamp:
        below = [" · ".join((finding.rule, *below[:1])), *below[1:]]
        beside = rows.pop(0) if (wide or not stamp) and cell_len(stamp) <= stamps else []
    page.line(*lead, " " * max(2, stamps + 2 - cell_len(stamp)) if stamp or (wide and stamps) else "", *beside)
    for row in rows + [[(line, "dim")] for text in below for line in wrap(text, room)]:
        page.line(" " * indent, *row)


def _evidence(finding: Finding) -> str:
    """The raw numbers, as in `Evidence: 9.6 bits; in the map: circle; expected: slider 61 %, spinner 22 %`."""
    parts = [] if finding.surprisal is None else [f"{finding.surprisal:.1f} bits"]
    if finding.actual:
        parts.append(f"in the map: {clean(finding.actual)}")
    expected = [
        clean(one.text) if one.probability is None else glue(f"{clean(one.text)} {percent(one.probability)}")
        for one in finding.expected
    ]
    if expected:
        parts.append(f"expected: {', '.join(expected)}")
    readings = (("first_reading", "rule"), ("second_reading", "proofreader"))
    if log_odds := [
        f"{finding.evidence[name]:+.1f} by the {who}" for name, who in readings if name in finding.evidence
    ]:
        parts.append(f"log-odds {', '.join(log_odds)}")
    return f"Evidence: {'; '.join(parts)}" if parts else ""


def _statistics(page: Page, shown: Shown, findings: Iterable[Finding]) -> None:
    """Print how often each rule fired, most frequent first, including findings that are not listed."""
    remark = " (with those not shown)" if shown.milder or shown.beyond else ""
    counts = Counter((finding.rule, finding.severity) for finding in findings)
    totals: Counter[str] = Counter()
    for (rule, _), number in counts.items():
        totals[rule] += number
    rows = sorted(totals, key=lambda rule: (-totals[rule], rule))
    page.line(("  problem  warning  minor  total  rule", "bold"), (remark, "dim"))
    for name, total in [*((rule, totals[rule]) for rule in rows), ("all rules", sum(totals.values()))]:
        numbers = [
            counts[name, severity] if name in totals else sum(counts[rule, severity] for rule in rows)
            for severity in Severity
        ]
        cells = [
            (f"{number or '·':>{width}}", STYLES[severity] if number else "dim")
            for number, width, severity in zip(numbers, (9, 9, 7), Severity, strict=True)
        ]
        page.line(*cells, f"{total:>7}  ", (name, "" if name in totals else "dim"))


def _list_of_maps(page: Page, report: Report) -> None:
    """Print how many findings each difficulty has alone, and each set for several of them."""
    heads = [(f"{LETTERS[severity]:>5}", STYLES[severity]) for severity in Severity]
    page.line(*heads, ("  Maps", "bold"), (f" · {len(report.beatmaps)}", "dim"))
    sheets = triage.sheets(report)
    for sheet in sheets:
        beatmaps = [report.beatmaps[number] for number in sheet.beatmaps]
        songs = {_song(beatmap) for beatmap in beatmaps if beatmap.status != "error"}
        if sheet.general:
            _counted(page, sheet.general, start_of(f"General · {_song(beatmaps[0])}", page.width - MAPS_MARGIN))
        is_named = len(songs) == 1 and (bool(sheet.general) or len(sheets) == 1)
        for number, beatmap in zip(sheet.beatmaps, beatmaps, strict=True):
            name = f"[{clean(beatmap.version)}]" if is_named and beatmap.version else _name(beatmap)
            if beatmap.status == "error":
                page.line(("error".rjust(15), "bold red"), "  ", end_of(name, page.width - MAPS_MARGIN))
            else:
                _counted(page, sheet.own[number], name, " (partial)" * (beatmap.status == "partial"))


def _counted(page: Page, entries: Sequence[Entry], name: str, mark: str = "") -> None:
    counts = Counter(place.finding.severity for entry in entries for place in entry.places())
    cells = [(f"{counts[one] or '·':>5}", STYLES[one] if counts[one] else "dim") for one in Severity]
    # The difficulty is at the end of a name, so the end is kept.
    page.line(*cells, "  ", end_of(name, page.width - MAPS_MARGIN - len(mark)), (mark, "yellow"))


def _summary(page: Page, shown: Shown, view: View) -> None:
    report = shown.report
    findings = report.findings
    errors = sum(beatmap.status == "error" for beatmap in report.beatmaps)
    maps = f" in {counted(len(report.beatmaps), 'map')}" if len(report.beatmaps) > 1 else ""
    if findings:
        parts: list[Part] = [(f"{counted(len(findings), 'finding')}{maps}: ", "bold")]
        for number, severity in ((report.summary[severity], severity) for severity in Severity):
            text = f"{number} minor" if severity is Severity.MINOR else counted(number, severity.value)
            parts += [", "] * (severity is not Severity.PROBLEM)
            parts.append((f"{text} ({LETTERS[severity]})", STYLES[severity] if number else "dim"))
        page.line(*parts)
        by_category = Counter(finding.category for finding in findings)
        page.paragraph(
            " · ".join(
                glue(f"{TITLES[category].lower()} {by_category[category]}")
                for category in Category
                if by_category[category]
            )
        )
    elif len(report.beatmaps) > errors:
        is_shortened = (
            shown.milder or shown.beyond or any(noted(one) for each in report.beatmaps for one in each.messages)
        )
        page.line((f"No findings listed{maps}.", "bold") if is_shortened else (f"No findings{maps}.", "bold green"))
    if errors:
        page.line((f"{counted(errors, 'map')} could not be checked.", "bold red"))
    _hidden(page, shown, view)
    if len(report.beatmaps) > 1:
        _unlisted(page, report)
    if fainter := sum(beatmap.fainter for beatmap in report.beatmaps):
        page.paragraph(
            f"{counted(fainter, 'fainter estimate')} not listed ({glue(f'--min-score {LEAST_SCORE}')} lists them).",
            "dim",
        )
    if report.interruption:
        page.paragraph(report.interruption, "bold red")
    if any(finding.tier is Tier.ESTIMATED for finding in findings):
        page.paragraph(CONFIDENCE_NOTE, "dim")
    entries = triage.entries(report)
    if any(entry.twins for entry in entries):
        page.paragraph(
            f"Listed as {counted(len(entries), 'entry')}: what several difficulties or rules share is one entry, and counts for each of them.",
            "dim",
        )
    if len(entries) > FEW_ENTRIES:
        _first(page, report, entries[:FIRST_ENTRIES])
    if entries:
        page.paragraph(f"Why, and when to ignore it: {glue(f'maimod explain {entries[0].finding.rule}')}", "dim")


def _unlisted(page: Page, report: Report) -> None:
    """Print how many findings of all maps their messages leave out, by reason."""
    counts: Counter[str] = Counter()
    for count, why in filter(None, (noted(one) for beatmap in report.beatmaps for one in beatmap.messages)):
        counts[why] += count
    for why, count in counts.items():
        page.paragraph(f"{note(count, why)}.", "dim")


def _first(page: Page, report: Report, entries: Sequence[Entry]) -> None:
    """Name what to look at first."""
    page.line(("Look first at:", "bold"))
    is_of_many = len({beatmap.mapset for beatmap in report.beatmaps}) > 1
    for entry in entries:
        finding = entry.finding
        beatmap = report.beatmaps[entry.lead.beatmap]
        where = re.split("[:;]", entry.where(report))[0] or f"[{beatmap.version}]"
        parts = [clean(_stamp(finding)), finding.rule, clean(where)]
        line = " ".join(part for part in parts if part)
        if is_of_many:  # several sets have a difficulty of this name
            room = max(page.width - cell_len(line) - 6, 12)
            names = [name for name in (_song(beatmap), clean(beatmap.title)) if name] or [clean(beatmap.path)]
            line += f" · {next((name for name in names if cell_len(name) <= room), end_of(names[-1], room))}"
        page.line(" ", (LETTERS[finding.severity], STYLES[finding.severity]), " ", line)


def _hidden(page: Page, shown: Shown, view: View) -> None:
    """Print how many findings are not listed, and why."""
    if shown.beyond:
        page.paragraph(
            f"{_counts(shown.beyond)} beyond --max-findings "
            f"{view.max_findings}{'; the gravest are listed' if view.max_findings else ', which lists none'}.",
            first="Not shown: ",
            rest=2,
            first_style="bold yellow",
        )
    if shown.milder:
        page.paragraph(
            f"{_counts(shown.milder)} below --min-severity {view.min_severity.value}.",
            first="Not shown: ",
            rest=2,
            first_style="bold yellow",
        )


def _counts(findings: Sequence[Finding]) -> str:
    """`3 warnings, 40 minor findings`."""
    counts = Counter(finding.severity for finding in findings)
    nouns = {Severity.MINOR: "minor finding"}
    return ", ".join(
        counted(counts[severity], nouns.get(severity, severity.value)) for severity in Severity if counts[severity]
    )

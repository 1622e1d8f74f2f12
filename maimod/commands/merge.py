"""Join JSON reports into one: the shards of a run, or runs over different maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from maimod.commands.check import fails
from maimod.commands.command_line import FOUND, say
from maimod.commands.output import write_report
from maimod.errors import UsageError, short
from maimod.findings import BeatmapReport, Report
from maimod.reporters.json import from_json
from maimod.reporters.view import Output, View


def merge(paths: Sequence[str], outputs: Sequence[Output], view: View) -> int:
    """Join JSON reports into one, write it in each format, and return the exit code of a check.

    Raises:
        UsageError: if the files are not the reports of one run, or a report cannot be written.
    """
    merged = merged_of({path: read(Path(path)) for path in paths})
    for output in outputs:
        write_report(output, merged, view)
        if output.file is not None and not view.quiet:
            say(f"{output.name} report written to {output.file}")
    if merged.interruption:
        say(merged.interruption)
    return FOUND if fails(merged, view.fail_on) else 0


def read(path: Path) -> Report:
    """Read a JSON report.

    Raises:
        UsageError: if it is none.
    """
    try:
        return from_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: not a JSON report of maimod ({short(error, 200)}); --format json:FILE makes one"
        ) from None


def merged_of(reports: Mapping[str, Report]) -> Report:
    """One report of several, by their files: shards in the order of the whole run, others one after the other.

    Raises:
        UsageError: if they are of different versions or models, have a difficulty in common, or lack a shard.
    """
    (first, one), *others = reports.items()
    for path, other in others:
        if other.version != one.version:
            raise UsageError(
                f"{path} is of maimod {other.version} and {first} of {one.version}; make both with the same"
            )
        if other.beatmaps and one.beatmaps and other.model != one.model:
            said = [report.model.id if report.model else "no model" for report in (other, one)]
            raise UsageError(f"{path} was made with {said[0]} and {first} with {said[1]}; make both with the same")
        if not one.beatmaps:
            first, one = path, other  # an empty shard has loaded no model
    _refuse_missing(reports)
    uses = Counter(beatmap.location for report in reports.values() for beatmap in report.beatmaps)
    twice = [place for place, count in uses.items() if count > 1]
    if twice:
        files = [path for path, report in reports.items() if any(b.location == twice[0] for b in report.beatmaps)]
        more = f" and {len(twice) - 1:,} more" if len(twice) > 1 else ""
        raise UsageError(f"{twice[0]}{more}: in more than one report ({', '.join(dict.fromkeys(files))})")
    pairs: list[tuple[int, BeatmapReport]] = []
    for report in reports.values():
        order = report.shard.order if report.shard else (-1,) * len(report.beatmaps)
        pairs += zip(order, report.beatmaps, strict=True)
    if all(report.shard for report in reports.values()):
        pairs.sort(key=lambda pair: pair[0])
    unfinished = sum(report.unfinished for report in reports.values())
    return Report(one.version, one.model, tuple(beatmap for _, beatmap in pairs), unfinished)


def _refuse_missing(reports: Mapping[str, Report]) -> None:
    """Raise UsageError unless the shards among the reports are all of one run."""
    shards = {path: report.shard for path, report in reports.items() if report.shard}
    if not shards:
        return
    counts = {shard.of for shard in shards.values()}
    if len(counts) > 1 or len(shards) < len(reports):
        other = next(path for path in reports if path not in shards or shards[path].of != min(counts))
        raise UsageError(
            f"{other}: not of the same run; give the reports of one run, each made with the same --shard N/M"
        )
    (of,) = counts
    uses = Counter(shard.number for shard in shards.values())
    if twice := [number for number, count in sorted(uses.items()) if count > 1]:
        raise UsageError(f"shard {twice[0]}/{of} is there twice")
    if missing := [str(number) for number in range(1, of + 1) if number not in uses]:
        raise UsageError(f"shard {', '.join(missing)} of {of} is missing")

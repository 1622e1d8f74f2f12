"""Count findings of exact rules and rules for sets on good mapsets, and the planted faults that they find. No model, no
song.

    python benchmarks/sets.py SONGS_DIR [--manifest manifest.jsonl] [--sets 30] [--seed 0]

First, for each rule and severity, the share of maps with a finding. On ranked maps it should be near zero, except for
criteria that changed later and for files that a collection lacks. Then single faults are planted in copies of sets with
at least four difficulties, never in the easiest; a fault is found if that difficulty gets a new finding of the rule.

The manifest has one JSON object per line with `map` (path below the manifest's folder) and `ranked`; with it, only
ranked maps are used.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from maimod.findings import Finding, Tier  # noqa: E402
from maimod.linter.calibration import Calibration  # noqa: E402
from maimod.linter.rescore import rescore  # noqa: E402
from maimod.osu import mapset  # noqa: E402
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind  # noqa: E402
from maimod.osu.mapset import Mapset  # noqa: E402
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS  # noqa: E402
from maimod.rules.evidence import Evidence, MapsetEvidence  # noqa: E402

Plant = Callable[[list[str], Beatmap, Mapset, random.Random], bool]
"""Edits the lines of a file; returns False if the map has no place for the fault."""


def of_set(whole: Mapset) -> list[tuple[Beatmap, Finding]]:
    """Findings of a set."""
    evidence = {
        beatmap.path: Evidence(beatmap, level=whole.levels[beatmap.path], mapset=whole) for beatmap in whole.beatmaps
    }
    of_whole = MapsetEvidence(whole, list(evidence.values()))
    return [
        (beatmap, finding)
        for check in MAPSET_CHECKS
        for beatmap, candidate in check.run(of_whole)
        for finding in rescore([candidate], evidence[beatmap.path], Calibration())
    ]


def rates(folders: list[Path], wanted: Callable[[Path], bool]) -> None:
    """Print the share of maps with a finding, by rule and severity."""
    maps, concerned = 0, Counter[tuple[str, str]]()
    for folder in folders:
        for whole in mapset.load(folder):
            beatmaps = [beatmap for beatmap in whole.beatmaps if wanted(beatmap.path)]
            maps += len(beatmaps)
            found = [(beatmap, finding) for beatmap, finding in of_set(whole) if beatmap in beatmaps]
            for beatmap in beatmaps:
                evidence = Evidence(beatmap, level=whole.levels[beatmap.path], mapset=whole)
                found += [
                    (beatmap, finding)
                    for check in BEATMAP_CHECKS
                    for finding in rescore(check.run(evidence), evidence, Calibration())
                    if finding.tier is Tier.EXACT
                ]
            concerned.update(
                {
                    (beatmap.path, finding.rule, finding.severity.value): (finding.rule, finding.severity.value)
                    for beatmap, finding in found
                }.values()
            )
    print(f"{maps} maps in {len(folders)} folders")
    for (rule, severity), count in concerned.most_common():
        print(f"  {rule:34} {severity:8} {count:5}  {100 * count / max(maps, 1):5.1f} %")


# ---------------------------------------------------------------------------------------------------------------------
# Faults


def key(section: str, name: str, change: Callable[[str], str]) -> Plant:
    """Change the value of a key, or add it."""

    def plant(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
        line = beatmap.key_lines.get((section, name))
        value = change(beatmap.written[section].get(name, ""))
        if line is None:
            lines.insert(lines.index(f"[{section}]") + 1, f"{name}:{value}")
        else:
            lines[line - 1] = f"{name}:{value}"
        return True

    return plant


def first_red_line(place: int, change: Callable[[str], str]) -> Plant:
    """Change a field of the first red line."""

    def plant(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
        number = beatmap.red_lines[0].line - 1
        fields = lines[number].split(",")
        fields[place] = change(fields[place])
        lines[number] = ",".join(fields)
        return True

    return plant


def no_kiai(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
    """Switch kiai off throughout."""
    for point in beatmap.timing_points:
        fields = lines[point.line - 1].split(",")
        if len(fields) > 7:
            fields[7] = str(int(fields[7]) & ~1)
            lines[point.line - 1] = ",".join(fields)
    return bool(beatmap.kiai_sections)


def background(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
    """Change the background's file name."""
    place = next((line for line, text in beatmap.events if text.startswith("0,0,")), None)
    if place is not None:
        lines[place - 1] = '0,0,"another.jpg",0,0'
    return place is not None


def _shared(beatmap: Beatmap, whole: Mapset, least: int | None) -> list[tuple[HitObject, list[HitObject]]]:
    """Circles except the first and last, with the objects of other difficulties of the mode at their time."""
    others = [
        {round(o.time): o for o in other.hit_objects}
        for other in whole.beatmaps
        if other is not beatmap and other.mode is beatmap.mode
    ]
    found = []
    for o in beatmap.hit_objects[1:-1]:
        there = [
            starts[time]
            for starts in others
            for time in (round(o.time) - 1, round(o.time), round(o.time) + 1)
            if time in starts
        ]
        if o.kind is ObjectKind.CIRCLE and len(there) >= (len(others) if least is None else least):
            found.append((o, there))
    return found


def deleted(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
    """Delete a circle at whose time all other difficulties have an object."""
    shared = _shared(beatmap, whole, None)
    if shared:
        lines[dice.choice(shared)[0].line - 1] = "//"
    return bool(shared)


def displaced(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
    """Move a circle at whose time all other difficulties have an object by 1/8 beat."""
    shared = _shared(beatmap, whole, None)
    if shared:
        o = dice.choice(shared)[0]
        fields = lines[o.line - 1].split(",")
        fields[2] = f"{o.time + beatmap.red_line_at(o.time).beat_length / 8:.0f}"
        lines[o.line - 1] = ",".join(fields)
    return bool(shared)


def without_addition(lines: list[str], beatmap: Beatmap, whole: Mapset, dice: random.Random) -> bool:
    """Remove the additions of a circle if at least three other difficulties have the same ones."""

    def additions(o: HitObject) -> int:
        return (o.slider.edge_sounds[0] if o.slider and o.slider.edge_sounds else o.hitsound) & 14

    shared = [
        o
        for o, there in _shared(beatmap, whole, 3)
        if o.hitsound & 14 and all(additions(other) == o.hitsound & 14 for other in there)
    ]
    if shared:
        o = dice.choice(shared)
        fields = lines[o.line - 1].split(",")
        lines[o.line - 1] = ",".join([*fields[:4], "0", *fields[5:]])
    return bool(shared)


FAULTS: dict[str, tuple[str, Plant]] = {
    "a tag more": ("mapset/metadata", key("Metadata", "Tags", lambda value: f"{value} zzz")),
    "another source": ("mapset/metadata", key("Metadata", "Source", lambda value: f"{value} 2")),
    "another title": ("mapset/metadata", key("Metadata", "Title", lambda value: f"{value}!")),
    "another song": ("mapset/audio-differs", key("General", "AudioFilename", lambda value: "another.mp3")),
    "preview 500 ms later": (
        "mapset/preview",
        key("General", "PreviewTime", lambda value: str(int(float(value or 0)) + 500)),
    ),
    "countdown": ("mapset/settings-differ", key("General", "Countdown", lambda value: "1" if value == "0" else "0")),
    "another background": ("mapset/backgrounds-differ", background),
    "offset 8 ms later": ("mapset/red-lines", first_red_line(0, lambda value: f"{float(value) + 8:g}")),
    "1 BPM faster": ("mapset/red-lines", first_red_line(1, lambda value: f"{60_000 / (60_000 / float(value) + 1)}")),
    "another metre": ("mapset/red-lines", first_red_line(2, lambda value: "4" if value == "3" else "3")),
    "kiai removed": ("mapset/kiai", no_kiai),
    "object deleted": ("mapset/missing-object", deleted),
    "object moved by 1/8 beat": ("mapset/beside-others", displaced),
    "addition removed": ("mapset/missing-addition", without_addition),
}


def planted(folders: list[Path], dice: random.Random) -> None:
    """Print how many faults of each kind are found."""
    tried, found, severities = Counter[str](), Counter[str](), {name: Counter[str]() for name in FAULTS}
    for folder in folders:
        with tempfile.TemporaryDirectory() as place:
            copy = Path(place)
            for path in folder.glob("*.osu"):
                shutil.copyfile(path, copy / path.name)
            whole = max(mapset.load(copy), key=lambda one: len(one.beatmaps))
            known = {(beatmap.path, finding.rule, finding.message) for beatmap, finding in of_set(whole)}
            by_stars = sorted(
                (one for one in whole.beatmaps if one.mode is Mode.OSU), key=lambda one: whole.stars[one.path] or 0.0
            )
            for name, (rule, plant) in FAULTS.items():
                beatmap = dice.choice(by_stars[1:])
                text = beatmap.path.read_bytes()
                lines = text.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").split("\n")
                if not plant(lines, beatmap, whole, dice):
                    continue
                beatmap.path.write_text("\n".join(lines), encoding="utf-8")
                changed = next(
                    one for one in mapset.load(copy) if any(other.path == beatmap.path for other in one.beatmaps)
                )
                new = [
                    finding
                    for one, finding in of_set(changed)
                    if one.path == beatmap.path
                    and finding.rule == rule
                    and (one.path, rule, finding.message) not in known
                ]
                tried[name] += 1
                found[name] += bool(new)
                severities[name].update(finding.severity.value for finding in new[:1])
                beatmap.path.write_bytes(text)
    print(f"\nplanted in {len(folders)} sets")
    for name in FAULTS:
        said = ", ".join(f"{count} {severity}" for severity, count in severities[name].most_common())
        print(f"  {name:26} {found[name]:3} of {tried[name]:3}   {said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("songs", type=Path, help="Songs folder")
    parser.add_argument("--manifest", type=Path, help="which maps are ranked")
    parser.add_argument("--sets", type=int, default=30, help="sets to plant faults in")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ranked: set[Path] | None = None
    if options.manifest:
        entries = [json.loads(line) for line in options.manifest.read_text(encoding="utf-8").splitlines()]
        ranked = {(options.manifest.parent / entry["map"]).resolve() for entry in entries if entry["ranked"]}

    def wanted(path: Path) -> bool:
        return ranked is None or path.resolve() in ranked

    paths: dict[Path, list[Path]] = {}
    for path in sorted(options.songs.rglob("*.osu")):
        if wanted(path):
            paths.setdefault(path.parent, []).append(path)
    rates(list(paths), wanted)
    whole_sets = [
        folder
        for folder in paths
        if any(sum(one.mode is Mode.OSU for one in found.beatmaps) >= 4 for found in mapset.load(folder))
    ]
    dice = random.Random(options.seed)
    planted(dice.sample(whole_sets, min(options.sets, len(whole_sets))), dice)


if __name__ == "__main__":
    main()

"""Compare maimod with lazer's Verify tab and Mapset Verifier in small mapsets that show one situation each.

python benchmarks/conformance.py FOLDER [--write]

FOLDER holds `index.jsonl` and the mapsets `cases/GROUP/ID/`. A line of the index is an object with `id`, `group` (the level that is
given to the check, or "any"), `check` (a name of tools/peers.toml), `expect` (whether the peer speaks), and perhaps `diff` and
`msg`, a difficulty and a pattern that a finding must have. Agreement by check is printed, the situations that differ are listed,
and `--write` keeps the numbers in tools/peers_measured.json for docs/coverage.md (then run tools/make_docs.py).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
Found = list[tuple[str, str, str]]
"""(rule, name of the difficulty, message) of each finding of a mapset."""
ERROR = "error"
"""Stands for the rule of a map that cannot be read."""


def lint(folder: Path, level: str) -> list[dict[str, Any]]:
    """Reports of all mapsets of a folder, without the model."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "report.json"
        options = ["--no-model", "--no-cache", "--isolated", "--quiet", "--fail-on", "never", "--format", f"json:{out}"]
        options += [] if level == "any" else ["--level", level]
        subprocess.run([sys.executable, "mai_mod.py", "check", str(folder), *options], cwd=ROOT, check=True)
        reports: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))["beatmaps"]
    return reports


def findings(folder: Path, groups: set[str]) -> dict[str, Found]:
    """Findings of each mapset by its id."""
    found: dict[str, Found] = defaultdict(list)
    for group in sorted(groups):
        for report in lint(folder / "cases" / group, group):
            place = next(part for part in reversed(Path(report["path"]).parts[:-1]) if part.isdecimal())
            found[place] += [(one["rule"], report["version"], one["message"]) for one in report["findings"]]
            if report["status"] == "error":
                found[place].append((ERROR, report["version"], "; ".join(report["messages"])))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    peers = tomllib.loads((ROOT / "tools" / "peers.toml").read_text(encoding="utf-8"))["check"]
    rules = {check["name"]: set(check["rules"]) for check in peers}
    lines = (options.folder / "index.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if case["check"] in rules]
    found = findings(options.folder, {case["group"] for case in cases})
    measured: dict[str, Counter[bool]] = defaultdict(Counter)
    for case in cases:
        hits = [
            (rule, version, message)
            for rule, version, message in found[case["id"]]
            if rule in rules[case["check"]] | {ERROR}
            and (not case.get("diff") or version == case["diff"])
            and (not case.get("msg") or re.search(case["msg"], message, re.I))
        ]
        agrees = bool(hits) == case["expect"]
        measured[case["check"]][agrees] += 1
        if not agrees:
            print(f"{'missed' if case['expect'] else 'false alarm'}: {case['id']} {case['name']}")
    for name, count in measured.items():
        print(f"{count[True]:3} of {count.total():3}  {name}")
    total = sum((count for count in measured.values()), Counter[bool]())
    print(f"{total.total()} situations, {total[True] / max(1, total.total()):.1%} agree")
    if options.write:
        numbers = {name: [count[True], count.total()] for name, count in measured.items()}
        (ROOT / "tools" / "peers_measured.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

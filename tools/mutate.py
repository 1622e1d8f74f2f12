"""Break maimod one line at a time and see whether the tests notice.

    python tools/mutate.py              every mutation of tools/mutations.toml
    python tools/mutate.py cache sign   those with one of these words in what they break
    python tools/mutate.py --anchors    only check that each text is still in the code

Each mutation replaces a text that occurs once in the package (below `within`, if given) in a copy of the checkout, and
runs its tests there, by default those of the room. Exit code 1: a mutation survived, or its text was not found.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 600
"""Time limit of the tests of one mutation in seconds; a mutation that makes them hang counts as killed."""


@dataclass(frozen=True)
class Mutation:
    """One line changed."""

    breaks: str
    """The damage that a user would notice."""
    old: str
    new: str
    tests: tuple[str, ...] = ()
    within: str = ""
    """Path below `maimod/`: a room or a file."""

    def place(self, root: Path) -> Path:
        """The file that holds `old`.

        Raises:
            LookupError: if the text does not occur exactly once.
        """
        top = root / "maimod" / self.within
        files = [top] if top.is_file() else sorted(top.rglob("*.py"))
        found = [(file, count) for file in files if (count := file.read_text(encoding="utf-8").count(self.old))]
        if len(found) != 1 or found[0][1] != 1:
            raise LookupError(f"{sum(count for _, count in found)} places for {self.old!r} below {top}")
        return found[0][0]


def mutations() -> list[Mutation]:
    """Read the mutations of the table."""
    table = tomllib.loads((ROOT / "tools" / "mutations.toml").read_text(encoding="utf-8"))
    return [Mutation(**{**one, "tests": tuple(one.get("tests", ()))}) for one in table["mutation"]]


def passes(root: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests of a checkout pass."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(root)}
    try:
        run = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    if run.returncode not in (0, 1):
        sys.exit(f"pytest {' '.join(tests)}: exit code {run.returncode}\n{run.stdout.decode()}{run.stderr.decode()}")
    return run.returncode == 0


def judge(mutation: Mutation, root: Path, known: dict[tuple[str, ...], bool]) -> str:
    """Result of the tests with a mutation; `known` caches whether they pass without it."""
    try:
        file = mutation.place(root)
    except LookupError as error:
        return f"no place: {error}"
    tests = mutation.tests or (f"tests/{file.relative_to(root / 'maimod').parts[0]}",)
    if tests not in known:
        known[tests] = passes(root, tests)
    if not known[tests]:
        return "red without it"
    compiled = Path(importlib.util.cache_from_source(str(file)))
    text = file.read_text(encoding="utf-8")
    try:
        # Compiled files are keyed by the source's time in seconds and its size, both of which a mutation may keep.
        compiled.unlink(missing_ok=True)
        file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
        return "SURVIVED" if passes(root, tests) else "killed"
    finally:
        file.write_text(text, encoding="utf-8")
        compiled.unlink(missing_ok=True)


def copy(target: Path) -> None:
    """Copy the files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="take only mutations with one of these in what they break")
    parser.add_argument("--anchors", action="store_true", help="only check that each has its place")
    options = parser.parse_args()
    chosen = [m for m in mutations() if not options.words or any(word in m.breaks for word in options.words)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        copy(root)
        bad = (report_places if options.anchors else report_outcomes)(chosen, root)
    print(f"{len(chosen) - bad} of {len(chosen)} {'in place' if options.anchors else 'killed'}")
    return 1 if bad else 0


def report_places(chosen: list[Mutation], root: Path) -> int:
    """Print the mutations whose text is not found and return their number."""
    lost = 0
    for mutation in chosen:
        try:
            mutation.place(root)
        except LookupError as error:
            lost += 1
            print(f"{mutation.breaks}: {error}")
    return lost


def report_outcomes(chosen: list[Mutation], root: Path) -> int:
    """Run the mutations and return how many survive."""
    known: dict[tuple[str, ...], bool] = {}
    alive = 0
    for mutation in chosen:
        outcome = judge(mutation, root, known)
        alive += outcome != "killed"
        print(f"{outcome:10} {mutation.breaks}", flush=True)
    return alive


if __name__ == "__main__":
    sys.exit(main())

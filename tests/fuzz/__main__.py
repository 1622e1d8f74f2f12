"""Hours of fuzzing on request: `python -m tests.fuzz reader --count 100000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import limit_memory, run
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Run a target, print its counts; 1 if anything failed."""
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--count", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--first", type=int, default=0, help="number of the first mutant")
    arguments.add_argument("--seeds", type=Path, help="folder of further seed maps")
    arguments.add_argument("--keep", type=Path, help="folder for the inputs that fail")
    arguments.add_argument("--every", type=int, default=0, help="print the counts after so many mutants")
    given = arguments.parse_args()
    limit_memory()
    with tempfile.TemporaryDirectory(prefix="maimod-fuzz-") as place:
        counts = run(
            TARGETS[given.target](Path(place), given.seeds),
            given.count,
            given.seed,
            given.first,
            given.keep,
            given.every,
        )
    print(f"{given.target}: {given.count:,} mutants of seed {given.seed}", *counts.lines(), sep="\n")
    return int(counts.failed > 0)


if __name__ == "__main__":
    sys.exit(main())

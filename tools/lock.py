"""Write requirements-light.txt: everything that checks with the bundled models need, at exact versions with hashes.

    python tools/lock.py

Needs uv (`pip install uv`) and a connection. Versions are those of constraints.txt; packages that are only installed
because of others get their newest version. hatchling is in the list because it builds maimod itself:

    pip install --require-hashes -r requirements-light.txt && pip install --no-deps --no-build-isolation .
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIGHT = "requirements-light.txt"


def main() -> int:
    command = ["uv", "pip", "compile", "pyproject.toml", "-", "--constraint", "constraints.txt", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, input="hatchling\n", stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode == 0:
        head = "# Checks with the bundled models, without torch; written by tools/lock.py.\n"
        (ROOT / LIGHT).write_text(head + done.stdout, encoding="utf-8", newline="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

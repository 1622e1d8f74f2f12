"""Record the scores of the published architectures on the test map: `tests/golden/published.json`.

Run it only with code that meets all recorded vectors of the original; `tests/test_published.py` compares with it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    from maimod.families.checkpoint import load_model
    from tests import checkpoints
    from tests.families.test_mapperatorinator import GOLDEN, VERSIONS, a_map, judged

    recorded = {}
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as folder:
            model = load_model(checkpoints.write(Path(folder), version), "cpu", "fp32")
            recorded[version] = {
                name: [round(score.surprisal, 4) for score in scores]
                for name, scores in judged(model, a_map(), exact=True).items()
            }
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()

"""As numpy's own."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maimod.features.ordered import distinct, median, percentile


@pytest.mark.parametrize("count", range(1, 8))
def test_medians_percentiles_and_distinct_numbers_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).integers(0, 5, count) / 3
    assert median(values) == median(values.tolist()) == np.median(values)
    for share in (0, 13, 50, 90, 100):
        assert percentile(values, share) == pytest.approx(np.percentile(values, share), abs=1e-12)
    assert np.array_equal(distinct(values), np.unique(values))


def test_of_no_numbers() -> None:
    assert math.isnan(median([])) and not len(distinct(np.zeros(0)))


def test_a_check_imports_neither_masked_arrays_nor_what_runs_processes(tmp_path: Path) -> None:
    from maimod import app
    from tests import maps

    (tmp_path / "map.osu").write_text(maps.text([f"{100 + i},100,{1000 + 500 * i},1,0" for i in range(30)]))
    code = (
        f"import sys; from maimod.app import main; main(['check', {str(tmp_path / 'map.osu')!r}, '--no-cache', '--fail-on=never'])\n"
        "sys.exit(' '.join({'numpy.ma', 'multiprocessing', 'maimod.families.mapperatorinator.family'} & set(sys.modules)) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(app.__file__).parents[1]
    )
    assert done.returncode == 0, done.stderr

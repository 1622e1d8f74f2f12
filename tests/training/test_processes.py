"""Work in several processes: results in order, failures passed on. That they end with Ctrl+C: tests/commands/test_interrupts.py."""

from __future__ import annotations

import os
from functools import partial

import pytest

from maimod.errors import UsageError
from maimod.training.processes import map_in_processes


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    assert list(map_in_processes(abs, [-3, 2, -1], jobs)) == [(-3, 3), (2, 2), (-1, 1)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_is_passed_on_after_what_was_done(jobs: int) -> None:
    found = map_in_processes(partial(divmod, 10), [5, 0, 2], jobs)
    assert next(found) == (5, (2, 0))
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_a_process_that_ends_by_itself_is_one_line() -> None:
    with pytest.raises(UsageError, match="one of 2 processes ended; if memory ran out, give fewer --jobs"):
        list(map_in_processes(os._exit, [1, 1], 2))

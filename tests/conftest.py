"""Settings and fixtures of all tests."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does, before numpy is imported

from tests import messages

WRITING = messages.Writing()
EXAMPLES = messages.recorded()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """The examples of docs/messages.md that a test wrote are written again."""
    WRITING.written.clear()
    result = yield
    for rule, example in EXAMPLES.items():
        if example["test"] == item.nodeid:
            assert example["message"] in WRITING.written.get(rule, []), (
                f"{rule} writes otherwise: run python -m tests.messages"
            )
    return result


@pytest.hookimpl(tryfirst=True)  # before the one of xdist, which goes by these options
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run the whole suite in two processes where pytest-xdist is installed; `pytest -n 0` and named tests use one."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if whole and config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
        options = config.option
        if options.numprocesses is None and not options.usepdb and not options.tx:
            options.numprocesses = min(2, os.cpu_count() or 1)
            options.dist = "loadfile"  # fixtures of a module are made once


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIMOD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield

"""What every test starts from."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test reads or fills the cache of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIMOD_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield

"""Fixtures of all tests: no network, a cache of their own, the real data where it is present."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # each process has one core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# The quick suite tries the same examples every time; `make test-slow` searches at random.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("fixed")

REAL = Path(os.environ.get("TSPO_BENCH_REAL", Path(__file__).parents[1] / ".." / "shared" / "real"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real annotations, selections and videos."""
    if not REAL.is_dir():
        pytest.skip(f"no real data at {REAL}; set TSPO_BENCH_REAL")
    return REAL.resolve()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for this test alone."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TSPO_BENCH_CACHE", str(folder))
    return folder

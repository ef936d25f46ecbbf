from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.features.checkpoints import BUILDERS


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint, made on first use."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = BUILDERS[name](tmp_path_factory.mktemp("checkpoint") / name)
        return made[name]

    return get

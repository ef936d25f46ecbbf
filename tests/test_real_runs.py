"""Each benchmark's whole way: its own annotation file, real mp4 files, selections, answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real import ANNOTATIONS, FOLDERS, make_data_root
from tspo_bench.evaluation import RunSettings, run_grid


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "mlvu" else pytest.mark.slow) for n in FOLDERS]
)
def test_every_question_is_answered(
    name: str, real_data: Path, tmp_path: Path, cache: Path
) -> None:
    limit = 4
    root = make_data_root(name, tmp_path, real_data, limit)
    annotations = root / ANNOTATIONS[name] if name in ANNOTATIONS else None
    config = RunSettings(
        tasks=(name,),
        samplers=("uniform", "aks"),
        data_root=root,
        annotations=annotations,
        limit=limit,
        out=tmp_path / "run",
    )
    result = run_grid(config)
    assert len(result.cells) == 2
    for cell in result.cells:
        assert len(cell.records) == limit
        for record in cell.records:
            assert record.status in ("ok", "unparsed"), record.error
            assert len(record.frames) == 8
            assert record.gold is not None

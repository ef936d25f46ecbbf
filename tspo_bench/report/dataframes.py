"""Results as pandas frames: an answer a row, or a table's row a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.errors import UserError
from tspo_bench.files import atomic_write, user_path
from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.comparison import comparison_tables
from tspo_bench.report.escape import spreadsheet_value
from tspo_bench.report.frame import frame_of
from tspo_bench.report.loading import LoadedResults, load_results
from tspo_bench.results import Cell
from tspo_bench.types import Record

if TYPE_CHECKING:
    from pandas import DataFrame

_OF_CELL = (
    *("task", "model", "protocol", "answer", "sampler", "frames", "visual_tokens", "seed", "limit"),
)
_OF_RECORD = (
    *("question_id", "video", "status", "gold", "letter", "correct", "reply", "error"),
    *("truncated", "guessed", "evidence_recall", "num_candidates", "num_filled"),
    "duration_seconds",
)


def read_records(*paths: str | Path) -> DataFrame:
    """Read every answer of some runs: a row for each question, sampler, seed and frame budget.

    `picked` and `timestamps` are the numbers and times (seconds) of the frames that the model was
    given. A group of the questions is a column `group_<name>`, a stage's time `seconds_<stage>`.

    Example:
        >>> import tspo_bench
        >>> answers = tspo_bench.read_records("runs/films")
        >>> float(answers.groupby("sampler")["correct"].mean()["uniform"])
        0.5

    Args:
        paths: run folders, folders of runs, or bundles (.zip).

    Raises:
        UserError: a path holds no run, or a part of one cannot be read.
    """
    return records_frame(_load(paths).cells)


def read_summaries(*paths: str | Path, baseline: str = BASELINE) -> DataFrame:
    """Read the comparison tables of some runs: a row for each row of each table.

    The columns are the settings that a table's rows share, then those of `report.columns`; the
    ends of an interval are `<key>_low` and `<key>_high`.

    Args:
        paths: run folders, folders of runs, or bundles (.zip).
        baseline: the sampler that each row is compared with, as a spec.

    Raises:
        UserError: as `read_records`.
    """
    import pandas as pd

    frames = []
    for table in comparison_tables(_load(paths).cells, baseline):
        frame = frame_of(table.rows)
        for place, (key, value) in enumerate([*table.shared.items(), ("baseline", table.baseline)]):
            frame.insert(place, key, value)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def records_frame(cells: Sequence[Cell]) -> DataFrame:
    """The answers of these cells as a frame; see `read_records`."""
    import pandas as pd

    return pd.DataFrame([_row(cell, record) for cell in cells for record in cell.records])


def write_answers(cells: Sequence[Cell], path: Path) -> None:
    """Write the answers of these cells, as parquet or CSV by the file's suffix.

    Raises:
        UserError: another suffix, or the file cannot be written.
    """
    frame = records_frame(cells)
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv"):
        raise UserError(f"--answers {path}: use a name that ends in .parquet or .csv")
    with atomic_write(path, "name another file") as temporary:
        if suffix == ".parquet":
            frame.to_parquet(temporary)
        else:
            frame.map(spreadsheet_value).to_csv(temporary, index=False)


def _load(paths: Sequence[str | Path]) -> LoadedResults:
    loaded = load_results([user_path(path) for path in paths])
    if loaded.errors:
        raise UserError(loaded.errors[0])
    return loaded


def _row(cell: Cell, record: Record) -> dict[str, Any]:
    return {
        "run": str(cell.run_folder),
        **{key: getattr(cell.settings, key) for key in _OF_CELL},
        **{key: getattr(record, key) for key in _OF_RECORD},
        "picked": list(record.frames),
        "timestamps": list(record.timestamps),
        **{f"group_{name}": value for name, value in record.groups.items()},
        **{f"seconds_{stage}": spent for stage, spent in record.timing.items()},
    }

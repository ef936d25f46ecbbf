"""docs/columns.csv, the columns of a comparison table, and the golden reports.

`python -m tests.write_columns` rewrites all of them.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from tspo_bench.report.columns import COLUMNS

PAGE = Path(__file__).parents[1] / "docs" / "columns.csv"


def columns_csv() -> str:
    """A line for each column: key, heading, definition, and whether it has an interval."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["key", "heading", "definition", "95% interval"])
    for column in COLUMNS:
        interval = "" if column.interval is None else f"{column.key}_low, {column.key}_high"
        writer.writerow([column.key, column.heading, column.help, interval])
    return out.getvalue()


if __name__ == "__main__":
    PAGE.write_text(columns_csv(), encoding="utf-8")
    golden = [sys.executable, "-m", "pytest", "-q", "tests/report/test_columns.py", "-k", "golden"]
    subprocess.run(
        golden, cwd=PAGE.parents[1], env={**os.environ, "UPDATE_GOLDEN": "1"}, check=True
    )

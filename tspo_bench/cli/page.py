"""The page that `tspo-bench report --html` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tspo_bench.cli.progress import Bar
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.report.loading import LoadedResults


def write_page(
    loaded: LoadedResults,
    html: Path,
    curves: str | None,
    tasks: Mapping[str, Any],
    **settings: Any,
) -> str:
    """Write it, with a progress bar; its path as a line.

    Args:
        loaded: what it is about.
        html: its folder.
        curves: folders of agents; commas separate.
        tasks: settings of `RunTasks`.
        settings: of `write_html`.

    Raises:
        UserError: the folder cannot be written.
    """
    from tspo_bench.files import user_path
    from tspo_bench.report.html import TaskSource, write_html
    from tspo_bench.report.run_tasks import RunTasks

    with Bar() as bar:
        page = write_html(
            loaded.cells,
            html,
            source=TaskSource(RunTasks(**tasks)),
            agents=[user_path(part) for part in split_specs(curves or "")],
            on_progress=_Pictures(bar).on_progress,
            notes=loaded.notes,
            errors=loaded.errors,
            **settings,
        )
    return f"{page}\n"


class _Pictures:
    """Shows how many videos' pictures are there, of one question set after the other."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._done = 0

    def on_progress(self, done: int, total: int) -> None:
        """So many videos are done."""
        if done <= self._done or self._done == 0:
            self._bar.start("pictures", total)
            self._done = 0
        while self._done < done:
            self._bar.advance()
            self._done += 1

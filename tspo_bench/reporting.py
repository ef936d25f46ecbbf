"""Reports that show what was asked: `write_report` adds texts and pictures to results."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.bundle import unpack
from tspo_bench.report.comparison import Prices
from tspo_bench.report.html import write_html
from tspo_bench.report.html.page import THUMBNAILS
from tspo_bench.report.run_tasks import RunTasks
from tspo_bench.results import Cell
from tspo_bench.types import Frames, IntArray, Question
from tspo_bench.video import open_video


def write_report(
    cells: Sequence[Cell],
    out: Path,
    *,
    baseline: str = BASELINE,
    prices: Prices | None = None,
    agents: Sequence[Path] = (),
    thumbnails: int = THUMBNAILS,
    title: str | None = None,
    data_root: Path | None = None,
    annotations: Path | None = None,
    trust_tasks: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    notes: Sequence[str] = (),
    errors: Sequence[str] = (),
) -> Path:
    """Write the page of `report.html.write_html`, with the texts and pictures that can be had.

    Args:
        cells: of any number of runs.
        out: the page's folder: new, empty, or an older page, which it takes the place of.
        baseline: the sampler that each row is compared with, as a spec.
        prices: what a server bills.
        agents: folders of training runs, whose curves are shown.
        thumbnails: of each question set, how many questions get pictures of their frames.
        title: of the page; None for "Frame sampler report".
        data_root: where the annotations and videos lie now; None for where the runs had them.
        annotations: likewise.
        trust_tasks: see `RunTasks`.
        on_progress: called with the videos of a question set whose pictures are done, and of all.
        notes: what a reader must know of the cells (`load_results`).
        errors: what could not be read, and is left out.

    Returns:
        The page's path.

    Raises:
        UserError: as `write_html`.
    """
    tasks = RunTasks(data_root=data_root, annotations=annotations, trust_tasks=trust_tasks)
    with _unpacked(cells) as bundles:
        return write_html(
            cells,
            out,
            source=TaskSource(tasks),
            baseline=baseline,
            prices=prices,
            agents=agents,
            thumbnails=thumbnails,
            title=title,
            on_progress=on_progress,
            bundles=bundles,
            notes=notes,
            errors=errors,
        )


@contextlib.contextmanager
def _unpacked(cells: Sequence[Cell]) -> Iterator[dict[Path, Path]]:
    """Where the files of bundles lie while a page is written, by their zip file."""
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        folders: dict[Path, Path] = {}
        for path in dict.fromkeys(cell.run_folder for cell in cells):
            if path.is_file():
                folders[path] = Path(temporary) / str(len(folders))
                unpack(path, folders[path])
        yield folders


class TaskSource:
    """Texts and pictures from the tasks of runs."""

    def __init__(self, tasks: RunTasks) -> None:
        self._tasks = tasks

    def questions(self, cell: Cell) -> Sequence[Question]:
        """See `report.html.QuestionSource`."""
        return self._tasks.load(cell)[1]

    def tolerance(self, cell: Cell) -> float:
        """See `report.html.QuestionSource`."""
        return self._tasks.load(cell)[0].tolerance_seconds

    def frames(self, cell: Cell, video: str, indices: IntArray, short_side: int) -> Frames:
        """See `report.html.QuestionSource`."""
        with open_video(self._tasks.load(cell)[0].video_path(video)) as reader:
            return reader.fetch(indices, short_side=short_side)

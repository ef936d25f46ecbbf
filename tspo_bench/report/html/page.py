"""A report as a folder with one page: `write_html`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from tspo_bench.errors import UserError
from tspo_bench.report.baselines import BASELINE
from tspo_bench.report.bundle import unpack
from tspo_bench.report.by_evidence import by_evidence
from tspo_bench.report.comparison import Prices, comparison_tables
from tspo_bench.report.escape import escape_control
from tspo_bench.report.figures.depth import depth_maps
from tspo_bench.report.figures.training import read_curves
from tspo_bench.report.html.drawing import PageCharts
from tspo_bench.report.html.folder import GENERATOR, PAGE_FILE, PageFolder
from tspo_bench.report.html.leaderboard import Board, board_of
from tspo_bench.report.html.questions import QuestionSet, SetWriter, question_sets
from tspo_bench.report.html.source import TaskSource
from tspo_bench.report.html.thumbnails import write_thumbnails
from tspo_bench.report.titles import disambiguate
from tspo_bench.results import Cell
from tspo_bench.results.environment import package_version
from tspo_bench.tasks.evidence_files import EvidenceFile

if TYPE_CHECKING:
    from jinja2 import Environment

_TITLE = "Frame sampler report"
THUMBNAILS = 300  # questions of each set whose frames are shown


def write_html(
    cells: Sequence[Cell],
    out: Path,
    *,
    source: TaskSource | None = None,
    baseline: str = BASELINE,
    prices: Prices | None = None,
    agents: Sequence[Path] = (),
    thumbnails: int = THUMBNAILS,
    title: str | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    notes: Sequence[str] = (),
    errors: Sequence[str] = (),
    evidence: EvidenceFile | None = None,
) -> Path:
    """Write a page that any browser opens as a file, with all that it shows beside it.

    Args:
        cells: of any number of runs.
        out: the page's folder: new, empty, or an older page, which it takes the place of.
        source: where the questions' texts and pictures come from; None to show neither.
        baseline: the sampler that each row is compared with, as a spec.
        prices: what a server bills.
        agents: folders of training runs, whose curves are shown.
        thumbnails: of each question set, how many questions get pictures of their frames.
        title: of the page; None for "Frame sampler report".
        on_progress: called with the videos of a question set whose pictures are done, and of all.
        notes: what a reader must know of the cells.
        errors: what could not be read, and is left out.
        evidence: the questions' evidence; None for that in the records.

    Returns:
        The page's path.

    Raises:
        UserError: there is no cell, the folder cannot be written or holds something else, or an
            agent has no training log.
    """
    if not cells:
        raise UserError("there is no result to show; name a run's folder with finished cells")
    if thumbnails < 0:
        raise UserError(f"--thumbnails {thumbnails}: give 0 or more")
    logs = [log for agent in agents for log in read_curves(agent)]
    tables = comparison_tables(cells, baseline, prices)
    boards = list(map(board_of, tables))
    found = by_evidence(cells, evidence)
    charts = PageCharts(tables, depth_maps(cells), logs, found)
    sets = question_sets(cells, source)
    with _unpacked(cells) as bundles:
        folder = PageFolder(out)  # from here on an older page is gone
        charts.write(folder)
        for number, asked in enumerate(sets):
            pictures = write_thumbnails(
                folder, asked.cells, asked.ids, source, thumbnails, on_progress
            )
            SetWriter(f"set{number}", asked, pictures, bundles).write(folder)
    folder.copy_assets()
    folder.write(
        PAGE_FILE, _page(title or _TITLE, boards, charts, sets, [*notes, *found.notes], errors)
    )
    return out / PAGE_FILE


@contextlib.contextmanager
def _unpacked(cells: Sequence[Cell]) -> Iterator[dict[Path, Path]]:
    """Unpack bundles while a page is written; yield their folders by their zip file."""
    with tempfile.TemporaryDirectory(prefix="tspo-bench-") as temporary:
        folders: dict[Path, Path] = {}
        for path in dict.fromkeys(cell.run_folder for cell in cells):
            if path.is_file():
                folders[path] = Path(temporary) / str(len(folders))
                unpack(path, folders[path])
        yield folders


def _page(
    title: str,
    boards: Sequence[Board],
    charts: PageCharts,
    sets: Sequence[QuestionSet],
    notes: Sequence[str],
    errors: Sequence[str],
) -> str:
    rows = [line.compared for board in boards for line in board.lines]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            generator=GENERATOR,
            version=package_version("tspo-bench"),
            date=date.today().isoformat(),
            lead=_lead(boards, sets),
            budgets=list(dict.fromkeys(one.row.budget for one in rows)),
            boards=boards,
            kinds=charts.first,
            maps=charts.maps,
            sets=sets,
            set_titles=disambiguate(
                [f"{one.task} ({len(one.ids)})" for one in sets],
                [one.cells[0].settings.to_json() for one in sets],
            ),
            notes=notes,
            errors=errors,
        )
    )


def _lead(boards: Sequence[Board], sets: Sequence[QuestionSet]) -> str:
    """The page's subject in a line."""
    samplers = {line.compared.name for board in boards for line in board.lines}
    models = {board.shared["model"] for board in boards}
    num_questions = sum(len(one.ids) for one in sets)
    counts = ((len(samplers), "sampler"), (len(models), "model"), (len(sets), "question set"))
    parts = [f"{count:,} {noun}{'s' if count != 1 else ''}" for count, noun in counts]
    return f"{', '.join(parts)}; {num_questions:,} questions."


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    templates = resources.files("tspo_bench.report.html") / "templates"
    return Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: escape_control(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""A run at one moment, drawn for the terminal. Control characters in files are escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tspo_bench.cli.progress import duration
from tspo_bench.report.escape import for_terminal
from tspo_bench.report.format import accuracy_text, seconds_text
from tspo_bench.report.live.machine import Gpu, Usage
from tspo_bench.report.live.watching import STOPPED_SECONDS, CellView, View

_GIB = 1 << 30
_BAR = 8
_LEAST_LABEL = 14
_MOST_STAGES = 6
_STYLES = {"running": "green", "finished": "green", "idle": "yellow", "stopped": "red"}


def draw(name: str, view: View, usage: Usage | None, gpus: Sequence[Gpu]) -> RenderableType:
    """State and totals, machine, stages, last errors; the cells last, as there may be many."""
    state = Text(f"{for_terminal(name)}: {view.state}", style=f"bold {_STYLES[view.state]}")
    lines = [_progress(view), *_explained(view), *_machine(view, usage, gpus), *_stages(view)]
    parts: list[RenderableType] = [state, *map(Text, lines)]
    for error in view.recent_errors:
        parts.append(Text(f"{for_terminal(error.what)}: {for_terminal(error.error)}", style="red"))
    if view.cells:
        parts.append(_cells(view.cells))
    return Group(*parts)


def _progress(view: View) -> str:
    said = [f"{view.done} of {view.planned} questions"]
    if view.per_second is not None:
        said.append(f"{view.per_second:.3g} a second")
    if view.seconds_left is not None:
        said.append(f"about {duration(view.seconds_left)} to go")
    if view.waiting:
        pairs = (
            "pair of task and model has" if view.waiting == 1 else "pairs of task and model have"
        )
        said.append(f"{view.waiting} {pairs} not begun")
    return ", ".join(said)


def _explained(view: View) -> Iterator[str]:
    idle = duration(view.idle_seconds)
    if view.state == "idle":
        yield (
            f"no process of this machine writes it; the last line came {idle} ago: a model is "
            "being loaded, another machine works, or it has ended"
        )
    if view.state == "stopped":
        yield (
            f"no process of this machine writes it, and nothing came for {idle}: it was "
            "interrupted or has died, unless another machine takes more than "
            f"{duration(STOPPED_SECONDS)} for a line; the same command resumes it"
        )


def _machine(view: View, usage: Usage | None, gpus: Sequence[Gpu]) -> Iterator[str]:
    """The process's load; if it runs elsewhere, the machine on which the run began."""
    if usage is None:
        named = view.environment.get("gpus")
        found = [str(one) for one in (named if isinstance(named, list) else [])]
        hardware = [str(view.environment.get("cpu") or ""), *found]
        if any(hardware):
            yield for_terminal(f"begun on {', '.join(filter(None, hardware))}")
        return
    machine = f"{usage.machine_memory_used / _GIB:.1f} of {usage.machine_memory / _GIB:.1f} GiB"
    cores = "" if usage.cores is None else f"{usage.cores:.1f} of {usage.num_cores} cores, "
    memory = f"{usage.memory / _GIB:.1f} GiB"
    yield f"process {usage.pid}: {cores}{memory}; the machine: {machine}"
    for gpu in gpus:
        said = [] if gpu.busy is None else [f"{gpu.busy:.0%} busy"]
        if gpu.memory_used is not None and gpu.memory is not None:
            said.append(f"{gpu.memory_used / _GIB:.1f} of {gpu.memory / _GIB:.1f} GiB")
        yield f"{for_terminal(gpu.name)}: {', '.join(said) or 'no figures'}"


def _stages(view: View) -> Iterator[str]:
    if not view.stages:
        return
    shown = list(view.stages.items())[:_MOST_STAGES]
    total = sum(view.stages.values())
    parts = [
        f"{for_terminal(stage)} {seconds_text(seconds)} s ({seconds / total:.0%})"
        for stage, seconds in shown
        if total
    ]
    yield f"a question takes {seconds_text(total)} s: {', '.join(parts)}"


def _cells(cells: Sequence[CellView]) -> Table:
    """A row a cell; the heading has what all cells share."""
    keys = ("task", "model", "sampler", "budget", "seed", "limit")
    rows = [dict(zip(keys, _labels(cell), strict=True)) for cell in cells]
    differing = [key for key in keys if key == "sampler" or len({row[key] for row in rows}) > 1]
    shared = [rows[0][key] for key in ("task", "model", "budget") if key not in differing]
    figures = [_figures(cell) for cell in cells]
    shown = [key for key in figures[0] if any(row[key] for row in figures)]
    table = Table(title=Text(", ".join(shared)) if shared else None, title_justify="left", box=None)
    # Names are folded where the terminal is narrow; figures and other labels never are.
    for key in differing:
        longest = max(len(key), *(len(row[key]) for row in rows))
        folds = key in ("task", "model", "sampler")
        least = min(longest, _LEAST_LABEL) if folds else longest
        table.add_column(key, overflow="fold", min_width=least)
    table.add_column("", width=_BAR)
    for key in shown:
        least = max(len(key), *(len(row[key]) for row in figures))
        table.add_column(key, justify="right", no_wrap=True, min_width=least)
    for row, cell, numbers in zip(rows, cells, figures, strict=True):
        bar = ProgressBar(max(cell.planned or 0, cell.done, 1), cell.done, width=_BAR)
        texts = (numbers[key] for key in shown)
        table.add_row(*(Text(row[key]) for key in differing), bar, *map(Text, texts))
    return table


def _figures(cell: CellView) -> dict[str, str]:
    """A cell's numbers by heading; "" for those that need no mention."""
    return {
        "done": f"{cell.done}" + ("" if cell.planned is None else f"/{cell.planned}"),
        "accuracy": accuracy_text(cell.accuracy, cell.ci95),
        "unparsed": str(cell.unparsed or ""),
        "failed": str(cell.failed or ""),
    }


def _labels(cell: CellView) -> list[str]:
    settings = cell.settings
    tokens, frames = (settings.get(key) for key in ("visual_tokens", "frames"))
    rest = ["" if settings.get(key) is None else settings[key] for key in ("seed", "limit")]
    named = [settings.get(key, "?") for key in ("task", "model", "sampler")]
    budget = f"K={frames}" if tokens is None else f"{tokens} tokens"
    return [for_terminal(str(part)) for part in (*named, budget, *rest)]

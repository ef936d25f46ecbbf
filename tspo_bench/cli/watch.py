"""`tspo-bench watch`: how far a run is, live."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

    from tspo_bench.report.live.watching import View

_SECONDS = 2.0  # from one look to the next


def watch(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    once: Annotated[
        bool,
        typer.Option("--once", help="Print the state once. Default if stdout is not a terminal."),
    ] = False,
) -> None:
    """Show a run's progress, accuracies, errors and load.

    It reads only the run's files, so it works on another machine and after the run.

    It ends when the run is finished, or with Ctrl-C.

    Example: tspo-bench watch runs/films
    """
    from rich.console import Console

    from tspo_bench.cli.watch_view import draw
    from tspo_bench.report.live.machine import Writer, gpus
    from tspo_bench.report.live.watching import Watcher

    writer = Writer()
    watcher = Watcher(run, writer.is_writing)

    def look() -> tuple[View, RenderableType]:
        view = watcher.look()
        usage = writer.usage()
        return view, draw(str(run), view, usage, gpus() if usage else [])

    console = Console()
    if once or not console.is_terminal:
        console.print(look()[1])
    else:
        # Ctrl-C stops no run here, so that nothing need be said of videos under way.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            _follow(console, look)
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGINT, before)


def _follow(console: Console, look: Callable[[], tuple[View, RenderableType]]) -> None:
    """Draw again and again until the run is finished."""
    from rich.live import Live

    view, drawn = look()
    with Live(drawn, console=console, auto_refresh=False) as live:
        while view.state != "finished":
            time.sleep(_SECONDS)
            view, drawn = look()
            live.update(drawn, refresh=True)

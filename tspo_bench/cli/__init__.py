"""The command line: one module a command.

Only typer and rich are imported here, so that `--help` answers at once; the commands import what
they need when they run.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tspo_bench.cli.bundle import bundle
from tspo_bench.cli.console import App, Commands, listen_for_interrupts
from tspo_bench.cli.doctor import doctor
from tspo_bench.cli.encode import encode
from tspo_bench.cli.import_run import import_run
from tspo_bench.cli.list import list_names
from tspo_bench.cli.recall import recall
from tspo_bench.cli.report import report
from tspo_bench.cli.rescore import rescore
from tspo_bench.cli.run import EXAMPLE as RUN_EXAMPLE
from tspo_bench.cli.run import run
from tspo_bench.cli.select import select
from tspo_bench.cli.show import show
from tspo_bench.cli.train import train
from tspo_bench.cli.watch import watch

app = App(
    name="tspo-bench",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich takes twice as long to start as all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(asked: bool) -> None:
    if asked:
        from tspo_bench import __version__

        typer.echo(f"tspo-bench {__version__}")
        raise typer.Exit


@app.callback()
def tspo_bench(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Which frames of a long video should a multimodal LLM see? Compare frame samplers."""


app.command(epilog=RUN_EXAMPLE)(run)
app.command()(train)
app.command()(select)
app.command()(recall)
app.command()(encode)
app.command("import")(import_run)
app.command()(report)
app.command()(bundle)
app.command()(rescore)
app.command()(show)
app.command("list")(list_names)
app.command()(doctor)
app.command()(watch)


def main() -> None:
    """The entry point of `tspo-bench`."""
    listen_for_interrupts()
    app()

"""Shared by the commands: exit codes, errors in one line, only results on stdout."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from tspo_bench.cli.panels import set_panels
from tspo_bench.errors import TspoBenchWarning, UserError

if TYPE_CHECKING:
    from rich.console import RenderableType

EXIT_MISTAKE = 2
EXIT_FAILURES = 3
EXIT_CLOSED_PIPE = 141  # 128 + SIGPIPE
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count

_HOW_TO_RESUME = {
    "run": "finished work is kept, and the same command resumes",
    "encode": "finished work is kept, and the same command resumes",
}

# Commands of earlier versions.
_MOVED = {
    "locate": "recall",
    "submit": "bundle",
    "check-entry": "rescore",
    "compare-samplers": "run --sampler all, then: tspo-bench report RUN --budget-curves DIR",
    "verify-baseline": "report RUN --published",
    "export-submission": "report RUN --submission FILE",
}


class App(typer.Typer):
    """An app whose commands get paths with `~` as the home folder, also where no shell saw it."""

    def command(self, *arguments: Any, **settings: Any) -> Callable[[Any], Any]:
        """See `typer.Typer.command`."""
        register = super().command(*arguments, cls=_Command, **settings)
        return lambda function: register(_with_home(function))


class _Command(TyperCommand):
    """A command whose lists add up: `--sampler a --sampler b` is `--sampler a,b`.

    Lists are the options whose help speaks of commas.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show the options in panels; brackets in texts are options of specs, not markup."""
        from rich.markup import escape

        self.rich_markup_mode = "rich"
        for one in [self, *self.params]:
            if isinstance(one, TyperCommand | TyperOption | TyperArgument):
                one.help = escape(one.help or "")
        super().format_help(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        with_help = [(one, getattr(one, "help", None) or "") for one in self.params]
        lists = {name for one, text in with_help if "commas" in text for name in one.opts}
        joined: list[str] = []
        places: dict[str, int] = {}  # of each list's value in `joined`
        words = iter(args)
        for word in words:
            option, equals, value = word.partition("=")
            if option not in lists:
                joined.append(word)
                continue
            given = value if equals else next(words, None)
            if given is None:  # a mistake that the parser names
                joined.append(word)
            elif option in places:
                joined[places[option]] += f",{given}"
            else:
                joined += [option, given]
                places[option] = len(joined) - 1
        return super().parse_args(ctx, joined)


def _with_home(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(**given: Any) -> Any:
        return function(**{name: _at_home(value) for name, value in given.items()})

    return called


def _at_home(value: Any) -> Any:
    from tspo_bench.files import user_path

    if isinstance(value, list):
        return [_at_home(one) for one in value]
    return user_path(value) if isinstance(value, Path) else value


class Commands(TyperGroup):
    """The commands: a user's mistake ends in one line on stderr, a bug in a traceback."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Find a command, its options in panels."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            set_panels(command.params)
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; one of an earlier version is answered by its new name."""
        if now := _MOVED.get(args[0]):
            say(f"tspo-bench {args[0]} is now: tspo-bench {now}")
            raise typer.Exit(EXIT_MISTAKE)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            with _warnings_in_one_line():
                return super().invoke(ctx)
        except BrokenPipeError:  # of `report ... | head`
            _drop_output()
            raise typer.Exit(EXIT_CLOSED_PIPE) from None
        except typer.BadParameter as error:
            if (words := _worded(error)) is None:
                raise
            say(f"error: {words}")
            raise typer.Exit(EXIT_MISTAKE) from None
        except UserError as error:
            say(f"error: {' '.join(str(error).split())}")
            raise typer.Exit(EXIT_MISTAKE) from None
        except KeyboardInterrupt as interrupt:
            how = str(interrupt) or _HOW_TO_RESUME.get(ctx.invoked_subcommand or "")
            say(f"interrupted; {how}" if how else "interrupted")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _worded(error: typer.BadParameter) -> str | None:
    """The message for a value that typer rejects by pydantic; None for other mistakes."""
    from pydantic import ValidationError

    from tspo_bench.registry import did_you_mean
    from tspo_bench.validation import problem

    if not isinstance(error.__cause__, ValidationError) or error.param is None:
        return None
    found = error.__cause__.errors(include_url=False)[0]
    name = max(error.param.opts, key=len)
    if found["type"] != "value_error":
        return f"{name} {problem(found)}"
    known = re.findall(r"'([^']*)'", found["msg"].partition("is not one of")[2])
    hint = did_you_mean(str(found["input"]), known)
    return f"unknown {name} {found['input']!r}: {hint}known: {', '.join(known)}"


def _drop_output() -> None:
    """Let nothing more be written: Python flushes at its end, which would fail once more."""
    with contextlib.suppress(OSError, ValueError):  # a stream that is not a file
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """While the block works, the package's warnings are lines on stderr, each said once."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", TspoBenchWarning)
        others = warnings.showwarning

        def in_one_line(
            message: Warning | str, category: type[Warning], *where: Any, **how: Any
        ) -> None:
            if issubclass(category, TspoBenchWarning):
                say(f"warning: {' '.join(str(message).split())}")
            else:
                others(message, category, *where, **how)

        warnings.showwarning = in_one_line
        yield


def listen_for_interrupts() -> None:
    """Let Ctrl-C wait for the videos under way, and a second one for nothing.

    Leaving at once is safe: records are flushed one by one, and other files are written whole.
    """

    def first(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, second)
        # Not `say`: the signal may have come in the middle of another write.
        os.write(2, b"\nstopping after the work under way; Ctrl-C again stops at once\n")
        raise KeyboardInterrupt

    def second(signum: int, frame: FrameType | None) -> None:
        os._exit(EXIT_INTERRUPTED)

    signal.signal(signal.SIGINT, first)


def say(line: str) -> None:
    """Print a line on stderr, its control characters escaped."""
    from tspo_bench.report.escape import MOST_OF_NOTE, for_terminal

    typer.echo(for_terminal(line, MOST_OF_NOTE), err=True)


def show(*parts: RenderableType, on_stderr: bool = False) -> None:
    """Print tables and texts on stdout, or stderr."""
    from rich.console import Console

    class PipeConsole(Console):
        def on_broken_pipe(self) -> None:  # rich's own ends with exit code 1
            raise BrokenPipeError

    console = PipeConsole(stderr=on_stderr)
    for part in parts:
        console.print(part)


def show_json(content: Mapping[str, Any]) -> None:
    """Print one object on stdout."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


@contextlib.contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """While the block works, what libraries and a user's own classes print goes to stderr.

    transformers' bars and warnings, which say nothing of the run, are off unless the environment
    asks for them. These variables are read when it is imported, which a command may not need.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with contextlib.redirect_stdout(sys.stderr):
        yield

"""`tspo-bench list`: the names of tasks, samplers and models; the runs in a folder."""

from __future__ import annotations

import enum
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import show, show_json
from tspo_bench.errors import UserError
from tspo_bench.registry import import_object

if TYPE_CHECKING:
    from rich.table import Table

    from tspo_bench.registry import Card

_NOT_OPTIONS = {"seed", "question_ids"}  # given by the run


class Kind(enum.StrEnum):
    """The kinds that can be listed."""

    TASKS = "tasks"
    SAMPLERS = "samplers"
    MODELS = "models"
    RUNS = "runs"


def list_names(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    folder: Annotated[
        Path, typer.Argument(help="With runs: the folder in and below which they are.")
    ] = Path("runs"),
    json: options.Json = False,
) -> None:
    """List the names of tasks, samplers or models, or the runs in a folder.

    Example: tspo-bench list samplers
    """
    if kind is Kind.RUNS:
        from tspo_bench.cli.list_runs import runs_below, runs_table

        runs = runs_below(folder)
        if json:
            show_json({"runs": runs})
        else:
            show(runs_table(runs))
        return
    cards = _cards(kind)
    describe = _sampler if kind is Kind.SAMPLERS else _entry
    entries = [describe(card) for card in cards.values()]
    if json:
        show_json({kind.value: entries})
        return
    show(_table(entries))
    typer.echo(_BESIDE[kind])


_BESIDE = {
    Kind.TASKS: "Also: an annotation file (.json, .jsonl, .csv, .tsv), a card's path, pkg.mod:Name",
    Kind.SAMPLERS: "Also: a card's path, pkg.mod:Name. Options in brackets: aks[t1=0.8,depth=5]",
    Kind.MODELS: "Also: a checkpoint's folder, a hub id (owner/name), pkg.mod:Name",
}


def _cards(kind: Kind) -> dict[str, Card]:
    if kind is Kind.TASKS:
        from tspo_bench.tasks import registry
    elif kind is Kind.SAMPLERS:
        from tspo_bench.samplers import registry
    else:
        from tspo_bench.mllms import registry
    return registry.cards()


def _entry(card: Card) -> dict[str, Any]:
    said = card.description if card.problem is None else f"cannot be used: {card.problem}"
    return {"name": card.name, "description": said, "class": card.target}


def _sampler(card: Card) -> dict[str, Any]:
    """A sampler's entry, with what its class says of it."""
    without = {**_entry(card), "needs": [], "options": {}, "tuned_for": card.tuned_for}
    if card.problem is not None:
        return without
    try:  # one broken plugin must not hide the others
        cls = import_object("sampler", card.target)
        parameters, needs = inspect.signature(cls).parameters, sorted(cls.needs)
    except (UserError, AttributeError, TypeError, ValueError) as error:
        return {**without, "description": f"cannot be used: {error}"}
    chosen = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in _NOT_OPTIONS
    } | dict(card.options)
    shown = {k: None if v is inspect.Parameter.empty else v for k, v in chosen.items()}
    return {**_entry(card), "needs": needs, "options": shown, "tuned_for": card.tuned_for}


def _table(entries: list[dict[str, Any]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("description")
    is_samplers = "needs" in entries[0]
    for heading in ("needs", "options") if is_samplers else ():
        table.add_column(heading)
    for entry in entries:
        tuned = f" (tuned for {entry['tuned_for']})" if entry.get("tuned_for") else ""
        cells = [entry["name"], entry["description"] + tuned]
        if is_samplers:
            given = [k if v is None else f"{k}={v}" for k, v in entry["options"].items()]
            cells += [", ".join(entry["needs"]) or "nothing", ", ".join(given)]
        table.add_row(*map(Text, cells))
    return table

"""Runs read from disk. Files may come from anywhere, so everything in them is checked first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tspo_bench.errors import UserError
from tspo_bench.results.cell import (
    OTHER_FOLDER,
    OWN_SCORES_FILE,
    RECORDS_FILE,
    Cell,
    OwnScores,
)
from tspo_bench.results.records import read_whole_lines, shortened
from tspo_bench.types import Record

FORMAT = 1
RUN_FILE = "run.json"
_FEW_RUNS = 5  # that a message names
MOST = 10**12  # whole numbers of a run are smaller
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=,+-]*")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


def _is_figure(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < MOST  # not of NaN either


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_seeds(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_number, value)))


def _is_scoring(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    values = value.get("values", [])
    return (
        value.get("average") in ("micro", "macro")
        and value.get("unparsed") in ("wrong", "dropped")
        and _is_text_or_none(value.get("over"))
        and (value["average"] == "micro" or value.get("over") is not None)
        and isinstance(values, list)
        and all(map(_is_text, values))
    )


# What reports rely on, in the settings of every cell and where it is there.
_ALWAYS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("task", "sampler", "model", "protocol"), _is_text),
    "frames": _is_number_or_none,  # None: as many as a number of visual tokens allows
}
_WHERE_THERE: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("protocol_hash", "answer", "questions", "model_id"), _is_text_or_none),
    **dict.fromkeys(("encoder_id", "macro", "tuned_for", "code"), _is_text_or_none),
    **dict.fromkeys(("seed", "limit", "visual_tokens"), _is_number_or_none),
    "num_questions": _is_number,
    "sampler_settings": _is_mapping,
    "scoring": _is_scoring,
}
# And in each of a run's commands.
_OF_COMMAND: Mapping[str, Callable[[Any], bool]] = {
    "command": _is_texts,
    **dict.fromkeys(("settings", "environment"), _is_mapping),
}
_OF_COMMANDS_SETTINGS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("tasks", "models"), _is_texts),
    **dict.fromkeys(("data_root", "annotations", "out", "split", "device"), _is_text_or_none),
    "seeds": _are_seeds,
}


def read_run(path: Path) -> list[Cell]:
    """The cells of a run, in the order in which they were added.

    Raises:
        UserError: the folder is no run, or one of its cells is broken.
    """
    cells = []
    for cell in read_cells(path):
        if isinstance(cell, UserError):
            raise cell
        cells.append(cell)
    return cells


def read_cells(path: Path) -> Iterator[Cell | UserError]:
    """As `read_run`, with what is wrong with a cell in its place.

    Raises:
        UserError: the folder is no run.
    """
    check_is_run(path)
    content = read_run_file(path / RUN_FILE)
    on_cuda = _ran_on_cuda(content)
    for slug, settings in content["cells"].items():
        try:
            yield _read_cell(path, slug, settings, on_cuda)
        except UserError as error:
            yield error


def check_is_run(path: Path) -> None:
    """Refuse what is no run's folder, with the runs below it, as it may be a folder of runs.

    Raises:
        UserError: it has no run.json.
    """
    if (path / RUN_FILE).is_file():
        return
    below = sorted(file.parent.name for file in path.glob(f"*/{RUN_FILE}"))
    some = ", ".join(below[:_FEW_RUNS]) + (", ..." if len(below) > _FEW_RUNS else "")
    way_out = f"name one of the runs in it: {some}" if below else "name the folder given as --out"
    raise UserError(f"{path} is no run: it has no {RUN_FILE}; {way_out}")


def read_run_file(path: Path) -> dict[str, Any]:
    """The content of a run.json: a list of `commands`, and the settings of its `cells`.

    Raises:
        UserError: it cannot be read, or is no such file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON: {error}; {OTHER_FOLDER}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(
            f"{path} is no run of format {FORMAT}, the one this version of tspo-bench reads; "
            f"{OTHER_FOLDER}"
        )
    for key, kind in (("commands", list), ("cells", dict)):
        if not isinstance(content.get(key), kind):
            raise UserError(f"{path}: {key!r} is no {kind.__name__}; {OTHER_FOLDER}")
    for number, command in enumerate(content["commands"], start=1):
        if broken := _broken_key(command):
            raise UserError(
                f"{path}: {broken!r} of command {number} is not what a run writes; {OTHER_FOLDER}"
            )
    return content


def _broken_key(command: Any) -> str | None:
    """What of a command cannot be read; what older runs did not write down may be missing."""
    if not isinstance(command, dict):
        return "commands"
    told = [(command, _OF_COMMAND), (command.get("settings", {}), _OF_COMMANDS_SETTINGS)]
    for content, checks in told:
        for key, check in checks.items():
            if key in content and not check(content[key]):
                return key
    return None


def _ran_on_cuda(content: Mapping[str, Any]) -> bool:
    """Whether every command of a run saw a GPU, and none was told to use something else."""
    commands = content["commands"]
    return bool(commands) and all(map(_saw_cuda, commands))


def _saw_cuda(command: Mapping[str, Any]) -> bool:
    device = command.get("settings", {}).get("device") or "cuda"
    return bool(command.get("environment", {}).get("gpus")) and device.startswith("cuda")


def _read_cell(run: Path, slug: str, settings: Any, on_cuda: bool) -> Cell:
    if not _SLUG.fullmatch(slug):
        raise UserError(f"{run / RUN_FILE}: {shortened(slug)} is no cell's folder; remove it there")
    folder = run / slug
    _check_settings(folder, settings)
    path = folder / RECORDS_FILE
    records: list[Record] = []
    is_cut = False
    if path.exists():
        records, num_bytes = read_whole_lines(path)
        is_cut = num_bytes < path.stat().st_size
    _check_records(path, records, settings)
    return Cell(settings, records, folder, _read_own_scores(folder), is_cut, on_cuda)


def _check_settings(folder: Path, settings: Any) -> None:
    if not isinstance(settings, dict):
        raise UserError(f"{folder.parent / RUN_FILE}: cell {folder.name} has no settings")
    if key := bad_setting(settings):
        raise UserError(
            f"{folder.parent / RUN_FILE}: cell {folder.name} has {key} "
            f"{shortened(settings.get(key))}, which no run writes; start the cell over with --fresh"
        )


def bad_setting(settings: Mapping[str, Any]) -> str | None:
    """The first of a cell's settings that could not be read again; None where all can."""
    for checks, is_needed in ((_ALWAYS, True), (_WHERE_THERE, False)):
        for key, check in checks.items():
            if (key in settings or is_needed) and not check(settings.get(key)):
                return key
    has_budget = (settings["frames"], settings.get("visual_tokens")) != (None, None)
    return None if has_budget else "frames"


def _check_records(path: Path, records: list[Record], settings: Mapping[str, Any]) -> None:
    """Refuse records that the cell's settings cannot have made.

    Raises:
        UserError: one was asked by another protocol or answering mode, or there are too many.
    """
    protocol, answer = None, settings.get("answer")
    if settings.get("protocol_hash"):
        protocol = f"{settings['protocol']}#{settings['protocol_hash']}"
    for record in records:
        if answer is not None and record.mode != answer:
            found = f"{record.mode!r} in place of {answer!r}"
        elif protocol is not None and record.protocol not in (None, protocol):
            found = f"{shortened(record.protocol)} in place of {shortened(protocol)}"
        else:
            continue
        raise UserError(
            f"{path} holds records of two settings: question {shortened(record.question_id)} was "
            f"asked by {found}; remove those that are not the cell's, or start over with --fresh"
        )
    planned = settings.get("num_questions")
    if planned is not None and len(records) > planned:
        raise UserError(
            f"{path} holds records of two settings: {len(records)} questions, of which the cell "
            f"asked {planned}; remove those that are not its own, or start over with --fresh"
        )


def _read_own_scores(folder: Path) -> OwnScores | None:
    path = folder / OWN_SCORES_FILE
    try:
        scores = OwnScores(**json.loads(path.read_text(encoding="utf-8")))
        _check_own_scores(scores)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise UserError(
            f"cannot read {path}: {error}; remove it, and run the same command again"
        ) from error
    return scores


def _check_own_scores(scores: OwnScores) -> None:
    if scores.headline is not None and not _is_figure(scores.headline):
        raise ValueError(f"headline {shortened(scores.headline)} is no number")
    if not _is_mapping(scores.figures):
        raise ValueError(f"figures {shortened(scores.figures)} are no JSON object")
    for name, figure in scores.figures.items():
        if not _is_figure(figure):
            raise ValueError(f"figure {shortened(name)} is {shortened(figure)}, no number")

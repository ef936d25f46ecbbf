"""A run by hand, and bundles of it with other contents."""

from __future__ import annotations

import dataclasses
import functools
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.report.support import record
from tspo_bench.report.bundle import MANIFEST, write_archive
from tspo_bench.results import RunDirectory
from tspo_bench.tasks import digest_of, load_task
from tspo_bench.types import Record

HAYSTACK = "haystack[length=1min,split=val,videos=20]"
SLUG = "haystack--uniform--m--k2"
Change = Callable[[dict[str, bytes]], None]

load = functools.cache(load_task)


def settings_of(spec: str = HAYSTACK, **changes: Any) -> dict[str, Any]:
    task = load(spec)
    rules = task.rules
    return {
        "task": task.label,
        "sampler": "uniform",
        "model": "m",
        "frames": 2,
        "protocol": rules.title,
        "protocol_hash": rules.digest,
        "scoring": {"average": "micro", "over": None, "values": [], "unparsed": "wrong"},
        "num_questions": len(task.questions()),
        "questions": digest_of(task.questions()),
        **changes,
    }


def haystack_records() -> list[Record]:
    """All of the task's questions answered in turns: a letter, an option's text, nonsense."""
    records = []
    for number, question in enumerate(load(HAYSTACK).questions()):
        letter = "ABCD"[number % 4]
        replies = (f"The answer is {letter}.", question.options[number % 4], "no idea")
        reply = replies[number % 3]
        said = None if reply == "no idea" else letter
        changes: dict[str, Any] = {
            "question_id": question.id,
            "video": question.video,
            "groups": dict(question.groups),
            "gold": question.answer,
            "letter": said,
            "status": "ok" if said else "unparsed",
            "reply": reply,
        }
        records.append(record(number, said == question.answer, **changes))
    failed = {"status": "decode_error", "letter": None, "correct": False, "reply": None}
    records[7] = dataclasses.replace(records[7], error="broken", **failed)
    return records


def written(
    folder: Path, records: Sequence[Record], settings: Mapping[str, Any], **run: Any
) -> Path:
    command = ("tspo-bench", "run")
    directory = RunDirectory(folder, command=command, settings={"tasks": [HAYSTACK], **run})
    with directory.open_cell(SLUG, dict(settings)) as writer:
        for one in records:
            writer.append(one)
    return folder


def changed(bundle: Path, path: Path, change: Change) -> Path:
    """A copy of a bundle with other files and hashes to them."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != MANIFEST}
    change(files)
    write_archive(path, files, {"tspo_bench": "0.1.0"})
    return path


def with_settings(**changes: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        content = json.loads(files["run.json"])
        content["cells"][SLUG] |= changes
        files["run.json"] = json.dumps(content).encode()

    return change


def with_record(number: int, **changes: Any) -> Change:
    def change(files: dict[str, bytes]) -> None:
        lines = files[f"{SLUG}/records.jsonl"].decode().splitlines()
        lines[number] = json.dumps(json.loads(lines[number]) | changes)
        files[f"{SLUG}/records.jsonl"] = "".join(f"{line}\n" for line in lines).encode()

    return change

"""`tspo-bench doctor`: the machine, and which of a task's videos can be used."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Cli
from tspo_bench.files import cache_folder


def test_the_machine(cli: Cli) -> None:
    (cache_folder("features") / "some").write_bytes(bytes(1_500_000))
    done = cli("doctor", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert found["packages"]["torch"] == torch.__version__.partition("+")[0]
    assert set(found["decoders"]) == {"pyav", "decord", "ffmpeg"}
    assert found["cache"] == {"folder": str(cache_folder(".")), "bytes": 1_500_000}
    text = cli("doctor")
    assert text.code == 0
    assert "1.5 MB" in text.out
    assert f"pyav {found['decoders']['pyav']}" in text.out


def test_the_cache_is_listed_and_pruned(cli: Cli) -> None:
    for name, size, days in (("new", 3_000_000, 1), ("old", 2_000_000, 40)):
        path = cache_folder("features/clip") / name
        path.write_bytes(bytes(size))
        os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    done = cli("doctor", "--cache")
    assert "5.0 MB       2 files  features/clip" in done.out
    found = json.loads(cli("doctor", "--cache", "--prune", "30", "--json").out)
    assert found["folders"] == {"features/clip": {"files": 1, "bytes": 3_000_000}}
    assert found["removed"] == {"files": 1, "bytes": 2_000_000}
    assert (cache_folder("features/clip") / "new").is_file()
    assert "--prune must be >= 0" in cli("doctor", "--cache", "--prune", "-1").error
    assert "--prune: no effect without --cache" in cli("doctor", "--prune", "1").error


@pytest.mark.usefixtures("films")
def test_a_whole_task(cli: Cli) -> None:
    done = cli("doctor", "--task", "films.jsonl")
    assert done.code == 0
    assert "task films: 3 questions, 2 videos" in done.out
    assert "found      2" in done.out
    assert "probe: 2/2 in" in done.err


def test_what_is_missing(cli: Cli, films: Path) -> None:
    films.write_text(films.read_text() + '\n{"video": "film.mp4"}')
    films.with_name("film.mp4").write_bytes(b"no video" * 100)
    films.with_name("short.mp4").unlink()
    done = cli("doctor", "--task", "films.jsonl", "--json")
    assert done.code == 3
    task = json.loads(done.out)["task"]
    assert (task["questions"], task["videos"], task["found"]) == (3, 2, 0)
    assert list(task["missing"]) == ["short.mp4"]
    assert list(task["unreadable"]) == ["film.mp4"]
    assert sorted(task["affected_questions"]) == ["dog", "hat", "pan"]
    assert len(task["skipped"]) == 1
    text = cli("doctor", "--task", "films.jsonl")
    assert text.code == 3
    for said in (
        "missing    1",
        "short.mp4 not found under",
        "unreadable 1",
        "3 questions are affected",
        "annotations left out: 1",
        "films.jsonl line 4",
    ):
        assert said in text.out


def test_only_the_first_few_are_named(cli: Cli) -> None:
    lines = [
        {"video": f"v{i}.mp4", "question": "?", "options": ["x", "y"], "answer": "A"}
        for i in range(8)
    ]
    Path("many.jsonl").write_text("\n".join(map(json.dumps, lines)))
    out = cli("doctor", "--task", "many.jsonl").out
    assert "v4.mp4 not found" in out
    assert "v5.mp4" not in out
    assert "  and 3 more" in out


@pytest.mark.slow
def test_haystack_is_made_on_demand(cli: Cli) -> None:
    done = cli("doctor", "--task", "haystack", "--json")
    assert done.code == 0
    task = json.loads(done.out)["task"]
    assert task["made_on_demand"]
    assert task["questions"] >= 600
    assert not list(cache_folder(".").rglob("*.mp4"))
    assert "videos are made when a run needs them" in cli("doctor", "--task", "haystack").out


def test_unknown_task(cli: Cli) -> None:
    done = cli("doctor", "--task", "mlvuu")
    assert done.code == 2
    assert "did you mean 'mlvu'" in done.error


def test_real_annotations_without_videos(cli: Cli, real_data: Path, tmp_path: Path) -> None:
    annotations = str(real_data / "annotations" / "longvideobench_val.json")
    args = ("--annotations", annotations, "--data-root", str(tmp_path), "--json")
    done = cli("doctor", "--task", "longvideobench", *args)
    assert done.code == 3
    task = json.loads(done.out)["task"]
    assert (task["questions"], task["videos"], len(task["missing"])) == (1337, 753, 753)


def test_files_that_vanish_from_the_cache_meanwhile(
    cli: Cli, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    (cache / "stays").write_bytes(bytes(100))
    (cache / "goes").write_bytes(bytes(1000))
    walk = os.walk

    def slow_walk(folder: Path, *more: bool) -> Iterator[tuple[str, list[str], list[str]]]:
        for entry in walk(folder, *more):
            (cache / "goes").unlink(missing_ok=True)
            yield entry

    monkeypatch.setattr(os, "walk", slow_walk)
    done = cli("doctor", "--json")
    assert done.code == 0
    assert json.loads(done.out)["cache"]["bytes"] == 100

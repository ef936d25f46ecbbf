"""`tspo-bench encode`: the store filled ahead of time, in shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tspo_bench.features import FeatureStore, load_encoder

ENCODE = ("encode", "--task", "films.jsonl")


def stored() -> set[str]:
    """Which of the two videos the store has."""
    store, encoder = FeatureStore(), load_encoder("reference")
    names = ("film.mp4", "short.mp4")
    return {name for name in names if store.path(Path(name), encoder).exists()}


@pytest.mark.usefixtures("films")
def test_shards_share_the_videos_out(cli: Cli) -> None:
    first = cli(*ENCODE, "--shard", "1/2")
    assert (first.code, stored()) == (0, {"film.mp4"})
    assert first.out.startswith("videos: 1 encoded, 0 there before, 0 failed; 5 frames in ")
    assert cli(*ENCODE, "--shard", "2/2").code == 0
    assert stored() == {"film.mp4", "short.mp4"}
    again = cli(*ENCODE)
    assert again.out.startswith("videos: 0 encoded, 2 there before, 0 failed; 7 frames in ")


@pytest.mark.usefixtures("films")
def test_limit_and_rate(cli: Cli) -> None:
    # The fixed shuffle's first question is about one of the videos.
    assert cli(*ENCODE, "--limit", "1", "--candidate-fps", "5").code == 0
    store, encoder = FeatureStore(), load_encoder("reference")
    names = ("film.mp4", "short.mp4")
    assert sum(store.path(Path(name), encoder, 5.0).exists() for name in names) == 1
    assert stored() == set()


def test_broken_videos_are_named_at_the_end(cli: Cli, films: Path) -> None:
    films.with_name("film.mp4").write_bytes(b"no video" * 100)
    films.with_name("short.mp4").unlink()
    done = cli(*ENCODE)
    assert done.code == 3
    assert done.out.startswith("videos: 0 encoded, 0 there before, 2 failed")
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert any("film.mp4" in line for line in errors)
    assert any("short.mp4 not found" in line for line in errors)


@pytest.mark.usefixtures("films")
def test_a_run_reads_what_was_encoded(cli: Cli) -> None:
    def written() -> dict[Path, int]:
        files = FeatureStore().root.rglob("*.safetensors")
        return {path: path.stat().st_mtime_ns for path in files}

    assert cli(*ENCODE).code == 0
    before = written()
    assert len(before) == 2
    assert cli("run", "--task", "films.jsonl", "--sampler", "aks", "--model", ALWAYS_A).code == 0
    assert written() == before


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0", "-1/2"])
def test_shards_count_from_one(cli: Cli, shard: str) -> None:
    done = cli(*ENCODE, "--shard", shard)
    assert done.code == 2
    assert "write 1/4 for the first of four" in done.error

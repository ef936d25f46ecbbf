"""`tspo-bench encode`: the store filled ahead of time, in shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.own import ALWAYS_A
from tests.support import make_video
from tests.training.support import line, write_lines
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.training.tspo10k import TSPO10K
from tspo_bench.types import Features

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


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Two videos, one bad one, and a line about each; each video is a distractor too."""
    for name, length, width in (("a", 55, 160), ("b", 20, 176)):
        make_video(tmp_path / f"{name}.mp4", length * 4, rate=4, width=width)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    lines = [line("a.mp4"), line("b.mp4", type="specific"), line("bad.mp4"), line("gone.mp4")]
    return write_lines(tmp_path / "data.jsonl", *lines)


def test_training_data_are_encoded_as_training_reads_them(
    cli: Cli, training: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("encode", "--data", "data.jsonl", "--video-root", ".")
    first = cli(*words)
    assert first.code == 3
    # 55 frames of a at one a second, 80 of b (all: 128 of 80), 50 of a in the size of b.
    assert first.out.startswith("items: 2 ready, 1 failed; 185 frames encoded into ")
    assert "1 of 4 training questions are left out (1 video not found); the first: li" in first.err
    assert "error: line 3: video " in first.err
    assert cli(*words, "--shard", "1/1").out.startswith("items: 2 ready, 1 failed; 0 frames")
    encoder = load_encoder("reference")

    def forbidden(pixels: object) -> Features:
        raise AssertionError("a frame is encoded again")

    monkeypatch.setattr(encoder, "encode_frames", forbidden)
    data = TSPO10K(training, training.parent, encoder, FeatureStore())
    assert len(data.episode(0, 0).features) == 55
    assert len(data.episode(1, 0).features) in (650, 700, 750, 800)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "give --task, or the training data with --data"),
        (("--data", "data.jsonl"), "give the folder of its videos with --video-root"),
        (("--data", "d", "--video-root", ".", "--task", "x"), "--task: no effect with --data"),
        (
            ("--data", "d", "--video-root", ".", "--candidates", "time", "--only-present"),
            "--only-present, --candidates: no effect with --data",
        ),
        (("--task", "films.jsonl", "--video-root", "."), "--video-root: no effect without --data"),
        (("--data", "none.jsonl", "--video-root", "."), "none.jsonl"),
        (("--data", "data.jsonl", "--video-root", "none"), "video root none is not a folder"),
    ],
)
def test_mistakes_with_training_data(given: tuple[str, ...], said: str, cli: Cli) -> None:
    done = cli("encode", *given)
    assert done.code == 2
    assert said in done.error

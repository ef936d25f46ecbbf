"""The reference models are warned about on films, by every call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import tspo_bench
from tests.cli.conftest import Result
from tests.evaluation.support import READER
from tests.training.support import line, make_videos, write_lines
from tspo_bench.errors import TspoBenchWarning
from tspo_bench.features import load_encoder
from tspo_bench.features.checkpoint import packaged_checkpoint
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.training.settings import train_config
from tspo_bench.training.train import load_data

KNOWS = "the reference encoder knows the built-in pictogram world alone: on "


def said(call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    assert all(one.filename == __file__ for one in found if one.category is TspoBenchWarning)
    return [str(one.message) for one in found if one.category is TspoBenchWarning]


@pytest.mark.slow
@pytest.mark.parametrize("encoder", [None, "reference", "path", "object"])
def test_every_call_that_searches_films_with_it(
    encoder: str | None, questions: Path, tmp_path: Path
) -> None:
    given = {"path": str(packaged_checkpoint("encoder")), "object": load_encoder("reference")}
    name = given.get(encoder or "", encoder)
    film = film_of(questions)
    (one,) = said(lambda: tspo_bench.select_frames(film, "Where?", "aks", 2, encoder=name))
    assert one.startswith(f"{KNOWS}{film.name} scores are meaningless")
    assert one.endswith("set --encoder (in Python encoder=)")
    if encoder == "object":
        return
    out, task = tmp_path, str(questions)
    calls = (
        lambda: tspo_bench.evaluate(task, "aks", READER, 2, encoder=name, limit=1, out=out / "a"),
        lambda: tspo_bench.recall(task, "aks", 2, encoder=name, limit=3),
        lambda: tspo_bench.select_task(task, out / "s.json", "aks", 2, encoder=name, limit=1),
    )
    for call in calls:
        (one,) = said(call)
        assert one.startswith(f"{KNOWS}{questions.stem} scores are meaningless")


def film_of(questions: Path) -> Path:
    import json

    return Path(json.loads(questions.read_text().splitlines()[0])["video"])


def test_not_where_it_is_at_home_or_not_used(questions: Path, clip: Path, tmp_path: Path) -> None:
    task = HaystackTask(length="1min", videos=1)
    video = task.video_path(task.questions()[0].video)
    film = film_of(questions)
    calls = (
        lambda: tspo_bench.select_frames(video, "Where?", "aks", 2),
        lambda: tspo_bench.select_frames(film, "Where?", "uniform", 2),
        lambda: tspo_bench.select_frames(film, "Where?", "aks", 2, encoder=str(clip)),
        lambda: tspo_bench.recall(task.label, "aks", 2, limit=1),
        lambda: tspo_bench.evaluate(
            str(questions), "uniform", READER, 2, limit=1, out=tmp_path / "r"
        ),
    )
    assert [said(call) for call in calls] == [[]] * 5


@pytest.mark.slow
def test_training_on_films_with_it(questions: Path, tmp_path: Path) -> None:
    """TSPO-10K's files and tasks of films; the built-in task is what it is for."""
    videos = tmp_path / "videos"
    videos.mkdir()
    make_videos(videos)
    data = write_lines(tmp_path / "data.jsonl", line("a.mp4"))
    encoder = load_encoder("reference")
    films = {"data": data, "video_root": videos}, {"task": str(questions)}
    configs = [train_config("tspo", tmp_path, **given, frames=2) for given in films]
    at_home = train_config("tspo", tmp_path, task="haystack[length=1min]", num_videos=1)
    (first,), (second,), none = (
        said(lambda config=config: load_data(config, encoder)) for config in (*configs, at_home)
    )
    knows = "the reference model and encoder know the built-in pictogram world alone: on "
    assert first.startswith(f"{knows}data.jsonl scores are meaningless")
    assert second.startswith(f"{knows}{questions.stem} scores are meaningless")
    assert none == []
    encoded = Result("encode", "--data", str(data), "--video-root", str(videos))
    assert f"{KNOWS}data.jsonl scores are meaningless" in encoded.err

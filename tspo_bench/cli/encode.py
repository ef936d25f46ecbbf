"""`tspo-bench encode`: fill the feature store ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say
from tspo_bench.cli.progress import tracked
from tspo_bench.errors import UserError, VideoError

if TYPE_CHECKING:
    from tspo_bench.features import StoredCandidates
    from tspo_bench.tasks import Task


_FEW = 5  # videos that are named


def encode(
    task: options.Tasks = "",
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Training data in place of --task: TSPO-10K's JSON lines."),
    ] = None,
    video_root: Annotated[
        Path | None, typer.Option("--video-root", help="The folder of --data's videos.")
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            "--shard", help="The part of the videos to encode, i/n: 2/4 is the second of four."
        ),
    ] = "1/1",
    encoder: options.Encoder = "reference",
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    limit: options.Limit = None,
    only_present: options.OnlyPresent = False,
    seed: options.Seed = 0,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    annotations: options.Annotations = None,
    device: options.Device = None,
) -> None:
    """Encode the videos of tasks, or of training data, so that runs find their features.

    Videos that are already encoded are skipped. Exit code 3: videos failed.

    Example: tspo-bench encode --task mlvu --data-root /data/mlvu --shard 1/4
    """
    index, count = _read_shard(shard)
    if data is not None:
        idle = {"--task": task, "--split": split, "--data-root": data_root, "--limit": limit}
        idle |= {"--annotations": annotations, "--only-present": only_present}
        options.reject_idle({**idle, "--candidates": candidates != "auto"}, "with --data")
        _encode_training(data, video_root, (index, count), encoder, candidate_fps, seed, device)
        return
    options.reject_idle({"--video-root": video_root}, "without --data")
    if not task:
        raise UserError("give --task, or the training data with --data and --video-root")
    with only_results_on_stdout():
        from tspo_bench.evaluation import RunSettings
        from tspo_bench.evaluation.reference_use import warn_of_reference
        from tspo_bench.features import FeatureStore, load_encoder
        from tspo_bench.tasks import load_tasks

        places: dict[str, Any] = {
            "data_root": data_root,
            "annotations": annotations,
            "split": split,
        }
        how = {"candidate_fps": candidate_fps, "candidates": candidates, "limit": limit}
        config = RunSettings.of(task=task, encoder=encoder, device=device, **places, **how)
        loaded = load_tasks(config.tasks, seed=seed, **places)
        # Shared out by name, not by file: a machine must not render or miss another one's videos.
        videos = [(owner, name) for owner in loaded for name in _videos(owner, limit, only_present)]
        mine = videos[index::count]
        store, network = FeatureStore(), load_encoder(encoder, config.device)
        warn_of_reference(loaded, network)
        found: list[StoredCandidates] = []
        broken: list[str] = []
        for owner, name in tracked(mine, "encode"):
            try:
                path = owner.video_path(name)
                found.append(store.candidates(path, network, candidate_fps, config.candidates))
            except VideoError as error:
                broken.append(str(error))
    encoded = sum(bool(candidates.num_encoded) for candidates in found)
    typer.echo(
        f"videos: {encoded} encoded, {len(found) - encoded} there before, "
        f"{len(broken)} failed; {sum(map(len, found))} frames in {store.root}"
    )
    _say_failed(broken)


def _encode_training(
    data: Path,
    video_root: Path | None,
    shard: tuple[int, int],
    encoder: str,
    rate: float,
    seed: int,
    device: str | None,
) -> None:
    """Encode the videos and distractors of an epoch of `train --data` with this seed."""
    if video_root is None:
        raise UserError(f"--data {data}: give the folder of its videos with --video-root")
    index, count = shard
    with only_results_on_stdout():
        from tspo_bench.device import default_device
        from tspo_bench.evaluation.reference_use import warn_of_reference_on
        from tspo_bench.features import FeatureStore, load_encoder
        from tspo_bench.training.skipped import summed_up
        from tspo_bench.training.tspo10k import TSPO10K

        store, network = FeatureStore(), load_encoder(encoder, device or default_device())
        warn_of_reference_on(data.name, network)
        items = TSPO10K(data, video_root, network, store, seed=seed, rate=rate)
        if items.skipped:
            say(f"warning: {summed_up(items.skipped, len(items))}; the first: {items.skipped[0]}")
        broken: list[str] = []
        for number in tracked(range(len(items))[index::count], "encode"):
            try:
                items.episode(number, 0)
            except VideoError as error:
                broken.append(str(error))
    ready = len(range(len(items))[index::count]) - len(broken)
    typer.echo(
        f"items: {ready} ready, {len(broken)} failed; {items.num_encoded} frames encoded "
        f"into {store.root}"
    )
    _say_failed([*broken, *(f"no distractor: {why}" for why in items.unreadable.values())])


def _say_failed(reasons: Sequence[str]) -> None:
    for reason in reasons[:_FEW]:
        say(f"error: {' '.join(reason.split())}")
    if len(reasons) > _FEW:
        say(f"... and {len(reasons) - _FEW} more")
    if reasons:
        raise typer.Exit(EXIT_FAILURES)


def _read_shard(text: str) -> tuple[int, int]:
    """The shard "i/n", counted from 1, as (i - 1, n)."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UserError(f"cannot read --shard {text!r}; write 1/4 for the first of four")
    return int(number) - 1, int(count)


def _videos(task: Task, limit: int | None, only_present: bool) -> list[str]:
    from tspo_bench.tasks import limit_questions, videos_of, warn_of_skipped, with_videos

    questions = task.questions()
    warn_of_skipped(task)
    if only_present:
        questions = with_videos(task, questions)
    return list(videos_of(questions if limit is None else limit_questions(questions, limit)))

"""`tspo-bench encode`: fill the feature store ahead of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, say
from tspo_bench.cli.progress import tracked
from tspo_bench.errors import UserError, VideoError
from tspo_bench.specs import split_specs

if TYPE_CHECKING:
    from tspo_bench.features import StoredCandidates
    from tspo_bench.tasks import Task


def encode(
    task: options.Tasks,
    shard: Annotated[
        str,
        typer.Option("--shard", help="This machine's share of the videos: 1/4, 2/4, 3/4, 4/4."),
    ] = "1/1",
    encoder: options.Encoder = "reference",
    candidate_fps: options.CandidateFps = 1.0,
    limit: options.Limit = None,
    seed: options.Seed = 0,
    split: options.Split = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    annotations: options.Annotations = None,
    device: options.Device = None,
) -> None:
    """Encode the videos of tasks, so that runs find their features.

    Videos that are encoded already are passed over. Exit code 3: videos failed.
    """
    index, count = _read_shard(shard)
    with only_results_on_stdout():
        from tspo_bench.device import default_device
        from tspo_bench.features import FeatureStore, load_encoder
        from tspo_bench.tasks import load_tasks

        loaded = load_tasks(
            split_specs(task), data_root=data_root, annotations=annotations, split=split, seed=seed
        )
        # Shared out by name, not by file: a machine must not render or miss another one's videos.
        videos = [(owner, name) for owner in loaded for name in _videos(owner, limit)]
        mine = videos[index::count]
        store, network = FeatureStore(), load_encoder(encoder, device or default_device())
        found: list[StoredCandidates] = []
        broken: list[str] = []
        for owner, name in tracked(mine, "encode"):
            try:
                found.append(store.candidates(owner.video_path(name), network, candidate_fps))
            except VideoError as error:
                broken.append(str(error))
    encoded = sum(bool(candidates.num_encoded) for candidates in found)
    typer.echo(
        f"videos: {encoded} encoded, {len(found) - encoded} there before, "
        f"{len(broken)} failed; {sum(map(len, found))} frames in {store.root}"
    )
    for reason in broken:
        say(f"error: {' '.join(reason.split())}")
    if broken:
        raise typer.Exit(EXIT_FAILURES)


def _read_shard(text: str) -> tuple[int, int]:
    """The shard "i/n", counted from 1, as (i - 1, n)."""
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UserError(f"cannot read --shard {text!r}; write 1/4 for the first of four")
    return int(number) - 1, int(count)


def _videos(task: Task, limit: int | None) -> list[str]:
    from tspo_bench.tasks import limit_questions, videos_of

    questions = task.questions()
    return list(videos_of(questions if limit is None else limit_questions(questions, limit)))

"""`tspo-bench doctor`: the installation, and a task's missing videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import EXIT_FAILURES, only_results_on_stdout, show_json
from tspo_bench.cli.progress import Bar

if TYPE_CHECKING:
    from tspo_bench.tasks import Task

_FEW = 5  # videos and annotations that are named


def doctor(
    task: Annotated[
        str | None,
        typer.Option("--task", help="Benchmark task whose questions and videos to check too."),
    ] = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    annotations: options.Annotations = None,
    split: options.Split = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="List the contents of the cache only.")
    ] = False,
    prune: Annotated[
        float | None,
        typer.Option(
            "--prune",
            help="With --cache: remove files not used for this many days.",
            show_default=False,
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what is installed, and which of a task's videos are missing.

    Exit code 3: videos are missing or cannot be read.

    Example: tspo-bench doctor --task mlvu --data-root /data/mlvu
    """
    if cache:
        _show_cache(prune, as_json=json)
        return
    options.reject_idle({"--prune": prune}, "without --cache")
    with only_results_on_stdout():
        found = _machine()
        if task is not None:
            from tspo_bench.tasks import load_task

            loaded = load_task(task, data_root=data_root, annotations=annotations, split=split)
            found["task"] = _data(loaded)
    if json:
        show_json(found)
    else:
        typer.echo("\n".join([*_machine_lines(found), *_data_lines(found.get("task"))]))
    if task is not None and (found["task"]["missing"] or found["task"]["unreadable"]):
        raise typer.Exit(EXIT_FAILURES)


def _show_cache(prune: float | None, *, as_json: bool) -> None:
    from tspo_bench.cli.cache import cache_contents, cache_lines
    from tspo_bench.files import cache_folder

    found = cache_contents(cache_folder("."), prune)
    if as_json:
        show_json(found)
    else:
        typer.echo("\n".join(cache_lines(found)))


def _machine() -> dict[str, Any]:
    from tspo_bench.cli.cache import cached_files
    from tspo_bench.device import default_device
    from tspo_bench.files import cache_folder
    from tspo_bench.results import describe_environment
    from tspo_bench.video import decoders

    cache = cache_folder(".")
    return {
        "device": default_device(),
        **describe_environment(),
        "decoders": decoders(),
        "cache": {"folder": str(cache), "bytes": sum(size for _, size, _ in cached_files(cache))},
    }


def _data(task: Task) -> dict[str, Any]:
    """A task's questions and videos, which are not looked for where the task makes them."""
    from tspo_bench.tasks import survey, videos_of

    videos = list(videos_of(task.questions()))
    on_demand = task.makes_videos
    found: dict[str, Any] = {
        "task": task.label,
        "questions": len(task.questions()),
        "videos": len(videos),
        "made_on_demand": on_demand,
        "found": 0,
        "missing": {},
        "unreadable": {},
        "affected_questions": [],
        "skipped": [f"{s.where}: {s.reason}" for s in task.skipped],
    }
    if on_demand:
        return found
    with Bar() as bar:
        bar.start("probe", len(videos))
        report = survey(task, on_video=lambda _: bar.advance())
    found.update(
        found=len(report.found),
        missing=dict(report.missing),
        unreadable=dict(report.unreadable),
        affected_questions=list(report.affected),
    )
    return found


def _machine_lines(found: dict[str, Any]) -> list[str]:
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    decoders = ", ".join(f"{name} {version}" for name, version in found["decoders"].items())
    cache = found["cache"]
    rows = {
        "device": ", ".join([found["device"], *found["gpus"]]),
        "cpu": f"{found['cpu']}, {found['num_cores']} cores",
        "python": found["python"],
        "packages": packages,
        "revision": found["git_revision"] or "not a checkout",
        "decoders": decoders,
        "cache": f"{cache['folder']}, {cache['bytes'] / 1e6:.1f} MB",
    }
    return [f"{name:<9} {value}" for name, value in rows.items()]


def _data_lines(data: dict[str, Any] | None) -> list[str]:
    if data is None:
        return []
    heading = f"\ntask {data['task']}: {data['questions']} questions, {data['videos']} videos"
    if data["made_on_demand"]:
        return [heading, "videos are made when a run needs them"]
    lines = [heading, f"found      {data['found']}"]
    for name in ("missing", "unreadable"):
        lines.append(f"{name:<10} {len(data[name])}")
        lines += _first(list(data[name].values()))
    if data["affected_questions"]:
        lines.append(f"{len(data['affected_questions'])} questions are affected")
    if data["skipped"]:
        lines += [f"annotations left out: {len(data['skipped'])}", *_first(data["skipped"])]
    return lines


def _first(reasons: list[str]) -> list[str]:
    rest = [f"  and {len(reasons) - _FEW} more"] if len(reasons) > _FEW else []
    return [*(f"  {reason}" for reason in reasons[:_FEW]), *rest]

"""`tspo-bench train`: make a temporal agent."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tspo_bench.cli import options
from tspo_bench.cli.console import only_results_on_stdout, say, show
from tspo_bench.cli.progress import Bar, TrainProgress
from tspo_bench.cli.val_comparison import check_val, compare_on_val
from tspo_bench.errors import UserError

if TYPE_CHECKING:
    from tspo_bench.training.settings import TrainConfig
    from tspo_bench.training.train import Trained

AGENTS_FOLDER = Path("agents")
_OWN = ("agent", "name", "toy", "preset", "seeds", "resume", "fresh", "evaluate", "base_url")


def train(
    ctx: typer.Context,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent",
            help="tspo-q (query-conditioned) or tspo (the paper's); default: tspo-q, with --toy "
            "tspo.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The agent's folder is agents/NAME.")
    ] = None,
    toy: Annotated[
        bool,
        typer.Option(
            "--toy", help="The paper's toy example: one question, drawn as toy.png and toy.gif."
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="TSPO-10K's JSON lines; default: the built-in haystack."),
    ] = None,
    video_root: Annotated[
        Path | None, typer.Option("--video-root", help="The folder of --data's videos.")
    ] = None,
    task: Annotated[
        str, typer.Option("--task", help="Train on this task's train split, if there is no --data.")
    ] = "haystack",
    split: Annotated[
        str | None, typer.Option("--split", help="Of the task; default: train.")
    ] = None,
    data_root: options.DataRoot = None,
    trust_packets: options.TrustPackets = False,
    video_timeout: options.VideoTimeout = 300.0,
    num_videos: Annotated[
        int | None, typer.Option("--videos", help="Train on the first so many videos of the task.")
    ] = 100,
    only_present: Annotated[
        bool,
        typer.Option(
            "--only-present", help="Use only questions whose videos exist; --videos counts these."
        ),
    ] = False,
    without_types: Annotated[
        str, typer.Option("--without-type", help="Leave out question types; commas separate.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            "--model", help="MLLM that answers: reference, a folder, hub id, openai:NAME."
        ),
    ] = "reference",
    base_url: options.BaseUrl = None,
    encoder: options.Encoder = "reference",
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="haystack, paper (default with --data) or toy (--toy)."),
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="K, frames that a rollout draws.")
    ] = None,
    rollouts: Annotated[
        int | None, typer.Option("--rollouts", help="G, rollouts of a question.")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Optimizer steps.")] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", help="Questions a step and device.")
    ] = None,
    accumulation: Annotated[
        int | None, typer.Option("--accumulation", help="Batches of questions that make one step.")
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            help="At the first step; it falls linearly to 0. Default: the preset's.",
        ),
    ] = None,
    tau: Annotated[
        float | None,
        typer.Option(
            "--tau",
            help="Temperature at the start; default: 0.025 with --preset paper, else fitted to the "
            "encoder.",
        ),
    ] = None,
    anneal: Annotated[
        float | None,
        typer.Option("--anneal", help="Temperature at the end, as a share; 1: not annealed."),
    ] = None,
    rewards: Annotated[
        str | None,
        typer.Option(
            "--rewards",
            help="Reward of a rollout, the sum of: answer (1 if the reply is right), "
            "answer-released (the same, as the authors' code extracts it), temporal (share of its "
            "frames inside a needle), coverage (share of the needles hit), pkg.mod:name (custom); "
            "commas separate.",
        ),
    ] = None,
    log_prob: Annotated[
        str | None, typer.Option("--log-prob", help="independent (as published) or plackett-luce.")
    ] = None,
    answer: Annotated[
        str | None,
        typer.Option(
            "--answer",
            metavar="MODE",
            help="generate: the model replies; options: the likeliest option's letter is the "
            "reply, in one forward pass (not for models that reply in other words).",
        ),
    ] = None,
    window: Annotated[
        int | None, typer.Option("--window", help="w, frames that the attention sees.")
    ] = None,
    without: Annotated[
        str | None, typer.Option("--without", help="tspo-q without parts of it; commas separate.")
    ] = None,
    candidate_fps: options.CandidateFps = 1.0,
    candidates: options.Candidates = "auto",
    seeds: Annotated[
        str,
        typer.Option("--seeds", help="0, or between commas 0,1,2: one agent each, in NAME/seed-N."),
    ] = "0",
    device: options.Device = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Requests that the model answers at once.")
    ] = 32,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a run; it may be given more --steps.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Start over; an earlier agent is kept in previous/ until this one is complete.",
        ),
    ] = False,
    evaluate: Annotated[
        bool,
        typer.Option(
            "--evaluate/--no-evaluate",
            help="At the end, compare on the val split with uniform and clip-topk.",
        ),
    ] = True,
) -> None:
    """Train a temporal agent; use it with --agent agents/NAME.

    Example: tspo-bench train --name mine --steps 200
    """
    _check_options(ctx)
    numbers = _read_seeds(seeds)
    # The other options are settings of the training, named as the library names them.
    settings = {key: value for key, value in ctx.params.items() if key not in _OWN}
    kind = agent or ("tspo" if toy else "tspo-q")
    folder = AGENTS_FOLDER / (name or (f"toy-{kind}" if toy else kind))
    with only_results_on_stdout(), Bar() as bar:
        from tspo_bench.mllms.loading import with_base_url
        from tspo_bench.training.folder import check_folder
        from tspo_bench.training.settings import train_config
        from tspo_bench.training.toy import toy_config, train_toy
        from tspo_bench.training.train import train_agent

        [settings["model"]] = with_base_url([model], base_url)
        configure, train_one = (toy_config, train_toy) if toy else (train_config, train_agent)
        outs = [folder if len(numbers) == 1 else folder / f"seed-{seed}" for seed in numbers]
        configs = [
            configure(kind, out, preset, seed=seed, **settings)
            for seed, out in zip(numbers, outs, strict=True)
        ]
        # A mistake that concerns the last seed must not come out after the others have trained.
        for config in configs if _is_main() else ():
            check_folder(config, resume=resume, fresh=fresh)
        compares = evaluate and data is None and not toy and _is_main()
        if compares:
            check_val(task, settings)
        say("loading the models; videos are rendered and encoded when their questions come up")
        table = None
        with _explain_resume(outs, toy=toy, fresh=fresh):
            for config in configs:
                trained = train_one(
                    config,
                    resume=resume,
                    fresh=fresh,
                    command=_command(),
                    progress=TrainProgress(bar),
                )
                if _is_main():
                    _say_how_to_use(trained, config, toy=toy)
            # Where several processes train (torchrun, accelerate), the main one alone compares.
            if compares:
                k = configs[0].preset.frames
                table = compare_on_val(folder, kind, task, k, fresh, settings, bar)
    if table is not None:
        show(table)


def _say_how_to_use(trained: Trained, config: TrainConfig, *, toy: bool) -> None:
    """Say which files were written for one seed, and how to use the agent."""
    figures = ", toy.png, toy.gif" if toy else ""
    say(f"{trained.folder}/: config.json, model.safetensors, README.md, log.jsonl{figures}")
    used = ["--sampler", f"clip-topk,{config.agent}", "--agent", str(trained.folder)]
    used += [] if config.encoder == "reference" else ["--encoder", config.encoder]
    say(f"try it: tspo-bench run {shlex.join(used)}")


@contextlib.contextmanager
def _explain_resume(outs: Sequence[Path], *, toy: bool, fresh: bool) -> Iterator[None]:
    """Have an interruption say what can be done after it."""
    from tspo_bench.training.aside import SETTINGS_FILE, has_previous, last_checkpoint

    before = [out for out in outs if (out / SETTINGS_FILE).exists()]
    try:
        yield
    except KeyboardInterrupt:
        begun = [out for out in outs if last_checkpoint(out) is not None]
        if fresh:  # others are as they were, or complete
            begun = [out for out in begun if has_previous(out) or out not in before]
        if begun and toy:
            how = "the same command with --fresh starts over"
        elif begun:
            resume = "--resume in place of --fresh" if fresh else "--resume"
            how = f"the same command with {resume} resumes from the last checkpoint"
        else:
            how = "there is no checkpoint yet, and the same command starts over"
            how += "; what was there before is kept" if fresh and before else ""
        raise KeyboardInterrupt(how) from None


def _check_options(ctx: typer.Context) -> None:
    """Reject options that would change nothing beside the others that were given."""
    from tspo_bench.training.settings import OF_A_TASK

    idle: tuple[str, ...]
    if ctx.params["toy"]:
        why, idle = "with --toy", ("data", "video_root", *OF_A_TASK)
    elif ctx.params["data"] is not None:
        why, idle = "with --data", (*OF_A_TASK, "candidates")
    else:
        why, idle = "without --data", ("video_root",)
    sources = {
        each.opts[0]: ctx.get_parameter_source(str(each.name))
        for each in ctx.command.params
        if each.name in idle
    }
    options.reject_idle(
        {
            option: source is not None and source.name == "COMMANDLINE"
            for option, source in sources.items()
        },
        why,
    )


def _is_main() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _read_seeds(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise UserError(f"cannot read --seeds {text!r}; write 0 or 0,1,2") from None


def _command() -> list[str]:
    """The command line that makes the agent again, without --resume and --fresh."""
    return ["tspo-bench", *(word for word in sys.argv[1:] if word not in ("--resume", "--fresh"))]

"""Rollouts a second in training, against one `generate` per rollout and against what it was before.

`python -m benchmarks.speed.training` trains on the first videos of the built-in train split. It
measures two things:

- the rollouts alone, over as many epochs as the default training makes: ours (the visual tokens of
  frames kept); one `generate` per rollout, frames decoded before; and
  the published loop, in which each question's candidates are decoded at full size by one thread of
  decord, encoded from Pillow images, and one `generate` is made per rollout. These two keep nothing
  between questions, so fewer questions give their rate.
- `tspo-bench train`, this revision beside the one from before these changes, caches warm: the same
  steps, whose logged rewards must be equal.

`--answer options` is not measured: the reference MLLM replies with an option's words, not with its
letter. Replies and rewards of equal draws are checked to be equal first. Results go to
results/benchmarks/speed_training.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import decord
import torch
import transformers
from PIL import Image
from torch import Tensor

from benchmarks.speed.measure import Timing, compare, write_result
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.checkpoint import packaged_checkpoint
from tspo_bench.files import CACHE_VARIABLE
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.mllms import load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.training.presets import preset
from tspo_bench.training.rewards import load_rewards, total_rewards
from tspo_bench.training.rollout import Group, answer_groups, draw_groups
from tspo_bench.training.task_data import TaskData, TaskEpisode, usable_questions
from tspo_bench.types import Answer, Request

BEFORE = "510ef62"
BATCH_SIZE = 32
DEFAULT_VIDEOS, DEFAULT_QUESTIONS = 100, 700  # of the default training
SETTINGS = preset("haystack")
ENCODER = load_encoder("reference", "cpu")


class Plain(MLLM):
    """The documented recipe of transformers, one request at a time."""

    name = id = "plain"

    def __init__(self, short_side: int | None) -> None:
        folder = packaged_checkpoint("mllm")
        self.processor = transformers.AutoProcessor.from_pretrained(folder)
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32
        ).eval()
        self.short_side = short_side

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """See `MLLM.answer`."""
        return [Answer(self._reply(request)) for request in requests]

    @torch.inference_mode()
    def _reply(self, request: Request) -> str:
        content = [{"type": "video"}, {"type": "text", "text": request.prompt.text}]
        text = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        videos = [list(request.frames.pixels)]
        inputs = self.processor(text=[text], videos=videos, return_tensors="pt")
        output = self.model.generate(**inputs, do_sample=False, max_new_tokens=16)
        new = output[:, inputs["input_ids"].shape[1] :]
        reply: str = self.processor.batch_decode(new, skip_special_tokens=True)[0]
        return reply.strip()


class Course:
    """A small training: its questions in the order of its epochs, and the frames drawn for each."""

    def __init__(self, videos: int) -> None:
        self.task = HaystackTask(split="train", videos=videos)
        per_question = SETTINGS.steps * SETTINGS.questions / DEFAULT_QUESTIONS  # type: ignore[operator]
        questions = len(self.task.questions())
        self.steps = max(1, round(per_question * questions / SETTINGS.questions))
        generator = torch.Generator().manual_seed(0)
        epochs = [torch.randperm(questions, generator=generator) for _ in range(self.steps)]
        self.order = torch.cat(epochs)[: self.steps * SETTINGS.questions].tolist()
        episodes = [self.data().episode(index, 0) for index in self.order]
        flat = [torch.zeros(len(episode.features)) for episode in episodes]
        self.drawn = draw_groups(episodes, flat, SETTINGS.rollouts, generator)

    def data(self) -> TaskData:
        """The episodes, with no frame decoded yet."""
        return TaskData(self.task, ENCODER, FeatureStore(), k=SETTINGS.frames)

    def step(self, number: int, data: TaskData) -> tuple[list[TaskEpisode], list[Tensor]]:
        """The episodes of a step and what is drawn for them."""
        part = slice(number * SETTINGS.questions, (number + 1) * SETTINGS.questions)
        return [data.episode(index, 0) for index in self.order[part]], self.drawn[part]


def rewarded(groups: Sequence[Any]) -> list[tuple[tuple[str, ...], list[float]]]:
    """Replies and rewards of each question's rollouts."""
    rewards = list(load_rewards(SETTINGS.rewards).values())
    found = []
    for group in groups:
        assert isinstance(group, Group), group
        positions = group.drawn.sort(1).values.numpy()
        total, _ = total_rewards(rewards, group.episode, positions, group.replies)
        found.append((group.replies, list(total)))
    return found


def train(course: Course, mllm: MLLM, data: TaskData, steps: int) -> list[Any]:
    """The rollouts of some steps, without the agent's own update."""
    found = []
    for number in range(steps):
        episodes, drawn = course.step(number, data)
        found += rewarded(answer_groups(episodes, drawn, mllm))
    return found


class Published:
    """One question after the other: candidates decoded and encoded, then its rollouts."""

    def __init__(self, course: Course, mllm: MLLM) -> None:
        folder = packaged_checkpoint("encoder")
        self.clip = transformers.CLIPModel.from_pretrained(folder).eval()
        self.processor = transformers.AutoProcessor.from_pretrained(folder).image_processor
        self.course, self.mllm = course, mllm

    def __call__(self, questions: int) -> list[Any]:
        """Replies and rewards of the first so many questions."""
        episodes, drawn = self.course.step(0, self.course.data())
        found = []
        for episode, group in zip(episodes[:questions], drawn, strict=False):
            self.encode(episode)
            found += rewarded(answer_groups([episode], [group], self.mllm))
        return found

    @torch.inference_mode()
    def encode(self, episode: TaskEpisode) -> Tensor:
        """The features of all candidates [T, d], in one call."""
        reader = decord.VideoReader(str(episode.video), num_threads=1)
        images = [Image.fromarray(x) for x in reader.get_batch(episode.indices).asnumpy()]
        inputs = self.processor(images=images, return_tensors="pt")
        features: Tensor = self.clip.get_image_features(**inputs).pooler_output
        return features


def measure(videos: int, rounds: int, questions: int) -> dict[str, Any]:
    """Rollouts a second of each way."""
    course = Course(videos)
    fresh = [load_mllm("reference", "cpu", BATCH_SIZE) for _ in range(rounds + 2)]
    plain, decoded = Plain(fresh[0].short_side), course.data()
    published = Published(course, plain)
    wanted = train(course, plain, decoded, 1)
    assert wanted == train(course, fresh.pop(), decoded, 1)
    assert published(questions) == wanted[:questions]
    check_features(published, course.step(0, decoded)[0][0])

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (lambda: train(course, fresh.pop(), course.data(), course.steps), course.steps),
        "generate": (lambda: train(course, plain, decoded, 1), 1),
        "published": (lambda: published(questions), 0),
    }
    timings = compare({name: run for name, (run, _) in ways.items()}, rounds)
    asked = {name: steps * SETTINGS.questions or questions for name, (_, steps) in ways.items()}
    return {name: _rate(timings[name], asked[name] * SETTINGS.rollouts) for name in ways}


def check_features(published: Published, episode: TaskEpisode) -> None:
    """The published way encodes the frames to our features, within 2%."""
    found, ours = published.encode(episode), torch.from_numpy(episode.features)
    difference = ((found - ours).norm(dim=-1) / ours.norm(dim=-1)).max().item()
    assert difference < 2e-2, difference


def _rate(timing: Timing, rollouts: int) -> dict[str, Any]:
    return {"rollouts_per_second": round(rollouts / timing.median, 2), **timing.as_json()}


def before_and_now(videos: int, steps: int, rounds: int) -> dict[str, Any] | str:
    """Rollouts a second of `tspo-bench train` at BEFORE and now, as its log has them."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed = subprocess.run(["git", "archive", BEFORE], capture_output=True, check=False)
        if packed.returncode:
            return f"not measured: revision {BEFORE} is not in this checkout"
        (folder / "before").mkdir()
        subprocess.run(["tar", "-x", "-C", folder / "before"], input=packed.stdout, check=True)
        ways = {"before": folder / "before", "now": here}
        logs: dict[str, list[list[dict[str, float]]]] = {way: [] for way in ways}
        for _ in range(rounds + 1):  # the first one fills the caches
            for way, source in ways.items():
                logs[way].append(logged(folder, source, videos, steps))
    rewards = {way: [step["reward"] for step in found[0]] for way, found in logs.items()}
    assert rewards["before"] == rewards["now"], rewards
    return {way: _steps_rate(found[1:], steps) for way, found in logs.items()}


def logged(folder: Path, source: Path, videos: int, steps: int) -> list[dict[str, float]]:
    """The log of a training by the package in `source`, a step a row."""
    begin = "import sys; from tspo_bench.cli import main; sys.argv[0] = 'tspo-bench'; main()"
    command = [sys.executable, "-c", begin, "train", "--name", "measured", "--fresh"]
    command += ["--videos", str(videos), "--steps", str(steps), "--no-evaluate"]
    paths = {"PYTHONPATH": str(source), CACHE_VARIABLE: str(folder / f"cache-{source.name}")}
    subprocess.run(
        command, cwd=folder, env={**os.environ, **paths}, check=True, capture_output=True
    )
    lines = (folder / "agents/measured/log.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if "seconds_per_step" in row]


def _steps_rate(logs: list[list[dict[str, float]]], steps: int) -> dict[str, Any]:
    seconds = [sum(step["seconds_per_step"] for step in log) for log in logs]
    timing = Timing(seconds, float("nan"))
    found = _rate(timing, steps * SETTINGS.questions * SETTINGS.rollouts)
    del found["cpu_seconds"]  # the log has none
    return found


def start_up(rounds: int) -> dict[str, Any]:
    """Seconds until the questions of the default training are known."""
    ways = {
        "all_scripts": lambda: HaystackTask(split="train").questions(),
        "needed_scripts": lambda: usable_questions(HaystackTask(split="train"), DEFAULT_VIDEOS),
    }
    first = [question.id for question in ways["all_scripts"]()][:DEFAULT_QUESTIONS]
    assert first == [question.id for question in ways["needed_scripts"]()]
    timings = compare(ways, rounds, warm_up=False)
    return {name: timing.as_json() for name, timing in timings.items()}


def _ratios(cases: dict[str, Any], of: str) -> dict[str, float]:
    """How many times the rate of each case that of `of` is."""
    rates = {name: case["rollouts_per_second"] for name, case in cases.items()}
    return {name: round(rates[of] / rate, 2) for name, rate in rates.items()}


def main() -> None:
    """Measure and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=4, help="of the built-in train split")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--questions", type=int, default=4, help="that the published way is timed on"
    )
    given = parser.parse_args()
    rollouts = measure(given.videos, given.rounds, given.questions)
    cases: dict[str, Any] = {
        "rollouts": rollouts,
        "ours_times_as_fast": _ratios(rollouts, "ours"),
        "train_command": before_and_now(given.videos, 12, given.rounds),
        "start_up": start_up(given.rounds),
    }
    if isinstance(cases["train_command"], dict):
        cases["now_times_as_fast"] = _ratios(cases["train_command"], "now")
    settings = {**vars(given), "threads": torch.get_num_threads(), "batch_size": BATCH_SIZE}
    settings["before"] = BEFORE
    path = write_result("training", settings, cases)
    print(path.read_text())


if __name__ == "__main__":
    main()

"""Rollouts a second in training, against one `generate` per rollout.

`python -m benchmarks.speed.training` asks the reference MLLM about the first videos of the built-in
train split, over as many epochs as the default training makes, in four ways:

- ours: rollouts in batches, the visual tokens of frames kept
- batched: rollouts in batches, frames shared within a batch only (ours before)
- generate: one `generate` per rollout in transformers' plain way, frames decoded before
- published: the same, and each question's candidates are decoded and encoded first, as in TSPO's
  released trainer

The last two keep nothing between questions, so fewer questions give their rate. Replies and rewards
of equal draws are checked to be equal first. Results go to results/benchmarks/speed_training.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

import torch
import transformers
from torch import Tensor

from benchmarks.speed.measure import Timing, compare, write_result
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.checkpoint import packaged_checkpoint
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.mllms import load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.mllms.equal_frames import share_equal_frames
from tspo_bench.training.presets import preset
from tspo_bench.training.rewards import load_rewards, total_rewards
from tspo_bench.training.rollout import Group, answer_groups, draw_groups
from tspo_bench.training.task_data import TaskData, TaskEpisode, usable_questions
from tspo_bench.types import Answer, Request
from tspo_bench.video import open_video

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


def published(course: Course, mllm: MLLM, questions: int) -> list[Any]:
    """One question after the other: candidates decoded and encoded, then its rollouts."""
    episodes, drawn = course.step(0, course.data())
    found = []
    for episode, group in zip(episodes[:questions], drawn, strict=False):
        with open_video(episode.video) as reader:
            ENCODER.encode_frames(reader.fetch(episode.indices, mllm.short_side).pixels)
        found += rewarded(answer_groups([episode], [group], mllm))
    return found


def measure(videos: int, rounds: int, questions: int) -> dict[str, Any]:
    """Rollouts a second of each way."""
    course = Course(videos)
    with mock.patch("tspo_bench.mllms.transformers_vlm.encode_frames_once", share_equal_frames):
        batched = load_mllm("reference", "cpu", BATCH_SIZE)
    fresh = [load_mllm("reference", "cpu", BATCH_SIZE) for _ in range(rounds + 2)]
    plain, decoded = Plain(batched.short_side), course.data()
    wanted = train(course, plain, decoded, 1)
    assert wanted == train(course, batched, decoded, 1) == train(course, fresh.pop(), decoded, 1)
    assert published(course, plain, questions) == wanted[:questions]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (lambda: train(course, fresh.pop(), course.data(), course.steps), course.steps),
        "batched": (lambda: train(course, batched, course.data(), course.steps), course.steps),
        "generate": (lambda: train(course, plain, decoded, 1), 1),
        "published": (lambda: published(course, plain, questions), 0),
    }
    timings = compare({name: run for name, (run, _) in ways.items()}, rounds)
    asked = {name: steps * SETTINGS.questions or questions for name, (_, steps) in ways.items()}
    return {name: _rate(timings[name], asked[name] * SETTINGS.rollouts) for name in ways}


def _rate(timing: Timing, rollouts: int) -> dict[str, Any]:
    return {"rollouts_per_second": round(rollouts / timing.median, 2), **timing.as_json()}


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
    rates = {name: case["rollouts_per_second"] for name, case in rollouts.items()}
    times = {name: round(rates["ours"] / rate, 2) for name, rate in rates.items()}
    cases = {"rollouts": rollouts, "ours_times_as_fast": times, "start_up": start_up(given.rounds)}
    settings = {**vars(given), "threads": torch.get_num_threads(), "batch_size": BATCH_SIZE}
    path = write_result("training", settings, cases)
    print(path.read_text())


if __name__ == "__main__":
    main()

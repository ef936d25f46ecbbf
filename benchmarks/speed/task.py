"""Case 4: a whole task, from the videos to the answers, against the published way.

The published tools are three scripts: frames' scores, selection, answers. Each question has its
video decoded at full size (decord, one thread) and encoded again. Both ways select the top k by
CLIP's score and ask the same MLLM; the checkpoints are small, so decoding dominates.

python -m benchmarks.speed.task
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import decord
import numpy as np
import torch
import transformers
from PIL import Image

import tspo_bench
from benchmarks.speed.checkpoints import save_clip
from benchmarks.speed.measure import compare, write_result
from tests.mllms.checkpoints import llava_onevision
from tspo_bench.files import CACHE_VARIABLE
from tspo_bench.mllms import load_mllm
from tspo_bench.tasks import load_task
from tspo_bench.types import Features, Frames, IntArray, Request

CLIP = Path("../shared/real/videos/video1.mp4")
WORDS = ("which", "option", "shows", "the", "thing", "first", "second", "long")
QUESTIONS = (1, 3, 15)  # a video
K = 8
BATCH = 32
# Ours scales frames while decoding, so scores differ a little, and near ties may be ordered anew.
SCORE_TOLERANCE = 0.05  # of the range of a question's scores


def make_videos(folder: Path, count: int, seconds: int) -> list[Path]:
    """Videos at 360p, looped from one clip, each from another second on."""
    paths = [folder / f"video{number}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        command = f"ffmpeg -v error -y -stream_loop -1 -i {CLIP} -ss {3 * number} -t {seconds} -an"
        encoding = "-r 30 -vf scale=640:360 -c:v libx264 -preset veryfast -bf 3 -g 250"
        subprocess.run([*command.split(), *encoding.split(), str(path)], check=True)
    return paths


def write_task(folder: Path, videos: list[Path], per_video: int) -> Path:
    """An annotation file with so many questions a video, no two alike."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "id": f"{video.stem}-{number}",
            "video": str(video),
            "question": " ".join(rng.choice(WORDS, 6)),
            "options": list("ABCD"),
            "answer": "A",
        }
        for video in videos
        for number in range(per_video)
    ]
    path = folder / f"questions{per_video}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Published:
    """The three scripts, question by question."""

    def __init__(self, encoder: Path, mllm: Path) -> None:
        self._encoder, self._mllm = encoder, mllm
        self.scores: dict[str, tuple[IntArray, Features]] = {}  # candidates and theirs

    def run(self, annotations: Path) -> dict[str, IntArray]:
        """Answer all questions; the frames selected for each."""
        task = load_task(str(annotations))
        questions, selected = list(task.questions()), {}
        self.scores.clear()
        model = transformers.CLIPModel.from_pretrained(self._encoder).eval()
        processor = transformers.CLIPProcessor.from_pretrained(self._encoder)
        for question in questions:
            reader = decord.VideoReader(str(task.video_path(question.video)), num_threads=1)
            indices = np.arange(0, len(reader), round(reader.get_avg_fps()))
            pixels = reader.get_batch(indices).asnumpy()
            scores = _scores(model, processor, pixels, task.query_text(question))
            self.scores[question.id] = indices, scores
        for name, (indices, scores) in self.scores.items():
            selected[name] = np.sort(indices[np.argsort(-scores, kind="stable")[:K]])
        mllm = load_mllm(str(self._mllm), "cpu", 1)
        for question in questions:
            picks = selected[question.id]
            reader = decord.VideoReader(str(task.video_path(question.video)), num_threads=1)
            rate, seconds = reader.get_avg_fps(), picks / reader.get_avg_fps()
            frames = Frames(picks, seconds, reader.get_batch(picks).asnumpy())
            prompt = task.prompt(question, seconds.tolist(), rate)
            mllm.answer([Request(frames, prompt, rate, question.letters, len(reader))])
        return selected


@torch.inference_mode()
def _scores(model: Any, processor: Any, pixels: Any, text: str) -> Features:
    """Cosines [T] of frames [T, h, w, 3] and a text."""
    parts = []
    for start in range(0, len(pixels), BATCH):
        images = [Image.fromarray(picture) for picture in pixels[start : start + BATCH]]
        inputs = processor(images=images, return_tensors="pt")
        parts.append(model.get_image_features(**inputs).pooler_output)
    words = processor(text=[text], return_tensors="pt", padding=True, truncation=True)
    words.pop("token_type_ids", None)
    query = model.get_text_features(**words).pooler_output
    cosines: Features = torch.cosine_similarity(torch.cat(parts), query).numpy()
    return cosines


class Ours:
    """`tspo_bench.evaluate`, each run in a folder of its own."""

    def __init__(self, encoder: Path, mllm: Path, folder: Path) -> None:
        self._settings = {"model": str(mllm), "encoder": str(encoder), "device": "cpu"}
        self._folder, self._runs = folder, 0

    def run(self, annotations: Path, sampler: str, cold: bool) -> tspo_bench.EvaluationResult:
        """Evaluate; with an empty cache if `cold`, else with that of the last cold run."""
        self._runs += 1
        if cold:
            os.environ[CACHE_VARIABLE] = str(self._folder / f"cache{self._runs}")
        out = self._folder / f"run{self._runs}"
        return tspo_bench.evaluate(str(annotations), sampler, frames=K, out=out, **self._settings)


def check_selections(ours: Mapping[str, IntArray], published: Published) -> float:
    """The share of frames that both select; the others must tie with them.

    Raises:
        SystemExit: a frame of ours has a clearly lower score than the published way's last one.
    """
    equal = 0
    for name, (indices, scores) in published.scores.items():
        best = np.argsort(-scores, kind="stable")[:K]
        picked = np.searchsorted(indices, ours[name])
        least = scores[best].min() - SCORE_TOLERANCE * np.ptp(scores)
        if scores[picked].min() < least:
            raise SystemExit(f"question {name}: the selections differ")
        equal += len(np.intersect1d(best, picked))
    return equal / (K * len(published.scores))


def selecting_seconds(result: tspo_bench.EvaluationResult) -> float:
    """Seconds spent to select, fetch and answers aside."""
    stages = [record.timing for cell in result.cells for record in cell.records]
    return sum(
        seconds
        for one in stages
        for stage, seconds in one.items()
        if stage not in ("fetch", "answer")
    )


def second_sampler(ours: Ours, annotations: Path) -> dict[str, float]:
    """What another sampler costs on the cache that the first one has filled."""
    first = ours.run(annotations, "clip-topk", cold=True)
    second = ours.run(annotations, "aks", cold=False)
    assert second.profile is not None
    picks = {(r.video, frame) for cell in second.cells for r in cell.records for frame in r.frames}
    decoded = second.profile.beside["decode"].frames
    if decoded != len(picks):
        raise SystemExit(f"{decoded} frames decoded for {len(picks)} picks")
    share = selecting_seconds(second) / selecting_seconds(first)
    print(f"second sampler on a warm cache: {share:.1%} of the first one's selection")
    return {"share_of_first": share, "frames_decoded": decoded}


def time_ways(
    ours: Ours, published: Published, annotations: Path, rounds: int
) -> dict[str, dict[str, Any]]:
    """Time one number of questions; the ways' caches are warm or empty as their names say."""
    timings = compare(
        {
            "published": lambda: published.run(annotations),
            "ours, cold": lambda: ours.run(annotations, "clip-topk", cold=True),
            "ours, warm": lambda: ours.run(annotations, "clip-topk", cold=False),
        },
        rounds,
        warm_up=False,  # the checks were
    )
    reference = timings["published"].median
    for name, timing in timings.items():
        speed = reference / timing.median
        print(f"  {name:12} {timing.median:8.2f} s ({speed:.2f}x as fast as the published way)")
    return {name: timing.as_json() for name, timing in timings.items()}


def check(ours: Ours, published: Published, annotations: Path) -> float:
    """See `check_selections`."""
    published.run(annotations)
    (cell,) = ours.run(annotations, "clip-topk", cold=True).cells
    selected = {record.question_id: np.array(record.frames) for record in cell.records}
    share = check_selections(selected, published)
    print(f"{share:.1%} of the selected frames are the same; the others tie")
    return share


def main() -> None:
    """Check the selections, then time each number of questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=2, help="one for the most questions")
    args = parser.parse_args()
    cases: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        encoder = save_clip(folder / "clip", vit_b_32=False, words=WORDS)
        mllm = llava_onevision(folder / "mllm")
        videos = make_videos(folder, args.videos, args.seconds)
        ours, published = Ours(encoder, mllm, folder), Published(encoder, mllm)
        tasks = {number: write_task(folder, videos, number) for number in QUESTIONS}
        cases["equal_selections"] = check(ours, published, tasks[1])
        cases["second_sampler"] = second_sampler(ours, tasks[3])
        for number, task in tasks.items():
            print(f"{number} questions a video")
            rounds = 1 if number == max(QUESTIONS) else args.rounds
            cases[f"{number} questions a video"] = time_ways(ours, published, task, rounds)
    print(write_result("task", {**vars(args), "k": K, "questions": QUESTIONS}, cases))


if __name__ == "__main__":
    main()

"""Case 7: questions a second over batch sizes, and whether preparing and answering overlap.

- Batches: the reference MLLM and a small random one answer questions whose frames are in memory, 4
  or 16 a question. Batches of any size must give the replies of single questions. Frames are
  encoded once a call, as in a run.
- Overlap: a local task, features cached, with models that wait as for a GPU or a server: a slow
  one (twice the time that preparing takes) and a fast one (half of it). The wall time of a run
  against its slowest stage alone: preparing with a model that answers at once, or the model's own
  time. The reference MLLM on the CPU competes with the decoders for cores and is reported only.

python -m benchmarks.speed.mllm
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import tspo_bench
from benchmarks.speed.checkpoints import save_clip
from benchmarks.speed.measure import compare, write_result
from benchmarks.speed.task import WORDS, make_videos, write_task
from tests.mllms.checkpoints import llava_onevision
from tspo_bench.evaluation.batch_limit import BatchLimit
from tspo_bench.evaluation.batches import token_counter
from tspo_bench.evaluation.budget import Budget
from tspo_bench.evaluation.chunks import Prepared
from tspo_bench.evaluation.engine import answer_videos
from tspo_bench.evaluation.plan import OpenCell, VideoWork
from tspo_bench.evaluation.prepare import VideoPreparer
from tspo_bench.features import FeatureStore
from tspo_bench.files import CACHE_VARIABLE
from tspo_bench.mllms import load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.results import CandidateScores
from tspo_bench.samplers import load_sampler
from tspo_bench.tasks import Task, load_task
from tspo_bench.types import Answer, Record, Request

BATCH_SIZES = (1, 2, 4, 8, 16)
FRAMES = (4, 16)  # a question
K, PER_VIDEO, FILES = 8, 6, 6  # of the overlap: frames, questions a video, different videos
BAR = 1.05


class Waiting(MLLM):
    """Answers after a fixed time a question, and leaves the cores to others."""

    id = "waiting"

    def __init__(self, seconds: float = 0.0, name: str = "waiting") -> None:
        self.seconds, self.name = seconds, name

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """See `MLLM.answer`."""
        time.sleep(self.seconds * len(requests))
        return [Answer("A") for _ in requests]


@dataclass
class Replies:
    """Keeps the replies of a cell."""

    given: list[str | None] = field(default_factory=list)

    def append(self, record: Record, scores: CandidateScores | None = None) -> None:
        """See `RecordSink`."""
        self.given.append(record.reply)


class Questions:
    """The first questions of the built-in task, prepared: uniform frames, in memory."""

    def __init__(self, model: MLLM, videos: int) -> None:
        self.task: Task = load_task("haystack")
        sampler = load_sampler("uniform")
        self.cells = [OpenCell("uniform", sampler, Budget(frames=k), Replies()) for k in FRAMES]
        by_video = itertools.groupby(self.task.questions(), key=lambda one: one.video)
        prepare = VideoPreparer(self.task, FeatureStore(), None, 1.0, model.short_side)
        self.parts: list[list[Prepared]] = []
        for video, asked in itertools.islice(by_video, videos):
            jobs = tuple(itertools.product(self.cells, list(asked)))
            self.parts += prepare(VideoWork(video, jobs))
        count = token_counter(model)
        self.longest = max(count(one) for part in self.parts for one in part)
        self.number = sum(map(len, self.parts))

    def ask(self, model: MLLM, batch_size: int, max_tokens: int | None) -> list[Any]:
        """The replies, cell by cell."""
        for cell in self.cells:
            cell.writer.given.clear()  # type: ignore[union-attr]

        def prepared(work: VideoWork) -> Iterator[list[Prepared]]:
            return iter([self.parts[int(work.video)]])

        work = [VideoWork(str(number), ()) for number in range(len(self.parts))]
        limit = BatchLimit(batch_size)
        answer_videos(work, prepared, self.task, model, limit, lambda *_: None, max_tokens)  # type: ignore[arg-type]
        return [list(cell.writer.given) for cell in self.cells]  # type: ignore[union-attr]


def batches(spec: str, videos: int, rounds: int) -> dict[str, Any]:
    """Questions a second of one model with each batch size."""
    questions = Questions(load_mllm(spec), videos)
    budget = 8 * questions.longest
    ways: dict[str, tuple[int, int | None]] = {str(size): (size, None) for size in BATCH_SIZES}
    ways[f"{BATCH_SIZES[-1]}, at most {budget} tokens"] = (BATCH_SIZES[-1], budget)
    # Models keep the tokens of frames: each call has a model that has seen none.
    models = {
        name: [load_mllm(spec, "cpu", size) for _ in range(rounds + 1)]
        for name, (size, _) in ways.items()
    }
    wanted = None
    for name, way in ways.items():
        replies = questions.ask(models[name].pop(), *way)
        wanted = wanted or replies
        if replies != wanted:
            raise SystemExit(f"{spec}: batches of {name} give other replies than single questions")
    runs = {
        name: (lambda name=name, way=way: questions.ask(models[name].pop(), *way))
        for name, way in ways.items()
    }
    timings = compare(runs, rounds, warm_up=False)  # the check was
    found = {}
    for name, timing in timings.items():
        rate = questions.number / timing.median
        print(f"  {Path(spec).name}, batches of {name}: {rate:.1f} questions a second", flush=True)
        found[name] = {"questions_per_second": round(rate, 2), **timing.as_json()}
    return found


class Overlap:
    """Runs of one local task with different models, features cached."""

    def __init__(self, folder: Path, videos: int, seconds: int) -> None:
        os.environ[CACHE_VARIABLE] = str(folder / "cache")
        files = make_videos(folder, FILES, seconds)
        paths = [folder / f"link{number}.mp4" for number in range(videos)]
        for path, file in zip(paths, itertools.cycle(files)):
            path.hardlink_to(file)
        self._task = write_task(folder, paths, PER_VIDEO)
        self._encoder = save_clip(folder / "clip", vit_b_32=False, words=WORDS)
        self._folder, self._runs = folder, 0
        self.number = videos * PER_VIDEO

    def run(self, model: str) -> dict[str, float]:
        """Seconds of a run, of its model and of waiting for frames."""
        self._runs += 1
        result = tspo_bench.evaluate(
            str(self._task),
            "clip-topk",
            frames=K,
            model=model,
            encoder=str(self._encoder),
            device="cpu",
            out=self._folder / f"run{self._runs}",
        )
        assert result.profile is not None
        if result.num_failed:
            raise SystemExit(f"{model}: {result.num_failed} questions failed")
        stages = {name: stage.seconds for name, stage in result.profile.main.items()}
        return {"wall": result.profile.wall_seconds, **stages}

    def waiting(self, seconds: float) -> dict[str, float]:
        """As `run`, with a model that takes so many seconds for all questions."""
        return self.run(f"benchmarks.speed.mllm:Waiting[seconds={seconds / self.number:.6f}]")


def overlap(folder: Path, videos: int, seconds: int, rounds: int) -> dict[str, Any]:
    """Wall time against the slowest stage alone, for a slow and a fast model."""
    runs = Overlap(folder, videos, seconds)
    runs.waiting(0)  # features are made
    once = runs.waiting(0)["wall"]
    totals = {"prepare alone": 0.0, "slow": 2 * once, "fast": once / 2}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in totals}
    for _ in range(rounds):
        for name, total in totals.items():
            found[name].append(runs.waiting(total))
    prepare = median(one["wall"] for one in found["prepare alone"])
    cases: dict[str, Any] = {"prepare_alone_seconds": prepare, "reference": runs.run("reference")}
    for name in ("slow", "fast"):
        wall, answer = (median(one[key] for one in found[name]) for key in ("wall", "answer"))
        ratio = wall / max(prepare, answer)
        said = "within the bar" if ratio <= BAR else f"the bar of {BAR} is missed"
        print(f"  {name} model: wall {wall:.1f} s, model {answer:.1f} s, preparing {prepare:.1f} s")
        print(f"    {ratio:.3f} of the slowest stage alone: {said}", flush=True)
        cases[name] = {"wall_over_slowest_stage": round(ratio, 4), "rounds": found[name]}
    return cases


def main() -> None:
    """Measure and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--asked", type=int, default=3, help="videos of the built-in task")
    parser.add_argument("--videos", type=int, default=60, help="of the overlap")
    parser.add_argument("--seconds", type=int, default=30, help="length of these videos")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        specs = ["reference", str(llava_onevision(folder / "random-llava-onevision"))]
        print("questions a second")
        rates = {Path(spec).name: batches(spec, args.asked, args.rounds) for spec in specs}
        print("overlap")
        cases = {
            "batches": rates,
            "overlap": overlap(folder, args.videos, args.seconds, args.rounds),
        }
        settings = {**vars(args), "frames": FRAMES, "k": K, "questions_per_video": PER_VIDEO}
        print(write_result("mllm", settings, cases))


if __name__ == "__main__":
    main()

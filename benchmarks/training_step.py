"""The cost of a training step: with the reference models, and with LLaVA-Video-7B's shape on a GPU.

`python -m benchmarks.training_step` measures the built-in training (8 questions a step), then,
where there is CUDA, one question's step with a model of LLaVA-Video-7B's architecture and random
weights (64 candidates, K = 16, G = 8), its rollouts in one batch and one at a time. Random weights
never end an answer, so each takes all new tokens that are allowed (32). Results
go to results/benchmarks/training_step_DEVICE.json; what was not measured says so.
"""

from __future__ import annotations

import gc
import json
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from tspo_bench.agent.query_agent import QueryAgent
from tspo_bench.device import default_device
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.files import make_folder
from tspo_bench.mllms import load_mllm
from tspo_bench.mllms.base import MLLM
from tspo_bench.reference.layout import word_id
from tspo_bench.reference.words import make_tokenizer
from tspo_bench.results import describe_environment
from tspo_bench.tasks import INSTRUCTION, load_task
from tspo_bench.training.config import TSPOConfig
from tspo_bench.training.episode import Episode, TrainingData
from tspo_bench.training.task_data import TaskData
from tspo_bench.training.trainer import TSPOTrainer
from tspo_bench.types import Frames, IntArray

RESULTS = Path("results/benchmarks")
CANDIDATES, K, G, WIDTH = 64, 16, 8, 768
NOT_MEASURED = "not measured: no CUDA device"


@dataclass(frozen=True)
class Noise(Episode):
    """An episode whose frames are noise of the size that SigLIP takes."""

    def fetch(self, positions: IntArray, short_side: int | None) -> Frames:
        """See `Episode.fetch`."""
        rng = np.random.default_rng(0)
        side = short_side or 384
        pixels = rng.integers(0, 255, (len(positions), side, side, 3), dtype=np.uint8)
        return Frames(positions, positions.astype(np.float64), pixels)


class NoiseData:
    """One question about a video of noise, again and again; see `TrainingData`."""

    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 64

    def episode(self, index: int, epoch: int) -> Episode:
        """The same question each time."""
        rng = np.random.default_rng(0)
        return Noise(
            id="noise",
            features=rng.standard_normal((CANDIDATES, WIDTH)).astype(np.float32),
            text_features=rng.standard_normal((1, WIDTH)).astype(np.float32),
            prompt=f"Which animal appears first in the video?\nA. dog\nB. cat\n{INSTRUCTION}",
            letters="AB",
            answer="A",
            k=K,
            needle_of=None,
            frame_rate=1.0,
            num_frames=CANDIDATES,
        )


def random_llava_video(folder: Path) -> None:
    """A checkpoint of LLaVA-Video-7B's architecture: SigLIP so400m at 384 pixels, Qwen2-7B."""
    tokenizer = make_tokenizer(sentence_marks=False)
    config = transformers.LlavaOnevisionConfig(
        vision_config={
            "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304,
            "num_hidden_layers": 26, "num_attention_heads": 16, "image_size": 384,
            "patch_size": 14, "vision_use_head": False,
        },
        text_config={
            "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
            "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
            "vocab_size": 152064,
        },
        image_token_index=word_id(tokenizer, "<image>"),
        video_token_index=word_id(tokenizer, "<video>"),
    )  # fmt: skip
    with torch.device("cuda"):
        model = transformers.LlavaOnevisionForConditionalGeneration._from_config(
            config, dtype=torch.bfloat16
        )
    size = {"height": 384, "width": 384}
    processor = transformers.LlavaOnevisionProcessor(
        transformers.LlavaOnevisionImageProcessor(size=size),
        tokenizer,
        transformers.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=729,
        vision_feature_select_strategy="full",
        chat_template="{% for m in messages %}{% for c in m['content'] %}"
        "{% if c['type'] == 'video' %}<video>{% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}",
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def measure(
    data: TrainingData, mllm: MLLM, width: int, questions: int, steps: int, device: str
) -> dict[str, Any]:
    """Seconds a step (the first, which warms up, left out), rollouts a second, peak memory."""
    on_gpu = device.startswith("cuda")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TSPOConfig(
            output_dir=folder,
            max_steps=steps + 1,
            per_device_train_batch_size=questions,
            num_rollouts=G,
            tau=1.0,
            tau_end=1.0,
            rewards="answer",
            save_strategy="no",
            use_cpu=not on_gpu,
            bf16=on_gpu,
            report_to=[],
        )
        clock = Clock()
        TSPOTrainer(QueryAgent(width, 1.0), arguments, data, mllm, callbacks=[clock]).train()
    seconds = (clock.ends[-1] - clock.ends[0]) / steps
    return {
        "seconds_per_step": round(seconds, 3),
        "rollouts_per_second": round(questions * G / seconds, 2),
        "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_gpu else None,
        "questions_per_step": questions,
        "rollouts": G,
        "steps": steps,
    }


class Clock(transformers.TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """See `transformers.TrainerCallback`."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def built_in(device: str) -> dict[str, Any]:
    """The usual training, on its first four videos."""
    encoder = load_encoder("reference", device)
    data = TaskData(load_task("haystack", split="train"), encoder, FeatureStore(), num_videos=4)
    return measure(data, load_mllm("reference", device, 32), encoder.width, 8, 6, device)


def llava_video(device: str) -> dict[str, Any] | str:
    """One question's step, its rollouts in one batch against one at a time."""
    if not device.startswith("cuda"):
        return NOT_MEASURED
    with tempfile.TemporaryDirectory() as folder:
        random_llava_video(Path(folder))
        figures: dict[str, Any] = {}
        for name, batch_size in (("batched", G), ("one_at_a_time", 1)):
            gc.collect()  # the trainer of the first round holds its model in a cycle
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            mllm = load_mllm(folder, device, batch_size)
            figures[name] = measure(NoiseData(), mllm, WIDTH, 1, 4, device)
            del mllm
    times = [figures[name]["seconds_per_step"] for name in ("one_at_a_time", "batched")]
    return figures | {"speedup": round(times[0] / times[1], 2)}


def main() -> None:
    """Measure what this machine can, and write it down."""
    device = default_device()
    name = torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"
    results = {
        "command": "python -m benchmarks.training_step",
        "device": name,
        "environment": describe_environment(),
        "built_in": built_in(device),
        "llava_video_7b": llava_video(device),
    }
    folder = make_folder(RESULTS, hint="run this in the repository's root")
    slug = re.sub(r"\W+", "-", name.lower())
    (folder / f"training_step_{slug}.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

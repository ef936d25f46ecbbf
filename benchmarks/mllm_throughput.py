"""GPU cost of a question: LLaVA-Video-7B's and Qwen2.5-VL-7B's architectures, random weights.

`python -m benchmarks.mllm_throughput` measures 64 and 16 frames a question, 1, 2, 4 and 8 questions
a batch, with each implementation of attention (sdpa takes the card's best kernel of torch itself):
`--answer options` as a run has it, the card's forward pass by itself, and what each further token
of a reply takes. Frames of Qwen2.5-VL are 360p, those of LLaVA-Video have their
shorter side at 384 pixels, and all are noise. `--tiny` runs the same on any machine, with models
that measure nothing. Results go to results/benchmarks/mllm_throughput.json, model by model.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.random_mllms import llava_video, qwen2_5_vl
from tspo_bench.files import make_folder
from tspo_bench.mllms.generation import first_token_logprobs, replies
from tspo_bench.mllms.transformers_vlm import TransformersVLM
from tspo_bench.results import describe_environment
from tspo_bench.tasks import INSTRUCTION
from tspo_bench.types import Frames, Prompt, Request

RESULTS = Path("results/benchmarks/mllm_throughput.json")
MODELS = {"llava-video-7b": llava_video, "qwen2.5-vl-7b": qwen2_5_vl}
FRAME_SIZES = {"llava-video-7b": (384, 682), "qwen2.5-vl-7b": (360, 640)}
ATTENTION = ("sdpa", "flash_attention_2", "eager")
REPLY = 16  # tokens, for what each of them takes
# Dense bfloat16, operations a second, by the makers' data sheets.
PEAKS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
PROMPT = f"Which animal appears first in the video?\nA. dog\nB. cat\n{INSTRUCTION}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The measurement: frames a question, questions a batch, calls of each kind that are timed."""

    frames: tuple[int, ...] = (64, 16)
    batches: tuple[int, ...] = (1, 2, 4, 8)
    repeats: int = 3
    tiny: bool = False


TINY = Plan(frames=(2,), batches=(1, 2), repeats=1, tiny=True)


def requests_of(number: int, num_frames: int, size: tuple[int, int], seed: int) -> list[Request]:
    """Questions about different videos, a frame a second."""
    rng = np.random.default_rng(seed)
    indices = np.arange(num_frames)
    made = []
    for _ in range(number):
        pixels = rng.integers(0, 255, (num_frames, *size, 3), dtype=np.uint8)
        frames = Frames(indices, indices.astype(np.float64), pixels)
        made.append(Request(frames, Prompt(PROMPT), 1.0, "AB", num_frames, mode="options"))
    return made


def operations(model: TransformersVLM, inputs: Any) -> float:
    """Floating-point operations that a question's forward pass needs, up to its first token.

    Two for each weight and token, and attention: causal in the language model, within a frame in
    SigLIP, within a pair of frames or a window of it in Qwen's tower. Norms and the like are left
    out.
    """
    network = model._model
    text, length = network.config.text_config, inputs["input_ids"].shape[1]
    language = network.model.language_model
    width = text.num_attention_heads * (text.hidden_size // text.num_attention_heads)
    total = 2 * _weights(language.layers) * length
    total += 2 * text.num_hidden_layers * width * length**2  # half of the full square
    total += 2 * text.vocab_size * text.hidden_size  # the head, for the last token
    grid = inputs.get("video_grid_thw")
    if grid is None:
        return total + _siglip_operations(network, inputs["pixel_values_videos"].shape[1])
    return total + _qwen_tower_operations(network, *grid[0].tolist())


def _siglip_operations(network: Any, frames: int) -> float:
    tower, config = network.model.vision_tower, network.config.vision_config
    patches = (config.image_size // config.patch_size) ** 2
    weights = _weights(tower) - _weights(tower.embeddings.position_embedding)
    weights += _weights(network.model.multi_modal_projector)
    attention = 4 * config.num_hidden_layers * config.hidden_size * patches**2
    return frames * (2 * weights * patches + attention)


def _qwen_tower_operations(network: Any, steps: int, high: int, wide: int) -> float:
    tower, config = network.model.visual, network.config.vision_config
    patches, merged = high * wide, config.spatial_merge_size
    side = config.window_size // config.patch_size // merged  # of a window, in merged patches
    squares = [_sum_of_squares(length // merged, side) for length in (high, wide)]
    windows = merged**4 * squares[0] * squares[1]
    full = len(config.fullatt_block_indexes)
    attention = full * patches**2 + (config.depth - full) * windows
    weights = _weights(tower.blocks) + _weights(tower.patch_embed)
    tokens = patches // merged**2
    step = 2 * weights * patches + 2 * _weights(tower.merger) * tokens
    return steps * (step + 4 * config.hidden_size * attention)


def _sum_of_squares(length: int, part: int) -> int:
    """Of the lengths into which a length is cut."""
    whole, rest = divmod(length, part)
    return whole * part**2 + rest**2


def _weights(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def timed(call: Callable[[], object], repeats: int) -> float:
    """Seconds a call, the first one left out."""
    call()
    _wait()
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait()
    return (time.perf_counter() - started) / repeats


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def measured(model: TransformersVLM, requests: Sequence[Request], repeats: int) -> dict[str, Any]:
    """Rates of one batch: all of it as a run has it, and the card's part by itself."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    network = model._model
    whole = timed(lambda: model.answer(requests), repeats)
    inputs = model._inputs(list(requests)).to(network.device)
    inputs["pixel_values_videos"] = inputs["pixel_values_videos"].to(network.dtype)
    forward = timed(lambda: first_token_logprobs(network, inputs), repeats)
    replying = timed(lambda: replies(network, model._processor.tokenizer, inputs, REPLY), repeats)
    number, tokens = inputs["input_ids"].shape
    needed, peak = operations(model, inputs), peak_of_card()
    rate = number * needed / forward
    return {
        "tokens_per_question": tokens,
        "questions_per_second": round(number / whole, 4),
        "tokens_per_second": round(number * tokens / whole, 1),
        "seconds": round(whole, 4),
        "seconds_forward": round(forward, 4),
        "tokens_per_second_forward": round(number * tokens / forward, 1),
        "tflop_per_question": needed / 1e12,
        "tflops": round(rate / 1e12, 3),
        "share_of_peak": None if peak is None else round(rate / peak, 4),
        "seconds_per_reply_token": round((replying - forward) / (REPLY - 1), 5),
        "peak_memory_gib": _peak_memory(),
    }


def _peak_memory() -> float | None:
    if not torch.cuda.is_available():
        return None
    return round(torch.cuda.max_memory_allocated() / 2**30, 2)


def peak_of_card() -> float | None:
    """The card's bfloat16 peak in operations a second; None for one that is not in the table."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return next((peak for card, peak in PEAKS.items() if card in name), None)


def rows_of(name: str, device: str, plan: Plan) -> list[dict[str, Any]]:
    """A row for each setting of a model; what could not be measured says why."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model = MODELS[name](Path(folder), device, tiny=plan.tiny)
        for attention in ATTENTION:
            why_not = _set_attention(model, attention)
            for frames in plan.frames:
                for batch in plan.batches:
                    row = {"attention": attention, "frames": frames, "batch": batch}
                    requests = requests_of(batch, frames, FRAME_SIZES[name], frames + batch)
                    rows.append(row | (why_not or _tried(model, requests, plan.repeats)))
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _set_attention(model: TransformersVLM, attention: str) -> dict[str, str] | None:
    try:
        model._model.set_attn_implementation(attention)
    except (ImportError, ValueError) as error:
        return {"not_measured": str(error).splitlines()[0]}
    return None


def _tried(model: TransformersVLM, requests: list[Request], repeats: int) -> dict[str, Any]:
    try:
        return measured(model, requests, repeats)
    except torch.OutOfMemoryError:
        gc.collect()
        torch.cuda.empty_cache()
        return {"not_measured": "out of memory"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write down model by model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, action="append", help="default: both")
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU: a trial")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    if not given.tiny and not torch.cuda.is_available():
        sys.exit("no CUDA device: nothing is measured; --tiny runs the same with tiny models")
    plan, device = (TINY, "cpu") if given.tiny else (Plan(), "cuda")
    name = "cpu, tiny models" if given.tiny else torch.cuda.get_device_name()
    results: dict[str, Any] = {
        "command": "python -m benchmarks.mllm_throughput",
        "device": name,
        "peak_tflops": None if (peak := peak_of_card()) is None else peak / 1e12,
        "environment": describe_environment(),
        "models": {},
    }
    if given.out.exists():  # the other model's, of a call before on this card
        before = json.loads(given.out.read_text())
        results["models"] = before["models"] if before["device"] == name else {}
    for model in given.model or MODELS:
        results["models"][model] = rows_of(model, device, plan)
        make_folder(given.out.parent, hint="name another file with --out")
        given.out.write_text(json.dumps(results, indent=1) + "\n")
        gc.collect()


if __name__ == "__main__":
    main()

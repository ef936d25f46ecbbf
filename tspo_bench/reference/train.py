"""Makes the reference encoder and MLLM again: `python -m tspo_bench.reference.train`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch
from transformers import PreTrainedModel, ProcessorMixin

from tspo_bench.reference import encoder, mllm
from tspo_bench.reference.wording import train_wording

WEIGHTS = Path(__file__).parent / "weights"


def save(folder: Path, model: PreTrainedModel, processor: ProcessorMixin) -> None:
    """Save a model in half precision, which halves the package, with its processor."""
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    model.float()


def main() -> None:
    """Train both models on the CPU and write them under `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="one is fastest on two cores")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(arguments.threads)
    clip, tower = encoder.train_encoder(arguments.seed)
    train_wording(clip, arguments.seed + 2)
    save(arguments.out / "encoder", clip, encoder.make_processor())
    reader = mllm.train_mllm(tower, arguments.seed)
    save(arguments.out / "mllm", reader, mllm.make_processor())


if __name__ == "__main__":
    main()

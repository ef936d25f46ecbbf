"""The throughput script on tiny models, and its count of operations beside torch's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import mllm_throughput
from benchmarks.mllm_throughput import FRAME_SIZES, MODELS, main, operations, requests_of


@pytest.mark.parametrize("name", MODELS)
def test_operations_are_those_that_torch_counts(name: str, tmp_path: Path) -> None:
    model = MODELS[name](tmp_path, "cpu", tiny=True)
    model._model.set_attn_implementation("eager")  # of matrix products, which torch counts
    height, width = FRAME_SIZES[name]
    for frames, size in ((2, (height // 3, width // 3)), (4, (height // 4, width // 2))):
        [request] = requests_of(1, frames, size, seed=0)
        inputs = model._inputs([request])
        with FlopCounterMode(display=False) as counter:
            model.answer([request])
        text = model._model.config.text_config
        square = 2 * text.num_hidden_layers * text.hidden_size * inputs["input_ids"].shape[1] ** 2
        # Eager attention works out the half that a causal mask then throws away.
        assert operations(model, inputs) + square == pytest.approx(
            counter.get_total_flops(), rel=0.01
        )


def test_the_architectures_are_the_released_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters as the model cards have them, counted without memory for them."""
    monkeypatch.setattr("benchmarks.random_mllms.precision", lambda device: torch.bfloat16)
    sizes = {}
    for name, make in MODELS.items():
        folder = Path(f"{name}-settings")
        folder.mkdir()
        sizes[name] = sum(p.numel() for p in make(folder, "meta", tiny=False)._model.parameters())
    assert sizes["llava-video-7b"] / 1e9 == pytest.approx(8.03, abs=0.01)
    assert sizes["qwen2.5-vl-7b"] / 1e9 == pytest.approx(8.29, abs=0.01)


@pytest.mark.slow
def test_a_trial_fills_every_row(capfd: pytest.CaptureFixture[str]) -> None:
    out = Path("results/trial.json")
    main(["--tiny", "--model", "llava-video-7b", "--out", str(out)])
    main(["--tiny", "--model", "qwen2.5-vl-7b", "--out", str(out)])
    written = json.loads(out.read_text())
    assert written["device"] == "cpu, tiny models"
    assert set(written["models"]) == set(MODELS)
    for rows in written["models"].values():
        assert len(rows) == 3 * 2
        done = [row for row in rows if "not_measured" not in row]
        assert {row["attention"] for row in done} >= {"sdpa", "eager"}
        for row in done:
            tokens = row["questions_per_second"] * row["tokens_per_question"]
            assert row["tokens_per_second"] == pytest.approx(tokens, rel=1e-2)
            assert row["share_of_peak"] is None
    assert capfd.readouterr().out == ""


def test_without_a_gpu_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="no CUDA device"):
        main([])
    assert not mllm_throughput.RESULTS.exists()

"""The encoder's last round: words are kept apart, and nothing else changes."""

from __future__ import annotations

import copy

import pytest
import torch
from transformers import CLIPModel

from tspo_bench.features import load_encoder
from tspo_bench.haystack.world import PICTOGRAMS
from tspo_bench.reference import wording
from tspo_bench.reference.train import WEIGHTS
from tspo_bench.reference.words import make_tokenizer


@pytest.mark.slow
def test_the_frames_side_and_the_similarities_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "STEPS", 20)
    monkeypatch.setattr(wording, "NUM_FRAMES", 128)
    model = CLIPModel.from_pretrained(WEIGHTS / "encoder", dtype=torch.float32)
    before = copy.deepcopy(model)
    wording.train_wording(model, seed=1)
    for name, weights in before.state_dict().items():
        changed = not torch.equal(weights, model.state_dict()[name])
        assert changed == (name.startswith("text_") and "position_ids" not in name), name
    tokens = make_tokenizer(sentence_marks=True)(
        ["dog", "a cat"], padding=True, return_tensors="pt"
    )
    frames = wording.frame_features(before, seed=2)
    with torch.no_grad():
        old, new = (wording.text_features(m, tokens) @ frames.T for m in (before, model))
    assert (new - old).square().mean().sqrt() < 0.1


def test_the_shipped_encoder_tells_after_from_before() -> None:
    encoder = load_encoder("reference")
    text = "Which toy appears right {} the {}?"
    names = PICTOGRAMS[::10]
    after, before = (
        torch.nn.functional.normalize(
            torch.from_numpy(encoder.encode_text([text.format(word, name) for name in names])),
            dim=1,
        )
        for word in ("after", "before")
    )
    assert (after - before).norm(dim=1).min() > 0.25

"""The agents in the package: of the shipped encoder, made by a command, and worth their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tspo_bench.agent import KINDS
from tspo_bench.agent.checkpoint import PACKAGED, load_agent
from tspo_bench.features import FeatureStore, load_encoder
from tspo_bench.features.checkpoint import without_precision
from tspo_bench.samplers.scores import cosine, top_k
from tspo_bench.tasks import load_task
from tspo_bench.training.presets import preset
from tspo_bench.types import Features


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_agent_says_how_it_was_made_and_reads_the_shipped_encoder(kind: str) -> None:
    agent = load_agent(kind)
    encoder = load_encoder("reference")
    assert (agent.kind, agent.width) == (kind, encoder.width)
    assert agent.encoder_id == without_precision(encoder.id)
    card = (PACKAGED / kind / "README.md").read_text()
    assert "\ntspo-bench train " in card
    assert "--seeds 0" in card
    assert agent.recipe["rewards"] == preset("haystack").rewards == "answer,coverage"
    made, _, figures = card.partition("\n## Validation\n")
    assert made == str(agent.generate_model_card())
    assert f"| {kind} | " in figures
    size = sum(path.stat().st_size for path in (PACKAGED / kind).iterdir())
    assert size < 1.5e6


@pytest.mark.slow
def test_tspo_q_finds_evidence_that_cosines_miss(cache: Path) -> None:
    """Evidence recall on one-minute videos of the val split, with four frames of sixty."""
    task = load_task("haystack[length=1min,videos=14]", split="val")
    encoder, store, agent = load_encoder("reference"), FeatureStore(), load_agent("tspo-q")
    recalls: dict[str, list[float]] = {"cosine": [], "tspo-q": []}
    for question in task.questions():
        candidates = store.candidates(task.video_path(question.video), encoder, 1.0)
        assert candidates.features is not None
        text = encoder.encode_text([task.query_text(question)])
        scores: dict[str, Features] = {
            "cosine": cosine(candidates.features, text),
            "tspo-q": agent.score(candidates.features, text),
        }
        for name, values in scores.items():
            seconds = candidates.seconds[top_k(values, 4)]
            hit = [((s.start <= seconds) & (seconds <= s.end)).any() for s in question.evidence]
            recalls[name].append(float(np.mean(hit)))
    assert np.mean(recalls["tspo-q"]) > np.mean(recalls["cosine"]) + 0.1
    assert np.mean(recalls["tspo-q"]) > 0.8

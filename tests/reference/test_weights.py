"""The shipped checkpoints: what they are, how large, and that they do what the task needs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tspo_bench.features import load_encoder
from tspo_bench.haystack.scenes import draw_scene
from tspo_bench.mllms import load_mllm
from tspo_bench.reference.encoder import training_scenes
from tspo_bench.reference.train import WEIGHTS
from tspo_bench.samplers.scores import cosine
from tspo_bench.tasks import limit_questions, load_task
from tspo_bench.types import Frames, Prompt, Request
from tspo_bench.video import open_video

BARS = Path(__file__).parents[2] / "results" / "reference" / "bars.json"


def test_they_are_small_safetensors_with_a_card() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25e6
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".jinja", ".md"}
    assert (WEIGHTS / "README.md").read_text().startswith("---")


def test_the_encoder_finds_what_a_text_names() -> None:
    encoder = load_encoder("reference")
    scenes = training_scenes(12345, crowded=False)
    chosen = [next(scenes) for _ in range(60)]
    drawn = np.stack([draw_scene(s, s.clear[0] + 0.3) for s in chosen])
    features = encoder.encode_frames(np.clip(drawn, 0, 255).astype(np.uint8))
    names = [scene.main.name for scene in chosen]
    ranks = []
    for number, name in enumerate(names):
        text = encoder.encode_text([f"In how many scenes does the {name} appear?"])
        scores = cosine(features, text)
        others = [i for i, other in enumerate(names) if other != name]
        ranks.append(np.mean(scores[others] > scores[number]))
    assert np.mean(ranks) < 0.05


@pytest.mark.slow
def test_the_mllm_reads_the_evidence(cache: Path) -> None:
    """By the product's own path; the figures themselves are in results/reference/."""
    task = load_task("haystack[length=1min]")
    questions = limit_questions(task.questions(), 24)
    requests = []
    for question in questions:
        with open_video(task.video_path(question.video)) as reader:
            middles = [(span.start + span.end) / 2 for span in question.evidence]
            wanted = np.unique([round(8 * middle) for middle in middles])
            frames = reader.fetch(wanted)
        requests.append(Request(frames, task.prompt(question), 8.0, "ABCD", 480))
    answers = load_mllm("reference").answer(requests)
    letters = [task.read_answer(a.text, q).letter for a, q in zip(answers, questions, strict=True)]
    right = [letter == q.answer for letter, q in zip(letters, questions, strict=True)]
    assert np.mean(right) >= 0.6


def test_words_may_stand_between_the_frames() -> None:
    """Interleaved subtitles: frames go in as images then, with a newline token each."""
    pixels = np.zeros((3, 96, 170, 3), np.uint8)
    frames = Frames(np.arange(3), np.arange(3.0), pixels)
    request = Request(frames, Prompt("What is said ?", before=("", "hello\n", "")), 1.0, "ABCD", 3)
    model = load_mllm("reference")
    (answer,) = model.answer([request])
    assert answer.visual_input is not None
    assert (
        answer.visual_input.visual_tokens
        == 3 * 65
        == model.visual_tokens(3, 96, 170, interleaved=True)
    )


def test_the_bars_are_met() -> None:
    """So that what the built-in task measures is sampling."""
    cells = {cell["sampler"]: cell for cell in json.loads(BARS.read_text())["cells"]}
    assert {"oracle", "blind", "uniform"} <= set(cells)
    for cell in cells.values():
        low, high = cell["bar"]
        assert cell["n"] == sum(cell["status_counts"].values()) >= 600
        assert low <= cell["accuracy"] <= high
    assert cells["oracle"]["accuracy"] > cells["uniform"]["accuracy"] + 0.3


@pytest.mark.slow
def test_the_published_figures_hold(cache: Path) -> None:
    """Asked again, on some sixty questions of the test split."""
    from tspo_bench.evaluation import RunSettings, run_grid

    recorded = {c["sampler"]: c["accuracy"] for c in json.loads(BARS.read_text())["cells"]}
    result = run_grid(RunSettings(samplers=("oracle", "blind"), limit=60, out=cache / "run"))
    for cell in result.cells:
        accuracy = np.mean([record.correct for record in cell.records])
        assert abs(accuracy - recorded[cell.settings.sampler]) < 0.2

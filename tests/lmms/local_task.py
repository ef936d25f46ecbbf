"""A task of lmms-eval in a folder: its YAML, functions and questions, on videos of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tspo_bench.tasks import Task
from tspo_bench.types import Question

YAML = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {name}.jsonl
test_split: test
output_type: generate_until
doc_to_visual: !function utils.visual
doc_to_text: !function utils.text
doc_to_target: answer
generation_kwargs:
  max_new_tokens: 8
process_results: !function utils.process
metric_list:
  - metric: by_type
    aggregation: !function utils.mean_of_types
    higher_is_better: true
  - metric: plain
    aggregation: mean
    higher_is_better: true
lmms_eval_specific_kwargs:
  default:
    post_prompt: "\\nPlease answer with the option's letter from the given choices directly."
"""
# As the tasks of lmms-eval are written: a missing video ends the process.
UTILS = '''\
import os
import sys


def visual(doc):
    if not os.path.exists(doc["video"]):
        sys.exit(f"video path:{doc['video']} does not exist, please check")
    return [doc["video"]]


def text(doc, lmms_eval_specific_kwargs=None):
    lines = [f"{letter}. {option}" for letter, option in zip("ABCD", doc["options"])]
    return "\\n".join([doc["question"], *lines]) + lmms_eval_specific_kwargs["post_prompt"]


def messages(doc, lmms_eval_specific_kwargs=None):
    """For the chat interface: not named in YAML."""
    media = [{"type": "video", "url": path} for path in visual(doc)]
    words = {"type": "text", "text": text(doc, lmms_eval_specific_kwargs)}
    return [{"role": "user", "content": [*media, words]}]


def process(doc, results):
    said = results[0].strip().lower()
    pairs = zip("ABCD", doc["options"])
    letter = next((one for one, text in pairs if said in (one.lower(), text.lower())), "")
    said = {"pred_answer": letter, "answer": doc["answer"], "type": doc["task_type"]}
    return {"by_type": said, "plain": float(letter == doc["answer"])}


def mean_of_types(results):
    """In percent, as lmms-eval's MLVU has it."""
    right = {}
    for result in results:
        right.setdefault(result["type"], []).append(result["pred_answer"] == result["answer"])
    return 100 * sum(sum(of) / len(of) for of in right.values()) / len(right)
'''


def write_task(folder: Path, name: str, docs: Sequence[dict], yaml: str = YAML) -> Path:
    """Write a task's files; the folder."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.format(name=name))
    (folder / "utils.py").write_text(UTILS)
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    return folder


def doc_of(question: Question, video: Path, kind: str) -> dict:
    """A question of ours as a document of theirs."""
    return {
        "question_id": question.id,
        "video": str(video),
        "question": question.text,
        "options": list(question.options),
        "answer": question.answer,
        "task_type": kind,
    }


def docs_of(task: Task, missing: Sequence[str] = ()) -> list[dict]:
    """A task's questions, of alternating types; the videos of `missing` ids are nowhere."""
    return [
        doc_of(
            question,
            Path("/nowhere.mp4") if question.id in missing else task.video_path(question.video),
            ("first", "second", "second")[number % 3],
        )
        for number, question in enumerate(task.questions())
    ]

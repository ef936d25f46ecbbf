"""Splits whose answers are not public: their questions are asked, without a right answer."""

import json
from pathlib import Path

from tspo_bench.tasks import load_task

SIX = ["one", "two", "three", "four", "five", "six"]


def test_mlvu_test_without_answers_has_six_options_and_no_answer(tmp_path: Path) -> None:
    asked = {
        "question_id": "SQA_0",
        "question_type": "sportsQA",
        "video": "sports_1.mp4",
        "question": "How many goals are there?",
        "candidates": SIX,
        "duration": 300,
    }
    (tmp_path / "test_multi_choice_tasks.json").write_text(json.dumps([asked]))
    task = load_task("mlvu", split="test", data_root=tmp_path)
    (question,) = task.questions()
    assert (question.id, question.letters, question.answer) == ("SQA_0", "ABCDEF", None)
    assert question.groups == {"task_type": "sportsQA"}

    released = tmp_path / "test-ground-truth" / "test_mcq_gt.json"
    released.parent.mkdir()
    released.write_text(json.dumps([{**asked, "answer": "six"}]))
    (answered,) = load_task("mlvu", split="test", data_root=tmp_path).questions()
    assert answered.answer == "F"  # the file with the answers comes first


def test_longvideobench_test_has_no_answer(tmp_path: Path) -> None:
    record = {
        "id": "x_0",
        "video_path": "x.mp4",
        "question": "Who?",
        "candidates": ["he", "she"],
        "option0": "he",
        "option1": "she",
        "correct_choice": -1,
        "question_category": "S2E",
        "duration_group": 15,
        "level": "L1-Perception",
        "topic_category": "NP-News-Programs",
    }
    (tmp_path / "lvb_test_wo_gt.json").write_text(json.dumps([record]))
    (question,) = load_task("longvideobench", split="test", data_root=tmp_path).questions()
    assert question.answer is None

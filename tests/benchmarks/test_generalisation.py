"""The generalisation experiments: who is compared with whom, on which questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.generalisation import Plan, concerned, content, held_out, markdown
from tests.benchmarks.support import finish
from tests.benchmarks.test_ablation import parsed
from tests.haystack.invariants import mains, words
from tspo_bench.haystack.task import HaystackTask
from tspo_bench.haystack.world import HELD_OUT, PICTOGRAMS
from tspo_bench.types import Question, Record

PLAN = Plan(agents=("tspo-q",), seeds=(0, 1), steps=300)


def test_trainings_leave_out_what_they_say():
    after = parsed(PLAN.trial("tspo-q", "without-after").commands[0])
    assert after["without_types"] == "after"
    known = parsed(PLAN.trial("tspo-q", "known-objects").commands[0])
    assert known["task"] == "haystack[objects=known]"
    short, long = PLAN.trial("tspo-q", "usual").commands
    assert parsed(short)["task"] == "haystack"
    assert parsed(long)["task"] == "haystack[length=60min,videos=8]"
    assert len(PLAN.trials) == 5


def test_a_trial_run_leaves_the_usual_one_as_it_is():
    assert str(PLAN.results) == "results/haystack/generalisation.json"
    sizes = (replace(PLAN, steps=2), replace(PLAN, videos=2), replace(PLAN, limit=5))
    for trial in (*sizes, replace(PLAN, long_videos=1)):
        assert str(trial.results) == "agents/generalisation-trial/generalisation.json"
        assert all(one.folder.is_relative_to(trial.root) for one in trial.trials)
        assert not trial.root.is_relative_to(PLAN.root)


def test_what_a_question_is_about():
    task = HaystackTask(videos=8)
    for video in dict.fromkeys(question.video for question in task.questions()):
        script = task.script(video)
        for item in script.items:
            about = concerned(script, item) & set(PICTOGRAMS)
            assert about >= set(words(item.text)) & set(PICTOGRAMS)
            assert about >= {mains(script)[number] for number in item.evidence}
            assert item.kind == "count" or item.options[item.answer] in about
            assert len(about) <= {"order": 4, "opening": 1, "ending": 1, "count": 1}.get(
                item.kind, 2
            )


def right(sampler: str, seed: int, place: int) -> bool:
    """The agents without a type or a fifth of the objects fail on the last two types."""
    return "generalisation" not in sampler or place % 7 < 5


def test_rows_are_about_their_questions(questions: Sequence[Question]):
    for trial in PLAN.trials:
        finish(trial, questions, right)
    results = content(PLAN)
    rows = {(row["questions"], row["sampler"], row["training"]): row for row in results["rows"]}
    assert rows["5min", "tspo-q", "usual"]["n"] == len(questions) == 56
    assert rows["60min", "uniform", None]["accuracy"] == 1
    assert rows["after", "tspo-q", "without-after"]["n"] == 8
    ending = rows["ending", "tspo-q", "without-ending"]
    assert (ending["accuracy"], rows["ending", "tspo-q", "usual"]["accuracy"]) == (1, 1)
    sizes = [rows[part, "tspo-q", "known-objects"]["n"] for part in ("held out", "others")]
    assert sum(sizes) == 56
    assert sizes[0] == sum(is_held_out(question) for question in questions) > 5
    lost = rows["others", "tspo-q", "known-objects"]["difference"]
    places = [place for place, question in enumerate(questions) if not is_held_out(question)]
    assert lost["difference"] == -sum(place % 7 >= 5 for place in places) / len(places)
    assert not results["missing"]
    text = markdown(results)
    assert text.count("| held out |") == 5  # three samplers, two kinds of agents
    assert all(entry["command"] in text for row in results["rows"] for entry in row["commands"])


def is_held_out(question: Question) -> bool:
    record = Record(
        question.id, question.video, "ok", question.answer, None, groups=question.groups
    )
    script = HaystackTask().script(question.video)
    (item,) = [item for item in script.items if question.id.endswith(f"-{item.kind}")]
    seen = {mains(script)[number] for number in item.evidence}
    naive = HELD_OUT & {*seen, item.options[item.answer], *words(item.text)}
    assert held_out(record) == bool(naive)
    return bool(naive)

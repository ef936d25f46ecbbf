"""A model behind a server: what it is asked, how it is named, and that it can train an agent."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from typing import Any

import numpy as np
import pytest

from tests.mllms.conftest import make_request, with_prompt
from tests.mllms.served import MODEL, ask, echo, model_at, questions
from tests.mllms.servers import Body, ChatServer, completion, prompt_of
from tests.mllms.test_chat import listed
from tests.training.episodes import Openings
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.loading import with_base_url
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.training.rollout import answer_groups
from tspo_bench.types import Answer

pytestmark = pytest.mark.usefixtures("_quick_retries")


def test_asks_greedily_and_for_so_many_tokens() -> None:
    with ChatServer(models=[MODEL]) as server:
        model = model_at(server, max_new_tokens=7)
        request = make_request([1, 2])
        longer = with_prompt(request, max_new_tokens=99)
        [answer, _] = model.answer([request, longer])
    assert isinstance(answer, Answer)
    assert (answer.text, dict(answer.usage)) == ("A", {"prompt_tokens": 12, "completion_tokens": 3})
    assert len(server.asked) == 2, "the list of models names it: nothing else is asked"
    limits = set()
    for body in server.asked:
        assert sorted(body) == ["max_tokens", "messages", "model", "seed", "temperature"]
        assert (body["model"], body["temperature"], body["seed"]) == (MODEL, 0, 0)
        limits.add(body["max_tokens"])
    assert limits == {7, 99}


def test_a_reply_that_is_begun_is_to_be_continued() -> None:
    request = with_prompt(make_request([]), reply_start="It is (")
    with ChatServer(models=[MODEL]) as server:
        model_at(server).answer([request])
        model_at(server, prefill=False).answer([request])
    begun, ended = server.asked
    assert begun["messages"][-1] == {"role": "assistant", "content": "It is ("}
    assert (begun["continue_final_message"], begun["add_generation_prompt"]) == (True, False)
    assert prompt_of(ended).endswith("\nIt is (")
    assert "continue_final_message" not in ended


def test_extra_fields_are_added_and_null_ones_left_out() -> None:
    extra = "{temperature: null, max_tokens: null, max_completion_tokens: 5, reasoning: {n: 1}}"
    with ChatServer(models=[MODEL]) as server:
        model = load_mllm(f'openai:{MODEL}[base_url={server.url},extra="{extra}"]')
        model.answer(questions(1))
    [body] = server.asked
    assert sorted(body) == ["max_completion_tokens", "messages", "model", "reasoning", "seed"]
    assert (body["max_completion_tokens"], body["reasoning"]) == (5, {"n": 1})


def test_options_are_asked_for_as_log_probabilities() -> None:
    choice = listed(("C", -0.1), (" A", -3.0))
    with ChatServer(lambda body, number: completion("C", **choice), [MODEL]) as server:
        request = dataclasses.replace(make_request([4]), mode="options")
        [answer] = model_at(server).answer([request])
    [body] = server.asked
    assert (body["logprobs"], body["top_logprobs"], body["max_tokens"]) == (True, 20, 1)
    assert isinstance(answer, Answer)
    assert answer.text == "C"
    assert dict(answer.option_logprobs or {}) == pytest.approx({"A": -3.0, "C": -0.1})


def test_requests_go_at_once_and_answers_come_in_order() -> None:
    def slow_first(body: Body, number: int) -> Body:
        time.sleep(0.2 if prompt_of(body).endswith("0") else 0.05)
        return echo(body, number)

    answers, server = ask(slow_first, 16, concurrency=4)
    assert [a.text for a in answers if isinstance(a, Answer)] == [
        f"to question {i}" for i in range(16)
    ]
    assert server.most == 4


def test_answers_inside_a_running_event_loop() -> None:
    async def notebook(model: OpenAIServer) -> Any:
        return model.answer(questions(2))

    with ChatServer(echo, [MODEL]) as server:
        answers = asyncio.run(notebook(model_at(server)))
    assert [answer.text for answer in answers] == ["to question 0", "to question 1"]


def test_no_requests_are_no_answers() -> None:
    with ChatServer(models=[MODEL]) as server:
        assert model_at(server).answer([]) == []


def test_names_and_ids() -> None:
    with ChatServer(echo) as server:
        plain = load_mllm(
            f"openai:{MODEL}[base_url={server.url},concurrency=2,timeout=9,retries=1]"
        )
        other = load_mllm(f"openai:{MODEL}[times=none,base_url={server.url}/]")
        named = load_mllm(f"openai:{MODEL}[name=mine,base_url={server.url}]")
        word = load_mllm(f"openai:llava[base_url={server.url}]")  # reads like package:Name
        assert check_mllm(f"openai:llava[base_url={server.url},quality=50]") == "llava[quality=50]"
    assert [m.name for m in (plain, other, named, word)] == [
        "tiny-vl",
        "tiny-vl[times=none]",
        "mine",
        "llava",
    ]
    assert plain.id == named.id != other.id
    assert plain.id == (
        f"openai:{MODEL}[base_url={server.url},extra={{}},max_new_tokens=32,prefill=true,"
        "quality=90,short_side=448,times=frames]"
    )
    assert (plain.short_side, word.short_side) == (448, 448)


def test_base_url_is_an_option_of_served_models_alone() -> None:
    url = "http://[::1]:8000/v1"
    specs = ["reference", "openai:a/b", "openai:c[times=none]"]
    assert with_base_url(specs, None) == specs
    assert with_base_url(specs, url) == [
        "reference",
        f'openai:a/b[base_url="{url}"]',
        f'openai:c[times=none,base_url="{url}"]',
    ]
    with pytest.raises(UserError, match=r"no model of reference is on a server; .*openai:NAME"):
        with_base_url(["reference"], url)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("concurrency=0", "concurrency=0; give a whole number, 1 or more"),
        ("retries=-1", "retries=-1"),
        ("quality=101", "quality=101; give a whole number, 1 to 100"),
        ("short_side=0", "short_side=0"),
        ("max_new_tokens=1.5", "max_new_tokens=1.5"),
        ("timeout=0", "timeout=0; give seconds above 0"),
        ("times=true", "times=True; use frames or none"),
        ("extra=[1]", r"extra=\[1\]; write extra='{field: value}'"),
        ("base_url=localhost:8000", "write http://HOST:PORT/v1"),
        ("colour=red", "has no option 'colour'"),
    ],
)
def test_options_that_cannot_be(option: str, said: str) -> None:
    base = "" if "base_url" in option else "base_url=http://127.0.0.1:9/v1,"
    with pytest.raises(UserError, match=said):
        check_mllm(f"openai:x[{base}{option}]")


def test_no_model_named() -> None:
    with pytest.raises(UserError, match="'openai' needs 'model'"):
        load_mllm("openai")


def test_a_served_model_answers_rollouts_and_its_failure_is_no_reward() -> None:
    episode = Openings().episode(0, 0)
    drawn = [np_rows([[3, 1, 2, 0], [7, 8, 9, 30], [0, 1, 2, 3]])]

    def sees(body: Body, number: int) -> Any:
        stamps = [p["text"] for p in body["messages"][0]["content"] if p["type"] == "text"]
        return completion(" ".join(stamps[:-1]))

    with ChatServer(sees, [MODEL]) as server:
        model = model_at(server, retries=0)
        [group] = answer_groups([episode], drawn, model)
        assert group.replies == (
            "[0.0 s] [1.0 s] [2.0 s] [3.0 s]",
            "[7.0 s] [8.0 s] [9.0 s] [30.0 s]",
            "[0.0 s] [1.0 s] [2.0 s] [3.0 s]",
        )
        assert len(server.asked) == 2
    with pytest.raises(UserError, match=r"'tiny-vl' gave no answer: cannot reach .*--resume"):
        answer_groups([episode], drawn, model)


def np_rows(rows: list[list[int]]) -> Any:
    import torch

    return torch.from_numpy(np.array(rows))

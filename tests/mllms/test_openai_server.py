"""A model behind a server: what it is asked, and every way in which a server may misbehave."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from tests.mllms.conftest import make_request
from tests.mllms.servers import KEY, Body, ChatServer, completion, hurry, prompt_of
from tests.mllms.test_chat import NONSENSE, listed
from tests.training.episodes import Openings
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, load_mllm
from tspo_bench.mllms.loading import with_base_url
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.training.rollout import answer_groups
from tspo_bench.types import Answer, Failed, Request

MODEL = "some/tiny-vl"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def model_at(server: ChatServer, **options: Any) -> OpenAIServer:
    return OpenAIServer(MODEL, server.url, **options)


def questions(number: int) -> list[Request]:
    return [make_request([], f"question {i}") for i in range(number)]


def echo(body: Body, number: int) -> Body:
    return completion(f"to {prompt_of(body)}")


def reason(given: Answer | Failed) -> str:
    assert isinstance(given, Failed), given
    return given.error


# What is asked


def test_asks_greedily_and_for_so_many_tokens() -> None:
    with ChatServer(models=[MODEL]) as server:
        model = model_at(server, max_new_tokens=7)
        request = make_request([1, 2])
        longer = dataclasses.replace(request, max_new_tokens=99)
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
    request = dataclasses.replace(make_request([]), reply_start="It is (")
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

    with ChatServer(slow_first, [MODEL]) as server:
        model = model_at(server, concurrency=4)
        started = time.monotonic()
        answers = model.answer(questions(16))
        seconds = time.monotonic() - started
    assert [a.text for a in answers if isinstance(a, Answer)] == [
        f"to question {i}" for i in range(16)
    ]
    assert server.most == 4
    assert seconds < 0.9, "one after another would take a second"


def test_answers_inside_a_running_event_loop() -> None:
    async def notebook(model: OpenAIServer) -> Any:
        return model.answer(questions(2))

    with ChatServer(echo, [MODEL]) as server:
        answers = asyncio.run(notebook(model_at(server)))
    assert [answer.text for answer in answers] == ["to question 0", "to question 1"]


def test_no_requests_are_no_answers() -> None:
    with ChatServer(models=[MODEL]) as server:
        assert model_at(server).answer([]) == []


# What is tried again


def test_a_rate_limit_is_waited_for_as_long_as_it_says() -> None:
    def limited(body: Body, number: int) -> Any:
        if number == 0:
            return 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.4"}
        return completion("B")

    with ChatServer(limited, [MODEL]) as server:
        [answer] = model_at(server).answer(questions(1))
    assert isinstance(answer, Answer)
    assert answer.text == "B"
    assert server.at[1] - server.at[0] >= 0.4


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    def failing(body: Body, number: int) -> Any:
        return (status, b"<html>oops</html>") if number < 2 else completion("B")

    with ChatServer(failing, [MODEL]) as server:
        [answer] = model_at(server).answer(questions(1))
    assert (answer, len(server.asked)) == (dataclasses.replace(answer, text="B"), 3)  # type: ignore[call-arg]


def test_a_lasting_failure_costs_its_own_question_after_all_tries() -> None:
    def failing(body: Body, number: int) -> Any:
        if "question 1" in prompt_of(body):
            return 503, {"error": {"message": "overloaded"}}
        return echo(body, number)

    with ChatServer(failing, [MODEL]) as server:
        answers = model_at(server, retries=2).answer(questions(3))
    assert "503" in reason(answers[1])
    assert "overloaded" in reason(answers[1])
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer]
    assert len(server.asked) == 2 + 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_no_repetition_mends_is_asked_once(status: int) -> None:
    answer = (status, {"error": {"message": "too many images"}})
    with ChatServer(lambda body, number: answer, [MODEL]) as server:
        [given] = model_at(server).answer(questions(1))
    assert f"{status}" in reason(given)
    assert "too many images" in reason(given)
    assert len(server.asked) == 1


def test_a_server_that_continues_no_reply_is_told_of() -> None:
    refusal = (422, {"detail": "Unexpected fields in the request: {'continue_final_message'}"})
    request = dataclasses.replace(make_request([]), reply_start="It is (")
    with ChatServer(lambda body, number: refusal, [MODEL]) as server:
        [given] = model_at(server).answer([request])
    assert "[prefill=false]" in reason(given)


# Slow, silent, endless


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_now_and_then_does_not_hold_up_a_request(part: str) -> None:
    def drip(handler: Any) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"X" if part == "head" else b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    with ChatServer(lambda body, number: drip, [MODEL]) as server:
        model = model_at(server, timeout=0.3, retries=1)
        started = time.monotonic()
        [given] = model.answer(questions(1))
    assert time.monotonic() - started < 2
    assert "no answer within 0.3 s" in reason(given)
    assert len(server.asked) == 2, "a timeout is tried again"


def test_ten_megabytes_are_not_read_to_their_end() -> None:
    sent = [0]

    def flood(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.wfile.write(b'{"choices": [{"message": {"content": "')
        for _ in range(160):
            handler.wfile.write(b"A" * 2**16)
            sent[0] += 2**16

    with ChatServer(lambda body, number: flood, [MODEL]) as server:
        [given] = model_at(server).answer(questions(1))
    assert "longer than 1,048,576 bytes" in reason(given)
    assert len(server.asked) == 1
    assert sent[0] < 9 * 2**20


def test_ten_megabytes_in_a_small_parcel() -> None:
    parcel = gzip.compress(b" " * 10 * 2**20)
    assert len(parcel) < 2**15
    answer = (200, parcel, {"Content-Encoding": "gzip"})
    with ChatServer(lambda body, number: answer, [MODEL]) as server:
        [given] = model_at(server).answer(questions(1))
    assert "longer than" in reason(given)


def test_a_packed_reply_is_read() -> None:
    import json

    packed = (
        200,
        gzip.compress(json.dumps(completion("B")).encode()),
        {"Content-Encoding": "gzip"},
    )
    with ChatServer(lambda body, number: packed, [MODEL]) as server:
        [answer] = model_at(server).answer(questions(1))
    assert isinstance(answer, Answer)
    assert answer.text == "B"


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"<html>", b'{"choices": [', b"\xff\xfe\x00", b"[" * 100_000],
    ids=["nothing", "word", "html", "cut", "bytes", "deep"],
)
def test_what_is_no_json_costs_its_own_question(content: bytes) -> None:
    def broken(body: Body, number: int) -> Any:
        return (200, content) if "question 1" in prompt_of(body) else echo(body, number)

    with ChatServer(broken, [MODEL]) as server:
        answers = model_at(server).answer(questions(3))
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer]
    assert len(reason(answers[1])) <= 200
    assert len(server.asked) == 3, "nonsense is not asked for twice"


def test_nonsense_in_json_costs_its_own_question() -> None:
    cases = list(NONSENSE.values())
    with ChatServer(lambda body, number: (200, cases[int(prompt_of(body)[9:])]), [MODEL]) as server:
        answers = model_at(server).answer(questions(len(cases)))
    for answer in answers:
        assert reason(answer).startswith("the reply")


def test_ctrl_c_does_not_wait_for_the_server() -> None:
    with ChatServer(lambda body, number: time.sleep(5), [MODEL]) as server:
        model = model_at(server)
        started = time.monotonic()
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            model.answer(questions(2))
    assert 0.4 < time.monotonic() - started < 3


# Lost connections


def hang_up(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.close()


def test_a_closed_connection_is_tried_again() -> None:
    with ChatServer(lambda body, n: hang_up if n < 2 else completion("B"), [MODEL]) as server:
        [answer] = model_at(server).answer(questions(1))
    assert isinstance(answer, Answer)
    assert (answer.text, len(server.asked)) == ("B", 3)


def test_a_server_that_is_gone_is_waited_for_once() -> None:
    """The first question waits for it; later ones do not, until it is back."""
    is_there = [True]

    def moody(body: Body, number: int) -> Any:
        return completion("B") if is_there[0] else hang_up

    tries = []
    with ChatServer(moody, [MODEL]) as server:
        model = model_at(server, retries=4)
        for is_there[0] in (True, False, False, True, False):
            before = len(server.asked)
            [given] = model.answer(questions(1))
            tries.append(len(server.asked) - before)
            assert isinstance(given, Answer if is_there[0] else Failed)
    assert tries == [1, 5, 1, 1, 5]
    [given] = model.answer(questions(1))  # and now the port is closed, too
    assert f"cannot reach {server.url}" in reason(given)


def test_a_server_that_comes_back_in_time_costs_nothing() -> None:
    server = ChatServer(echo, [MODEL])
    with server:
        model = model_at(server, retries=60)
    back = threading.Timer(0.5, server.__enter__)
    back.start()
    try:
        answers = model.answer(questions(4))
    finally:
        back.join()
        server.__exit__()
    assert [type(answer) for answer in answers] == [Answer] * 4


# Before the first question


def test_nobody_there() -> None:
    with ChatServer() as server:
        pass
    spec = f"openai:{MODEL}[base_url={server.url}]"
    for find in (load_mllm, check_mllm):
        with pytest.raises(UserError, match=f"cannot reach {server.url}: .*; start the server, or"):
            find(spec)


def test_a_model_that_is_not_served() -> None:
    refusal = (404, {"error": {"message": "the model `some/tiny-vl` does not exist"}})
    with (
        ChatServer(lambda body, number: refusal, ["llava", "qwen"]) as server,
        pytest.raises(UserError, match=r"does not exist.*; it serves llava, qwen$"),
    ):
        model_at(server)


@pytest.mark.parametrize("models", [None, ["another"]])
def test_lists_that_are_missing_or_incomplete(models: list[str] | None) -> None:
    with ChatServer(echo, models) as server:
        model = model_at(server)
        assert (len(server.asked), server.asked[0]["max_tokens"]) == (1, 1)
        assert isinstance(model.answer(questions(1))[0], Answer)


def test_a_url_without_its_path() -> None:
    with ChatServer() as server, pytest.raises(UserError, match=r"most end in /v1$"):
        OpenAIServer(MODEL, server.url.removesuffix("/v1"))


def test_a_server_that_is_busy_is_there_all_the_same() -> None:
    with ChatServer(lambda body, number: (429, {"error": {"message": "busy"}})) as server:
        model_at(server)


# Keys


def test_the_key_goes_to_the_server_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")

    def telltale(body: Body, number: int) -> Any:
        said = f"your key is {KEY} !"
        return (400, {"error": {"message": said}}) if number else completion(said)

    with ChatServer(telltale, [MODEL], key=KEY) as server:
        model = model_at(server, key_env="MY_KEY", concurrency=1)
        first, second = model.answer(questions(2))
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert isinstance(first, Answer)
    assert first.text == "your key is *** !"
    assert "your key is *** !" in reason(second)
    assert KEY not in f"{model.id}{model.name}"


def test_a_wrong_key_stops_before_the_first_question(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "sk-wrong-9876543210"
    monkeypatch.setenv("OPENAI_API_KEY", wrong)
    with ChatServer(models=[MODEL], key=KEY) as server:
        with pytest.raises(
            UserError, match=r"401.*put the server's key into OPENAI_API_KEY"
        ) as error:
            model_at(server)
        assert wrong not in str(error.value)
        assert "bad key in 'Bearer ***'" in str(error.value)


def test_a_key_of_a_few_letters_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers of one's own are often given such a one, and it may be an answer's word."""
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with ChatServer(lambda body, number: completion("EMPTY"), [MODEL]) as server:
        [answer] = model_at(server).answer(questions(1))
    assert isinstance(answer, Answer)
    assert answer.text == "EMPTY"


def test_a_key_that_no_header_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first\nsk-second")
    with pytest.raises(UserError, match="OPENAI_API_KEY holds characters") as error:
        OpenAIServer(MODEL, "http://127.0.0.1:9/v1")
    assert "sk-" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["http://me:{}@HOST/v1", "http://{}@HOST/v1", "http://HOST/v1?k={}"]
)
def test_a_url_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="OPENAI_BASE_URL") as error:
        OpenAIServer(MODEL, url.format(KEY).replace("HOST", "127.0.0.1:9"))
    assert KEY not in str(error.value)


def test_a_password_in_the_environment_is_used_and_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def telltale(body: Body, number: int) -> Any:
        return 400, {"error": {"message": f"no {KEY}"}}

    with ChatServer(telltale, [MODEL]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", f"//me:{KEY}@"))
        model = OpenAIServer(MODEL)
        [given] = model.answer(questions(1))
    assert server.headers[0]["Authorization"].startswith("Basic ")
    assert f"base_url={server.url}," in model.id
    assert KEY not in model.id + reason(given)
    with pytest.raises(UserError, match=f"cannot reach {server.url}") as error:
        OpenAIServer(MODEL)
    assert KEY not in str(error.value)


# Names and options


def test_names_and_ids() -> None:
    with ChatServer(echo) as server:
        plain = load_mllm(
            f"openai:{MODEL}[base_url={server.url},concurrency=2,timeout=9,retries=1]"
        )
        other = load_mllm(f"openai:{MODEL}[times=false,base_url={server.url}/]")
        named = load_mllm(f"openai:{MODEL}[name=mine,base_url={server.url}]")
        word = load_mllm(f"openai:llava[base_url={server.url}]")  # reads like package:Name
        assert check_mllm(f"openai:llava[base_url={server.url},quality=50]") == "llava[quality=50]"
    assert [m.name for m in (plain, other, named, word)] == [
        "tiny-vl",
        "tiny-vl[times=false]",
        "mine",
        "llava",
    ]
    assert plain.id == named.id != other.id
    assert plain.id == (
        f"openai:{MODEL}[base_url={server.url},extra={{}},max_new_tokens=32,prefill=true,"
        "quality=90,short_side=448,times=true]"
    )
    assert (plain.short_side, word.short_side) == (448, 448)


def test_base_url_is_an_option_of_served_models_alone() -> None:
    url = "http://[::1]:8000/v1"
    specs = ["reference", "openai:a/b", "openai:c[times=false]"]
    assert with_base_url(specs, None) == specs
    assert with_base_url(specs, url) == [
        "reference",
        f'openai:a/b[base_url="{url}"]',
        f'openai:c[times=false,base_url="{url}"]',
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
        ("times=no", "times='no'; give true or false"),
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


# Training


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

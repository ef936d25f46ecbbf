"""Every way in which a server may misbehave: what is tried again, and what it costs."""

from __future__ import annotations

import gzip
import json
import os
import signal
import threading
import time
from typing import Any

import pytest

from tests.mllms.conftest import make_request, with_prompt
from tests.mllms.served import MODEL, answer_of, ask, echo, model_at, questions, reason, reason_of
from tests.mllms.servers import Body, ChatServer, completion, prompt_of
from tests.mllms.test_chat import NONSENSE
from tspo_bench.types import Answer, Failed

pytestmark = pytest.mark.usefixtures("_quick_retries")


def test_a_rate_limit_is_waited_for_as_long_as_it_says() -> None:
    def limited(body: Body, number: int) -> Any:
        if number == 0:
            return 429, {"error": {"message": "slow down"}}, {"Retry-After": "0.4"}
        return completion("B")

    [answer], server = ask(limited)
    assert isinstance(answer, Answer)
    assert answer.text == "B"
    assert server.at[1] - server.at[0] >= 0.4


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    def failing(body: Body, number: int) -> Any:
        return (status, b"<html>oops</html>") if number < 2 else completion("B")

    answer, asked = answer_of(failing)
    assert (answer.text, asked) == ("B", 3)


def test_a_lasting_failure_costs_its_own_question_after_all_tries() -> None:
    def failing(body: Body, number: int) -> Any:
        if "question 1" in prompt_of(body):
            return 503, {"error": {"message": "overloaded"}}
        return echo(body, number)

    answers, server = ask(failing, 3, retries=2)
    assert "503" in reason(answers[1])
    assert "overloaded" in reason(answers[1])
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer]
    assert len(server.asked) == 2 + 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_no_repetition_mends_is_asked_once(status: int) -> None:
    answer = (status, {"error": {"message": "too many images"}})
    said, asked = reason_of(lambda body, number: answer)
    assert f"{status}" in said
    assert "too many images" in said
    assert asked == 1


def test_a_server_that_does_not_continue_replies() -> None:
    refusal = (422, {"detail": "Unexpected fields in the request: {'continue_final_message'}"})
    request = with_prompt(make_request([]), reply_start="It is (")
    with ChatServer(lambda body, number: refusal, [MODEL]) as server:
        [given] = model_at(server).answer([request])
    assert "[prefill=false]" in reason(given)


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_byte_now_and_then_does_not_hold_up_a_request(part: str) -> None:
    def drip(handler: Any) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        for _ in range(10_000):  # until the client hangs up
            handler.wfile.write(b"X" if part == "head" else b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    with ChatServer(lambda body, number: drip, [MODEL]) as server:
        [given] = model_at(server, timeout=0.3, retries=1).answer(questions(1))
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

    said, asked = reason_of(lambda body, number: flood)
    assert "longer than 1,048,576 bytes" in said
    assert asked == 1
    assert sent[0] < 9 * 2**20


def test_ten_megabytes_in_a_small_parcel() -> None:
    parcel = gzip.compress(b" " * 10 * 2**20)
    assert len(parcel) < 2**15
    answer = (200, parcel, {"Content-Encoding": "gzip"})
    said, _ = reason_of(lambda body, number: answer)
    assert "longer than" in said


def test_a_packed_reply_is_read() -> None:
    content = gzip.compress(json.dumps(completion("B")).encode())
    packed = (200, content, {"Content-Encoding": "gzip"})
    answer, _ = answer_of(lambda body, number: packed)
    assert answer.text == "B"


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"<html>", b'{"choices": [', b"\xff\xfe\x00", b"[" * 100_000],
    ids=["nothing", "word", "html", "cut", "bytes", "deep"],
)
def test_what_is_no_json_costs_its_own_question(content: bytes) -> None:
    def broken(body: Body, number: int) -> Any:
        return (200, content) if "question 1" in prompt_of(body) else echo(body, number)

    answers, server = ask(broken, 3)
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer]
    assert len(reason(answers[1])) <= 200
    assert len(server.asked) == 3, "nonsense is not asked for twice"


def test_nonsense_in_json_costs_its_own_question() -> None:
    cases = list(NONSENSE.values())
    answers, _ = ask(lambda body, number: (200, cases[int(prompt_of(body)[9:])]), len(cases))
    for answer in answers:
        assert reason(answer).startswith("the reply")


def test_ctrl_c_does_not_wait_for_the_server() -> None:
    may_answer, answered = threading.Event(), []

    def slow(body: Body, number: int) -> Any:
        may_answer.wait(30)
        answered.append(number)
        return completion("B")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a command's, perhaps
    try:
        with ChatServer(slow, [MODEL]) as server:
            model = model_at(server)
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            with pytest.raises(KeyboardInterrupt):
                model.answer(questions(2))
            assert not answered
            may_answer.set()
    finally:
        signal.signal(signal.SIGINT, before)


def hang_up(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.close()


def test_a_closed_connection_is_tried_again() -> None:
    answer, asked = answer_of(lambda body, n: hang_up if n < 2 else completion("B"))
    assert (answer.text, asked) == ("B", 3)


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

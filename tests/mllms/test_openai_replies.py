"""Replies of every shape that servers and gateways send with the status 200."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.mllms.conftest import make_request
from tests.mllms.served import answer_of, ask, echo, reason, reason_of
from tests.mllms.servers import Body, completion, prompt_of
from tspo_bench.mllms.chat import NonsenseError, chat_messages, read_reply
from tspo_bench.types import Answer, Failed

pytestmark = pytest.mark.usefixtures("_quick_retries")


def text_part(text: str) -> Body:
    return {"type": "text", "text": text}


def message(**fields: Any) -> Body:
    """A completion whose message has these fields."""
    reason = fields.pop("finish_reason", "stop")
    return {"choices": [{"message": {"role": "assistant", **fields}, "finish_reason": reason}]}


PASSING = {
    "a number": {"error": {"message": "slow down", "code": 429}},
    "in words": {"error": {"message": "slow down", "code": "503"}},
    "a type": {"error": {"message": "slow down", "type": "rate_limit_exceeded"}},
    "its status": {"error": {"message": "slow down", "status": 502}},
    "a choice's": {"choices": [{"error": {"message": "slow down", "code": 500}}]},
    "beside it": {"error": "slow down", "code": 503},
    "old vLLM's": {"object": "error", "message": "slow down", "code": 503},
    "with choices": {**completion("B"), "error": {"message": "slow down", "code": 502}},
    "in an error": {"error": {"error": {"message": "slow down", "code": 429}}},
    "in a list": {"error": [{"message": "slow down", "code": 500}]},
    "errors": {"errors": [{"message": "slow down", "code": "rate_limit"}]},
    "Google's": [{"error": {"message": "slow down", "status": "RESOURCE_EXHAUSTED"}}],
    "a float": {"error": {"message": "slow down", "code": 429.0}},
    "a number alone": {"error": 503},
    "a class": {"error": {"message": "slow down", "type": "InternalServerError"}},
    "overloaded": {"error": {"type": "overloaded_error", "message": "slow down"}},
}


@pytest.mark.parametrize("content", PASSING.values(), ids=PASSING)
def test_a_passing_error_within_a_success_is_tried_again(content: Body) -> None:
    answer, asked = answer_of(lambda body, n: content if n < 2 else completion("B"))
    assert (answer.text, asked) == ("B", 3)


def test_a_lasting_one_reports_the_servers_words() -> None:
    content = {"error": {"message": "the queue is full", "code": 429}}
    said, asked = reason_of(lambda body, number: content, retries=1)
    assert "answers 429: the queue is full" in said
    assert asked == 2


LASTING = {
    "a refusal": ({"error": {"message": "no such image", "code": 400}}, "400: no such image"),
    "no code": ({"error": {"message": "no such image"}}, "the reply is an error: no such image"),
    "words": ({"error": "no such image"}, "the reply is an error: no such image"),
    "another code": ({"error": {"message": "no such image", "code": 1302}}, "no such image"),
    "a code in words": ({"error": {"message": "no such image", "code": "bad"}}, "no such image"),
    "no words": ({"error": {"kind": "odd"}}, "odd"),
    "detail": ({"detail": "no such image"}, "no such image"),
    "a message": ({"code": 1000, "msg": "no such image", "data": None}, "no such image"),
}


@pytest.mark.parametrize(("content", "said"), LASTING.values(), ids=LASTING)
def test_another_error_within_a_success_is_not(content: Body, said: str) -> None:
    def broken(body: Body, number: int) -> Any:
        return content if "question 1" in prompt_of(body) else echo(body, number)

    answers, server = ask(broken, 3)
    assert said in reason(answers[1])
    assert [type(answer) for answer in answers] == [Answer, Failed, Answer]
    assert len(server.asked) == 3


@pytest.mark.parametrize("error", [None, {}, "", False, 0, [], {"message": "", "code": 0}])
def test_no_error_is_none(error: object) -> None:
    answer, _ = answer_of(lambda body, n: {**completion("B"), "error": error})
    assert answer.text == "B"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([text_part("The answer"), text_part(" is B.")], "The answer is B."),
        (["B", text_part(".")], "B."),
        ([{"type": "output_text", "text": "B"}], "B"),
        ([{"text": "B"}], "B"),
        ([None, 3, text_part("B")], "B"),
        (text_part("B"), "B"),
        ([{"type": "thinking", "thinking": [text_part("It is A.")]}, text_part("B")], "B"),
        ([{"type": "reasoning", "text": "It is A."}, text_part("B")], "B"),
        ("B \ud800", "B \ufffd"),
        ("\ud83d\ude00 B", "\U0001f600 B"),
    ],
)
def test_parts_are_joined_but_for_reasoning(content: object, text: str) -> None:
    sent = json.dumps(completion(content)).encode()
    answer, _ = answer_of(lambda body, number: (200, sent))
    assert answer.text == text


REFUSALS = {
    "a field": message(content=None, refusal="I cannot help with B."),
    "a part": message(content=[{"type": "refusal", "refusal": "I cannot help with B."}]),
    "no content": message(refusal="I cannot help with B."),
}


@pytest.mark.parametrize("content", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_an_answer_without_text(content: Body) -> None:
    answer = read_reply(content, make_request([]))
    assert (answer.text, answer.refusal, answer.truncated) == ("", "I cannot help with B.", False)


def test_a_filtered_reply_is_a_refusal() -> None:
    answer = read_reply(message(content="", finish_reason="content_filter"), make_request([]))
    assert (answer.text, answer.refusal) == ("", "finish_reason content_filter")
    answer = read_reply(message(content="B", refusal=None), make_request([]))
    assert (answer.text, answer.refusal) == ("B", None)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (message(content="The answer is", finish_reason="length"), "The answer is"),
        (message(content=None, reasoning_content="A?", finish_reason="length"), ""),
        (message(content="", reasoning="A?", finish_reason="length"), ""),
        (message(content="<think>A", finish_reason="MAX_TOKENS"), "<think>A"),
    ],
)
def test_a_reply_that_was_cut_says_so(content: Body, text: str) -> None:
    answer = read_reply(content, make_request([]))
    assert (answer.text, answer.truncated) == (text, True)
    assert not read_reply(completion("B"), make_request([])).truncated


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (message(content=None, reasoning_content="It is B."), "all of it is reasoning"),
        (message(content="", reasoning="It is B."), "all of it is reasoning"),
        (message(content=None, tool_calls=[{"id": "1"}], finish_reason="tool_calls"), "a tool"),
        ({"choices": []}, "no choices"),
        ({"choices": [{"message": None}]}, "no choices"),
        ({"choices": [{"delta": {"content": "B"}}]}, "no choices"),
    ],
)
def test_replies_without_words_say_why(content: Body, said: str) -> None:
    with pytest.raises(NonsenseError, match=said):
        read_reply(content, make_request([]))


def test_a_stream_and_a_page_are_no_replies() -> None:
    pages = [b'data: {"choices": []}\n\ndata: [DONE]', b"<html>Sign in</html>"]
    answers, _ = ask(lambda body, n: (200, pages[int(prompt_of(body)[9:])]), 2)
    assert "leave `stream` out" in reason(answers[0])
    assert "not JSON: '<html>Sign in" in reason(answers[1])


@pytest.mark.parametrize(
    "count", ["1" + "0" * 400, "1" + "0" * 5000, "-1", "true", "1.5", "1e400", "NaN"]
)
def test_a_count_that_no_record_holds_costs_no_answer(count: str) -> None:
    sent = json.dumps({**completion("B"), "usage": {"prompt_tokens": "X", "completion_tokens": 3}})
    content = sent.replace('"X"', count).encode()
    answer, _ = answer_of(lambda body, number: (200, content))
    assert (answer.text, dict(answer.usage)) == ("B", {"completion_tokens": 3})


def test_a_byte_order_mark_is_no_part_of_a_reply() -> None:
    sent = b"\xef\xbb\xbf" + json.dumps(completion("B")).encode()
    answer, _ = answer_of(lambda body, number: (200, sent))
    assert answer.text == "B"


@pytest.mark.parametrize("mark", ["<image>", "<video>", "<|im_end|>", "<|image_pad|>", "[IMG]"])
def test_marks_in_a_question_reach_a_server_as_text(mark: str) -> None:
    [sent] = chat_messages(make_request([0], prompt=f"Is {mark} shown, or a < b | c > d?"))
    text = str(sent["content"][-1]["text"])
    assert mark not in text
    assert text.replace("\u200b", "") == f"Is {mark} shown, or a < b | c > d?"
    [plain] = chat_messages(make_request([0], prompt="Is a < b | c > d, or <b>?"))
    assert plain["content"][-1]["text"] == "Is a < b | c > d, or <b>?"

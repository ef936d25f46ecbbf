"""Requests as chat messages, and what is read in replies."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest

from tests.mllms.conftest import make_request, with_prompt
from tests.mllms.servers import completion, pictures_of
from tests.support import numbered_frame, read_number
from tspo_bench.mllms.chat import NonsenseError, chat_messages, letter_logprobs, read_reply
from tspo_bench.mllms.jpeg_urls import jpeg_url
from tspo_bench.types import Frames, Prompt, Request

SECONDS = np.array([0.0, 3.04, 59.96, 3600.0])
NUMBERS = [0, 61, 1199, 65535]


def numbered_request() -> Request:
    pixels = np.stack([numbered_frame(number, 160, 96) for number in NUMBERS])
    frames = Frames(np.array(NUMBERS), SECONDS, pixels)
    return Request(frames, Prompt("which ?"), 20.0, "ABCD")


def test_each_frame_stands_behind_its_time_and_the_prompt_behind_all() -> None:
    [message] = chat_messages(numbered_request())
    assert message["role"] == "user"
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["text", "image_url"] * 4 + ["text"]
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    assert texts == ["[0.0 s]", "[3.0 s]", "[60.0 s]", "[3600.0 s]", "which ?"]
    pictures = pictures_of({"messages": [message]})
    assert [read_number(picture) for picture in pictures] == NUMBERS
    assert {picture.shape for picture in pictures} == {(96, 160, 3)}


def test_quality_decides_what_is_lost() -> None:
    gradient = np.linspace(0, 255, 96 * 160 * 3).reshape(1, 96, 160, 3).astype(np.uint8)
    request = Request(Frames(np.array([0]), np.array([0.0]), gradient), Prompt("?"), 10.0, "AB")
    loss = {}
    for quality in (10, 90):
        to_url = functools.partial(jpeg_url, quality=quality)
        [picture] = pictures_of({"messages": chat_messages(request, to_url=to_url)})
        loss[quality] = np.abs(picture.astype(float) - gradient[0]).mean()
    assert loss[90] < 1.5 < loss[10]


def test_words_between_frames_stand_as_they_are() -> None:
    request = with_prompt(numbered_request(), before=("one\n", "", "\ntwo\n", ""))
    for times, expected in (
        (True, ["one\n[0.0 s]", "[3.0 s]", "\ntwo\n[60.0 s]", "[3600.0 s]", "which ?"]),
        (False, ["one\n", "\ntwo\n", "which ?"]),
    ):
        [message] = chat_messages(request, times=times)
        texts = [part["text"] for part in message["content"] if part["type"] == "text"]
        assert texts == expected


def test_without_frames_there_is_the_prompt_alone() -> None:
    [message] = chat_messages(make_request([], "which ?"))
    assert message["content"] == [{"type": "text", "text": "which ?"}]


def test_system_message_and_the_beginning_of_the_reply() -> None:
    request = with_prompt(make_request([], "which ?"), system="Look.", reply_start="It is (")
    system, user, assistant = chat_messages(request)
    assert (system["role"], system["content"]) == ("system", "Look.")
    assert user["content"][-1]["text"] == "which ?"
    assert (assistant["role"], assistant["content"]) == ("assistant", "It is (")
    system, user = chat_messages(request, prefill=False)
    assert user["content"][-1]["text"] == "which ?\nIt is ("


def test_a_reply_is_read_with_its_usage_and_what_was_sent() -> None:
    answer = read_reply(completion(" B. \n"), make_request([1, 2, 3], size=(40, 56)))
    assert (answer.text, answer.option_logprobs) == ("B.", None)
    assert dict(answer.usage) == {"prompt_tokens": 12, "completion_tokens": 3}
    assert answer.visual_input is not None
    assert dataclasses.astuple(answer.visual_input) == (3, 40, 56, None)
    assert read_reply(completion("B"), make_request([])).visual_input is None


@pytest.mark.parametrize("usage", [None, [], "12", {"prompt_tokens": None}, {"prompt_tokens": "1"}])
def test_strange_usage_costs_no_answer(usage: object) -> None:
    answer = read_reply({**completion("B"), "usage": usage}, make_request([]))
    assert (answer.text, answer.usage) == ("B", {})


NONSENSE: dict[str, object] = {
    "null": None,
    "number": 7,
    "text": "B",
    "list": ["B"],
    "empty": {},
    "no choice": {"choices": []},
    "choices no list": {"choices": "B"},
    "choice no object": {"choices": ["B"]},
    "no message": {"choices": [{"text": "B"}]},
    "message no object": {"choices": [{"message": "B"}]},
    "no content": {"choices": [{"message": {}}]},
    "content null": completion(None),
    "content empty": completion(""),
    "content blank": completion(" \n"),
    "content number": completion(7),
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_no_answer(content: object) -> None:
    with pytest.raises(NonsenseError, match="the reply"):
        read_reply(content, make_request([]))


def listed(*tokens: tuple[str, float | None]) -> dict[str, object]:
    top = [{"token": token, "logprob": logprob} for token, logprob in tokens]
    return {"logprobs": {"content": [{**top[0], "top_logprobs": top}]}}


def test_the_tokens_of_a_letter_count_together() -> None:
    choice = listed(("B", -0.5), (" A", -2.0), ("A", -3.0), ("▁A", -6.0), ("Ab", -0.1), ("b", -4.0))
    found = letter_logprobs(choice, "ABC")
    assert list(found) == ["A", "B"]  # nothing is known of C but that it is less likely
    assert found["A"] == pytest.approx(math.log(math.exp(-2) + math.exp(-3) + math.exp(-6)))
    assert found["B"] == pytest.approx(-0.5)
    request = dataclasses.replace(make_request([]), mode="options")
    answer = read_reply(completion(None, **choice), request)
    assert (answer.text, list(answer.option_logprobs or ())) == ("B", ["A", "B"])


def test_infinite_log_probabilities_are_none() -> None:
    assert letter_logprobs(listed(("A", -1.0), ("B", -math.inf)), "AB") == {"A": -1.0}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({}, "gives no log-probabilities; use --answer generate"),
        ({"logprobs": None}, "gives no log-probabilities"),
        ({"logprobs": {"content": []}}, "gives no log-probabilities"),
        (listed(("A", None)), "gives no log-probabilities"),
        (listed(("The", -0.1), (" E", -3.0)), "none of ABCD is among .* 2 likeliest .*'The', ' E'"),
    ],
)
def test_log_probabilities_that_are_not_there(choice: dict[str, object], said: str) -> None:
    request = dataclasses.replace(make_request([]), mode="options")
    with pytest.raises(NonsenseError, match=said):
        read_reply(completion("A", **choice), request)

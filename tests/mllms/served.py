"""What the tests of served models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.mllms.conftest import make_request
from tests.mllms.servers import Body, ChatServer, completion, prompt_of
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.types import Answer, Failed, Request

MODEL = "some/tiny-vl"


def model_at(server: ChatServer, **options: Any) -> OpenAIServer:
    """A served model, of a server that is asked whether it is there."""
    settings = {"model": MODEL, "base_url": server.url, **options}
    OpenAIServer.check_server(**settings)
    return OpenAIServer(**settings)


def questions(number: int) -> list[Request]:
    return [make_request([], f"question {i}") for i in range(number)]


def ask(
    behave: Callable[..., Any], number: int = 1, **options: Any
) -> tuple[list[Answer | Failed], ChatServer]:
    """The answers of a server that behaves so to a number of questions, and the server."""
    with ChatServer(behave, [MODEL]) as server:
        return model_at(server, **options).answer(questions(number)), server


def answer_of(behave: Callable[..., Any], **options: Any) -> tuple[Answer, int]:
    """The answer to one question, and how often it was asked."""
    [answer], server = ask(behave, **options)
    assert isinstance(answer, Answer), answer
    return answer, len(server.asked)


def reason_of(behave: Callable[..., Any], **options: Any) -> tuple[str, int]:
    """The error in place of an answer, and how often the question was asked."""
    [given], server = ask(behave, **options)
    return reason(given), len(server.asked)


def echo(body: Body, number: int) -> Body:
    return completion(f"to {prompt_of(body)}")


def reason(given: Answer | Failed) -> str:
    assert isinstance(given, Failed), given
    return given.error

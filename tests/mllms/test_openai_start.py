"""What is found out before the first question, and what must never be written down."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.mllms.served import MODEL, answer_of, echo, model_at, questions, reason
from tests.mllms.servers import KEY, Body, ChatServer, completion
from tspo_bench.errors import UserError
from tspo_bench.mllms import check_mllm, check_server, load_mllm
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.types import Answer

pytestmark = pytest.mark.usefixtures("_quick_retries")


def test_nobody_there() -> None:
    with ChatServer() as server:
        pass
    spec = f"openai:{MODEL}[base_url={server.url}]"
    for find in (load_mllm, check_server):
        with pytest.raises(UserError, match=f"cannot reach {server.url}: .*; start the server, or"):
            find(spec)
    # A finished run is told its model's name by one that is not there.
    assert check_mllm(spec) == load_mllm(spec, reach=False).name == "tiny-vl"


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
        OpenAIServer.check_server(model=MODEL, base_url=server.url.removesuffix("/v1"))


def test_a_server_that_is_busy_is_there_all_the_same() -> None:
    with ChatServer(lambda body, number: (429, {"error": {"message": "busy"}})) as server:
        model_at(server)


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
    answer, _ = answer_of(lambda body, number: completion("EMPTY"))
    assert answer.text == "EMPTY"


def test_a_key_that_no_header_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first\nsk-second")
    with pytest.raises(UserError, match="OPENAI_API_KEY holds characters") as error:
        OpenAIServer(MODEL, "http://127.0.0.1:9/v1")
    assert "sk-" not in str(error.value)


@pytest.mark.parametrize("url", ["http://me:{}@HOST/v1", "http://{}@HOST/v1"])
def test_a_url_with_a_password_is_rejected(url: str) -> None:
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
        OpenAIServer.check_server(model=MODEL)
    assert KEY not in str(error.value)


def test_a_token_in_the_users_place_is_used_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a sign that a URL must escape: the server has it, and tells it, without."""
    token = f"{KEY}/9"

    def telltale(body: Body, number: int) -> Any:
        return 400, {"error": {"message": f"no {token}"}}

    with ChatServer(telltale, [MODEL]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", f"//{KEY}%2F9@"))
        model = OpenAIServer(MODEL)
        [given] = model.answer(questions(1))
    sent = server.headers[0]["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"{token}:"
    assert "no ***" in reason(given)
    assert KEY not in model.id + reason(given)


@pytest.mark.parametrize("end", ["?api-key={}", "/?api-key={}", "#{}"])
@pytest.mark.parametrize("in_environment", [True, False])
def test_a_url_with_a_query_is_rejected(
    monkeypatch: pytest.MonkeyPatch, end: str, in_environment: bool
) -> None:
    url = "http://127.0.0.1:9/v1" + end.format(KEY)
    if in_environment:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(UserError, match=r"URL|--base-url") as error:
        OpenAIServer(MODEL, None if in_environment else url)
    said = str(error.value)
    assert said.startswith("OPENAI_BASE_URL" if in_environment else "--base-url")
    assert "put a key into OPENAI_API_KEY" in said
    assert KEY not in said


def test_frames_are_sent_nowhere_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UserError, match="give --base-url"):
        load_mllm("openai:anything")

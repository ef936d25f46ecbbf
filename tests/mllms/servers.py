"""A small chat server on loopback whose behaviour a test sets.

`python -m tests.mllms.servers PORT LOG [N]` is one that reads the numbers drawn into frames, wants
KEY, writes what it is asked to LOG, and is killed by the system at its N-th question.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.own import shown_letters
from tests.support import read_number

ROOT = Path(__file__).parents[2]
KEY = "sk-sesame-0123456789"
Body = dict[str, Any]


class ChatServer:
    """Serves /v1/models and /v1/chat/completions; use it as a context manager.

    `behave(body, number)` gives the response to the number-th question: its JSON, a (status, JSON,
    headers), or None if it took `handler` to write one itself. `asked` holds the questions' bodies,
    `at` when they came, `headers` what came with them; `most` is how many were under way at once.
    Leaving the context closes the port; entering it again opens the same one.
    """

    def __init__(
        self,
        behave: Callable[..., Any] | None = None,
        models: list[str] | None = None,
        key: str | None = None,
        port: int = 0,
    ) -> None:
        self.behave = behave or (lambda body, number: completion("A"))
        self.models, self.key = models, key
        self.asked: list[Body] = []
        self.at: list[float] = []
        self.headers: list[Message] = []
        self.most = self.under_way = 0
        self.lock = threading.Lock()
        self._port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", self._port), _handler_of(self))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error."""


def _handler_of(server: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if not self._lets_in():
                return
            if self.path != "/v1/models" or server.models is None:
                self.respond({"error": {"message": "no such page"}}, 404)
            else:
                self.respond({"data": [{"id": name} for name in server.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not self._lets_in():
                return
            if self.path != "/v1/chat/completions":
                self.respond({"error": {"message": f"no page {self.path}"}}, 404)
                return
            with server.lock:
                number = len(server.asked)
                server.asked.append(body)
                server.at.append(time.monotonic())
                server.headers.append(self.headers)
                server.under_way += 1
                server.most = max(server.most, server.under_way)
            given = server.behave(body, number)
            with server.lock:  # before the response: the next question comes right after it
                server.under_way -= 1
            if callable(given):
                given(self)
            elif isinstance(given, tuple):
                self.respond(given[1], given[0], given[2] if len(given) > 2 else {})
            else:
                self.respond(given)

        def _lets_in(self) -> bool:
            given = self.headers["Authorization"]
            if server.key is None or given == f"Bearer {server.key}":
                return True
            self.respond({"error": {"message": f"bad key in {given!r}"}}, 401)
            return False

        def respond(
            self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None
        ) -> None:
            sent = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            given = {"Content-Type": "application/json", "Content-Length": str(len(sent))}
            for name, value in {**given, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

    return Handler


def completion(text: Any, **choice: Any) -> Body:
    """A chat completion with this text."""
    message = {"role": "assistant", "content": text}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


def prompt_of(body: Body) -> str:
    """The last text of the user's message."""
    user = next(m for m in body["messages"] if m["role"] == "user")
    return str(user["content"][-1]["text"])


def pictures_of(body: Body) -> list[np.ndarray]:
    """The images of a question, decoded."""
    user = next(m for m in body["messages"] if m["role"] == "user")
    urls = [part["image_url"]["url"] for part in user["content"] if part["type"] == "image_url"]
    found = []
    for url in urls:
        kind, _, content = url.partition(",")
        assert kind == "data:image/jpeg;base64"
        image = Image.open(io.BytesIO(base64.b64decode(content)))
        assert image.format == "JPEG"
        found.append(np.array(image))
    return found


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no URL of this machine's, and waits before another try 50 times shorter."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.05)


@contextmanager
def served(log: Path, port: int = 0, killed_at: int | None = None) -> Iterator[str]:
    """The URL of a frame reading server in a process of its own."""
    words = [str(port), str(log), *([] if killed_at is None else [str(killed_at)])]
    command = [sys.executable, "-m", "tests.mllms.servers", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """See the module."""
    port, log, *killed_at = sys.argv[1:]

    def read_frames(body: Body, number: int) -> Any:
        if killed_at and number + 1 >= int(killed_at[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        prompt = prompt_of(body)
        with server.lock, Path(log).open("a") as file:
            file.write(prompt.splitlines()[0] + "\n")
        if killed_at and number == 1:
            return 400, {"error": {"message": f"your key {KEY} has no luck"}}
        letters = shown_letters(prompt, [read_number(each) for each in pictures_of(body)])
        return completion(f"The answer is {letters[0]}." if len(letters) == 1 else "Not shown.")

    server = ChatServer(read_frames, ["reader"], KEY, int(port))
    with server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()

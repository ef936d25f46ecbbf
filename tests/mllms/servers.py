"""A small chat server on loopback that behaves as a test tells it to."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy as np
from PIL import Image

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
    ) -> None:
        self.behave = behave or (lambda body, number: completion("A"))
        self.models, self.key = models, key
        self.asked: list[Body] = []
        self.at: list[float] = []
        self.headers: list[Mapping[str, str]] = []
        self.most = self.under_way = 0
        self.lock = threading.Lock()
        self._port = 0

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
            try:
                given = server.behave(body, number)
                if callable(given):
                    given(self)
                elif isinstance(given, tuple):
                    self.respond(given[1], given[0], given[2] if len(given) > 2 else {})
                else:
                    self.respond(given)
            finally:
                with server.lock:
                    server.under_way -= 1

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

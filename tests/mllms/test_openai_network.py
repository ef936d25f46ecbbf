"""What the environment says of proxies and certificates, right, stale and half installed."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from tests.mllms.served import MODEL, echo, model_at, questions, reason
from tests.mllms.servers import ChatServer, hurry
from tspo_bench.errors import UserError
from tspo_bench.mllms.connection import is_on_this_machine
from tspo_bench.mllms.openai_server import OpenAIServer
from tspo_bench.types import Answer

NOBODY = "127.0.0.1:9"
# No name below .invalid is ever found (RFC 2606).
FAR = "http://server.invalid/v1"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "nonsense"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_is_not_between_us_and_this_machine(
    monkeypatch: pytest.MonkeyPatch, name: str, scheme: str, host: str
) -> None:
    monkeypatch.setenv(name, f"{scheme}://{NOBODY}")
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file.pem")
    with ChatServer(echo, [MODEL]) as server:
        url = server.url.replace("127.0.0.1", host)
        OpenAIServer.check_server(model=MODEL, base_url=url)
        [answer] = OpenAIServer(MODEL, url).answer(questions(1))
    assert isinstance(answer, Answer)


@pytest.mark.parametrize(("name", "scheme"), [("http_proxy", "http"), ("ALL_PROXY", "socks5")])
def test_the_way_past_a_proxy_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    if scheme == "socks5":
        pytest.importorskip("socksio", reason="the extra `openai` brings it")
    monkeypatch.setenv(name, f"{scheme}://me:secret-word@{NOBODY}")
    with pytest.raises(UserError, match=f"{name} .* put server.invalid into NO_PROXY") as error:
        OpenAIServer.check_server(model=MODEL, base_url=FAR)
    assert "secret-word" not in str(error.value)
    [given] = OpenAIServer(MODEL, FAR, retries=0).answer(questions(1))
    assert "into NO_PROXY" in reason(given)
    monkeypatch.setenv("NO_PROXY", "server.invalid")
    with pytest.raises(UserError, match="cannot reach") as error:
        OpenAIServer.check_server(model=MODEL, base_url=FAR)
    assert "NO_PROXY" not in str(error.value)


class Busy(BaseHTTPRequestHandler):
    """A proxy that reaches nobody and says so with a page of its own."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(503, "cannot resolve")

    def log_message(self, *_: object) -> None:
        pass


def test_a_proxys_own_page_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        [given] = OpenAIServer(MODEL, FAR, retries=0).answer(questions(1))
        proxy.shutdown()
    assert "server.invalid/v1 answers 503" in reason(given)
    assert "put server.invalid into NO_PROXY" in reason(given)


class Socks(socketserver.BaseRequestHandler):
    """A SOCKS5 proxy (RFC 1928) for one request a connection; all names lead to `port`."""

    port = 0
    asked: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        version, number = self.request.recv(2)
        self.request.recv(number)
        self.request.sendall(bytes([version, 0]))  # no password is needed
        length = self.request.recv(5)[4]
        self.asked.append(self.request.recv(length + 2)[:-2])
        self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
        with socket.create_connection(("127.0.0.1", self.port)) as server:
            back = threading.Thread(target=relay, args=(server, self.request), daemon=True)
            back.start()
            relay(self.request, server)
            back.join(5)


def relay(one: socket.socket, other: socket.socket) -> None:
    """Send on what comes, up to the end."""
    with contextlib.suppress(OSError):
        while data := one.recv(2**16):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def test_a_socks_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("socksio", reason="the extra `openai` brings it")
    with ChatServer(echo, [MODEL]) as server:
        port = urlsplit(server.url).port
        handler = type("Handler", (Socks,), {"port": port, "asked": []})
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as proxy:
            proxy.daemon_threads = True
            threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
            monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{proxy.server_address[1]}")
            OpenAIServer.check_server(model=MODEL, base_url=FAR)
            [answer] = OpenAIServer(MODEL, FAR).answer(questions(1))
            proxy.shutdown()
    assert isinstance(answer, Answer)
    assert set(handler.asked) == {b"server.invalid"}


def test_without_socksio_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://me:secret-word@{NOBODY}")
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.delitem(sys.modules, "httpcore2._async.socks_proxy", raising=False)
    with pytest.raises(UserError, match=r"ALL_PROXY: .*socksio.*tspo-bench\[openai\]") as error:
        OpenAIServer.check_server(model=MODEL, base_url=FAR)
    assert "secret-word" not in str(error.value)


@pytest.mark.parametrize("scheme", ["socks", "socks4", "ftp", ""])
def test_a_proxy_of_no_known_kind(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("all_proxy", f"{scheme}://me:secret-word@{NOBODY}")
    with pytest.raises(UserError, match="all_proxy: no usable proxy; write http://") as error:
        OpenAIServer.check_server(model=MODEL, base_url=FAR)
    assert "secret-word" not in str(error.value)


@pytest.mark.parametrize("kind", ["missing", "empty", "a folder", "words"])
@pytest.mark.parametrize("url", [FAR, FAR.replace("http:", "https:"), "https://localhost:9/v1"])
def test_a_stale_certificate_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, url: str
) -> None:
    path = {"a folder": tmp_path}.get(kind, tmp_path / "ca.pem")
    if kind in ("empty", "words"):
        path.write_text("" if kind == "empty" else "no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UserError, match=r"SSL_CERT_FILE .*unset it"):
        OpenAIServer.check_server(model=MODEL, base_url=url)


def test_hosts_of_this_machine() -> None:
    for host in ("localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0"):
        assert is_on_this_machine(host), host
    for host in ("localhost.org", "10.0.0.1", "128.0.0.1", "notlocalhost", "::2", ""):
        assert not is_on_this_machine(host), host


def test_an_environment_without_any() -> None:
    with ChatServer(echo, [MODEL]) as server:
        assert isinstance(model_at(server).answer(questions(1))[0], Answer)


@pytest.mark.parametrize("port", ["99999", "abc", "-1"])
def test_a_proxys_impossible_port(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("all_proxy", f"http://me:secret-word@127.0.0.1:{port}")
    with pytest.raises(UserError, match="all_proxy: no usable proxy; write http://") as error:
        OpenAIServer.check_server(model=MODEL, base_url=FAR)
    assert "secret-word" not in str(error.value)


@pytest.mark.parametrize("url", ["[::1/v1", "host:abc/v1", "host:99999/v1", "ho\x01st/v1"])
def test_wrong_urls(url: str) -> None:
    with pytest.raises(UserError, match="--base-url is not a URL: write http://HOST:PORT/v1"):
        OpenAIServer(model=MODEL, base_url=f"http://{url}")

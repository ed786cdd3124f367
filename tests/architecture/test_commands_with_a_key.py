"""A command that asks with an API key reaches the API and nothing else, so that what it shows is what the key is entitled to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from hub.cli import group

#: Arguments of each; those that act, act.
CALLS: dict[str, tuple[str, ...]] = {
    "alerts": (),
    "cases list": (),
    "cases show": ("declaration-0000000000000001",),
    "cases act": ("declaration-0000000000000001", "comment", "--reason", "x"),
    "export evidence": ("AGT0000001:C1", "--output", "pack.zip"),
    "held": (),
    "rules show": ("R06", "--hits"),
    "submit": ("order.json",),
    "trace": ("AGT0000001:C1",),
    "worklist": (),
}


def asking(command: click.Command, name: str = "") -> Iterator[str]:
    """The commands that take an address of a hub and the name of who asks."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from asking(found, f"{name} {word}".strip())
    elif {"url", "who"} <= {parameter.name for parameter in command.params}:
        yield name


class _Api(BaseHTTPRequestHandler):
    """Knows nothing, and notes who asks."""

    keys: list[str]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.keys.append(self.headers.get("Authorization", ""))
        self.send_response(404)
        self.send_header("Content-Type", "application/problem+json")
        self.end_headers()
        self.wfile.write(b'{"status":404,"detail":"","faults":[]}')

    do_POST = do_GET

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    handler = type("Api", (_Api,), {"keys": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.01,))
    serving.start()
    yield server
    server.shutdown()
    serving.join()
    server.server_close()


def test_every_command_that_asks_with_a_key_is_among_these() -> None:
    assert set(asking(group)) == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_command_with_a_key_connects_to_the_api_and_nowhere_else(
    name: str, api: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("order.json").write_text("{}")
    host, port = "127.0.0.1", int(api.server_address[1])
    # There to be reached by whoever goes past the API.
    monkeypatch.setenv("HUB_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("HUB_DATABASE", "postgresql://hub@127.0.0.1:9/hub")
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_API_KEY", "the-key")
    reached: list[Any] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def noted(self: socket.socket, address: Any) -> None:
        reached.append(address)
        connect(self, address)

    def noted_ex(self: socket.socket, address: Any) -> int:
        reached.append(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.setattr(socket.socket, "connect_ex", noted_ex)
    done = CliRunner().invoke(group, [*name.split(), *CALLS[name], "--url", f"http://{host}:{port}"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    assert {address[:2] for address in reached} == {(host, port)}, done.output
    keys = api.RequestHandlerClass.keys  # type: ignore[attr-defined]
    assert keys, done.output
    assert set(keys) == {"Bearer the-key"}
    assert not (tmp_path / "data").exists(), "and it opens no file of the hub's"

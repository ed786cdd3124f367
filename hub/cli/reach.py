"""How reading commands reach a running hub: its address, and the API key of whoever asks."""

from __future__ import annotations

import json
import locale
import os
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import click

from hub.cli import loaded

#: Exit status where the hub cannot be reached.
UNREACHABLE = 2


#: Seconds without a word, heartbeats too, after which a stream is taken for lost.
SILENT = 45


class Event(NamedTuple):
    """One of a stream; ``data`` is empty where only the id moves."""

    id: str
    name: str
    data: dict[str, Any]


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream (WHATWG HTML 9.2.6, of which the hub uses id, event and one line of data)."""
    found: dict[str, str] = {}
    for raw in lines:
        name, _, value = raw.decode("utf-8").rstrip("\r\n").partition(": ")
        if name:
            found[name] = value
        elif found and not value:
            yield Event(found.get("id", ""), found.get("event", "message"), json.loads(found.get("data", "{}")))
            found = {}


class Reach:
    """A hub that is asked. ``who`` names a principal of the sandbox; else ``HUB_API_KEY`` holds the key."""

    def __init__(self, ctx: click.Context, url: str | None, who: str | None, default: str) -> None:
        settings = loaded(ctx).settings
        self.url = (url or f"http://{settings.listen}").rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise click.ClickException(f"not an address of a hub: {self.url}")
        self._key = _key(settings.data, who, default)

    def get(self, path: str) -> tuple[int, Any]:
        """(status, JSON) of a call; ends the command where the hub does not answer."""
        return self._call(Request(self.url + path, headers={"Authorization": f"Bearer {self._key}"}))  # noqa: S310 - checked above

    def post(self, path: str, body: object) -> tuple[int, Any]:
        """The same with a JSON body."""
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        return self._call(Request(self.url + path, data=json.dumps(body).encode(), headers=headers))  # noqa: S310 - checked above

    def stream(self, path: str, last: str) -> Iterator[Event]:
        """Server-Sent Events behind the id ``last``, for ever: it comes again with the last id when the connection ends.

        Ends the command where the hub refuses; while it does not answer, it is asked again and again.
        """
        while True:
            headers = {"Authorization": f"Bearer {self._key}", "Accept": "text/event-stream", "Last-Event-ID": last}
            try:
                with urlopen(Request(self.url + path, headers=headers), timeout=SILENT) as answer:  # noqa: S310 - checked above
                    for event in events(answer):
                        last = event.id or last
                        if event.data:
                            yield event
            except HTTPError as error:
                with error:
                    if error.code not in (429, 503):
                        raise click.ClickException(f"{error.code} {_problem(error.read()).get('detail', '')}".strip()) from error
            except (URLError, OSError, HTTPException):
                pass  # away, or cut: once more
            time.sleep(2)

    def _call(self, request: Request) -> tuple[int, Any]:
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, _problem(error.read())
        except (URLError, OSError) as error:
            away(self.url, str(getattr(error, "reason", error)))
            raise SystemExit(UNREACHABLE) from error

    def download(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """(status, body) of a call whose answer is a file."""
        request = Request(self.url + path, headers={"Authorization": f"Bearer {self._key}", **headers})  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()
        except (URLError, OSError) as error:
            away(self.url, str(getattr(error, "reason", error)))
            raise SystemExit(UNREACHABLE) from error


def away(url: str, reason: str = "") -> None:
    """Says that no hub answers there, and what to do."""
    click.echo(f"{url} does not answer{': ' if reason else ''}{reason}", err=True)
    click.echo("→ start the hub (hub up; hub doctor says what it lacks), or name the address of a running one with --url", err=True)


def _problem(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {"detail": ""}


def _key(data: Path, who: str | None, default: str) -> str:
    given = os.environ.get("HUB_API_KEY", "")
    if given and who is None:
        return given
    try:
        known = json.loads((data / "demo" / "principals.json").read_text("utf-8"))
    except OSError as error:
        raise click.ClickException(
            f"no API key: set HUB_API_KEY, or HUB_DATA to the folder of a hub with its sandbox (not in {data})"
        ) from error
    for principal in known:
        if principal["name"] == (who or default):
            return str(principal["api_key"])
    names = ", ".join(principal["name"] for principal in known)
    raise click.ClickException(f"the sandbox knows no principal {who or default}; it knows {names}")


def path_of(key: str) -> str:
    """A key as part of an address."""
    return quote(key, safe=":~")


def language() -> str:
    """``zh`` where the terminal's locale is Chinese."""
    said = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "zh" if said.startswith("zh") or (locale.getlocale()[0] or "").startswith(("zh", "Chinese")) else "en"

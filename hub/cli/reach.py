"""How reading commands reach a running hub: its address, and the API key of whoever asks."""

from __future__ import annotations

import json
import locale
import os
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

import click

from hub.cli import loaded
from hub.domain.faults import fault_kinds

#: Exit status where the hub cannot be reached.
UNREACHABLE = 2


class Reach:
    """A hub that is asked. ``who`` names a principal of the sandbox; else ``HUB_API_KEY`` holds the key."""

    def __init__(self, ctx: click.Context, url: str | None, who: str | None, default: str) -> None:
        settings = loaded(ctx).settings
        self.url = (url or f"http://{settings.listen}").rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise click.ClickException(f"not an address of a hub: {self.url}")
        self.key = _key(settings.data, who, default)

    def get(self, path: str) -> tuple[int, Any]:
        """(status, JSON) of a call; ends the command where the hub does not answer."""
        return self._call(Request(self.url + path, headers={"Authorization": f"Bearer {self.key}"}))  # noqa: S310 - checked above

    def post(self, path: str, body: object) -> tuple[int, Any]:
        """The same with a JSON body."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return self._call(Request(self.url + path, data=json.dumps(body).encode(), headers=headers))  # noqa: S310 - checked above

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
        request = Request(self.url + path, headers={"Authorization": f"Bearer {self.key}", **headers})  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()
        except (URLError, OSError) as error:
            away(self.url, str(getattr(error, "reason", error)))
            raise SystemExit(UNREACHABLE) from error


def refused(status: int, body: Any) -> click.ClickException:
    """What the hub said against a call, and below it what to do about each fault it named."""
    faults = body.get("faults", ())
    said = "; ".join(fault.get("message", "") for fault in faults) or body.get("detail", "")
    kinds = dict.fromkeys(fault_kinds().get(fault.get("code", "")) for fault in faults)
    return click.ClickException("\n".join([f"{status} {said}".strip(), *(f"→ {kind.remedy}" for kind in kinds if kind is not None and kind.remedy)]))


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

"""The sandbox customs asks platforms for original payment data (announcement 179 of 2018) and takes their uploads.

It plays customs' side to see whether a platform is ready: it opens ``platDataOpen`` at the platform's registered address,
judges what is uploaded (fields, session, signature by the registered certificate), and keeps what came of it. The data
themselves it does not keep.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from aiohttp import web

from adapters.certificates import certificate
from adapters.payment_data.checks import Checked, check_upload
from adapters.payment_data.form import MAX_BYTES, refusing
from adapters.payment_data.responder import NOT_TAKEN, TAKEN, bounded, parameter
from adapters.sqlite import opened
from hub.domain.faults import Fault, Refused, fault

_log = logging.getLogger(__name__)

UPLOAD = "/ceb2grab/grab/realTimeDataUpload"
#: URL-encoded, a byte may become three.
MAX_FORM = 3 * MAX_BYTES
_SECONDS = 10
_MOST_FAULTS = 20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    session TEXT PRIMARY KEY, platform TEXT NOT NULL, order_no TEXT NOT NULL, opened INTEGER NOT NULL,
    answered_ms INTEGER NOT NULL, code TEXT NOT NULL, outcome TEXT NOT NULL, uploaded_ms INTEGER NOT NULL,
    uploads INTEGER NOT NULL, orders INTEGER NOT NULL, faults TEXT NOT NULL
) WITHOUT ROWID;
"""


class Platform(msgspec.Struct, frozen=True):
    """Where a platform is asked, and the certificate (DER) it signs with."""

    url: str
    certificate: bytes


class Opened(msgspec.Struct, frozen=True):
    """A session and what came of it. ``outcome``: ``opened``, ``refused`` (``code``: the platform's), ``unreachable``,
    ``uploaded``, ``faulty``. Times in ms since it was opened, -1: not yet. ``faults``: codes and paths, no values.
    """

    session: str
    platform: str
    order: str
    opened: int
    answered_ms: int = -1
    code: str = ""
    outcome: str = "opened"
    uploaded_ms: int = -1
    uploads: int = 0
    orders: int = 0
    faults: tuple[str, ...] = ()


_NAMES = (
    "session", "platform", "order_no", "opened", "answered_ms", "code", "outcome", "uploaded_ms", "uploads", "orders", "faults",
)  # fmt: skip


def _opened(row: tuple[Any, ...]) -> Opened:  # Any: a row's columns
    found = dict(zip(Opened.__struct_fields__, row, strict=True))
    return Opened(**found | {"faults": tuple(found["faults"].splitlines())})


class PaymentDesk:
    """``routes`` go into the simulator's server; ``platform`` finds a registered platform by its code."""

    def __init__(self, path: Path | None, platform: Callable[[str], Platform | None], now: Callable[[], int]) -> None:
        """``path`` None keeps everything in memory; ``now`` in ms."""
        self._db = opened(path, _SCHEMA)
        self._platform, self._now = platform, now
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections and file."""
        if self._http is not None:
            await self._http.close()
        self._db.close()

    def routes(self) -> list[web.RouteDef]:
        """Customs' upload address; beside it, for whoever rehearses, opening a session and seeing what came of it."""
        return [
            web.post(UPLOAD, self._upload),
            web.post("/payment-data", self._ask),
            web.get("/payment-data", self._list),
            web.get("/payment-data/{session}", self._show),
        ]

    # ---- asking

    async def _ask(self, request: web.Request) -> web.Response:
        """``{"platform", "orderNo"}`` → the session, once the platform has answered."""
        try:
            asked = msgspec.json.decode(await request.read(), type=dict[str, str])
            opened = await self.open(asked["platform"], asked["orderNo"])
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError):
            return _json({"fault": "payment_data.request"}, 422)
        except Refused as refused:
            return _json({"fault": refused.faults[0].code}, refused.status)
        return _json(opened)

    async def open(self, platform: str, order: str) -> Opened:
        """Ask a platform for an order; raises Refused ``payment_data.platform`` where it is not registered."""
        registered = self._platform(platform)
        if registered is None:
            raise Refused([fault("payment_data.platform")])
        opened = Opened(new_session(), platform, order, self._now())
        self._keep(opened)  # before asking: the upload may come before the answer
        if self._http is None:
            self._http = aiohttp.ClientSession()
        code = await ask(self._http, registered.url, order, opened.session, opened.opened)
        took = self._now() - opened.opened
        known = self._find(opened.session) or opened
        outcome = known.outcome
        if outcome == "opened" and code != TAKEN:
            outcome = "refused" if code.isdigit() else "unreachable"
        known = msgspec.structs.replace(known, answered_ms=took, code=code, outcome=outcome)
        self._keep(known)
        return known

    # ---- taking

    async def _upload(self, request: web.Request) -> web.Response:
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > MAX_FORM:
                return self._said([fault("payment_data.too_large", limit=MAX_BYTES)])
        data = parameter(bytes(body), "payExInfoStr")
        # Judging takes a while for thousands of orders.
        found = await asyncio.to_thread(self.judge, data, self._now(), self._registered(data))
        return self._said(found)

    def _registered(self, data: bytes) -> tuple[Opened, Platform] | None:
        """The session an upload quotes, and its platform."""
        opened = self._find(check_upload(data).session)
        platform = self._platform(opened.platform) if opened is not None else None
        return (opened, platform) if opened is not None and platform is not None else None

    def judge(
        self, data: bytes, at: int, registered: tuple[Opened, Platform] | None
    ) -> tuple[Opened | None, list[Fault]]:
        """(The session with what came of it, the faults) of an upload."""
        if registered is None:
            return None, [*check_upload(data).faults, fault("payment_data.session", path="/sessionID")]
        opened, platform = registered
        found = check_upload(data, certificate(platform.certificate), at)
        faults = [*found.faults, *_other_order(found, opened.order)]
        codes = tuple(f"{wrong.code} {wrong.path}".strip() for wrong in faults[:_MOST_FAULTS])
        sound = not refusing(tuple(faults))
        return (
            msgspec.structs.replace(
                opened, outcome="uploaded" if sound else "faulty", uploaded_ms=at - opened.opened,
                uploads=opened.uploads + 1, orders=len(found.orders), faults=codes,
            ),
            faults,
        )  # fmt: skip

    def _said(self, found: tuple[Opened | None, list[Fault]] | list[Fault]) -> web.Response:
        opened, faults = found if isinstance(found, tuple) else (None, found)
        if opened is not None:
            known = self._find(opened.session) or opened
            self._keep(msgspec.structs.replace(opened, answered_ms=known.answered_ms, code=known.code))
        wrong = refusing(tuple(faults))
        if wrong:
            _log.warning("an upload of payment data was not taken: %s", ", ".join(sorted({f.code for f in wrong})))
        message = "上传成功" if not wrong else f"上传失败 {wrong[0].code} {wrong[0].path} {wrong[0].message_zh}"
        code = NOT_TAKEN if wrong else TAKEN
        return _json({"code": code, "message": message, "total": 0, "serviceTime": self._now()})

    # ---- what came of it

    async def _list(self, request: web.Request) -> web.Response:
        del request
        return _json(self._rows("ORDER BY opened DESC LIMIT 200"))

    async def _show(self, request: web.Request) -> web.Response:
        opened = self._find(request.match_info["session"])
        return _json(opened) if opened is not None else _json({"fault": "payment_data.session"}, 404)

    def _find(self, session: str) -> Opened | None:
        return next(iter(self._rows("WHERE session = ?", session)), None)

    def _rows(self, where: str, *values: str) -> list[Opened]:
        query = f"SELECT {', '.join(_NAMES)} FROM sessions {where}"
        return [_opened(row) for row in self._db.execute(query, values)]

    def _keep(self, opened: Opened) -> None:
        *values, faults = msgspec.structs.astuple(opened)
        places = ", ".join("?" for _ in range(len(values) + 1))
        self._db.execute(f"INSERT OR REPLACE INTO sessions VALUES ({places})", (*values, "\n".join(faults)))


def _other_order(found: Checked, order: str) -> list[Fault]:
    return (
        []
        if order in found.orders or not found.orders
        else [fault("payment_data.other_order", path="/payExchangeInfoLists")]
    )


def _json(value: Any, status: int = 200) -> web.Response:  # Any: JSON
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def new_session() -> str:
    """A session as customs makes them: 24 characters in three groups."""
    drawn = secrets.token_hex(11)
    return f"{drawn[:6]}-{drawn[6:14]}-{drawn[14:]}"


async def ask(http: aiohttp.ClientSession, url: str, order: str, session: str, at: int) -> str:
    """Call ``platDataOpen`` as customs does; the platform's code, or why there was none."""
    asked = msgspec.json.encode({"orderNo": order, "sessionID": session, "serviceTime": at}).decode()
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    try:
        async with http.post(
            url, data=urlencode({"openReq": asked}), headers=headers, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
        ) as response:  # fmt: skip
            body = await bounded(response)
            if response.status not in (200, 503):
                return f"HTTP {response.status}"
        code = msgspec.json.decode(body)["code"]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return type(error).__name__
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return "unreadable"
    return str(code)[:16] if str(code)[:16].isdigit() else "unreadable"

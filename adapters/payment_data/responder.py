"""The server of a platform: takes customs' ``platDataOpen``, answers at once, uploads the data to customs, signed.

A request is in the journal before it is answered, so it is uploaded also after SIGKILL; a session is uploaded once, with
one ``serviceTime``, whoever repeats it (an upload that was under way when the process died is sent a second time).
Nothing but customs' upload address ever receives data. Logs hold sessions, order numbers and codes.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode

import aiohttp
import msgspec
from aiohttp import web

from adapters.certificates import certificate
from adapters.payment_data import form
from adapters.payment_data.checks import Request, read_request, signature_text
from adapters.payment_data.journal import DONE, FAILED, Journal, Session
from adapters.payment_data.records import Records
from adapters.signature import SigningKey
from hub.domain.faults import Fault, Refused, Unavailable, fault

_log = logging.getLogger(__name__)

#: Customs' answers: taken, and not (20001–21000 are exceptions of which no list was published).
TAKEN, NOT_TAKEN = "10000", "20000"
#: Where customs takes uploads.
CUSTOMS = {
    "production": "https://customs.chinaport.gov.cn/ceb2grab/grab/realTimeDataUpload",
    "test": "https://swapptest.singlewindow.cn/ceb2grab/grab/realTimeDataUpload",
}
#: Bytes of a request of customs, and of its answer to an upload.
_REQUEST, _ANSWER = 16 << 10, 64 << 10
_READ_SECONDS, _UPLOAD_SECONDS, _FIND_SECONDS = 10, 20, 10
_LONGEST_WAIT = 30.0
_DAY = 86_400_000
#: ms before its end from which on the certificate is worth a line in the log.
_WARNED = 30 * _DAY
_CODE = re.compile(r"[0-9A-Za-z]{1,16}")


class Limits(msgspec.Struct, frozen=True):
    """``window`` seconds in which an upload is tried (P: two minutes, no official figure), ``first_wait`` seconds before the
    second attempt, uploads at one time, and the most sessions that may wait.
    """

    window: float = 120.0
    first_wait: float = 1.0
    at_once: int = 16
    most_open: int = 10_000


class Responder:
    """``app`` is the server; ``run`` reads records and uploads until cancelled."""

    def __init__(
        self,
        *,
        records: Records,
        journal: Journal,
        key: SigningKey,
        customs: str,
        now: Callable[[], int],
        path: str = "/platDataOpen",
        number: str = "",
        limits: Limits | None = None,
    ) -> None:
        """``customs``: the upload address; ``number``: ``certNo`` where it is not the certificate's serial as cards show it."""
        self._records, self._journal, self._key, self._customs, self._now = records, journal, key, customs, now
        self._limits = limits or Limits()
        self._own = certificate(key.certificate)
        self._hash = "sm3" if self._own.sm2_key is not None else "sha1"
        self._number = number or form.certificate_number(self._own.serial)
        self._at_once = asyncio.Semaphore(self._limits.at_once)
        self._uploads: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        #: Requests whose order is being looked up.
        self._asking = 0
        #: A lookup may wait for a scan; signing must not wait for lookups.
        self._finding, self._signing = ThreadPoolExecutor(4, "find"), ThreadPoolExecutor(2, "sign")
        self.app = web.Application(client_max_size=_REQUEST)
        self.app.add_routes([web.post(path, self._open), web.get("/healthz", self._health)])

    # ---- customs asks

    async def _open(self, request: web.Request) -> web.Response:
        try:
            asked = await _asked(request)
            await self._take(asked)
        except Refused as refused:
            return self._refused(refused.faults[0])
        except (sqlite3.Error, TimeoutError, Unavailable):
            _log.exception("a request of customs could not be taken")
            return self._refused(fault("payment_data.busy"))
        return self._said(TAKEN, "")

    async def _take(self, asked: Request) -> None:
        """Have the order's data, the request in the journal and an upload begun; raises Refused."""
        if len(self._uploads) + self._asking >= self._limits.most_open:
            raise Refused([fault("payment_data.busy")])
        self._asking += 1
        try:
            found = await self._find(asked.order)
        finally:
            self._asking -= 1
        if found is None:
            _log.warning("session %s: no data of order %s", asked.session, asked.order)
            raise Refused([fault("payment_data.not_found")])
        if not found.complete:
            fields = sorted({wrong.path.rpartition("/")[2] or "record" for wrong in form.refusing(found.faults)})[:10]
            _log.warning(
                "session %s: data of order %s are incomplete: %s", asked.session, asked.order, ", ".join(fields)
            )
            raise Refused([fault("payment_data.incomplete", fields=", ".join(fields))])
        kept, fresh = await self._journal.take(asked, self._now())
        if kept.order != asked.order:
            raise Refused([fault("payment_data.session_reused")])
        if fresh:
            self._begin(kept)

    async def _find(self, order: str) -> form.Record | None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_FIND_SECONDS):
            return await loop.run_in_executor(self._finding, self._records.find, order)

    def _refused(self, wrong: Fault) -> web.Response:
        status = HTTPStatus.SERVICE_UNAVAILABLE if wrong.code == "payment_data.busy" else HTTPStatus.OK
        return self._said(NOT_TAKEN, f"{wrong.code} {wrong.message_zh} {wrong.message}", status)

    def _said(self, code: str, message: str, status: int = HTTPStatus.OK) -> web.Response:
        body = {"code": code, "message": message, "serviceTime": self._now()}
        return web.json_response(body, status=status, dumps=lambda value: msgspec.json.encode(value).decode())

    async def _health(self, request: web.Request) -> web.Response:
        del request
        counts = self._records.counts()
        states = self._journal.counts(self._now() - _DAY)
        left = self._own.not_after - self._now()
        # Whoever can reach it may ask: nothing here reads more than a day's sessions.
        return web.json_response(
            {
                "status": "ok" if left > 0 else "certificate expired",
                "records": counts.records,
                "incomplete": counts.incomplete,
                "files": counts.files,
                "sessions": states,
                "certificate_days": left // _DAY,
            }
        )

    # ---- the upload

    async def run(self) -> None:
        """Read records as they come and upload, beginning with what an earlier process left."""
        loop = asyncio.get_running_loop()
        self._journal.forget(self._now())
        if not self._own.not_before <= self._now() <= self._own.not_after - _WARNED:
            _log.warning("the certificate %s is not valid, or not for another 30 days", self._own.serial)
        try:
            while True:
                # Also what was taken up again while its first upload was just ending, and what broke off.
                for session in self._journal.unanswered():
                    self._begin(session)
                began = loop.time()
                read = await loop.run_in_executor(self._finding, self._records.scan)
                if read:
                    _log.info("%d payment requests read", read)
                # A folder of very many files takes a while to look at; no more than a tenth of the time goes there.
                await asyncio.sleep(max(1.0, 10 * (loop.time() - began)))
        finally:
            for task in self._uploads.values():
                task.cancel()
            await asyncio.gather(*self._uploads.values(), return_exceptions=True)
            if self._session is not None:
                await self._session.close()
            self._records.stop()
            self._finding.shutdown()
            self._signing.shutdown()

    def _begin(self, session: Session) -> None:
        if session.session not in self._uploads:
            task = asyncio.create_task(self._answer(session), name=f"upload {session.session}")
            self._uploads[session.session] = task
            task.add_done_callback(lambda done: self._ended(session, done))

    def _ended(self, session: Session, task: asyncio.Task[None]) -> None:
        self._uploads.pop(session.session, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # It stays open in the journal and is taken up again.
            _log.error("session %s: the upload broke off", session.session, exc_info=error)

    async def _answer(self, session: Session) -> None:
        """Try until customs has taken the data or the window is over; at least once, also long after a crash."""
        wait, attempts = self._limits.first_wait, session.attempts
        while True:
            async with self._at_once:
                code = await self._attempt(session)
            attempts += 1
            now = self._now()
            over = now + 1000 * wait > session.taken + 1000 * self._limits.window
            if code == TAKEN or over:
                break
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))
            wait = min(wait * 2, _LONGEST_WAIT)
        state = DONE if code == TAKEN else FAILED
        await self._journal.settle(
            msgspec.structs.replace(session, state=state, attempts=attempts, code=code, ended=now)
        )
        level = logging.INFO if state == DONE else logging.ERROR
        _log.log(
            level, "session %s: order %s %s, code %s, %d attempts, %d ms",
            session.session, session.order, state, code, attempts, now - session.taken,
        )  # fmt: skip

    async def _attempt(self, session: Session) -> str:
        """Customs' code for an upload, or why there was none."""
        found = await self._find_again(session.order)
        if found is None or not found.complete:
            return "no data"
        loop = asyncio.get_running_loop()
        body = await loop.run_in_executor(self._signing, self._body, session, found)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_UPLOAD_SECONDS))
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
        try:
            async with self._session.post(self._customs, data=body, headers=headers, allow_redirects=False) as response:
                return _code(response.status, await bounded(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    async def _find_again(self, order: str) -> form.Record | None:
        with suppress(TimeoutError, Unavailable):
            return await self._find(order)
        return None

    def _body(self, session: Session, found: form.Record) -> bytes:
        """The form of an upload, signed."""
        time = str(session.taken)
        text = form.signed_text(session.session, found.head, found.lists, time)
        value = signature_text(self._key.sign(text.encode(), self._hash))
        upload = form.upload(session.session, found.head, found.lists, time, self._number, value)
        return urlencode({"payExInfoStr": upload}).encode("ascii")


async def _asked(request: web.Request) -> Request:
    """The request in the form parameter ``openReq``; raises Refused."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise Refused([fault("payment_data.request")]) from None
    return read_request(parameter(body, "openReq"))


async def bounded(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer's body: all of it, unless it is longer than any of this protocol."""
    body = b""
    while len(body) < _ANSWER and (chunk := await response.content.read(_ANSWER)):
        body += chunk
    return body


def parameter(body: bytes, name: str) -> bytes:
    """The one value of a parameter in a URL-encoded form; empty where there is none or it stands there twice."""
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=16, keep_blank_values=True).get(name, [])
    except ValueError:
        return b""
    return values[0].encode("utf-8", "surrogatepass") if len(values) == 1 else b""


def _code(status: int, answer: bytes) -> str:
    """The code of customs' answer to an upload."""
    if status != HTTPStatus.OK:
        return f"HTTP {status}"
    try:
        code = msgspec.json.decode(answer)["code"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        return "unreadable"
    return str(code) if _CODE.fullmatch(str(code)) else "unreadable"

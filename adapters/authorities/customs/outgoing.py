"""What goes out to customs: whole messages as their original bytes in a DxpMsg, and the hub's assessments as JSON.

The hub never re-signs: customs accepts only the declarant's own signature (design §2, handing over).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import aiohttp
import msgspec

from adapters.authorities.customs.envelope import (
    CUSTOMS_EXPORT,
    CUSTOMS_IMPORT,
    TAKEN,
    Envelope,
    UnreadableError,
    read_answer,
    write,
)
from hub.domain.events import AssessmentNotice, HandOver
from schemas import catalog

R = TypeVar("R")

_ANSWER_BYTES = 64 << 10
_json = msgspec.json.Encoder().encode


def render(item: HandOver, content: bytes, at: int) -> bytes:
    """The DxpMsg of a hand-over; its CopMsgId leads answers about the whole message home."""
    return write(
        Envelope(
            id=item.copmsg_id,
            sender=item.dxp_id,
            receivers=(CUSTOMS_EXPORT if catalog.message(item.message).side == "export" else CUSTOMS_IMPORT,),
            type=f"{item.message}Message",
            content=content,
            at=at,
        )
    )


class CustomsGateway(Generic[R]):
    """The way out to customs by HTTP, connections kept. ``reply(verdict, note, retry_after)`` makes the answer the
    caller understands (``streams.deliver.Reply``: verdicts accepted, refused, busy, away).
    """

    def __init__(
        self, url: str, reply: Callable[[str, str, float], R], timeout: float = 10.0, connections: int = 128
    ) -> None:
        """``url`` is where customs listens, without the path; nothing is opened before the first message."""
        self._url = url.rstrip("/").removesuffix("/dxp")
        self._reply, self._timeout, self._connections = reply, timeout, connections
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def hand_over(self, item: HandOver, content: bytes, at: int) -> R:
        """Hand over a message; the answer is customs', or why there was none."""
        return await self._post("/dxp", render(item, content, at), "application/xml", judge_answer=True)

    async def notify(self, notice: AssessmentNotice) -> R:
        """Tell an assessment."""
        return await self._post("/assessments", _json(notice), "application/json", judge_answer=False)

    async def _post(self, path: str, body: bytes, media_type: str, judge_answer: bool) -> R:
        try:
            async with self._open().post(self._url + path, data=body, headers={"Content-Type": media_type}) as response:
                answer = await _bounded(response.content)
                return self._judge(response.status, answer, response.headers.get("Retry-After", ""), judge_answer)
        except aiohttp.ClientConnectorError as error:
            return self._reply("away", type(error).__name__, 0.0)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._reply("busy", type(error).__name__, 0.0)

    def _judge(self, status: int, answer: bytes, retry_after: str, judge_answer: bool) -> R:
        if status in (408, 425, 429) or status >= 500:
            return self._reply("busy", f"HTTP {status}", float(retry_after) if retry_after.isdigit() else 0.0)
        if status >= 300:
            return self._reply("refused", f"HTTP {status}{_said(answer)}", 0.0)
        if not judge_answer:
            return self._reply("accepted", "", 0.0)
        try:
            found = read_answer(answer)
        except UnreadableError as error:
            # 2xx and no DxpRep: it may have been taken or not; the same CopMsgId once more does no harm
            return self._reply("busy", f"answer: {error}", 0.0)
        if found.code == TAKEN:
            return self._reply("accepted", "", 0.0)
        return self._reply("refused", f"{found.code} {found.info}".strip(), 0.0)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                auto_decompress=True,
            )
        return self._session


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    """An answer as far as it is worth reading."""
    parts, size = [], 0
    async for chunk in content.iter_any():
        parts.append(chunk)
        size += len(chunk)
        if size >= _ANSWER_BYTES:
            break
    return b"".join(parts)


def _said(answer: bytes) -> str:
    """Code and sentence of a refusal's DxpRep where there is one."""
    try:
        found = read_answer(answer)
    except UnreadableError:
        return ""
    return f" {found.code} {found.info}".rstrip()

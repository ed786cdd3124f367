"""The conformance run: takes a participant through all that can happen to what it sends, one message type after the other.

Everything goes over HTTP, as the participant's own programs would send it; its documents are made up. It belongs in the sandbox:
each run hands in new sales, and one step waits for customs' answer. What a step sent, what it expected, what came and what to do
about it are the lines of the report.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
import msgspec

from adapters import signature
from hub.domain.access import OWN_CODES, SENDERS
from hub.domain.faults import fault_kinds, kind_of
from schemas import catalog, samples, twin
from schemas.documents import Transfer
from schemas.samples.common import moment

Outcome = Literal["passed", "failed", "skipped"]
#: Attempts of a call whose outcome is unknown, and seconds of one.
_ATTEMPTS, _SECONDS = 5, 30


class Reply(msgspec.Struct, frozen=True):
    """An answer: HTTP status, its JSON and its very bytes; status 0 where nobody answers."""

    status: int
    body: dict[str, Any]  # Any: JSON
    content: bytes = b""


class Step(msgspec.Struct, frozen=True):
    """One line of the report. ``what``, ``expected``, ``came`` and ``mend`` are said in English and Chinese."""

    message: str
    step: str
    outcome: Outcome
    sent: str
    sent_zh: str
    expected: str
    expected_zh: str
    came: str
    mend: str = ""
    mend_zh: str = ""


class Participant(msgspec.Struct, frozen=True):
    """Who is taken through it. ``key`` signs its XML; without one JSON twins are sent, which the hub signs under its mandate.

    ``foreign_code`` is the code of some other enterprise.
    """

    name: str
    api_key: str
    roles: tuple[str, ...]
    codes: tuple[str, ...]
    dxp_id: str
    foreign_code: str
    key: signature.SigningKey | None = None
    #: The messages it may send where that is less than its roles allow; empty: all of them.
    messages: tuple[str, ...] = ()


class _Expected(msgspec.Struct, frozen=True):
    """What a step sends and is to be answered, in words."""

    sent: str
    sent_zh: str
    expected: str
    expected_zh: str


_STEPS: dict[str, _Expected] = {
    "accept": _Expected("a right message", "正确的报文", "202, the document accepted", "202，单证被接受"),
    "duplicate": _Expected("the same bytes again", "相同内容再次报送", "202, the same submission", "202，报送编号相同"),
    "flag": _Expected("a message whose appTime lies in the future", "appTime 晚于当前时间的报文", "202, flagged with meaning.future", "202，标记 meaning.future"),
    "refuse schema": _Expected("a message that lacks its guid", "缺少 guid 的报文", "422 or 400, a fault of the family schema", "422 或 400，schema 类差错"),
    "refuse signature": _Expected(
        "a message changed after it was signed", "签名后被改动的报文", "422, a fault of the family signature", "422，signature 类差错"
    ),
    "refuse access": _Expected("a message of another enterprise", "其他企业的报文", "403 access.own_code", "403 access.own_code"),
    "retry": _Expected(
        "a message twice under one Idempotency-Key", "以同一 Idempotency-Key 报送两次", "202 twice, the same bytes", "两次 202，应答完全相同"
    ),
    "retry other": _Expected(
        "another message under the same Idempotency-Key", "以同一 Idempotency-Key 报送其他内容", "422 transport.key_reused", "422 transport.key_reused"
    ),
    "receipt": _Expected("nothing: waits for customs' answer", "等待海关回执", "a receipt for the accepted document", "收到已接受单证的回执"),
}  # fmt: skip
#: What to do about a step that failed, where no fault says it.
_MEND: dict[str, tuple[str, str]] = {
    "duplicate": ("Keep the bytes as they were sent and repeat those: a message signed anew is a new one.", "请保存已发送的原始字节并原样重发：重新签名即为新报文。"),
    "receipt": ("See that the sandbox runs (hub doctor), and that the certificate is registered for the code.", "请确认沙箱正在运行（hub doctor），且证书已为该企业代码登记。"),
    "retry": ("Tell the operator: the hub must answer the same bytes.", "请联系运营方：平台应答复相同内容。"),
    "flag": ("Tell the operator: the hub must flag it.", "请联系运营方：平台应予以标记。"),
}  # fmt: skip


def message_types(roles: Sequence[str]) -> list[str]:
    """What these roles may hand in, in the catalogue's order; what only authorities send is not rehearsed."""
    own = frozenset(roles) - {"customs"}
    return [mt.type for mt in catalog.messages() if mt.direction == "up" and not SENDERS[mt.type].isdisjoint(own)]


class Run:
    """One run against one hub."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, who: Participant, *, now: int, seconds: float = 60.0,
        tell: Callable[[Step], None] = lambda _: None,
    ) -> None:  # fmt: skip
        """``now``: ms since the epoch; the sales' numbers and times come from it. ``seconds``: how long receipts are waited for."""
        self._http, self._url, self._who, self._now = http, url.rstrip("/"), who, now
        self._seconds, self._tell = seconds, tell
        self._number = now // 1000 % 10_000_000 * 100
        self.steps: list[Step] = []

    async def all(self, types: Sequence[str]) -> list[Step]:
        """Every step of each of these messages; receipts are waited for at the end, all together."""
        awaited: list[tuple[str, str]] = []
        for type_ in types:
            submission = await self._of(type_)
            if submission:
                awaited.append((type_, submission))
        await self._receipts(types, awaited)
        return self.steps

    # ---- the steps of a message

    async def _of(self, type_: str) -> str:
        """Everything but the receipt; the submission that was accepted, empty where none was."""
        right = self._message(type_)
        first = await self._send(right)
        accepted = first.status == 202 and _statuses(first) == ["accepted"]
        self._say(type_, "accept", accepted, first)
        again = await self._send(right)
        same = again.status == 202 and again.body.get("submission") == first.body.get("submission")
        self._say(type_, "duplicate", same, again)
        late = await self._send(self._message(type_, app_time=moment(self._now // 1000 + 40 * 86_400)[0]))
        self._say(type_, "flag", late.status == 202 and "meaning.future" in _codes(late), late)
        await self._refused(type_)
        await self._retried(type_)
        return str(first.body.get("submission", "")) if accepted else ""

    async def _refused(self, type_: str) -> None:
        unformed = await self._send(self._message(type_, spoil="schema"))
        self._say(type_, "refuse schema", unformed.status in (400, 422) and _family(unformed) in ("schema", "json"), unformed)
        if self._who.key is None:
            self._add(type_, "refuse signature", "skipped", "no key was given: the hub signs under the mandate")
        else:
            changed = await self._send(self._message(type_, spoil="signature"))
            self._say(type_, "refuse signature", changed.status in (400, 422) and _family(changed) == "signature", changed)
        if OWN_CODES[type_] and self._who.foreign_code:
            foreign = await self._send(self._message(type_, code=self._who.foreign_code))
            self._say(type_, "refuse access", foreign.status == 403 and "access.own_code" in _codes(foreign), foreign)
        else:
            self._add(type_, "refuse access", "skipped", "no other enterprise's code is known")

    async def _retried(self, type_: str) -> None:
        body, other = self._message(type_), self._message(type_)
        key = f"conformance-{self._who.name}-{type_}-{self._now}"
        one, two = await self._send(body, key), await self._send(body, key)
        self._say(type_, "retry", one.status == two.status == 202 and one.content == two.content, two)
        reused = await self._send(other, key)
        self._say(type_, "retry other", reused.status == 422 and "transport.key_reused" in _codes(reused), reused)

    async def _receipts(self, types: Sequence[str], awaited: list[tuple[str, str]]) -> None:
        """Whether each accepted submission was answered in time."""
        answered: dict[str, str] = {}
        after, deadline = "", time.monotonic() + self._seconds
        while awaited and time.monotonic() < deadline and not all(id in answered for _, id in awaited):
            reply = await self._call("GET", f"/v1/receipts?limit=1000&after={quote(after)}")
            for receipt in reply.body.get("items", ()):
                answered.setdefault(receipt["submission"], f"{receipt['message']} {receipt['code']} {receipt['text']}".strip())
            moved = reply.body.get("after", after)
            if moved == after or not reply.body.get("items"):
                await asyncio.sleep(0.5)
            after = moved
        of = dict(awaited)
        for type_ in types:
            if type_ not in of:
                self._add(type_, "receipt", "skipped", "nothing was accepted")
            else:
                came = answered.get(of[type_])
                self._add(type_, "receipt", "passed" if came else "failed", came or f"none within {self._seconds:g} s")

    # ---- messages

    def _message(self, type_: str, *, code: str = "", app_time: str = "", spoil: str = "") -> bytes:
        """A new message of that type, of the participant's codes (or ``code``), perhaps spoilt; signed where there is a key."""
        mt, who = catalog.message(type_), self._who
        self._number += 1
        document = samples.document(type_, self._number, self._now, 2)
        head, own = document.head, OWN_CODES[type_]
        changes: dict[str, Any] = {}
        if code or not any(getattr(head, name) in who.codes for name in own):
            changes = dict.fromkeys(own, code or who.codes[0])
        if app_time:
            changes["appTime"] = app_time
        document = msgspec.structs.replace(document, head=msgspec.structs.replace(head, **changes))
        transfer = Transfer(copCode=who.codes[0], copName=who.name, dxpMode="DXP", dxpId=who.dxp_id)
        guid = "" if spoil == "schema" else document.head.guid
        if who.key is None:
            return msgspec.json.encode(twin.write(mt, [document], guid=guid, transfer=transfer))
        text = catalog.render(mt, [document], guid=guid, transfer=transfer)
        signed = signature.sign(text, who.key)
        return signed.replace(who.dxp_id.encode(), who.dxp_id[::-1].encode(), 1) if spoil == "signature" else signed

    async def _send(self, body: bytes, key: str = "") -> Reply:
        headers = {"Content-Type": "application/json" if self._who.key is None else "application/xml"}
        return await self._call("POST", "/v1/messages", body, headers | ({"Idempotency-Key": key} if key else {}))

    async def _call(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        """One call; the same bytes again as long as the outcome is unknown or the hub asks to wait."""
        reply = Reply(0, {})
        said = {"Authorization": f"Bearer {self._who.api_key}"} | dict(headers or {})
        for attempt in range(_ATTEMPTS):
            pause = 0.25 * 2**attempt
            try:
                async with self._http.request(method, self._url + path, data=body, headers=said) as answer:
                    content = await answer.read()
                    reply = Reply(answer.status, _json(content), content)
                    pause = max(pause, float(answer.headers.get("Retry-After", "0")))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                reply = Reply(0, {})
            if reply.status not in (0, 409, 429, 503):
                break
            await asyncio.sleep(min(pause, 10.0))
        return reply

    # ---- the report

    def _say(self, type_: str, step: str, good: bool, reply: Reply) -> None:
        self._add(type_, step, "passed" if good else "failed", _said(reply), reply)

    def _add(self, type_: str, step: str, outcome: Outcome, came: str, reply: Reply | None = None) -> None:
        words = _STEPS[step]
        mend = _mend(step, reply) if outcome == "failed" else ("", "")
        made = Step(type_, step, outcome, words.sent, words.sent_zh, words.expected, words.expected_zh, came, *mend)
        self.steps.append(made)
        self._tell(made)


async def rehearsed(
    url: str, who: Participant, types: Sequence[str], *, now: int, seconds: float, tell: Callable[[Step], None]
) -> list[Step]:
    """A whole run; see ``Run``."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as http:
        return await Run(http, url, who, now=now, seconds=seconds, tell=tell).all(types)


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _faults(reply: Reply) -> list[dict[str, Any]]:
    documents = reply.body.get("documents", ())
    return [*reply.body.get("faults", ()), *(fault for document in documents for fault in document.get("faults", ()))]


def _codes(reply: Reply) -> list[str]:
    return [fault["code"] for fault in _faults(reply)]


def _family(reply: Reply) -> str:
    return next(iter(_codes(reply)), "").partition(".")[0]


def _statuses(reply: Reply) -> list[str]:
    return [document["status"] for document in reply.body.get("documents", ())]


def _said(reply: Reply) -> str:
    """What came, in a line: the status, what became of the documents, the codes with their places."""
    if reply.status == 0:
        return NO_ANSWER
    told = [f"{fault['code']} {fault.get('path', '')}".strip() for fault in _faults(reply)[:3]]
    return ", ".join([str(reply.status), *_statuses(reply), *told])


def _mend(step: str, reply: Reply | None) -> tuple[str, str]:
    """What to do: the remedy of the first fault that came, else the step's own."""
    for code in _codes(reply) if reply is not None else ():
        if code in fault_kinds():
            return kind_of(code).remedy, kind_of(code).remedy_zh
    return _MEND.get(step, ("Compare with an example: hub samples --message.", "请与示例对照：hub samples --message。"))


def markdown(who: str, url: str, steps: Sequence[Step], at: str) -> str:
    """The report as a page in both languages; ``at``: when it was made, for people."""
    failed = sum(step.outcome == "failed" for step in steps)
    lines = [
        f"# Conformance of {who} · 一致性测试报告",
        "",
        f"{at}, {url}: {len(steps)} steps, {failed} failed · 共 {len(steps)} 步，{failed} 步未通过",
    ]
    for type_ in dict.fromkeys(step.message for step in steps):
        mt = catalog.message(type_)
        lines += ["", f"## {type_} {mt.en} · {mt.zh}", "", "| | step 步骤 | sent 报送 | expected 预期 | came 实际 | mend 处理 |", "|---|---|---|---|---|---|"]
        for step in steps:
            if step.message == type_:
                mend = f"{step.mend} {step.mend_zh}".strip()
                cells = (MARKS[step.outcome], step.step, f"{step.sent} {step.sent_zh}", f"{step.expected} {step.expected_zh}", step.came, mend)
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


#: What came where nobody answered.
NO_ANSWER = "no answer"
MARKS: dict[str, str] = {"passed": "✓", "failed": "✗", "skipped": "·"}

"""The sandbox customs over HTTP: what it takes it answers, by receipts to the hub's door, even after SIGKILL."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters import signature
from adapters.authorities.customs.envelope import (
    CUSTOMS_EXPORT,
    CUSTOMS_IMPORT,
    TAKEN,
    Envelope,
    read,
    read_answer,
    write,
)
from adapters.xml import parse
from hub.domain import keys
from hub.domain.kinds import DECLARATION, ORDER, PAYMENT, WAYBILL
from hub.infra.crypto import HostedKey
from hub.infra.embedded import free_port
from schemas import catalog, samples
from tests.support.customs import DXP_ID, envelope_of
from tests.support.documents import four
from tests.support.rehearsal import type_of
from tests.support.sandbox import a_simulator
from tests.support.signing import a_signer

ALL = ["2", "3", "120", "800", "899"]


@dataclass
class Door:
    """The hub's door as customs sees it: takes receipts by the catalogue, and can be shut."""

    url: str = ""
    shut: bool = False
    envelopes: list[Envelope] = field(default_factory=list)
    statuses: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    keys: set[str] = field(default_factory=set)
    formats: list[str] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    bills: list[tuple[str, str]] = field(default_factory=list)

    async def messages(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.shut:
            return web.Response(status=503)
        self.keys.add(request.headers["Authorization"])
        envelope = read(body)
        self.envelopes.append(envelope)
        root = parse(envelope.content).root
        mt = catalog.message_of(root)
        assert mt is not None
        assert catalog.validator(mt)(root)
        for document in catalog.documents(root, mt):
            head = document.head
            if mt.type == "CEB900":
                self.formats.append(head.oriCopMsgId or "")  # type: ignore[union-attr]
            elif mt.kind.startswith("tax_bill"):
                self.bills.append((head.taxNo or "", head.status or ""))  # type: ignore[union-attr]
            else:
                key = keys.answered_key(mt.type, document)
                if number := getattr(head, "invtNo", None):
                    self.numbers[key] = number
                self.statuses[key].append((head.returnTime or "", head.returnStatus or ""))  # type: ignore[union-attr]
        return web.json_response({}, status=202)

    def current(self, key: str) -> list[str]:
        """The statuses of a document by their own times, repetitions dropped."""
        return [status for _, status in sorted(set(self.statuses.get(key, ())))]


@asynccontextmanager
async def serving(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post("/v1/messages", made.messages)])
    async with serving(app) as made.url:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def signer() -> HostedKey:
    """A certificate that is valid now."""
    return a_signer(begins="2024-01-01", ends="2099-01-01")


async def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.02)


async def hand_over(http: aiohttp.ClientSession, url: str, envelope: Envelope) -> str:
    async with http.post(f"{url}/dxp", data=write(envelope)) as response:
        return read_answer(await response.read()).code


def sale(number: int) -> list[Envelope]:
    """Four envelopes of one made-up sale."""
    documents = four(f"NO{number}", buyer=number)
    key = signer()
    return [
        envelope_of(documents[kind], id=f"{kind}{number}", key=key if kind == DECLARATION else None)
        for kind in (ORDER, PAYMENT, WAYBILL, DECLARATION)
    ]


def declaration_key(number: int) -> str:
    document = four(f"NO{number}", buyer=number)[DECLARATION]
    return keys.register_key(DECLARATION, catalog.business_key(document))


@asynccontextmanager
async def sandbox(folder: Path, door: Door, plan: str = "release") -> AsyncIterator[str]:
    simulator, store = a_simulator(folder, door.url, plan)
    async with serving(simulator.app) as url:
        sending = asyncio.create_task(simulator.run())
        try:
            yield url
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            store.close()


@pytest.mark.parametrize(("plan", "asked"), [("payment_data", [("120", "order")]), ("release", [])])
async def test_the_platform_of_a_stored_declaration_is_asked_for_its_payment_data_where_the_scenario_says_so(
    plan: str, asked: list[tuple[str, str]], tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    simulator, store = a_simulator(tmp_path, door.url, plan)
    calls: list[tuple[str, str]] = []

    async def ask(platform: str, order: str) -> None:
        calls.append((platform, order))

    simulator.ask = ask
    async with serving(simulator.app) as url:
        sending = asyncio.create_task(simulator.run())
        try:
            for envelope in sale(1):
                await hand_over(http, url, envelope)
            await until(lambda: door.current(declaration_key(1)) == ALL)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            store.close()
    head = four("NO1", buyer=1)[DECLARATION].head
    assert calls == [(head.ebpCode, head.orderNo) for _ in asked]


async def test_a_sale_is_answered_to_closure_in_customs_wire_format(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    async with sandbox(tmp_path, door) as url:
        assert [await hand_over(http, url, envelope) for envelope in sale(1)] == [TAKEN] * 4
        await until(lambda: door.current(declaration_key(1)) == ALL)
        await until(lambda: len(door.statuses) == 4 and bool(door.bills))
    assert door.keys == {"Bearer key-of-customs"}
    assert {(e.sender, e.receivers) for e in door.envelopes} == {(CUSTOMS_IMPORT, (DXP_ID,))}
    assert {e.type for e in door.envelopes} == {f"CEB{n}Message" for n in (312, 412, 512, 622, 816)}
    assert len({e.id for e in door.envelopes}) == len(door.envelopes)


async def test_an_export_sale_is_answered_by_customs_export_number(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    made = samples.export_set(1)
    lists = (*samples.consolidation([made.declaration]), *samples.arrival([made.declaration]))
    key = keys.register_key(DECLARATION, catalog.business_key(made.declaration))
    async with sandbox(tmp_path, door) as url:
        for document in (made.order, made.waybill, made.declaration, *lists):
            await hand_over(http, url, enveloped(document))
            await asyncio.sleep(0.05)
        await until(lambda: [status for _, status in door.statuses[key]] == ["2", "3", "120", "800"])
    assert {e.sender for e in door.envelopes} == {CUSTOMS_EXPORT}
    assert {e.type for e in door.envelopes} == {f"CEB{n}Message" for n in (304, 506, 604, 608, 508)}


async def test_a_cancelled_declaration_is_told_nothing_more(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    plan = tmp_path / "late.toml"
    plan.write_text(
        "[flow.late]\nsteps = [{ status = '2' }, { status = '120' }, { status = '800', after = 700 }]\n"
        "[[choose]]\nflow = 'late'\n"
    )
    sales = [samples.declaration_set(number) for number in (1, 2)]
    first, second = (keys.register_key(DECLARATION, catalog.business_key(made.declaration)) for made in sales)
    async with sandbox(tmp_path, door, str(plan)) as url:
        for document in sales[0]:
            await hand_over(http, url, enveloped(document))
        await until(lambda: door.current(first) == ["2", "120"])
        application = samples.cancellation(sales[0].declaration, door.numbers[first])
        for document in (application, *sales[1]):
            await hand_over(http, url, enveloped(document))
        await until(lambda: door.current(second) == ["2", "120", "800"])
    assert door.current(first) == ["2", "120"]
    cancelled = keys.register_key("cancellation", catalog.business_key(application))
    assert door.current(cancelled) == ["2", "120", "399"]


def enveloped(document: Any) -> Envelope:
    """A document in an envelope of its own, signed."""
    mt = catalog.message(type_of(document))
    transfer = samples.base_transfer("9901D00005", dxp_id=DXP_ID)
    xml = catalog.render(mt, [document], guid="9" * 36, transfer=transfer)
    content = signature.sign(xml, signer())
    return Envelope(document.head.guid, DXP_ID, (CUSTOMS_EXPORT,), mt.root, content, 0)


async def test_receipts_wait_while_the_door_is_shut_and_are_collected(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    door.shut = True
    async with sandbox(tmp_path, door) as url:
        for number in range(40):
            for envelope in sale(number):
                await hand_over(http, url, envelope)
        door.shut = False
        await until(lambda: all(door.current(declaration_key(number)) == ALL for number in range(40)))
    assert len(door.envelopes) < 40 * 11 / 4, "many receipts go in one message"


@pytest.mark.parametrize("plan", ["repeats", "out_of_order"])
async def test_repeats_and_receipts_out_of_order_end_in_the_same_status(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession, plan: str
) -> None:
    key = declaration_key(1)
    async with sandbox(tmp_path, door, plan) as url:
        for envelope in sale(1):
            await hand_over(http, url, envelope)
        wanted = 15 if plan == "repeats" else 4
        await until(lambda: len(door.statuses[key]) == wanted)
    sent = [status for _, status in door.statuses[key]]
    assert door.current(key)[-1] == ("899" if plan == "repeats" else "800")
    assert sent != door.current(key)


async def test_bytes_that_are_no_envelope_and_content_that_is_no_message(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    async with sandbox(tmp_path, door) as url:
        async with http.post(f"{url}/dxp", data=b"nothing") as response:
            assert response.status == 400
            assert read_answer(await response.read()).code != TAKEN
        broken = Envelope("broken", DXP_ID, (CUSTOMS_IMPORT,), "CEB311Message", b"<x/>", 0)
        assert await hand_over(http, url, broken) == TAKEN
        await until(lambda: door.formats == ["broken"])


@pytest.mark.slow
async def test_no_receipt_of_a_message_it_took_is_lost_when_it_is_killed(
    tmp_path: Path, door: Door, http: aiohttp.ClientSession
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.sandbox", str(tmp_path), str(port), door.url,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            with suppress(aiohttp.ClientError):
                async with http.get(f"{url}/healthz"):
                    return process
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)

    process = await start()
    for number in range(60):
        for envelope in sale(number):
            while True:  # as deliver does: the same envelope until it is answered
                try:
                    assert await hand_over(http, url, envelope) == TAKEN
                    break
                except aiohttp.ClientError:
                    process = await start()
        if number in (10, 25, 40):
            process.send_signal(signal.SIGKILL)
            await process.wait()
    try:
        await until(lambda: all(door.current(declaration_key(number)) == ALL for number in range(60)), 30)
    finally:
        process.kill()
        await process.wait()

"""The sandbox customs' side of payment data: it asks registered platforms, judges uploads, keeps what came of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.authorities.customs.payment_data import UPLOAD, PaymentDesk, Platform, new_session
from adapters.certificates import certificate
from hub.cli.sandbox import Platforms
from hub.domain.reference import Reference, ReferenceRecord
from tests.support.payments import PLATFORM, RSA, SM2, a_key, a_record, an_upload, files_of

SECRET = "990000000000000001"  # the receiving account in the data


class Site:
    """A desk, and a platform that answers what it is told to."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.path = folder / "payment_data.db"
        self.code: object = "10000"
        self.status = 200
        self.asked: list[dict[str, Any]] = []
        self.url = ""
        own = a_key(kind).certificate
        self.now = certificate(own).not_before + 86_400_000
        self.desk = PaymentDesk(
            self.path, lambda code: Platform(self.url, own) if code == PLATFORM else None, lambda: self.now
        )

    async def open(self, request: web.Request) -> web.Response:
        self.asked.append(json.loads(str((await request.post())["openReq"])))
        self.now += 7
        return web.json_response({"code": self.code, "message": "", "serviceTime": 1}, status=self.status)


@pytest.fixture(params=[RSA, SM2])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def site(tmp_path: Path, kind: str) -> AsyncIterator[Site]:
    made = Site(tmp_path, kind)
    app = web.Application()
    app.add_routes([web.post("/open", made.open)])
    async with TestServer(app) as server:
        made.url = str(server.make_url("/open"))
        yield made
    await made.desk.close()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application()
    app.add_routes(site.desk.routes())
    async with TestClient(TestServer(app)) as made:
        yield made


async def upload(client: TestClient[web.Request, web.Application], data: bytes) -> dict[str, Any]:
    async with client.post(UPLOAD, data={"payExInfoStr": data.decode()}) as response:
        assert response.status == 200
        return dict(await response.json())


async def test_a_platform_is_asked_and_its_upload_taken(site: Site, client: Any, kind: str) -> None:
    opened = await (await client.post("/payment-data", json={"platform": PLATFORM, "orderNo": "ORDER-1"})).json()
    assert (opened["outcome"], opened["code"], opened["answered_ms"], opened["uploaded_ms"]) == ("opened", "10000", 7, -1)
    [asked] = site.asked
    assert (asked["orderNo"], asked["sessionID"], type(asked["serviceTime"])) == ("ORDER-1", opened["session"], int)
    site.now += 20
    record = form_of("ORDER-1", "ORDER-2")
    said = await upload(client, signed(record, opened["session"], kind))
    assert said == {"code": "10000", "message": "上传成功", "total": 0, "serviceTime": site.now}
    shown = await (await client.get(f"/payment-data/{opened['session']}")).json()
    assert (shown["outcome"], shown["uploaded_ms"], shown["orders"], shown["faults"]) == ("uploaded", 27, 2, [])
    assert (await (await client.get("/payment-data")).json()) == [shown]
    await upload(client, signed(record, opened["session"], kind))
    assert (await (await client.get(f"/payment-data/{opened['session']}")).json())["uploads"] == 2


def form_of(*orders: str) -> dict[str, Any]:
    return a_record(*orders)


def signed(record: dict[str, Any], session: str, kind: str, **over: str) -> bytes:
    from adapters.payment_data import form
    from tests.support.payments import written

    made = form.read(written(record))
    text = form.signed_text(session, made.head, made.lists, "1781750100000")
    return an_upload(record, kind, text=text, session=session, **over)


async def test_what_is_wrong_with_an_upload_is_said_and_kept_without_values(site: Site, client: Any, kind: str) -> None:
    opened = await site.desk.open(PLATFORM, "ORDER-1")
    wrong = {
        "payment_data.other_order": signed(form_of("ORDER-9"), opened.session, kind),
        "payment_data.signature": signed(form_of("ORDER-1"), opened.session, kind, service_time="2"),
        "payment_data.certificate_number": signed(form_of("ORDER-1"), opened.session, kind, number="07"),
    }
    for code, data in wrong.items():
        said = await upload(client, data)
        assert said["code"] == "20000"
        assert code in said["message"]
        shown = await (await client.get(f"/payment-data/{opened.session}")).json()
        assert shown["outcome"] == "faulty"
        assert any(found.startswith(code) for found in shown["faults"])
    data = signed(form_of("ORDER-1"), opened.session, kind).replace(b'"verDept":"3"', b'"verDept":"8"')
    assert "payment_data.value" in (await upload(client, data))["message"]
    site.now += 10**13
    assert "signature.expired" in (await upload(client, signed(form_of("ORDER-1"), opened.session, kind)))["message"]
    assert SECRET.encode() not in site.path.read_bytes()
    assert SECRET.encode() not in Path(f"{site.path}-wal").read_bytes()


async def test_an_upload_that_quotes_no_session_is_not_taken(client: Any, kind: str) -> None:
    assert "payment_data.session" in (await upload(client, an_upload(kind=kind)))["message"]
    assert (await upload(client, b"nothing"))["code"] == "20000"
    async with client.post(UPLOAD, data=b"") as response:
        assert (await response.json())["code"] == "20000"


async def test_an_upload_that_is_too_large_is_not_read_to_its_end(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.authorities.customs.payment_data.MAX_FORM", 1000)
    assert "payment_data.too_large" in (await upload(client, b"x" * 2000))["message"]


async def test_a_platform_that_is_not_registered_refuses_or_is_away(site: Site, client: Any) -> None:
    async with client.post("/payment-data", json={"platform": "9901D00009", "orderNo": "A"}) as response:
        assert (response.status, await response.json()) == (404, {"fault": "payment_data.platform"})
    async with client.post("/payment-data", data=b"no json") as response:
        assert (response.status, await response.json()) == (422, {"fault": "payment_data.request"})
    async with client.get("/payment-data/none") as response:
        assert response.status == 404
    site.code = "20000"
    assert (await site.desk.open(PLATFORM, "A")).outcome == "refused"
    site.code = 10000  # the sample code of the announcement answers with a number
    assert (await site.desk.open(PLATFORM, "A")).outcome == "opened"
    site.status = 404
    gone = await site.desk.open(PLATFORM, "A")
    assert (gone.outcome, gone.code) == ("unreachable", "HTTP 404")
    site.url = "http://127.0.0.1:1/"
    assert (await site.desk.open(PLATFORM, "A")).outcome == "unreachable"


def test_sessions_have_the_form_of_customs_own_and_are_never_the_same() -> None:
    made = {new_session() for _ in range(1000)}
    assert len(made) == 1000
    assert {tuple(map(len, session.split("-"))) for session in made} == {(6, 8, 8)}


def test_platforms_are_reference_data_of_the_day() -> None:
    _, pem = files_of(RSA)
    data = Reference()
    value = {"url": "http://platform.example/open", "certificate": pem.decode()}
    data.put(ReferenceRecord("responder", PLATFORM, 1, "2026-01-01", value=value), 0)
    data.put(ReferenceRecord("responder", "9901D00002", 1, "2026-01-01", value={"url": "http://x"}), 1)
    data.put(ReferenceRecord("responder", "9901D00003", 1, "2026-01-01", value=value | {"certificate": "none"}), 2)

    class Fixed:
        moment = 1_781_750_100_000

        def now(self) -> int:
            return self.moment

    class Reader:
        pass

    reader = Reader()
    reader.data = data  # type: ignore[attr-defined]
    platforms = Platforms(reader, Fixed())  # type: ignore[arg-type]
    assert platforms(PLATFORM) == Platform("http://platform.example/open", a_key().certificate)
    assert [platforms(code) for code in ("9901D00002", "9901D00003", "9901D00004")] == [None] * 3
    Fixed.moment = 1_700_000_000_000
    assert platforms(PLATFORM) is None

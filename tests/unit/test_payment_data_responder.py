"""The responder of a platform: finds data, takes requests once, uploads until customs has them, forgets nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapters.certificates import certificate
from adapters.payment_data import records as records_module
from adapters.payment_data.checks import Request, check_upload
from adapters.payment_data.form import MAX_BYTES
from adapters.payment_data.journal import DONE, FAILED, OPEN, Journal, Session
from adapters.payment_data.records import Records, a_recent_order
from adapters.payment_data.responder import Limits, Responder, parameter
from hub.domain.faults import Unavailable
from tests.support.payments import RSA, SESSION, SM2, a_key, a_line, a_record, append, written

# ---- records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "records").mkdir()
    return tmp_path / "records"


@pytest.fixture
def index(folder: Path, tmp_path: Path) -> Any:
    made = Records(folder, tmp_path / "index.db")
    yield made
    made.close()


def found(index: Records, order: str) -> tuple[str, ...]:
    made = index.find(order)
    return made.orders if made is not None else ()


def test_an_order_is_found_with_all_orders_of_its_payment_request(folder: Path, index: Records) -> None:
    append(folder, a_record("A", "B"), a_record("C"))
    (folder / "one").mkdir()
    (folder / "one" / "D.json").write_text(json.dumps(a_record("D", "E"), indent=2), "utf-8")
    assert index.scan() == 3
    assert [found(index, order) for order in "ABCDEF"] == [("A", "B")] * 2 + [("C",)] + [("D", "E")] * 2 + [()]
    assert (index.counts().files, index.counts().records, index.counts().incomplete) == (2, 3, 0)


def test_what_was_written_a_moment_ago_is_found_without_waiting_for_a_scan(folder: Path, index: Records) -> None:
    assert found(index, "A") == ()
    append(folder, a_record("A"))
    assert found(index, "A") == ("A",)
    append(folder, a_record("B"))
    assert found(index, "B") == ("B",)


def test_a_line_that_is_still_being_written_waits_for_its_end(folder: Path, index: Records) -> None:
    line = written(a_record("A"))
    (folder / "day.jsonl").write_bytes(line[:50])
    assert (index.scan(), found(index, "A")) == (0, ())
    (folder / "day.jsonl").write_bytes(line + b"\n\n" + written(a_record("B")))
    assert (found(index, "A"), found(index, "B")) == (("A",), ())


def test_the_later_record_of_an_order_counts_in_whatever_order_files_are_read(folder: Path, index: Records) -> None:
    append(folder, a_record("A", payCode="2"), a_record("A", payCode="3"), name="2026-02.jsonl")
    index.scan()
    append(folder, a_record("A", payCode="1"), name="2026-01.jsonl")
    index.scan()
    made = index.find("A")
    assert made is not None
    assert '"payCode":"3"' in made.head


def test_a_hidden_file_and_other_files_are_left_alone(folder: Path, index: Records) -> None:
    append(folder, a_record("A"), name=".day.jsonl")
    append(folder, a_record("A"), name="day.txt")
    assert index.scan() == 0


def test_an_index_that_was_lost_is_made_anew_and_one_that_was_kept_goes_on(folder: Path, tmp_path: Path) -> None:
    append(folder, *(a_record(f"O{n}") for n in range(1200)))
    first = Records(folder, tmp_path / "index.db")
    assert first.scan() == 1200
    second = Records(folder, tmp_path / "index.db")  # the first was never closed
    assert (second.scan(), found(second, "O1199")) == (0, ("O1199",))
    other = Records(folder, tmp_path / "other.db")
    assert found(other, "O0") == ("O0",)
    for made in (first, second, other):
        made.close()


def test_a_file_written_anew_is_read_anew(folder: Path, index: Records) -> None:
    path = append(folder, a_record("A", initalRequest="x" * 5000), a_record("B"))
    index.scan()
    path.write_bytes(written(a_record("B", payCode="9")) + b"\n")
    assert found(index, "B") == ("B",)
    assert found(index, "A") == ()
    path.unlink()
    assert found(index, "B") == ()


def test_a_faulty_record_is_counted_named_and_holds_up_no_other(
    folder: Path, index: Records, caplog: pytest.LogCaptureFixture
) -> None:
    append(folder, a_record("A", totalAmount="made-up-secret", payCode=""), a_record("B"))
    with (folder / "2026-06-18.jsonl").open("ab") as file:
        file.write(b"{no json made-up-secret\n" + b"x" * (MAX_BYTES + 5) + b"\n" + written(a_record("C")) + b"\n")
    index.scan()
    assert (index.counts().records, index.counts().incomplete) == (5, 3)
    assert found(index, "B") == ("B",)
    assert found(index, "C") == ("C",)
    made = index.find("A")
    assert made is not None
    assert not made.complete
    said = "\n".join(caplog.messages)
    assert "payment_data.amount /payExchangeInfoHead/totalAmount" in said
    assert "json.malformed" in said
    assert "payment_data.too_large" in said
    assert "secret" not in said


def test_those_who_miss_while_another_looks_share_its_look(
    folder: Path, index: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    files = records_module._files
    monkeypatch.setattr(records_module, "_files", lambda path: looked.append(1) or files(path))
    asked = time.monotonic()
    index._scan(asked)
    index._scan(asked)
    assert len(looked) == 1


def test_what_misses_during_a_long_scan_is_not_told_to_be_nowhere(
    folder: Path, index: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(folder, a_record("A"))
    index.scan()
    monkeypatch.setattr(records_module, "_PATIENCE", 0.01)
    with index._writing:
        assert found(index, "A") == ("A",)
        with pytest.raises(Unavailable):
            index.find("B")


def test_a_recent_order_is_one_of_the_newest_file(folder: Path) -> None:
    assert a_recent_order(folder, 0.5) is None
    append(folder, a_record("OLD"), name="2026-01-01.jsonl")
    append(folder, *(a_record(f"O{n}") for n in range(20)))
    drawn = {a_recent_order(folder, n / 10) for n in range(10)}
    assert None not in drawn
    assert len(drawn) > 3
    assert drawn <= {f"O{n}" for n in range(20)}


# ---- journal


def a_request(session: str = SESSION, order: str = "A") -> Request:
    return Request(order, session, 0)


async def test_a_session_is_new_once_also_among_those_who_come_together(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    taken = await asyncio.gather(*(journal.take(a_request(), 1) for _ in range(20)))
    assert [fresh for _, fresh in taken].count(True) == 1
    kept, fresh = await journal.take(a_request(order="B"), 2)
    assert (kept.order, fresh) == ("A", False)
    await journal.close()


async def test_what_was_taken_is_there_after_the_process_died_and_what_ended_is_not_open(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.db")
    for number in range(5):
        await first.take(a_request(f"s{number}", f"O{number}"), number)
    await first.settle(Session("s1", "O1", 1, DONE, 1, "10000", 9))
    await first.settle(Session("s2", "O2", 2, FAILED, 7, "20000", 9))
    second = Journal(tmp_path / "journal.db")  # the first was never closed
    assert [(s.session, s.taken) for s in second.unanswered()] == [("s0", 0), ("s3", 3), ("s4", 4)]
    assert second.counts(since=0) == {OPEN: 3, DONE: 1, FAILED: 1}
    assert second.counts(since=10) == {OPEN: 3}
    again, fresh = await second.take(a_request("s2", "O2"), 10)
    assert (again.state, fresh) == (OPEN, True)
    known, fresh = await second.take(a_request("s1", "O1"), 10)
    assert (known.code, fresh) == ("10000", False)
    second.forget(4 * 366 * 86_400_000)
    assert second.counts(since=0) == {OPEN: 4}
    await first.close()
    await second.close()


async def test_a_disk_that_takes_nothing_is_told_to_everybody_who_waits(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal._db.execute("DROP TABLE sessions")
    told = await asyncio.gather(*(journal.take(a_request(f"s{n}"), 1) for n in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [sqlite3.OperationalError] * 3
    await journal.close()


# ---- the server


@dataclass
class Customs:
    """Customs' upload address; ``answers`` are given one after the other, then it takes everything."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    uploads: list[bytes] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        await self.held.wait()
        self.uploads.append(parameter(await request.read(), "payExInfoStr"))
        status, body = self.answers.pop(0) if self.answers else (200, {"code": "10000", "message": "上传成功"})
        return web.json_response(body, status=status)


@pytest.fixture
async def customs() -> AsyncIterator[Customs]:
    made = Customs()
    made.held.set()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post("/up", made.take)])
    async with TestServer(app) as server:
        made.url = str(server.make_url("/up"))
        yield made


@dataclass
class Platform:
    """A running responder and the way to ask it."""

    client: TestClient[web.Request, web.Application]
    journal: Journal
    records: Records

    async def ask(self, order: str = "A", session: str = SESSION, **form: str) -> dict[str, Any]:
        asked = json.dumps({"orderNo": order, "sessionID": session, "serviceTime": 1})
        async with self.client.post("/platDataOpen", data={"openReq": asked} | form) as response:
            return {"status": response.status} | await response.json()

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come"
            await asyncio.sleep(0.01)

    def state(self, session: str = SESSION) -> str:
        found = self.journal.find(session)
        return found.state if found else ""


@asynccontextmanager
async def running(tmp_path: Path, customs: Customs, kind: str = RSA, **limits: Any) -> AsyncIterator[Platform]:
    folder = tmp_path / "records"
    folder.mkdir(exist_ok=True)
    records, journal = Records(folder, tmp_path / "index.db"), Journal(tmp_path / "journal.db")
    responder = Responder(
        records=records, journal=journal, key=a_key(kind), customs=customs.url, now=lambda: time.time_ns() // 1_000_000,
        limits=Limits(**{"first_wait": 0.01} | limits),
    )  # fmt: skip
    async with TestClient(TestServer(responder.app)) as client:
        working = asyncio.create_task(responder.run())
        try:
            yield Platform(client, journal, records)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
            await journal.close()
            records.close()


@pytest.mark.parametrize("kind", [RSA, SM2])
async def test_a_request_is_answered_at_once_and_all_orders_are_uploaded_signed(
    tmp_path: Path, customs: Customs, kind: str
) -> None:
    append(tmp_path / "records", a_record("A", "B", "C"))
    async with running(tmp_path, customs, kind) as platform:
        customs.held.clear()
        said = await platform.ask("B")
        assert (said["status"], said["code"], said["message"]) == (200, "10000", "")
        assert isinstance(said["serviceTime"], int)
        assert (platform.state(), customs.uploads) == (OPEN, [])  # answered while nothing is uploaded yet
        customs.held.set()
        await platform.until(lambda: platform.state() == DONE)
    [upload] = customs.uploads
    found = check_upload(upload, certificate(a_key(kind).certificate))
    assert (found.session, found.orders, found.faults) == (SESSION, ("A", "B", "C"), ())


async def test_a_repeated_session_is_answered_alike_and_uploaded_once(tmp_path: Path, customs: Customs) -> None:
    append(tmp_path / "records", a_record("A"), a_record("B"))
    async with running(tmp_path, customs) as platform:
        said = await asyncio.gather(*(platform.ask() for _ in range(10)))
        await platform.until(lambda: platform.state() == DONE)
        said.append(await platform.ask())
        assert {answer["code"] for answer in said} == {"10000"}
        other = await platform.ask("B")
        assert other["code"] == "20000"
        assert "payment_data.session_reused" in other["message"]
    assert len(customs.uploads) == 1


async def test_it_is_tried_until_customs_has_taken_it_with_the_same_text(tmp_path: Path, customs: Customs) -> None:
    append(tmp_path / "records", a_record("A"))
    customs.answers = [(500, {}), (200, {"code": "20000"}), (200, []), (302, {}), (200, {"code": "20001"})]
    async with running(tmp_path, customs) as platform:
        await platform.ask()
        await platform.until(lambda: platform.state() == DONE)
        kept = platform.journal.find(SESSION)
    assert kept is not None
    assert (kept.attempts, kept.code) == (6, "10000")
    assert len(set(customs.uploads)) == 1


async def test_after_the_window_it_gives_up_and_a_new_request_begins_anew(tmp_path: Path, customs: Customs) -> None:
    append(tmp_path / "records", a_record("A"))
    customs.answers = [(200, {"code": "20000"})]
    async with running(tmp_path, customs, window=0.0) as platform:
        await platform.ask()
        await platform.until(lambda: platform.state() == FAILED)
        kept = platform.journal.find(SESSION)
        assert kept is not None
        assert kept.code == "20000"
        assert (await platform.ask())["code"] == "10000"
        await platform.until(lambda: platform.state() == DONE)


async def test_customs_that_cannot_be_reached_is_tried_again(tmp_path: Path, customs: Customs) -> None:
    append(tmp_path / "records", a_record("A"))
    away = Customs(url="http://127.0.0.1:1/up")
    async with running(tmp_path, away, window=0.0) as platform:
        assert (await platform.ask())["code"] == "10000"
        await platform.until(lambda: platform.state() == FAILED)
        kept = platform.journal.find(SESSION)
    assert kept is not None
    assert kept.code == "ClientConnectorError"


async def test_what_an_earlier_process_took_is_uploaded_with_the_time_it_was_taken(tmp_path: Path, customs: Customs) -> None:
    append(tmp_path / "records", a_record("A"))
    journal = Journal(tmp_path / "journal.db")
    await journal.take(a_request(), 1_781_750_100_000)  # long ago: the window is over, it is tried once all the same
    await journal.close()
    async with running(tmp_path, customs) as platform:
        await platform.until(lambda: platform.state() == DONE)
    assert json.loads(customs.uploads[0])["serviceTime"] == "1781750100000"


async def test_what_is_not_found_or_incomplete_is_said_and_logged_without_values(
    tmp_path: Path, customs: Customs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    append(tmp_path / "records", a_record("A", payCode="", totalAmount="made-up-secret"))
    append(tmp_path / "records", {"payExchangeInfoHead": 1, "payExchangeInfoLists": [a_line("B")]})
    async with running(tmp_path, customs) as platform:
        missing, lacking, shapeless = await platform.ask("Z"), await platform.ask("A"), await platform.ask("B")
        health = await (await platform.client.get("/healthz")).json()
    assert [said["code"] for said in (missing, lacking, shapeless)] == ["20000"] * 3
    assert "payment_data.not_found" in missing["message"]
    assert "payment_data.incomplete" in lacking["message"]
    assert "payCode, totalAmount" in lacking["message"]
    assert "payment_data.incomplete" in shapeless["message"]
    assert (health["records"], health["incomplete"], health["sessions"]) == (2, 2, {})
    assert any("no data of order Z" in said for said in caplog.messages)
    assert not any("secret" in said for said in caplog.messages)
    assert customs.uploads == []


@pytest.mark.parametrize("body", [b"", b"openReq=", b"openReq=%7B%7D", b"openReq=[]&openReq=[]", b"\xff", b"&" * 100])
async def test_what_is_no_request_is_refused(tmp_path: Path, customs: Customs, body: bytes) -> None:
    async with running(tmp_path, customs) as platform, platform.client.post("/platDataOpen", data=body) as response:
        said = await response.json()
    assert said["code"] == "20000"
    assert "payment_data.request" in said["message"] or "json." in said["message"]


async def test_a_body_that_is_too_large_is_cut_off(tmp_path: Path, customs: Customs) -> None:
    async with running(tmp_path, customs) as platform, platform.client.post("/platDataOpen", data=b"x" * 20_000) as response:
        assert response.status == 413


def full(batch: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")


async def test_too_many_sessions_a_full_disk_and_a_long_scan_are_told_as_busy(
    tmp_path: Path, customs: Customs, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path / "records", a_record("A"))
    customs.held.clear()
    async with running(tmp_path, customs, most_open=1) as platform:
        assert (await platform.ask(session="one"))["code"] == "10000"
        said = await platform.ask(session="two")
        assert (said["status"], said["code"]) == (503, "20000")
        assert "payment_data.busy" in said["message"]
        customs.held.set()
        await platform.until(lambda: platform.state("one") == DONE)
        monkeypatch.setattr(platform.journal, "_commit", full)
        assert (await platform.ask(session="three"))["status"] == 503
        monkeypatch.setattr(records_module, "_PATIENCE", 0.01)
        with platform.records._writing:  # a long scan
            assert (await platform.ask("Z", session="four"))["status"] == 503


async def test_an_upload_that_broke_off_is_taken_up_again(
    tmp_path: Path, customs: Customs, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path / "records", a_record("A"))
    attempt, broken = Responder._attempt, [1]

    async def breaks(self: Responder, session: Session) -> str:
        if broken:
            broken.pop()
            raise RuntimeError("a bug")
        return await attempt(self, session)

    monkeypatch.setattr(Responder, "_attempt", breaks)
    async with running(tmp_path, customs) as platform:
        await platform.ask()
        await platform.until(lambda: platform.state() == DONE)
    assert len(customs.uploads) == 1


async def test_the_log_of_a_session_tells_its_outcome(tmp_path: Path, customs: Customs, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    append(tmp_path / "records", a_record("A"))
    async with running(tmp_path, customs) as platform:
        await platform.ask()
        await platform.until(lambda: any("done, code 10000, 1 attempts" in said for said in caplog.messages))
    assert not any("9900000" in said or "杜撰" in said for said in caplog.messages)


def test_a_parameter_stands_once() -> None:
    assert parameter(b"a=%7B%22x%22%7D&b=1", "a") == b'{"x"}'
    assert parameter(b"a=1&a=2", "a") == b""
    assert parameter(b"b=1", "a") == b""



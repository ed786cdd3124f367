"""The door over HTTP: every way in which a request is taken or refused, by its code."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import signature
from adapters.dialects import dxp
from adapters.xml import parse
from hub import codec, topics
from hub.client import HubClient
from hub.domain.acknowledgement import check
from hub.infra.participants import hosted_key
from schemas import envelopes
from schemas.envelopes import DXP
from tests.support.door import Log, Made, a_door, served

XML = {"Content-Type": "application/xml"}


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of the principals, made once: RSA keys take their time."""
    return tmp_path_factory.mktemp("door")


@pytest.fixture
def made(folder: Path, log: Log) -> Made:
    return a_door(folder, log, max_bytes=200_000, max_unpacked=400_000, commit_seconds=2, body_seconds=1)


def bearer(made: Made, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {made.entries[name].api_key}"}


async def post(made: Made, body: Any, headers: dict[str, str], name: str = "platform") -> tuple[int, dict[str, Any], Any]:
    async with served(made) as client:
        response = await client.post("/v1/messages", data=body, headers={**bearer(made, name), **headers})
        return response.status, json.loads(await response.read()), response.headers


def without_signature(body: bytes) -> bytes:
    start, end = body.index(b"<ds:Signature"), body.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    return body[:start] + body[end:]


def code(body: dict[str, Any]) -> str:
    assert body["type"] == f"/problems/{body['faults'][0]['code']}"
    return str(body["faults"][0]["code"])


async def test_a_signed_message_is_acknowledged_with_a_proof_after_its_record_is_written(made: Made, log: Log) -> None:
    order = made.sales()[0]
    status, ack, headers = await post(made, order.body, XML)
    assert status == 202
    assert headers["Location"] == f"/v1/submissions/{ack['submission']}"
    assert ack["digest"] == {"algorithm": "sha-256", "value": hashlib.sha256(order.body).hexdigest()}
    assert [(d["kind"], d["key"], d["status"]) for d in ack["documents"]] == [("order", order.key, "accepted")]
    assert all(step.ok for step in check(ack, made.key.public))
    [(key, value, headers_)] = log.of(topics.SUBMISSIONS)
    record = codec.submission_record(value)
    assert key == ack["submission"].encode()
    assert made.vault.open(record.received) == order.body
    assert json.loads(record.acknowledgement) == ack
    submission = codec.submission(made.vault.open(record.documents))
    assert (submission.id, submission.sender) == (ack["submission"], made.entries["platform"].dxp_id)
    assert codec.summary(dict(headers_)[codec.SUMMARY_HEADER]).documents[0][2] == order.key


async def test_the_same_bytes_again_have_the_same_id_and_other_bytes_another(made: Made) -> None:
    order, other = made.sales()[0].body, made.sales(1)[0].body
    ids = [(await post(made, body, XML))[1]["submission"] for body in (order, order, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("headers", "status", "expected"),
    [
        ({"Authorization": ""}, 401, "access.no_key"),
        ({"Authorization": "Basic eDp5"}, 401, "access.no_key"),
        ({"Authorization": "Bearer hub_nobody"}, 401, "access.unknown_key"),
        ({"Content-Type": "text/plain"}, 415, "transport.media_type"),
        ({"Content-Encoding": "compress"}, 415, "transport.content_encoding"),
        ({"Idempotency-Key": "x" * 256}, 400, "transport.bad_key"),
    ],
)
async def test_what_the_headers_get_wrong_has_a_code(
    made: Made, log: Log, headers: dict[str, str], status: int, expected: str
) -> None:
    found, body, answered = await post(made, made.sales()[0].body, {**XML, **headers})
    assert (found, code(body)) == (status, expected)
    assert ("WWW-Authenticate" in answered) == (status == 401)
    assert log.rows == []


async def test_a_suspended_account_is_told_so(made: Made, log: Log) -> None:
    made.suspended = ("platform",)
    found, body, _ = await post(made, made.sales()[0].body, XML)
    assert (found, code(body)) == (403, "access.suspended")
    assert log.rows == []


async def test_a_body_larger_than_allowed_is_refused_with_and_without_a_length(made: Made) -> None:
    async def chunks() -> Any:
        for _ in range(30):
            yield b"<" * 10_000

    for body in (b"<" * 200_001, chunks()):
        status, answer, _ = await post(made, body, XML)
        assert (status, code(answer)) == (413, "transport.too_large")


async def test_a_body_that_never_ends_is_refused_in_time(made: Made) -> None:
    never = asyncio.Event()

    async def chunks() -> Any:
        yield b"<a>"
        await never.wait()

    status, answer, _ = await post(made, chunks(), XML)
    assert (status, code(answer)) == (408, "transport.slow")


async def test_what_cannot_be_read_is_refused_and_kept(made: Made, log: Log) -> None:
    status, body, _ = await post(made, b"<no", XML)
    assert status == 400
    assert code(body).startswith("xml.")
    [(_, sealed, headers)] = log.of(topics.REFUSALS)
    summary = codec.summary(dict(headers)[codec.SUMMARY_HEADER])
    assert [f.code for f in summary.faults] == [f["code"] for f in body["faults"]]
    assert (summary.status, made.vault.open(sealed)) == (400, b"<no")
    assert log.of(topics.SUBMISSIONS) == []


async def test_a_message_signed_by_another_is_refused(made: Made) -> None:
    status, body, _ = await post(made, made.sales()[1].body, XML, "platform")
    assert status == 422
    assert code(body).startswith("signature.")


async def test_a_kind_that_is_not_the_senders_is_forbidden(made: Made, log: Log) -> None:
    unsigned = without_signature(made.sales()[1].body)
    payment = signature.sign(unsigned, hosted_key(made.entries["platform"]))
    status, body, _ = await post(made, payment, XML, "platform")
    assert (status, code(body)) == (403, "access.sender")
    assert log.of(topics.SUBMISSIONS) == []


async def test_an_unavailable_log_leaves_the_outcome_unknown(made: Made, log: Log) -> None:
    log.away = True
    status, body, headers = await post(made, made.sales()[0].body, XML)
    assert (status, code(body)) == (503, "transport.outcome_unknown")
    assert int(headers["Retry-After"]) >= 1


async def test_a_log_that_does_not_confirm_leaves_the_outcome_unknown(made: Made, log: Log) -> None:
    log.go.clear()
    status, body, _ = await post(made, made.sales()[0].body, XML)
    assert (status, code(body)) == (503, "transport.outcome_unknown")


async def test_more_than_it_can_take_is_told_to_come_again(folder: Path, log: Log) -> None:
    made = a_door(folder, log, max_in_flight=1)
    log.go.clear()
    async with served(made) as client:
        headers = {**bearer(made, "platform"), **XML}
        first = asyncio.create_task(client.post("/v1/messages", data=made.sales()[0].body, headers=headers))
        async with asyncio.timeout(10):
            while not log.sends:  # noqa: ASYNC110 - the log is no part of asyncio
                await asyncio.sleep(0.005)
        second = await client.post("/v1/messages", data=made.sales(1)[0].body, headers=headers)
        assert (second.status, code(await second.json(content_type=None))) == (429, "transport.busy")
        assert "Retry-After" in second.headers
        log.go.set()
        assert (await first).status == 202


async def test_an_idempotency_key_gives_the_same_bytes_again_and_refuses_other_content(made: Made) -> None:
    order, other = made.sales()[0].body, made.sales(1)[0].body
    async with served(made) as client:
        headers = {**bearer(made, "platform"), **XML, "Idempotency-Key": "one"}
        answers = [await (await client.post("/v1/messages", data=order, headers=headers)).read() for _ in range(2)]
        assert answers[0] == answers[1]
        reused = await client.post("/v1/messages", data=other, headers=headers)
        assert (reused.status, code(await reused.json(content_type=None))) == (422, "transport.key_reused")


async def test_who_repeats_anothers_bytes_under_anothers_key_is_told_nothing_of_the_first_answer(made: Made, log: Log) -> None:
    order = made.sales()[0].body
    async with served(made) as client:
        heads = {**XML, "Idempotency-Key": "one"}
        first = await (await client.post("/v1/messages", data=order, headers={**bearer(made, "platform"), **heads})).json()
        for name in sorted({*made.entries} - {"platform"}):
            again = await client.post("/v1/messages", data=order, headers={**bearer(made, name), **heads})
            said = await again.text()
            assert again.status in (403, 422), (name, said)
            assert first["submission"] not in said, name
            assert first["submission"] not in str(again.headers), name
    assert len(log.of(topics.SUBMISSIONS)) == 1


async def test_many_at_once_share_few_writes_and_keep_the_order_of_arrival(folder: Path, log: Log) -> None:
    made = a_door(folder, log, collect_ms=20)
    bodies = [made.sales(number)[0].body for number in range(20)]
    principal = made.principal("platform")
    tasks = [asyncio.create_task(made.door.submit(body, "application/xml", principal)) for body in bodies]
    await asyncio.gather(*tasks)
    await made.door.stop()
    written = [made.vault.open(codec.submission_record(value).received) for _, value, _ in log.of(topics.SUBMISSIONS)]
    assert written == bodies
    assert log.sends <= 2


async def test_strict_handling_refuses_what_would_be_flagged(made: Made, log: Log) -> None:
    entry = made.entries["platform"]
    body = made.sales()[0].body
    unsigned = without_signature(body)
    old = unsigned[unsigned.index(b"<ceb:buyerIdNumber>") : unsigned.index(b"</ceb:buyerIdNumber>")]
    spoilt = signature.sign(unsigned.replace(old, b"<ceb:buyerIdNumber>990000199001011111"), hosted_key(entry))
    status, ack, _ = await post(made, spoilt, XML)
    assert (status, ack["documents"][0]["status"]) == (202, "flagged")
    status, refusal, _ = await post(made, spoilt, {**XML, "Prefer": "handling=strict"})
    assert (status, code(refusal)) == (422, "transport.strict")
    assert len(refusal["faults"]) > 1
    assert len(log.of(topics.SUBMISSIONS)) == 1


async def test_a_packed_message_is_read_and_its_digest_is_that_of_the_message(made: Made) -> None:
    order = made.sales()[0].body
    status, ack, _ = await post(made, gzip.compress(order), {**XML, "Content-Encoding": "gzip"})
    assert (status, ack["digest"]["value"]) == (202, hashlib.sha256(order).hexdigest())


async def test_a_bomb_is_refused(made: Made) -> None:
    bomb = gzip.compress(b"<" * 5_000_000)
    status, answer, _ = await post(made, bomb, {**XML, "Content-Encoding": "gzip"})
    assert status == 413
    assert code(answer) == "transport.unpacked_too_large"


@pytest.mark.parametrize("spoil", [lambda _: b"no gzip", lambda packed: packed[:-12], lambda packed: packed + b"more"])
async def test_what_does_not_unpack_whole_is_refused(made: Made, spoil: Callable[[bytes], bytes]) -> None:
    packed = spoil(gzip.compress(made.sales()[0].body))
    status, answer, _ = await post(made, packed, {**XML, "Content-Encoding": "gzip"})
    assert (status, code(answer)) == (400, "transport.compression")


async def test_the_client_repeats_the_same_bytes_until_the_log_is_back(made: Made, log: Log) -> None:
    order = made.sales()[0]
    log.away = True
    async with served(made) as server, HubClient(str(server.make_url("")), order.principal.api_key, attempts=10) as client:
        waiting = asyncio.create_task(client.submit(order.body))
        async with asyncio.timeout(20):
            while not log.sends:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.01)
        log.away = False
        taken = await asyncio.wait_for(waiting, 20)
    assert [document["status"] for document in taken["documents"]] == ["accepted"]
    assert len(log.of(topics.SUBMISSIONS)) == 1


async def test_who_sends_an_envelope_and_asks_for_xml_hears_by_a_dxp_rep(made: Made) -> None:
    order = made.sales()[0]
    sender = made.entries["platform"].dxp_id
    sound = dxp.write(dxp.Envelope("ID-1", sender, ("DXPEDCCEB0000002",), "CEB311Message", order.body, 1_717_214_400_000))
    asked = {**XML, "Accept": "application/xml, */*", **bearer(made, "platform")}
    async with served(made) as client:

        async def answered(body: bytes, **headers: str) -> tuple[int, str, bytes]:
            response = await client.post("/v1/messages", data=body, headers={**asked, **headers})
            assert response.headers.get("Location", "/v1/submissions/").startswith("/v1/submissions/")
            return response.status, response.content_type, await response.read()

        status, media_type, body = await answered(sound)
        root = parse(body).root
        assert (status, media_type, root.tag) == (202, "application/xml", f"{{{DXP}}}DxpRep")
        assert envelopes.valid(root)
        assert dxp.read_reply(root) == (dxp.Answer("0"),)
        assert root.findtext(f"{{{DXP}}}RecevierId") == sender
        repeated = [(e.tag, "".join(e.itertext())) for e in root.iterfind(f".//{{{DXP}}}OriHead/*")]
        assert repeated == [(e.tag, "".join(e.itertext())) for e in parse(sound).root.iterfind(f"{{{DXP}}}TransInfo/*")]
        assert (f"{{{DXP}}}CreatTime", "2024-06-01T12:00:00") in repeated

        for spoilt, http_status, platform_code, ours in (
            (sound.replace(b"<CreatTime>", b"<CreatTime>x"), 400, "0002", "schema.envelope"),
            (sound.replace(b"<MsgType>CEB311", b"<MsgType>CEB411"), 422, "0002", "schema.message_type"),
            (sound.replace(sender.encode(), b"DXPENT0000999999"), 403, "2999", "access.envelope_sender"),
        ):
            status, media_type, body = await answered(spoilt)
            [answer] = dxp.read_reply(parse(body).root)
            assert (status, media_type, answer.code) == (http_status, "application/xml", platform_code)
            assert answer.info.startswith(ours)
            assert envelopes.valid(parse(body).root)

        # What is no envelope is answered as ever.
        assert (await answered(order.body))[:2] == (202, "application/json")
        assert (await answered(b"<a"))[:2] == (400, "application/problem+json")
        assert (await answered(sound, Accept="application/json"))[:2] == (202, "application/json")

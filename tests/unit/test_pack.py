"""The evidence pack of a declaration: for whom what, recorded where it holds persons, and every change in it is found."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import codec
from hub.cli import group
from hub.domain import evidence, pack
from hub.domain.acknowledgement import attach_proofs
from hub.domain.audit import Act
from hub.domain.events import Assessment, Registered, RegisteredLine, Status, SubmissionSummary
from hub.domain.evidence import Head
from hub.domain.evidence_file import FORMAT, Header
from hub.domain.reading import HandOverRow, Place
from hub.infra.crypto import HubKey, PublicKeys
from hub.verify_pack import verify_pack
from hub.web.views import evidence as view
from hub.web.views.evidence import AT_ONCE
from tests.support.reading import Case, FixedClock, PlainSealer, assessment_of, original, submission_record
from tests.support.site import parts_of, served

SALE = Case(1)
KINDS = ("order", "payment", "waybill", "declaration")
PATH = f"/v1/declarations/{SALE.business('declaration')}/evidence"


class Model:
    """A read model with one sale, whose messages lie at offsets 0 to 3 in their order."""

    def __init__(self) -> None:
        self.known = [SALE.status(kind) for kind in KINDS]
        records = [submission_record(SALE, kind) for kind in KINDS]
        self.summaries = {
            record[1].decode(): (codec.summary(dict(record[3])[codec.SUMMARY_HEADER]), Place(0, offset)) for offset, record in enumerate(records)
        }

    async def keys_of(self, number: str) -> list[str]:
        return [SALE.status("declaration").key] if number == SALE.business("declaration") else []

    async def statuses(self, keys: Iterable[str]) -> list[Status]:
        wanted = set(keys)
        return [status for status in self.known if status.key in wanted]

    async def of_order(self, *_: str) -> list[Status]:
        return self.known

    async def of_bill(self, *_: Any) -> list[Status]:
        return []

    async def keys_about(self, *_: Any) -> list[str]:
        return []

    async def hand_overs(self, _: Iterable[str]) -> list[HandOverRow]:
        return []

    async def assessment(self, declaration: str) -> Assessment | None:
        line = RegisteredLine("a line of the register", "011", "1", "1", "1", "502")
        more = {"read": {"payer": "what a rule read"}, "registered": Registered("AGT0000001", "9610", 1, "20251111", (line,))}
        return msgspec.structs.replace(assessment_of(SALE), **more) if declaration == self.known[3].key else None

    async def submission(self, name: str) -> tuple[SubmissionSummary, Place] | None:
        return self.summaries.get(name)


class Log:
    """The records, with acknowledgements of the hub's key, and their chain."""

    def __init__(self, key: HubKey) -> None:
        self.key, self.key_id, self.public_pem, self.sign = key, key.id, key.public.pem(), key.sign
        ids = [SALE.submission(kind) for kind in KINDS]
        bodies = [original(SALE, kind) for kind in KINDS]
        acks = [
            {"submission": name, "digest": {"algorithm": "sha-256", "value": hashlib.sha256(body).hexdigest()}}
            for name, body in zip(ids, bodies, strict=True)
        ]
        self.acks = attach_proofs(acks, key.sign, key.id)
        self.records = [codec.SubmissionRecord(b"", b"sealed:" + body, (), ack) for body, ack in zip(bodies, self.acks, strict=True)]
        self.leaves = [(n, name, evidence.content_of(ack)) for n, (name, ack) in enumerate(zip(ids, self.acks, strict=True))]
        hashed = [(leaf[0], evidence.leaf("submissions", 0, *leaf)) for leaf in self.leaves]
        self.root = evidence.make(Head(), "submissions", 0, hashed, 1, key.sign, key.id)
        self.chained = True

    async def read(self, topic: str, place: Place) -> bytes | None:
        assert topic == "submissions"
        return codec.pack(self.records[place.offset])

    async def proof(self, place: Place, _: int) -> list[bytes]:
        encode = msgspec.json.encode
        if not self.chained:
            return []
        return [encode(Header(FORMAT, self.key_id)), encode(self.root), *map(encode, evidence.include(self.root, self.leaves, frozenset({place.offset})))]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(HubKey.load(tmp_path_factory.mktemp("keys")))


@pytest.fixture
def acts() -> list[Act]:
    return []


@pytest.fixture
async def session(log: Log, acts: list[Act]) -> AsyncIterator[ClientSession]:
    async def record(act: Act) -> None:
        acts.append(act)

    parts = parts_of(Model(), FixedClock(), audit=record, prover=log)
    object.__setattr__(parts, "records", log)
    async with served(parts) as made:
        yield made


async def fetched(session: ClientSession, caller: str, query: str = "") -> bytes:
    async with session.get(PATH + query, headers={"Authorization": f"Bearer key-{caller}"}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


def files(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


async def test_anybody_gets_the_keys_that_verify(session: ClientSession, log: Log) -> None:
    async with session.get("/hub.pub") as answer:
        assert (answer.status, answer.content_type) == (200, "application/x-pem-file")
        keys = PublicKeys.from_pem(await answer.read())
    verdict = verify_pack(await fetched(session, "agent"), keys)
    assert verdict.genuine, verdict.steps[-1]


async def test_a_declarant_gets_its_own_message_and_nothing_of_others_or_for_officers(session: ClientSession, log: Log, acts: list[Act]) -> None:
    data = await fetched(session, "agent")
    found, mine = files(data), SALE.submission("declaration")
    assert {name for name in found if "/" in name} == {f"acknowledgements/{mine}.json", f"originals/{mine}", f"evidence/{mine}.jsonl"}
    assert found[f"originals/{mine}"] == original(SALE, "declaration")
    assert "assessment.json" not in found
    told = json.loads(found["declaration.json"])
    assert "findings" not in told
    assert "score" not in told
    assert acts == []
    verdict = verify_pack(data, log.key.public)
    assert verdict.genuine, verdict.steps[-1]
    assert [step.step for step in verdict.steps][-2:] == ["inclusion", "covered"]
    assert "digest" in [step.step for step in verdict.steps]


async def test_customs_gets_the_originals_for_a_purpose_only_and_that_is_recorded(session: ClientSession, log: Log, acts: list[Act]) -> None:
    masked = await fetched(session, "customs")
    assert not [name for name in files(masked) if name.startswith("originals/")]
    assert acts == []
    verdict = verify_pack(masked, log.key.public)
    assert verdict.genuine
    assert len([note for note, _ in verdict.notes if "without a purpose" in note]) == 4
    assert len([chinese for _, chinese in verdict.notes if "未注明用途" in chinese]) == 4
    whole = await fetched(session, "customs", "?purpose=court+case+7")
    assert {name: body for name, body in files(whole).items() if name.startswith("originals/")} == {
        f"originals/{SALE.submission(kind)}": original(SALE, kind) for kind in KINDS
    }
    assert "assessment.json" in files(whole)
    [act] = acts
    assert (act.what, act.by, act.purpose, act.subject) == ("personal.read", "customs", "court case 7", SALE.business("declaration"))
    assert verify_pack(whole, log.key.public).genuine


@pytest.mark.parametrize("officer", ["customs", "tax", "forex", "market", "office"])
async def test_an_officer_s_pack_says_of_the_assessment_what_the_declaration_s_call_says_and_no_more(session: ClientSession, officer: str) -> None:
    found = files(await fetched(session, officer))
    async with session.get(PATH.removesuffix("/evidence"), headers={"Authorization": f"Bearer key-{officer}"}) as answer:
        shown = await answer.json()
    assert json.loads(found["declaration.json"]) == shown
    assessment = json.loads(found["assessment.json"])
    assert assessment["findings"]
    assert assessment == {name: shown[name] for name in assessment}
    # A digest of the buyer tells whose else a declaration is; the register of exports is not every authority's.
    for kept in (b"made-up-digest", b"what a rule read", b"a line of the register"):
        assert not [name for name, body in found.items() if kept in body]


async def test_the_office_gets_no_originals_whatever_it_says(session: ClientSession, acts: list[Act]) -> None:
    found = files(await fetched(session, "office", "?purpose=curiosity"))
    assert not [name for name in found if name.startswith("originals/")]
    assert acts == []


async def test_only_so_many_packs_are_made_at_a_time(session: ClientSession, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    making, most = 0, 0
    usual = log.proof

    async def slow(place: Place, at: int) -> list[bytes]:
        nonlocal making, most
        making, most = making + 1, max(most, making + 1)
        await asyncio.sleep(0.05)
        making -= 1
        return await usual(place, at)

    monkeypatch.setattr(log, "proof", slow)
    await asyncio.gather(*[fetched(session, "agent") for _ in range(4)])
    assert most == 1, "one of each account"
    await asyncio.gather(*[fetched(session, who) for who in ("agent", "customs", "office") for _ in range(3)])
    assert most == AT_ONCE
    monkeypatch.setattr(view, "PATIENCE", 0.01)
    asking = [session.get(PATH, headers={"Authorization": f"Bearer key-{who}"}) for who in ("agent", "agent", "customs", "office")]
    assert sorted([answer.status for answer in await asyncio.gather(*asking)]) == [200, 200, 503, 503]
    assert (await fetched(session, "office"))[:2] == b"PK", "places are given back"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_in_a_way_no_pack_is_is_refused_unopened(log: Log, method: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("manifest.json", b"{}" * 500)
    verdict = verify_pack(made.getvalue(), log.key.public)
    assert not verdict.genuine
    assert "no pack is 压缩方式" in verdict.steps[-1].detail


async def test_a_stranger_gets_what_it_gets_for_nothing(session: ClientSession) -> None:
    for path in (PATH, "/v1/declarations/NIL0000001:X/evidence"):
        async with session.get(path, headers={"Authorization": "Bearer key-stranger"}) as answer:
            assert answer.status == 404


async def test_what_is_erased_or_not_chained_yet_is_said_to_be_missing(session: ClientSession, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "chained", False)
    monkeypatch.setattr(PlainSealer, "erased", True)
    monkeypatch.setattr(PlainSealer, "open", lambda self, sealed: _erased())
    data = await fetched(session, "agent")
    [part] = json.loads(files(data)["manifest.json"])["submissions"]
    assert part["missing"] == ["original: erased", "evidence: under no root yet"]
    verdict = verify_pack(data, log.key.public)
    assert verdict.genuine
    assert [chinese.partition("：缺少：")[2] for _, chinese in verdict.notes[:2]] == ["原始报文：已销毁", "证据链：尚未纳入任何根"]
    assert "evidence: under no root yet 证据链：尚未纳入任何根" in files(data)["README.md"].decode()


def _erased() -> bytes:
    from hub.domain.faults import Erased

    raise Erased("gone")


@pytest.fixture
async def whole(session: ClientSession) -> bytes:
    return await fetched(session, "customs", "?purpose=court+case+7")


def zipped(found: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in found.items():
            archive.writestr(name, body)
    return out.getvalue()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_byte_of_every_file_that_is_changed_is_found(log: Log, whole: bytes, data: st.DataObject) -> None:
    found = files(whole)
    name = data.draw(st.sampled_from(sorted(found)))
    body = found[name]
    at = data.draw(st.integers(0, len(body) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "more", "gone", "renamed", "added"]))
    if kind == "flip":
        found[name] = body[:at] + bytes([body[at] ^ data.draw(st.integers(1, 255))]) + body[at + 1 :]
    elif kind == "cut":
        found[name] = body[:at]
    elif kind == "more":
        found[name] = body + b" "
    elif kind == "added":
        found["another"] = b"x"
    else:
        del found[name]
        if kind == "renamed":
            found[f"{name}x"] = body
    assert not verify_pack(zipped(found), log.key.public).genuine, (kind, name)


def test_a_manifest_of_another_key_and_things_that_are_no_pack_are_told(log: Log, whole: bytes, tmp_path: Path) -> None:
    other = HubKey.load(tmp_path)
    assert verify_pack(whole, other.public).steps[-1].step == "manifest"
    for odd in (b"", b"PK\x03\x04", whole[: len(whole) // 2], zipped({"manifest.json": b"{}"}), zipped({"../x": b""})):
        assert verify_pack(odd, log.key.public).steps[-1].step == "pack"


def test_a_zip_that_would_fill_the_memory_is_not_unpacked(log: Log) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(pack.MOST_FILES + 1):
            archive.writestr(f"f{number}", b"")
    assert verify_pack(out.getvalue(), log.key.public).steps[-1].detail == "ValueError: too large 文件过多或过大"


def test_hub_verify_takes_a_pack(log: Log, whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "pack.zip").write_bytes(whole)
    (tmp_path / "hub.pub").write_bytes(log.public_pem)
    done = CliRunner().invoke(group, ["verify", str(tmp_path / "pack.zip"), "--key", str(tmp_path / "hub.pub")])
    assert done.exit_code == 0, done.output
    assert "genuine 真实" in done.output

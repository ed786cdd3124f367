"""``hub submit`` against a door over HTTP: who signs, what is printed, how it ends."""

from __future__ import annotations

import asyncio
import json
import time
import zipfile
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from adapters.signature import ALGORITHMS
from hub.cli import group
from hub.cli.submit import fitting
from tests.support.door import Log, Made, a_door, served
from tests.unit.test_door_http import without_signature


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("submit")


@pytest.fixture
def made(folder: Path) -> Made:
    return a_door(folder, Log())


async def submit(made: Made, *arguments: str, api_key: str | None = None) -> Result:
    async with served(made) as server:
        command = ["submit", "--url", str(server.make_url("")), *arguments]
        environ = {"HUB_DATA": str(made.settings.data), "HUB_API_KEY": api_key}
        return await asyncio.to_thread(CliRunner().invoke, group, command, env=environ)


def test_each_message_has_its_fitting_principal(made: Made) -> None:
    for sale in made.sales():
        assert fitting(sale.body, "application/xml") == sale.principal.name


async def test_unsigned_messages_of_a_folder_and_a_zip_are_signed_and_taken(made: Made, tmp_path: Path) -> None:
    sales = made.sales()
    (tmp_path / "in").mkdir()
    for sale in sales[:3]:
        (tmp_path / "in" / f"{sale.kind}.xml").write_bytes(without_signature(sale.body))
    with zipfile.ZipFile(tmp_path / "last.zip", "w") as archive:
        archive.writestr("declaration.xml", sales[3].body)
    result = await submit(made, "--json", str(tmp_path / "in"), str(tmp_path / "last.zip"))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {(row["kind"], row["key"]) for row in rows} == {(sale.kind, sale.key) for sale in sales}
    assert {row["status"] for row in rows} == {"accepted"}
    assert result.exit_code == 0


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
async def test_the_sandboxs_principals_sign_with_rsa_and_sm2(made: Made, tmp_path: Path, algorithm: str) -> None:
    for sale in made.sales():
        (tmp_path / f"{sale.kind}.xml").write_bytes(without_signature(sale.body))
    result = await submit(made, "--json", "--algorithm", algorithm, str(tmp_path))
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["accepted"] * 4
    flagged = ["signature.sha1"] if algorithm == "rsa-sha1" else []
    assert [[fault["code"] for fault in row["faults"]] for row in rows] == [flagged] * 4


@pytest.mark.parametrize("kind", ["rsa", "sm2"])
async def test_an_enterprise_signs_with_its_own_key(made: Made, tmp_path: Path, kind: str) -> None:
    own, sale = made.entries["platform"], made.sales()[0]
    key, certificate = (own.sm2_key, own.sm2_certificate) if kind == "sm2" else (own.key, own.certificate)
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "own.crt").write_text(certificate)
    (tmp_path / "order.xml").write_bytes(without_signature(sale.body))
    given = ("--key", str(tmp_path / "key.pem"), "--certificate", str(tmp_path / "own.crt"))
    result = await submit(made, "--json", *given, str(tmp_path / "order.xml"), api_key=own.api_key)
    assert json.loads(result.stdout)["status"] == "accepted", result.output
    unsigned = await submit(made, "--json", str(tmp_path / "order.xml"), api_key=own.api_key)
    assert json.loads(unsigned.stdout)["faults"][0]["code"] == "signature.missing"


async def test_a_key_that_cannot_sign_so_is_told_before_anything_is_sent(made: Made, tmp_path: Path) -> None:
    own, other = made.entries["platform"], made.entries["payer"]
    for name, text in {"rsa": own.key + own.certificate, "sm2": own.sm2_key + own.sm2_certificate, "other": other.certificate}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "order.xml").write_bytes(b"<no")
    rsa, sm2, others, order = (str(tmp_path / name) for name in ("rsa", "sm2", "other", "order.xml"))
    for options, told in (
        (("--key", rsa, "--algorithm", "sm2-sm3"), "does not sign with sm2-sm3"),
        (("--key", sm2, "--algorithm", "rsa-sha256"), "does not sign with rsa-sha256"),
        (("--key", rsa, "--certificate", others), "no RSA or SM2 key"),
        (("--key", sm2, "--certificate", others), "no RSA or SM2 key"),
        (("--key", others), "no RSA or SM2 key"),
        (("--certificate", others), "goes with --key"),
    ):
        result = await submit(made, *options, order, api_key=own.api_key)
        assert result.exit_code != 0
        assert told in result.output
    result = await submit(made, "--key", rsa, order)
    assert "go with HUB_API_KEY" in result.output


async def test_a_refused_message_is_told_with_its_code_and_ends_with_1(made: Made, tmp_path: Path) -> None:
    (tmp_path / "no.xml").write_bytes(b"<no")
    result = await submit(made, str(tmp_path / "no.xml"))
    assert result.exit_code == 1
    assert result.stdout.startswith("refused")
    assert "xml." in result.stdout


def test_a_hub_that_does_not_answer_ends_with_2(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_API_KEY", raising=False)
    monkeypatch.setenv("HUB_DATA", str(made.settings.data))
    (tmp_path / "order.xml").write_bytes(made.sales()[0].body)
    result = CliRunner().invoke(group, ["submit", "--url", "http://127.0.0.1:9", str(tmp_path / "order.xml")])
    assert result.exit_code == 2


class _Hub:
    """A hub that takes everything and then tells of each submission what the test has prepared, in turn."""

    def __init__(self, tells: dict[str, list[dict[str, object]]]) -> None:
        self.tells, self.asked = tells, []  # type: ignore[var-annotated]
        self.handed_in: list[str] = []

    async def post(self, request: web.Request) -> web.Response:
        id = f"S{len(self.handed_in)}"
        self.handed_in.append(id)
        await request.read()
        document = {"index": 0, "kind": "cancellation", "key": id, "status": "accepted", "faults": []}
        return web.json_response({"submission": id, "documents": [document]}, status=202)

    async def get(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        self.asked.append((id, len(self.handed_in)))
        told = self.tells[id]
        now = told.pop(0) if len(told) > 1 else told[0]
        document = {"index": 0, "kind": "cancellation", "key": id, "status": "accepted", "faults": [], **now}
        return web.json_response({"submission": id, "documents": [document]})

    async def submit(self, made: Made, *arguments: str) -> Result:
        app = web.Application()
        app.router.add_post("/v1/messages", self.post)
        app.router.add_get("/v1/submissions/{id}", self.get)
        async with TestServer(app) as server:
            command = ["submit", "--url", str(server.make_url("")), *arguments]
            environ = {"HUB_DATA": str(made.settings.data), "HUB_API_KEY": None}
            return await asyncio.to_thread(CliRunner().invoke, group, command, env=environ)


_DIFFERENCE = {"code": "application.released", "path": "/x", "message": "it is released", "message_zh": "已放行"}
_REFUSAL = {"state": "processing error", "code": "-623005", "text": "[Code:623005;Desc:已放行不能撤销]",
            "explanation": "E", "explanation_zh": "甲", "next": "N", "next_zh": "乙"}  # fmt: skip


async def test_waiting_tells_customs_refusal_and_later_faults_and_ends_with_1(made: Made, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    states = ["pending", "handed over", "stored at E-port", "declaring", "sent"]
    hub = _Hub({"S0": [*({"state": state} for state in states), {**_REFUSAL, "differences": [_DIFFERENCE]}]})
    result = await hub.submit(made, "--wait", "20", str(tmp_path / "a.json"))
    assert result.exit_code == 1, result.output
    line, *below = result.stdout.splitlines()
    assert line.startswith("refused")
    assert line.endswith("processing error -623005")
    assert "已放行不能撤销" in "".join(below)
    assert any(row.strip().startswith("application.released") for row in below)


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"state": "rejected", "code": "100"}, "refused", 1),
        ({"state": "expired"}, "expired", 1),
        ({"state": "released", "code": "800", "differences": [_DIFFERENCE]}, "flagged", 1),
        ({"state": "released", "code": "800", "differences": []}, "accepted", 0),
        ({"state": "waiting"}, "accepted", 0),
    ],
)
async def test_what_has_become_of_a_document_decides_its_row_and_the_exit_status(
    made: Made, tmp_path: Path, told: dict[str, object], status: str, code: int
) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    result = await _Hub({"S0": [told]}).submit(made, "--wait", "20", "--json", str(tmp_path / "a.json"))
    [row] = map(json.loads, result.stdout.splitlines())
    assert (row["status"], row["state"], row["moving"], result.exit_code) == (status, told["state"], False, code)


async def test_all_are_handed_in_before_any_is_waited_for_and_no_longer_than_said(made: Made, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.json").write_bytes(b"{}")
    hub = _Hub({f"S{n}": [{"state": "handed over"}] for n in range(3)})
    began = time.monotonic()
    result = await hub.submit(made, "--wait", "1", "--json", str(tmp_path))
    assert time.monotonic() - began < 3
    assert {count for _, count in hub.asked} == {3}
    assert [json.loads(line)["moving"] for line in result.stdout.splitlines()] == [True] * 3
    assert result.exit_code == 0

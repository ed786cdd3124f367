"""``hub submit`` against a door over HTTP: who signs, what is printed, how it ends."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

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


async def submit(made: Made, *arguments: str) -> Result:
    async with served(made) as server:
        command = ["submit", "--url", str(server.make_url("")), *arguments]
        environ = {"HUB_DATA": str(made.settings.data), "HUB_API_KEY": None}
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

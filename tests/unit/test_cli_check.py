"""``hub check``: files, folders and zips of messages, a line a document, without a hub."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from adapters.dialects.json_twin import pointer
from hub.cli import check
from schemas import catalog, mutations, twin
from tests.support.intake import a_twin, documents, message, rendered
from tests.unit.test_intake import SOUND, receipt

_DATA = os.environ.get("HUB_TEST_DATA")


def run(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    """(exit status, rows)."""
    found = CliRunner().invoke(check.command, [*map(str, arguments), "--json"])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found.exit_code, [json.loads(line) for line in found.output.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sound messages in a folder with another in it."""
    (tmp_path / "below").mkdir()
    (tmp_path / "order.xml").write_bytes(rendered("order", documents("order", 2)))
    (tmp_path / "below" / "twin.json").write_text(json.dumps(a_twin("declaration")), "utf-8")
    (tmp_path / "receipt.xml").write_bytes(receipt(**SOUND))
    return tmp_path


def test_sound_messages_are_accepted_a_row_a_document(folder: Path) -> None:
    status, rows = run(folder)
    assert status == 0
    assert [(Path(r["file"]).name, r["index"], r["message"], r["status"]) for r in rows] == [
        ("twin.json", 0, "CEB621", "accepted"),
        ("order.xml", 0, "CEB311", "accepted"),
        ("order.xml", 1, "CEB311", "accepted"),
        ("receipt.xml", 0, "CEB622", "accepted"),
    ]
    assert rows[1]["key"] == catalog.business_key(documents("order")[0])


@pytest.mark.parametrize("changes", [{}, {"returnTime": "yesterday"}, {"returnInfo": ""}, {"copNo": "1" * 40}])
def test_a_receipts_twin_is_told_what_its_xml_is(tmp_path: Path, changes: dict[str, str]) -> None:
    data = receipt(**{**SOUND, **changes})
    (tmp_path / "a.json").write_text(json.dumps(twin.of(etree.fromstring(data), catalog.message("CEB622"))), "utf-8")
    (tmp_path / "b.xml").write_bytes(data)
    _, [json_row, xml_row] = run(tmp_path)
    for name in ("index", "message", "edition", "key", "status"):
        assert json_row[name] == xml_row[name]
    assert [found["code"] for found in json_row["faults"]] == [found["code"] for found in xml_row["faults"]]
    assert [found["path"] for found in json_row["faults"]] == [pointer(found["path"]) for found in xml_row["faults"]]


def test_a_receipts_twin_that_cannot_be_read_is_told_why(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"message": "CEB622", "documents": [{"head": {"copNr": "1"}}]}', "utf-8")
    status, [row] = run(tmp_path)
    (tmp_path / "b.json").write_text('{"message": "CEB999"}', "utf-8")
    assert run(tmp_path / "b.json")[1][0]["faults"][0]["code"] == "schema.unknown_message"
    assert (status, row["status"], row["message"]) == (1, "refused", "CEB622")
    assert "schema.unexpected" in [found["code"] for found in row["faults"]]


def test_what_is_flagged_or_refused_is_said_with_code_path_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rendered("order", documents("order", 2, bad=1, acturalPaid="0.01")))
    (tmp_path / "b.xml").write_bytes(rendered("order", documents("order", orderNo="")))
    (tmp_path / "c.xml").write_bytes(b"no message")
    status, rows = run(tmp_path)
    assert status == 1
    assert [(r["index"], r["status"]) for r in rows] == [(0, "accepted"), (1, "flagged"), (-1, "refused"), (-1, "refused")]
    assert rows[1]["faults"][0]["path"] == "/CEB311Message/Order[2]/OrderHead/acturalPaid"
    assert (rows[2]["message"], rows[2]["faults"][0]["code"], rows[2]["faults"][0]["line"]) == ("CEB311", "schema.empty", 2)
    assert rows[3]["faults"][0]["code"] == "xml.malformed"


def test_whose_certificate_signed_is_not_asked_but_the_signature_must_hold(tmp_path: Path) -> None:
    sound = message("order")
    (tmp_path / "a.xml").write_bytes(sound)
    (tmp_path / "b.xml").write_bytes(sound.replace(b"<ceb:freight>", b"<ceb:freight>1"))
    (tmp_path / "c.xml").write_bytes(rendered("order", documents("order")).replace(b"UTF-8", b"GBK"))
    _, rows = run(tmp_path)
    # the test's certificate is valid in 2024 only
    assert [r["faults"][0]["code"] for r in rows] == ["signature.expired", "signature.expired", "xml.encoding"]


def test_messages_in_a_zip_are_named_with_it(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(folder / "order.xml", "in/order.xml")
    status, rows = run(tmp_path / "all.zip")
    assert (status, [Path(r["file"]).as_posix().rpartition("!")[2] for r in rows]) == (0, ["in/order.xml"] * 2)


def test_by_the_schema_alone_meaning_does_not_count_and_the_edition_named_decides(tmp_path: Path) -> None:
    long = documents("declaration", list__0__itemNo="N" * 25, netWeight="99")
    (tmp_path / "a.xml").write_bytes(message("declaration", long))
    assert run(tmp_path, "--schema-only")[1][0]["edition"] == "2018"
    assert run(tmp_path, "--schema-only", "--edition", "2018")[0] == 0
    status, rows = run(tmp_path, "--schema-only", "--edition", "202205")
    assert (status, rows[0]["status"], rows[0]["faults"][0]["code"]) == (1, "refused", "schema.too_long")


def test_many_messages_are_shared_out_and_told_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_MANY", 4)
    for number in range(10):
        (tmp_path / f"{number}.xml").write_bytes(rendered("payment", documents("payment", number % 3 + 1)))
    status, rows = run(tmp_path)
    assert status == 0
    assert [Path(r["file"]).stem for r in rows] == [str(n) for n in range(10) for _ in range(n % 3 + 1)]


def test_a_person_reads_a_line_a_document_in_two_languages(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(rendered("order", documents("order", acturalPaid="0.01")))
    lines = CliRunner().invoke(check.command, [str(tmp_path)]).output.splitlines()
    assert lines[0].startswith("flagged   CEB311")
    assert "meaning.paid_total" in lines[1]
    assert "不等于" in lines[1]


@pytest.mark.skipif(not _DATA, reason="HUB_TEST_DATA is not set: the official schemas are not at hand")
@pytest.mark.parametrize("type_", ["CEB311", "CEB411", "CEB511", "CEB621", "CEB312", "CEB412", "CEB512", "CEB622"])
def test_by_the_schema_alone_it_answers_as_the_official_schema_does(type_: str, tmp_path: Path) -> None:
    data = Path(_DATA or "") / "ceb-2018"
    official = etree.XMLSchema(etree.parse(data / "xsd" / "import.xsd"))
    root = etree.parse(data / "samples" / "import" / f"{type_}Message.xml").getroot()
    wanted = {"sample": official(root)}
    (tmp_path / "sample.xml").write_bytes(etree.tostring(root))
    for seed in range(40):
        content = etree.tostring(mutations.mutated(root, 50_000 + seed)[0])
        wanted[str(seed)] = official(etree.fromstring(content))
        (tmp_path / f"{seed}.xml").write_bytes(content)
    rows = run(tmp_path, "--schema-only", "--edition", "2018")[1]
    assert {Path(r["file"]).stem: r["status"] != "refused" for r in rows} == wanted

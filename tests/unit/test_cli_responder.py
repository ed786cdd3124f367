"""``hub responder``: checking offline, keys, and what it says when started wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.payment_data.form import read, signed_text
from hub.cli.responder import command
from tests.support.payments import RSA, SESSION, SM2, a_record, an_upload, append, files_of, written
from tests.support.signing import a_signer


def run(*arguments: object) -> Result:
    found = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.output
    return found


def rows(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    found = run("check", *arguments, "--json")
    return found.exit_code, [json.loads(line) for line in found.output.splitlines()]


@pytest.fixture(params=[RSA, SM2])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, Path]:
    """(Kind, key file, certificate file)."""
    key, pem = files_of(request.param)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "certificate.pem").write_bytes(pem)
    return request.param, tmp_path / "key.pem", tmp_path / "certificate.pem"


def test_records_are_judged_line_by_line(tmp_path: Path) -> None:
    path = append(tmp_path, a_record("A"), a_record("B", payCode=""), a_record("C", guid="short"))
    status, found = rows(path)
    assert status == 1
    assert [(row["kind"], row["status"]) for row in found] == [
        ("record", "accepted"),
        ("record", "refused"),
        ("record", "flagged"),
    ]
    assert found[1]["faults"][0]["path"] == "/payExchangeInfoHead/payCode"
    assert found[1]["file"].endswith(":2")
    (tmp_path / "one.json").write_text(json.dumps(a_record(), indent=2), "utf-8")
    assert rows(tmp_path / "one.json")[0] == 0
    (tmp_path / "none.json").write_text("{", "utf-8")
    assert rows(tmp_path / "none.json")[1][0]["faults"][0]["code"] == "json.malformed"


def test_an_upload_is_judged_as_json_and_as_a_form_with_its_signature(files: tuple[str, Path, Path], tmp_path: Path) -> None:
    from urllib.parse import urlencode

    kind, _, pem = files
    upload = an_upload(kind=kind)
    (tmp_path / "upload.json").write_bytes(upload)
    (tmp_path / "upload.form").write_text(urlencode({"payExInfoStr": upload.decode()}), "ascii")
    for name in ("upload.json", "upload.form"):
        status, [row] = rows(tmp_path / name, "--certificate", pem)
        assert (status, row["kind"], row["status"]) == (0, "upload", "accepted")
    (tmp_path / "bad.json").write_bytes(upload.replace(SESSION.encode(), b"another"))
    status, [row] = rows(tmp_path / "bad.json", "--certificate", pem)
    assert (status, row["faults"][0]["code"]) == (1, "payment_data.signature")
    assert rows(tmp_path / "bad.json")[0] == 0  # without a certificate nobody asks
    status, [row] = rows(tmp_path / "upload.json", "--certificate", pem, "--at", 0)
    assert (status, row["faults"][0]["code"]) == (1, "signature.not_yet_valid")


def test_the_text_to_be_signed_can_be_seen(tmp_path: Path) -> None:
    (tmp_path / "upload.json").write_bytes(an_upload())
    made = read(written(a_record()))
    assert signed_text(SESSION, made.head, made.lists, "1781750100000") in run("check", tmp_path / "upload.json", "--text").output
    assert "signature" not in run("check", tmp_path / "upload.json").output


def test_a_key_that_is_none_or_another_s_is_told_in_a_sentence(files: tuple[str, Path, Path], tmp_path: Path) -> None:
    _, key, pem = files
    (tmp_path / "other.pem").write_text(a_signer(which=3).certificate_pem(), "ascii")
    (tmp_path / "records").mkdir()
    common = ["serve", "--records", tmp_path / "records", "--customs", "test", "--data", tmp_path / "data"]
    for wrong in ((pem, pem), (key, key), (key, tmp_path / "other.pem")):
        found = run(*common, "--key", wrong[0], "--certificate", wrong[1])
        assert found.exit_code == 1
        assert str(wrong[0]) in found.output


def test_options_that_cannot_work_are_refused(files: tuple[str, Path, Path], tmp_path: Path) -> None:
    _, key, pem = files
    (tmp_path / "records").mkdir()
    common = ["serve", "--records", tmp_path / "records", "--key", key, "--certificate", pem, "--data", tmp_path / "data"]
    assert run(*common, "--customs", "ftp://x").exit_code == 2
    assert run(*common, "--customs", "test", "--listen", "nowhere").exit_code == 2
    assert run(*common, "--customs", "test", "--path", "open").exit_code == 2


def test_a_probe_needs_an_order_and_says_what_it_met(tmp_path: Path) -> None:
    assert run("probe", "http://127.0.0.1:1/platDataOpen").exit_code == 2
    append(tmp_path, a_record("A"))
    found = run("probe", "http://127.0.0.1:1/platDataOpen", "--records", tmp_path, "--json")
    said = json.loads(found.output)
    assert (found.exit_code, said["ready"], said["code"]) == (1, False, "ClientConnectorError")
    assert "NOT ready" in run("probe", "http://127.0.0.1:1/platDataOpen", "--order", "A").output


@pytest.mark.parametrize("name", ["serve", "check", "probe"])
def test_every_subcommand_has_an_example(name: str) -> None:
    assert f"Example: hub responder {name}" in run(name, "--help").output.replace("\n", " ")

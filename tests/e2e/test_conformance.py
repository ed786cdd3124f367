"""The conformance run against a whole hub with its sandbox: every participant of the demo passes, and a wrong one is told why."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.conformance import message_types
from tests.support.certificates import a_certificate
from tests.support.hub_up import HubUp, environment

pytestmark = pytest.mark.slow


def hub(up: HubUp, *command: str, **environ: str) -> tuple[int, str]:
    """A command's exit status and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "hub", *command], env=environment(data=up.data) | environ, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr


def steps(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("name", ["platform", "payer", "carrier", "agent", "site"])
def test_a_participant_of_the_sandbox_passes_every_step_of_every_message_it_may_send(hub_up: HubUp, tmp_path: Path, name: str) -> None:
    report = tmp_path / "report.md"
    code, said = hub(hub_up, "sandbox", "conformance", "--as", name, "--json", "--report", str(report))
    failed = [(step["message"], step["step"], step["came"]) for step in steps(said) if step["outcome"] != "passed"]
    assert (failed, code) == ([], 0)
    types = message_types(hub_up.principal(name)["roles"])
    assert types
    assert {step["message"] for step in steps(said)} == set(types)
    assert len(steps(said)) == 9 * len(types)
    page = report.read_text("utf-8")
    assert "一致性测试报告" in page
    assert all(f"## {type_} " in page for type_ in types)


def test_a_new_participant_fails_until_its_certificate_is_registered(hub_up: HubUp, tmp_path: Path) -> None:
    made = a_certificate("newpay", datetime.now(UTC) + timedelta(days=200))
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(made.key_pem)
    certificate.write_bytes(made.pem)
    code, said = hub(hub_up, "participants", "add", "newpay", "--role", "payer", "--code", "9901D77701", "--dxp-id", "DXPENT0000997770")
    assert code == 0, said
    api_key = said.split()[-1]
    run = ("sandbox", "conformance", "--as", "newpay", "--key", str(key), "--certificate", str(certificate), "--message", "CEB411")
    code, said = hub(hub_up, *run, HUB_API_KEY=api_key)
    assert code == 1
    assert "signature.certificate_owner" in said or "signature." in said
    assert "处理" in said
    code, said = hub(hub_up, "participants", "certificate", "add", "newpay", str(certificate))
    assert code == 0, said
    code, said = hub(hub_up, *run, HUB_API_KEY=api_key)
    assert code == 0, said


def test_a_hub_that_does_not_answer_is_told_apart(hub_up: HubUp) -> None:
    code, _ = hub(hub_up, "sandbox", "conformance", "--as", "payer", "--message", "CEB411", "--url", "http://127.0.0.1:9", "--wait", "1")
    assert code == 2


def test_who_asks_for_a_message_that_is_not_its_own_is_told_which_are(hub_up: HubUp) -> None:
    code, said = hub(hub_up, "sandbox", "conformance", "--as", "payer", "--message", "CEB311")
    assert code == 1
    assert "payer may hand in CEB403, CEB411" in said

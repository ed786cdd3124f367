"""The examples of the documentation, run as they stand against a whole hub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from hub.demo import documents, rendered
from tests.support.hub_up import HubUp

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NUMBERS = count(1)


def pems(hub: HubUp, who: str, folder: Path) -> dict[str, str]:
    entry = hub.principal(who)
    (folder / "key.pem").write_text(entry["key"])
    (folder / "certificate.pem").write_text(entry["certificate"])
    return {**os.environ, "HUB_API_KEY": entry["api_key"], "HUB": hub.url, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def order(tmp_path: Path) -> Path:
    file = tmp_path / "order.xml"
    number = 1000 * next(NUMBERS)  # of each test its own, however soon one follows the other
    file.write_bytes(rendered("order", documents(time.time_ns() // 1_000_000 + 31_000_000 + number)["order"]))
    return file


def run(command: list[str], environ: dict[str, str], folder: Path) -> str:
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_java_signs_hands_in_and_hears_customs(hub_up: HubUp, order: Path, tmp_path: Path) -> None:
    environ = pems(hub_up, "platform", tmp_path)
    source = str(ROOT / "docs" / "examples" / "Submit.java")
    said = run(["java", source, hub_up.url, "key.pem", "certificate.pem", order.name, "20"], environ, tmp_path)
    first, *receipts = said.splitlines()
    assert first.startswith("202 ")
    assert '"status":"accepted"' in first.replace(" ", "")
    assert '"signature.' not in first
    assert "CEB312 120" in receipts


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / "how-to" / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_lines_of_curl_hand_in_and_read_receipts(hub_up: HubUp, order: Path, tmp_path: Path) -> None:
    environ = pems(hub_up, "platform", tmp_path)
    script = "\n".join(["set -eu", *blocks("connect.md", "sh")])
    said = run(["bash", "-c", script], environ, order.parent)
    assert '"submission"' in said
    assert '"items"' in said


def test_the_python_program_hands_in_and_hears_customs(hub_up: HubUp, order: Path, tmp_path: Path) -> None:
    environ = pems(hub_up, "platform", tmp_path)
    (program,) = blocks("connect.md", "python")
    (order.parent / "program.py").write_text(program)
    said = run([sys.executable, "program.py"], environ, order.parent)
    assert "CEB312 120" in said.splitlines()

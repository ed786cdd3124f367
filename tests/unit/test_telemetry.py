"""What a process logs: a JSON object a line, nothing out of messages."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from hub.domain.faults import Unavailable
from hub.infra.telemetry import JsonLines


def line_of(error: BaseException | None, message: str = "said", *values: object) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("hub.x", logging.WARNING, __file__, 1, message, values, info)
    text = JsonLines("serve").format(record)
    assert "\n" not in text
    return dict(json.loads(text))


def fail(error: Exception) -> None:
    raise error


def raised(error: Exception) -> Exception:
    try:
        fail(error)
    except Exception as caught:
        return caught


def test_a_line_says_when_how_grave_which_process_and_what() -> None:
    line = line_of(None, "partition %d\nlost", 3)
    assert (line["level"], line["process"], line["logger"], line["message"]) == ("warning", "serve", "hub.x", "partition 3\nlost")
    assert line["at"].endswith("+00:00")


def test_the_text_of_a_foreign_exception_is_left_out_its_place_is_told() -> None:
    line = line_of(raised(ValueError("buyer's name")))
    assert "buyer" not in json.dumps(line)
    assert line["error"] == "ValueError"
    assert line["trace"][-1].endswith(" fail")


@pytest.mark.parametrize("error", [Unavailable("Kafka"), ConnectionRefusedError("111")])
def test_errors_made_of_codes_and_addresses_say_their_reason(error: Exception) -> None:
    assert line_of(raised(error))["reason"] == str(error)


def test_a_process_that_dies_of_an_exception_says_so_in_its_log_without_its_text() -> None:
    code = "from hub.infra.telemetry import configure; configure('serve', 'info'); raise ValueError('secret')"
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "secret" not in ended.stderr
    assert json.loads(ended.stderr)["error"] == "ValueError"

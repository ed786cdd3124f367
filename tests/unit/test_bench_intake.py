"""The table of what intake costs has every upload message, and measures whatever judges bytes."""

from __future__ import annotations

import pytest

from hub.bench import intake
from schemas import catalog, made

_UP = [mt for mt in catalog.messages() if mt.direction == "up"]


def test_every_upload_message_is_measured_with_one_and_with_a_hundred_documents() -> None:
    judged: list[bytes] = []
    costs = list(intake.measure(judged.append, seconds=0))
    wanted = {(mt.type, n) for mt in _UP for n in intake.SIZES if n == 1 or mt.max_documents != 1}
    assert {(cost.message, cost.documents) for cost in costs} == wanted
    assert len(judged) >= len(costs) * intake.VARIETY
    lines = list(intake.table(iter(costs)))
    assert len(lines) == len(costs) + 1


def test_what_is_measured_takes_a_message_from_bytes_to_its_twin() -> None:
    text = made.message(catalog.message("CEB607"), seed=1)
    assert b'"message":"CEB607"' in intake.taken_in(text)
    with pytest.raises(ValueError, match="not valid"):
        intake.taken_in(text.replace(b"<ceb:copNo>", b"<ceb:copNr>").replace(b"</ceb:copNo>", b"</ceb:copNr>"))

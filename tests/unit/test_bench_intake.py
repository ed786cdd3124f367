"""The table of what intake costs has every upload message, and measures whatever judges bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.intake import Judged
from hub.bench import intake
from schemas import catalog, made

_UP = [mt for mt in catalog.messages() if mt.direction == "up"]


def test_every_upload_message_is_measured_with_one_and_with_a_hundred_documents() -> None:
    judged: list[bytes] = []
    costs = list(intake.measure(judged.append, seconds=0))
    wanted = {(mt.type, n) for mt in _UP for n in intake.SIZES if n == 1 or mt.max_documents != 1}
    assert {(cost.message, cost.documents) for cost in costs} == wanted
    assert len(judged) >= len(costs) * intake.VARIETY


def test_the_door_judges_real_messages_of_every_type_without_a_fault(tmp_path: Path) -> None:
    house = intake.House(tmp_path)
    for mt in _UP:
        judged = house.judge(house.message(mt, 1, min(2, mt.max_documents or 2)))
        assert isinstance(judged, Judged)
        assert [document.faults for document in judged.documents if document.faults] == [], mt.type
        assert judged.message == mt.type


def test_form_and_door_stand_side_by_side() -> None:
    lines = list(intake.lines(seconds=0, sizes=(1,)))
    assert [line.message for line in lines] == [mt.type for mt in _UP]
    assert len(list(intake.table(iter(lines)))) == len(lines) + 1


def test_what_is_measured_takes_a_message_from_bytes_to_its_structs() -> None:
    text = made.message(catalog.message("CEB607"), seed=1)
    assert [type(document).__name__ for document in intake.taken_in(text)] == ["Consolidation"]
    with pytest.raises(ValueError, match="not valid"):
        intake.taken_in(text.replace(b"<ceb:copNo>", b"<ceb:copNr>").replace(b"</ceb:copNo>", b"</ceb:copNr>"))

"""Receipts handed on (pure): what authorities answered, as the CEB messages in which participants' systems expect them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from hub.domain.events import Answer
from schemas import catalog
from schemas.documents import STRUCTS


def message(answers: Sequence[Answer]) -> tuple[bytes | None, int]:
    """One CEB message of the receipts at the head of ``answers``, and how many answers it covers.

    A message holds receipts of one type, as many as the catalogue allows. Answers before it that are no receipts (the
    hub's own notices) are covered too; None where there is nothing else. The same receipts give the same bytes.
    """
    notices = sum(1 for _ in takewhile(lambda answer: not answer.receipt, answers))
    rest = answers[notices:]
    if not rest:
        return None, notices
    mt = catalog.message(rest[0].message)
    alike = takewhile(lambda answer: answer.receipt and answer.message == mt.type, rest[: mt.max_documents])
    struct: Any = STRUCTS[mt.struct]
    found = [msgspec.convert({"head": answer.receipt}, struct) for answer in alike]
    guid = str(uuid5(NAMESPACE_URL, f"{rest[0].participant} {rest[0].id} {len(found)}")).upper()
    return catalog.render(mt, found, guid=guid), notices + len(found)

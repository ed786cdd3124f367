"""The table of checks between documents names codes that are there, and every code of match."""

from __future__ import annotations

from hub.domain.checks import CHECKS, CUSTOMS
from hub.domain.faults import fault_kinds


def test_the_thirty_are_there_in_order() -> None:
    assert [check.number for check in CHECKS] == list(range(1, 31))


def test_every_code_is_a_published_one() -> None:
    assert {code for check in CHECKS for code in check.codes} <= set(fault_kinds())


def test_what_has_no_code_says_why() -> None:
    assert all(check.note for check in CHECKS if not check.codes)
    assert [check.number for check in CHECKS if check.where == CUSTOMS] == [24]


def test_every_difference_match_can_tell_belongs_to_a_check() -> None:
    named = {code for check in CHECKS for code in check.codes}
    assert {code for code in fault_kinds() if code.startswith("match.")} <= named

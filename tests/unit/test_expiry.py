"""Certificates that end: told at thirty, seven and one day and when over, once each, to whom they belong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.access import Principal
from hub.domain.expiry import DAY_MS, Expiring, days_left, notice, stage
from hub.domain.faults import Misconfigured
from hub.infra.certificates import described, ending, notices, owner_of, read_certificate
from tests.support.certificates import a_certificate

UNTIL = 1_800_000_000_000


@pytest.mark.parametrize(
    ("left", "reached"),
    [
        (31 * DAY_MS, None), (30 * DAY_MS + 1, None), (30 * DAY_MS, 30), (7 * DAY_MS + 1, 30), (7 * DAY_MS, 7), (DAY_MS + 1, 7),
        (DAY_MS, 1), (1, 1), (0, 0), (-400 * DAY_MS, 0),
    ],
)  # fmt: skip
def test_the_stage_is_the_latest_reached(left: int, reached: int | None) -> None:
    assert stage(UNTIL, UNTIL - left) == reached


@given(st.lists(st.integers(0, 45 * DAY_MS), min_size=1, max_size=60).map(sorted))
def test_whenever_one_looks_each_stage_is_told_under_one_id_and_a_look_more_tells_nothing_new(looks: list[int]) -> None:
    found = Expiring("acme", "sign", "f" * 64, "1a", UNTIL)
    told = [(one.id, one.numbers["days"]) for at in looks if (one := notice(found, "acme", UNTIL - 40 * DAY_MS + at)) is not None]
    stages = {stage(UNTIL, UNTIL - 40 * DAY_MS + at) for at in looks} - {None}
    assert len({id_ for id_, _ in told}) == len(stages) <= 4
    assert [int(days) for _, days in told] == sorted((int(days) for _, days in told), reverse=True)


def test_a_notice_says_what_and_when_in_both_languages_and_carries_no_subject() -> None:
    made = notice(Expiring("acme", "sign", "f" * 64, "1a", UNTIL), "acme", UNTIL - 6 * DAY_MS)
    assert made is not None
    assert (made.authority, made.participant, made.code) == ("hub", "acme", "access.certificate_expires")
    assert made.info.startswith("The certificate 1a ends on 2027-01-15T08:00:00")
    assert "证书 1a" in made.info
    assert made.numbers["days"] == "6"
    over = notice(Expiring("acme", "sign", "f" * 64, "1a", UNTIL), "acme", UNTIL)
    assert over is not None
    assert over.code == "access.certificate_over"
    assert days_left(UNTIL, UNTIL + 1) == -1


def test_only_certificates_that_end_soon_are_named_and_those_of_the_suspended_are_not(tmp_path: Path) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    ms = int(now.timestamp() * 1000)
    soon, later = a_certificate("soon", now + timedelta(days=5)), a_certificate("later", now + timedelta(days=50))
    principals = [
        Principal("a", certificates=(soon.base64, later.base64, "no certificate")),
        Principal("b", certificates=(a_certificate("b", now).base64,), suspended=True),
        Principal("op", roles=("operator",)),
    ]
    own = tmp_path / "tls.pem"
    own.write_bytes(a_certificate("hub", now + timedelta(days=1)).pem)
    found = ending(principals, own, ms)
    assert [(one.owner, one.use) for one in found] == [("hub", "tls"), ("a", "sign")]
    assert [(one.participant, one.numbers["use"]) for one in notices(found, principals, ms)] == [("op", "tls"), ("a", "sign")]


def test_pem_and_der_are_read_and_nothing_else(tmp_path: Path) -> None:
    made = a_certificate("x", datetime(2030, 1, 1, tzinfo=UTC))
    (tmp_path / "c.pem").write_bytes(b"text before\n" + made.pem)
    (tmp_path / "c.der").write_bytes(made.der)
    (tmp_path / "c.txt").write_text("none")
    assert read_certificate(tmp_path / "c.pem") == read_certificate(tmp_path / "c.der")
    with pytest.raises(Misconfigured):
        read_certificate(tmp_path / "c.txt")
    assert described("%%%") is None


def test_a_certificate_is_known_by_its_owner_whether_it_signs_or_opens_connections() -> None:
    made = a_certificate("x", datetime(2030, 1, 1, tzinfo=UTC))
    found = described(made.base64)
    assert found is not None
    assert owner_of(found.fingerprint, [Principal("n"), Principal("s", certificates=(made.base64,))]) == "s"
    assert owner_of(found.fingerprint, [Principal("t", tls_certificates=(found.fingerprint,))]) == "t"
    assert owner_of(found.fingerprint, [Principal("n")]) == ""

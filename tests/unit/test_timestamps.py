"""Time stamps of an authority we did not write (``openssl ts``): taken, checked, and refused for anything else."""

from __future__ import annotations

import asyncio
import subprocess
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import timestamps
from adapters.timestamps import Authority
from hub.domain import evidence
from hub.domain.evidence import Stamped
from hub.domain.faults import Unavailable
from hub.infra.crypto import HubKey
from hub.verify_evidence import verify_chain
from tests.support.authority import TestAuthority, answering
from tests.support.evidence import chain, lines


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    return TestAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
async def authority(tsa: TestAuthority) -> AsyncIterator[Authority]:
    async with answering(tsa) as url:
        made = Authority(url, tsa.issuers)
        yield made
        await made.close()


async def test_a_stamp_holds_for_its_bytes_and_openssl_says_so_too(tsa: TestAuthority, authority: Authority, tmp_path: Path) -> None:
    token = await authority.stamp(b"a root")
    assert timestamps.check(token, b"a root", tsa.issuers) == ""
    assert timestamps.check(token, b"another", tsa.issuers)
    assert abs(timestamps.stamped_at(token) - time.time() * 1000) < 60_000
    (tmp_path / "data").write_bytes(b"a root")
    (tmp_path / "token").write_bytes(token)
    command = ["openssl", "ts", "-verify", "-data", "data", "-in", "token", "-CAfile", str(tsa.pem)]
    said = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "OK" in said.stdout + said.stderr


async def test_a_stamp_of_somebody_else_or_of_something_else_is_not_taken(
    tsa: TestAuthority, authority: Authority, tmp_path: Path
) -> None:
    token = await authority.stamp(b"a root")
    stranger = TestAuthority(tmp_path / "stranger")
    assert timestamps.check(token, b"a root", stranger.issuers)
    tsa.wrong = True
    try:
        with pytest.raises(Unavailable):
            await authority.stamp(b"a root")
    finally:
        tsa.wrong = False


async def test_an_authority_that_is_away_is_unavailable(tsa: TestAuthority, authority: Authority) -> None:
    tsa.away = True
    try:
        with pytest.raises(Unavailable):
            await authority.stamp(b"a root")
    finally:
        tsa.away = False
    nobody = Authority("http://127.0.0.1:9/", tsa.issuers)
    with pytest.raises(Unavailable):
        await nobody.stamp(b"a root")
    await nobody.close()


@settings(max_examples=60)
@given(st.data())
def test_bytes_that_are_no_stamp_are_told_and_do_no_harm(tsa: TestAuthority, data: st.DataObject) -> None:
    assert timestamps.check(data.draw(st.binary(max_size=200)), b"x", tsa.issuers)


async def test_a_stamp_in_a_file_is_checked_against_its_root(tsa: TestAuthority, authority: Authority, tmp_path: Path) -> None:
    key = HubKey.load(tmp_path)
    made = chain(key, [2, 1])
    file, (root, _) = lines(key, made), made[0]
    token = await authority.stamp(msgspec.json.encode(root))

    def stamped(token: bytes, number: int = 1, record: str = evidence.record_hash(root)) -> list[bytes]:
        return [*file, msgspec.json.encode(Stamped("submissions", 0, number, record, b64encode(token).decode(), 1))]

    good = verify_chain(stamped(token), key.public, tsa.issuers)
    assert good.genuine
    assert good.steps[-1].step == "stamp"
    unasked = verify_chain(stamped(token), key.public)
    assert unasked.genuine
    assert len(unasked.notes) == 1
    of_the_other = await authority.stamp(msgspec.json.encode(made[1][0]))
    for wrong in (stamped(of_the_other), stamped(token, number=2), stamped(token, record="0" * 64), stamped(token[:-9])):
        verdict = verify_chain(wrong, key.public, tsa.issuers)
        assert not verdict.genuine
        assert verdict.steps[-1].step == "stamp"

"""Whom the hub trusts: paths to configured authorities, revocation, and files that change."""

from __future__ import annotations

import asyncio
import base64
import os
import warnings
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.certificates import fingerprint
from adapters.signature import SigningKey
from adapters.trust import MOST_DEEP, Trust
from adapters.trust_files import TrustFiles
from hub import wiring
from hub.domain.faults import Misconfigured, Refused
from tests.support.authorities import KINDS, SM2, Authority, moment, usage
from tests.support.signing import NOW, an_rsa_key, an_sm2_key

BOTH = pytest.mark.parametrize("kind", KINDS)


def outcome(trust: Trust, signer: SigningKey, at: int = NOW) -> list[str]:
    """The codes: of the refusal, or of the flags. The second time it comes from what was kept: the same."""
    first, second = (_asked(trust, signer.certificate, at) for _ in range(2))
    assert first == second
    return first


def _asked(trust: Trust, der: bytes, at: int) -> list[str]:
    try:
        return [found.code for found in trust.check(der, fingerprint(der), at)]
    except Refused as refused:
        return [f"refused: {refused.faults[0].code}"]


def why(trust: Trust, signer: SigningKey, at: int = NOW) -> str:
    with pytest.raises(Refused) as caught:
        trust.check(signer.certificate, fingerprint(signer.certificate), at)
    assert caught.value.faults[0].code == "signature.chain"
    assert caught.value.status == 422
    return caught.value.faults[0].message


CHAIN = ["refused: signature.chain"]


# ---- paths


@BOTH
def test_a_signer_of_a_configured_authority_is_trusted(kind: str) -> None:
    root = Authority(kind=kind)
    assert outcome(Trust([root.der]), root.issue()) == []


@BOTH
def test_a_signer_of_an_authority_below_is_trusted_where_that_is_given_too(kind: str) -> None:
    root = Authority(kind=kind)
    below = Authority("below", root, which=11)
    assert outcome(Trust([root.der, below.der]), below.issue()) == []
    assert outcome(Trust([root.der]), below.issue()) == CHAIN


@BOTH
def test_a_signer_of_nobody_that_is_configured_is_not(kind: str) -> None:
    root, other = Authority(kind=kind), Authority("other", kind=kind, which=12)
    assert "no configured authority" in why(Trust([root.der]), other.issue())


@BOTH
def test_the_name_of_an_authority_is_not_enough(kind: str) -> None:
    """Another's key under the same name."""
    root, namesake = Authority(kind=kind), Authority(kind=kind, which=13)
    assert outcome(Trust([root.der]), namesake.issue()) == CHAIN


@BOTH
def test_a_signer_does_not_issue_certificates(kind: str) -> None:
    """Basic constraints: no authority, though it is given among them."""
    root = Authority(kind=kind)
    for ca in (False, None):
        false = Authority("false", root, which=11, ca=ca)
        trust = Trust([root.der, false.der])
        assert outcome(trust, false.issue()) == CHAIN
        assert "not an authority's" in trust.problems[0]


@BOTH
def test_an_authority_needs_key_cert_sign(kind: str) -> None:
    root = Authority(kind=kind)
    mute = Authority("mute", root, which=11, key_usage=usage(sign=True))
    assert outcome(Trust([root.der, mute.der]), mute.issue()) == CHAIN
    silent = Authority("silent", root, which=11, key_usage=None)
    assert outcome(Trust([root.der, silent.der]), silent.issue()) == []


@BOTH
def test_the_path_length_is_kept(kind: str) -> None:
    root = Authority(kind=kind, path_length=0)
    below = Authority("below", root, which=11)
    trust = Trust([root.der, below.der])
    assert outcome(trust, root.issue()) == []
    assert "longer than" in why(trust, below.issue())
    wider = Authority(kind=kind, path_length=1)
    assert outcome(Trust([wider.der, Authority("below", wider, which=11).der]), below.issue()) == []


def test_the_depth_is_bounded() -> None:
    chain = [Authority()]
    for depth in range(MOST_DEEP):
        chain.append(Authority(f"depth {depth}", chain[-1], which=20 + depth))
    trust = Trust([one.der for one in chain])
    assert outcome(trust, chain[MOST_DEEP - 1].issue()) == []
    assert outcome(trust, chain[MOST_DEEP].issue()) == CHAIN


def test_authorities_that_certify_each_other_end_nowhere() -> None:
    """A ring without an anchor, and one anchor beside it."""
    anchor = Authority()
    left, right = Authority("left", which=14), Authority("right", which=15)
    crossed_left = Authority("left", right, which=14)
    crossed_right = Authority("right", left, which=15)
    trust = Trust([anchor.der, crossed_left.der, crossed_right.der])
    assert outcome(trust, left.issue()) == CHAIN


def test_one_of_two_paths_is_enough() -> None:
    """Cross-certified: one way has expired, the other holds."""
    old, new = Authority("old", which=16), Authority("new", which=17)
    first = Authority("below", old, which=11, ends="2024-02-01")
    second = Authority("below", new, which=11)
    trust = Trust([old.der, new.der, first.der, second.der])
    assert outcome(trust, second.issue()) == []
    assert "not valid at that time" in why(Trust([old.der, first.der]), second.issue())


@BOTH
def test_every_certificate_on_the_path_must_be_valid_at_the_time(kind: str) -> None:
    root = Authority(kind=kind, begins="2024-03-01", ends="2024-09-01")
    trust, signer = Trust([root.der]), root.issue()
    begins, ends = moment("2024-03-01"), moment("2024-09-01")
    assert outcome(trust, signer, begins) == outcome(trust, signer, ends) == []
    assert outcome(trust, signer, begins - 1) == outcome(trust, signer, ends + 1) == CHAIN


def test_a_critical_extension_that_is_not_understood_ends_a_path() -> None:
    names = x509.NameConstraints(permitted_subtrees=[x509.DNSName("a.example")], excluded_subtrees=None)
    root = Authority()
    narrow = Authority("narrow", root, which=11, extension=names)
    assert "critical extension" in why(Trust([root.der, narrow.der]), narrow.issue())
    strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert "critical extension" in why(Trust([root.der]), root.issue(extension=strange))


def test_certificates_signed_with_sha1_count_only_where_sha1_does() -> None:
    root = Authority()
    signer = root.issue(hashed=hashes.SHA1())
    assert outcome(Trust([root.der]), signer) == []
    assert "signed in a way" in why(Trust([root.der], sha1=False), signer)


def test_a_short_key_of_an_authority_counts_only_where_sha1_does() -> None:
    root = Authority(bits=1024, which=18)
    assert outcome(Trust([root.der]), root.issue()) == []
    assert "signed in a way" in why(Trust([root.der], sha1=False), root.issue())


def test_an_anchor_that_signs_itself_is_trusted() -> None:
    root = Authority(key_usage=usage(sign=True, certify=True))
    trust = Trust([root.der])
    assert _asked(trust, root.der, NOW) == []


@BOTH
def test_where_no_authority_is_self_signed_those_given_are_the_anchors(kind: str) -> None:
    below = Authority("below", Authority(kind=kind), which=11)
    assert outcome(Trust([below.der]), below.issue()) == []
    other = Authority("other", kind=kind, which=12)
    assert outcome(Trust([below.der, other.der]), below.issue()) == CHAIN


def test_without_an_anchor_there_is_no_trust() -> None:
    root = Authority()
    below = Authority("below", root, which=11)
    for given in ([], [below.issue().certificate], [b"no certificate"], [root.der[:-1]]):
        with pytest.raises(Misconfigured) as caught:
            Trust(given)
        assert "trust_anchors" in caught.value.problems[0]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.trust._MOST_KEPT", 2)
    root = Authority()
    trust = Trust([root.der])
    for serial in range(1, 6):
        assert outcome(trust, root.issue(serial=serial)) == []
        assert len(trust._known) <= 2


# ---- revocation

SERIAL = 0x03000000000CDE77


@BOTH
def test_a_revoked_certificate_is_refused_from_that_time_on(kind: str) -> None:
    root = Authority(kind=kind)
    trust = Trust([root.der], [root.revokes({SERIAL: "2024-05-20", 7: "2024-01-02"})])
    assert outcome(trust, root.issue(), moment("2024-05-20") - 1) == []
    assert outcome(trust, root.issue(), moment("2024-05-20")) == ["refused: signature.revoked"]
    assert outcome(trust, root.issue(serial=8)) == []


@BOTH
def test_an_authority_below_can_be_revoked(kind: str) -> None:
    root = Authority(kind=kind)
    below = Authority("below", root, which=11)
    lists = [root.revokes({below.serial: "2024-05-20"}), below.revokes()]
    assert outcome(Trust([root.der, below.der], lists), below.issue()) == ["refused: signature.revoked"]
    assert outcome(Trust([root.der, below.der], [root.revokes(), below.revokes()]), below.issue()) == []


@BOTH
def test_an_expired_list_is_flagged_or_refused_as_set(kind: str) -> None:
    root = Authority(kind=kind)
    lists = [root.revokes(next_due="2024-05-15")]
    due = moment("2024-05-15")
    assert outcome(Trust([root.der], lists), root.issue(), due) == []
    assert outcome(Trust([root.der], lists), root.issue(), due + 1) == ["signature.crl_stale"]
    strict = Trust([root.der], lists, refuse_stale=True)
    assert outcome(strict, root.issue(), due) == []
    assert outcome(strict, root.issue(), due + 1) == ["refused: signature.crl_required"]


def test_an_expired_list_still_revokes() -> None:
    root = Authority()
    trust = Trust([root.der], [root.revokes({SERIAL: "2024-05-02"}, next_due="2024-05-15")])
    assert outcome(trust, root.issue()) == ["refused: signature.revoked"]


def test_a_missing_list_is_like_an_expired_one_and_not_asked_for_where_none_are_configured() -> None:
    root = Authority()
    assert outcome(Trust([root.der], []), root.issue()) == ["signature.crl_stale"]
    assert outcome(Trust([root.der], [], refuse_stale=True), root.issue()) == ["refused: signature.crl_required"]
    assert outcome(Trust([root.der]), root.issue()) == []
    below = Authority("below", root, which=11)
    assert outcome(Trust([root.der, below.der], [below.revokes()]), below.issue()) == ["signature.crl_stale"]


@BOTH
def test_a_list_that_its_authority_has_not_signed_is_not_heeded(kind: str) -> None:
    root = Authority(kind=kind)
    other: Any = an_sm2_key(13) if kind == SM2 else an_rsa_key(2048, 13)
    for forged in (root.revokes({SERIAL: "2024-05-02"}, key=other), _spoilt(root.revokes({SERIAL: "2024-05-02"}))):
        trust = Trust([root.der], [forged])
        assert outcome(trust, root.issue()) == ["signature.crl_stale"]
        assert "not signed by" in trust.problems[0]


def _spoilt(der: bytes) -> bytes:
    return der[:-1] + bytes([der[-1] ^ 1])


def test_an_authority_without_crl_sign_gives_no_lists() -> None:
    root = Authority(key_usage=usage(certify=True))
    assert outcome(Trust([root.der], [root.revokes()]), root.issue()) == ["signature.crl_stale"]


def test_the_newest_list_counts() -> None:
    root = Authority()
    old = root.revokes({SERIAL: "2024-05-02"}, issued="2024-05-03", next_due="2024-08-01")
    new = root.revokes({}, issued="2024-05-04", next_due="2024-08-01")  # the hold was lifted
    assert outcome(Trust([root.der], [new, old]), root.issue()) == []
    assert outcome(Trust([root.der], [old]), root.issue()) == ["refused: signature.revoked"]


def test_a_partial_list_speaks_only_of_its_part() -> None:
    root = Authority()
    here, there = "http://crl.example/1", "http://crl.example/2"
    signer = root.issue(extension=x509.CRLDistributionPoints([_point(here)]))
    mine = root.revokes({SERIAL: "2024-05-02"}, extension=_part(here))
    assert outcome(Trust([root.der], [mine]), signer) == ["refused: signature.revoked"]
    other = root.revokes({SERIAL: "2024-05-02"}, issued="2024-05-09", extension=_part(there))
    assert outcome(Trust([root.der], [other]), signer) == ["signature.crl_stale"]
    of_authorities = root.revokes({SERIAL: "2024-05-02"}, extension=_part(None, authorities=True))
    assert outcome(Trust([root.der], [of_authorities]), signer) == ["signature.crl_stale"]


def _point(uri: str) -> x509.DistributionPoint:
    return x509.DistributionPoint([x509.UniformResourceIdentifier(uri)], None, None, None)


def _part(uri: str | None, *, authorities: bool = False, indirect: bool = False) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(uri)] if uri else None, relative_name=None, only_contains_user_certs=False,
        only_contains_ca_certs=authorities, only_some_reasons=None, indirect_crl=indirect,
        only_contains_attribute_certs=False,
    )  # fmt: skip


def test_lists_that_cannot_be_used_are_named() -> None:
    root = Authority()
    unusable = [b"no list", root.revokes(extension=_part(None, indirect=True)), root.revokes(extension=x509.DeltaCRLIndicator(1))]
    trust = Trust([root.der], unusable)
    assert [problem.partition(":")[0] for problem in trust.problems] == ["revocation_lists"] * 3
    assert outcome(trust, root.issue()) == ["signature.crl_stale"]


@BOTH
def test_a_list_spoilt_anywhere_is_named_or_not_heeded(kind: str) -> None:
    root = Authority(kind=kind)
    der = root.revokes({SERIAL: "2024-05-02"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in range(len(der)):
            spoilt = der[:place] + bytes([der[place] ^ 0x55]) + der[place + 1 :]
            trust = Trust([root.der], [spoilt])
            assert trust.problems
            assert outcome(trust, root.issue(serial=1)) == ["signature.crl_stale"]


# ---- files


def test_files_may_be_pem_or_der_one_or_a_folder(tmp_path: Path) -> None:
    root, other = Authority(), Authority("other", kind=SM2, which=12)
    (tmp_path / "both.pem").write_bytes(b"two of them\n" + root.pem + other.pem)
    trust = _files(tmp_path / "both.pem").trust
    assert outcome(trust, root.issue()) == outcome(trust, other.issue()) == []
    folder = tmp_path / "anchors"
    folder.mkdir()
    (folder / "a.cer").write_bytes(root.der)
    (folder / "b.pem").write_bytes(other.pem)
    (folder / ".hidden").write_bytes(b"not looked at")
    trust = _files(folder).trust
    assert outcome(trust, root.issue()) == outcome(trust, other.issue()) == []
    assert trust.problems == []


def _files(anchors: Path, lists: Path | None = None) -> TrustFiles:
    return TrustFiles(anchors, lists, sha1=True, refuse_stale=False)


@BOTH
def test_lists_are_read_again_when_they_change(kind: str, tmp_path: Path) -> None:
    root = Authority(kind=kind)
    anchors, lists = tmp_path / "anchors.pem", tmp_path / "lists"
    anchors.write_bytes(root.pem)
    lists.mkdir()
    files = _files(anchors, lists)
    assert outcome(files.trust, root.issue()) == ["signature.crl_stale"]
    body = base64.encodebytes(root.revokes())
    (lists / "root.crl").write_bytes(b"-----BEGIN X509 CRL-----\n" + body + b"-----END X509 CRL-----\n")
    assert files.look()
    assert outcome(files.trust, root.issue()) == []
    assert not files.look()
    _replace(lists / "root.crl", root.revokes({SERIAL: "2024-05-20"}, issued="2024-05-21"))
    assert files.look()
    assert outcome(files.trust, root.issue()) == ["refused: signature.revoked"]


def _replace(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def test_files_that_become_unusable_leave_the_trust_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = Authority()
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(root.pem)
    files = _files(anchors)
    for content in (b"", b"-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n", None):
        if content is None:
            anchors.unlink()
        else:
            _replace(anchors, content)
        assert not files.look()
        assert outcome(files.trust, root.issue()) == []
    assert len([r for r in caplog.records if "stays as it was" in r.message]) == 3


async def test_the_door_looks_at_the_files_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_LOOK_SECONDS", 0.01)
    root = Authority()
    (tmp_path / "anchors.pem").write_bytes(root.pem)
    lists = tmp_path / "lists"
    lists.mkdir()
    files = _files(tmp_path / "anchors.pem", lists)
    looking = asyncio.create_task(wiring._look(files))
    try:
        (lists / "new").write_bytes(root.revokes({SERIAL: "2024-05-20"}))
        async with asyncio.timeout(10):
            while outcome(files.trust, root.issue()) != ["refused: signature.revoked"]:  # noqa: ASYNC110 - a thread's work
                await asyncio.sleep(0.01)
    finally:
        looking.cancel()


def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        _files(tmp_path / "none.pem")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Misconfigured):
        _files(empty)

"""Acknowledgements: one signature a batch, each provable alone; ``hub verify`` on files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from adapters.signature import sign
from hub.cli.verify import command
from hub.domain.acknowledgement import attach_proofs, check, leaf_bytes
from hub.infra.crypto import DemoAuthority, HubKey
from hub.verify import verify_acknowledgement
from tests.support.authorities import KINDS, Authority
from tests.support.signing import a_message, a_signer

KEY = HubKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def an_acknowledgement(number: int = 0, message: bytes = b"") -> dict[str, Any]:
    return {
        "submission": f"s-{number}",
        "message": {"type": "CEB311", "guid": "G-1", "edition": "202205"},
        "principal": "platform",
        "received_at": "2024-06-01T12:00:00.000+08:00",
        "digest": {"algorithm": "sha-256", "value": hashlib.sha256(message).hexdigest()},
        "documents": [{"index": 0, "kind": "order", "key": "平台:商家:1", "status": "accepted", "faults": []}],
    }


def proven(count: int = 1, message: bytes = b"") -> list[bytes]:
    return attach_proofs([an_acknowledgement(n, message) for n in range(count)], KEY.sign, KEY.id)


def test_a_batch_has_one_signature_and_every_acknowledgement_its_proof() -> None:
    roots = []

    def signing(root: bytes) -> bytes:
        roots.append(root)
        return KEY.sign(root)

    done = attach_proofs([an_acknowledgement(n) for n in range(37)], signing, KEY.id)
    assert len(roots) == 1
    assert len(roots[0]) == 32
    for number, data in enumerate(done):
        acknowledgement = json.loads(data)
        assert acknowledgement.pop("proof")["key"] == KEY.id
        assert acknowledgement == an_acknowledgement(number)
        assert verify_acknowledgement(data, KEY.public).genuine


def test_an_empty_batch_is_not_signed() -> None:
    assert attach_proofs([], KEY.sign, KEY.id) == []


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.integers(-(2**53), 2**53), st.lists), max_size=4))
def test_the_leaf_does_not_depend_on_the_order_of_members(content: dict[str, Any]) -> None:
    content.pop("proof", None)
    (data,) = attach_proofs([content], KEY.sign, KEY.id)
    again = dict(reversed(json.loads(data).items()))
    assert leaf_bytes(again) == leaf_bytes(content)
    assert json.loads(leaf_bytes(content)) == content


def test_the_leaf_is_what_any_json_library_writes_sorted_and_dense() -> None:
    content = an_acknowledgement()
    dense = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert leaf_bytes(content) == dense.encode()


def _content(ack: dict[str, Any]) -> None:
    ack["principal"] = "someone else"


def _added(ack: dict[str, Any]) -> None:
    ack["extra"] = 1


def _leaf(ack: dict[str, Any]) -> None:
    ack["proof"]["leaf"] = "00" * 32


def _path(ack: dict[str, Any]) -> None:
    ack["proof"]["path"][0]["side"] = {"left": "right", "right": "left"}[ack["proof"]["path"][0]["side"]]


def _path_side(ack: dict[str, Any]) -> None:
    ack["proof"]["path"][0]["side"] = "up"


def _root(ack: dict[str, Any]) -> None:
    ack["proof"]["root"] = "00" * 32


def _signature(ack: dict[str, Any]) -> None:
    ack["proof"]["signature"] = base64.b64encode(bytes(64)).decode()


def _key(ack: dict[str, Any]) -> None:
    ack["proof"]["key"] = "ed25519-0000000000000000"


def _no_proof(ack: dict[str, Any]) -> None:
    del ack["proof"]


def _algorithm(ack: dict[str, Any]) -> None:
    ack["proof"]["algorithm"] = "none"


def _long_path(ack: dict[str, Any]) -> None:
    ack["proof"]["path"] *= 100


def _upper(ack: dict[str, Any]) -> None:
    ack["proof"]["root"] = ack["proof"]["root"].upper()


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (_content, "leaf"),
        (_added, "leaf"),
        (_leaf, "leaf"),
        (_path, "path"),
        (_path_side, "path"),
        (_root, "path"),
        (_signature, "signature"),
        (_key, "signature"),
        (_no_proof, "format"),
        (_algorithm, "format"),
        (_long_path, "format"),
        (_upper, "format"),
    ],
)
def test_what_was_changed_is_named(change: Callable[[dict[str, Any]], None], step: str) -> None:
    acknowledgement = json.loads(proven(5)[2])
    change(acknowledgement)
    verdict = verify_acknowledgement(json.dumps(acknowledgement).encode(), KEY.public)
    assert not verdict.genuine
    assert verdict.steps[-1].step == step


def test_a_root_of_another_batch_does_not_help() -> None:
    acknowledgement = json.loads(proven(1)[0])
    forged = {**acknowledgement, "principal": "someone else"}
    steps = check(forged, lambda _signature, _root: True)
    assert (steps[-1].name, steps[-1].ok) == ("leaf", False)


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 200_000, b"\xff", b"{", b'"x"', b'{"proof": 1}'])
def test_what_is_no_acknowledgement_is_said_to_be_none(data: bytes) -> None:
    verdict = verify_acknowledgement(data, KEY.public)
    assert [(step.step, step.ok) for step in verdict.steps] == [("format", False)]


# ---- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a message, its acknowledgement and the hub's public key."""
    message = sign(a_message(), a_signer())
    (tmp_path / "message.xml").write_bytes(message)
    (tmp_path / "ack.json").write_bytes(proven(3, message)[1])
    (tmp_path / "hub.pub").write_bytes(KEY.public.pem())
    return tmp_path


def run(files: Path, *arguments: str) -> Result:
    named = [str(files / name) if (files / name).exists() else name for name in arguments]
    return CliRunner().invoke(command, named)


def steps_of(result: Result) -> list[tuple[str, bool]]:
    return [(step["step"], step["ok"]) for step in msgspec.json.decode(result.stdout)["steps"]]


def test_an_acknowledgement_and_its_message_are_genuine(files: Path) -> None:
    result = run(files, "ack.json", "message.xml", "--key", "hub.pub", "--json")
    assert result.exit_code == 0
    assert steps_of(result) == [(name, True) for name in ("format", "leaf", "path", "signature", "digest")]


def test_another_message_is_not_the_one_acknowledged(files: Path) -> None:
    (files / "other.xml").write_bytes(a_message())
    result = run(files, "ack.json", "other.xml", "--key", "hub.pub", "--json")
    assert result.exit_code == 1
    assert steps_of(result)[-1] == ("digest", False)


def test_a_person_reads_both_languages(files: Path) -> None:
    result = run(files, "ack.json", "message.xml", "--key", "hub.pub")
    assert "genuine 真实" in result.stdout
    assert "byte for byte" in result.stdout
    assert "逐字节" in result.stdout


def test_another_key_did_not_sign_it(files: Path) -> None:
    (files / "hub.pub").write_bytes(HubKey(Ed25519PrivateKey.generate()).public.pem())
    result = run(files, "ack.json", "--key", "hub.pub", "--json")
    assert result.exit_code == 1
    assert steps_of(result)[-1] == ("signature", False)
    said = run(files, "ack.json", "--key", "hub.pub").stdout
    assert "take hub.pub anew from the hub" in said
    assert "请向平台重新取得 hub.pub" in said


def test_what_somebody_signed_in_the_name_of_the_hubs_key_is_not_laid_to_an_old_file_of_keys(files: Path) -> None:
    forger = HubKey(Ed25519PrivateKey.generate())
    (files / "ack.json").write_bytes(attach_proofs([an_acknowledgement(1)], forger.sign, KEY.id)[0])
    said = run(files, "ack.json", "--key", "hub.pub").stdout
    assert "The batch was not signed by this key." in said
    assert "anew" not in said


def test_the_key_in_the_keys_folder_is_the_default(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KEYS", str(files))
    assert run(files, "ack.json").exit_code == 0
    monkeypatch.setenv("HUB_KEYS", str(files / "nowhere"))
    assert run(files, "ack.json").exit_code == 2


def test_a_signed_message_alone_is_checked_with_its_own_certificate(files: Path) -> None:
    result = run(files, "message.xml", "--at", "2024-06-01T00:00:00Z", "--json")
    assert result.exit_code == 0
    assert steps_of(result) == [(step, True) for step in STEPS]
    assert any("not checked" in note[0] for note in msgspec.json.decode(result.stdout)["notes"])


def test_a_changed_message_is_not_genuine(files: Path) -> None:
    changed = (files / "message.xml").read_bytes().replace(b"&amp; two", b"&amp; too")
    (files / "message.xml").write_bytes(changed)
    result = run(files, "message.xml", "--at", "2024-06-01T00:00:00Z", "--json")
    assert result.exit_code == 1
    assert steps_of(result)[-1] == ("digest", False)
    assert "signature.digest" in result.stdout


def test_a_message_that_cannot_be_read_is_not_genuine(files: Path) -> None:
    (files / "message.xml").write_bytes(b"<a>")
    result = run(files, "message.xml", "--json")
    assert (result.exit_code, steps_of(result)) == (1, [("xml", False)])


def test_the_signed_message_inside_an_envelope_is_checked(files: Path) -> None:
    data = base64.b64encode((files / "message.xml").read_bytes())
    envelope = b'<DxpMsg xmlns="http://www.chinaport.gov.cn/dxp"><TransInfo/><Data>' + data + b"</Data></DxpMsg>"
    routed = b'<DxpMsgSv xmlns="http://www.chinaport.gov.cn/dxp"><SvNo/>' + envelope + b"</DxpMsgSv>"
    for data in (envelope, routed):
        (files / "message.xml").write_bytes(data)
        result = run(files, "message.xml", "--at", "2024-06-01T00:00:00Z", "--json")
        assert result.exit_code == 0
        assert "CEB311Message" in result.stdout


def test_the_issuer_is_checked_where_one_is_given(files: Path) -> None:
    authority = DemoAuthority(files / "keys")
    (files / "ca.pem").write_bytes((files / "keys" / "ca" / "ca.pem").read_bytes())
    (files / "message.xml").write_bytes(sign(a_message(), authority.hosted("agent")))
    assert run(files, "message.xml", "--ca", "ca.pem").exit_code == 0
    (files / "message.xml").write_bytes(sign(a_message(), a_signer()))
    result = run(files, "message.xml", "--ca", "ca.pem", "--at", "2024-06-01T00:00:00Z", "--json")
    assert result.exit_code == 1
    assert steps_of(result)[-1] == ("chain", False)
    assert "signature.chain" in result.stdout


#: The steps of a signed message, without those about whom to trust.
STEPS = ["xml", "form", "algorithm", "certificate", "key", "validity", "digest", "value"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_step_is_explained_for_rsa_and_sm2(files: Path, kind: str) -> None:
    root = Authority(kind=kind)
    signer = root.issue()
    (files / "message.xml").write_bytes(sign(a_message(), signer))
    (files / "ca.pem").write_bytes(root.pem)
    (files / "lists").mkdir()
    (files / "lists" / "one.crl").write_bytes(root.revokes({0x03000000000CDE77: "2024-06-10"}))
    given = ("message.xml", "--ca", "ca.pem", "--crl", "lists")
    held = run(files, *given, "--at", "2024-06-01T00:00:00Z", "--json")
    assert steps_of(held) == [(step, True) for step in (*STEPS, "chain", "revocation")]
    assert (held.exit_code, msgspec.json.decode(held.stdout)["notes"]) == (0, [])
    revoked = run(files, *given, "--at", "2024-06-10T00:00:00Z")
    assert revoked.exit_code == 1
    assert "signature.revoked" in revoked.stdout
    assert "NOT genuine 不真实: revocation" in revoked.stdout
    late = run(files, *given, "--at", "2025-06-10T00:00:00Z", "--json")
    assert "signature.revoked" in late.stdout
    (files / "lists" / "one.crl").write_bytes(root.revokes())
    silent = run(files, *given, "--at", "2024-08-10T00:00:00Z", "--json")
    assert (silent.exit_code, steps_of(silent)[-1]) == (1, ("revocation", False))
    assert "signature.crl_required" in silent.stdout


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("change", "step", "code"),
    [
        (lambda d: d.replace(b'URI=""', b'URI="#x"'), "algorithm", "signature.reference"),
        (lambda d: d.replace(b"<ds:KeyInfo>", b"<ds:KeyInfo><ds:KeyValue/>"), "form", "signature.malformed"),
        (lambda d: re.sub(rb"<ds:X509Certificate>.*</ds:X509C", b"<ds:X509Certificate>AAAA</ds:X509C", d), "certificate", "signature.certificate"),
        (lambda d: d.replace(b"&amp; two", b"&amp; too"), "digest", "signature.digest"),
        (lambda d: re.sub(rb"<ds:SignatureValue>....", b"<ds:SignatureValue>AAAA", d), "value", "signature.value"),
        (lambda d: re.sub(rb"<ds:Signature .*</ds:Signature>", b"", d), "form", "signature.missing"),
    ],
)  # fmt: skip
def test_the_step_that_fails_is_named(files: Path, kind: str, change: Callable[[bytes], bytes], step: str, code: str) -> None:
    (files / "message.xml").write_bytes(change(sign(a_message(), Authority(kind=kind).issue())))
    result = run(files, "message.xml", "--at", "2024-06-01T00:00:00Z", "--json")
    assert (result.exit_code, steps_of(result)[-1]) == (1, (step, False))
    assert code in result.stdout


def test_the_validity_is_a_step_of_its_own(files: Path) -> None:
    result = run(files, "message.xml", "--at", "2031-06-01T00:00:00Z", "--json")
    assert (result.exit_code, steps_of(result)[-1]) == (1, ("validity", False))
    assert "signature.expired" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("ack.json", "--key", "message.xml"),
        ("message.xml", "ack.json"),
        ("message.xml", "--at", "yesterday"),
        ("message.xml", "--ca", "ack.json"),
        ("message.xml", "--crl", "ack.json"),
        ("nowhere.json",),
    ],
)
def test_what_cannot_be_checked_exits_with_two(files: Path, arguments: tuple[str, ...]) -> None:
    assert run(files, *arguments).exit_code == 2

"""Checking without the hub: an acknowledgement, the message it speaks of, or a signed message alone.

A check is a list of steps in a fixed order that ends with the first one that fails. Nothing is asked of the
network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from lxml import etree

from adapters import signature
from adapters.dialects import dxp
from adapters.xml import AUTHORITY, ParsedXml, parse
from hub.domain.acknowledgement import check
from hub.domain.faults import Refused
from hub.infra.crypto import hub_key_id

#: What each step says when it holds and when it does not; English, Chinese.
_SENTENCES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "format": (
        ("The acknowledgement has the form the hub gives it.", "接收凭证格式正确。"),
        ("This is not an acknowledgement with a proof.", "这不是带有证明的接收凭证。"),
    ),
    "leaf": (
        ("The content is the one that was signed.", "内容与所签内容一致。"),
        ("The content was changed after signing.", "内容在签名后被改动。"),
    ),
    "path": (
        ("The content belongs to the signed batch.", "内容属于已签名的批次。"),
        ("The path does not lead to the signed root.", "证明路径不能到达所签的根。"),
    ),
    "signature": (
        ("The hub's key signed the batch.", "批次由本平台密钥签名。"),
        ("The batch was not signed by this key.", "批次不是由该密钥签名。"),
    ),
    "digest": (
        ("The message is the one acknowledged, byte for byte.", "报文与接收凭证所述逐字节一致。"),
        ("The message is not the one acknowledged.", "报文不是接收凭证所述的报文。"),
    ),
    "xml": (
        ("The message is well formed.", "报文格式良好。"),
        ("The message cannot be read.", "报文无法读取。"),
    ),
    "xml_signature": (
        (
            "The message is unchanged since it was signed with the certificate in it.",
            "报文自用所附证书签名后未被改动。",
        ),
        ("The signature does not hold.", "签名不成立。"),
    ),
    "issuer": (
        ("The certificate was issued by the given authority.", "证书由给定的机构签发。"),
        ("The certificate was not issued by the given authority.", "证书不是由给定的机构签发。"),
    ),
}


class VerifiedStep(msgspec.Struct, frozen=True):
    """One step: whether it held, said in both languages; ``detail`` holds codes, digests and ids."""

    step: str
    ok: bool
    message: str
    message_zh: str
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """``genuine`` if every step held; ``notes`` say what was not asked or is merely odd (English, Chinese)."""

    subject: str
    genuine: bool
    steps: tuple[VerifiedStep, ...]
    notes: tuple[tuple[str, str], ...] = ()


def _step(name: str, ok: bool, detail: str = "") -> VerifiedStep:
    message, message_zh = _SENTENCES[name][0 if ok else 1]
    return VerifiedStep(name, ok, message, message_zh, detail)


def _verdict(subject: str, steps: Sequence[VerifiedStep], notes: Sequence[tuple[str, str]] = ()) -> Verdict:
    return Verdict(subject, all(step.ok for step in steps), tuple(steps), tuple(notes))


def is_message(data: bytes) -> bool:
    """Whether a file looks like XML rather than an acknowledgement."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The hub's public key from PEM; raises TypeError or ValueError where it is something else."""
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise TypeError("not an Ed25519 public key")
    return key


# ---- acknowledgements
# -------------------------------------------------------------------------------------------


def verify_acknowledgement(data: bytes, public: Ed25519PublicKey, message: bytes | None = None) -> Verdict:
    """Check an acknowledgement's JSON against the hub's public key and, if given, the message against its
    digest.
    """
    try:
        acknowledgement = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        acknowledgement = None
    if not isinstance(acknowledgement, dict):
        return _verdict("acknowledgement", [_step("format", ok=False, detail="not a JSON object")])

    def verify(signed: bytes, root: bytes) -> bool:
        try:
            public.verify(signed, root)
        except InvalidSignature:
            return False
        return True

    found = check(acknowledgement, verify, hub_key_id(public))
    steps = [_step(step.name, step.ok, step.detail) for step in found]
    notes = []
    if message is None:
        notes.append(("The message itself was not given and not compared.", "未提供报文，未作比对。"))
    elif steps[-1].ok:
        steps.append(_digest_step(acknowledgement, message))
    return _verdict("acknowledgement", steps, notes)


def _digest_step(acknowledgement: dict[str, Any], message: bytes) -> VerifiedStep:
    digest = acknowledgement.get("digest")
    actual = hashlib.sha256(message).hexdigest()
    ok = isinstance(digest, dict) and digest.get("algorithm") == "sha-256" and digest.get("value") == actual
    return _step("digest", ok=ok, detail=actual)


# ---- signed messages
# --------------------------------------------------------------------------------------------


def verify_message(data: bytes, at: int, issuers: Sequence[x509.Certificate] = ()) -> Verdict:
    """Check the signature of a CEB message (or the one in a DxpMsg) with the certificate it carries.

    ``at``: milliseconds for which the certificate must be valid. Without ``issuers`` trust is not checked.
    """
    steps: list[VerifiedStep] = []
    try:
        parsed = _signed_part(parse(data, AUTHORITY))
    except Refused as refused:
        return _verdict("message", [_step("xml", ok=False, detail=str(refused))])
    steps.append(_step("xml", ok=True, detail=etree.QName(parsed.root).localname))
    try:
        report = signature.verify(parsed.root, parsed.text, None, at)
    except Refused as refused:
        return _verdict("message", [*steps, _step("xml_signature", ok=False, detail=str(refused))])
    detail = f"{report.algorithm}, certificate serial {report.serial}, SHA-256 {report.fingerprint}"
    steps.append(_step("xml_signature", ok=True, detail=detail))
    notes = [(fault.message, fault.message_zh) for fault in report.faults]
    if issuers:
        certificate = signature.certificate_of(parsed.root)
        steps.append(_step("issuer", ok=any(_issued(certificate, issuer) for issuer in issuers), detail=report.serial))
    else:
        notes.append(("Whom the certificate belongs to was not checked (--ca).", "未核验证书归属（--ca）。"))
    return _verdict("message", steps, notes)


def _signed_part(parsed: ParsedXml) -> ParsedXml:
    """The message inside an unsigned envelope, or the document itself."""
    if not dxp.is_envelope(parsed.root) or signature.find(parsed.root) is not None:
        return parsed
    try:
        opened = dxp.read_leniently(parsed)
    except Refused:
        return parsed
    if opened.signed:  # the DxpMsg inside a DxpMsgSv
        root, text = opened.signed[0]
        return ParsedXml(root, text)
    return parse(opened.envelope.content, AUTHORITY)


def _issued(certificate: bytes, issuer: x509.Certificate) -> bool:
    try:
        x509.load_der_x509_certificate(certificate).verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

"""Checking without the hub: an acknowledgement, the message it speaks of, or a signed message alone.

A check is a list of steps in a fixed order that ends with the first one that fails. Nothing is asked of the
network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from lxml import etree

from adapters import signature
from adapters.dialects import dxp
from adapters.trust import Trust
from adapters.xml import AUTHORITY, ParsedXml, parse
from hub.domain.acknowledgement import check
from hub.domain.faults import Refused
from hub.infra.crypto import PublicKeys

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
    "form": (
        ("There is one signature, at its place and of the prescribed form.", "报文有且仅有一个签名，位置与结构符合规定。"),
        ("The signature is missing, or not at its place or of the prescribed form.", "缺少签名，或其位置、结构不符合规定。"),
    ),
    "algorithm": (
        ("The whole message is signed, by algorithms that are accepted.", "签名覆盖整个报文，所用算法可接受。"),
        ("The signature does not cover the whole message, or by an algorithm that is not accepted.", "签名未覆盖整个报文，或所用算法不被接受。"),
    ),
    "certificate": (
        ("The certificate can be read.", "证书可读取。"),
        ("The certificate cannot be read.", "证书无法读取。"),
    ),
    "key": (
        ("The certificate's key may sign and fits the algorithm.", "证书密钥可用于签名，并与算法相符。"),
        ("The certificate's key may not sign, or does not fit the algorithm.", "证书密钥不可用于签名，或与算法不符。"),
    ),
    "validity": (
        ("The certificate was valid at that time.", "证书当时在有效期内。"),
        ("The certificate was not valid at that time.", "证书当时不在有效期内。"),
    ),
    "digest_of_content": (
        ("The message is the one that was signed: the digest is the same.", "报文与所签内容一致：摘要相符。"),
        ("The message was changed after it was signed: the digest differs.", "报文在签名后被改动：摘要不符。"),
    ),
    "value": (
        ("The signature was made with the certificate's key.", "签名由该证书的密钥所作。"),
        ("The signature was not made with the certificate's key over this content.", "签名不是由该证书的密钥对此内容所作。"),
    ),
    "chain": (
        ("The certificate leads to a given authority.", "证书可追溯到给定的机构。"),
        ("The certificate does not lead to a given authority.", "证书不能追溯到给定的机构。"),
    ),
    "revocation": (
        ("By the given lists neither the certificate nor one of its issuers' was revoked at that time.", "根据给定的吊销列表，该证书及其上级证书当时未被吊销。"),
        ("The certificate or one of its issuers' was revoked, or no given list speaks of it.", "该证书或其上级证书已被吊销，或给定的列表未涵盖该证书。"),
    ),
}


#: Steps of a message that have the name of one of an acknowledgement, but say something else.
_SAID = {"digest": "digest_of_content"}


#: Why an acknowledgement cannot be read, in Chinese; else by the step.
_REASONS = {"a hash is 64 lower-case hexadecimal digits": "摘要应为 64 位小写十六进制数"}
_UNREAD = {"format": "证明（proof）无法解析，或算法不受支持", "path": "证明路径无法解析"}


class VerifiedStep(msgspec.Struct, frozen=True):
    """One step: whether it held, said in both languages; ``detail`` holds codes, digests and ids."""

    step: str
    ok: bool
    message: str
    message_zh: str
    detail: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """``genuine`` if every step held; ``notes`` say what was not asked or is merely odd (English, Chinese). ``unknown``: not
    genuine, and nothing is wrong either: what would prove it is not at hand (yet).
    """

    subject: str
    genuine: bool
    steps: tuple[VerifiedStep, ...]
    notes: tuple[tuple[str, str], ...] = ()
    unknown: bool = False


def with_chinese(why: str, reasons: Mapping[str, str], otherwise: str = "") -> str:
    """A reason with its Chinese, which is found by what stands behind the last colon."""
    return f"{why} {reasons.get(why.rpartition(': ')[2], otherwise)}".rstrip()


def by_unknown_key(what: str, what_zh: str) -> tuple[str, str]:
    """What is said where a signature names a key that is not among the hub's: the reader's file of them may be old."""
    return (
        f"{what} was signed by a key that is not among those given: take hub.pub anew from the hub, else it is not the hub's.",
        f"{what_zh}由所给公钥之外的密钥签名：请向平台重新取得 hub.pub；若仍不符，则并非该平台所签。",
    )


def _step(name: str, ok: bool, detail: str = "", said: str = "") -> VerifiedStep:
    """``said``: under which name the sentences stand, where it is not the step's."""
    message, message_zh = _SENTENCES[said or name][0 if ok else 1]
    return VerifiedStep(name, ok, message, message_zh, detail)


def _verdict(subject: str, steps: Sequence[VerifiedStep], notes: Sequence[tuple[str, str]] = ()) -> Verdict:
    return Verdict(subject, all(step.ok for step in steps), tuple(steps), tuple(notes))


def is_message(data: bytes) -> bool:
    """Whether a file looks like XML rather than an acknowledgement."""
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


# ---- acknowledgements
# -------------------------------------------------------------------------------------------


def verify_acknowledgement(data: bytes, public: PublicKeys, message: bytes | None = None) -> Verdict:
    """Check an acknowledgement's JSON against the hub's public keys and, if given, the message against its
    digest.
    """
    try:
        acknowledgement = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        acknowledgement = None
    if not isinstance(acknowledgement, dict):
        return _verdict("acknowledgement", [_step("format", ok=False, detail="not a JSON object 不是 JSON 对象")])

    found = check(acknowledgement, public)
    steps = [_step(step.name, step.ok, step.detail if step.ok else with_chinese(step.detail, _REASONS, _UNREAD.get(step.name, ""))) for step in found]
    if found[-1].name == "signature" and found[-1].detail not in public:
        message_en, message_zh = by_unknown_key("The batch", "批次")
        steps[-1] = msgspec.structs.replace(steps[-1], message=message_en, message_zh=message_zh)
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


def verify_message(data: bytes, at: int, trust: Trust | None = None) -> Verdict:
    """Check the signature of a CEB message (or the one in a DxpMsg) with the certificate it carries, step by step.

    ``at``: milliseconds for which the certificate must be valid. Without ``trust`` it is not asked who issued it.
    """
    try:
        parsed = _signed_part(parse(data, AUTHORITY))
    except Refused as refused:
        return _verdict("message", [_step("xml", ok=False, detail=str(refused))])
    steps = [_step("xml", ok=True, detail=etree.QName(parsed.root).localname)]
    notes: list[tuple[str, str]] = []
    for found in signature.steps(parsed.root, parsed.text, at, signature.Policy(trust=trust)):
        if found.holds:
            notes += [(fault.message, fault.message_zh) for fault in found.faults]
            steps.append(_step(found.name, ok=True, detail=found.detail, said=_SAID.get(found.name, "")))
        else:
            steps.append(_failed(found))
    if trust is None:
        notes.append(("Whom the certificate belongs to was not checked (--ca).", "未核验证书归属（--ca）。"))
    elif not trust.asks:
        notes.append(("Whether the certificate was revoked was not checked (--crl).", "未核验证书是否被吊销（--crl）。"))
    return _verdict("message", steps, notes)


def _failed(found: signature.Step) -> VerifiedStep:
    """A step that does not hold, with the code and what that says in both languages."""
    wrong = found.faults[0]
    said = f"{wrong.code}: {wrong.message} {wrong.message_zh}"
    detail = f"{said} ({found.detail})" if found.detail else said
    return _step(found.name, ok=False, detail=detail, said=_SAID.get(found.name, ""))


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


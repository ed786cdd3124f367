"""Checking the chain of evidence without the hub: a file of it, alone or for one acknowledgement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from cryptography import x509

from adapters import timestamps
from hub.domain.acknowledgement import leaf_bytes
from hub.domain.evidence_file import Walk, walk
from hub.domain.keys import rfc3339
from hub.infra.crypto import PublicKeys
from hub.verify import Verdict, VerifiedStep, by_unknown_key, with_chinese

_SENTENCES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "format": (
        ("The file has the form the hub gives it.", "证据文件格式正确。"),
        ("This is not a file of evidence, or a line of it cannot be read.", "不是证据文件，或其中某行无法读取。"),
    ),
    "key": (
        ("The file names keys of the hub.", "文件所列密钥均为该平台密钥。"),
        by_unknown_key("The file, or a root in it,", "该文件或其中的根"),
    ),
    "chain": (
        ("Each root names the one before it, without a gap.", "各根依次相连，没有缺口。"),
        ("The chain is broken here.", "证据链在此处断开。"),
    ),
    "root_signature": (
        ("The hub signed every root.", "每个根均由本平台密钥签名。"),
        ("This root was not signed by this key, or was changed after it.", "该根不是由该密钥签名，或签名后被改动。"),
    ),
    "inclusion": (
        ("Every record in the file belongs to its root.", "文件中的每条记录均属于其根。"),
        ("A record does not belong to its root.", "有记录不属于其根。"),
    ),
    "stamp": (
        ("The time stamps are of these roots, by the given authority.", "时间戳属于这些根，且由给定的机构签发。"),
        ("A time stamp is not of its root, or not by the given authority.", "有时间戳不属于其根，或不是由给定的机构签发。"),
    ),
    "covered": (
        ("The acknowledged submission is under a root of the chain.", "该接收凭证所述的提交已纳入证据链。"),
        ("The file holds no proof for this acknowledgement: ask for the part of the chain that covers the time after it.", "文件中没有该接收凭证的证明：请索取涵盖其之后时间的证据链部分。"),
    ),
}
#: Why a line does not hold, in Chinese (``hub.domain.evidence_file``); of a root that is not the next of its chain
#: (``hub.domain.evidence.breaks``) in both languages.
_REASONS = {
    "number": "(a root is missing, doubled or out of order 缺少根、根重复或次序有误)",
    "range": "(its offsets do not follow those of the root before 其偏移与前一个根不相接)",
    "leaves": "(it counts more or fewer records than its range can hold 其记录数与范围不符)",
    "previous": "(it names another root as the one before 其所列前一个根并非该根)",
    "a line is too long": "该行过长",
    "the header is the first line, and only that": "文件头应为且仅为第一行",
    "the file is empty": "文件为空",
    "an unknown form": "未知的文件格式",
    "leads to another root": "证明路径通向另一个根",
    "its root is not before it": "其所属的根不在其之前",
    "nothing before it proves it": "此前没有其证明",
    "stamps another root": "时间戳属于另一个根",
}
#: What else a decoder or the authority's library says, by the step.
_OTHERWISE = {"format": "该行无法解析", "stamp": "时间戳核验未通过"}
#: The steps of a file in their order.
STEPS = ("format", "key", "chain", "root_signature", "inclusion", "stamp")


def walk_file(
    lines: Iterable[bytes], public: PublicKeys, issuers: Sequence[x509.Certificate] = (), acknowledgement: bytes = b""
) -> Walk:
    """Walk a file; ``issuers``: of the time-stamping authority's certificate, none: stamps are not checked. The proof of an
    ``acknowledgement`` that was verified is found on the way.
    """

    def check_stamp(token: bytes, data: bytes) -> str:
        return timestamps.check(token, data, issuers)

    return walk((line.rstrip(b"\r\n") for line in lines), public, check_stamp if issuers else None, _content(acknowledgement))


def verify_chain(lines: Iterable[bytes], public: PublicKeys, issuers: Sequence[x509.Certificate] = ()) -> Verdict:
    """Check a file of evidence: every root, proof, act and time stamp in it."""
    found = walk_file(lines, public, issuers)
    return Verdict("evidence", not found.broken, steps_of(found), notes_of(found))


def _content(acknowledgement: bytes) -> str:
    """The content of the leaf an acknowledgement is, empty for none."""
    return hashlib.sha256(leaf_bytes(msgspec.json.decode(acknowledgement))).hexdigest() if acknowledgement else ""


def verify_covered(acknowledgement: bytes, found: Walk) -> VerifiedStep:
    """Whether a file that was walked for it proves the submission of an acknowledgement that was verified.

    The step ``covered`` that does not hold finds nothing wrong: the submission may be under a root that is not in the file.
    """
    content: dict[str, Any] = msgspec.json.decode(acknowledgement)  # Any: JSON
    proof = found.proof
    if proof is None:
        newest = rfc3339(found.newest) if found.newest else "–"
        return _step("covered", ok=False, detail=f"{_content(acknowledgement)}: {content.get('received_at', '–')}, newest root 最新的根 {newest}")
    if proof.subject != content.get("submission"):
        return _step("inclusion", ok=False, detail=proof.subject)
    return _step("covered", ok=True, detail=f"{proof.topic}-{proof.partition}@{proof.offset}, root {proof.number}")


def is_unknown(steps: Sequence[VerifiedStep]) -> bool:
    """Whether all that was found holds, and only the proof is not in the file."""
    return steps[-1].step == "covered" and not steps[-1].ok


def steps_of(found: Walk) -> tuple[VerifiedStep, ...]:
    """A walk as steps, up to the one that failed."""
    details = {
        "chain": ", ".join(
            f"{topic}-{number}: {found.firsts[topic, number].number} – {head.number}" for (topic, number), head in sorted(found.heads.items())
        ),
        "root_signature": f"{found.roots} roots",
        "inclusion": f"{found.included} records, {found.acts} acts",
        "stamp": f"{found.stamps} stamps",
    }
    steps = []
    for name in STEPS:
        if name == found.broken:
            steps.append(_step(name, ok=False, detail=f"{found.where}: {with_chinese(found.why, _REASONS, _OTHERWISE.get(name, ''))}"))
            break
        if name != "stamp" or found.stamps:
            steps.append(_step(name, ok=True, detail=details.get(name, "")))
    return tuple(steps)


def notes_of(found: Walk) -> tuple[tuple[str, str], ...]:
    """What was not asked."""
    if found.broken or not found.unchecked_stamps:
        return ()
    said = f"{found.unchecked_stamps} time stamps are of these roots; who gave them was not checked (--tsa)."
    return ((said, f"{found.unchecked_stamps} 个时间戳属于这些根；签发者未核验（--tsa）。"),)


def _step(name: str, ok: bool, detail: str = "") -> VerifiedStep:
    message, message_zh = _SENTENCES[name][0 if ok else 1]
    return VerifiedStep(name, ok, message, message_zh, detail)

"""The evidence pack of one declaration: a zip whose manifest names every file by its digest and is signed by the hub."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping

import msgspec

FORMAT = "hub-evidence-pack-v1"
MANIFEST, SIGNATURE, KEY, README = "manifest.json", "manifest.sig", "hub.pub", "README.md"
#: Bounds of a pack: files, and bytes of them all unpacked.
MOST_FILES, MOST_BYTES = 500, 256 << 20
_SIGNED = b"hub.pack.v1\0"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the pack."""

    name: str
    sha256: str
    size: int


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pack has of one submission: names of files, empty where there is none and ``missing`` says why."""

    submission: str
    acknowledgement: str = ""
    original: str = ""
    evidence: str = ""
    missing: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a pack, for whom it was made, when (ms), and whether it holds persons (``unmasked``)."""

    format: str
    declaration: str
    made_for: str
    made_at: int
    unmasked: bool
    key: str
    files: tuple[Entry, ...]
    submissions: tuple[Part, ...]


#: What a part says it lacks, and why, in Chinese.
_MISSING_ZH = {
    "record": "提交记录已不在日志中",
    "original: not for this reader without a purpose": "原始报文：未注明用途，不向该读者提供",
    "original: erased": "原始报文：已销毁",
    "original: too large for a pack": "原始报文：超出证据包容量",
    "evidence: under no root yet": "证据链：尚未纳入任何根",
}


def chinese(missing: str) -> str:
    """What a part lacks, in Chinese; as it stands where another release has written it."""
    return _MISSING_ZH.get(missing, missing)


def signed_bytes(manifest: bytes) -> bytes:
    """What the hub signs of a pack."""
    return _SIGNED + manifest


def packed(manifest: Manifest, files: Mapping[str, bytes], sign: Callable[[bytes], bytes]) -> bytes:
    """The zip of these files with the manifest over them, whose ``files`` are filled in here."""
    entries = tuple([Entry(name, hashlib.sha256(body).hexdigest(), len(body)) for name, body in files.items()])
    whole = msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(manifest, files=entries)), indent=1)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in {**files, MANIFEST: whole, SIGNATURE: sign(signed_bytes(whole))}.items():
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def readme(manifest: Manifest) -> str:
    """What the pack is and how it is checked, for a person, in both languages."""
    lacking = "".join(f"* {part.submission}: {what} {chinese(what)}\n" for part in manifest.submissions for what in part.missing)
    persons_zh = "含个人信息，请妥善保管。" if manifest.unmasked else "不含他人的原始报文。"
    persons = "It holds persons' data: keep it accordingly." if manifest.unmasked else "It holds no original messages of others."
    return f"""# Evidence about declaration {manifest.declaration} · 申报单证据包

Made for {manifest.made_for}. {persons}
为 {manifest.made_for} 制作。{persons_zh}

Check all of it offline · 离线核验全部内容:

    hub verify pack.zip --key hub.pub

Take the hub's key (`hub.pub`) from the hub itself, not from this pack; its id here is {manifest.key}.
请从平台另行取得公钥，勿使用本包内的副本；本包所列密钥编号为 {manifest.key}。

| file 文件 | what 内容 |
|---|---|
| `declaration.json` | documents, match, status, timeline with the authorities' receipts, hand-overs 单证、比对、状态、含回执的时间线、移交 |
| `assessment.json` | for officers: findings, score, recommendation 仅供执法人员：研判结果 |
| `acknowledgements/` | what the hub signed when it received each message 接收凭证 |
| `originals/` | the messages, byte for byte 原始报文 |
| `evidence/` | the chain's root over each message, the proof, and a time stamp where there is one 证据链的根、证明与时间戳 |
| `manifest.json`, `manifest.sig` | every file's SHA-256, signed by the hub 各文件摘要及平台签名 |

{"What is missing · 缺少的内容:" if lacking else ""}

{lacking}"""
